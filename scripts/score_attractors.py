"""Score the measures on one experiment of the attractor test bench."""

from pathlib import Path

import pandas as pd

from warpline.attractors import score_tables as tables
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--tables", nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    rows = pd.concat(
        [result_files.read_table(path) for path in arguments.tables], ignore_index=True
    )
    if settings["experiment"] == "hyperparameters":
        frame = tables.hyperparameter_scores(rows)
    else:
        score = {
            "families": tables.separation_scores,
            "composition": tables.composition_scores,
            "noise": tables.noise_scores,
        }[settings["experiment"]]
        frame = score(rows, settings)
    result_files.write_table(
        frame, arguments.output, {"settings": settings, "code": arguments.code}
    )


if __name__ == "__main__":
    run(main)
