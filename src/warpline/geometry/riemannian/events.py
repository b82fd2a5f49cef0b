"""Where a geodesic ends before its length is up: at the edge of the domain, or where rank is lost."""

from __future__ import annotations

import torch
from torch import Tensor

from warpline.geometry.derivatives.input_manifold import Coordinate
from warpline.geometry.derivatives.jet import Immersion
from warpline.geometry.riemannian.connection import RANK_TOLERANCE, domain_lengths
from warpline.geometry.riemannian.runge_kutta import Step

__all__ = ["extreme_singular_values", "first_exit", "first_rank_loss"]

#: Places within a step at which the domain is looked at.
LOOKS = 8
BISECTIONS = 45
#: How far out is still in, in fractions of the domain: rounding.
SLACK = 1e-10


def extreme_singular_values(
    tangents: Tensor, coordinates: tuple[Coordinate, ...]
) -> tuple[Tensor, Tensor]:
    """Return the smallest and largest singular value, (curve,) each, of the scaled tangent vectors."""
    scaled = tangents * domain_lengths(coordinates, tangents)[:, None]
    values = torch.linalg.svdvals(torch.linalg.qr(scaled.mT, mode="r")[1])
    return values[:, -1], values[:, 0]


def first_exit(step: Step, bounds: Tensor, scales: Tensor) -> Tensor:
    """Return the fraction of the step at which each curve leaves, shape (curve,); infinite if it stays.

    Parameters
    ----------
    step : Step
        Its first variables are the coordinates.
    bounds : Tensor, shape (2, coordinate)
    scales : Tensor, shape (coordinate,)
    """
    low, high = bounds[0] - SLACK * scales, bounds[1] + SLACK * scales

    def outside(fraction: Tensor) -> Tensor:
        kappa = step.at(fraction)[..., : len(scales)]
        return ((kappa < low) | (kappa > high)).any(-1)

    looks = torch.arange(1, LOOKS + 1, device=step.size.device, dtype=step.size.dtype) / LOOKS
    out = outside(looks.expand(len(step.size), LOOKS))
    left = out.any(1)
    upper = looks[out.to(torch.int8).argmax(1)]
    lower = upper - 1 / LOOKS
    for _ in range(BISECTIONS if left.any() else 0):
        middle = (lower + upper) / 2
        beyond = outside(middle)
        lower, upper = torch.where(beyond, lower, middle), torch.where(beyond, middle, upper)
    return torch.where(left, lower, torch.inf)


def first_rank_loss(
    step: Step, immersion: Immersion, before: Tensor, after: Tensor, largest: Tensor
) -> Tensor:
    """Return where within the step the metric loses rank, shape (curve,); infinite if it does not.

    A step may jump over a point at which the tangent vectors are dependent, as a meridian does over the
    pole: the frames on the two sides then have opposite orientations, det(A_0 A_1') < 0.

    Parameters
    ----------
    step : Step
    immersion : Immersion
    before, after : Tensor, shape (curve, coordinate, unit)
        Tangent vectors at the ends of the step.
    largest : Tensor, shape (curve,)
        Largest singular value of the scaled tangent vectors so far.
    """
    m = before.shape[1]

    def lost(tangents: Tensor, reference: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        smallest, _ = extreme_singular_values(tangents, immersion.coordinates)
        turned = torch.linalg.det(reference @ tangents.mT) <= 0
        return turned | (smallest < RANK_TOLERANCE * scale), smallest / scale

    suspect, ratio = lost(after, before, largest)
    fraction = torch.full_like(step.size, torch.inf)
    which = suspect.nonzero()[:, 0]
    if not len(which):
        return fraction
    part, reference, scale, least = step[which], before[which], largest[which], ratio[which]
    lower, upper = torch.zeros_like(part.size), torch.ones_like(part.size)
    for _ in range(BISECTIONS):
        middle = (lower + upper) / 2
        beyond, value = lost(immersion(part.at(middle)[:, :m]).first, reference, scale)
        lower, upper = torch.where(beyond, lower, middle), torch.where(beyond, middle, upper)
        least = torch.where(beyond, value, least)
    # Otherwise the tangent space has only turned by more than a right angle within the step.
    fraction[which] = torch.where(least < RANK_TOLERANCE * (1 + 1e-3), upper, torch.inf)
    return fraction
