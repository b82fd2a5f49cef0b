"""Task set GoNogo: respond to one stimulus, withhold the response to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from neurogym.envs.native.gonogo import GoNogo
from numpy.typing import NDArray
from scipy.special import ndtr

from warpline.tasks.base import RuleTask

__all__ = ["TaskSet"]


class TaskSet(RuleTask, GoNogo):
    """Go/no-go of neurogym with rules, and with input noise (neurogym's has none)."""

    parameters: ClassVar[Sequence[str]] = ("rewards", "cues")
    adds_noise: ClassVar[bool] = False

    def _new_trial(self, **kwargs: Any) -> dict[str, Any]:
        trial = super()._new_trial(**kwargs)
        # What a miss costs, and silence earns, follows from the answer: of an anti task the other one.
        go = int(self.gt[self.start_ind["decision"]])
        self.r_tmax, self.performance = self.rewards["miss"] * go, 1 - go
        return trial

    def factors(self) -> dict[str, list[Any]]:  # noqa: D102
        return {"ground_truth": list(self.choices)}

    def opposite(self, action: NDArray[Any]) -> NDArray[Any]:
        """Return go for no-go and no-go for go (actions 1 and 0)."""
        return 1 - action

    def ideal_accuracy(self, trial: Mapping[str, Any]) -> float:
        """Return the accuracy of a matched filter on the go and no-go channels.

        The two stimuli differ by (1, -1) at each of n steps, with noise of standard deviation
        sigma/sqrt(dt) on each channel: Phi(sqrt(2 n) / (2 sigma/sqrt(dt))).
        """
        if self.input_noise == 0:
            return 1.0
        return float(ndtr(np.sqrt(2 * self.stimulus_steps()) / (2 * self.input_noise)))
