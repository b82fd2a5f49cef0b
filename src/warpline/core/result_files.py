"""Read and write results: netCDF arrays, safetensors weights, CSV tables.

Every write is atomic (a reader sees the old file or the whole new one) and carries what can change the
result (settings, seeds, code digest). What cannot (time, versions, git commit) goes into a sidecar
(`warpline.console.provenance`), that no rule reads. No format here can run code when it is read.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from warpline.console.provenance import sidecar_path, write_sidecar

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

__all__ = [
    "DamagedFileError",
    "atomic_path",
    "integrity_error",
    "read_dataset",
    "read_table",
    "read_table_metadata",
    "read_tables",
    "read_tensor_metadata",
    "read_tensors",
    "write_dataset",
    "write_table",
    "write_tensors",
]

KEY = "warpline"
ROWS = "rows"
FULL = 2**20
"""Free bytes below which a file system counts as full."""
FLOAT_FORMAT = "%.10g"


class DamagedFileError(OSError):
    """A file that cannot be what its name says: truncated, or not of its format."""

    def __init__(self, path: str | Path, why: str) -> None:
        self.why = why
        super().__init__(
            f"{path} is damaged ({why}): delete it and run again to make it anew"
            " (`warpline verify RESULTS --delete` finds and deletes all that are)"
        )


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside the target, and move it there when the block ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        # netCDF says no more than "HDF error".
        if shutil.disk_usage(path.parent).free < FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    finally:
        part.unlink(missing_ok=True)


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def checksum(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def integrity_error(path: str | Path) -> str | None:
    """Say what is wrong with a result, None where nothing is.

    By its structure, and by size and SHA-256 in the sidecar beside it where there is one.

    Parameters
    ----------
    path : str or pathlib.Path
        A netCDF, CSV or safetensors file that this module wrote.
    """
    path = Path(path)
    record_path = sidecar_path(path)
    if record_path.is_file():
        try:
            record = json.loads(record_path.read_text(encoding="utf-8"))
        except ValueError:
            return f"{record_path.name} is not JSON"
        size = path.stat().st_size
        if size != record.get("bytes", size):
            return f"expected {record['bytes']} bytes, got {size}"
        if "sha256" in record:
            return None if checksum(path) == record["sha256"] else "its SHA-256 is another"
    try:
        READERS[path.suffix](path)
    except DamagedFileError as error:
        return error.why
    return None


def write_dataset(dataset: xr.Dataset, path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write a dataset with named dimensions as netCDF-4: compressed without loss, with checksums."""
    path = Path(path)
    dataset = dataset.assign_attrs({KEY: _canonical(provenance)})
    encoding = {
        name: {"zlib": True, "complevel": 1, "shuffle": True, "fletcher32": True}
        for name, variable in dataset.data_vars.items()
        if variable.dtype.kind in "fiub" and variable.size > 1000
    }
    with atomic_path(path) as part:
        dataset.to_netcdf(part, engine="netcdf4", encoding=encoding)
    write_sidecar(path, provenance, checksum(path))


def read_dataset(path: str | Path) -> xr.Dataset:
    """Read a netCDF file whole into memory.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    DamagedFileError
        When the file is truncated or not netCDF.
    """
    import xarray as xr

    if not Path(path).is_file():
        raise FileNotFoundError(f"expected a netCDF file at {path}, found none")
    try:
        with xr.open_dataset(path, engine="netcdf4") as dataset:
            return dataset.load()
    except (OSError, RuntimeError, ValueError) as error:
        raise DamagedFileError(path, str(error)) from error


def provenance_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the provenance that a dataset carries."""
    return dict(json.loads(dataset.attrs[KEY]))


def write_table(frame: pd.DataFrame, path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write a tidy table as CSV: fixed float format; provenance and number of rows in a first ``#`` line."""
    path = Path(path)
    first = _canonical({**provenance, ROWS: len(frame)})
    with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="") as handle:
        handle.write(f"# {first}\n")
        frame.to_csv(handle, index=False, float_format=FLOAT_FORMAT, lineterminator="\n")
    write_sidecar(path, provenance, checksum(path))


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote (`pandas.read_csv(path, comment="#")` does, too).

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    DamagedFileError
        When the file is empty, cut short or not a table of ours.
    """
    import pandas as pd

    expected = _first_line(path).get(ROWS)
    try:
        frame = pd.read_csv(path, skiprows=1)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DamagedFileError(path, str(error)) from error
    if expected not in (None, len(frame)):
        raise DamagedFileError(path, f"expected {expected} rows, got {len(frame)}")
    return frame


def read_tables(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Read several tables and return their rows as one table. Errors as `read_table`."""
    import pandas as pd

    return pd.concat([read_table(path) for path in paths], ignore_index=True)


def read_table_metadata(path: str | Path) -> dict[str, Any]:
    """Return the provenance that a table carries in its first line."""
    first = _first_line(path)
    first.pop(ROWS, None)
    return first


def _first_line(path: str | Path) -> dict[str, Any]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"expected a table at {path}, found none")
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
    except ValueError as error:
        raise DamagedFileError(path, "provenance line is not JSON") from error


def write_tensors(
    tensors: Mapping[str, NDArray[Any]],
    path: str | Path,
    provenance: Mapping[str, Any],
    sidecar: bool = True,
) -> None:
    """Write named arrays as safetensors, with the provenance as one JSON entry of the header."""
    from safetensors.numpy import save_file

    path = Path(path)
    arrays = {name: np.ascontiguousarray(value) for name, value in sorted(tensors.items())}
    with atomic_path(path) as part:
        # One metadata entry: with several, their order in the file is not reproducible.
        save_file(arrays, part, metadata={KEY: _canonical(provenance)})
    if sidecar:
        write_sidecar(path, provenance, checksum(path))


def read_tensor_metadata(path: str | Path) -> dict[str, Any]:
    """Return the provenance of a safetensors file from its header alone.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    DamagedFileError
        When the header is not there, or the file is shorter than the header says.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected a safetensors file at {path}, found none")
    size = path.stat().st_size
    try:
        with path.open("rb") as handle:
            (length,) = struct.unpack("<Q", handle.read(8))
            if length > size:
                raise ValueError("header is longer than the file")
            header = json.loads(handle.read(length))
        provenance = json.loads(header.pop("__metadata__")[KEY])
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    except (struct.error, ValueError, KeyError) as error:
        raise DamagedFileError(path, f"unreadable header: {error}") from error
    if size != 8 + length + end:
        raise DamagedFileError(path, f"expected {8 + length + end} bytes, got {size}")
    return dict(provenance)


def read_tensors(
    path: str | Path, prefix: str = ""
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read the arrays whose names start with a prefix, and the provenance.

    Parameters
    ----------
    path : str or pathlib.Path
        A file that `write_tensors` wrote.
    prefix : str
        Only names that start with it are read; it is cut off.

    Raises
    ------
    FileNotFoundError, DamagedFileError
        As `read_tensor_metadata`.
    """
    from safetensors import safe_open

    provenance = read_tensor_metadata(path)
    with safe_open(path, framework="numpy") as handle:
        names = [name for name in handle.keys() if name.startswith(prefix)]  # noqa: SIM118
        return {name[len(prefix) :]: handle.get_tensor(name) for name in names}, provenance


READERS: dict[str, Callable[[Path], Any]] = {
    ".nc": read_dataset,
    ".csv": read_table,
    ".safetensors": read_tensor_metadata,
}
"""What reads a result, by the ending of its name; each raises `DamagedFileError`."""
