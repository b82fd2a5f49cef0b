"""Numbers and text as they stand in a page: arrays in base64, and JSON that no browser takes for more."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["embedded_json", "number", "packed", "quantised"]

LEVELS = 32766
"""Largest absolute value of a quantised number; the smallest integer stands for a missing one."""
MISSING = -32768


def packed(values: ArrayLike) -> dict[str, Any]:
    """Return an array in single precision.

    Returns
    -------
    dict
        ``shape``, ``kind`` (``float32``) and ``data``, little-endian numbers in base64.
    """
    array = np.asarray(values, dtype="<f4")
    return {
        "shape": list(array.shape),
        "kind": "float32",
        "data": base64.b64encode(array.tobytes()).decode("ascii"),
    }


def quantised(values: ArrayLike) -> dict[str, Any]:
    """Return an array as 16-bit integers: enough for what is drawn, in half the space.

    Errors are at most the largest absolute value over 65,532. What is not finite becomes missing.

    Returns
    -------
    dict
        ``shape``, ``kind`` (``int16``), ``scale`` (a number is an integer times it) and ``data``.
    """
    array = np.asarray(values, dtype=float)
    finite = np.isfinite(array)
    largest = np.abs(array[finite]).max(initial=0.0)
    scale = float(largest) / LEVELS if largest > 0 else 1.0
    integers = np.where(finite, np.round(np.where(finite, array, 0.0) / scale), MISSING)
    return {
        "shape": list(array.shape),
        "kind": "int16",
        "scale": scale,
        "data": base64.b64encode(integers.astype("<i2").tobytes()).decode("ascii"),
    }


def number(value: Any, digits: int = 5) -> float | None:
    """Return a number with so many significant digits, None where it is not finite."""
    value = float(value)
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def embedded_json(value: Any) -> str:
    """Return JSON for a script element: ``<``, which could end the element, is written as its code.

    Raises
    ------
    ValueError
        When a number is not finite, which JSON cannot say.
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c")
