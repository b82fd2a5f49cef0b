"""Level of the test, and coverage of the intervals, with groups of systems that share nothing, or their seeds.

    PYTHONPATH=src:tests python tests/inference/unshared_groups.py --replications 4000

It writes docs/data/inference_unshared.csv and inference_separation.csv (some ten minutes of one core). A system is a vector, a dissimilarity the Euclidean distance of two (as in `inference.drawn_networks`). Groups differ
in their number of systems and in their spread. The null hypothesis holds by symmetry, or by the distance of b
that `calibrated_distance` finds.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from warpline.comparison.groups import group_tables
from warpline.comparison.hypothesis_tests import difference_test, holm
from warpline.comparison.jackknife import jackknife_interval
from warpline.comparison.separation import separation

Floats = NDArray[np.float64]

SIZES = (
    (3, 3, 3), (4, 4, 4), (5, 5, 5), (10, 10, 10), (3, 10, 10),
    (3, 3, 10), (5, 5, 3), (8, 8, 3), (10, 10, 3), (10, 5, 3),
)  # fmt: skip
"""Systems of a, of b and of the reference."""
SPREADS = (
    (1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (5.0, 0.5, 0.5),
    (1.0, 1.0, 2.0), (1.0, 1.0, 3.0), (1.0, 1.0, 10.0), (1.0, 0.3, 3.0),
)  # fmt: skip
"""Standard deviations of a coordinate in a, b and the reference."""
OWN_SIZES = ((3, 3), (5, 5), (10, 10), (3, 10), (4, 10), (10, 3), (3, 20), (20, 3))
"""Systems of a, and of b where b is the reference."""
OWN_SPREADS = ((1.0, 1.0), (0.8, 1.0), (0.5, 1.0), (0.2, 1.0), (0.1, 1.0))
"""Their standard deviations of a coordinate: a spread wider than b's lies further from b than b from itself."""
PAIRS = ((3, 3), (4, 4), (10, 10), (3, 10))
PAIR_SPREADS = ((1.0, 1.0), (1.5, 1.0), (2.0, 1.0), (3.0, 1.0), (5.0, 0.5))
"""Systems of two groups, whose intervals are counted, and the standard deviations of the mean between them."""
APART = (((1.0, 1.0), 0.0), ((1.0, 1.0), 2.0), ((1.0, 1.0), 4.0), ((4.0, 0.5), 0.0))
"""Standard deviations of two groups, and the distance of their centres: the separations that are counted."""
SHARED_SIZES = (5, 10)
SHARED_DISTANCES = (0.0, 2.0, 3.0, 4.0, 5.0)
"""Seeds that two groups share, and the distances of their centres."""
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "data"
LEVELS = "inference_unshared.csv"
SEPARATIONS = "inference_separation.csv"


def distances(first: Floats, second: Floats) -> Floats:
    """Return Euclidean distances, shape (replication, system, system)."""
    squares = (first**2).sum(-1)[:, :, None] + (second**2).sum(-1)[:, None]
    return np.asarray(np.sqrt(np.maximum(squares - 2 * first @ second.mT, 0.0)))


def calibrated_distance(spreads: tuple[float, float, float], far: float, dimension: int) -> float:
    """Return how far b must lie from the reference for the same expected distance as a at `far`."""
    a, b, reference = np.random.default_rng(1).normal(size=(3, 20000, dimension)) * np.reshape(
        spreads, (3, 1, 1)
    )
    axis = np.eye(dimension)[0]
    target = np.linalg.norm(a + far * axis - reference, axis=-1).mean()

    def excess(distance: float) -> float:
        return float(np.linalg.norm(b - distance * axis - reference, axis=-1).mean() - target)

    return far if spreads[0] == spreads[1] else float(optimize.brentq(excess, 0, 100))


def false_positives(
    sizes: tuple[int, int, int], spreads: tuple[float, float, float], *, far: float = 0.0,
    dimension: int = 3, own: bool = False, replications: int = 2000,
) -> float:  # fmt: skip
    """Return the share of replications without an effect in which the test rejects at 5 %.

    With `own`, b is the reference: sizes and spreads are those of a and b, and `far` does not count.
    """
    stream = np.random.default_rng(0)
    a, b, reference = (
        spread * stream.normal(size=(replications, n, dimension))
        for n, spread in zip(sizes, spreads, strict=True)
    )
    if own:
        reference = b[:, :0]
        # Systems of a lie as far from those of b as these from each other.
        a[..., 0] += calibrated_distance((spreads[1], spreads[0], spreads[1]), 0.0, dimension)
    else:
        a[..., 0] += far
        b[..., 0] -= calibrated_distance(spreads, far, dimension)
    systems = np.concatenate([a, b, reference], axis=1)
    of_all = distances(systems, systems)
    of_all[:, np.eye(systems.shape[1], dtype=bool)] = np.nan
    columns = slice(sizes[0], None) if own else slice(sizes[0] + sizes[1], None)
    sides = np.full((2, *of_all.shape), np.nan)
    for side, rows in zip(
        sides, (slice(sizes[0]), slice(sizes[0], sizes[0] + sizes[1])), strict=True
    ):
        side[:, rows, columns] = of_all[:, rows, columns]
    return float((difference_test(sides[0], sides[1], 0.95).p <= 0.05).mean())


def alike_false_positives(
    sizes: tuple[int, int], draw: Callable[..., Floats], *, dimension: int = 3,
    shared: bool = False, replications: int = 4000,
) -> float:  # fmt: skip
    """Return how often the test rejects where all systems are drawn alike, and b is the reference.

    `draw` takes a stream and a shape (replication, system, coordinate). With `shared`, those of a have the
    first seeds of b, and pairs of one seed do not count, as in the tables of a run.
    """
    n_a, n_systems = sizes[0], sum(sizes)
    systems = draw(np.random.default_rng(0), (replications, n_systems, dimension))
    of_all = distances(systems, systems)
    first = 0 if shared else n_a
    n_seeds = first + sizes[1]
    sides = np.full((2, replications, n_seeds, n_seeds), np.nan)
    sides[0, :, :n_a, first:], sides[1, :, first:, first:] = (
        of_all[:, :n_a, n_a:],
        of_all[:, n_a:, n_a:],
    )
    sides[:, :, np.eye(n_seeds, dtype=bool)] = np.nan
    return float((difference_test(sides[0], sides[1], 0.95).p <= 0.05).mean())


def call_false_positives(
    sizes: tuple[int, ...],
    draw: Callable[..., Floats],
    *,
    dimension: int = 3,
    replications: int = 4000,
) -> float:
    """Return how often the jackknife alone rejects some test of a call, all systems being drawn alike.

    Each group is the reference in turn, and p values are corrected over all tests (Holm).
    """
    n_systems = sum(sizes)
    systems = draw(np.random.default_rng(0), (replications, n_systems, dimension))
    of_all = distances(systems, systems)
    of_all[:, np.eye(n_systems, dtype=bool)] = np.nan
    ends = np.cumsum(sizes)
    groups = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    p_values = []
    for reference in groups:
        sides = np.full((len(groups), *of_all.shape), np.nan)
        for side, group in zip(sides, groups, strict=True):
            side[:, group, reference] = of_all[:, group, reference]
        p_values += [difference_test(a, b, 0.95).p for a, b in itertools.combinations(sides, 2)]
    return float((holm(np.stack(p_values, axis=-1)) <= 0.05).any(axis=-1).mean())


def called_tests(points: Floats, sizes: Sequence[int], units: Sequence[int]) -> pd.DataFrame:
    """Return the tests of a call of `compare_groups`, by both p values, each group the reference in turn.

    Groups hold the points one after another. Those of one unit make no pair.
    """
    groups = "abcdef"[: len(sizes)]
    names = [f"{group}/{k}" for group, size in zip(groups, sizes, strict=True) for k in range(size)]
    first, second = np.triu_indices(len(names), 1)
    of_pairs = np.linalg.norm(points[first] - points[second], axis=-1)
    pairs = pd.DataFrame({"measure": "dsa", "dissimilarity": of_pairs})
    for end, places in (("a", first), ("b", second)):
        pairs[f"system_{end}"] = [names[k] for k in places]
        pairs[f"group_{end}"] = pairs[f"system_{end}"].str[0]
    _, tests = group_tables(
        pairs, dict(zip(names, units, strict=True)), references=list(groups),
        confidence=0.95, family_error=0.05, min_systems=3, seed=0,
    )  # fmt: skip
    return tests


def coverage(
    sizes: tuple[int, int], spreads: tuple[float, float], *, dimension: int = 3,
    replications: int = 1000,
) -> float:  # fmt: skip
    """Return how often the interval of the mean between two groups holds the true mean."""
    stream = np.random.default_rng(2)
    truth = np.linalg.norm(
        np.hypot(*spreads) * stream.normal(size=(400000, dimension)), axis=-1
    ).mean()
    points = [
        spread * stream.normal(size=(replications, n, dimension))
        for n, spread in zip(sizes, spreads, strict=True)
    ]
    return _share_that_hold(truth, distances(*points), range(sizes[0]), range(sizes[0], sum(sizes)))


def floor_coverage(
    n_networks: int, draw: Callable[..., Floats], *, dimension: int, replications: int = 2000
) -> float:
    """Return how often the interval of a floor, the mean over the pairs of one curriculum, holds the true mean."""
    stream = np.random.default_rng(4)
    one, other = draw(stream, (2, 400000, dimension))
    truth = np.linalg.norm(one - other, axis=-1).mean()
    networks = draw(stream, (replications, n_networks, dimension))
    of_all = distances(networks, networks)
    of_all[:, np.eye(n_networks, dtype=bool)] = np.nan
    return _share_that_hold(truth, of_all, range(n_networks), range(n_networks))


def difference_coverage(
    sizes: tuple[int, int], spread: float, far: float, draw: Callable[..., Floats], *,
    shared: bool = False, replications: int = 2000,
) -> float:  # fmt: skip
    """Return how often the interval of the difference of a from the reference's own floor holds the true one.

    Networks lie along a line, those of a `far` from the reference and `spread` times as widely.

    Parameters
    ----------
    sizes : pair of int
        Networks of a and of the reference.
    shared : bool
        Whether both have the same seeds: pairs of one seed then do not count.
    """
    stream = np.random.default_rng(6)
    n, m = sizes
    # Deviates whose mean is not 0 are as far from the reference's as `far` says.
    mean = draw(stream, (1, 400000, 1)).mean()

    def points(replications: int, count: int, spread: float, far: float) -> Floats:
        return np.asarray(far + spread * (draw(stream, (replications, count, 1)) - mean))

    a, one, other = points(1, 400000, spread, far), *(points(1, 400000, 1, 0) for _ in range(2))
    truth = np.abs(a - one).mean() - np.abs(one - other).mean()
    a, reference = points(replications, n, spread, far), points(replications, m, 1, 0)
    between, within = distances(a, reference), distances(reference, reference)
    within[:, np.eye(m, dtype=bool)] = np.nan
    if shared:
        between[:, np.eye(m, dtype=bool)] = np.nan
        of_a, of_b = between, within
    else:
        of_a, of_b = np.full((2, replications, n + m, n + m), np.nan)
        of_a[:, :n, n:], of_b[:, n:, n:] = between, within
    test = difference_test(of_a, of_b, 0.95)
    return float(((test.low <= truth) & (truth <= test.high)).mean())


def _share_that_hold(truth: float, matrices: Floats, rows: range, columns: range) -> float:
    """Return the share of matrices whose jackknife interval of the mean holds the true one."""
    intervals = np.array([jackknife_interval(matrix, rows, columns, 0.95) for matrix in matrices])
    return float(((intervals[:, 0] <= truth) & (truth <= intervals[:, 1])).mean())


def separation_coverage(
    sizes: tuple[int, int], spreads: tuple[float, float], far: float, *, dimension: int = 3,
    shared: bool = False, replications: int = 300,
) -> dict[str, float]:  # fmt: skip
    """Return the true separation of two groups, and how often its interval holds it.

    With `shared`, both groups have the same seeds, and pairs of one seed do not count, as in the tables of
    a run.

    Returns
    -------
    dict of str to float
        ``true``; in percent ``coverage`` and ``above``, how often the interval lies above the true value, of
        the cases with an interval; and ``missing``, how many have none.
    """
    stream = np.random.default_rng(3)
    axis = np.eye(dimension)[0]
    draws = stream.normal(size=(3, 600000 // dimension, dimension))
    between = np.linalg.norm(spreads[0] * draws[0] - spreads[1] * draws[1] + far * axis, axis=-1)
    floors = np.linalg.norm(draws[2], axis=-1)
    truth = np.mean([(between > np.sqrt(2) * spread * floors).mean() for spread in spreads])
    hits, above = [], []
    names = np.arange(sum(sizes))
    seeds = np.where(shared & (names >= sizes[0]), names - sizes[0], names)
    for _ in range(replications):
        points = np.repeat(spreads, sizes)[:, None] * stream.normal(size=(len(names), dimension))
        points[: sizes[0]] += far * axis
        first, second = np.triu_indices(len(names), k=1)
        pairs = pd.DataFrame({"seed_a": seeds[first], "seed_b": seeds[second]})
        pairs["dissimilarity"] = np.linalg.norm(points[first] - points[second], axis=-1)
        group_a, group_b = first < sizes[0], second < sizes[0]
        of_floors = [pairs[group_a & group_b], pairs[~group_a & ~group_b]]
        between_seeds = (group_a != group_b) & (pairs["seed_a"] != pairs["seed_b"])
        _, low, high = separation(pairs[between_seeds], of_floors, 0.95)
        if np.isfinite(low):
            hits.append(low <= truth <= high)
            above.append(truth < low)
    return {
        "true": float(truth),
        "coverage": 100 * float(np.mean(hits)),
        "above": 100 * float(np.mean(above)),
        "missing": 100 * (1 - len(hits) / replications),
    }


def levels_table(replications: int) -> pd.DataFrame:
    """Return the levels of the test and the coverage of the intervals of a mean, in percent: a row per case.

    ``statistic``: ``level``, ``level_own`` (b is the reference) or ``coverage`` (of the mean between a and b).
    """
    rows: list[dict[str, object]] = []

    def add(
        statistic: str, dimension: int, far: float, sizes: tuple[int, ...],
        spreads: tuple[float, ...], share: float,
    ) -> None:  # fmt: skip
        row: dict[str, object] = {"statistic": statistic, "dimension": dimension, "far": far}
        row |= dict(zip(("n_a", "n_b", "n_reference"), sizes, strict=False))
        row |= dict(zip(("spread_a", "spread_b", "spread_reference"), spreads, strict=False))
        rows.append(row | {"percent": 100 * share, "replications": replications})

    for dimension in (2, 3, 50):
        for far in (0.0, 1.5, 2.0, 4.0):
            for sizes in SIZES:
                for three in SPREADS:
                    share = false_positives(
                        sizes, three, far=far, dimension=dimension, replications=replications
                    )
                    add("level", dimension, far, sizes, three, share)
        for own_sizes in OWN_SIZES:
            for own_spreads in OWN_SPREADS:
                share = false_positives(
                    (*own_sizes, 0), (*own_spreads, 1.0), dimension=dimension, own=True,
                    replications=replications,
                )  # fmt: skip
                add("level_own", dimension, 0.0, own_sizes, own_spreads, share)
    for pair in PAIRS:
        for spreads in PAIR_SPREADS:
            share = coverage(pair, spreads, replications=replications)
            add("coverage", 3, 0.0, pair, spreads, share)
    table = pd.DataFrame(rows)
    return table.astype({"n_reference": "Int64"})


def separations_table(replications: int) -> pd.DataFrame:
    """Return a row per case: `separation_coverage` of groups that share nothing, or their seeds."""
    cases = [(pair, spreads, far, False) for spreads, far in APART for pair in PAIRS]
    cases += [((n, n), (1.0, 1.0), far, True) for far in SHARED_DISTANCES for n in SHARED_SIZES]
    return pd.DataFrame(
        {
            "shared": shared,
            "n_a": sizes[0],
            "n_b": sizes[1],
            "spread_a": spreads[0],
            "spread_b": spreads[1],
            "far": far,
            **separation_coverage(sizes, spreads, far, shared=shared, replications=replications),
            "replications": replications,
        }
        for sizes, spreads, far, shared in cases
    )


def separations_rows(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of the table of separations in the documentation: a row per case, all sizes in a cell."""
    rows = []
    keys = ["shared", "spread_a", "spread_b", "far"]
    for (shared, spread_a, spread_b, _), cases in table.groupby(keys, sort=False):
        groups = "the same seeds" if shared else "nothing shared"
        if spread_a != spread_b:
            groups += f", spreads {spread_a:g} and {spread_b:g}"
        sizes = [f"{a}" if shared else f"{a}, {b}" for a, b in cases[["n_a", "n_b"]].to_numpy()]
        cells = (
            " / ".join(f"{x:.0f}" for x in cases[name]) for name in ("coverage", "above", "missing")
        )
        rows.append([groups, f"{cases['true'].iloc[0]:.2f}", " / ".join(sizes), *cells])
    return rows


def page_lines(table: pd.DataFrame) -> list[str]:
    """Return the sentences of docs/your_data.md that state numbers of `levels_table`."""
    by_statistic = dict(list(table.groupby("statistic")))
    level, own, means = (by_statistic[name] for name in ("level", "level_own", "coverage"))
    many = own[["n_a", "n_b"]].max(axis=1) > 10
    few = own[~many]["percent"]
    (replications,) = set(table["replications"])
    return [
        f"was rejected in {level['percent'].min():.1f} to {level['percent'].max():.1f} % of "
        f"{replications:,} simulated cases",
        f"With one of the two groups as the reference it was {few.min():.1f} to {few.max():.1f} %",
        f"in up to {own[many]['percent'].max():.1f} % of cases without a difference",
        f"held it in {means['percent'].min():.0f} to {means['percent'].max():.0f} %",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=4000)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    separations = separations_table(arguments.replications // 2)
    digits = {"true": 4, "coverage": 2, "above": 2, "missing": 2}
    separations.round(digits).to_csv(arguments.folder / SEPARATIONS, index=False)
    levels = levels_table(arguments.replications)
    levels.round(2).to_csv(arguments.folder / LEVELS, index=False)


if __name__ == "__main__":
    main()
