"""Forward sensitivity: states and tangent vectors of a network over a manifold of inputs.

With inputs u(t; kappa), kappa in R^m, and states x_{k+1} = F(x_k, u_k(kappa)), the tangent vectors
a_i = dx/dkappa_i obey

    a_i(k+1) = F_x a_i(k) + F_u du_k/dkappa_i,            a_i(0) = dx_0/dkappa_i (usually 0),

and their derivatives b_ij = d^2 x/dkappa_i dkappa_j obey

    b_ij(k+1) = F_x b_ij(k) + D^2 F[(a_i, e_i), (a_j, e_j)],

where F is taken as a map of (x, kappa), so that its second derivative holds F_u d^2u/dkappa_i dkappa_j
too. Both are carried along with the state, so that no Jacobian is formed and nothing but the current
moment is held. (Paper B calls a the adjoint; the adjoint proper, lambda_k = F_x^T lambda_{k+1}, gives
the same numbers and is a test here.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import jvp, vmap

from warpline.geometry.dynamics import Dynamics, dynamics_of
from warpline.geometry.families import Coordinate, Family
from warpline.geometry.smoothness import check_differentiable, explained

__all__ = ["Moment", "Tangents", "stream", "tangents"]

Initial = Callable[[Tensor], Tensor]
Progress = Callable[[int, int], None]
Stack = tuple[Tensor, Tensor, Tensor | None]
"""State (point, state), its first derivatives (coordinate, point, state), second ones (pair, point, state)."""


@dataclass(frozen=True)
class Moment:
    """One moment of time: before input u_k is taken.

    Attributes
    ----------
    k : int
        Moment 0 is the initial state, moment n_steps the state after the last input.
    whole : Tensor, shape (point, state)
        All that recurs.
    state : Tensor, shape (point, unit)
        What the dynamics observe of it; the same tensor where they observe all of it.
    inputs : Tensor, shape (point, coordinate, unit)
        a_i = d state / d kappa_i.
    velocity : Tensor, shape (point, unit)
        f_k = (state_{k+1} - state_k) / duration, with u_k held; per time constant.
    second : Tensor, shape (point, coordinate, coordinate, unit), optional
        d^2 state / d kappa_i d kappa_j.
    """

    k: int
    whole: Tensor
    state: Tensor
    inputs: Tensor
    velocity: Tensor
    second: Tensor | None = None

    @property
    def vectors(self) -> Tensor:
        """All tangent vectors, the coordinates first and f last: (point, tangent, unit)."""
        return torch.cat([self.inputs, self.velocity[:, None]], dim=1)


@dataclass(frozen=True)
class Tangents:
    """States and tangent vectors over points and moments.

    Attributes
    ----------
    kappa : Tensor, shape (point, coordinate)
    moments : tuple of int
    coordinates : tuple of Coordinate
    duration : float
        Of a step, in time constants.
    whole : Tensor, shape (point, time, state)
    states : Tensor, shape (point, time, unit)
        What is observed; the same tensor as `whole` where all of it is.
    vectors : Tensor, shape (point, time, tangent, unit)
        The m coordinates first, then f.
    second : Tensor, shape (point, time, coordinate, coordinate, unit), optional
    """

    kappa: Tensor
    moments: tuple[int, ...]
    coordinates: tuple[Coordinate, ...]
    duration: float
    whole: Tensor
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


def tangents(
    model: nn.Module | Dynamics,
    family: Family,
    kappa: Tensor,
    at: Sequence[int] | None = None,
    second: bool = False,
    initial: Initial | None = None,
    chunk: int | None = None,
    progress: Progress | None = None,
    check: bool = True,
) -> Tangents:
    """Return states and tangent vectors at the moments asked for, exact in float64.

    Parameters
    ----------
    model : torch.nn.Module or Dynamics
        A module that fulfils `warpline.models.base.Stepwise`, or dynamics made by hand.
    family : Family
        Inputs u(t; kappa).
    kappa : Tensor, shape (point, coordinate)
    at : sequence of int, optional
        Moments to keep, each once, in rising order; by default all of 0 to n_steps. Memory holds
        these, and one moment more. Past n_steps the last input is held.
    second : bool
        Whether to carry the second derivatives too.
    initial : callable, optional
        Initial states that depend on kappa: (point, coordinate) to (point, state).
    chunk : int, optional
        Points taken at once: bounds what is held beside the result.
    progress : callable, optional
        Called as ``progress(done, total)``, in steps, over all chunks.
    check : bool
        Whether to make sure first that the step is differentiable (at 4 points; see
        `warpline.geometry.smoothness`).

    Raises
    ------
    ValueError
        When kappa is outside its domain, or a moment or the chunk is not valid.
    TypeError
        When the step is not differentiable, or is not a function of state and inputs alone.

    Notes
    -----
    Where an activation has a kink (relu at 0), its derivative there is the one that torch takes (0);
    second derivatives are those of the pieces, without the kink's delta.
    """
    dynamics, kappa = prepare(model, family, kappa, initial, check)
    moments = chosen(at, family)
    size = chunk_size(chunk, len(kappa))
    blocks = kappa.split(size)
    collected: list[list[Tensor | None]] = []
    total = len(blocks) * (moments[-1] + 1)
    for number, block in enumerate(blocks):
        kept = []
        for moment in stream(
            dynamics, family, block, at=moments, second=second, initial=initial, check=False,
            progress=_shifted(progress, number * (moments[-1] + 1), total),
        ):  # fmt: skip
            kept.append(moment)
        collected.append(
            [
                torch.stack([m.whole for m in kept], 1)
                if kept[0].whole is not kept[0].state
                else None,
                torch.stack([m.state for m in kept], 1),
                torch.stack([m.vectors for m in kept], 1),
                torch.stack([m.second for m in kept], 1) if second else None,  # type: ignore[misc]
            ]
        )
        del kept
    whole, states, vectors, twice = (
        None if parts[0] is None else torch.cat(parts) if len(parts) > 1 else parts[0]
        for parts in zip(*collected, strict=True)
    )
    return Tangents(
        kappa=kappa,
        moments=moments,
        coordinates=family.coordinates,
        duration=dynamics.duration,
        whole=states if whole is None else whole,
        states=states,
        vectors=vectors,
        second=twice,
    )


@torch.no_grad()
def stream(
    model: nn.Module | Dynamics,
    family: Family,
    kappa: Tensor,
    at: Sequence[int] | None = None,
    second: bool = False,
    initial: Initial | None = None,
    progress: Progress | None = None,
    check: bool = True,
) -> Iterator[Moment]:
    """Yield the moments asked for, one after the other, holding one at a time.

    Parameters and errors as `tangents`. The tensors of a moment may share memory with the next step's
    arithmetic: do not change them in place.
    """
    dynamics, kappa = prepare(model, family, kappa, initial, check)
    moments = chosen(at, family)
    asked = set(moments)
    advance = advance_of(dynamics, family, kappa)
    stack = start(dynamics, kappa, second, initial)
    for k in range(moments[-1] + 1):
        last = k == moments[-1]
        following: Stack = (
            (dynamics.step(stack[0], family(kappa, k)), stack[1], None)
            if last
            else advance(stack, k)
        )
        if k in asked:
            state, first, twice = observed(dynamics, stack)
            ahead = dynamics.observe(following[0])
            yield Moment(
                k=k,
                whole=stack[0],
                state=state,
                inputs=first.movedim(0, 1),
                velocity=(ahead - state) / dynamics.duration,
                second=None if twice is None else unpaired(twice, kappa.shape[1]),
            )
        stack = following
        if progress is not None:
            progress(k + 1, moments[-1] + 1)


def prepare(
    model: nn.Module | Dynamics,
    family: Family,
    kappa: Tensor,
    initial: Initial | None,
    check: bool,
) -> tuple[Dynamics, Tensor]:
    """Return dynamics and kappa in their precision, after checking both."""
    dynamics = model if isinstance(model, Dynamics) else dynamics_of(model)
    kappa = torch.as_tensor(kappa).to(dynamics.device, dynamics.dtype)
    family.check(kappa)
    if not len(kappa):
        raise ValueError("expected at least one point kappa, got none")
    if check:
        check_differentiable(dynamics, family, kappa, initial)
    return dynamics, kappa


def chosen(at: Sequence[int] | None, family: Family) -> tuple[int, ...]:
    """Return the moments to keep, checked."""
    moments = tuple(range(family.n_steps + 1)) if at is None else tuple(int(k) for k in at)
    rising = all(a < b for a, b in zip(moments, moments[1:], strict=False))
    if not moments or moments[0] < 0 or not rising:
        raise ValueError(
            f"expected moments `at` in rising order, from 0 (the initial state) to {family.n_steps} "
            f"(after the last input) or later; got {list(moments)}"
        )
    return moments


def chunk_size(chunk: int | None, points: int) -> int:
    """Return the number of points taken at once, checked."""
    if chunk is not None and chunk < 1:
        raise ValueError(f"expected a chunk of at least 1 point, got {chunk}")
    return min(chunk or points, points)


def start(dynamics: Dynamics, kappa: Tensor, second: bool, initial: Initial | None) -> Stack:
    """Return the initial state with its derivatives."""
    points, m = kappa.shape
    rows, columns = torch.triu_indices(m, m)
    if initial is None:
        state = dynamics.initial(points).to(dynamics.dtype)
        first = state.new_zeros(m, *state.shape)
        return state, first, state.new_zeros(len(rows), *state.shape) if second else None
    basis = directions(kappa)

    def once(e: Tensor) -> tuple[Tensor, Tensor]:
        return jvp(initial, (kappa,), (e,))  # type: ignore[no-any-return]

    def twice(e: Tensor, g: Tensor) -> Tensor:
        return jvp(lambda at: jvp(initial, (at,), (g,))[1], (kappa,), (e,))[1]  # type: ignore[no-any-return]

    state, first = vmap(once, out_dims=(None, 0))(basis)
    return state, first, vmap(twice)(basis[rows], basis[columns]) if second else None


def directions(kappa: Tensor) -> Tensor:
    """Return the unit vectors e_i at every point, shape (coordinate, point, coordinate)."""
    points, m = kappa.shape
    return torch.eye(m, dtype=kappa.dtype, device=kappa.device)[:, None].expand(m, points, m)


def advance_of(dynamics: Dynamics, family: Family, kappa: Tensor) -> Callable[[Stack, int], Stack]:
    """Return the map from one moment's stack to the next, by nested jvp under vmap.

    The state itself is not batched over tangents, so that it is computed once per step.
    """
    basis = directions(kappa)
    rows, columns = torch.triu_indices(kappa.shape[1], kappa.shape[1])

    def advance(stack: Stack, k: int) -> Stack:
        def step(state: Tensor, at: Tensor) -> Tensor:
            return dynamics.step(state, family(at, k))

        return pushed(step, (stack[0], kappa), stack, basis, rows, columns)

    return explained(advance)


def pushed(
    function: Callable[..., Tensor],
    at: tuple[Tensor, ...],
    stack: Stack,
    basis: Tensor | None,
    rows: Tensor,
    columns: Tensor,
) -> Stack:
    """Return value, first and second derivatives of a map of the state (and of kappa, with a basis)."""
    _, first, second = stack
    extra = () if basis is None else (basis,)

    def once(*direction: Tensor) -> tuple[Tensor, Tensor]:
        return jvp(function, at, direction)  # type: ignore[no-any-return]

    value, images = vmap(once, out_dims=(None, 0))(first, *extra)
    if second is None:
        return value, images, None

    def twice(b: Tensor, *pair: Tensor) -> Tensor:
        left, right = pair[: len(at)], pair[len(at) :]

        def along(*point: Tensor) -> Tensor:
            moving = (point[-1], *right[1:])
            return jvp(function, point[:-1], moving)[1]  # type: ignore[no-any-return]

        return jvp(along, (*at, right[0]), (*left, b))[1]  # type: ignore[no-any-return]

    left = [first[rows], *(e[rows] for e in extra)]
    right = [first[columns], *(e[columns] for e in extra)]
    return value, images, vmap(twice)(second, *left, *right)


def observed(dynamics: Dynamics, stack: Stack) -> Stack:
    """Return what the dynamics observe of a stack: (point, unit) and its derivatives."""
    state = dynamics.observe(stack[0])
    if state is stack[0]:
        return stack
    m = len(stack[1])
    rows, columns = torch.triu_indices(m, m)
    return pushed(dynamics.observe, (stack[0],), stack, None, rows, columns)


def unpaired(pairs: Tensor, m: int) -> Tensor:
    """Return second derivatives (point, coordinate, coordinate, unit) from those of pairs i <= j."""
    rows, columns = torch.triu_indices(m, m)
    index = torch.empty(m, m, dtype=torch.long)
    index[rows, columns] = index[columns, rows] = torch.arange(len(rows))
    return pairs[index].movedim(2, 0)


def _shifted(progress: Progress | None, done: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda here, _: progress(done + here, total)
