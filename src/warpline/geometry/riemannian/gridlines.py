"""Geodesic gridlines of a surface: lines at equal distances on the states, drawn in coordinates."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import takes_arrays
from warpline.geometry.derivatives.input_manifold import Coordinate
from warpline.geometry.derivatives.jet import Immersion
from warpline.geometry.riemannian.connection import describe
from warpline.geometry.riemannian.geodesics import Geodesics, geodesics_from
from warpline.geometry.riemannian.unit_scale import ScaledImmersion, unit_of

__all__ = ["Gridlines", "geodesic_gridlines"]

BASE_POINTS = 301
MOST_LINES = 1000
#: Points along each coordinate at which the size of the surface is estimated.
SIZE_POINTS = 5
#: Largest length of a line, in units of that size.
LONGEST = 3.0
#: Base lines shorter than this fraction of the largest length are refused.
SHORTEST = 1e-6


@dataclass(frozen=True, repr=False)
class Gridlines(ShortRepr):
    """Two families of geodesics, each at right angles to a base line and evenly spaced along it.

    Attributes
    ----------
    kappa : Tensor, shape (line, point, coordinate)
        From one end to the other; the middle point lies on the base line. Evenly spaced in arc length
        on either side of it.
    family : Tensor, shape (line,)
        0 or 1: across base line 0, which starts along the first coordinate, or across base line 1, which
        starts at right angles to it.
    offset : Tensor, shape (line,)
        Arc length along the base line from the origin, signed. Line 0 of a family is the other's base.
    length : Tensor, shape (line, 2)
        Arc length of each line before and after the base line.
    status : tuple of (str, str)
        How each line ends, before and after the base line (see `Geodesics.status`).
    spacing : tuple of float
        Arc length between the lines of each family, on the base line.
    evaluations : int
        Of the immersion at second order.
    """

    kappa: Tensor
    family: Tensor
    offset: Tensor
    length: Tensor
    status: tuple[tuple[str, str], ...]
    spacing: tuple[float, float]
    evaluations: int


@takes_arrays
def geodesic_gridlines(
    immersion: Immersion,
    origin: Tensor | None = None,
    *,
    count: int | tuple[int, int] = 11,
    spacing: float | tuple[float, float] | None = None,
    points: int = 51,
    tolerance: float = 1e-4,
    progress: bool = False,
) -> Gridlines:
    """Draw geodesic gridlines over the domain of a surface.

    Two geodesics through the origin, at right angles, are the base lines. From points evenly spaced in
    arc length on each, geodesics at right angles to it run to the edge of the domain on either side.
    Where the states are stretched, lines crowd in kappa. A periodic coordinate is cut opposite the
    origin. (Pellegrino and Chadwick 2025 draw such lines on the states at a fixed time.)

    Parameters
    ----------
    immersion : Immersion
        Of two coordinates, such as the states at one time step.
    origin : Tensor, shape (coordinate,), optional
        By default the middle of the domain.
    count : int or pair of int
        An int: lines across the longer base line; those across the other have the same arc length
        between them. A pair: lines across each base line. (One more where the ends fall on lines.)
    spacing : float or pair of float, optional
        Arc length between lines, instead of a count.
    points : int
        Per line, on each side of the base line.
    tolerance : float
        Of `geodesics_from`. The default suits figures: lines may be off by some ten-thousandths of the domain
        at their far ends.
    progress : bool
        Whether to show bars.

    Raises
    ------
    ValueError
        When the surface has not two coordinates, or the count or spacing makes no lines.
    DegenerateMetricError
        When the metric is degenerate at the origin, or where a line would start, naming the point.
    """
    coordinates = immersion.coordinates
    if len(coordinates) != 2:
        raise ValueError(f"expected two coordinates for gridlines, got {len(coordinates)}")
    if origin is None:
        origin = torch.tensor([(c.low + c.high) / 2 for c in coordinates], dtype=torch.float64)
    is_common = isinstance(count, numbers.Integral)
    counts = _pair(count)
    if not all(isinstance(one, numbers.Integral) and 1 <= int(one) <= MOST_LINES for one in counts):
        raise ValueError(
            f"expected a count of lines from 1 to {MOST_LINES}, or a pair of counts, got {count!r}"
        )
    if origin.shape != (2,):
        raise ValueError(f"expected an origin of two coordinates, got shape {tuple(origin.shape)}")
    # All is computed where the immersion's derivatives are, on a GPU perhaps.
    at_origin = immersion(origin[None].to(torch.float64))
    origin = origin.to(at_origin.first.device)
    # Directions at right angles come from the metric, whose entries are squares of lengths.
    unit = unit_of(at_origin)
    if unit != 1:
        immersion = ScaledImmersion(immersion, unit)
    if unit != 1 and spacing is not None:
        spacing = (_pair(spacing)[0] / unit, _pair(spacing)[1] / unit)
    bounds = _bounds_about(coordinates, origin)
    longest = _longest(immersion, bounds)

    def both_sides(start: Tensor, direction: Tensor, points: int) -> Geodesics:
        """Return geodesics on both sides: all forward, then all backward."""
        return geodesics_from(
            immersion,
            torch.cat([start, start]),
            torch.cat([direction, -direction]),
            longest,
            points=points,
            tolerance=tolerance,
            bounds=bounds,
            progress=progress,
        )

    # Base line 0 starts along the first coordinate, base line 1 at right angles to it.
    centre = origin[None].to(torch.float64)
    along = centre.new_tensor([[1.0, 0.0]])
    axes = torch.cat([along, _across(immersion, centre, along)])
    base = both_sides(centre.expand(2, -1), axes, BASE_POINTS)
    reach = base.length.unflatten(0, (2, 2))
    if not (reach.sum(0) > SHORTEST * longest).all():
        raise ValueError(
            f"expected an origin inside the domain, got {describe(origin, coordinates)}, from where a base "
            "line leaves it at once"
        )

    # Starts of the lines, evenly spaced on both sides of each base line. The origin counts once.
    gaps = _gaps(reach.sum(0), counts, is_common, spacing)
    starts, directions, family, offset = [], [], [], []
    for base_line, gap in enumerate(gaps):
        for side, sign in enumerate((1, -1)):
            number = int(reach[side, base_line] / gap * (1 + 1e-9))
            steps = gap * torch.arange(side, number + 1, dtype=torch.float64, device=origin.device)
            steps = steps.clamp(max=float(reach[side, base_line]))
            kappa, velocity = base.at(2 * side + base_line, steps)
            starts.append(kappa)
            directions.append(sign * velocity)
            family.append(torch.full_like(steps, base_line, dtype=torch.int64))
            offset.append(sign * steps)
    start, families, offsets = torch.cat(starts), torch.cat(family), torch.cat(offset)

    # By family, then by offset, which is scaled to at most 1/4 to stay within its family.
    order = (families + offsets / (4 * offsets.abs().max().clamp(min=1e-300))).argsort()
    start, direction = start[order], torch.cat(directions)[order]
    # Splines may be outside by rounding.
    start = start.clamp(bounds[0], bounds[1])
    lines = both_sides(start, _across(immersion, start, direction), points)

    # A line runs from the end of its backward side to the end of its forward side.
    n_lines = len(start)
    return Gridlines(
        kappa=torch.cat([lines.kappa[n_lines:].flip(1), lines.kappa[:n_lines, 1:]], dim=1),
        family=families[order],
        offset=offsets[order] * unit,
        length=lines.length.unflatten(0, (2, n_lines)).T.flip(1) * unit,
        status=tuple(zip(lines.status[n_lines:], lines.status[:n_lines], strict=True)),
        spacing=(gaps[0] * unit, gaps[1] * unit),
        evaluations=base.evaluations + lines.evaluations,
    )


def _bounds_about(coordinates: tuple[Coordinate, ...], origin: Tensor) -> Tensor:
    """Return the ends of the domain, shape (2, coordinate), a periodic one's cut opposite the origin."""
    ends = [
        (float(centre) - (c.high - c.low) / 2, float(centre) + (c.high - c.low) / 2)
        if c.periodic
        else (c.low, c.high)
        for c, centre in zip(coordinates, origin, strict=True)
    ]
    return torch.tensor(ends, dtype=torch.float64, device=origin.device).T


def _longest(immersion: Immersion, bounds: Tensor) -> float:
    """Return a length that no line across the domain should need: a longer line goes round in circles."""
    fractions = torch.linspace(0, 1, SIZE_POINTS, dtype=bounds.dtype, device=bounds.device)
    axes = [low + (high - low) * fractions for low, high in bounds.T]
    speeds = immersion(torch.cartesian_prod(*axes)).first.norm(dim=2).amax(0)
    return LONGEST * float((speeds * (bounds[1] - bounds[0])).sum())


def _across(immersion: Immersion, kappa: Tensor, direction: Tensor) -> Tensor:
    """Return directions at right angles to others in the metric, a quarter turn on, (point, 2)."""
    covector = (immersion(kappa).metric @ direction[:, :, None])[:, :, 0]
    return torch.stack([-covector[:, 1], covector[:, 0]], dim=1)


def _pair(value: Any) -> tuple[Any, Any]:
    """Return a pair as it is, and one value twice.

    Raises
    ------
    ValueError
        When there are more or fewer than two.
    """
    pair = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"expected one value for both base lines, or a pair, got {value!r}")
    return pair


def _gaps(
    lengths: Tensor,
    counts: tuple[int, int],
    common: bool,
    spacing: float | tuple[float, float] | None,
) -> tuple[float, float]:
    """Return the arc length between the lines across each base line.

    Raises
    ------
    ValueError
        When the spacing is not positive, or makes too many lines.
    """
    if spacing is not None:
        gaps = _pair(spacing)
        if not min(gaps) > 0 or float((lengths / lengths.new_tensor(gaps)).max()) > MOST_LINES:
            raise ValueError(
                f"expected a spacing that makes at most {MOST_LINES} lines across base lines of lengths "
                f"{float(lengths[0]):.4g} and {float(lengths[1]):.4g}, got {spacing}"
            )
        return gaps
    each = (float(lengths[0]) / counts[0], float(lengths[1]) / counts[1])
    return (max(each), max(each)) if common else each
