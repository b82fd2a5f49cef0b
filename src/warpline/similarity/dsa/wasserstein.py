"""Wasserstein distance between the eigenvalues of two operators, as dsa-metric defines it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def eigenvalues(matrix: FloatArray) -> FloatArray:
    """Eigenvalues of an operator as points of the plane.

    Parameters
    ----------
    matrix : ndarray, shape (rank, rank)
        The operator. Padding with zeros adds eigenvalues at the origin.

    Returns
    -------
    ndarray, shape (rank, 2)
        Real and imaginary parts.
    """
    values = np.linalg.eigvals(matrix)
    return np.stack([values.real, values.imag], axis=1).astype(np.float64)


def wasserstein(first: FloatArray, second: FloatArray) -> float:
    """Optimal-transport cost between two sets of eigenvalues.

    Parameters
    ----------
    first, second : ndarray, shape (rank, 2)
        From `eigenvalues`. The smaller set is padded with zeros.

    Returns
    -------
    float
        Minimum over transport plans of the mean squared distance in the complex plane (the square
        of the 2-Wasserstein distance, per step squared): ``score_method="wasserstein"`` of
        dsa-metric, after Redman et al. 2023.
    """
    import ot

    size = max(len(first), len(second))
    padded = [np.pad(points, ((0, size - len(points)), (0, 0))) for points in (first, second)]
    weights = np.full(size, 1.0 / size)
    # max(0, .) because ot.dist may leave a negative rounding where the spectra agree.
    return max(0.0, float(ot.emd2(weights, weights, ot.dist(*padded))))
