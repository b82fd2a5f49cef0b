"""Compare the systems of one experiment of the attractor test bench by one measure."""

from pathlib import Path

from warpline.attractors.experiments import EXPERIMENTS, compare
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--systems", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    dataset = result_files.read_dataset(arguments.systems)
    experiment = EXPERIMENTS[settings["experiment"]](dataset, settings)
    frame = compare(experiment, settings["measure"], settings["seed"])
    frame.insert(0, "measure", settings["measure"]["name"])
    result_files.write_table(
        frame, arguments.output, {"settings": settings, "code": arguments.code}
    )


if __name__ == "__main__":
    run(main)
