"""How the metric is shared between input coordinates: the warping test of Pellegrino and Chadwick (2025)."""

from __future__ import annotations

import torch
from torch import Tensor

from warpline.geometry.riemannian.metric import Metric

__all__ = ["metric_shares"]


def metric_shares(metric: Metric) -> tuple[Tensor, Tensor]:
    """Return each coordinate's share of the metric, and the trace.

    Where one of two items is compressed in favour of the other, its share G_ii / (G_11 + G_22) falls from
    1/2. A share that stays at 1/2 means that the metric does not decide between them; the decoder may
    (`warpline.geometry.measurements.readout.decoder_cosines`).

    Parameters
    ----------
    metric : Metric
        Coordinates of one kind, such as two angles: a share of unlike quantities means nothing.

    Returns
    -------
    shares : Tensor, shape (point, time, coordinate)
        nan where the metric is 0.
    trace : Tensor, shape (point, time)
        Sum of the G_ii of the input coordinates.
    """
    squares = metric.inputs.lengths.square()
    trace = squares.sum(-1)
    return torch.where(trace[..., None] > 0, squares / trace[..., None], torch.nan), trace
