"""The excitatory-inhibitory network: two excitatory populations that compete through inhibition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.base import Cell, hidden_noise
from warpline.models.initialisation import ACTIVATIONS, input_matrix, recurrent_matrix

__all__ = ["Network"]


EXCITATORY = 0.8


class Network(Cell):
    """Leaky RNN of Dale's law: tau dh/dt = -h + phi(W h + U u + b), in Euler steps of dt, from h = 0.

    Units are, in this order, the excitatory population 1, population 2 (two fifths each) and inhibitory
    units (a fifth). W = S o |V|: the mask S gives the columns of excitatory units the sign +, those of
    inhibitory units the sign -, and none to connections between the populations, which so compete
    through the inhibitory units alone (as in Wong and Wang 2006; |V| as in Song, Yang and Wang 2016).
    U = M o |V_in| is non-negative: the first two channels reach one population each, further channels
    all units. Output = |r_1| h_1 - |r_2| h_2 + c, from the rates of the two populations.

    The settings: ``activation`` relu or softplus (rates are not negative); ``init`` gives the sizes of
    W, whose inhibitory columns are then scaled so that each row's mean is 0, and all so that the
    spectral radius is ``gain``.
    """

    input_weights: ClassVar[tuple[str, ...]] = ("weight_in",)
    activations: ClassVar[tuple[str, ...]] = ("relu", "softplus")

    signs: Tensor
    paths: Tensor
    sides: Tensor

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
        size = round(EXCITATORY * units / 2)
        if settings["activation"] not in self.activations:
            raise ValueError(
                f"expected an activation among {', '.join(self.activations)} (rates are not negative), "
                f"got '{settings['activation']}'"
            )
        if n_inputs < 2 or n_outputs != 1 or not 0 < size < units / 2:
            raise ValueError(
                "expected at least two inputs, one output and at least 4 units for two populations, "
                f"got {n_inputs} inputs, {n_outputs} outputs and {units} units"
            )
        self.alpha = self.step_duration = dt / settings["tau"]
        self.noise = settings["noise"]
        self.activation = ACTIVATIONS[settings["activation"]]
        first, second = slice(0, size), slice(size, 2 * size)
        inhibitory = slice(2 * size, units)
        signs = torch.ones(units, units)
        signs[first, second] = signs[second, first] = 0
        signs[:, inhibitory] = -1
        paths = torch.ones(units, n_inputs)
        paths[:, :2] = 0
        paths[first, 0] = paths[second, 1] = 1
        sides = torch.zeros(1, units)
        sides[:, first], sides[:, second] = 1, -1
        for name, mask in {"signs": signs, "paths": paths, "sides": sides}.items():
            self.register_buffer(name, mask, persistent=False)

        sizes = recurrent_matrix(
            settings["init"], units, settings["activation"], settings["gain"], generator
        ).abs()
        excitation = (sizes * (signs > 0)).sum(1, keepdim=True)
        inhibition = (sizes * (signs < 0)).sum(1, keepdim=True)
        if not (inhibition > 0).all():
            raise ValueError(
                f"expected initial weights between all units, but init '{settings['init']}' leaves some "
                "with no inhibition: use gaussian, xavier, kaiming or orthogonal"
            )
        sizes = torch.where(signs < 0, sizes * excitation / inhibition, sizes)
        radius = torch.linalg.eigvals(signs * sizes).abs().max()
        self.weight_hh = nn.Parameter(sizes * settings["gain"] / radius)
        self.weight_in = nn.Parameter(input_matrix(units, n_inputs, generator).abs())
        self.bias = nn.Parameter(torch.zeros(units))
        self.weight_out = nn.Parameter(input_matrix(n_outputs, units, generator).abs())
        self.bias_out = nn.Parameter(torch.zeros(n_outputs))

    def effective_weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return recurrent (unit, unit), input (unit, channel) and readout (output, unit) weights."""
        return (
            self.signs * self.weight_hh.abs(),
            self.paths * self.weight_in.abs(),
            self.sides * self.weight_out.abs(),
        )

    def forward(
        self, inputs: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run on inputs (trial, time, channel); see `warpline.models.base.Model`."""
        recurrent, feedforward, _ = self.effective_weights()
        # Time first, so that each step reads contiguous memory.
        drive = nn.functional.linear(inputs.transpose(0, 1), feedforward, self.bias)
        noise = hidden_noise(self.noise, drive, generator)
        if noise is not None:
            drive = drive + noise
        transposed = recurrent.t()
        state = drive.new_zeros(drive.shape[1:])
        states = []
        for step in drive.unbind(0):
            rate = self.activation(torch.addmm(step, state, transposed))
            state = torch.lerp(state, rate, self.alpha)
            states.append(state)
        hidden = torch.stack(states, dim=1)
        return self.readout(hidden), hidden

    def noise_shape(self, trials: int, steps: int) -> tuple[int, ...]:
        """Return the shape of the hidden noise, which is drawn time first."""
        return (steps, trials, self.bias.numel())

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the next hidden state; see `warpline.models.base.Stepwise`."""
        recurrent, feedforward, _ = self.effective_weights()
        drive = nn.functional.linear(inputs, feedforward, self.bias)
        rate = self.activation(drive + nn.functional.linear(state, recurrent))
        return torch.lerp(state, rate, self.alpha)

    def readout(self, state: Tensor) -> Tensor:
        """Return the outputs of hidden states, shape (trial, output)."""
        return nn.functional.linear(state, self.effective_weights()[2], self.bias_out)
