"""Does a conclusion from DSA depend on delays and rank? All networks of a run, at several settings.

After learning, for each pair of curricula: their separation S; the difference of their distances to `master`
networks of other seeds, with its jackknife interval over seeds and p by an exchange of labels. And `master`
networks against themselves under other input noise, and against those of other seeds. The pipeline draws such
conclusions again for the first seeds only, and without intervals: a setting takes as long as the comparison
itself.

    python benchmarks/dsa_settings.py --run results/ten_seeds --output docs/data/ten_seeds

writes settings.csv and settings_controls.csv, the same at ranks below 10 as low_settings.csv and
low_settings_controls.csv, averaged_controls.csv: the controls of states that are averaged by condition, and
more_starts.csv: S at the setting of the run, by the default search and by one of fewer starts.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping
from functools import partial
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
from warpline.comparison.network_systems import driven_systems_of, systems_of  # noqa: E402
from warpline.comparison.separation import separation  # noqa: E402
from warpline.core import result_files  # noqa: E402
from warpline.similarity import dsa  # noqa: E402

SETTINGS = ((7, 10), (7, 15), (7, 20), (7, 25), (7, 30), (4, 20), (14, 20), (5, 25))
"""Delays and rank."""
FEWER_STARTS = {"max_starts": 48, "accepted_chance": 0.01}
"""The default of the runs of docs/results.md."""
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
    return searched(states, seeds, settings, measure)[0]


def searched(
    states: list[NDArray[np.float64]],
    seeds: list[int],
    settings: Mapping[str, float],
    measure: Any = dsa,
) -> tuple[NDArray[np.float64], int]:
    """Return `distances`, and how many of their searches are uncertain."""
    systems = [measure.represent(of_network, settings=settings) for of_network in states]
    pairs = [
        (i, j) for i, j in itertools.combinations(range(len(states)), 2) if seeds[i] != seeds[j]
    ]
    matrix = np.full((len(states), len(states)), np.nan)
    rows = measure.compare_pairs(systems, pairs, settings=settings)
    for (i, j), row in zip(pairs, rows, strict=True):
        matrix[i, j] = matrix[j, i] = row["dissimilarity"]
    return matrix, sum(row.get("status") == "uncertain" for row in rows)


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


def networks_after_learning(
    folder: Path,
) -> tuple[list[NDArray[np.float64]], list[int], dict[str, NDArray[np.int64]]]:
    """Return the states of the last checkpoints, their seeds, and which are those of each curriculum."""
    by_curriculum = [states_at(folder / name) for name in CURRICULA]
    seeds = sorted(by_curriculum[0])
    states = [networks[seed] for networks in by_curriculum for seed in seeds]
    networks_of = {name: k * len(seeds) + np.arange(len(seeds)) for k, name in enumerate(CURRICULA)}
    return states, seeds * len(CURRICULA), networks_of


def separations(
    matrix: NDArray[np.float64], seeds: list[int], networks_of: dict[str, NDArray[np.int64]]
) -> list[dict[str, Any]]:
    """Return S of each pair of curricula from a matrix of dissimilarities."""
    n = len(next(iter(networks_of.values())))
    rows = []
    for a, b in itertools.combinations(CURRICULA, 2):
        between, *floors = (
            pair_table(matrix[np.ix_(networks_of[first], networks_of[second])], seeds[:n])
            for first, second in ((a, b), (a, a), (b, b))
        )
        names = ("separation", "separation_low", "separation_high")
        values = dict(zip(names, separation(between, floors, 0.95), strict=True))
        rows.append({"curriculum_a": a, "curriculum_b": b, **values})
    return rows


def differences(folder: Path, settings: Settings) -> list[dict[str, Any]]:
    """Return S of each pair of curricula, and the difference of their distances to `master`, by setting."""
    states, seeds, networks_of = networks_after_learning(folder)
    master = networks_of["master"]
    rows = []
    for n_delays, rank in settings:
        matrix = distances(states, seeds, {"n_delays": n_delays, "rank": rank})
        for apart in separations(matrix, seeds, networks_of):
            a, b = apart["curriculum_a"], apart["curriculum_b"]
            to_a, to_b = (matrix[np.ix_(networks_of[name], master)] for name in (a, b))
            test = difference_test(to_a, to_b, 0.95)
            row: dict[str, Any] = {"n_delays": n_delays, "rank": rank, "n": len(master)}
            row |= {"curriculum_a": a, "curriculum_b": b}
            row |= {name: float(getattr(test, name)) for name in ("difference", "low", "high")}
            row["p_exchange"] = exchange_test(matrix, networks_of[a], networks_of[b], master)
            rows.append(row | apart)
            print(rows[-1], flush=True)
    return rows


def more_starts(run: Path) -> list[dict[str, Any]]:
    """Return S at the setting of the run, by one of fewer starts and by the default search.

    ``uncertain`` counts searches of all pairs of curricula; ``missed`` and ``largest_excess`` are those of
    angles above the lower one of the two searches, by more than 1e-5 rad and at most.
    """
    (choice,) = result_files.read_table(run / "dsa/dsa/PDM/choice.csv").to_dict("records")
    chosen = {name: int(choice[name]) for name in ("n_delays", "rank")}
    states, seeds, networks_of = networks_after_learning(run / PLACE)
    efforts = [searched(states, seeds, chosen | effort) for effort in (FEWER_STARTS, {})]
    lowest = np.fmin(*(matrix for matrix, _ in efforts))
    rows = []
    for name, (matrix, uncertain) in zip(("fewer", "default"), efforts, strict=True):
        excess = matrix - lowest
        counts = {
            "searches": int(np.isfinite(matrix).sum()) // 2,
            "uncertain": uncertain,
            "missed": int((excess > 1e-5).sum()) // 2,
            "largest_excess": float(np.nanmax(excess)),
            "mean_angle": float(np.nanmean(matrix)),
        }
        for apart in separations(matrix, seeds, networks_of):
            rows.append({"starts": name, **chosen, **counts, **apart})
            print(rows[-1], flush=True)
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
    parser.add_argument("--output", type=Path, required=True, help="folder of the tables")
    arguments = parser.parse_args()
    folder = arguments.run / PLACE
    of_drive = folder / "master"
    tables = {
        "settings": partial(differences, folder, SETTINGS),
        "settings_controls": partial(controls, of_drive, SETTINGS),
        "low_settings": partial(differences, folder, LOW_RANKS),
        "low_settings_controls": partial(controls, of_drive, LOW_RANKS),
        "averaged_controls": partial(controls, of_drive, SETTINGS, by_condition=True),
        "more_starts": partial(more_starts, arguments.run),
    }
    for name, rows in tables.items():
        result_files.write_table(pd.DataFrame(rows()), arguments.output / f"{name}.csv", {})


if __name__ == "__main__":
    main()
