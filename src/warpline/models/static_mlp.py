"""The static multilayer perceptron: one hidden layer, no recurrence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.base import Cell, hidden_noise
from warpline.models.initialisation import ACTIVATIONS, input_matrix

__all__ = ["Network"]


class Network(Cell):
    """One hidden layer, applied to each step alone: h_t = phi(U u_t + b + noise), outputs = R h_t + c.

    It has no time constant: a step lasts one unit of time and does not depend on the state before.
    """

    input_weights: ClassVar[tuple[str, ...]] = ("weight_in",)
    unused: ClassVar[tuple[str, ...]] = ("init", "gain", "tau", "parameters")
    """Settings on which nothing depends. A literal in the class itself: the configuration is checked without
    import."""

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
        self.step_duration = 1.0
        self.noise = settings["noise"]
        self.activation = ACTIVATIONS[settings["activation"]]
        self.weight_in = nn.Parameter(input_matrix(units, n_inputs, generator))
        self.bias = nn.Parameter(torch.zeros(units))
        self.weight_out = nn.Parameter(input_matrix(n_outputs, units, generator))
        self.bias_out = nn.Parameter(torch.zeros(n_outputs))

    def forward(
        self, inputs: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run on inputs (trial, time, channel); see `warpline.models.base.Model`."""
        drive = nn.functional.linear(inputs, self.weight_in, self.bias)
        noise = hidden_noise(self.noise, drive, generator)
        hidden = self.activation(drive if noise is None else drive + noise)
        return self.readout(hidden), hidden

    def noise_shape(self, trials: int, steps: int) -> tuple[int, ...]:
        """Return the shape of the hidden noise."""
        return (trials, steps, self.bias.numel())

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the hidden layer's response to the inputs, whatever the state."""
        return self.activation(nn.functional.linear(inputs, self.weight_in, self.bias))
