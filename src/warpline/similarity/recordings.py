"""The door for arrays from outside: what a container says of itself is kept, refused or asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import TrialError
from warpline.similarity.time_coordinates import (
    check_beside,
    check_same_clock,
    check_same_steps,
    check_times,
    times_of,
)
from warpline.similarity.trial_conditions import conditions_of
from warpline.similarity.trial_containers import first_difference, trials_of, unit_labels_of

__all__ = ["Recording", "as_recording", "check_same_bins"]

FloatArray = NDArray[np.float64]

#: States beyond two to this power, or below its inverse, are rescaled before they are squared.
SAFE_EXPONENT = 300


def rescaled_trials(trials: tuple[FloatArray, ...]) -> tuple[tuple[FloatArray, ...], int]:
    """Divide trials by a power of two, so that their squares stay within the range of float64.

    Parameters
    ----------
    trials : tuple of ndarray, shape (time, column)
        Finite, none empty.

    Returns
    -------
    trials : tuple of ndarray
        Of a usual size: as they are. The division is exact.
    exponent : int
        Of the power of two; 0 where nothing is divided.
    """
    largest = max(float(np.abs(trial).max()) for trial in trials)
    exponent = int(np.frexp(largest)[1])
    if abs(exponent) <= SAFE_EXPONENT:
        return trials, 0
    return tuple(np.ldexp(trial, -exponent) for trial in trials), exponent


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """States of one system, trial by trial, checked and in float64.

    Attributes
    ----------
    trials : tuple of ndarray, shape (time, unit)
        Finite. Trials may differ in their number of times.
    inputs : tuple of ndarray, shape (time, channel), or None
        What drove the system, as long as its trial.
    trial_labels : tuple or None
        Labels of the trials, where the container has them.
    precision : float
        Relative spacing of the type in which the states came; 0 for integers.
    name : str
        What messages call the system.
    conditions : tuple or None
        Condition of each trial, where it is known.
    times : ndarray, shape (time,), or None
        Times of the steps, where the container has them; of the longest trial, if trials end early.
    input_channels : tuple or None
        Labels of the channels of the inputs, where their container has them.
    kernel : str or None
        By which spikes became states, where they did: ``counts``, or the name and the width.
    """

    trials: tuple[FloatArray, ...]
    inputs: tuple[FloatArray, ...] | None = None
    trial_labels: tuple[Any, ...] | None = None
    precision: float = float(np.finfo(np.float64).eps)
    name: str = "states"
    conditions: tuple[Any, ...] | None = None
    times: FloatArray | None = None
    input_channels: tuple[Any, ...] | None = None
    kernel: str | None = None

    def __len__(self) -> int:
        """Return the number of trials: a recording is the sequence of its trials."""
        return len(self.trials)

    def __getitem__(self, trial: int) -> FloatArray:
        """Return one trial, shape (time, unit)."""
        return self.trials[trial]

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.trials[0].shape[1])

    @property
    def lengths(self) -> tuple[int, ...]:
        """Number of times of each trial."""
        return tuple(len(trial) for trial in self.trials)

    @property
    def equal_lengths(self) -> bool:
        """Whether all trials last equally long."""
        return len(set(self.lengths)) == 1

    @property
    def states(self) -> FloatArray:
        """States as one array (trial, time, unit).

        Raises
        ------
        TrialError
            When the trials differ in length.
        """
        if not self.equal_lengths:
            raise TrialError(
                f"trials of equal length in {self.name}",
                f"{min(self.lengths)} to {max(self.lengths)} times",
                "Cut the trials to a common window, or use a measure that takes unequal trials (dsa).",
            )
        # Trials of one array are views of it: no copy is made of them.
        base, first = self.trials[0].base, self.trials[0]
        if (
            isinstance(base, np.ndarray)
            and base.dtype == np.float64
            and base.flags.c_contiguous
            and base.shape == (len(self.trials), *first.shape)
            and all(
                trial.base is base and trial.ctypes.data == base[k].ctypes.data
                for k, trial in enumerate(self.trials)
            )
        ):
            return base
        return np.stack(self.trials)

    def rescaled(self) -> tuple[Recording, int]:
        """Return states whose squares are within the range of float64, and the power of two divided out.

        The division is exact. Recordings of a usual size are returned as they are, with 0.
        """
        trials, exponent = rescaled_trials(self.trials)
        return (replace(self, trials=trials) if exponent else self), exponent

    def centred(self) -> Recording:
        """Return the recording without the mean of each unit over all trials and times.

        ``precision`` becomes that of the states that are left: their spacing is that of larger numbers.
        """
        trials, exponent = rescaled_trials(self.trials)
        states = np.concatenate(trials)
        mean = states.mean(axis=0)
        size, left = np.linalg.norm(states), np.linalg.norm(states - mean)
        return replace(
            self,
            trials=tuple(np.ldexp(trial - mean, exponent) for trial in trials),
            precision=self.precision * float(size / left) if left > 0 else self.precision,
        )

    def __repr__(self) -> str:
        times = str(self.lengths[0])
        if not self.equal_lengths:
            times = f"{min(self.lengths)} to {max(self.lengths)}"
        driven = "" if self.inputs is None else f", {self.inputs[0].shape[1]} input channels"
        return (
            f"<Recording '{self.name}': {len(self.trials)} trials of {times} times, "
            f"{self.n_units} units{driven}>"
        )


def as_recording(
    value: Any,
    *,
    inputs: Any = None,
    valid: Any = None,
    dims: Mapping[str, str] | None = None,
    name: str = "states",
    conditions: Any = None,
) -> Recording:
    """Check an array, or a list of trials, from outside.

    Parameters
    ----------
    value : array, DataArray, tensor, or sequence of (time, unit) arrays
        (trial, time, unit), or (time, unit) for one trial. A DataArray has the dimensions ``trial``
        (optional), ``time`` and one of ``unit``, ``component``, ``channel``, in any order. A masked array may
        hide whole times at the end of a trial. A sequence of (time, unit) arrays, such as an awkward array,
        is one trial each, of any length. A `Recording` is returned as it is.
    inputs : like value, optional
        Inputs that drove the system, laid out as the states.
    valid : array of bool, shape (trial, time), optional
        Times that were recorded. The others, which may hold NaN, are dropped; they must end a trial.
    dims : mapping of str to str, optional
        Dimensions of a DataArray to rename, such as ``{"neuron": "unit"}``.
    name : str, optional
        What messages call the system.
    conditions : sequence, optional
        Condition of each trial; by default the coordinate ``condition`` of a DataArray's trials.

    Returns
    -------
    Recording
        Contiguous float64 copies or views; the value itself is never changed.

    Raises
    ------
    DimensionError
        When the dimensions are others, an axis is empty, or the values are not real numbers.
    NonFiniteDataError
        When a recorded value is NaN or infinite.
    TrialError
        When what is hidden is not the end of a trial, times go back and forth, or inputs or conditions do not
        fit the states.

    Examples
    --------
    >>> import numpy as np
    >>> as_recording([np.zeros((30, 5)), np.zeros((42, 5))], name="monkey")
    <Recording 'monkey': 2 trials of 30 to 42 times, 5 units>
    """
    if isinstance(value, Recording):
        if valid is not None or dims:
            raise TrialError(
                f"no mask and no dims for {name}, a Recording, which is read already",
                "valid" if valid is not None else "dims",
                "Give them where the array is read.",
            )
        if inputs is None and conditions is None:
            return value
    known = _read(value, valid, dims, name)
    if conditions is not None or not isinstance(value, Recording):
        conditions = conditions_of(
            value, conditions, dims or {}, known.trial_labels, len(known.trials), name
        )
        known = replace(known, conditions=conditions)
    check_times(known.times, name)
    if inputs is None:
        return replace(known, name=name)

    # Inputs are read as states are; then both must tell of the same trials and times.
    input_name = f"inputs of {name}"
    driving = _read(inputs, valid, dims, input_name)
    if known.lengths != driving.lengths:
        raise TrialError(
            f"{input_name} as long as the states, {_layout(known.lengths)}",
            _layout(driving.lengths),
            "Give the inputs at the times of the states, trial by trial.",
        )
    labels, input_labels = known.trial_labels, driving.trial_labels
    if labels is not None and input_labels is not None and labels != input_labels:
        raise TrialError(
            f"the trial labels of {name} and of its inputs to be the same",
            f"{first_difference(labels, input_labels)}",
            "Select the same trials of both, in the same order.",
        )
    check_beside(known.times, driving.times, name, "inputs")
    check_same_clock(value, inputs, name)
    channels = unit_labels_of(inputs, dims or {})
    return replace(known, inputs=driving.trials, name=name, input_channels=channels)


def check_same_bins(systems: Iterable[tuple[str, Recording]], measure: str) -> None:
    """Refuse systems with other time steps, or with spikes that were smoothed otherwise.

    A kernel adds a time scale of its own: it would be compared as if it were one of the system.

    Parameters
    ----------
    systems : iterable of (str, Recording)
        With their names.
    measure : str
        What messages call the measure.

    Raises
    ------
    TrialError
    """
    systems = list(systems)
    check_same_steps([(name, recording.times) for name, recording in systems], measure)
    smoothed = [(name, recording.kernel) for name, recording in systems if recording.kernel]
    for name, kernel in smoothed[1:]:
        first_name, first = smoothed[0]
        if kernel != first:
            raise TrialError(
                f"one kernel for the spikes of all systems, because {measure} compares what it adds too",
                f"{first} in {first_name} and {kernel} in {name}",
                "Set kernel and width of the spikes alike.",
            )


def _read(value: Any, valid: Any, dims: Mapping[str, str] | None, name: str) -> Recording:
    """Return the trials of a container with their labels and times; a recording is read already."""
    if isinstance(value, Recording):
        return value
    trials, labels, precision = trials_of(value, valid, dims, name)
    times = times_of(value, dims or {}, name)
    # A labelled mask has times of its own.
    mask_times = None if valid is None else times_of(valid, {}, name)
    check_beside(times, mask_times, name, "mask")
    return Recording(trials, None, labels, precision, name, times=times)


def _layout(lengths: Sequence[int]) -> str:
    times = str(lengths[0])
    if len(set(lengths)) > 1:
        times = f"{min(lengths)} to {max(lengths)}"
    return f"{len(lengths)} trials of {times} times"
