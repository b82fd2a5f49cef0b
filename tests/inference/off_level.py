"""Cases in which the test of a difference is off its level or loses power; docs/statistics.md names them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from inference.drawn_networks import FAR, ROOT_SEED, Draw, Floats, gaussian
from inference.simulation import LEVEL, jackknife_p
from numpy.typing import NDArray
from scipy import optimize, stats

from warpline.comparison.hypothesis_tests import holm
from warpline.core import random_streams

UNEVEN: Mapping[str, Draw] = {
    "one in ten is ten standard deviations away": lambda stream, shape: (
        10 * ((stream.random(shape) < 0.1) - 0.1)
    ),
    "one in five is ten standard deviations away": lambda stream, shape: (
        10 * ((stream.random(shape) < 0.2) - 0.2)
    ),
    "two kinds, ten standard deviations apart": lambda stream, shape: np.where(
        stream.random(shape) < 0.5, 5.0, -5.0
    ),
    "skewed (exponential, of three standard deviations)": lambda stream, shape: (
        stream.exponential(3, shape) - 3
    ),
}
"""Places of networks on the axis between a and b, of mean 0."""


def uneven(kind: str, side: int, n: int, replications: int) -> float:
    """Return how often the test rejects without an effect if networks lie unevenly.

    a and b lie on opposite sides of the reference, far enough that both are equally far in expectation. Where
    both sides lie unevenly, a and the reference are alike, and b is the reference.

    Parameters
    ----------
    kind : str
        Of `UNEVEN`.
    side : int
        0 for the reference, 1 for a, 2 for both.
    """
    stream = random_streams.generator(ROOT_SEED, "inference", kind, str(n))
    a, b, reference = (gaussian(stream, (replications, n, 3)) for _ in range(3))
    for networks in ((reference,), (a,), (a, reference))[side]:
        networks[..., 0] += UNEVEN[kind](stream, (replications, n))
    if side == 2:
        b = reference
    else:
        a[..., 0] += 10 * FAR
        b[..., 0] -= 10 * FAR
    distances = np.linalg.norm(np.stack([a, b])[:, :, :, None] - reference[:, None], axis=-1)
    distances[..., np.arange(n), np.arange(n)] = np.nan
    return float((jackknife_p(*distances) < LEVEL).mean())


def past_both(n: int, replications: int) -> float:
    """Return how often the test rejects without an effect if the reference reaches past a and b.

    a and b lie on opposite sides of the reference, whose networks are normal along that axis, with a standard
    deviation of three times their distance.
    """
    stream = random_streams.generator(ROOT_SEED, "inference", "past both", str(n))
    a, b, reference = (gaussian(stream, (replications, n, 3)) for _ in range(3))
    a[..., 0] += FAR
    b[..., 0] -= FAR
    reference[..., 0] *= 3 * FAR
    distances = np.linalg.norm(np.stack([a, b])[:, :, :, None] - reference[:, None], axis=-1)
    distances[..., np.arange(n), np.arange(n)] = np.nan
    return float((jackknife_p(*distances) < LEVEL).mean())


def narrow_against_reference(n: int, replications: int) -> float:
    """Return how often the test against the reference itself rejects where a has a tenth of its spread.

    Networks lie along a line, and a as far from the reference, in expectation, as that from itself.
    """
    spread = 0.1
    total = np.hypot(1.0, spread)

    def excess(shift: float) -> float:
        # Means of the absolute values of normal variables: of a less the reference, and within that.
        beyond = shift * (1 - 2 * stats.norm.cdf(-shift / total))
        folded = total * np.sqrt(2 / np.pi) * np.exp(-(shift**2) / (2 * total**2)) + beyond
        return float(folded - 2 / np.sqrt(np.pi))

    stream = random_streams.generator(ROOT_SEED, "inference", "narrow", str(n))
    a, reference = (gaussian(stream, (replications, n, 1)) for _ in range(2))
    a = spread * a + optimize.brentq(excess, 0, 10)
    distances = np.linalg.norm(
        np.stack([a, reference])[:, :, :, None] - reference[:, None], axis=-1
    )
    distances[..., np.arange(n), np.arange(n)] = np.nan
    return float((jackknife_p(*distances) < LEVEL).mean())


def power_against_exchange(n: int, shift: float, replications: int) -> tuple[float, float]:
    """Return how often the test against the reference itself rejects, and how often an exchange of labels does.

    The networks of a lie `shift` from those of the reference in one of three coordinates. The exchange swaps
    the two networks of a seed at random, 399 times: its null hypothesis is that they are draws of one kind.
    """
    stream = random_streams.generator(ROOT_SEED, "inference", "exchange", str(n), f"{shift:g}")
    a, reference = (gaussian(stream, (replications, n, 3)) for _ in range(2))
    a[..., 0] += shift
    points = np.concatenate([a, reference], axis=1)
    distances = np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)
    other_seed, first = ~np.eye(n, dtype=bool), np.arange(n)

    def difference(of_a: NDArray[np.int64], of_reference: NDArray[np.int64]) -> Floats:
        sides = (distances[:, rows[:, None], of_reference] for rows in (of_a, of_reference))
        between, within = (side[:, other_seed].mean(-1) for side in sides)
        return np.asarray(between - within)

    observed, as_large = np.abs(difference(first, first + n)), np.ones(replications)
    for _ in range(399):
        swapped = stream.random(n) < 0.5
        drawn = difference(np.where(swapped, first + n, first), np.where(swapped, first, first + n))
        as_large += np.abs(drawn) >= observed - 1e-12
    between, within = (distances[:, rows, n:].copy() for rows in (slice(n), slice(n, None)))
    between[:, ~other_seed] = within[:, ~other_seed] = np.nan
    tested = jackknife_p(between, within) < LEVEL
    return float(tested.mean()), float((as_large / 400 <= LEVEL).mean())


def over_measures(n: int, replications: int) -> float:
    """Return how often any of nine tests rejects without an effect: three measures, each a family of three tests.

    Networks have three coordinates that all measures see, and three for each measure alone, half of its variance.
    """
    stream = random_streams.generator(ROOT_SEED, "inference", "measures", str(n))
    curricula = [gaussian(stream, (replications, n, 12)) for _ in range(3)]
    reference = gaussian(stream, (replications, n, 12))
    rejected = np.zeros(replications, dtype=bool)
    for measure in range(3):
        own = slice(3 + 3 * measure, 6 + 3 * measure)

        def seen(points: Floats, own: slice = own) -> Floats:
            return np.asarray((points[..., :3] + points[..., own]) / np.sqrt(2))

        points = np.stack([seen(curriculum) for curriculum in curricula], axis=1)
        for curriculum in range(3):
            points[:, curriculum, :, curriculum] += FAR
        difference = points[:, :, :, None] - seen(reference)[:, None, None]
        distances = np.sqrt((difference**2).sum(-1))
        distances[..., np.arange(n), np.arange(n)] = np.nan
        first, second = np.triu_indices(3, k=1)
        p_values = jackknife_p(distances[:, first], distances[:, second])
        rejected |= (holm(p_values) <= LEVEL).any(-1)
    return float(rejected.mean())
