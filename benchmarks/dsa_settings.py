"""Does a conclusion from DSA depend on delays and rank? All networks of a run, at several settings.

After learning, the distance of `master` networks to `master` networks of other seeds, less that of
`untrained` ones, with its jackknife interval over seeds. The pipeline draws such conclusions again for the
first seeds only, and without intervals: a setting takes as long as the comparison itself.

    python benchmarks/dsa_settings.py --run results/ten_seeds --output docs/data/ten_seeds/settings.csv
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
from scipy.stats import t as student  # noqa: E402

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
            for k, seed in enumerate(dataset["seed"].values):
                n = int(dataset["n_components"][k, -1])
                states[int(seed)] = dataset["states"].values[k, -1, :, :, :n].astype(float)
    return states


def difference(dissimilarity: dict[Any, float], seeds: list[int]) -> float:
    """Return the mean dissimilarity to `master` in other seeds, of `master` less that of `untrained`."""
    means = [
        np.mean(
            [dissimilarity[("master", a), (name, b)] for a, b in itertools.permutations(seeds, 2)]
        )
        for name in ("master", "untrained")
    ]
    return float(means[0] - means[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    systems = {
        (name, seed): states
        for name in ("master", "untrained")
        for seed, states in final_states(arguments.run / PLACE / name).items()
    }
    seeds = sorted({seed for _, seed in systems})
    keys = list(systems)
    pairs = list(itertools.combinations(range(len(keys)), 2))
    rows = []
    for n_delays, rank in SETTINGS:
        settings = {"n_delays": n_delays, "rank": rank}
        operators = [dsa.represent(systems[key], settings=settings) for key in keys]
        dissimilarity: dict[Any, float] = {}
        results = dsa.compare_pairs(operators, pairs, settings=settings)
        for (i, j), row in zip(pairs, results, strict=True):
            dissimilarity[keys[i], keys[j]] = dissimilarity[keys[j], keys[i]] = row["dissimilarity"]
        mean = difference(dissimilarity, seeds)
        # Leaving out one seed at a time, Student's t: docs/statistics.md.
        n = len(seeds)
        left_out = np.array(
            [difference(dissimilarity, [s for s in seeds if s != seed]) for seed in seeds]
        )
        error = np.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2))
        half = student.ppf(0.975, n - 1) * error
        rows.append(
            {"n_delays": n_delays, "rank": rank, "n": n, "difference": mean}
            | {"low": mean - half, "high": mean + half}
        )
        print(rows[-1], flush=True)
    result_files.write_table(pd.DataFrame(rows), arguments.output, {})


if __name__ == "__main__":
    main()
