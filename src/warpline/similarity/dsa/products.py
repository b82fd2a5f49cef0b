"""Batched matrix products, the bulk of the alignment's work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def bmm(first: Tensor, second: Tensor) -> Tensor:
    """Multiply two batches of matrices.

    On the CPU the product runs in NumPy's BLAS, on the same memory: for batches of matrices of 20
    to 150 columns it took half to two thirds of the time of ``torch.bmm`` (OpenBLAS against MKL on
    an AMD processor).

    Parameters
    ----------
    first : Tensor, shape (problem, m, k)
        Left factors.
    second : Tensor, shape (problem, k, n)
        Right factors, of the same type and device.

    Returns
    -------
    Tensor, shape (problem, m, n)
        The products.
    """
    import torch

    if first.device.type != "cpu":
        return torch.bmm(first, second)
    return torch.from_numpy(np.matmul(first.numpy(), second.numpy()))
