"""Second moments of the transitions of a driven system, one step ahead within trials.

`Transitions` holds them for every pair of lags, from one pass over the trials; `regress` streams the trials
through coordinates that are known already, and keeps the digits that squaring the data would lose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.dsa.hankel import (
    Trials,
    blocks_of,
    delay_embed,
    from_first_row,
    iterate_embedding,
)
from warpline.similarity.dsa.window_means import window_sums

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Transitions:
    """Second moments of all transitions of an embedding with delays of one step.

    Attributes
    ----------
    gram : ndarray, shape ((n_lags + 1) * column, (n_lags + 1) * column)
        Of the windows of n_lags + 1 steps, newest first. Without the last lag they are the rows after the
        transitions, without the first lag the rows before them.
    sums : ndarray, shape ((n_lags + 1) * column,)
        Of the windows.
    n_columns, count : int
        Number of columns of a step, and of windows.
    """

    gram: FloatArray
    sums: FloatArray
    n_columns: int
    count: int

    @classmethod
    def of(cls, states: Trials, n_lags: int) -> Transitions:
        """Take the moments of trials (trial, time, column), each longer than ``n_lags``."""
        blocks = blocks_of(states)
        n_columns = blocks[0].shape[2]
        size = (n_lags + 1) * n_columns
        gram = np.zeros((size, size))
        for block in blocks:
            gram += _window_gram(block, n_lags)
        sums, count = window_sums(states, n_lags + 1)
        return cls(gram, sums, n_columns, count)

    def regress(
        self, state_map: FloatArray, input_columns: NDArray[np.intp], *, input_in_step: bool,
        offset: bool,
    ) -> tuple[FloatArray, FloatArray]:  # fmt: skip
        """Covariances of the one-step regression, as the function `regress` returns them."""
        n_inputs, rank = len(input_columns), state_map.shape[1]
        before = np.zeros((len(self.gram), n_inputs + rank))
        after = np.zeros((len(self.gram), rank))
        acting = input_columns if input_in_step else input_columns + self.n_columns
        before[acting, np.arange(n_inputs)] = 1
        before[self.n_columns :, n_inputs:] = state_map
        after[: -self.n_columns] = state_map
        gram = self.gram
        if offset:
            gram = gram - np.outer(self.sums, self.sums) / self.count
        return before.T @ gram @ before, before.T @ gram @ after


def _window_gram(block: FloatArray, n_lags: int) -> FloatArray:
    """Gram matrix of the windows of n_lags + 1 steps of trials (trial, time, column), newest step first.

    Only the first block row is a sum over all times, as in `warpline.similarity.dsa.hankel.gram_matrix`. The
    windows are never stored: trials that lie end to end are, cut into pieces of n_lags + 1 steps, a matrix of
    windows, and the n_lags + 1 places of the first cut show every window once.
    """
    n_trials, n_times, n_columns = block.shape
    width = n_lags + 1
    if n_times <= 2 * width:
        # Most of the windows would cross from trial to trial.
        windows = delay_embed(block, width, 1).reshape(-1, width * n_columns)
        return np.asarray(windows.T @ windows)
    flat = np.ascontiguousarray(block).reshape(-1, n_columns)
    oldest_first = np.zeros((n_columns, width * n_columns))
    for start in range(width):
        n_windows = (len(flat) - start) // width
        windows = flat[start : start + n_windows * width].reshape(n_windows, -1)
        oldest_first += windows[:, -n_columns:].T @ windows
    newest = oldest_first.reshape(n_columns, width, n_columns)[:, ::-1].reshape(n_columns, -1)
    # Less the windows that cross from one trial to the next.
    seams = np.concatenate([block[:-1, -n_lags:], block[1:, :n_lags]], axis=1)
    crossing = delay_embed(seams, width, 1).reshape(-1, width * n_columns)
    newest -= crossing[:, :n_columns].T @ crossing

    # A window one step earlier gains the steps before the first window, and loses the last one of its trial.
    inner = n_lags * n_columns
    first = block[:, n_lags - 1 :: -1].reshape(n_trials, inner)
    last = block[:, : -n_lags - 1 : -1].reshape(n_trials, inner)
    return from_first_row(newest, first.T @ first - last.T @ last)


def regress(
    states: Trials, n_lags: int, delay_interval: int, state_map: FloatArray,
    input_columns: NDArray[np.intp], *, input_in_step: bool, offset: bool,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Covariances of the one-step regression on states and inputs, streamed over trials.

    Parameters
    ----------
    states : ndarray, shape (trial, time, column), or tuple of such arrays
    n_lags, delay_interval : int
        The embedding.
    state_map : ndarray, shape (n_lags * column, rank)
        From an embedded row to the coordinates.
    input_columns : ndarray of int
        Columns of an embedded row that are inputs.
    input_in_step : bool
        Whether these inputs act on the coordinates of their own row, and not on those one step later.
    offset : bool
        Centre both sides, as a constant regressor does.

    Returns
    -------
    past : ndarray, shape (input + rank, input + rank)
        Of the inputs that act on a transition and the coordinates before it, for all transitions.
    cross : ndarray, shape (input + rank, rank)
        Of these with the coordinates one step later.
    """
    n_inputs, rank = len(input_columns), state_map.shape[1]
    size = n_inputs + rank
    past, cross = np.zeros((size, size)), np.zeros((size, rank))
    sums, next_sums, count = np.zeros(size), np.zeros(rank), 0
    for rows in iterate_embedding(states, n_lags, delay_interval):
        n_trials, n_rows, n_columns = rows.shape
        flat = rows.reshape(-1, n_columns)
        # All rows at once, less what crosses the end of a trial: no copies of shifted blocks.
        regressors = np.empty((n_trials * n_rows, size))
        regressors[:, n_inputs:] = flat @ state_map
        inputs = flat[:, input_columns]
        if input_in_step:
            # The last row of a trial, which no step follows, gets an input of the next and is left out.
            inputs = np.concatenate([inputs[1:], inputs[:1]])
        regressors[:, :n_inputs] = inputs
        by_trial = regressors.reshape(n_trials, n_rows, size)
        first, last = by_trial[:, 0, n_inputs:], by_trial[:, -1]
        past += regressors.T @ regressors - last.T @ last
        cross += regressors[:-1].T @ regressors[1:, n_inputs:] - last[:-1].T @ first[1:]
        totals = regressors.sum(axis=0)
        sums += totals - last.sum(axis=0)
        next_sums += totals[n_inputs:] - first.sum(axis=0)
        count += n_trials * (n_rows - 1)
    if offset:
        past -= np.outer(sums, sums) / count
        cross -= np.outer(sums, next_sums) / count
    return past, cross
