"""Compare trained networks of different architectures by one measure (same curriculum, same seed)."""

from pathlib import Path

from warpline.comparison.chosen_parameters import with_choice, with_parameters
from warpline.comparison.drives import window_inputs
from warpline.comparison.pairs import between_architectures, compare, systems_of
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--trajectories", nargs="+", required=True)
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
    tables = compare(
        {"architectures": between_architectures(finals, arguments.seeds)},
        measure,
        settings["seed"],
    )
    result_files.write_table(
        with_parameters(tables["architectures"], measure),
        arguments.output,
        {
            "settings": settings | {"measure": measure},
            "code": arguments.code,
            "seeds": arguments.seeds,
        },
    )


if __name__ == "__main__":
    run(main)
