"""When an answer is correct: the one definition that training, evaluation and chance levels share."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["is_correct"]


def is_correct(answer: Tensor, target: Tensor, tolerance: float | None) -> Tensor:
    """Return whether answers are correct.

    Parameters
    ----------
    answer, target : Tensor, shape (...) or (..., output)
        Actions, or vectors; shapes broadcast.
    tolerance : float or None
        None for actions, of which the target's is correct. For vectors, the largest Euclidean distance
        of a correct answer from its target.

    Returns
    -------
    Tensor, shape (...), bool
    """
    if tolerance is None:
        return answer == target
    return torch.linalg.vector_norm(answer - target, dim=-1) <= tolerance
