"""Gather the effects of all protocols in one table (rule gather_audit)."""

from warpline.console import script
from warpline.core import result_files
from warpline.core.process import run


def main() -> None:
    parser = script.parser(__doc__)
    parser.add_argument("--effects", nargs="+", required=True, help="a table per protocol")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    result_files.write_table(
        result_files.read_tables(arguments.effects),
        arguments.output,
        {"settings": arguments.settings, "code": arguments.code},
    )


if __name__ == "__main__":
    run(main)
