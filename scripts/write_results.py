"""Write docs/results.md from its template and the tables of a run; every number in it is a cell of a table.

python scripts/write_results.py --run results/ten_seeds    # take new tables, then write the page
python scripts/write_results.py --other RESULTS            # take those of the same run with other rounding
python scripts/write_results.py                            # write the page from the tables in docs/data
"""

from pathlib import Path

import pandas as pd

from warpline.analyses.learning import field_angle
from warpline.analyses.summary import aggregate_over_seeds, coupling_with_accuracy, scalar_rows
from warpline.core import result_files
from warpline.figures.results_page import AFTER, BETWEEN, FLOORS, TABLES, render
from warpline.figures.template_page import write_page

DOCS = Path(__file__).resolve().parent.parent / "docs"
DATA = DOCS / "data" / "ten_seeds"
OTHER = DOCS / "data" / "ten_seeds_avx2"


SHARES = (0.3, 0.4, 0.5, 0.6, 0.7)
"""Of the change over learning: times at these."""


def write_further_tables(run: Path, folder: Path) -> None:
    write_pairs_after_learning(run, folder)
    write_pairs_of_architectures(run, folder)
    write_times_to_the_end(run, folder)
    write_times_from_start(run, folder)
    write_ratios_at_the_median_input(run, folder)


def write_times_to_the_end(run: Path, folder: Path) -> None:
    numbers, over = (
        result_files.read_tables(sorted(run.glob(files)))
        for files in ("warping/pdm_learning/seed~*.csv", "compare/over/*/PDM/leaky_rnn/*.csv")
    )
    tables = [
        coupling_with_accuracy(numbers, over, "master", 0.95, share).assign(share=share)
        for share in SHARES
    ]
    times = pd.concat(tables)
    columns = ["share", "name", *(name for name in times if name.startswith("lag"))]
    of_distances = times.loc[times["kind"] == "distance to own end", columns]
    result_files.write_table(of_distances, folder / "times.csv", {})


def write_times_from_start(run: Path, folder: Path) -> None:
    # What fluctuates is late by its distance to the end, and early by that to the start.
    files = sorted(run.glob("warping/pdm_learning/seed~*.nc"))
    rows = [
        {"seed": int(seed), "fraction": float(fraction), "quantity": "start", "status": status}
        | {"value": field_angle(field, fields[0])}
        for arrays in map(result_files.read_dataset, files)
        for seed, fields, status in zip(
            arrays["seed"],
            arrays["metric"].to_numpy(),
            arrays["status"].astype(str).to_numpy(),
            strict=True,
        )
        for fraction, field in zip(arrays["checkpoint"], fields, strict=True)
    ]
    numbers = result_files.read_tables(file.with_suffix(".csv") for file in files)
    numbers = pd.concat(
        [numbers[numbers["quantity"].isin(["accuracy", "chance"])], pd.DataFrame(rows)]
    )
    none = pd.DataFrame(
        columns=["against", "measure", "curriculum_a", "seed_a", "checkpoint", "dissimilarity"]
    )
    times = pd.concat(
        coupling_with_accuracy(numbers, none, "master", 0.95, share).assign(share=share)
        for share in SHARES
    )
    of_start = times.loc[times["name"] == "start", ["share", "lag_n", "lag", "lag_low", "lag_high"]]
    result_files.write_table(of_start, folder / "from_start.csv", {})


def write_ratios_at_the_median_input(run: Path, folder: Path) -> None:
    # Few inputs, at which the metric is large, make its mean over inputs.
    tables = []
    for path in sorted(run.glob("warping/context/seed~*.nc")):
        arrays = result_files.read_dataset(path)
        relevant, irrelevant = (arrays["metric"].isel(tangent=k, tangent_b=k) for k in (0, 1))
        ratios = (relevant / irrelevant).median(["relevant", "irrelevant"])
        for network, status in zip(ratios, arrays["status"].values, strict=True):
            values = [
                (
                    "metric, relevant / irrelevant, median input",
                    f"context {cell['context'].item()}",
                    str(cell["moment"].item()),
                    cell.item(),
                )
                for of_context in network.transpose("context", "moment")
                for cell in of_context
            ]
            rows = scalar_rows(values).assign(analysis="context", status=status)
            tables.append(rows.assign(seed=network["seed"].item()))
    over_seeds = aggregate_over_seeds(pd.concat(tables), 0.95)
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
        OTHER,
    )
