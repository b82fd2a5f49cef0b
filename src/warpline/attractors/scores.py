"""Scores of a measure: how well it separates families, how linear its composition curve is.

Pairs that share a system are dependent. The bootstrap therefore resamples systems, not pairs: the weight
of a pair is the product of how often its two systems were drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from warpline.attractors.systems import Floats

__all__ = ["Statistic", "area_under_curve", "bootstrap_systems", "cohens_d", "curve_scores"]

Statistic = Callable[[Floats], Mapping[str, float]]
"""Function of a weight per pair that returns named scores."""


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


def bootstrap_systems(
    statistic: Statistic,
    pairs: tuple[Sequence[str], Sequence[str]],
    strata: Mapping[str, str] | None,
    settings: Mapping[str, Any],
    stream: np.random.Generator,
) -> dict[str, float]:
    """Return percentile intervals of scores of pairs, by a bootstrap over systems.

    Parameters
    ----------
    statistic : callable
        Function of a weight per pair that returns named scores.
    pairs : pair of sequence of str
        First and second system of each pair. The weight of a system's pair with itself is the number
        of draws of that system.
    strata : mapping of str to str, optional
        Stratum of each system; every resample keeps the size of each stratum.
    settings : mapping
        ``bootstrap`` (resamples), ``confidence``.
    stream : numpy.random.Generator

    Returns
    -------
    dict of str to float
        ``<name>_low`` and ``<name>_high`` per score; NaN where no resample has a finite score.
    """
    # Sorted names make the resamples independent of the order of the pairs.
    names = sorted({*pairs[0], *pairs[1]})
    index = {name: k for k, name in enumerate(names)}
    a, b = (np.array([index[name] for name in side], dtype=int) for side in pairs)
    members_of_stratum: dict[str, list[int]] = {}
    for name in names:
        members_of_stratum.setdefault(strata[name] if strata else "", []).append(index[name])

    resamples = []
    for _ in range(settings["bootstrap"]):
        counts = np.zeros(len(names))
        for members in members_of_stratum.values():
            np.add.at(counts, stream.choice(members, size=len(members)), 1)
        resamples.append(statistic(np.where(a == b, counts[a], counts[a] * counts[b])))

    # A resample can lack one side of a score, which is then NaN.
    tail = (1 - settings["confidence"]) / 2
    intervals: dict[str, float] = {}
    for name in resamples[0]:
        values = np.array([scores[name] for scores in resamples])
        values = values[np.isfinite(values)]
        low, high = np.quantile(values, [tail, 1 - tail]) if len(values) else (np.nan, np.nan)
        intervals |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return intervals
