"""What the leaky RNN and GRU have in common as modules."""

from __future__ import annotations

import torch
from torch import Tensor

from warpline.models.base import Cell

__all__ = ["LeakyCell"]


class LeakyCell(Cell):
    """Base class of the leaky RNN and GRU, whose states are computed time first (`_states`)."""

    def forward(
        self, inputs: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run on inputs (trial, time, channel); see `warpline.models.base.Model`."""
        states = self._states(inputs, generator)
        hidden = states.transpose(0, 1).contiguous()
        return self.readout(hidden), hidden

    def outputs(self, inputs: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the outputs alone, without a copy of the states in the order of trials."""
        return self.readout(self._states(inputs, generator)).transpose(0, 1)

    def _states(self, inputs: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the states, shape (time, trial, unit)."""
        raise NotImplementedError
