"""Principal axes on which states, fixed points and tangent vectors are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Axes", "principal_axes"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Axes:
    """Principal axes of a cloud of states.

    Attributes
    ----------
    mean : ndarray, shape (unit,)
    vectors : ndarray, shape (unit, axis)
        Orthonormal; the largest loading of each is positive.
    variance : ndarray, shape (axis,)
        Share of the variance along each.
    """

    mean: Floats
    vectors: Floats
    variance: Floats

    def points(self, states: Floats) -> Floats:
        """Return the coordinates of states (..., unit), shape (..., axis)."""
        return (states - self.mean) @ self.vectors

    def directions(self, tangents: Floats) -> Floats:
        """Return the coordinates of tangent vectors (..., unit), shape (..., axis)."""
        return tangents @ self.vectors


def principal_axes(states: Floats, count: int = 3) -> Axes:
    """Return the leading principal axes of states (..., unit); zeros where there are fewer units."""
    cloud = states.reshape(-1, states.shape[-1])
    mean = cloud.mean(axis=0)
    centred = cloud - mean
    values, vectors = np.linalg.eigh(centred.T @ centred)
    values, vectors = np.clip(values[::-1], 0, None), vectors[:, ::-1]
    leading = vectors[:, :count]
    # Eigenvectors have no sign of their own.
    largest = np.abs(leading).argmax(axis=0)
    leading = leading * np.sign(leading[largest, np.arange(leading.shape[1])])
    missing = count - leading.shape[1]
    total = values.sum()
    shares = values[:count] / total if total > 0 else np.zeros(leading.shape[1])
    return Axes(mean, np.pad(leading, [(0, 0), (0, missing)]), np.pad(shares, (0, missing)))
