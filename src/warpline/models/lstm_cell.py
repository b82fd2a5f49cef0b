"""torch.nn.LSTMCell with a readout."""

from __future__ import annotations

from typing import ClassVar

from warpline.models import lstm

__all__ = ["Network"]


class Network(lstm.Network):
    """The one layer of `warpline.models.lstm`, named as in torch.nn.LSTMCell: ``weight_ih`` and so on."""

    suffixed: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ("observed",)
    activations: ClassVar[tuple[str, ...]] = ("tanh",)
    unused: ClassVar[tuple[str, ...]] = ("tau",)
    input_weights: ClassVar[tuple[str, ...]] = ("weight_ih",)
