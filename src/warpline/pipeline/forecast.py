"""Jobs, hours, memory and disk of a configuration, and of a finished run, as tables."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from warpline.core.result_files import DamagedFileError
from warpline.pipeline.expansion import Plan
from warpline.pipeline.protocol_audit import Audit
from warpline.pipeline.protocol_stages import ByProtocol
from warpline.pipeline.stages import Cost, Pipeline, Stage
from warpline.pipeline.verification import integrity_error

__all__ = ["compare_with_run", "efficiency", "expected_seconds", "forecast"]


def _stages(audit: Audit) -> list[list[Stage | ByProtocol]]:
    """Return the stages that submit jobs, those of one rule together: blocks of seeds count as one rule."""
    stages: list[Stage | ByProtocol] = [*audit.own_stages]
    if audit.wanted:
        stages += audit.stages
    by_rule: dict[str, list[Stage | ByProtocol]] = {}
    for stage in stages:
        by_rule.setdefault(stage.rule, []).append(stage)
    return list(by_rule.values())


def _costs(stages: list[Stage | ByProtocol]) -> list[Cost]:
    return [stage.expected_cost(job) for stage in stages for job in stage.jobs()]


def expected_seconds(audit: Audit) -> dict[str, float]:
    """Return the expected seconds of a job by rule, the mean over its jobs; of rules that have jobs."""
    factor = audit.pipeline.plan.config.jobs.time_factor
    seconds = {}
    for stages in _stages(audit):
        if costs := _costs(stages):
            seconds[stages[0].rule] = factor * sum(cost.seconds for cost in costs) / len(costs)
    return seconds


def forecast(plan: Plan) -> pd.DataFrame:
    """Return a row per rule.

    Returns
    -------
    DataFrame
        ``stage``, ``rule``, ``jobs``; ``hours`` and ``longest_hours`` (of one thread: expected, and if
        every run goes to its last update); ``device`` (``gpu`` where the jobs ask for one);
        ``shortest`` and ``longest`` (expected seconds of a job); ``memory`` (MB, of the largest
        job) and ``asked_memory``; ``disk`` (GB) and ``passing`` (GB of files that are deleted once no job
        needs them).
    """
    factor = plan.config.jobs.time_factor
    rows = []
    for stages in _stages(Audit(Pipeline(plan))):
        costs = _costs(stages)
        if not costs:
            continue
        stage = stages[0]
        rows.append(
            {
                "stage": stage.heading,
                "rule": stage.rule,
                "jobs": len(costs),
                "hours": factor * sum(cost.seconds for cost in costs) / 3600,
                "longest_hours": factor
                * sum(max(cost.seconds, cost.longest) for cost in costs)
                / 3600,
                "device": "gpu" if stage.gpu and plan.config.jobs.gpu else "cpu",
                "shortest": factor * min(cost.seconds for cost in costs),
                "longest": factor * max(cost.seconds for cost in costs),
                "memory": max(cost.memory for cost in costs),
                "asked_memory": max(one.memory_mb(job) for one in stages for job in one.jobs()),
                "disk": sum(cost.disk for cost in costs) / 1000,
                "passing": sum(cost.passing for cost in costs) / 1000,
            }
        )
    return pd.DataFrame(rows)


def _measured_disk(root: Path, folders: tuple[str, ...]) -> float:
    """Return the GB below some folders, and of single files."""
    places = [root / folder for folder in folders]
    files = [path for path in places if path.is_file()]
    files += [path for place in places for path in place.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files) / 1e9


def _run_times(path: Path) -> pd.DataFrame:
    """Return a benchmark of Snakemake; a `DamagedFileError` where it is none, so that no mean counts it."""
    error = integrity_error(path)
    if error is None:
        table = pd.read_csv(path, sep="\t")
        if not {"s", "max_rss"} <= set(table):
            error = f"expected columns s and max_rss, got {', '.join(map(str, table))[:80]}"
        elif not pd.to_numeric(table["s"], errors="coerce").between(0, math.inf, "left").all():
            error = "expected finite seconds from 0 in column s"
    if error is not None:
        raise DamagedFileError(path, error)
    return table


def _benchmarks(root: Path, rule: str = "*") -> pd.DataFrame:
    """Return the benchmarks of the finished jobs of a rule, or of all rules."""
    tables = []
    for path in sorted((root / "benchmarks").rglob("*.tsv")):
        first, *further = path.relative_to(root / "benchmarks").parts
        # Those of an audit lie in a folder for each protocol.
        name = f"audit_{further[1]}" if first == "protocols" else first
        if fnmatchcase(name, rule):
            tables.append(_run_times(path).assign(rule=name))
    return pd.concat(tables) if tables else pd.DataFrame({"s": [], "max_rss": [], "rule": []})


def efficiency(root: Path) -> pd.DataFrame:
    """Return what the jobs of a run used of the memory and time that they asked for.

    Parameters
    ----------
    root : pathlib.Path
        ``results/<name>``. The benchmarks must be extended ones, as profiles/default has them.

    Returns
    -------
    DataFrame
        A row per rule: ``jobs``; ``memory`` and ``used_memory`` (MB; the largest asked for, the largest
        used by the job itself, without the Snakemake around it); ``minutes`` and ``used_minutes`` (the
        longest).

    Raises
    ------
    ValueError
        When there are no extended benchmarks.
    DamagedFileError
        When one is not as Snakemake writes it.
    """
    found = _benchmarks(root)
    if not len(found) or "resources" not in found:
        raise ValueError(f"expected benchmarks with resources in {root / 'benchmarks'}, found none")
    for key in ("mem_mb", "runtime"):
        asked = found["resources"].str.extract(rf"'{key}': (\d+)", expand=False)
        found[key] = pd.to_numeric(asked)
    found["used"] = pd.to_numeric(found["max_rss"], errors="coerce")
    groups = found.groupby("rule")
    return pd.DataFrame(
        {
            "jobs": groups.size(),
            "memory": groups["mem_mb"].max(),
            "used_memory": groups["used"].max(),
            "minutes": groups["runtime"].max(),
            "used_minutes": groups["s"].max() / 60,
        }
    ).reset_index()


def compare_with_run(plan: Plan) -> pd.DataFrame:
    """Hold the forecast against the benchmarks and files of a finished run.

    Returns
    -------
    DataFrame
        A row per stage and rule: ``jobs`` measured; ``seconds`` and ``measured_seconds`` of a job, the
        mean; ``memory`` asked for and ``measured_memory``, the largest (MB); and, once per stage,
        ``disk`` and ``measured_disk`` (GB). Missing where nothing was measured.

    Raises
    ------
    DamagedFileError
        When a benchmark is not as Snakemake writes it.
    """
    root = plan.results.root
    rows = []
    expected = forecast(plan)
    folders: dict[str, tuple[str, ...]] = {}
    audit = Audit(Pipeline(plan))
    for one in (*audit.pipeline.stages, audit.effects):
        folders[one.heading] = tuple(dict.fromkeys((*folders.get(one.heading, ()), *one.folders)))
    stages = set()
    for row in expected.to_dict("records"):
        stage = row["stage"]
        measured = _benchmarks(root, row["rule"])
        first = stage not in stages
        stages.add(stage)
        disk = expected.loc[expected["stage"] == stage, "disk"].sum()
        rows.append(
            {
                "stage": stage,
                "rule": row["rule"],
                "jobs": len(measured),
                "seconds": 3600 * row["hours"] / row["jobs"],
                "measured_seconds": measured["s"].mean(),
                "memory": row["asked_memory"],
                "measured_memory": pd.to_numeric(measured["max_rss"], errors="coerce").max(),
                "disk": disk if first else math.nan,
                "measured_disk": _measured_disk(root, folders[stage]) if first else math.nan,
            }
        )
    return pd.DataFrame(rows)
