"""Starting points of the alignment: spectral, dual and random orthogonal matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .duality import leading_vectors, make_duals
from .frames import Framed

if TYPE_CHECKING:
    import torch
    from torch import Tensor

FloatArray = NDArray[np.float64]

#: Lanczos steps for the dual start; the leading eigenvalues are clustered, and any mixture of their
#: vectors is a good start, so that convergence is not needed.
_LANCZOS_STEPS = 16
_DUAL_STARTS = 1


def pair_generator(seed: int, first: Framed, second: Framed) -> np.random.Generator:
    """Random generator of one pair: from the seed and the two operators, nothing else."""
    words = [int.from_bytes(f.digest[:8], "little") for f in (first, second)]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def planned_starts(
    first: Sequence[Framed],
    second: Sequence[Framed],
    generators: Sequence[np.random.Generator],
    device: torch.device | str,
) -> Tensor:
    """Deterministic-first starting points for a batch of pairs of equal size.

    Parameters
    ----------
    first, second : sequence of Framed
        The operators A and B of each pair.
    generators : sequence of numpy.random.Generator
        One per pair; seeds the Lanczos iteration.
    device : torch.device or str
        Where the tensors go.

    Returns
    -------
    Tensor, shape (pair, start, n, n)
        Orthogonal matrices from the frame of B to that of A, the most useful first: polar factor of
        the leading vector of the dual, symmetric parts aligned with synchronised signs (both
        determinants), skew parts aligned, the identity and a reflection. They find the rotation
        between rotated copies; between other operators they are hardly better than random ones.
    """
    import torch

    def stack(arrays: list[FloatArray]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).to(device)

    size = first[0].size
    duals = make_duals(first, second, device)
    begin = stack([g.standard_normal((size, size)) for g in generators])
    _, vectors = leading_vectors(duals, begin.float(), _LANCZOS_STEPS, _DUAL_STARTS)
    dual = polar(vectors.double())
    plus, minus = _synchronised(first, second, stack)
    frame_a = stack([f.frame[: f.size, : f.size] for f in first])
    frame_b = stack([f.frame[: f.size, : f.size] for f in second])
    same = frame_a.mT @ frame_b
    flip = frame_b.clone()
    flip[:, 0] *= -1
    mirrored = frame_a.mT @ flip
    rotations = torch.eye(size, dtype=dual.dtype, device=device).expand_as(same)
    ordered = [*dual.unbind(1), plus, rotations, minus, same, mirrored]
    return pad(torch.stack(ordered, dim=1), first[0].phantom)


def random_starts(
    generators: Sequence[np.random.Generator], size: int, count: int, device: torch.device | str
) -> Tensor:
    """Haar-random orthogonal matrices of alternating determinant.

    Parameters
    ----------
    generators : sequence of numpy.random.Generator
        One per pair.
    size : int
        Rank of the operators, without a phantom dimension.
    count : int
        Starts per pair.
    device : torch.device or str
        Where the tensors go.

    Returns
    -------
    Tensor, shape (pair, count, n, n)
        With the phantom dimension for odd ``size``.
    """
    import torch

    normal = np.stack([g.standard_normal((count, size, size)) for g in generators])
    factor, triangle = torch.linalg.qr(torch.from_numpy(normal).to(device))
    factor = factor * torch.diagonal(triangle, dim1=-2, dim2=-1).sign()[..., None, :]
    wanted = 1.0 - 2.0 * (torch.arange(count, device=device) % 2)
    factor[..., 0] *= (torch.linalg.det(factor).sign() * wanted)[..., None]
    return pad(factor, size % 2 == 1)


def polar(matrices: Tensor) -> Tensor:
    """Nearest orthogonal matrices, shape as given."""
    import torch

    left, _, right = torch.linalg.svd(matrices)
    return left @ right


def pad(starts: Tensor, phantom: bool) -> Tensor:
    """Add the phantom dimension, mapped to itself."""
    import torch

    if not phantom:
        return starts
    padded = torch.nn.functional.pad(starts, (0, 1, 0, 1))
    padded[..., -1, -1] = 1
    return padded


def _synchronised(
    first: Sequence[Framed],
    second: Sequence[Framed],
    stack: Callable[[list[FloatArray]], Tensor],
) -> tuple[Tensor, Tensor]:
    """Sorted eigenvectors of the symmetric parts, signs synchronised, in both determinants."""
    import torch

    vectors_a = stack([f.eigenvectors for f in first])
    vectors_b = stack([f.eigenvectors for f in second])
    core_a, core_b = stack([f.core for f in first]), stack([f.core for f in second])
    weights = (vectors_a.mT @ core_a @ vectors_a) * (vectors_b.mT @ core_b @ vectors_b)
    weights = (weights + weights.mT) / 2
    weights = weights - torch.diag_embed(torch.diagonal(weights, dim1=-2, dim2=-1))
    # max d^T N d over signs: from the leading eigenvector, then coordinate ascent.
    leading = torch.linalg.eigh(weights).eigenvectors[..., -1]
    signs = torch.where(leading >= 0, 1.0, -1.0).to(weights.dtype)
    rows = torch.arange(len(signs), device=signs.device)
    for _ in range(4 * signs.shape[-1]):
        loss = signs * torch.bmm(weights, signs[..., None])[..., 0]
        worst, where = loss.min(-1)
        improves = worst < -1e-15
        if not bool(improves.any()):
            break
        signs[rows[improves], where[improves]] *= -1
    loss = signs * torch.bmm(weights, signs[..., None])[..., 0]
    other = signs.clone()
    other[rows, loss.argmin(-1)] *= -1
    return (
        (vectors_a * signs[:, None]) @ vectors_b.mT,
        (vectors_a * other[:, None]) @ vectors_b.mT,
    )
