"""Task set Context: the sign of the one of two noisy inputs that a context cue selects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from warpline.tasks.vector import SignTask

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TaskSet"]


class TaskSet(SignTask):
    """Contextual evidence integration (after Mante et al. 2013), with one output, +1 or -1.

    Two inputs have constant means, drawn uniformly from a square, and independent noise of standard
    deviation sigma/sqrt(dt) per step. A context cue (two channels) selects the input whose mean has the
    sign to report. The inputs stay on while the answer is due: a network can then have a fixed point for
    each pair of means. kappa = (input_1, input_2); the condition is ``context``, 1 or 2.

    Parameters
    ----------
    largest : float
        Half the side of the square of means.
    levels : sequence of float
        Means of the evaluation trials, in units of `largest`. With a level of 0 there is no right answer: the
        target is 0, and the trial is not scored.
    discrete : bool
        Whether the means of the other trials are drawn from `levels` too, instead of the square.
    """

    parameters: ClassVar[Sequence[str]] = (
        "largest",
        "levels",
        "discrete",
        "tolerance",
        "rewards",
        "cues",
    )
    periods: ClassVar[Sequence[str]] = ("fixation", "stimulus", "decision")
    unasked: ClassVar[Sequence[str]] = ("stimulus",)
    inputs: ClassVar[Sequence[str]] = ("fixation", "input_1", "input_2", "context_1", "context_2")
    silence_limits: ClassVar[Mapping[str, float]] = {"tolerance": 1.0}
    noisy: ClassVar[Sequence[str]] = ("input_1", "input_2")
    shown: ClassVar[Sequence[str]] = ("stimulus", "decision")
    conditions: ClassVar[Sequence[str]] = ("context",)

    def __init__(
        self,
        *,
        largest: float = 1.0,
        levels: Sequence[float] = (-1.0, -0.6, -0.2, 0.2, 0.6, 1.0),
        discrete: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.largest = largest
        self.levels = [largest * level for level in levels]
        self.discrete = discrete

    def factors(self) -> dict[str, list[Any]]:  # noqa: D102
        return {"context": [1, 2], "input_1": self.levels, "input_2": self.levels}

    def draw(self) -> dict[str, Any]:  # noqa: D102
        if self.discrete:
            means = self.rng.choice(self.levels, 2)
        else:
            means = self.rng.uniform(-self.largest, self.largest, 2)
        return {"context": self.rng.randint(1, 3), "input_1": means[0], "input_2": means[1]}

    def evidence(self, trial: Mapping[str, Any]) -> tuple[float, float]:  # noqa: D102
        return trial[f"input_{trial['context']}"], self.sigma

    def coordinates(self) -> list[tuple[str, float, float, bool]]:  # noqa: D102
        return [(name, -self.largest, self.largest, False) for name in self.noisy]

    def stimuli(  # noqa: D102
        self, kappa: Tensor, period: str, **condition: Any
    ) -> dict[str, Tensor | float]:
        context = condition["context"]
        if context not in (1, 2):
            raise ValueError(f"expected context=1 or context=2, got {context}")
        cue: dict[str, Tensor | float] = {f"context_{context}": 1.0}
        if period not in self.shown:
            return cue
        return {**cue, "input_1": kappa[:, 0], "input_2": kappa[:, 1]}
