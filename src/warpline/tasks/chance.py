"""Chance levels: the accuracy of answers that ignore the stimulus, on the trials themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from warpline.tasks.scoring import is_correct

__all__ = ["ChanceLevels", "chance_levels"]

MOST_TRIALS = 500
"""Scored trials that are used: the time grows with their square, the standard error is 0.0224 at most."""
MOST_CENTRES = 200
"""Targets between which the best constant vector is searched."""
CHUNK = 1000
"""Constant vectors that are scored at once, which bounds the memory."""


@dataclass(frozen=True)
class ChanceLevels:
    """Accuracy of three answers that ignore the stimulus.

    Attributes
    ----------
    constant : float
        Best single action or vector, given in all decision steps of all trials.
    silence : float
        Action 0 (keep fixation), or the vector 0.
    shuffled : float
        Expected accuracy of the target of another trial, drawn at random, at the same decision step. NaN
        where there is no other trial.
    """

    constant: float
    silence: float
    shuffled: float

    @property
    def level(self) -> float:
        """The largest of the three.

        A bound from below of what ignoring the stimulus can give: an answer that differs between the steps of
        a decision can do better, where these have right answers of other frequencies.
        """
        return max(
            value for value in (self.constant, self.silence, self.shuffled) if not math.isnan(value)
        )


def chance_levels(dataset: Any) -> ChanceLevels:
    """Compute the chance levels of trials, on scored decision steps, as accuracy is computed.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `warpline.tasks.trials.generate_trials`. Its first 500 scored trials are used.

    Returns
    -------
    ChanceLevels
        On these trials: with few of them, the best constant answer is better than it is on others.
        ``constant`` is exact for actions and, with up to 200 distinct targets, for one output and for
        targets on a circle. Otherwise it is a lower bound.

    Raises
    ------
    ValueError
        When no trial is scored.
    """
    rows = np.flatnonzero(dataset["scored"].values)[:MOST_TRIALS]
    if len(rows) == 0:
        raise ValueError(
            "expected at least one scored trial, got none: check the task's parameters"
        )
    tolerance = dataset.attrs.get("tolerance")
    targets, due = _decision_targets(
        dataset["target"].transpose("trial", "time", ...).values[rows],
        dataset["decision"].transpose("trial", "time").values[rows],
    )

    # Constant answers are scored on distinct targets, weighted by the steps on which each is due.
    distinct, counts = _distinct(targets[due])
    weights = counts / counts.sum()
    silence = torch.zeros_like(distinct[0])
    if tolerance is None:
        constants = torch.arange(int(dataset.attrs["n_outputs"]), dtype=distinct.dtype)
    else:
        constants = _constant_vectors(distinct, tolerance)
    best = max(
        float((is_correct(chunk[:, None], distinct, tolerance).double() @ weights).max())
        for chunk in constants.split(CHUNK)
    )
    return ChanceLevels(
        constant=best,
        silence=float(is_correct(silence, distinct, tolerance).double() @ weights),
        shuffled=_shuffled(targets, due, tolerance),
    )


def _decision_targets(
    target: NDArray[Any], decision: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the targets of the decision steps alone, (trial, decision step, ...), and which are due."""
    # A stable sort moves the decision steps to the front, in their order.
    order = np.argsort(~decision, axis=1, kind="stable")[:, : int(decision.sum(1).max())]
    due = np.take_along_axis(decision, order, axis=1)
    order = order.reshape(*order.shape, *[1] * (target.ndim - 2))
    return np.take_along_axis(target, order, axis=1), due


def _distinct(targets: NDArray[Any]) -> tuple[Tensor, Tensor]:
    """Return the distinct targets (target, ...) and how often each occurs (target,)."""
    values, counts = np.unique(targets, axis=0, return_counts=True)
    return torch.from_numpy(values), torch.from_numpy(counts).double()


def _constant_vectors(distinct: Tensor, tolerance: float) -> Tensor:
    """Return the vectors (constant, output) among which the best constant one is searched.

    The widest run of targets that one vector can serve on a line or a circle is served by the middle of its
    ends. These are among the targets, which also stand for themselves.
    """
    places = torch.linspace(0, len(distinct) - 1, min(len(distinct), MOST_CENTRES)).round().long()
    centres = distinct[places]
    first, second = torch.triu_indices(len(centres), len(centres), offset=1)
    near = torch.linalg.vector_norm(centres[first] - centres[second], dim=-1) <= 2 * tolerance
    middles = (centres[first[near]] + centres[second[near]]) / 2
    return torch.cat([centres, middles])


def _shuffled(targets: NDArray[Any], due: NDArray[np.bool_], tolerance: float | None) -> float:
    """Return the mean over all ordered pairs of trials that have an answer due at the same step."""
    total, steps = 0.0, 0
    step_targets, pairs = None, 0.0
    for k in range(due.shape[1]):
        present = targets[due[:, k], k]
        if len(present) < 2:
            continue
        # A period has one target, so that most steps repeat the one before.
        if step_targets is None or not np.array_equal(present, step_targets):
            step_targets = present
            distinct, counts = _distinct(present)
            agree = is_correct(distinct[:, None], distinct, tolerance).double()
            # Of all pairs, without those of a trial with itself, which always agree.
            pairs = float(counts @ agree @ counts) - len(present)
        total += pairs / (len(present) - 1)
        steps += len(present)
    return total / steps if steps else math.nan
