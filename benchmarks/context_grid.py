"""Does the mean metric of contextual integration depend on the grid of inputs? Networks of runs of ten seeds.

The metric of the relevant input peaks where that input changes sign, over a stretch narrower than the spacing
of the demo's grid, which has a row there. Here the ratio of the mean metrics, relevant over irrelevant, is
taken on other grids.

    python benchmarks/context_grid.py --output docs/data/geometry/context_grid.json
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402

import warpline  # noqa: E402
from warpline.comparison.jackknife import mean_interval  # noqa: E402
from warpline.geometry import dynamics_of, pullback_metric, tangents  # noqa: E402

SIDES = (12, 13, 51, 101)
"""Inputs along a side of the grid; the demo has 13. Grids of an odd number have a row at 0."""
CONTEXTS = (1, 2)


def late_ratio(run: Any, context: int, side: int) -> float:
    """Return the mean metric at the end of the trial, relevant over irrelevant input."""
    inputs = run.input_manifold(context=context)
    at_end = tangents(
        dynamics_of(run.model()), inputs, inputs.grid(side, side), at=[inputs.n_steps]
    )
    mean = pullback_metric(at_end).matrix[:, 0].mean(dim=0)
    relevant = context - 1
    return float(mean[relevant, relevant] / mean[1 - relevant, 1 - relevant])


def lesser_context(rows: list[dict[str, Any]], run: str, side: int) -> str:
    """Return the statistic of B3a, the mean of the ratio's logarithm in the context in which it is less."""
    contexts = [
        np.log10([row["late_ratio"] for row in rows if _place(row) == (run, context, side)])
        for context in CONTEXTS
    ]
    logarithms = min(contexts, key=np.mean)
    low, high = mean_interval(logarithms, 0.95)
    return f"{np.mean(logarithms):.2f} [{low:.2f}, {high:.2f}]"


def _place(row: dict[str, Any]) -> tuple[str, int, int]:
    return row["run"], row["context"], row["side"]


def sentence(rows: list[dict[str, Any]]) -> str:
    """Return what docs/claims.md says of these grids."""
    first, new = (
        ", ".join(lesser_context(rows, run, side) for side in SIDES)
        for run in ("ten_seeds", "ten_seeds_new")
    )
    sides = " and ".join([", ".join(map(str, SIDES[:-1])), str(SIDES[-1])])
    n = len({row["seed"] for row in rows})
    return (
        f"With {sides} inputs a side, the mean of its logarithm to base 10 in the lesser context, the "
        f"statistic of B3a, is {first}; of the other networks {new} (n = {n})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", nargs="+", default=["ten_seeds", "ten_seeds_new"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[*range(1, 11)])
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    rows = []
    for name, seed in itertools.product(arguments.runs, arguments.seeds):
        run = warpline.open_run(name, "Context", "context_rnn", "master", seed=seed)
        for context, side in itertools.product(CONTEXTS, SIDES):
            ratio = round(late_ratio(run, context, side), 3)
            place = {"run": name, "seed": seed, "context": context, "side": side}
            rows.append({**place, "late_ratio": ratio})
            print(rows[-1], flush=True)
    lines = ",\n".join(f" {json.dumps(row)}" for row in rows)
    arguments.output.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
