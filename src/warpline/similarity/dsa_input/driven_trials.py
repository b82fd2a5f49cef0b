"""States and the inputs that drove them, side by side, in groups of trials of equal length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import (
    ConstantDataError,
    SettingsError,
    TooFewTimePointsError,
    TrialError,
)
from warpline.similarity.recordings import Recording, as_recording

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class DrivenTrials:
    """Trials of a driven system, ready to be delay-embedded.

    Attributes
    ----------
    groups : tuple of ndarray, shape (trial, time, unit + channel)
        Trials of one length each: the states, and beside them the input that acts one step later.
    n_units, n_channels : int
        Numbers of columns of the states and of the inputs.
    tolerance : float
        Relative size below which a singular value of the embedding does not count.
    """

    groups: tuple[FloatArray, ...]
    n_units: int
    n_channels: int
    tolerance: float

    def unit_columns(self, lags: range) -> NDArray[np.intp]:
        """Columns of the states at some lags in an embedding of `groups`, lag by lag."""
        return self._columns(lags, 0, self.n_units)

    def channel_columns(self, lags: range) -> NDArray[np.intp]:
        """Columns of the inputs at some lags in an embedding of `groups`, lag by lag."""
        return self._columns(lags, self.n_units, self.n_units + self.n_channels)

    def _columns(self, lags: range, start: int, stop: int) -> NDArray[np.intp]:
        first = np.array(lags)[:, None] * (self.n_units + self.n_channels)
        return (first + np.arange(start, stop)).ravel()


def driven_trials(
    states: Any, inputs: Any, *, n_lags: int, delay_interval: int, input_lag: int, offset: bool,
    rank_tolerance: float | None,
) -> DrivenTrials:  # fmt: skip
    """Check the trials of a driven system, and put states and inputs side by side.

    Parameters
    ----------
    states, inputs : array (trial, time, unit or channel), sequence of (time, ...) arrays, or Recording
        See `warpline.similarity.recordings.as_recording`. A recording may hold its inputs.
    n_lags, delay_interval : int
        The embedding that follows; shorter trials have no transition and are left out.
    input_lag : int
        Steps from an input to the state on which it acts: 1 for x(t + 1) = A x(t) + B u(t), 0 for
        x(t + 1) = A x(t) + B u(t + 1).
    offset : bool
        Subtract the mean over all trials and times from states and inputs.
    rank_tolerance : float or None
        See `warpline.similarity.dsa.operators.fit_operator`.

    Returns
    -------
    DrivenTrials

    Raises
    ------
    InputError
        When states or inputs cannot be read, do not match, do not change, or are too short.
    """
    recording = as_recording(states, inputs=inputs)
    if recording.inputs is None:
        raise TrialError(
            f"inputs of {recording.name}, as long as its states",
            "none",
            "Give the inputs that drove the system, or use dsa, which needs none.",
        )
    aligned = [_align(x, u, input_lag) for x, u in zip(*_both(recording), strict=True)]
    needed = (n_lags - 1) * delay_interval + 2
    kept = [trial for trial in aligned if len(trial) >= needed]
    if not kept:
        raise TooFewTimePointsError(
            f"a trial of at least {needed + abs(1 - input_lag)} times for {n_lags} lags x "
            f"{delay_interval} steps and an input lag of {input_lag}",
            f"{max(recording.lengths)}",
            "Use fewer delays, a shorter delay interval or longer trials.",
        )
    n_units = recording.n_units
    if not any((trial[:, :n_units] != trial[0, :n_units]).any() for trial in kept):
        raise ConstantDataError(
            "states that change in time",
            f"{len(kept)} trials that are constant in every unit",
            "Check the time axis and the window; a system at rest has no operator to compare.",
        )
    if offset:
        n_times = sum(map(len, kept))
        mean = np.sum([trial.sum(axis=0) for trial in kept], axis=0) / n_times
        kept = [trial - mean for trial in kept]
    lengths = sorted({len(trial) for trial in kept})
    groups = tuple(np.stack([x for x in kept if len(x) == length]) for length in lengths)
    return DrivenTrials(
        groups=groups,
        n_units=n_units,
        n_channels=kept[0].shape[1] - n_units,
        tolerance=_tolerance(recording, n_lags, rank_tolerance),
    )


def _both(recording: Recording) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
    assert recording.inputs is not None
    return recording.trials, recording.inputs


def _align(states: FloatArray, inputs: FloatArray, input_lag: int) -> FloatArray:
    """Return a trial with the input beside each state that acts on the next one."""
    shift = 1 - input_lag
    count = max(len(states) - abs(shift), 0)
    first, first_input = max(-shift, 0), max(shift, 0)
    return np.hstack([states[first : first + count], inputs[first_input : first_input + count]])


def _tolerance(recording: Recording, n_lags: int, given: float | None) -> float:
    if given is not None:
        if not 0 <= given < 1:
            raise SettingsError("rank_tolerance in [0, 1)", f"{given!r}", "Set rank_tolerance.")
        return float(given)
    largest = max(sum(recording.lengths), recording.n_units * n_lags)
    return max(largest * float(np.finfo(np.float64).eps), 8 * recording.precision)
