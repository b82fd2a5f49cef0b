"""A network's state with its first and second derivatives, carried from step to step."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import InputManifold
from warpline.geometry.derivatives.smoothness import with_readable_torch_errors
from warpline.geometry.derivatives.taylor import TaylorTensor, push_forward

__all__ = ["Initial", "advance_of", "initial_state", "observe"]

Initial = Callable[[Tensor], Tensor]
"""Initial states that depend on kappa: (point, coordinate) to (point, state)."""
BLOCK_STEPS, BLOCK_BYTES = 16, 2**20
"""Steps whose inputs are made at once: at most so many, and about so much memory of kappa's derivatives."""
PROBED_POINTS = 4
"""Points at which Taylor arithmetic is compared with torch.func."""


def initial_state(
    dynamics: Dynamics, kappa: Tensor, second: bool, initial: Initial | None
) -> TaylorTensor:
    """Return the initial state, with derivatives: 0 unless `initial` is given."""
    if initial is not None:
        return push_forward(initial, TaylorTensor.variable(kappa, second))
    state = dynamics.initial(len(kappa)).to(dynamics.dtype)
    return TaylorTensor.constant(state, kappa.shape[1], second)


def advance_of(
    dynamics: Dynamics,
    manifold: InputManifold,
    kappa: Tensor,
    second: bool,
    agreement: dict[bool, bool] | None = None,
) -> Callable[[TaylorTensor, int], TaylorTensor]:
    """Return the map from the state at step k, and k, to the state at step k + 1.

    The step's own code runs on Taylor tensors where these agree with torch.func, which is tried at a few
    points; elsewhere the whole step goes through torch.func.

    Parameters
    ----------
    dynamics : Dynamics
    manifold : InputManifold
    kappa : Tensor, shape (point, coordinate)
    second : bool
        Whether second derivatives are carried.
    agreement : dict of bool to bool, optional
        Outcome of that trial by `second`. It is filled in, so that a later call need not try again.
    """
    m = kappa.shape[1]
    variable = TaylorTensor.variable(kappa, second)
    agreement = {} if agreement is None else agreement
    block: list[TaylorTensor] = []
    block_start = 0
    pieces: dict[int, TaylorTensor] = {}

    def inputs_at(k: int) -> TaylorTensor:
        # Inputs known to be constant in pieces are differentiated once for each piece.
        if manifold.pieces:
            piece = bisect_right(manifold.pieces, k) - 1
            if piece not in pieces:
                # Pieces that are passed do not come again.
                pieces.clear()
                pieces[piece] = push_forward(lambda at: manifold(at, k), variable)
            return pieces[piece]
        # A call of torch.func costs more than a small step: inputs are made some steps at a time.
        nonlocal block, block_start
        if not block_start <= k < block_start + len(block):
            block_start = k
            size = variable.coefficients.numel() * variable.coefficients.element_size()
            count = max(1, min(BLOCK_STEPS, BLOCK_BYTES // size, manifold.n_steps - k))

            def several_steps(at: Tensor) -> Tensor:
                return torch.stack([manifold(at, k + i) for i in range(count)], dim=1)

            steps = push_forward(several_steps, variable).coefficients.unbind(2)
            block = [TaylorTensor(step.contiguous(), m) for step in steps]
        return block[k - block_start]

    def advance(state: TaylorTensor, k: int) -> TaylorTensor:
        inputs = inputs_at(min(k, manifold.n_steps - 1))
        if second not in agreement:
            agreement[second] = _agrees_with_torch_func(dynamics.step, state, inputs)
        if agreement[second]:
            return cast(TaylorTensor, dynamics.step(state, inputs))  # type: ignore[arg-type]
        return push_forward(dynamics.step, state, inputs)

    return with_readable_torch_errors(advance)


def _agrees_with_torch_func(
    step: Callable[[Tensor, Tensor], Tensor], state: TaylorTensor, inputs: TaylorTensor
) -> bool:
    """Return whether the step's code gives on Taylor tensors what torch.func gives.

    Tried at a few states and inputs made up by a deterministic disturbance, so that no derivative is 0.
    """
    probes = []
    for argument in (state, inputs):
        coefficients = argument.coefficients[:, :PROBED_POINTS]
        count = torch.arange(
            coefficients.numel(), dtype=coefficients.dtype, device=coefficients.device
        )
        disturbance = 0.5 * torch.sin(12.9898 * count).reshape(coefficients.shape)
        probes.append(TaylorTensor(coefficients + disturbance, argument.m))
    exact = push_forward(step, *probes).coefficients
    try:
        following = step(*probes)  # type: ignore[arg-type]
    except Exception:
        # Whatever it was that Taylor tensors cannot do: torch.func could.
        return False
    if not isinstance(following, TaylorTensor) or following.coefficients.shape != exact.shape:
        return False
    tolerance = 1e3 * torch.finfo(exact.dtype).eps
    return torch.allclose(
        following.coefficients, exact, rtol=tolerance, atol=tolerance, equal_nan=True
    )


def observe(dynamics: Dynamics, state: TaylorTensor) -> TaylorTensor:
    """Return the observed state; the same object where the dynamics observe the full state."""
    value = state.value
    # A map to another shape cannot be the identity: asked of one point, before all of them are mapped.
    if dynamics.observe(value[:1]).shape == value[:1].shape and dynamics.observe(value) is value:
        return state
    return push_forward(dynamics.observe, state)
