"""Fixed and slow points of a network under constant inputs, and their Jacobian spectra."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.func import jacfwd, vmap

from warpline.core.count_limits import MOST_STEPS
from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import takes_arrays
from warpline.geometry.derivatives.dynamics import Dynamics, first_step
from warpline.geometry.derivatives.smoothness import check_step, with_readable_torch_errors
from warpline.geometry.measurements.distinct_points import merge_near
from warpline.geometry.measurements.levenberg_marquardt import levenberg_marquardt

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FixedPoints", "Status", "find_fixed_points", "starts_near"]

_FAR = 1e3  # scales of the starts, within which states may settle wherever they do
_STILL_GROWING = 10.0  # times, from halfway on: an attractor, or a cycle, is reached by then
_JACOBIAN_ELEMENTS = 2**20  # at a time: fits a processor's cache; more is slower


class Status(IntEnum):
    """How the search from one start ended."""

    FIXED = 0
    """At a fixed point: the speed is below the tolerance."""
    SLOW = 1
    """At a slow point: not fixed, but the speed is below the limit given for slow points."""
    MINIMUM = 2
    """At a local minimum of the speed which is neither fixed nor slow."""
    UNFINISHED = 3
    """Still moving when the iterations ended, and not slow."""
    DIVERGED = 4
    """The dynamics left the finite numbers while relaxing."""


@dataclass(frozen=True, repr=False)
class FixedPoints(ShortRepr):
    """Distinct fixed and slow points, and the outcome of every start.

    Attributes
    ----------
    states : Tensor, shape (distinct, state)
        Distinct points of all inputs: by input, fixed before slow, then by speed.
    point : Tensor, shape (distinct,), int64
        Which input, as a row of `inputs`.
    inputs : Tensor, shape (point, channel)
    speed : Tensor, shape (distinct,)
        |f| at the point, in units of state per time constant; q = speed^2 / 2.
    fixed : Tensor, shape (distinct,), bool
        True for fixed, False for slow points.
    reached : Tensor, shape (distinct,), int64
        How many starts ended there.
    eigenvalues : Tensor, shape (distinct, state), complex
        Of df/dx, per time constant, in decreasing order of `rates`.
    rates : Tensor, shape (distinct, state)
        Growth per time constant along each eigenvector, log|1 + duration eigenvalue| / duration: the
        stability of the discrete map that is run. For short steps, Re(eigenvalue).
    n_unstable, n_marginal, n_stable, n_slow_modes : Tensor, shape (distinct,), int64
        Modes that grow, that do neither (|rate| within `marginal_rate`), that decay, and those with
        |rate| below `slow_rate` (the marginal ones among them).
    status : Tensor, shape (point, start), int64
        A `Status` for every start.
    index : Tensor, shape (point, start), int64
        Row of `states` that the start ended at; -1 where neither fixed nor slow.
    ends : Tensor, shape (point, start, state)
        Where each search ended.
    end_speed : Tensor, shape (point, start)
        Its |f|.
    start_speed : Tensor, shape (point, start)
        |f| after relaxing, before the search: near zero where the dynamics themselves came to rest.
    moved : Tensor, shape (point, start)
        Distance that the search then went, in units of `scale`. Where it is not small, the dynamics led
        elsewhere.
    relaxed : Tensor, shape (start,), bool
        Whether the start was relaxed first.
    scale : float
        Of the states: the root mean square distance of starts, relaxed or not, from their mean, without
        those that the dynamics take to infinity.
    tolerance, slow_speed, distance, marginal_rate, slow_rate : float
        The arguments; the first three multiplied by `scale`.
    """

    states: Tensor
    point: Tensor
    inputs: Tensor
    speed: Tensor
    fixed: Tensor
    reached: Tensor
    eigenvalues: Tensor
    rates: Tensor
    n_unstable: Tensor
    n_marginal: Tensor
    n_stable: Tensor
    n_slow_modes: Tensor
    status: Tensor
    index: Tensor
    ends: Tensor
    end_speed: Tensor
    start_speed: Tensor
    moved: Tensor
    relaxed: Tensor
    scale: float
    tolerance: float
    slow_speed: float
    distance: float
    marginal_rate: float
    slow_rate: float

    @property
    def attractors(self) -> Tensor:
        """Fixed points of which every mode decays, (distinct,) bool: a point of a line attractor is none."""
        return self.fixed & (self.n_stable == self.rates.shape[1])

    def counts(self) -> dict[str, int]:
        """Return how many starts ended with each status."""
        return {status.name.lower(): int((self.status == status).sum()) for status in Status}

    def table(self) -> pd.DataFrame:
        """Return one row per distinct point: input, speeds, counts of modes, leading rate."""
        import pandas as pd

        return pd.DataFrame(
            {
                "point": self.point.numpy(force=True),
                "kind": ["fixed" if fixed else "slow" for fixed in self.fixed.tolist()],
                "speed": self.speed.numpy(force=True),
                "q": 0.5 * self.speed.square().numpy(force=True),
                "reached": self.reached.numpy(force=True),
                "n_unstable": self.n_unstable.numpy(force=True),
                "n_marginal": self.n_marginal.numpy(force=True),
                "n_stable": self.n_stable.numpy(force=True),
                "n_slow_modes": self.n_slow_modes.numpy(force=True),
                "leading_rate": self.rates[:, 0].numpy(force=True),
            }
        )


@takes_arrays
def starts_near(states: Tensor, count: int, noise: float, generator: torch.Generator) -> Tensor:
    """Draw starts from visited states and add noise, for a search for saddles and repellers.

    Parameters
    ----------
    states : Tensor, shape (..., state)
        Such as trajectories, (point, time, state).
    count : int
    noise : float
        Norm of the noise (root mean square), in units of the states' root mean square distance from their
        mean.
    generator : torch.Generator
        From a stream of `warpline.core.random_streams`.

    Returns
    -------
    Tensor, shape (count, state)

    Raises
    ------
    ValueError
        When the noise is below 0 or not finite, the count is below 0, or there are no states.
    """
    if not 0 <= noise < torch.inf:
        raise ValueError(f"expected a finite noise of at least 0, got {noise}")
    flat = states.reshape(-1, states.shape[-1])
    if count < 0 or not len(flat):
        raise ValueError(f"expected states and a count from 0, got {len(flat)} states, {count}")
    rows = torch.randint(len(flat), (count,), generator=generator, device=generator.device)
    shape = (count, flat.shape[1])
    jitter = torch.randn(shape, generator=generator, dtype=flat.dtype, device=generator.device)
    size = noise * _scale(flat) / flat.shape[1] ** 0.5
    return flat[rows.to(flat.device)] + size * jitter.to(flat.device)


@takes_arrays
def find_fixed_points(
    dynamics: Dynamics,
    inputs: Tensor,
    starts: Tensor,
    *,
    relaxation: float = 20.0,
    unstable: bool = False,
    tolerance: float = 1e-9,
    slow_speed: float = 1e-2,
    distance: float = 1e-3,
    marginal_rate: float = 1e-5,
    slow_rate: float = 0.1,
    iterations: int = 100,
) -> FixedPoints:
    """Find where f(x, u) = (step(x, u) - x) / duration vanishes, for each of many constant inputs.

    Every start is run for `relaxation` time constants, and then handed to Levenberg-Marquardt on
    |f|^2 with exact Jacobians (the search for slow points of Sussillo and Barak 2013, with second-order
    steps). Nothing is dropped: every start has a status and a speed.

    Parameters
    ----------
    dynamics : Dynamics
        Its `step` and `duration` are used. States are full states.
    inputs : Tensor, shape (point, channel)
    starts : Tensor, shape (start, state) or (point, start, state)
        The same for all inputs, or some for each.
    relaxation : float
        Time constants of the dynamics run before the search, which leads to attractors. 0 for none.
    unstable : bool
        Whether to search from the unrelaxed starts as well (they come second along `start`). That finds
        saddles and repellers, which the dynamics leave. See `starts_near`.
    tolerance : float
        A fixed point has |f| <= tolerance * scale, per time constant.
    slow_speed : float
        A slow point has |f| <= slow_speed * scale, and is not fixed.
    distance : float
        Points of one input and kind that are closer than distance * scale count as one.
    marginal_rate, slow_rate : float
        Per time constant: see `FixedPoints`.
    iterations : int
        Of the search, per start.

    Raises
    ------
    ValueError
        When shapes do not fit, inputs or starts are not finite, the tolerance is beyond the precision, or
        another number is negative or not finite.
    TypeError
        When the step is not differentiable, or has another precision than the dynamics.
    """
    _check_numbers(
        relaxation=relaxation,
        slow_speed=slow_speed,
        distance=distance,
        marginal_rate=marginal_rate,
        slow_rate=slow_rate,
    )
    if iterations < 1:
        raise ValueError(f"expected at least one iteration, got {iterations}")
    n_relaxing = relaxation / dynamics.duration
    if n_relaxing > MOST_STEPS.most:
        raise ValueError(
            f"expected a relaxation of {MOST_STEPS.expected}, got {relaxation:g} time constants, which are "
            f"{n_relaxing:g} steps"
        )
    inputs, starts = _checked(dynamics, inputs, starts, tolerance)
    n_points, n_starts = starts.shape[:2]
    held = inputs.repeat_interleave(n_starts, dim=0)
    unrelaxed = starts.reshape(-1, starts.shape[-1])

    # Between starts, and beside the first where all are one.
    probed = unrelaxed[torch.linspace(0, len(unrelaxed) - 1, 3).round().long()]
    waves = torch.sin(12.9898 * torch.arange(starts.shape[-1]).to(unrelaxed))
    probed = torch.cat([probed, probed[:1] + 0.5 * _scale(unrelaxed) * waves])
    check_step(dynamics, probed, held[:1].expand(len(probed), -1))

    begin, halfway, further = _run(dynamics, unrelaxed, held, n_relaxing)
    finite = torch.isfinite(begin).all(-1)
    # One start on its way to infinity would set the scale, beside which all others lie at one point.
    lost = ~finite | _runs_away(unrelaxed, halfway, begin, further)
    scale = _scale(torch.cat([unrelaxed, begin[~lost]]))
    relaxed = torch.full((n_starts,), relaxation > 0, device=starts.device)
    if unstable and relaxation > 0:
        begin = torch.cat([begin.view(starts.shape), starts], dim=1).flatten(0, 1)
        held = inputs.repeat_interleave(2 * n_starts, dim=0)
        relaxed = torch.cat([relaxed, ~relaxed])
        finite = torch.isfinite(begin).all(-1)
        lost = torch.stack(
            [lost.view(n_points, -1), torch.zeros_like(lost).view(n_points, -1)], dim=1
        )
        lost = lost.flatten()

    velocity, jacobian = _velocity(dynamics)
    # The search, for as many rows at once as their Jacobians fit the cache.
    ends = begin.clone()
    flat = torch.zeros_like(finite)
    rows = max(1, _JACOBIAN_ELEMENTS // starts.shape[-1] ** 2)
    with torch.no_grad():
        for block in finite.nonzero().squeeze(-1).split(rows):
            ends[block], flat[block], _ = levenberg_marquardt(
                velocity, jacobian, begin[block], held[block], tolerance * scale, scale, iterations
            )
        speed = velocity(ends, held).norm(dim=-1)
        start_speed = velocity(begin, held).norm(dim=-1)

    status = _statuses(speed, flat, lost, tolerance * scale, slow_speed * scale)

    def by_point(values: Tensor) -> Tensor:
        return values.view(n_points, -1, *values.shape[1:])

    # Spectra of the distinct points alone, the fastest growing mode first.
    kinds = by_point(status)
    distinct, index = merge_near(
        by_point(ends), by_point(speed), kinds, kinds <= Status.SLOW, distance * scale
    )
    eigenvalues, rates = _spectra(jacobian, ends[distinct], held[distinct], dynamics.duration, rows)

    return FixedPoints(
        states=ends[distinct],
        point=distinct // len(relaxed),
        inputs=inputs,
        speed=speed[distinct],
        fixed=status[distinct] == Status.FIXED,
        reached=torch.bincount(index[index >= 0], minlength=len(distinct)),
        eigenvalues=eigenvalues,
        rates=rates,
        n_unstable=(rates > marginal_rate).sum(1),
        n_marginal=(rates.abs() <= marginal_rate).sum(1),
        n_stable=(rates < -marginal_rate).sum(1),
        n_slow_modes=(rates.abs() < slow_rate).sum(1),
        status=kinds,
        index=index,
        ends=by_point(ends),
        end_speed=by_point(speed),
        start_speed=by_point(start_speed),
        moved=by_point((ends - begin).norm(dim=-1) / scale),
        relaxed=relaxed,
        scale=scale,
        tolerance=tolerance * scale,
        slow_speed=slow_speed * scale,
        distance=distance * scale,
        marginal_rate=marginal_rate,
        slow_rate=slow_rate,
    )


def _check_numbers(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 <= number < torch.inf:
            raise ValueError(f"expected a finite {name} of at least 0, got {number}")


def _run(
    dynamics: Dynamics, starts: Tensor, held: Tensor, n_steps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return states after some steps, halfway there, and where as many steps of the last speed would lead.

    The dynamics lead to attractors; what is left to the search is the last stretch.
    """
    state = halfway = starts
    with torch.no_grad():
        for k in range(round(n_steps)):
            state = dynamics.step(state, held)
            halfway = state if 2 * k < n_steps else halfway
        further = state + n_steps * (dynamics.step(state, held) - state)
    return state, halfway, further


_OfStates = Callable[[Tensor, Tensor], Tensor]


def _velocity(dynamics: Dynamics) -> tuple[_OfStates, _OfStates]:
    """Return the velocity at states and inputs, (row, state), and its Jacobian, (row, state, state)."""

    def velocity(x: Tensor, u: Tensor) -> Tensor:
        return (dynamics.step(x, u) - x) / dynamics.duration

    def step_of_one(x: Tensor, u: Tensor) -> Tensor:
        return dynamics.step(x.unsqueeze(0), u.unsqueeze(0)).squeeze(0)

    step_jacobian = with_readable_torch_errors(vmap(jacfwd(step_of_one)))

    def jacobian(x: Tensor, u: Tensor) -> Tensor:
        # Of the velocity, in place: two passes less over all tangents.
        of_step = step_jacobian(x, u)
        # One derivative for all points, as of a constant step, is stored once.
        if 0 in of_step.stride():
            of_step = of_step.clone()
        of_step.diagonal(dim1=-2, dim2=-1).sub_(1)
        return of_step.div_(dynamics.duration)

    return velocity, jacobian


def _statuses(
    speed: Tensor,
    flat: Tensor,
    lost: Tensor,
    fixed_speed: float | Tensor,
    slow_speed: float | Tensor,
) -> Tensor:
    """Return the status of each end. Later lines overrule earlier ones: a fixed point is slow, too.

    Of starts that the dynamics took towards infinity, `lost`, those from where the search found nothing have
    diverged.
    """
    status = torch.full(speed.shape, int(Status.UNFINISHED), device=speed.device)
    status[flat] = Status.MINIMUM
    status[lost] = Status.DIVERGED
    status[speed <= slow_speed] = Status.SLOW
    status[speed <= fixed_speed] = Status.FIXED
    return status


def _spectra(
    jacobian: _OfStates, states: Tensor, inputs: Tensor, duration: float, rows: int
) -> tuple[Tensor, Tensor]:
    """Return eigenvalues and rates of some points, the fastest growing mode first; so many rows at once."""
    eigenvalues = torch.zeros(0, states.shape[-1], device=states.device).to(
        states.dtype.to_complex()
    )
    for x, u in zip(states.split(rows), inputs.split(rows), strict=True) if len(states) else ():
        with torch.no_grad():
            eigenvalues = torch.cat([eigenvalues, torch.linalg.eigvals(jacobian(x, u))])
    rates = (1 + duration * eigenvalues).abs().log() / duration
    order = rates.argsort(dim=1, descending=True)
    return eigenvalues.gather(1, order), rates.gather(1, order)


def _checked(
    dynamics: Dynamics, inputs: Tensor, starts: Tensor, tolerance: float
) -> tuple[Tensor, Tensor]:
    """Return inputs (point, channel) and starts (point, start, state) in the dynamics' precision."""
    if inputs.ndim != 2 or not len(inputs):
        raise ValueError(f"expected inputs of shape (point, channel), got {tuple(inputs.shape)}")
    if starts.ndim == 2:
        starts = starts.expand(len(inputs), *starts.shape)
    if starts.ndim != 3 or len(starts) != len(inputs) or not starts.shape[1]:
        raise ValueError(
            f"expected starts of shape (start, state) or ({len(inputs)}, start, state) for "
            f"{len(inputs)} inputs, got {tuple(starts.shape)}"
        )
    floor = 100 * torch.finfo(dynamics.dtype).eps
    if not floor <= tolerance < torch.inf:
        raise ValueError(
            f"expected a tolerance of at least {floor:.0e} in {dynamics.dtype}, got {tolerance:g}: "
            "give a larger one, or dynamics in double precision"
        )
    inputs = inputs.to(dynamics.device, dynamics.dtype)
    starts = starts.to(dynamics.device, dynamics.dtype)
    if not (torch.isfinite(inputs).all() and torch.isfinite(starts).all()):
        raise ValueError("expected finite inputs and starts, got values that are not")
    after = first_step(dynamics, starts[:, 0], inputs)
    if after.shape != starts[:, 0].shape:
        raise ValueError(
            f"expected step to return states of shape {tuple(starts[:, 0].shape)}, got "
            f"{tuple(after.shape)}: starts must be full states, as dynamics.initial gives them"
        )
    return inputs, starts


def _scale(states: Tensor) -> float:
    """Return the root mean square distance of states (row, state) from their mean.

    Where all coincide, their norm; 1 if that is 0.
    """
    spread = float((states - states.mean(0)).square().sum(-1).mean().sqrt())
    size = float(states.square().sum(-1).mean().sqrt())
    return spread if spread > 1e-9 * size and spread > 0 else size or 1.0


def _runs_away(starts: Tensor, halfway: Tensor, ends: Tensor, further: Tensor) -> Tensor:
    """Return which states, (row, state), left all starts far behind, and go on to do so.

    `further` is where they would be after as long again, at the speed at which they end.
    """
    centre = starts.mean(0)
    far, before = ((states - centre).norm(dim=-1) for states in (ends, halfway))
    is_far, grew = far > _FAR * _scale(starts), far > _STILL_GROWING * before
    return far.isinf() | (is_far & grew & ((further - ends).norm(dim=-1) > far))
