"""Conditions of trials from outside: as they are given, or as a container says, one of each trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from warpline.similarity.input_errors import TrialError

__all__ = ["conditions_of"]


def conditions_of(
    value: Any, given: Any, dims: Mapping[str, str], n_trials: int, name: str
) -> tuple[Any, ...] | None:
    """Return the condition of each trial, as given or as the container says."""
    if given is None and hasattr(value, "coords") and "condition" in value.coords:
        # A condition of times or units does not tell of the trials.
        coordinate = value.coords["condition"]
        of_trials = [dims.get(dim, dim) for dim in coordinate.dims] == ["trial"]
        given = coordinate.values if of_trials else None
    if given is None:
        return None
    conditions = _condition_labels(given, name)
    if len(conditions) != n_trials:
        raise TrialError(
            f"a condition for each of {n_trials} trials of {name}",
            f"{len(conditions)}",
            "Give one condition per trial.",
        )
    return conditions


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
    labels = tuple(label.item() if isinstance(label, np.generic) else label for label in values)
    # Numbers and text side by side would be told apart by nobody: 1 and "1".
    kinds = {"text" if isinstance(label, str) else type(label).__name__ for label in labels}
    if len(kinds - {"int", "float", "bool"}) + bool(kinds & {"int", "float", "bool"}) > 1:
        fault = f"{' and '.join(sorted(kinds))} side by side"
    elif any(hasattr(label, "__len__") and not isinstance(label, str | bytes) for label in labels):
        fault = "several of a trial"
    # Of pandas' missing value, no comparison is true or false.
    elif hidden or any(
        label is None or type(label).__name__ == "NAType" or label != label for label in labels
    ):
        fault = "missing ones (None, NaN or masked)"
    else:
        return labels
    raise TrialError(
        f"a condition for each trial of {name}, a number or a text",
        fault,
        "Name each condition by one text or number.",
    )
