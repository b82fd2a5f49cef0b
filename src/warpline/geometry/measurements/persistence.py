"""Landmarks of a point cloud, and their persistent homology."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

__all__ = ["farthest_points", "largest_noise_ratio", "persistence_intervals"]

Floats = NDArray[np.float64]


def farthest_points(points: Floats, count: int, first: int = 0) -> tuple[NDArray[np.intp], float]:
    """Choose landmarks, each the farthest from those before it.

    Parameters
    ----------
    points : ndarray, shape (point, unit)
    count : int
        How many; fewer come back where the points are fewer, or coincide.
    first : int
        The first of them.

    Returns
    -------
    chosen : ndarray, shape (landmark,)
        Rows of `points`.
    covering_radius : float
        Largest distance of a point from its nearest landmark. Landmarks are at least so far apart.
    """
    chosen = [first]
    distance = np.linalg.norm(points - points[first], axis=1)
    # Distances below this are rounding.
    least = 1e-9 * distance.max()
    while len(chosen) < count and distance.max() > least:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen), float(distance.max())


def largest_noise_ratio(dimension: int) -> float:
    r"""Return the largest death/birth ratio that landmarks of a sheet without holes can leave.

    Farthest-point landmarks of covering radius rho are at least rho apart, so that no cycle is born
    before, and the largest hole between them has radius rho: a k-sphere of radius rho is filled in the
    Vietoris-Rips complex at sqrt(2 (k + 2) / (k + 1)) rho, which is 2, sqrt(3) and sqrt(8/3) for k = 0, 1, 2.
    For flat sheets that are sampled much finer than rho.
    """
    return float(np.sqrt(2 * (dimension + 2) / (dimension + 1)))


def persistence_intervals(landmarks: Floats, max_dimension: int) -> pd.DataFrame:
    """Return the persistence intervals of the Vietoris-Rips complex, by ripser (Bauer 2021), over Z/2.

    Parameters
    ----------
    landmarks : ndarray, shape (landmark, unit)
    max_dimension : int
        1 for loops; 2 for voids, which takes seconds with 200 landmarks and half a minute with 400.

    Returns
    -------
    pandas.DataFrame
        ``dimension``; ``birth`` and ``death``, distances; ``ratio``, death/birth, in dimension 0 (where
        births are 0) death over the median death; ``rank``, from 0, by decreasing ratio. The component
        that never dies has an infinite ratio.
    """
    from ripser import ripser

    diagrams = ripser(squareform(pdist(landmarks)), maxdim=max_dimension, distance_matrix=True)
    tables = []
    for dimension, diagram in enumerate(diagrams["dgms"]):
        birth, death = diagram.T.astype(float)
        if dimension == 0:
            finite = death[np.isfinite(death)]
            against = np.full(len(death), np.median(finite) if len(finite) else 1.0)
        else:
            against = birth
        table = pd.DataFrame(
            {"dimension": dimension, "birth": birth, "death": death, "ratio": death / against}
        )
        table = table.sort_values("ratio", ascending=False, ignore_index=True)
        tables.append(table.assign(rank=table.index))
    return pd.concat(tables, ignore_index=True)
