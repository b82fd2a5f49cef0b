r"""Lower bounds on the angle between two operators over all orthogonal alignments.

*Split bound.* By von Neumann's trace inequality on symmetric and skew-symmetric parts,
:math:`\varphi(C) \le \sum_i \lambda_i(A_s) \lambda_i(B_s) + \sum_i \sigma_i(A_k) \sigma_i(B_k)`, all
sorted, for every C in O(n).

*Dual bound.* The eigenvalue bound of :mod:`.duality`, which also sees how the two parts obstruct each
other. It is a bound only with a certified upper bound on the leading eigenvalue. That comes from the
dense spectrum, up to its rounding, for small ranks, and otherwise from a Cholesky factorisation of
:math:`(\theta + \delta) I - M`: that it exists proves :math:`\lambda_{\max}(M) < \theta + \delta`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .duality import Duals, leading_vectors, make_duals, rotation_spectrum
from .frames import Framed

FloatArray = NDArray[np.float64]
BoundKind = Literal["auto", "split", "dual"]

#: Up to this rank the dual bound is taken by default: its matrix has rank^2 rows.
DUAL_RANK_LIMIT = 24
#: Rounding allowance on inner products of operators of unit norm.
_ROUNDING = 1e-12
_CHUNK = 256


def lower_bounds(
    operators: Sequence[Framed] | Mapping[int, Framed],
    pairs: Sequence[tuple[int, int]],
    *,
    kind: BoundKind = "auto",
    progress: Callable[[int], None] | None = None,
) -> FloatArray:
    """Lower bounds on the angle of each pair.

    Parameters
    ----------
    operators : sequence of Framed
        Operators of equal size.
    pairs : sequence of (int, int)
        Indices into ``operators``.
    kind : {"auto", "split", "dual"}
        "auto" takes the larger of both bounds up to rank :data:`DUAL_RANK_LIMIT` and the split bound
        beyond; "dual" takes the larger of both at any rank (about rank^6 / 3 operations a pair).
    progress : callable, optional
        Called with the number of pairs done since the last call.

    Returns
    -------
    ndarray, shape (pair,)
        Radians, in [0, pi].
    """
    bounds = np.array([split_bound(operators[i], operators[j]) for i, j in pairs])
    size = operators[pairs[0][0]].size if pairs else 0
    if kind == "split" or (kind == "auto" and size > DUAL_RANK_LIMIT):
        return bounds
    for begin in range(0, len(pairs), _CHUNK):
        part = pairs[begin : begin + _CHUNK]
        firsts, seconds = [operators[i] for i, _ in part], [operators[j] for _, j in part]
        duals = make_duals(firsts, seconds, "cpu")
        estimates = None if size <= DUAL_RANK_LIMIT else _estimates(duals)
        for k, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
            matrix = _dense(duals, k)
            if estimates is None:
                top = _largest(matrix)
            else:
                top = certify(matrix, estimates[k], 2e-3 / size)
            product = float(duals.constant[k]) + size * top
            bounds[begin + k] = max(bounds[begin + k], _angle(first, second, product))
            if progress is not None:
                progress(1)
    return bounds


def split_bound(first: Framed, second: Framed) -> float:
    """Angle from the trace inequality on symmetric and skew parts.

    Parameters
    ----------
    first, second : Framed
        Two operators of equal size.

    Returns
    -------
    float
        Radians, in [0, pi].
    """
    alpha = first.trace_part + first.free_norm * first.eigenvalues
    beta = second.trace_part + second.free_norm * second.eigenvalues
    omega = first.free_norm * rotation_spectrum(first)
    other = second.free_norm * rotation_spectrum(second)
    difference = np.hypot(np.linalg.norm(alpha - beta), np.linalg.norm(omega - other))
    total = np.hypot(np.linalg.norm(alpha + beta), np.linalg.norm(omega + other))
    return float(2 * np.arctan2(max(difference - _ROUNDING, 0.0), total))


def certify(matrix: FloatArray, estimate: float, step: float) -> float:
    """Certified upper bound on the largest eigenvalue of a symmetric matrix.

    Parameters
    ----------
    matrix : ndarray, shape (m, m)
        Symmetric.
    estimate : float
        A guess, such as a Lanczos value.
    step : float
        First margin above the guess; it doubles until the Cholesky factorisation exists.

    Returns
    -------
    float
        A number above every eigenvalue, up to an allowance for rounding that is included.
    """
    index = np.arange(len(matrix))
    while True:
        candidate = estimate + step
        shifted = -matrix
        shifted[index, index] += candidate
        try:
            scipy.linalg.cholesky(shifted, lower=True, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError:
            step *= 2
        else:
            # A completed factorisation is that of a matrix within m eps |M| (Higham 2002, ch. 10).
            return candidate + len(matrix) * np.finfo(float).eps * float(np.abs(matrix).max()) * 10


def _largest(matrix: FloatArray) -> float:
    size = len(matrix)
    (top,) = scipy.linalg.eigh(
        matrix, eigvals_only=True, subset_by_index=[size - 1, size - 1], check_finite=False
    )
    return float(top) + size * np.finfo(float).eps * float(np.abs(matrix).max())


def _estimates(duals: Duals) -> list[float]:
    import torch

    count, size = duals.symmetric_a.shape[:2]
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(count, size, size, generator=generator, dtype=torch.float64)
    values, _ = leading_vectors(duals, start, 80, 1)
    estimates: list[float] = values[:, 0].tolist()
    return estimates


def _dense(duals: Duals, k: int) -> FloatArray:
    """M of one pair as a matrix on row-major flattened X."""
    parts = ("symmetric_a", "symmetric_b", "skew_a", "skew_b", "potential_a", "potential_b")
    a_s, b_s, a_k, b_k, s, t = (getattr(duals, name)[k].numpy() for name in parts)
    size = len(a_s)
    # X -> P X Q is kron(P, Q^T), and the two signs of the skew parts cancel.
    blocks = np.einsum("ij,kl->ikjl", a_s, b_s) + np.einsum("ij,kl->ikjl", a_k, b_k)
    index = np.arange(size)
    blocks[index, :, index, :] -= t
    blocks[:, index, :, index] -= s
    return blocks.reshape(size * size, size * size)


def _angle(first: Framed, second: Framed, product: float) -> float:
    """Angle at an upper bound on the inner product of the trace-free parts."""
    mixed = first.free_norm * second.free_norm
    trace = first.size * (first.trace_part - second.trace_part) ** 2
    gap = (first.free_norm - second.free_norm) ** 2 + 2 * mixed * (1 - product - _ROUNDING)
    squared = float(np.clip(trace + gap, 0.0, 4.0))
    return float(2 * np.arctan2(np.sqrt(squared), np.sqrt(4 - squared)))
