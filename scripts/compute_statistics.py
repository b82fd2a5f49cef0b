"""Compute the tables of a task set: status of each run; means, intervals, effect sizes, tests, controls."""

from pathlib import Path

import pandas as pd

from warpline.comparison.chosen_parameters import summarised_parameters
from warpline.comparison.statistics import (
    control_table,
    group_tests,
    learning_table,
    run_table,
    summary_table,
)
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run
from warpline.core.table_names import STATISTICS_TABLES


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--history", nargs="+", required=True)
    parser.add_argument("--after", nargs="*", default=[])
    parser.add_argument("--over", nargs="*", default=[])
    parser.add_argument("--control-rows", nargs="*", default=[])
    for table in STATISTICS_TABLES:
        parser.add_argument(f"--{table}", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    # Without comparisons there is a table of runs, and the others are empty.
    tables = {
        "runs": run_table(
            (result_files.read_table_metadata(path), result_files.read_table(path))
            for path in arguments.history
        ),
        "summary": pd.DataFrame(),
        "tests": pd.DataFrame(),
        "controls": pd.DataFrame(),
        "learning": pd.DataFrame(),
    }
    if arguments.after:
        after = result_files.read_tables(arguments.after)
        tables["summary"] = summarised_parameters(summary_table(after, settings), after)
        tables["tests"] = group_tests(after, settings["references"], settings)
        tables["controls"] = control_table(
            result_files.read_tables(arguments.control_rows), after, settings
        )
        tables["learning"] = learning_table(
            result_files.read_tables(arguments.over), after, settings
        )
    for name, frame in tables.items():
        result_files.write_table(
            frame, getattr(arguments, name), {"settings": settings, "code": arguments.code}
        )


if __name__ == "__main__":
    run(main)
