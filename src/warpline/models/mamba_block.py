"""Mamba layer; its parameters have the names, shapes and initial values of `mamba_ssm.Mamba`."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from warpline.models.selective_scan import kernel_for, kernel_scan, kernel_states, torch_scan

__all__ = ["MambaBlock", "RMSNorm", "ResidualBlock"]

DT_MIN, DT_MAX, DT_FLOOR = 0.001, 0.1, 1e-4
"""Range of the initial time steps, log-uniform, and their floor (Gu and Dao 2023, section 3.6)."""


def _silu(x: Tensor) -> Tensor:
    """Return x sigmoid(x): `functional.silu`, whose second forward derivative torch lacks."""
    return x * torch.sigmoid(x)


class MambaBlock(nn.Module):
    """Selective state-space layer (Gu and Dao 2023, figure 3), time first.

    x, z = W_in input; u = silu(causal convolution of x, depthwise); delta = softplus(W_dt W_x u + b_dt),
    B = W_B u, C = W_C u; y = scan(u, delta, A, B, C) + D u, with A = -exp(A_log);
    output = W_out (y silu(z)). Initial values come from torch's global generator in the order of
    `mamba_ssm.Mamba`, so that one seed gives both the same weights.

    Parameters
    ----------
    d_model : int
        Width of input and output.
    d_state : int
        N, states per channel.
    d_conv : int
        Width of the convolution in steps, including the current one.
    expand : int
        Number of channels d_inner over d_model.
    """

    def __init__(self, d_model: int, d_state: int, d_conv: int, expand: int) -> None:
        super().__init__()
        self.d_inner = expand * d_model
        self.d_state = d_state
        self.d_conv = d_conv
        self.dt_rank = math.ceil(d_model / 16)
        self.in_proj = nn.Linear(d_model, 2 * self.d_inner, bias=False)
        self.conv1d = nn.Conv1d(self.d_inner, self.d_inner, d_conv, groups=self.d_inner)
        self.x_proj = nn.Linear(self.d_inner, self.dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, self.d_inner)

        # Time steps dt start log-uniform; the bias is their inverse softplus.
        bound = self.dt_rank**-0.5
        nn.init.uniform_(self.dt_proj.weight, -bound, bound)
        low, high = math.log(DT_MIN), math.log(DT_MAX)
        dt = torch.exp(torch.rand(self.d_inner) * (high - low) + low).clamp(min=DT_FLOOR)
        with torch.no_grad():
            self.dt_proj.bias.copy_(dt + torch.log(-torch.expm1(-dt)))

        # Decay rates 1, ..., N in each channel (S4D-Real; Gu and Dao 2023, section 3.6).
        self.A_log = nn.Parameter(
            torch.log(torch.arange(1, d_state + 1, dtype=torch.float32)).repeat(self.d_inner, 1)
        )
        self.D = nn.Parameter(torch.ones(self.d_inner))
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False)

    def _selection(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return delta, A, B and C of inputs (..., channel)."""
        dt, b, c = self.x_proj(u).split([self.dt_rank, self.d_state, self.d_state], dim=-1)
        return functional.softplus(self.dt_proj(dt)), -torch.exp(self.A_log), b, c

    def _convolution_weights(self) -> tuple[Tensor, Tensor]:
        """Return the convolution's weights (step, channel), the oldest step first, and its bias."""
        assert self.conv1d.bias is not None
        return self.conv1d.weight.squeeze(1).t(), self.conv1d.bias

    def _convolve(self, window: Tensor) -> Tensor:
        """Convolve over time: (time + d_conv - 1, trial, channel) to (time, trial, channel)."""
        n_steps = len(window) - self.d_conv + 1
        weights, bias = self._convolution_weights()
        convolved = bias + window[:n_steps] * weights[0]
        for k in range(1, self.d_conv):
            convolved = torch.addcmul(convolved, window[k : k + n_steps], weights[k])
        return functional.silu(convolved)

    def forward(
        self, inputs: Tensor, keep_states: bool, lag: int = 0
    ) -> tuple[Tensor, Tensor | None]:
        """Run on inputs (time, trial, d_model).

        With a `lag`, the convolution reads inputs that are older by so many steps (see
        `warpline.models.mamba.Network`).

        Returns
        -------
        output : Tensor, shape (time, trial, d_model)
        states : Tensor, shape (time, trial, d_inner, d_state), or None without `keep_states`
            h after each step.
        """
        x, z = self.in_proj(inputs).chunk(2, dim=-1)
        padded = functional.pad(x, (0, 0, 0, 0, self.d_conv - 1 + lag, 0))
        u = self._convolve(padded[: len(padded) - lag])
        delta, a, b, c = self._selection(u)
        kernel = kernel_for(u)
        states = None
        if kernel is None:
            y, states = torch_scan(u, delta, a, b, c)
        else:
            y = kernel_scan(kernel, u, delta, a, b, c)
            if keep_states:
                states = kernel_states(kernel, u, delta, a, b)
        y = torch.addcmul(y, self.D, u) * functional.silu(z)
        return self.out_proj(y), states if keep_states else None

    def step(self, inputs: Tensor, state: Tensor, cache: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Take one step by plain torch operations, which `torch.func` can transform.

        Parameters
        ----------
        inputs : Tensor, shape (trial, d_model)
        state : Tensor, shape (trial, d_inner, d_state)
            h before the step.
        cache : Tensor, shape (trial, d_conv - 1, d_inner)
            The last inputs of the convolution, the oldest first.

        Returns
        -------
        output, state, cache : Tensor
            Shaped as the arguments.
        """
        x, z = self.in_proj(inputs).chunk(2, dim=-1)
        window = torch.cat([cache, x.unsqueeze(1)], dim=1)
        weights, bias = self._convolution_weights()
        u = _silu((window * weights).sum(1) + bias)
        delta, a, b, c = self._selection(u)
        drive = (delta * u).unsqueeze(-1) * b.unsqueeze(-2)
        state = torch.exp(delta.unsqueeze(-1) * a) * state + drive
        y = (state * c.unsqueeze(-2)).sum(-1) + self.D * u
        return self.out_proj(y * _silu(z)), state, window[:, 1:]


class RMSNorm(nn.Module):
    """Scale to a root mean square of 1, then by a weight per feature (Zhang and Sennrich 2019)."""

    def __init__(self, width: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (..., width) normalised."""
        return inputs * torch.rsqrt(inputs.square().mean(-1, keepdim=True) + self.eps) * self.weight


class ResidualBlock(nn.Module):
    """input + MambaBlock(RMSNorm(input))."""

    def __init__(self, d_model: int, d_state: int, d_conv: int, expand: int) -> None:
        super().__init__()
        self.mixer = MambaBlock(d_model, d_state, d_conv, expand)
        self.norm = RMSNorm(d_model)

    def forward(
        self, inputs: Tensor, keep_states: bool, lag: int = 0
    ) -> tuple[Tensor, Tensor | None]:
        """Run on inputs (time, trial, d_model); see `MambaBlock.forward`."""
        output, states = self.mixer(self.norm(inputs), keep_states, lag)
        return inputs + output, states

    def step(self, inputs: Tensor, state: Tensor, cache: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Take one step; see `MambaBlock.step`."""
        output, state, cache = self.mixer.step(self.norm(inputs), state, cache)
        return inputs + output, state, cache
