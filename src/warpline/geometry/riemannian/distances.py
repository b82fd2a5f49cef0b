"""Geodesics between two points, and geodesic distance."""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from warpline.console import progress as progress_bar
from warpline.geometry.derivatives.extension import Extended, domain_bounds
from warpline.geometry.derivatives.input_manifold import Coordinate, check_kappa
from warpline.geometry.derivatives.jet import Immersion
from warpline.geometry.riemannian.connection import (
    RANK_TOLERANCE,
    check_rank,
    describe,
    domain_lengths,
)
from warpline.geometry.riemannian.events import SLACK, extreme_singular_values
from warpline.geometry.riemannian.geodesics import DEGENERATE, LEFT, REACHED, UNRESOLVED
from warpline.geometry.riemannian.path_energy import least_energy

__all__ = ["ConvergenceError", "GeodesicPaths", "geodesic_distance", "geodesics_between", "wrapped"]

FEWEST_SEGMENTS = 8
#: Fine enough to compare the ways round a periodic coordinate.
SEGMENTS_TO_CHOOSE = 32
ITERATIONS = 300
#: Of a segment by the tangent vectors at its ends, as a fraction of the longest.
LARGEST_MISS = 0.5


class ConvergenceError(RuntimeError):
    """A geodesic was not found to the accuracy asked for."""


@dataclass(frozen=True)
class GeodesicPaths:
    """Geodesics between pairs of points.

    Attributes
    ----------
    kappa : Tensor, shape (pair, node, coordinate)
        Evenly spaced in arc length, ends included. Periodic coordinates run on past the ends of their
        domain; the last node is the second point, by as many whole turns as the path makes.
    length : Tensor, shape (pair,)
        Arc length, in the units of the states: of the polygon, extrapolated in the segment's square.
    length_error : Tensor, shape (pair,)
        Estimated: the last change by refinement.
    energy_defect : Tensor, shape (pair,)
        E / L^2 - 1 of the polygon: 0 where it is run through at constant speed.
    remaining : Tensor, shape (pair,)
        What the path still lacks of least energy, as a fraction of its length; infinite where the
        iterations do not converge.
    status : tuple of str
        ``reached``; ``left the domain`` (the path of least energy runs outside it); ``degenerate`` (the
        metric loses rank on the path, as at a fold); ``unresolved`` (not as accurate as asked).
    place : Tensor, shape (pair, coordinate)
        Where the path first leaves, or is most degenerate; else its end.
    segments, iterations : int
        Of the finest polygon, and in all.
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


def wrapped(kappa: Tensor, coordinates: tuple[Coordinate, ...]) -> Tensor:
    """Return points with periodic coordinates brought into [low, high), shape (..., coordinate)."""
    columns = [
        c.low + torch.remainder(column - c.low, c.high - c.low) if c.periodic else column
        for c, column in zip(coordinates, kappa.unbind(-1), strict=True)
    ]
    return torch.stack(columns, dim=-1)


def _ways(difference: Tensor, coordinates: tuple[Coordinate, ...]) -> Tensor:
    """Return the ways round from a point to another, shape (way, pair, coordinate).

    Along each periodic coordinate the shorter way in kappa, and the other one.
    """
    choices = []
    for c, column in zip(coordinates, difference.unbind(1), strict=True):
        if not c.periodic:
            choices.append([column])
            continue
        period = c.high - c.low
        short = torch.remainder(column + period / 2, period) - period / 2
        choices.append([short, short - torch.sign(short) * period])
    return torch.stack([torch.stack(way, dim=1) for way in itertools.product(*choices)])


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

    A path begins as the straight line in kappa, and of the two ways round each periodic coordinate the
    shorter on the manifold is taken; it is relaxed over 8 segments, then 16, and so on, until the length
    is as accurate as asked. As every local method it finds *a* geodesic: where several of one
    winding exist, the one nearest to the straight line in kappa.

    Parameters
    ----------
    immersion : Immersion
        Evaluated to first order, within the domain alone; outside, paths run in its linear continuation.
    start, end : Tensor, shape (pair, coordinate)
    tolerance : float
        Relative error allowed of the length.
    most_segments : int
        At which refinement ends.
    progress : bool
        Whether to show a bar, one step per refinement.

    Returns
    -------
    GeodesicPaths

    Raises
    ------
    ValueError
        When the points do not lie on the manifold.
    DegenerateMetricError
        Where the metric has no full rank at an end.
    """
    immersion = Extended(immersion)
    coordinates = immersion.coordinates
    for ends in (start, end):
        check_kappa(ends, coordinates)
    if start.shape != end.shape:
        raise ValueError(f"expected as many ends as starts, got {len(start)} and {len(end)}")
    if most_segments < 2 * FEWEST_SEGMENTS:
        raise ValueError(f"expected at least {2 * FEWEST_SEGMENTS} segments, got {most_segments}")
    both = torch.cat([start, end])
    check_rank(both, immersion(both), coordinates, "geodesics")
    found = tolerance**0.5 / 10
    ways = _ways(end - start, coordinates)
    line = torch.linspace(0, 1, FEWEST_SEGMENTS + 1, dtype=start.dtype, device=start.device)
    guesses = (start + line[:, None, None, None] * ways).movedim(0, 2)
    paths, remaining, iterations = least_energy(immersion, guesses.flatten(0, 1), found, ITERATIONS)
    length, defect = _polygon(immersion, paths)
    extrapolated, change = length, torch.full_like(length, torch.inf)
    segments = FEWEST_SEGMENTS
    refinements = int(torch.tensor(most_segments / segments).log2())
    with progress_bar.bar(refinements, "distances", "grid") if progress else nullcontext() as bar:
        for _ in range(refinements):
            segments *= 2
            paths, remaining, more = least_energy(immersion, _refined(paths), found, ITERATIONS)
            iterations += more
            coarser, (length, defect) = length, _polygon(immersion, paths)
            before, extrapolated = extrapolated, length + (length - coarser) / 3
            change = (extrapolated - before).abs()
            if bar is not None:
                bar.update(1)
            if len(paths) > len(start):
                if segments < SEGMENTS_TO_CHOOSE and 2 * segments <= most_segments:
                    continue
                best = _shortest(immersion, paths, extrapolated, remaining <= found, len(start))
                paths, remaining, length, defect, extrapolated, change = (
                    x[best] for x in (paths, remaining, length, defect, extrapolated, change)
                )
            if not ((change > tolerance * extrapolated) & (remaining <= found)).any():
                break
    status, place = _judged(immersion, paths)
    accurate = (
        (change <= tolerance * extrapolated) & (remaining <= found) & _unbroken(immersion, paths)
    )
    return GeodesicPaths(
        kappa=paths,
        length=extrapolated,
        length_error=change,
        energy_defect=defect,
        remaining=remaining,
        status=tuple(
            UNRESOLVED if said == REACHED and not fine else said
            for said, fine in zip(status, accurate.tolist(), strict=True)
        ),
        place=place,
        segments=segments,
        iterations=iterations,
    )


def _polygon(immersion: Immersion, paths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the length of each path's polygon in the states, and its energy defect, (path,) each."""
    values = immersion(paths.flatten(0, 1)).value.unflatten(0, paths.shape[:2])
    chords = values.diff(dim=1).norm(dim=2)
    length = chords.sum(1)
    energy = chords.shape[1] * chords.square().sum(1)
    return length, torch.where(length > 0, energy / length.square() - 1, 0.0).clamp(min=0)


def _shortest(
    immersion: Immersion, paths: Tensor, length: Tensor, converged: Tensor, pairs: int
) -> Tensor:
    """Return which path of each pair, all ways round in order, is the shortest that is one at all.

    At a tie, the shorter in kappa.
    """
    flaws = (~converged).to(length) + _outside(immersion, paths).any(1)
    flaws = flaws + ~_unbroken(immersion, paths) + _turned(immersion, paths).any(1)
    order = (length + flaws * length.max()).unflatten(0, (-1, pairs))
    ways = torch.arange(len(order), device=length.device)
    order = order * (1 + 1e-6 * ways)[:, None]
    return order.argmin(0) * pairs + torch.arange(pairs, device=length.device)


def _turned(immersion: Immersion, paths: Tensor) -> Tensor:
    """Return between which nodes the tangent space turns over, shape (path, segment).

    det(A_s A_{s+1}') < 0: the metric loses its rank between them, as at a fold.
    """
    first = immersion(paths.flatten(0, 1)).first.unflatten(0, paths.shape[:2])
    return torch.linalg.det(first[:, :-1] @ first[:, 1:].mT) <= 0


def _outside(immersion: Immersion, paths: Tensor) -> Tensor:
    """Return which nodes lie outside the domain, shape (path, node)."""
    bounds = domain_bounds(immersion.coordinates, paths)
    slack = 10 * SLACK * domain_lengths(immersion.coordinates, paths)
    return ((paths < bounds[0] - slack) | (paths > bounds[1] + slack)).any(2)


def _unbroken(immersion: Immersion, paths: Tensor) -> Tensor:
    """Return whether each path is one in kappa too, and not in the states alone, shape (path,).

    Relaxation sees states: over a pole, neighbouring nodes may come to name near states by far kappa.
    The tangent vectors between two nodes then do not predict the step from one state to the next.
    """
    jet = immersion(paths.flatten(0, 1))
    first = jet.first.unflatten(0, paths.shape[:2])
    steps = jet.value.unflatten(0, paths.shape[:2]).diff(dim=1)
    between = (first[:, 1:] + first[:, :-1]) / 2
    missed = torch.einsum("psi,psiu->psu", paths.diff(dim=1), between) - steps
    return (missed.norm(dim=2) <= LARGEST_MISS * steps.norm(dim=2).amax(1, keepdim=True)).all(1)


def _refined(paths: Tensor) -> Tensor:
    """Return the paths with a node put into every segment, by cubic splines in the node's number."""
    nodes = torch.arange(paths.shape[1], dtype=torch.float64)
    spline = CubicSpline(nodes.numpy(), paths.numpy(force=True), axis=1)
    finer = torch.from_numpy(spline((torch.arange(2 * len(nodes) - 1) / 2).numpy())).to(paths)
    finer[:, ::2] = paths
    return finer


def _judged(immersion: Immersion, paths: Tensor) -> tuple[list[str], Tensor]:
    """Return whether each path stays in the domain and keeps full rank, and where it does not."""
    coordinates = immersion.coordinates
    tangents = immersion(paths.flatten(0, 1)).first
    smallest, largest = (
        x.unflatten(0, paths.shape[:2]) for x in extreme_singular_values(tangents, coordinates)
    )
    ratio = smallest / largest.amax(1, keepdim=True)
    outside, turned = _outside(immersion, paths), _turned(immersion, paths)
    status, place = [], paths[:, -1].clone()
    for pair in range(len(paths)):
        if ratio[pair].min() < RANK_TOLERANCE:
            status.append(DEGENERATE)
            place[pair] = paths[pair, ratio[pair].argmin()]
        elif turned[pair].any():
            status.append(DEGENERATE)
            segment = int(turned[pair].to(torch.int8).argmax())
            place[pair] = paths[pair, segment : segment + 2].mean(0)
        elif outside[pair].any():
            status.append(LEFT)
            place[pair] = paths[pair, outside[pair].to(torch.int8).argmax()]
        else:
            status.append(REACHED)
    return status, place


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
        Relative error allowed.

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
