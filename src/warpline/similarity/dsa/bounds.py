r"""Lower bounds on the angle between two operators over all orthogonal alignments.

*Split bound.* By von Neumann's trace inequality on symmetric and skew-symmetric parts,
:math:`\varphi(C) \le \sum_i \lambda_i(A_s) \lambda_i(B_s) + \sum_i \sigma_i(A_k) \sigma_i(B_k)`, all
sorted, for every C in O(n).

*Dual bound.* The eigenvalue bound of `warpline.similarity.dsa.duality`, which also accounts for how the
two parts obstruct each other. It needs a certified upper bound on the leading eigenvalue. For small
ranks that is the dense spectrum, up to its rounding. For larger ranks it comes from a Cholesky
factorisation of :math:`(\theta + \delta) I - M`, whose existence proves
:math:`\lambda_{\max}(M) < \theta + \delta`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .canonical import CanonicalOperator
from .duality import Duals, leading_vectors, make_duals, rotation_spectrum

FloatArray = NDArray[np.float64]
BoundKind = Literal["auto", "split", "dual"]

#: Up to this rank the dual bound is taken by default: its matrix has rank^2 rows.
DUAL_RANK_LIMIT = 24
#: Rounding allowance on inner products of operators of unit norm.
_ROUNDING = 1e-12
_CHUNK = 256


def lower_bounds(
    operators: Sequence[CanonicalOperator] | Mapping[int, CanonicalOperator],
    pairs: Sequence[tuple[int, int]],
    *,
    kind: BoundKind = "auto",
    progress: Callable[[int], None] | None = None,
) -> FloatArray:
    """Lower bounds on the angle of each pair.

    Parameters
    ----------
    operators : sequence of CanonicalOperator
        Operators of equal size.
    pairs : sequence of (int, int)
        Indices into ``operators``.
    kind : {"auto", "split", "dual"}
        "auto" takes the larger of both bounds up to rank `DUAL_RANK_LIMIT` and the split bound
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
        chunk = pairs[begin : begin + _CHUNK]
        first, second = [operators[i] for i, _ in chunk], [operators[j] for _, j in chunk]
        duals = make_duals(first, second)
        # At small ranks the dense spectrum is affordable, and tighter than a certified estimate.
        estimates = None if size <= DUAL_RANK_LIMIT else _estimates(duals)
        for k, (a, b) in enumerate(zip(first, second, strict=True)):
            matrix = _dense(duals, k)
            if estimates is None:
                largest = _largest(matrix)
            else:
                largest = certify(matrix, estimates[k], 2e-3 / size)
            product = float(duals.constant[k]) + size * largest
            bounds[begin + k] = max(bounds[begin + k], _angle(a, b, product))
            if progress is not None:
                progress(1)
    return bounds


def split_bound(first: CanonicalOperator, second: CanonicalOperator) -> float:
    """Angle from the trace inequality on symmetric and skew parts.

    Parameters
    ----------
    first, second : CanonicalOperator
        Two operators of equal size.

    Returns
    -------
    float
        Radians, in [0, pi].
    """
    alpha = first.trace_part + first.free_norm * first.eigenvalues
    beta = second.trace_part + second.free_norm * second.eigenvalues
    omega_a = first.free_norm * rotation_spectrum(first)
    omega_b = second.free_norm * rotation_spectrum(second)
    difference = np.hypot(np.linalg.norm(alpha - beta), np.linalg.norm(omega_a - omega_b))
    total = np.hypot(np.linalg.norm(alpha + beta), np.linalg.norm(omega_a + omega_b))
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
    """Largest eigenvalue, plus an allowance for the rounding of the dense spectrum."""
    size = len(matrix)
    (largest,) = scipy.linalg.eigh(
        matrix, eigvals_only=True, subset_by_index=[size - 1, size - 1], check_finite=False
    )
    return float(largest) + size * np.finfo(float).eps * float(np.abs(matrix).max())


def _estimates(duals: Duals) -> list[float]:
    """Lanczos estimates of the leading eigenvalues."""
    import torch

    count, size = duals.symmetric_a.shape[:2]
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(count, size, size, generator=generator, dtype=torch.float64)
    values, _ = leading_vectors(duals, start, 80, 1)
    estimates: list[float] = values[:, 0].tolist()
    return estimates


def _dense(duals: Duals, k: int) -> FloatArray:
    """M of one pair as a matrix on row-major flattened X."""
    names = ("symmetric_a", "symmetric_b", "skew_a", "skew_b", "potential_a", "potential_b")
    a_s, b_s, a_k, b_k, s, t = (getattr(duals, name)[k].numpy() for name in names)
    size = len(a_s)
    # X -> P X Q is kron(P, Q^T), and the two signs of the skew parts cancel.
    blocks = np.einsum("ij,kl->ikjl", a_s, b_s) + np.einsum("ij,kl->ikjl", a_k, b_k)
    index = np.arange(size)
    blocks[index, :, index, :] -= t
    blocks[:, index, :, index] -= s
    return blocks.reshape(size * size, size * size)


def _angle(first: CanonicalOperator, second: CanonicalOperator, product: float) -> float:
    """Angle at an upper bound on the inner product of the trace-free parts."""
    mixed = first.free_norm * second.free_norm
    trace = first.size * (first.trace_part - second.trace_part) ** 2
    gap = (first.free_norm - second.free_norm) ** 2 + 2 * mixed * (1 - product - _ROUNDING)
    squared = float(np.clip(trace + gap, 0.0, 4.0))
    return float(2 * np.arctan2(np.sqrt(squared), np.sqrt(4 - squared)))
