"""Means of embedded rows, which a constant term of the regression takes out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import TooFewTimePointsError

from .hankel import Trials, blocks_of, count_transitions

__all__ = ["TransitionMeans", "window_sums"]

FloatArray = NDArray[np.float64]


def window_sums(states: Trials, width: int, interval: int = 1) -> tuple[FloatArray, int]:
    """Return the sums of all embedded rows, without making them, and how many there are.

    Parameters
    ----------
    states : ndarray, shape (trial, time, column), or tuple of such arrays
    width, interval : int
        Delays of a row and the steps between them.

    Returns
    -------
    sums : ndarray, shape (width * column,)
        Newest delay first, as `warpline.similarity.dsa.hankel.delay_embed` has them.
    count : int
        Number of rows.
    """
    blocks = blocks_of(states)
    lost, n_columns = (width - 1) * interval, blocks[0].shape[2]
    sums, count = np.zeros((width, n_columns)), 0
    for block in blocks:
        # Delay k leaves out the first lost - k * interval steps and the last k * interval.
        flat = block.reshape(-1, n_columns)
        total = np.ones(len(flat)) @ flat
        n_rows = block.shape[1] - lost
        first, last = block[:, :lost].sum(axis=0), block[:, n_rows:].sum(axis=0)
        for k in range(width):
            edge = lost - k * interval
            sums[k] += total - first[:edge].sum(axis=0) - last[edge:].sum(axis=0)
        count += block.shape[0] * n_rows
    return sums.ravel(), count


@dataclass(frozen=True)
class TransitionMeans:
    """Means of the embedded rows of trials: of all, of those before a transition, and of those after one.

    Attributes
    ----------
    rows, before, after : ndarray, shape (delays * unit,)
    count : int
        Number of transitions.
    """

    rows: FloatArray
    before: FloatArray
    after: FloatArray
    count: int

    @classmethod
    def of(cls, states: Trials, n_delays: int, delay_interval: int) -> TransitionMeans:
        """Take the means of states (trial, time, unit), with a transition in each trial.

        Raises
        ------
        TooFewTimePointsError
            For a single transition, which a constant term fits by itself.
        """
        sums, n_rows = window_sums(states, n_delays, delay_interval)
        blocks = blocks_of(states)
        # Newest first, in the first and in the last row of a trial.
        newest = (n_delays - 1) * delay_interval - np.arange(n_delays) * delay_interval
        first = np.sum([block[:, newest].sum(axis=0) for block in blocks], axis=0).ravel()
        last = np.sum(
            [block[:, block.shape[1] - 1 - newest[::-1]].sum(axis=0) for block in blocks], axis=0
        ).ravel()
        count = count_transitions(states, n_delays, delay_interval)
        if count < 2:
            raise TooFewTimePointsError(
                "two embedded transitions or more for an operator and a constant term",
                f"{count}",
                "Use fewer delays, longer trials or more of them, or drop offset.",
            )
        return cls(sums / n_rows, (sums - last) / count, (sums - first) / count, count)

    def whitened(self, basis: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the means before and after a transition in coordinates of centred rows, (rank,) each."""
        return (self.before - self.rows) @ basis, (self.after - self.rows) @ basis
