"""Geodesic gridlines: the graph paper of a warped surface, drawn in its coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from warpline.geometry.derivatives.input_manifold import Coordinate
from warpline.geometry.derivatives.jet import Immersion
from warpline.geometry.riemannian.connection import describe
from warpline.geometry.riemannian.geodesics import Geodesics, geodesics_from

__all__ = ["Gridlines", "geodesic_gridlines"]

BASE_POINTS = 301
MOST_LINES = 1000
#: The domain is looked at in so many places along each coordinate, for its size.
LOOKS = 5
LONGEST = 3.0
#: A base line below this part of that is none.
SHORTEST = 1e-6


@dataclass(frozen=True)
class Gridlines:
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
        How each line ends on either side (see `Geodesics.status`).
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
    """Draw geodesic gridlines over the domain of a surface, as paper B does on slices at fixed time.

    Two base lines, geodesics through the origin at right angles; from points evenly spaced in arc length
    on each, geodesics at right angles to it, both ways, to the edge of the domain. Where the states are
    stretched, lines crowd in kappa. A periodic coordinate is cut opposite the origin.

    Parameters
    ----------
    immersion : Immersion
        Of two coordinates, such as a slice of the states at one moment.
    origin : Tensor, shape (coordinate,), optional
        By default the middle of the domain.
    count : int or pair of int
        Lines across the longer base line, with the same arc length between the lines of the other
        family; or of each family, with an arc length each. (One more where the ends fall on lines.)
    spacing : float or pair of float, optional
        Arc length between lines, instead of a count.
    points : int
        Per line, on each side of the base line.
    tolerance : float
        Of `geodesics_from`; loose enough for lines to look at, which may then be off by some thousandths
        of the domain at their far ends.
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
    counts = (count, count) if isinstance(count, int) else count
    if min(counts) < 1:
        raise ValueError(f"expected a count of at least 1, got {count}")
    bounds = _cut(coordinates, origin)
    longest = _longest(immersion, bounds)

    def follow(start: Tensor, direction: Tensor, points: int) -> Geodesics:
        """Follow both ways: all forward, then all backward."""
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

    middle = origin[None].to(torch.float64)
    along = middle.new_tensor([[1.0, 0.0]])
    axes = torch.cat([along, _across(immersion, middle, along)])
    base = follow(middle.expand(2, -1), axes, BASE_POINTS)
    reach = base.length.unflatten(0, (2, 2))
    if not (reach.sum(0) > SHORTEST * longest).all():
        raise ValueError(
            f"expected an origin inside the domain, got {describe(origin, coordinates)}, from where a base "
            "line leaves it at once"
        )
    gaps = _gaps(reach.sum(0), counts, isinstance(count, int), spacing)
    starts, directions, family, offset = [], [], [], []
    for which, gap in enumerate(gaps):
        for side, sign in enumerate((1, -1)):
            number = int(reach[side, which] / gap * (1 + 1e-9))
            steps = gap * torch.arange(side, number + 1, dtype=torch.float64)
            steps = steps.clamp(max=float(reach[side, which]))
            kappa, velocity = base.at(2 * side + which, steps)
            starts.append(kappa)
            directions.append(sign * velocity)
            family.append(torch.full((len(steps),), which))
            offset.append(sign * steps)
    start, families, offsets = torch.cat(starts), torch.cat(family), torch.cat(offset)
    order = (families + offsets / (4 * offsets.abs().max().clamp(min=1e-300))).argsort()
    start, direction = start[order], torch.cat(directions)[order]
    # Splines may be outside by rounding.
    start = start.clamp(bounds[0], bounds[1])
    lines = follow(start, _across(immersion, start, direction), points)
    number = len(start)
    return Gridlines(
        kappa=torch.cat([lines.kappa[number:].flip(1), lines.kappa[:number, 1:]], dim=1),
        family=families[order],
        offset=offsets[order],
        length=lines.length.unflatten(0, (2, number)).T.flip(1),
        status=tuple(zip(lines.status[number:], lines.status[:number], strict=True)),
        spacing=gaps,
        evaluations=base.evaluations + lines.evaluations,
    )


def _cut(coordinates: tuple[Coordinate, ...], origin: Tensor) -> Tensor:
    """Return the ends of the domain, shape (2, coordinate), a periodic one's cut opposite the origin."""
    ends = [
        (float(at) - (c.high - c.low) / 2, float(at) + (c.high - c.low) / 2)
        if c.periodic
        else (c.low, c.high)
        for c, at in zip(coordinates, origin, strict=True)
    ]
    return torch.tensor(ends, dtype=torch.float64).T


def _longest(immersion: Immersion, bounds: Tensor) -> float:
    """Return a length that no line across the domain should need: a line that goes on turns in circles."""
    looks = torch.linspace(0, 1, LOOKS, dtype=bounds.dtype)
    axes = [low + (high - low) * looks for low, high in bounds.T]
    speeds = immersion(torch.cartesian_prod(*axes)).first.norm(dim=2).amax(0)
    return LONGEST * float((speeds * (bounds[1] - bounds[0])).sum())


def _across(immersion: Immersion, kappa: Tensor, direction: Tensor) -> Tensor:
    """Return directions at right angles to others in the metric, a quarter turn on, (point, 2)."""
    covector = (immersion(kappa).metric @ direction[:, :, None])[:, :, 0]
    return torch.stack([-covector[:, 1], covector[:, 0]], dim=1)


def _gaps(
    lengths: Tensor,
    counts: tuple[int, int],
    common: bool,
    spacing: float | tuple[float, float] | None,
) -> tuple[float, float]:
    """Return the arc length between the lines across each base line."""
    if spacing is not None:
        gaps = spacing if isinstance(spacing, tuple) else (spacing, spacing)
        if not min(gaps) > 0 or float((lengths / lengths.new_tensor(gaps)).max()) > MOST_LINES:
            raise ValueError(
                f"expected a spacing that makes at most {MOST_LINES} lines across base lines of lengths "
                f"{float(lengths[0]):.4g} and {float(lengths[1]):.4g}, got {spacing}"
            )
        return gaps
    each = (float(lengths[0]) / counts[0], float(lengths[1]) / counts[1])
    return (max(each), max(each)) if common else each
