"""Files of recordings as named variables, whatever their format; none of them can run code when read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warpline.core.utf8_paths import utf8_path
from warpline.similarity.input_errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FORMATS", "FileContent", "RecordingFileError", "read_content", "unnamed_dims"]


class RecordingFileError(InputError):
    """A file of recordings that cannot be read, or does not hold what its settings name."""


@dataclass(frozen=True)
class FileContent:
    """What a file holds.

    Attributes
    ----------
    variables : mapping of str to xarray.Variable
        Arrays by name. Axes that the file gives no name are called as `unnamed_dims` says. An array of
        dtype object has one dimension and holds an array for each trial, or two (trial, unit), and holds
        the times of spikes of each trial and unit.
    unread : tuple of str
        What the file holds beside them and Warpline cannot use, such as functions of MATLAB.
    """

    variables: Mapping[str, xr.Variable]
    unread: tuple[str, ...] = field(default=())


def unnamed_dims(n_dims: int, name: str = "") -> list[str]:
    """Return names for the axes of an array whose file names none."""
    return [f"{name} axis {k}" for k in range(n_dims)]


def read_content(path: str | Path) -> FileContent:
    """Read a file whole into memory.

    Parameters
    ----------
    path : str or pathlib.Path
        Its ending says its format, one of `FORMATS`.

    Raises
    ------
    RecordingFileError
        When there is no such file, its ending is another, it is damaged, or it holds Python objects.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise RecordingFileError(
            f"a file ending in {', '.join(FORMATS)}", str(path), "Convert the recording."
        )
    if not path.is_file():
        raise RecordingFileError(f"a file at {path}", "none", "Correct the path.")
    try:
        return FORMATS[path.suffix](path)
    except InputError:
        raise
    # Each library has errors of its own for a damaged file, some of them bare Exceptions.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise RecordingFileError(
            f"a readable {path.suffix} file at {path}",
            f"{type(error).__name__}: {reason}",
            "Copy or export the file again.",
        ) from error


def _read_numpy(path: Path) -> FileContent:
    import numpy as np
    import xarray as xr

    with np.load(path, allow_pickle=False) as archive:
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise RecordingFileError(
                f"several named arrays in {path}", "one array", "Save with numpy.savez."
            )
        variables = {}
        for name in archive.files:
            try:
                array = archive[name]
            except ValueError as error:
                if "pickle" not in str(error).lower():
                    raise
                raise RecordingFileError(
                    f"arrays of numbers or text in {path}",
                    f"'{name}', an array of Python objects, which could run code when read",
                    "Save spikes as three arrays (times, units, trials), trials as one padded array with a "
                    "mask.",
                ) from error
            variables[name] = xr.Variable(unnamed_dims(array.ndim, name), array)
    return FileContent(variables)


def _read_netcdf(path: Path) -> FileContent:
    import netCDF4
    import xarray as xr

    with utf8_path(path) as named:
        # Times stay numbers with their unit: whether ms or s is asked for below, not guessed here.
        with xr.open_dataset(named, engine="netcdf4", decode_times=False) as dataset:
            dataset = dataset.load()
        with netCDF4.Dataset(named) as file:
            groups = tuple(f"{name} (a group)" for name in file.groups)
    return FileContent(
        {str(name): variable for name, variable in dataset.variables.items()}, groups
    )


def _read_matlab(path: Path) -> FileContent:
    from warpline.datasets.matlab_files import read_matlab

    return FileContent(*read_matlab(path))


def _read_nwb(path: Path) -> FileContent:
    from warpline.datasets.nwb_files import read_nwb

    return FileContent(*read_nwb(path))


FORMATS: dict[str, Callable[[Path], FileContent]] = {
    ".npz": _read_numpy,
    ".mat": _read_matlab,
    ".nc": _read_netcdf,
    ".nwb": _read_nwb,
}
"""What reads a file, by the ending of its name."""


def describe(variable: Any) -> str:
    """Return the dimensions and sizes of a variable as text."""
    return ", ".join(
        f"{dim}: {size}" for dim, size in zip(variable.dims, variable.shape, strict=True)
    )
