"""Write docs/results.md from its template and the tables of a run; every number in it is a cell of a table.

python scripts/write_results.py --run results/ten_seeds    # take new tables, then write the page
python scripts/write_results.py --rounded RESULTS          # take those of the same run with other rounding
python scripts/write_results.py --new RESULTS              # take those of a run with another root seed
python scripts/write_results.py                            # write the page from the tables in docs/data
"""

from pathlib import Path

import pandas as pd

from warpline.analyses.context import median_input_ratios
from warpline.analyses.learning import distances_to_start
from warpline.analyses.summary import aggregate_over_seeds, lags_by_share
from warpline.core import result_files
from warpline.figures.result_tables import AFTER, BETWEEN, FLOORS, TABLES
from warpline.figures.results_page import render
from warpline.figures.template_page import write_page

DOCS = Path(__file__).resolve().parent.parent / "docs"
DATA = DOCS / "data" / "ten_seeds"
OTHERS = {
    "rounded": DOCS / "data" / "ten_seeds_rounded",
    "new": DOCS / "data" / "ten_seeds_new",
}


SHARES = (0.3, 0.4, 0.5, 0.6, 0.7)
"""Of the change over learning: times at these."""


def write_further_tables(run: Path, folder: Path) -> None:
    write_pairs_after_learning(run, folder)
    write_pairs_of_architectures(run, folder)
    write_lags(run, folder)
    write_ratios_at_the_median_input(run, folder)


def write_lags(run: Path, folder: Path) -> None:
    """Write the lags behind accuracy: of distances to the own end, and of the metric's to the own start."""
    files = sorted(run.glob("warping/pdm_learning/seed~*.nc"))
    numbers = result_files.read_tables(file.with_suffix(".csv") for file in files)
    over = result_files.read_tables(sorted(run.glob("compare/over/*/PDM/leaky_rnn/*.csv")))
    to_end = lags_by_share(numbers, over, "master", 0.95, SHARES)
    of_distances = to_end[to_end["kind"] == "distance to own end"].drop(columns="kind")
    result_files.write_table(of_distances, folder / "times.csv", {})

    accuracy = numbers[numbers["quantity"].isin(["accuracy", "chance"])]
    starts = [distances_to_start(result_files.read_dataset(file)) for file in files]
    to_start = lags_by_share(pd.concat([accuracy, *starts]), over.head(0), "master", 0.95, SHARES)
    columns = ["share", "lag_n", "lag", "lag_low", "lag_high"]
    of_start = to_start.loc[to_start["name"] == "start", columns]
    result_files.write_table(of_start, folder / "from_start.csv", {})


def write_ratios_at_the_median_input(run: Path, folder: Path) -> None:
    files = sorted(run.glob("warping/context/seed~*.nc"))
    ratios = pd.concat(median_input_ratios(result_files.read_dataset(file)) for file in files)
    over_seeds = aggregate_over_seeds(ratios, 0.95)
    result_files.write_table(over_seeds, folder / "context_inputs.csv", {})


def write_pairs_after_learning(run: Path, folder: Path) -> None:
    after = result_files.read_tables(sorted(run.glob("compare/after/*/PDM/leaky_rnn/*.csv")))
    after = after.loc[after["seeds"] == "cross", AFTER]
    result_files.write_table(after, folder / "after.csv", {})


def write_pairs_of_architectures(run: Path, folder: Path) -> None:
    pairs = result_files.read_tables(sorted(run.glob("compare/architectures/*/PDM/*.csv")))
    # One model has networks of other curricula, too.
    pairs = pairs[pairs["curriculum_a"].eq("master") & pairs["curriculum_b"].eq("master")]
    for kind, columns, name in (("between", BETWEEN, "architectures"), ("floor", FLOORS, "floors")):
        rows = pairs.loc[pairs["pairs"] == kind, columns]
        result_files.write_table(rows, folder / f"{name}.csv", {})


if __name__ == "__main__":
    write_page(
        __doc__.splitlines()[0],
        DOCS / "results.md",
        DATA,
        TABLES,
        render,
        write_further_tables,
        OTHERS,
    )
