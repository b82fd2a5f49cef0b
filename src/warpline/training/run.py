"""The record of a training run: its evaluations, checkpoints and status."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Evaluation", "TrainingRun", "Weights", "none_for_nan"]

Weights = dict[str, np.ndarray]
"""Weights of a network by the names of its parameters."""


@dataclass(frozen=True)
class Evaluation:
    """Performance of a network on one task's validation trials after an update.

    Attributes
    ----------
    step : int
        Updates done.
    task : str
    loss : float
        See `warpline.training.loop.balanced_loss`.
    accuracy : float
        On the decision steps alone; see `warpline.training.loop.decision_accuracy`.
    ideal : float
        Accuracy of an ideal observer.
    chance : float
        Accuracy that ignoring the stimulus gives.
    gradient_norm : float
        Norm of the update's gradient before clipping; NaN at step 0.
    """

    step: int
    task: str
    loss: float
    accuracy: float
    ideal: float
    chance: float
    gradient_norm: float


@dataclass
class TrainingRun:
    """The state of a training run.

    Attributes
    ----------
    status : str
        ``running``, then ``converged``, ``max_steps``, ``diverged`` or ``untrained``.
    step : int
        Updates done.
    streak : int
        Latest evaluations in a row that reached the target accuracy.
    history : list of Evaluation
    checkpoints : dict of int to dict of str to ndarray
        Weights by step.
    """

    status: str = "running"
    step: int = 0
    streak: int = 0
    history: list[Evaluation] = field(default_factory=list)
    checkpoints: dict[int, Weights] = field(default_factory=dict)

    def at(self, step: int) -> list[Evaluation]:
        """Return the evaluations after an update, a row per task."""
        return [row for row in self.history if row.step == step]


def none_for_nan(value: Any) -> Any:
    """Return None for a number that is not finite: JSON has no such numbers."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
