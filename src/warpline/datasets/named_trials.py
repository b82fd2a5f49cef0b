"""The trials that spikes name, and their order: that of the values by trial which stand beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.datasets.file_formats import RecordingFileError
from warpline.datasets.sources import Source

__all__ = ["trials_of_spikes"]


def trials_of_spikes(
    source: Source, settings: Mapping[str, Any], trial_of_spike: NDArray[Any]
) -> tuple[NDArray[Any], bool]:
    """Return the trials that spikes name, in the order of the values by trial.

    Parameters
    ----------
    source : Source
    settings : mapping
        As `warpline.datasets.sessions.read_session`.
    trial_of_spike : ndarray, shape (spike,)
        The trial of each spike.

    Returns
    -------
    labels : ndarray, shape (trial,)
    named : bool
        Whether these are labels, by which trials are matched, and no count of the rows of a table.

    Raises
    ------
    RecordingFileError
        When arrays of the file hold values by trial, and the order of their trials is not known; when a
        table numbers its trials otherwise than the spikes.
    """
    # A variable of that name may also be the trial of each spike.
    listed = None if settings["spikes"]["trials"] == "trial" else source.listed_trials()
    if "trial" in source.table:
        labels = source.table["trial"]
        if listed is None or list(listed) != list(labels):
            _refuse_values_by_place(source, settings)
        return labels, True
    if source.table:
        rows = _rows_of_table(source, settings, trial_of_spike)
        if listed is not None and list(listed) != rows.tolist():
            raise RecordingFileError(
                f"a column 'trial' in the table of {source.path}, which lists its trials in another order "
                "than 0, 1, 2, ...",
                f"only {', '.join(source.table)}",
                "Add the numbers that spikes name as a column 'trial'.",
            )
        return rows, False
    if listed is not None:
        return listed, True
    labels = np.unique(trial_of_spike)
    # A value per trial is at the place of its number, which names, and numbers with gaps, are not.
    counted = labels.dtype.kind in "iuf" and (np.diff(labels) == 1).all()
    if not (counted and labels[0] in (0, 1)):
        _refuse_values_by_place(source, settings)
    return labels, True


def _rows_of_table(
    source: Source, settings: Mapping[str, Any], trial_of_spike: NDArray[Any]
) -> NDArray[np.int64]:
    """Return the numbers of the rows of a table without a column `trial`; refuse other ones of spikes."""
    variable = settings["spikes"]["trials"]
    if variable in source.table:
        raise RecordingFileError(
            f"the trials of the table of {source.path} in a column 'trial'",
            f"'{variable}'",
            "Rename it to 'trial'.",
        )
    named = set(trial_of_spike.tolist())
    if 0 not in named:
        # Numbers from 1 fit, too, if the last trial has no spike: each row would be that of another.
        raise RecordingFileError(
            f"spikes of trial 0 in '{variable}' of {source.path}, because a table without a "
            "column 'trial' counts its trials from 0",
            f"{min(named)} as the first",
            "Add a column 'trial' with the numbers that spikes name.",
        )
    return np.arange(len(next(iter(source.table.values()))))


def _refuse_values_by_place(source: Source, settings: Mapping[str, Any]) -> None:
    """Refuse arrays with a value per trial where the order of their trials is not known."""
    asked = [*settings["conditions"], *([settings["until"]] if settings["until"] else [])]
    by_place = [name for name in asked if name not in source.table and name in source.variables]
    if by_place:
        raise RecordingFileError(
            f"the order of the trials in '{by_place[0]}' of {source.path}, whose spikes name trials in "
            f"'{settings['spikes']['trials']}'",
            "no list of them in that order",
            "Give a table (trials) with a column 'trial' and these values, or list the trials in the file "
            "under 'trial'.",
        )
