"""A session: one system's recording from a file, read by settings that cover what the file says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from warpline.datasets.file_formats import RecordingFileError, describe, read_content
from warpline.datasets.spike_trains import bin_edges, spike_counts, spike_rates
from warpline.similarity.recordings import UNIT_DIMS, Recording, as_recording

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DEFAULTS", "Session", "read_session"]

Floats = NDArray[np.float64]

MILLISECONDS = {
    "ms": 1.0,
    "msec": 1.0,
    "millisecond": 1.0,
    "milliseconds": 1.0,
    "s": 1000.0,
    "sec": 1000.0,
    "second": 1000.0,
    "seconds": 1000.0,
}
"""Units of time by the names that files give them, in ms."""

DEFAULTS: dict[str, Any] = {
    "variable": None,
    "axes": None,
    "dims": {},
    "select": {},
    "valid": None,
    "ignore": [],
    "time": None,
    "time_unit": None,
    "dt": None,
    "trials": None,
    "align": None,
    "conditions": [],
    "spikes": None,
    "bin": None,
    "window": None,
}
"""Settings of `read_session` and their values where they are not given."""


@dataclass(frozen=True, eq=False)
class Session:
    """Trials of one system, and what its file says of them.

    Attributes
    ----------
    recording : Recording
        States, trial by trial.
    conditions : tuple of str or None
        Condition of each trial, such as ``coh=12.8, choice=1``; None where no columns name it.
    dt : float or None
        Time step in ms; None where neither the file nor the settings say.
    start : float or None
        Time of the first step in ms, from the zero of each trial.
    left_out : tuple of str
        What the file holds and was not read.
    """

    recording: Recording
    conditions: tuple[str, ...] | None
    dt: float | None
    start: float | None
    left_out: tuple[str, ...]


class _Source:
    """Variables of a file and columns of a table of trials; it remembers which were used."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        content = read_content(path)
        self.path = path
        self.unread = content.unread
        self.variables = {
            name: _renamed(variable, settings["dims"])
            for name, variable in content.variables.items()
        }
        every_dim = {dim for variable in content.variables.values() for dim in variable.dims}
        for old in settings["dims"]:
            if old not in every_dim:
                named = sorted(str(dim) for dim in every_dim if " axis " not in str(dim))
                raise RecordingFileError(
                    f"dims of {path}: {', '.join(named) or 'none has a name'}",
                    f"'{old}' in dims",
                    "Correct dims; axes without names are named by `axes`, such as [trial, time, unit].",
                )
        self.table = _read_trial_table(settings["trials"]) if settings["trials"] else {}
        self.used: set[str] = set()

    def variable(self, name: str, purpose: str) -> xr.Variable:
        """Return a variable of the file by name."""
        if name not in self.variables:
            known = ", ".join(sorted(self.variables)) or "no variable"
            raise RecordingFileError(
                f"a variable '{name}' ({purpose}) in {self.path}",
                f"only {known}",
                "Correct its name.",
            )
        self.used.add(name)
        return self.variables[name]

    def column(self, name: str, purpose: str) -> NDArray[Any]:
        """Return a column of the table of trials, or a variable of the file with a value per trial."""
        if name in self.table:
            return self.table[name]
        if name not in self.variables:
            known = ", ".join([*self.table, *sorted(self.variables)])
            raise RecordingFileError(
                f"a column '{name}' ({purpose}) of the trial table or of {self.path}",
                f"only {known or 'none'}",
                "Correct its name, or name the table: trials.",
            )
        variable = self.variable(name, purpose)
        if variable.ndim != 1:
            raise RecordingFileError(
                f"one value per trial in '{name}' of {self.path}",
                describe(variable),
                "Name another.",
            )
        return np.asarray(variable.values)

    def milliseconds(self, name: str, values: NDArray[Any], unit: str | None) -> Floats:
        """Return times in ms, by the unit that the file states or else by the one that is given."""
        stated = self.variables[name].attrs.get("units") if name in self.variables else None
        if stated is not None and str(stated) not in MILLISECONDS:
            raise RecordingFileError(
                f"a unit of time of '{name}' in {self.path} among {', '.join(MILLISECONDS)}",
                f"'{stated}'",
                "Convert the times, from the zero of each trial.",
            )
        if stated is None and unit is None:
            raise RecordingFileError(
                f"a unit of time for '{name}', which {self.path} does not state",
                "none",
                "Add time_unit: s or ms.",
            )
        if (
            stated is not None
            and unit is not None
            and MILLISECONDS[str(stated)] != MILLISECONDS[unit]
        ):
            raise RecordingFileError(
                f"time_unit as {self.path} states it for '{name}', '{stated}'",
                f"'{unit}'",
                "Drop time_unit, or correct the file.",
            )
        factor = MILLISECONDS[str(unit if stated is None else stated)]
        times = np.asarray(values, dtype=np.float64) * factor
        if not np.isfinite(times).all():
            raise RecordingFileError(
                f"finite times in '{name}' of {self.path}",
                f"{int((~np.isfinite(times)).sum())} that are NaN or infinite",
                "Drop them.",
            )
        return times

    def left_out(self, ignored: Iterable[str]) -> tuple[str, ...]:
        """Return what was not read; refuse masks among it that the settings do not name."""
        ignored = set(ignored)
        unknown = ignored - set(self.variables)
        if unknown:
            raise RecordingFileError(
                f"variables of {self.path} in ignore", ", ".join(sorted(unknown)), "Correct ignore."
            )
        left = []
        for name, variable in self.variables.items():
            if name in self.used or variable.dims == (name,):
                continue
            if variable.dtype == bool and name not in ignored:
                raise RecordingFileError(
                    f"settings that say what the mask '{name}' ({describe(variable)}) of {self.path} is",
                    "none",
                    f"Add valid: {name} if it marks recorded times, or ignore: [{name}].",
                )
            left.append(f"{name} ({describe(variable)})" if variable.dims else name)
        return (*left, *self.unread)


def _renamed(variable: xr.Variable, names: Mapping[Any, str]) -> xr.Variable:
    """Return a variable with some dimensions renamed."""
    import xarray as xr

    dims = [names.get(dim, dim) for dim in variable.dims]
    return xr.Variable(dims, variable.values, variable.attrs)


def _read_trial_table(path: str | Path) -> dict[str, NDArray[Any]]:
    """Return the columns of a CSV file with a row per trial."""
    import pandas as pd

    if not Path(path).is_file():
        raise RecordingFileError(f"a table of trials at {path}", "none", "Correct the path.")
    try:
        frame = pd.read_csv(path, comment="#")
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise RecordingFileError(
            f"a CSV table with a row per trial at {path}", str(error).strip(), "Export it again."
        ) from error
    return {str(name): frame[name].to_numpy() for name in frame}


def read_session(path: str | Path, settings: Mapping[str, Any], name: str = "") -> Session:
    """Read the recording of one system.

    Parameters
    ----------
    path : str or pathlib.Path
        One of `warpline.datasets.file_formats.FORMATS`.
    settings : mapping
        Some of `DEFAULTS`. ``variable``: the states, by default the only array that can be them. ``axes``:
        names of its axes, where the file names none. ``dims``: dimensions to rename to trial, time or unit.
        ``select``: one label (or index) of each further dimension. ``valid``: mask (trial, time) of the
        recorded times. ``ignore``: masks that do not count. ``time``, ``time_unit``, ``dt``: times of the
        steps, their unit, or the time step in ms. ``trials``: CSV table with a row per trial. ``align``:
        column with the zero of each trial, for a recording in one piece. ``conditions``: columns that
        name the condition of a trial. ``spikes``: mapping with ``times``, ``units``, ``trials`` (names),
        ``kernel`` and ``width``, for spike times in place of states. ``bin``: width of time bins in ms.
        ``window``: first and last time in ms.
    name : str
        What messages call the system; by default the file's name.

    Returns
    -------
    Session

    Raises
    ------
    InputError
        When the file cannot be read, or the settings do not cover what it holds.
    """
    path = Path(path)
    settings = {**DEFAULTS, **settings}
    name = name or path.name
    source = _Source(path, settings)
    if settings["spikes"] is not None:
        trials, start, dt = _binned_spikes(source, settings)
        recording = as_recording(trials, name=name)
    else:
        recording, start, dt = _continuous(source, settings, name)
    conditions = _conditions(source, settings["conditions"], len(recording.trials))
    return Session(recording, conditions, dt, start, source.left_out(settings["ignore"]))


def _conditions(source: _Source, columns: Sequence[str], n_trials: int) -> tuple[str, ...] | None:
    """Return the condition of each trial as text; None without columns."""
    if not columns:
        return None
    parts = []
    for column in columns:
        values = source.column(column, "conditions")
        if len(values) != n_trials:
            raise RecordingFileError(
                f"a value of '{column}' for each of {n_trials} trials of {source.path}",
                f"{len(values)}",
                "Give the table of these trials, in their order.",
            )
        parts.append([condition_text(column, value) for value in values])
    return tuple(", ".join(texts) for texts in zip(*parts, strict=True))


def condition_text(column: str, value: Any) -> str:
    """Return a condition as text, the same for 1 and 1.0."""
    number = isinstance(value, int | float | np.integer | np.floating)
    return f"{column}={value:g}" if number else f"{column}={value}"


# --- spikes -----------------------------------------------------------------------------------------


def _binned_spikes(source: _Source, settings: Mapping[str, Any]) -> tuple[Floats, float, float]:
    """Return states (trial, bin, unit), the time of the first bin's centre, and the bin in ms."""
    spikes, window, width = settings["spikes"], settings["window"], settings["bin"]
    if window is None or width is None:
        raise RecordingFileError(
            "a window and a bin in ms for spike times", "none", "Add window: [start, stop] and bin."
        )
    variable = source.variable(spikes["times"], "spikes.times")
    if variable.dtype == object:
        times, trials, units, n_trials, n_units = _spikes_of_cells(source, variable, settings)
    else:
        times, trials, units, n_trials, n_units = _spikes_of_columns(source, variable, settings)
    edges = bin_edges((float(window[0]), float(window[1])), float(width))
    if not ((times >= edges[0]) & (times < edges[-1])).any():
        extent = f"{times.min():g} to {times.max():g} ms" if len(times) else "no spike at all"
        raise RecordingFileError(
            f"spikes of {source.path} in the window from {edges[0]:g} to {edges[-1]:g} ms",
            extent,
            "Correct window, align or time_unit.",
        )
    rows, n_rows = trials * n_units + units, n_trials * n_units
    if spikes.get("kernel", "counts") == "gaussian":
        # In spikes per second.
        binned = 1000 * spike_rates(times, rows, n_rows, edges, float(spikes["width"]))
    else:
        binned = spike_counts(times, rows, n_rows, edges)
    states = binned.reshape(n_trials, n_units, -1).transpose(0, 2, 1)
    return states, float(edges[0] + width / 2), float(width)


_Spikes = tuple[Floats, NDArray[np.int64], NDArray[np.int64], int, int]


def _spikes_of_cells(source: _Source, variable: Any, settings: Mapping[str, Any]) -> _Spikes:
    """Return times, trials and units of the spikes of a cell array (trial, unit), and both sizes."""
    name = settings["spikes"]["times"]
    axes = list(settings["axes"] or ["trial", "unit"])
    if variable.ndim != 2 or sorted(axes) != ["trial", "unit"]:
        raise RecordingFileError(
            f"cells (trial, unit) of spike times in '{name}' of {source.path}",
            f"{describe(variable)} and axes {axes}",
            "Add axes: [unit, trial] if the file has units first.",
        )
    cells = variable.values if axes == ["trial", "unit"] else variable.values.T
    n_trials, n_units = cells.shape
    counts = np.array([np.size(cell) for cell in cells.reshape(-1)])
    values = np.concatenate([np.asarray(cell, float).reshape(-1) for cell in cells.reshape(-1)])
    times = source.milliseconds(name, values, settings["time_unit"])
    rows = np.repeat(np.arange(len(counts)), counts)
    return times, rows // n_units, rows % n_units, n_trials, n_units


def _spikes_of_columns(source: _Source, variable: Any, settings: Mapping[str, Any]) -> _Spikes:
    """Return times, trials and units of spikes that are listed one by one, and the numbers of both."""
    spikes = settings["spikes"]
    times = source.milliseconds(
        spikes["times"], np.asarray(variable.values).reshape(-1), settings["time_unit"]
    )
    unit_of_spike = np.asarray(source.variable(spikes["units"], "spikes.units").values).reshape(-1)
    _same_length(source, spikes["times"], len(times), spikes["units"], len(unit_of_spike))
    # Units without a spike are known only where the file lists all units, as NWB does.
    listed = source.variables.get("unit_ids", source.variables.get("unit"))
    if listed is not None and listed.ndim == 1:
        source.used |= {"unit_ids"}
        names = np.asarray(listed.values)
    else:
        names = np.unique(unit_of_spike)
    units = _positions(source, unit_of_spike, names, spikes["units"], "units")

    if spikes.get("trials"):
        # Times count from the zero of each trial already.
        trial_of_spike = np.asarray(
            source.variable(spikes["trials"], "spikes.trials").values
        ).reshape(-1)
        _same_length(source, spikes["times"], len(times), spikes["trials"], len(trial_of_spike))
        if "trial" in source.table:
            labels = source.table["trial"]
        elif source.table:
            labels = np.arange(len(next(iter(source.table.values()))))
        else:
            labels = np.unique(trial_of_spike)
        trials = _positions(source, trial_of_spike, labels, spikes["trials"], "trials")
        return times, trials, units, len(labels), len(names)

    # One piece: each trial takes the spikes around its own zero. A spike may fall into two trials.
    zeros = _zeros(source, settings)
    reach = 6 * float(spikes.get("width") or 0)
    low, high = float(settings["window"][0]) - reach, float(settings["window"][1]) + reach
    order = np.argsort(times, kind="stable")
    times, units = times[order], units[order]
    pieces = []
    for k, zero in enumerate(zeros):
        first, last = np.searchsorted(times, [zero + low, zero + high])
        pieces.append((times[first:last] - zero, np.full(last - first, k), units[first:last]))
    aligned, trials, units = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return aligned, trials, units, len(zeros), len(names)


def _zeros(source: _Source, settings: Mapping[str, Any]) -> Floats:
    """Return the zero of each trial in ms, on the clock of the recording."""
    if settings["align"] is None:
        raise RecordingFileError(
            f"the trials of {source.path}, which is one piece",
            "none",
            "Add align: the column with the zero of each trial; for spikes, or spikes.trials.",
        )
    values = source.column(settings["align"], "align")
    if values.dtype.kind not in "fiu" or not len(values):
        raise RecordingFileError(
            f"times in the column '{settings['align']}'", f"{values.dtype}", "Name another column."
        )
    return source.milliseconds(settings["align"], values, settings["time_unit"])


def _same_length(source: _Source, a: str, n_a: int, b: str, n_b: int) -> None:
    if n_a != n_b:
        raise RecordingFileError(
            f"as many entries in '{b}' as spikes in '{a}' of {source.path}, {n_a}",
            f"{n_b}",
            "Export both again.",
        )


def _positions(
    source: _Source, values: NDArray[Any], names: NDArray[Any], variable: str, what: str
) -> NDArray[np.int64]:
    """Return the position of each value among the names of units or trials."""
    order = np.argsort(names, kind="stable")
    places = np.searchsorted(names[order], values)
    places = np.minimum(places, len(names) - 1)
    positions = order[places]
    unknown = names[positions] != values
    if unknown.any():
        raise RecordingFileError(
            f"spikes of the {len(names)} {what} that are listed, in '{variable}' of {source.path}",
            f"{values[unknown][0]}",
            f"Number the {what} in the same way (a trial table without a column 'trial' counts from 0).",
        )
    return np.asarray(positions, dtype=np.int64)


# --- states -----------------------------------------------------------------------------------------


def _continuous(
    source: _Source, settings: Mapping[str, Any], name: str
) -> tuple[Recording, float | None, float | None]:
    """Return states as a recording, the time of their first step and their time step in ms."""
    key = settings["variable"] or _only_candidate(source, settings)
    variable = source.variable(key, "variable")
    if variable.dtype == object:
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
    labels = None
    if "trial" in source.variables and source.variables["trial"].dims == ("trial",):
        labels = source.variables["trial"].values
    if "trial" not in variable.dims and settings["align"] is not None:
        values, start, dt = _aligned(source, settings, key, values)
        return as_recording(_in_bins(values, dt, settings), name=name), *_step(start, dt, settings)

    values = values if variable.ndim == 3 else values[None]
    start, dt, keep = _time_axis(source, settings, key, values.shape[1], time_dim)
    valid = None
    if settings["valid"] is not None:
        mask = source.variable(settings["valid"], "valid")
        dims = mask.dims if set(mask.dims) == {"trial", "time"} else ("trial", "time")
        valid = np.asarray(mask.values if dims == ("trial", "time") else mask.values.T)
        if valid.shape != values.shape[:2]:
            raise RecordingFileError(
                f"valid as a mask (trial, time) of shape {values.shape[:2]} in {source.path}",
                f"{valid.shape}",
                "Name the mask of these states.",
            )
        valid = _in_bins(valid[:, keep, None].astype(bool), dt, settings, all_of=True)[..., 0]
    states = _in_bins(values[:, keep], dt, settings)
    import xarray as xr

    array = xr.DataArray(states, dims=("trial", "time", "unit"))
    if labels is not None and len(labels) == len(states):
        array = array.assign_coords(trial=labels)
    return as_recording(array, valid=valid, name=name), *_step(start, dt, settings)


def _only_candidate(source: _Source, settings: Mapping[str, Any]) -> str:
    """Return the name of the only array that can be the states."""
    wanted = 1 + len(settings["axes"] or ()) if settings["axes"] else 3
    candidates = [
        name
        for name, variable in source.variables.items()
        if name not in (settings["valid"], settings["time"])
        and variable.dtype.kind in "fiuO"
        and (variable.ndim in (2, 3, wanted - 1) or variable.dtype == object)
        and variable.dims != (name,)
    ]
    if len(candidates) != 1:
        raise RecordingFileError(
            f"one array of states in {source.path}",
            ", ".join(candidates) or f"only {', '.join(source.variables) or 'nothing'}",
            "Name it: variable.",
        )
    return candidates[0]


def _with_names(source: _Source, key: str, variable: Any, settings: Mapping[str, Any]) -> Any:
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
                "Add axes, such as [trial, time, unit].",
            )
        variable = _renamed(variable, dict(zip(variable.dims, axes, strict=True)))
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
        coordinate = source.variables.get(dim)
        labels = list(range(variable.sizes[dim])) if coordinate is None else list(coordinate.values)
        if label not in labels:
            raise RecordingFileError(
                f"a label of '{dim}' in {source.path}, {', '.join(map(str, labels[:8]))}",
                str(label),
                "Correct select.",
            )
        variable = variable.isel({dim: labels.index(label)})
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


def _times(source: _Source, settings: Mapping[str, Any], key: str) -> Floats | None:
    """Return the times of the steps in ms; None where the file has none."""
    name = settings["time"]
    if name is None and f"{key}.times" in source.variables:
        name = f"{key}.times"
    if name is None and "time" in source.variables:
        # Step numbers without a unit are no times.
        if "units" not in source.variables["time"].attrs and settings["time_unit"] is None:
            if settings["window"] is None and settings["dt"] is None and settings["bin"] is None:
                return None
            if settings["dt"] is not None:
                return None
        name = "time"
    if name is None:
        return None
    values = np.asarray(source.variable(name, "time").values).reshape(-1)
    times = source.milliseconds(name, values, settings["time_unit"])
    steps = np.diff(times)
    if len(times) > 1 and not (steps > 0).all():
        raise RecordingFileError(
            f"rising times in '{name}' of {source.path}", "others", "Sort them."
        )
    if len(times) > 2 and np.ptp(steps) > 1e-3 * steps.mean():
        raise RecordingFileError(
            f"equally spaced times in '{name}' of {source.path}",
            f"steps of {steps.min():g} to {steps.max():g} ms",
            "Interpolate the states to equal steps.",
        )
    return times


def _time_axis(
    source: _Source, settings: Mapping[str, Any], key: str, n_steps: int, time_dim: str
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
        if dt is not None and abs(dt - measured) > 1e-3 * measured:
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
    slack = 1e-6 * float(dt or 1)
    keep = np.flatnonzero((times >= start - slack) & (times < stop - slack))
    end = float(times[-1]) + float(dt or 0)
    if not len(keep) or start < times[0] - (dt or 0) / 2 - slack or stop > end + slack:
        raise RecordingFileError(
            f"a window inside the times of {source.path}, {times[0]:g} to {end:g} ms",
            f"{start:g} to {stop:g} ms",
            "Change window.",
        )
    return float(times[keep[0]]), dt, keep


def _aligned(
    source: _Source, settings: Mapping[str, Any], key: str, values: NDArray[Any]
) -> tuple[NDArray[Any], float, float]:
    """Cut a recording in one piece (time, unit) into trials: (trial, time, unit), first time, step."""
    times, zeros = _times(source, settings, key), _zeros(source, settings)
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
    n_steps = round((stop - start) / dt)
    first = np.ceil((zeros + start - times[0]) / dt - 1e-6).astype(int)
    outside = (first < 0) | (first + n_steps > len(times))
    if outside.any() or n_steps < 1:
        k = int(np.argmax(outside))
        raise RecordingFileError(
            f"the window of every trial inside {source.path}, {times[0]:g} to {times[-1] + dt:g} ms",
            f"trial {k}, {zeros[k] + start:g} to {zeros[k] + stop:g} ms",
            "Change window, or drop the trial from the table.",
        )
    values = values if values.ndim == 2 else values[:, None]
    return values[first[:, None] + np.arange(n_steps)], start, dt


def _cut(trial: NDArray[Any], keep: NDArray[np.int64], source: _Source, k: int) -> NDArray[Any]:
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
    return binned.all(axis=-2) if all_of else binned.mean(axis=-2)


def _step(
    start: float | None, dt: float | None, settings: Mapping[str, Any]
) -> tuple[float | None, float | None]:
    """Return the time of the first step and the time step after binning."""
    width = settings["bin"]
    if width is None or dt is None:
        return start, dt
    return (None if start is None else start + (width - dt) / 2), float(width)
