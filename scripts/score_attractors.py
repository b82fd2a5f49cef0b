"""Score the measures on one experiment of the validation on attractors."""

from pathlib import Path

from warpline.attractors.score_tables import score_experiment
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--tables", nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    rows = result_files.read_tables(arguments.tables)
    result_files.write_table(
        score_experiment(rows, arguments.settings),
        arguments.output,
        {"settings": arguments.settings, "code": arguments.code},
    )


if __name__ == "__main__":
    run(main)
