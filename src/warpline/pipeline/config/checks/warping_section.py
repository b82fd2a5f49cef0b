"""Geometry analyses: timing and conditions."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.pipeline.config.analyses import Analysis, Learning, UserExperiment
from warpline.pipeline.config.checks.shared_lookups import stated_names, unknown_names
from warpline.pipeline.config.schema import Config
from warpline.pipeline.config.tasks import TaskSet

__all__ = ["warping_faults"]

LEARNING_QUANTITIES = ("accuracy", "chance", "metric")
"""Quantities of the experiment ``learning`` that a measure could be called like: others have blanks."""


def warping_faults(config: Config) -> Iterator[str]:
    """Refuse analyses that do not fit their task set."""
    for name in config.run.warping:
        entry = config.warping.get(name)
        taskset = config.tasksets.get(entry.taskset) if entry is not None else None
        if entry is None or taskset is None:
            continue
        yield from unknown_names(f"warping.{name}.timing", entry.timing, taskset.timing)
        for period, fixed in entry.timing.items():
            if fixed < taskset.dt:
                yield (
                    f"warping.{name}.timing.{period}: expected at least one step of dt = {taskset.dt} ms "
                    f"(task set {entry.taskset}), got {fixed:g}"
                )
        yield from _conditions(name, entry, taskset)
        yield from _measures(name, entry, taskset, config)
        delayed = taskset.tasks[taskset.target].delay if taskset.target in taskset.tasks else True
        for period, duration in taskset.timing.items():
            varies = not isinstance(duration, int | float)
            if varies and period not in entry.timing and (delayed or period != "delay"):
                yield (
                    f"warping.{name}.timing: expected a duration (ms) for {period}, which varies in "
                    f"training (tasksets.{entry.taskset}.timing), got none"
                )


def _measures(name: str, entry: Analysis, taskset: TaskSet, config: Config) -> Iterator[str]:
    """Refuse measures with the name of a quantity that an analysis over learning sets beside them."""
    if not isinstance(entry, Learning):
        return
    for measure in taskset.measures or config.run.measures:
        if measure in LEARNING_QUANTITIES:
            yield (
                f"measures.{measure}: expected another name beside the analysis {name}, whose quantities are "
                f"{', '.join(LEARNING_QUANTITIES)}: both would be averaged as one"
            )


def _conditions(name: str, entry: Analysis, taskset: TaskSet) -> Iterator[str]:
    """Hold the conditions that an analysis sets against those of a task set of the package."""
    if ":" in taskset.env:
        return  # which may inherit them
    stated = stated_names("tasks", taskset.env, "conditions")
    if isinstance(entry, Learning):
        for k, condition in enumerate(entry.conditions):
            if set(condition) != set(stated):
                yield (
                    f"warping.{name}.conditions.{k}: expected a value for each of "
                    f"{', '.join(stated) or 'none'} (task set {entry.taskset}), "
                    f"got {', '.join(condition) or 'none'}"
                )
        return
    if isinstance(entry, UserExperiment):
        return  # which is told in its own time: nothing says here what it sets
    sets = entry.conditions_set
    if set(stated) != set(sets):
        yield (
            f"warping.{name}.taskset: expected a task set with "
            f"{'the condition ' + ', '.join(sets) if sets else 'no conditions'} "
            f"(experiment {entry.experiment}), got {entry.taskset}, with {', '.join(stated) or 'none'}"
        )
