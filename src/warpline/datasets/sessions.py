"""A session: one system's recording from a file, read by settings that cover what the file says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from warpline.core.number_arguments import short_text
from warpline.datasets.file_formats import RecordingFileError
from warpline.datasets.read_settings import checked_settings
from warpline.datasets.sources import Source, lists_one_twice, missing_values
from warpline.datasets.spike_tables import SpikeExtent, binned_spikes
from warpline.datasets.state_arrays import read_states
from warpline.similarity.recordings import Recording, as_recording
from warpline.similarity.trial_conditions import condition_text, without_notation

__all__ = ["Session", "read_session"]


@dataclass(frozen=True, eq=False)
class Session:
    """Trials of one system, and what its file says of them.

    Attributes
    ----------
    recording : Recording
        States, trial by trial; where columns name them, its ``conditions`` are text such as
        ``coh=12.8, choice=1``. Its ``times`` are in seconds from the zero of each trial, where ``dt`` and
        ``start`` are known.
    dt : float or None
        Time step in ms; None where neither the file nor the settings say.
    start : float or None
        Time of the first step in ms, from the zero of each trial.
    left_out : tuple of str
        What the file holds and was not read.
    spikes : SpikeExtent or None
        When spikes occurred, against the window; None for states.
    """

    recording: Recording
    dt: float | None
    start: float | None
    left_out: tuple[str, ...]
    spikes: SpikeExtent | None = None

    def summary(self) -> str:
        """Return what was read of a file, and what was not, as a line."""
        recording = self.recording
        shortest, longest = min(recording.lengths), max(recording.lengths)
        times = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
        parts = [f"{len(recording.trials)} trials of {times} times, {recording.n_units} units"]
        if recording.kernel is not None:
            parts.append(f"bins of {self.dt:g} ms, {recording.kernel}")
        elif self.dt is not None:
            parts.append(f"steps of {self.dt:g} ms")
        if self.spikes is not None:
            parts.append(str(self.spikes))
        if self.left_out:
            parts.append(f"not read: {', '.join(self.left_out)}")
        return "; ".join(parts)


def read_session(path: str | Path, settings: Mapping[str, Any], name: str = "") -> Session:
    """Read the recording of one system.

    Parameters
    ----------
    path : str or pathlib.Path
        One of `warpline.datasets.file_formats.FORMATS`.
    settings : mapping
        Some of `warpline.datasets.read_settings.DEFAULTS`. ``variable``: the states, by default the only
        array that can be them. ``axes``: names of its axes, where the file names none. ``dims``:
        dimensions to rename to trial, time or unit. ``select``: one label of each further dimension, or
        its index from 0 where the file lists none. ``valid``: mask (trial, time) of the recorded times.
        ``ignore``: masks that do not count. ``time``, ``time_unit``, ``dt``: times of the steps, their
        unit, or the time step in ms. ``trials``: CSV table with a row per trial. ``align``: column with
        the zero of each trial, for a recording in one piece. ``until``: column with the end of each
        trial, for spikes; bins that do not lie before it whole are left out. ``conditions``: columns that
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
        When a setting is unknown or odd, the file cannot be read, or the settings do not cover what it holds.
    """
    path = Path(path)
    settings = checked_settings(settings)
    name = name or path.name
    source = Source(path, settings)
    start: float | None
    dt: float | None
    extent = None
    if settings["spikes"] is not None:
        binned = binned_spikes(source, settings)
        start, dt, extent = binned.start, binned.dt, binned.extent
        recording = replace(
            as_recording(binned.trials, name=name),
            trial_labels=binned.labels,
            kernel=_kernel_text(settings["spikes"]),
        )
    else:
        recording, start, dt = read_states(source, settings, name)
    if not (settings["spikes"] or {}).get("trials"):
        recording = _with_labels_of_file(source, recording)
    recording = _with_labels_of_table(source, recording)
    conditions = _conditions(source, settings["conditions"], len(recording.trials))
    times = None
    if start is not None and dt is not None:
        # In seconds, as the times of a container with dates.
        times = (start + dt * np.arange(max(recording.lengths))) / 1000
    recording = replace(recording, conditions=conditions, times=times)
    return Session(recording, dt, start, source.left_out(), extent)


def _kernel_text(spikes: Mapping[str, Any]) -> str:
    """Return how spikes became states as text, the same for equal kernels."""
    kernel = spikes.get("kernel", "counts")
    return "counts" if kernel == "counts" else f"{kernel} kernel of {spikes['width']:g} ms"


def _with_labels_of_file(source: Source, recording: Recording) -> Recording:
    """Return a recording with the labels that the file lists for these trials."""
    n_trials = len(recording.trials)
    if "trial" not in source.variables or source.variables["trial"].shape != (n_trials,):
        return recording
    labels = source.listed_trials()
    return recording if labels is None else replace(recording, trial_labels=tuple(labels.tolist()))


def _with_labels_of_table(source: Source, recording: Recording) -> Recording:
    """Return a recording with the trial labels of the table's column `trial`, if the file has none.

    A table of other trials than those of the file, or of these in another order, is refused.
    """
    n_rows, n_trials = len(next(iter(source.table.values()), ())), len(recording.trials)
    if source.table and n_rows != n_trials:
        raise RecordingFileError(
            f"a row for each of {n_trials} trials of {source.path} in its table",
            f"{n_rows}",
            "Give the table of these trials, in their order, or correct the order of axes.",
        )
    labels, rows = recording.trial_labels, source.table.get("trial")
    if rows is None or (labels is not None and list(rows) == list(labels)):
        return recording
    if labels is None:
        missing = missing_values(rows)
        if missing.all():
            return recording
        if missing.any():
            raise RecordingFileError(
                f"a label of each trial in the table of {source.path}",
                f"none in row {int(np.argmax(missing))} of {n_rows}",
                "Fill in its column 'trial', or rename the column.",
            )
        n_distinct = len(set(rows.tolist()))
        if lists_one_twice(rows):
            raise RecordingFileError(
                f"distinct trial labels in the table of {source.path}",
                f"{n_rows} labels of which {n_distinct} are distinct",
                "Make the labels of its column 'trial' distinct, or rename the column.",
            )
        # A number that counts anew in each block names no trial.
        if n_distinct < n_rows:
            return recording
        return replace(recording, trial_labels=tuple(rows.tolist()))
    if set(rows) == set(labels):
        raise RecordingFileError(
            f"the rows of the trial table in the order of the trials of {source.path}",
            f"{rows[0]}, {rows[1]}, ... in its column 'trial', and {labels[0]}, {labels[1]}, ... in the file",
            "Sort the table as the file.",
        )
    raise RecordingFileError(
        f"the trials {', '.join(map(short_text, labels[:2]))}, ... of {source.path} in the column 'trial' of "
        "its table",
        ", ".join(map(short_text, rows[:2].tolist())),
        "Give the table of these trials, or rename its column.",
    )


def _conditions(source: Source, columns: Sequence[str], n_trials: int) -> tuple[str, ...] | None:
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
                "Give the table of these trials, in their order, or correct the order of axes.",
            )
        missing = np.flatnonzero(missing_values(values))
        if len(missing):
            raise RecordingFileError(
                f"a value of '{column}' for each trial of {source.path}",
                f"none (empty, NaN, NA or None) for {len(missing)}, the first being number {missing[0]}",
                "Give these trials a word of their own, such as 'catch', or leave them out.",
            )
        texts = [condition_text(column, value) for value in values]
        n_values = len({without_notation(value) for value in values})
        if len(set(texts)) < n_values:
            raise RecordingFileError(
                f"values of '{column}' that differ in their first six digits, to tell conditions of "
                f"{source.path} apart",
                f"{n_values} values, but {len(set(texts))} conditions",
                "Round them, or number the conditions.",
            )
        written: dict[str, str] = {}
        for value, text in zip(values, texts, strict=True):
            if isinstance(value, str) and written.setdefault(text, value.strip()) != value.strip():
                raise RecordingFileError(
                    f"one way to write each number of '{column}' in {source.path}, because text that writes "
                    "a number is that number",
                    f"'{written[text]}' and '{value.strip()}'",
                    "Write them alike, or, if they are other conditions, with a letter: 'c01' and 'c1'.",
                )
        parts.append(texts)
    return tuple(", ".join(texts) for texts in zip(*parts, strict=True))
