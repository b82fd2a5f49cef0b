"""Wasserstein distance between the eigenvalues of two operators, as dsa-metric's class DSA has it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

FloatArray = NDArray[np.float64]


def eigenvalues(matrix: FloatArray) -> FloatArray:
    """Eigenvalues of an operator as points of the plane.

    Parameters
    ----------
    matrix : ndarray, shape (rank, rank)
        The operator, without padding: padded zeros would count as eigenvalues at the origin.

    Returns
    -------
    ndarray, shape (rank, 2)
        Real and imaginary parts.
    """
    values = np.linalg.eigvals(matrix)
    return np.stack([values.real, values.imag], axis=1).astype(np.float64)


def wasserstein(first: FloatArray, second: FloatArray) -> float:
    """Optimal-transport cost between two spectra, each of total weight 1.

    Parameters
    ----------
    first, second : ndarray, shape (rank, 2)
        From `eigenvalues`; the ranks may differ.

    Returns
    -------
    float
        Minimum over transport plans of the mean squared distance in the complex plane: the square of the
        2-Wasserstein distance, per step squared, after Redman et al. 2023.

    Notes
    -----
    The n eigenvalues of a spectrum weigh 1/n each. Its root is therefore a distance between spectra of any
    ranks, and does not depend on what else is compared. The measure compares shapes of spectra: one that
    holds every eigenvalue twice is at 0 from one that holds them once.

    Padding the smaller spectrum with zeros would state that directions which were cut off for their small
    variance die within a step. It would also depend on the size that is padded to.
    The class ``DSA`` of dsa-metric 2.0.2 does not pad either. Its ``SimilarityTransformDist`` pads if it is
    given matrices, but not if it is given eigenvalues.

    Of equal ranks the cost is exact to rounding; of others, to some 1e-14 of the largest squared distance
    between the spectra.
    """
    # From differences: an expanded square cancels for spectra that nearly agree.
    costs = cdist(first, second, "sqeuclidean")
    if len(first) == len(second):
        # Among equal weights, some plan of least cost is an assignment.
        return float(costs[linear_sum_assignment(costs)].mean())
    import ot

    weights = [np.full(len(points), 1.0 / len(points)) for points in (first, second)]
    # POT takes small differences of costs for none, so that they are scaled.
    largest = costs.max()
    return float(largest * ot.emd2(*weights, costs / largest)) if largest > 0 else 0.0
