"""What a measure of one's own may return, a dict per pair of systems, and may not do, checked."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.plugins import ContractError

__all__ = ["ROUNDING", "check_left_alone", "checked_rows"]

ROUNDING = 1e-9
"""How far below 0 a dissimilarity may lie that is a difference of two equal numbers."""


def check_left_alone(before: Iterable[NDArray[Any]], after: Iterable[NDArray[Any]]) -> None:
    """Refuse a measure that changed the states which it was given, trial by trial.

    Raises
    ------
    ContractError
    """
    for trial, left in zip(before, after, strict=True):
        if not np.array_equal(trial, left, equal_nan=True):
            raise ContractError(
                "expected represent to leave its states as they are: work on a copy"
            )


def checked_rows(rows: Any, n_pairs: int, measure: Any) -> list[dict[str, Any]]:
    """Return the rows of `compare_pairs` as a list.

    Parameters
    ----------
    rows : iterable of mapping
        In the order of the pairs, with ``dissimilarity`` (one number, NaN where a pair failed) and
        ``status``.
    n_pairs : int
    measure : module or class
        With ``SIGNED = True``, dissimilarities may be negative.

    Returns
    -------
    list of dict
        An infinite dissimilarity is NaN here, and the status says so: no mean, test or picture of systems
        can hold it.

    Raises
    ------
    ContractError
        When they are others, which a measure of one's own can return, or a dissimilarity is negative beyond
        rounding.
    """
    try:
        rows = list(rows)
    except TypeError:
        raise ContractError(
            f"expected a list of rows of compare_pairs, got {type(rows).__name__}"
        ) from None
    if len(rows) != n_pairs:
        raise ContractError(
            f"expected a row for each of {n_pairs} pairs, got {len(rows)}: return them in the order of the "
            "pairs"
        )
    checked = []
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping) or "dissimilarity" not in row or "status" not in row:
            got = ", ".join(map(str, row)) if isinstance(row, Mapping) else type(row).__name__
            raise ContractError(
                f"expected rows as dicts with `dissimilarity` and `status`, got {got or 'nothing'}"
            )
        value = row["dissimilarity"]
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            raise ContractError(
                f"expected a dissimilarity that is one number, got {type(value).__name__}: use float()"
            )
        if not isinstance(row["status"], str):
            raise ContractError(f"expected a status such as 'converged', got {row['status']!r}")
        if value < -ROUNDING and not getattr(measure, "SIGNED", False):
            raise ContractError(
                f"expected a dissimilarity of at least 0, got {float(value):.6g} for pair {number} of "
                f"{n_pairs}: return a distance, or say `SIGNED = True` in the measure if its values may be "
                "negative"
            )
        row = dict(row)
        if math.isinf(value):
            row["dissimilarity"] = math.nan
            row["status"] = f"failed: expected a finite dissimilarity, got {float(value)}"
        checked.append(row)
    return checked
