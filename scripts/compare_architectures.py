"""Compare trained networks of different architectures by one measure, and those of one across seeds."""

from pathlib import Path

import pandas as pd

from warpline.comparison.chosen_parameters import with_choice, with_parameters
from warpline.comparison.drives import window_inputs
from warpline.comparison.network_systems import systems_of
from warpline.comparison.pair_tables import compare
from warpline.comparison.pairs import between_architectures, floors_of_architectures
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument(
        "--trajectories", nargs="+", required=True, help="of these and earlier seeds"
    )
    parser.add_argument("--seeds", nargs="+", type=int, required=True)
    parser.add_argument("--choice", type=Path, help="the chosen parameters, if any is auto")
    parser.add_argument(
        "--trials", type=Path, help="evaluation trials of the target, for measures that need inputs"
    )
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings
    measure = with_choice(settings["measure"], arguments.choice)

    inputs = None
    if arguments.trials is not None:
        inputs = window_inputs(result_files.read_dataset(arguments.trials), settings["inputs"])
    finals = {}
    for path in arguments.trajectories:
        dataset = result_files.read_dataset(path).isel(checkpoint=[-1])
        key = (dataset.attrs["architecture"], dataset.attrs["curriculum"])
        for seed, systems in systems_of(dataset, inputs).items():
            finals[(*key, seed)] = systems[-1]
    seeds = arguments.seeds
    earlier = [seed for seed in dict.fromkeys(key[2] for key in finals) if seed not in seeds]
    tables = compare(
        {
            "between": between_architectures(finals, seeds),
            "floor": floors_of_architectures(finals, seeds, earlier),
        },
        measure,
        settings["seed"],
    )
    # A block of one seed has no floor of its own.
    filled = [rows.assign(pairs=name) for name, rows in tables.items() if len(rows)]
    frame = pd.concat(filled or [tables["between"].assign(pairs="between")], ignore_index=True)
    result_files.write_table(
        with_parameters(frame, measure),
        arguments.output,
        {
            "settings": settings | {"measure": measure},
            "code": arguments.code,
            "seeds": seeds,
        },
    )


if __name__ == "__main__":
    run(main)
