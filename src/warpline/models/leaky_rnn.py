"""The leaky (continuous-time, Euler) recurrent network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.base import drive_noise, hidden_noise
from warpline.models.initialisation import ACTIVATIONS, input_matrix, recurrent_matrix
from warpline.models.leaky_cell import LeakyCell
from warpline.models.leaky_recurrence import leaky_states
from warpline.models.recurrence_steps import input_drive

__all__ = ["Network"]


class Network(LeakyCell):
    """Leaky RNN: tau dh/dt = -h + phi(W h + U u + b), in Euler steps of dt, from h = 0.

    h_t = (1 - a) h_{t-1} + a phi(W h_{t-1} + U u_t + b + s xi_t), a = dt/tau; outputs = R h_t + c.
    xi is standard normal; s follows from the hidden noise and a (`warpline.models.base.drive_noise`).
    One matrix product projects the inputs of all steps (`warpline.models.leaky_recurrence`).
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
        self.weight_in = nn.Parameter(input_matrix(units, n_inputs, generator))
        self.weight_hh = nn.Parameter(
            recurrent_matrix(
                settings["init"], units, settings["activation"], settings["gain"], generator
            )
        )
        self.bias = nn.Parameter(torch.zeros(units))
        self.weight_out = nn.Parameter(input_matrix(n_outputs, units, generator))
        self.bias_out = nn.Parameter(torch.zeros(n_outputs))

    def _states(self, inputs: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the states, time first."""
        drive = input_drive(inputs, self.weight_in, self.bias)
        noise = hidden_noise(self.noise, drive, generator)
        if noise is not None:
            drive = drive + noise
        return leaky_states(drive, self.weight_hh, self.alpha, self.activation)

    def noise_shape(self, trials: int, steps: int) -> tuple[int, ...]:
        """Return the shape of the hidden noise, which is drawn time first."""
        return (steps, trials, self.weight_hh.shape[0])

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the next hidden state; see `warpline.models.base.Stepwise`."""
        drive = nn.functional.linear(inputs, self.weight_in, self.bias)
        rate = self.activation(drive + nn.functional.linear(state, self.weight_hh))
        return torch.lerp(state, rate, self.alpha)
