"""Metric multidimensional scaling: systems as points whose distances are close to their dissimilarities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from warpline.core.number_arguments import takes_numbers
from warpline.core.short_repr import ShortRepr
from warpline.similarity.input_errors import DimensionError, InputError, SettingsError
from warpline.similarity.measure_rows import ROUNDING

__all__ = ["Embedding", "embed"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Embedding(ShortRepr):
    """Points in few dimensions.

    Attributes
    ----------
    points : ndarray, shape (system, dimension)
        Centred, along their principal axes. Only distances have a meaning.
    stress : float
        Root of the squared errors of all distances over the squared dissimilarities; 0 for a perfect
        picture. At a minimum it equals Kruskal's stress-1.
    """

    points: Floats
    stress: float


@takes_numbers(SettingsError)
def embed(
    dissimilarity: Floats,
    n_dimensions: int = 2,
    *,
    n_starts: int = 8,
    max_steps: int = 2000,
    tolerance: float = 1e-10,
    seed: int = 0,
) -> Embedding:
    """Place systems by metric multidimensional scaling.

    Stress is lowered by majorisation (SMACOF), from classical scaling and from random starts; the best end
    is returned (Borg and Groenen 2005, chapter 8).

    Parameters
    ----------
    dissimilarity : ndarray, shape (system, system)
        Symmetric, at least 0. NaN off the diagonal is a pair that does not count.
    n_dimensions : int, optional
    n_starts : int, optional
        Random starts, besides classical scaling.
    max_steps : int, optional
        A start ends after so many steps.
    tolerance : float, optional
        A start ends when the stress falls by less than this.
    seed : int, optional
        Of the random starts.

    Raises
    ------
    DimensionError
        When the matrix is not square and symmetric, some system has no pair that counts, or no chain of such
        pairs links all systems: sets of them would have no place relative to each other.
    InputError
        When a dissimilarity is negative, as a measure with ``SIGNED`` may have it.
    SettingsError
        When a number of dimensions, starts or steps is not at least 1 (0 starts besides the classical one).

    Examples
    --------
    >>> corners = np.array([[0.0, 0], [3, 0], [0, 4]])
    >>> distance = np.linalg.norm(corners[:, None] - corners[None], axis=-1)
    >>> embedding = embed(distance)
    >>> round(embedding.stress, 6)
    0.0
    """
    for name, number, least in (
        ("n_dimensions", n_dimensions, 1),
        ("n_starts", n_starts, 0),
        ("max_steps", max_steps, 0),
        ("seed", seed, 0),
    ):
        if number < least:
            raise SettingsError(f"{name} of at least {least}", f"{number}", f"Set {name}.")
    target = np.asarray(dissimilarity, dtype=float)
    symmetric = target.ndim == 2 and target.shape == target.T.shape
    if not symmetric or not np.allclose(target, target.T, equal_nan=True):
        raise DimensionError(
            "a symmetric matrix of dissimilarities",
            f"an array of shape {target.shape}",
            "Embed the matrix of one set of systems.",
        )
    counts = np.isfinite(target) & ~np.eye(len(target), dtype=bool)
    negative = counts & (target < -ROUNDING)
    if negative.any():
        raise InputError(
            "dissimilarities of at least 0, which points in space can have",
            f"{target[negative].min():.6g}",
            "Embed distances; of a similarity take what it lacks to its value for equal systems.",
        )
    if len(target) < 2 or not counts.any(axis=1).all():
        raise DimensionError(
            "at least two systems, each with a dissimilarity to another",
            f"{len(target)} systems, {int((~counts.any(axis=1)).sum())} of them without any",
            "Drop the systems whose pairs all failed.",
        )
    n_sets, set_of = connected_components(counts, directed=False)
    if n_sets > 1:
        raise DimensionError(
            "systems that pairs link to each other",
            f"{n_sets} sets of {', '.join(map(str, np.bincount(set_of)))} systems, between which every pair "
            "failed",
            "Place each set by itself, or draw the matrix.",
        )
    target = np.where(counts, np.maximum(target, 0.0), 0.0)
    # The weighted Laplacian of the pairs that count, inverted once for all steps.
    laplacian = np.diag(counts.sum(axis=1)) - counts.astype(float)
    inverse = np.linalg.pinv(laplacian)
    scale = float((target**2).sum())
    generator = np.random.default_rng(seed)
    spread = np.sqrt(scale / max(1, counts.sum()))
    starts = [_classical(target, counts, n_dimensions)]
    starts += [
        spread * generator.standard_normal((len(target), n_dimensions)) for _ in range(n_starts)
    ]
    ends = [_majorise(start, target, counts, inverse, max_steps, tolerance) for start in starts]
    points, squares = min(ends, key=lambda end: end[1])
    return Embedding(_principal_axes(points), float(np.sqrt(squares / scale)) if scale else 0.0)


def _classical(target: Floats, counts: NDArray[np.bool_], n_dimensions: int) -> Floats:
    """Return the start by classical scaling, with the mean dissimilarity for missing pairs."""
    filled = np.where(counts, target, target[counts].mean())
    np.fill_diagonal(filled, 0.0)
    centring = np.eye(len(target)) - 1 / len(target)
    values, vectors = np.linalg.eigh(-0.5 * centring @ filled**2 @ centring)
    leading = np.argsort(values)[::-1][:n_dimensions]
    points = vectors[:, leading] * np.sqrt(np.maximum(values[leading], 0.0))
    return np.pad(points, [(0, 0), (0, n_dimensions - points.shape[1])])


def _majorise(
    points: Floats,
    target: Floats,
    counts: NDArray[np.bool_],
    inverse: Floats,
    max_steps: int,
    tolerance: float,
) -> tuple[Floats, float]:
    """Return points after SMACOF's steps, and the sum over ordered pairs of their squared errors."""

    def distances(points: Floats) -> Floats:
        return np.asarray(np.linalg.norm(points[:, None] - points[None], axis=-1))

    scale = max(float((target**2).sum()), 1e-300)
    distance = distances(points)
    squares = float((np.where(counts, distance - target, 0.0) ** 2).sum())
    for _ in range(max_steps):
        # Guttman's transform (Borg and Groenen 2005, eq. 8.29), with 0 where two points coincide.
        ratio = np.divide(target, distance, out=np.zeros_like(target), where=distance > 0)
        points = inverse @ (np.diag(ratio.sum(axis=1)) - ratio) @ points
        distance = distances(points)
        previous, squares = squares, float((np.where(counts, distance - target, 0.0) ** 2).sum())
        if previous - squares < tolerance * scale:
            break
    return points, squares


def _principal_axes(points: Floats) -> Floats:
    """Turn points to their principal axes; the largest coordinate of each axis is positive."""
    centred = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    turned = np.zeros_like(centred)
    turned[:, : len(axes)] = centred @ axes.T
    largest = turned[np.abs(turned).argmax(axis=0), np.arange(turned.shape[1])]
    return turned * np.where(largest < 0, -1.0, 1.0)
