"""Compute DSA on the same pairs of sequences with each combination of hyperparameters."""

from pathlib import Path

from warpline.attractors.experiments import sweep_hyperparameters
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--systems", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    frame = sweep_hyperparameters(result_files.read_dataset(arguments.systems), arguments.settings)
    result_files.write_table(
        frame, arguments.output, {"settings": arguments.settings, "code": arguments.code}
    )


if __name__ == "__main__":
    run(main)
