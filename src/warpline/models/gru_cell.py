"""torch.nn.GRUCell with a readout."""

from __future__ import annotations

from typing import ClassVar

from warpline.models import gru

__all__ = ["Network"]


class Network(gru.Network):
    """The one layer of `warpline.models.gru`, named as in torch.nn.GRUCell: ``weight_ih`` and so on."""

    suffixed: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ()
    activations: ClassVar[tuple[str, ...]] = ("tanh",)
    unused: ClassVar[tuple[str, ...]] = ("tau",)
    input_weights: ClassVar[tuple[str, ...]] = ("weight_ih",)
