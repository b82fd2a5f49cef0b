"""Dissimilarity matrices of sets of systems, by any measure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from warpline.comparison.measured_pairs import Split, measured_pairs
from warpline.comparison.several_measures import by_each_measure
from warpline.core.number_arguments import takes_numbers
from warpline.similarity.input_errors import InputError, SettingsError
from warpline.similarity.recordings import Recording

__all__ = ["SystemMatrix", "compare_pair", "compare_sets", "compare_sets_by_measures"]


@dataclass(frozen=True, eq=False, repr=False)
class SystemMatrix:
    """Dissimilarities by one measure of the systems of one set, or between those of two.

    Attributes
    ----------
    measure : str
    names, columns : tuple of str
        Systems of the rows and of the columns; the same ones for one set.
    dissimilarity : ndarray, shape (row, column)
        For one set symmetric, with a diagonal of zeros by definition. NaN where a pair failed.
    status : ndarray of str, shape (row, column)
        Of each pair; "converged" on the diagonal of one set.
    table : DataFrame
        A row per pair: ``measure``, ``system_a``, ``system_b``, ``dissimilarity``, ``status`` and the further
        columns of the measure.
    one_set : bool
        Whether rows and columns are the same systems.
    wasserstein : bool
        Whether the values are those of DSA's ``score: wasserstein``, which are no angles.
    """

    measure: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    dissimilarity: NDArray[np.float64]
    status: NDArray[np.str_]
    table: pd.DataFrame
    one_set: bool
    wasserstein: bool = False

    def __repr__(self) -> str:
        values = self.table["dissimilarity"].dropna()
        spread = f"{values.min():.3g} to {values.max():.3g}" if len(values) else "none"
        counts = Counter(str(status).partition(":")[0] for status in self.table["status"])
        sides = [self.names] if self.one_set else [self.names, self.columns]
        return "\n".join(
            [
                f"<{type(self).__name__} '{self.measure}', {len(self.names)} x {len(self.columns)}, "
                f"{len(self.table)} pairs: dissimilarity {spread}",
                f"  systems: {' against '.join(_listed(side) for side in sides)}",
                f"  status: {', '.join(f'{count} {status}' for status, count in counts.items())}>",
            ]
        )


def _listed(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f", ... ({len(names)})" if len(names) > most else "")


@takes_numbers(SettingsError)
def compare_sets(
    rows: Mapping[str, Recording],
    columns: Mapping[str, Recording] | None = None,
    *,
    measure: str,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    split: Split = None,
) -> SystemMatrix:
    """Compare all systems of a set with each other, or with those of a second set.

    Parameters
    ----------
    rows, columns : mapping of str to Recording
        Systems by name (`warpline.similarity.recordings.as_recording`), with the inputs and the conditions
        that the measure needs. Without ``columns`` the pairs are those of one set.
    measure : str
        A module of `warpline.similarity`, or your own ``path/to/file.py:Name``.
    settings : mapping, optional
        Settings of the measure. Those in its ``PER_SYSTEM`` may be mappings by name, or sequences, the
        systems of the rows first.
    seed : int, optional
        Root of random starts.
    split : "halves" or float, optional
        Held-out trials (`warpline.comparison.measured_pairs.measured_pairs`).

    Returns
    -------
    SystemMatrix
        A system that the measure cannot take has NaN, and a status that says why.

    Raises
    ------
    SettingsError
        When a setting is unknown or missing.
    TrialError
        When the measure compares trial by trial, and the systems have not the same trials.
    InputError
        When no pair is left.
    """
    # Columns may repeat names of the rows: systems are told apart by their place.
    systems = [*rows.items(), *(columns or {}).items()]
    results = measured_pairs(
        systems,
        _pairs(rows, columns),
        measure=measure,
        settings=settings or {},
        seed=seed,
        split=split,
    )
    return _matrix(rows, columns, measure, results, settings)


def compare_sets_by_measures(
    rows: Mapping[str, Recording],
    columns: Mapping[str, Recording] | None = None,
    *,
    measures: Mapping[str, Mapping[str, Any]],
    seed: int = 0,
    split: Split = None,
) -> dict[str, SystemMatrix]:
    """Compare the systems of one set, or those of two, by several measures.

    Parameters
    ----------
    rows, columns, seed, split
        As in `compare_sets`.
    measures : mapping of str to mapping
        Settings by measure (`warpline.comparison.measured_pairs.settings_by_measure`).

    Returns
    -------
    dict of str to SystemMatrix
        A measure that cannot compare these systems, such as one that finds no paired trials, has NaN and a
        status that says why in all pairs; a warning names it.

    Raises
    ------
    ValueError
        As `compare_sets`, when a setting is wrong or no measure can compare the systems.
    """

    def compare(measure: str, settings: Mapping[str, Any]) -> SystemMatrix:
        return compare_sets(
            rows, columns, measure=measure, settings=settings, seed=seed, split=split
        )

    def without(measure: str, row: dict[str, Any]) -> SystemMatrix:
        return _matrix(rows, columns, measure, [row] * len(_pairs(rows, columns)), None)

    return by_each_measure(measures, compare, without)


def _pairs(
    rows: Mapping[str, Recording], columns: Mapping[str, Recording] | None
) -> list[tuple[int, int]]:
    """Return the pairs of systems by their places, those of the rows first."""
    n_rows, n_second = len(rows), len(columns or {})
    if n_rows < 1 or (columns is not None and n_second < 1) or n_rows + n_second < 2:
        raise InputError(
            "at least two systems to compare",
            f"{n_rows + n_second}",
            "Give several systems, or two sets; a list of (time, unit) arrays is one system.",
        )
    if columns is None:
        return list(itertools.combinations(range(n_rows), 2))
    return list(itertools.product(range(n_rows), range(n_rows, n_rows + n_second)))


def _matrix(
    rows: Mapping[str, Recording],
    columns: Mapping[str, Recording] | None,
    measure: str,
    results: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any] | None,
) -> SystemMatrix:
    """Lay out a row per pair as a matrix."""
    n_rows = len(rows)
    keys = [*rows, *(columns or {})]
    dissimilarity = np.zeros((n_rows, n_rows if columns is None else len(columns)))
    status = np.full(dissimilarity.shape, "converged", dtype=object)
    table = []
    for (i, j), row in zip(_pairs(rows, columns), results, strict=True):
        names = {"measure": measure, "system_a": keys[i], "system_b": keys[j]}
        # The names are those of the systems, whatever columns a measure has.
        table.append({**names, **row, **names})
        cells = [(i, j), (j, i)] if columns is None else [(i, j - n_rows)]
        for cell in cells:
            dissimilarity[cell] = row["dissimilarity"]
            status[cell] = row["status"]
    return SystemMatrix(
        measure=measure,
        names=tuple(rows),
        columns=tuple(rows if columns is None else columns),
        dissimilarity=dissimilarity,
        status=status.astype(np.str_),
        table=pd.DataFrame(table),
        one_set=columns is None,
        wasserstein=(settings or {}).get("score") == "wasserstein",
    )


@takes_numbers(SettingsError)
def compare_pair(
    x: Recording,
    y: Recording,
    *,
    measures: Mapping[str, Mapping[str, Any]],
    seed: int = 0,
    split: Split = None,
) -> dict[str, dict[str, Any]]:
    """Compare two systems, named ``x`` and ``y``: the row of each measure for them.

    Parameters
    ----------
    x, y : Recording
    measures, seed, split
        As in `compare_sets_by_measures`, and so is what becomes of a measure that cannot compare them.

    Raises
    ------
    ValueError
        When a setting is wrong, or no measure can compare the two.
    """
    systems = [("x", x), ("y", y)]

    def compare(measure: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        return measured_pairs(
            systems, [(0, 1)], measure=measure, settings=settings, seed=seed, split=split
        )[0]

    return by_each_measure(measures, compare, lambda measure, row: row)
