"""Task set CircleSign: in which half of the circle a point lies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from warpline.tasks.vector import SignTask

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TaskSet"]


class TaskSet(SignTask):
    """Classification of a point on the circle in one step: the sign of theta in [-pi, pi).

    The inputs are cos(theta) and sin(theta). kappa = theta, periodic. The class boundaries are 0 and pi.

    Parameters
    ----------
    levels : int
        Number of angles of the evaluation trials, evenly spaced and off the boundaries.
    """

    parameters: ClassVar[Sequence[str]] = ("levels", "tolerance", "rewards", "cues")
    periods: ClassVar[Sequence[str]] = ("decision",)
    stimulus: ClassVar[str] = "decision"
    inputs: ClassVar[Sequence[str]] = ("cos", "sin")
    silence_limits: ClassVar[Mapping[str, float]] = {"tolerance": 1.0}
    noisy: ClassVar[Sequence[str]] = ("cos", "sin")
    shown: ClassVar[Sequence[str]] = ("decision",)

    def __init__(self, *, levels: int = 32, **settings: Any) -> None:
        super().__init__(**settings)
        self.levels = (-math.pi + 2 * math.pi * (np.arange(levels) + 0.5) / levels).tolist()

    def factors(self) -> dict[str, list[Any]]:  # noqa: D102
        return {"theta": self.levels}

    def draw(self) -> dict[str, Any]:  # noqa: D102
        return {"theta": self.rng.uniform(-math.pi, math.pi)}

    def evidence(self, trial: Mapping[str, Any]) -> tuple[float, float]:
        """Return mean and standard deviation of the sine input, which has the sign of theta."""
        sine = math.sin(trial["theta"])
        # math.sin(math.pi) is not exactly 0; its sign is a rounding error.
        return (sine if abs(sine) > 1e-12 else 0.0), self.sigma

    def coordinates(self) -> list[tuple[str, float, float, bool]]:  # noqa: D102
        return [("theta", -math.pi, math.pi, True)]

    def stimuli(  # noqa: D102
        self, kappa: Tensor, period: str, **condition: Any
    ) -> dict[str, Tensor | float]:
        return {"cos": kappa[:, 0].cos(), "sin": kappa[:, 0].sin()}
