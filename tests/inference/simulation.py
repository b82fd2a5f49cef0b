"""Levels, power and coverage of the statistics, by simulation of networks as points.

    PYTHONPATH=src:tests python tests/inference/simulation.py --replications 4000

The networks are those of `inference.drawn_networks`. The command writes docs/data/inference_levels.csv.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from inference.drawn_networks import FAR, ROOT_SEED, SCENARIOS, Floats, draw_distances, gaussian
from scipy import optimize, stats

from warpline.comparison.hypothesis_tests import difference_test, holm
from warpline.comparison.jackknife import jackknife_interval, mean_interval
from warpline.core import random_streams

LEVEL = 0.05
SIZES = (3, 5, 10)
EFFECTS = (1.0, 2.0)
"""True differences, in standard deviations of what one seed contributes to the difference."""
CORRECTIONS = ("holm", "benjamini_hochberg")
TABLE = Path(__file__).resolve().parents[2] / "docs" / "data" / "inference_levels.csv"


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
