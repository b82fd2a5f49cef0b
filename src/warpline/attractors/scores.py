"""Scores of a measure: how well it separates families, how linear its composition curve is.

Pairs that share a system are dependent. Intervals therefore leave out systems, not pairs
(docs/statistics.md holds their coverage).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from warpline.attractors.systems import Floats
from warpline.core.student_t import student_quantile

__all__ = [
    "Scale",
    "Statistic",
    "area_under_curve",
    "cohens_d",
    "curve_scores",
    "jackknife_interval",
    "jackknife_systems",
    "probability_interval",
]

Statistic = Callable[[Floats], Mapping[str, float]]
"""Function of a weight per pair that returns named scores."""

Scale = Literal["identity", "share", "log", "probability"]
"""Scale on which the interval of a score is symmetric."""


def area_under_curve(
    low: Floats, high: Floats, weights: tuple[Floats, Floats] | None = None
) -> float:
    """Return the area under the receiver operating characteristic of `high` against `low`.

    It is the probability that a value of `high` exceeds one of `low`, with ties counted half: the
    Mann-Whitney U divided by the number of pairs (Hanley & McNeil 1982).

    Parameters
    ----------
    low : ndarray, shape (pair,)
    high : ndarray, shape (other_pair,)
    weights : pair of ndarray, optional
        Weights of `low` and of `high`; 1 by default.

    Returns
    -------
    float
        1 where all of `high` exceed all of `low`, 0.5 at chance, NaN where one is empty.
    """
    weights_low, weights_high = weights or (np.ones(len(low)), np.ones(len(high)))
    total = weights_low.sum() * weights_high.sum()
    if total == 0:
        return np.nan
    exceeds = (high[:, None] > low) + 0.5 * (high[:, None] == low)
    return float(weights_high @ exceeds @ weights_low / total)


def cohens_d(low: Floats, high: Floats, weights: tuple[Floats, Floats] | None = None) -> float:
    """Return the mean of `high` minus that of `low`, in pooled standard deviations (Cohen 1988).

    Parameters
    ----------
    low, high, weights
        As `area_under_curve`. A weight is a number of repetitions.

    Returns
    -------
    float
        NaN where a side has fewer than two values, or where no value varies.
    """
    weights_low, weights_high = weights or (np.ones(len(low)), np.ones(len(high)))
    n_low, n_high = weights_low.sum(), weights_high.sum()
    if min(n_low, n_high) < 2:
        return np.nan
    mean_low, mean_high = weights_low @ low / n_low, weights_high @ high / n_high
    squares = weights_low @ (low - mean_low) ** 2 + weights_high @ (high - mean_high) ** 2
    if not squares > 0:
        return np.nan
    return float((mean_high - mean_low) / np.sqrt(squares / (n_low + n_high - 2)))


def curve_scores(x: Floats, y: Floats, weights: Floats | None = None) -> dict[str, float]:
    """Score the curve of dissimilarity against how much two systems share.

    Parameters
    ----------
    x : ndarray, shape (pair,)
        How much the two systems share, such as a number of motifs.
    y : ndarray, shape (pair,)
        Dissimilarity.
    weights : ndarray, shape (pair,), optional

    Returns
    -------
    dict of str to float
        ``slope``, ``intercept`` of the least-squares line; ``r2``, the share of the variance over pairs
        that the line explains; ``r2_means``, the same for the mean at each x, which scores the linearity
        of the curve without the scatter about it; ``gap``, the mean at the smallest x minus that at the
        largest; ``gap_relative``, the gap divided by the mean at the smallest x. All are NaN where x
        does not vary.
    """
    weights = np.ones(len(x)) if weights is None else weights
    positive = weights > 0
    x, y, weights = x[positive], y[positive], weights[positive]
    levels, level_index = np.unique(x, return_inverse=True)
    if len(levels) < 2:
        names = ("slope", "intercept", "r2", "r2_means", "gap", "gap_relative")
        return dict.fromkeys(names, np.nan)

    # Weighted least squares on centred values.
    total = weights.sum()
    dx, dy = x - weights @ x / total, y - weights @ y / total
    slope = (weights * dx) @ dy / ((weights * dx) @ dx)
    intercept = weights @ (y - slope * x) / total
    explained = slope**2 * ((weights * dx) @ dx)
    squares = weights @ dy**2

    # A line through all pairs is also the line through the means at each x: it explains as much of both.
    level_weights = np.bincount(level_index, weights)
    means = np.bincount(level_index, weights * y) / level_weights
    squares_of_means = level_weights @ (means - level_weights @ means / total) ** 2
    return {
        "slope": float(slope),
        "intercept": float(intercept),
        "r2": float(explained / squares) if squares > 0 else np.nan,
        "r2_means": float(explained / squares_of_means) if squares_of_means > 0 else np.nan,
        "gap": float(means[0] - means[-1]),
        "gap_relative": float(1 - means[-1] / means[0]) if means[0] > 0 else np.nan,
    }


def jackknife_interval(
    value: float, without: Floats, confidence: float, scale: Scale = "identity"
) -> tuple[float, float]:
    """Return the interval of a score from its values without one system each.

    Delete-one jackknife, Student's t with n - 1 degrees of freedom.

    Parameters
    ----------
    value : float
        The score.
    without : ndarray, shape (system,)
        The score without each system.
    confidence : float
        In (0, 1).
    scale : {"identity", "share", "log", "probability"}
        ``share``: cut at 0 and 1; ``log``: of ratios; ``probability``: `probability_interval`.

    Returns
    -------
    low, high : float
        NaN with fewer than three systems, where a score without a system is not finite, and, on the scale
        ``log``, at a score of 0 (up to rounding).
    """
    n = len(without)
    if n < 3 or not np.isfinite(without).all() or not np.isfinite(value):
        return np.nan, np.nan
    if scale == "log":
        if min(value, *without) < 1e-12:
            return np.nan, np.nan
        low, high = jackknife_interval(float(np.log(value)), np.log(without), confidence)
        return float(np.exp(low)), float(np.exp(high))
    error = float(np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2)))
    if scale == "probability":
        return probability_interval(value, error, n, confidence)
    width = float(student_quantile(confidence, n - 1)) * error
    if scale == "share":
        return max(value - width, 0.0), min(value + width, 1.0)
    return value - width, value + width


def probability_interval(
    value: float, error: float, n: int, confidence: float, most: float | None = None
) -> tuple[float, float]:
    """Return Wilson's interval of a probability that is estimated from pairs of few systems.

    The jackknife's error says how many independent observations m the pairs are worth: value (1 - value) /
    error^2. It is 0 where all pairs are in the right order, although nine systems do not prove that all
    others would be. So m is at most 2 n. Wilson's (1927) interval with m observations, and Student's t for
    the normal quantile, does not shrink to a point at 0 and 1. The limit of 2 n was chosen by simulation.

    Parameters
    ----------
    value : float
        The probability.
    error : float
        Its standard error by the jackknife.
    n : int
        Number of systems.
    confidence : float
        In (0, 1).
    most : float, optional
        Most observations that the pairs can be worth; by default 2 n.
    """
    variance = value * (1 - value)
    # 1e-12: errors and variances of 0 are rounded.
    observations = 2.0 * n if most is None else most
    if error**2 > 1e-12:
        observations = float(np.clip(variance / error**2, 1.0, observations))
    quantile = float(student_quantile(confidence, n - 1))
    square = quantile**2 / observations
    centre = value + square / 2
    width = quantile * np.sqrt(variance / observations + square / 4 / observations)
    low, high = (centre - width) / (1 + square), (centre + width) / (1 + square)
    return max(float(low), 0.0), min(float(high), 1.0)


def jackknife_systems(
    statistic: Statistic,
    pairs: tuple[Sequence[str], Sequence[str]],
    confidence: float,
    scales: Mapping[str, Scale] | None = None,
) -> dict[str, float]:
    """Return intervals of scores of pairs, leaving out one system, with all its pairs, at a time.

    Parameters
    ----------
    statistic : callable
        Function of a weight per pair that returns named scores.
    pairs : pair of sequence of str
        First and second system of each pair.
    confidence : float
        In (0, 1).
    scales : mapping of str to str, optional
        Scale of a score, ``identity`` by default: see `jackknife_interval`.

    Returns
    -------
    dict of str to float
        ``<name>_low`` and ``<name>_high`` per score; NaN as in `jackknife_interval`.
    """
    first, second = (np.array(side, dtype=object) for side in pairs)
    values = statistic(np.ones(len(first)))
    without = [
        statistic(((first != name) & (second != name)).astype(float))
        for name in sorted({*pairs[0], *pairs[1]})
    ]
    intervals: dict[str, float] = {}
    for name, value in values.items():
        scores = np.array([row[name] for row in without], dtype=float)
        scale = (scales or {}).get(name, "identity")
        low, high = jackknife_interval(value, scores, confidence, scale)
        intervals |= {f"{name}_low": low, f"{name}_high": high}
    return intervals
