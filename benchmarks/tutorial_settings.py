"""Does the conclusion of docs/tutorial.md depend on delays and rank of DSA? All networks of its run.

The distance of the networks of `anti_first` to `master` networks of other seeds, less that of `master`
networks to each other, at the start of the training on the target and at its end, with its jackknife interval
over seeds. The figure ``dsa_sensitivity`` takes the first three seeds, and no intervals. Settings that some
network does not carry are left out. The run keeps its hidden states with ``jobs: {keep_trajectories: true}``.

    python benchmarks/tutorial_settings.py --run results/anti_first --output docs/data/tutorial/settings.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from dsa_settings import PLACE, distances, states_at  # noqa: E402

from warpline.comparison.hypothesis_tests import difference_test  # noqa: E402
from warpline.core import result_files  # noqa: E402
from warpline.similarity import dsa  # noqa: E402

CURRICULA = ("master", "anti_first")
MOMENTS = {"start": 0, "end": -1}
"""Checkpoints, by name."""
DELAYS, RANKS = (1, 2, 3, 4), (10, 15, 20, 25, 30)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    networks = {
        moment: [
            states_at(arguments.run / PLACE / curriculum, checkpoint) for curriculum in CURRICULA
        ]
        for moment, checkpoint in MOMENTS.items()
    }
    rows = []
    for n_delays in DELAYS:
        for rank in RANKS:
            setting = {"n_delays": n_delays, "rank": rank}
            for moment, (master, other) in networks.items():
                seeds = sorted(master)
                systems = [of_seed[seed] for of_seed in (master, other) for seed in seeds]
                used = min(dsa.represent(one, settings=setting).rank_used for one in systems)
                if used < rank:
                    continue
                matrix = distances(systems, seeds * 2, setting)
                to_master = matrix[:, : len(seeds)]
                floor, reference = to_master[: len(seeds)], to_master[len(seeds) :]
                test = difference_test(reference, floor, 0.95)
                row = {**setting, "moment": moment, "n": len(seeds)}
                row |= {"floor": float(np.nanmean(floor)), "difference": float(test.difference)}
                rows.append({**row, "low": float(test.low), "high": float(test.high)})
                print(rows[-1], flush=True)
    result_files.write_table(pd.DataFrame(rows), arguments.output, {})


if __name__ == "__main__":
    main()
