"""How well a measure does on the bench: separation of families, and straightness of a curve.

Pairs that share a system are dependent: intervals resample systems, and a pair counts as often as its
two systems were drawn, multiplied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from warpline.attractors.lorenz import Floats

__all__ = ["Statistic", "area_under_curve", "bootstrap_systems", "cohens_d", "curve_scores"]

Statistic = Callable[[Floats], Mapping[str, float]]
"""Takes a weight per pair, returns named numbers."""


def area_under_curve(
    low: Floats, high: Floats, weights: tuple[Floats, Floats] | None = None
) -> float:
    """Return the chance that a value of `high` is above one of `low`; ties count half.

    Parameters
    ----------
    low : ndarray, shape (pair,)
    high : ndarray, shape (other_pair,)
    weights : pair of ndarray, optional
        Of `low` and of `high`.

    Returns
    -------
    float
        The area under the receiver operating characteristic: 1 where all of `high` lie above all of
        `low`, 0.5 where they cannot be told apart. NaN where one is empty.
    """
    w_low, w_high = weights or (np.ones(len(low)), np.ones(len(high)))
    total = w_low.sum() * w_high.sum()
    if total == 0:
        return np.nan
    above = (high[:, None] > low) + 0.5 * (high[:, None] == low)
    return float(w_high @ above @ w_low / total)


def cohens_d(low: Floats, high: Floats, weights: tuple[Floats, Floats] | None = None) -> float:
    """Return the mean of `high` minus that of `low` in pooled standard deviations (Cohen 1988).

    Parameters
    ----------
    low, high, weights
        As `area_under_curve`. Weights count repetitions.

    Returns
    -------
    float
        NaN below two values on a side, or without spread.
    """
    w_low, w_high = weights or (np.ones(len(low)), np.ones(len(high)))
    n, m = w_low.sum(), w_high.sum()
    if min(n, m) < 2:
        return np.nan
    mean_low, mean_high = w_low @ low / n, w_high @ high / m
    spread = w_low @ (low - mean_low) ** 2 + w_high @ (high - mean_high) ** 2
    return float((mean_high - mean_low) / np.sqrt(spread / (n + m - 2))) if spread > 0 else np.nan


def curve_scores(x: Floats, y: Floats, weights: Floats | None = None) -> dict[str, float]:
    """Score a curve of dissimilarity against how much two systems share.

    Parameters
    ----------
    x : ndarray, shape (pair,)
        How much they share.
    y : ndarray, shape (pair,)
        Dissimilarity.
    weights : ndarray, shape (pair,), optional

    Returns
    -------
    dict of str to float
        ``slope``, ``intercept`` of the least-squares line; ``r2``, the share of the variance of pairs
        that it explains; ``r2_means``, the same for the means at each x: how straight the curve is,
        whatever the spread about it; ``gap``, the mean at the least x minus that at the largest;
        ``gap_relative``, the same over the former, which has no unit. NaN where x does not vary.
    """
    nothing = dict.fromkeys(("slope", "intercept", "r2", "r2_means", "gap", "gap_relative"), np.nan)
    weights = np.ones(len(x)) if weights is None else weights
    counts = weights > 0
    x, y, weights = x[counts], y[counts], weights[counts]
    levels, place = np.unique(x, return_inverse=True)
    if len(levels) < 2:
        return nothing
    total = weights.sum()
    dx, dy = x - weights @ x / total, y - weights @ y / total
    slope = (weights * dx) @ dy / ((weights * dx) @ dx)
    intercept = weights @ (y - slope * x) / total
    spread = weights @ dy**2
    mass = np.bincount(place, weights)
    means = np.bincount(place, weights * y) / mass
    across = mass @ (means - mass @ means / total) ** 2
    explained = slope**2 * ((weights * dx) @ dx)
    return {
        "slope": float(slope),
        "intercept": float(intercept),
        "r2": float(explained / spread) if spread > 0 else np.nan,
        "r2_means": float(explained / across) if across > 0 else np.nan,
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
    """Return percentile intervals of statistics of pairs, resampling the systems.

    Parameters
    ----------
    statistic : callable
        Takes a weight per pair, returns named numbers.
    pairs : pair of sequence of str
        First and second system of each pair. A pair of a system with itself counts once a draw.
    strata : mapping of str to str, optional
        Group of each system: each group keeps its size.
    settings : mapping
        ``bootstrap`` (resamples), ``confidence``.
    stream : numpy.random.Generator

    Returns
    -------
    dict of str to float
        ``<name>_low`` and ``<name>_high`` per statistic.
    """
    names = sorted({*pairs[0], *pairs[1]})
    place = {name: k for k, name in enumerate(names)}
    a, b = (np.array([place[name] for name in end], dtype=int) for end in pairs)
    groups: dict[str, list[int]] = {}
    for name in names:
        groups.setdefault(strata[name] if strata else "", []).append(place[name])
    draws = []
    for _ in range(settings["bootstrap"]):
        counts = np.zeros(len(names))
        for members in groups.values():
            np.add.at(counts, stream.choice(members, size=len(members)), 1)
        draws.append(statistic(np.where(a == b, counts[a], counts[a] * counts[b])))
    tail = (1 - settings["confidence"]) / 2
    out: dict[str, float] = {}
    for name in draws[0]:
        values = np.array([draw[name] for draw in draws])
        values = values[np.isfinite(values)]
        low, high = np.quantile(values, [tail, 1 - tail]) if len(values) else (np.nan, np.nan)
        out |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return out
