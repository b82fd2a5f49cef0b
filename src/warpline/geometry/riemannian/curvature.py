"""Curvature of a manifold of states, by the Gauss equation from its second fundamental form.

In an orthonormal frame e_a of the tangent space, the second fundamental form h_ab is the normal part
of the second derivatives. The intrinsic curvature follows from it algebraically, K = <h_11, h_22> -
|h_12|^2 for surfaces, so that no metric is differentiated.

Where a metric is known on a grid alone, `curvature_from_grid` differentiates it by Brioschi's formula,
and refuses a grid that is too coarse.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import check_finite, takes_arrays
from warpline.geometry.derivatives.input_manifold import check_kappa
from warpline.geometry.derivatives.jet import Immersion
from warpline.geometry.derivatives.power_of_two import power_of_two
from warpline.geometry.riemannian.connection import check_rank, second_derivatives, tangent_frame
from warpline.geometry.riemannian.grid_spacing import checked_spacing
from warpline.geometry.riemannian.unit_scale import in_unit, unit_of

__all__ = [
    "CoarseGridError",
    "GridCurvature",
    "curvature_from_grid",
    "gaussian_curvature",
    "mean_curvature_vector",
    "scalar_curvature",
    "second_fundamental_form",
    "sectional_curvature",
]


def _forms(immersion: Immersion, kappa: Tensor) -> tuple[Tensor, Tensor, float]:
    """Return R of A = Q R, (point, coordinate, coordinate), h_ij of the coordinate directions, and a unit.

    The unit is that in which squares of lengths are numbers, mostly 1.
    """
    check_kappa(kappa, immersion.coordinates)
    jet = immersion(kappa, order=2)
    unit = unit_of(jet)
    jet = in_unit(jet, unit)
    second = second_derivatives(jet)
    check_rank(kappa, jet, immersion.coordinates, "a curvature")
    frame = tangent_frame(jet, immersion.coordinates)
    normal = frame.normal_part(second.flatten(1, 2).mT).mT.unflatten(1, second.shape[1:3])
    return frame.triangle / frame.scales, normal, unit


def _second_form(immersion: Immersion, kappa: Tensor) -> tuple[Tensor, float]:
    """Return `second_fundamental_form` times the unit of the states, and this unit."""
    triangle, normal, unit = _forms(immersion, kappa)
    identity = torch.eye(triangle.shape[1], dtype=triangle.dtype, device=triangle.device)
    inverse = torch.linalg.solve_triangular(triangle, identity.expand_as(triangle), upper=True)
    return torch.einsum("pia,piju,pjb->pabu", inverse, normal, inverse), unit


@takes_arrays
def second_fundamental_form(immersion: Immersion, kappa: Tensor) -> Tensor:
    """Return the second fundamental form in an orthonormal frame, from the Gram-Schmidt order of a_i.

    Parameters
    ----------
    immersion : Immersion
    kappa : Tensor, shape (point, coordinate)

    Returns
    -------
    Tensor, shape (point, direction, direction, unit)
        h_ab = h(e_a, e_b) with h_ij = (I - P_T) Phi_ij and e_a = a_i (R^-1)_ia; symmetric.

    Raises
    ------
    DegenerateMetricError
        Where the tangent vectors are linearly dependent, naming the point.
    """
    h, unit = _second_form(immersion, kappa)
    return h / unit


@takes_arrays
def gaussian_curvature(immersion: Immersion, kappa: Tensor) -> Tensor:
    """Return the Gaussian curvature K of a surface (m = 2), shape (point,).

    K = (<h_11, h_22> - |h_12|^2) / det G (the Gauss equation); 1/r^2 on a sphere of radius r.

    Parameters
    ----------
    immersion : Immersion
        With two coordinates.
    kappa : Tensor, shape (point, coordinate)

    Raises
    ------
    ValueError
        When there are not two coordinates.
    DegenerateMetricError
        Where the tangent vectors are linearly dependent, naming the point.
    """
    if len(immersion.coordinates) != 2:
        raise ValueError(
            f"expected two coordinates for a Gaussian curvature, got {len(immersion.coordinates)}: "
            "use scalar_curvature (any number), sectional_curvature, or fix some coordinates"
        )
    h, unit = _second_form(immersion, kappa)
    curvature = (h[:, 0, 0] * h[:, 1, 1]).sum(1) - h[:, 0, 1].square().sum(1)
    return curvature / unit / unit


@takes_arrays
def scalar_curvature(immersion: Immersion, kappa: Tensor) -> Tensor:
    """Return the scalar curvature, shape (point,), for any number of coordinates.

    Scal = |G^ij h_ij|^2 - G^ik G^jl <h_ij, h_kl> (the Gauss equation, traced twice): 2K on a surface,
    m (m - 1) / r^2 on an m-sphere of radius r, 0 on a curve.

    Parameters
    ----------
    immersion : Immersion
    kappa : Tensor, shape (point, coordinate)

    Raises
    ------
    DegenerateMetricError
        Where the tangent vectors are linearly dependent, naming the point.
    """
    h, unit = _second_form(immersion, kappa)
    trace = torch.einsum("paau->pu", h)
    return (trace.square().sum(1) - h.square().sum((1, 2, 3))) / unit / unit


@takes_arrays
def mean_curvature_vector(immersion: Immersion, kappa: Tensor) -> Tensor:
    """Return the extrinsic mean curvature vector G^ij h_ij / m, shape (point, unit).

    How the manifold bends within the state space: 1/r inwards on a sphere. Not intrinsic.

    Parameters
    ----------
    immersion : Immersion
    kappa : Tensor, shape (point, coordinate)

    Raises
    ------
    DegenerateMetricError
        Where the tangent vectors are linearly dependent, naming the point.
    """
    h = second_fundamental_form(immersion, kappa)
    return torch.einsum("paau->pu", h) / h.shape[1]


def _directions(directions: Tensor, kappa: Tensor) -> Tensor:
    """Return directions at each point, scaled by a power of two so that no square of them overflows."""
    if directions.shape not in (kappa.shape, kappa.shape[1:]):
        raise ValueError(
            f"expected directions of shape {tuple(kappa.shape)} or {tuple(kappa.shape[1:])}, got "
            f"{tuple(directions.shape)}"
        )
    check_finite(directions, "directions")
    along = (directions / power_of_two(directions)).to(kappa.dtype)
    return along.expand_as(kappa)


@takes_arrays
def sectional_curvature(
    immersion: Immersion, kappa: Tensor, first: Tensor, second: Tensor
) -> Tensor:
    """Return the sectional curvature of the plane that two directions span at each point.

    K(u, v) = (<h(u,u), h(v,v)> - |h(u,v)|^2) / (|u|^2 |v|^2 - <u,v>^2).

    Parameters
    ----------
    immersion : Immersion
        With at least two coordinates.
    kappa : Tensor, shape (point, coordinate)
    first, second : Tensor, shape (point, coordinate) or (coordinate,)
        Directions in coordinates.

    Returns
    -------
    Tensor, shape (point,)

    Raises
    ------
    ValueError
        Where the directions are parallel, so that they span no plane, not finite, or of another shape.
    DegenerateMetricError
        Where the tangent vectors are linearly dependent, naming the point.
    """
    triangle, normal, unit = _forms(immersion, kappa)
    u, v = (_directions(x, kappa) for x in (first, second))
    directions = torch.stack([u, v], dim=2)
    # The area by QR of the two vectors: the difference of squares loses digits where they are close.
    plane = torch.linalg.qr(triangle @ directions, mode="r")[1]
    parallel = None
    if plane.shape[1] > 1:
        area = plane[:, 0, 0] * plane[:, 1, 1]
        parallel = ~(plane[:, 1, 1].abs() > 1e-8 * plane.abs().amax((1, 2))) | (area == 0)
    if parallel is None or parallel.any():
        raise ValueError(
            "expected two directions that span a plane at every point, got parallel ones"
            + ("" if parallel is None else f" at {int(parallel.sum())} of {len(parallel)} points")
        )
    forms = torch.einsum("piju,pia,pjb->pabu", normal, directions, directions)
    numerator = (forms[:, 0, 0] * forms[:, 1, 1]).sum(1) - forms[:, 0, 1].square().sum(1)
    return numerator / (plane[:, 0, 0] * plane[:, 1, 1]).square() / unit / unit


class CoarseGridError(ValueError):
    """The grid is too coarse to resolve the curvature."""


@dataclass(frozen=True, repr=False)
class GridCurvature(ShortRepr):
    """Curvature from a grid, with an estimate of its error.

    Attributes
    ----------
    curvature : Tensor, shape (row, column)
        K at `rows` and `columns` of the grid: all of a periodic axis, and all but the ends of another.
    rows, columns : Tensor, shape (row,) and (column,)
        Indices into the grid.
    error : float
        Estimate of the largest error of `curvature`: the largest difference from that of every
        second point, along one axis or both. It is Richardson's, a third of that at second order, with
        the safety factor of 3 that Roache (1994) takes for two grids.
    """

    curvature: Tensor
    rows: Tensor
    columns: Tensor
    error: float


def _central_difference(values: Tensor, axis: int, step: float) -> Tensor:
    return (values.roll(-1, axis) - values.roll(1, axis)) / (2 * step)


def _second_difference(values: Tensor, axis: int, step: float) -> Tensor:
    return (values.roll(-1, axis) - 2 * values + values.roll(1, axis)) / step**2


def _brioschi(metric: Tensor, spacing: Sequence[float]) -> Tensor:
    """Return K by Brioschi's formula, central differences that wrap around both axes."""
    e, f, g = metric[..., 0, 0], metric[..., 0, 1], metric[..., 1, 1]
    (e_u, f_u, g_u), (e_v, f_v, g_v) = (
        tuple(_central_difference(x, axis, step) for x in (e, f, g))
        for axis, step in enumerate(spacing)
    )
    f_uv = _central_difference(_central_difference(f, 0, spacing[0]), 1, spacing[1])
    corner = (
        -_second_difference(e, 1, spacing[1]) / 2 + f_uv - _second_difference(g, 0, spacing[0]) / 2
    )
    zero = torch.zeros_like(e)

    def determinant(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return torch.linalg.det(torch.stack([torch.stack(row, -1) for row in rows], -2))

    first = determinant((corner, e_u / 2, f_u - e_v / 2), (f_v - g_u / 2, e, f), (g_v / 2, f, g))
    second = determinant((zero, e_v / 2, g_u / 2), (e_v / 2, e, f), (g_u / 2, f, g))
    return (first - second) / (e * g - f.square()).square()


@takes_arrays
def curvature_from_grid(
    metric: Tensor,
    spacing: Sequence[float],
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
        At a wrong shape, a step that is not above 0, too few points to judge the error, or a metric that
        is not symmetric and positive definite.
    """
    if metric.ndim != 4 or metric.shape[2:] != (2, 2):
        raise ValueError(
            f"expected a metric of shape (row, column, 2, 2), got {tuple(metric.shape)}"
        )
    metric = metric.to(torch.float64)
    spacing = checked_spacing(spacing, 2)
    if len(periodic) != 2 or not tolerance >= 0 or not absolute >= 0:
        raise ValueError(
            "expected periodic for both axes, and a tolerance and an absolute error of at least 0; got "
            f"{periodic!r}, {tolerance} and {absolute}"
        )
    asymmetry = (metric[..., 0, 1] - metric[..., 1, 0]).abs()
    if (asymmetry > 1e-6 * metric.abs().amax((-2, -1))).any():
        raise ValueError("expected a symmetric metric, got one that is not")

    # The error is estimated from every second point: a closed axis must close for these too.
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

    # Differences wrap around both axes, so that values at the ends of an open axis are left out.
    fine = _brioschi(metric, spacing)
    inner_points = [
        torch.arange(0 if closed else 1, count if closed else count - 1)
        for closed, count in zip(periodic, metric.shape[:2], strict=True)
    ]
    error, row, column = max(
        _largest_difference(metric, fine, spacing, periodic, strides, first)
        for strides in ((2, 2), (2, 1), (1, 2))
        for first in itertools.product(range(strides[0]), range(strides[1]))
    )
    curvature = fine[inner_points[0]][:, inner_points[1]]

    # The error goes with the square of the spacing, which says how much finer the grid has to be.
    largest = float(curvature.abs().max())
    allowed = tolerance * largest + absolute
    if not error <= allowed:
        finer = (error / allowed) ** 0.5 if allowed > 0 else float("inf")
        # On a flat metric, all of |K| is error, and falls with it: no grid is fine enough.
        flat = "; a flat metric needs absolute" if error > largest / 2 else ""
        raise CoarseGridError(
            f"expected an error of at most {allowed:.3g} (largest |K| {largest:.3g}), got an estimated "
            f"{error:.3g} at row {row}, column {column}, from every second point: take a grid at "
            f"least {finer:.2g} times as fine, or gaussian_curvature, which needs no grid{flat}"
        )
    return GridCurvature(curvature, inner_points[0], inner_points[1], error)


def _largest_difference(
    metric: Tensor,
    fine: Tensor,
    spacing: Sequence[float],
    periodic: Sequence[bool],
    strides: tuple[int, int],
    first: tuple[int, int],
) -> tuple[float, int, int]:
    """Return the largest difference from the curvature of fewer points, and its row and column.

    Of those that begin with the row and column `first`, and of `strides`; -1 where these are too few.
    """
    coarse = _brioschi(
        metric[first[0] :: strides[0], first[1] :: strides[1]],
        [stride * step for stride, step in zip(strides, spacing, strict=True)],
    )
    # Those whose neighbours are on the grid.
    kept = [
        torch.arange(count) if closed else torch.arange(1, count - 1)
        for closed, count in zip(periodic, coarse.shape, strict=True)
    ]
    if not all(map(len, kept)):
        return -1.0, 0, 0
    rows, columns = (
        stride * index + start for stride, index, start in zip(strides, kept, first, strict=True)
    )
    difference = (fine[rows][:, columns] - coarse[kept[0]][:, kept[1]]).abs()
    i, j = divmod(int(difference.argmax()), len(columns))
    return float(difference.max()), int(rows[i]), int(columns[j])
