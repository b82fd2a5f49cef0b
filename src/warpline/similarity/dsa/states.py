"""Checks of the states of one system against the delay embedding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .errors import (
    ConstantDataError,
    DimensionError,
    NonFiniteDataError,
    SettingsError,
    TooFewTimePointsError,
)

FloatArray = NDArray[np.float64]


def check_states(states: NDArray[np.floating], *, n_delays: int, delay_interval: int) -> FloatArray:
    """Check states against the embedding and return them as contiguous float64.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
        States of one system. One trial is allowed: the operator is then fitted to the transitions
        within that trial alone.
    n_delays : int
        Number of delayed copies, the undelayed one included.
    delay_interval : int
        Time steps between two copies.

    Returns
    -------
    ndarray, shape (trial, time, unit)
        The same states, float64, C-contiguous.

    Raises
    ------
    DimensionError
        If the array is not three-dimensional, is empty, or is not real.
    TooFewTimePointsError
        If a trial has fewer than two embedded times.
    NonFiniteDataError, ConstantDataError
        If the data hold NaN or infinity, or do not change in time in any trial and unit.
    SettingsError
        If the embedding is not made of positive integers.
    """
    for name, value in (("n_delays", n_delays), ("delay_interval", delay_interval)):
        if int(value) != value or value < 1:
            raise SettingsError(f"{name} to be a positive integer", f"{value!r}", f"Set {name}.")
    array = np.asarray(states)
    if array.ndim != 3 or array.size == 0 or array.dtype.kind not in "fiu":
        raise DimensionError(
            "a non-empty real array with dimensions (trial, time, unit)",
            f"shape {array.shape} of type {array.dtype}",
            "Add a trial axis of length one to a single (time, unit) recording.",
        )
    n_trials, n_times, _ = array.shape
    needed = (n_delays - 1) * delay_interval + 2
    if n_times < needed:
        raise TooFewTimePointsError(
            f"at least {needed} time points for {n_delays} delays x {delay_interval} steps "
            "(one embedded transition)",
            f"{n_times}",
            "Use fewer delays, a shorter delay interval or longer trials.",
        )
    array = np.ascontiguousarray(array, dtype=np.float64)
    finite = np.isfinite(array)
    if not finite.all():
        trial, time, unit = (int(i) for i in np.argwhere(~finite)[0])
        raise NonFiniteDataError(
            "finite states",
            f"{int((~finite).sum())} non-finite of {array.size} values, the first at trial "
            f"{trial}, time {time}, unit {unit}",
            "Drop the diverged trials or the run.",
        )
    if not (array != array[:, :1]).any():
        raise ConstantDataError(
            "states that change in time",
            f"{n_trials} trials that are constant in every unit",
            "Check the time axis and the window; a system at rest has no operator to compare.",
        )
    return array


def rank_tolerance_of(
    states: NDArray[np.floating], n_delays: int, delay_interval: int, given: float | None
) -> float:
    """Relative size below which a singular value of the embedding does not count.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
        States in the type in which they came.
    n_delays, delay_interval : int
        The embedding.
    given : float or None
        The caller's choice, which wins.

    Returns
    -------
    float
        See :func:`.operators.fit_operator`.
    """
    if given is not None:
        if not 0 <= given < 1:
            raise SettingsError("rank_tolerance in [0, 1)", f"{given!r}", "Set rank_tolerance.")
        return float(given)
    array = np.asarray(states)
    spacing = float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0
    if array.ndim != 3:
        return spacing
    rows = array.shape[0] * max(array.shape[1] - (n_delays - 1) * delay_interval, 1)
    largest = max(rows, array.shape[2] * n_delays)
    return max(largest * float(np.finfo(np.float64).eps), 8 * spacing)
