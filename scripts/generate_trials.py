"""Generate the trials of one task, a file for each split."""

from warpline.console import script
from warpline.core import random_streams, result_files
from warpline.core.process import run
from warpline.tasks.trials import generate_trials


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument(
        "--output", nargs="+", required=True, help="a file per split, in their order"
    )
    arguments = parser.parse_args()
    for settings, path in zip(arguments.settings["splits"], arguments.output, strict=True):
        dataset = generate_trials(
            settings["taskset"],
            settings["task"],
            settings["split"],
            settings["count"],
            random_streams.root_of(settings["seed"]),
            **settings["protocol"],
        )
        result_files.write_dataset(dataset, path, {"settings": settings, "code": arguments.code})


if __name__ == "__main__":
    run(main)
