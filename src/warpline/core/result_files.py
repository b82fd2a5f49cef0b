"""Read and write results: netCDF arrays and CSV tables (weights: `warpline.core.tensor_files`).

Every write is atomic (a reader sees the old file or the whole new one) and carries what can change the
result (settings, seeds, code digest). What cannot (time, versions, git commit) goes into a sidecar
(`warpline.console.provenance`). It also holds the file's SHA-256, which every reader checks. No format here
can run code when it is read.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warpline.console.provenance import sidecar_path, sidecar_text
from warpline.core.atomic_writes import atomic_path
from warpline.core.utf8_paths import utf8_path

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = [
    "KEY",
    "DamagedFileError",
    "canonical",
    "check_sidecar",
    "checksum",
    "provenance_of",
    "read_dataset",
    "read_table",
    "read_table_metadata",
    "read_tables",
    "result_path",
    "write_dataset",
    "write_table",
]

KEY = "warpline"
"""Name of the entry of a file's metadata that holds its provenance."""
ROWS = "rows"
FLOAT_FORMAT = "%.10g"
FOREIGN_COLUMN = re.compile(r"^\ufeff|^Unnamed: \d|^\s|\s$|[;\t]")
"""Names of columns as other separators, a byte order mark, an index or spaces leave them."""
LARGEST_RATIO = 1032
"""Largest ratio by which deflate compresses, the filter of our netCDF: 258 bytes in 2 bits (RFC 1951)."""
PATIENCE = 60.0
"""Seconds that reading a netCDF file of unknown state may take."""
SLOWEST_READING = 1e6
"""Bytes of such a file for which a further second is given."""


class DamagedFileError(OSError):
    """A file that cannot be what its name says: truncated, altered, or not of its format."""

    def __init__(self, path: str | Path, why: str) -> None:
        self.why = why
        super().__init__(
            f"{path} is damaged ({why}): delete it and run again to make it anew"
            " (`warpline verify RESULTS --delete` finds and deletes all that are)"
        )


def canonical(value: Mapping[str, Any]) -> str:
    """Return a mapping as JSON, the same text for the same content."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def checksum(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextmanager
def result_path(path: str | Path, provenance: Mapping[str, Any]) -> Iterator[Path]:
    """Give a temporary path for a result; then move it to its place, and write its sidecar.

    Parameters
    ----------
    path : str or pathlib.Path
    provenance : mapping
        What the result depends on.
    """
    path = Path(path)
    sidecar = sidecar_path(path)
    with atomic_path(path) as part:
        yield part
        text = sidecar_text(path, provenance, part.stat().st_size, checksum(part))
        # A job that is killed between the two leaves no sidecar rather than that of an older file.
        sidecar.unlink(missing_ok=True)
    with atomic_path(sidecar) as part:
        part.write_text(text, encoding="utf-8")


def check_sidecar(path: str | Path) -> bool:
    """Check the size and the SHA-256 of a file that its sidecar states.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    bool
        Whether there is a sidecar.

    Raises
    ------
    DamagedFileError
        When the file is not as it was written, or the sidecar is unreadable.
    """
    path, sidecar = Path(path), sidecar_path(path)
    if not os.path.lexists(sidecar):
        return False
    if not sidecar.is_file():
        raise DamagedFileError(path, f"{sidecar.name} is not a file")
    try:
        record = json.loads(sidecar.read_bytes())
        n_bytes, sha256 = record["bytes"], record["sha256"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DamagedFileError(path, f"{sidecar.name} states no size and SHA-256") from None
    size = path.stat().st_size
    if size != n_bytes:
        raise DamagedFileError(path, f"expected {n_bytes} bytes, got {size}")
    if checksum(path) != sha256:
        raise DamagedFileError(path, "its SHA-256 is not the one that its sidecar states")
    return True


def write_dataset(dataset: xr.Dataset, path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write a dataset with named dimensions as netCDF-4: compressed without loss, with checksums."""
    dataset = dataset.assign_attrs({KEY: canonical(provenance)})
    encoding = {
        name: {"zlib": True, "complevel": 1, "shuffle": True, "fletcher32": True}
        for name, variable in dataset.data_vars.items()
        if variable.dtype.kind in "fiub" and variable.size > 1000
    }
    with result_path(path, provenance) as part, utf8_path(part) as named:
        dataset.to_netcdf(named, engine="netcdf4", encoding=encoding)


def read_dataset(path: str | Path) -> xr.Dataset:
    """Read a netCDF file whole into memory.

    Parameters
    ----------
    path : str or pathlib.Path
        Its SHA-256 is checked where it has a sidecar. Without one, it is first read in a process of its
        own (0.6 s), and altered values can go unseen.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    DamagedFileError
        When the file is truncated, altered, not netCDF, or claims arrays that it cannot hold.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected a netCDF file at {path}, found none")
    if not check_sidecar(path):
        _try_reading(path)
    try:
        return _load_netcdf(path)
    except (PermissionError, MemoryError):
        raise
    # What netCDF and xarray raise on hostile bytes is of any kind.
    except Exception as error:
        raise DamagedFileError(path, f"{type(error).__name__}: {error}") from error


def _load_netcdf(path: Path) -> xr.Dataset:
    """Load a netCDF file, unless its header claims arrays that it cannot hold."""
    import netCDF4
    import xarray as xr

    # From memory: to read a file that xarray holds open elsewhere can end the process (netCDF4 1.7).
    with netCDF4.Dataset("in memory", memory=path.read_bytes()) as file:
        # Strings lie in the file as they are: of their arrays, a pointer each is allocated.
        claimed = sum(
            math.prod(variable.shape) * getattr(variable.dtype, "itemsize", 8)
            for variable in file.variables.values()
        )
        if claimed > LARGEST_RATIO * path.stat().st_size:
            raise ValueError(f"it claims {claimed} bytes of arrays, more than it can hold")
        return xr.open_dataset(xr.backends.NetCDF4DataStore(file)).load()


def _try_reading(path: Path) -> None:
    """Read a netCDF file of unknown state in a process of its own.

    On damaged bytes the HDF5 library can go on for ever, or end the process.

    Raises
    ------
    DamagedFileError
        When the reading fails or does not end in time.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    patience = PATIENCE + path.stat().st_size / SLOWEST_READING
    try:
        done = subprocess.run(
            [sys.executable, "-m", "warpline.core.result_files", str(path)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=patience,
        )
    except subprocess.TimeoutExpired:
        raise DamagedFileError(path, f"reading it does not end in {patience:.0f} s") from None
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2] or f"reading it ends with {done.returncode}"
        raise DamagedFileError(path, last)


def provenance_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the provenance that a dataset carries; a ValueError where it carries none."""
    if KEY not in dataset.attrs:
        raise ValueError(f"expected a dataset of Warpline's, with the attribute {KEY!r}, got none")
    return dict(json.loads(dataset.attrs[KEY]))


def write_table(frame: pd.DataFrame, path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write a tidy table as CSV: fixed float format; provenance and number of rows in a first ``#`` line."""
    first = canonical({**provenance, ROWS: len(frame)})
    with (
        result_path(path, provenance) as part,
        part.open("w", encoding="utf-8", newline="") as handle,
    ):
        handle.write(f"# {first}\n")
        frame.to_csv(handle, index=False, float_format=FLOAT_FORMAT, lineterminator="\n")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote (`pandas.read_csv(path, comment="#")` does, too).

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    DamagedFileError
        When the file is empty, cut short, altered or not a table of ours. Without its sidecar, an
        altered number goes unseen.
    """
    import pandas as pd

    expected = _first_line(path).get(ROWS)
    try:
        with warnings.catch_warnings():
            # Of rows that are longer than the header.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(path, skiprows=1, index_col=False)
    except pd.errors.ParserWarning as error:
        raise DamagedFileError(
            path, "expected names of all columns, got fewer than there are columns"
        ) from error
    except pd.errors.EmptyDataError as error:
        # A table without rows may have no columns; only the sidecar tells that from a lost header.
        if expected != 0 or not os.path.lexists(sidecar_path(path)):
            raise DamagedFileError(path, str(error)) from error
        return pd.DataFrame()
    # Errors of pandas, and of text that is not UTF-8.
    except ValueError as error:
        raise DamagedFileError(path, str(error)) from error
    if expected not in (None, len(frame)):
        raise DamagedFileError(path, f"expected {expected} rows, got {len(frame)}")
    # What editors and spreadsheets make of a table; with its sidecar it is refused before.
    odd = [name for name in map(str, frame) if FOREIGN_COLUMN.search(name)]
    if odd:
        raise DamagedFileError(path, f"expected names of columns between commas, got {odd[:3]}")
    return frame


def read_tables(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Read several tables and return their rows as one table. Errors as `read_table`."""
    import pandas as pd

    return pd.concat([read_table(path) for path in paths], ignore_index=True)


def read_table_metadata(path: str | Path) -> dict[str, Any]:
    """Return the provenance that a table carries in its first line. Errors as `read_table`."""
    first = _first_line(path)
    first.pop(ROWS, None)
    return first


def _first_line(path: str | Path) -> dict[str, Any]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"expected a table at {path}, found none")
    check_sidecar(path)
    with Path(path).open("rb") as handle:
        first = handle.readline()
        if handle.seek(0, os.SEEK_END) > 0:
            handle.seek(-1, os.SEEK_END)
            last = handle.read(1)
        else:
            last = b""
    if not first.startswith(b"# {") or last != b"\n":
        raise DamagedFileError(path, "not a table of Warpline's, or its last line is cut short")
    try:
        return dict(json.loads(first[2:]))
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedFileError(path, "provenance line is not a JSON object") from error


if __name__ == "__main__":
    _load_netcdf(Path(sys.argv[1]))
