"""Values over two inputs, ordered by their relevance in a context instead of their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONTEXTS", "TANGENTS", "by_relevance", "relevant_first"]

Floats = NDArray[np.float64]

CONTEXTS = (1, 2)
"""In context 1 input 1 is relevant; in context 2, input 2."""
TANGENTS = ("relevant", "irrelevant", "time")


def relevant_first(values: Floats, context: int, axes: tuple[int, ...]) -> Floats:
    """Return values with the entries of some axes, input 1, input 2 (and time), the relevant one first."""
    for axis in axes if context == 2 else ():
        values = np.take(values, [1, 0, *range(2, values.shape[axis])], axis=axis)
    return values


def by_relevance(values: Floats, context: int, side: int) -> Floats:
    """Return values over a square grid of inputs, (point, ...), as (relevant, irrelevant, ...)."""
    grid = values.reshape(side, side, *values.shape[1:])
    return grid if context == 1 else grid.swapaxes(0, 1)
