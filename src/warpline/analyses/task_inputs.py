"""The noise-free inputs of a task as an input manifold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from warpline.geometry.derivatives.input_manifold import Coordinate, InputManifold
from warpline.tasks.base import RuleTask

__all__ = ["input_manifold"]


def input_manifold(
    environment: RuleTask, timing: Mapping[str, float] | None = None, **condition: Any
) -> InputManifold:
    """Return a task's noise-free inputs as a smooth function of kappa.

    Parameters
    ----------
    environment : RuleTask
        Of a task set that states its `coordinates` and `stimuli`.
    timing : mapping of str to float, optional
        Durations in ms, needed for the periods whose duration varies.
    **condition
        A value for each of the task's `conditions`, such as ``context=1``.

    Returns
    -------
    InputManifold
        Inputs (point, channel) of each step, with the channels of the task's trials.

    Raises
    ------
    NotImplementedError
        When the task set states no `coordinates`.
    ValueError
        When a duration varies and is not fixed, or a period or condition is not the task's.
    """
    if set(condition) != set(environment.conditions):
        raise ValueError(
            f"expected a value for each condition ({', '.join(environment.conditions) or 'none'}); "
            f"got {', '.join(condition) or 'none'}"
        )
    coordinates = tuple(Coordinate(*entry) for entry in environment.coordinates())
    periods = environment.period_steps(timing or {})
    n_steps = max(stop for _, stop in periods.values())
    period_of = {k: name for name, span in periods.items() for k in range(*span)}

    # Fixation and rule cue do not depend on kappa: (step, channel), added to the stimuli.
    names = environment.channel_names()
    cues = torch.zeros(n_steps, len(names), dtype=torch.float64)
    if environment.shows_cues:
        cues[:, names.index(f"rule_{environment.task}")] = 1
    if environment.shows_cues and "fixation" in names:
        cues[: periods[environment.decisions[0]][0], names.index("fixation")] = 1
    cues_at = cues.tolist()

    def inputs(kappa: Tensor, step: int) -> Tensor:
        shown = environment.stimuli(kappa, period_of[step], **condition)
        columns: list[Tensor] = []
        # Few operations: derivatives are taken through each of them.
        for name, cue in zip(names, cues_at[step], strict=True):
            value = shown.get(name, 0.0)
            value = value + cue if cue else value
            if isinstance(value, int | float):
                value = kappa.new_full((len(kappa),), value)
            columns.append(value)
        return torch.stack(columns, dim=1)

    # A trial call of each period refuses a wrong condition, or a channel that is none, now.
    middle = torch.tensor([[(c.low + c.high) / 2 for c in coordinates]], dtype=torch.float64)
    for period in periods:
        for name in environment.stimuli(middle, period, **condition):
            names.index(name)
    pieces = tuple(sorted({start for start, stop in periods.values() if start < stop}))
    return InputManifold(coordinates, inputs, n_steps, periods, pieces)
