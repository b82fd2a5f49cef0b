"""Conditions of trials from outside: as they are given, or as a container says, one of each trial."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from warpline.similarity.input_errors import TrialError
from warpline.similarity.trial_containers import is_missing

__all__ = ["condition_text", "conditions_of", "without_notation"]

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def conditions_of(
    value: Any,
    given: Any,
    dims: Mapping[str, str],
    trial_labels: tuple[Any, ...] | None,
    n_trials: int,
    name: str,
) -> tuple[Any, ...] | None:
    """Return the condition of each trial, as given or as the container says."""
    if given is None and hasattr(value, "coords") and "condition" in value.coords:
        # A condition of times or units does not tell of the trials.
        coordinate = value.coords["condition"]
        of_trials = [dims.get(dim, dim) for dim in coordinate.dims] == ["trial"]
        given = coordinate.values if of_trials else None
    if given is None and isinstance(value, list | tuple):
        # Trials that were selected from an array carry theirs without a dimension.
        own = [getattr(trial, "coords", {}).get("condition") for trial in value]
        known = [one.values[()] for one in own if one is not None and one.ndim == 0]
        given = known if value and len(known) == len(value) else None
    if given is None:
        return None
    _check_labels(given, trial_labels, name)
    conditions = _condition_labels(given, name)
    if len(conditions) != n_trials:
        raise TrialError(
            f"a condition for each of {n_trials} trials of {name}",
            f"{len(conditions)}",
            "Give one condition per trial.",
        )
    return conditions


def _counts_rows(index: Any) -> bool:
    """Say whether an index of pandas is the one that it gives by itself: numbers from 0 on, and no labels.

    What is selected from such a Series, or has labels in a row, can have an index of that type, too.
    """
    is_range = type(index).__name__ == "RangeIndex"
    return is_range and index.name is None and (index.start, index.step) == (0, 1)


def _check_labels(given: Any, trial_labels: tuple[Any, ...] | None, name: str) -> None:
    """Refuse conditions whose own labels, of an xarray or a pandas Series, are those of other trials."""
    if trial_labels is None:
        return
    indexes: Mapping[Any, Any] = getattr(given, "indexes", {})
    index: Any = indexes["trial"] if "trial" in indexes else getattr(given, "index", None)
    # A list has a method of that name.
    if not hasattr(index, "equals"):
        return
    if "trial" not in indexes and _counts_rows(index) and set(index) != set(trial_labels):
        return
    if tuple(index) != trial_labels:
        raise TrialError(
            f"the trial labels of {name} and of its conditions to be the same",
            f"{', '.join(map(str, trial_labels[:3]))}, ... and {', '.join(map(str, index[:3]))}, ...",
            "Select the same trials of both, in the same order.",
        )


def _condition_labels(given: Any, name: str) -> tuple[Any, ...]:
    """Return conditions as they are given; refuse what is no sequence of distinct kinds of trials."""
    hidden = np.ma.getmaskarray(given).any() if isinstance(given, np.ma.MaskedArray) else False
    given = given.values if hasattr(given, "dims") else given
    values: Any = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(values, str | bytes | Mapping | set | frozenset) or not isinstance(
        values, Iterable
    ):
        raise TrialError(
            f"a sequence of conditions of {name}, one per trial",
            type(given).__name__,
            "Give a list or an array (trial,).",
        )
    if getattr(given, "dtype", None) in (np.float16, np.float32):
        # As it is written: 0.1 in single precision is no other condition than in double.
        values = [float(str(value)) for value in np.asarray(given).reshape(-1)]
    labels = tuple(label.item() if isinstance(label, np.generic) else label for label in values)
    # Text of netCDF and npz files can be bytes.
    labels = tuple(
        label.decode("utf-8", "backslashreplace") if isinstance(label, bytes) else label
        for label in labels
    )
    # Numbers and text side by side would be told apart by nobody: 1 and "1".
    kinds = {"text" if isinstance(label, str) else type(label).__name__ for label in labels}
    if any(hasattr(label, "__len__") and not isinstance(label, str) for label in labels):
        fault = "several of a trial"
    elif hidden or any(map(is_missing, labels)):
        fault = "missing ones (None, NaN, masked or empty)"
    elif len(kinds - {"int", "float", "bool"}) + bool(kinds & {"int", "float", "bool"}) > 1:
        fault = f"{' and '.join(sorted(kinds))} side by side"
    else:
        return labels
    raise TrialError(
        f"a condition for each trial of {name}, a number or a text",
        fault,
        "Name each condition by one text or number.",
    )


def condition_text(column: str, value: Any) -> str:
    """Return a condition as text, the same for 1, 1.0 and "1.0": integers in full, others to six digits."""
    value = without_notation(value)
    number = isinstance(value, int | float | np.integer | np.floating)
    if number and float(value).is_integer():
        return f"{column}={int(value)}"
    return f"{column}={value:g}" if number else f"{column}={value}"


def without_notation(value: Any) -> Any:
    """Return text that writes a number as the number: numbers beside a word, such as 'catch', are text."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
