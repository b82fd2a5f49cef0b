"""Task sets and curricula: tasks, levels, and parameters of environments."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.pipeline.config.checks.shared_lookups import (
    runs_of,
    stated_mapping,
    stated_names,
    unknown_names,
    used_names,
)
from warpline.pipeline.config.messages import shown
from warpline.pipeline.config.schema import Config

__all__ = ["curricula_faults", "levels_faults", "parameters_faults", "tasks_faults"]


def tasks_faults(config: Config) -> Iterator[str]:
    """Refuse names of tasks that a task set does not have."""
    for name, taskset in config.tasksets.items():
        yield from unknown_names(f"tasksets.{name}.target", [taskset.target], taskset.tasks)
        if "target" in taskset.tasks:
            yield (
                f"tasksets.{name}.tasks: expected another name than 'target', which stands for the target "
                f"task ({taskset.target}) in curricula"
            )
    shown = {
        task
        for name, _, _ in runs_of(config, compared=True)
        if name in config.tasksets
        for task in config.tasksets[name].tasks
    }
    # A task that only some of the task sets have is shown for those.
    if shown:
        yield from unknown_names(
            "trajectories.tasks", config.trajectories.tasks, ["target", *shown]
        )
    for name, curriculum in dict.fromkeys((run[0], run[2]) for run in runs_of(config)):
        entry = config.curricula.get(curriculum)
        if name not in config.tasksets or entry is None:
            continue
        known = ["target", *config.tasksets[name].tasks]
        for key in ("pretrain", "train"):
            place = f"curricula.{curriculum}.{key} (task set {name})"
            names = getattr(entry, key)
            yield from unknown_names(place, names, known)
            target = config.tasksets[name].target
            if "target" in names and target in names:
                yield (
                    f"{place}: expected each task once, got {', '.join(names)}: the target is {target}, "
                    "which would have twice the updates"
                )


def curricula_faults(config: Config) -> Iterator[str]:
    """Refuse curricula that no task set can give."""
    known = {"target": None} | {t: None for s in config.tasksets.values() for t in s.tasks}
    for name, entry in config.curricula.items():
        if name not in used_names(config, "curricula"):
            for key in ("pretrain", "train"):
                yield from unknown_names(f"curricula.{name}.{key}", getattr(entry, key), known)
        if entry.pretrain and not entry.train:
            yield f"curricula.{name}.train: expected a task to train after the pretraining, got none"
        for key in ("pretrain", "train"):
            tasks = getattr(entry, key)
            if len(set(tasks)) < len(tasks):
                yield f"curricula.{name}.{key}: expected each task once, got {', '.join(tasks)}"


def levels_faults(config: Config) -> Iterator[str]:
    """Refuse levels of a trial variable that are none: no number, out of range, or nothing to tell apart."""
    for name, taskset in config.tasksets.items():
        for parameter, (low, high) in stated_mapping("tasks", taskset.env, "level_ranges").items():
            if parameter not in taskset.parameters:
                continue
            place = f"tasksets.{name}.parameters.{parameter}"
            levels = taskset.parameters[parameter]
            if not isinstance(levels, list) or not levels:
                yield f"{place}: expected a list of at least one number, got {shown(levels)}"
                continue
            odd = [
                level
                for level in levels
                if isinstance(level, bool)
                or not isinstance(level, int | float)
                or not low <= level <= high
            ]
            if odd:
                yield f"{place}: expected numbers from {low:g} to {high:g}, got {shown(odd[0])}"
            elif len(set(levels)) < len(levels):
                yield f"{place}: expected each level once, got {shown(levels)}"
            elif max(levels) == low:
                yield (
                    f"{place}: expected a level above {low:g}, because the stimulus of the others has no "
                    f"right answer, got {shown(levels)}"
                )


def parameters_faults(config: Config) -> Iterator[str]:
    """Refuse arguments that an environment of the package does not take; the user's own are tried."""
    for name, taskset in config.tasksets.items():
        if ":" not in taskset.env:
            known = stated_names("tasks", taskset.env, "parameters")
            yield from unknown_names(f"tasksets.{name}.parameters", taskset.parameters, known)
