r"""Riemannian trust-region Newton method for the alignment of two operators.

Maximises :math:`\varphi(C) = \langle A, C B C^\top \rangle` over the orthogonal group. A step is
:math:`C \leftarrow e^W C` with skew-symmetric :math:`W`, so an ascent keeps the determinant of its
start. With :math:`Y = C B C^\top`, indices s and k for symmetric and skew-symmetric parts,
:math:`Z = [W, Y]`, and :math:`[\cdot,\cdot]` the commutator, gradient and Hessian of :math:`\varphi` are

.. math::
    g &= [A_s, Y_s] - [A_k, Y_k], \\
    H[W] &= [A_s, Z_s] - [A_k, Z_k] - \tfrac{1}{2} [W, g].

For driven systems, :math:`\varphi` has a linear term besides, :math:`\langle L, C \rangle`
(`Problems.linear`). With :math:`M = L C^\top` it adds :math:`M_k` to the gradient and
:math:`-\tfrac{1}{2} (W M_s + M_s W)` to the Hessian.

Every commutator here is a product plus or minus its transpose, and products with :math:`A_k` are
scalings in the canonical basis of `warpline.similarity.dsa.canonical`: a Hessian-vector product costs
four matrix products. Newton systems are solved by truncated conjugate gradients (Steihaug 1983; Absil,
Baker & Gallivan 2007), preconditioned by the diagonal of :math:`H` in complex 2 x 2 blocks.

Matrices of 10 to 100 rows are too small for array libraries: most of the time would go into calls and
temporaries. Numba compiles one ascent, whose matrices all stay in the cache; the products are those of
SciPy's BLAS. The Newton systems are always solved in single precision, because a tenth of their
solution's accuracy is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

#: Reordering of sums and fused products are allowed; NaN and infinity keep their meaning.
_FAST_MATH = {"reassoc", "contract", "arcp", "nsz"}
_compile = njit(fastmath=_FAST_MATH, cache=True, nogil=True, error_model="numpy")

#: Gradient norm at which rounding dominates, in units of the relative spacing.
ROUNDING = 300
#: Radii of the trust region, in the norm of the preconditioner.
INITIAL_RADIUS = 0.2
LARGEST_RADIUS = 4.0
#: Curvatures below this fraction of their mean are raised to it in the preconditioner.
FLOOR = 0.2
#: Where all curvatures vanish, as between a cycle and a double transposition: problems have norm 1, and
#: without this floor steps would be so long that their rotations lose all digits.
LOWEST_FLOOR = 1e-5
#: Line search along a step: number of trials, and the ratio of their lengths.
_TRIALS = 3
_SHRINKAGE = 0.3
#: Relative residual of the Newton systems. Up to the last step the quadratic model, not its solution,
#: limits what a step gains: solving harder as the gradient shrinks took a fifth more products.
_FORCING = 0.3


@_compile
def maximise(
    symmetric: Array, frequencies: Array, target: Array, padded: bool, which: Array,
    rotation: Array, aligned: Array, tolerance: float, max_products: int,
    linear: Array | None = None,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """Ascend from each rotation to a local maximum.

    Parameters
    ----------
    symmetric, frequencies, target, padded
        As in `warpline.similarity.dsa.canonical.Problems`: C-contiguous arrays, single or double
        precision.
    which : ndarray of int, shape (start,)
        The problem of each start.
    rotation : ndarray, shape (start, n, n)
        Orthogonal starts; overwritten with the maxima.
    aligned : ndarray, shape (start, n, n)
        Filled with C B C^T at the maxima.
    tolerance : float
        An ascent has converged when its gradient norm is at most this fraction of
        ``|A - C B C^T|``, or at rounding. The tolerance is relative because near a perfect alignment
        the gradient vanishes with the residual itself.
    max_products : int
        Hessian-vector products of one ascent.
    linear : ndarray, shape (problem, n, n), optional
        The linear term L of each problem. Without it, code without the term is compiled.

    Returns
    -------
    value, norm, limit, products : ndarray, shape (start,)
        Inner product, the linear term included; gradient norm; the norm at which the ascent counts as
        converged; Hessian-vector products spent.
    """
    count = len(which)
    value, norm = np.empty(count, rotation.dtype), np.empty(count, rotation.dtype)
    limit, products = np.empty(count, rotation.dtype), np.empty(count, np.int64)
    for k in range(count):
        p = which[k]
        if linear is None:
            value[k], norm[k], limit[k], products[k] = _ascend(
                symmetric[p], frequencies[p], target[p], padded, rotation[k], aligned[k],
                tolerance, max_products, None,
            )  # fmt: skip
        else:
            value[k], norm[k], limit[k], products[k] = _ascend(
                symmetric[p], frequencies[p], target[p], padded, rotation[k], aligned[k],
                tolerance, max_products, linear[p],
            )  # fmt: skip
    return value, norm, limit, products


def compile_kernels() -> None:
    """Compile `maximise` in both precisions, with and without a linear term, so that no job has to."""
    for dtype in (np.float32, np.float64):
        matrix = np.eye(2, dtype=dtype)[None]
        for linear in (None, matrix):
            maximise(
                matrix, np.zeros((1, 1), dtype), matrix, False, np.zeros(1, np.int64),
                matrix.copy(), matrix.copy(), 1e-3, 1, linear,
            )  # fmt: skip


@_compile
def _ascend(
    symmetric: Array, frequencies: Array, target: Array, padded: bool, rotation: Array,
    aligned: Array, tolerance: float, max_products: int, linear: Array | None,
) -> tuple[Any, Any, Any, int]:  # fmt: skip
    """Ascend from one rotation, in place, and fill in C B C^T."""
    n = len(symmetric)
    dtype = rotation.dtype
    spacing = np.finfo(dtype).eps
    # All matrices of the ascent are allocated once: the loop below must not touch the allocator.
    symmetric32 = symmetric.astype(np.float32)
    frequencies32 = frequencies.astype(np.float32)
    factor = np.empty((n, 3 * n), np.float32)
    gradient, trial, work = (
        np.empty((n, n), dtype),
        np.empty((n, n), dtype),
        np.empty((n, n), dtype),
    )
    step, turn, work2 = np.empty((n, n), dtype), np.empty((n, n), dtype), np.empty((n, n), dtype)
    keep, swap = np.empty((n // 2, n // 2), np.float32), np.empty((n // 2, n // 2), np.float32)
    solver_work = np.empty((6, n, n), np.float32)
    wide_work = np.empty((n, 3 * n), np.float32)
    np.dot(rotation, target, work)
    np.dot(work, np.ascontiguousarray(rotation.T), aligned)
    # |A|^2 + |B|^2, from which the residual |A - Y| follows without forming it.
    squares = _inner(symmetric, symmetric) + 2 * np.sum(frequencies**2) + _inner(aligned, aligned)
    value = _value(symmetric, frequencies, aligned)
    moment = _moment(linear, rotation)
    moment32 = _single(moment)
    if linear is not None:
        # Problems with a linear term are scaled to the value 1 at a perfect alignment.
        squares = dtype.type(2)
        value += np.trace(moment)
    radius, products, accepted = INITIAL_RADIUS, 0, True
    norm: Any = 0.0
    limit: Any = 0.0
    rounding = 50 * spacing
    while True:
        # A rejected step leaves the point, and so its derivatives, as they were.
        if accepted:
            norm = _fill_gradient(symmetric, frequencies, aligned, factor, gradient, work, trial)
            if linear is not None:
                norm = _add_linear_gradient(moment, gradient)
                moment32[:] = moment
            _fill_preconditioner(symmetric, frequencies, aligned, padded, keep, swap, moment)
            limit = max(tolerance * np.sqrt(max(squares - 2 * value, 0.0)), ROUNDING * spacing)
        if norm <= limit or products >= max_products:
            break
        residual = max(_FORCING, 0.1 * limit / norm)
        step_products, length, first_derivative, second_derivative = _solve(
            symmetric32, frequencies32, factor, gradient, keep, swap,
            radius, residual, step, solver_work, wide_work, moment32,
        )  # fmt: skip
        products += step_products
        if linear is not None:
            # Its single precision leaves a symmetric part, which would add up to a drift off the group.
            _transpose(step, work)
            step -= work
            step /= 2
        # A step that gains nothing is shortened on its line: a trial costs far less than a new system.
        scale, ratio = 1.0, 0.0
        for _ in range(_TRIALS):
            _exponential(step, scale, turn, work2, work, trial)
            np.dot(turn, aligned, work)
            _transpose(turn, work2)
            np.dot(work, work2, trial)
            gain = _value(symmetric, frequencies, trial) - value
            if linear is not None:
                gain += _inner(moment, turn)
            predicted_gain = scale * (first_derivative - scale * second_derivative / 2)
            # Near convergence both gains drown in rounding: they then count as equal.
            ratio = (gain + rounding) / (predicted_gain + rounding)
            accepted = ratio > 0.1
            if accepted:
                break
            scale *= _SHRINKAGE
        # The radius follows how well the quadratic model predicted the gain.
        length *= scale
        if ratio < 0.25:
            radius = length / 2 if accepted else length / 4
        elif scale < 1:
            radius = length
        elif ratio > 0.75 and length >= 0.99 * radius:
            radius = min(2 * radius, LARGEST_RADIUS)
        if accepted:
            aligned[:] = trial
            value = _value(symmetric, frequencies, aligned)
            np.dot(turn, rotation, work)
            rotation[:] = work
            if linear is not None:
                _transpose(rotation, work)
                np.dot(linear, work, moment)
                value += np.trace(moment)
    return value, norm, limit, products


@_compile
def _solve(
    symmetric: Array, frequencies: Array, factor: Array, gradient: Array, keep: Array,
    swap: Array, radius: float, forcing: float, step: Array, work: Array, wide_work: Array,
    moment: Array | None,
) -> tuple[int, Any, Any, Any]:  # fmt: skip
    """Fill in a step by truncated conjugate gradients, in single precision.

    Returns the products spent, the length of the step in the norm of the preconditioner, and the first
    and minus the second derivative of the model along the step.
    """
    n = len(symmetric)
    residual, direction, image, solution = work[0], work[1], work[2], work[3]
    # Flat views: sums over all elements run several at a time, without a remainder in each row. They are
    # written out, as calls of `_inner` made a search 3 % slower.
    flat_residual, flat_direction = residual.ravel(), direction.ravel()
    flat_image, flat_solution = image.ravel(), solution.ravel()
    flat_gradient, flat_step = gradient.ravel(), step.ravel()
    gradient_square = np.float32(0.0)
    for i in range(n * n):
        r = -np.float32(flat_gradient[i])
        flat_residual[i] = r
        flat_solution[i] = 0
        gradient_square += r * r
    target = np.float32(forcing * forcing) * gradient_square
    _precondition(keep, swap, residual, image)
    # Steihaug's recurrences give the norms of step and direction in the preconditioner's inner product,
    # whose matrix is never applied.
    rz = np.float32(0.0)
    for i in range(n * n):
        flat_direction[i] = -flat_image[i]
        rz += flat_residual[i] * flat_image[i]
    first_derivative = np.float32(0.0)
    direction_square, step_square = rz, np.float32(0.0)
    step_direction, gain = np.float32(0.0), np.float32(0.0)
    radius_square = np.float32(radius * radius)
    products = 0
    half, two = np.float32(0.5), np.float32(2)
    while True:
        _hessian_product(
            symmetric, frequencies, factor, direction, image, wide_work, work[4], work[5]
        )
        if moment is not None:
            _add_linear_hessian(moment, direction, image, work[4], work[5])
        products += 1
        curvature = np.float32(0.0)
        for i in range(n * n):
            curvature += flat_direction[i] * flat_image[i]
        alpha = rz / curvature
        new_square = step_square + alpha * (two * step_direction + alpha * direction_square)
        # Where the model has no maximum along the direction, or has it outside, go to the boundary.
        leaves_region = curvature <= 0 or new_square >= radius_square
        if leaves_region:
            slack = direction_square * (radius_square - step_square)
            root = np.sqrt(max(step_direction * step_direction + slack, np.float32(0)))
            alpha = (root - step_direction) / direction_square
        gain += alpha * (rz - half * alpha * curvature)
        step_square = step_square + alpha * (two * step_direction + alpha * direction_square)
        residual_square = np.float32(0.0)
        for i in range(n * n):
            flat_solution[i] += alpha * flat_direction[i]
            r = flat_residual[i] + alpha * flat_image[i]
            flat_residual[i] = r
            residual_square += r * r
        if leaves_region or residual_square <= target or products >= 2 * n:
            break
        _precondition(keep, swap, residual, image)
        rz_next = np.float32(0.0)
        for i in range(n * n):
            rz_next += flat_residual[i] * flat_image[i]
        beta = rz_next / rz
        step_direction = beta * (step_direction + alpha * direction_square)
        direction_square = rz_next + beta * beta * direction_square
        rz = rz_next
        for i in range(n * n):
            flat_direction[i] = beta * flat_direction[i] - flat_image[i]
    for i in range(n * n):
        flat_step[i] = flat_solution[i]
        first_derivative += flat_solution[i] * np.float32(flat_gradient[i])
    second_derivative = two * (first_derivative - gain)
    length = np.sqrt(max(step_square, np.float32(0)))
    return products, length, first_derivative, second_derivative


@_compile
def _inner(first: Array, second: Array) -> Any:
    """Frobenius inner product."""
    total = first.dtype.type(0)
    a, b = first.ravel(), second.ravel()
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@_compile
def _value(symmetric: Array, frequencies: Array, aligned: Array) -> Any:
    """Inner product of A with Y."""
    half = len(frequencies)
    total = _inner(symmetric, aligned)
    for p in range(half):
        total += frequencies[p] * (aligned[p + half, p] - aligned[p, p + half])
    return total


@_compile
def _transpose(matrix: Array, out: Array) -> None:
    for i in range(len(matrix)):
        for j in range(len(matrix)):
            out[i, j] = matrix[j, i]


@_compile
def _fill_gradient(
    symmetric: Array, frequencies: Array, aligned: Array, factor: Array, gradient: Array,
    work: Array, product: Array,
) -> float:  # fmt: skip
    """Fill in the gradient and the factor [Y_s, Y_k, g] of Hessian products; return the gradient norm."""
    n, half = len(symmetric), len(frequencies)
    one_half = aligned.dtype.type(0.5)
    # Transposed copies first: the loops that follow then run along rows, several columns at a time.
    _transpose(aligned, work)
    for i in range(n):
        for j in range(n):
            s = one_half * (aligned[i, j] + work[i, j])
            work[i, j] = s
            factor[i, j] = s
            factor[i, n + j] = aligned[i, j] - s
    np.dot(symmetric, work, product)
    for i in range(half):
        for j in range(n):
            product[i, j] += frequencies[i] * (aligned[i + half, j] - work[i + half, j])
            product[i + half, j] -= frequencies[i] * (aligned[i, j] - work[i, j])
    _transpose(product, work)
    total = gradient.dtype.type(0)
    for i in range(n):
        for j in range(n):
            v = product[i, j] - work[i, j]
            gradient[i, j] = v
            factor[i, 2 * n + j] = v
            total += v * v
    return np.sqrt(total)


@_compile
def _hessian_product(
    symmetric: Array, frequencies: Array, factor: Array, direction: Array, out: Array,
    wide_work: Array, work: Array, product: Array,
) -> None:  # fmt: skip
    """Fill in -H[W], the Hessian of minus the inner product along a direction W."""
    n, half = len(symmetric), len(frequencies)
    # W [Y_s, Y_k, g] in one product; Z_s and Z_k follow with their transposes.
    np.dot(direction, factor, wide_work)
    for i in range(n):
        for j in range(i + 1):
            s = wide_work[i, j] + wide_work[j, i]
            work[i, j] = work[j, i] = s
            k = wide_work[i, n + j] - wide_work[j, n + i]
            wide_work[i, n + j], wide_work[j, n + i] = k, -k
    np.dot(symmetric, work, product)
    one_half = np.float32(0.5)
    for i in range(half):
        w = frequencies[i]
        for j in range(n):
            product[i, j] += w * wide_work[i + half, n + j] - one_half * wide_work[i, 2 * n + j]
            product[i + half, j] -= (
                w * wide_work[i, n + j] + one_half * wide_work[i + half, 2 * n + j]
            )
    for i in range(n):
        for j in range(i + 1):
            v = product[j, i] - product[i, j]
            out[i, j], out[j, i] = v, -v


@_compile
def _moment(linear: Array | None, rotation: Array) -> Any:
    """M = L C^T of the linear term, None without one."""
    if linear is None:
        return None
    return np.dot(linear, np.ascontiguousarray(rotation.T))


@_compile
def _single(matrix: Array | None) -> Any:
    if matrix is None:
        return None
    return matrix.astype(np.float32)


@_compile
def _add_linear_gradient(moment: Array, gradient: Array) -> Any:
    """Add the gradient of the linear term, the skew part of M = L C^T; return the norm of the sum."""
    n = len(moment)
    one_half = gradient.dtype.type(0.5)
    total = gradient.dtype.type(0)
    for i in range(n):
        for j in range(n):
            gradient[i, j] += one_half * (moment[i, j] - moment[j, i])
            total += gradient[i, j] * gradient[i, j]
    return np.sqrt(total)


@_compile
def _add_linear_hessian(
    moment: Array, direction: Array, image: Array, work: Array, product: Array
) -> None:
    """Add (W M_s + M_s W) / 2, minus the Hessian of the linear term along a direction W."""
    n = len(moment)
    quarter = image.dtype.type(0.25)
    for i in range(n):
        for j in range(n):
            work[i, j] = quarter * (moment[i, j] + moment[j, i])
    # M_s W is minus the transpose of W M_s.
    np.dot(direction, work, product)
    for i in range(n):
        for j in range(n):
            image[i, j] += product[i, j] - product[j, i]


@_compile
def _fill_preconditioner(
    symmetric: Array, frequencies: Array, aligned: Array, padded: bool, keep: Array, swap: Array,
    moment: Array | None,
) -> None:  # fmt: skip
    """Fill in the weights of the preconditioner.

    A 2 x 2 block of W joins two planes of the canonical basis. Its part that commutes with the rotations
    of the planes turns both in the same sense, the rest in opposite senses. For commuting A = Y the
    curvatures are |a_p - a_q|^2 and |a_p - conj(a_q)|^2 in the complex eigenvalues a. The mean of the two
    over the block is exact here; only their difference comes from that model.
    """
    n, half = len(symmetric), len(frequencies)
    scalar = aligned.dtype.type
    one_half, quarter, zero = scalar(0.5), scalar(0.25), scalar(0)
    # Row and column sums of A * Y (elementwise), then their means over the planes.
    sums, column_sums = np.empty(n, aligned.dtype), np.zeros(n, aligned.dtype)
    for i in range(n):
        row_sum = zero
        for j in range(n):
            row_sum += symmetric[i, j] * aligned[i, j]
        for j in range(n):
            column_sums[j] += symmetric[i, j] * aligned[i, j]
        sums[i] = row_sum
    for i in range(n):
        sums[i] += column_sums[i]
    if moment is not None:
        # The linear term is one more quadratic form <M_s, W^2>.
        for i in range(n):
            sums[i] += moment[i, i]
    for p in range(half):
        skew_term = frequencies[p] * (aligned[p + half, p] - aligned[p, p + half])
        sums[p] = one_half * (sums[p] + sums[p + half]) + skew_term
    # Real and imaginary parts of the complex eigenvalues a and y.
    real_a, real_y = np.empty(half, aligned.dtype), np.empty(half, aligned.dtype)
    imaginary_y = np.empty(half, aligned.dtype)
    for p in range(half):
        real_a[p] = one_half * (symmetric[p, p] + symmetric[p + half, p + half])
        real_y[p] = one_half * (aligned[p, p] + aligned[p + half, p + half])
        imaginary_y[p] = one_half * (aligned[p + half, p] - aligned[p, p + half])
    cross_terms = np.empty((half, half), aligned.dtype)
    for p in range(half):
        for q in range(half):
            total = symmetric[p, q] * aligned[q, p] + symmetric[p, q + half] * aligned[q + half, p]
            total += symmetric[p + half, q] * aligned[q, p + half]
            total += symmetric[p + half, q + half] * aligned[q + half, p + half]
            cross_terms[p, q] = quarter * total - real_a[p] * real_y[q]
        cross_terms[p, p] -= one_half * frequencies[p] * imaginary_y[p]
    # Curvatures of the same-sense and the opposite-sense part of each block.
    weight_sum = zero
    for p in range(half):
        for q in range(half):
            mean = one_half * (sums[p] + sums[q]) + cross_terms[p, q] + cross_terms[q, p]
            difference = -(frequencies[p] * imaginary_y[q] + frequencies[q] * imaginary_y[p])
            if padded and (p == half - 1 or q == half - 1):
                difference = zero
            keep[p, q], swap[p, q] = abs(mean + difference), abs(mean - difference)
            weight_sum += keep[p, q] + swap[p, q]
    # Inverted, and written as the two weights that `_precondition` applies.
    one, one_half32 = np.float32(1), np.float32(0.5)
    floor = max(np.float32(FLOOR * weight_sum / (2 * half * half)), np.float32(LOWEST_FLOOR))
    for p in range(half):
        for q in range(half):
            same, opposite = one / max(keep[p, q], floor), one / max(swap[p, q], floor)
            keep[p, q], swap[p, q] = one_half32 * (same + opposite), one_half32 * (same - opposite)


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
    step: Array, scale: float, out: Array, scaled: Array, square: Array, work: Array
) -> None:
    """Exponential of ``scale * step``, skew-symmetric: Taylor polynomial of degree six, squared.

    The linear solve of a Cayley transform would cost as much as thirty products.
    """
    n = len(step)
    # The eigenvalues of a skew-symmetric matrix come in pairs: this bounds its spectral norm.
    norm = scale * np.sqrt(_inner(step, step) / 2)
    limit = 0.35 if np.finfo(step.dtype).eps > 1e-10 else 0.02
    taylor_scale, squarings = scale, 0
    while norm > limit:
        norm, taylor_scale, squarings = norm / 2, taylor_scale / 2, squarings + 1
    # Constants in the type of the matrices: mixed arithmetic would run in double precision.
    scalar = step.dtype.type
    factor, sixth = scalar(taylor_scale), scalar(1 / 6)
    fifth_order, sixth_order = scalar(1 / 120), scalar(1 / 720)
    for i in range(n):
        for j in range(n):
            scaled[i, j] = factor * step[i, j]
    np.dot(scaled, scaled, square)
    # Even and odd powers share the square: three products in all, where Horner's scheme takes five.
    for i in range(n):
        for j in range(n):
            work[i, j] = scaled[i, j] * fifth_order + square[i, j] * sixth_order
        work[i, i] += scalar(1 / 24)
    np.dot(square, work, out)
    for i in range(n):
        for j in range(n):
            out[i, j] += scaled[i, j] * sixth
        out[i, i] += scalar(0.5)
    np.dot(square, out, work)
    for i in range(n):
        for j in range(n):
            out[i, j] = work[i, j] + scaled[i, j]
        out[i, i] += scalar(1)
    for k in range(squarings):
        if k % 2:
            np.dot(work, work, out)
        else:
            np.dot(out, out, work)
    if squarings % 2:
        out[:] = work
