"""Say which of metric and dissimilarities moves with accuracy over learning (rule relate_learning)."""

from pathlib import Path

from warpline.analyses.summary import coupling_with_accuracy
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--numbers", nargs="+", required=True)
    parser.add_argument("--over", nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings
    numbers, over = (
        result_files.read_tables(paths) for paths in (arguments.numbers, arguments.over)
    )
    frame = coupling_with_accuracy(numbers, over, settings["curriculum"], settings["confidence"])
    result_files.write_table(
        frame, arguments.output, {"settings": settings, "code": arguments.code}
    )


if __name__ == "__main__":
    run(main)
