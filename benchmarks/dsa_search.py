"""How often DSA's search misses the best alignment: python benchmarks/dsa_search.py --output search.json.

Pairs of trained networks of several architectures and checkpoints are aligned with the default settings, and
again from 400 starts that are hardly thinned out. A pair is missed if the default angle is more than 1e-5 rad
above the lower of the two. A miss is silent if its status is "converged". `chance_of_better` is held against
the share of misses.

    snakemake comparisons --cores 2 --configfile config/demo.yaml
    python benchmarks/dsa_search.py --trajectories results/demo/trajectories/PDM/*/*/*.nc --output search.json
"""

from __future__ import annotations

import argparse
import itertools
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy.stats import binomtest  # noqa: E402

FloatArray = NDArray[np.float64]
#: (rank, number of delays): ten delays, the earlier default, and embeddings that `choose_dsa` prefers.
SETTINGS = ((5, 10), (8, 10), (10, 10), (12, 10), (20, 10), (30, 10), (50, 10), (20, 3), (25, 5))
MISSED = 1e-5
REFERENCE_SEED = 77


def states_of(files: list[Path]) -> list[FloatArray]:
    """Return the states (trial, time, component) of every kept checkpoint of every network, each once."""
    import xarray as xr

    systems = []
    for file in files:
        with xr.open_dataset(file) as dataset:
            for i in range(dataset.sizes["seed"]):
                steps: set[int] = set()
                for k in range(dataset.sizes["checkpoint"]):
                    step = int(dataset["step"][i, k])
                    if step not in steps:
                        n = int(dataset["n_components"][i, k])
                        states = dataset["states"].values[i, k, :, :, :n]
                        systems.append(states.astype(np.float64))
                    steps.add(step)
    return systems


def align(job: tuple[list[FloatArray], list[tuple[int, int]]]) -> pd.DataFrame:
    """Return a row per pair: the default search, and the best of many starts."""
    import torch

    from warpline.similarity.dsa.alignment import AlignmentSettings, align_pairs
    from warpline.similarity.dsa.canonical import to_canonical
    from warpline.similarity.dsa.halving import Rung

    torch.set_num_threads(1)
    matrices, pairs = job
    operators = [to_canonical(matrix) for matrix in matrices]
    align_pairs(operators, pairs[:1])
    begin = time.process_time()
    default = align_pairs(operators, pairs)
    seconds = (time.process_time() - begin) / len(pairs)
    rungs = (Rung(1e-2, 80, 1.6, torch.float32), Rung(1.5e-3, 16, 1.1, torch.float32))
    many = AlignmentSettings(max_starts=400, first_starts=400, rungs=rungs)
    best = align_pairs(operators, pairs, seed=REFERENCE_SEED, settings=many)
    return pd.DataFrame(
        {
            "angle": [row.angle for row in default],
            "best_of_400": [row.angle for row in best],
            "status": [row.status for row in default],
            "chance_of_better": [row.chance_of_better for row in default],
            "n_starts": [row.n_starts for row in default],
            "n_hits": [row.n_hits for row in default],
            "seconds": seconds,
        }
    )


def reference_angles(
    matrices: list[FloatArray], pairs: list[tuple[int, int]]
) -> tuple[FloatArray, float]:
    """Return the angles of dsa-metric at its default number of iterations, and seconds a pair."""
    from warpline.similarity.dsa.reference import reference_alignment

    begin = time.process_time()
    angles = [
        reference_alignment(matrices[i], matrices[j], iterations=1500).angle for i, j in pairs
    ]
    return np.array(angles), (time.process_time() - begin) / len(pairs)


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Return misses, and the chance that the search itself states."""
    excess = rows["angle"] - rows[["angle", "best_of_400"]].min(axis=1)
    missed, uncertain = excess > MISSED, rows["status"] == "uncertain"
    return {
        "pairs": len(rows),
        "ms_a_pair": float(1e3 * rows["seconds"].mean()),
        "starts": rows["n_starts"].mean(),
        "missed": int(missed.sum()),
        "silent": int((missed & ~uncertain).sum()),
        "uncertain": int(uncertain.sum()),
        "expected_misses": rows["chance_of_better"].sum(),
        "worst_excess": excess.max(),
        "worst_silent_excess": excess[~uncertain].max(),
        "mean_angle": rows["angle"].mean(),
    }


def page_lines(result: list[dict[str, Any]]) -> list[str]:
    """Return what docs/dsa.md says of these numbers."""
    lines = [
        f"| {row['rank']}, {row['n_delays']} | {row['missed']} | {row['silent']} | {row['uncertain']} | "
        f"{row['expected_misses']:.1f} | {row['worst_excess']:.1g} | {row['mean_angle']:.3f} | "
        f"{row['starts']:.0f} |"
        for row in result
    ]
    high = [row for row in result if row["rank"] >= 10]
    n_silent, n_missed = (sum(row[key] for row in high) for key in ("silent", "missed"))
    # A silent miss can only be among the searches that say they converged.
    n_converged = sum(row["pairs"] - row["uncertain"] for row in high)
    low, most = binomtest(n_silent, n_converged).proportion_ci(method="wilson")
    worst = max(high, key=lambda row: row["silent"] / (row["pairs"] - row["uncertain"]))
    return [
        *lines,
        f"Of {n_converged:,} searches at ranks 10 to 20 that converged, {n_silent} missed "
        f"({100 * n_silent / n_converged:.1f} %, {100 * low:.1f} to {100 * most:.1f} %)",
        f"{worst['silent']} of {worst['pairs'] - worst['uncertain']} at rank {worst['rank']}",
        f"{n_missed} misses in all, where {sum(row['expected_misses'] for row in high):.0f} are expected",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trajectories", type=Path, nargs="+", help="netCDF files of a run")
    parser.add_argument(
        "--operators", type=Path, help="npz file of --save, instead of trajectories"
    )
    parser.add_argument("--save", type=Path, help="npz file to write the operators to, and stop")
    parser.add_argument("--output", type=Path, help="JSON file, an entry per setting")
    parser.add_argument("--every", type=Path, help="CSV file, a row per pair")
    parser.add_argument("--pairs", type=int, default=640, help="random pairs of each setting")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--reference-pairs", type=int, default=0, help="pairs for dsa-metric, too")
    arguments = parser.parse_args()

    if arguments.operators:
        operators = {
            tuple(map(int, k.split("_"))): v for k, v in np.load(arguments.operators).items()
        }
    else:
        from warpline.similarity.dsa import fit_operator

        systems = states_of(arguments.trajectories)
        operators = {
            (rank, delays): np.stack(
                [fit_operator(states, n_delays=delays, rank=rank).matrix for states in systems]
            )
            for rank, delays in SETTINGS
        }
    if arguments.save:
        named = {f"{rank}_{delays}": matrices for (rank, delays), matrices in operators.items()}
        np.savez(arguments.save, allow_pickle=False, **named)
        return

    table, every = [], []
    with ProcessPoolExecutor(arguments.cores, mp_context=get_context("spawn")) as pool:
        for (rank, delays), stacked in operators.items():
            matrices = list(stacked)
            pairs = list(itertools.combinations(range(len(matrices)), 2))
            order = np.random.default_rng(0).permutation(len(pairs))[: arguments.pairs]
            pairs = [pairs[k] for k in order]
            chunks = [pairs[k :: arguments.cores] for k in range(arguments.cores)]
            rows = pd.concat(pool.map(align, [(matrices, chunk) for chunk in chunks if chunk]))
            row = {"rank": rank, "n_delays": delays, **summary(rows)}
            every.append(rows.assign(rank=rank, n_delays=delays))
            if arguments.reference_pairs:
                some = pairs[: arguments.reference_pairs]
                angles, seconds = reference_angles(matrices, some)
                excess = align((matrices, some))["angle"].to_numpy() - angles
                row |= {
                    "reference_pairs": len(some),
                    "reference_ms_a_pair": 1e3 * seconds,
                    "above_reference": int((excess > MISSED).sum()),
                    "below_reference": int((excess < -MISSED).sum()),
                }
            table.append(row)
            print(row, flush=True)
            pd.DataFrame(table).to_json(arguments.output, orient="records", indent=1)
            if arguments.every:
                pd.concat(every).to_csv(arguments.every, index=False)


if __name__ == "__main__":
    main()
