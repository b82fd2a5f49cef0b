"""The leaky gated recurrent unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.base import Cell, hidden_noise
from warpline.models.initialisation import ACTIVATIONS, input_matrix, recurrent_matrix

__all__ = ["Network"]


class Network(Cell):
    """Leaky GRU (Cho et al. 2014, with a leak): tau dh/dt = z (n - h), in Euler steps of dt, from h = 0.

    r = sigmoid(U_r u + b_r + W_r h), z = sigmoid(U_z u + b_z + W_z h),
    n = phi(U_n u + b_n + r (W_n h + c_n) + noise), h <- h + (dt/tau) z (n - h); logits = R h + c.
    The reset gate acts on W_n h (as cuDNN's GRU), so that all products of a step read the same state.
    """

    input_weights: ClassVar[tuple[str, ...]] = ("weight_in",)

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        dt: float,
        settings: Mapping[str, Any],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        units = settings["units"]
        self.alpha = self.step_duration = dt / settings["tau"]
        self.noise = settings["noise"]
        self.activation = ACTIVATIONS[settings["activation"]]
        self.weight_in = nn.Parameter(input_matrix(3 * units, n_inputs, generator))
        blocks = [
            recurrent_matrix(settings["init"], units, activation, settings["gain"], generator)
            for activation in ("sigmoid", "sigmoid", settings["activation"])
        ]
        self.weight_hh = nn.Parameter(torch.cat(blocks))
        self.bias = nn.Parameter(torch.zeros(3 * units))
        self.bias_candidate = nn.Parameter(torch.zeros(units))
        self.weight_out = nn.Parameter(input_matrix(n_outputs, units, generator))
        self.bias_out = nn.Parameter(torch.zeros(n_outputs))

    def forward(
        self, inputs: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run on inputs (trial, time, channel); see `warpline.models.base.Model`."""
        linear = nn.functional.linear
        units = self.bias_candidate.numel()
        # Time first, and a block per gate: each step reads contiguous memory, and no gradient is padded.
        steps = inputs.transpose(0, 1).contiguous()
        own_reset, own_update, own_candidate = (
            linear(steps, weight, bias)
            for weight, bias in zip(
                self.weight_in.split(units), self.bias.split(units), strict=True
            )
        )
        noise = hidden_noise(self.noise, own_candidate, generator)
        if noise is not None:
            own_candidate = own_candidate + noise
        back_reset, back_update, back_candidate = self.weight_hh.split(units)
        state = own_reset.new_zeros(own_reset.shape[1:])
        states = []
        drives = (own_reset.unbind(0), own_update.unbind(0), own_candidate.unbind(0))
        for for_reset, for_update, for_candidate in zip(*drives, strict=True):
            reset = torch.sigmoid(for_reset + linear(state, back_reset))
            update = torch.sigmoid(for_update + linear(state, back_update))
            inner = linear(state, back_candidate, self.bias_candidate)
            target = self.activation(torch.addcmul(for_candidate, reset, inner))
            state = torch.lerp(state, target, self.alpha * update)
            states.append(state)
        hidden = torch.stack(states, dim=1)
        return self.readout(hidden), hidden

    def noise_shape(self, trials: int, steps: int) -> tuple[int, ...]:
        """Return the shape of the hidden noise, which is drawn time first."""
        return (steps, trials, self.bias_candidate.numel())

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the next hidden state; see `warpline.models.base.Stepwise`."""
        linear = nn.functional.linear
        reset_drive, update_drive, drive = linear(inputs, self.weight_in, self.bias).chunk(3, -1)
        reset_back, update_back, back = linear(state, self.weight_hh).chunk(3, -1)
        reset = torch.sigmoid(reset_drive + reset_back)
        update = torch.sigmoid(update_drive + update_back)
        target = self.activation(drive + reset * (back + self.bias_candidate))
        return torch.lerp(state, target, self.alpha * update)
