"""One step back in time through leaky recurrences: all arithmetic but the matrix products, compiled.

A torch operation on a step of a small network takes longer to call than to compute, and each one reads and
writes its arrays anew. Those of a step are compiled into one pass. No sum is reordered.

`warpline.models.leaky_recurrence` and `gated_recurrence` say what is computed, and do the same by torch on
other devices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from warpline.models.compilation import compiled, inlined
from warpline.models.initialisation import ACTIVATIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["SLOPES", "compile_kernels", "gated_step", "leaky_step"]

TANH, RELU, LEAKY_RELU = range(3)

SLOPES = {
    ACTIVATIONS["tanh"]: TANH,
    ACTIVATIONS["relu"]: RELU,
    ACTIVATIONS["leaky_relu"]: LEAKY_RELU,
}
"""The activations whose slope is arithmetic of their result."""


@inlined
def _slope(result: Any, kind: int, one: Any, small: Any) -> Any:
    """Return the slope of an activation that gave `result`."""
    if kind == TANH:
        return one - result * result
    if kind == RELU:
        return one if result > 0 else one - one
    return one if result > 0 else small


@compiled
def _leaky(
    t: int, rates: Array, direct: Array, scaled: Array, grad_drive: Array, alpha: Any, kind: int
) -> None:  # fmt: skip
    one, small = rates.dtype.type(1), rates.dtype.type(0.01)
    for i in range(rates.shape[1]):
        rate, gradient, q = rates[t, i], grad_drive[t, i], scaled[i]
        # Short loops over few arrays each, which the compiler can run several units at a time.
        for j in range(len(q)):
            gradient[j] = q[j] * _slope(rate[j], kind, one, small)
        if t:
            direct_before = direct[t - 1, i]
            for j in range(len(q)):
                q[j] += alpha * (direct_before[j] - q[j])


@compiled
def _gated(
    t: int, activated: Array, recurrent: Array, states: Array, direct: Array, gradient: Array,
    grad_drive: Array, grad_recurrent: Array, alpha: Any, kind: int,
) -> None:  # fmt: skip
    one, small = states.dtype.type(1), states.dtype.type(0.01)
    units = states.shape[2]
    for i in range(states.shape[1]):
        g, d_recurrent, recurrent_n = gradient[i], grad_recurrent[t, i], recurrent[t, i]
        r, d_r = activated[t, i, :units], grad_drive[t, i, :units]
        z, d_z = activated[t, i, units : 2 * units], grad_drive[t, i, units : 2 * units]
        n, d_n = activated[t, i, 2 * units :], grad_drive[t, i, 2 * units :]
        if t:
            before = states[t - 1, i]
            for j in range(units):
                d_z[j] = alpha * g[j] * (n[j] - before[j]) * (z[j] * (one - z[j]))
        else:
            for j in range(units):
                d_z[j] = alpha * g[j] * n[j] * (z[j] * (one - z[j]))
        for j in range(units):
            share = alpha * z[j] * g[j]
            g[j] -= share
            d_n[j] = share * _slope(n[j], kind, one, small)
        for j in range(units):
            d_recurrent[j] = d_n[j] * r[j]
        for j in range(units):
            d_r[j] = d_n[j] * recurrent_n[j] * (r[j] * (one - r[j]))
        if t:
            direct_before = direct[t - 1, i]
            for j in range(units):
                g[j] += direct_before[j]


def _arrays(*tensors: Tensor) -> list[Array]:
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


def leaky_step(
    rates: Tensor, direct: Tensor, scaled: Tensor, grad_drive: Tensor, alpha: float, kind: int
) -> Callable[[int], None]:
    """Return a function of t that does what `warpline.models.leaky_recurrence._leaky_step` does.

    Parameters
    ----------
    rates, direct : Tensor, shape (time, trial, unit)
    scaled : Tensor, shape (trial, unit)
        Overwritten; contiguous, as `grad_drive`.
    grad_drive : Tensor, shape (time, trial, unit)
        Filled in.
    alpha : float
    kind : int
        Of `SLOPES`.
    """
    read = _arrays(rates, direct)
    written = [scaled.numpy(), grad_drive.numpy()]
    step = read[0].dtype.type(alpha)
    leaky: Callable[..., None] = _leaky
    return lambda t: leaky(t, *read, *written, step, kind)


def gated_step(
    activated: Tensor, recurrent: Tensor, states: Tensor, direct: Tensor, gradient: Tensor,
    grad_drive: Tensor, grad_recurrent: Tensor, alpha: float, kind: int,
) -> Callable[[int], None]:  # fmt: skip
    """Return a function of t that does what `warpline.models.gated_recurrence._gated_step` does.

    Parameters
    ----------
    activated, grad_drive : Tensor, shape (time, trial, 3 unit)
    recurrent, states, direct, grad_recurrent : Tensor, shape (time, trial, unit)
    gradient : Tensor, shape (trial, unit)
        Overwritten; `grad_drive` and `grad_recurrent` are filled in. All three are contiguous.
    alpha, kind
        As in `leaky_step`.
    """
    read = _arrays(activated, recurrent, states, direct)
    written = [gradient.numpy(), grad_drive.numpy(), grad_recurrent.numpy()]
    step = read[0].dtype.type(alpha)
    gated: Callable[..., None] = _gated
    return lambda t: gated(t, *read, *written, step, kind)


def compile_kernels() -> None:
    """Compile for single precision, so that no job has to."""
    time_trial_unit, step = torch.zeros(1, 1, 1), torch.zeros(1, 1)
    leaky_step(time_trial_unit, time_trial_unit, step, torch.zeros(1, 1, 1), 0.5, TANH)(0)
    gated_step(
        torch.zeros(1, 1, 3), time_trial_unit, time_trial_unit, time_trial_unit, step,
        torch.zeros(1, 1, 3), torch.zeros(1, 1, 1), 0.5, TANH,
    )(0)  # fmt: skip
