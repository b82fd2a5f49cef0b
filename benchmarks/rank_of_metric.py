"""Does the verdict on B4 depend on how inputs are weighted? Networks of contextual integration of a run.

The rule of B4 takes the effective rank of the inputs' metric in the mean over all pairs of inputs. Here each
pair counts by the trace of its metric, too: by how far the state moves with the inputs there.

    python benchmarks/rank_of_metric.py --run results/ten_seeds --output docs/data/geometry/rank.json

Those of results/ten_seeds_new go to rank_new.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from warpline.comparison.jackknife import mean_interval
from warpline.core import result_files
from warpline.geometry.riemannian.metric import Spectrum

WEIGHTS = ("alike", "by size")


def ranks_of(path: Path) -> list[dict[str, Any]]:
    """Return the effective rank of each network of a file, by moment, context and weights."""
    arrays = result_files.read_dataset(path)
    inputs = arrays["metric"].isel(tangent=slice(2), tangent_b=slice(2))
    rows = []
    for seed in arrays["seed"].values:
        for moment in arrays["moment"].values:
            for context in arrays["context"].values:
                metric = inputs.sel(seed=seed, moment=moment, context=context)
                values = metric.transpose("relevant", "irrelevant", "tangent", "tangent_b").values
                ranks = Spectrum.of_matrix(torch.from_numpy(values)).effective_rank.numpy()
                sizes = np.trace(values, axis1=-2, axis2=-1)
                weights = {"alike": np.ones_like(sizes), "by size": sizes}
                rows.append(
                    {"seed": int(seed), "moment": str(moment), "context": int(context)}
                    | {
                        name: round(float(np.average(ranks, weights=weights[name])), 3)
                        for name in WEIGHTS
                    }
                )
    return rows


def holds(rows: list[dict[str, Any]], weights: str) -> bool:
    """Say whether the rank lies above 1.5 early and below 1.5 late in each context, by its interval."""
    parts: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        sign = 1 if row["moment"] == "early" else -1
        effect = sign * (row[weights] - 1.5)
        parts.setdefault((row["moment"], row["context"]), []).append(effect)
    return all(mean_interval(np.array(effects), 0.95)[0] > 0 for effects in parts.values())


def sentence(result: dict[str, Any]) -> str:
    """Return what docs/claims.md says of the late metric."""
    rows = result["networks"]
    late = [row for row in rows if row["moment"] == "late"]
    alike, by_size = ([row[name] for row in late] for name in WEIGHTS)
    n = len({row["seed"] for row in late})
    verdict = "B4 would hold" if holds(rows, "by size") else "B4 would not hold, either"
    return (
        f"late, the effective rank is then {min(alike):.1f} to {max(alike):.1f} (n = {n} networks, two "
        f"contexts). Where each pair counts by the trace of its metric, it is {min(by_size):.1f} to "
        f"{max(by_size):.1f}, and {verdict}"
    )


def main() -> None:
    """Measure, print and write as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    networks = [
        row
        for path in sorted((arguments.run / "warping" / "context").glob("*.nc"))
        for row in ranks_of(path)
    ]
    result = {"networks": sorted(networks, key=lambda row: (row["seed"], row["moment"]))}
    print(sentence(result))
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
