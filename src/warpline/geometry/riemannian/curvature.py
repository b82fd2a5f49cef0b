"""Curvature of a manifold of states, by the Gauss equation from its second fundamental form.

In an orthonormal frame e_a of the tangent space, the second fundamental form h_ab is the normal part
of the second derivatives: the intrinsic curvature follows from it algebraically, K = <h_11, h_22> -
|h_12|^2 for surfaces, so that no metric is differentiated.
"""

from __future__ import annotations

import torch
from torch import Tensor

from warpline.geometry.derivatives.input_manifold import check_kappa
from warpline.geometry.derivatives.jet import Immersion
from warpline.geometry.riemannian.connection import check_rank, second_derivatives, tangent_frame

__all__ = [
    "gaussian_curvature",
    "mean_curvature_vector",
    "scalar_curvature",
    "second_fundamental_form",
    "sectional_curvature",
]


def _forms(immersion: Immersion, kappa: Tensor) -> tuple[Tensor, Tensor]:
    """Return the triangle R of the scaled A = Q R, times 1/s, and h_ij of the coordinate directions."""
    check_kappa(kappa, immersion.coordinates)
    jet = immersion(kappa, order=2)
    second = second_derivatives(jet)
    check_rank(kappa, jet, immersion.coordinates, "a curvature")
    frame = tangent_frame(jet, immersion.coordinates)
    normal = frame.normal_part(second.flatten(1, 2).mT).mT.unflatten(1, second.shape[1:3])
    return frame.triangle / frame.scales, normal


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
    triangle, normal = _forms(immersion, kappa)
    identity = torch.eye(triangle.shape[1], dtype=triangle.dtype, device=triangle.device)
    inverse = torch.linalg.solve_triangular(triangle, identity.expand_as(triangle), upper=True)
    return torch.einsum("pia,piju,pjb->pabu", inverse, normal, inverse)


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
    h = second_fundamental_form(immersion, kappa)
    return (h[:, 0, 0] * h[:, 1, 1]).sum(1) - h[:, 0, 1].square().sum(1)


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
    h = second_fundamental_form(immersion, kappa)
    trace = torch.einsum("paau->pu", h)
    return trace.square().sum(1) - h.square().sum((1, 2, 3))


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
        Where the directions are parallel, so that they span no plane.
    DegenerateMetricError
        Where the tangent vectors are linearly dependent, naming the point.
    """
    triangle, normal = _forms(immersion, kappa)
    u, v = (x.to(kappa.dtype).expand_as(kappa) for x in (first, second))
    lengths = torch.stack([u, v], dim=2)
    # The area by QR of the two vectors: the difference of squares loses digits where they are close.
    plane = torch.linalg.qr(triangle @ lengths, mode="r")[1]
    flat = plane[:, 1, 1].abs() <= 1e-8 * plane.abs().amax((1, 2)) if plane.shape[1] > 1 else None
    if flat is None or flat.any():
        raise ValueError(
            "expected two directions that span a plane at every point, got parallel ones"
            + ("" if flat is None else f" at {int(flat.sum())} of {len(flat)} points")
        )
    forms = torch.einsum("piju,pia,pjb->pabu", normal, lengths, lengths)
    above = (forms[:, 0, 0] * forms[:, 1, 1]).sum(1) - forms[:, 0, 1].square().sum(1)
    return above / (plane[:, 0, 0] * plane[:, 1, 1]).square()
