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
from warpline.figures.table_page import Section, table_page

SECTIONS = {
    "runs": (
        "Runs",
        "A row per network: how its training ended, after how many updates, and how well.",
    ),
    "summary": (
        "Dissimilarities",
        "A row per pair of curricula: mean over pairs of networks, with its interval, and separation from"
        " the floors.",
    ),
    "tests": (
        "Tests",
        "A row per two curricula: which lies further from the reference; p values are corrected (Holm).",
    ),
    "controls": (
        "Controls",
        "A row per curriculum and control: the dissimilarity of networks to themselves under one change.",
    ),
    "learning": (
        "Over learning",
        "A row per curriculum and fraction of training: mean dissimilarity, interval, separation.",
    ),
}
"""Title and note of each table on the page."""


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--history", nargs="+", required=True)
    parser.add_argument("--after", nargs="*", default=[])
    parser.add_argument("--over", nargs="*", default=[])
    parser.add_argument("--control-rows", nargs="*", default=[])
    for table in STATISTICS_TABLES:
        parser.add_argument(f"--{table}", type=Path, required=True)
    parser.add_argument("--page", type=Path, required=True)
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
    provenance = {"settings": settings, "code": arguments.code}
    for name, frame in tables.items():
        result_files.write_table(frame, getattr(arguments, name), provenance)
    sections = [Section(*text, tables[name]) for name, text in SECTIONS.items()]
    with result_files.result_path(arguments.page, provenance) as path:
        path.write_text(table_page(f"Tables of {settings['taskset']}", sections), encoding="utf-8")


if __name__ == "__main__":
    run(main)
