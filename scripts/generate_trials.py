"""Generate the trials of one task and split (rule generate_trials)."""

from warpline.console import script
from warpline.core import random_streams, result_files
from warpline.core.process import run
from warpline.tasks.trials import generate_trials


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    settings = arguments.settings
    dataset = generate_trials(
        settings["taskset"],
        settings["task"],
        settings["split"],
        settings["count"],
        random_streams.root_of(settings["seed"]),
        **settings["protocol"],
    )
    result_files.write_dataset(
        dataset, arguments.output, {"settings": settings, "code": arguments.code}
    )


if __name__ == "__main__":
    run(main)
