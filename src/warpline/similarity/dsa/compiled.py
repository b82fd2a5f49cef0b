r"""The climb of :mod:`.trust_region`, compiled for one processor core.

Matrices of 10 to 100 rows are too small for array libraries: most of the time of a batched climb on
a processor went into calls and into moving temporaries. Here Numba compiles one climb at a time, whose
matrices all stay in the cache; the products are those of SciPy's BLAS. The mathematics is that of
:mod:`.trust_region` and :mod:`.curvature` (equations there), with two differences of arithmetic:

- the inner systems are always solved in single precision: their solutions are needed to a tenth;
- steps are retracted by the exponential, from its Taylor series with squaring, in place of the
  Cayley transform, whose linear solve cost as much as thirty products. A step that gains nothing is
  shortened on its line before the inner system is solved again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from .curvature import FLOOR
from .trust_region import INITIAL_RADIUS, LARGEST_RADIUS, ROUNDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

#: Reordering of sums and fused products are allowed; NaN and infinity keep their meaning.
_FAST = {"reassoc", "contract", "arcp", "nsz"}
_compile = njit(fastmath=_FAST, cache=True, nogil=True, error_model="numpy")

#: Trials of a step on its line, each this much shorter than the last.
_TRIALS = 3
_SHORTER = 0.3
#: Relative residual of the inner systems. Up to the last step the model, not its solution, limits
#: what a step gains: solving harder as the gradient shrinks took a fifth more products.
_FORCING = 0.3


@_compile
def climb_all(
    symmetric: Array, frequencies: Array, target: Array, phantom: bool, which: Array,
    rotation: Array, moved: Array, tolerance: float, max_products: int,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """Climb from each rotation to a local maximum.

    Parameters
    ----------
    symmetric, frequencies, target, phantom
        As in :class:`.problems.Problems`, C-contiguous arrays of single or double precision.
    which : ndarray of int, shape (start,)
        The problem of each start.
    rotation : ndarray, shape (start, n, n)
        Orthogonal starts; holds the maxima on return.
    moved : ndarray, shape (start, n, n)
        Filled with C B C^T.
    tolerance, max_products
        As in :func:`.trust_region.maximise`.

    Returns
    -------
    value, norm, limit, products : ndarray, shape (start,)
        Inner products; gradient norms, and the norms at which they count as converged;
        Hessian-vector products spent.
    """
    count = len(which)
    value, norm = np.empty(count, rotation.dtype), np.empty(count, rotation.dtype)
    limit, products = np.empty(count, rotation.dtype), np.empty(count, np.int64)
    for k in range(count):
        p = which[k]
        value[k], norm[k], limit[k], products[k] = _climb(
            symmetric[p], frequencies[p], target[p], phantom, rotation[k], moved[k],
            tolerance, max_products,
        )  # fmt: skip
    return value, norm, limit, products


@_compile
def _climb(
    symmetric: Array, frequencies: Array, target: Array, phantom: bool, rotation: Array,
    moved: Array, tolerance: float, max_products: int,
) -> tuple[Any, Any, Any, int]:  # fmt: skip
    """Climb from one rotation, in place, and fill in C B C^T."""
    n = len(symmetric)
    kind = rotation.dtype
    spacing = np.finfo(kind).eps
    small_symmetric = symmetric.astype(np.float32)
    small_frequencies = frequencies.astype(np.float32)
    factor = np.empty((n, 3 * n), np.float32)
    gradient, trial, work = np.empty((n, n), kind), np.empty((n, n), kind), np.empty((n, n), kind)
    step, turn, turned = np.empty((n, n), kind), np.empty((n, n), kind), np.empty((n, n), kind)
    keep, swap = np.empty((n // 2, n // 2), np.float32), np.empty((n // 2, n // 2), np.float32)
    inner_work = np.empty((6, n, n), np.float32)
    wide = np.empty((n, 3 * n), np.float32)
    np.dot(rotation, target, work)
    np.dot(work, np.ascontiguousarray(rotation.T), moved)
    squares = _inner(symmetric, symmetric) + 2 * np.sum(frequencies**2) + _inner(moved, moved)
    value = _value(symmetric, frequencies, moved)
    radius, products, fresh = INITIAL_RADIUS, 0, True
    norm: Any = 0.0
    limit: Any = 0.0
    rounding = 50 * spacing
    while True:
        if fresh:
            norm = _fill_gradient(symmetric, frequencies, moved, factor, gradient, work, trial)
            _fill_preconditioner(symmetric, frequencies, moved, phantom, keep, swap)
            limit = max(tolerance * np.sqrt(max(squares - 2 * value, 0.0)), ROUNDING * spacing)
        if norm <= limit or products >= max_products:
            break
        residual = max(_FORCING, 0.1 * limit / norm)
        spent, length, slope, bend = _solve(
            small_symmetric, small_frequencies, factor, gradient, keep, swap,
            radius, residual, step, inner_work, wide,
        )  # fmt: skip
        products += spent
        share, ratio = 1.0, 0.0
        for _ in range(_TRIALS):
            _exponential(step, share, turn, turned, work, trial)
            np.dot(turn, moved, work)
            _transpose(turn, turned)
            np.dot(work, turned, trial)
            gained = _value(symmetric, frequencies, trial) - value
            gain = share * (slope - share * bend / 2)
            # Near convergence both gains drown in rounding: they then count as equal.
            ratio = (gained + rounding) / (gain + rounding)
            fresh = ratio > 0.1
            if fresh:
                break
            share *= _SHORTER
        length *= share
        if ratio < 0.25:
            radius = length / 2 if fresh else length / 4
        elif share < 1:
            radius = length
        elif ratio > 0.75 and length >= 0.99 * radius:
            radius = min(2 * radius, LARGEST_RADIUS)
        if fresh:
            moved[:] = trial
            value = _value(symmetric, frequencies, moved)
            np.dot(turn, rotation, work)
            rotation[:] = work
    return value, norm, limit, products


@_compile
def _solve(
    symmetric: Array, frequencies: Array, factor: Array, gradient: Array, keep: Array,
    swap: Array, radius: float, forcing: float, step: Array, work: Array, wide: Array,
) -> tuple[int, Any, Any, Any]:  # fmt: skip
    """Fill in a step by truncated conjugate gradients in single precision.

    Returns products spent, length of the step in the norm of the preconditioner, and slope and
    curvature of the model along it.
    """
    n = len(symmetric)
    residual, direction, curved, short = work[0], work[1], work[2], work[3]
    scale = np.float32(0.0)
    for i in range(n):
        for j in range(n):
            residual[i, j] = -gradient[i, j]
            short[i, j] = 0
            scale += residual[i, j] * residual[i, j]
    target = np.float32(forcing) * np.sqrt(scale)
    _precondition(keep, swap, residual, direction)
    for i in range(n):
        for j in range(n):
            direction[i, j] = -direction[i, j]
    rz = -_inner(residual, direction)
    slope, bend = np.float32(0.0), np.float32(0.0)
    direction2, step2, cross, gain = rz, np.float32(0.0), np.float32(0.0), np.float32(0.0)
    radius2 = np.float32(radius * radius)
    spent = 0
    half, two = np.float32(0.5), np.float32(2)
    while True:
        _curve(symmetric, frequencies, factor, direction, curved, wide, work[4], work[5])
        spent += 1
        curvature = _inner(direction, curved)
        length = rz / curvature
        leaves = curvature <= 0 or step2 + length * (two * cross + length * direction2) >= radius2
        if leaves:
            slack = direction2 * (radius2 - step2)
            length = (np.sqrt(max(cross * cross + slack, np.float32(0))) - cross) / direction2
        gain += length * (rz - half * length * curvature)
        step2 = step2 + length * (two * cross + length * direction2)
        left = np.float32(0.0)
        for i in range(n):
            for j in range(n):
                short[i, j] += length * direction[i, j]
                residual[i, j] += length * curved[i, j]
                left += residual[i, j] * residual[i, j]
        if leaves or np.sqrt(left) <= target or spent >= 2 * n:
            break
        _precondition(keep, swap, residual, curved)
        rz_next = _inner(residual, curved)
        beta = rz_next / rz
        cross = beta * (cross + length * direction2)
        direction2 = rz_next + beta * beta * direction2
        rz = rz_next
        for i in range(n):
            for j in range(n):
                direction[i, j] = beta * direction[i, j] - curved[i, j]
    for i in range(n):
        for j in range(n):
            step[i, j] = short[i, j]
            slope += short[i, j] * np.float32(gradient[i, j])
    bend = two * (slope - gain)
    return spent, np.sqrt(max(step2, np.float32(0))), slope, bend


@_compile
def _inner(first: Array, second: Array) -> Any:
    """Frobenius inner product."""
    total = first.dtype.type(0)
    a, b = first.ravel(), second.ravel()
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@_compile
def _value(symmetric: Array, frequencies: Array, moved: Array) -> Any:
    """Inner product of A with Y."""
    half = len(frequencies)
    total = _inner(symmetric, moved)
    for p in range(half):
        total += frequencies[p] * (moved[p + half, p] - moved[p, p + half])
    return total


@_compile
def _transpose(matrix: Array, out: Array) -> None:
    for i in range(len(matrix)):
        for j in range(len(matrix)):
            out[i, j] = matrix[j, i]


@_compile
def _fill_gradient(
    symmetric: Array, frequencies: Array, moved: Array, factor: Array, gradient: Array,
    even: Array, product: Array,
) -> float:  # fmt: skip
    """Gradient and the factor of Hessian products; returns the norm of the gradient."""
    n, half = len(symmetric), len(frequencies)
    middle = moved.dtype.type(0.5)
    # Transposed copies first: the loops that follow then run along rows, several columns at a time.
    _transpose(moved, even)
    for i in range(n):
        for j in range(n):
            s = middle * (moved[i, j] + even[i, j])
            even[i, j] = s
            factor[i, j] = s
            factor[i, n + j] = moved[i, j] - s
    np.dot(symmetric, even, product)
    for i in range(half):
        for j in range(n):
            product[i, j] += frequencies[i] * (moved[i + half, j] - even[i + half, j])
            product[i + half, j] -= frequencies[i] * (moved[i, j] - even[i, j])
    _transpose(product, even)
    total = gradient.dtype.type(0)
    for i in range(n):
        for j in range(n):
            v = product[i, j] - even[i, j]
            gradient[i, j] = v
            factor[i, 2 * n + j] = v
            total += v * v
    return np.sqrt(total)


@_compile
def _curve(
    symmetric: Array, frequencies: Array, factor: Array, direction: Array, out: Array,
    wide: Array, even: Array, product: Array,
) -> None:  # fmt: skip
    """Hessian of minus the inner product along a direction."""
    n, half = len(symmetric), len(frequencies)
    np.dot(direction, factor, wide)
    for i in range(n):
        for j in range(i + 1):
            s = wide[i, j] + wide[j, i]
            even[i, j] = even[j, i] = s
            k = wide[i, n + j] - wide[j, n + i]
            wide[i, n + j], wide[j, n + i] = k, -k
    np.dot(symmetric, even, product)
    middle = np.float32(0.5)
    for i in range(half):
        w = frequencies[i]
        for j in range(n):
            product[i, j] += w * wide[i + half, n + j] - middle * wide[i, 2 * n + j]
            product[i + half, j] -= w * wide[i, n + j] + middle * wide[i + half, 2 * n + j]
    for i in range(n):
        for j in range(i + 1):
            v = product[j, i] - product[i, j]
            out[i, j], out[j, i] = v, -v


@_compile
def _fill_preconditioner(
    symmetric: Array, frequencies: Array, moved: Array, phantom: bool, keep: Array, swap: Array
) -> None:
    """Weights of the preconditioner (see :func:`.curvature.fill_preconditioner`)."""
    n, half = len(symmetric), len(frequencies)
    kind = moved.dtype.type
    middle, quarter, nothing = kind(0.5), kind(0.25), kind(0)
    sums, columns = np.empty(n, moved.dtype), np.zeros(n, moved.dtype)
    for i in range(n):
        row = nothing
        for j in range(n):
            row += symmetric[i, j] * moved[i, j]
        for j in range(n):
            columns[j] += symmetric[i, j] * moved[i, j]
        sums[i] = row
    for i in range(n):
        sums[i] += columns[i]
    for p in range(half):
        turning = frequencies[p] * (moved[p + half, p] - moved[p, p + half])
        sums[p] = middle * (sums[p] + sums[p + half]) + turning
    mean_a, mean_y = np.empty(half, moved.dtype), np.empty(half, moved.dtype)
    turn_y = np.empty(half, moved.dtype)
    for p in range(half):
        mean_a[p] = middle * (symmetric[p, p] + symmetric[p + half, p + half])
        mean_y[p] = middle * (moved[p, p] + moved[p + half, p + half])
        turn_y[p] = middle * (moved[p + half, p] - moved[p, p + half])
    crossed = np.empty((half, half), moved.dtype)
    for p in range(half):
        for q in range(half):
            total = symmetric[p, q] * moved[q, p] + symmetric[p, q + half] * moved[q + half, p]
            total += symmetric[p + half, q] * moved[q, p + half]
            total += symmetric[p + half, q + half] * moved[q + half, p + half]
            crossed[p, q] = quarter * total - mean_a[p] * mean_y[q]
        crossed[p, p] -= middle * frequencies[p] * turn_y[p]
    whole = nothing
    for p in range(half):
        for q in range(half):
            mean = middle * (sums[p] + sums[q]) + crossed[p, q] + crossed[q, p]
            model = -(frequencies[p] * turn_y[q] + frequencies[q] * turn_y[p])
            if phantom and (p == half - 1 or q == half - 1):
                model = nothing
            keep[p, q], swap[p, q] = abs(mean + model), abs(mean - model)
            whole += keep[p, q] + swap[p, q]
    one, share = np.float32(1), np.float32(0.5)
    floor = np.float32(FLOOR * whole / (2 * half * half) + 1e-30)
    for p in range(half):
        for q in range(half):
            same, opposite = one / max(keep[p, q], floor), one / max(swap[p, q], floor)
            keep[p, q], swap[p, q] = share * (same + opposite), share * (same - opposite)


@_compile
def _precondition(keep: Array, swap: Array, matrix: Array, out: Array) -> None:
    half = len(keep)
    for p in range(half):
        for q in range(half):
            k, s = keep[p, q], swap[p, q]
            a, b = matrix[p, q], matrix[p, q + half]
            c, d = matrix[p + half, q], matrix[p + half, q + half]
            out[p, q], out[p, q + half] = k * a + s * d, k * b - s * c
            out[p + half, q], out[p + half, q + half] = k * c - s * b, k * d + s * a


@_compile
def _exponential(
    step: Array, share: float, out: Array, scaled: Array, square: Array, work: Array
) -> None:
    """Exponential of ``share * step``, skew-symmetric: Taylor polynomial of degree six, squared."""
    n = len(step)
    # The eigenvalues of a skew-symmetric matrix come in pairs: this bounds its spectral norm.
    norm = share * np.sqrt(_inner(step, step) / 2)
    limit = 0.35 if np.finfo(step.dtype).eps > 1e-10 else 0.02
    shrunk, squarings = share, 0
    while norm > limit:
        norm, shrunk, squarings = norm / 2, shrunk / 2, squarings + 1
    # Constants in the type of the matrices: mixed arithmetic would run in double precision.
    kind = step.dtype.type
    factor, sixth, high, higher = kind(shrunk), kind(1 / 6), kind(1 / 120), kind(1 / 720)
    for i in range(n):
        for j in range(n):
            scaled[i, j] = factor * step[i, j]
    np.dot(scaled, scaled, square)
    for i in range(n):
        for j in range(n):
            work[i, j] = scaled[i, j] * high + square[i, j] * higher
        work[i, i] += kind(1 / 24)
    np.dot(square, work, out)
    for i in range(n):
        for j in range(n):
            out[i, j] += scaled[i, j] * sixth
        out[i, i] += kind(0.5)
    np.dot(square, out, work)
    for i in range(n):
        for j in range(n):
            out[i, j] = work[i, j] + scaled[i, j]
        out[i, i] += kind(1)
    for _ in range(squarings):
        np.dot(out, out, work)
        out[:] = work
