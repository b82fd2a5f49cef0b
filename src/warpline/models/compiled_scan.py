"""The recursions of the selective scan on a CPU, compiled: one pass over the states each way.

The same as `warpline.models.selective_scan.torch_scan`, whose products over all steps each read and write
arrays as large as the states. Trials stand last here, so that every sum over channels or states adds whole
rows, in one order. Exponentials are torch's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from warpline.models.compilation import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["compile_kernels", "scan", "scan_gradients"]


@compiled
def _scan(drive: Array, decay: Array, b: Array, c: Array, states: Array, y: Array) -> None:
    """Fill in states and y, which starts from zeros."""
    steps, channels, n_states, trials = decay.shape
    for t in range(steps):
        for k in range(channels):
            drive_t, y_t = drive[t, k], y[t, k]
            for n in range(n_states):
                state, b_t, c_t = states[t, k, n], b[t, n], c[t, n]
                # Short loops over few arrays each, which the compiler can run several trials at a time.
                if t:
                    before, decay_t = states[t - 1, k, n], decay[t, k, n]
                    for i in range(trials):
                        state[i] = decay_t[i] * before[i] + drive_t[i] * b_t[i]
                else:
                    for i in range(trials):
                        state[i] = drive_t[i] * b_t[i]
                for i in range(trials):
                    y_t[i] += state[i] * c_t[i]


@compiled
def _scan_back(
    grad_y: Array, direct: Array, has_direct: bool, drive: Array, delta: Array, a: Array,
    b: Array, c: Array, decay: Array, states: Array, g: Array, exponent: Array,
    grad_drive: Array, grad_delta: Array, grad_a: Array, grad_b: Array, grad_c: Array,
) -> None:  # fmt: skip
    """Add up the gradients, which start from zeros as g; `exponent` is memory for a row."""
    steps, channels, n_states, trials = decay.shape
    for t in range(steps - 1, -1, -1):
        for k in range(channels):
            drive_t, delta_t, grad_y_t = drive[t, k], delta[t, k], grad_y[t, k]
            grad_drive_t, grad_delta_t = grad_drive[t, k], grad_delta[t, k]
            for n in range(n_states):
                g_n, state, b_t, c_t = g[k, n], states[t, k, n], b[t, n], c[t, n]
                grad_a_n, grad_b_t, grad_c_t = grad_a[k, n], grad_b[t, n], grad_c[t, n]
                for i in range(trials):
                    g_n[i] += grad_y_t[i] * c_t[i]
                if has_direct:
                    direct_t = direct[t, k, n]
                    for i in range(trials):
                        g_n[i] += direct_t[i]
                for i in range(trials):
                    grad_drive_t[i] += g_n[i] * b_t[i]
                for i in range(trials):
                    grad_b_t[i] += g_n[i] * drive_t[i]
                for i in range(trials):
                    grad_c_t[i] += grad_y_t[i] * state[i]
                if t:
                    # The exponent delta A of the decay; and what goes on to the step before.
                    before, decay_t, a_n = states[t - 1, k, n], decay[t, k, n], a[k, n]
                    for i in range(trials):
                        exponent[i] = g_n[i] * decay_t[i] * before[i]
                    for i in range(trials):
                        g_n[i] *= decay_t[i]
                    for i in range(trials):
                        grad_delta_t[i] += exponent[i] * a_n
                    for i in range(trials):
                        grad_a_n[i] += exponent[i] * delta_t[i]


def _trials_last(value: Tensor) -> Tensor:
    """Return (time, trial, ...) as (time, ..., trial)."""
    return value.movedim(1, -1).contiguous()


def scan(
    u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y, states and decay of a scan.

    Parameters
    ----------
    u, delta, a, b, c : Tensor
        As for `warpline.models.selective_scan.torch_scan`; on the CPU, without gradients.

    Returns
    -------
    y : Tensor, shape (time, trial, channel)
    states, decay : Tensor, shape (time, trial, channel, state)
        Views with trials last in memory.
    """
    delta, u, b, c = (_trials_last(value) for value in (delta, u, b, c))
    decay = torch.mul(delta.unsqueeze(2), a.unsqueeze(-1)).exp_()
    states, y = torch.empty_like(decay), torch.zeros_like(u)
    _scan(*(value.numpy() for value in (delta * u, decay, b, c, states, y)))
    return y.movedim(-1, 1), states.movedim(-1, 1), decay.movedim(-1, 1)


def scan_gradients(
    grad_y: Tensor | None,
    grad_states: Tensor | None,
    u: Tensor,
    delta: Tensor,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    states: Tensor,
    decay: Tensor,
) -> tuple[Tensor, ...]:
    """Return the gradients of u, delta, a, b and c.

    Parameters
    ----------
    grad_y, grad_states : Tensor or None
        Gradients of the results, shaped as these; None for zeros.
    u, delta, a, b, c, states, decay : Tensor
        Arguments and results of `scan`.
    """
    u, delta, b, c, states, decay = (
        _trials_last(value) for value in (u, delta, b, c, states, decay)
    )
    direct = grad_y_last = None
    if grad_states is not None:
        direct = _trials_last(grad_states)
    if grad_y is not None:
        grad_y_last = _trials_last(grad_y)
    drive = delta * u
    grad_drive, grad_delta = torch.zeros_like(u), torch.zeros_like(u)
    grad_b, grad_c, g = torch.zeros_like(b), torch.zeros_like(c), torch.zeros_like(states[0])
    # A sum over trials is taken at the end.
    grad_a = torch.zeros_like(g)
    arrays = (
        torch.zeros_like(u) if grad_y_last is None else grad_y_last,
        states if direct is None else direct,
    )
    rest = (drive, delta, a.contiguous(), b, c, decay, states, g, torch.empty_like(g[0, 0]))
    sums = (grad_drive, grad_delta, grad_a, grad_b, grad_c)
    scan_back: Callable[..., None] = _scan_back
    scan_back(
        *(value.numpy() for value in arrays),
        direct is not None,
        *(value.numpy() for value in (*rest, *sums)),
    )
    return (
        (grad_drive * delta).movedim(-1, 1),
        (grad_delta + grad_drive * u).movedim(-1, 1),
        grad_a.sum(-1),
        grad_b.movedim(-1, 1),
        grad_c.movedim(-1, 1),
    )


def compile_kernels() -> None:
    """Compile for single precision, so that no job has to."""
    row, matrix = torch.zeros(1, 1, 1), torch.zeros(1, 1)
    y, states, decay = scan(row, row, matrix, row, row)
    scan_gradients(y, None, row, row, matrix, row, row, states, decay)
