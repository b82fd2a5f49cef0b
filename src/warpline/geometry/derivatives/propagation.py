"""A state with its first and second derivatives, carried through maps and steps.

Throughout, a *stack* is one tensor (part, point, ...): the value, then its m first derivatives along the
coordinates, then (at second order) the derivatives of the m (m + 1) / 2 pairs i <= j, row by row.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor
from torch.func import jvp, vmap

from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import Family
from warpline.geometry.derivatives.smoothness import explained
from warpline.geometry.derivatives.taylor import Stacked, pairs_of

__all__ = ["advance_of", "coordinate_stack", "observed", "pushed", "start", "unpaired"]

Initial = Callable[[Tensor], Tensor]
BLOCK_STEPS, BLOCK_BYTES = 16, 2**20
"""Steps whose inputs are made at once: at most so many, and about so much memory of kappa's stack."""


def coordinate_stack(kappa: Tensor, second: bool) -> Tensor:
    """Return the stack of kappa itself: kappa, the unit vectors, zeros. (part, point, coordinate)."""
    m = kappa.shape[1]
    stack = kappa.new_zeros(1 + m + (len(pairs_of(m)) if second else 0), *kappa.shape)
    stack[0] = kappa
    for i in range(m):
        stack[1 + i, :, i] = 1
    return stack


def pushed(function: Callable[..., Tensor], stacks: Sequence[Tensor], m: int) -> Tensor:
    """Return the stack of function(value, ...) from those of its arguments, by torch.func alone.

    First order is jvp under vmap over the m tangents, so that the value is computed once; second order
    the jvp of a jvp, under vmap over the pairs.
    """
    values = [stack[0] for stack in stacks]
    firsts = [stack[1 : 1 + m] for stack in stacks]

    def once(*direction: Tensor) -> tuple[Tensor, Tensor]:
        return _jvp(function, values, direction)

    value, images = vmap(once, out_dims=cast(Any, (None, 0)))(*firsts)
    if len(stacks[0]) == 1 + m:
        return torch.cat([value[None], images])

    def twice(*given: Tensor) -> Tensor:
        size = len(values)
        left, right, both = given[:size], given[size : 2 * size], given[2 * size :]

        def along(*point: Tensor) -> Tensor:
            return _jvp(function, point[:size], point[size:])[1]

        return _jvp(along, [*values, *right], [*left, *both])[1]

    rows, columns = zip(*pairs_of(m), strict=True)
    curved = vmap(twice)(
        *(first[list(rows)] for first in firsts),
        *(first[list(columns)] for first in firsts),
        *(stack[1 + m :] for stack in stacks),
    )
    return torch.cat([value[None], images, curved])


def _jvp(
    function: Callable[..., Tensor], point: Sequence[Tensor], direction: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    value, slope, *_ = jvp(function, tuple(point), tuple(direction))
    return value, slope


def start(dynamics: Dynamics, kappa: Tensor, second: bool, initial: Initial | None) -> Tensor:
    """Return the stack of the initial state."""
    given = coordinate_stack(kappa, second)
    if initial is not None:
        return pushed(initial, [given], kappa.shape[1])
    state = dynamics.initial(len(kappa)).to(dynamics.dtype)
    stack = state.new_zeros(len(given), *state.shape)
    stack[0] = state
    return stack


def advance_of(
    dynamics: Dynamics,
    family: Family,
    kappa: Tensor,
    second: bool,
    known: dict[bool, bool] | None = None,
) -> Callable[[Tensor, int], Tensor]:
    """Return the map from one moment's stack and k to the next moment's stack.

    The step's own code runs on stacks (`warpline.geometry.derivatives.taylor`) where it agrees with torch.func,
    which is tried at a few points, and through torch.func where not. What came of that is kept in `known`, by
    order, so that it need not be tried again.
    """
    m = kappa.shape[1]
    given = coordinate_stack(kappa, second)
    known = {} if known is None else known
    block: list[Tensor] = []
    begin = 0
    pieces: dict[int, Tensor] = {}

    def inputs_of(k: int) -> Tensor:
        if family.pieces:
            piece = bisect_right(family.pieces, k) - 1
            if piece not in pieces:
                # Those that are passed do not come again.
                pieces.clear()
                pieces[piece] = pushed(lambda at: family(at, k), [given], m)
            return pieces[piece]
        # A call of torch.func costs more than a small step: inputs are made some steps at a time.
        nonlocal block, begin
        if not begin <= k < begin + len(block):
            begin = k
            size = given.numel() * given.element_size()
            count = max(1, min(BLOCK_STEPS, BLOCK_BYTES // size, family.n_steps - k))

            def several(at: Tensor) -> Tensor:
                return torch.stack([family(at, k + i) for i in range(count)], dim=1)

            block = [part.contiguous() for part in pushed(several, [given], m).unbind(2)]
        return block[k - begin]

    def advance(stack: Tensor, k: int) -> Tensor:
        inputs = inputs_of(min(k, family.n_steps - 1))
        if second not in known:
            known[second] = _stacks_pass(dynamics.step, stack, inputs, m)
        if known[second]:
            return cast(Stacked, dynamics.step(Stacked(stack, m), Stacked(inputs, m))).parts  # type: ignore[arg-type]
        return pushed(dynamics.step, [stack, inputs], m)

    return explained(advance)


def _stacks_pass(
    step: Callable[[Tensor, Tensor], Tensor], state: Tensor, inputs: Tensor, m: int
) -> bool:
    """Return whether the step's code gives on stacks what torch.func gives, at a few made-up states."""
    stacks = []
    for stack in (state, inputs):
        part = stack[:, :4]
        count = torch.arange(part.numel(), dtype=part.dtype, device=part.device)
        stacks.append(part + 0.5 * torch.sin(12.9898 * count).reshape(part.shape))
    exact = pushed(step, stacks, m)
    try:
        found = step(*(Stacked(stack, m) for stack in stacks))  # type: ignore[arg-type]
    except Exception:
        # Whatever it was that stacks cannot do: torch.func could.
        return False
    if not isinstance(found, Stacked) or found.parts.shape != exact.shape:
        return False
    close = 1e3 * torch.finfo(exact.dtype).eps
    return torch.allclose(found.parts, exact, rtol=close, atol=close, equal_nan=True)


def observed(dynamics: Dynamics, stack: Tensor, m: int) -> Tensor:
    """Return the stack of what the dynamics observe; the same tensor where it is the state itself."""
    if dynamics.observe(stack[0, :1]).shape != stack[0, :1].shape:
        return pushed(dynamics.observe, [stack], m)
    state = stack[0]
    return stack if dynamics.observe(state) is state else pushed(dynamics.observe, [stack], m)


@lru_cache
def _places(m: int) -> Tensor:
    places = torch.empty(m, m, dtype=torch.long)
    for place, (i, j) in enumerate(pairs_of(m)):
        places[i, j] = places[j, i] = place
    return places


def unpaired(pairs: Tensor, m: int) -> Tensor:
    """Return second derivatives (point, coordinate, coordinate, unit) from those of the pairs i <= j."""
    return pairs[_places(m).to(pairs.device)].movedim(2, 0)
