"""Files of MATLAB: version 5 (to 7.2) and version 7.3, which is HDF5."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from warpline.similarity.input_errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read_matlab"]


def read_matlab(path: Path) -> tuple[dict[str, xr.Variable], tuple[str, ...]]:
    """Read a mat file.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    variables : dict of str to xarray.Variable
        Arrays, with the axes in MATLAB's order. The fields of a struct are named ``struct.field``. Vectors
        (1 x n and n x 1) have one dimension. A cell array is an array of dtype object.
    unread : tuple of str
        Names of what is no array: functions, objects, arrays of structs.

    Raises
    ------
    InputError
        When a version 7.3 file refers to other files.
    """
    import xarray as xr

    from warpline.datasets.file_formats import unnamed_dims

    with path.open("rb") as handle:
        is_hdf5 = b"MATLAB 7.3" in handle.read(128)
    entries = _version_73(path) if is_hdf5 else _version_5(path)
    variables, unread = {}, []
    for name, value in entries:
        if value is None:
            unread.append(name)
            continue
        array = value
        if array.ndim == 2 and 1 in array.shape:
            array = array.reshape(-1)
        variables[name] = xr.Variable(unnamed_dims(array.ndim, name), array)
    return variables, tuple(unread)


def _version_5(path: Path) -> Iterator[tuple[str, Any]]:
    from scipy.io import loadmat

    with warnings.catch_warnings():
        # Of complex numbers SciPy would drop the imaginary part, with a warning.
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        content = loadmat(path, chars_as_strings=True, mat_dtype=True)
    for name, value in content.items():
        if not name.startswith("__"):
            yield from _flattened(name, value)


def _flattened(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the arrays of a value of version 5; None for what is no array."""
    if hasattr(value, "toarray"):
        value = value.toarray()
    if not isinstance(value, np.ndarray):
        yield name, None
    elif value.dtype.names is not None:
        # A struct; an array of structs has no one value for a field.
        if value.size != 1 or type(value).__name__ != "ndarray":
            yield name, None
            return
        for field in value.dtype.names:
            yield from _flattened(f"{name}.{field}", value.reshape(-1)[0][field])
    elif value.dtype == object:
        yield name, _cells(list(value.reshape(-1)), value.shape)
    elif value.dtype.kind == "U":
        yield name, _without_padding(value)
    else:
        yield name, value if value.dtype.kind in "fiub" else None


def _without_padding(rows: np.ndarray) -> np.ndarray:
    """Return the rows of a char matrix as texts: MATLAB fills them with blanks to one length."""
    return np.char.rstrip(rows, " ")


def _cells(values: list[Any], shape: tuple[int, ...]) -> np.ndarray | None:
    """Return a cell array as an array of dtype object; as text where each cell is one text."""
    if not all(isinstance(value, np.ndarray) and value.dtype.kind in "fiubU" for value in values):
        return None
    texts = [value.dtype.kind == "U" for value in values]
    if values and all(texts):
        return np.array(
            [str(value.reshape(-1)[0]) if value.size else "" for value in values]
        ).reshape(shape)
    cells = np.empty(len(values), dtype=object)
    for k, value in enumerate(values):
        cells[k] = value
    return None if any(texts) else cells.reshape(shape)


def _version_73(path: Path) -> Iterator[tuple[str, Any]]:
    import h5py

    with h5py.File(path, "r") as file:
        for name in file:
            if not name.startswith("#"):
                yield from _stored(file, name, str(name))


def _stored(group: Any, key: str, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the arrays of an entry of version 7.3; None for what is no array."""
    import h5py

    # An HDF5 file can point to others: a file from elsewhere must not read what it likes.
    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
        raise InputError(
            f"a mat file that holds its own data in {group.file.filename}",
            f"'{name}', a link",
            "Save the file again from MATLAB.",
        )
    entry = group[key]
    if isinstance(entry, h5py.Group):
        for field in entry:
            yield from _stored(entry, field, f"{name}.{field}")
        return
    yield name, _array(entry)


def _array(entry: Any) -> np.ndarray | None:
    """Return the value of an HDF5 dataset with MATLAB's order of axes."""
    import h5py

    if not isinstance(entry, h5py.Dataset):
        return None
    if entry.is_virtual or entry.external:
        raise InputError(
            f"a mat file that holds its own data in {entry.file.filename}",
            f"'{entry.name}', stored in another file",
            "Save the file again from MATLAB.",
        )
    kind = entry.attrs.get("MATLAB_class", b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if entry.attrs.get("MATLAB_empty", 0):
        return np.zeros([int(size) for size in entry[()]], dtype="U1" if kind == "char" else float)
    value = entry[()]
    if h5py.check_ref_dtype(entry.dtype) is not None:
        cells = [_array(entry.file[reference]) for reference in value.T.reshape(-1)]
        return _cells(cells, value.T.shape)
    if kind == "char":
        rows = value.T.reshape(len(value.T), -1) if value.ndim else value.reshape(1, 1)
        return _without_padding(np.array(["".join(map(chr, row)) for row in rows]))
    if kind == "logical":
        return np.asarray(value.T, dtype=bool)
    return np.asarray(value.T) if value.dtype.kind in "fiub" else None
