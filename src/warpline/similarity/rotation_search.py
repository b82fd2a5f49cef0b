"""Search for the rotation of a stochastic shape distance: the lowest loss over orthogonal matrices."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import SettingsError, positive_integer

__all__ = ["SEARCH_DEFAULTS", "Step", "best_rotation", "nearest_rotation"]

FloatArray = NDArray[np.float64]

#: Takes rotations (start, unit, unit); returns for each one that is no worse, and the losses of those given.
Step = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

#: Settings of the search.
SEARCH_DEFAULTS: dict[str, Any] = {"max_starts": 192, "max_steps": 1000, "tolerance": 1e-9}

#: Starts of the first round.
_FIRST_ROUND = 8
#: Starts that must end at the lowest loss. Of the converged searches of the table in docs/measures.md, 5 of
#: 641 missed a lower loss with six such starts, and none with twelve.
_AGREEING = 12
#: Relative difference of two losses that are one minimum.
_SAME_LOSS = 1e-6
#: Falls of the loss, as expected from two steps, beyond which a start is not followed.
_REACH = 30
#: Largest factor by which a step is stretched.
_LONGEST = 1e4
#: Elements that the starts of one call of a step may take.
_ELEMENTS = 4_000_000


def nearest_rotation(cross: FloatArray) -> FloatArray:
    """Return the orthogonal Q that maximises tr(Q' cross), shape (..., unit, unit)."""
    left, _, right = np.linalg.svd(cross, full_matrices=False)
    return np.asarray(left @ right)


def best_rotation(
    step: Step,
    planned: Sequence[FloatArray],
    *,
    settings: dict[str, Any],
    seed: int,
    digests: Sequence[bytes],
    least: float,
    elements: int,
) -> tuple[float, str]:
    """Lower a loss over rotations from several starts, until twelve of them end at the lowest loss.

    Parameters
    ----------
    step : callable
        `Step`; the loss of what it returns is never higher.
    planned : sequence of ndarray, shape (unit, unit)
        First starts; the others are random.
    settings : dict
        ``max_starts``; ``max_steps`` of a start; ``tolerance``, the relative fall of the loss
        still expected, at which a start ends.
    seed : int
        Root of the random starts.
    digests : sequence of bytes
        Of the pair, in its order: pair and seed determine the starts.
    least : float
        Loss at which the distance is 0: nothing is left to find there.
    elements : int
        Elements that one start takes in a step.

    Returns
    -------
    loss : float
    status : str
        "converged"; "uncertain", where fewer than twelve starts ended at the lowest loss; or "max_steps".

    Raises
    ------
    SettingsError
        When a number of starts or steps is not positive, or the tolerance is not between 0 and 1.
    """
    max_starts = positive_integer("max_starts", settings["max_starts"])
    max_steps = positive_integer("max_steps", settings["max_steps"])
    tolerance = settings["tolerance"]
    if not 0 < tolerance < 1:
        raise SettingsError("tolerance in (0, 1)", f"{tolerance!r}", "Set tolerance.")
    entropy = hashlib.sha256(b"".join(digests) + str(seed).encode()).digest()
    generator = np.random.default_rng(int.from_bytes(entropy[:8], "little"))
    at_once = max(1, _ELEMENTS // elements)
    losses: FloatArray = np.empty(0)
    converged: NDArray[np.bool_] = np.empty(0, dtype=bool)
    while len(losses) < max_starts:
        starts = list(planned) if not len(losses) else []
        # Each round doubles the starts: many at once take less time each.
        missing = max(_FIRST_ROUND, len(losses)) - len(starts)
        starts += list(generator.standard_normal((missing, *planned[0].shape)))
        rotations = nearest_rotation(np.stack(starts[: max_starts - len(losses)]))
        for first in range(0, len(rotations), at_once):
            batch = rotations[first : first + at_once]
            bounds = least, float(losses.min(initial=np.inf))
            ends = _descend(step, batch, bounds, tolerance, max_steps)
            losses = np.concatenate([losses, ends[0]])
            converged = np.concatenate([converged, ends[1]])
        best = losses.argmin()
        loss = float(losses[best])
        agreeing = (losses <= loss + _SAME_LOSS * abs(loss)).sum()
        if agreeing >= _AGREEING or loss <= least:
            return loss, "converged" if converged[best] else "max_steps"
    return loss, "uncertain" if converged[best] else "max_steps"


def _descend(
    step: Step,
    rotations: FloatArray,
    bounds: tuple[float, float],
    tolerance: float,
    max_steps: int,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the losses at which starts end, and whether they converged.

    Two steps tell how far to go in one (SQUAREM, Varadhan & Roland 2008): plain steps are four times as many.
    Where the loss is not lower there, the two steps count. A start that is not expected to reach the lowest
    loss so far, the second of the bounds, ends early. At the first one nothing is left to find.
    """
    least, lowest = bounds
    following, losses = step(rotations)
    live = np.arange(len(rotations))
    converged = np.zeros(len(rotations), dtype=bool)
    ends = losses.copy()
    for _ in range(max_steps):
        after_one, losses_after_one = step(following)
        change = following - rotations
        bend = after_one - following - change
        length, curvature = (np.linalg.norm(part, axis=(1, 2)) for part in (change, bend))
        stretch = np.clip(length / np.maximum(curvature, np.finfo(float).tiny), 1, _LONGEST)
        fall = stretch * (losses - losses_after_one)
        factor = stretch[:, None, None]
        rotations = nearest_rotation(rotations + 2 * factor * change + factor**2 * bend)
        following, losses = step(rotations)
        worse = losses > losses_after_one
        if worse.any():
            rotations[worse] = after_one[worse]
            following[worse], losses[worse] = step(after_one[worse])
        ends[live] = losses
        lowest = min(lowest, float(losses.min()))
        done = (fall <= tolerance * np.abs(losses)) | (losses <= least)
        converged[live[done]] = True
        done |= losses - _REACH * fall > lowest
        live, rotations, following, losses = (
            part[~done] for part in (live, rotations, following, losses)
        )
        if not len(live):
            break
    return ends, converged
