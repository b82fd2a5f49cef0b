"""Say which conclusions from DSA hold around its parameters (rule summarise_sensitivity)."""

from pathlib import Path

from warpline.analyses.sensitivity_to_parameters import orderings, shares, values_by_setting
from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run
from warpline.core.table_names import SENSITIVITY_TABLES


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--around", nargs="+", required=True)
    parser.add_argument(
        "--runs", type=Path, required=True, help="table of runs, with the chance level"
    )
    for table in SENSITIVITY_TABLES:
        parser.add_argument(f"--{table.replace('_', '-')}", type=Path, required=True)
    arguments = parser.parse_args()

    rows = result_files.read_tables(arguments.around)
    # Accuracy is that on the tasks that a network learns, and so is its chance level.
    runs = result_files.read_table(arguments.runs)
    chance = runs.set_index(["architecture", "curriculum", "seed"])["chance"].to_dict()
    values = values_by_setting(rows, arguments.settings["reference"], chance)
    table = orderings(values)
    tables = {
        "dsa_sensitivity": table,
        "dsa_sensitivity_values": values,
        "dsa_sensitivity_shares": shares(table),
    }
    for name, frame in tables.items():
        result_files.write_table(
            frame,
            getattr(arguments, name),
            {"settings": arguments.settings, "code": arguments.code},
        )


if __name__ == "__main__":
    run(main)
