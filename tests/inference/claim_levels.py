"""Levels of two rules of claims by simulation: the order of curricula (A4), and A5b. docs/claims.md states them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from inference.drawn_networks import SCENARIOS, draw_distances
from numpy.typing import NDArray

from warpline.claims.course_of_learning import beyond_shared_course
from warpline.claims.curriculum_order import order_probability
from warpline.claims.evidence import part_of_networks, part_of_probability

Floats = NDArray[np.float64]

EQUAL_PLACES = (
    "independent", "opposite", "orthogonal", "pretraining", "pretraining_opposite", "heavy_tails",
)  # fmt: skip
"""Scenarios of `inference.drawn_networks` in which a and b are drawn alike around the reference: P is 1/2."""


def order_misses(name: str, n: int, replications: int) -> tuple[float, float]:
    """Return how often, in percent, the interval of the order of two curricula lies above and below 1/2."""
    stream = np.random.default_rng(21)
    a, b, _ = draw_distances(SCENARIOS[name], n, 0.0, replications, stream)
    intervals = np.array(
        [
            part_of_probability("", *order_probability(above[None], below[None])).interval(0.95)
            for above, below in zip(a, b, strict=True)
        ]
    )
    return 100 * float((intervals[:, 0] > 0.5).mean()), 100 * float((intervals[:, 1] < 0.5).mean())


def courses(
    random: np.random.Generator, times: Floats, noise: float | Floats, change: float | Floats = 1.0
) -> Floats:
    """Return courses that rise from 0 by a change at some times, with noise, shape (checkpoint, seed)."""
    fractions = np.linspace(0, 1, 8)[:, None]
    course = 1 / (1 + np.exp(-(fractions - times) / 0.1))
    return change * course + noise * random.standard_normal(course.shape)


def difference_of_means(distance: Floats, accuracy: Floats) -> Floats:
    """Return the former values of A5b, c_ii - c_i. - c_.i + c_.., shape (seed,)."""
    n = distance.shape[1]
    correlations = -np.corrcoef(distance.T, accuracy.T)[:n, n:]
    own = np.diagonal(correlations).copy()
    np.fill_diagonal(correlations, np.nan)
    rows, columns = np.nanmean(correlations, axis=1), np.nanmean(correlations, axis=0)
    return np.asarray(own - rows - columns + np.nanmean(correlations))


def own_accuracy_found(
    n: int,
    noise: float,
    replications: int,
    tied: bool = False,
    poor: float = 0.0,
    uneven: float = 0.0,
    learnt: float = 0.1,
    rule: Callable[[Floats, Floats], Floats] = beyond_shared_course,
) -> tuple[float, float]:
    """Return how often, in percent, the interval of A5b lies above 0, and that of A5a above its least effect.

    Distances fall and accuracies rise at random times, which are the same in a network if `tied`. A share of
    `poor` networks make the part `learnt` of both changes. The noise of both has one size in a network, whose
    logarithm has the standard deviation `uneven` over networks.
    """
    random = np.random.default_rng(11)
    follows_own, follows = 0, 0
    for _ in range(replications):
        times = random.uniform(0.2, 0.8, (2, n))
        change = np.where(random.random(n) < poor, learnt, 1.0) if poor else 1.0
        scale = noise * np.exp(uneven * random.standard_normal(n)) if uneven else noise
        distance = 1 - courses(random, times[0], scale, change)
        accuracy = courses(random, times[0 if tied else 1], scale, change)
        values = rule(distance, accuracy)
        follows_own += part_of_networks("", values).interval(0.95)[0] > 0
        ranks = [series.argsort(0).argsort(0) - 3.5 for series in (distance, accuracy)]
        values = -(ranks[0] * ranks[1]).sum(0) / (ranks[0] ** 2).sum(0)
        follows += part_of_networks("", values).interval(0.95)[0] > 0.2
    return 100 * follows_own / replications, 100 * follows / replications
