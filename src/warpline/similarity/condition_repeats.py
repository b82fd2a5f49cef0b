"""Noisy trials as repeats of conditions, which the stochastic shape distances compare."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import (
    ConstantDataError,
    DimensionError,
    InputError,
    TrialError,
    failed_row,
)
from warpline.similarity.recordings import as_recording
from warpline.similarity.rotation_search import SEARCH_DEFAULTS
from warpline.similarity.trial_conditions import without_notation

__all__ = [
    "DEFAULTS",
    "Repeats",
    "compare_in_order",
    "repeats_of",
    "same_units",
]

FloatArray = NDArray[np.float64]

#: Settings that both stochastic shape distances share.
DEFAULTS: dict[str, Any] = {"normalise": True, **SEARCH_DEFAULTS}

#: Means in deviations, beyond which rounding of the squares about 0 is seen in the distance.
_FARTHEST = 1e5


@dataclass(frozen=True, eq=False)
class Repeats:
    """States of one system by condition, repeat and time.

    Attributes
    ----------
    conditions : tuple
        Labels, sorted.
    states : ndarray, shape (condition, time, repeat, unit)
        Zeros stand for the repeats that a condition has fewer than another.
    weights : ndarray, shape (condition, repeat)
        1 over the number of repeats of the condition; 0 where there is no repeat.
    digest : bytes
        Of the values: puts a pair in the same order whichever way round it is given.
    """

    conditions: tuple[Any, ...]
    states: FloatArray
    weights: FloatArray
    digest: bytes

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.states.shape[-1])

    @property
    def means(self) -> FloatArray:
        """Mean over the repeats, shape (condition, time, unit)."""
        return np.einsum("ctru,cr->ctu", self.states, self.weights)


def repeats_of(states: Any, conditions: Any, *, normalise: bool, measure: str) -> Repeats:
    """Sort the trials of a system by condition.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
    conditions : sequence, length trial
        Label of each trial; trials of one label are repeats.
    normalise : bool
        Subtract the mean of each unit, and divide by the root of the total variance, both over conditions
        (each counts once), times and repeats. The distance then has no unit.
    measure : str
        What messages call the measure.

    Raises
    ------
    TrialError
        When conditions are missing, or one has a single trial.
    ConstantDataError
        When nothing varies.
    InputError
        Without `normalise`, when the states are too large, too small or too far from 0.
    """
    recording, exponent = as_recording(states).rescaled()
    array = recording.states
    if not normalise:
        _check_size(array, exponent)
    if conditions is None or len(conditions) != len(array):
        raise TrialError(
            f"a condition for each of {len(array)} trials, which {measure} needs",
            "none" if conditions is None else f"{len(conditions)}",
            "Give the conditions: conditions=.",
        )
    # A number and the text that writes it are one condition, unless that would join two.
    numbers = [without_notation(condition) for condition in conditions]
    if len(set(numbers)) < len(set(conditions)):
        numbers = list(conditions)
    labels, index = np.unique(np.asarray(numbers), return_inverse=True)
    counts = np.bincount(index)
    if counts.min() < 2:
        raise TrialError(
            f"at least two trials of each condition, which {measure} takes as repeats",
            f"{counts.min()} of condition {labels[counts.argmin()]}",
            "Drop the condition, or join conditions.",
        )
    sorted_states = np.zeros((len(labels), array.shape[1], counts.max(), array.shape[2]))
    weights = np.zeros((len(labels), counts.max()))
    for c, count in enumerate(counts):
        sorted_states[c, :, :count] = array[index == c].transpose(1, 0, 2)
        weights[c, :count] = 1 / count
    if normalise:
        # Each condition and time counts once, however many repeats it has.
        mean = np.einsum("ctru,cr->u", sorted_states, weights) / np.prod(sorted_states.shape[:2])
        sorted_states = (sorted_states - mean) * (weights > 0)[:, None, :, None]
        variance = np.einsum("ctru,cr->", sorted_states**2, weights) / np.prod(
            sorted_states.shape[:2]
        )
        if variance <= 1e-24 * max(float(mean @ mean), 1e-300):
            raise ConstantDataError(
                "states that vary", "constant ones", "Check the window; nothing can be compared."
            )
        sorted_states /= np.sqrt(variance)
    digest = hashlib.sha256(np.ascontiguousarray(sorted_states).tobytes()).digest()
    return Repeats(tuple(labels.tolist()), sorted_states, weights, digest)


def _check_size(array: FloatArray, exponent: int) -> None:
    """Refuse states of which distances about 0, in their own unit, keep too few digits."""
    mean = array.mean(axis=(0, 1))
    spread = float(np.sqrt(((array - mean) ** 2).sum(-1).mean()))
    if exponent or np.linalg.norm(mean) > _FARTHEST * spread > 0:
        raise InputError(
            f"states of a usual size, and no farther from 0 than {_FARTHEST:g} times their deviation, with "
            "normalise off",
            f"{np.ldexp(np.linalg.norm(mean), exponent):g} from 0, and a deviation of "
            f"{np.ldexp(spread, exponent):g}",
            "Change the unit or subtract a constant, or set normalise.",
        )


def compare_in_order(
    representations: Sequence[Repeats],
    pairs: Sequence[tuple[int, int]],
    compare: Callable[[Repeats, Repeats], dict[str, Any]],
    progress: Any = None,
) -> list[dict[str, Any]]:
    """Compare pairs of systems, each in the order of their digests: a swapped pair has the same row.

    A pair that cannot be compared is a row that says so, where another one can.

    Parameters
    ----------
    representations, pairs, progress
        As in `warpline.similarity.shape_gaussian.compare_pairs`.
    compare : callable
        Given two systems; returns a row.

    Raises
    ------
    TrialError, DimensionError
        When no pair can be compared: that of the first.
    """
    rows = []
    reasons: list[ValueError] = []
    for i, j in pairs:
        x, y = sorted((representations[i], representations[j]), key=lambda system: system.digest)
        try:
            rows.append(compare(x, y))
        except (TrialError, DimensionError) as reason:
            reasons.append(reason)
            rows.append(failed_row(reason))
        if progress is not None:
            progress.update()
    if reasons and len(reasons) == len(rows):
        raise reasons[0]
    return rows


def same_units(x: Repeats, y: Repeats, measure: str) -> tuple[FloatArray, FloatArray]:
    """Return the states of two systems with as many units: zeros are added to the smaller one.

    Raises
    ------
    TrialError, DimensionError
        When the systems have not the same conditions, or numbers of times.
    """
    if x.conditions != y.conditions:
        alone = set(x.conditions) ^ set(y.conditions)
        raise TrialError(
            f"the same conditions in both systems, which {measure} matches",
            f"{len(alone)} in one alone ({', '.join(map(str, sorted(alone, key=str)[:4]))})",
            "Select the conditions that they share.",
        )
    if x.states.shape[1] != y.states.shape[1]:
        raise DimensionError(
            f"as many times in both systems, which {measure} matches",
            f"{x.states.shape[1]} and {y.states.shape[1]}",
            "Cut the trials to a common window.",
        )
    size = max(x.n_units, y.n_units)
    padded = [
        np.pad(system.states, [(0, 0)] * 3 + [(0, size - system.n_units)]) for system in (x, y)
    ]
    return padded[0], padded[1]
