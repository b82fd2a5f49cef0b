"""Simulate the validation systems: Lorenz families, or motifs with examples of their composition."""

from pathlib import Path

from warpline.attractors.systems import simulate
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    result_files.write_dataset(
        simulate(arguments.settings),
        arguments.output,
        {"settings": arguments.settings, "code": arguments.code},
    )


if __name__ == "__main__":
    run(main)
