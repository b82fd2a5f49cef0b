"""Task set SequenceMemory: two angles shown in sequence, reported in order after a delay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import ndtr

from warpline.tasks.vector import VectorTask

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TaskSet", "angle_accuracy"]


@cache
def angle_accuracy(deviation: float, tolerance: float) -> float:
    """Return the probability that a noisy unit vector deviates by less than a tolerance in direction.

    Parameters
    ----------
    deviation : float
        Standard deviation of the Gaussian noise on each of its two components.
    tolerance : float
        In radians, below pi/2.

    Returns
    -------
    float
        Integral over the component along the vector; the probability across it has a closed form.
    """
    if deviation == 0:
        return 1.0
    slope = math.tan(tolerance)

    def integrand(z: float) -> float:
        along = 1 + deviation * z
        within = 2 * ndtr(along * slope / deviation) - 1
        return float(math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * within)

    # Below -1/deviation the vector points backwards, outside any tolerance.
    return float(quad(integrand, max(-10.0, -1 / deviation), 10.0)[0])


class TaskSet(VectorTask):
    """Sequential working memory of two angles.

    Each item is a period whose inputs are the cosine and sine of its angle, with noise. After a delay,
    two report periods, each with its own go cue, ask for the first and then the second angle as
    (cos, sin). Until then the target is 0. kappa = (angle_1, angle_2), on a torus.

    Parameters
    ----------
    tolerance_degrees : float
        Angle whose chord on the unit circle is the largest distance of a correct output from its target.
        Below 60, whose chord is 1: from there on the output 0 is right for every angle.
    levels : int
        Number of angles of each item in the evaluation trials, evenly spaced.
    """

    parameters: ClassVar[Sequence[str]] = ("levels", "tolerance_degrees", "rewards", "cues")
    periods: ClassVar[Sequence[str]] = (
        "fixation",
        "item_1",
        "item_2",
        "delay",
        "report_1",
        "report_2",
    )
    decisions: ClassVar[Sequence[str]] = ("report_1", "report_2")
    stimulus: ClassVar[str] = "item_1"
    inputs: ClassVar[Sequence[str]] = ("fixation", "cos", "sin", "go_1", "go_2")
    noisy: ClassVar[Sequence[str]] = ("cos", "sin")
    shown: ClassVar[Sequence[str]] = ("item_1", "item_2")
    outputs: ClassVar[int] = 2
    silence_limits: ClassVar[Mapping[str, float]] = {"tolerance_degrees": 60}

    def __init__(
        self, *, tolerance_degrees: float = 30.0, levels: int = 8, **settings: Any
    ) -> None:
        if not 0 < tolerance_degrees < 60:
            raise ValueError(
                f"expected tolerance_degrees between 0 and 60, got {tolerance_degrees}: from 60 on, the "
                "output 0 is right for every angle; use a smaller tolerance"
            )
        self.tolerance_angle = math.radians(tolerance_degrees)
        super().__init__(tolerance=2 * math.sin(self.tolerance_angle / 2), **settings)
        self.levels = (-math.pi + 2 * math.pi * np.arange(levels) / levels).tolist()

    def factors(self) -> dict[str, list[Any]]:  # noqa: D102
        return {"angle_1": self.levels, "angle_2": self.levels}

    def draw(self) -> dict[str, Any]:  # noqa: D102
        first, second = self.rng.uniform(-math.pi, math.pi, 2)
        return {"angle_1": first, "angle_2": second}

    def answer(self, trial: Mapping[str, Any], period: str) -> NDArray[Any]:
        """Return (cos, sin) of the angle to report in the period."""
        angle = trial[period.replace("report", "angle")]
        return np.array([math.cos(angle), math.sin(angle)])

    def ideal_accuracy(self, trial: Mapping[str, Any]) -> float:
        """Return the accuracy of an observer that reports the direction of each item's mean input.

        The mean over n steps has noise of standard deviation sigma/sqrt(n dt) on both components. A report
        counts by its length, as in the accuracy of a network.
        """
        steps, answers = (
            [self.end_ind[period] - self.start_ind[period] for period in periods]
            for periods in (self.shown, self.decisions)
        )
        accuracies = [
            angle_accuracy(self.sigma / math.sqrt(n), self.tolerance_angle) for n in steps
        ]
        return float(np.mean(np.array(accuracies) * (answers / np.mean(answers))))

    def coordinates(self) -> list[tuple[str, float, float, bool]]:  # noqa: D102
        return [(name, -math.pi, math.pi, True) for name in ("angle_1", "angle_2")]

    def stimuli(  # noqa: D102
        self, kappa: Tensor, period: str, **condition: Any
    ) -> dict[str, Tensor | float]:
        if period in self.decisions:
            return {period.replace("report", "go"): 1.0}
        if period not in self.shown:
            return {}
        angle = kappa[:, self.shown.index(period)]
        return {"cos": angle.cos(), "sin": angle.sin()}
