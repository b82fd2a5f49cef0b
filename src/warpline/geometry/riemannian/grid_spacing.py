"""Steps of a regular grid of coordinates, checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["checked_spacing"]


def checked_spacing(spacing: Sequence[float] | Any, count: int) -> tuple[float, ...]:
    """Return the steps of a grid as numbers.

    Parameters
    ----------
    spacing : sequence of float, length count
    count : int
        Coordinates of the grid, at least 1.

    Raises
    ------
    ValueError
        When there is not a positive finite step for each coordinate. A step below 0 would turn a coordinate
        around, and change the sign of mixed derivatives.
    """
    try:
        steps = tuple(float(step) for step in spacing)
    except (TypeError, ValueError):
        steps = ()
    if count < 1 or len(steps) != count or not all(0 < step < math.inf for step in steps):
        raise ValueError(
            f"expected a spacing for each of {count} coordinates (at least 1), finite and above 0, "
            f"got {spacing!r}"
        )
    return steps
