"""Does a conclusion from DSA depend on delays and rank? All networks of a run, at several settings.

After learning, for each pair of curricula: their separation S; the difference of their distances to `master`
networks of other seeds, with its jackknife interval over seeds and p by an exchange of labels. And `master`
networks against themselves under other input noise, and against those of other seeds. The pipeline draws such
conclusions again for the first seeds only, and without intervals: a setting takes as long as the comparison
itself.

    python benchmarks/dsa_settings.py --run results/ten_seeds --output docs/data/ten_seeds

writes settings.csv and settings_controls.csv. With --low, ranks below 10 alone: of one further run, which
has the rounding of a third processor, for docs/data/low_ranks. With --averaged, averaged_controls.csv of that
run alone: its states are averaged by condition.
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

from warpline.comparison.condition_states import means_by_condition  # noqa: E402
from warpline.comparison.hypothesis_tests import difference_test, exchange_test  # noqa: E402
from warpline.comparison.jackknife import jackknife_interval, mean_interval  # noqa: E402
from warpline.comparison.pairs import driven_systems_of, systems_of  # noqa: E402
from warpline.comparison.separation import separation  # noqa: E402
from warpline.core import result_files  # noqa: E402
from warpline.similarity import dsa  # noqa: E402

SETTINGS = ((7, 10), (7, 15), (7, 20), (7, 25), (7, 30), (4, 20), (14, 20), (5, 25))
"""Delays and rank."""
LOW_RANKS = ((7, 2), (7, 3), (7, 5), (7, 7))
CURRICULA = ("master", "pretrain_anti_delay_frozen", "untrained")
PLACE = "trajectories/PDM/leaky_rnn"
Settings = tuple[tuple[int, int], ...]


def states_at(folder: Path, checkpoint: int = -1) -> dict[int, NDArray[np.float64]]:
    """Return the states (trial, time, component) of a checkpoint, by seed; the last one by default."""
    states = {}
    for path in sorted(folder.glob("*.nc")):
        with xr.open_dataset(path) as dataset:
            for seed, systems in systems_of(dataset).items():
                states[seed] = systems[checkpoint].states
    return states


def distances(
    states: list[NDArray[np.float64]],
    seeds: list[int],
    settings: dict[str, int],
    measure: Any = dsa,
) -> NDArray[np.float64]:
    """Return the dissimilarities (network, network); NaN between networks of one seed."""
    systems = [measure.represent(of_network, settings=settings) for of_network in states]
    pairs = [
        (i, j) for i, j in itertools.combinations(range(len(states)), 2) if seeds[i] != seeds[j]
    ]
    matrix = np.full((len(states), len(states)), np.nan)
    for (i, j), row in zip(
        pairs, measure.compare_pairs(systems, pairs, settings=settings), strict=True
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


def controls(folder: Path, settings: Settings, by_condition: bool = False) -> list[dict[str, Any]]:
    """Return the mean of each control of the drive, and of other seeds, by setting."""
    own, driven = states_at(folder), driven_states(folder)
    if by_condition:
        with xr.open_dataset(min(folder.glob("*.nc"))) as dataset:
            conditions = dataset["condition"].values
        own = {seed: means_by_condition(states, conditions) for seed, states in own.items()}
        driven = {
            seed: {
                drive: means_by_condition(states, conditions) for drive, states in by_drive.items()
            }
            for seed, by_drive in driven.items()
        }
    seeds = sorted(own)
    rows = []
    for n_delays, rank in settings:
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


def differences(folder: Path, settings: Settings) -> list[dict[str, Any]]:
    """Return S of each pair of curricula, and the difference of their distances to `master`, by setting."""
    by_curriculum = [states_at(folder / name) for name in CURRICULA]
    seeds = sorted(by_curriculum[0])
    states = [networks[seed] for networks in by_curriculum for seed in seeds]
    networks_of = {name: k * len(seeds) + np.arange(len(seeds)) for k, name in enumerate(CURRICULA)}
    master = networks_of["master"]
    rows = []
    for n_delays, rank in settings:
        matrix = distances(states, seeds * len(CURRICULA), {"n_delays": n_delays, "rank": rank})
        for a, b in itertools.combinations(CURRICULA, 2):
            to_a, to_b = (matrix[np.ix_(networks_of[name], master)] for name in (a, b))
            test = difference_test(to_a, to_b, 0.95)
            row: dict[str, Any] = {"n_delays": n_delays, "rank": rank, "n": len(seeds)}
            row |= {"curriculum_a": a, "curriculum_b": b}
            row |= {name: float(getattr(test, name)) for name in ("difference", "low", "high")}
            row["p_exchange"] = exchange_test(matrix, networks_of[a], networks_of[b], master)
            between, *floors = (
                pair_table(matrix[np.ix_(networks_of[first], networks_of[second])], seeds)
                for first, second in ((a, b), (a, a), (b, b))
            )
            values = separation(between, floors, 0.95)
            row |= dict(
                zip(("separation", "separation_low", "separation_high"), values, strict=True)
            )
            rows.append(row)
            print(row, flush=True)
    return rows


def pair_table(matrix: NDArray[np.float64], seeds: list[int]) -> pd.DataFrame:
    """Return the pairs of a matrix (seed, seed) as `separation` takes them; one within a curriculum twice.

    S is a mean over pairs: that all stand twice changes nothing.
    """
    seed_a, seed_b = np.meshgrid(seeds, seeds, indexing="ij")
    return pd.DataFrame(
        {"seed_a": seed_a.ravel(), "seed_b": seed_b.ravel(), "dissimilarity": matrix.ravel()}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder of the two tables")
    parser.add_argument("--low", action="store_true", help="ranks below 10")
    parser.add_argument("--averaged", action="store_true", help="controls of averages alone")
    arguments = parser.parse_args()
    folder, settings = arguments.run / PLACE, LOW_RANKS if arguments.low else SETTINGS
    if arguments.averaged:
        rows = controls(folder / "master", settings, by_condition=True)
        result_files.write_table(pd.DataFrame(rows), arguments.output / "averaged_controls.csv", {})
        return
    for name, rows in (
        ("settings", differences(folder, settings)),
        ("settings_controls", controls(folder / "master", settings)),
    ):
        result_files.write_table(pd.DataFrame(rows), arguments.output / f"{name}.csv", {})


if __name__ == "__main__":
    main()
