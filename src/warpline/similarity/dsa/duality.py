r"""Assignment duals of the alignment problem, shared by the starts and the tighter bound.

For sorted eigenvalues :math:`\alpha, \beta` the potentials :math:`s_i + t_j \ge \alpha_i \beta_j`,
with equality at :math:`i = j`, are optimal for the assignment problem behind the trace inequality.
With :math:`S = U_A \operatorname{diag}(s) U_A^\top` and :math:`T` likewise, for every orthogonal C

.. math:: \varphi(C) \le \operatorname{tr} S + \operatorname{tr} T + n \lambda_{\max}(M), \quad
          M: X \mapsto A_s X B_s - A_k X B_k - S X - X T,

because :math:`\varphi(C) = \langle C, A_s C B_s - A_k C B_k \rangle` and :math:`|C|^2 = n`. The
skew-symmetric parts enter through the Hermitian matrices :math:`iA_k, iB_k`, with potentials
averaged with their flip so that they stay real.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .canonical import CanonicalOperator, stack_tensors

if TYPE_CHECKING:
    from torch import Tensor


#: Lanczos bases held at once: reorthogonalisation reads them at every step.
_CACHE_BYTES = 2**20


@dataclass
class Duals:
    """The operator M of a batch of pairs, in the canonical bases, float64.

    Attributes
    ----------
    symmetric_a, skew_a, symmetric_b, skew_b : Tensor, shape (pair, size, size)
        Parts of the operators.
    potential_a, potential_b : Tensor, shape (pair, size, size)
        S and T.
    constant : Tensor, shape (pair,)
        tr S + tr T.
    """

    symmetric_a: Tensor
    skew_a: Tensor
    symmetric_b: Tensor
    skew_b: Tensor
    potential_a: Tensor
    potential_b: Tensor
    constant: Tensor


def sorted_potentials(alpha: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the assignment potentials of eigenvalues in ascending order.

    Parameters
    ----------
    alpha, beta : Tensor, shape (pair, size)
        Ascending.

    Returns
    -------
    s, t : Tensor, shape (pair, size)
        With ``s_i + t_j >= alpha_i beta_j`` and equality at i = j.
    """
    import torch

    rise = (alpha[:, 1:] - alpha[:, :-1]) * (beta[:, 1:] + beta[:, :-1]) / 2
    s = torch.nn.functional.pad(rise.cumsum(-1), (1, 0))
    return s, alpha * beta - s


def rotation_spectrum(operator: CanonicalOperator) -> np.ndarray:
    """Eigenvalues of i times the skew part, ascending, shape (size,)."""
    frequencies = operator.frequencies
    spectrum = np.concatenate([-frequencies, frequencies[::-1]])
    if operator.padded:
        # The padding dimension is paired with the slowest one, of frequency zero.
        spectrum = np.delete(spectrum, len(frequencies) - 1)
    return spectrum


def make_duals(first: Sequence[CanonicalOperator], second: Sequence[CanonicalOperator]) -> Duals:
    """Assemble the duals of a batch of pairs of equal size.

    Parameters
    ----------
    first, second : sequence of CanonicalOperator
        The operators A and B of each pair.

    Returns
    -------
    Duals
        One operator M per pair.
    """
    import torch

    core_a = stack_tensors([a.core for a in first])
    core_b = stack_tensors([b.core for b in second])
    symmetric_a, symmetric_b = (core_a + core_a.mT) / 2, (core_b + core_b.mT) / 2
    # Potentials of the symmetric parts, in their eigenvectors.
    s, t = sorted_potentials(
        stack_tensors([a.eigenvalues for a in first]),
        stack_tensors([b.eigenvalues for b in second]),
    )
    vectors_a = stack_tensors([a.eigenvectors for a in first])
    vectors_b = stack_tensors([b.eigenvectors for b in second])
    potential_a = (vectors_a * s[:, None]) @ vectors_a.mT
    potential_b = (vectors_b * t[:, None]) @ vectors_b.mT
    # Potentials of the skew parts, diagonal in the canonical basis.
    p, q = sorted_potentials(
        stack_tensors([rotation_spectrum(a) for a in first]),
        stack_tensors([rotation_spectrum(b) for b in second]),
    )
    constant = s.sum(-1) + t.sum(-1) + p.sum(-1) + q.sum(-1)
    size = core_a.shape[-1]
    half = (size + 1) // 2
    for potential, values in ((potential_a, p), (potential_b, q)):
        # Each plane carries a pair of opposite frequencies, the highest first.
        flipped = (values + values.flip(-1)) / 2
        planes = flipped[:, :half]
        diagonal = torch.cat([planes, planes], dim=-1)[:, :size]
        torch.diagonal(potential, dim1=-2, dim2=-1).add_(diagonal)
    return Duals(
        symmetric_a,
        core_a - symmetric_a,
        symmetric_b,
        core_b - symmetric_b,
        potential_a,
        potential_b,
        constant,
    )


def leading_vectors(duals: Duals, start: Tensor, steps: int, count: int) -> tuple[Tensor, Tensor]:
    """Leading Ritz pairs of M by Lanczos iteration with full reorthogonalisation.

    Parameters
    ----------
    duals : Duals
        The operators.
    start : Tensor, shape (pair, size, size)
        Starting matrices, not zero; their type is that of the iteration.
    steps : int
        Lanczos steps.
    count : int
        Number of Ritz vectors.

    Returns
    -------
    values : Tensor, shape (pair, count)
        Descending Ritz values: lower estimates of eigenvalues, so no bounds by themselves.
    vectors : Tensor, shape (pair, count, size, size)
        Ritz vectors, as matrices.
    """
    import torch

    size = start.shape[-1]
    steps = min(steps, size * size)
    count = min(count, steps)
    left = torch.cat([duals.symmetric_a, duals.skew_a, duals.potential_a], dim=1).to(start)
    right = torch.cat([duals.symmetric_b, -duals.skew_b, -duals.potential_b], dim=1).to(start)
    basis_bytes = steps * size * size * start.element_size()
    chunk = max(1, _CACHE_BYTES // basis_bytes)
    ritz_pairs = [
        _lanczos(*operands, steps, count)
        for operands in zip(left.split(chunk), right.split(chunk), start.split(chunk), strict=True)
    ]
    values, vectors = zip(*ritz_pairs, strict=True)
    return torch.cat(values), torch.cat(vectors)


def _lanczos(
    left: Tensor, right: Tensor, start: Tensor, steps: int, count: int
) -> tuple[Tensor, Tensor]:
    """Lanczos iteration of one chunk of pairs (see `leading_vectors`)."""
    import torch

    n_pairs, size, _ = start.shape
    basis = start.new_zeros(n_pairs, steps, size * size)
    tridiagonal = start.new_zeros(n_pairs, steps, steps)
    vector = start.reshape(n_pairs, -1)
    vector = vector / vector.norm(dim=1, keepdim=True)
    for k in range(steps):
        basis[:, k] = vector
        matrix = vector.reshape(n_pairs, size, size)
        # M X = A_s X B_s - A_k X B_k - S X - X T in two products of wide matrices.
        first, second, third = _bmm(left, matrix).split(size, dim=1)
        image = _bmm(torch.cat([first, second, matrix], dim=2), right) - third
        image = image.reshape(n_pairs, -1)
        # Two passes: the rounding left by one brings back copies of converged vectors.
        previous = basis[:, : k + 1]
        overlap = torch.bmm(previous, image[:, :, None])
        tridiagonal[:, k, k] = overlap[:, k, 0]
        image = image - torch.bmm(previous.mT, overlap)[:, :, 0]
        image = image - torch.bmm(previous.mT, torch.bmm(previous, image[:, :, None]))[:, :, 0]
        norm = image.norm(dim=1)
        if k + 1 < steps:
            # An exhausted space leaves a zero row: its Ritz values are 0 and its vectors harmless.
            alive = norm > 1e3 * torch.finfo(norm.dtype).eps
            tridiagonal[:, k, k + 1] = tridiagonal[:, k + 1, k] = torch.where(alive, norm, 0.0)
            vector = torch.where(alive[:, None], image / norm.clamp(min=1e-30)[:, None], 0.0)
    values, weights = torch.linalg.eigh(tridiagonal)
    values, weights = values.flip(-1)[:, :count], weights.flip(-1)[:, :, :count]
    return values, torch.bmm(weights.mT, basis).reshape(n_pairs, count, size, size)


def _bmm(first: Tensor, second: Tensor) -> Tensor:
    """Multiply two batches of matrices in NumPy's BLAS.

    For matrices of 20 to 150 columns it took half to two thirds of the time of ``torch.bmm``
    (OpenBLAS against MKL on an AMD processor).
    """
    import torch

    return torch.from_numpy(np.matmul(first.numpy(), second.numpy()))
