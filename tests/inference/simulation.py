"""Levels, power and coverage of the statistics, by simulation of networks as points.

    PYTHONPATH=src python tests/inference/simulation.py --replications 4000

A network is a vector, a dissimilarity the Euclidean distance of two: pairs that share a network, a seed or a
reference then depend on each other as they do in results. Every scenario has two curricula, a and b, and a
reference. Without an effect, a and b are equally far from the reference in expectation, by symmetry or, for
unequal variances, by calibration. In the scenarios `OFF_LEVEL` the test is off its level, and the
documentation says so. The command writes docs/data/inference_levels.csv.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats

from warpline.comparison.hypothesis_tests import difference_test, holm
from warpline.comparison.jackknife import jackknife_interval, mean_interval
from warpline.core import random_streams

Floats = NDArray[np.float64]

LEVEL = 0.05
SIZES = (3, 5, 10)
EFFECTS = (1.0, 2.0)
"""True differences, in standard deviations of what one seed contributes to the difference."""
ROOT_SEED = 11
FAR = 4.0
"""Distance of a and b from the reference, in standard deviations of a coordinate."""
CORRECTIONS = ("holm", "benjamini_hochberg")
TABLE = Path(__file__).resolve().parents[2] / "docs" / "data" / "inference_levels.csv"

Draw = Callable[[np.random.Generator, tuple[int, int, int]], Floats]


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


def welch_p(a: Floats, b: Floats) -> Floats:
    """Return Welch's p values of the networks' mean distances: the test that the jackknife replaced."""
    x, y = (np.nansum(m, -1) / np.maximum((~np.isnan(m)).sum(-1), 1) for m in (a, b))
    x, y = (np.where((~np.isnan(m)).any(-1), v, np.nan) for m, v in ((a, x), (b, y)))
    return np.asarray(
        stats.ttest_ind(x, y, axis=-1, equal_var=False, nan_policy="omit").pvalue, dtype=float
    )


def jackknife_p(a: Floats, b: Floats) -> Floats:
    """Return the p values of `warpline.comparison.hypothesis_tests.difference_test`."""
    return difference_test(a, b, 1 - LEVEL).p


def false_positives(
    name: str, n: int, replications: int, test: Callable[[Floats, Floats], Floats] = jackknife_p
) -> float:
    """Return the share of replications without an effect in which a test rejects at `LEVEL`."""
    stream = random_streams.generator(ROOT_SEED, "inference", name, str(n))
    a, b, _ = draw_distances(SCENARIOS[name], n, 0.0, replications, stream)
    return float((test(a, b) < LEVEL).mean())


def shift_of_effect(name: str, effect: float) -> float:
    """Return the shift at which a true difference is `effect` standard deviations of one seed's contribution.

    Both are estimated with 20 seeds, 400 replications and common random numbers.
    """

    def distance_from_effect(shift: float) -> float:
        stream = random_streams.generator(ROOT_SEED, "inference", "effect", name)
        a, b, _ = draw_distances(SCENARIOS[name], 20, shift, 400, stream)
        test = difference_test(a, b, 1 - LEVEL)
        deviation = np.sqrt((test.error**2 * test.n_seeds).mean())
        return float(abs(test.difference.mean()) / deviation - effect)

    return float(optimize.brentq(distance_from_effect, 0.0, 60.0, xtol=1e-3))


def coverage(name: str, n: int, replications: int) -> tuple[float, float]:
    """Return how often the intervals of a mean hold the true mean: over pairs, and over networks.

    The first is `jackknife_interval` of the distances of a to the reference, for the floor of the reference
    to itself; the second `mean_interval` of the distances of a to the reference of the same seed.
    """
    scenario = SCENARIOS[name]
    truth_stream = random_streams.generator(ROOT_SEED, "inference", "truth", name)
    a, b, same_seed = draw_distances(scenario, 10, 0.0, 40000, truth_stream)
    truth, truth_same = np.nanmean(b if scenario.with_reference else a), same_seed.mean()

    stream = random_streams.generator(ROOT_SEED, "inference", "coverage", name, str(n))
    a, b, same_seed = draw_distances(scenario, n, 0.0, replications, stream)
    matrices = b if scenario.with_reference else a
    # As in the tables of a run, a seed without a pair on one side does not stand there.
    rows, columns = (np.flatnonzero(~np.isnan(matrices[0]).all(axis)) for axis in (1, 0))
    hits = np.zeros(2)
    for matrix, networks in zip(matrices, same_seed, strict=True):
        pairs = matrix[np.ix_(rows, columns)]
        low, high = jackknife_interval(pairs, rows.tolist(), columns.tolist(), 1 - LEVEL)
        hits[0] += low <= truth <= high
        low, high = mean_interval(networks, 1 - LEVEL)
        hits[1] += low <= truth_same <= high
    return float(hits[0] / replications), float(hits[1] / replications)


def family(n: int, replications: int, shift: float) -> dict[str, float]:
    """Return errors and power of two corrections in families of ten tests of five curricula.

    One curriculum lies `shift` further from the reference than the other four, in directions of their own:
    four hypotheses are false, six are true.

    Returns
    -------
    dict of str to float
        ``<correction>_any``, the share of families with a false positive; ``<correction>_rate``, the false
        discovery rate; ``<correction>_power``, the share of false hypotheses that are rejected.
    """
    stream = random_streams.generator(ROOT_SEED, "inference", "family", str(n), f"{shift:g}")
    dimension = 5
    reference = gaussian(stream, (replications, n, dimension))
    points = gaussian(stream, (replications, 5 * n, dimension)).reshape(replications, 5, n, -1)
    for curriculum in range(5):
        points[:, curriculum, :, curriculum] += FAR + (shift if curriculum == 0 else 0)
    distances = np.sqrt(((points[:, :, :, None] - reference[:, None, None]) ** 2).sum(-1))
    distances[..., np.arange(n), np.arange(n)] = np.nan
    first, second = np.triu_indices(5, k=1)
    p = jackknife_p(distances[:, first], distances[:, second])
    false = (first == 0) & (shift != 0)
    scores = {}
    for name, adjusted in (
        (CORRECTIONS[0], holm(p)),
        (CORRECTIONS[1], stats.false_discovery_control(p, axis=-1, method="bh")),
    ):
        rejected = adjusted <= LEVEL
        wrong = rejected[:, ~false].sum(-1)
        scores[f"{name}_any"] = float((wrong > 0).mean())
        scores[f"{name}_rate"] = float((wrong / np.maximum(rejected.sum(-1), 1)).mean())
        scores[f"{name}_power"] = float(rejected[:, false].mean()) if false.any() else np.nan
    return scores


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


def levels_table(replications: int, sizes: Sequence[int] = SIZES) -> pd.DataFrame:
    """Return a row per scenario and n, in percent.

    ``level`` and ``level_welch`` without an effect; ``power_<effect>`` and ``power_welch_<effect>``;
    ``coverage_pairs`` and ``coverage_networks``.
    """
    rows = []
    for name, scenario in SCENARIOS.items():
        shifts = {effect: shift_of_effect(name, effect) for effect in EFFECTS}
        for n in sizes:
            row: dict[str, object] = {"scenario": name, "text": scenario.text, "n": n}
            row["level"] = false_positives(name, n, replications)
            row["level_welch"] = false_positives(name, n, replications, welch_p)
            for effect, shift in shifts.items():
                stream = random_streams.generator(ROOT_SEED, "inference", "power", name, str(n))
                a, b, _ = draw_distances(scenario, n, shift, replications, stream)
                row[f"power_{effect:g}"] = float((jackknife_p(a, b) < LEVEL).mean())
                row[f"power_welch_{effect:g}"] = float((welch_p(a, b) < LEVEL).mean())
            row["coverage_pairs"], row["coverage_networks"] = coverage(name, n, replications)
            rows.append(
                {k: 100 * v if isinstance(v, float) else v for k, v in row.items()}
                | {"replications": replications}
            )
    return pd.DataFrame(rows)


def families_table(replications: int, sizes: Sequence[int] = SIZES) -> pd.DataFrame:
    """Return a row per n and shift: errors and power of both corrections, in percent."""
    rows = [
        {"n": n, "shift": shift}
        | {name: 100 * value for name, value in family(n, replications, shift).items()}
        | {"replications": replications}
        for shift in (0.0, 2.0, 4.0)
        for n in sizes
    ]
    return pd.DataFrame(rows)


def levels_rows(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of the table of levels and power in the documentation: a row per scenario."""
    columns = ["level", "level_welch", "power_1", "power_2"]
    return _rows_of_scenarios(table, columns, "{:.1f}")


def coverage_rows(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of the table of coverage in the documentation: a row per scenario."""
    return _rows_of_scenarios(table, ["coverage_pairs", "coverage_networks"], "{:.0f}")


def _rows_of_scenarios(table: pd.DataFrame, columns: Sequence[str], number: str) -> list[list[str]]:
    """Return a row per scenario; a cell holds the values of a column at each n."""
    return [
        [
            rows["text"].iloc[0],
            *(" / ".join(number.format(value) for value in rows[column]) for column in columns),
        ]
        for _, rows in table.groupby("scenario", sort=False)
    ]


def families_rows(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of the table of corrections in the documentation: a row per shift and n."""
    columns = [f"{name}_{kind}" for kind in ("any", "rate", "power") for name in CORRECTIONS]
    return [
        [
            f"{row['shift']:g}",
            f"{row['n']:g}",
            *("" if np.isnan(row[column]) else f"{row[column]:.1f}" for column in columns),
        ]
        for _, row in table.iterrows()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=4000)
    parser.add_argument("--folder", type=Path, default=TABLE.parent)
    arguments = parser.parse_args()
    levels_table(arguments.replications).round(2).to_csv(arguments.folder / TABLE.name, index=False)
    families_table(arguments.replications).round(2).to_csv(
        arguments.folder / "inference_families.csv", index=False
    )


if __name__ == "__main__":
    main()
