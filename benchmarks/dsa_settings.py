"""Does a conclusion from DSA depend on delays and rank? All networks of a run, at several settings.

After learning, the distance of the networks of one curriculum to `master` networks of other seeds, less that
of another one's, with its jackknife interval over seeds; with ``--pretrained``, also p by an exchange of
labels. The pipeline draws such conclusions again for the first seeds only, and without intervals: a setting
takes as long as the comparison itself.

    python benchmarks/dsa_settings.py --run results/ten_seeds --output docs/data/ten_seeds/settings.csv
    python benchmarks/dsa_settings.py --run results/ten_seeds --pretrained pretrain_anti_delay_frozen \
      --output docs/data/ten_seeds/settings_pretrained.csv
    python benchmarks/dsa_settings.py --run results/ten_seeds --controls \
      --output docs/data/ten_seeds/settings_controls.csv

With ``--controls``: `master` networks against themselves under other input noise, and those of other seeds.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import xarray as xr  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from warpline.comparison.hypothesis_tests import difference_test, exchange_test  # noqa: E402
from warpline.comparison.jackknife import jackknife_interval, mean_interval  # noqa: E402
from warpline.comparison.pairs import driven_systems_of, systems_of  # noqa: E402
from warpline.core import result_files  # noqa: E402
from warpline.similarity import dsa  # noqa: E402

SETTINGS = ((7, 10), (7, 15), (7, 20), (7, 25), (7, 30), (4, 20), (14, 20), (5, 25))
"""Delays and rank."""
PLACE = "trajectories/PDM/leaky_rnn"


def final_states(folder: Path) -> dict[int, NDArray[np.float64]]:
    """Return the states (trial, time, component) of the last checkpoint, by seed."""
    states = {}
    for path in sorted(folder.glob("*.nc")):
        with xr.open_dataset(path) as dataset:
            for seed, systems in systems_of(dataset).items():
                states[seed] = systems[-1].states
    return states


def distances(
    states: list[NDArray[np.float64]], seeds: list[int], settings: dict[str, int]
) -> NDArray[np.float64]:
    """Return the dissimilarities (network, network); NaN between networks of one seed."""
    operators = [dsa.represent(of_network, settings=settings) for of_network in states]
    pairs = [
        (i, j) for i, j in itertools.combinations(range(len(states)), 2) if seeds[i] != seeds[j]
    ]
    matrix = np.full((len(states), len(states)), np.nan)
    for (i, j), row in zip(
        pairs, dsa.compare_pairs(operators, pairs, settings=settings), strict=True
    ):
        matrix[i, j] = matrix[j, i] = row["dissimilarity"]
    return matrix


def driven_states(folder: Path) -> dict[int, dict[str, NDArray[np.float64]]]:
    """Return the states of the last checkpoint under other input noise, by seed and drive."""
    states = {}
    for path in sorted(folder.glob("*.nc")):
        with xr.open_dataset(path) as dataset:
            for seed, driven in driven_systems_of(dataset).items():
                states[seed] = {drive: system.states for drive, system in driven.items()}
    return states


def controls(folder: Path) -> list[dict[str, Any]]:
    """Return the mean of each control of the drive, and of other seeds, by setting."""
    own, driven = final_states(folder), driven_states(folder)
    seeds = sorted(own)
    rows = []
    for n_delays, rank in SETTINGS:
        setting = {"n_delays": n_delays, "rank": rank}
        floor = distances([own[seed] for seed in seeds], seeds, setting)
        low, high = jackknife_interval(floor, seeds, seeds, 0.95)
        means = {"other_seed": (float(np.nanmean(floor)), low, high)}
        for name in driven[seeds[0]]:
            values = [
                # Two systems of different seeds, as far as `distances` knows.
                distances([own[seed], driven[seed][name]], [0, 1], setting)[0, 1]
                for seed in seeds
            ]
            means[name] = (float(np.mean(values)), *mean_interval(np.array(values), 0.95))
        for name, (mean, low, high) in means.items():
            row = {"control": name, "mean": mean, "low": low, "high": high}
            rows.append({**setting, "n": len(seeds), **row})
            print(rows[-1], flush=True)
    return rows


def differences(folder: Path, pretrained: str | None) -> list[dict[str, Any]]:
    """Return the difference of each pair of curricula in their distance to `master`, by setting.

    Of `master` and untrained networks; of a pretrained curriculum and each of these, with the p value of an
    exchange of labels, where one is named.
    """
    names = ["master", "untrained"]
    compared = [("master", "untrained")]
    if pretrained:
        names.append(pretrained)
        compared = [("master", pretrained), (pretrained, "untrained")]
    by_curriculum = [final_states(folder / name) for name in names]
    seeds = sorted(by_curriculum[0])
    states = [networks[seed] for networks in by_curriculum for seed in seeds]
    networks_of = {name: k * len(seeds) + np.arange(len(seeds)) for k, name in enumerate(names)}
    master = networks_of["master"]
    rows = []
    for n_delays, rank in SETTINGS:
        matrix = distances(states, seeds * len(names), {"n_delays": n_delays, "rank": rank})
        for a, b in compared:
            to_master = [matrix[np.ix_(networks_of[name], master)] for name in (a, b)]
            test = difference_test(*to_master, 0.95)
            row: dict[str, Any] = {"n_delays": n_delays, "rank": rank, "n": len(seeds)}
            row |= {name: float(getattr(test, name)) for name in ("difference", "low", "high")}
            if pretrained:
                exchange = exchange_test(matrix, networks_of[a], networks_of[b], master)
                row |= {"curriculum_a": a, "curriculum_b": b, "p_exchange": exchange}
            rows.append(row)
            print(row, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--pretrained", help="a curriculum to hold against both others")
    kind.add_argument("--controls", action="store_true", help="networks under other noise")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    folder = arguments.run / PLACE
    if arguments.controls:
        rows = controls(folder / "master")
    else:
        rows = differences(folder, arguments.pretrained)
    result_files.write_table(pd.DataFrame(rows), arguments.output, {})


if __name__ == "__main__":
    main()
