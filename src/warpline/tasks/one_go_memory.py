"""Task set OneGoMemory: two angles shown in sequence, both reported in order after a single go pulse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from warpline.tasks import sequence_memory

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TaskSet"]


class TaskSet(sequence_memory.TaskSet):
    """Sequential working memory of two angles, whose reports follow from one cue.

    Each item is a period whose inputs are the cosine and sine of its angle, followed by a gap. After a delay
    there is one go pulse, of height 1. The network itself must produce the order and the time of both
    reports, (cos, sin) of the first and then of the second angle, and silence in the end. Until the pulse
    and in the end the target is 0; between the pulse, the reports and the silence nothing is asked.
    kappa = (angle_1, angle_2), on a torus. (After Pellegrino and Chadwick 2025; in
    `warpline.tasks.sequence_memory` a cue for each report, on throughout it, tells which item is due.)

    Parameters
    ----------
    **settings
        As in `warpline.tasks.sequence_memory.TaskSet`.
    """

    parameters: ClassVar[Sequence[str]] = ("levels", "tolerance_degrees", "rewards", "cues")
    periods: ClassVar[Sequence[str]] = (
        "item_1",
        "gap_1",
        "item_2",
        "gap_2",
        "delay",
        "go",
        "wait",
        "report_1",
        "pause",
        "report_2",
        "rest",
        "silence",
    )
    unasked: ClassVar[Sequence[str]] = ("go", "wait", "pause", "rest")
    decisions: ClassVar[Sequence[str]] = ("report_1", "report_2")
    inputs: ClassVar[Sequence[str]] = ("cos", "sin", "go")
    silence_limits: ClassVar[Mapping[str, float]] = {"tolerance_degrees": 60}

    def stimuli(  # noqa: D102
        self, kappa: Tensor, period: str, **condition: object
    ) -> dict[str, Tensor | float]:
        if period == "go":
            return {"go": 1.0}
        return {} if period in self.decisions else super().stimuli(kappa, period, **condition)
