"""Task set PDM: which of two noisy inputs has the larger mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from neurogym.envs.native.perceptualdecisionmaking import PerceptualDecisionMaking
from numpy.typing import NDArray
from scipy.special import ndtr

from warpline.tasks.base import RuleTask

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TaskSet"]


class TaskSet(RuleTask, PerceptualDecisionMaking):
    """Perceptual decision-making of neurogym (Britten et al. 1992) with rules.

    ``coh`` is the coherence in percent. The two inputs have means 0.5 + coh/200 and 0.5 - coh/200, and
    independent noise of standard deviation sigma/sqrt(dt) per step. kappa is the signed coherence in
    units of c, the largest of ``cohs``: the means are 0.5 + kappa c/200 and 0.5 - kappa c/200.
    """

    parameters: ClassVar[Sequence[str]] = ("cohs", "rewards", "abort", "dim_ring", "cues")
    adds_noise: ClassVar[bool] = True
    level_ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"cohs": (0.0, 100.0)}
    """Lowest and highest level of a list of levels. Coherences above 100 % make an input negative."""

    def __init__(self, *, dim_ring: int = 2, **settings: Any) -> None:
        if dim_ring != 2:
            raise ValueError(f"expected two choices (dim_ring 2), got {dim_ring}")
        super().__init__(dim_ring=dim_ring, **settings)

    def factors(self) -> dict[str, list[Any]]:  # noqa: D102
        return {"ground_truth": self.choices.tolist(), "coh": list(self.cohs)}

    def opposite(self, action: NDArray[Any]) -> NDArray[Any]:
        """Return the other choice (actions 1 and 2)."""
        return 3 - action

    def is_scored(self, trial: Mapping[str, Any]) -> bool:
        """Return whether the coherence is above 0, where the stimulus determines the answer."""
        return bool(trial["coh"] > 0)

    def ideal_accuracy(self, trial: Mapping[str, Any]) -> float:
        """Return the accuracy of summing the difference of the two inputs.

        Each step's difference has mean coh/100 and variance 2 sigma^2/dt, so that n steps give
        Phi(coh/100 sqrt(n) / (sqrt(2) sigma/sqrt(dt))).
        """
        if self.sigma == 0:
            return 1.0 if trial["coh"] > 0 else 0.5
        strength = trial["coh"] / 100 * np.sqrt(self.stimulus_steps())
        return float(ndtr(strength / (np.sqrt(2) * self.sigma)))

    def coordinates(self) -> list[tuple[str, float, float, bool]]:  # noqa: D102
        return [("coherence", -1.0, 1.0, False)]

    def stimuli(  # noqa: D102
        self, kappa: Tensor, period: str, **condition: Any
    ) -> dict[str, Tensor | float]:
        if period != "stimulus":
            return {}
        half = kappa[:, 0] * max(self.cohs) / 200
        return {"stimulus_0": 0.5 + half, "stimulus_1": 0.5 - half}
