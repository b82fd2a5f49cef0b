"""Selective scan of a state-space layer: torch operations on any device, mamba_ssm's kernel on CUDA.

With a time step delta_t > 0, an input u_t and A < 0, the N states of a channel follow
h_t = exp(delta_t A) h_{t-1} + delta_t u_t B_t, from h = 0, and y_t = C_t . h_t (Gu and Dao 2023,
equations 2 and 4; B_t by the Euler rule, as their code has it).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import metadata
from typing import Any

import torch
from torch import Tensor

__all__ = ["cuda_kernel", "kernel_for", "kernel_name", "kernel_scan", "kernel_states", "torch_scan"]

log = logging.getLogger(__name__)

INSTALL = (
    "pip install ninja packaging wheel setuptools && "
    "pip install --no-build-isolation --no-cache-dir 'mamba-ssm>=2.3.1,<2.3.3'"
)

Kernel = Callable[..., Tensor]
"""Takes u, delta (trial, channel, time), A (channel, state), B and C (trial, group, state, time),
returns y; as mamba_ssm's ``selective_scan_fn``."""


# --- in torch ---------------------------------------------------------------------------------------


class _TorchScan(torch.autograd.Function):
    """The scan with a hand-written backward pass: one loop over time each way, one operation a step.

    One network on a CPU takes compiled loops with the same formulas (`warpline.models.compiled_scan`).

    With g_t = C_t dy_t + dh_t + exp(delta_{t+1} A) g_{t+1}, the gradient of the drive delta u B is g.
    That of the exponent delta_t A is g_t h_{t-1} exp(delta_t A). Any further dimensions may stand between
    time and channel; A broadcasts over them.
    """

    @staticmethod
    def forward(
        u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        # Numba's arrays are those of one network on a CPU.
        if u.device.type == "cpu" and u.dim() == 3:
            from warpline.models.compiled_scan import scan

            return scan(u, delta, a, b, c)
        decay = torch.mul(delta.unsqueeze(-1), a).exp_()
        states = torch.mul((delta * u).unsqueeze(-1), b.unsqueeze(-2))
        # Views by unbind: indexing states[t] inside the loop would cost more than the step itself.
        h, decays = states.unbind(0), decay.unbind(0)
        for t in range(1, len(h)):
            h[t].addcmul_(decays[t], h[t - 1])
        return torch.matmul(states, c.unsqueeze(-1)).squeeze(-1), states, decay

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        _, states, decay = output
        ctx.mark_non_differentiable(decay)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs, states, decay)

    @staticmethod
    def backward(
        ctx: Any, grad_y: Tensor | None, grad_states: Tensor | None, _: None
    ) -> tuple[Tensor | None, ...]:
        u, delta, a, b, c, states, decay = ctx.saved_tensors
        if grad_y is None and grad_states is None:
            return (None,) * 5
        gradients = [value for value in (grad_y, grad_states) if value is not None]
        plain = not torch.is_grad_enabled() and not any(
            map(torch._C._functorch.is_functorch_wrapped_tensor, (u, *gradients))
        )
        if plain and u.device.type == "cpu" and u.dim() == 3:
            from warpline.models.compiled_scan import scan_gradients

            return scan_gradients(grad_y, grad_states, u, delta, a, b, c, states, decay)

        # Gradients of each step alone, to which the loop adds those of later steps.
        grad_c = None
        if grad_y is None:
            g = grad_states.clone()  # type: ignore[union-attr]
        else:
            g = torch.mul(grad_y.unsqueeze(-1), c.unsqueeze(-2))
            grad_c = (states * grad_y.unsqueeze(-1)).sum(-2)
            if grad_states is not None:
                g = g + grad_states
        # select, not unbind: torch.func's transforms refuse in-place changes of unbind's views.
        g_t, decays = g.select(0, -1), decay.unbind(0)
        for t in range(len(g) - 2, -1, -1):
            g_t = g.select(0, t).addcmul_(decays[t + 1], g_t)

        # Products over all steps at once, in place: each array here is as large as the states.
        grad_du = torch.matmul(g, b.unsqueeze(-1)).squeeze(-1)
        grad_b = (g * (delta * u).unsqueeze(-1)).sum(-2)
        grad_exponent = (g[1:] * states[:-1]).mul_(decay[1:])
        zeros = torch.zeros_like(grad_du[:1])
        grad_delta = grad_du * u + torch.cat([zeros, (grad_exponent * a).sum(-1)])
        grad_a = grad_exponent.mul_(delta[1:].unsqueeze(-1)).sum_to_size(a.shape)
        return grad_du * delta, grad_delta, grad_a, grad_b, grad_c

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        u: Tensor,
        delta: Tensor,
        a: Tensor,
        b: Tensor,
        c: Tensor,
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        u_dim, delta_dim, a_dim, b_dim, c_dim = in_dims
        # The batch goes behind time; A gets singleton dimensions to broadcast over those in between.
        if a_dim is not None:
            a = a.movedim(a_dim, 0)
            a = a.reshape(len(a), *[1] * (u.dim() - 2 - (u_dim is not None)), *a.shape[-2:])
        u, delta, b, c = (
            value.unsqueeze(1).expand(len(value), info.batch_size, *value.shape[1:])
            if dim is None
            else value.movedim(dim, 1)
            for value, dim in ((u, u_dim), (delta, delta_dim), (b, b_dim), (c, c_dim))
        )
        return _TorchScan.apply(u, delta, a, b, c), (1, 1, 1)


def torch_scan(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Scan by torch operations; memory holds two arrays of the size of the states.

    Parameters
    ----------
    u, delta : Tensor, shape (time, trial, channel)
    a : Tensor, shape (channel, state)
    b, c : Tensor, shape (time, trial, state)

    Returns
    -------
    y : Tensor, shape (time, trial, channel)
    states : Tensor, shape (time, trial, channel, state)
        h after each step.
    """
    y, states, _ = _TorchScan.apply(u, delta, a, b, c)
    return y, states


# --- mamba_ssm's kernel -----------------------------------------------------------------------------


def _tried_kernel() -> Kernel:
    """Return mamba_ssm's scan after one call of it."""
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    # A build for another torch or another GPU may import and still fail at its first call.
    ones = torch.ones(1, 2, 4, device="cuda")
    selective_scan_fn(ones, ones, -ones[0, :, :1], ones[:, None, :1], ones[:, None, :1])
    torch.cuda.synchronize()
    kernel: Kernel = selective_scan_fn
    return kernel


@cache
def cuda_kernel() -> Kernel | None:
    """Return mamba_ssm's scan; None, with a warning that says how to install it, where it does not run."""
    try:
        # torch.func refuses the kernel's own autograd function. Its transforms are those of one thread, so
        # that the kernel can be tried in another one while an ensemble is trained.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(_tried_kernel).result()
    except Exception as error:
        log.warning(
            "mamba_ssm cannot be used (%s: %s): Mamba runs on the GPU by torch's own operations, which "
            "is slower. Expected the extra 'gpu', built against this torch %s: %s",
            type(error).__name__,
            error,
            torch.__version__,
            INSTALL,
        )
        return None


def kernel_for(like: Tensor) -> Kernel | None:
    """Return mamba_ssm's kernel for a float32 tensor on CUDA, if it runs; None for the torch scan."""
    return cuda_kernel() if like.is_cuda and like.dtype == torch.float32 else None


def kernel_name(like: Tensor) -> str:
    """Return the scan's name for the provenance: ``torch``, or such as ``mamba_ssm 2.3.1``."""
    return f"mamba_ssm {metadata.version('mamba_ssm')}" if kernel_for(like) else "torch"


class _KernelScan(torch.autograd.Function):
    """A kernel that `torch.func.vmap` can batch: each model becomes a group of channels."""

    @staticmethod
    def forward(
        kernel: Kernel, u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor
    ) -> Tensor:
        return kernel(u, delta, a, b, c)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.kernel, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        # The kernel exposes no backward of its own: run it again under autograd.
        with torch.enable_grad():
            tensors = [value.detach().requires_grad_() for value in ctx.saved_tensors]
            output = ctx.kernel(*tensors)
        return (None, *torch.autograd.grad(output, tensors, gradient))

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], kernel: Kernel, *tensors: Tensor
    ) -> tuple[Tensor, int]:
        u, delta, a, b, c = (
            value.expand(info.batch_size, *value.shape) if dim is None else value.movedim(dim, 0)
            for value, dim in zip(tensors, in_dims[1:], strict=True)
        )
        u, delta, b, c = (
            value.transpose(0, 1).flatten(1, 2).contiguous() for value in (u, delta, b, c)
        )
        y: Tensor = _KernelScan.apply(kernel, u, delta, a.flatten(0, 1).contiguous(), b, c)
        return y.unflatten(1, (info.batch_size, -1)), 1


def _channels_first(value: Tensor) -> Tensor:
    """Return (time, trial, channel) as (trial, channel, time), contiguous in time."""
    return value.permute(1, 2, 0).contiguous()


def kernel_scan(
    kernel: Kernel, u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor
) -> Tensor:
    """Return y of a scan by a kernel; shapes as in `torch_scan`."""
    b, c = (_channels_first(value).unsqueeze(1) for value in (b, c))
    y: Tensor = _KernelScan.apply(kernel, _channels_first(u), _channels_first(delta), a, b, c)
    return y.permute(2, 0, 1)


def kernel_states(kernel: Kernel, u: Tensor, delta: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the states of all steps by one call of a kernel that returns y alone.

    Each of the N state variables becomes a group of channels with one state and C = 1, whose y is h.

    Returns
    -------
    Tensor, shape (time, trial, channel, state)
    """
    n_states = a.shape[-1]
    u, delta = (_channels_first(value).repeat(1, n_states, 1) for value in (u, delta))
    b = _channels_first(b).unsqueeze(2)
    y: Tensor = _KernelScan.apply(kernel, u, delta, a.t().reshape(-1, 1), b, torch.ones_like(b))
    return y.unflatten(1, (n_states, -1)).permute(3, 0, 2, 1)
