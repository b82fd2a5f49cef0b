"""What a recording is read from: variables of a file and columns of a table of trials, with their units."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from warpline.datasets.file_formats import RecordingFileError, describe, read_content
from warpline.similarity.trial_containers import UNIT_DIMS, is_missing

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TOLERANCE", "Source", "renamed"]

Floats = NDArray[np.float64]

MILLISECONDS = {
    "ms": 1.0,
    "msec": 1.0,
    "millisecond": 1.0,
    "milliseconds": 1.0,
    "s": 1000.0,
    "sec": 1000.0,
    "second": 1000.0,
    "seconds": 1000.0,
}
"""Units of time by the names that files give them, in ms."""
TOLERANCE = 1e-3
"""Share of a step by which times count as equal: those in single precision, in seconds, are off by less."""


#: What a number is not written as.
_ZEROS_FIRST = re.compile("0[0-9]+")
#: Share of distinct labels from which an array lists trials, some of them twice by mistake.
_LISTED = 0.75


def lists_one_twice(labels: NDArray[Any]) -> bool:
    """Say whether labels seem to list trials, of which some stand there twice.

    Not numbers that count anew in each block, nor what few labels tell apart, such as the kind of a trial.
    """
    n_distinct = len(set(labels.tolist()))
    if n_distinct == len(labels) or n_distinct < _LISTED * len(labels):
        return False
    if labels.dtype.kind not in "fiu":
        return True
    counts_anew = (np.diff(labels) == 1) | (labels[1:] == labels[0])
    return not counts_anew.all()


def missing_values(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which values are missing: NaN, None, empty text (as pandas reads an empty cell), or no date."""
    if values.dtype == np.int64:
        # Dates are read as the numbers that stand for them; so is the one that stands for none.
        return np.asarray(values == np.iinfo(np.int64).min)
    return np.array([is_missing(value) for value in values.tolist()], dtype=bool)


class Source:
    """Variables of a file and columns of a table of trials; it remembers which were used."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        content = read_content(path)
        self.path = path
        self.unread = content.unread
        # The labels of a dimension have its name, and go with it; by their old name they are found, too.
        self.names = {
            old: new
            for old, new in settings["dims"].items()
            if old in content.variables
            and content.variables[old].dims == (old,)
            and new not in content.variables
        }
        for old, new in settings["dims"].items():
            taken = content.variables.get(new)
            if taken is not None and taken.dims not in ((old,), ()) and new != old:
                # Its values would be taken for the times or labels of the renamed dimension.
                raise RecordingFileError(
                    f"a name in dims for '{old}' that no other variable of {path} has",
                    f"'{new}', with the dimensions {describe(taken)}",
                    "Rename one of them in the file.",
                )
        self.variables = {
            self.names.get(name, name): renamed(variable, settings["dims"])
            for name, variable in content.variables.items()
        }
        every_dim = {dim for variable in content.variables.values() for dim in variable.dims}
        for old in settings["dims"]:
            if old not in every_dim:
                named = sorted(str(dim) for dim in every_dim if " axis " not in str(dim))
                raise RecordingFileError(
                    f"dims of {path}: {', '.join(named) or 'none has a name'}",
                    f"'{old}' in dims",
                    "Correct dims; axes without names are named by `axes`, such as [trial, time, unit].",
                )
        names = {"trial", *settings["conditions"]}
        self.table = _read_trial_table(settings["trials"], names) if settings["trials"] else {}
        self.used: set[str] = set()
        self.ignored = {self.names.get(name, name) for name in settings["ignore"]}

    def variable(self, name: str, purpose: str) -> xr.Variable:
        """Return a variable of the file by name."""
        name = self.names.get(name, name)
        if name not in self.variables:
            known = ", ".join(sorted(self.variables)) or "no variable"
            raise RecordingFileError(
                f"a variable '{name}' ({purpose}) in {self.path}",
                f"only {known}",
                "Correct its name.",
            )
        self.used.add(name)
        return self.variables[name]

    def take(self, dim: str, index: int) -> None:
        """Reduce all variables that have a dimension, such as a session, to one of its labels."""
        self.variables = {
            name: variable.isel({dim: index}) if dim in variable.dims and name != dim else variable
            for name, variable in self.variables.items()
        }

    def column(self, name: str, purpose: str) -> NDArray[Any]:
        """Return a column of the table of trials, or a variable of the file with a value per trial."""
        if name in self.table:
            return self.table[name]
        name = self.names.get(name, name)
        if name not in self.variables:
            known = ", ".join([*self.table, *sorted(self.variables)])
            raise RecordingFileError(
                f"a column '{name}' ({purpose}) of the trial table or of {self.path}",
                f"only {known or 'none'}",
                "Correct its name, or name the table: trials.",
            )
        variable = self.variable(name, purpose)
        if variable.ndim != 1 or variable.dims[0] in ("time", *UNIT_DIMS):
            raise RecordingFileError(
                f"one value per trial in '{name}' of {self.path}",
                describe(variable),
                "Name another.",
            )
        return self._plain(name)

    def flat(self, name: str, purpose: str) -> NDArray[Any]:
        """Return the values of a variable in one dimension, such as the unit of each spike."""
        self.variable(name, purpose)
        return self._plain(name)

    def listed_trials(self) -> NDArray[Any] | None:
        """Return the trials that the file lists under ``trial``, shape (trial,), in the order of its arrays.

        None without such a list: numbers that count anew in each block, a mask, or no label at all list no
        trials, unless they are those of the dimension ``trial``.

        Raises
        ------
        RecordingFileError
            When the labels of the dimension ``trial`` are not distinct, or some of a list are there twice,
            or are missing.
        """
        variable = self.variables.get("trial")
        if (
            variable is None
            or variable.ndim != 1
            or variable.dtype == bool
            or "trial" in self.ignored
        ):
            return None
        labels = self._plain("trial")
        # Elsewhere it may be an array of this name, or a column of a table, and no coordinate.
        is_coordinate = self.path.suffix == ".nc" and variable.dims == ("trial",)
        missing = missing_values(labels)
        named = labels[~missing]
        n_distinct = len(set(named.tolist()))
        names_none = len(named) == 0 < len(labels)
        lists_trials = n_distinct == len(named) or lists_one_twice(named)
        if not is_coordinate and (names_none or not lists_trials):
            return None
        if missing.any():
            raise RecordingFileError(
                f"a label of each trial in 'trial' of {self.path}",
                f"{missing.sum()} of {len(labels)} without one (empty, NaN or None), the first being number "
                f"{np.argmax(missing)}",
                "Name these trials, too, or leave the labels out: ignore: [trial].",
            )
        if n_distinct < len(labels):
            raise RecordingFileError(
                f"distinct trial labels in {self.path}",
                f"{len(labels)} labels of which {n_distinct} are distinct",
                "Make the labels of 'trial' distinct, or leave them out: ignore: [trial].",
            )
        self.used.add("trial")
        return labels

    def labels(self, dim: str, size: int) -> list[Any]:
        """Return the labels of a dimension, which stand under its name; without them its indices.

        Raises
        ------
        RecordingFileError
            When there is no label for each index, or labels seem to stand under another name.
        """
        if dim not in self.variables:
            beside = [
                name
                for name, variable in self.variables.items()
                if variable.shape == (size,)
                and (variable.dims == (dim,) or dim.lower() in name.lower())
                and name not in self.ignored
            ]
            if beside:
                raise RecordingFileError(
                    f"labels of '{dim}' in {self.path} under the name '{dim}'",
                    f"'{beside[0]}' ({describe(self.variables[beside[0]])})",
                    f"Rename it, or, to select by index, from 0, add ignore: [{beside[0]}].",
                )
            return list(range(size))
        variable = self.variable(dim, "select")
        if variable.shape != (size,):
            raise RecordingFileError(
                f"a label for each of {size} of '{dim}' in {self.path}",
                f"'{dim}' ({describe(variable) or 'one value'})",
                f"Give '{dim}' in axes another name, or rename this variable.",
            )
        return self._plain(dim).tolist()

    def _plain(self, name: str) -> NDArray[Any]:
        """Return the values of a variable, shape (item,): cells hold one each, and text is no bytes."""
        values = np.asarray(self.variables[self.names.get(name, name)].values).reshape(-1)
        if values.dtype.kind == "S":
            # Text of netCDF and npz files can be bytes.
            return np.char.decode(values, "utf-8", "backslashreplace")
        if values.dtype != object:
            return values
        # Cells of a mat file: each holds one word or number.
        if any(np.size(cell) != 1 for cell in values):
            raise RecordingFileError(
                f"one value in each cell of '{name}' of {self.path}",
                "several or none",
                "Correct it.",
            )
        return np.array([np.asarray(cell).item() for cell in values], dtype=object)

    def milliseconds(self, name: str, values: NDArray[Any], unit: str | None) -> Floats:
        """Return times in ms, by the unit that the file states or else by the one that is given."""
        name = self.names.get(name, name)
        stated = self.variables[name].attrs.get("units") if name in self.variables else None
        if stated is not None and str(stated) not in MILLISECONDS:
            raise RecordingFileError(
                f"a unit of time of '{name}' in {self.path} among {', '.join(MILLISECONDS)}",
                f"'{stated}'",
                "Convert the times, from the zero of each trial.",
            )
        if stated is None and unit is None:
            raise RecordingFileError(
                f"a unit of time for '{name}', which {self.path} does not state",
                "none",
                "Add time_unit: s or ms.",
            )
        if (
            stated is not None
            and unit is not None
            and MILLISECONDS[str(stated)] != MILLISECONDS[unit]
        ):
            raise RecordingFileError(
                f"time_unit as {self.path} states it for '{name}', '{stated}'",
                f"'{unit}'",
                "Drop time_unit, or correct the file.",
            )
        # Dates count in a unit of their own, and complex numbers and text would be cast.
        if np.asarray(values).dtype.kind not in "fiu":
            raise RecordingFileError(
                f"numbers as times in '{name}' of {self.path}",
                f"{np.asarray(values).dtype}",
                "Export the times as numbers, in s or ms.",
            )
        factor = MILLISECONDS[str(unit if stated is None else stated)]
        times = np.asarray(values, dtype=np.float64) * factor
        lacking = np.flatnonzero(~np.isfinite(times))
        if len(lacking):
            raise RecordingFileError(
                f"finite times in '{name}' of {self.path}",
                f"{len(lacking)} that are NaN or infinite, the first being number {lacking[0]}",
                "Drop them. Where they are of trials, name a table without these: trials.",
            )
        return times

    def left_out(self) -> tuple[str, ...]:
        """Return what was not read; refuse masks among it that the settings do not name."""
        unknown = self.ignored - set(self.variables)
        if unknown:
            raise RecordingFileError(
                f"variables of {self.path} in ignore", ", ".join(sorted(unknown)), "Correct ignore."
            )
        left = []
        for name, variable in self.variables.items():
            if name in self.used:
                continue
            if variable.dtype == bool and name not in self.ignored:
                raise RecordingFileError(
                    f"settings that say what the mask '{name}' ({describe(variable)}) of {self.path} is",
                    "none",
                    f"Add valid: {name} if it marks recorded times, or ignore: [{name}].",
                )
            left.append(f"{name} ({describe(variable)})" if variable.dims else name)
        return (*left, *self.unread)


def renamed(variable: xr.Variable, names: Mapping[Any, str]) -> xr.Variable:
    """Return a variable with some dimensions renamed."""
    import xarray as xr

    dims = [names.get(dim, dim) for dim in variable.dims]
    return xr.Variable(dims, variable.values, variable.attrs)


def _read_trial_table(path: str | Path, names: Collection[str]) -> dict[str, NDArray[Any]]:
    """Return the columns of a CSV file with a row per trial, of which some hold names."""
    import pandas as pd

    if not Path(path).is_file():
        raise RecordingFileError(f"a table of trials at {path}", "none", "Correct the path.")
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        # Comments stand above the header only: a value may hold a '#'.
        body = itertools.dropwhile(lambda line: line.startswith("#"), text.splitlines(True))
        text = "".join(body)
        written_rows = csv.reader(io.StringIO(text))
        # Blank lines are no rows, as to pandas.
        header, *rows = [row for row in written_rows if "".join(row).strip() or len(row) > 1] or [
            []
        ]
        _check_header(path, header, max(map(len, rows), default=0))
        # '007' is a name, of which no number is to be made.
        with_zeros = {
            name: str
            for k, name in enumerate(header)
            if name in names and any(_ZEROS_FIRST.fullmatch(row[k]) for row in rows if k < len(row))
        }
        frame = pd.read_csv(io.StringIO(text), dtype=with_zeros)
    except RecordingFileError:
        raise
    except (ValueError, csv.Error, pd.errors.ParserError) as error:
        raise RecordingFileError(
            f"a CSV table with a row per trial at {path}", str(error).strip(), "Export it again."
        ) from error
    return {str(name): frame[name].to_numpy() for name in frame}


def _check_header(path: str | Path, header: list[str], longest: int) -> None:
    """Refuse names of columns that are not those of the values below, given the length of the longest row."""
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise RecordingFileError(
            f"columns with commas between them in {path}",
            f"one column, '{header[0]}'",
            "Export the table with commas, and with points in numbers.",
        )
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        # pandas renames the second, so that only the first would be read.
        raise RecordingFileError(
            f"each name of a column once in {path}", f"'{twice[0]}' more often", "Rename it."
        )
    if longest > len(header):
        # pandas takes the first values for names of the rows, and moves the others below wrong names.
        raise RecordingFileError(
            f"as many values in each row as names in the first one of {path}, {len(header)}",
            f"{longest}",
            "Name each column, and end no row with a comma.",
        )
    near = [name for name in header if name != "trial" and name.strip().lower() == "trial"]
    if near and "trial" not in header:
        # Rows would count from 0 instead.
        raise RecordingFileError(
            f"the trials of {path} in a column 'trial'", f"'{near[0]}'", "Rename it to 'trial'."
        )
