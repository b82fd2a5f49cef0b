r"""Neighbours of a maximum: the aligned operator with some directions reversed.

Where the search misses the best alignment C', the maximum C that it found is often, up to a small rotation,
an involution away: C' is near R C with :math:`R = I - 2 V V^\top`, whose k orthonormal columns V span the
directions that are reversed. With Y = C B C^T,

.. math::
    \varphi(R C) - \varphi(C) = -2 \langle V, M V \rangle
    + 4 \langle V^\top A V, V^\top Y V \rangle, \qquad
    M = \tfrac{1}{2} (A Y^\top + Y^\top A + \ldots^\top) .

A few steps of projected gradient ascent find where it is large, from random V and, for operators that are
nearly diagonal in one basis, from eigenvectors. A step costs a few products with n x k matrices, far less
than one of an ascent over all of C. A linear term <L, C> adds the symmetric part of L C^T to M.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

#: Not in fast arithmetic: with it, code from Numba's cache and code that was just compiled sum in another
#: order, and starts differ in their last bits.
_compile = njit(cache=True, nogil=True, error_model="numpy")

#: Subspaces that are tried for each neighbour, of which the best is taken, and gradient steps of each.
CANDIDATES = 4
STEPS = 10


@_compile
def fill_starts(
    symmetric: Array, frequencies: Array, linear: Array | None, rotation: Array, aligned: Array,
    size: int, normal: Array, reversed_directions: Array, starts: Array,
) -> None:  # fmt: skip
    """Fill in the rotations after the best involutions found, neighbours of one maximum.

    Parameters
    ----------
    symmetric, frequencies, linear
        One problem of `warpline.similarity.dsa.canonical.Problems`, float64.
    rotation, aligned : ndarray, shape (n, n)
        C and C B C^T at the maximum; ``aligned`` may have more columns, which are not read.
    size : int
        Rank of the operators, n or, with a padding dimension, n - 1.
    normal : ndarray, shape (n, CANDIDATES * sum of k), float32
        Standard normal numbers, `CANDIDATES` times k columns for each start; zero in a padding dimension.
    reversed_directions : ndarray of int, shape (start,)
        The number k of directions that each start reverses.
    starts : ndarray, shape (start, n, n)
        Filled in.
    """
    n, half = len(symmetric), len(frequencies)
    single = np.float32
    operator, turned = np.empty((n, n), single), np.empty((n, n), single)
    for i in range(n):
        for j in range(n):
            operator[i, j] = symmetric[i, j]
            turned[i, j] = aligned[i, j]
    for p in range(half):
        operator[p, p + half] -= single(frequencies[p])
        operator[p + half, p] += single(frequencies[p])
    # [A; A^T; Y; Y^T; M], so that one product applies all five.
    stacked = np.empty((5 * n, n), single)
    stacked[:n] = operator
    stacked[n : 2 * n] = operator.T
    stacked[2 * n : 3 * n] = turned
    stacked[3 * n : 4 * n] = turned.T
    moment = np.dot(stacked[:n], stacked[3 * n : 4 * n]) + np.dot(
        stacked[3 * n : 4 * n], stacked[:n]
    )
    if linear is not None:
        product = np.dot(linear, np.ascontiguousarray(rotation.T))
        for i in range(n):
            for j in range(n):
                moment[i, j] += single(product[i, j])
    for i in range(n):
        for j in range(n):
            stacked[4 * n + i, j] = single(0.5) * (moment[i, j] + moment[j, i])
    # Estimates of the curvature of both terms, of the order of one; zero operators have none.
    bound = np.linalg.norm(stacked[4 * n :])
    bound += single(0.5) * np.linalg.norm(stacked[:n]) * np.linalg.norm(stacked[2 * n : 3 * n])
    step = single(1) / max(bound, single(1e-12))
    begin = 0
    for s in range(len(starts)):
        k = reversed_directions[s]
        columns = np.ascontiguousarray(normal[:, begin : begin + CANDIDATES * k])
        begin += CANDIDATES * k
        # For the first start alone: where all had it, more pairs of trained networks were missed.
        if s == 0:
            _fill_eigenvectors(stacked, columns, k, size)
        subspace = _best_subspace(stacked, columns, k, step)
        directions = subspace.astype(np.float64)
        _orthonormalise(directions, 0, k)
        components = np.dot(np.ascontiguousarray(directions.T), rotation)
        starts[s] = rotation - 2 * np.dot(directions, components)
        # C and -C align the operators equally well: take the sign that the linear term prefers.
        if linear is not None and np.sum(linear * starts[s]) < 0:
            starts[s] *= -1


@_compile
def _fill_eigenvectors(stacked: Array, columns: Array, k: int, size: int) -> None:
    """Replace the first candidate by k eigenvectors of a random mix of A_s and Y_s.

    Which ones: those whose reversal, one after the other, gains most.
    """
    n = columns.shape[0]
    mix_a, mix_y = columns[0, 0], columns[0, 1]
    mix = mix_a * (stacked[:n] + stacked[n : 2 * n]) + mix_y * (
        stacked[2 * n : 3 * n] + stacked[3 * n : 4 * n]
    )
    # Without the padding dimension: its reversal costs nothing, and leads back to the same maximum.
    _, vectors = np.linalg.eigh(np.ascontiguousarray(mix[:size, :size]))
    operator = np.ascontiguousarray(stacked[:size, :size])
    turned = np.ascontiguousarray(stacked[2 * n : 2 * n + size, :size])
    transposed = np.ascontiguousarray(vectors.T)
    vectors = np.ascontiguousarray(vectors)
    in_a = np.dot(transposed, np.dot(operator, vectors))
    in_y = np.dot(transposed, np.dot(turned, vectors))
    weights = in_a * in_y
    weights = weights + weights.T
    # d^T N d falls by 4 sum_j d_i d_j N_ij when the sign i is reversed.
    loss = np.empty(size, columns.dtype)
    for i in range(size):
        loss[i] = 0
        for j in range(size):
            if j != i:
                loss[i] += weights[i, j]
    reversed_ = np.zeros(size, np.bool_)
    for c in range(k):
        best = -1
        for i in range(size):
            if not reversed_[i] and (best < 0 or loss[i] < loss[best]):
                best = i
        reversed_[best] = True
        for j in range(size):
            columns[j, c] = vectors[j, best]
            if j != best:
                loss[j] -= 2 * weights[best, j]


@_compile
def _best_subspace(stacked: Array, columns: Array, k: int, step: Any) -> Array:
    """Return the best of the candidates side by side in ``columns`` after `STEPS` steps, shape (n, k)."""
    n = columns.shape[0]
    n_candidates = columns.shape[1] // k
    inner_a, inner_y = np.empty((k, k), columns.dtype), np.empty((k, k), columns.dtype)
    for c in range(n_candidates):
        _orthonormalise(columns, c * k, k)
    for _ in range(STEPS):
        images = np.dot(stacked, columns)
        for c in range(n_candidates):
            o = c * k
            _fill_inner(columns, images, o, k, inner_a, inner_y)
            for t in range(n):
                for j in range(k):
                    gradient = -images[4 * n + t, o + j]
                    for i in range(k):
                        gradient += images[t, o + i] * inner_y[j, i]
                        gradient += images[n + t, o + i] * inner_y[i, j]
                        gradient += images[2 * n + t, o + i] * inner_a[j, i]
                        gradient += images[3 * n + t, o + i] * inner_a[i, j]
                    columns[t, o + j] += step * gradient
            _orthonormalise(columns, o, k)
    images = np.dot(stacked, columns)
    best, best_value = 0, -np.inf
    for c in range(n_candidates):
        o = c * k
        _fill_inner(columns, images, o, k, inner_a, inner_y)
        value = 0.0
        for i in range(k):
            for t in range(n):
                value -= 2 * columns[t, o + i] * images[4 * n + t, o + i]
            for j in range(k):
                value += 4 * inner_a[i, j] * inner_y[i, j]
        if value > best_value:
            best, best_value = o, value
    return np.ascontiguousarray(columns[:, best : best + k])


@_compile
def _fill_inner(
    columns: Array, images: Array, o: int, k: int, inner_a: Array, inner_y: Array
) -> None:
    """Fill in V^T A V and V^T Y V of the candidate whose first column is ``o``."""
    n = columns.shape[0]
    for i in range(k):
        for j in range(k):
            a, y = columns.dtype.type(0), columns.dtype.type(0)
            for t in range(n):
                a += columns[t, o + i] * images[t, o + j]
                y += columns[t, o + i] * images[2 * n + t, o + j]
            inner_a[i, j], inner_y[i, j] = a, y


@_compile
def _orthonormalise(columns: Array, o: int, k: int) -> None:
    """Orthonormalise k columns from ``o`` on by modified Gram-Schmidt, in place."""
    n = columns.shape[0]
    for j in range(o, o + k):
        for i in range(o, j):
            product = columns.dtype.type(0)
            for t in range(n):
                product += columns[t, i] * columns[t, j]
            for t in range(n):
                columns[t, j] -= product * columns[t, i]
        square = columns.dtype.type(0)
        for t in range(n):
            square += columns[t, j] * columns[t, j]
        scale = 1 / np.sqrt(square)
        for t in range(n):
            columns[t, j] *= scale


def compile_kernels() -> None:
    """Compile `fill_starts`, with and without a linear term, so that no job has to."""
    matrix = np.eye(2)
    for linear in (None, matrix):
        fill_starts(
            matrix, np.zeros(1), linear, matrix, matrix, 2,
            np.ones((2, CANDIDATES), np.float32), np.ones(1, np.int64), np.empty((1, 2, 2)),
        )  # fmt: skip
