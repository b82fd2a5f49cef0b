"""Write docs/results.md from its template and the tables of a run; every number in it is a cell of a table.

python scripts/write_results.py --run results/ten_seeds    # take new tables, then write the page
python scripts/write_results.py                            # write the page from the tables in docs/data
"""

import argparse
import shutil
from pathlib import Path

from warpline.core import result_files
from warpline.figures.results_page import BETWEEN, TABLES, render

DOCS = Path(__file__).resolve().parent.parent / "docs"
DATA = DOCS / "data" / "ten_seeds"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="results whose tables replace those in docs/data")
    arguments = parser.parse_args()
    if arguments.run:
        for name, file in TABLES.items():
            shutil.copyfile(arguments.run / file, DATA / f"{name}.csv")
        between = result_files.read_tables(
            sorted(arguments.run.glob("compare/architectures/*/PDM/*.csv"))
        )
        # The floors stand in the same tables.
        between = between.loc[between["pairs"] == "between", BETWEEN]
        result_files.write_table(between, DATA / "architectures.csv", {})
    (DOCS / "results.md").write_text(render(DOCS / "results.md.jinja", DATA))


if __name__ == "__main__":
    main()
