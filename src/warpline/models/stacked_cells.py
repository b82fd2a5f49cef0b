"""Recurrent layers with the weights of torch.nn: what RNN, GRU, LSTM and their cells share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from warpline.models.base import Cell
from warpline.models.initialisation import input_matrix, recurrent_matrix

__all__ = ["StackedCells"]


class StackedCells(Cell):
    """Layers of cells of torch.nn with a linear readout of the last layer's h, from a state of zeros.

    Parameters have the names of torch.nn: ``weight_ih_l0``, ``weight_hh_l0``, ``bias_ih_l0``, ``bias_hh_l0``
    and so on by layer; in a single cell ``weight_ih``, ``weight_hh``, ``bias_ih``, ``bias_hh``. Those of the
    readout are ``weight_out`` and ``bias_out``.

    The full state is that of all layers, the first layer's first. Observed is that of the last layer. There
    is no time constant: a step lasts one unit of time. There is no hidden noise, and ``tau`` has no meaning.

    Settings: ``units``, ``activation``, ``init``, ``gain``; ``parameters`` with ``num_layers`` (default 1).
    Initial weights are those of Warpline's other models, block by block, with biases of 0.
    """

    gates: ClassVar[tuple[str, ...]]
    """Activations of the blocks of rows of the weights."""
    suffixed: ClassVar[bool] = True
    """Whether names say their layer (``_l0``), as those of nn.RNN, nn.GRU and nn.LSTM do."""
    parts: ClassVar[int] = 1
    """Vectors of `units` numbers that a layer's state holds."""
    options: ClassVar[tuple[str, ...]] = ("num_layers",)
    """Keys of ``parameters``."""
    input_weights: ClassVar[tuple[str, ...]] = ("weight_ih_l0",)
    step_duration = 1.0

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
        if settings.get("noise", 0):
            raise ValueError(
                f"expected noise 0, because cells of torch.nn have no hidden noise; got {settings['noise']}"
            )
        parameters = settings.get("parameters") or {}
        unknown = [key for key in parameters if key not in self.options]
        if unknown:
            raise ValueError(
                f"expected parameters among {', '.join(self.options) or 'none'}, got {', '.join(unknown)}"
            )
        self.num_layers = parameters.get("num_layers", 1)
        rows = len(self.gates) * units
        for layer in range(self.num_layers):
            columns = units if layer else n_inputs
            blocks = [
                recurrent_matrix(settings["init"], units, gate, settings["gain"], generator)
                for gate in self.gates_of(settings)
            ]
            weights = {
                "weight_ih": input_matrix(rows, columns, generator),
                "weight_hh": torch.cat(blocks),
                "bias_ih": torch.zeros(rows),
                "bias_hh": torch.zeros(rows),
            }
            for name, value in weights.items():
                self.register_parameter(f"{name}{self._suffix(layer)}", nn.Parameter(value))
        self.weight_out = nn.Parameter(input_matrix(n_outputs, units, generator))
        self.bias_out = nn.Parameter(torch.zeros(n_outputs))

    @classmethod
    def from_module(
        cls, module: nn.Module, readout: nn.Linear | None = None, **settings: Any
    ) -> Self:
        """Take a trained module of torch.nn, and the linear layer that reads its last h.

        Parameters
        ----------
        module : torch.nn.Module
            Of the class that this model stands for, such as nn.LSTM. Its weights are copied.
        readout : torch.nn.Linear, optional
            From h to the outputs; without one, the network has no outputs.
        **settings
            Further ``parameters``, such as ``observed="h"`` of an LSTM.

        Raises
        ------
        TypeError
            When the readout is no linear layer.
        ValueError
            When the module is bidirectional or has a projection, or has other weights than this model.
        """
        if getattr(module, "bidirectional", False) or getattr(module, "proj_size", 0):
            raise ValueError(
                "expected a module that is neither bidirectional nor has a projection (proj_size), because "
                f"its step must be a map of one state; got {module}"
            )
        if not (readout is None or isinstance(readout, nn.Linear)):
            raise TypeError(
                f"expected the readout as one torch.nn.Linear, got {type(readout).__name__}: layers after h "
                "that are not linear have no place in the readout of a network"
            )
        options = {key: getattr(module, key) for key in ("num_layers",) if hasattr(module, key)}
        model = cls(
            n_inputs=module.input_size,  # type: ignore[arg-type]
            n_outputs=0 if readout is None else readout.out_features,
            dt=1.0,
            settings={
                "units": module.hidden_size,
                "activation": getattr(module, "nonlinearity", "tanh"),
                "init": "identity",
                "gain": 1.0,
                "parameters": options | settings,
            },
            generator=torch.Generator(),
        ).to(next(module.parameters()).dtype)
        weights = dict(model.state_dict())
        unknown = [name for name in module.state_dict() if name not in weights]
        if unknown:
            raise ValueError(
                f"expected a module with weights among {', '.join(weights)}, got {', '.join(unknown)}"
            )
        given = module.state_dict()
        if wrong := [name for name in given if given[name].shape != weights[name].shape]:
            sizes = f"{tuple(given[wrong[0]].shape)} in place of {tuple(weights[wrong[0]].shape)}"
            raise ValueError(f"expected weights of this model's sizes, got {wrong[0]} of {sizes}")
        # A module without biases has biases of 0.
        weights |= given
        if readout is not None:
            weights["weight_out"] = readout.weight
            weights["bias_out"] = (
                torch.zeros_like(weights["bias_out"]) if readout.bias is None else readout.bias
            )
        model.load_state_dict(weights)
        return model

    def gates_of(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the activations of the blocks, which `recurrent_matrix` is told."""
        return self.gates

    def _suffix(self, layer: int) -> str:
        return f"_l{layer}" if self.suffixed else ""

    def _weights(self, layer: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return input weights, recurrent weights, and their biases."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(self, f"{name}{self._suffix(layer)}") for name in names]
        return weights[0], weights[1], weights[2], weights[3]

    def advance(self, state: Tensor, drive: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return a layer's next state (trial, parts x units), from its state and the drive of its inputs.

        Parameters
        ----------
        state : Tensor, shape (trial, parts x units)
        drive : Tensor, shape (trial, gates x units)
            W_ih u + b_ih.
        weight, bias : Tensor
            W_hh and b_hh.
        """
        raise NotImplementedError

    def initial_state(self, trials: int) -> Tensor:
        """Return zeros, shape (trial, layers x parts x units)."""
        return self.weight_out.new_zeros(trials, self.num_layers * self.parts * self.units)

    def forward(
        self, inputs: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run on inputs (trial, time, channel), without noise; see `warpline.models.base.Model`."""
        # Time first, so that each step reads contiguous memory. A layer at a time: one matrix product
        # projects its inputs of all steps.
        fed = inputs.transpose(0, 1)
        for layer in range(self.num_layers):
            weight_ih, weight_hh, bias_ih, bias_hh = self._weights(layer)
            state = fed.new_zeros(fed.shape[1], self.parts * self.units)
            states = []
            for drive in nn.functional.linear(fed, weight_ih, bias_ih).unbind(0):
                state = self.advance(state, drive, weight_hh, bias_hh)
                states.append(state)
            layer_states = torch.stack(states)
            fed = layer_states[..., : self.units]
        full = layer_states.transpose(0, 1)
        return self.readout(full), self.hidden(full)

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the next full state; see `warpline.models.base.Stepwise`."""
        size = self.num_layers * self.parts * self.units
        if state.shape[-1] != size:
            # A state of fewer layers would go through these layers alone, and come out as a state.
            raise ValueError(
                f"expected full states of {size} numbers ({self.num_layers} layers of "
                f"{self.parts * self.units}), got {state.shape[-1]}"
            )
        fed = inputs
        layers = []
        for layer, layer_state in enumerate(state.split(self.parts * self.units, -1)):
            weight_ih, weight_hh, bias_ih, bias_hh = self._weights(layer)
            drive = nn.functional.linear(fed, weight_ih, bias_ih)
            layers.append(self.advance(layer_state, drive, weight_hh, bias_hh))
            fed = layers[-1][..., : self.units]
        return torch.cat(layers, -1)

    def hidden(self, state: Tensor) -> Tensor:
        """Return the state of the last layer, shape (..., parts x units)."""
        size = self.parts * self.units
        # The state itself where it is all: the geometry then has one state to carry, not two.
        return state if state.shape[-1] == size else state[..., -size:]

    def readout(self, state: Tensor) -> Tensor:
        """Return the outputs of the last layer's h, shape (..., output)."""
        start = state.shape[-1] - self.parts * self.units
        return super().readout(state[..., start : start + self.units])
