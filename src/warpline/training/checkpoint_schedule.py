"""The schedule of checkpoints: the steps of training that leave one, and those whose weights are kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from warpline.models.checkpoints import nearest_checkpoint

__all__ = ["checkpoint_steps", "kept_steps", "most_kept"]


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


def kept_steps(steps: Sequence[int], fractions: Sequence[float] | None) -> list[int]:
    """Return the checkpoints of a finished run whose weights its file keeps.

    Where a fraction is asked for, the nearest checkpoint is the same among those that are kept as among all.

    Parameters
    ----------
    steps : sequence of int
        Steps of the run's checkpoints, sorted, not empty.
    fractions : sequence of float, optional
        Fractions of the run's own training, in [0, 1], of which the nearest checkpoint is kept beside the
        first and the last; None keeps all.

    Returns
    -------
    list of int
        Sorted, unique.
    """
    if fractions is None:
        return list(steps)
    nearest = (nearest_checkpoint(steps, fraction)[0] for fraction in fractions)
    return sorted({steps[0], steps[-1], *nearest})


def most_kept(fractions: Sequence[float] | None) -> float:
    """Return how many checkpoints `kept_steps` keeps at most."""
    return math.inf if fractions is None else len({0.0, 1.0, *fractions})
