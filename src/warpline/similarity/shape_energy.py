"""Stochastic shape distance by the energy distance: noisy trials without assuming that they are Gaussian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.number_arguments import takes_numbers
from warpline.similarity.condition_repeats import (
    DEFAULTS,
    Repeats,
    compare_in_order,
    repeats_of,
    same_units,
)
from warpline.similarity.input_errors import SettingsError
from warpline.similarity.measure_settings import setting_of
from warpline.similarity.rotation_search import best_rotation, nearest_rotation

__all__ = ["compare_pairs", "represent"]

FloatArray = NDArray[np.float64]

SETTINGS: tuple[str, ...] = tuple(DEFAULTS)

#: Trials of one condition are repeats.
NEEDS_CONDITIONS = True
#: Responses are distributions at each condition and time.
MATCHED_TIMES = True

#: Distances below this fraction of the mean one count as this long in the weights of the fit.
_SHORTEST = 1e-6


def represent(
    states: NDArray[Any], *, settings: Mapping[str, Any], conditions: Any = None
) -> Repeats:
    """Return states (trial, time, unit) by condition.

    Raises
    ------
    ValueError
        When conditions are missing, or one has a single trial.
    """
    normalise = setting_of(settings, "normalise", DEFAULTS)
    return repeats_of(states, conditions, normalise=normalise, measure="shape_energy")


@takes_numbers(SettingsError)
def compare_pairs(
    representations: Sequence[Repeats],
    pairs: Sequence[tuple[int, int]],
    *,
    settings: Mapping[str, Any],
    seed: int = 0,
    progress: Any = None,
) -> list[dict[str, Any]]:
    r"""Compare pairs of systems by the energy distance of their responses, up to a rotation.

    .. math:: d^2 = \min_{Q \in O(n)} \frac1m \sum_c E\|x_c - y_c Q\|
              - \tfrac12 E\|x_c - x'_c\| - \tfrac12 E\|y_c - y'_c\|

    over the m conditions and times c, with means over pairs of repeats (Duong et al. 2023;
    ``EnergyStochasticMetric`` of netrep). Means within a system leave out a repeat with itself, so that the
    estimate of the square is unbiased for a given Q; below 0 it counts as 0. With few repeats it is too low
    at the Q that is found, which fits the noise. Q is found by iteratively reweighted least squares, whose
    steps lower the first term.

    Parameters
    ----------
    representations, pairs, settings, seed, progress
        As in `warpline.similarity.shape_gaussian`, without ``alpha``.

    Returns
    -------
    list of dict
        ``dissimilarity``, the root of a length: with ``normalise`` in units of the root of the standard
        deviation of the states; ``status``, as `warpline.similarity.rotation_search.best_rotation` has it.
    """
    complete = {name: setting_of(settings, name, DEFAULTS) for name in DEFAULTS}
    return compare_in_order(
        representations, pairs, lambda x, y: _compare(x, y, complete, seed), progress
    )


def _compare(x: Repeats, y: Repeats, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    states_x, states_y = same_units(x, y, "shape_energy")
    size = states_x.shape[-1]
    weights = np.einsum("cr,cs->crs", x.weights, y.weights)[:, None]
    n_samples = states_x.shape[0] * states_x.shape[1]
    flat_x = states_x.reshape(-1, size)
    # Distances do not know it, and squares of states far from 0 lose the digits of a small noise.
    centre = _centre(states_x, x)
    centred_x = states_x - centre

    def step(rotations: FloatArray) -> tuple[FloatArray, FloatArray]:
        turned = states_y @ rotations[:, None, None]
        distance = _distances(centred_x, turned - centre)
        losses = (distance * weights).sum(axis=(1, 2, 3, 4)) / n_samples
        shortest = _SHORTEST * np.maximum(losses, 1e-300)
        # Each pair of repeats with the weight that makes the squares of this step equal to the distances.
        least_squares = weights / np.maximum(distance, shortest[:, None, None, None, None])
        pulled = (least_squares @ states_y).reshape(len(rotations), -1, size)
        return nearest_rotation(pulled.mT @ flat_x), losses

    means = [
        np.einsum("ctru,cr->ctu", states, system.weights).reshape(-1, size)
        for states, system in ((states_x, x), (states_y, y))
    ]
    within = [_within(states, system) for states, system in ((states_x, x), (states_y, y))]
    least = sum(within) / 2
    loss, status = best_rotation(
        step,
        [nearest_rotation(means[1].T @ means[0])],
        settings=settings,
        seed=seed,
        digests=(x.digest, y.digest),
        least=least,
        elements=n_samples * states_x.shape[2] * max(size, states_y.shape[2]),
    )
    return {"dissimilarity": float(np.sqrt(max(0.0, loss - least))), "status": status}


def _distances(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return distances between repeats of each condition and time, shape (..., repeat of x, repeat of y)."""
    squares = (x**2).sum(-1)[..., :, None] + (y**2).sum(-1)[..., None, :] - 2 * x @ y.mT
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def _centre(states: FloatArray, system: Repeats) -> FloatArray:
    """Return the mean over conditions, times and repeats; 0 where it is within the spread of the states."""
    means = np.einsum("ctru,cr->ctu", states, system.weights).reshape(-1, states.shape[-1])
    centre = np.asarray(means.mean(axis=0))
    is_far = np.linalg.norm(centre) > np.abs(means - centre).max()
    return centre if is_far else np.zeros_like(centre)


def _within(states: FloatArray, system: Repeats) -> float:
    """Return the mean distance between two different repeats, over conditions and times."""
    states = states - _centre(states, system)
    weights = np.einsum("cr,cs->crs", system.weights, system.weights)
    weights[:, np.arange(weights.shape[1]), np.arange(weights.shape[1])] = 0
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    distance = _distances(states, states)
    return float((distance * weights[:, None]).sum()) / (states.shape[0] * states.shape[1])
