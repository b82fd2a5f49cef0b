"""Geodesics between two points, by paths of least energy, and geodesic distance."""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from warpline.console import progress as progress_bar
from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import takes_arrays
from warpline.geometry.derivatives.input_manifold import Coordinate, check_kappa
from warpline.geometry.derivatives.jet import Immersion, TaylorExtension, domain_bounds
from warpline.geometry.derivatives.power_of_two import power_of_two
from warpline.geometry.riemannian.connection import (
    RANK_TOLERANCE,
    check_periods,
    check_rank,
    describe,
    domain_lengths,
)
from warpline.geometry.riemannian.geodesics import (
    DEGENERATE,
    LEFT,
    REACHED,
    SLACK,
    UNRESOLVED,
    extreme_singular_values,
)
from warpline.geometry.riemannian.path_energy import minimise_path_energy
from warpline.geometry.riemannian.unit_scale import ScaledImmersion, unit_of

__all__ = ["ConvergenceError", "GeodesicPaths", "geodesic_distance", "geodesics_between", "wrapped"]

FEWEST_SEGMENTS = 8
#: Fine enough to compare the windings about periodic coordinates.
SEGMENTS_TO_CHOOSE = 32
#: About a periodic coordinate, from the way that is shortest in kappa; 1 is the way about the other side.
TURNS = (0, 1, -1, 2, -2)
ITERATIONS = 300
#: Of a segment, to find where the metric loses its rank; the ratio of singular values that is left there.
_HALVINGS, _FOLDED = 30, 1e-4
#: Difference of a segment from what the tangent vectors at its ends predict, as a fraction of the longest.
LARGEST_MISS = 0.5
#: The same of the straight lines from which paths are relaxed: about 45 degrees of turn in a segment.
MISS_TO_BEGIN = 0.05


class ConvergenceError(RuntimeError):
    """A geodesic was not found to the requested accuracy."""


@dataclass(frozen=True, repr=False)
class GeodesicPaths(ShortRepr):
    """Geodesics between pairs of points.

    Attributes
    ----------
    kappa : Tensor, shape (pair, node, coordinate)
        Evenly spaced in arc length, ends included. Periodic coordinates run on past the ends of their
        domain: the last node is the second point, plus a period for each turn of the path.
    length : Tensor, shape (pair,)
        Arc length, in the units of the states: of the polygon, extrapolated in the segment's square.
    length_error : Tensor, shape (pair,)
        Estimated: the last change by refinement, or what lies between the nodes where this is more.
    energy_defect : Tensor, shape (pair,)
        E / L^2 - 1 of the polygon: 0 at constant speed.
    remaining : Tensor, shape (pair,)
        Estimated distance to the path of least energy, as a fraction of the path's length; infinite where
        the iterations do not converge.
    status : tuple of str
        ``reached``; ``left the domain`` (the path of least energy runs outside it); ``degenerate`` (the
        metric loses rank on the path, as at a fold); ``unresolved`` (less accurate than requested).
    place : Tensor, shape (pair, coordinate)
        Point at which the path first leaves, or is most degenerate; else its end.
    segments, iterations : int
        Of the finest polygon, and of all grids together.
    """

    kappa: Tensor
    length: Tensor
    length_error: Tensor
    energy_defect: Tensor
    remaining: Tensor
    status: tuple[str, ...]
    place: Tensor
    segments: int
    iterations: int


@takes_arrays
def wrapped(kappa: Tensor, coordinates: tuple[Coordinate, ...]) -> Tensor:
    """Return points with periodic coordinates brought into [low, high), shape (..., coordinate)."""
    if not kappa.ndim or kappa.shape[-1] != len(coordinates):
        raise ValueError(
            f"expected kappa of shape (..., {len(coordinates)}), got {tuple(kappa.shape)}"
        )
    columns = [
        c.low + torch.remainder(column - c.low, c.high - c.low) if c.periodic else column
        for c, column in zip(coordinates, kappa.unbind(-1), strict=True)
    ]
    return torch.stack(columns, dim=-1)


def _windings(difference: Tensor, coordinates: tuple[Coordinate, ...]) -> Tensor:
    """Return the displacements from a point to another by winding, shape (winding, pair, coordinate).

    Along each periodic coordinate the shortest way in kappa, the one about the other side, and those of
    more turns in `TURNS`. Windings of the first two alone come first.
    """
    choices = []
    for c, column in zip(coordinates, difference.unbind(1), strict=True):
        if not c.periodic:
            choices.append([column])
            continue
        period = c.high - c.low
        short = torch.remainder(column + period / 2, period) - period / 2
        side = torch.where(short < 0, period, -period)
        choices.append([short + n * side for n in TURNS])
    windings = sorted(
        itertools.product(*(range(len(choice)) for choice in choices)), key=lambda w: max(w) > 1
    )
    return torch.stack(
        [
            torch.stack([choice[n] for choice, n in zip(choices, winding, strict=True)], dim=1)
            for winding in windings
        ]
    )


def _straight_lines(start: Tensor, windings: Tensor, segments: int) -> Tensor:
    """Return the straight lines in kappa by winding, then by pair, shape (path, node, coordinate)."""
    line = torch.linspace(0, 1, segments + 1, dtype=start.dtype, device=start.device)
    return (start + line[:, None, None, None] * windings).movedim(0, 2).flatten(0, 1)


def _segments_to_begin(
    immersion: Immersion, start: Tensor, windings: Tensor, most_segments: int
) -> int:
    """Return the fewest segments by which as many straight lines follow the manifold as by any number.

    Where the states turn far from node to node, as those of sharply tuned units do, the path of least energy
    would leave the manifold by its chords. A fold stays one at any number.
    """
    best, fewest = FEWEST_SEGMENTS, torch.inf
    segments = FEWEST_SEGMENTS
    while fewest > 0 and 4 * segments <= most_segments:
        lines = _straight_lines(start, windings, segments)
        astray = ~_unbroken(immersion, lines, MISS_TO_BEGIN)
        if (count := int(astray.sum())) < fewest:
            best, fewest = segments, count
        segments *= 2
    return best


def _promising(immersion: Immersion, start: Tensor, windings: Tensor, nearest: int) -> Tensor:
    """Return the first windings, and as many of the others, (winding, pair, coordinate).

    Those are taken whose straight lines are shortest on the manifold: on a sheared torus a turn about one
    coordinate can undo a part of the way along another.
    """
    # One winding after the other: all at once would take many times the memory of what is kept.
    lengths = [
        _polygon(immersion, _straight_lines(start, winding[None], SEGMENTS_TO_CHOOSE))[0]
        for winding in windings[nearest:]
    ]
    if not lengths:
        return windings
    shortest = torch.stack(lengths).argsort(dim=0, stable=True)[:nearest].sort(dim=0).values
    others = windings[nearest:].take_along_dim(shortest[:, :, None], dim=0)
    return torch.cat([windings[:nearest], others])


@takes_arrays
def geodesics_between(
    immersion: Immersion,
    start: Tensor,
    end: Tensor,
    *,
    tolerance: float = 1e-6,
    most_segments: int = 256,
    progress: bool = False,
) -> GeodesicPaths:
    """Find the geodesics between pairs of points, by paths of least energy.

    A path begins as the straight line in kappa. It is relaxed over 8 segments, then 16, and so on, until
    the length is as accurate as requested, also seen on the finest polygon. Both ways about each periodic
    coordinate are tried, and as many windings of more turns, those whose straight lines are shortest on the
    manifold; the shortest path is returned. As every local method it finds *a* geodesic: where several of
    one winding exist, one near to the straight line in kappa.

    Parameters
    ----------
    immersion : Immersion
        Evaluated to first order, within the domain alone; outside, paths run in its linear continuation.
    start, end : Tensor, shape (pair, coordinate)
    tolerance : float
        Relative error allowed of the length.
    most_segments : int
        Of the finest polygon: ridges narrower than its segments can be stepped over.
    progress : bool
        Whether to show a bar, one step per refinement.

    Returns
    -------
    GeodesicPaths

    Raises
    ------
    ValueError
        When the points do not lie on the manifold, the tolerance is not positive, or states are others after
        a period.
    DegenerateMetricError
        Where the metric has no full rank at an end.
    """
    # Relaxation may throw nodes outside the domain.
    immersion = TaylorExtension(immersion)
    coordinates = immersion.coordinates
    for ends in (start, end):
        check_kappa(ends, coordinates)
    if start.shape != end.shape:
        raise ValueError(f"expected as many ends as starts, got {len(start)} and {len(end)}")
    end = end.to(start)
    if not 0 < tolerance < torch.inf:
        raise ValueError(f"expected a finite tolerance above 0, got {tolerance}")
    if most_segments < 2 * FEWEST_SEGMENTS:
        raise ValueError(f"expected at least {2 * FEWEST_SEGMENTS} segments, got {most_segments}")
    both = torch.cat([start, end])
    at_ends = immersion(both)
    unit = unit_of(at_ends)
    if unit != 1:
        immersion = ScaledImmersion(immersion, unit)
        at_ends = immersion(both)
    check_rank(both, at_ends, coordinates, "geodesics")
    check_periods(immersion, both, at_ends)

    # The energy is flat at its minimum: a relative error of the path enters the length squared.
    path_tolerance = tolerance**0.5 / 10
    nearest = 2 ** sum(c.periodic for c in coordinates)
    windings = _promising(immersion, start, _windings(end - start, coordinates), nearest)
    segments = _segments_to_begin(immersion, start, windings[:1], most_segments)
    paths, remaining, iterations = minimise_path_energy(
        immersion, _straight_lines(start, windings, segments), path_tolerance, ITERATIONS
    )
    length, defect = _polygon(immersion, paths)
    extrapolated, change = length, torch.full_like(length, torch.inf)
    refinements = int(torch.tensor(most_segments / segments).log2())
    with progress_bar.bar(refinements, "distances", "grid") if progress else nullcontext() as bar:
        for _ in range(refinements):
            segments *= 2
            paths, remaining, taken = minimise_path_energy(
                immersion, _refined(paths), path_tolerance, ITERATIONS
            )
            iterations += taken

            # The error of a polygon's length goes with the square of the segment: Richardson's 1/3.
            coarser, (length, defect) = length, _polygon(immersion, paths)
            previous, extrapolated = extrapolated, length + (length - coarser) / 3
            change = (extrapolated - previous).abs()
            if bar is not None:
                bar.update(1)

            # Windings are compared once, on a grid that is fine enough to rank them.
            if len(paths) > len(start):
                if segments < SEGMENTS_TO_CHOOSE and 2 * segments <= most_segments:
                    continue
                best = _shortest_winding(
                    immersion, paths, extrapolated, remaining <= path_tolerance, len(start)
                )
                paths, remaining, length, defect, extrapolated, change = (
                    x[best] for x in (paths, remaining, length, defect, extrapolated, change)
                )
            # A short path on a coarse grid can have stepped over a ridge.
            found = (
                (change <= tolerance * extrapolated) & (remaining <= path_tolerance)
            ).nonzero()[:, 0]
            change[found] = torch.maximum(
                change[found],
                _overlooked(immersion, paths[found], extrapolated[found], most_segments),
            )
            # A path that did not converge on this grid is not helped by a finer one.
            if not ((change > tolerance * extrapolated) & (remaining <= path_tolerance)).any():
                break

    status, end_points = _ends(immersion, paths)
    accurate = (
        (change <= tolerance * extrapolated)
        & (remaining <= path_tolerance)
        & _unbroken(immersion, paths)
    )
    return GeodesicPaths(
        kappa=paths,
        length=extrapolated * unit,
        length_error=change * unit,
        energy_defect=defect,
        remaining=remaining,
        status=tuple(
            UNRESOLVED if ending == REACHED and not is_accurate else ending
            for ending, is_accurate in zip(status, accurate.tolist(), strict=True)
        ),
        place=end_points,
        segments=segments,
        iterations=iterations,
    )


def _polygon(immersion: Immersion, paths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the length of each path's polygon in the states, and its energy defect, (path,) each."""
    values = immersion(paths.flatten(0, 1)).value.unflatten(0, paths.shape[:2])
    steps = values.diff(dim=1)
    # Squares of the steps between two points that are very near are no numbers.
    scale = power_of_two(steps.flatten(1))
    chords = (steps / scale[:, :, None]).norm(dim=2)
    length = chords.sum(1)
    energy = chords.shape[1] * chords.square().sum(1)
    defect = torch.where(length > 0, energy / length.square() - 1, 0.0).clamp(min=0)
    return length * scale[:, 0], defect


def _overlooked(immersion: Immersion, paths: Tensor, length: Tensor, most_segments: int) -> Tensor:
    """Return how much longer paths are than they seem, seen on the finest polygon, shape (path,).

    Chords are shorter than the path, so that only what lies between the nodes makes it longer.
    """
    if not len(paths):
        return length
    while 2 * (paths.shape[1] - 1) <= most_segments:
        paths = _refined(paths)
    return (_polygon(immersion, paths)[0] - length).clamp(min=0)


def _shortest_winding(
    immersion: Immersion, paths: Tensor, length: Tensor, converged: Tensor, pairs: int
) -> Tensor:
    """Return the index of the shortest valid path of each pair, shape (pair,).

    Paths are ordered by winding, then by pair. At a tie the winding that is shorter in kappa is taken.
    """
    # A path that is no geodesic within the domain comes after all that are, whatever its length.
    flaws = (~converged).to(length) + _outside(immersion, paths).any(1)
    flaws = flaws + ~_unbroken(immersion, paths) + _orientation_flips(immersion, paths).any(1)
    order = (length + flaws * length.max()).unflatten(0, (-1, pairs))
    windings = torch.arange(len(order), device=length.device)
    order = order * (1 + 1e-6 * windings)[:, None]
    return order.argmin(0) * pairs + torch.arange(pairs, device=length.device)


def _orientation_flips(immersion: Immersion, paths: Tensor) -> Tensor:
    """Return the segments along which the tangent space flips its orientation, shape (path, segment).

    det(A_s A_{s+1}') <= 0: the metric loses its rank between them, as at a fold, or the states turn by 90
    degrees or more.
    """
    first = immersion(paths.flatten(0, 1)).first.unflatten(0, paths.shape[:2])
    return torch.linalg.det(first[:, :-1] @ first[:, 1:].mT) <= 0


def _fold(immersion: Immersion, nodes: Tensor, largest: Tensor) -> tuple[bool, Tensor]:
    """Say whether the metric loses its rank between two nodes, (2, coordinate), and return where.

    It has where a singular value is small beside the largest of the path. The half on which the tangent space
    flips is halved again; where none does any more, the states only turn.
    """
    for _ in range(_HALVINGS):
        halves = torch.stack([nodes[0], nodes.mean(0), nodes[1]])
        flips = _orientation_flips(immersion, halves[None])[0]
        if not flips.any():
            return False, nodes.mean(0)
        half = int(flips.to(torch.int8).argmax())
        nodes = halves[half : half + 2]
    middle = nodes.mean(0)
    smallest, _ = extreme_singular_values(immersion(middle[None]).first, immersion.coordinates)
    return bool(smallest[0] < _FOLDED * largest), middle


def _outside(immersion: Immersion, paths: Tensor) -> Tensor:
    """Return whether each node lies outside the domain, shape (path, node)."""
    bounds = domain_bounds(immersion.coordinates, paths)
    slack = 10 * SLACK * domain_lengths(immersion.coordinates, paths)
    return ((paths < bounds[0] - slack) | (paths > bounds[1] + slack)).any(2)


def _unbroken(immersion: Immersion, paths: Tensor, miss: float = LARGEST_MISS) -> Tensor:
    """Return whether each path is continuous in kappa, and not in the states alone, shape (path,).

    The energy depends on states alone: over a pole, neighbouring nodes may come to have near states but
    distant kappa. The tangent vectors between two nodes then do not predict the change of the state.
    """
    jet = immersion(paths.flatten(0, 1))
    first = jet.first.unflatten(0, paths.shape[:2])
    steps = jet.value.unflatten(0, paths.shape[:2]).diff(dim=1)
    between = (first[:, 1:] + first[:, :-1]) / 2
    misses = torch.einsum("psi,psiu->psu", paths.diff(dim=1), between) - steps
    return (misses.norm(dim=2) <= miss * steps.norm(dim=2).amax(1, keepdim=True)).all(1)


def _refined(paths: Tensor) -> Tensor:
    """Return the paths with a new node in every segment, by cubic splines in the node's number."""
    nodes = torch.arange(paths.shape[1], dtype=torch.float64)
    spline = CubicSpline(nodes.numpy(), paths.numpy(force=True), axis=1)
    finer = torch.from_numpy(spline((torch.arange(2 * len(nodes) - 1) / 2).numpy())).to(paths)
    finer[:, ::2] = paths
    return finer


def _ends(immersion: Immersion, paths: Tensor) -> tuple[list[str], Tensor]:
    """Return the status of each path, and where it leaves the domain or loses rank (pair, coordinate)."""
    coordinates = immersion.coordinates
    tangents = immersion(paths.flatten(0, 1)).first
    smallest, largest = (
        x.unflatten(0, paths.shape[:2]) for x in extreme_singular_values(tangents, coordinates)
    )
    ratio = smallest / largest.amax(1, keepdim=True)
    outside, flipped = _outside(immersion, paths), _orientation_flips(immersion, paths)
    status, end_points = [], paths[:, -1].clone()
    for pair in range(len(paths)):
        if ratio[pair].min() < RANK_TOLERANCE:
            status.append(DEGENERATE)
            end_points[pair] = paths[pair, ratio[pair].argmin()]
        elif flipped[pair].any():
            segment = int(flipped[pair].to(torch.int8).argmax())
            fold, end_points[pair] = _fold(
                immersion, paths[pair, segment : segment + 2], largest[pair].amax()
            )
            status.append(DEGENERATE if fold else UNRESOLVED)
        elif outside[pair].any():
            status.append(LEFT)
            end_points[pair] = paths[pair, outside[pair].to(torch.int8).argmax()]
        else:
            status.append(REACHED)
    return status, end_points


@takes_arrays
def geodesic_distance(
    immersion: Immersion, start: Tensor, end: Tensor, *, tolerance: float = 1e-6
) -> Tensor:
    """Return the geodesic distances between pairs of points, shape (pair,), in the units of the states.

    The length of `geodesics_between`, which gives the paths and their convergence.

    Parameters
    ----------
    immersion : Immersion
    start, end : Tensor, shape (pair, coordinate)
    tolerance : float
        Relative error allowed of the length.

    Raises
    ------
    ConvergenceError
        When a geodesic was not found to this accuracy, or runs outside the domain, saying which.
    DegenerateMetricError
        Where the metric has no full rank at an end.
    ValueError
        When the points do not lie on the manifold.
    """
    paths = geodesics_between(immersion, start, end, tolerance=tolerance)
    for pair, status in enumerate(paths.status):
        if status != REACHED:
            a, b, at = (describe(x[pair], immersion.coordinates) for x in (start, end, paths.place))
            raise ConvergenceError(
                f"expected a geodesic within the domain to a relative {tolerance:g}, got '{status}' for "
                f"pair {pair} ({a} to {b}) at {at}: length {float(paths.length[pair]):.6g} with an "
                f"estimated error of {float(paths.length_error[pair]):.1e}. geodesics_between returns "
                "the paths that were found"
            )
    return paths.length
