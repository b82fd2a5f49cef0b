"""Levels of two rules of claims by simulation: the order of curricula (A4), and A5b. docs/claims.md states them."""

from __future__ import annotations

import numpy as np
from inference.simulation import SCENARIOS, draw_distances
from numpy.typing import NDArray

from warpline.claims.course_of_learning import beyond_shared_course
from warpline.claims.curriculum_order import order_probability
from warpline.claims.evidence import part_of_networks, part_of_probability

Floats = NDArray[np.float64]

EQUAL_PLACES = (
    "independent", "opposite", "orthogonal", "pretraining", "pretraining_opposite", "heavy_tails",
)  # fmt: skip
"""Scenarios of `inference.simulation` in which a and b are drawn alike around the reference: P is 1/2."""


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


def courses(random: np.random.Generator, times: Floats, noise: float) -> Floats:
    """Return courses that rise from 0 to 1 at some times, with noise, shape (checkpoint, seed)."""
    fractions = np.linspace(0, 1, 8)[:, None]
    course = 1 / (1 + np.exp(-(fractions - times) / 0.1))
    return course + noise * random.standard_normal(course.shape)


def own_accuracy_found(
    n: int, noise: float, replications: int, tied: bool = False
) -> tuple[float, float]:
    """Return how often, in percent, the interval of A5b lies above 0, and that of A5a above its least effect.

    Distances fall and accuracies rise at random times, which are the same in a network if `tied`.
    """
    random = np.random.default_rng(11)
    follows_own, follows = 0, 0
    for _ in range(replications):
        times = random.uniform(0.2, 0.8, (2, n))
        distance = 1 - courses(random, times[0], noise)
        accuracy = courses(random, times[0 if tied else 1], noise)
        values = beyond_shared_course(distance, accuracy)
        follows_own += part_of_networks("", values).interval(0.95)[0] > 0
        ranks = [series.argsort(0).argsort(0) - 3.5 for series in (distance, accuracy)]
        values = -(ranks[0] * ranks[1]).sum(0) / (ranks[0] ** 2).sum(0)
        follows += part_of_networks("", values).interval(0.95)[0] > 0.2
    return 100 * follows_own / replications, 100 * follows / replications
