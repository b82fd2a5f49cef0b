"""The door for arrays from outside: what a container says of itself is kept, refused or asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import DimensionError, NonFiniteDataError, TrialError

__all__ = ["UNIT_DIMS", "Recording", "as_recording", "check_equal_steps", "same_times", "time_step"]

FloatArray = NDArray[np.float64]

#: Names that the axis of units may have in a labelled array.
UNIT_DIMS = ("unit", "component", "channel")
#: States beyond two to this power, or below its inverse, are rescaled before they are squared.
SAFE_EXPONENT = 300


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
    """

    trials: tuple[FloatArray, ...]
    inputs: tuple[FloatArray, ...] | None = None
    trial_labels: tuple[Any, ...] | None = None
    precision: float = float(np.finfo(np.float64).eps)
    name: str = "states"
    conditions: tuple[Any, ...] | None = None
    times: FloatArray | None = None

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
        largest = max(float(np.abs(trial).max()) for trial in self.trials)
        exponent = int(np.frexp(largest)[1])
        if abs(exponent) <= SAFE_EXPONENT:
            return self, 0
        trials = tuple(np.ldexp(trial, -exponent) for trial in self.trials)
        return replace(self, trials=trials), exponent

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
    trials, labels, precision = _trials_of(value, valid, dims, name)
    conditions = _conditions_of(value, conditions, dims or {}, len(trials), name)
    times = _times_of(value, dims or {})
    _check_times(times, name)
    if inputs is None:
        driven = value.inputs if isinstance(value, Recording) else None
        return Recording(trials, driven, labels, precision, name, conditions, times)

    # Inputs are read as states are; then both must tell of the same trials and times.
    input_name = f"inputs of {name}"
    input_trials, input_labels, _ = _trials_of(inputs, valid, dims, input_name)
    lengths, input_lengths = [[len(trial) for trial in x] for x in (trials, input_trials)]
    if lengths != input_lengths:
        raise TrialError(
            f"{input_name} as long as the states, {_layout(lengths)}",
            _layout(input_lengths),
            "Give the inputs at the times of the states, trial by trial.",
        )
    if labels is not None and input_labels is not None and labels != input_labels:
        raise TrialError(
            f"the trial labels of {name} and of its inputs to be the same",
            f"{_first_difference(labels, input_labels)}",
            "Select the same trials of both, in the same order.",
        )
    input_times = _times_of(inputs, dims or {})
    if times is not None and input_times is not None and not same_times(times, input_times):
        raise TrialError(
            f"the time coordinates of {name} and of its inputs to be the same",
            f"{_span(times)} and {_span(input_times)}",
            "Select the same times of both, or drop one of the coordinates.",
        )
    return Recording(trials, input_trials, labels, precision, name, conditions, times)


def _times_of(value: Any, dims: Mapping[str, str]) -> FloatArray | None:
    """Return the time coordinate of a container, if it has one of numbers (datetimes as seconds)."""
    if isinstance(value, Recording):
        return value.times
    old = next((old for old, new in dims.items() if new == "time"), "time")
    if not hasattr(value, "coords") or old not in value.coords:
        return None
    times = np.asarray(value.coords[old].values)
    if times.dtype.kind in "mM" and times.ndim == 1:
        times = np.asarray((times - times[:1]) / np.timedelta64(1, "s"), dtype=np.float64)
    usable = times.ndim == 1 and times.dtype.kind in "fiu" and bool(np.isfinite(times).all())
    return times.astype(np.float64) if usable else None


def _check_times(times: FloatArray | None, name: str) -> None:
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


def check_equal_steps(recording: Recording) -> None:
    """Refuse times whose steps differ, for what compares a step with the next: operators, predictions.

    A tenth of the median step is left for the jitter of a clock.

    Raises
    ------
    TrialError
    """
    step = time_step(recording.times)
    if recording.times is None or step is None:
        return
    steps = np.diff(recording.times)
    if (np.abs(steps - step) > 0.1 * abs(step)).any():
        raise TrialError(
            f"equal time steps in {recording.name}, because an operator maps each step to the next",
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


def _span(times: FloatArray) -> str:
    return f"{times[0]:g} to {times[-1]:g} in {len(times)} steps"


def _listed(labels: Sequence[Any]) -> str:
    return ", ".join(map(str, labels[:6])) + (", ..." if len(labels) > 6 else "")


def _layout(lengths: Sequence[int]) -> str:
    times = str(lengths[0])
    if len(set(lengths)) > 1:
        times = f"{min(lengths)} to {max(lengths)}"
    return f"{len(lengths)} trials of {times} times"


def _first_difference(a: Sequence[Any], b: Sequence[Any]) -> str:
    index = next(i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y)
    return f"{a[index]!r} and {b[index]!r} at trial {index}"


def _conditions_of(
    value: Any, given: Any, dims: Mapping[str, str], n_trials: int, name: str
) -> tuple[Any, ...] | None:
    """Return the condition of each trial, as given or as the container says."""
    if given is None and isinstance(value, Recording):
        return value.conditions
    if given is None and hasattr(value, "coords") and "condition" in value.coords:
        # A condition of times or units does not tell of the trials.
        coordinate = value.coords["condition"]
        of_trials = [dims.get(dim, dim) for dim in coordinate.dims] == ["trial"]
        given = coordinate.values if of_trials else None
    if given is None:
        return None
    conditions = _condition_labels(given, name)
    if len(conditions) != n_trials:
        raise TrialError(
            f"a condition for each of {n_trials} trials of {name}",
            f"{len(conditions)}",
            "Give one condition per trial.",
        )
    return conditions


def _condition_labels(given: Any, name: str) -> tuple[Any, ...]:
    """Return conditions as they are given; refuse what is no sequence of distinct kinds of trials."""
    hidden = np.ma.getmaskarray(given).any() if isinstance(given, np.ma.MaskedArray) else False
    given = given.values if hasattr(given, "dims") else given
    values: Any = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(values, str | bytes | Mapping | set | frozenset) or not isinstance(
        values, Iterable
    ):
        raise TrialError(
            f"a sequence of conditions of {name}, one per trial",
            type(given).__name__,
            "Give a list or an array (trial,).",
        )
    labels = tuple(label.item() if isinstance(label, np.generic) else label for label in values)
    # Numbers and text side by side would be told apart by nobody: 1 and "1".
    kinds = {"text" if isinstance(label, str) else type(label).__name__ for label in labels}
    if len(kinds - {"int", "float", "bool"}) + bool(kinds & {"int", "float", "bool"}) > 1:
        fault = f"{' and '.join(sorted(kinds))} side by side"
    elif any(hasattr(label, "__len__") and not isinstance(label, str | bytes) for label in labels):
        fault = "several of a trial"
    # Of pandas' missing value, no comparison is true or false.
    elif hidden or any(
        label is None or type(label).__name__ == "NAType" or label != label for label in labels
    ):
        fault = "missing ones (None, NaN or masked)"
    else:
        return labels
    raise TrialError(
        f"a condition for each trial of {name}, a number or a text",
        fault,
        "Name each condition by one text or number.",
    )


def _trials_of(
    value: Any, valid: Any, dims: Mapping[str, str] | None, name: str
) -> tuple[tuple[FloatArray, ...], tuple[Any, ...] | None, float]:
    """Return the trials of a container, their labels, and the spacing of its type."""
    if isinstance(value, Recording):
        # Only new inputs or conditions bring it here: its trials are checked already.
        return value.trials, value.trial_labels, value.precision
    if callable(value):
        raise DimensionError(
            f"states of {name}, an array (trial, time, unit)",
            f"{type(value).__name__}, which can be called as a network",
            "Run it on inputs first, as by warpline.comparison.hidden_states.hidden_states.",
        )
    if hasattr(value, "to_base_variable"):
        # xarray's Variable is a DataArray without coordinates.
        import xarray as xr

        value = xr.DataArray(value)
    # A dataset of h5py has an attribute of that name, too, but no named dimensions.
    named = hasattr(value, "dims") and hasattr(value, "rename")
    if dims is not None and not named:
        raise DimensionError(
            f"named dimensions in {name}, to rename {', '.join(dims)}",
            type(value).__name__,
            "Drop dims, or give a DataArray.",
        )
    labels: tuple[Any, ...] | None = None
    if named:
        array, labels = _labelled(value, dims or {}, name)
    elif _is_sequence_of_trials(value):
        return _separate_trials(value, valid, name)
    else:
        array = value
    _check_mask_labels(valid, labels, name)
    array, precision, hidden = _numbers(array, name)
    array = array[None] if array.ndim == 2 else array
    _check_shape(array, 3, name)
    keep = _recorded_times(array, valid, hidden, name)
    if keep is None:
        _check_finite(array, name)
        array = np.ascontiguousarray(array, dtype=np.float64)
        return tuple(array), labels, precision
    trials = []
    for k, (trial, length) in enumerate(zip(array, keep, strict=True)):
        trial = np.ascontiguousarray(trial[:length], dtype=np.float64)
        _check_finite(trial, name, k)
        trials.append(trial)
    return tuple(trials), labels, precision


def _labelled(value: Any, dims: Mapping[str, str], name: str) -> tuple[Any, tuple[Any, ...] | None]:
    """Return a DataArray's values as (trial, time, unit), and its labels of trials."""
    if hasattr(value, "data_vars"):
        raise DimensionError(
            f"one array for {name}",
            f"a Dataset with {', '.join(map(str, value.data_vars)) or 'no variables'}",
            "Select a variable: dataset['...'].",
        )
    unknown = [old for old in dims if old not in value.dims]
    if unknown:
        raise DimensionError(
            f"dims to rename dimensions of {name}, {', '.join(map(str, value.dims))}",
            ", ".join(unknown),
            "Correct dims.",
        )
    value = value.rename(dict(dims))
    unit_dims = [dim for dim in value.dims if dim in UNIT_DIMS]
    other_dims = [dim for dim in value.dims if dim not in UNIT_DIMS]
    if len(unit_dims) != 1 or set(other_dims) not in ({"trial", "time"}, {"time"}):
        raise DimensionError(
            f"dimensions trial (optional), time and one of {', '.join(UNIT_DIMS)} in {name}",
            ", ".join(map(str, value.dims)) or "none",
            "Rename the dimensions of the DataArray, such as by dims={'neuron': 'unit'}.",
        )
    if "trial" not in other_dims:
        value = value.expand_dims("trial")
        return value.transpose("trial", "time", unit_dims[0]).data, None
    value = value.transpose("trial", "time", unit_dims[0])
    labels = tuple(value.indexes["trial"]) if "trial" in value.indexes else None
    if labels is not None and len(set(labels)) < len(labels):
        raise TrialError(
            f"distinct trial labels in {name}",
            f"{len(labels)} labels of which {len(set(labels))} are distinct",
            "Drop the coordinate 'trial', or make its labels distinct.",
        )
    return value.data, labels


def _check_mask_labels(valid: Any, labels: tuple[Any, ...] | None, name: str) -> None:
    """Refuse a labelled mask of other dimensions, or of the trials in another order."""
    dims = getattr(valid, "dims", None)
    if dims is None:
        return
    if set(dims) != {"trial", "time"}:
        raise TrialError(
            f"valid with the dimensions trial and time for {name}",
            ", ".join(map(str, dims)),
            "Rename the dimensions of the mask.",
        )
    given = tuple(valid.indexes["trial"]) if "trial" in valid.indexes else None
    if labels is not None and given is not None and len(given) == len(labels) and given != labels:
        raise TrialError(
            f"the trial labels of {name} and of its mask to be the same",
            _first_difference(labels, given),
            "Select the same trials of both, in the same order.",
        )


def _is_sequence_of_trials(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype == object
    # Awkward arrays are found by their module: Warpline does not need the package.
    if type(value).__module__.partition(".")[0] == "awkward":
        return True
    return isinstance(value, (list, tuple)) and bool(value) and hasattr(value[0], "shape")


def _separate_trials(
    value: Any, valid: Any, name: str
) -> tuple[tuple[FloatArray, ...], tuple[Any, ...] | None, float]:
    """Return the trials of a sequence of (time, unit) arrays."""
    if valid is not None:
        raise TrialError(
            f"no mask for {name}, whose trials are separate arrays",
            "valid",
            "Cut each trial to the times that were recorded.",
        )
    trials, precision = [], 0.0
    units: tuple[Any, ...] | None = None
    for k, item in enumerate(value):
        trial_name = f"trial {k} of {name}"
        trial_dims = getattr(item, "dims", None)
        if trial_dims is not None:
            labelled, _ = _labelled(item, {}, trial_name)
            if len(labelled) != 1:
                raise DimensionError(
                    f"dimensions time and unit in {trial_name}",
                    ", ".join(map(str, trial_dims)),
                    "Give each trial by itself.",
                )
            unit_dim = next(dim for dim in trial_dims if dim in UNIT_DIMS)
            own = tuple(item.indexes[unit_dim]) if unit_dim in item.indexes else None
            if units is not None and own is not None and own != units:
                raise DimensionError(
                    f"the units of {trial_name} as those of the trials before, {_listed(units)}",
                    _listed(own),
                    "Select the same units of all trials, in the same order.",
                )
            units = own if units is None else units
            item = labelled[0]
        array, spacing, hidden = _numbers(item, trial_name)
        _check_shape(array, 2, trial_name)
        keep = _recorded_times(array[None], None, None if hidden is None else hidden[None], name)
        array = array if keep is None else array[: keep[0]]
        _check_finite(array, name, k)
        trials.append(np.ascontiguousarray(array, dtype=np.float64))
        precision = max(precision, spacing)
    sizes = sorted({trial.shape[1] for trial in trials})
    if len(sizes) > 1:
        raise DimensionError(
            f"the same units in all trials of {name}",
            f"{' and '.join(map(str, sizes[:4]))} units",
            "Select the units that were recorded in every trial.",
        )
    return tuple(trials), None, precision


def _numbers(value: Any, name: str) -> tuple[NDArray[Any], float, NDArray[np.bool_] | None]:
    """Return a container's values as real numbers, the spacing of their type, and what is hidden."""
    precision: float | None = None
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor of PyTorch
        import torch

        value = value.detach().cpu()
        if value.layout is not torch.strided or value.is_nested or value.is_quantized:
            raise DimensionError(
                f"a dense tensor for {name}",
                f"a {'nested' if value.is_nested else 'quantised' if value.is_quantized else 'sparse'} one",
                "Give tensor.to_dense(), tensor.dequantize(), or a list of (time, unit) tensors.",
            )
        if value.dtype.is_floating_point:
            precision = float(torch.finfo(value.dtype).eps)
            # NumPy has no bfloat16; float32 holds each of its values.
            value = value.double() if value.dtype.itemsize < 4 else value
        value = value.resolve_conj().resolve_neg().numpy()
    elif hasattr(value, "columns") and hasattr(value, "to_numpy"):  # a table of pandas
        raise DimensionError(
            f"an array (trial, time, unit) for {name}",
            f"a {type(value).__name__}, whose index would be lost",
            "Give frame.to_numpy(), or an xarray DataArray with its labels.",
        )
    hidden: NDArray[np.bool_] | None = None
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.getmaskarray(value).any():
            hidden = np.ma.getmaskarray(value)
        value = np.ma.getdata(value)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DimensionError(
            f"an array (trial, time, unit) for {name}",
            f"a {type(value).__name__}: {error}",
            "Give an array, or a list of (time, unit) arrays.",
        ) from error
    if array.dtype.kind not in "fiub":
        raise DimensionError(
            f"real numbers in {name}",
            f"values of type {array.dtype}",
            "Give real and imaginary parts as units."
            if array.dtype.kind == "c"
            else "Convert the values to numbers.",
        )
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        # What is beyond double precision is infinite there, and refused as such.
        with np.errstate(over="ignore"):
            array = array.astype(np.float64)
    if precision is None:
        precision = float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0
    return array, precision, hidden


def _check_shape(array: NDArray[Any], n_dims: int, name: str) -> None:
    wanted = "(trial, time, unit)" if n_dims == 3 else "(time, unit)"
    if array.ndim != n_dims or array.size == 0:
        remedy = "Add the missing axes, of length 1 where there is one trial or one unit."
        if array.ndim > n_dims:
            remedy = "Select one system, or join trials along one axis."
        if array.ndim == n_dims:
            remedy = "An axis is empty: check the selection."
        raise DimensionError(f"a non-empty array {wanted} for {name}", f"{array.shape}", remedy)


def _check_finite(array: NDArray[Any], name: str, trial: int | None = None) -> None:
    """Refuse NaN and infinity, and say where the first one is."""
    finite = np.isfinite(array)
    if finite.all():
        return
    index = [int(i) for i in np.argwhere(~finite)[0]]
    if trial is not None:
        index = [trial, *index]
    raise NonFiniteDataError(
        f"finite {name}",
        f"{int((~finite).sum())} values that are NaN or infinite, the first at trial {index[0]}, time "
        f"{index[1]}, unit {index[2]}",
        "Drop these trials or units. If trials end early, say which times were recorded: valid=.",
    )


def _recorded_times(
    array: NDArray[Any], valid: Any, hidden: NDArray[np.bool_] | None, name: str
) -> list[int] | None:
    """Return the number of recorded times of each trial; None where nothing is hidden."""
    if valid is None and hidden is None:
        return None
    recorded = np.ones(array.shape[:2], dtype=bool)
    if valid is not None:
        dims = getattr(valid, "dims", None)
        given = np.asarray(valid if dims is None else valid.transpose("trial", "time"))
        if given.shape != recorded.shape or given.dtype != bool:
            raise TrialError(
                f"valid as an array of bool (trial, time) for {name}, {recorded.shape}",
                f"{given.dtype} of shape {given.shape}",
                "Give True for each time that was recorded.",
            )
        recorded &= given
    if hidden is not None:
        if not (hidden.all(axis=2) == hidden.any(axis=2)).all():
            raise TrialError(
                f"a mask of {name} that hides whole times",
                "a mask that hides some units of a time",
                "Drop those units or trials, or fill their values.",
            )
        recorded &= ~hidden.all(axis=2)
    lengths = recorded.sum(axis=1)
    ends = np.arange(recorded.shape[1]) < lengths[:, None]
    if not (recorded == ends).all():
        trial = int(np.argwhere((recorded != ends).any(axis=1))[0, 0])
        raise TrialError(
            f"the hidden times of {name} at the end of each trial",
            f"a gap inside trial {trial}",
            "Split the trial at the gap into two trials, or interpolate.",
        )
    if not lengths.all():
        raise TrialError(
            f"at least one recorded time in every trial of {name}",
            f"trial {int(np.argmin(lengths))} without any",
            "Drop the trial.",
        )
    return [int(length) for length in lengths]
