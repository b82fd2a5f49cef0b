"""What of a run is done, running, failed, stale or missing, from its files and Snakemake's records.

Nothing is computed and Snakemake is not started, so the answer takes seconds, also while a run goes on or
after it was killed. `snakemake -n` has the last word on what runs again: it sees a changed command line of a
rule, too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warpline.core.figure_files import FIGURE_SUFFIXES
from warpline.pipeline.protocol_audit import Audit
from warpline.pipeline.protocol_stages import ByProtocol
from warpline.pipeline.stages import Pipeline, Stage
from warpline.pipeline.stages.figures import DrawFigures, Figure

__all__ = ["STATES", "Job", "RunStatus", "run_status"]

STATES = ("done", "running", "failed", "stopped", "stale", "missing")
"""``stopped``: it ran when its Snakemake ended. ``stale``: it is there, and the next run makes it anew."""
RECORDS = Path(".snakemake")
"""Snakemake's records, in the folder in which it runs."""
CLOCK_SECONDS = 1.0
"""By how much a log may be newer than what its job wrote last."""


@dataclass
class Job:
    """One job of a configuration.

    Attributes
    ----------
    heading, rule : str
        Part of the pipeline and rule that it belongs to.
    outputs, inputs : list of str
    log, benchmark : str
    parameters : tuple of str
        Settings, code digest, and seeds that no file names, as Snakemake records them.
    state : str
        One of `STATES`.
    reason : str
        Why it is stale.
    """

    heading: str
    rule: str
    outputs: list[str]
    inputs: list[str]
    log: str
    benchmark: str
    parameters: tuple[str, ...]
    state: str = "missing"
    reason: str = ""


@dataclass
class RunStatus:
    """The state of all jobs of a configuration.

    Attributes
    ----------
    jobs : list of Job
    snakemake_runs : bool
        Whether a Snakemake works in this folder on this machine.
    locked : bool
        Whether Snakemake's lock lies in this folder.
    """

    jobs: list[Job]
    snakemake_runs: bool
    locked: bool
    counts: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = Counter(job.state for job in self.jobs)


# --- the jobs of a configuration ------------------------------------------------------------------------


def _flat(inputs: Any) -> list[str]:
    files: list[str] = []
    for value in inputs.values():
        files += [value] if isinstance(value, str) else value
    return files


def _stage_jobs(stage: Stage | ByProtocol) -> Iterator[Job]:
    """Yield the jobs of one rule of a stage."""
    for wildcards in stage.jobs_of_rule():
        yield Job(
            stage.heading,
            stage.rule_name,
            stage.job_outputs(wildcards),
            _flat(stage.inputs(wildcards)),
            stage.log.format(**wildcards),
            stage.benchmark.format(**wildcards),
            (stage.settings(wildcards), stage.code(wildcards), stage.chosen_seeds(wildcards)),
        )


def _figure_jobs(stage: DrawFigures, figures: list[Figure]) -> Iterator[Job]:
    """Yield the figures of one part of the pipeline."""
    results, name = stage.plan.results, stage.config.name

    def expression(figure: Figure) -> re.Pattern[str]:
        pattern = re.escape(results.at(figure.output))
        return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern))

    patterns = [(expression(figure), figure) for figure in figures]
    for path in stage.paths():
        for pattern, figure in patterns:
            if match := pattern.fullmatch(path):
                wildcards = match.groupdict()
                yield Job(
                    stage.heading,
                    figure.rule,
                    [f"{path}.{suffix}" for suffix in FIGURE_SUFFIXES],
                    _flat(figure.inputs(wildcards)),
                    f"logs/{name}/{figure.log}.log".format(**wildcards),
                    "",
                    (figure.settings_json(wildcards), figure.code()),
                )
                break


def _jobs(audit: Audit) -> Iterator[Job]:
    """Yield the jobs of a configuration, and those of its audit where it has one."""
    pipeline = audit.pipeline
    for stage in audit.own_stages:
        if isinstance(stage, DrawFigures):
            part = next(part for part, drawn in pipeline.drawings.items() if drawn is stage)
            yield from _figure_jobs(stage, pipeline.figures_by_part[part])
        else:
            for rule in stage.rules():
                yield from _stage_jobs(rule)
    if audit.wanted:
        for stage_of_audit in audit.stages:
            if not isinstance(stage_of_audit, DrawFigures):
                yield from _stage_jobs(stage_of_audit)
        yield from _figure_jobs(audit.drawing, list(audit.figures()))


# --- Snakemake's records --------------------------------------------------------------------------------


def _record_path(folder: str, output: str) -> Path:
    """Return where Snakemake records something of an output: its path in base64, in pieces of 254."""
    name = base64.urlsafe_b64encode(output.encode()).decode()
    pieces = [name[i : i + 254] for i in range(0, len(name), 254)]
    return RECORDS.joinpath(folder, *(f"@{piece}" for piece in pieces[:-1]), pieces[-1])


def _record(output: str) -> dict[str, Any]:
    """Return what Snakemake recorded of an output; an empty mapping where it recorded nothing."""
    path = _record_path("metadata", output)
    try:
        # A pipe in its place would be waited for.
        record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(record, dict):
        return {}
    lists = [record.get(key, []) for key in ("params", "input")]
    as_written = (
        all(isinstance(one, list) and all(isinstance(x, str) for x in one) for one in lists)
        and isinstance(record.get("input_checksums") or {}, dict)
        and isinstance(record.get("endtime", 0.0), int | float)
    )
    return record if as_written else {}


def _snakemake_runs() -> bool:
    """Say whether a Snakemake works in this folder, on this machine."""
    import psutil

    here = Path().resolve()
    for process in psutil.process_iter():
        try:
            # The interpreter, then the script or `-m snakemake`.
            named = any("snakemake" in Path(word).name for word in process.cmdline()[:3])
            if named and Path(process.cwd()) == here:
                return True
        except (psutil.Error, OSError):
            continue
    return False


# --- the state of a job ---------------------------------------------------------------------------------


def _modified(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0


def _checksum(path: str) -> str:
    with Path(path).open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _stale_reason(job: Job) -> str:
    """Return why Snakemake would run a finished job again, by its record; empty where it would not."""
    record = _record(job.outputs[0])
    if not record:
        return ""
    settings, code, *seeds = job.parameters
    recorded = record.get("params", [])
    if repr(settings) not in recorded:
        return "other settings"
    if repr(code) not in recorded:
        return "other code"
    if any(one and repr(one) not in recorded for one in seeds):
        return "other seeds"
    if sorted(job.inputs) != sorted(record.get("input", [])):
        return "other inputs"
    made = min(_modified(output) for output in job.outputs)
    checksums = record.get("input_checksums") or {}
    for path in job.inputs:
        newer = _modified(path) > made
        # Of what is no file, such as a folder or a pipe, there is no checksum.
        if newer and not (Path(path).is_file() and checksums.get(path) == _checksum(path)):
            return "an input has changed"
    return ""


def _state(job: Job, snakemake_runs: bool, temporary: bool) -> tuple[str, str]:
    """Return the state of a job, other jobs aside, and why it is stale.

    Parameters
    ----------
    temporary : bool
        Whether the outputs are deleted once nothing needs them.
    """
    if any(_record_path("incomplete", output).exists() for output in job.outputs):
        return ("running" if snakemake_runs else "stopped"), ""
    if all(Path(output).exists() for output in job.outputs):
        reason = _stale_reason(job)
        return ("stale" if reason else "done"), reason
    logged = _modified(job.log)
    if not logged:
        return "missing", ""
    # A job that ends well leaves its run time, or a record, after its log; one that fails leaves its log.
    ended = (
        _modified(job.benchmark) if job.benchmark else _record(job.outputs[0]).get("endtime", 0.0)
    )
    if ended + CLOCK_SECONDS < logged:
        return "failed", ""
    return ("done" if temporary else "missing"), ""


def run_status(pipeline: Pipeline) -> RunStatus:
    """Return the state of every job of a configuration, for the run in the working folder.

    Parameters
    ----------
    pipeline : Pipeline
    """
    runs = _snakemake_runs()
    jobs = list(_jobs(Audit(pipeline)))
    kept = pipeline.plan.config.jobs.keep_trajectories
    for job in jobs:
        temporary = not kept and job.rule == pipeline.trajectories.rule
        job.state, job.reason = _state(job, runs, temporary)
    # What is made from something that is made anew is made anew, too. Stages stand in no order of files.
    makers = {output: job for job in jobs for output in job.outputs}
    settled: set[int] = set()

    def settle(job: Job) -> None:
        if id(job) in settled:
            return
        settled.add(id(job))
        for path in job.inputs:
            maker = makers.get(path)
            if maker is None:
                continue
            settle(maker)
            if job.state == "done" and maker.state != "done":
                job.state, job.reason = "stale", "an input is made anew"

    for job in jobs:
        settle(job)
    locked = any((RECORDS / "locks").glob("*.lock"))
    return RunStatus(jobs, runs, locked)
