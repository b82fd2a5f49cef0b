"""Times of the steps of a recording: as a container has them, checked, and held against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import TrialError

__all__ = ["check_equal_steps", "check_times", "same_times", "span", "time_step", "times_of"]

FloatArray = NDArray[np.float64]


def times_of(value: Any, dims: Mapping[str, str]) -> FloatArray | None:
    """Return the time coordinate of a container, if it has one of numbers (datetimes as seconds)."""
    old = next((old for old, new in dims.items() if new == "time"), "time")
    if not hasattr(value, "coords") or old not in value.coords:
        return None
    times = np.asarray(value.coords[old].values)
    if times.dtype.kind in "mM" and times.ndim == 1:
        times = np.asarray((times - times[:1]) / np.timedelta64(1, "s"), dtype=np.float64)
    usable = times.ndim == 1 and times.dtype.kind in "fiu" and bool(np.isfinite(times).all())
    return times.astype(np.float64) if usable else None


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


def time_step(times: FloatArray | None) -> float | None:
    """Return the median step of some times; None where there are fewer than two."""
    return None if times is None or len(times) < 2 else float(np.median(np.diff(times)))


def same_times(a: FloatArray, b: FloatArray, share: float = 0.01) -> bool:
    """Say whether times agree to a share of a step, as far as both go: some trials end early."""
    n_times = min(len(a), len(b))
    return np.allclose(a[:n_times], b[:n_times], rtol=0, atol=abs(time_step(a) or 1.0) * share)


def span(times: FloatArray) -> str:
    """Return the first and the last time as text, and how many there are."""
    return f"{times[0]:g} to {times[-1]:g} in {len(times)} steps"
