"""Gaussian curvature of a metric known on a grid alone, refused where the grid is too coarse."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["CoarseGridError", "GridCurvature", "curvature_from_grid"]


class CoarseGridError(ValueError):
    """The grid does not resolve the curvature asked for."""


@dataclass(frozen=True)
class GridCurvature:
    """Curvature from a grid, with the error that its own spacing shows.

    Attributes
    ----------
    curvature : Tensor, shape (row, column)
        K at `rows` and `columns` of the grid: all of a periodic axis, and all but the ends of another.
    rows, columns : Tensor, shape (row,) and (column,)
        Indices into the grid.
    error : float
        Estimated largest error of `curvature`: the largest difference from every second point's, over
        three (Richardson, second order).
    """

    curvature: Tensor
    rows: Tensor
    columns: Tensor
    error: float


def _derivative(values: Tensor, axis: int, step: float) -> Tensor:
    return (values.roll(-1, axis) - values.roll(1, axis)) / (2 * step)


def _second(values: Tensor, axis: int, step: float) -> Tensor:
    return (values.roll(-1, axis) - 2 * values + values.roll(1, axis)) / step**2


def _brioschi(metric: Tensor, spacing: tuple[float, float]) -> Tensor:
    """Return K by Brioschi's formula, central differences that wrap around both axes."""
    e, f, g = metric[..., 0, 0], metric[..., 0, 1], metric[..., 1, 1]
    (e_u, f_u, g_u), (e_v, f_v, g_v) = (
        tuple(_derivative(x, axis, step) for x in (e, f, g)) for axis, step in enumerate(spacing)
    )
    f_uv = _derivative(_derivative(f, 0, spacing[0]), 1, spacing[1])
    corner = -_second(e, 1, spacing[1]) / 2 + f_uv - _second(g, 0, spacing[0]) / 2
    zero = torch.zeros_like(e)

    def determinant(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return torch.linalg.det(torch.stack([torch.stack(row, -1) for row in rows], -2))

    first = determinant((corner, e_u / 2, f_u - e_v / 2), (f_v - g_u / 2, e, f), (g_v / 2, f, g))
    second = determinant((zero, e_v / 2, g_u / 2), (e_v / 2, e, f), (g_u / 2, f, g))
    return (first - second) / (e * g - f.square()).square()


def curvature_from_grid(
    metric: Tensor,
    spacing: tuple[float, float],
    periodic: tuple[bool, bool] = (False, False),
    tolerance: float = 0.1,
    absolute: float = 0.0,
) -> GridCurvature:
    """Return the Gaussian curvature of a metric that is only known on a grid, by Brioschi's formula.

    For a metric measured or stored. Where the immersion is at hand, `gaussian_curvature` is exact.

    Parameters
    ----------
    metric : Tensor, shape (row, column, 2, 2)
        G at a regular grid of the two coordinates.
    spacing : tuple of float
        Between rows, and between columns, in the coordinates' units.
    periodic : tuple of bool
        Whether the axis closes (its last point is one spacing before its first).
    tolerance : float
        Largest estimated error allowed, relative to the largest |K|.
    absolute : float
        Added to what is allowed, in units of K; for a flat metric, whose largest |K| is nothing.

    Raises
    ------
    CoarseGridError
        When the estimated error is larger than allowed; the message has both and the spacing needed.
    ValueError
        At a wrong shape, too few points to judge the error, or a metric that is not positive definite.
    """
    if metric.ndim != 4 or metric.shape[2:] != (2, 2):
        raise ValueError(
            f"expected a metric of shape (row, column, 2, 2), got {tuple(metric.shape)}"
        )
    metric = metric.to(torch.float64)
    for axis, closed in enumerate(periodic):
        count = metric.shape[axis]
        if count < (6 if closed else 5) or (closed and count % 2):
            needed = "an even number of at least 6" if closed else "at least 5"
            raise ValueError(
                f"expected {needed} points along axis {axis}, to compare with every second one; got {count}"
            )
    determinant = metric[..., 0, 0] * metric[..., 1, 1] - metric[..., 0, 1] * metric[..., 1, 0]
    definite = torch.isfinite(determinant) & (determinant > 0) & (metric[..., 0, 0] > 0)
    if not definite.all():
        row, column = (~definite).nonzero()[0].tolist()
        raise ValueError(
            f"expected a positive definite metric, got {int((~definite).sum())} points that are not; "
            f"the first is at row {row}, column {column}"
        )
    fine = _brioschi(metric, spacing)
    coarse = _brioschi(metric[::2, ::2], (2 * spacing[0], 2 * spacing[1]))
    inside, compared = [], []
    for axis, closed in enumerate(periodic):
        count = metric.shape[axis]
        inside.append(torch.arange(0 if closed else 1, count if closed else count - 1))
        # Of every second point, those whose neighbours are there too.
        last = count if closed else 2 * ((count - 1) // 2) - 1
        compared.append(torch.arange(0 if closed else 2, last, 2))
    error, place = _largest_difference(fine, coarse, compared)
    curvature = fine[inside[0]][:, inside[1]]
    largest = float(curvature.abs().max())
    allowed = tolerance * largest + absolute
    if error > allowed:
        finer = (error / allowed) ** 0.5 if allowed > 0 else float("inf")
        raise CoarseGridError(
            f"expected an error of at most {allowed:.3g} (largest |K| {largest:.3g}), got an estimated "
            f"{error:.3g} at row {place[0]}, column {place[1]}, from every second point: take a grid at "
            f"least {finer:.2g} times as fine, or gaussian_curvature, which needs no grid"
        )
    return GridCurvature(curvature, inside[0], inside[1], error)


def _largest_difference(
    fine: Tensor, coarse: Tensor, compared: list[Tensor]
) -> tuple[float, tuple[int, int]]:
    rows, columns = compared
    difference = fine[rows][:, columns] - coarse[rows // 2][:, columns // 2]
    worst = int(difference.abs().argmax())
    i, j = divmod(worst, len(columns))
    return float(difference.abs().max()) / 3, (int(rows[i]), int(columns[j]))
