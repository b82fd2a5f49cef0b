"""Does a measure call one network under two drives different? The last tables of docs/dsa_input.md.

drives      each network after learning against itself under other noise, relative to the floor: the mean
            over networks, over the mean over pairs of seeds of the same measure
separation  S of two curricula from `master` in other seeds, leaky RNN

Networks are those of a finished run of the demo's configuration with ten seeds:

    python benchmarks/dsa_input_drives.py --name NAME --output docs/data/dsa_input/drives.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
import xarray as xr  # noqa: E402

import warpline  # noqa: E402
from warpline.attractors.scores import jackknife_interval  # noqa: E402
from warpline.comparison.drives import window_inputs  # noqa: E402
from warpline.comparison.network_systems import System, driven_systems_of, systems_of  # noqa: E402
from warpline.comparison.pair_tables import compare  # noqa: E402
from warpline.comparison.pairs import Comparison, after_learning, controls  # noqa: E402
from warpline.comparison.separation import floor_pairs, separation  # noqa: E402
from warpline.comparison.trajectories import concatenate_seeds, network_trajectories  # noqa: E402
from warpline.core import result_files  # noqa: E402

TASKSET, PERIOD, CONFIDENCE = "PDM", "stimulus", 0.95
NETWORKS = {
    "leaky RNN, `master`": ("leaky_rnn", "master"),
    "leaky RNN, `pretrain_anti_delay_frozen`": ("leaky_rnn", "pretrain_anti_delay_frozen"),
    "leaky RNN, `untrained`": ("leaky_rnn", "untrained"),
    "leaky GRU, `master`": ("leaky_gru", "master"),
}
"""States of Mamba have too few principal components for these ranks, in some seeds."""
LABELS = [label for label in NETWORKS if not label.endswith("`untrained`")]
"""Networks of the table of drives."""
SEARCH = {"max_starts": 48, "accepted_chance": 0.03}
MEASURES: Mapping[str, Mapping[str, Any]] = {
    "`dsa`, 5 delays, rank 20": {"measure": "dsa", "n_delays": 5, "rank": 20, **SEARCH},
    "`dsa`, 1 delay, rank 10": {"measure": "dsa", "n_delays": 1, "rank": 10, **SEARCH},
    "`dsa_input`, rank 10": {"measure": "dsa_input", "rank": 10, **SEARCH},
    "`dsa_input`, rank 5": {"measure": "dsa_input", "rank": 5, **SEARCH},
    "`dsa_input`, rank 10, 2 delays": {
        "measure": "dsa_input",
        "rank": 10,
        "n_delays": 2,
        **SEARCH,
    },
    "`dsa_input`, rank 10, `whitened`": {
        "measure": "dsa_input",
        "rank": 10,
        "coordinates": "whitened",
        **SEARCH,
    },
}
DRIVES: Mapping[str, Any] = {
    "names": ["weak_noise", "strong_noise", "autocorrelated_noise"],
    "time_constant": 200.0,
    "seed": 0,
}
SCORES = {"joint": "joint_score", "state": "state_score", "control": "control_score"}


def networks_of(
    run_name: str, results: Path, trials: xr.Dataset, seeds: Sequence[int]
) -> dict[tuple[str, str], tuple[dict[int, System], dict[int, dict[str, System]]]]:
    """Return the networks of each architecture and curriculum after learning, also under each drive.

    They are what the pipeline compares: principal components of the states in the comparison window.
    """
    inputs = window_inputs(trials, {"period": PERIOD, "drives": DRIVES})
    networks = {}
    for architecture, curriculum in dict.fromkeys(NETWORKS.values()):
        runs = [
            warpline.open_run(run_name, TASKSET, architecture, curriculum, seed, results)
            for seed in seeds
        ]
        settings = {
            "architecture": runs[0].info["settings"]["architecture"] | {"name": architecture},
            "taskset": TASKSET,
            "curriculum": curriculum,
            "fractions": [1.0],
            "period": PERIOD,
            "variance": 0.999,
            "memory_mb": 1000,
            "drives": DRIVES,
        }
        trajectories = [
            network_trajectories(run.checkpoints, [trials], settings, torch.device("cpu"), run.seed)
            for run in runs
        ]
        dataset = concatenate_seeds(trajectories, list(seeds), trials, settings)
        finals = {seed: systems[-1] for seed, systems in systems_of(dataset, inputs).items()}
        networks[architecture, curriculum] = finals, driven_systems_of(dataset, inputs)
    return networks


def tables_of_measure(
    networks: Mapping[tuple[str, str], Any], seeds: Sequence[int], settings: Mapping[str, Any]
) -> dict[str, pd.DataFrame]:
    """Return the table of pairs after learning, and that of the controls of the drive."""
    after: list[Comparison] = []
    drives: list[Comparison] = []
    for architecture in dict.fromkeys(key[0] for key in networks):
        curricula = [key[1] for key in networks if key[0] == architecture]
        runs: dict[tuple[str, int], list[System]] = {}
        driven: dict[tuple[str, int], dict[str, System]] = {}
        for curriculum in curricula:
            finals, by_drive = networks[architecture, curriculum]
            runs |= {(curriculum, seed): [system] for seed, system in finals.items()}
            driven |= {(curriculum, seed): systems for seed, systems in by_drive.items()}
        after += after_learning(runs, curricula, seeds, [])
        # One repeat alone cannot be halved; steps in random order are another question.
        pairs = controls(runs, curricula, seeds, np.zeros(1, int), 0, driven)
        drives += [pair for pair in pairs if pair.labels["control"] in DRIVES["names"]]
    return compare({"after": after, "drives": drives}, settings, 0)


def drive_rows(tables: Mapping[str, pd.DataFrame], measure: str) -> list[dict[str, Any]]:
    """Return a row per group of networks and drive: the ratio to the floor, its interval on the logarithm."""
    rows = []
    for label, (architecture, curriculum) in NETWORKS.items():
        after, drives = (
            table[(table["architecture_a"] == architecture) & (table["curriculum_a"] == curriculum)]
            for table in (tables["after"], tables["drives"])
        )
        floor = floor_pairs(after, curriculum)
        for drive, own in drives.groupby("control", sort=False):

            def ratio(
                seeds: set[int], own: pd.DataFrame = own, floor: pd.DataFrame = floor
            ) -> float:
                kept = floor["seed_a"].isin(seeds) & floor["seed_b"].isin(seeds)
                of_drive = own.loc[own["seed_a"].isin(seeds), "dissimilarity"].mean()
                return float(of_drive / floor.loc[kept, "dissimilarity"].mean())

            seeds = set(own["seed_a"])
            without = np.array([ratio(seeds - {seed}) for seed in sorted(seeds)])
            value = ratio(seeds)
            low, high = jackknife_interval(value, without, CONFIDENCE, "log")
            rows.append(
                {
                    "networks": label,
                    "measure": measure,
                    "floor": float(floor["dissimilarity"].mean()),
                    "drive": drive,
                    "n": len(seeds),
                    "ratio": value,
                    "low": low,
                    "high": high,
                }
            )
    return rows


def separation_rows(after: pd.DataFrame, measure: str) -> list[dict[str, Any]]:
    """Return S of two curricula from `master` in other seeds, leaky RNN, by each score of the measure."""
    rows = []
    after = after[(after["architecture_a"] == "leaky_rnn") & (after["seeds"] == "cross")]
    for score, column in (
        SCORES.items() if "joint_score" in after else {"": "dissimilarity"}.items()
    ):
        scored = after.assign(dissimilarity=after[column])
        floors = {name: floor_pairs(scored, name) for name in scored["curriculum_a"].unique()}
        for curriculum in ("untrained", "pretrain_anti_delay_frozen"):
            both = [
                set(names)
                for names in zip(after["curriculum_a"], after["curriculum_b"], strict=True)
            ]
            pairs = scored[[names == {curriculum, "master"} for names in both]]
            value, low, high = separation(pairs, [floors[curriculum], floors["master"]], CONFIDENCE)
            rows.append(
                {
                    "measure": f"{measure} {score}".strip(),
                    "curriculum": curriculum,
                    "S": value,
                    "low": low,
                    "high": high,
                }
            )
    return rows


def page_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the rows of both tables of docs/dsa_input.md, and what it says of weak noise at rank 5."""
    frame = pd.DataFrame(result["drives"])
    frame["cell"] = [_cell(*row) for row in frame[["ratio", "low", "high"]].to_numpy()]
    lines = []
    for label in LABELS:
        name = label
        for measure in MEASURES:
            if measure.endswith("rank 5"):
                continue
            rows = frame[(frame["networks"] == label) & (frame["measure"] == measure)]
            cells = [f"{rows['floor'].iloc[0]:.2f}", *rows["cell"]]
            lines.append(f"| {name} | {measure} | {' | '.join(cells)} |")
            name = ""
    separations = pd.DataFrame(result["separation"])
    separations["cell"] = [_cell(*row) for row in separations[["S", "low", "high"]].to_numpy()]
    names = {"joint": "`dsa_input`, rank 10: joint", "state": "the same: state"}
    names |= {"control": "the same: control"}
    for measure, rows in separations.groupby("measure", sort=False):
        if any(words in str(measure) for words in ("rank 5", "2 delays", "whitened")):
            continue
        title = names.get(str(measure).rpartition(" ")[2], str(measure))
        lines.append(f"| {title} | {' | '.join(rows['cell'])} |")
    lowest = frame[frame["measure"].str.endswith("rank 5") & (frame["drive"] == "weak_noise")]
    cells = dict(zip(lowest["networks"], lowest["cell"], strict=True))
    first, second, third = (cells[label] for label in LABELS)
    lines.append(f"at rank 5 all three do: {first}, {second} and {third}")
    of_rank_5 = separations["measure"].str.contains("rank 5") & separations["measure"].str.endswith(
        "joint"
    )
    cells_of_joint = " and ".join(separations.loc[of_rank_5, "cell"])
    lines.append(f"At rank 5, S by the joint score is {cells_of_joint}")
    return [line.replace("|  |", "| |") for line in lines]


def _cell(value: float, low: float, high: float) -> str:
    """Return a value with its interval, where it has one."""
    return f"{value:.2f}" if np.isnan(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Measure, print the tables and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--name", required=True, help="the run")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, 11)))
    parser.add_argument("--trials", type=Path, help="evaluation trials, if not those of the run")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    first = warpline.open_run(
        arguments.name,
        TASKSET,
        *next(iter(NETWORKS.values())),
        arguments.seeds[0],
        arguments.results,
    )
    trials = (
        first.trials() if arguments.trials is None else result_files.read_dataset(arguments.trials)
    )
    if "noise_free_inputs" not in trials:
        raise SystemExit(
            "expected evaluation trials with noise_free_inputs, got trials of an older version: "
            "name others by --trials"
        )
    networks = networks_of(arguments.name, arguments.results, trials, arguments.seeds)
    drives, separations = [], []
    for measure, settings in MEASURES.items():
        tables = tables_of_measure(networks, arguments.seeds, settings)
        drives += drive_rows(tables, measure)
        separations += separation_rows(tables["after"], measure)
    result = {
        "machine": f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}",
        "drives": drives,
        "separation": separations,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print("\n".join(page_lines(result)))


if __name__ == "__main__":
    main()
