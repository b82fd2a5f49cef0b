"""Base classes of task sets whose targets are vectors."""

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
    """Environment below `VectorTask`, whose attributes and methods define its trials."""

    def __init__(
        self,
        *,
        dt: int,
        timing: Mapping[str, Any],
        sigma: float,
        tolerance: float,
        rewards: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(dt=dt)
        task_set: Any = self
        missing = [period for period in task_set.periods if period not in timing]
        if missing:
            raise ValueError(
                f"expected a duration of {', '.join(task_set.periods)}; got none of {', '.join(missing)}"
            )
        self.timing = dict(timing)
        self.rewards = {"abort": -0.1, "correct": 1.0, "fail": 0.0, **(rewards or {})}
        self._correct: list[bool] = []
        self.sigma = sigma / np.sqrt(dt)
        task_set.tolerance = tolerance
        self.observation_space = spaces.Box(
            -np.inf,
            np.inf,
            shape=(len(task_set.inputs),),
            dtype=np.float32,
            name={name: k for k, name in enumerate(task_set.inputs)},
        )
        self.action_space = spaces.Box(-np.inf, np.inf, shape=(task_set.outputs,), dtype=np.float32)

    def _new_trial(self, **kwargs: Any) -> dict[str, Any]:
        task_set: Any = self
        trial = {**task_set.draw(), **kwargs}
        self._correct = []
        self.add_period(list(task_set.periods))
        kappa = torch.tensor(
            [[trial[name] for name, *_ in task_set.coordinates()]], dtype=torch.float64
        )
        condition = {name: trial[name] for name in task_set.conditions}
        for period in task_set.periods:
            for name, value in task_set.stimuli(kappa, period, **condition).items():
                self.add_ob(float(value), period, where=name)
        if self.sigma > 0:
            channels = [task_set.inputs.index(name) for name in task_set.noisy]
            self.add_randn(0, self.sigma, period=list(task_set.shown), where=channels)
        for period in task_set.decisions:
            target = task_set.answer(trial, period)
            if task_set.is_scored(trial):
                task_set.check_tolerance(target)
            self.set_groundtruth(target, period)
        return trial

    def _step(self, action: NDArray[Any]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Reward an output by its distance from the target; only gymnasium calls this.

        In a step in which an answer is due, it is ``correct`` within the tolerance and ``fail`` outside. An
        output away from 0 in the fixation period is ``abort``. The performance is the share of correct steps.
        """
        task_set: Any = self
        correct = bool(np.linalg.norm(np.asarray(action) - self.gt_now) <= task_set.tolerance)
        reward = 0.0
        if any(self.in_period(period) for period in task_set.decisions):
            self._correct.append(correct)
            self.performance = float(np.mean(self._correct))
            reward = self.rewards["correct" if correct else "fail"]
        elif "fixation" in task_set.periods and self.in_period("fixation") and not correct:
            reward = self.rewards["abort"]
        return self.ob_now, float(reward), False, False, {"new_trial": False}


class VectorTask(RuleTask, _VectorEnv):
    """Base class of task sets with a vector target.

    The trials show ``stimuli()`` at the trial's kappa, plus noise. Trials and the input manifold
    (`warpline.analyses.task_inputs`) so have one source.

    Other Parameters
    ----------------
    tolerance : float
        Largest distance between output and target of a correct answer. It must be smaller than the norm of
        every scored target, which is the distance of the output 0: silence must not be right. A target of 0
        itself is exempt, for a task that asks for silence.
    rewards : mapping of str to float, optional
        ``abort``, ``correct`` and ``fail``, as neurogym has them.
    **settings : Any
        As in `RuleTask`. Noise is added to the channels `noisy` in the periods `shown`.

    Raises
    ------
    ValueError
        In the first trial whose target is no further from 0 than the tolerance.
    """

    inputs: ClassVar[Sequence[str]]
    """Names of the input channels."""
    noisy: ClassVar[Sequence[str]]
    """Names of the channels that carry the stimulus, with noise."""
    shown: ClassVar[Sequence[str]]
    """Periods in which the stimulus is shown."""
    outputs: ClassVar[int] = 1
    """Length of the target vector."""
    adds_noise: ClassVar[bool] = True
    silence_limits: ClassVar[Mapping[str, float]] = {}
    """Parameters that set the tolerance, with the value from which silence would be right. A literal in the
    class itself: the configuration is checked without import."""

    def check_tolerance(self, target: NDArray[Any]) -> None:
        """Raise ValueError where the output 0 would be correct for a target other than 0 itself.

        Trials hold targets in single precision: the margin is a few of its roundings.
        """
        norm = float(np.linalg.norm(target))
        assert self.tolerance is not None
        if 0 < norm * (1 - 1e-6) <= self.tolerance:
            raise ValueError(
                f"expected a tolerance below {norm:g}, the distance of a target of {self.task} from the "
                f"output 0, got {self.tolerance:g}, by which silence is right: use a smaller tolerance"
            )

    def draw(self) -> dict[str, Any]:
        """Draw the variables of a trial: a value for each coordinate and each condition."""
        raise NotImplementedError("a task set states how its trials are drawn")

    def answer(self, trial: Mapping[str, Any], period: str) -> NDArray[Any]:
        """Return the target vector of a decision period."""
        raise NotImplementedError("a task set states its targets")

    def opposite(self, action: NDArray[Any]) -> NDArray[Any]:
        """Return the vector of the opposite direction."""
        return -action


class SignTask(VectorTask):
    """Base class of task sets with one output, +1 or -1: the sign of the mean evidence in the stimulus.

    Parameters
    ----------
    tolerance : float
        Below 1, the distance of 0 from both targets: then neither silence nor the wrong sign is right. The
        default is half-way.
    **settings
        As in `VectorTask`.
    """

    def __init__(self, *, tolerance: float = 0.5, **settings: Any) -> None:
        if not 0 < tolerance < 1:
            raise ValueError(
                f"expected a tolerance in (0, 1) for targets of +1 and -1, got {tolerance}: "
                "from 1 on, the output 0 is right in every trial; use a smaller tolerance"
            )
        super().__init__(tolerance=tolerance, **settings)

    def evidence(self, trial: Mapping[str, Any]) -> tuple[float, float]:
        """Return mean and standard deviation, in one step, of the evidence whose sign is the answer."""
        raise NotImplementedError("a task set states what its answers are the sign of")

    def answer(self, trial: Mapping[str, Any], period: str) -> NDArray[Any]:
        """Return +1 or -1, shape (1,); 0 where the mean is 0."""
        return np.sign([self.evidence(trial)[0]])

    def is_scored(self, trial: Mapping[str, Any]) -> bool:
        """Return whether the mean evidence has a sign: 0 has none."""
        return self.evidence(trial)[0] != 0

    def ideal_accuracy(self, trial: Mapping[str, Any]) -> float:
        """Return the accuracy of the sign of the evidence summed so far, over the steps of the decision.

        After n steps of mean m and standard deviation s, it is correct with probability
        Phi(|m| sqrt(n) / s). Only steps in which the stimulus is shown count: n grows while the answer is
        due if the stimulus stays on.
        """
        mean, deviation = self.evidence(trial)
        if deviation == 0 or mean == 0:
            return 1.0 if mean else 0.5
        is_shown = np.zeros(len(self.ob), bool)
        for period in self.shown:
            is_shown[self.start_ind[period] : self.end_ind[period]] = True
        seen = is_shown.cumsum()
        n = np.concatenate(
            [seen[self.start_ind[period] : self.end_ind[period]] for period in self.decisions]
        )
        return float(ndtr(abs(mean) * np.sqrt(n) / deviation).mean())
