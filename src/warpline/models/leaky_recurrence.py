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
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from warpline.models.base import Cell
from warpline.models.initialisation import ACTIVATIONS

__all__ = ["LeakyCell", "gated_states", "input_drive", "leaky_states"]

aten = torch.ops.aten

Activation = Callable[[Tensor], Tensor]


def _softplus_(values: Tensor) -> Tensor:
    return values.copy_(functional.softplus(values))


def _relu_slope(gradient: Tensor, result: Tensor, *, out: Tensor) -> None:
    aten.threshold_backward.grad_input(gradient, result, 0, grad_input=out)


def _leaky_relu_slope(gradient: Tensor, result: Tensor, *, out: Tensor) -> None:
    aten.leaky_relu_backward.grad_input(gradient, result, 0.01, True, grad_input=out)


def _tanh_slope(gradient: Tensor, result: Tensor, *, out: Tensor) -> None:
    aten.tanh_backward.grad_input(gradient, result, grad_input=out)


def _softplus_slope(gradient: Tensor, result: Tensor, *, out: Tensor) -> None:
    # sigmoid(x) = 1 - exp(-softplus(x)); above its threshold of 20, torch's softplus is the identity.
    torch.expm1(torch.neg(result), out=out).mul_(gradient).neg_()
    torch.where(result > 20, gradient, out, out=out)


@dataclass(frozen=True)
class _InPlace:
    """An activation that replaces its argument, and the product of a gradient with its slope.

    The slope follows from the activation's result, so that the argument need not be kept.
    """

    activate: Callable[[Tensor], Tensor]
    multiply_by_slope: Callable[..., None]


IN_PLACE: dict[Activation, _InPlace] = {
    ACTIVATIONS["relu"]: _InPlace(torch.relu_, _relu_slope),
    ACTIVATIONS["leaky_relu"]: _InPlace(functional.leaky_relu_, _leaky_relu_slope),
    ACTIVATIONS["tanh"]: _InPlace(torch.tanh_, _tanh_slope),
    ACTIVATIONS["softplus"]: _InPlace(_softplus_, _softplus_slope),
}


def _is_transformed() -> bool:
    """Return whether derivatives are taken otherwise than by `backward`, or by it under one `vmap`."""
    interpreters = torch._C._functorch.get_interpreter_stack() or []
    kinds = [interpreter.key() for interpreter in interpreters]
    under_one_vmap = kinds in ([], [torch._C._functorch.TransformType.Vmap])
    return not under_one_vmap or torch.autograd.forward_ad._current_level >= 0


def _compiled_slope(values: Tensor, activation: Activation) -> int | None:
    """Return the kind of activation for `warpline.models.leaky_gradients`; None where torch is to compute."""
    if values.device.type != "cpu" or values.dim() > 3:
        return None
    # Here, because most uses of a model take no gradients.
    from warpline.models.leaky_gradients import SLOPES

    return SLOPES.get(activation)


def _product(out: Tensor, states: Tensor, weight: Tensor, alpha: float = 1.0) -> Tensor:
    """Add alpha x states (..., trial, k) times a weight (..., k, unit) to `out`, in place."""
    product = torch.addmm if out.dim() == 2 else torch.baddbmm
    return product(out, states, weight, alpha=alpha, out=out)


def _rows(values: Tensor) -> Tensor:
    """Return (time, ..., trial, unit) as (..., time x trial, unit)."""
    return values.movedim(0, -3).flatten(-3, -2)


def _networks_second(info: Any, value: Tensor, dim: int | None) -> Tensor:
    """Return an array over time with the dimension of `vmap` behind time."""
    if dim is None:
        # A copy, because the arrays are overwritten.
        return value.unsqueeze(1).repeat(1, info.batch_size, *[1] * (value.dim() - 1))
    return value.movedim(dim, 1)


def _networks_first(info: Any, value: Tensor, dim: int | None) -> Tensor:
    """Return weights with the dimension of `vmap` first."""
    return value.expand(info.batch_size, *value.shape) if dim is None else value.movedim(dim, 0)


def input_drive(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return U u_t + b of all steps, shape (time, trial, unit), of inputs u (trial, time, channel).

    One matrix product, with b as the weights of a channel that is always 1: adding it, and summing its
    gradient, would each go through an array of all steps once more.

    Parameters
    ----------
    inputs : Tensor, shape (trial, time, channel)
    weight : Tensor, shape (unit, channel)
        U.
    bias : Tensor, shape (unit,)
        b.
    """
    ones = inputs.new_ones(*inputs.shape[:-1], 1)
    # Time first, so that each step reads contiguous memory.
    channels = torch.cat([inputs, ones], -1).transpose(0, 1).contiguous()
    return channels @ torch.cat([weight.t(), bias.unsqueeze(0)])


# --- h <- (1 - a) h + a phi(W h + drive) ------------------------------------------------------------


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
            activate(_product(rates, state, transposed))
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
        kind = _compiled_slope(rates, ctx.activation)
        if kind is None:
            step = _leaky_step(*arguments, ctx.activation)
        else:
            from warpline.models.leaky_gradients import leaky_step

            step = leaky_step(*arguments, kind)
        grad_drives = grad_drive.unbind(0)
        for t in range(len(rates) - 1, -1, -1):
            step(t)
            if t:
                _product(scaled, grad_drives[t], weight, ctx.alpha)
        grad_weight = _rows(grad_drive[1:]).mT @ _rows(states[:-1])
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
        drive = _networks_second(info, drive, in_dims[0])
        weight = _networks_first(info, weight, in_dims[1])
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
    if activation in IN_PLACE and not _is_transformed():
        states: Tensor = _LeakyStates.apply(drive, weight, alpha, activation)[0]
        return states
    state, transposed = drive.new_zeros(drive.shape[1:]), weight.t()
    states_list = []
    for drive_t in drive.unbind(0):
        rates = activation(torch.addmm(drive_t, state, transposed))
        state = torch.lerp(state, rates, alpha)
        states_list.append(state)
    return torch.stack(states_list)


# --- h <- h + a z (n - h) ---------------------------------------------------------------------------


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
            _product(both, state, gate_weight).sigmoid_()
            _product(recurrent_n, state, candidate_weight)
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
        kind = _compiled_slope(states, ctx.activation)
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
                _product(gradient, gate_gradients[t], gate_weight)
                _product(gradient, recurrent_gradients[t], candidate_weight)
        before = _rows(states[:-1])
        grad_weight = torch.cat(
            [_rows(values[1:]).mT @ before for values in (grad_gates, grad_recurrent)], -2
        )
        return grad_drive, grad_weight, _rows(grad_recurrent).sum(-2), None, None

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
        drive = _networks_second(info, drive, in_dims[0])
        weight, bias = (
            _networks_first(info, value, dim)
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
    if activation in IN_PLACE and not _is_transformed():
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


class LeakyCell(Cell):
    """Base class of the leaky RNN and GRU, whose states are computed time first (`_states`)."""

    def forward(
        self, inputs: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run on inputs (trial, time, channel); see `warpline.models.base.Model`."""
        states = self._states(inputs, generator)
        hidden = states.transpose(0, 1).contiguous()
        return self.readout(hidden), hidden

    def outputs(self, inputs: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the outputs alone, without a copy of the states in the order of trials."""
        return self.readout(self._states(inputs, generator)).transpose(0, 1)

    def _states(self, inputs: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the states, shape (time, trial, unit)."""
        raise NotImplementedError
