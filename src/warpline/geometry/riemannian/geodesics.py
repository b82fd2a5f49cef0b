"""Geodesics from a point in a direction, by arc length, to where they leave the domain or lose rank."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

import torch
from scipy.interpolate import CubicHermiteSpline
from torch import Tensor

from warpline.console import progress as progress_bar
from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import takes_arrays
from warpline.geometry.derivatives.input_manifold import Coordinate, check_kappa
from warpline.geometry.derivatives.jet import Immersion, Jet, TaylorExtension, domain_bounds
from warpline.geometry.derivatives.power_of_two import power_of_two
from warpline.geometry.riemannian.connection import (
    RANK_TOLERANCE,
    check_periods,
    check_rank,
    domain_lengths,
    second_derivatives,
    tangent_frame,
)
from warpline.geometry.riemannian.runge_kutta import ORDER, Step, dormand_prince
from warpline.geometry.riemannian.unit_scale import ScaledImmersion, unit_of

__all__ = [
    "DEGENERATE",
    "LEFT",
    "REACHED",
    "SLACK",
    "UNRESOLVED",
    "Geodesics",
    "extreme_singular_values",
    "geodesics_from",
]

REACHED = "reached"
LEFT = "left the domain"
DEGENERATE = "degenerate"
UNRESOLVED = "unresolved"

#: A step that moves kappa by less, in fractions of the domain, is no progress.
SMALLEST_STEP = 1e-11
FIRST_STEP = 0.05
#: In fractions of the domain: where the manifold is flat, errors say nothing of a ridge further on.
LONGEST_STEP = 0.05
#: Where no step succeeds and the ratio is below this, lost rank is the reason.
NEARLY_DEGENERATE = 1e-3
#: Fractions of a step at which a curve is compared with the domain.
CHECKS = 8
BISECTIONS = 45
#: How far outside still counts as inside, in fractions of the domain: rounding.
SLACK = 1e-10


@dataclass(frozen=True, repr=False)
class Geodesics(ShortRepr):
    """Geodesics by arc length.

    Attributes
    ----------
    kappa : Tensor, shape (curve, point, coordinate)
        Evenly spaced in arc length from the start to where the curve ends. Periodic coordinates run on
        past the ends of their domain, so that curves are continuous.
    velocity : Tensor, shape (curve, point, coordinate)
        d kappa / d(arc length).
    length : Tensor, shape (curve,)
        Arc length to the end of each curve, in the units of the states.
    status : tuple of str
        ``reached`` (the requested length), ``left the domain``, ``degenerate`` (the metric loses rank
        there), or ``unresolved`` (the integrator could go no further: the immersion is not smooth
        there, or `max_steps` was too small).
    rank_ratio : Tensor, shape (curve,)
        sigma_min of the scaled tangent vectors at the end, over the largest sigma_max along the curve.
    speed_error : Tensor, shape (curve,)
        Largest deviation of the speed from 1 at the steps: an invariant, so the integration's error.
    steps : Tensor, shape (curve,)
        Steps taken.
    evaluations : int
        Of the immersion at second order, each for all curves under way.
    """

    kappa: Tensor
    velocity: Tensor
    length: Tensor
    status: tuple[str, ...]
    rank_ratio: Tensor
    speed_error: Tensor
    steps: Tensor
    evaluations: int

    @property
    def place(self) -> Tensor:
        """End point of each curve, shape (curve, coordinate)."""
        return self.kappa[:, -1]

    @takes_arrays
    def at(self, curve: int, arc_length: Tensor) -> tuple[Tensor, Tensor]:
        """Return kappa and velocity along a curve, (sample, coordinate) each, by cubic Hermite splines.

        Parameters
        ----------
        curve : int
        arc_length : Tensor, shape (sample,)
            From 0 to the curve's length.

        Raises
        ------
        ValueError
            Beyond the ends of the curve, where splines run anywhere.
        """
        slack = 1e-9 * float(self.length[curve])
        if not ((arc_length >= -slack) & (arc_length <= self.length[curve] + slack)).all():
            raise ValueError(
                f"expected arc lengths from 0 to {float(self.length[curve]):.6g}, the length of curve "
                f"{curve}, got {float(arc_length.min()):.6g} to {float(arc_length.max()):.6g}"
            )
        knots = torch.linspace(
            0, float(self.length[curve]), self.kappa.shape[1], dtype=torch.float64
        )
        spline = CubicHermiteSpline(
            knots.numpy(),
            self.kappa[curve].numpy(force=True),
            self.velocity[curve].numpy(force=True),
        )
        samples = arc_length.numpy(force=True)
        kappa, velocity = (
            torch.from_numpy(x).to(self.kappa) for x in (spline(samples), spline(samples, 1))
        )
        return kappa, velocity


@takes_arrays
def geodesics_from(
    immersion: Immersion,
    start: Tensor,
    direction: Tensor,
    length: float | Tensor,
    *,
    points: int = 101,
    tolerance: float = 1e-8,
    bounds: Tensor | None = None,
    max_steps: int = 2000,
    progress: bool = False,
) -> Geodesics:
    """Follow geodesics from points in directions, for an arc length or until they have to end.

    The geodesic equation kappa'' = -A^+ D2Phi[kappa', kappa'] is solved by QR of A and by Dormand and
    Prince's 5(4) method (1980), all curves in one batch, with a step size for each: a twentieth of the domain
    at most, so that a curve sees ridges no narrower than a two-hundredth.

    Parameters
    ----------
    immersion : Immersion
        Evaluated to second order, within the domain alone.
    start : Tensor, shape (curve, coordinate)
    direction : Tensor, shape (curve, coordinate)
        In coordinates; its length does not matter.
    length : float or Tensor, shape (curve,)
        Arc length, in the units of the states.
    points : int
        Per curve, in the result.
    tolerance : float
        Local error allowed per step, in fractions of the domain.
    bounds : Tensor, shape (2, coordinate), optional
        Limits at which curves end; by default those of the domain, none along a periodic coordinate.
    max_steps : int
        Per curve, counting rejected ones.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    Geodesics
        Each with its status; never NaN.

    Raises
    ------
    ValueError
        At a start outside the domain, a direction of no length, a length or a tolerance that is not
        positive, bounds that hold nothing, or states that are others after a period.
    DegenerateMetricError
        Where the metric has lost its rank at a start already, naming the point.
    """
    # Stages of a curve's last step may lie outside the domain.
    immersion = TaylorExtension(immersion)
    coordinates, m = immersion.coordinates, len(immersion.coordinates)
    check_kappa(start, coordinates)
    if direction.shape != start.shape:
        raise ValueError(
            f"expected directions of shape {tuple(start.shape)}, got {tuple(direction.shape)}"
        )
    direction = direction.to(start)
    bounds = domain_bounds(coordinates, start) if bounds is None else bounds.to(start)
    if bounds.shape != (2, m) or not (bounds[0] < bounds[1]).all():
        raise ValueError(
            f"expected bounds of shape (2, {m}), the lower ones first, got {bounds.tolist()}"
        )
    if not 0 < tolerance < torch.inf:
        raise ValueError(f"expected a finite tolerance above 0, got {tolerance}")
    if points < 2:
        raise ValueError(f"expected at least 2 points per curve, got {points}")
    first = immersion(start)
    # Neither the unit of the states nor the length of a direction matters: squares stay numbers.
    unit = unit_of(first)
    if unit != 1:
        immersion = ScaledImmersion(immersion, unit)
        first = immersion(start)
    check_rank(start, first, coordinates, "geodesics")
    check_periods(immersion, start, first)
    direction = direction / power_of_two(direction)
    speed = torch.einsum("pi,piu->pu", direction, first.first).norm(dim=1)
    lengths = torch.as_tensor(length, dtype=start.dtype, device=start.device)
    if lengths.shape not in ((), (1,), (len(start),)):
        raise ValueError(f"expected one length or {len(start)}, got {tuple(lengths.shape)}")
    lengths = lengths.expand(len(start))
    if not (torch.isfinite(speed) & (speed > 0)).all():
        raise ValueError("expected directions of finite length that is not 0")
    if not (torch.isfinite(lengths) & (lengths > 0)).all():
        raise ValueError("expected a length that is finite and positive, got one that is not")

    # Of unit speed, so that time is arc length.
    limits = torch.finfo(lengths.dtype)
    # A length that the unit takes out of the range is as short, or as long, as numbers are.
    lengths = torch.where(lengths / unit > 0, lengths / unit, limits.tiny).clamp(max=limits.max)
    curves = _Curves(immersion, bounds, lengths)
    curves.begin(torch.cat([start, direction / speed[:, None]], dim=1))
    with progress_bar.bar(len(start), "geodesics", "curve") if progress else nullcontext() as bar:
        for _ in range(max_steps):
            ended = curves.advance(tolerance)
            if bar is not None:
                bar.update(ended)
            if not len(curves.active):
                break

    sampled = curves.sampled(points)
    smallest, _ = extreme_singular_values(immersion(sampled[:, -1, :m]).first, coordinates)
    return Geodesics(
        kappa=sampled[..., :m],
        velocity=sampled[..., m:] / unit,
        length=curves.time * unit,
        status=tuple(status or UNRESOLVED for status in curves.status),
        rank_ratio=smallest / curves.largest,
        speed_error=curves.speed_error,
        steps=torch.tensor([len(pieces) for pieces in curves.pieces]),
        evaluations=curves.evaluations,
    )


class _Curves:
    """The curves of one call: their present state, the steps they took, and how each ended.

    A state is (kappa, velocity), shape (curve, 2 coordinate).
    """

    def __init__(self, immersion: Immersion, bounds: Tensor, length: Tensor) -> None:
        self.immersion, self.bounds, self.length = immersion, bounds, length
        self.scales = domain_lengths(immersion.coordinates, length)
        self.m, self.evaluations = len(self.scales), 0

    def begin(self, state: Tensor) -> None:
        count = len(state)
        self.active = torch.arange(count, device=state.device)
        self.state = state.clone()
        self.derivative, self.tangents = self.derivative_at(state)
        _, self.largest = extreme_singular_values(self.tangents, self.immersion.coordinates)
        self.size = FIRST_STEP / self.pace(state)
        self.time = torch.zeros_like(self.length)
        self.speed_error = torch.zeros_like(self.length)
        self.status = [""] * count
        self.pieces: list[list[tuple[Tensor, Tensor, Tensor, Tensor]]] = [[] for _ in range(count)]

    def derivative_at(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return d state / d arc length (curve, 2 coordinate), and tangent vectors.

        The latter have the shape (curve, coordinate, unit), and 1 where they are not finite.
        """
        kappa, velocity = state.chunk(2, dim=1)
        self.evaluations += 1
        finite = torch.isfinite(state).all(1)
        jet = self.immersion(torch.where(finite[:, None], kappa, 0.0), order=2)
        curving = torch.einsum("piju,pi,pj->pu", second_derivatives(jet), velocity, velocity)

        # LAPACK refuses what is not finite. The integrator sees NaN, and takes a shorter step.
        finite = (
            finite & torch.isfinite(jet.first).flatten(1).all(1) & torch.isfinite(curving).all(1)
        )
        clean = Jet(jet.value, torch.where(finite[:, None, None], jet.first, 1.0))
        frame = tangent_frame(clean, self.immersion.coordinates)
        acceleration = -frame.coordinates_of(torch.where(finite[:, None], curving, 0.0)[:, :, None])
        acceleration = torch.where(finite[:, None], acceleration[:, :, 0], torch.nan)
        return torch.cat([velocity, acceleration], dim=1), clean.first

    def pace(self, state: Tensor) -> Tensor:
        """Return |velocity| in fractions of the domain per arc length, shape (curve,)."""
        return (state[:, self.m :] / self.scales).norm(dim=1)

    def advance(self, tolerance: float) -> int:
        """Try one step of every curve under way; return how many ended."""
        active = self.active
        remaining = self.length[active] - self.time[active]
        step = dormand_prince(
            self.derivative_at,
            self.state[active],
            self.derivative[active],
            torch.minimum(
                torch.minimum(self.size[active], remaining),
                LONGEST_STEP / self.pace(self.state[active]),
            ),
        )

        # The error is in fractions of the domain, and for velocities of the larger speed of the step.
        pace = torch.maximum(self.pace(step.before), self.pace(step.after))
        scale = torch.cat([self.scales.expand(len(active), -1), pace[:, None] * self.scales], dim=1)
        error = (step.error / scale).abs().amax(1) / tolerance
        error = torch.where(torch.isfinite(error), error, torch.inf)
        accepted = error <= 1
        change = (0.9 * error.clamp(min=1e-12) ** (-1 / ORDER)).clamp(0.2, 8)
        size = step.size * change
        # A last step cut short says little about the size that the next could have.
        self.size[active] = torch.where(accepted, torch.maximum(size, step.size), size)

        stuck = ~accepted & (size * self.pace(step.before) < SMALLEST_STEP)
        for curve in active[stuck].tolist():
            self.status[curve] = self._reason_stuck(curve)
        if accepted.any():
            self._accept(active[accepted], step[accepted], step.extra[accepted])
        self.active = torch.tensor(
            [curve for curve in active.tolist() if not self.status[curve]],
            device=active.device,
            dtype=active.dtype,
        )
        return len(active) - len(self.active)

    def _accept(self, curves: Tensor, step: Step, tangents: Tensor) -> None:
        """Move curves on by a step, or to where it leaves the domain or loses rank."""
        _, largest = extreme_singular_values(tangents, self.immersion.coordinates)
        self.largest[curves] = torch.maximum(self.largest[curves], largest)
        exit_ = _first_exit(step, self.bounds, self.scales)
        loss = _first_rank_loss(
            step, self.immersion, self.tangents[curves], tangents, self.largest[curves]
        )
        end = torch.minimum(exit_, loss).clamp(max=1.0)

        # The earliest event within the step decides how a curve ends.
        remaining = self.length[curves] - self.time[curves]
        for row, curve in enumerate(curves.tolist()):
            if loss[row] <= 1 and loss[row] <= exit_[row]:
                self.status[curve] = DEGENERATE
            elif exit_[row] <= 1:
                self.status[curve] = LEFT
            elif step.size[row] >= remaining[row] * (1 - 1e-12):
                self.status[curve] = REACHED
            self.pieces[curve].append(
                (self.time[curve].clone(), step.size[row], step.before[row], step.slopes[row])
            )

        # A step cut short ends at a state outside the domain: its speed says nothing about the error.
        self.time[curves] += end * step.size
        full_step = end >= 1
        speed = torch.einsum("pi,piu->pu", step.after[:, self.m :], tangents).norm(dim=1)
        drift = torch.where(full_step, (speed - 1).abs(), 0.0)
        self.speed_error[curves] = torch.maximum(self.speed_error[curves], drift)
        self.state[curves], self.tangents[curves] = step.after, tangents
        self.derivative[curves] = step.slopes[:, :, -1]

    def _reason_stuck(self, curve: int) -> str:
        """Return the status of a curve of which no step succeeds any more."""
        smallest, _ = extreme_singular_values(
            self.tangents[curve : curve + 1], self.immersion.coordinates
        )
        kappa = self.state[curve, : self.m]
        near = 1e-6 * self.scales
        if ((kappa - self.bounds[0] < near) | (self.bounds[1] - kappa < near)).any():
            return LEFT
        return DEGENERATE if smallest[0] < NEARLY_DEGENERATE * self.largest[curve] else UNRESOLVED

    def sampled(self, points: int) -> Tensor:
        """Return states evenly spaced in arc length, shape (curve, point, 2 coordinate)."""
        fractions = torch.linspace(0, 1, points, dtype=self.time.dtype, device=self.time.device)
        rows = []
        for curve, pieces in enumerate(self.pieces):
            if not pieces:
                rows.append(self.state[curve].expand(points, -1))
                continue
            starts, size, before, slopes = (
                torch.stack(column) for column in zip(*pieces, strict=True)
            )
            times = fractions * self.time[curve]
            index = (torch.searchsorted(starts, times, right=True) - 1).clamp(min=0)
            step = Step(before, before, size, slopes, before, None)[index]
            rows.append(step.at((times - starts[index]) / size[index]))
        return torch.stack(rows)


def extreme_singular_values(
    tangents: Tensor, coordinates: tuple[Coordinate, ...]
) -> tuple[Tensor, Tensor]:
    """Return the smallest and largest singular value, (curve,) each, of the scaled tangent vectors."""
    scaled = tangents * domain_lengths(coordinates, tangents)[:, None]
    values = torch.linalg.svdvals(torch.linalg.qr(scaled.mT, mode="r")[1])
    return values[:, -1], values[:, 0]


def _first_exit(step: Step, bounds: Tensor, scales: Tensor) -> Tensor:
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

    # A curve may leave and come back within a step: the first of a few fractions brackets the exit.
    fractions = torch.arange(1, CHECKS + 1, device=step.size.device, dtype=step.size.dtype) / CHECKS
    is_outside = outside(fractions.expand(len(step.size), CHECKS))
    leaves = is_outside.any(1)
    upper = fractions[is_outside.to(torch.int8).argmax(1)]
    lower = upper - 1 / CHECKS
    for _ in range(BISECTIONS if leaves.any() else 0):
        middle = (lower + upper) / 2
        beyond = outside(middle)
        lower, upper = torch.where(beyond, lower, middle), torch.where(beyond, middle, upper)
    return torch.where(leaves, lower, torch.inf)


def _first_rank_loss(
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

    def rank_lost(tangents: Tensor, reference: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        smallest, _ = extreme_singular_values(tangents, immersion.coordinates)
        flipped = torch.linalg.det(reference @ tangents.mT) <= 0
        return flipped | (smallest < RANK_TOLERANCE * scale), smallest / scale

    suspect, ratio = rank_lost(after, before, largest)
    fraction = torch.full_like(step.size, torch.inf)
    curves = suspect.nonzero()[:, 0]
    if not len(curves):
        return fraction

    # Bisection for the first point of lost rank or flipped orientation, in the suspect curves alone.
    substep, reference, scale = step[curves], before[curves], largest[curves]
    lowest_ratio = ratio[curves]
    lower, upper = torch.zeros_like(substep.size), torch.ones_like(substep.size)
    for _ in range(BISECTIONS):
        middle = (lower + upper) / 2
        beyond, value = rank_lost(immersion(substep.at(middle)[:, :m]).first, reference, scale)
        lower, upper = torch.where(beyond, lower, middle), torch.where(beyond, middle, upper)
        lowest_ratio = torch.where(beyond, value, lowest_ratio)
    # Otherwise the tangent space has only turned by more than a right angle within the step.
    fraction[curves] = torch.where(lowest_ratio < RANK_TOLERANCE * (1 + 1e-3), upper, torch.inf)
    return fraction
