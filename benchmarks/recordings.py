"""How often is the network found that was recorded? The count in docs/your_data.md.

Of each of several seeds, two trained networks and an untrained one are observed as in examples/recordings:
Poisson spikes of 100 neurons on 400 trials that no comparison uses. Each recording is compared with the three
networks of its seed. It is right if the recorded network is the nearest; the margin is the dissimilarity to
the nearest wrong network over that to the right one.

Networks are those of a finished run of the demo's configuration with four seeds or more, such as that of
dsa_search.py:

    python benchmarks/recordings.py --name dsa_search --output docs/data/recordings.json
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

import warpline  # noqa: E402
from warpline.comparison.dataset_pairs import compare_systems  # noqa: E402
from warpline.comparison.dataset_systems import ComparedSystem, systems_of_networks  # noqa: E402
from warpline.core import result_files  # noqa: E402
from warpline.datasets.sessions import read_session  # noqa: E402

TASKSET, CONDITIONS = "PDM", ["ground_truth", "coh"]
READ = {
    "conditions": CONDITIONS,
    "spikes": {"times": "times", "units": "neurons", "trials": "trials"},
    "time_unit": "ms",
    "bin": 50,
    "window": [0, 2000],
}
MEASURES: Mapping[str, Mapping[str, Any]] = {
    "CKA, averages by condition": {"measure": {"measure": "cka"}, "single_trials": False},
    "DSA, averages, 10 delays, rank 10": {
        "measure": {"measure": "dsa", "n_delays": 10, "delay_interval": 1, "rank": 10},
        "single_trials": False,
    },
    "DSA, single trials, 5 delays, rank 5": {
        "measure": {"measure": "dsa", "n_delays": 5, "delay_interval": 1, "rank": 5},
        "single_trials": True,
    },
}


def example() -> ModuleType:
    """Return the module that makes the recordings of the example."""
    path = Path(__file__).parents[1] / "examples" / "recordings" / "make_recordings.py"
    spec = importlib.util.spec_from_file_location("make_recordings", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def networks_of(name: str, results: Path, recorded: Mapping[str, Any]) -> list[ComparedSystem]:
    """Return all networks of the recorded kinds after learning, on the evaluation trials."""
    systems = []
    for architecture, curriculum in recorded.values():
        folder = results / name / "trajectories" / TASKSET / architecture / curriculum
        for path in sorted(folder.glob("seed~*.nc")):
            trajectories = result_files.read_dataset(path)
            seed = int(trajectories["seed"].values[0])
            run = warpline.open_run(name, TASKSET, architecture, curriculum, seed, results)
            systems += systems_of_networks(trajectories, run.trials(split="evaluation"), CONDITIONS)
    return systems


def recordings_of(
    name: str, results: Path, seed: int, draw: int, folder: Path, maker: ModuleType
) -> list[ComparedSystem]:
    """Make one draw of neurons and spikes of the networks of a seed, and read the files."""
    systems = []
    for k, (key, (architecture, curriculum)) in enumerate(maker.SOURCES.items()):
        run = warpline.open_run(name, TASKSET, architecture, curriculum, seed, results)
        rng = np.random.default_rng([draw, seed, k])
        maker.make(run, folder, key, maker.N_TRIALS, maker.N_NEURONS, maker.MEAN_RATE, rng)
        session = read_session(
            folder / f"{key}.npz", {**READ, "trials": folder / f"{key}.csv"}, key
        )
        systems.append(ComparedSystem(session.recording, key, None, session.dt))
    return systems


def rows_of(
    recordings: Sequence[ComparedSystem],
    networks: Sequence[ComparedSystem],
    right: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return the margin of each recording by each measure; the right network is the nearest above 1."""
    rows = []
    for measure, settings in MEASURES.items():
        entry = {**settings["measure"], "name": measure}
        complete = {**settings, "measure": entry, "centre": True, "candidates": {}}
        table, _ = compare_systems([*recordings, *networks], complete, 0)
        values = table.pivot(index="system_a", columns="system_b", values="dissimilarity")
        names = {network.group: network.recording.name for network in networks}
        for recording, group in right.items():
            distances = {g: float(values.loc[recording].loc[name]) for g, name in names.items()}
            own = distances.pop(group)
            margin = min(distances.values()) / own
            rows.append({"measure": measure, "recording": recording, "margin": margin})
    return rows


def page_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the lines that docs/your_data.md holds."""
    rows = result["summary"]
    (n,) = {row["n"] for row in rows}
    margins = pd.DataFrame(result["recordings"])
    by_kind = (
        margins.assign(right=margins["margin"] > 1)
        .groupby(["measure", "recording"], sort=False)["right"]
        .agg(["sum", "count"])
    )
    (each,) = set(by_kind["count"])
    counts = by_kind["sum"].unstack()[["rnn", "gru", "decoy"]]
    averages, single = (counts.loc[row["measure"]] for row in rows[1:])
    return [
        f"in {result['draws']} draws of neurons and spikes",
        f"Of n = {n} recordings, {n // 3} would be right by chance",
        *(
            f"| {row['measure']} | {row['right']} of {n} | {row['median']:.2f} | {row['least']:.2f} |"
            for row in rows
        ),
        f"By averages, {averages['rnn']} of {each} recordings of the RNN are right, {averages['gru']} of the "
        f"GRU and {averages['decoy']} of untrained networks; "
        f"by single trials {single['rnn']}, {single['gru']} and {single['decoy']}.",
    ]


def main() -> None:
    """Count, print and write as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--name", required=True, help="the run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    maker = example()
    right = {key: "/".join(names) for key, names in maker.SOURCES.items()}
    networks = networks_of(arguments.name, arguments.results, maker.SOURCES)
    rows = []
    for seed in arguments.seeds:
        own_seed = [network for network in networks if network.seed == seed]
        for draw in range(arguments.draws):
            with tempfile.TemporaryDirectory() as folder:
                recordings = recordings_of(
                    arguments.name, arguments.results, seed, draw, Path(folder), maker
                )
            rows += [
                {**row, "seed": seed, "draw": draw} for row in rows_of(recordings, own_seed, right)
            ]
    frame = pd.DataFrame(rows)
    margins = frame.groupby("measure", sort=False)["margin"]
    summary = margins.agg(
        right=lambda m: int((m > 1).sum()), n="count", median="median", least="min"
    )
    result = {
        "machine": f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}",
        "draws": arguments.draws,
        "summary": summary.reset_index().to_dict("records"),
        "recordings": rows,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(summary.to_string(float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
