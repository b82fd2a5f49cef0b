"""Write the explorer: one HTML file that shows a run interactively (rule write_explorer)."""

from pathlib import Path

from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run
from warpline.explorer.page_file import Sources, page_within
from warpline.explorer.shown_pairs import KINDS

OTHERS = ("history", "states", "summary", "tests", "arrays", "claims")


def main() -> None:
    parser = script.parser(__doc__)
    for name in (*OTHERS, *KINDS):
        parser.add_argument(f"--{name}", nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    sources = Sources(
        pairs={kind: getattr(arguments, kind) for kind in KINDS},
        **{name: getattr(arguments, name) for name in OTHERS},
    )
    text = page_within(sources, arguments.settings)
    provenance = {"settings": arguments.settings, "code": arguments.code}
    with result_files.result_path(arguments.output, provenance) as part:
        part.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(main)
