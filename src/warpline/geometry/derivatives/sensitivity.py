"""Forward sensitivity: states and tangent vectors of a network over a manifold of inputs.

With inputs u(t; kappa), kappa in R^m, and states x_{k+1} = F(x_k, u_k(kappa)), the tangent vectors
a_i = dx/dkappa_i obey

    a_i(k+1) = F_x a_i(k) + F_u du_k/dkappa_i,            a_i(0) = dx_0/dkappa_i (usually 0),

and their derivatives b_ij = d^2 x/dkappa_i dkappa_j obey

    b_ij(k+1) = F_x b_ij(k) + D^2 F[(a_i, e_i), (a_j, e_j)],

where F is taken as a map of (x, kappa), so that its second derivative holds F_u d^2u/dkappa_i dkappa_j
too. Both are carried along with the state: no Jacobian is formed, and one time step is held at a time.
(Pellegrino and Chadwick 2025 call a the adjoint; the adjoint proper, lambda_k = F_x^T lambda_{k+1}, gives
the same numbers and is a test here.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import takes_arrays
from warpline.geometry.derivatives.dynamics import Dynamics, dynamics_of, first_step
from warpline.geometry.derivatives.input_manifold import Coordinate, InputManifold
from warpline.geometry.derivatives.left_alone import left_alone
from warpline.geometry.derivatives.propagation import (
    Initial,
    advance_of,
    initial_state,
    observe,
)
from warpline.geometry.derivatives.smoothness import check_differentiable
from warpline.geometry.derivatives.taylor import TaylorTensor

__all__ = ["Tangents", "TimeStep", "stream", "tangents"]

Progress = Callable[[int, int], None]
CACHE_NUMBERS = 2**18
"""Numbers of a Taylor tensor that are taken at once: 2 MiB of float64."""


@dataclass(frozen=True, repr=False)
class TimeStep(ShortRepr):
    """States and derivatives at one time step, before input u_k is taken.

    Attributes
    ----------
    step : int
        k: 0 is the initial state, n_steps the state after the last input.
    full : TaylorTensor, shape (point, state)
        The full state with its derivatives: all that the next step depends on.
    observed : TaylorTensor, shape (point, unit)
        What the dynamics observe of it; the same object where they observe all of it.
    velocity : Tensor, shape (point, unit)
        f_k = (state_{k+1} - state_k) / duration, with u_k held; per time constant.
    """

    step: int
    full: TaylorTensor
    observed: TaylorTensor
    velocity: Tensor

    @property
    def full_state(self) -> Tensor:
        """The full state, (point, state)."""
        return self.full.value

    @property
    def state(self) -> Tensor:
        """The observed state, (point, unit)."""
        return self.observed.value

    @property
    def inputs(self) -> Tensor:
        """Tangent vectors of the coordinates, a_i = d state / d kappa_i: (point, coordinate, unit)."""
        return self.observed.first

    @property
    def second(self) -> Tensor | None:
        """d^2 state / d kappa_i d kappa_j, (point, coordinate, coordinate, unit); None at first order."""
        return self.observed.second

    @property
    def vectors(self) -> Tensor:
        """All tangent vectors, the coordinates first and f last: (point, tangent, unit)."""
        return torch.cat([self.inputs, self.velocity[:, None]], dim=1)


@dataclass(frozen=True, repr=False)
class Tangents(ShortRepr):
    """States and tangent vectors over points and time steps.

    Attributes
    ----------
    kappa : Tensor, shape (point, coordinate)
    time_steps : tuple of int
        Those that were kept.
    coordinates : tuple of Coordinate
    duration : float
        Of a step, in time constants.
    full_states : Tensor, shape (point, time, state)
    states : Tensor, shape (point, time, unit)
        The observed states; the same tensor as `full_states` where all of the state is observed.
    vectors : Tensor, shape (point, time, tangent, unit)
        The m coordinates first, then f.
    second : Tensor, shape (point, time, coordinate, coordinate, unit), optional
    """

    kappa: Tensor
    time_steps: tuple[int, ...]
    coordinates: tuple[Coordinate, ...]
    duration: float
    full_states: Tensor
    states: Tensor
    vectors: Tensor
    second: Tensor | None = None

    @property
    def inputs(self) -> Tensor:
        """Tangent vectors of the coordinates, a: (point, time, coordinate, unit)."""
        return self.vectors[:, :, :-1]

    @property
    def velocity(self) -> Tensor:
        """Velocity f, per time constant: (point, time, unit)."""
        return self.vectors[:, :, -1]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tangent vectors: those of the coordinates, then ``time``."""
        return (*(c.name for c in self.coordinates), "time")


@takes_arrays
def tangents(
    model: nn.Module | Dynamics,
    inputs: InputManifold,
    kappa: Tensor,
    at: Sequence[int] | None = None,
    second: bool = False,
    initial: Initial | None = None,
    chunk: int | None = None,
    progress: Progress | None = None,
    check: bool = True,
) -> Tangents:
    """Return states and tangent vectors at some time steps, exact in float64.

    Parameters
    ----------
    model : torch.nn.Module or Dynamics
        A module that fulfils `warpline.models.base.Stepwise`, or dynamics made by hand.
    inputs : InputManifold
        Inputs u(t; kappa).
    kappa : Tensor, shape (point, coordinate)
    at : sequence of int, optional
        Time steps to keep, each once, in rising order; by default all of 0 to n_steps. Memory holds
        these, and one more. Past n_steps the last input is held.
    second : bool
        Whether to carry the second derivatives too.
    initial : callable, optional
        Initial states that depend on kappa: (point, coordinate) to (point, state).
    chunk : int, optional
        Points taken at once, which bounds the memory beside the result. By default as many as fit a
        processor's cache, which is the quickest.
    progress : callable, optional
        Called as ``progress(done, total)``, in steps, over all chunks.
    check : bool
        Whether to make sure first that the step is differentiable (at 4 points; see
        `warpline.geometry.derivatives.smoothness`).

    Raises
    ------
    ValueError
        When kappa is outside its domain, or a time step or the chunk is not valid.
    TypeError
        When the step is not differentiable, or is not a function of state and inputs alone.

    Notes
    -----
    Where an activation has a kink (relu at 0), its derivative there is the one that torch takes (0).
    Second derivatives are those of the pieces, without the kink's delta.
    """
    dynamics, kappa = prepare(model, inputs, kappa, initial, check)
    time_steps = checked_time_steps(at, inputs)
    total, first_row = time_steps[-1] + 1, 0
    blocks = kappa.split(chunk_size(chunk, dynamics, kappa, second))

    # Each block of points runs through all time steps; its rows of the result are filled on the way.
    results: dict[str, Tensor] = {}
    for number, block in enumerate(blocks):
        rows = slice(first_row, first_row + len(block))
        for column, time_step in enumerate(
            stream(
                dynamics, inputs, block, at=time_steps, second=second, initial=initial, check=False,
                progress=offset_progress(progress, number * total, total * len(blocks)),
            )
        ):  # fmt: skip
            fields = {"states": time_step.state, "vectors": time_step.vectors}
            if second:
                fields["second"] = time_step.second  # type: ignore[assignment]
            if time_step.observed is not time_step.full:
                fields["full_states"] = time_step.full_state
            for name, tensor in fields.items():
                if name not in results:
                    shape = (len(kappa), len(time_steps), *tensor.shape[1:])
                    results[name] = tensor.new_empty(shape)
                results[name][rows, column] = tensor
        first_row += len(block)
    results.setdefault("full_states", results["states"])
    return Tangents(
        kappa=kappa,
        time_steps=time_steps,
        coordinates=inputs.coordinates,
        duration=dynamics.duration,
        **results,
    )


@takes_arrays
@torch.no_grad()
def stream(
    model: nn.Module | Dynamics,
    inputs: InputManifold,
    kappa: Tensor,
    at: Sequence[int] | None = None,
    second: bool = False,
    initial: Initial | None = None,
    progress: Progress | None = None,
    check: bool = True,
) -> Iterator[TimeStep]:
    """Yield some time steps one after the other, holding one at a time.

    Parameters and errors as `tangents`. The tensors of a time step may share memory with the next
    step's arithmetic: do not change them in place.
    """
    dynamics, kappa = prepare(model, inputs, kappa, initial, check)
    time_steps = checked_time_steps(at, inputs)
    requested, last = set(time_steps), time_steps[-1]
    advance = advance_of(dynamics, inputs, kappa, second)
    state = initial_state(dynamics, kappa, second, initial, inputs.coordinates)
    for k in range(last + 1):
        if k < last:
            following = advance(state, k)
            following_value = following.value
        else:
            # The last velocity needs the following state without its derivatives.
            following_value = dynamics.step(state.value, inputs(kappa, k))
        if k in requested:
            observed = observe(dynamics, state)
            change = dynamics.observe(following_value) - observed.value
            yield TimeStep(k, state, observed, change / dynamics.duration)
        if k < last:
            state = following
        if progress is not None:
            progress(k + 1, last + 1)


def prepare(
    model: nn.Module | Dynamics,
    inputs: InputManifold,
    kappa: Tensor,
    initial: Initial | None,
    check: bool,
) -> tuple[Dynamics, Tensor]:
    """Return dynamics and kappa in their precision, after checking both.

    Raises
    ------
    ValueError
        When kappa is outside its domain, or has no points.
    TypeError
        When the step is not differentiable, or has another precision than the dynamics.
    """
    dynamics = model if isinstance(model, Dynamics) else dynamics_of(model)
    kappa = torch.as_tensor(kappa).to(dynamics.device, dynamics.dtype)
    inputs.check(kappa)
    if not len(kappa):
        raise ValueError("expected at least one point kappa, got none")
    two = kappa[:1].repeat(2, 1)
    first_inputs = left_alone("inputs", lambda points: inputs(points, 0), two)
    if (shape := tuple(first_inputs.shape)[:-1]) != (2,):
        # A row too few would be spread over all points.
        raise ValueError(f"expected inputs (point, channel) of 2 points, got {shape} and channels")
    one = kappa[:1]
    first = dynamics.initial(1) if initial is None else initial(one)
    first_step(dynamics, first, first_inputs[:1])
    if check:
        check_differentiable(dynamics, inputs, kappa, initial)
    return dynamics, kappa


def checked_time_steps(at: Sequence[int] | None, inputs: InputManifold) -> tuple[int, ...]:
    """Return the time steps to keep: those of `at`, or all.

    Raises
    ------
    ValueError
        When there are none, one is negative, or they do not rise.
    """
    time_steps = tuple(range(inputs.n_steps + 1)) if at is None else tuple(int(k) for k in at)
    rising = all(a < b for a, b in pairwise(time_steps))
    if not time_steps or time_steps[0] < 0 or not rising:
        raise ValueError(
            f"expected time steps `at` in rising order, from 0 (the initial state) to {inputs.n_steps} "
            f"(after the last input) or later; got {list(time_steps)}"
        )
    return time_steps


def chunk_size(chunk: int | None, dynamics: Dynamics, kappa: Tensor, second: bool = False) -> int:
    """Return the number of points taken at once; by default a Taylor tensor fits a core's cache.

    Raises
    ------
    ValueError
        When the chunk is below 1 point.
    """
    points, m = kappa.shape
    if chunk is None:
        numbers = dynamics.initial(1).numel() * (1 + m + (m * (m + 1) // 2 if second else 0))
        chunk = max(64, CACHE_NUMBERS // numbers)
    if chunk < 1:
        raise ValueError(f"expected a chunk of at least 1 point, got {chunk}")
    return min(chunk, points)


def offset_progress(progress: Progress | None, offset: int, total: int) -> Progress | None:
    """Return a callback for a share of the work that starts at `offset` of `total`."""
    if progress is None:
        return None
    return lambda done, _: progress(offset + done, total)
