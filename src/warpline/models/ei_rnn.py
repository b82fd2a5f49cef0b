"""The excitatory-inhibitory network: two excitatory populations that compete through inhibition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.base import Cell, drive_noise, hidden_noise
from warpline.models.initialisation import ACTIVATIONS, input_matrix, recurrent_matrix
from warpline.models.leaky_recurrence import leaky_states
from warpline.models.recurrence_steps import input_drive

__all__ = ["Network"]

EXCITATORY = 0.8
"""Fraction of excitatory units, half of them in each population."""


class Network(Cell):
    """Leaky RNN with Dale's law: tau dh/dt = -h + phi(W h + U u + b), in Euler steps of dt, from h = 0.

    Units are, in this order, excitatory population 1, excitatory population 2 (two fifths each) and
    inhibitory units (a fifth). W = S o |V| (Song, Yang and Wang 2016). The mask S is +1 in columns of
    excitatory units, -1 in those of inhibitory units, and 0 between the two populations. These compete
    through the inhibitory units alone (as in Wong and Wang 2006). U = M o |V_in| is non-negative: the
    first two channels reach one population each, further channels reach all units.
    Output = |r_1| h_1 - |r_2| h_2 + c, from the rates of the two populations.

    Hidden noise enters the argument of phi, as in `warpline.models.leaky_rnn`.

    ``activation`` is relu or softplus, because rates are non-negative. ``init`` gives the magnitudes |V|.
    Inhibitory columns are then scaled to a mean of 0 in each row, and W to a spectral radius of ``gain``.
    """

    input_weights: ClassVar[tuple[str, ...]] = ("weight_in",)
    unused: ClassVar[tuple[str, ...]] = ("parameters",)
    activations: ClassVar[tuple[str, ...]] = ("relu", "softplus")

    signs: Tensor
    """S, shape (unit, unit)."""
    paths: Tensor
    """M, shape (unit, channel)."""
    sides: Tensor
    """Signs of the readout, shape (1, unit): +1 for population 1, -1 for population 2, else 0."""

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
        population = round(EXCITATORY * units / 2)
        if settings["activation"] not in self.activations:
            raise ValueError(
                f"expected an activation among {', '.join(self.activations)} (rates are not negative), "
                f"got '{settings['activation']}'"
            )
        if n_inputs < 2 or n_outputs != 1 or not 0 < population < units / 2:
            raise ValueError(
                "expected at least two inputs, one output, and 3 units or at least 5 for two populations and "
                f"inhibition, got {n_inputs} inputs, {n_outputs} outputs and {units} units"
            )
        self.alpha = self.step_duration = dt / settings["tau"]
        self.noise = drive_noise(settings["noise"], self.alpha)
        self.activation = ACTIVATIONS[settings["activation"]]

        # Masks are buffers, to follow the weights to a device; not persistent, to stay out of checkpoints.
        first, second = slice(0, population), slice(population, 2 * population)
        inhibitory = slice(2 * population, units)
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

        # Balanced rows: the excitatory and inhibitory weights onto each unit have the same sum.
        magnitudes = recurrent_matrix(
            settings["init"], units, settings["activation"], settings["gain"], generator
        ).abs()
        excitation = (magnitudes * (signs > 0)).sum(1, keepdim=True)
        inhibition = (magnitudes * (signs < 0)).sum(1, keepdim=True)
        if not (inhibition > 0).all():
            raise ValueError(
                f"expected initial weights between all units, but init '{settings['init']}' leaves some "
                "with no inhibition: use gaussian, xavier, kaiming or orthogonal"
            )
        magnitudes = torch.where(signs < 0, magnitudes * excitation / inhibition, magnitudes)
        spectral_radius = torch.linalg.eigvals(signs * magnitudes).abs().max()
        self.weight_hh = nn.Parameter(magnitudes * settings["gain"] / spectral_radius)
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
        drive = input_drive(inputs, feedforward, self.bias)
        noise = hidden_noise(self.noise, drive, generator)
        if noise is not None:
            drive = drive + noise
        states = leaky_states(drive, recurrent, self.alpha, self.activation)
        hidden = states.transpose(0, 1).contiguous()
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
