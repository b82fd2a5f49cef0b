"""Compare the systems of one experiment of the attractor test bench by one measure."""

from pathlib import Path

from warpline import cli, store
from warpline.attractors.experiments import EXPERIMENTS, compare


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--systems", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    dataset = store.read_dataset(arguments.systems)
    experiment = EXPERIMENTS[settings["experiment"]](dataset, settings)
    frame = compare(experiment, settings["measure"], settings["seed"])
    frame.insert(0, "measure", settings["measure"]["name"])
    store.write_table(frame, arguments.output, {"settings": settings, "code": arguments.code})


if __name__ == "__main__":
    cli.run(main)
