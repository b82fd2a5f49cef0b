"""Task set DecisionLine: which of two inputs is stronger, where one weakens as the other strengthens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from warpline.tasks.vector import SignTask

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TaskSet"]


class TaskSet(SignTask):
    """A decision between two constant inputs of means 0.5 (1 + kappa) and 0.5 (1 - kappa).

    Each input has independent noise of standard deviation sigma/sqrt(dt) per step. The inputs stay on
    while the answer, the sign of kappa, is due. kappa = evidence, drawn uniformly from [-1, 1].

    Parameters
    ----------
    levels : sequence of float
        Evidence of the evaluation trials.
    """

    parameters: ClassVar[Sequence[str]] = ("levels", "tolerance", "rewards", "cues")
    periods: ClassVar[Sequence[str]] = ("stimulus", "decision")
    unasked: ClassVar[Sequence[str]] = ("stimulus",)
    inputs: ClassVar[Sequence[str]] = ("input_1", "input_2")
    silence_limits: ClassVar[Mapping[str, float]] = {"tolerance": 1.0}
    noisy: ClassVar[Sequence[str]] = ("input_1", "input_2")
    shown: ClassVar[Sequence[str]] = ("stimulus", "decision")

    def __init__(
        self,
        *,
        levels: Sequence[float] = (-1.0, -0.6, -0.3, -0.1, 0.1, 0.3, 0.6, 1.0),
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.levels = list(levels)

    def factors(self) -> dict[str, list[Any]]:  # noqa: D102
        return {"evidence": self.levels}

    def draw(self) -> dict[str, Any]:  # noqa: D102
        return {"evidence": self.rng.uniform(-1, 1)}

    def evidence(self, trial: Mapping[str, Any]) -> tuple[float, float]:
        """Return mean and standard deviation of the difference of the two inputs."""
        return trial["evidence"], np.sqrt(2) * self.sigma

    def coordinates(self) -> list[tuple[str, float, float, bool]]:  # noqa: D102
        return [("evidence", -1.0, 1.0, False)]

    def stimuli(  # noqa: D102
        self, kappa: Tensor, period: str, **condition: Any
    ) -> dict[str, Tensor | float]:
        return {"input_1": 0.5 * (1 + kappa[:, 0]), "input_2": 0.5 * (1 - kappa[:, 0])}
