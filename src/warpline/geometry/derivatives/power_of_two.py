"""Scales that are powers of two: dividing by them loses no digit, and keeps squares from overflowing."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["power_of_two"]


def power_of_two(values: Tensor) -> Tensor:
    """Return for each vector the power of two just above its largest component, shape (..., 1).

    Parameters
    ----------
    values : Tensor, shape (..., unit)
        1 for vectors of zeros.
    """
    largest = values.detach().abs().amax(-1, keepdim=True)
    # At most 2^1023, the largest one in double precision.
    exponent = np.minimum(np.frexp(largest.numpy(force=True))[1], 1023)
    return torch.from_numpy(np.ldexp(1.0, exponent)).to(values)
