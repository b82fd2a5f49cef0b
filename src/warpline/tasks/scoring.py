"""When an answer is correct: the one definition that training, evaluation and chance levels share."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["is_correct", "share_correct"]


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


def share_correct(
    outputs: Tensor, target: Tensor, counted: Tensor, tolerance: float | None
) -> float:
    """Return the share of the counted steps whose output is correct.

    Parameters
    ----------
    outputs : Tensor, shape (trial, time, output)
        Logits of the actions, or the output vector.
    target : Tensor, shape (trial, time) or (trial, time, output)
    counted : Tensor, shape (trial, time), bool
    tolerance : float or None
        As for `is_correct`.
    """
    answer = outputs.argmax(-1) if tolerance is None else outputs
    return float(is_correct(answer, target, tolerance)[counted].double().mean())
