"""Quantiles over the points of one network, for bands in figures."""

from __future__ import annotations

import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["QUANTILES", "over_points"]

QUANTILES = (0.1, 0.5, 0.9)
"""Lower end, median and upper end of a band: those of Pellegrino and Chadwick (2025)."""


def over_points(values: Tensor, quantiles: tuple[float, ...] = QUANTILES) -> NDArray:
    """Return quantiles over the points, shape (quantile, ...), of values (point, ...); nan is left out."""
    levels = values.new_tensor(quantiles)
    # torch.nanquantile takes no tensor of more than 2^24 numbers.
    rows = [torch.nanquantile(block, levels, dim=0) for block in values.flatten(1).split(4096, 1)]
    result: NDArray = torch.cat(rows, 1).unflatten(1, values.shape[1:]).numpy(force=True)
    return result
