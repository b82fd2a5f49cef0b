"""Centred matrices and angles accurate near 0, for the measures on matched samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["angle", "centred_matrix", "compare_each"]

Matrix = NDArray[np.float64]


def centred_matrix(states: NDArray[Any]) -> Matrix:
    """Return states as a matrix with a row per sample and centred columns.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit) or (sample, unit)

    Returns
    -------
    ndarray, shape (sample, unit), float64

    Raises
    ------
    ValueError
        When the array has another number of dimensions, holds a non-finite number, or is constant.
    """
    states = np.asarray(states, dtype=np.float64)
    if states.ndim not in (2, 3):
        raise ValueError(
            f"expected states (trial, time, unit) or (sample, unit), got an array of {states.ndim} dimensions"
        )
    if not np.isfinite(states).all():
        raise ValueError("expected finite states, got NaN or infinity")
    # Rounding leaves a constant column nonzero after centring: its size is judged against the states.
    matrix = states.reshape(-1, states.shape[-1])
    matrix = matrix - matrix.mean(axis=0)
    scale = np.abs(matrix).max(initial=0.0)
    if scale <= 1e-12 * max(1.0, float(np.abs(states).max(initial=0.0))):
        raise ValueError("expected states that vary, got constant ones")
    return matrix / scale


def angle(difference: float, total: float) -> float:
    """Return the angle between two unit vectors from |a - b| and |a + b|, in radians.

    Unlike the arc cosine, it keeps its digits near 0.
    """
    return 2 * float(np.arctan2(difference, total))


def compare_each(
    representations: Sequence[Matrix],
    pairs: Sequence[tuple[int, int]],
    compare: Callable[[Matrix, Matrix], dict[str, float]],
    progress: Any = None,
) -> list[dict[str, Any]]:
    """Compare pairs of centred matrices one after the other.

    Raises
    ------
    ValueError
        When two systems do not have the same number of samples.
    """
    rows: list[dict[str, Any]] = []
    for i, j in pairs:
        a, b = representations[i], representations[j]
        if len(a) != len(b):
            raise ValueError(
                f"expected as many samples in both systems (the same trials), got {len(a)} and {len(b)}"
            )
        rows.append({**compare(a, b), "status": "converged"})
        if progress is not None:
            progress.update()
    return rows
