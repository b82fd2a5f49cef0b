"""Separation: one scale-free effect size for every measure, from the ranks of its dissimilarities alone.

Dissimilarities of two measures have different units, ranges and curvatures: an angle of DSA in radians
cannot be compared with a share of 90 degrees of CKA. The order of a measure's own dissimilarities can.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from warpline.comparison.degrees_of_freedom import degrees_of_freedom
from warpline.core.student_t import student_quantile

__all__ = ["floor_pairs", "separation"]

Floats = NDArray[np.float64]


def floor_pairs(after: pd.DataFrame, curriculum: str) -> pd.DataFrame:
    """Return the floor of a curriculum: the pairs of its networks that differ in their seed.

    Parameters
    ----------
    after : DataFrame
        Tables of `warpline.comparison.pairs.after_learning`, of one measure and architecture.
    curriculum : str
    """
    is_floor = (after["curriculum_a"] == curriculum) & (after["curriculum_b"] == curriculum)
    return after[is_floor & (after["seeds"] == "cross")]


def separation(
    pairs: pd.DataFrame, floors: Sequence[pd.DataFrame], confidence: float
) -> tuple[float, float, float]:
    """Return the probability that a pair lies further apart than a pair of the floor, with its interval.

    S = mean over pairs p and floor pairs f of [d(p) > d(f)] + 1/2 [d(p) = d(f)]: the area under the curve
    (AUC) of p against f, or Mann-Whitney U over its maximum. With several floors S is the mean over them.
    0.5: as far apart as networks that differ in their seed alone; 1: every pair lies further apart; 0: no
    pair does. S is the same for every increasing function of the dissimilarity.

    The interval leaves out one seed at a time, from pairs and floors (delete-one jackknife, Student's t
    with n - 1 degrees of freedom if all have the same seeds, else with those of Welch and Satterthwaite),
    on the scale arcsin(sqrt(S)), which keeps it in [0, 1]. docs/statistics.md holds its coverage.

    Parameters
    ----------
    pairs : DataFrame
        ``seed_a``, ``seed_b``, ``dissimilarity``; missing values do not count.
    floors : sequence of DataFrame
        The same columns.
    confidence : float
        In (0, 1).

    Returns
    -------
    value, low, high : float
        ``value`` is NaN without pairs or where a floor has none. The interval is NaN with fewer than three
        seeds, and where no seed changes S, as at S = 0 and S = 1: such data bound it from one side only.
    """
    columns = ["seed_a", "seed_b", "dissimilarity"]
    compared = pairs[columns].dropna()
    floor_tables = [floor[columns].dropna() for floor in floors]
    if compared.empty or not floor_tables or any(floor.empty for floor in floor_tables):
        return np.nan, np.nan, np.nan

    # For each floor, whether a pair exceeds a floor pair, shape (pair, floor pair).
    values = compared["dissimilarity"].to_numpy(dtype=float)[:, None]
    exceeds = []
    for floor in floor_tables:
        floor_values = floor["dissimilarity"].to_numpy(dtype=float)
        exceeds.append((values > floor_values) + 0.5 * (values == floor_values))
    value = float(np.mean([matrix.mean() for matrix in exceeds]))

    seeds = sorted(
        set().union(*(set(t["seed_a"]) | set(t["seed_b"]) for t in [compared, *floor_tables]))
    )
    if len(seeds) < 3:
        return value, np.nan, np.nan
    without_seed = []
    for seed in seeds:
        rows = _without(compared, seed)
        remaining = [
            matrix[np.ix_(rows, _without(floor, seed))]
            for matrix, floor in zip(exceeds, floor_tables, strict=True)
        ]
        if any(matrix.size == 0 for matrix in remaining):
            return value, np.nan, np.nan
        without_seed.append(np.mean([matrix.mean() for matrix in remaining]))
    # Seeds that stand in the same columns are draws of one kind.
    sets = [
        set(table[side]) for table in (compared, *floor_tables) for side in ("seed_a", "seed_b")
    ]
    # A pair of one curriculum has two equal sides: which side a seed stands on means nothing there.
    sets[2:] = [sets[k] | sets[k + 1] for k in range(2, len(sets), 2)]
    if sets[0] & sets[1]:
        sets[:2] = [sets[0] | sets[1]]
    columns_of_seed = [tuple(seed in members for members in sets) for seed in seeds]
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(columns_of_seed), start=1)}
    membership = np.array([kinds[kind] for kind in columns_of_seed])
    low, high = _arcsine_jackknife(value, np.array(without_seed), membership, confidence)
    return value, low, high


def _without(table: pd.DataFrame, seed: int) -> NDArray[np.bool_]:
    """Return which pairs have no network of a seed, shape (pair,)."""
    return ((table["seed_a"] != seed) & (table["seed_b"] != seed)).to_numpy()


def _arcsine_jackknife(
    value: float, without_seed: Floats, membership: NDArray[np.int64], confidence: float
) -> tuple[float, float]:
    """Return the jackknife interval of a probability on the scale arcsin(sqrt(p)).

    Parameters
    ----------
    value : float
        The probability.
    without_seed : ndarray, shape (seed,)
        Its values without one seed each.
    membership : ndarray of int, shape (seed,)
        The kind of each seed (`degrees_of_freedom`).
    confidence : float
    """
    if np.ptp(without_seed) == 0:
        return np.nan, np.nan
    angles = np.arcsin(np.sqrt(without_seed))
    n = len(angles)
    error = np.sqrt((n - 1) / n * np.sum((angles - angles.mean()) ** 2))
    dof = float(degrees_of_freedom(angles, membership))
    width = float(student_quantile(confidence, dof) * error)
    angle = float(np.arcsin(np.sqrt(value)))
    low, high = max(angle - width, 0.0), min(angle + width, np.pi / 2)
    return float(np.sin(low) ** 2), float(np.sin(high) ** 2)
