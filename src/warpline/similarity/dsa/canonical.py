r"""Operators in canonical form, and the alignment problems made of them.

The angle between :math:`A` and :math:`C B C^\top` depends on :math:`C` only through the trace-free
parts of the operators, so only these are aligned, at unit norm. They are stored in the canonical basis
of their skew-symmetric part, ordered so that

.. math:: A_k = \begin{pmatrix} 0 & -\Omega \\ \Omega & 0 \end{pmatrix},

with frequencies :math:`\Omega` descending. In this basis multiplication by :math:`A_k` costs no matrix
product, and the Hessian of the alignment is nearly diagonal in complex 2 x 2 blocks, which is what the
preconditioner of `warpline.similarity.dsa.trust_region` uses. An odd rank gets one padding dimension, in
which every operator is zero and which no step mixes with the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class CanonicalOperator:
    """One operator in canonical form.

    Attributes
    ----------
    size : int
        Rank of the operator, without the padding dimension.
    norm : float
        Frobenius norm of the operator as given.
    trace_part : float
        Mean of the diagonal of the operator of unit norm.
    free_norm : float
        Norm of the trace-free part of the operator of unit norm.
    basis : ndarray, shape (n, n)
        Orthogonal; its columns are the canonical basis. ``n`` is ``size`` rounded up to an even number.
    symmetric : ndarray, shape (n, n)
        Trace-free symmetric part in the canonical basis, of the operator scaled to unit free norm.
    frequencies : ndarray, shape (n / 2,)
        Of the skew-symmetric part in the canonical basis, descending, zero for unpaired dimensions.
    eigenvalues : ndarray, shape (size,)
        Of the symmetric part of `core`, ascending.
    eigenvectors : ndarray, shape (size, size)
        Of the symmetric part of `core`.
    padded : bool
        Whether the last dimension is padding (odd rank).
    digest : bytes
        Of the operator's values; identifies it in the seeds of random starts.
    """

    size: int
    norm: float
    trace_part: float
    free_norm: float
    basis: FloatArray
    symmetric: FloatArray
    frequencies: FloatArray
    eigenvalues: FloatArray
    eigenvectors: FloatArray
    padded: bool
    digest: bytes

    @property
    def matrix(self) -> FloatArray:
        """The trace-free operator of unit norm in its canonical basis, shape (n, n)."""
        half = len(self.frequencies)
        full = self.symmetric.copy()
        index = np.arange(half)
        full[index, index + half] -= self.frequencies
        full[index + half, index] += self.frequencies
        return full

    @property
    def core(self) -> FloatArray:
        """`matrix` without the padding dimension, shape (size, size)."""
        return self.matrix[: self.size, : self.size]

    @property
    def order_key(self) -> tuple[float, float, bytes]:
        """Sorting key that puts a pair in the same order whichever way round it is given."""
        return (round(self.norm, 9), round(self.trace_part, 9), self.digest)


@dataclass
class Problems:
    """Alignment problems, all tensors of one type.

    Attributes
    ----------
    symmetric : Tensor, shape (problem, n, n)
        Symmetric part of A in its canonical basis.
    frequencies : Tensor, shape (problem, n / 2)
        Skew-symmetric part of A in its canonical basis.
    target : Tensor, shape (problem, n, n)
        B, in any basis.
    padded : bool
        Whether the last dimension is padding (odd rank).
    linear : Tensor, shape (problem, n, n), or None
        L of a linear term <L, C> that is maximised too. Such problems are scaled so that a perfect alignment
        has the value 1, as problems without it have by themselves.
    control : Tensor, shape (problem, n, m), or None
        With ``linear``: the control operator of B, which C turns with the operator.
    """

    symmetric: Tensor
    frequencies: Tensor
    target: Tensor
    padded: bool
    linear: Tensor | None = None
    control: Tensor | None = None

    @classmethod
    def of_pairs(
        cls, first: Sequence[CanonicalOperator], second: Sequence[CanonicalOperator]
    ) -> Problems:
        """Return the problem of each pair (A, B) of operators of one size, float64."""
        return cls(
            stack_tensors([a.symmetric for a in first]),
            stack_tensors([a.frequencies for a in first]),
            stack_tensors([b.matrix for b in second]),
            first[0].padded,
        )

    def select(self, index: Tensor) -> Problems:
        """Return the problems at ``index``."""
        return self._each(lambda tensor: tensor[index])

    def to(self, dtype: torch.dtype) -> Problems:
        """Return the problems in another floating type."""
        return self._each(lambda tensor: tensor.to(dtype))

    def operator(self) -> Tensor:
        """Return A of each problem, shape (problem, n, n)."""
        operator = self.symmetric.clone()
        half = self.frequencies.shape[-1]
        index = np.arange(half)
        operator[:, index, index + half] -= self.frequencies
        operator[:, index + half, index] += self.frequencies
        return operator

    def _each(self, change: Callable[[Tensor], Tensor]) -> Problems:
        return Problems(
            change(self.symmetric),
            change(self.frequencies),
            change(self.target),
            self.padded,
            None if self.linear is None else change(self.linear),
            None if self.control is None else change(self.control),
        )


def stack_tensors(arrays: Sequence[FloatArray]) -> Tensor:
    """Stack arrays of equal shape to one tensor, the new axis first."""
    import torch

    return torch.from_numpy(np.stack(arrays))


def to_canonical(matrix: FloatArray) -> CanonicalOperator:
    """Bring an operator into canonical form.

    Parameters
    ----------
    matrix : ndarray, shape (rank, rank)
        A finite, non-zero operator.

    Returns
    -------
    CanonicalOperator
        The operator in canonical form.
    """
    matrix = np.ascontiguousarray(matrix, dtype=np.float64)
    # Scale and trace are split off: neither depends on the alignment.
    size = len(matrix)
    norm = float(np.linalg.norm(matrix))
    unit = matrix / norm
    trace_part = float(np.trace(unit)) / size
    free = unit - trace_part * np.eye(size)
    free_norm = float(np.linalg.norm(free))
    # A multiple of the identity aligns with anything: it is left at zero.
    free = free / free_norm if free_norm > 1e-14 else np.zeros_like(free)
    # Planes need an even number of dimensions.
    padded = size % 2 == 1
    if padded:
        free = np.pad(free, (0, 1))
    basis, frequencies = _canonical_basis((free - free.T) / 2, padded)
    symmetric = basis.T @ ((free + free.T) / 2) @ basis
    symmetric = (symmetric + symmetric.T) / 2
    eigenvalues, eigenvectors = np.linalg.eigh(symmetric[:size, :size])
    return CanonicalOperator(
        size=size,
        norm=norm,
        trace_part=trace_part,
        free_norm=free_norm if free_norm > 1e-14 else 0.0,
        basis=basis,
        symmetric=symmetric,
        frequencies=frequencies,
        eigenvalues=eigenvalues,
        eigenvectors=eigenvectors,
        padded=padded,
        digest=hashlib.sha256(matrix.tobytes()).digest(),
    )


def _canonical_basis(skew: FloatArray, padded: bool) -> tuple[FloatArray, FloatArray]:
    """Canonical basis of a skew-symmetric matrix of even size, padding dimension last."""
    size = len(skew)
    inner = size - 1 if padded else size
    # The real Schur form of a skew-symmetric matrix: 2 x 2 blocks, one per plane of rotation, and zeros.
    triangle, vectors = scipy.linalg.schur(skew[:inner, :inner], output="real")
    planes: list[tuple[float, int, int]] = []
    singles: list[int] = []
    i = 0
    while i < inner:
        frequency = (triangle[i + 1, i] - triangle[i, i + 1]) / 2 if i + 1 < inner else 0.0
        # A frequency at rounding level is none: both dimensions are unpaired.
        if abs(frequency) > 1e-14:
            first, second = (i, i + 1) if frequency > 0 else (i + 1, i)
            planes.append((abs(float(frequency)), first, second))
            i += 2
        else:
            singles.append(i)
            i += 1
    planes.sort(key=lambda plane: -plane[0])
    if padded:
        singles.append(inner)
        vectors = scipy.linalg.block_diag(vectors, 1.0)
    # Order: first axes of the planes, fastest plane first, then their second axes. Unpaired dimensions
    # are paired up with frequency zero; the padding dimension stays last.
    half = len(singles) // 2
    order = [plane[1] for plane in planes] + singles[:half]
    order += [plane[2] for plane in planes] + singles[half:]
    frequencies = np.array([plane[0] for plane in planes] + [0.0] * half)
    return np.ascontiguousarray(vectors[:, order]), frequencies
