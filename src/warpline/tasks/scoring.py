"""When an answer is correct: the one definition that training, evaluation and chance levels share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["ideal_share", "is_correct", "share_correct"]


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


def ideal_share(dataset: Any, counted: NDArray[np.bool_]) -> float:
    """Return the accuracy of an ideal observer, counted as that of a network: by decision step.

    A trial whose decision lasts longer has more steps to be right in.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `warpline.tasks.trials.generate_trials`.
    counted : ndarray, shape (trial,), bool
        Trials that count.
    """
    steps = dataset["decision"].transpose("trial", "time").values[counted].sum(1)
    return float((dataset["ideal"].values[counted] * (steps / steps.mean())).mean())
