"""The low-rank recurrent network in current form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from warpline.models import current_rnn

__all__ = ["Network"]


class Network(current_rnn.Network):
    """RNN with recurrent weights J = m n^T / N of low rank (Mastrogiuseppe and Ostojic 2018, eqs. 1 to 3).

    tau dx/dt = -x + J phi(x) + B u + b, in steps of dt, from x = 0; outputs = R phi(x) + c. m and n are
    (unit, rank), N is the number of units. The random part of the paper's J is left out. The biases b and c
    are additions, 0 at first. Initial m and n are independent and standard normal, times the root of
    ``gain``; ``init`` has no effect. ``parameters: {rank: 2}`` sets the rank, by default 1; its other keys
    are those of `warpline.models.current_rnn`.
    """

    input_weights: ClassVar[tuple[str, ...]] = ("weight_in",)
    options: ClassVar[tuple[str, ...]] = (*current_rnn.Network.options, "rank")

    def make_recurrent_weights(
        self, settings: Mapping[str, Any], generator: torch.Generator
    ) -> None:
        """Make m and n."""
        units = settings["units"]
        rank = (settings.get("parameters") or {}).get("rank", 1)
        if not 1 <= rank <= units:
            raise ValueError(f"expected a rank from 1 to units = {units}, got {rank}")
        size = settings["gain"] ** 0.5
        self.m, self.n = (
            nn.Parameter(size * torch.randn(units, rank, generator=generator)) for _ in range(2)
        )

    def recurrent(self, rates: Tensor) -> Tensor:
        """Return J phi(x), by way of the rank."""
        latent = nn.functional.linear(rates, self.n.t()) / len(self.n)
        return nn.functional.linear(latent, self.m)
