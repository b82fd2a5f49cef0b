"""What the tables say of a claim: one statistic, or the least of several, with intervals at any level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warpline.attractors.scores import probability_interval
from warpline.comparison.jackknife import mean_interval

__all__ = [
    "Evidence",
    "Part",
    "error_of",
    "part_of_networks",
    "part_of_probability",
    "share_of_networks",
]

Floats = NDArray[np.float64]
Interval = Callable[[float], tuple[float, float]]
"""Function of a confidence level that returns a two-sided interval."""


@dataclass(frozen=True)
class Part:
    """One statistic of a claim.

    Attributes
    ----------
    name : str
        What it is about, such as a step of an order or a context.
    value : float
    n : int
        Independent observations: networks, systems or motifs.
    interval : callable
        Of a confidence level in (0, 1): low and high; NaN where there is none.
    """

    name: str
    value: float
    n: int
    interval: Interval

    def excludes(self, bound: float, above: bool) -> float:
        """Return the one-sided p value of the hypothesis that the truth is not above (or below) a bound.

        It is half of the smallest 1 - confidence at which the two-sided interval lies above the bound (or
        below it). 1 where no interval does, or where there is none.
        """

        def lies_beyond(confidence: float) -> bool:
            low, high = self.interval(confidence)
            # An interval of width 0 comes from values that do not vary: it bounds nothing.
            return bool(high > low and (low > bound if above else high < bound))

        inside, outside = 0.0, 1.0
        if not lies_beyond(1e-6):
            return 1.0
        for _ in range(24):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if lies_beyond(middle) else (inside, middle)
        return (1 - inside) / 2


@dataclass(frozen=True)
class Evidence:
    """All that the tables say of one claim in one place.

    A claim of several parts ("in both contexts") holds if each part does. Its statistic is the least of the
    parts: the interval runs from the least low end, at the full level, to the least high end at Bonferroni's.
    It covers the least of the true values at the nominal level or above, whichever part that is.

    Attributes
    ----------
    parts : sequence of Part
        Larger values speak for the claimed effect.
    settings : sequence of float
        The statistic at the other settings of the measure.
    missing : sequence of str
        Parts that the run does not hold. The claim can then be refuted, but not confirmed.
    left_out : str
        Why networks do not count, or why there is no interval, where more of them would not help; empty
        otherwise.
    """

    parts: Sequence[Part]
    settings: Sequence[float] = ()
    missing: Sequence[str] = ()
    left_out: str = ""

    @property
    def value(self) -> float:
        """The least part's value."""
        return min(part.value for part in self.parts)

    @property
    def n(self) -> int:
        """Observations of the part that has the fewest."""
        return min(part.n for part in self.parts)

    @property
    def least(self) -> str:
        """Name of the part with the least value."""
        return min(self.parts, key=lambda part: part.value).name

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return an interval of the least part's true value; NaN where a part has none."""
        lows = [part.interval(confidence)[0] for part in self.parts]
        corrected = 1 - (1 - confidence) / len(self.parts)
        highs = [part.interval(corrected)[1] for part in self.parts]
        # min() would keep or drop a NaN by its place.
        return float(np.min(lows)), float(np.min(highs))

    def p_above(self, bound: float) -> float:
        """Return the p value of the hypothesis that some part is not above a bound (intersection-union)."""
        return 1.0 if self.missing else max(part.excludes(bound, True) for part in self.parts)

    def p_below(self, bound: float) -> float:
        """Return the p value of the hypothesis that no part is below a bound (Bonferroni)."""
        return min(1.0, len(self.parts) * min(part.excludes(bound, False) for part in self.parts))


def part_of_networks(name: str, values: Floats) -> Part:
    """Return the mean of one value per network, shape (network,); missing values do not count."""
    finite = values[np.isfinite(values)]
    mean = float(finite.mean()) if len(finite) else np.nan
    return Part(name, mean, len(finite), lambda confidence: mean_interval(finite, confidence))


def error_of(without: Floats) -> float:
    """Return the delete-one jackknife's standard error of a statistic, from its values without each seed."""
    n = len(without)
    return float(np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2)))


def part_of_probability(
    name: str, value: float, without: Floats, n: int | None = None, most: float | None = None
) -> Part:
    """Return a probability with its interval from its values without each seed, shape (seed,).

    Wilson's interval, because the jackknife's error is 0 where all pairs are in the same order
    (`warpline.attractors.scores.probability_interval`). `most` bounds the observations that the pairs are
    worth. By default it is 2 n / (2 p - 1)^2, 2 n where all pairs agree, and at most their number, n (n - 1):
    at p = 1/2 the jackknife's error can be 0 by chance. `n` is the number of independent observations, by
    default the seeds: one side of a comparison can have fewer.
    """
    n = len(without) if n is None else n
    if n < 3 or not np.isfinite([value, *without]).all():
        return Part(name, value, n, lambda _: (np.nan, np.nan))
    error = error_of(without)
    bound = 2 * n / max((2 * value - 1) ** 2, 2 / (n - 1)) if most is None else most
    return Part(name, value, n, lambda level: probability_interval(value, error, n, level, bound))


def share_of_networks(name: str, answers: Floats) -> Part:
    """Return the share of networks that answer yes (1 and not 0), shape (network,)."""
    finite = answers[np.isfinite(answers)]
    n = len(finite)
    share = float(finite.mean()) if n else np.nan
    without = (n * share - finite) / (n - 1) if n > 1 else finite
    # Networks are independent: n of them are worth n observations.
    return part_of_probability(name, share, without, most=n)
