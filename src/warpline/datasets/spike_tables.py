"""Spike times of a file, in any of three layouts, as binned trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.datasets.file_formats import RecordingFileError, describe
from warpline.datasets.sources import Source
from warpline.datasets.spike_trains import bin_edges, spike_counts, spike_rates

__all__ = ["binned_spikes", "trial_zeros"]

Floats = NDArray[np.float64]


def binned_spikes(
    source: Source, settings: Mapping[str, Any]
) -> tuple[Floats, tuple[Any, ...] | None, float, float]:
    """Return states (trial, bin, unit), labels of trials, the first bin's centre and the bin in ms."""
    spikes, window, width = settings["spikes"], settings["window"], settings["bin"]
    if window is None or width is None:
        raise RecordingFileError(
            "a window and a bin in ms for spike times", "none", "Add window: [start, stop] and bin."
        )
    variable = source.variable(spikes["times"], "spikes.times")
    in_cells = variable.dtype == object
    _refuse_what_spikes_do_not_use(source, settings, in_cells or bool(spikes.get("trials")))
    labels = None
    if in_cells:
        times, trials, units, n_trials, n_units = _spikes_of_cells(source, variable, settings)
    else:
        columns, labels = _spikes_of_columns(source, variable, settings)
        times, trials, units, n_trials, n_units = columns
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
    return states, labels, float(edges[0] + width / 2), float(width)


def _refuse_what_spikes_do_not_use(
    source: Source, settings: Mapping[str, Any], by_trial: bool
) -> None:
    """Refuse settings that would do nothing: zeros of trials where times count from them, keys of states."""
    if by_trial and settings["align"] is not None:
        raise RecordingFileError(
            f"no align for spikes of {source.path} that are listed by trial: their times count from its zero",
            f"align: {settings['align']}",
            "Drop align, or subtract these times in the file; for times on one clock, drop spikes.trials.",
        )
    idle = [key for key in ("variable", "select", "valid", "time", "dt") if settings[key]]
    if idle:
        raise RecordingFileError(
            f"keys that apply to the spikes of {source.path}", ", ".join(idle), "Drop these keys."
        )


_Spikes = tuple[Floats, NDArray[np.int64], NDArray[np.int64], int, int]


def _spikes_of_cells(source: Source, variable: Any, settings: Mapping[str, Any]) -> _Spikes:
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


def _spikes_of_columns(
    source: Source, variable: Any, settings: Mapping[str, Any]
) -> tuple[_Spikes, tuple[Any, ...] | None]:
    """Return times, trials and units of spikes listed one by one, the numbers of both, and labels."""
    spikes = settings["spikes"]
    times = source.milliseconds(
        spikes["times"], np.asarray(variable.values).reshape(-1), settings["time_unit"]
    )
    unit_of_spike = np.asarray(source.variable(spikes["units"], "spikes.units").values).reshape(-1)
    _same_length(source, spikes["times"], len(times), spikes["units"], len(unit_of_spike))
    # Units without a spike are known only where the file lists all units, as NWB does.
    # A variable of that name may also be the unit of each spike.
    lists = [
        name
        for name in ("unit_ids", "unit")
        if name in source.variables
        and source.variables[name].ndim == 1
        and name not in (spikes["times"], spikes["units"], spikes.get("trials"))
    ]
    names = np.unique(unit_of_spike)
    if lists:
        names = np.asarray(source.variable(lists[0], "units").values)
    units = _positions(source, unit_of_spike, names, spikes["units"], "units")

    if spikes.get("trials"):
        # Times count from the zero of each trial already.
        trial_of_spike = np.asarray(
            source.variable(spikes["trials"], "spikes.trials").values
        ).reshape(-1)
        _same_length(source, spikes["times"], len(times), spikes["trials"], len(trial_of_spike))
        known = True
        if "trial" in source.table:
            labels = source.table["trial"]
        elif source.table:
            labels, known = np.arange(len(next(iter(source.table.values())))), False
        else:
            labels = np.unique(trial_of_spike)
        trials = _positions(source, trial_of_spike, labels, spikes["trials"], "trials")
        columns = times, trials, units, len(labels), len(names)
        return columns, tuple(labels.tolist()) if known else None

    # One piece: each trial takes the spikes around its own zero. A spike may fall into two trials.
    zeros = trial_zeros(source, settings)
    # A bin more, so that rounding cannot lose a spike on the edge of the window.
    reach = 6 * float(spikes.get("width") or 0) + float(settings["bin"])
    low, high = float(settings["window"][0]) - reach, float(settings["window"][1]) + reach
    order = np.argsort(times, kind="stable")
    times, units = times[order], units[order]
    pieces = []
    for k, zero in enumerate(zeros):
        first, last = np.searchsorted(times, [zero + low, zero + high])
        pieces.append((times[first:last] - zero, np.full(last - first, k), units[first:last]))
    aligned, trials, units = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return (aligned, trials, units, len(zeros), len(names)), None


def trial_zeros(source: Source, settings: Mapping[str, Any]) -> Floats:
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


def _same_length(source: Source, a: str, n_a: int, b: str, n_b: int) -> None:
    if n_a != n_b:
        raise RecordingFileError(
            f"as many entries in '{b}' as spikes in '{a}' of {source.path}, {n_a}",
            f"{n_b}",
            "Export both again.",
        )


def _positions(
    source: Source, values: NDArray[Any], names: NDArray[Any], variable: str, what: str
) -> NDArray[np.int64]:
    """Return the position of each value among the names of units or trials, which are distinct."""
    import pandas as pd

    if pd.isna(names).any() or len(set(names.tolist())) < len(names):
        raise RecordingFileError(
            f"distinct {what} in the list of them for '{variable}' of {source.path}",
            f"{len(names)} {what} of which {len(set(pd.Series(names).dropna()))} are distinct",
            f"Give each of the {what} one number of its own.",
        )
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
