"""A network's state with its first and second derivatives, carried from step to step."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import torch
from torch import Tensor

from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import Coordinate, InputManifold
from warpline.geometry.derivatives.smoothness import (
    PROBES,
    check_second_derivative,
    check_second_derivative_on,
    with_readable_torch_errors,
)
from warpline.geometry.derivatives.taylor import TaylorTensor, push_forward

__all__ = ["Initial", "Tried", "advance_of", "initial_state", "observe"]

Initial = Callable[[Tensor], Tensor]
"""Initial states that depend on kappa: (point, coordinate) to (point, state)."""
BLOCK_STEPS, BLOCK_BYTES = 16, 2**20
"""Steps whose inputs are made at once: at most so many, and about so much memory of kappa's derivatives."""
Tried = tuple[bool, int | str]
"""What was tried: with second derivatives or without; inputs by their piece or first step, or a name."""
_STEP, _INITIAL = "the step", "the initial state"


def initial_state(
    dynamics: Dynamics,
    kappa: Tensor,
    second: bool,
    initial: Initial | None,
    coordinates: tuple[Coordinate, ...],
    agreement: dict[Tried, bool] | None = None,
) -> TaylorTensor:
    """Return the initial state, with derivatives: 0 unless `initial` is given.

    `coordinates` of kappa; `agreement` as in `advance_of`.
    """
    if initial is not None:
        if second:
            tried = {} if agreement is None else agreement
            _check_once(_INITIAL, _INITIAL, initial, kappa, coordinates, tried)
        return push_forward(initial, TaylorTensor.variable(kappa, second))
    state = dynamics.initial(len(kappa)).to(dynamics.dtype)
    return TaylorTensor.constant(state, kappa.shape[1], second)


def advance_of(
    dynamics: Dynamics,
    manifold: InputManifold,
    kappa: Tensor,
    second: bool,
    agreement: dict[Tried, bool] | None = None,
) -> Callable[[TaylorTensor, int], TaylorTensor]:
    """Return the map from the state at step k, and k, to the state at step k + 1.

    The code of the step, and of inputs that are constant in pieces, runs on Taylor tensors where these agree
    with torch.func, which is tried at a few points; elsewhere all of it goes through torch.func.

    Parameters
    ----------
    dynamics : Dynamics
    manifold : InputManifold
    kappa : Tensor, shape (point, coordinate)
    second : bool
        Whether second derivatives are carried.
    agreement : dict of Tried to bool, optional
        Outcome of these trials. It is filled in, so that a later call need not try again.
    """
    m = kappa.shape[1]
    variable = TaylorTensor.variable(kappa, second)
    agreement = {} if agreement is None else agreement
    block: list[TaylorTensor] = []
    block_start = 0
    pieces: dict[int, TaylorTensor] = {}

    def inputs_of_piece(piece: int, k: int) -> TaylorTensor:
        def inputs(at: Tensor) -> Tensor:
            return manifold(at, k)

        if (second, piece) not in agreement:
            if second:
                _check_once(piece, "the inputs", inputs, kappa, manifold.coordinates, agreement)
            some = TaylorTensor(variable.coefficients[:, :PROBES], m)
            agreement[second, piece] = _agrees_with_torch_func(inputs, some)
        if agreement[second, piece]:
            return _on_taylor_tensors(inputs, variable)
        return push_forward(inputs, variable)

    def inputs_at(k: int) -> TaylorTensor:
        # Inputs known to be constant in pieces are differentiated once for each piece.
        if manifold.pieces:
            piece = bisect_right(manifold.pieces, k) - 1
            if piece not in pieces:
                # Pieces that are passed do not come again.
                pieces.clear()
                pieces[piece] = inputs_of_piece(piece, k)
            return pieces[piece]
        # A call of torch.func costs more than a small step: inputs are made some steps at a time.
        nonlocal block, block_start
        if not block_start <= k < block_start + len(block):
            block_start = k
            size = variable.coefficients.numel() * variable.coefficients.element_size()
            count = max(1, min(BLOCK_STEPS, BLOCK_BYTES // size, manifold.n_steps - k))

            def several_steps(at: Tensor) -> Tensor:
                return torch.stack([manifold(at, k + i) for i in range(count)], dim=1)

            if second:
                _check_once(k, "the inputs", several_steps, kappa, manifold.coordinates, agreement)
            steps = push_forward(several_steps, variable).coefficients.unbind(2)
            block = [TaylorTensor(step.contiguous(), m) for step in steps]
        return block[k - block_start]

    def advance(state: TaylorTensor, k: int) -> TaylorTensor:
        inputs = inputs_at(min(k, manifold.n_steps - 1))
        if (second, _STEP) not in agreement:
            probes = _disturbed(state), _disturbed(inputs)
            if second:
                points, directions = ([probe.coefficients[k] for probe in probes] for k in (0, 1))
                check_second_derivative(_STEP, dynamics.step, points, directions)
                if not _observes_all(dynamics, points[0]):
                    check_second_derivative(
                        "what is observed of the state",
                        dynamics.observe,
                        points[:1],
                        directions[:1],
                    )
            agreement[second, _STEP] = _agrees_with_torch_func(dynamics.step, *probes)
        if agreement[second, _STEP]:
            return _on_taylor_tensors(dynamics.step, state, inputs)
        return push_forward(dynamics.step, state, inputs)

    return with_readable_torch_errors(advance)


def _check_once(
    key: int | str,
    name: str,
    function: Callable[..., Tensor],
    kappa: Tensor,
    coordinates: tuple[Coordinate, ...],
    agreement: dict[Tried, bool],
) -> None:
    """Make sure, on the first call, that torch.func has the second derivatives of a function of kappa."""
    if (True, key) not in agreement:
        check_second_derivative_on(coordinates, name, function, kappa)
        agreement[True, key] = True


def _on_taylor_tensors(function: Callable[..., Tensor], *arguments: TaylorTensor) -> TaylorTensor:
    """Run code written for tensors on Taylor tensors; what does not depend on them is a constant."""
    result: Tensor | TaylorTensor = function(*arguments)
    if isinstance(result, Tensor):
        return TaylorTensor.constant(result, arguments[0].m, arguments[0].has_second)
    return result


def _disturbed(argument: TaylorTensor) -> TaylorTensor:
    """Return a few points with coefficients made up by a deterministic disturbance, so that none is 0."""
    coefficients = argument.coefficients[:, :PROBES]
    count = torch.arange(coefficients.numel(), dtype=coefficients.dtype, device=coefficients.device)
    disturbance = 0.5 * torch.sin(12.9898 * count).reshape(coefficients.shape)
    return TaylorTensor(coefficients + disturbance, argument.m)


def _agrees_with_torch_func(function: Callable[..., Tensor], *probes: TaylorTensor) -> bool:
    """Return whether code gives on Taylor tensors what torch.func gives."""
    exact = push_forward(function, *probes).coefficients
    try:
        following = _on_taylor_tensors(function, *probes)
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
    return state if _observes_all(dynamics, state.value) else push_forward(dynamics.observe, state)


def _observes_all(dynamics: Dynamics, states: Tensor) -> bool:
    """Return whether the dynamics observe the full state."""
    # A map to another shape cannot be the identity: asked of one point, before all of them are mapped.
    one = states[:1]
    return dynamics.observe(one).shape == one.shape and dynamics.observe(states) is states
