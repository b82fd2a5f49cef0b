"""Does the draw of initial points matter? The scores of the Lorenz families, at other draws.

The validation on attractors draws the initial points once. Here they are drawn anew: the same for all systems
(``paired``), as in the validation, or for each system its own.

    python benchmarks/attractor_draws.py --output docs/data/attractor_draws.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import pandas as pd  # noqa: E402

from warpline.attractors.experiments import run_experiment  # noqa: E402
from warpline.attractors.score_tables import separation_scores  # noqa: E402
from warpline.attractors.systems import simulate  # noqa: E402
from warpline.core import result_files  # noqa: E402
from warpline.pipeline.config.attractors import Attractors  # noqa: E402
from warpline.pipeline.stages.base import measure_settings  # noqa: E402

SEEDS = range(1, 11)
SIZES = {"n_trials", "n_steps", "dt", "s", "b", "families"}


def scores_of_draw(validation: Attractors, seed: int, paired: bool) -> pd.DataFrame:
    """Return the AUC of each measure, of systems that start from the points of one draw."""
    settings: dict[str, Any] = {"seed": seed, "paired": paired}
    systems = simulate(settings | validation.model_dump(include=SIZES))
    compared = [
        run_experiment(
            systems,
            {"experiment": "families", "seed": seed, "measure": measure_settings(name, entry)},
        )
        for name, entry in validation.measures.items()
    ]
    scores = separation_scores(pd.concat(compared, ignore_index=True), {"confidence": 0.95})
    return scores[["measure", "auc"]].assign(**settings)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    output = parser.parse_args().output
    validation = Attractors()
    drawn = [scores_of_draw(validation, seed, paired) for seed in SEEDS for paired in (True, False)]
    rows = pd.concat(drawn, ignore_index=True).round({"auc": 6})
    result_files.write_table(rows[["seed", "paired", "measure", "auc"]], output, {})


if __name__ == "__main__":
    main()
