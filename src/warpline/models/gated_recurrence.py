"""Hidden states of the leaky GRU over all steps, with hand-written gradients.

`warpline.models.leaky_recurrence` says how, and what these gradients cannot do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

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

__all__ = ["gated_states"]

aten = torch.ops.aten


class _GatedStates(torch.autograd.Function):
    """The leaky gated recurrence, and its gradient.

    Let g_t be the whole gradient of h_t and q_t = a g_t. The gradient of the candidate n_t is z_t q_t, that
    of the update gate z_t is (n_t - h_{t-1}) q_t. h_{t-1} gets g_t - z_t q_t, and what comes back through the
    gates and the candidate. Columns stand in the order reset gate, update gate, candidate.
    """

    @staticmethod
    def forward(
        drive: Tensor, weight: Tensor, bias: Tensor, alpha: float, activation: Activation
    ) -> tuple[Tensor, Tensor, Tensor]:
        activate, units = IN_PLACE[activation].activate, bias.shape[-1]
        # The drive of each step becomes its gates and candidate; W_n h + c_n is kept besides.
        gates, reset, update, candidate = _gates(drive, units)
        recurrent = bias.unsqueeze(-2).expand_as(candidate).contiguous()
        states = torch.empty_like(recurrent)
        transposed = weight.mT.contiguous()
        gate_weight, candidate_weight = transposed.split([2 * units, units], -1)
        state = states.new_zeros(states.shape[1:])
        step = torch.empty_like(state)
        arrays = (gates, reset, update, candidate, recurrent, states)
        for both, r, z, n, recurrent_n, next_state in zip(
            *(array.unbind(0) for array in arrays), strict=True
        ):
            add_product(both, state, gate_weight).sigmoid_()
            add_product(recurrent_n, state, candidate_weight)
            activate(n.addcmul_(r, recurrent_n))
            torch.mul(z, alpha, out=step)
            state = torch.lerp(state, n, step, out=next_state)
        return states, drive.view_as(drive), recurrent

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        _, weight, _, ctx.alpha, ctx.activation = inputs
        states, activated, recurrent = output
        ctx.mark_non_differentiable(activated, recurrent)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(weight, activated, recurrent, states)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_states: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
        if grad_states is None:
            return (None,) * 5
        weight, activated, recurrent, states = ctx.saved_tensors
        units = states.shape[-1]
        # The gradient of W_n h differs from that of the candidate's drive.
        grad_drive, grad_recurrent = torch.empty_like(activated), torch.empty_like(states)
        gradient = grad_states[-1].clone(memory_format=torch.contiguous_format)
        arguments = (
            *(activated, recurrent, states, grad_states),
            *(gradient, grad_drive, grad_recurrent, ctx.alpha),
        )
        kind = compiled_slope(states, ctx.activation)
        if kind is None:
            step = _gated_step(*arguments, ctx.activation)
        else:
            from warpline.models.leaky_gradients import gated_step

            step = gated_step(*arguments, kind)
        grad_gates = grad_drive[..., : 2 * units]
        gate_weight, candidate_weight = weight.split([2 * units, units], -2)
        gate_gradients, recurrent_gradients = grad_gates.unbind(0), grad_recurrent.unbind(0)
        for t in range(len(states) - 1, -1, -1):
            step(t)
            if t:
                add_product(gradient, gate_gradients[t], gate_weight)
                add_product(gradient, recurrent_gradients[t], candidate_weight)
        before = as_rows(states[:-1])
        grad_weight = torch.cat(
            [as_rows(values[1:]).mT @ before for values in (grad_gates, grad_recurrent)], -2
        )
        return grad_drive, grad_weight, as_rows(grad_recurrent).sum(-2), None, None

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        drive: Tensor,
        weight: Tensor,
        bias: Tensor,
        alpha: float,
        activation: Activation,
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        drive = networks_second(info, drive, in_dims[0])
        weight, bias = (
            networks_first(info, value, dim)
            for value, dim in ((weight, in_dims[1]), (bias, in_dims[2]))
        )
        return _GatedStates.apply(drive, weight, bias, alpha, activation), (1, 1, 1)


def _gates(values: Tensor, units: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return views of (..., 3 unit): both gates, reset gate, update gate, candidate."""
    return values[..., : 2 * units], *values.split(units, -1)


def _gated_step(
    activated: Tensor,
    recurrent: Tensor,
    states: Tensor,
    direct: Tensor,
    gradient: Tensor,
    grad_drive: Tensor,
    grad_recurrent: Tensor,
    alpha: float,
    activation: Activation,
) -> Callable[[int], None]:
    """Return a function of t that fills in the gradients of step t and starts g_{t-1}, without products."""
    slope, units = IN_PLACE[activation].multiply_by_slope, states.shape[-1]
    arrays = [
        array.unbind(0)
        for array in (
            *_gates(activated, units),
            *_gates(grad_drive, units),
            recurrent,
            grad_recurrent,
        )
    ]
    previous = (torch.zeros_like(states[0]), *states[:-1].unbind(0))
    direct_t = direct.unbind(0)
    scaled = torch.empty_like(gradient)

    def step(t: int) -> None:
        both, r, z, n, d_both, d_r, d_z, d_n, recurrent_n, d_recurrent = (
            array[t] for array in arrays
        )
        torch.mul(gradient, alpha, out=scaled)
        torch.sub(n, previous[t], out=d_z).mul_(scaled)
        scaled.mul_(z)
        slope(scaled, n, out=d_n)
        torch.mul(d_n, r, out=d_recurrent)
        torch.mul(d_n, recurrent_n, out=d_r)
        aten.sigmoid_backward.grad_input(d_both, both, grad_input=d_both)
        if t:
            gradient.sub_(scaled).add_(direct_t[t - 1])

    return step


def gated_states(
    drive: Tensor, weight: Tensor, bias: Tensor, alpha: float, activation: Activation
) -> Tensor:
    """Return the states of a leaky gated recurrent unit, from h = 0.

    r = sigmoid(W_r h + d_r), z = sigmoid(W_z h + d_z), n = phi(d_n + r (W_n h + c)), h <- h + a z (n - h).

    Parameters
    ----------
    drive : Tensor, shape (time, trial, 3 unit)
        d_r, d_z and d_n side by side; overwritten.
    weight : Tensor, shape (3 unit, unit)
        W_r, W_z and W_n, one below the other.
    bias : Tensor, shape (unit,)
        c.
    alpha, activation
        As in `leaky_states`.

    Returns
    -------
    Tensor, shape (time, trial, unit)
        h after each step.
    """
    if activation in IN_PLACE and not is_transformed():
        states: Tensor = _GatedStates.apply(drive, weight, bias, alpha, activation)[0]
        return states
    state = drive.new_zeros(*drive.shape[1:-1], bias.numel())
    states_list = []
    for drive_t in drive.unbind(0):
        drives, recurrents = drive_t.chunk(3, -1), functional.linear(state, weight).chunk(3, -1)
        reset, update = (torch.sigmoid(drives[k] + recurrents[k]) for k in (0, 1))
        candidate = activation(torch.addcmul(drives[2], reset, recurrents[2] + bias))
        state = torch.lerp(state, candidate, alpha * update)
        states_list.append(state)
    return torch.stack(states_list)
