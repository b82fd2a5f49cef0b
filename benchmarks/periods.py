"""Does a conclusion on states depend on the period of the trial? All networks of a run.

The pipeline compares networks in the stimulus. Here they are compared while an answer is due, too: for each
pair of curricula, the difference of the distances to `master` networks of other seeds, with its jackknife
interval over seeds, and p. Other periods differ in length between trials, or come before the stimulus.

    python benchmarks/periods.py --run results/ten_seeds --output docs/data/ten_seeds/periods.csv

Those of the other runs of docs/results.md go to their folders.
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
from dsa_settings import CURRICULA, distances  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from warpline.comparison.hidden_states import (  # noqa: E402
    cut_window,
    hidden_states,
    principal_components,
)
from warpline.comparison.hypothesis_tests import difference_test  # noqa: E402
from warpline.core import result_files  # noqa: E402
from warpline.runs import open_run  # noqa: E402
from warpline.similarity import cka, procrustes  # noqa: E402

MEASURES = {"cka": cka, "procrustes": procrustes}
PERIODS = ("stimulus", "decision")
SEEDS = range(1, 11)
VARIANCE = 0.999
"""Share that the components keep, as in the pipeline."""


def states_of(run: Path) -> dict[tuple[str, str], list[NDArray[np.float64]]]:
    """Return the states (trial, time, component) of the trained networks, by curriculum and period."""
    trials = result_files.read_dataset(run / "trials/PDM/AntiDelayResponse/evaluation.nc")
    inputs = trials["inputs"].transpose("trial", "time", "channel").values
    edges = {
        period: [trials[edge].sel(period=period).values for edge in ("start", "stop")]
        for period in PERIODS
    }
    states: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for curriculum, seed in itertools.product(CURRICULA, SEEDS):
        network = open_run(run.name, "PDM", "leaky_rnn", curriculum, seed, run.parent)
        whole = hidden_states(network.model(), inputs)
        for period, (start, stop) in edges.items():
            components, _ = principal_components(cut_window(whole, start, stop), VARIANCE)
            states.setdefault((curriculum, period), []).append(components)
    return states


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    states = states_of(arguments.run)
    n = len(SEEDS)
    rows: list[dict[str, Any]] = []
    for period, (name, measure) in itertools.product(PERIODS, MEASURES.items()):
        systems = [one for curriculum in CURRICULA for one in states[curriculum, period]]
        matrix = distances(systems, [*SEEDS] * len(CURRICULA), {}, measure)
        # The networks of `master` come first.
        to_master = dict(zip(CURRICULA, np.split(matrix[:, :n], len(CURRICULA)), strict=True))
        for a, b in itertools.combinations(CURRICULA, 2):
            test = difference_test(to_master[a], to_master[b], 0.95)
            row = {"period": period, "measure": name, "curriculum_a": a, "curriculum_b": b, "n": n}
            values = {key: float(getattr(test, key)) for key in ("difference", "low", "high", "p")}
            rows.append(row | values)
            print(rows[-1], flush=True)
    result_files.write_table(pd.DataFrame(rows), arguments.output, {})


if __name__ == "__main__":
    main()
