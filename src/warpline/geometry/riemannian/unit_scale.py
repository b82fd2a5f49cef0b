"""Immersions in another unit of the states, where squares of lengths would leave the range of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from warpline.geometry.derivatives.input_manifold import Coordinate
from warpline.geometry.derivatives.jet import Immersion, Jet

__all__ = ["ScaledImmersion", "unit_of"]


def unit_of(jet: Jet) -> float:
    """Return a unit of the states in which squares of lengths are numbers: a power of two, mostly 1.

    Lengths whose fourth powers are numbers keep the unit 1. Dividing by a power of two loses no digit.

    Parameters
    ----------
    jet : Jet
        Where the geometry is asked for.
    """
    finite = jet.first[torch.isfinite(jet.first)].abs()
    largest = float(finite.amax()) if finite.numel() else 0.0
    limits = torch.finfo(jet.first.dtype)
    if largest == 0 or limits.tiny**0.25 <= largest <= limits.max**0.25:
        return 1.0
    return math.ldexp(1.0, min(math.frexp(largest)[1], 1023))


@dataclass(frozen=True)
class ScaledImmersion:
    """An immersion with its states, and their derivatives, in a unit."""

    immersion: Immersion
    unit: float

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """Those of the immersion."""
        return self.immersion.coordinates

    def __call__(self, kappa: torch.Tensor, order: int = 1) -> Jet:
        """Return the jet in the unit."""
        jet = self.immersion(kappa, order=order)
        second = None if jet.second is None else jet.second / self.unit
        return Jet(jet.value / self.unit, jet.first / self.unit, second)
