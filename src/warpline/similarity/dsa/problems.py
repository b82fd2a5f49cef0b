"""What the alignment solves and what it finds, batched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass
class Problems:
    """Alignment problems, all tensors of one type on one device.

    Attributes
    ----------
    symmetric : Tensor, shape (problem, n, n)
        Symmetric part of A in its canonical frame.
    frequencies : Tensor, shape (problem, n / 2)
        Skew-symmetric part of A in its canonical frame.
    target : Tensor, shape (problem, n, n)
        B, in any frame.
    phantom : bool
        Whether the last dimension is a phantom (odd rank).
    """

    symmetric: Tensor
    frequencies: Tensor
    target: Tensor
    phantom: bool

    def select(self, index: Tensor) -> Problems:
        """Return the problems at ``index``."""
        return Problems(
            self.symmetric[index], self.frequencies[index], self.target[index], self.phantom
        )

    def to(self, dtype: torch.dtype) -> Problems:
        """Return the problems in another floating type."""
        return Problems(
            self.symmetric.to(dtype),
            self.frequencies.to(dtype),
            self.target.to(dtype),
            self.phantom,
        )


@dataclass
class Solution:
    """Local maxima, one per problem.

    Attributes
    ----------
    rotation : Tensor, shape (problem, n, n)
        The orthogonal matrix C, from the frame of B to the frame of A.
    moved : Tensor, shape (problem, n, n)
        C B C^T.
    value : Tensor, shape (problem,)
        Inner product at C.
    gradient_norm : Tensor, shape (problem,)
        Frobenius norm of the Riemannian gradient.
    converged : Tensor of bool, shape (problem,)
        Whether the gradient met the tolerance.
    products : Tensor of int, shape (problem,)
        Hessian-vector products spent.
    """

    rotation: Tensor
    moved: Tensor
    value: Tensor
    gradient_norm: Tensor
    converged: Tensor
    products: Tensor
