"""What the recurrences of the leaky RNN and GRU share: activations and products in place, and the drive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from warpline.models.initialisation import ACTIVATIONS

__all__ = [
    "IN_PLACE",
    "Activation",
    "InPlace",
    "add_product",
    "as_rows",
    "compiled_slope",
    "input_drive",
    "is_transformed",
    "networks_first",
    "networks_second",
]

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
class InPlace:
    """An activation that replaces its argument, and the product of a gradient with its slope.

    The slope follows from the activation's result, so that the argument need not be kept.
    """

    activate: Callable[[Tensor], Tensor]
    multiply_by_slope: Callable[..., None]


IN_PLACE: dict[Activation, InPlace] = {
    ACTIVATIONS["relu"]: InPlace(torch.relu_, _relu_slope),
    ACTIVATIONS["leaky_relu"]: InPlace(functional.leaky_relu_, _leaky_relu_slope),
    ACTIVATIONS["tanh"]: InPlace(torch.tanh_, _tanh_slope),
    ACTIVATIONS["softplus"]: InPlace(_softplus_, _softplus_slope),
}


def is_transformed() -> bool:
    """Return whether derivatives are taken otherwise than by `backward`, or by it under one `vmap`."""
    interpreters = torch._C._functorch.get_interpreter_stack() or []
    kinds = [interpreter.key() for interpreter in interpreters]
    under_one_vmap = kinds in ([], [torch._C._functorch.TransformType.Vmap])
    return not under_one_vmap or torch.autograd.forward_ad._current_level >= 0


def compiled_slope(values: Tensor, activation: Activation) -> int | None:
    """Return the kind of activation for `warpline.models.leaky_gradients`; None where torch is to compute."""
    if values.device.type != "cpu" or values.dim() > 3:
        return None
    # Here, because most uses of a model take no gradients.
    from warpline.models.leaky_gradients import SLOPES

    return SLOPES.get(activation)


def add_product(out: Tensor, states: Tensor, weight: Tensor, alpha: float = 1.0) -> Tensor:
    """Add alpha x states (..., trial, k) times a weight (..., k, unit) to `out`, in place."""
    multiply = torch.addmm if out.dim() == 2 else torch.baddbmm
    return multiply(out, states, weight, alpha=alpha, out=out)


def as_rows(values: Tensor) -> Tensor:
    """Return (time, ..., trial, unit) as (..., time x trial, unit)."""
    return values.movedim(0, -3).flatten(-3, -2)


def networks_second(info: Any, value: Tensor, dim: int | None) -> Tensor:
    """Return an array over time with the dimension of `vmap` behind time."""
    if dim is None:
        # A copy, because the arrays are overwritten.
        return value.unsqueeze(1).repeat(1, info.batch_size, *[1] * (value.dim() - 1))
    return value.movedim(dim, 1)


def networks_first(info: Any, value: Tensor, dim: int | None) -> Tensor:
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
