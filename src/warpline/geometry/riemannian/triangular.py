"""QR of a few long vectors at many points at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["triangular_factor"]


def triangular_factor(vectors: Tensor | Sequence[Tensor]) -> Tensor:
    """Return the upper triangular R of A = Q R, for the d vectors that are A's columns.

    Parameters
    ----------
    vectors : Tensor, shape (..., d, unit), or sequence of d tensors of shape (..., unit)

    Returns
    -------
    Tensor, shape (..., d, d)
        With a diagonal that is not negative. A vector that depends on earlier ones has 0 there, up to
        rounding.

    Notes
    -----
    Modified Gram-Schmidt, over all points together: its R is as accurate as Householder's
    (Björck 1967; Björck and Paige 1992: it is backward stable, only Q is not), and for a handful of
    vectors it is far quicker than a call to LAPACK per point.
    """
    rest = list(vectors.unbind(-2) if isinstance(vectors, Tensor) else vectors)
    size = len(rest)
    factor = rest[0].new_zeros(*rest[0].shape[:-1], size, size)
    for i in range(size):
        length = torch.linalg.vector_norm(rest[i], dim=-1)
        factor[..., i, i] = length
        unit = rest[i] / torch.where(length > 0, length, 1.0)[..., None]
        for j in range(i + 1, size):
            along = torch.linalg.vecdot(unit, rest[j])
            factor[..., i, j] = along
            rest[j] = rest[j] - along[..., None] * unit
    return factor
