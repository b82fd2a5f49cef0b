"""Means and their intervals in which the seed, not the pair, is the unit (delete-one-seed jackknife).

Pairs that share a network are dependent: ten networks make 45 pairs, but only ten observations. Networks
of one seed can share a pretraining. The coverage is simulated in docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.comparison.degrees_of_freedom import degrees_of_freedom
from warpline.core.student_t import student_quantile

__all__ = ["jackknife_interval", "leave_one_out", "mean_interval", "standard_error"]

Floats = NDArray[np.float64]


def leave_one_out(matrices: Floats) -> tuple[Floats, Floats]:
    """Return the mean of each matrix, and its means without the row and the column of each seed.

    Matrices have shape (..., seed, seed), with NaN for pairs that do not count. Means without a pair are NaN.
    """
    counts = ~np.isnan(matrices)
    values = np.where(counts, matrices, 0.0)

    def without_each(of_pairs: NDArray[Any]) -> Floats:
        # The pair on the diagonal lies in the row and in the column.
        diagonal = np.diagonal(of_pairs, axis1=-2, axis2=-1)
        total = of_pairs.sum((-2, -1))[..., None]
        return np.asarray(total - of_pairs.sum(-1) - of_pairs.sum(-2) + diagonal, dtype=float)

    with np.errstate(invalid="ignore", divide="ignore"):
        means = values.sum((-2, -1)) / counts.sum((-2, -1))
        # A difference of sums can be 1e-17 where no pair is left: the counts tell.
        left = without_each(counts.astype(float))
        means_without = np.where(left > 0, without_each(values) / left, np.nan)
    return np.asarray(means, dtype=float), means_without


def standard_error(means_without: Floats, present: NDArray[np.bool_]) -> Floats:
    """Return the jackknife's standard error from estimates without each seed, shape (..., seed).

    Seeds that are not present are no observations. A seed without which there is no estimate makes the
    error NaN, and so do fewer than three seeds.
    """
    n = present.sum(-1)
    estimates = np.where(present, means_without, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (estimates.sum(-1) / n)[..., None]
        squares = (np.where(present, estimates - centre, 0.0) ** 2).sum(-1)
        return np.asarray(np.where(n >= 3, np.sqrt((n - 1) / n * squares), np.nan))


def jackknife_interval(
    matrix: Floats, rows: Sequence[int], columns: Sequence[int], confidence: float
) -> tuple[float, float]:
    """Return an interval for the mean of a dissimilarity matrix, leaving out one seed at a time.

    Networks of one seed can share a pretraining, and a pair has two networks: only seeds are independent.
    To leave out a seed is to leave out its row and its column (delete-one jackknife, Student's t with
    n - 1 degrees of freedom if rows and columns are the same seeds, else with those of Welch and
    Satterthwaite). docs/statistics.md holds its coverage.

    Parameters
    ----------
    matrix : ndarray, shape (row, column)
        Dissimilarities; NaN for pairs that do not count.
    rows, columns : sequence of int
        Seeds of the networks.
    confidence : float
        In (0, 1).

    Returns
    -------
    low, high : float
        NaN with fewer than three seeds.

    Raises
    ------
    ValueError
        When a seed stands twice, the matrix has another shape, or the confidence is outside (0, 1).
    """
    repeated = len({*rows}) < len(rows) or len({*columns}) < len(columns)
    if repeated or matrix.shape != (len(rows), len(columns)):
        raise ValueError(
            f"expected a matrix with a row and a column for each seed, each seed once; got shape "
            f"{matrix.shape} for the seeds {list(rows)} and {list(columns)}"
        )
    seeds = sorted({*rows, *columns})
    square = np.full((len(seeds), len(seeds)), np.nan)
    square[np.ix_(np.searchsorted(seeds, rows), np.searchsorted(seeds, columns))] = matrix
    means, means_without = leave_one_out(square)
    present = np.ones(len(seeds), dtype=bool)
    membership = 1 * np.isin(seeds, rows) + 2 * np.isin(seeds, columns)
    dof = degrees_of_freedom(means_without, membership)
    width = standard_error(means_without, present) * student_quantile(confidence, dof)
    return float(means - width), float(means + width)


def mean_interval(values: Floats, confidence: float) -> tuple[float, float]:
    """Return an interval for the mean of one value per network, shape (network,), by Student's t.

    It is `jackknife_interval` for one value per network. NaN below three values.
    """
    n = len(values)
    if n < 3:
        return np.nan, np.nan
    width = float(student_quantile(confidence, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return float(values.mean()) - width, float(values.mean()) + width
