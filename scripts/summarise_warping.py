"""Summarise the numbers of an analysis of warping over its networks (rule summarise_warping)."""

from pathlib import Path

import pandas as pd

from warpline import cli, store
from warpline.warping.summary import over_seeds


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--numbers", nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings
    rows = pd.concat([store.read_table(path) for path in arguments.numbers], ignore_index=True)
    frame = over_seeds(rows, settings["confidence"])
    store.write_table(frame, arguments.output, {"settings": settings, "code": arguments.code})


if __name__ == "__main__":
    cli.run(main)
