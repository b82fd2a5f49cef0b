"""When to keep a checkpoint, and which one stands for a fraction of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["checkpoint_steps", "nearest_checkpoint"]


def checkpoint_steps(settings: Mapping[str, Any], max_steps: int) -> list[int]:
    """Return the steps at which a checkpoint is kept, the run's own last step aside.

    Parameters
    ----------
    settings : mapping
        ``log``, how many steps to spread evenly in log(step) from 1 to `max_steps`; ``every``, the
        spacing of the linear grid (0: none); ``steps``, further steps by name.
    max_steps : int
        The longest the run can be.

    Returns
    -------
    list of int
        Sorted, unique, 0 included.
    """
    steps = {0, *settings["steps"]}
    if settings["log"]:
        steps.update(int(s) for s in np.round(np.geomspace(1, max_steps, settings["log"])))
    if settings["every"]:
        steps.update(range(0, max_steps + 1, settings["every"]))
    return sorted(steps)


def nearest_checkpoint(steps: Sequence[int], fraction: float) -> tuple[int, float]:
    """Return the checkpoint nearest to a fraction of training, and the fraction that it really is.

    Parameters
    ----------
    steps : sequence of int
        The run's checkpoints, sorted; the last one is the run's end.
    fraction : float
        In [0, 1], of the run's own last step.

    Returns
    -------
    step : int
    actual : float
        step / last step; 1 for a run of no steps.
    """
    last = steps[-1]
    if last == 0:
        return 0, 1.0
    array = np.asarray(steps)
    step = int(array[np.argmin(np.abs(array - fraction * last))])
    return step, step / last
