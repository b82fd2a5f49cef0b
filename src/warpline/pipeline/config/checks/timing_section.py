"""Durations of the periods of a trial, in whole steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warpline.pipeline.config.checks.shared_lookups import (
    extremes,
    stated_names,
    stated_text,
    unknown_names,
    window_steps,
)
from warpline.pipeline.config.schema import Config
from warpline.pipeline.config.tasks import Choice, TaskSet, TruncatedExponential, Uniform

__all__ = ["timing_faults", "whole_steps_faults"]

PERIODS = ("fixation", "stimulus", "delay", "decision")
"""Periods of a task set that states none of its own."""


def timing_faults(config: Config) -> Iterator[str]:
    """Refuse periods that are missing, unknown, turned around or too short."""
    for name, taskset in config.tasksets.items():
        place = f"tasksets.{name}.timing"
        stated = stated_names("tasks", taskset.env, "periods")
        periods = stated or PERIODS
        decisions = stated_names("tasks", taskset.env, "decisions") or ("decision",)
        if ":" not in taskset.env:
            yield from unknown_names(place, taskset.timing, periods)
        # The default suits no task set whose stimulus has another name: the duration is not what is missing.
        # A class of one's own that states no periods has those that are given a duration.
        shown = dict.fromkeys([*(stated if ":" in taskset.env else periods), *taskset.timing])
        needed = dict.fromkeys([taskset.window, *decisions])
        if taskset.window not in shown:
            needed = dict.fromkeys(decisions)
            yield (
                f"tasksets.{name}.window: expected the period in which networks are compared, one of "
                f"{', '.join(shown)}; got {taskset.window!r}"
            )
        if ":" not in taskset.env:
            # What is left out would silently last as long as neurogym has it.
            delayed = any(variation.delay for variation in taskset.tasks.values())
            needed |= dict.fromkeys(p for p in periods if p != "delay" or delayed)
        missing = [period for period in needed if period not in taskset.timing]
        if missing:
            yield f"{place}: expected a duration for {' and '.join(missing)}, got none"
        for period, value in taskset.timing.items():
            if isinstance(value, Uniform) and value.uniform[0] > value.uniform[1]:
                yield f"{place}.{period}.uniform: expected low <= high, got {value.uniform}"
            if isinstance(value, TruncatedExponential):
                _, low, high = value.truncated_exponential
                if low > high:
                    yield f"{place}.{period}.truncated_exponential: expected low <= high, got {low}, {high}"
        yield from _short_periods(place, taskset, decisions)
        if taskset.window in taskset.timing and window_steps(taskset) is None:
            yield (
                f"{place}.{taskset.window}: expected one duration for all trials, because models are "
                f"compared in this window; got {taskset.timing[taskset.window]}"
            )


def _short_periods(place: str, taskset: TaskSet, decisions: Iterable[str]) -> Iterator[str]:
    """Refuse durations that leave a period without a step, except where 0 says so on purpose."""
    shown_in = stated_text("tasks", taskset.env, "stimulus", "stimulus")
    needed = {taskset.window, *decisions, shown_in}
    delayed = any(variation.delay for variation in taskset.tasks.values())
    for period, duration in taskset.timing.items():
        if period == "delay" and not delayed:
            continue
        # The package's task sets show something in every other period; of an own one nothing is known.
        own = ":" in taskset.env
        must = period in needed or period == "delay" or not (own or period == "fixation")
        shortest = extremes(duration)[0]
        if shortest < taskset.dt and (must or shortest > 0):
            yield (
                f"{place}.{period}: expected at least one step of dt = {taskset.dt} ms in every trial, got "
                f"{shortest:g}{'' if must else ' (0 leaves the period out)'}"
            )


def whole_steps_faults(config: Config) -> Iterator[str]:
    """Refuse durations that are no multiple of dt: neurogym cuts them without a word.

    What is drawn from a range is cut to whole steps.
    """
    divided: dict[str, int] = {}
    for name, taskset in config.tasksets.items():
        cut = [
            f"{period} {value:g}"
            for period, duration in taskset.timing.items()
            for value in (duration.choice if isinstance(duration, Choice) else [duration])
            if isinstance(value, int | float) and value % taskset.dt
        ]
        if cut:
            yield (
                f"tasksets.{name}.dt: expected a step that divides every duration of `timing`, got "
                f"{taskset.dt} ms beside {', '.join(cut)}: they would be cut; change one of them"
            )
        else:
            divided[name] = taskset.dt
    for name in config.run.warping:
        entry = config.warping.get(name)
        dt = divided.get(entry.taskset) if entry is not None else None
        if entry is None or dt is None:
            continue
        cut = [f"{period} {value:g}" for period, value in entry.timing.items() if value % dt]
        if cut:
            yield (
                f"warping.{name}.timing: expected multiples of tasksets.{entry.taskset}.dt = {dt} ms, got "
                f"{', '.join(cut)}: they would be cut"
            )
