"""States and the inputs that drove them, side by side, in groups of trials of equal length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.embedding_steps import steps_needed
from warpline.similarity.dsa.hankel import Trials, blocks_of
from warpline.similarity.dsa.operators import rank_tolerance_of
from warpline.similarity.input_errors import ConstantDataError, TooFewTimePointsError, TrialError
from warpline.similarity.recordings import as_recording, rescaled_trials
from warpline.similarity.time_coordinates import check_equal_steps

FloatArray = NDArray[np.float64]


#: Variation of an input below which it is rounding, as a share of its mean.
_CONSTANT = 1e-10


@dataclass(frozen=True)
class DrivenTrials:
    """Trials of a driven system, ready to be delay-embedded.

    Attributes
    ----------
    blocks : ndarray, shape (trial, time, unit + channel), or tuple of such arrays
        States, and beside each an input: the one that acts on this state, or the one that acts on the next
        (one array per length of the trials, the shortest first).
    input_in_step : bool
        Whether an input acts on the state beside it (input lag 0), and not on the next.
    n_units, n_channels : int
        Numbers of columns of the states and of the inputs.
    precision : float
        Relative spacing of the numbers in which the states came.
    tolerance : float
        Relative size below which a singular value of the embedding does not count.
    state_exponent, input_exponent : int
        Powers of two that were divided out of states and inputs.
    """

    blocks: Trials
    input_in_step: bool
    n_units: int
    n_channels: int
    precision: float
    tolerance: float
    state_exponent: int
    input_exponent: int

    @property
    def states(self) -> Trials:
        """The states alone, laid out as `blocks`, as views of them."""
        blocks = tuple(block[:, :, : self.n_units] for block in blocks_of(self.blocks))
        return blocks[0] if len(blocks) == 1 else blocks

    def unit_columns(self, lags: range) -> NDArray[np.intp]:
        """Columns of the states at some lags in an embedding of `blocks`, lag by lag."""
        return self._columns(lags, 0, self.n_units)

    def channel_columns(self, lags: range) -> NDArray[np.intp]:
        """Columns of the inputs at some lags in an embedding of `blocks`, lag by lag."""
        return self._columns(lags, self.n_units, self.n_units + self.n_channels)

    def _columns(self, lags: range, start: int, stop: int) -> NDArray[np.intp]:
        # An empty range would give numbers that are no indices.
        first = np.array(lags, dtype=np.intp)[:, None] * (self.n_units + self.n_channels)
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
        The embedding that follows.
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
    check_equal_steps(recording.times, recording.name)
    needed = steps_needed(n_lags, delay_interval, input_lag)
    too_short = sum(length < needed for length in recording.lengths)
    if too_short:
        raise TooFewTimePointsError(
            f"at least {needed} time points for {n_lags} lags x {delay_interval} steps and an input "
            f"lag of {input_lag} (one embedded transition)",
            f"{min(recording.lengths)} in the shortest of {len(recording.trials)} trials",
            "Use fewer delays, a shorter delay interval or longer trials."
            if too_short == len(recording.trials)
            else f"Drop the {too_short} trials that are shorter, or use fewer delays.",
        )
    if not any((trial != trial[0]).any() for trial in recording.trials):
        raise ConstantDataError(
            "states that change in time",
            f"{len(recording.trials)} trials that are constant in every unit",
            "Check the time axis and the window; a system at rest has no operator to compare.",
        )
    states, state_exponent = rescaled_trials(recording.trials)
    inputs, input_exponent = rescaled_trials(recording.inputs)
    blocks = _side_by_side(states, inputs, max(input_lag - 1, 0))
    if offset:
        n_times = sum(block.shape[0] * block.shape[1] for block in blocks)
        flat_blocks = (block.reshape(-1, block.shape[2]) for block in blocks)
        mean = np.sum([np.ones(len(flat)) @ flat for flat in flat_blocks], axis=0) / n_times
        varies = _vary(inputs)
        left = 0.0
        for block in blocks:
            block -= mean
            block[..., recording.n_units :] *= varies
            left += float(np.einsum("tsu,tsu->", *2 * (block[..., : recording.n_units],)))
        # As `Recording.centred` has it, without another pass over the data.
        if left > 0:
            of_mean = n_times * float(np.square(mean[: recording.n_units]).sum())
            precision = recording.precision * float(np.sqrt(1 + of_mean / left))
            recording = replace(recording, precision=precision)
    return DrivenTrials(
        blocks=blocks[0] if len(blocks) == 1 else blocks,
        input_in_step=input_lag == 0,
        n_units=recording.n_units,
        n_channels=blocks[0].shape[2] - recording.n_units,
        precision=recording.precision,
        tolerance=rank_tolerance_of(recording, n_lags, delay_interval, rank_tolerance),
        state_exponent=state_exponent,
        input_exponent=input_exponent,
    )


def _vary(inputs: tuple[FloatArray, ...]) -> NDArray[np.bool_]:
    """Return which channels vary by more than rounding, shape (channel,).

    Numbers that single precision could hold came in it, or are whole.
    """
    channels = np.concatenate(inputs)
    is_single = (channels == channels.astype(np.float32)).all(axis=0)
    spacing = np.where(is_single, 8 * float(np.finfo(np.float32).eps), _CONSTANT)
    return np.asarray(channels.std(axis=0) > spacing * np.abs(channels.mean(axis=0)))


def _side_by_side(
    states: tuple[FloatArray, ...], inputs: tuple[FloatArray, ...], shift: int
) -> tuple[FloatArray, ...]:
    """Write states and the inputs `shift` steps before them to one array per length of the trials."""
    n_units = states[0].shape[1]
    n_columns = n_units + inputs[0].shape[1]
    lengths = np.array([len(trial) for trial in states])
    blocks = []
    for length in np.unique(lengths):
        trials = np.flatnonzero(lengths == length)
        block = np.empty((len(trials), length - shift, n_columns))
        for rows, trial in zip(block, trials, strict=True):
            rows[:, :n_units] = states[trial][shift:]
            rows[:, n_units:] = inputs[trial][: length - shift]
        blocks.append(block)
    return tuple(blocks)
