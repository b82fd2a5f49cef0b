"""Immersions in another unit of the states, where squares of lengths would leave the range of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from warpline.geometry.derivatives.input_manifold import Coordinate
from warpline.geometry.derivatives.jet import Immersion, Jet

__all__ = ["ScaledImmersion", "in_unit", "unit_of"]


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


def in_unit(jet: Jet, unit: float) -> Jet:
    """Return a jet with its states, and their derivatives, in a unit; as it is where the unit is 1."""
    if unit == 1:
        return jet
    second = None if jet.second is None else jet.second / unit
    return Jet(jet.value / unit, jet.first / unit, second)


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
        return in_unit(self.immersion(kappa, order=order), self.unit)
