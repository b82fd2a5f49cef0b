"""torch.nn.RNN with a readout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.initialisation import ACTIVATIONS
from warpline.models.stacked_cells import StackedCells

__all__ = ["Network"]


class Network(StackedCells):
    """Elman network as torch.nn.RNN has it: h <- phi(W_ih u + b_ih + W_hh h + b_hh), phi tanh or relu.

    Names of weights, layers and readout are those of `warpline.models.stacked_cells.StackedCells`.
    """

    activations: ClassVar[tuple[str, ...]] = ("tanh", "relu")
    unused: ClassVar[tuple[str, ...]] = ("tau",)
    gates: ClassVar[tuple[str, ...]] = ("tanh",)

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        dt: float,
        settings: Mapping[str, Any],
        generator: torch.Generator,
    ) -> None:
        super().__init__(n_inputs, n_outputs, dt, settings, generator)
        self.activation = ACTIVATIONS[settings["activation"]]

    def gates_of(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the activation of the one block."""
        return (settings["activation"],)

    def advance(self, state: Tensor, drive: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the next h."""
        return self.activation(drive + nn.functional.linear(state, weight, bias))
