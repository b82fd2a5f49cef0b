"""Centred matrices and angles accurate near 0, for the measures on matched samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["angle", "centred_matrix", "compare_each"]

Matrix = NDArray[np.float64]

#: Angle of two equal vectors by rounding, in radians.
_ROUNDING = 1e-14


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
        When the array has another number of dimensions, is empty, has two samples, holds a non-finite
        number, or is constant up to 1e-12 of its largest value.
    """
    states = np.asarray(states, dtype=np.float64)
    if states.ndim not in (2, 3) or states.size == 0:
        raise ValueError(
            "expected a non-empty array of states (trial, time, unit) or (sample, unit), got shape "
            f"{states.shape}"
        )
    largest = _largest(states)
    # NaN among the states is their maximum, too.
    if not np.isfinite(largest):
        raise ValueError("expected finite states, got NaN or infinity")
    # Two centred samples are one direction: all such systems would be equal.
    if states.size == 2 * states.shape[-1]:
        raise ValueError(
            "expected at least 3 samples (trials and times), got 2: give more of either"
        )
    # A power of two takes the scale out without rounding: neither 1e-300 nor 1e300 leaves the range.
    matrix: Matrix = np.ldexp(states.reshape(-1, states.shape[-1]), -int(np.frexp(largest)[1]))
    # From here in place: a system of 100,000 samples and 256 units takes 200 MB.
    matrix -= matrix.mean(axis=0)
    # Rounding leaves a constant column nonzero after centring: its size is judged against the states.
    scale = _largest(matrix)
    if scale <= 1e-12:
        raise ValueError("expected states that vary, got constant ones")
    matrix /= scale
    return matrix


def _largest(array: NDArray[Any]) -> float:
    """Return the largest absolute value, without a copy of the array."""
    return float(max(array.max(), -array.min()))


def angle(difference: float, total: float) -> float:
    """Return the angle between two unit vectors from |a - b| and |a + b|, in radians.

    Unlike the arc cosine, it keeps its digits near 0. An angle that rounding alone can make is 0: what counts
    or tests dissimilarities then takes equal systems for equal.
    """
    radians = 2 * float(np.arctan2(difference, total))
    return radians if radians > _ROUNDING else 0.0


def compare_each(
    representations: Sequence[Matrix],
    pairs: Sequence[tuple[int, int]],
    compare: Callable[..., dict[str, float]],
    progress: Any = None,
    prepare: Callable[[Matrix], Any] | None = None,
) -> list[dict[str, Any]]:
    """Compare pairs of centred matrices one after the other.

    Parameters
    ----------
    representations, pairs, progress
        As in `warpline.similarity.cka.compare_pairs`.
    compare : callable
        Given two matrices, and what ``prepare`` returned for each.
    prepare : callable, optional
        Given a matrix that occurs in a pair, once: what all its pairs need of it.

    Raises
    ------
    ValueError
        When two systems do not have the same number of samples.
    """
    prepared: dict[int, tuple[Any, ...]] = {}
    for k in {index for pair in pairs for index in pair}:
        prepared[k] = () if prepare is None else (prepare(representations[k]),)
    rows: list[dict[str, Any]] = []
    for i, j in pairs:
        a, b = representations[i], representations[j]
        if len(a) != len(b):
            raise ValueError(
                f"expected as many samples in both systems (the same trials), got {len(a)} and {len(b)}"
            )
        rows.append({**compare(a, b, *prepared[i], *prepared[j]), "status": "converged"})
        if progress is not None:
            progress.update()
    return rows
