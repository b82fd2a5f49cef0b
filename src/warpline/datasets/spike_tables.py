"""Spike times of a file, in any of three layouts, as binned trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.datasets.file_formats import RecordingFileError, describe
from warpline.datasets.named_trials import trials_of_spikes
from warpline.datasets.sources import TOLERANCE, Source
from warpline.datasets.spike_trains import bin_edges, spike_counts, spike_rates

__all__ = ["BinnedSpikes", "SpikeExtent", "binned_spikes", "trial_zeros"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SpikeExtent:
    """When spikes occurred, against the window in which they are counted: a wrong unit of time is seen here.

    Attributes
    ----------
    first, last : float
        Time of the first and of the last spike of the file in ms: from the zero of its trial, or on the
        clock of the recording. NaN without a spike.
    zeros : tuple of float, or None
        First and last zero of a trial on that clock in ms; None where times count from the zeros.
    ends : tuple of float, or None
        First and last end of a trial in ms, from its zero; None where it is not known.
    n_cut : int
        Number of trials that end before the window.
    window : tuple of float
        In ms, from the zero of each trial.
    n_spikes, n_counted : int
        Number of spikes in the file, and of those in a bin. On a clock, a spike may count in two trials.
    rate : float
        Counted spikes per second and unit.
    """

    first: float
    last: float
    zeros: tuple[float, float] | None
    ends: tuple[float, float] | None
    n_cut: int
    window: tuple[float, float]
    n_spikes: int
    n_counted: int
    rate: float

    def __str__(self) -> str:
        parts = ["no spike"]
        if self.n_spikes:
            parts = [f"spikes from {self.first:g} to {self.last:g} ms"]
        if self.zeros is not None:
            parts[0] += " of the clock"
            parts.append(f"zeros of trials from {self.zeros[0]:g} to {self.zeros[1]:g} ms")
        parts.append(f"window {self.window[0]:g} to {self.window[1]:g} ms")
        if self.ends is not None:
            first, last = self.ends
            parts.append(
                f"trials end at {first:g} to {last:g} ms, {self.n_cut} before the window does"
            )
        counted = f"{self.n_counted} of {self.n_spikes} spikes counted"
        return f"{', '.join(parts)}: {counted}, {self.rate:.3g} per second and unit"


@dataclass(frozen=True, eq=False)
class BinnedSpikes:
    """Spikes of one system in bins.

    Attributes
    ----------
    trials : tuple of ndarray, each of shape (bin, unit)
        Counts, or rates in spikes per second. Shorter where a trial ends before the window does.
    labels : tuple, or None
        Of the trials, where the file names them.
    start, dt : float
        Centre of the first bin, and width of the bins, in ms.
    extent : SpikeExtent
    """

    trials: tuple[Floats, ...]
    labels: tuple[Any, ...] | None
    start: float
    dt: float
    extent: SpikeExtent


def binned_spikes(source: Source, settings: Mapping[str, Any]) -> BinnedSpikes:
    """Bin the spikes of a file.

    Parameters
    ----------
    source : Source
    settings : mapping
        As `warpline.datasets.sessions.read_session`.

    Raises
    ------
    RecordingFileError
        When the settings do not cover what the file holds, or no spike lies in the window.
    """
    spikes, window, width = settings["spikes"], settings["window"], settings["bin"]
    variable = source.variable(spikes["times"], "spikes.times")
    in_cells = variable.dtype == object
    by_trial = in_cells or bool(spikes.get("trials"))
    _refuse_what_spikes_do_not_use(source, settings, by_trial)
    labels = None
    if in_cells:
        columns = _spikes_of_cells(source, variable, settings)
        stored = columns[0]
    else:
        columns, labels = _spikes_of_columns(source, variable, settings)
        stored = source.milliseconds(
            spikes["times"], np.asarray(variable.values).reshape(-1), settings["time_unit"]
        )
    times, trials, units, n_trials, n_units = columns
    zeros = None if by_trial else trial_zeros(source, settings)
    edges = bin_edges((float(window[0]), float(window[1])), float(width))
    ends = _trial_ends(source, settings, zeros, n_trials, edges)
    n_bins = np.full(n_trials, len(edges) - 1)
    if ends is not None:
        n_bins = np.minimum(_whole_bins(ends, edges), n_bins).astype(np.int64)

    rows, n_rows = trials * n_units + units, n_trials * n_units
    counts = spike_counts(times, rows, n_rows, edges).reshape(n_trials, n_units, -1)
    n_counted = int(sum(trial[:, :n].sum() for trial, n in zip(counts, n_bins, strict=True)))
    extent = SpikeExtent(
        first=float(stored.min()) if len(stored) else np.nan,
        last=float(stored.max()) if len(stored) else np.nan,
        zeros=None if zeros is None else (float(zeros.min()), float(zeros.max())),
        ends=None if ends is None else (float(ends.min()), float(ends.max())),
        n_cut=int((n_bins < len(edges) - 1).sum()),
        window=(float(edges[0]), float(edges[-1])),
        n_spikes=len(stored),
        n_counted=n_counted,
        rate=1000 * n_counted / (float(width) * float(n_bins.sum()) * n_units),
    )
    if n_counted == 0:
        raise RecordingFileError(
            f"spikes of {source.path} in the window from {edges[0]:g} to {edges[-1]:g} ms",
            str(extent),
            "Correct window, align, until or time_unit.",
        )
    binned = counts
    if spikes.get("kernel", "counts") == "gaussian":
        # In spikes per second.
        rates = 1000 * spike_rates(times, rows, n_rows, edges, float(spikes["width"]))
        binned = rates.reshape(n_trials, n_units, -1)
    states = tuple(trial[:, :n].T for trial, n in zip(binned, n_bins, strict=True))
    return BinnedSpikes(states, labels, float(edges[0] + width / 2), float(width), extent)


def _trial_ends(
    source: Source,
    settings: Mapping[str, Any],
    zeros: Floats | None,
    n_trials: int,
    edges: Floats,
) -> Floats | None:
    """Return the end of each trial in ms from its zero, at least a bin into the window; None without."""
    name = settings["until"]
    if name is None:
        return None
    values = _column_of_times(source, name, "until")
    if len(values) != n_trials:
        raise RecordingFileError(
            f"an end in '{name}' (until) for each of {n_trials} trials of {source.path}",
            f"{len(values)}",
            "Give the ends of these trials, in their order.",
        )
    ends = source.milliseconds(name, values, settings["time_unit"])
    ends = ends if zeros is None else ends - zeros
    early = np.flatnonzero(_whole_bins(ends, edges) < 1)
    if len(early):
        raise RecordingFileError(
            f"every trial of {source.path} to last for a bin of the window, until {edges[1]:g} ms or longer",
            f"{len(early)} that end before; number {early[0]} ends {ends[early[0]]:g} ms after its zero",
            "Correct until or time_unit, start the window earlier, or leave these trials out.",
        )
    return ends


def _whole_bins(ends: Floats, edges: Floats) -> Floats:
    """Return how many bins from the start of the window are over at each end."""
    return np.floor((ends - edges[0]) / (edges[1] - edges[0]) + TOLERANCE)


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
    cells = variable.values
    if axes == ["trial"] and cells.ndim == 1:
        cells, axes = cells[:, None], ["trial", "unit"]
    if cells.ndim != 2 or sorted(axes) != ["trial", "unit"]:
        raise RecordingFileError(
            f"cells (trial, unit) of spike times in '{name}' of {source.path}",
            f"{describe(variable)} and axes {axes}",
            "Add axes: [unit, trial] if the file has units first, [trial] if it has one unit.",
        )
    cells = cells if axes == ["trial", "unit"] else cells.T
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
    unit_of_spike = source.flat(spikes["units"], "spikes.units")
    _same_length(source, spikes["times"], len(times), spikes["units"], len(unit_of_spike))
    if not len(times):
        raise RecordingFileError(
            f"times of spikes in '{spikes['times']}' of {source.path}", "none", "Export it again."
        )
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
        names = source.flat(lists[0], "units")
    units = _positions(source, unit_of_spike, names, spikes["units"], "units")

    if spikes.get("trials"):
        # Times count from the zero of each trial already.
        trial_of_spike = source.flat(spikes["trials"], "spikes.trials")
        _same_length(source, spikes["times"], len(times), spikes["trials"], len(trial_of_spike))
        labels, named = trials_of_spikes(source, settings, trial_of_spike)
        trials = _positions(source, trial_of_spike, labels, spikes["trials"], "trials")
        columns = times, trials, units, len(labels), len(names)
        return columns, tuple(labels.tolist()) if named else None

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
    values = _column_of_times(source, settings["align"], "align")
    zeros = source.milliseconds(settings["align"], values, settings["time_unit"])
    if len(np.unique(zeros)) < len(zeros):
        # Two trials of one zero hold the same data, and would count twice.
        raise RecordingFileError(
            f"a zero of its own for each trial in '{settings['align']}' (align) of {source.path}",
            f"{len(np.unique(zeros))} zeros of {len(zeros)} trials",
            "Name another column, or list each trial once.",
        )
    return zeros


def _column_of_times(source: Source, name: str, purpose: str) -> NDArray[Any]:
    """Return a column, which holds numbers."""
    values = source.column(name, purpose)
    if values.dtype.kind not in "fiu" or not len(values):
        raise RecordingFileError(
            f"times in the column '{name}' ({purpose})", f"{values.dtype}", "Name another column."
        )
    return values


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
            f"Number the {what} in the same way (a trial table without a column 'trial' counts from 0), or "
            "drop the spikes of others from the file.",
        )
    return np.asarray(positions, dtype=np.int64)
