"""Summarise the numbers of an analysis of warping over its networks (rule summarise_warping)."""

from pathlib import Path

from warpline.analyses.summary import aggregate_over_seeds
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--numbers", nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings
    rows = result_files.read_tables(arguments.numbers)
    frame = aggregate_over_seeds(rows, settings["confidence"])
    result_files.write_table(
        frame, arguments.output, {"settings": settings, "code": arguments.code}
    )


if __name__ == "__main__":
    run(main)
