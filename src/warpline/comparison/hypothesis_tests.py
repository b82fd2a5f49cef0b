"""Tests of a difference between curricula, by leaving out seeds or exchanging labels, and Holm's correction.

The levels are simulated in docs/statistics.md.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from warpline.comparison.degrees_of_freedom import degrees_of_freedom
from warpline.comparison.jackknife import leave_one_out, standard_error
from warpline.core.short_repr import ShortRepr
from warpline.core.student_t import student_quantile

__all__ = [
    "DifferenceTest",
    "difference_test",
    "exchange_test",
    "holm",
    "separation_exchange_test",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class DifferenceTest(ShortRepr):
    """Test of a difference between two curricula; each field is an array over tests.

    Attributes
    ----------
    difference : ndarray
        Mean dissimilarity of a to the reference, minus that of b.
    error : ndarray
        Standard error of the difference (delete-one-seed jackknife).
    low, high : ndarray
        Interval of the difference.
    effect_size : ndarray
        See `difference_test`.
    t, dof, p : ndarray
        Student's t, its degrees of freedom, and the two-sided p value.
    n_a, n_b, n_reference, n_seeds : ndarray of int
        Networks of a, of b, of the reference, and seeds of any of them, that have a pair.
    """

    difference: Floats
    error: Floats
    low: Floats
    high: Floats
    effect_size: Floats
    t: Floats
    dof: Floats
    p: Floats
    n_a: NDArray[np.int64]
    n_b: NDArray[np.int64]
    n_reference: NDArray[np.int64]
    n_seeds: NDArray[np.int64]


def difference_test(a: Floats, b: Floats, confidence: float) -> DifferenceTest:
    """Test whether two curricula are equally dissimilar to a reference, leaving out one seed at a time.

    To leave out a seed is to leave out its network in a, in b and in the reference. So the error holds
    whatever the networks of one seed share, and holds what the shared reference adds (delete-one jackknife,
    Tukey 1958; Student's t with ``n_seeds`` - 1 degrees of freedom, or with those of Welch and Satterthwaite
    where a, b and the reference have not all the same seeds). Curricula may have different seeds.
    A seed that one of them lacks then counts in the other alone: the plain jackknife stays near its
    level, and weighting the three sets of networks by their sizes makes it liberal (docs/statistics.md).

    Parameters
    ----------
    a, b : ndarray, shape (..., seed, seed)
        Dissimilarities of the networks of a curriculum (rows) to those of the reference (columns). Rows
        and columns of both are the same seeds; NaN for pairs that do not count.
    confidence : float
        In (0, 1).

    Returns
    -------
    DifferenceTest
        All but the counts and the difference are NaN where a seed is indispensable, as always with
        fewer than three. ``t`` and ``p`` are also NaN where the error is 0. ``effect_size`` is the difference
        in standard deviations of what one network of a and one of b contribute to it: ``error`` times the
        root of the harmonic mean of ``n_a`` and ``n_b``. Where all have the same seeds, that is the standard
        deviation of the jackknife's pseudo-values. It is corrected for its bias by 1 - 3 / (4 dof - 1)
        (Hedges 1981). If all networks were independent and the reference fixed, its standard deviation would
        be that of the difference of one network of a and one of b. It is not the spread of pairs within a
        curriculum.

    Raises
    ------
    ValueError
        When a and b are no matrices of one shape over the same seeds, or the confidence is outside (0, 1).
    """
    if a.shape != b.shape or a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"expected matrices of one shape, over the same seeds in rows and columns, got {a.shape} and "
            f"{b.shape}"
        )
    (mean_a, without_a), (mean_b, without_b) = leave_one_out(a), leave_one_out(b)
    rows_a, rows_b = (~np.isnan(a)).any(-1), (~np.isnan(b)).any(-1)
    columns = (~np.isnan(a) | ~np.isnan(b)).any(-2)
    present = rows_a | rows_b | columns
    n = present.sum(-1)

    error = standard_error(without_a - without_b, present)
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = mean_a - mean_b
        membership = 1 * rows_a + 2 * rows_b + 4 * columns
        dof = np.where(
            np.isnan(error), np.nan, degrees_of_freedom(without_a - without_b, membership)
        )
        # Rounding leaves an error of about 1e-17 of the means where nothing varies.
        varies = error > 1e-12 * (np.abs(mean_a) + np.abs(mean_b))
        t = np.where(varies, difference / error, np.nan)
        # The number of networks of a and of b, were it the same, at which the error would be this one.
        n_a, n_b = rows_a.sum(-1), rows_b.sum(-1)
        n_each = 2 * n_a * n_b / (n_a + n_b)
        effect_size = t / np.sqrt(n_each) * (1 - 3 / (4 * dof - 1))
    width = student_quantile(confidence, dof) * error
    return DifferenceTest(
        difference=difference,
        error=error,
        low=difference - width,
        high=difference + width,
        effect_size=effect_size,
        t=t,
        dof=dof,
        p=2 * stats.t.sf(np.abs(t), dof),
        n_a=n_a,
        n_b=n_b,
        n_reference=columns.sum(-1),
        n_seeds=n,
    )


def exchange_test(
    distances: Floats,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    reference: NDArray[np.int64],
) -> float:
    """Test whether two curricula are of one kind, by exchanging the labels of the networks of a seed.

    The statistic is the difference of `difference_test`: mean dissimilarity of a to the reference in other
    seeds, minus that of b. Under the null hypothesis the two networks of a seed are draws of one kind, so
    that labels can be exchanged in 2^n ways (Fisher 1935), of which all are taken. The test also finds
    differences between the curricula other than one of distance.

    Parameters
    ----------
    distances : ndarray, shape (network, network)
        Dissimilarities, symmetric.
    a, b, reference : ndarray of int, shape (seed,)
        Networks of each curriculum, in the order of the seeds. A reference that is a or b goes with its
        label.

    Returns
    -------
    float
        Two-sided p value, at least 2^-n (2^(1 - n) where the reference is neither a nor b). Memory
        grows as n^2 2^n: for some ten seeds.

    Raises
    ------
    ValueError
        When the three differ in length, there are fewer than two seeds, or a dissimilarity that counts is
        not finite.
    """
    if not a.shape == b.shape == reference.shape:
        raise ValueError(
            f"expected as many networks of a, of b and of the reference, got {len(a)}, {len(b)} and "
            f"{len(reference)}"
        )
    other_seed = ~np.eye(len(a), dtype=bool)
    sides = _exchanges(a, b)
    references = reference[None]
    for curriculum, side in zip((a, b), sides, strict=True):
        if np.array_equal(curriculum, reference):
            references = side
    means = [_of_pairs(distances, side, references, other_seed).mean(-1) for side in sides]
    return _share_as_large(np.abs(means[0] - means[1]))


def separation_exchange_test(
    distances: Floats, a: NDArray[np.int64], b: NDArray[np.int64]
) -> float:
    """Test whether two curricula are of one kind, by the exchange of `exchange_test` with the separation S.

    S compares the pairs between the curricula, of different seeds, with the floors of both
    (`warpline.comparison.separation.separation`).

    Parameters
    ----------
    distances : ndarray, shape (network, network)
        Dissimilarities, symmetric.
    a, b : ndarray of int, shape (seed,)
        Networks of each curriculum, in the order of the seeds.

    Returns
    -------
    float
        One-sided p value, of an S as large or larger; at least 2^(1 - n). Memory grows as n^4 2^n: for some
        ten seeds.

    Raises
    ------
    ValueError
        When the two differ in length, there are fewer than two seeds, or a dissimilarity that counts is not
        finite.
    """
    if a.shape != b.shape:
        raise ValueError(f"expected as many networks of a as of b, got {len(a)} and {len(b)}")
    other_seed = ~np.eye(len(a), dtype=bool)
    later_seed = np.triu(other_seed)
    first, second = sides = _exchanges(a, b)
    pairs, shares = _of_pairs(distances, first, second, other_seed)[:, :, None], []
    for side in sides:
        floor = _of_pairs(distances, side, side, later_seed)[:, None]
        above, equal = pairs > floor, pairs == floor
        shares.append(above.mean((1, 2)) + equal.mean((1, 2)) / 2)
    return _share_as_large(np.mean(shares, axis=0))


def _exchanges(
    a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which network of a seed stands on which side, shape (exchange, seed). The first is none."""
    if len(a) < 2:
        raise ValueError(f"expected networks of at least two seeds, got {len(a)}")
    exchanged = np.array(list(itertools.product((False, True), repeat=len(a))))
    return np.where(exchanged, b, a), np.where(exchanged, a, b)


def _of_pairs(
    distances: Floats,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    counted: NDArray[np.bool_],
) -> Floats:
    """Return the dissimilarities of those pairs of seeds that count, shape (exchange, pair)."""
    values = distances[first[:, :, None], second[:, None]][:, counted]
    if not np.isfinite(values).all():
        raise ValueError(
            "expected a dissimilarity of every two networks, got one that is not finite"
        )
    return values


def _share_as_large(values: Floats) -> float:
    """Return the share of exchanges with a statistic as large as without one, shape (exchange,)."""
    # Rounding tells equal values apart.
    return float((values >= values[0] * (1 - 1e-9)).mean())


def holm(p_values: Floats) -> Floats:
    """Return the p values of a family of tests, adjusted by Holm (1979), shape (..., test).

    The probability of any false positive among those at most alpha is at most alpha, however the tests
    depend on each other. NaN stands for a test that was not made.

    Raises
    ------
    ValueError
        When a number is no probability.
    """
    if ((p_values < 0) | (p_values > 1)).any():
        raise ValueError(
            f"expected p values from 0 to 1, got {np.nanmin(p_values):g} to {np.nanmax(p_values):g}"
        )
    # NaN sorts last, where it neither counts nor stands before another.
    order = np.argsort(p_values, axis=-1)
    ordered = np.take_along_axis(p_values, order, axis=-1)
    n_tests = (~np.isnan(p_values)).sum(-1, keepdims=True)
    steps = ordered * np.maximum(n_tests - np.arange(p_values.shape[-1]), 1)
    adjusted = np.full(p_values.shape, np.nan)
    np.put_along_axis(
        adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1), axis=-1
    )
    return adjusted
