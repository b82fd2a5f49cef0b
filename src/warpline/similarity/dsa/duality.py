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

from .frames import Framed
from .products import bmm

if TYPE_CHECKING:
    import torch
    from torch import Tensor


#: Lanczos bases held at once on the CPU: reorthogonalisation reads them at every step.
_CACHE_BYTES = 2**20


@dataclass
class Duals:
    """The operator M of a batch of pairs, in the frames of the pairs, float64.

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


def rotation_spectrum(framed: Framed) -> np.ndarray:
    """Eigenvalues of i times the skew part, ascending, shape (size,)."""
    positive = framed.frequencies[::-1]
    both = np.concatenate([-framed.frequencies, positive])
    if framed.phantom:
        both = np.delete(both, len(framed.frequencies) - 1)
    return both


def make_duals(
    first: Sequence[Framed], second: Sequence[Framed], device: torch.device | str
) -> Duals:
    """Assemble the duals of a batch of pairs of equal size.

    Parameters
    ----------
    first, second : sequence of Framed
        The operators A and B of each pair.
    device : torch.device or str
        Where the tensors go.

    Returns
    -------
    Duals
        One operator M per pair.
    """
    import torch

    def stack(arrays: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).to(device)

    core_a = stack([f.core for f in first])
    core_b = stack([f.core for f in second])
    symmetric_a, symmetric_b = (core_a + core_a.mT) / 2, (core_b + core_b.mT) / 2
    s, t = sorted_potentials(
        stack([f.eigenvalues for f in first]), stack([f.eigenvalues for f in second])
    )
    vectors_a = stack([f.eigenvectors for f in first])
    vectors_b = stack([f.eigenvectors for f in second])
    potential_a = (vectors_a * s[:, None]) @ vectors_a.mT
    potential_b = (vectors_b * t[:, None]) @ vectors_b.mT
    p, q = sorted_potentials(
        stack([rotation_spectrum(f) for f in first]), stack([rotation_spectrum(f) for f in second])
    )
    constant = s.sum(-1) + t.sum(-1) + p.sum(-1) + q.sum(-1)
    size = core_a.shape[-1]
    half = (size + 1) // 2
    for potential, values in ((potential_a, p), (potential_b, q)):
        # Each plane of the frame carries a pair of opposite frequencies, the highest first.
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
    bases = steps * size * size * start.element_size()
    chunk = max(1, _CACHE_BYTES // bases) if start.device.type == "cpu" else len(start)
    parts = [
        _lanczos(*part, steps, count)
        for part in zip(left.split(chunk), right.split(chunk), start.split(chunk), strict=True)
    ]
    values, vectors = zip(*parts, strict=True)
    return torch.cat(values), torch.cat(vectors)


def _lanczos(
    left: Tensor, right: Tensor, start: Tensor, steps: int, count: int
) -> tuple[Tensor, Tensor]:
    import torch

    n_pairs, size, _ = start.shape
    basis = start.new_zeros(n_pairs, steps, size * size)
    small = start.new_zeros(n_pairs, steps, steps)
    vector = start.reshape(n_pairs, -1)
    vector = vector / vector.norm(dim=1, keepdim=True)
    for k in range(steps):
        basis[:, k] = vector
        matrix = vector.reshape(n_pairs, size, size)
        first, second, third = bmm(left, matrix).split(size, dim=1)
        image = bmm(torch.cat([first, second, matrix], dim=2), right) - third
        image = image.reshape(n_pairs, -1)
        known = basis[:, : k + 1]
        overlap = torch.bmm(known, image[:, :, None])
        small[:, k, k] = overlap[:, k, 0]
        image = image - torch.bmm(known.mT, overlap)[:, :, 0]
        image = image - torch.bmm(known.mT, torch.bmm(known, image[:, :, None]))[:, :, 0]
        norm = image.norm(dim=1)
        if k + 1 < steps:
            # An exhausted space leaves a zero row: its Ritz values are 0 and its vectors harmless.
            alive = norm > 1e3 * torch.finfo(norm.dtype).eps
            small[:, k, k + 1] = small[:, k + 1, k] = torch.where(alive, norm, 0.0)
            vector = torch.where(alive[:, None], image / norm.clamp(min=1e-30)[:, None], 0.0)
    values, weights = torch.linalg.eigh(small)
    values, weights = values.flip(-1)[:, :count], weights.flip(-1)[:, :, :count]
    return values, torch.bmm(weights.mT, basis).reshape(n_pairs, count, size, size)
