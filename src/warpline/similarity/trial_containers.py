"""Trials of a container: a labelled array, an array with or without a mask, or a sequence of trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.number_arguments import first_few
from warpline.similarity.input_errors import DimensionError, TrialError
from warpline.similarity.number_arrays import check_finite, check_shape, real_numbers
from warpline.similarity.recorded_masks import recorded_lengths

__all__ = [
    "UNIT_DIMS",
    "first_difference",
    "is_missing",
    "is_sequence_of_trials",
    "trials_of",
    "unit_labels_of",
]

FloatArray = NDArray[np.float64]

#: Names that the axis of units may have in a labelled array.
UNIT_DIMS = ("unit", "component", "channel")


def trials_of(
    value: Any, valid: Any, dims: Mapping[str, str] | None, name: str
) -> tuple[tuple[FloatArray, ...], tuple[Any, ...] | None, float]:
    """Return the trials of a container, their labels, and the spacing of its type."""
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
        _check_labels(labels, name)
    elif is_sequence_of_trials(value):
        return _separate_trials(value, valid, name)
    else:
        array = value
    _check_mask_labels(valid, labels, name)
    array, precision, hidden = real_numbers(array, name)
    array = array[None] if array.ndim == 2 else array
    check_shape(array, 3, name)
    keep = recorded_lengths(array, valid, hidden, name)
    if keep is None:
        check_finite(array, name)
        array = np.ascontiguousarray(array, dtype=np.float64)
        return tuple(array), labels, precision
    trials = []
    for k, (trial, length) in enumerate(zip(array, keep, strict=True)):
        trial = np.ascontiguousarray(trial[:length], dtype=np.float64)
        check_finite(trial, name, k)
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
        value = _one_label(value, name).expand_dims("trial")
        return value.transpose("trial", "time", unit_dims[0]).data, None
    value = value.transpose("trial", "time", unit_dims[0])
    labels = tuple(value.indexes["trial"]) if "trial" in value.indexes else None
    return value.data, labels


def _one_label(value: Any, name: str) -> Any:
    """Return a DataArray of one trial with one label, where each of its times has that of its trial."""
    if "trial" not in value.coords or not value.coords["trial"].dims:
        return value
    labels = list(dict.fromkeys(value.coords["trial"].values.ravel().tolist()))
    if len(labels) > 1:
        raise TrialError(
            f"one trial in {name}, which has no dimension trial",
            f"{len(labels)} labels of trials along {', '.join(value.coords['trial'].dims)}",
            "Cut it into trials: [trial for _, trial in array.groupby('trial')].",
        )
    return value.drop_vars("trial").assign_coords(trial=labels[0])


def is_missing(label: Any) -> bool:
    """Say whether a label is None, NaN or empty text, or what pandas has in their place.

    netCDF files hold an empty text where the others of some labels are missing.
    """
    if isinstance(label, str):
        return not label.strip()
    # Of pandas' missing value, no comparison is true or false.
    return label is None or type(label).__name__ == "NAType" or bool(label != label)


def _check_labels(labels: tuple[Any, ...] | None, name: str) -> None:
    """Refuse labels of trials of which two are the same, or one is missing."""
    missing = [index for index, label in enumerate(labels or ()) if is_missing(label)]
    if missing:
        raise TrialError(
            f"a label of each trial of {name}",
            f"{len(missing)} of {len(labels or ())} without one, the first being trial {missing[0]}",
            "Name these trials, too, or drop the coordinate 'trial'.",
        )
    if labels is not None and len(set(labels)) < len(labels):
        raise TrialError(
            f"distinct trial labels in {name}",
            f"{len(labels)} labels of which {len(set(labels))} are distinct",
            "Drop the coordinate 'trial', or make its labels distinct.",
        )


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
            first_difference(labels, given),
            "Select the same trials of both, in the same order.",
        )


def is_sequence_of_trials(value: Any) -> bool:
    """Whether a value is a sequence of separate (time, unit) arrays."""
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
    labels: list[Any] = []
    units: tuple[Any, ...] | None = None
    for k, item in enumerate(value):
        trial_name = f"trial {k} of {name}"
        trial_dims = getattr(item, "dims", None)
        if trial_dims is not None:
            # A trial that was selected from an array carries its label as a coordinate without dimension.
            selected = "trial" in item.coords and "trial" not in trial_dims
            labelled, label = _labelled(
                _one_label(item, trial_name).expand_dims("trial") if selected else item,
                {},
                trial_name,
            )
            labels += label or ()
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
                    f"the units of {trial_name} as those of the trials before, {first_few(units, 6)}",
                    first_few(own, 6),
                    "Select the same units of all trials, in the same order.",
                )
            units = own if units is None else units
            item = labelled[0]
        array, spacing, hidden = real_numbers(item, trial_name)
        check_shape(array, 2, trial_name)
        keep = recorded_lengths(array[None], None, None if hidden is None else hidden[None], name)
        array = array if keep is None else array[: keep[0]]
        check_finite(array, name, k)
        trials.append(np.ascontiguousarray(array, dtype=np.float64))
        precision = max(precision, spacing)
    sizes = sorted({trial.shape[1] for trial in trials})
    if len(sizes) > 1:
        raise DimensionError(
            f"the same units in all trials of {name}",
            f"{' and '.join(map(str, sizes[:4]))} units",
            "Select the units that were recorded in every trial.",
        )
    # Labels of some trials alone match none.
    all_labels = tuple(labels) if labels and len(labels) == len(trials) else None
    _check_labels(all_labels, name)
    return tuple(trials), all_labels, precision


def unit_labels_of(value: Any, dims: Mapping[str, str]) -> tuple[Any, ...] | None:
    """Return the labels of the units (or channels) of a container, where it has some."""
    if isinstance(value, (list, tuple)):
        of_trials = (unit_labels_of(trial, {}) for trial in value)
        return next((labels for labels in of_trials if labels is not None), None)
    indexes = getattr(value, "indexes", {})
    names = (name for name in indexes if dims.get(str(name), name) in UNIT_DIMS)
    return next((tuple(indexes[name]) for name in names), None)


def first_difference(a: Sequence[Any], b: Sequence[Any]) -> str:
    """Return the first labels that differ in two lists of labels, and where they stand, as text."""
    index = next(i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y)
    return f"{a[index]!r} and {b[index]!r} at trial {index}"
