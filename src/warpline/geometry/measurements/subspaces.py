"""Subspaces of state space, and the angles between them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from warpline.geometry.derivatives.sensitivity import Tangents

__all__ = ["encoding_subspace", "orthonormal_basis", "principal_cosines", "subspace_angles"]


def orthonormal_basis(rows: Tensor, tolerance: float = 1e-9) -> Tensor:
    """Return an orthonormal basis of the span of rows, shape (..., min(row, unit), unit).

    Directions whose singular value is at most `tolerance` times the first are 0, so that batches
    of different rank share one tensor.
    """
    _, values, basis = torch.linalg.svd(rows, full_matrices=False)
    kept = (values > tolerance * values[..., :1]) & (values[..., :1] > 0)
    return basis * kept[..., None]


def principal_cosines(first: Tensor, second: Tensor, count: int) -> Tensor:
    """Return cosines of principal angles between spans of orthonormal (or zero) rows, descending.

    Shape (..., count): 0 beyond the smaller of the two dimensions.
    """
    values = torch.linalg.svdvals(first @ second.mT).clamp(max=1.0)
    return torch.nn.functional.pad(values, (0, max(0, count - values.shape[-1])))[..., :count]


def subspace_angles(first: Tensor, second: Tensor) -> Tensor:
    """Return the principal angles between the spans of rows, in radians, ascending.

    Parameters
    ----------
    first, second : Tensor, shape (..., a, unit) and (..., b, unit)
        Rows that span each space; they must be independent.

    Returns
    -------
    Tensor, shape (..., min(a, b))
        From 0 to pi/2. Small angles come from sines, as cosines lose half of their digits (Björck and
        Golub 1973; Knyazev and Argentati 2002).

    Raises
    ------
    ValueError
        When rows of a space depend on one another: its dimension is then less than was said.
    """
    if first.shape[-2] < second.shape[-2]:
        first, second = second, first
    a, b = orthonormal_basis(first), orthonormal_basis(second)
    for given, basis in ((first, a), (second, b)):
        if basis.shape[-2] < given.shape[-2] or bool((basis.square().sum(-1) < 0.5).any()):
            raise ValueError(
                f"expected {given.shape[-2]} independent directions that span a space, got ones that depend "
                "on each other or are 0: leave out moments at which nothing is encoded"
            )
    overlap = b @ a.mT
    cosines = torch.linalg.svdvals(overlap).clamp(max=1.0)
    sines = torch.linalg.svdvals(b - overlap @ a).clamp(max=1.0).flip(-1)
    return torch.where(cosines.square() > 0.5, sines.asin(), cosines.acos())


def encoding_subspace(
    tangents: Tangents, group: Sequence[str], dimension: int | None = None
) -> Tensor:
    """Return the directions in which a group of coordinates is encoded at each moment.

    Parameters
    ----------
    tangents : Tangents
    group : sequence of str
        Names of coordinates, such as those of one item.
    dimension : int, optional
        Number of directions; by default that of the group. A circle that is encoded on a ring needs 2
        for its one coordinate, as the tangent turns around.

    Returns
    -------
    Tensor, shape (time, dimension, unit)
        Orthonormal: leading right singular vectors of the group's tangent vectors at all points.

    Raises
    ------
    ValueError
        When a name is none of the coordinates', or more directions are asked than there are vectors.
    """
    names = tangents.names[:-1]
    missing = [name for name in group if name not in names]
    if missing or not group:
        raise ValueError(f"expected coordinates among {', '.join(names)}; got {list(group)}")
    vectors = tangents.inputs[:, :, [names.index(name) for name in group]]
    stacked = vectors.transpose(0, 1).flatten(1, 2)
    count = len(group) if dimension is None else dimension
    if not 1 <= count <= min(stacked.shape[1:]):
        raise ValueError(f"expected a dimension from 1 to {min(stacked.shape[1:])}, got {count}")
    return torch.linalg.svd(stacked, full_matrices=False)[2][:, :count]
