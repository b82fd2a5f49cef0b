"""The recurrent network in current form: the state is the input current of each unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.base import Cell, drive_noise, hidden_noise
from warpline.models.initialisation import (
    ACTIVATIONS,
    input_matrix,
    normal_matrix,
    recurrent_matrix,
)

__all__ = ["Network"]


SOLVERS = ("euler", "heun")
FEEDFORWARD = ("uniform", "normal")


class Network(Cell):
    """RNN in current form: tau dx/dt = -x + W phi(x) + B u + b, in steps of dt, from x = 0.

    Outputs are R phi(x) + c (Sompolinsky et al. 1988, with inputs). `warpline.models.leaky_rnn` is the rate
    form. The states are the currents x. With a = dt/tau, F(x) = -x + W phi(x) + B u + b + s xi, and u and xi
    constant during a step, a step is

    - Euler's, x <- x + a F(x), or
    - Heun's, x <- x + a (F(x) + F(y)) / 2 with y = x + a F(x), which is exact to second order in a.

    xi is standard normal; s follows from the hidden noise and a (`warpline.models.base.drive_noise`).

    ``parameters`` may hold

    - ``solver``: ``euler``, the default, or ``heun``;
    - ``biases``: true by default; without them b = c = 0;
    - ``feedforward``: the distribution of the initial B and R, ``uniform``, the default, or ``normal``;
    - ``input_groups``: for normal B, the sizes of groups of channels, which are equally strong
      (`warpline.models.initialisation.normal_matrix`). By default all channels are one group.

    Raises
    ------
    ValueError
        When a parameter is unknown, or its value is none of those above.
    """

    input_weights: ClassVar[tuple[str, ...]] = ("weight_in",)
    options: ClassVar[tuple[str, ...]] = ("solver", "biases", "feedforward", "input_groups")
    """Keys of ``parameters``."""

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        dt: float,
        settings: Mapping[str, Any],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.units = units = settings["units"]
        parameters = dict(settings.get("parameters") or {})
        self._check(parameters, n_inputs)
        self.alpha = self.step_duration = dt / settings["tau"]
        self.heun = parameters.get("solver", "euler") == "heun"
        # A linear unit keeps 1 - a of its state in Euler's step, 1 - a + a^2/2 in Heun's.
        decay = self.alpha - self.alpha**2 / 2 if self.heun else self.alpha
        self.noise = drive_noise(settings["noise"], decay)
        self.activation = ACTIVATIONS[settings["activation"]]
        normal = parameters.get("feedforward", "uniform") == "normal"
        groups = parameters.get("input_groups", [n_inputs])
        biased = parameters.get("biases", True)
        self.weight_in = nn.Parameter(
            normal_matrix(units, groups, generator)
            if normal
            else input_matrix(units, n_inputs, generator)
        )
        self.bias = nn.Parameter(torch.zeros(units)) if biased else None
        self.make_recurrent_weights(settings, generator)
        self.weight_out = nn.Parameter(
            normal_matrix(n_outputs, [units], generator)
            if normal
            else input_matrix(n_outputs, units, generator)
        )
        self.bias_out = nn.Parameter(torch.zeros(n_outputs)) if biased else None

    def _check(self, parameters: Mapping[str, Any], n_inputs: int) -> None:
        unknown = [key for key in parameters if key not in self.options]
        if unknown:
            raise ValueError(
                f"expected parameters among {', '.join(self.options)}, got {', '.join(unknown)}"
            )
        for key, values in (("solver", SOLVERS), ("feedforward", FEEDFORWARD)):
            if parameters.get(key, values[0]) not in values:
                raise ValueError(
                    f"expected {key} to be one of {', '.join(values)}, got {parameters[key]!r}"
                )
        if not isinstance(parameters.get("biases", True), bool):
            raise ValueError(f"expected biases to be true or false, got {parameters['biases']!r}")
        groups = parameters.get("input_groups")
        if groups is None:
            return
        sizes = isinstance(groups, list) and all(isinstance(n, int) and n > 0 for n in groups)
        if not sizes or sum(groups) != n_inputs or parameters.get("feedforward") != "normal":
            raise ValueError(
                f"expected input_groups to be sizes of groups of the {n_inputs} input channels, beside "
                f"feedforward: normal, got {groups!r}"
            )

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
        target = self.recurrent(self.rates(state)) + drive
        ahead = torch.lerp(state, target, self.alpha)
        if not self.heun:
            return ahead
        # x + a/2 ((t - x) + (t' - y)), with y = x + a (t - x) and t' the target at y.
        target_ahead = self.recurrent(self.rates(ahead)) + drive
        return 0.5 * (state + torch.lerp(ahead, target_ahead, self.alpha))

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
        return (steps, trials, self.units)

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the next currents; see `warpline.models.base.Stepwise`."""
        return self._next(state, nn.functional.linear(inputs, self.weight_in, self.bias))

    def rates(self, state: Tensor) -> Tensor:
        """Return phi(x), which the recurrent weights and the readout are multiplied with."""
        return self.activation(state)

    def readout(self, state: Tensor) -> Tensor:
        """Return the outputs of currents, shape (..., output)."""
        return super().readout(self.rates(state))
