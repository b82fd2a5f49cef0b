"""Environments whose target is a vector, built from what each task set states of its stimuli."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from neurogym.core import TrialEnv
from neurogym.utils import spaces
from numpy.typing import NDArray
from scipy.special import ndtr

from warpline.tasks.base import RuleTask

__all__ = ["SignTask", "VectorTask"]


class _VectorEnv(TrialEnv):
    """The environment below the rules: its trials show what `VectorTask` states.

    Parameters
    ----------
    See `VectorTask`.
    """

    def __init__(
        self, *, dt: int, timing: Mapping[str, Any], sigma: float, tolerance: float
    ) -> None:
        super().__init__(dt=dt)
        own: Any = self
        missing = [period for period in own.periods if period not in timing]
        if missing:
            raise ValueError(
                f"expected a duration of {', '.join(own.periods)}; got none of {', '.join(missing)}"
            )
        self.timing = dict(timing)
        self.sigma = sigma / np.sqrt(dt)
        own.tolerance = tolerance
        self.observation_space = spaces.Box(
            -np.inf,
            np.inf,
            shape=(len(own.inputs),),
            dtype=np.float32,
            name={name: k for k, name in enumerate(own.inputs)},
        )
        self.action_space = spaces.Box(-np.inf, np.inf, shape=(own.outputs,), dtype=np.float32)

    def _new_trial(self, **kwargs: Any) -> dict[str, Any]:
        own: Any = self
        trial = {**own.draw(), **kwargs}
        self.add_period(list(own.periods))
        kappa = torch.tensor(
            [[trial[entry[0]] for entry in own.coordinates()]], dtype=torch.float64
        )
        condition = {name: trial[name] for name in own.conditions}
        for period in own.periods:
            for name, value in own.stimuli(kappa, period, **condition).items():
                self.add_ob(float(value), period, where=name)
        if self.sigma > 0:
            noisy = [own.inputs.index(name) for name in own.noisy]
            self.add_randn(0, self.sigma, period=list(own.shown), where=noisy)
        for period in own.decisions:
            self.set_groundtruth(own.answer(trial, period), period)
        return trial

    def _step(self, action: NDArray[Any]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Reward an output within the tolerance while an answer is due (for use with gymnasium)."""
        own: Any = self
        due = any(self.in_period(period) for period in own.decisions)
        right = np.linalg.norm(np.asarray(action) - self.gt_now) <= own.tolerance
        return self.ob_now, float(due and right), False, False, {"new_trial": False}


class VectorTask(RuleTask, _VectorEnv):
    """A set of tasks with a vector target, which a subclass states.

    The trials show ``stimuli()`` at the trial's kappa, plus noise. Trials and the input manifold
    (`warpline.analyses.task_inputs`) so have one source.

    Parameters
    ----------
    tolerance : float
        Distance between output and target within which an answer is right.
    **settings
        As `RuleTask`; the noise is on the channels `noisy` in the periods `shown`.
    """

    inputs: ClassVar[Sequence[str]]
    """Names of the input channels."""
    noisy: ClassVar[Sequence[str]]
    """Those of them that carry the stimulus, and noise."""
    shown: ClassVar[Sequence[str]]
    """The periods in which the stimulus is shown."""
    outputs: ClassVar[int] = 1
    """Length of the target vector."""
    adds_noise: ClassVar[bool] = True

    def draw(self) -> dict[str, Any]:
        """Return the variables of a trial at random: a value per coordinate and per condition."""
        raise NotImplementedError("a task set states how its trials are drawn")

    def answer(self, trial: Mapping[str, Any], period: str) -> NDArray[Any]:
        """Return the target vector of one of the decision periods."""
        raise NotImplementedError("a task set states its targets")

    def opposite(self, action: NDArray[Any]) -> NDArray[Any]:
        """Return the vector of the opposite direction."""
        return -action


class SignTask(VectorTask):
    """A vector task with one output, +1 or -1: the sign of a number that the stimulus carries."""

    def __init__(self, *, tolerance: float = 1.0, **settings: Any) -> None:
        if not 0 < tolerance <= 1:
            raise ValueError(
                f"expected a tolerance in (0, 1] for targets of +1 and -1, got {tolerance}: "
                "beyond 1, the wrong sign could be right"
            )
        super().__init__(tolerance=tolerance, **settings)

    def evidence(self, trial: Mapping[str, Any]) -> tuple[float, float]:
        """Return mean and standard deviation, per step, of what the answer is the sign of."""
        raise NotImplementedError("a task set states what its answers are the sign of")

    def answer(self, trial: Mapping[str, Any], period: str) -> NDArray[Any]:
        """Return +1 or -1, shape (1,); 0 where the mean is 0."""
        return np.sign([self.evidence(trial)[0]])

    def is_scored(self, trial: Mapping[str, Any]) -> bool:
        """Say whether the mean has a sign: 0 has none."""
        return self.evidence(trial)[0] != 0

    def ideal_accuracy(self, trial: Mapping[str, Any]) -> float:
        """Return the accuracy of answering +1 or -1 by the sign of the sum of the evidence so far.

        After n steps of mean m and standard deviation s it is right with probability
        Phi(|m| sqrt(n) / s); the stimulus stays on, so that n grows while the answer is due.
        """
        mean, deviation = self.evidence(trial)
        if deviation == 0 or mean == 0:
            return 1.0 if mean else 0.5
        first = self.start_ind[self.shown[0]]
        due = [np.arange(self.start_ind[period], self.end_ind[period]) for period in self.decisions]
        n = np.concatenate(due) - first + 1
        return float(ndtr(abs(mean) * np.sqrt(n) / deviation).mean())
