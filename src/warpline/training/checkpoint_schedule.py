"""The schedule of checkpoints: the steps of training at which weights are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["checkpoint_steps"]


def checkpoint_steps(settings: Mapping[str, Any], max_steps: int) -> list[int]:
    """Return the steps with a checkpoint; a run keeps its own last step besides.

    Parameters
    ----------
    settings : mapping
        ``log``, number of steps spread evenly in log(step) from 1 to `max_steps`; ``every``, spacing of
        the linear grid (0: none); ``steps``, a list of further steps.
    max_steps : int
        Largest possible number of updates.

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
