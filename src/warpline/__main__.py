"""The command line: ``warpline check CONFIG...`` and ``warpline provenance FILE``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from warpline import store


def _check(paths: list[str]) -> int:
    from warpline.config import ConfigError, load_files
    from warpline.plan import Plan

    default = Path("config") / "config.yaml"
    if default.is_file() and default.resolve() not in [Path(path).resolve() for path in paths]:
        # As Snakemake does: what is given goes on top of the default.
        paths = [str(default), *paths]
    try:
        plan = Plan(load_files(paths))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    runs = len(plan.subjects) * len(plan.seeds)
    print(f"{plan.config.name}: {runs} networks, results in {plan.layout.root}")
    return 0


def _provenance(path: str) -> int:
    readers = {
        ".nc": lambda file: store.provenance_of(store.read_dataset(file)),
        ".csv": store.read_table_metadata,
        ".safetensors": store.read_tensor_metadata,
    }
    reader = readers.get(Path(path).suffix)
    if reader is None:
        print(f"expected a file ending in {', '.join(readers)}; got {path}", file=sys.stderr)
        return 2
    try:
        record = {"in the file": reader(path)}
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    sidecar = Path(path + ".provenance.json")
    if sidecar.is_file():
        beside = json.loads(sidecar.read_text(encoding="utf-8"))
        beside.pop("provenance")
        record["beside it"] = beside
    print(json.dumps(record, indent=1, sort_keys=True))
    return 0


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="warpline", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="validate configuration files, the later on top")
    check.add_argument("files", nargs="+")
    provenance = commands.add_parser("provenance", help="print where a result comes from")
    provenance.add_argument("file")
    arguments = parser.parse_args()
    if arguments.command == "check":
        return _check(arguments.files)
    return _provenance(arguments.file)


if __name__ == "__main__":
    sys.exit(main())
