"""Geodesics from a point in a direction: straight on the manifold of states, curved in its coordinates."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

import torch
from scipy.interpolate import CubicHermiteSpline
from torch import Tensor

from warpline.console import progress as progress_bar
from warpline.geometry.derivatives.extension import Extended, domain_bounds
from warpline.geometry.derivatives.input_manifold import check_kappa
from warpline.geometry.derivatives.jet import Immersion, Jet
from warpline.geometry.riemannian.connection import (
    check_rank,
    domain_lengths,
    second_derivatives,
    tangent_frame,
)
from warpline.geometry.riemannian.events import (
    extreme_singular_values,
    first_exit,
    first_rank_loss,
)
from warpline.geometry.riemannian.runge_kutta import ORDER, Step, dormand_prince

__all__ = ["DEGENERATE", "LEFT", "REACHED", "UNRESOLVED", "Geodesics", "geodesics_from"]

REACHED = "reached"
LEFT = "left the domain"
DEGENERATE = "degenerate"
UNRESOLVED = "unresolved"

#: A step that moves kappa by less, in fractions of the domain, is no progress.
SMALLEST_STEP = 1e-11
FIRST_STEP = 0.05
#: Where no step succeeds and the ratio is below this, lost rank is the reason.
NEARLY_DEGENERATE = 1e-3


@dataclass(frozen=True)
class Geodesics:
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
        ``reached`` (the length asked for), ``left the domain``, ``degenerate`` (the metric loses rank
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
        """Where each curve ends, shape (curve, coordinate)."""
        return self.kappa[:, -1]

    def at(self, curve: int, arc_length: Tensor) -> tuple[Tensor, Tensor]:
        """Return kappa and velocity along a curve, (place, coordinate) each, by cubic Hermite splines.

        Parameters
        ----------
        curve : int
        arc_length : Tensor, shape (place,)
            From 0 to the curve's length.
        """
        times = torch.linspace(
            0, float(self.length[curve]), self.kappa.shape[1], dtype=torch.float64
        )
        line = CubicHermiteSpline(
            times.numpy(),
            self.kappa[curve].numpy(force=True),
            self.velocity[curve].numpy(force=True),
        )
        asked = arc_length.numpy(force=True)
        kappa, velocity = (
            torch.from_numpy(x).to(self.kappa) for x in (line(asked), line(asked, 1))
        )
        return kappa, velocity


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
    Prince's 5(4) method, all curves in one batch, with a step size for each.

    Parameters
    ----------
    immersion : Immersion
        Evaluated to second order, within the domain alone.
    start : Tensor, shape (curve, coordinate)
    direction : Tensor, shape (curve, coordinate)
        In coordinates; its length does not matter.
    length : float or Tensor, shape (curve,)
        Arc length to go, in the units of the states.
    points : int
        Per curve, in the result.
    tolerance : float
        Local error allowed per step, in fractions of the domain.
    bounds : Tensor, shape (2, coordinate), optional
        Where curves end; by default the domain, and nowhere along a periodic coordinate.
    max_steps : int
        Per curve, counting those that were refused.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    Geodesics
        Each with its status; never NaN.

    Raises
    ------
    ValueError
        At a start outside the domain, a direction of no length, or a length that is not positive.
    DegenerateMetricError
        Where the metric has lost its rank at a start already, naming the point.
    """
    immersion = Extended(immersion)
    coordinates, m = immersion.coordinates, len(immersion.coordinates)
    check_kappa(start, coordinates)
    if direction.shape != start.shape:
        raise ValueError(
            f"expected directions of shape {tuple(start.shape)}, got {tuple(direction.shape)}"
        )
    if points < 2:
        raise ValueError(f"expected at least 2 points per curve, got {points}")
    first = immersion(start)
    check_rank(start, first, coordinates, "geodesics")
    speed = torch.einsum("pi,piu->pu", direction, first.first).norm(dim=1)
    asked = torch.as_tensor(length, dtype=start.dtype, device=start.device).expand(len(start))
    if not (torch.isfinite(speed) & (speed > 0)).all():
        raise ValueError("expected directions of finite length that is not 0")
    if not (torch.isfinite(asked) & (asked > 0)).all():
        raise ValueError("expected a length that is finite and positive, got one that is not")
    curves = _Curves(
        immersion, domain_bounds(coordinates, start) if bounds is None else bounds, asked
    )
    curves.begin(torch.cat([start, direction / speed[:, None]], dim=1))
    with progress_bar.bar(len(start), "geodesics", "curve") if progress else nullcontext() as shown:
        for _ in range(max_steps):
            ended = curves.advance(tolerance)
            if shown is not None:
                shown.update(ended)
            if not len(curves.active):
                break
    sampled = curves.sampled(points)
    smallest, _ = extreme_singular_values(immersion(sampled[:, -1, :m]).first, coordinates)
    return Geodesics(
        kappa=sampled[..., :m],
        velocity=sampled[..., m:],
        length=curves.time,
        status=tuple(status or UNRESOLVED for status in curves.status),
        rank_ratio=smallest / curves.largest,
        speed_error=curves.speed_error,
        steps=torch.tensor([len(pieces) for pieces in curves.pieces]),
        evaluations=curves.evaluations,
    )


class _Curves:
    """The curves of one call: where they are, how they got there, and how each ended."""

    def __init__(self, immersion: Immersion, bounds: Tensor, length: Tensor) -> None:
        self.immersion, self.bounds, self.length = immersion, bounds, length
        self.scales = domain_lengths(immersion.coordinates, length)
        self.m, self.evaluations = len(self.scales), 0

    def begin(self, state: Tensor) -> None:
        count = len(state)
        self.active = torch.arange(count, device=state.device)
        self.state = state.clone()
        self.slope, self.tangents = self.slope_at(state)
        _, self.largest = extreme_singular_values(self.tangents, self.immersion.coordinates)
        self.size = FIRST_STEP / self.pace(state)
        self.time = torch.zeros_like(self.length)
        self.speed_error = torch.zeros_like(self.length)
        self.status = [""] * count
        self.pieces: list[list[tuple[Tensor, Tensor, Tensor, Tensor]]] = [[] for _ in range(count)]

    def slope_at(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the slope (curve, 2 coordinate) and the tangent vectors (curve, coordinate, unit)."""
        kappa, velocity = state.chunk(2, dim=1)
        self.evaluations += 1
        finite = torch.isfinite(state).all(1)
        jet = self.immersion(torch.where(finite[:, None], kappa, 0.0), order=2)
        bend = torch.einsum("piju,pi,pj->pu", second_derivatives(jet), velocity, velocity)
        finite = finite & torch.isfinite(jet.first).flatten(1).all(1) & torch.isfinite(bend).all(1)
        # LAPACK refuses what is not finite. The integrator sees NaN, and takes a shorter step.
        clean = Jet(jet.value, torch.where(finite[:, None, None], jet.first, 1.0))
        frame = tangent_frame(clean, self.immersion.coordinates)
        acceleration = -frame.coordinates_of(torch.where(finite[:, None], bend, 0.0)[:, :, None])
        acceleration = torch.where(finite[:, None], acceleration[:, :, 0], torch.nan)
        return torch.cat([velocity, acceleration], dim=1), clean.first

    def pace(self, state: Tensor) -> Tensor:
        """Return |velocity| in fractions of the domain per arc length, shape (curve,)."""
        return (state[:, self.m :] / self.scales).norm(dim=1)

    def advance(self, tolerance: float) -> int:
        """Try one step of every curve under way; return how many ended."""
        on = self.active
        left = self.length[on] - self.time[on]
        step = dormand_prince(
            self.slope_at, self.state[on], self.slope[on], torch.minimum(self.size[on], left)
        )
        pace = torch.maximum(self.pace(step.before), self.pace(step.after))
        scale = torch.cat([self.scales.expand(len(on), -1), pace[:, None] * self.scales], dim=1)
        error = (step.error / scale).abs().amax(1) / tolerance
        error = torch.where(torch.isfinite(error), error, torch.inf)
        taken = error <= 1
        change = (0.9 * error.clamp(min=1e-12) ** (-1 / ORDER)).clamp(0.2, 8)
        size = step.size * change
        # A last step cut short says little about the size that the next could have.
        self.size[on] = torch.where(taken, torch.maximum(size, step.size), size)
        stuck = ~taken & (size * self.pace(step.before) < SMALLEST_STEP)
        for curve in on[stuck].tolist():
            self.status[curve] = self._reason(curve)
        if taken.any():
            self._take(on[taken], step[taken], step.extra[taken])
        self.active = torch.tensor(
            [curve for curve in on.tolist() if not self.status[curve]],
            device=on.device,
            dtype=on.dtype,
        )
        return len(on) - len(self.active)

    def _take(self, on: Tensor, step: Step, tangents: Tensor) -> None:
        _, largest = extreme_singular_values(tangents, self.immersion.coordinates)
        self.largest[on] = torch.maximum(self.largest[on], largest)
        exit_ = first_exit(step, self.bounds, self.scales)
        loss = first_rank_loss(step, self.immersion, self.tangents[on], tangents, self.largest[on])
        end = torch.minimum(exit_, loss).clamp(max=1.0)
        remaining = self.length[on] - self.time[on]
        for row, curve in enumerate(on.tolist()):
            if loss[row] <= 1 and loss[row] <= exit_[row]:
                self.status[curve] = DEGENERATE
            elif exit_[row] <= 1:
                self.status[curve] = LEFT
            elif step.size[row] >= remaining[row] * (1 - 1e-12):
                self.status[curve] = REACHED
            self.pieces[curve].append(
                (self.time[curve].clone(), step.size[row], step.before[row], step.slopes[row])
            )
        self.time[on] += end * step.size
        whole = end >= 1
        speed = torch.einsum("pi,piu->pu", step.after[:, self.m :], tangents).norm(dim=1)
        drift = torch.where(whole, (speed - 1).abs(), 0.0)
        self.speed_error[on] = torch.maximum(self.speed_error[on], drift)
        self.state[on], self.tangents[on] = step.after, tangents
        self.slope[on] = step.slopes[:, :, -1]

    def _reason(self, curve: int) -> str:
        """Say why no step of a curve succeeds any more."""
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
            starts, size, before, slopes = (torch.stack(part) for part in zip(*pieces, strict=True))
            times = fractions * self.time[curve]
            index = (torch.searchsorted(starts, times, right=True) - 1).clamp(min=0)
            part = Step(before, before, size, slopes, before, None)[index]
            rows.append(part.at((times - starts[index]) / size[index]))
        return torch.stack(rows)
