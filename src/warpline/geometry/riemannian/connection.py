"""The Levi-Civita connection of a pullback metric: Christoffel symbols, and a test for degeneracy.

All of it comes from the tangent vectors A = [a_1 .. a_m] and the second derivatives Phi_ij of the
immersion by a QR decomposition of A: the metric G = A'A is never inverted, which would square the
condition number, and never differentiated on a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import check_finite, takes_arrays
from warpline.geometry.derivatives.input_manifold import Coordinate
from warpline.geometry.derivatives.jet import Immersion, Jet

__all__ = [
    "RANK_TOLERANCE",
    "DegenerateMetricError",
    "Frame",
    "christoffel_symbols",
    "christoffel_symbols_of_the_first_kind",
    "rank_ratio",
    "tangent_frame",
]

#: Difference of states after a period that is rounding, of single precision too, as a share of their size.
_LARGEST_SEAM = 1e-5
#: Below this ratio of the singular values of the scaled A the metric counts as degenerate.
RANK_TOLERANCE = 1e-6


class DegenerateMetricError(ValueError):
    """The tangent vectors are linearly dependent (pseudo-Riemannian in Pellegrino and Chadwick 2025)."""


@dataclass(frozen=True, repr=False)
class Frame(ShortRepr):
    """An orthonormal frame of the tangent spaces: the scaled A = A diag(s) = Q R.

    Attributes
    ----------
    basis : Tensor, shape (point, unit, coordinate)
        Q.
    triangle : Tensor, shape (point, coordinate, coordinate)
        R, upper triangular.
    scales : Tensor, shape (coordinate,)
        s_i, the lengths of the coordinates' domains, so that nothing depends on the units of kappa.
    """

    basis: Tensor
    triangle: Tensor
    scales: Tensor

    def coordinates_of(self, vectors: Tensor) -> Tensor:
        """Return A^+ w by back substitution, (point, unit, vector) to (point, coordinate, vector)."""
        scaled = torch.linalg.solve_triangular(self.triangle, self.basis.mT @ vectors, upper=True)
        return self.scales[:, None] * scaled

    def normal_part(self, vectors: Tensor) -> Tensor:
        """Return the part of vectors orthogonal to the manifold, both (point, unit, vector)."""
        return vectors - self.basis @ (self.basis.mT @ vectors)

    def singular_values(self) -> Tensor:
        """Return those of the scaled A, descending, shape (point, coordinate)."""
        return torch.linalg.svdvals(self.triangle)


def domain_lengths(coordinates: tuple[Coordinate, ...], like: Tensor) -> Tensor:
    """Return the lengths of the coordinates' domains, shape (coordinate,)."""
    return like.new_tensor([c.high - c.low for c in coordinates])


def tangent_frame(jet: Jet, coordinates: tuple[Coordinate, ...]) -> Frame:
    """Return the orthonormal frame of each point's tangent space.

    Parameters
    ----------
    jet : Jet
        Of first order at least.
    coordinates : tuple of Coordinate
        Whose domains set the scales.

    Raises
    ------
    DegenerateMetricError
        When there are fewer units than coordinates.
    """
    if jet.first.shape[2] < jet.first.shape[1]:
        raise DegenerateMetricError(
            f"expected at least as many units as coordinates ({jet.first.shape[1]}), "
            f"got {jet.first.shape[2]}: the metric has no full rank anywhere"
        )
    scales = domain_lengths(coordinates, jet.first)
    basis, triangle = torch.linalg.qr(jet.first.mT * scales)
    return Frame(basis, triangle, scales)


def rank_ratio(jet: Jet, coordinates: tuple[Coordinate, ...]) -> Tensor:
    """Return how far each point's metric is from degenerate, shape (point,).

    sigma_min / sigma_max of the scaled A, in [0, 1]; 0 where a tangent vector is not finite. With one
    coordinate: its length over the longest of the batch, as a single vector has no ratio of its own.
    """
    # LAPACK refuses what is not finite.
    infinite = ~torch.isfinite(jet.first).flatten(1).all(1)
    first = torch.where(infinite[:, None, None], 0.0, jet.first)
    values = tangent_frame(Jet(jet.value, first), coordinates).singular_values()
    largest = values[:, 0] if values.shape[1] > 1 else values.amax().expand(len(values))
    return torch.where(largest > 0, values[:, -1] / largest, 0.0)


def check_rank(kappa: Tensor, jet: Jet, coordinates: tuple[Coordinate, ...], purpose: str) -> None:
    """Make sure that no point's metric is degenerate.

    Parameters
    ----------
    kappa : Tensor, shape (point, coordinate)
    jet : Jet
    coordinates : tuple of Coordinate
    purpose : str
        What the full rank is needed for, as in "a curvature".

    Raises
    ------
    DegenerateMetricError
        Naming the worst point.
    ValueError
        Where the tangent vectors are not finite.
    """
    check_finite(jet.first, "tangent vectors")
    ratio = rank_ratio(jet, coordinates)
    lost = ratio < RANK_TOLERANCE
    if lost.any():
        worst = int(ratio.argmin())
        raise DegenerateMetricError(
            f"expected a metric of full rank for {purpose}, got {int(lost.sum())} of {len(ratio)} points "
            f"where sigma_min/sigma_max of the tangent vectors is below {RANK_TOLERANCE:g}; the worst, "
            f"{describe(kappa[worst], coordinates)}, has {float(ratio[worst]):.1e}. Leave such points out "
            "(see rank_ratio), take a later time step, or drop the coordinate that moves nothing"
        )


def check_periods(immersion: Immersion, kappa: Tensor, jet: Jet) -> None:
    """Make sure that states are the same after a period, where curves run on past the end of the domain.

    Parameters
    ----------
    immersion : Immersion
    kappa : Tensor, shape (point, coordinate)
    jet : Jet
        Of these points.

    Raises
    ------
    ValueError
        Naming a coordinate that is periodic, of which the states are not.
    """
    for k, coordinate in enumerate(immersion.coordinates):
        if not coordinate.periodic or not len(kappa):
            continue
        period = coordinate.high - coordinate.low
        shift = torch.zeros_like(kappa)
        shift[:, k] = torch.where(
            kappa[:, k] > (coordinate.low + coordinate.high) / 2, -period, period
        )
        change = (immersion(kappa + shift).value - jet.value).norm(dim=1)
        size = jet.first[:, k].norm(dim=1) * period + jet.value.norm(dim=1)
        worst = int(change.argmax())
        if change[worst] > _LARGEST_SEAM * size.max():
            raise ValueError(
                f"expected the same states after a period of {coordinate.name}, {period:g}, got states "
                f"{float(change[worst]):.3g} apart from those at "
                f"{describe(kappa[worst], immersion.coordinates)}. Leave out periodic, or correct its ends"
            )


def describe(point: Tensor, coordinates: tuple[Coordinate, ...]) -> str:
    """Return a point in words, such as ``angle = 0.5, strength = 1``."""
    return ", ".join(
        f"{c.name} = {value:.6g}" for c, value in zip(coordinates, point.tolist(), strict=True)
    )


def second_derivatives(jet: Jet) -> Tensor:
    """Return Phi_ij, shape (point, coordinate, coordinate, unit).

    Raises
    ------
    ValueError
        When the jet is of first order.
    """
    if jet.second is None:
        raise ValueError(
            "expected a jet of second order (immersion(kappa, order=2)), got one of first"
        )
    return jet.second


def christoffel_symbols_of_the_first_kind(jet: Jet) -> Tensor:
    """Return Gamma_{l,ij} = <a_l, Phi_ij>, shape (point, coordinate l, coordinate i, coordinate j)."""
    return torch.einsum("plu,piju->plij", jet.first, second_derivatives(jet))


@takes_arrays
def christoffel_symbols(kappa: Tensor, jet: Jet, coordinates: tuple[Coordinate, ...]) -> Tensor:
    """Return the Christoffel symbols of the second kind, Gamma^k_ij = G^{kl} <a_l, Phi_ij>.

    Gamma_ij = A^+ Phi_ij, by QR of A.

    Parameters
    ----------
    kappa : Tensor, shape (point, coordinate)
        Points of the jet, named in the error.
    jet : Jet
        Of second order.
    coordinates : tuple of Coordinate

    Returns
    -------
    Tensor, shape (point, coordinate k, coordinate i, coordinate j)

    Raises
    ------
    DegenerateMetricError
        Where the tangent vectors are linearly dependent, naming the point.
    """
    second = second_derivatives(jet)
    check_rank(kappa, jet, coordinates, "Christoffel symbols")
    symbols = tangent_frame(jet, coordinates).coordinates_of(second.flatten(1, 2).mT)
    return symbols.unflatten(2, second.shape[1:3])
