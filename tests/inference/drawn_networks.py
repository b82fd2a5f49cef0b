"""Networks drawn as points, and their distances to a reference: the scenarios of the simulations.

A network is a vector, a dissimilarity the Euclidean distance of two: pairs that share a network, a seed or a
reference then depend on each other as they do in results. Every scenario has two curricula, a and b, and a
reference. Without an effect, a and b are equally far from the reference in expectation, by symmetry or, for
unequal variances, by calibration. In the scenarios `OFF_LEVEL` the test is off its level, and the
documentation says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int, int]], Floats]

ROOT_SEED = 11
FAR = 4.0
"""Distance of a and b from the reference, in standard deviations of a coordinate."""


def gaussian(stream: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Return standard normal deviates, shape (replication, seed, coordinate)."""
    return stream.standard_normal(shape)


def heavy_tailed(stream: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Return deviates of Student's t with three degrees of freedom."""
    return stream.standard_t(3, shape)


def exponential(stream: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Return exponential deviates of standard deviation 1."""
    return stream.exponential(1, shape)


def two_kinds(stream: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Return standard normal points, half of which lie 40 further along the first coordinate."""
    points = stream.standard_normal(shape)
    points[..., 0] += 40 * (stream.random(shape[:-1]) < 0.5)
    return points


def skewed(stream: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Return points in random directions at a lognormal distance, which makes distances skewed."""
    direction = stream.standard_normal(shape)
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    return direction * np.exp(stream.standard_normal((*shape[:2], 1)))


@dataclass(frozen=True)
class Scenario:
    """Distribution of the networks of a, b and the reference.

    Attributes
    ----------
    text : str
        What the table says of it.
    dimension : int
        Number of coordinates.
    directions : pair of int, optional
        Signed coordinate, from 1 on, along which a and b lie `FAR` from the reference; at it by default.
    correlation : float
        Correlation of the networks of one seed (shared pretraining).
    spread_a, spread_b, spread_reference : float
        Standard deviation of a coordinate.
    draw : callable
        Noise of a coordinate.
    with_reference : bool
        Whether b is the reference itself.
    rare : float
        How much further than the others one network of a in ten lies, on average; the mean stays.
    skew : float
        Standard deviation of the logarithm of a lognormal addition to the distance of a; the mean stays.
    seeds : callable, optional
        Function of n that returns the number of seeds, and those of a and of b.
    reference_from : int
        First seed that the reference has.
    """

    text: str
    dimension: int = 3
    directions: tuple[int, int] | None = None
    correlation: float = 0.0
    spread_a: float = 1.0
    spread_b: float = 1.0
    spread_reference: float = 1.0
    draw: Draw = gaussian
    with_reference: bool = False
    rare: float = 0.0
    skew: float = 0.0
    seeds: Callable[[int], tuple[int, slice, slice]] = lambda n: (n, slice(None), slice(None))
    reference_from: int = 0


SCENARIOS: Mapping[str, Scenario] = {
    "independent": Scenario("independent, 50 dimensions", dimension=50),
    "opposite": Scenario("opposite sides of the reference", directions=(1, -1)),
    "orthogonal": Scenario("orthogonal directions", directions=(1, 2)),
    "pretraining": Scenario("networks of one seed correlated, 0.8", correlation=0.8),
    "pretraining_opposite": Scenario(
        "the same, opposite sides", directions=(1, -1), correlation=0.8
    ),
    "reference": Scenario(
        "reference spread threefold, opposite sides", directions=(1, -1), spread_reference=3.0
    ),
    "floor": Scenario("against the reference itself (floor)", with_reference=True),
    "unequal_n": Scenario(
        "n networks against 2n, opposite sides",
        directions=(1, -1),
        seeds=lambda n: (2 * n, slice(n), slice(None)),
    ),
    "other_seeds": Scenario(
        "a and b have no seed in common, opposite sides",
        directions=(1, -1),
        seeds=lambda n: (2 * n, slice(n), slice(n, None)),
    ),
    "diverged": Scenario(
        "one network of b diverged, opposite sides",
        directions=(1, -1),
        seeds=lambda n: (n + 1, slice(None), slice(1, None)),
    ),
    "reference_diverged": Scenario(
        "one network of the reference diverged, spread threefold",
        directions=(1, -1),
        spread_reference=3.0,
        seeds=lambda n: (n + 1, slice(None), slice(None)),
        reference_from=1,
    ),
    "heavy_tails": Scenario("Student's t, 3 dof, opposite sides", (3), (1, -1), draw=heavy_tailed),
    "skewed": Scenario("lognormal distances", draw=skewed),
    "variances": Scenario("a spread twofold", spread_a=2.0),
    "skewed_side": Scenario(
        "distances of a alone lognormal",
        1,
        (1, -1),
        spread_a=0.2,
        spread_b=0.2,
        spread_reference=0.2,
        skew=1.0,
    ),
    "rare": Scenario(
        "one network of a in ten far away",
        1,
        (1, -1),
        spread_a=0.2,
        spread_reference=0.2,
        rare=10.0,
    ),
}


OFF_LEVEL = ("skewed_side", "rare")
"""Few samples hold the networks that carry the mean, and those that hold none have a spread too small."""


def mean_distance(shift: float, dimension: int) -> float:
    """Return the expected length of a standard normal vector that is shifted by `shift`.

    Mean of the noncentral chi distribution: sqrt(pi/2) L_{1/2}^{(d/2 - 1)}(-shift^2 / 2).
    """
    ratio = special.gamma((dimension + 1) / 2) / special.gamma(dimension / 2)
    return float(np.sqrt(2) * ratio * special.hyp1f1(-0.5, dimension / 2, -(shift**2) / 2))


def calibrated_shift(scenario: Scenario) -> float:
    """Return how far b must lie for the same expected distance as a, which is spread more widely than b."""
    spread = np.hypot(scenario.spread_a, scenario.spread_reference)
    target = spread * mean_distance(0.0, scenario.dimension)
    unit = np.hypot(scenario.spread_b, scenario.spread_reference)
    root = optimize.brentq(
        lambda shift: unit * mean_distance(shift / unit, scenario.dimension) - target, 0, 50
    )
    return float(root)


def draw_distances(
    scenario: Scenario, n: int, shift: float, replications: int, stream: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Return the distances of a and of b to the reference, and of a to the reference of the same seed.

    Parameters
    ----------
    scenario : Scenario
    n : int
        Networks of the smaller curriculum.
    shift : float
        How much further than without an effect b lies from the reference, in coordinates.
    replications : int
    stream : numpy.random.Generator

    Returns
    -------
    a, b : ndarray, shape (replication, seed, seed)
        NaN for pairs of one seed and for networks that do not exist.
    same_seed : ndarray, shape (replication, seed)
    """
    n_seeds, seeds_a, seeds_b = scenario.seeds(n)
    shape = (replications, n_seeds, scenario.dimension)
    shared = np.sqrt(scenario.correlation) * scenario.draw(stream, shape)
    a, b, reference = (
        shared + np.sqrt(1 - scenario.correlation) * scenario.draw(stream, shape) for _ in range(3)
    )
    a, b = a * scenario.spread_a, b * scenario.spread_b
    reference = reference * scenario.spread_reference
    if scenario.with_reference:
        # Both are the same networks; an effect spreads a more widely, which moves no network of the reference.
        b = reference
        a = a * (1 + shift)
    elif scenario.directions:
        for points, direction, distance in zip(
            (a, b), scenario.directions, (FAR, FAR + shift), strict=True
        ):
            points[..., abs(direction) - 1] += np.sign(direction) * distance
        # What networks of a lie further than FAR, its mean subtracted.
        further = np.zeros(shape[:2])
        if scenario.rare:
            further += scenario.rare * ((stream.random(shape[:2]) < 0.1) - 0.1)
        if scenario.skew:
            further += np.exp(scenario.skew * stream.standard_normal(shape[:2]))
            further -= np.exp(scenario.skew**2 / 2)
        a[..., abs(scenario.directions[0]) - 1] += np.sign(scenario.directions[0]) * further
    else:
        unequal = scenario.spread_a != scenario.spread_b
        base = calibrated_shift(scenario) if unequal else 0.0
        b[..., 0] += base + shift

    def to_reference(points: Floats, seeds: slice) -> Floats:
        distances = np.full((replications, n_seeds, n_seeds), np.nan)
        difference = points[:, seeds, None] - reference[:, None]
        distances[:, seeds] = np.sqrt((difference**2).sum(-1))
        diagonal = np.arange(n_seeds)
        distances[:, diagonal, diagonal] = np.nan
        distances[..., : scenario.reference_from] = np.nan
        return distances

    same_seed = np.sqrt(((a - reference) ** 2).sum(-1))
    return to_reference(a, seeds_a), to_reference(b, seeds_b), same_seed
