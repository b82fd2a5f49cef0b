"""Try the plug-ins that a configuration names, before any work starts.

A model, a task set or a measure of the user's own, a model of the package that not every task set fits, and
each analysis with its network, runs once on two trials or so, in a process of its own. What passed is kept by
a digest of its settings and of all code behind it, so that a second start tries nothing.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warpline.core.atomic_writes import keep_text
from warpline.core.plugins import find_plugin
from warpline.pipeline.code_digest import digest
from warpline.pipeline.config.base import takes_inputs
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.base import measure_settings
from warpline.pipeline.stages.training import network_settings
from warpline.pipeline.stages.trials import taskset_settings

__all__ = ["plugin_faults"]

SECONDS = 120.0
"""Longest time that a plug-in may take on two trials."""
STARTING = 60.0
"""Longest time in which the process of the checks starts."""
MOST_TRIALS = 200
"""Trials of the made-up states that a measure is tried on, at most."""
ATTRACTOR_SIZE = (10, 200)
"""Trials and steps of such states for a measure of the attractors."""
PROCESS = "warpline.pipeline.plugin_process"
MODELS_OF_ANY_TASK = ("leaky_rnn", "leaky_gru", "mamba")
"""Models that any number of inputs and outputs fits; the others are tried, as those of the user's own are."""
PACKAGES = ("torch", "numpy", "neurogym")
"""Packages whose versions decide whether a plug-in passes."""


@dataclass(frozen=True)
class _Check:
    """A check: the place in the configuration, its kind and arguments, the plug-ins that it loads."""

    place: str
    kind: str
    arguments: dict[str, Any]
    plugins: tuple[tuple[str, str], ...]

    def key(self) -> str:
        """Return a digest of all that decides whether it passes."""
        process = Path(__file__).with_name("plugin_process.py")
        code = digest(process, [find_plugin(package, name) for package, name in self.plugins])
        versions = [importlib.metadata.version(name) for name in PACKAGES]
        text = json.dumps([self.kind, self.arguments, code, versions], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def plugin_faults(
    pipeline: Pipeline, passed: Path | None = None, seconds: float = SECONDS
) -> list[str]:
    """Return a message for each plug-in that does not keep its interface; none if all is well.

    Parameters
    ----------
    pipeline : Pipeline
    passed : pathlib.Path, optional
        File that keeps what passed, by digest. It is read and written; without one all are tried.
    seconds : float
        Longest time of a check.
    """
    checks = list(_checks(pipeline))
    if not checks:
        return []
    keys: dict[int, str] = {}
    known: set[str] = set()
    if passed is not None:
        keys = {id(check): check.key() for check in checks}
        known = set(passed.read_text().split()) if passed.is_file() else set()
        checks = [check for check in checks if keys[id(check)] not in known]
    faults: list[str] = []
    passes: set[str] = set()
    for check, fault in _tried(checks, seconds):
        if fault is not None:
            faults.append(f"{check.place}: {fault}")
        elif passed is not None:
            passes.add(keys[id(check)])
    if passed is not None and passes:
        keep_text(passed, "\n".join(sorted(known | passes)) + "\n")
    return list(dict.fromkeys(faults))


# --- what is tried --------------------------------------------------------------------------------------


def _checks(pipeline: Pipeline) -> Iterator[_Check]:
    """Yield the checks of all plug-ins and models that are run, then of the analyses."""
    plan, config = pipeline.plan, pipeline.plan.config
    for name in plan.tasksets:
        entry = config.tasksets[name]
        for task in entry.tasks if ":" in entry.env else ():
            yield _Check(
                f"tasksets.{name}, task {task} ({entry.env})",
                "task",
                {
                    "settings": taskset_settings(plan, name, task),
                    "task": task,
                    "window": entry.window,
                },
                (("tasks", entry.env),),
            )
    # Models whose weights come from files are tried with these (`warpline.pipeline.weights_check`).
    for taskset, name in dict.fromkeys((n.taskset, n.architecture) for n in plan.trained_networks):
        model, entry = config.architectures[name].model, config.tasksets[taskset]
        if model not in MODELS_OF_ANY_TASK:
            yield _Check(
                f"architectures.{name} ({model})",
                "model",
                {
                    "architecture": network_settings(plan, name),
                    "taskset": taskset_settings(plan, taskset, entry.target),
                    "task": entry.target,
                },
                (("models", model), ("tasks", entry.env)),
            )
    yield from _measure_checks(pipeline)
    for name in config.run.warping:
        wildcards = {"analysis": name}
        yield _Check(
            f"warping.{name}",
            "analysis",
            {"settings": pipeline.warping.parameters(wildcards), **config.warping[name].needs()},
            tuple(pipeline.warping.plugins(wildcards)),
        )


def _measure_checks(pipeline: Pipeline) -> Iterator[_Check]:
    plan, sizes = pipeline.plan, pipeline.comparisons.sizes
    listed = [
        (
            f"measures.{name}",
            name,
            plan.config.measures[name],
            int(min(sizes.evaluation_trials(taskset), MOST_TRIALS)),
            int(sizes.window(taskset)),
        )
        for taskset in plan.tasksets
        for name in plan.measures(taskset)
    ]
    if plan.config.run.attractors:
        listed += [
            (f"attractors.measures.{name}", name, entry, *ATTRACTOR_SIZE)
            for name, entry in plan.config.attractors.measures.items()
        ]
    for place, name, entry, n_trials, n_steps in listed:
        if ":" in entry.measure:
            yield _Check(
                f"{place} ({entry.measure})",
                "measure",
                {
                    "settings": measure_settings(name, entry),
                    "n_trials": n_trials,
                    "n_steps": n_steps,
                    "needs_inputs": takes_inputs(entry),
                },
                (("similarity", entry.measure),),
            )


# --- how it is tried ------------------------------------------------------------------------------------


def _tried(checks: Sequence[_Check], seconds: float) -> Iterator[tuple[_Check, str | None]]:
    """Yield each check with its fault; where a process ends in one, the next starts after it."""
    while checks:
        results, reason = _run(checks, seconds)
        yield from zip(checks, results, strict=False)
        if len(results) < len(checks):
            yield checks[len(results)], reason
        checks = checks[len(results) + 1 :]


def _run(checks: Sequence[_Check], seconds: float) -> tuple[list[str | None], str]:
    """Return the faults of the checks that a process finished, and why it finished no more."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        results.touch()
        listed = [{"kind": check.kind, "arguments": check.arguments} for check in checks]
        # Files and no pipes: what a plug-in leaves running would hold a pipe open, and be waited for.
        given, messages = Path(folder) / "checks", Path(folder) / "messages"
        given.write_text(json.dumps(listed), encoding="utf-8")
        with given.open("rb") as stdin, messages.open("wb") as stderr:
            try:
                status = subprocess.run(
                    [sys.executable, "-m", PROCESS, str(results), str(seconds)],
                    stdin=stdin,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                    # A plug-in can turn the alarm off.
                    timeout=STARTING + seconds * len(checks),
                ).returncode
            except subprocess.TimeoutExpired:
                status = -signal.SIGALRM
        lines = results.read_text(encoding="utf-8").splitlines()
        said = _last_line(messages)
    if status == -signal.SIGALRM:
        reason = (
            f"expected an answer within {seconds:g} s, got none: does it wait, or loop for ever?"
        )
    elif status < 0:
        reason = (
            f"expected a plug-in that runs, got a process that ended with {signal.Signals(-status).name}: "
            "does it need more memory than there is, or crash in compiled code?"
        )
    else:
        reason = f"expected a plug-in that runs, got a process that ended ({status}): {said}"
    return [json.loads(line) for line in lines], reason


def _last_line(path: Path) -> str:
    """Return the end of the last line of a file, whatever its bytes are."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2000))
        lines = file.read().decode("utf-8", errors="replace").strip().splitlines()
    return lines[-1][-300:] if lines else "no message"
