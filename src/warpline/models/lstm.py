"""torch.nn.LSTM with a readout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models.stacked_cells import StackedCells

__all__ = ["Network"]


class Network(StackedCells):
    """Long short-term memory as torch.nn.LSTM has it (Hochreiter and Schmidhuber 1997, with a forget gate).

    i, f, o = sigmoid(W u + b + W' h + b') each, g = tanh of the like, c <- f c + i g, h <- o tanh(c). Blocks
    of rows stand in the order i, f, g, o. The state of a layer is (h, c): h alone does not determine the next
    step. With ``parameters: {observed: h}`` hidden states are h alone. Names of weights, layers and readout
    are those of `warpline.models.stacked_cells.StackedCells`.
    """

    activations: ClassVar[tuple[str, ...]] = ("tanh",)
    unused: ClassVar[tuple[str, ...]] = ("tau",)
    gates: ClassVar[tuple[str, ...]] = ("sigmoid", "sigmoid", "tanh", "sigmoid")
    parts: ClassVar[int] = 2
    options: ClassVar[tuple[str, ...]] = ("num_layers", "observed")

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        dt: float,
        settings: Mapping[str, Any],
        generator: torch.Generator,
    ) -> None:
        super().__init__(n_inputs, n_outputs, dt, settings, generator)
        self.observed = (settings.get("parameters") or {}).get("observed", "state")
        if self.observed not in ("state", "h"):
            raise ValueError(
                f"expected observed 'state', for (h, c), or 'h'; got '{self.observed}'"
            )

    def advance(self, state: Tensor, drive: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the next (h, c)."""
        h, c = state.chunk(2, -1)
        i, f, g, o = (drive + nn.functional.linear(h, weight, bias)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], -1)

    def hidden(self, state: Tensor) -> Tensor:
        """Return (h, c) of the last layer, or its h."""
        last = super().hidden(state)
        return last[..., : self.units] if self.observed == "h" else last
