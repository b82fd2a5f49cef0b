"""Rows of consecutive trials, the last one cut, as in the code of Guilhot et al. (2024)."""

from __future__ import annotations

import numpy as np
import xarray as xr

__all__ = ["RowsToFill", "pack_rows"]

BY_STEP = ("inputs", "target", "decision", "asked")
"""Arrays that follow the steps of a row."""


def _trials_of_rows(lengths: np.ndarray, row_steps: int) -> list[list[int]]:
    """Return the trials of each full row, in order; a trial that is cut ends its row."""
    rows: list[list[int]] = [[]]
    for trial in range(len(lengths)):
        rows[-1].append(trial)
        if lengths[rows[-1]].sum() >= row_steps:
            rows.append([])
    return rows[:-1]


class RowsToFill:
    """Count of the trials that fill some rows.

    Parameters
    ----------
    n_rows, row_steps : int
        Number of rows, and steps of each.
    """

    def __init__(self, n_rows: int, row_steps: int) -> None:
        self.n_rows, self.row_steps = n_rows, row_steps
        self.filled = 0

    def are_full_after(self, length: int) -> bool:
        """Add a trial of so many steps, and say whether all rows are full."""
        self.filled += length
        if self.filled >= self.row_steps:
            self.n_rows, self.filled = self.n_rows - 1, 0
        return self.n_rows == 0


def pack_rows(trials: xr.Dataset, row_steps: int) -> xr.Dataset:
    """Return rows of consecutive trials.

    Parameters
    ----------
    trials : xarray.Dataset
        As `warpline.tasks.trials.generate_trials` makes them, without a design.
    row_steps : int
        Steps of a row. The last trial of a row is cut there, and the next row starts with a new trial.

    Returns
    -------
    xarray.Dataset
        The dimension ``trial`` counts rows. A row is ``scored`` if all its trials are, and ``ideal`` is
        their mean over its decision steps. Periods and trial variables are those of the row's first trial.
    """
    lengths = trials["valid"].transpose("trial", "time").values.sum(1)
    rows = _trials_of_rows(lengths, row_steps)
    packed = trials.isel(trial=[row[0] for row in rows])
    packed = packed.drop_vars([*BY_STEP, "valid"])
    for name in BY_STEP:
        values = trials[name].transpose("trial", "time", ...)
        joined = [
            np.concatenate([values.values[k, : lengths[k]] for k in row])[:row_steps]
            for row in rows
        ]
        packed[name] = (values.dims, np.stack(joined))
    packed["valid"] = (("trial", "time"), np.ones((len(rows), row_steps), bool))
    packed["scored"] = ("trial", [bool(trials["scored"].values[row].all()) for row in rows])
    # As a network is scored: a trial that is cut has fewer decision steps.
    packed["ideal"] = (
        "trial",
        [
            float(trials["ideal"].values[np.repeat(row, lengths[row])[:row_steps][decision]].mean())
            for row, decision in zip(rows, packed["decision"].values, strict=True)
        ],
    )
    return packed
