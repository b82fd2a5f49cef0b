"""torch.nn.GRU with a readout."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from warpline.models.stacked_cells import StackedCells

__all__ = ["Network"]


class Network(StackedCells):
    """Gated recurrent unit as torch.nn.GRU has it (Cho et al. 2014, the reset gate after the product).

    r = sigmoid(W_ir u + b_ir + W_hr h + b_hr), z alike, n = tanh(W_in u + b_in + r (W_hn h + b_hn)),
    h <- (1 - z) n + z h. Blocks of rows stand in the order r, z, n. Names of weights, layers and readout are
    those of `warpline.models.stacked_cells.StackedCells`.
    """

    activations: ClassVar[tuple[str, ...]] = ("tanh",)
    unused: ClassVar[tuple[str, ...]] = ("tau",)
    gates: ClassVar[tuple[str, ...]] = ("sigmoid", "sigmoid", "tanh")

    def advance(self, state: Tensor, drive: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the next h."""
        drives = drive.chunk(3, -1)
        recurrents = nn.functional.linear(state, weight, bias).chunk(3, -1)
        reset, update = (torch.sigmoid(drives[k] + recurrents[k]) for k in (0, 1))
        candidate = torch.tanh(drives[2] + reset * recurrents[2])
        return torch.lerp(candidate, state, update)
