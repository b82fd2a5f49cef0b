"""Does the mean metric of contextual integration depend on the grid of inputs? Networks of a run of the demo.

The metric of the relevant input peaks where that input changes sign, over a stretch narrower than the spacing
of the demo's grid, which has a row there. Here the ratio of the mean metrics, relevant over irrelevant, is
taken on other grids.

    python benchmarks/context_grid.py --run demo --output docs/data/geometry/context_grid.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import warpline  # noqa: E402
from warpline.geometry import dynamics_of, pullback_metric, tangents  # noqa: E402

SIDES = (12, 13, 14, 51, 101)
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


def sentence(rows: list[dict[str, Any]]) -> str:
    """Return what docs/results.md says of these grids."""

    def ends(side: int) -> str:
        ratios = [row["late_ratio"] for row in rows if row["side"] == side]
        return f"{min(ratios):.0f} to {max(ratios):.0f}"

    n = len({row["seed"] for row in rows})
    return (
        f"In the demo (n = {n} networks, two contexts) it is {ends(13)} with 13 inputs a side, {ends(12)} "
        f"with 12 and {ends(51)} with 51"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", default="demo")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    rows = []
    for seed in arguments.seeds:
        run = warpline.open_run(arguments.run, "Context", "context_rnn", "master", seed=seed)
        for context in CONTEXTS:
            for side in SIDES:
                ratio = round(late_ratio(run, context, side), 3)
                rows.append({"seed": seed, "context": context, "side": side, "late_ratio": ratio})
                print(rows[-1], flush=True)
    arguments.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
