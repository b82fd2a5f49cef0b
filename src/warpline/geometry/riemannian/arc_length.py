"""Grid lines of the inputs at their arc length on the states: they spread where these are stretched."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from warpline.geometry.derivatives.array_arguments import takes_arrays
from warpline.geometry.riemannian.grid_spacing import checked_spacing

__all__ = ["arc_length_mesh"]


@takes_arrays
def arc_length_mesh(matrix: Tensor, spacing: Sequence[float]) -> Tensor:
    """Return where the points of a grid of inputs lie in arc length along their coordinate lines.

    The place of a point along coordinate i is the length of the states on the grid line through it,
    int sqrt(G_ii) dkappa_i, by the trapezoid rule, from the middle of the line. (After Pellegrino and
    Chadwick 2025, who sum without the spacing.) The inverse of `warpline.geometry.riemannian.gridlines`,
    whose lines lie at even lengths and crowd in kappa where the states are stretched. Coordinate lines are
    no geodesics and need not cross at right angles: the mesh leaves out G_ij, and is a picture, no isometric
    map.

    Parameters
    ----------
    matrix : Tensor, shape (n_1, ..., n_m, d, d)
        The metric over a regular grid of m coordinates, d >= m; further tangents, such as time, are left out.
    spacing : sequence of float, length m
        Steps of the grid.

    Returns
    -------
    Tensor, shape (n_1, ..., n_m, m)

    Raises
    ------
    ValueError
        When the spacing and the grid have different numbers of coordinates, a step is not above 0, the grid
        is empty, or a squared length lies below 0 by more than rounding. NaN stays NaN.
    """
    count = matrix.ndim - 2
    steps = checked_spacing(spacing, count)
    if matrix.shape[-1] < count or not matrix.numel():
        raise ValueError(
            f"expected a metric of {count} coordinates over a grid with points, got shape "
            f"{tuple(matrix.shape)}"
        )
    squares = matrix.diagonal(dim1=-2, dim2=-1)
    if squares.min() < -1e-6 * squares.abs().max():
        raise ValueError(
            f"expected squared lengths of at least 0 on the diagonal of the metric, got {squares.min():.3g}"
        )
    places = []
    for axis, step in enumerate(steps):
        speed = matrix[..., axis, axis].clamp(min=0).sqrt().movedim(axis, -1)
        length = torch.nn.functional.pad(torch.cumulative_trapezoid(speed, dx=step), (1, 0))
        # The middle of a line of an even number of points lies between two of them.
        last = length.shape[-1] - 1
        middle = 0.5 * (length[..., last // 2] + length[..., (last + 1) // 2])
        places.append((length - middle[..., None]).movedim(-1, axis))
    return torch.stack(places, dim=-1)
