"""States of a file, such as rates or fluorescence, as trials in a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.datasets.file_formats import RecordingFileError, describe
from warpline.datasets.sources import TOLERANCE, Source, renamed
from warpline.datasets.spike_tables import trial_zeros
from warpline.similarity.recordings import Recording, as_recording
from warpline.similarity.trial_containers import UNIT_DIMS

__all__ = ["read_states"]

Floats = NDArray[np.float64]


def read_states(
    source: Source, settings: Mapping[str, Any], name: str
) -> tuple[Recording, float | None, float | None]:
    """Return states as a recording, the time of their first step and their time step in ms."""
    key = settings["variable"] or _only_candidate(source, settings)
    variable = source.variable(key, "variable")
    if variable.dtype == object:
        _refuse_idle(
            source, settings, ("valid", "select", "align"), f"cells '{key}', one per trial"
        )
        if list(settings["axes"] or ["time", "unit"]) not in (["time", "unit"], ["unit", "time"]):
            raise RecordingFileError(
                f"axes of each cell of '{key}' in {source.path}, [time, unit] or [unit, time]",
                ", ".join(settings["axes"]),
                "Correct axes.",
            )
        if sum(n > 1 for n in variable.shape) > 1:
            raise RecordingFileError(
                f"one row or column of cells in '{key}' of {source.path}, one per trial",
                f"shape {variable.shape}",
                "Write them as a column, such as rates(:) in MATLAB, and what has a value per trial alike.",
            )
        trials = [np.asarray(cell) for cell in variable.values.reshape(-1)]
        if settings["axes"] is not None and list(settings["axes"]) == ["unit", "time"]:
            trials = [trial.T for trial in trials]
        start, dt, keep = _time_axis(source, settings, key, max(map(len, trials)), "")
        cut = [_cut(trial, keep, source, k) for k, trial in enumerate(trials)]
        return as_recording([_in_bins(x, dt, settings) for x in cut], name=name), *_step(
            start, dt, settings
        )

    variable = _with_names(source, key, variable, settings)
    values, time_dim = np.asarray(variable.values), "time"
    if "trial" in variable.dims:
        # A window would count from the first step of the array, not from these zeros.
        _refuse_idle(source, settings, ("align",), f"'{key}', whose trials are cut already")
    elif settings["align"] is not None:
        _refuse_idle(source, settings, ("valid",), f"'{key}', which is cut into whole windows")
        values, start, dt = _aligned(source, settings, key, values)
        return as_recording(_in_bins(values, dt, settings), name=name), *_step(start, dt, settings)

    values = values if variable.ndim == 3 else values[None]
    start, dt, keep = _time_axis(source, settings, key, values.shape[1], time_dim)
    valid = None
    if settings["valid"] is not None:
        mask = source.variable(settings["valid"], "valid")
        dims = mask.dims if set(mask.dims) == {"trial", "time"} else ("trial", "time")
        valid = np.asarray(mask.values if dims == ("trial", "time") else mask.values.T)
        valid = valid[None] if valid.ndim == 1 and len(values) == 1 else valid
        if valid.shape != values.shape[:2]:
            raise RecordingFileError(
                f"valid as a mask (trial, time) of shape {values.shape[:2]} in {source.path}",
                f"{valid.shape}",
                "Name the mask of these states.",
            )
        if valid.dtype != bool and not (valid.dtype.kind in "fiu" and np.isin(valid, (0, 1)).all()):
            raise RecordingFileError(
                f"truth values, or 0 and 1, in '{settings['valid']}' of {source.path}",
                f"{valid.dtype} with other values",
                "Name the mask of recorded times.",
            )
        valid = _in_bins(valid[:, keep, None].astype(bool), dt, settings, all_of=True)[..., 0]
    states = _in_bins(values[:, keep], dt, settings)
    return as_recording(states, valid=valid, name=name), *_step(start, dt, settings)


def _refuse_idle(
    source: Source, settings: Mapping[str, Any], keys: Sequence[str], what: str
) -> None:
    """Refuse settings that would do nothing for these states."""
    idle = [key for key in keys if settings[key]]
    if idle:
        raise RecordingFileError(
            f"keys that apply to {what}, of {source.path}", ", ".join(idle), "Drop these keys."
        )


def _only_candidate(source: Source, settings: Mapping[str, Any]) -> str:
    """Return the name of the only array that can be the states."""
    candidates = [
        name
        for name, variable in source.variables.items()
        if name not in (settings["valid"], settings["time"])
        and variable.dtype.kind in "fiuO"
        and (variable.ndim > 1 or variable.dtype == object)
        and variable.dims != (name,)
    ]
    if len(candidates) != 1:
        others = [f"{name} ({variable.dtype})" for name, variable in source.variables.items()]
        raise RecordingFileError(
            f"one array of states in {source.path}",
            ", ".join(candidates)
            or f"only {', '.join(others) or 'nothing'}"
            + (f", and what is not read: {', '.join(source.unread)}" if source.unread else ""),
            "Name it: variable; for times of spikes, name these: spikes.",
        )
    return candidates[0]


def _with_names(source: Source, key: str, variable: Any, settings: Mapping[str, Any]) -> Any:
    """Return states with the dimensions (trial,) time, unit, in this order."""
    axes = settings["axes"]
    if any(" axis " in str(dim) or str(dim).startswith(f"{key} ") for dim in variable.dims):
        # NWB's series are (time, unit) by its standard; other files without names say nothing.
        if axes is None and source.path.suffix == ".nwb":
            axes = ["time", "unit"][: variable.ndim]
        if axes is None or len(axes) != variable.ndim:
            raise RecordingFileError(
                f"names of the axes of '{key}' in {source.path}, whose shape is {variable.shape}",
                f"{list(axes) if axes else 'none'}",
                f"Give {variable.ndim} names, in the order of the array, and for each file if files differ; "
                "leave unit out where the array has one unit and no axis for it."
                if axes
                else "Add axes, such as [trial, time, unit].",
            )
        variable = renamed(variable, dict(zip(variable.dims, axes, strict=True)))
    elif axes is not None and list(axes) != list(variable.dims):
        raise RecordingFileError(
            f"axes as {source.path} names those of '{key}', {', '.join(map(str, variable.dims))}",
            ", ".join(axes),
            "Drop axes, and rename dimensions by dims.",
        )
    # A further dimension, such as a seed or a session, is reduced to one label.
    for dim, label in settings["select"].items():
        if dim not in variable.dims:
            raise RecordingFileError(
                f"dimensions of '{key}' in select, {', '.join(map(str, variable.dims))}",
                dim,
                "Correct select.",
            )
        labels = source.labels(dim, variable.sizes[dim])
        if labels.count(label) != 1:
            raise RecordingFileError(
                f"a label of '{dim}' in {source.path} that stands there once, "
                f"{', '.join(map(str, labels[:8]))}",
                f"{label}, {labels.count(label)} times",
                "Correct select.",
            )
        index = labels.index(label)
        variable = variable.isel({dim: index})
        # So are a mask, times and values of trials that have this dimension, too.
        source.take(dim, index)
    # One unit, as MATLAB keeps no last axis of one, and NWB need not have one.
    if axes is not None and not set(variable.dims) & set(UNIT_DIMS):
        variable = variable.expand_dims("unit")
    unit_dims = [dim for dim in variable.dims if dim in UNIT_DIMS]
    others = {dim for dim in variable.dims if dim not in UNIT_DIMS}
    if len(unit_dims) != 1 or others not in ({"trial", "time"}, {"time"}):
        raise RecordingFileError(
            f"the dimensions trial (optional), time and unit of '{key}' in {source.path}",
            describe(variable),
            "Rename dimensions by dims, such as neuron to unit; take one label of another by select.",
        )
    order = [dim for dim in ("trial", "time") if dim in others]
    return variable.transpose(*order, unit_dims[0])


def _times(source: Source, settings: Mapping[str, Any], key: str) -> Floats | None:
    """Return the times of the steps in ms; None where the file has none."""
    name, unit = settings["time"], settings["time_unit"]
    if name is None and f"{key}.times" in source.variables:
        name = f"{key}.times"
    if name is None and "time" in source.variables:
        if "units" not in source.variables["time"].attrs and unit is None:
            needed = settings["window"] is not None or settings["align"] is not None
            if settings["dt"] is not None:
                unit = _unit_by_dt(source, float(settings["dt"]), needed)
                if unit is None:
                    return None
            elif not needed and settings["bin"] is None:
                return None
        name = "time"
    if name is None:
        return None
    values = np.asarray(source.variable(name, "time").values).reshape(-1)
    times = source.milliseconds(name, values, unit)
    steps = np.diff(times)
    if len(times) > 1 and not (steps > 0).all():
        raise RecordingFileError(
            f"rising times in '{name}' of {source.path}", "others", "Sort them."
        )
    if len(times) > 2 and np.ptp(steps) > TOLERANCE * steps.mean():
        raise RecordingFileError(
            f"equally spaced times in '{name}' of {source.path}",
            f"steps of {steps.min():g} to {steps.max():g} ms",
            "Interpolate the states to equal steps.",
        )
    return times


def _unit_by_dt(source: Source, dt: float, needed: bool) -> str | None:
    """Return the unit in which the times of a file, which does not say it, are in steps of dt, in ms.

    None where they count steps from 0, or where they are not needed: they are not read then.
    """
    values = np.asarray(source.variables["time"].values).reshape(-1)
    steps = np.array([np.nan])
    if values.dtype.kind in "fiu" and len(values) > 1:
        steps = np.diff(np.asarray(values, dtype=np.float64))
    for unit, factor in (("ms", 1.0), ("s", 1000.0)):
        if (abs(factor * steps - dt) <= TOLERANCE * dt).all():
            return unit
    count_steps = (abs(steps - 1) <= TOLERANCE).all() and values[0] == 0
    if needed and not count_steps:
        raise RecordingFileError(
            f"times in 'time' of {source.path} in steps of dt, {dt:g} ms, in ms or in s",
            f"steps of {steps.min():g} to {steps.max():g} from {values[0]}",
            "Add time_unit: s or ms, and drop dt.",
        )
    return None


def _time_axis(
    source: Source, settings: Mapping[str, Any], key: str, n_steps: int, time_dim: str
) -> tuple[float | None, float | None, NDArray[np.int64]]:
    """Return the first time and the step in ms, and the steps inside the window."""
    times, dt, window = _times(source, settings, key), settings["dt"], settings["window"]
    if times is not None and len(times) != n_steps:
        raise RecordingFileError(
            f"a time for each of {n_steps} steps of '{key}' in {source.path}",
            f"{len(times)}",
            "Name the times of these states.",
        )
    if times is not None and len(times) > 1:
        measured = float(np.diff(times).mean())
        if dt is not None and abs(dt - measured) > TOLERANCE * measured:
            raise RecordingFileError(
                f"dt as the times of {source.path} have it, {measured:g} ms", f"{dt:g}", "Drop dt."
            )
        dt = measured
    if times is None and dt is not None:
        times = dt * np.arange(n_steps)
    if window is None:
        return (None if times is None else float(times[0])), dt, np.arange(n_steps)
    if times is None:
        raise RecordingFileError(
            f"times of the steps of '{key}' in {source.path}, to cut a window",
            "none",
            "Add time (a variable) or dt (ms).",
        )
    start, stop = float(window[0]), float(window[1])
    _check_width(source, start, stop, dt)
    slack = TOLERANCE * float(dt or 1)
    keep = np.flatnonzero((times >= start - slack) & (times < stop - slack))
    end = float(times[-1]) + float(dt or 0)
    if not len(keep) or start < times[0] - (dt or 0) / 2 - slack or stop > end + slack:
        raise RecordingFileError(
            f"a window inside the times of {source.path}, {times[0]:g} to {end:g} ms",
            f"{start:g} to {stop:g} ms",
            "Change window.",
        )
    return float(times[keep[0]]), dt, keep


def _check_width(source: Source, start: float, stop: float, dt: float | None) -> None:
    """Refuse a window below a step, which would be one step wide: it is in another unit of time."""
    if dt is not None and stop - start < (1 - TOLERANCE) * dt:
        raise RecordingFileError(
            f"a window of at least a step of {source.path}, {dt:g} ms",
            f"{start:g} to {stop:g} ms",
            "Give window in ms.",
        )


def _aligned(
    source: Source, settings: Mapping[str, Any], key: str, values: NDArray[Any]
) -> tuple[NDArray[Any], float, float]:
    """Cut a recording in one piece (time, unit) into trials: (trial, time, unit), first time, step."""
    times, zeros = _times(source, settings, key), trial_zeros(source, settings)
    if times is None and settings["dt"] is not None:
        times = settings["dt"] * np.arange(len(values))
    if times is None or settings["window"] is None or len(times) < 2:
        raise RecordingFileError(
            f"times of '{key}' in {source.path} and a window, to cut trials",
            "none",
            "Add time (a variable) or dt (ms), and window.",
        )
    dt = float(np.diff(times).mean())
    start, stop = (float(edge) for edge in settings["window"])
    _check_width(source, start, stop, dt)
    n_steps = round((stop - start) / dt)
    # By the times themselves: steps that differ by less than the tolerance can add up to many.
    # The nearest one, the earlier of two equally near.
    starts = zeros + start - (0.5 + TOLERANCE) * dt
    first = np.searchsorted(times, starts)
    outside = (starts < times[0] - (1 + 2 * TOLERANCE) * dt) | (first + n_steps > len(times))
    if outside.any():
        k = int(np.argmax(outside))
        raise RecordingFileError(
            f"the window of every trial inside {source.path}, {times[0]:g} to {times[-1] + dt:g} ms",
            f"trial {k}, {zeros[k] + start:g} to {zeros[k] + stop:g} ms",
            "Change window, or drop the trial from the table.",
        )
    values = values if values.ndim == 2 else values[:, None]
    return values[first[:, None] + np.arange(n_steps)], start, dt


def _cut(trial: NDArray[Any], keep: NDArray[np.int64], source: Source, k: int) -> NDArray[Any]:
    """Return a trial (time, unit) in the window; without a window all of it."""
    if trial.ndim != 2:
        raise RecordingFileError(
            f"trials (time, unit) in {source.path}",
            f"shape {trial.shape} of trial {k}",
            "Correct it.",
        )
    if keep[0] >= len(trial):
        raise RecordingFileError(
            f"some of the window in every trial of {source.path}", f"none in trial {k}", "Drop it."
        )
    return trial[keep[keep < len(trial)]]


def _in_bins(
    values: NDArray[Any], dt: float | None, settings: Mapping[str, Any], all_of: bool = False
) -> NDArray[Any]:
    """Average steps, the last axis but one, in bins; of a mask, say whether all of a bin counts."""
    width = settings["bin"]
    if width is None:
        return values
    if dt is None:
        raise RecordingFileError(
            "a time step, to average states in bins", "none", "Add time (a variable) or dt (ms)."
        )
    steps = round(width / dt)
    if steps < 1 or abs(steps * dt - width) > 1e-3 * dt:
        raise RecordingFileError(
            f"a bin of a whole number of steps of {dt:g} ms", f"{width:g} ms", "Change bin."
        )
    n_bins = values.shape[-2] // steps
    if n_bins * steps != values.shape[-2] and values.ndim == 3 and not all_of:
        raise RecordingFileError(
            f"a window of a whole number of bins of {width:g} ms",
            f"{values.shape[-2]} steps of {dt:g} ms",
            "Change window or bin.",
        )
    binned = values[..., : n_bins * steps, :].reshape(
        *values.shape[:-2], n_bins, steps, values.shape[-1]
    )
    return np.asarray(binned.all(axis=-2) if all_of else binned.mean(axis=-2))


def _step(
    start: float | None, dt: float | None, settings: Mapping[str, Any]
) -> tuple[float | None, float | None]:
    """Return the time of the first step and the time step after binning."""
    width = settings["bin"]
    if width is None or dt is None:
        return start, dt
    return (None if start is None else start + (width - dt) / 2), float(width)
