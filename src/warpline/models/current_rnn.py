"""The recurrent network in current form: the state is the input current of each unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.base import Cell, drive_noise, hidden_noise
from warpline.models.initialisation import ACTIVATIONS, input_matrix, recurrent_matrix

__all__ = ["Network"]


class Network(Cell):
    """RNN in current form: tau dx/dt = -x + W phi(x) + B u + b, in Euler steps of dt, from x = 0.

    x <- (1 - a) x + a (W phi(x) + B u + b + s xi), a = dt/tau; outputs = R phi(x) + c (Sompolinsky et al.
    1988, with inputs). `warpline.models.leaky_rnn` is the rate form. The states are the currents x. xi is
    standard normal; s follows from the hidden noise and a (`warpline.models.base.drive_noise`).
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
        self.noise = drive_noise(settings["noise"], self.alpha)
        self.activation = ACTIVATIONS[settings["activation"]]
        self.weight_in = nn.Parameter(input_matrix(units, n_inputs, generator))
        self.bias = nn.Parameter(torch.zeros(units))
        self.make_recurrent_weights(settings, generator)
        self.weight_out = nn.Parameter(input_matrix(n_outputs, units, generator))
        self.bias_out = nn.Parameter(torch.zeros(n_outputs))

    def make_recurrent_weights(
        self, settings: Mapping[str, Any], generator: torch.Generator
    ) -> None:
        """Make the parameters that `recurrent` uses."""
        self.weight_hh = nn.Parameter(
            recurrent_matrix(
                settings["init"],
                settings["units"],
                settings["activation"],
                settings["gain"],
                generator,
            )
        )

    def recurrent(self, rates: Tensor) -> Tensor:
        """Return W phi(x), shape (trial, unit), of rates phi(x)."""
        return nn.functional.linear(rates, self.weight_hh)

    def _next(self, state: Tensor, drive: Tensor) -> Tensor:
        return torch.lerp(state, self.recurrent(self.activation(state)) + drive, self.alpha)

    def forward(
        self, inputs: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run on inputs (trial, time, channel); see `warpline.models.base.Model`."""
        # Time first, so that each step reads contiguous memory.
        drive = nn.functional.linear(inputs.transpose(0, 1), self.weight_in, self.bias)
        noise = hidden_noise(self.noise, drive, generator)
        if noise is not None:
            drive = drive + noise
        state = drive.new_zeros(drive.shape[1:])
        states = []
        # unbind, not indexing: the backward of drive[t] would be quadratic in time.
        for drive_t in drive.unbind(0):
            state = self._next(state, drive_t)
            states.append(state)
        currents = torch.stack(states, dim=1)
        return self.readout(currents), currents

    def noise_shape(self, trials: int, steps: int) -> tuple[int, ...]:
        """Return the shape of the hidden noise, which is drawn time first."""
        return (steps, trials, self.bias.numel())

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the next currents; see `warpline.models.base.Stepwise`."""
        return self._next(state, nn.functional.linear(inputs, self.weight_in, self.bias))

    def readout(self, state: Tensor) -> Tensor:
        """Return the outputs of currents, shape (..., output)."""
        return super().readout(self.activation(state))
