"""The leaky gated recurrent unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.base import drive_noise, hidden_noise
from warpline.models.gated_recurrence import gated_states
from warpline.models.initialisation import ACTIVATIONS, input_matrix, recurrent_matrix
from warpline.models.leaky_cell import LeakyCell
from warpline.models.recurrence_steps import input_drive

__all__ = ["Network"]


class Network(LeakyCell):
    """Leaky GRU (Cho et al. 2014, with a leak): tau dh/dt = z (n - h), in Euler steps of dt, from h = 0.

    r = sigmoid(U_r u + b_r + W_r h), z = sigmoid(U_z u + b_z + W_z h),
    n = phi(U_n u + b_n + r (W_n h + c_n) + s xi), h <- h + (dt/tau) z (n - h); outputs = R h + c.
    xi is standard normal; s is that of a unit whose gate z is open (`warpline.models.base.drive_noise`).
    As in cuDNN's GRU, the reset gate acts on W_n h: all products of a step read the same state. With the
    setting ``reset_gate`` "unused", r = 1: the gate has parameters, on which no output depends, as in the
    code of Guilhot et al. (2024).
    """

    input_weights: ClassVar[tuple[str, ...]] = ("weight_in",)
    unused: ClassVar[tuple[str, ...]] = ("parameters",)

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
        self.noise = drive_noise(settings["noise"], self.alpha)
        self.activation = ACTIVATIONS[settings["activation"]]
        self.resets = settings.get("reset_gate", "used") == "used"
        self.weight_in = nn.Parameter(input_matrix(3 * units, n_inputs, generator))
        # Rows in the order reset gate, update gate, candidate, each block initialised by itself.
        blocks = [
            recurrent_matrix(settings["init"], units, activation, settings["gain"], generator)
            for activation in ("sigmoid", "sigmoid", settings["activation"])
        ]
        self.weight_hh = nn.Parameter(torch.cat(blocks))
        self.bias = nn.Parameter(torch.zeros(3 * units))
        self.bias_candidate = nn.Parameter(torch.zeros(units))
        self.weight_out = nn.Parameter(input_matrix(n_outputs, units, generator))
        self.bias_out = nn.Parameter(torch.zeros(n_outputs))

    def _states(self, inputs: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the states, time first."""
        units = self.bias_candidate.numel()
        drive = input_drive(inputs, self.weight_in, self.bias)
        noise = hidden_noise(self.noise, drive[..., 2 * units :], generator)
        if noise is not None:
            drive = drive + nn.functional.pad(noise, (2 * units, 0))
        if not self.resets:
            # An infinite drive: the gate is 1, and no gradient goes through it.
            reset_drive = torch.full_like(drive[..., :units], torch.inf)
            drive = torch.cat([reset_drive, drive[..., units:]], -1)
        return gated_states(drive, self.weight_hh, self.bias_candidate, self.alpha, self.activation)

    def noise_shape(self, trials: int, steps: int) -> tuple[int, ...]:
        """Return the shape of the hidden noise, which is drawn time first."""
        return (steps, trials, self.bias_candidate.numel())

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the next hidden state; see `warpline.models.base.Stepwise`."""
        linear = nn.functional.linear
        drives = linear(inputs, self.weight_in, self.bias).chunk(3, -1)
        recurrents = linear(state, self.weight_hh).chunk(3, -1)
        reset, update = (torch.sigmoid(drives[k] + recurrents[k]) for k in (0, 1))
        if not self.resets:
            reset = torch.ones_like(reset)
        candidate = self.activation(drives[2] + reset * (recurrents[2] + self.bias_candidate))
        return torch.lerp(state, candidate, self.alpha * update)
