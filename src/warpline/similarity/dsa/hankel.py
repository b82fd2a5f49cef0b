r"""Leading singular values and directions of a Hankel matrix that is never stored whole.

Three routes give the same factor:

``gram``
    The Gram matrix :math:`G = H^\top H`. Its blocks are lagged covariances, and neighbours along
    a block diagonal differ only by the edges of the trials: windows that start one delay earlier
    gain the first ``delay_interval`` rows and lose the last ones. So only the first block row is a
    sum over all times. Squaring doubles the condition number :math:`\kappa = s_1 / s_r`: errors are
    about 1e-10 at 3e3 and 1e-8 at 7e4.
``qr``
    A tall-skinny QR decomposition, updated trial block by trial block, then the singular value
    decomposition of the triangle. Used where :math:`\kappa` passes `GRAM_CONDITION_LIMIT`.
``snapshots``
    For fewer rows than columns, :math:`H` itself is the smaller object, and is decomposed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.linalg
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

FloatArray = NDArray[np.float64]

#: Trials of equal length as one array (trial, time, unit), or one such array per length.
Trials = FloatArray | tuple[FloatArray, ...]

#: Above this condition number the Gram matrix has lost too many digits.
GRAM_CONDITION_LIMIT = 1e4

#: Up to this width, all digits of an eigenvalue cost no more than an approximation.
_SMALL = 64
#: Embedded rows are made in blocks of about this many bytes: they stay in the cache, and memory
#: does not grow with the number of trials.
_BLOCK_BYTES = 2**21
#: The same for the Gram matrix, where every block also adds to a matrix of the full width.
_GRAM_BLOCK_BYTES = 2**23


@dataclass(frozen=True)
class Factor:
    """Leading part of the singular value decomposition of a Hankel matrix.

    Attributes
    ----------
    singular_values : ndarray, shape (rank,)
        Descending.
    directions : ndarray, shape (delays * units, rank)
        Right singular vectors; the largest loading of each is positive.
    method : {"gram", "qr", "snapshots"}
        The route taken.
    next_value : float
        Singular value after those of the rank asked for; 0 where the data carry no more. To one per cent,
        unless it is near the last one.
    """

    singular_values: FloatArray
    directions: FloatArray
    method: Literal["gram", "qr", "snapshots"]
    next_value: float = 0.0

    def gap(self, rank: int) -> float:
        """Return by what share the singular value after a rank is smaller than that of the rank.

        Where it is 0, the directions up to the rank are some of many that would do as well.
        """
        return relative_gap(self.singular_values, self.next_value, rank)


def relative_gap(values: FloatArray, next_value: float, rank: int) -> float:
    """Return by what share the value after a rank is smaller than that of the rank; see `Factor.gap`."""
    following = values[rank] if rank < len(values) else next_value
    return 1 - float(following / values[rank - 1])


def by_length(trials: Sequence[FloatArray]) -> Trials:
    """Stack trials of equal length, because whole blocks of them are embedded at once.

    Parameters
    ----------
    trials : sequence of ndarray, shape (time, unit)

    Returns
    -------
    ndarray, shape (trial, time, unit), or tuple of such arrays
        One array if all trials last equally long, else one per length, the shortest first.
    """
    lengths = sorted({len(trial) for trial in trials})
    blocks = [np.stack([trial for trial in trials if len(trial) == n]) for n in lengths]
    return blocks[0] if len(blocks) == 1 else tuple(blocks)


def blocks_of(states: Trials) -> tuple[FloatArray, ...]:
    """Return trials as a tuple of arrays (trial, time, unit), each of one length."""
    return (states,) if isinstance(states, np.ndarray) else states


def count_transitions(states: Trials, n_delays: int, delay_interval: int) -> int:
    """Return how many steps from one embedded row to the next the trials have."""
    lost = (n_delays - 1) * delay_interval
    return sum(len(trials) * (trials.shape[1] - 1 - lost) for trials in blocks_of(states))


def delay_embed(states: FloatArray, n_delays: int, delay_interval: int) -> FloatArray:
    """Delay-embed trials of equal length.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
        States, float64.
    n_delays, delay_interval : int
        The embedding; the interval is in time steps.

    Returns
    -------
    ndarray, shape (trial, time - (n_delays - 1) * delay_interval, n_delays * unit)
        Row t of a trial holds the states at t, t - delay_interval, ... (newest first).
    """
    n_trials, n_times, n_units = states.shape
    n_rows = n_times - (n_delays - 1) * delay_interval
    states = np.ascontiguousarray(states)
    trial, time, unit = states.strides
    view = as_strided(
        states[:, (n_delays - 1) * delay_interval :],
        shape=(n_trials, n_rows, n_delays, n_units),
        strides=(trial, time, -delay_interval * time, unit),
        writeable=False,
    )
    return view.reshape(n_trials, n_rows, n_delays * n_units)


def iterate_embedding(
    states: Trials, n_delays: int, delay_interval: int, block_bytes: int | None = None
) -> Iterator[FloatArray]:
    """Yield the embedding in blocks of whole trials of equal length (see `delay_embed`)."""
    for trials in blocks_of(states):
        n_trials, n_times, n_units = trials.shape
        n_rows = n_times - (n_delays - 1) * delay_interval
        step = max(1, (block_bytes or _BLOCK_BYTES) // (8 * n_rows * n_delays * n_units))
        for first in range(0, n_trials, step):
            yield delay_embed(trials[first : first + step], n_delays, delay_interval)


def gram_matrix(states: Trials, n_delays: int, delay_interval: int) -> FloatArray:
    r"""Gram matrix of the embedding, from lagged covariances.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit), or tuple of such arrays
        States, float64 (see `by_length`).
    n_delays, delay_interval : int
        The embedding.

    Returns
    -------
    ndarray, shape (n_delays * unit, n_delays * unit)
        :math:`G = H^\top H`.

    Notes
    -----
    With blocks :math:`G_{ij} = \sum_t x_{t - i\tau} x_{t - j\tau}^\top` over the embedded times,
    :math:`G_{i+1,j+1} = G_{ij} + E^+_{ij} - E^-_{ij}`, where :math:`E^+` sums over the
    :math:`\tau` times before the window and :math:`E^-` over its last :math:`\tau`. This costs
    less than the plain product where the window is longer than :math:`2\tau`. All three are sums
    over trials, which may differ in length.
    """
    n_units = blocks_of(states)[0].shape[2]
    size = n_delays * n_units
    inner = size - n_units
    # One pass over the trials. Short windows: the plain product.
    product = np.zeros((size, size))
    # Long windows: the first block row, and the edges from which the others follow.
    first = np.zeros((n_units, size))
    edges = np.zeros((inner, inner))
    before: list[FloatArray] = []
    last: list[FloatArray] = []
    any_short = any_long = False
    for rows in iterate_embedding(states, n_delays, delay_interval, _GRAM_BLOCK_BYTES):
        flat = rows.reshape(-1, size)
        if n_delays == 1 or rows.shape[1] <= 2 * delay_interval:
            any_short = True
            product += flat.T @ flat
            continue
        any_long = True
        first += np.ascontiguousarray(flat[:, :n_units]).T @ flat
        # Rows tau before the window, restricted to delays 0..D-2, are the window's first tau rows
        # restricted to delays 1..D-1.
        before.append(np.ascontiguousarray(rows[:, :delay_interval, n_units:]).reshape(-1, inner))
        last.append(np.ascontiguousarray(rows[:, -delay_interval:, :inner]).reshape(-1, inner))
        # Products of few rows would take the time of writing the whole matrix.
        if sum(map(len, before)) >= inner:
            _add_edges(edges, before, last)
    if before:
        _add_edges(edges, before, last)
    if not any_long:
        return product
    gram = from_first_row(first, edges)
    return gram + product if any_short else gram


def from_first_row(first: FloatArray, edges: FloatArray) -> FloatArray:
    """Return the Gram matrix of an embedding from its first block row, (unit, delay * unit), and its edges.

    Each block row follows from the one above it (`gram_matrix`), the lower triangle by symmetry.
    """
    n_units, size = first.shape
    inner = size - n_units
    gram = np.zeros((size, size))
    gram[:n_units] = first
    for i in range(1, size // n_units):
        block = slice(i * n_units, (i + 1) * n_units)
        previous = slice((i - 1) * n_units, i * n_units)
        gram[block, block.start :] = (
            gram[previous, previous.start : inner] + edges[previous, previous.start :]
        )
        gram[block, : block.start] = gram[: block.start, block].T
    return gram


def _add_edges(edges: FloatArray, before: list[FloatArray], last: list[FloatArray]) -> None:
    """Add the products of rows before windows, less those of the last rows, in place; forget the rows."""
    first_rows, last_rows = np.concatenate(before), np.concatenate(last)
    edges += first_rows.T @ first_rows
    edges -= last_rows.T @ last_rows
    before.clear()
    last.clear()


def leading_factor(
    states: Trials,
    n_delays: int,
    delay_interval: int,
    rank: int,
    tolerance: float,
    gram: FloatArray | None = None,
    with_next: bool = False,
    means: FloatArray | None = None,
) -> Factor:
    """Leading singular values and directions, by the cheapest route that keeps the digits.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit), or tuple of such arrays
        Checked states, float64 (see `by_length`).
    n_delays, delay_interval : int
        The embedding.
    rank : int
        Largest number of directions wanted.
    tolerance : float
        Singular values at or below this fraction of the first are left out.
    gram : ndarray, shape (delays * units, delays * units), optional
        The result of `gram_matrix`, where it is known; without means subtracted.
    with_next : bool, optional
        Whether to find the singular value after the last, too.
    means : ndarray, shape (delays * units,), optional
        Means of the rows, which are subtracted.

    Returns
    -------
    Factor
        At most ``rank`` directions: fewer where the data carry fewer, or where there are fewer
        transitions than that (one fewer yet, if means are subtracted).
    """
    blocks = blocks_of(states)
    size = n_delays * blocks[0].shape[2]
    n_transitions = count_transitions(states, n_delays, delay_interval)
    n_rows = n_transitions + sum(len(trials) for trials in blocks)
    limit = min(rank, size, n_transitions - (means is not None))
    method: Literal["gram", "qr", "snapshots"]
    if n_rows < size:
        method = "snapshots"
        rows = [delay_embed(trials, n_delays, delay_interval) for trials in blocks]
        matrix = np.concatenate([r.reshape(-1, size) for r in rows])
        values, directions = _right_svd(matrix if means is None else matrix - means)
    else:
        method = "gram"
        # The cheap route first; it also shows whether it has lost too many digits.
        if gram is None:
            gram = gram_matrix(states, n_delays, delay_interval)
        if means is not None:
            gram = gram - n_rows * np.outer(means, means)
        squares, vectors = scipy.linalg.eigh(
            gram, subset_by_index=[size - limit, size - 1], check_finite=False
        )
        values, directions = np.sqrt(np.maximum(squares[::-1], 0.0)), vectors[:, ::-1]
        if values[-1] * GRAM_CONDITION_LIMIT < values[0]:
            method = "qr"
            triangle = streamed_triangle(states, n_delays, delay_interval, means)
            values, directions = _right_svd(triangle)
    next_value = 0.0
    if with_next and limit < size:
        if len(values) > limit:
            next_value = float(values[limit])
        elif method == "gram" and gram is not None:
            next_value = _next_value(gram, values, directions)
    # The rank that the data carry, and signs that do not depend on the route.
    rank_used = min(limit, int(np.count_nonzero(values > tolerance * values[0])))
    if rank_used < limit:
        # What is left is below the tolerance.
        next_value = 0.0
    values, directions = values[:rank_used].copy(), directions[:, :rank_used]
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(rank_used)]
    return Factor(values, directions * np.where(largest < 0, -1.0, 1.0), method, next_value)


def _next_value(gram: FloatArray, values: FloatArray, directions: FloatArray) -> float:
    """Return the root of the eigenvalue of a Gram matrix that follows its leading ones.

    A few products with what they leave approximate it. It is found to all digits only where that does not
    tell it from the last one, because to do so costs as much as the leading ones.
    """
    size, last = len(gram), float(values[-1])
    if size > _SMALL:
        squares = values**2
        rest = LinearOperator(
            gram.shape,
            lambda x: gram @ x - directions @ (squares * (directions.T @ x)),
            dtype=float,
        )
        start = np.random.default_rng(0).normal(size=size)
        with suppress(ArpackNoConvergence):
            (square,) = eigsh(rest, k=1, v0=start, tol=1e-3, return_eigenvectors=False)
            if square < 0.99 * last**2:
                return float(np.sqrt(max(square, 0.0)))
    place = size - len(values) - 1
    (square,) = scipy.linalg.eigvalsh(gram, subset_by_index=[place, place], check_finite=False)
    return float(np.sqrt(max(square, 0.0)))


def streamed_triangle(
    states: Trials, n_delays: int, delay_interval: int, means: FloatArray | None = None
) -> FloatArray:
    """Triangular factor of the QR decomposition of the embedding, block by block.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit), or tuple of such arrays
        States, float64 (see `by_length`).
    n_delays, delay_interval : int
        The embedding.
    means : ndarray, shape (n_delays * unit,), optional
        Subtracted from each row of it.

    Returns
    -------
    ndarray, shape (row, n_delays * unit)
        At most as many rows as columns.
    """
    triangle: FloatArray | None = None
    pending: list[FloatArray] = []
    n_pending = 0
    for rows in iterate_embedding(states, n_delays, delay_interval):
        flat: FloatArray = rows.reshape(-1, rows.shape[-1])
        if means is not None:
            flat = flat - means
        pending.append(flat)
        n_pending += len(flat)
        # Each update factors [triangle; block]: blocks of a few times the width keep the share of
        # the triangle in the work small.
        if n_pending >= 4 * flat.shape[1]:
            triangle = _update_triangle(triangle, pending)
            pending, n_pending = [], 0
    if pending or triangle is None:
        triangle = _update_triangle(triangle, pending)
    return triangle


def _update_triangle(triangle: FloatArray | None, blocks: list[FloatArray]) -> FloatArray:
    stacked = np.concatenate(blocks if triangle is None else [triangle, *blocks])
    (factor,) = scipy.linalg.qr(stacked, mode="r", overwrite_a=True, check_finite=False)
    return np.ascontiguousarray(factor[: stacked.shape[1]])


def _right_svd(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Singular values (descending) and right singular vectors of a matrix."""
    _, values, right = scipy.linalg.svd(matrix, full_matrices=False, check_finite=False)
    return values, right.T
