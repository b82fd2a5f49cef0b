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
from itertools import pairwise

import torch
from torch import Tensor, nn

from warpline.geometry.derivatives.dynamics import Dynamics, dynamics_of
from warpline.geometry.derivatives.input_manifold import Coordinate, Family
from warpline.geometry.derivatives.propagation import Initial, advance_of, observed, start, unpaired
from warpline.geometry.derivatives.smoothness import check_differentiable

__all__ = ["Moment", "Tangents", "stream", "tangents"]

Progress = Callable[[int, int], None]
CACHE_NUMBERS = 2**18
"""Numbers in a stack that are taken at once: 2 MiB of float64."""


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
        Points taken at once, which bounds what is held beside the result; by default as many as fit
        a processor's cache, which is the quickest.
    progress : callable, optional
        Called as ``progress(done, total)``, in steps, over all chunks.
    check : bool
        Whether to make sure first that the step is differentiable (at 4 points; see
        `warpline.geometry.derivatives.smoothness`).

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
    total, done = moments[-1] + 1, 0
    blocks = kappa.split(chunk_size(chunk, dynamics, kappa, second))
    kept: dict[str, Tensor] = {}
    for number, block in enumerate(blocks):
        here = slice(done, done + len(block))
        for place, moment in enumerate(
            stream(
                dynamics, family, block, at=moments, second=second, initial=initial, check=False,
                progress=shifted(progress, number * total, total * len(blocks)),
            )
        ):  # fmt: skip
            fields = {"states": moment.state, "vectors": moment.vectors}
            if second:
                fields["second"] = moment.second  # type: ignore[assignment]
            if moment.whole is not moment.state:
                fields["whole"] = moment.whole
            for name, tensor in fields.items():
                if name not in kept:
                    shape = (len(kappa), len(moments), *tensor.shape[1:])
                    kept[name] = tensor.new_empty(shape)
                kept[name][here, place] = tensor
        done += len(block)
    kept.setdefault("whole", kept["states"])
    return Tangents(
        kappa=kappa,
        moments=moments,
        coordinates=family.coordinates,
        duration=dynamics.duration,
        **kept,
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
    m = kappa.shape[1]
    advance = advance_of(dynamics, family, kappa, second)
    stack = start(dynamics, kappa, second, initial)
    for k in range(moments[-1] + 1):
        if k < moments[-1]:
            following = advance(stack, k)
        else:
            # For the last velocity, states alone suffice.
            following = dynamics.step(stack[0], family(kappa, k))[None]
        if k in asked:
            seen = observed(dynamics, stack, m)
            state = stack[0] if seen is stack else seen[0]
            yield Moment(
                k=k,
                whole=stack[0] if seen is not stack else state,
                state=state,
                inputs=seen[1 : 1 + m].movedim(0, 1),
                velocity=(dynamics.observe(following[0]) - state) / dynamics.duration,
                second=unpaired(seen[1 + m :], m) if second else None,
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
    rising = all(a < b for a, b in pairwise(moments))
    if not moments or moments[0] < 0 or not rising:
        raise ValueError(
            f"expected moments `at` in rising order, from 0 (the initial state) to {family.n_steps} "
            f"(after the last input) or later; got {list(moments)}"
        )
    return moments


def chunk_size(chunk: int | None, dynamics: Dynamics, kappa: Tensor, second: bool = False) -> int:
    """Return the number of points taken at once: as asked, or so that a stack fits a core's cache."""
    points, m = kappa.shape
    if chunk is None:
        numbers = dynamics.initial(1).numel() * (1 + m + (m * (m + 1) // 2 if second else 0))
        chunk = max(64, CACHE_NUMBERS // numbers)
    if chunk < 1:
        raise ValueError(f"expected a chunk of at least 1 point, got {chunk}")
    return min(chunk, points)


def shifted(progress: Progress | None, done: int, total: int) -> Progress | None:
    """Return a callback for a part of the work that starts at `done` of `total`."""
    if progress is None:
        return None
    return lambda here, _: progress(done + here, total)
