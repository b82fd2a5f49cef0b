"""Exchange of the labels of two groups: a test that is exact where both are draws of one kind."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from warpline.comparison.hypothesis_tests import difference_test
from warpline.core import random_streams

__all__ = ["LABELLINGS", "Systems", "exchange_p_values", "exchanged_tests"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

LABELLINGS = 1000
"""Labellings that are tried: all, or where there are more of them, as many at random."""
_ENTRIES = 1_000_000
"""Entries of the matrices that are tested at once."""


@dataclass(frozen=True, eq=False)
class Systems:
    """The systems of all groups, and how far they lie apart.

    Attributes
    ----------
    distances : ndarray, shape (system, system)
        Symmetric; NaN for pairs that do not count, such as those of one unit.
    groups : ndarray of str, shape (system,)
    units : ndarray of int, shape (system,)
        Unit of statistics of each system; a group has at most one system of each.
    """

    distances: Floats
    groups: NDArray[np.str_]
    units: Indices

    def by_unit(self, group: str, units: Indices) -> Indices:
        """Return the system of a group in each unit, -1 where it has none."""
        members = np.flatnonzero(self.groups == group)
        systems = np.full(len(units), -1)
        systems[np.searchsorted(units, self.units[members])] = members
        return systems


def exchange_p_values(
    systems: Systems, a: str, b: str, reference: str, stream: np.random.Generator
) -> tuple[float, float]:
    """Test whether two groups are of one kind, by exchanging the labels of their systems.

    The statistic is the t of `warpline.comparison.hypothesis_tests.difference_test`, and its distribution
    that over the labels, to which Student's is an approximation. So the test is exact where both groups are
    draws of one kind (Fisher 1935), and a third one, as the reference, holds systems of neither. As t is
    studentised, it also holds for large groups that lie equally far from the reference and are spread
    unequally (Chung & Romano 2013).

    Parameters
    ----------
    systems : Systems
    a, b : str
        Groups whose labels are exchanged: of two systems of one unit with each other, of all others at will.
        Systems that stand in both keep their labels, unless one group lies within the other: then its members
        are exchanged with the rest.
    reference : str
        Group to which distances are taken. If it is a or b, it goes with its label.
    stream : numpy.random.Generator
        Of the labellings that are tried, where there are more than `LABELLINGS`.

    Returns
    -------
    p : float
        Share of the labellings, the given one among them, with a t as large or larger. NaN without a t, or
        where there is no other labelling.
    bound : float
        What the labels leave of a smaller p value by another test: p, or 0 where at most one other labelling
        has as large a t, such as the exchange of all labels. There p is as small as so few systems allow, and
        says nothing against a smaller one.
    """
    known = np.isin(systems.groups, (a, b, reference))
    units = np.unique(systems.units[known])
    in_a, in_b = systems.by_unit(a, units), systems.by_unit(b, units)
    rows = systems.distances
    is_one = [
        min(i, j) >= 0 and np.array_equal(rows[i], rows[j], equal_nan=True)
        for i, j in zip(in_a.tolist(), in_b.tolist(), strict=True)
    ]
    rows_a, rows_b = _labellings(in_a, in_b, np.array(is_one), stream)
    fixed = np.broadcast_to(systems.by_unit(reference, units), rows_a.shape)
    columns = {a: rows_a, b: rows_b}.get(reference, fixed)
    t = _t_values(systems.distances, rows_a, rows_b, columns)
    if np.isnan(t[0]):
        return float("nan"), float("nan")
    if len(t) == 1:
        return float("nan"), 0.0
    # A labelling without a t counts as one with any. Rounding tells equal values apart.
    n_as_large = int((~(t < t[0] * (1 - 1e-9))).sum())
    p = n_as_large / len(t)
    return p, p if n_as_large > 2 else 0.0


def exchanged_tests(rows: pd.DataFrame, tests: pd.DataFrame, seed: int) -> Floats:
    """Return p and bound of `exchange_p_values` for each test that has a p value, shape (2, test).

    Parameters
    ----------
    rows, tests : DataFrame
        Pairs, and what `warpline.comparison.statistics.group_tests` says of them.
    seed : int
        Root of the labellings.
    """
    values = np.full((2, len(tests)), np.nan)
    systems = {str(measure): _systems(some) for measure, some in rows.groupby("measure")}
    for k, test in enumerate(tests.to_dict("records")):
        if not np.isnan(test["p"]):
            a, b, reference = test["curriculum_a"], test["curriculum_b"], test["reference"]
            stream = random_streams.generator(seed, "labels", test["measure"], a, b, reference)
            values[:, k] = exchange_p_values(systems[test["measure"]], a, b, reference, stream)
    return values


def _systems(rows: pd.DataFrame) -> Systems:
    """Return the systems of the pairs of one measure."""
    ends = [list(zip(rows[f"curriculum_{end}"], rows[f"seed_{end}"], strict=True)) for end in "ab"]
    place_of = {system: k for k, system in enumerate(dict.fromkeys([*ends[0], *ends[1]]))}
    first, second = ([place_of[system] for system in end] for end in ends)
    distances = np.full((len(place_of), len(place_of)), np.nan)
    distances[first, second] = distances[second, first] = rows["dissimilarity"]
    groups, units = zip(*place_of, strict=True)
    return Systems(distances, np.array(groups), np.array(units))


def _labellings(
    a: Indices, b: Indices, is_one: NDArray[np.bool_], stream: np.random.Generator
) -> tuple[Indices, Indices]:
    """Return which system of each unit stands in a, and which in b, shape (labelling, unit).

    The first labelling is the given one. Units of one system in both groups keep it. But where a group lies
    within the other, labels tell its members from the rest of the other.
    """
    both, alone = (a >= 0) & (b >= 0) & ~is_one, (a >= 0) ^ (b >= 0)
    in_a, in_b = a[alone] >= 0, b[alone] >= 0
    is_within = bool(is_one.any()) and alone.any() and bool(in_a.all() or in_b.all())
    labelled = alone | is_one if is_within else alone
    marked = is_one[labelled] if is_within else in_a
    n_both, n_labelled, n_marked = int(both.sum()), int(labelled.sum()), int(marked.sum())
    exchanged: NDArray[np.bool_]
    marks: NDArray[np.bool_]
    if 2**n_both * math.comb(n_labelled, n_marked) <= LABELLINGS:
        exchanged = np.array(list(itertools.product((False, True), repeat=n_both)), dtype=bool)
        chosen = list(itertools.combinations(range(n_labelled), n_marked))
        marks = np.array([np.isin(np.arange(n_labelled), some) for some in chosen], dtype=bool)
        given = int((marks == marked).all(axis=1).argmax())
        marks[[0, given]] = marks[[given, 0]]
        exchanged, marks = np.repeat(exchanged, len(marks), 0), np.tile(marks, (len(exchanged), 1))
    else:
        exchanged = stream.random((LABELLINGS, n_both)) < 0.5
        marks = stream.permuted(np.tile(marked, (LABELLINGS, 1)), axis=1)
        exchanged[0], marks[0] = False, marked
    # Marks are of what stands in a, or in both groups where all others stand in the larger one.
    in_sides = (marks | in_a.all(), marks | in_b.all()) if is_within else (marks, ~marks)
    systems = np.maximum(a, b)[labelled]
    sides = []
    for own, other, here in zip((a, b), (b, a), in_sides, strict=True):
        side = np.tile(np.where(is_one, own, -1), (len(marks), 1))
        side[:, both] = np.where(exchanged, other[both], own[both])
        side[:, labelled] = np.where(here, systems, -1)
        sides.append(side)
    return sides[0], sides[1]


def _t_values(distances: Floats, rows_a: Indices, rows_b: Indices, columns: Indices) -> Floats:
    """Return the size of t for each labelling, shape (labelling,)."""
    # The place of -1 is the last one: a unit without a system has no pairs.
    padded = np.pad(distances, (0, 1), constant_values=np.nan)
    at_once = max(1, _ENTRIES // rows_a.shape[1] ** 2)
    values = []
    for first in range(0, len(rows_a), at_once):
        some = slice(first, first + at_once)
        a, b = (padded[rows[some, :, None], columns[some, None]] for rows in (rows_a, rows_b))
        values.append(np.abs(difference_test(a, b, confidence=0.95).t))
    return np.concatenate(values)
