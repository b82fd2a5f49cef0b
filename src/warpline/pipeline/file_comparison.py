"""``warpline compare``: dissimilarities of recordings in files, as a table on the terminal."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warpline.core.utf8_paths import printable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["add_options", "compare_files"]


def _mapping(text: str) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        value = json.loads(text, object_pairs_hook=_each_key_once)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"expected a JSON object: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object, got {type(value).__name__}")
    return value


def _each_key_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, whose parser would keep the last of equal keys without a word."""
    keys = [key for key, _ in pairs]
    if twice := [key for key, count in Counter(keys).items() if count > 1]:
        raise ValueError(f"each key once, got '{twice[0]}' more often")
    return dict(pairs)


def _read_keys(text: str) -> tuple[str | None, dict[str, Any]]:
    """Read a JSON object, for all files; or ``NAME=`` and a JSON object, for one."""
    if text.lstrip().startswith("{") or "=" not in text:
        return None, _mapping(text)
    # The name of a file may hold the sign itself.
    name, equals, keys = text.partition("={")
    if not equals:
        name, _, keys = text.partition("=")
    return name, _mapping("{" + keys if equals else keys)


def _pair(text: str) -> tuple[str, str]:
    """Read ``old=new``."""
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"expected two names such as neuron=unit, got '{text}'")
    return old, new


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument(
        "files", nargs="+", help="recordings: .npz, .mat, .nc, .nwb; one system each"
    )
    parser.add_argument(
        "--measure",
        action="append",
        metavar="NAME",
        help="cka (default), dsa, ...; may be repeated",
    )
    parser.add_argument(
        "--settings",
        type=_mapping,
        default={},
        metavar="JSON",
        help='settings of the measures, such as {"n_delays": 7, "rank": 10}',
    )
    parser.add_argument(
        "--dims",
        type=_pair,
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="a dimension to rename in the files that have it, such as neuron=unit; may be repeated",
    )
    parser.add_argument("--axes", help="names of the axes of arrays without: trial,time,unit")
    parser.add_argument("--variable", help="name of the states in the files")
    parser.add_argument(
        "--read",
        type=_read_keys,
        action="append",
        default=[],
        metavar="[NAME=]JSON",
        help='further keys of an entry of `datasets`, such as {"window": [0, 500], "dt": 10}; those after '
        "NAME= hold for one file, by its name without ending, and win; may be repeated",
    )
    parser.add_argument(
        "--centre",
        action="store_true",
        help="subtract the mean of each unit, as `dataset_comparison.centre` does in a run",
    )
    parser.add_argument("--seed", type=int, default=0, help="root seed of random starts")
    parser.add_argument("--output", type=Path, metavar="CSV", help="a file for the table")


def compare_files(options: argparse.Namespace) -> int:
    """Compare every pair of files by every measure, and print a row for each.

    Returns
    -------
    int
        Exit status: 1 where a file cannot be read, a setting is wrong or no measure can compare the files,
        with the reason on stderr.
    """
    from warpline.comparison.measured_pairs import settings_by_measure
    from warpline.comparison.sets import compare_sets_by_measures
    from warpline.core.plugins import UnknownNameError
    from warpline.datasets.sessions import read_session
    from warpline.pipeline.config.datasets import read_settings_of

    names = system_names(options.files)
    measures = options.measure or ["cka"]
    try:
        if options.output is not None:
            _check_output(options.output)
        if len(options.files) < 2:
            raise ValueError("expected two files or more, got one")
        # One file by two paths is one system.
        counts = Counter(map(os.path.realpath, options.files))
        twice = [path for path in options.files if counts[os.path.realpath(path)] > 1]
        if twice:
            raise ValueError(f"expected each file once, got {twice[0]} more often")
        entries = _entries(options, names)
        systems, steps = {}, {}
        for name, entry in entries.items():
            session = read_session(entry["file"], read_settings_of(entry), name)
            recording = session.recording
            systems[name] = recording.centred() if options.centre else recording
            if session.dt is not None:
                steps[name] = session.dt
            print(f"{name}: {session.summary()}")
        # As `dataset_check`: systems with other time steps have other operators, and no matched times.
        if steps and max(steps.values()) > 1.001 * min(steps.values()):
            listed = ", ".join(f"{name} {dt:g} ms" for name, dt in steps.items())
            raise ValueError(
                f"expected one time step for all systems, got {listed}. Add a bin to --read."
            )
        settings = settings_by_measure(measures, options.settings)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            matrices = compare_sets_by_measures(systems, measures=settings, seed=options.seed)
        tables = [matrix.table for matrix in matrices.values()]
    except (ValueError, UnknownNameError) as error:
        print(error, file=sys.stderr)
        return 1
    print()
    wasserstein = [name for name, own in settings.items() if own.get("score") == "wasserstein"]
    print(_as_text(tables, wasserstein))
    for warning in caught:
        print(f"\nwarning: {warning.message}", file=sys.stderr)
    if options.output is not None:
        try:
            _write(tables, options)
        except OSError as error:
            print(f"expected --output that can be written, got {error}", file=sys.stderr)
            return 1
    return 0


def _entries(options: argparse.Namespace, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the keys of an entry of `datasets` for each file: those of all files, then its own."""
    shared: dict[str, Any] = {}
    single: dict[str, dict[str, Any]] = {name: {} for name in names}
    for name, keys in options.read:
        if name is not None and name not in single:
            raise ValueError(
                f"expected --read NAME=JSON with one of {', '.join(names)}, got {name}. "
                "Name the file, or drop the name: keys without one hold for all files."
            )
        if idle := {"file", "group"} & keys.keys():
            raise ValueError(
                f"expected keys that say how a file is read in --read, got {idle.pop()}"
            )
        (shared if name is None else single[name]).update(keys)
    axes = options.axes.split(",") if options.axes else None
    for key, value in (("axes", axes), ("variable", options.variable or None)):
        if value is not None and shared.setdefault(key, value) != value:
            raise ValueError(
                f"expected {key} once, got {value} by --{key} and {shared[key]} by --read"
            )
    # What is no mapping is refused where the entry is checked.
    if isinstance(shared.setdefault("dims", {}), dict):
        shared["dims"] = {**shared["dims"], **dict(options.dims)}
        dims_of_file = _dims_by_file(options.files, names, shared["dims"])
        single = {name: {"dims": dims_of_file[name], **keys} for name, keys in single.items()}
    return {
        name: {**shared, **single[name], "file": path}
        for path, name in zip(options.files, names, strict=True)
    }


def _dims_by_file(
    paths: Sequence[str], names: Sequence[str], dims: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Return the renamed dimensions that each file has: files of two sources name them in two ways."""
    from warpline.datasets.file_formats import read_content

    if not dims:
        return {name: {} for name in names}
    dims_of_file = {}
    for path, name in zip(paths, names, strict=True):
        present = {
            dim for variable in read_content(path).variables.values() for dim in variable.dims
        }
        dims_of_file[name] = {old: new for old, new in dims.items() if old in present}
    # A name that no file has is handed on, and refused with the names that there are.
    used = {old for kept in dims_of_file.values() for old in kept}
    missing = {old: new for old, new in dims.items() if old not in used}
    return {name: {**kept, **missing} for name, kept in dims_of_file.items()}


def _check_output(path: Path) -> None:
    """Refuse a table in the place of a recording, a folder, a device or a table of the user's own."""
    from warpline.core import result_files

    if path.suffix != ".csv" or (os.path.lexists(path) and not path.is_file()):
        raise ValueError(f"expected --output as a file that ends in .csv, got {path}")
    if os.path.lexists(path):
        try:
            result_files.read_table_metadata(path)
        except result_files.DamagedFileError:
            raise ValueError(
                "expected --output as a new file or a table of Warpline's as it was written, "
                f"got {path}. Name another file."
            ) from None


def system_names(paths: Sequence[str]) -> list[str]:
    """Return a name for each file: its stem, or its path where two have one stem; as text in UTF-8."""
    counts = Counter(Path(path).stem for path in paths)
    return [printable(Path(path).stem if counts[Path(path).stem] == 1 else path) for path in paths]


def _as_text(tables: Sequence[pd.DataFrame], wasserstein: Sequence[str]) -> str:
    import pandas as pd

    from warpline.figures.words import measure_unit

    columns = ["measure", "system_a", "system_b", "dissimilarity", "status"]
    table = pd.concat([table[columns] for table in tables], ignore_index=True)
    units = [measure_unit(name, {"wasserstein": wasserstein}) for name in table["measure"]]
    table.insert(columns.index("status"), "unit", units)
    # A reason is a sentence or two, often of many pairs: each stands once, below.
    kinds, _, reasons = zip(*(status.partition(": ") for status in table["status"]), strict=True)
    notes = dict.fromkeys(
        f"\n{measure}, {kind}: {reason}"
        for measure, kind, reason in zip(table["measure"], kinds, reasons, strict=True)
        if reason
    )
    table["status"] = kinds
    return "\n".join([table.to_string(index=False, float_format="{:.4f}".format), *notes])


def _write(tables: Sequence[pd.DataFrame], options: argparse.Namespace) -> None:
    import pandas as pd

    from warpline.core import result_files

    settings: Mapping[str, Any] = {
        "files": list(options.files),
        "measures": options.measure or ["cka"],
        "settings": options.settings,
        "read": [{"file": name, "keys": keys} for name, keys in options.read],
        "dims": dict(options.dims),
        "axes": options.axes,
        "variable": options.variable,
        "centre": options.centre,
        "seed": options.seed,
    }
    result_files.write_table(
        pd.concat(tables, ignore_index=True), options.output, {"settings": settings, "code": ""}
    )
    print(f"\nwritten to {options.output}, with all columns of the measures")
