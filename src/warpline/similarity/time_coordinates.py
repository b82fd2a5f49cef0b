"""Times of the steps of a recording: as a container has them, checked, and held against each other."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import TrialError
from warpline.similarity.trial_containers import is_sequence_of_trials

__all__ = [
    "check_beside",
    "check_equal_steps",
    "check_same_clock",
    "check_same_steps",
    "check_times",
    "same_times",
    "span",
    "time_step",
    "times_of",
]

FloatArray = NDArray[np.float64]


def times_of(value: Any, dims: Mapping[str, str], name: str) -> FloatArray | None:
    """Return the time coordinate of a container, if it has one of numbers; refuse one with NaN.

    Durations and dates are seconds, dates those since 1970: their zero tells windows apart. Trials in a
    sequence have one coordinate together (`_times_of_trials`).
    """
    if is_sequence_of_trials(value):
        return _times_of_trials(value, name)
    old = next((old for old, new in dims.items() if new == "time"), "time")
    if not hasattr(value, "coords") or old not in value.coords:
        return None
    times = np.asarray(value.coords[old].values)
    if times.dtype.kind in "mM" and times.ndim == 1:
        durations = times - np.datetime64(0, "s") if times.dtype.kind == "M" else times
        times = np.asarray(durations / np.timedelta64(1, "s"), dtype=np.float64)
    if times.dtype.kind == "O" and all(isinstance(time, numbers.Real) for time in times.flat):
        times = times.astype(np.float64)
    if times.ndim != 1 or times.dtype.kind not in "fiu":
        return None
    times = times.astype(np.float64)
    if not (known := np.isfinite(times)).all():
        k = int(np.argmin(known))
        raise TrialError(
            f"finite times of {name}",
            f"{times[k]:g} at time step {k}",
            "Fill them in, or drop the coordinate 'time'.",
        )
    return times


def _times_of_trials(trials: Iterable[Any], name: str) -> FloatArray | None:
    """Return the times of the longest of separate trials, which those of the others must agree with.

    Trials that were cut one after another from one recording have times of its clock. Then each counts from
    its first step. Of trials that overlap, nobody knows: their times may be those of a clock, or have an
    event as zero, at which trials that begin elsewhere would be out of step.
    """
    known = [times for times in _labelled_times(trials, name) if times is not None]
    if not known:
        return None
    agreed = _longest_that_agrees(known)
    if agreed is not None:
        return agreed
    from_first = _longest_that_agrees([times - times[:1] for times in known])
    if from_first is None:
        raise TrialError(
            f"the same time steps in all trials of {name}",
            "other ones in some trials",
            "Interpolate the trials to equal steps, or drop the coordinate 'time'.",
        )
    if not _one_after_another(known):
        longest = max(known, key=len)
        other = next(times for times in known if not same_times(longest, times))
        raise TrialError(
            f"times that begin alike in all trials of {name}, or trials one after another on one clock",
            f"{span(longest)} and {span(other)}",
            "Count the times of each trial from its event or from its first step, and select those that all "
            "trials have; or drop the coordinate 'time'.",
        )
    return from_first


def _labelled_times(trials: Iterable[Any], name: str) -> list[FloatArray | None]:
    """Return the times of each trial, None where it has none."""
    return [times_of(trial, {}, name) if hasattr(trial, "coords") else None for trial in trials]


def _longest_that_agrees(known: list[FloatArray]) -> FloatArray | None:
    """Return the longest of some times if the others agree with it, else None."""
    longest = max(known, key=len)
    return longest if all(same_times(longest, times) for times in known) else None


def _one_after_another(known: list[FloatArray]) -> bool:
    """Whether no two trials overlap. They may share a border, as slices by label do."""
    ends = sorted((times.min(), times.max()) for times in known)
    return all(before[1] <= after[0] for before, after in itertools.pairwise(ends))


def check_same_clock(states: Any, inputs: Any, name: str) -> None:
    """Refuse inputs at other times than the states of a trial, where both have one clock.

    `times_of` counts such trials from their first step, states and inputs each for themselves. A recording
    that is read already no longer has the times of its clock.

    Raises
    ------
    TrialError
    """
    if not (is_sequence_of_trials(states) and is_sequence_of_trials(inputs)):
        return
    beside = zip(_labelled_times(states, name), _labelled_times(inputs, name), strict=True)
    both = {k: (a, b) for k, (a, b) in enumerate(beside) if a is not None and b is not None}
    if not both or any(
        _longest_that_agrees([*side]) is not None for side in zip(*both.values(), strict=True)
    ):
        return
    for k, (own, other) in both.items():
        check_beside(own, other, name, "inputs", f" in trial {k}")


def check_beside(
    times: FloatArray | None, other: FloatArray | None, name: str, what: str, where: str = ""
) -> None:
    """Refuse what stands beside states, such as inputs or a mask, at other times than theirs.

    Raises
    ------
    TrialError
        When both have times, and these differ.
    """
    if times is not None and other is not None and not same_times(times, other):
        raise TrialError(
            f"the time coordinates of {name} and of its {what} to be the same",
            f"{span(times)} and {span(other)}{where}",
            "Select the same times of both, or drop one of the coordinates.",
        )


def check_times(times: FloatArray | None, name: str) -> None:
    """Refuse times that go back and forth or repeat: a step of the array would be no step of time."""
    if times is None:
        return
    steps = np.diff(times)
    if (steps > 0).all() or (steps < 0).all():
        return
    k = int(np.argmax(steps * np.sign(np.median(steps)) <= 0))
    raise TrialError(
        f"times of {name} that rise from step to step, or fall",
        f"{times[k]:g}, then {times[k + 1]:g}",
        "Sort the states by time, cut them into trials, or drop the coordinate 'time'.",
    )


def check_equal_steps(times: FloatArray | None, name: str) -> None:
    """Refuse times whose steps differ, for what compares a step with the next: operators, predictions.

    A tenth of the median step is left for the jitter of a clock.
    """
    step = time_step(times)
    if times is None or step is None:
        return
    steps = np.diff(times)
    if (np.abs(steps - step) > 0.1 * abs(step)).any():
        raise TrialError(
            f"equal time steps in {name}, because an operator maps each step to the next",
            f"steps from {np.abs(steps).min():g} to {np.abs(steps).max():g}",
            "Interpolate the states to equal steps, or drop the coordinate 'time'.",
        )


def check_same_steps(systems: Iterable[tuple[str, FloatArray | None]], measure: str) -> None:
    """Refuse systems with other time steps: a step of one would be compared with a step of another.

    Systems are pairs of name and times: two sets may hold one name each.
    """
    steps = [(name, step) for name, times in systems if (step := time_step(times)) is not None]
    for name, step in steps[1:]:
        first_name, first = steps[0]
        if abs(step - first) > 0.01 * abs(first):
            raise TrialError(
                f"the same time step in all systems, because {measure} compares what happens in a step",
                f"{first:g} in {first_name} and {step:g} in {name}",
                "Resample them, give both in one unit, or drop the coordinate 'time'.",
            )


def time_step(times: FloatArray | None) -> float | None:
    """Return the median step of some times; None where there are fewer than two."""
    return None if times is None or len(times) < 2 else float(np.median(np.diff(times)))


def same_times(a: FloatArray, b: FloatArray, share: float = 0.01) -> bool:
    """Say whether times agree to a share of a step, as far as both go: some trials end early."""
    n_times = min(len(a), len(b))
    return np.allclose(a[:n_times], b[:n_times], rtol=0, atol=abs(time_step(a) or 1.0) * share)


def span(times: FloatArray) -> str:
    """Return the first and the last time as text, and how many there are."""
    # Digits enough for a date in seconds.
    return f"{times[0]:.12g} to {times[-1]:.12g} in {len(times)} steps"
