"""Compute means within and between groups of recordings, their intervals, and tests."""

from pathlib import Path

from warpline.comparison.dataset_pairs import unit_numbers
from warpline.comparison.groups import group_tables
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run
from warpline.core.table_names import DATASET_TABLES


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--pairs", nargs="+", required=True, help="a table per measure")
    for table in DATASET_TABLES:
        parser.add_argument(f"--{table}", type=Path, required=True)
    arguments = parser.parse_args()
    settings = arguments.settings

    pairs = result_files.read_tables(arguments.pairs)
    groups = sorted({*pairs["group_a"], *pairs["group_b"]})
    tables = group_tables(
        pairs,
        unit_numbers(pairs),
        references=settings["references"] or groups,
        confidence=settings["confidence"],
        family_error=settings["family_error"],
        min_systems=settings["min_seeds"],
        seed=settings["seed"],
    )
    for name, table in zip(DATASET_TABLES, tables, strict=True):
        provenance = {"settings": settings, "code": arguments.code}
        result_files.write_table(table, getattr(arguments, name), provenance)


if __name__ == "__main__":
    run(main)
