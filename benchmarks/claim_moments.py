"""Do findings on contextual integration depend on the moment of the trial? Networks of a run.

The analysis looks at the end of the trial, and so do the rules of the claims. Here both look halfway through
the stimulus, and at the step at which an answer falls due, too. The stimulus stays on to the end.

    python benchmarks/claim_moments.py --run results/ten_seeds --output docs/data/geometry/moments.json

Those of results/ten_seeds_new go to moments_new.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from warpline.analyses.context_lines import gridlines  # noqa: E402
from warpline.analyses.relevance import CONTEXTS, relevant_first  # noqa: E402
from warpline.analyses.trained_network import open_network  # noqa: E402
from warpline.comparison.jackknife import mean_interval  # noqa: E402
from warpline.core import result_files  # noqa: E402
from warpline.geometry import component_statistics, pullback_metric, tangents  # noqa: E402

NETWORKS = "training/Context/context_rnn/master"
CROWDING = "crowding of lines, relevant"
MOMENTS = {"halfway": "halfway through the stimulus", "answer": "answer due", "end": "end"}
STATISTICS = {
    "ratio": "mean metric over inputs, relevant over irrelevant",
    "median": "median of the ratio over inputs",
    "crowding": "crowding of gridlines, relevant input",
    "relevant": "cosine with the weight update, relevant input",
    "irrelevant": "the same, irrelevant input",
    "kurtosis": "excess kurtosis of tangents, relevant input",
    "alignment": "B6: cosine with the weight update, less that early",
    "correlation": "B7b: correlation of time with the relevant input, less that with the other",
}
DECIMALS = {"ratio": 1, "crowding": 1, "kurtosis": 1}


def networks_of(path: Path, networks: Path) -> list[dict[str, Any]]:
    """Return the statistics of each network of a file of the analysis, by context and moment."""
    arrays = result_files.read_dataset(path)
    numbers = result_files.read_table(path.with_suffix(".csv"))
    at_end = numbers[(numbers["quantity"] == CROWDING) & (numbers["moment"] == "late")].set_index(
        ["seed", "condition"]
    )["value"]
    settings = json.loads(arrays.attrs["warpline"])["settings"]
    rows = []
    for seed in arrays["seed"].values:
        checkpoints = networks / f"seed~{seed}" / "checkpoints.safetensors"
        network = open_network(checkpoints, settings, int(seed), torch.device("cpu"))
        for context in CONTEXTS:
            inputs = network.input_manifold(2, context=context)
            onset, due = (inputs.periods[name][0] for name in ("stimulus", "decision"))
            steps = {"halfway": (onset + due) // 2, "answer": due, "end": inputs.n_steps}

            # Cosines with the weight update, and the early moment of the analysis.
            cosines = arrays["cosine_eigenvectors"].sel(seed=seed, context=context)
            relevant, irrelevant = (
                cosines.sel(tangent=name).values for name in ("relevant", "irrelevant")
            )
            early = int(arrays["moment_step"].sel(seed=seed, moment="early"))

            # Size of the cosine of two tangent vectors, the mean over inputs.
            side = arrays.sizes["relevant"]
            vectors = tangents(
                network.dynamics(), inputs, inputs.grid(side, side), at=list(steps.values())
            )
            matrix = pullback_metric(vectors).matrix.numpy(force=True)
            products = relevant_first(matrix, context, (-2, -1))
            lengths = np.sqrt(np.diagonal(products, axis1=-2, axis2=-1))
            sizes = abs(products[..., 2, :2]) / (lengths[..., [2]] * lengths[..., :2])
            leads = (sizes[..., 0] - sizes[..., 1]).mean(axis=0)

            # Means over the inputs, as those of the analysis, and a median.
            squares = (lengths**2).mean(axis=0)
            medians = np.median((lengths[..., 0] / lengths[..., 1]) ** 2, axis=0)
            statistics = component_statistics(vectors.vectors)
            kurtosis = statistics.excess_kurtosis[..., context - 1].numpy(force=True).mean(axis=0)

            # The end stands in the table of the analysis.
            count = settings["settings"]["gridlines"]
            before = [steps["halfway"], steps["answer"]]
            _, found = gridlines(network.dynamics(), inputs, before, count, context)
            crowding = [value for name, _, _, value in found if name == CROWDING]
            crowding.append(at_end[seed, f"context {context}"])

            for k, (moment, step) in enumerate(steps.items()):
                values = {
                    "ratio": squares[k, 0] / squares[k, 1],
                    "median": medians[k],
                    "crowding": crowding[k],
                    "relevant": relevant[step],
                    "irrelevant": irrelevant[step],
                    "kurtosis": kurtosis[k],
                    "alignment": relevant[step] - relevant[early],
                    "correlation": leads[k],
                }
                row = {"seed": int(seed), "context": context, "moment": moment, "step": step}
                rows.append(row | {name: round(float(value), 4) for name, value in values.items()})
                print(json.dumps(rows[-1]), flush=True)
    return rows


def values_of(
    networks: list[dict[str, Any]], statistic: str, moment: str, context: int
) -> NDArray[np.float64]:
    """Return the values of a statistic, shape (network,)."""
    return np.array(
        [row[statistic] for row in networks if (row["moment"], row["context"]) == (moment, context)]
    )


def interval(
    networks: list[dict[str, Any]], statistic: str, moment: str, context: int
) -> tuple[float, float, float]:
    """Return the mean of a statistic over networks, and its 95 % interval."""
    values = values_of(networks, statistic, moment, context)
    return float(values.mean()), *mean_interval(values, 0.95)


def cell(mean: float, low: float, high: float, statistic: str) -> str:
    """Return a mean with its interval, in the digits of the page."""
    digits = DECIMALS.get(statistic, 2)
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def page_lines(result: dict[str, Any]) -> list[str]:
    """Return the table of docs/published_settings.md: both contexts in each cell."""
    lines = [f"| at ours | {' | '.join(MOMENTS.values())} |", "| --- | --- | --- | --- |"]
    for statistic, words in STATISTICS.items():
        cells = [
            ", ".join(
                cell(*interval(result["networks"], statistic, moment, context), statistic)
                for context in CONTEXTS
            )
            for moment in MOMENTS
        ]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    paths = sorted((arguments.run / "warping" / "context").glob("seed~*.nc"))
    networks = [row for path in paths for row in networks_of(path, arguments.run / NETWORKS)]
    arguments.output.write_text(json.dumps({"networks": networks}, indent=1) + "\n")


if __name__ == "__main__":
    main()
