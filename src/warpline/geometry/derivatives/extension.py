"""An immersion continued past the edge of its domain, without being evaluated there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from warpline.geometry.derivatives.input_manifold import Coordinate
from warpline.geometry.derivatives.jet import Immersion, Jet

__all__ = ["Extended", "domain_bounds"]


def domain_bounds(coordinates: tuple[Coordinate, ...], like: Tensor) -> Tensor:
    """Return the ends of the domain, shape (2, coordinate), infinite where a coordinate is periodic."""
    ends = [(-torch.inf, torch.inf) if c.periodic else (c.low, c.high) for c in coordinates]
    return like.new_tensor(ends).T


@dataclass(frozen=True)
class Extended:
    """An immersion that is continued by its Taylor polynomial at the nearest point of the domain.

    The last step of a curve that leaves the domain has stages outside it, where a network may have no
    inputs and a function no values. What is found outside is never part of a result.
    """

    immersion: Immersion

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """Those of the immersion."""
        return self.immersion.coordinates

    def __call__(self, kappa: Tensor, order: int = 1) -> Jet:
        """Return the jet, exact within the domain."""
        bounds = domain_bounds(self.coordinates, kappa)
        inside = kappa.clamp(bounds[0], bounds[1])
        jet = self.immersion(inside, order=order)
        out = kappa - inside
        if not out.any():
            return jet
        first, second = jet.first, jet.second
        value = jet.value + torch.einsum("pi,piu->pu", out, first)
        if second is not None:
            bend = torch.einsum("pi,piju->pju", out, second)
            value = value + torch.einsum("pj,pju->pu", out, bend) / 2
            first = first + bend
        return Jet(value, first, second)
