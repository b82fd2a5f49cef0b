"""Hidden states of leaky recurrent networks over all steps, with hand-written gradients.

Autograd records every operation of every step, which takes small networks longer than the arithmetic. Here
each step works in place on arrays that hold all steps, forward and backward. The gradient of the recurrent
weights is one matrix product at the end. On a CPU, the arithmetic of a step backward is compiled
(`warpline.models.leaky_gradients`).

These gradients can be taken once. Where more is asked for (forward-mode differentiation, transforms of
`torch.func` other than a single `vmap`), plain loops of torch operations run, which have all derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from warpline.models.recurrence_steps import (
    IN_PLACE,
    Activation,
    add_product,
    as_rows,
    compiled_slope,
    is_transformed,
    networks_first,
    networks_second,
)

__all__ = ["leaky_states"]


class _LeakyStates(torch.autograd.Function):
    """The leaky recurrence, and its gradient.

    h_t = (1 - a) h_{t-1} + a r_t with r_t = phi(W h_{t-1} + d_t). The loss depends on h_t directly and by way
    of h_{t+1}; let g_t be its whole gradient and q_t = a g_t. The gradient of d_t is q_t phi'_t, and
    g_{t-1} = (direct gradient of h_{t-1}) + (1 - a) g_t + W^T (q_t phi'_t). The loop carries q.
    Networks of an ensemble may stand between time and trial.
    """

    @staticmethod
    def forward(
        drive: Tensor, weight: Tensor, alpha: float, activation: Activation
    ) -> tuple[Tensor, Tensor]:
        activate = IN_PLACE[activation].activate
        states = torch.empty_like(drive)
        transposed = weight.mT.contiguous()
        state = drive.new_zeros(drive.shape[1:])
        # Views by unbind: indexing inside the loop would cost as much as an operation.
        for rates, next_state in zip(drive.unbind(0), states.unbind(0), strict=True):
            activate(add_product(rates, state, transposed))
            state = torch.lerp(state, rates, alpha, out=next_state)
        return states, drive.view_as(drive)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        _, weight, ctx.alpha, ctx.activation = inputs
        states, rates = output
        ctx.mark_non_differentiable(rates)
        # No zeros for the gradients of what has none.
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(weight, rates, states)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_states: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        if grad_states is None:
            return (None,) * 4
        weight, rates, states = ctx.saved_tensors
        grad_drive = torch.empty_like(rates)
        scaled = ctx.alpha * grad_states[-1]
        arguments = (rates, grad_states, scaled, grad_drive, ctx.alpha)
        kind = compiled_slope(rates, ctx.activation)
        if kind is None:
            step = _leaky_step(*arguments, ctx.activation)
        else:
            from warpline.models.leaky_gradients import leaky_step

            step = leaky_step(*arguments, kind)
        grad_drives = grad_drive.unbind(0)
        for t in range(len(rates) - 1, -1, -1):
            step(t)
            if t:
                add_product(scaled, grad_drives[t], weight, ctx.alpha)
        grad_weight = as_rows(grad_drive[1:]).mT @ as_rows(states[:-1])
        return grad_drive, grad_weight, None, None

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        drive: Tensor,
        weight: Tensor,
        alpha: float,
        activation: Activation,
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        drive = networks_second(info, drive, in_dims[0])
        weight = networks_first(info, weight, in_dims[1])
        return _LeakyStates.apply(drive, weight, alpha, activation), (1, 1)


def _leaky_step(
    rates: Tensor,
    direct: Tensor,
    scaled: Tensor,
    grad_drive: Tensor,
    alpha: float,
    activation: Activation,
) -> Callable[[int], None]:
    """Return a function of t that fills in the gradient of d_t and starts q_{t-1}, without the product."""
    slope = IN_PLACE[activation].multiply_by_slope
    rate, direct_t, gradient = (values.unbind(0) for values in (rates, direct, grad_drive))

    def step(t: int) -> None:
        slope(scaled, rate[t], out=gradient[t])
        if t:
            torch.lerp(scaled, direct_t[t - 1], alpha, out=scaled)

    return step


def leaky_states(drive: Tensor, weight: Tensor, alpha: float, activation: Activation) -> Tensor:
    """Return the states of h_t = (1 - a) h_{t-1} + a phi(W h_{t-1} + d_t), from h = 0.

    Parameters
    ----------
    drive : Tensor, shape (time, trial, unit)
        d; overwritten.
    weight : Tensor, shape (unit, unit)
        W.
    alpha : float
        a = dt/tau.
    activation : callable
        phi. One that is not in `warpline.models.initialisation.ACTIVATIONS` runs in the plain loop.

    Returns
    -------
    Tensor, shape (time, trial, unit)
        h after each step.
    """
    if activation in IN_PLACE and not is_transformed():
        states: Tensor = _LeakyStates.apply(drive, weight, alpha, activation)[0]
        return states
    state, transposed = drive.new_zeros(drive.shape[1:]), weight.t()
    states_list = []
    for drive_t in drive.unbind(0):
        rates = activation(torch.addmm(drive_t, state, transposed))
        state = torch.lerp(state, rates, alpha)
        states_list.append(state)
    return torch.stack(states_list)
