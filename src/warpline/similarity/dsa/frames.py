r"""Operators made ready for alignment: centred, of unit norm, in the frame of their rotation.

The angle between :math:`A` and :math:`C B C^\top` depends on :math:`C` only through the parts
without trace, so these alone are aligned, at unit norm. They are stored in the canonical frame of
their skew-symmetric part, ordered so that

.. math:: A_k = \begin{pmatrix} 0 & -\Omega \\ \Omega & 0 \end{pmatrix},

with frequencies :math:`\Omega` descending. In this frame multiplication by :math:`A_k` costs no
matrix product, and the Hessian is nearly diagonal in complex 2 x 2 blocks, which is what the
preconditioner of :mod:`.trust_region` uses. Odd ranks get one phantom dimension, in which every
operator is zero and which no step ever mixes with the others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Framed:
    """One operator in its canonical frame.

    Attributes
    ----------
    size : int
        Rank of the operator, without the phantom dimension.
    norm : float
        Frobenius norm of the operator as given.
    trace_part : float
        Mean of the diagonal of the operator of unit norm.
    free_norm : float
        Norm of the trace-free part of the operator of unit norm.
    frame : ndarray, shape (n, n)
        Orthogonal; columns are the frame. ``n`` is ``size`` rounded up to an even number.
    symmetric : ndarray, shape (n, n)
        Trace-free symmetric part in the frame, of the operator scaled to unit free norm.
    frequencies : ndarray, shape (n / 2,)
        Of the skew-symmetric part in the frame, descending, zero for unpaired dimensions.
    eigenvalues : ndarray, shape (size,)
        Of the symmetric part of :attr:`core`, ascending.
    eigenvectors : ndarray, shape (size, size)
        Of the symmetric part of :attr:`core`.
    phantom : bool
        Whether the last dimension of the frame is a phantom.
    digest : bytes
        Of the operator's values; identifies it in the seeds of random starts.
    """

    size: int
    norm: float
    trace_part: float
    free_norm: float
    frame: FloatArray
    symmetric: FloatArray
    frequencies: FloatArray
    eigenvalues: FloatArray
    eigenvectors: FloatArray
    phantom: bool
    digest: bytes

    @property
    def matrix(self) -> FloatArray:
        """The trace-free operator of unit norm in its frame, shape (n, n)."""
        half = len(self.frequencies)
        full = self.symmetric.copy()
        index = np.arange(half)
        full[index, index + half] -= self.frequencies
        full[index + half, index] += self.frequencies
        return full

    @property
    def core(self) -> FloatArray:
        """:attr:`matrix` without the phantom dimension, shape (size, size)."""
        return self.matrix[: self.size, : self.size]

    @property
    def order_key(self) -> tuple[float, float, bytes]:
        """Sorting key that puts a pair in the same order whichever way round it is given."""
        return (round(self.norm, 9), round(self.trace_part, 9), self.digest)


def frame_operator(matrix: FloatArray) -> Framed:
    """Bring an operator into its canonical frame.

    Parameters
    ----------
    matrix : ndarray, shape (rank, rank)
        A finite, non-zero operator.

    Returns
    -------
    Framed
        The operator in its frame.
    """
    matrix = np.ascontiguousarray(matrix, dtype=np.float64)
    size = len(matrix)
    norm = float(np.linalg.norm(matrix))
    unit = matrix / norm
    trace_part = float(np.trace(unit)) / size
    free = unit - trace_part * np.eye(size)
    free_norm = float(np.linalg.norm(free))
    # A multiple of the identity aligns with anything: it is left at zero.
    free = free / free_norm if free_norm > 1e-14 else np.zeros_like(free)
    phantom = size % 2 == 1
    if phantom:
        free = np.pad(free, (0, 1))
    basis, frequencies = _rotation_frame((free - free.T) / 2, phantom)
    symmetric = basis.T @ ((free + free.T) / 2) @ basis
    symmetric = (symmetric + symmetric.T) / 2
    eigenvalues, eigenvectors = np.linalg.eigh(symmetric[:size, :size])
    return Framed(
        size=size,
        norm=norm,
        trace_part=trace_part,
        free_norm=free_norm if free_norm > 1e-14 else 0.0,
        frame=basis,
        symmetric=symmetric,
        frequencies=frequencies,
        eigenvalues=eigenvalues,
        eigenvectors=eigenvectors,
        phantom=phantom,
        digest=hashlib.sha256(matrix.tobytes()).digest(),
    )


def _rotation_frame(skew: FloatArray, phantom: bool) -> tuple[FloatArray, FloatArray]:
    """Canonical frame of a skew-symmetric matrix of even size, phantom dimension last."""
    size = len(skew)
    inner = size - 1 if phantom else size
    triangle, vectors = scipy.linalg.schur(skew[:inner, :inner], output="real")
    planes: list[tuple[float, int, int]] = []
    singles: list[int] = []
    i = 0
    while i < inner:
        frequency = (triangle[i + 1, i] - triangle[i, i + 1]) / 2 if i + 1 < inner else 0.0
        # Below rounding the plane is not a plane but two resting dimensions.
        if abs(frequency) > 1e-14:
            first, second = (i, i + 1) if frequency > 0 else (i + 1, i)
            planes.append((abs(float(frequency)), first, second))
            i += 2
        else:
            singles.append(i)
            i += 1
    planes.sort(key=lambda plane: -plane[0])
    if phantom:
        singles.append(inner)
        vectors = scipy.linalg.block_diag(vectors, 1.0)
    half = len(singles) // 2
    order = [plane[1] for plane in planes] + singles[:half]
    order += [plane[2] for plane in planes] + singles[half:]
    frequencies = np.array([plane[0] for plane in planes] + [0.0] * half)
    return np.ascontiguousarray(vectors[:, order]), frequencies
