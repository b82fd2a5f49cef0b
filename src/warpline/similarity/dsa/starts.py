"""Starting points of the alignment: spectral, dual, random, and neighbours of a maximum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .canonical import CanonicalOperator, Problems, stack_tensors
from .duality import leading_vectors, make_duals

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

#: Lanczos steps for the dual start; the leading eigenvalues are clustered, and any mixture of their
#: vectors is a good start, so that convergence is not needed.
_LANCZOS_STEPS = 16
_DUAL_STARTS = 1
#: Place, among the planned starts, of the one that aligns the skew-symmetric parts.
SKEW_START = _DUAL_STARTS + 1


def pair_generator(
    seed: int, first: CanonicalOperator, second: CanonicalOperator
) -> np.random.Generator:
    """Random generator of one pair: from the seed and the two operators, nothing else."""
    digests = [int.from_bytes(operator.digest[:8], "little") for operator in (first, second)]
    return np.random.default_rng(np.random.SeedSequence([seed, *digests]))


def planned_starts(
    first: Sequence[CanonicalOperator],
    second: Sequence[CanonicalOperator],
    generators: Sequence[np.random.Generator],
) -> Tensor:
    """Six starting points for each pair of operators of equal size.

    Parameters
    ----------
    first, second : sequence of CanonicalOperator
        The operators A and B of each pair.
    generators : sequence of numpy.random.Generator
        One per pair; seeds the Lanczos iteration.

    Returns
    -------
    Tensor, shape (pair, start, n, n)
        Orthogonal matrices from the canonical basis of B to that of A. In order: the polar factor of the
        leading vector of the dual; symmetric parts aligned with synchronised signs; skew parts aligned;
        symmetric parts with the other determinant; the identity; a reflection. They find the rotation
        between rotated copies. Between other operators they are hardly better than random ones.
    """
    import torch

    size = first[0].size
    duals = make_duals(first, second)
    # Single precision is enough for the dual start, whose ascent follows.
    noise = stack_tensors([g.standard_normal((size, size)) for g in generators])
    _, vectors = leading_vectors(duals, noise.float(), _LANCZOS_STEPS, _DUAL_STARTS)
    dual = polar(vectors.double())
    plus, minus = _synchronised(first, second)
    # The identity between the operators as given, and a reflection of it; in the canonical bases, the
    # identity aligns the skew parts.
    basis_a = stack_tensors([a.basis[: a.size, : a.size] for a in first])
    basis_b = stack_tensors([b.basis[: b.size, : b.size] for b in second])
    identity = basis_a.mT @ basis_b
    mirrored_b = basis_b.clone()
    mirrored_b[:, 0] *= -1
    reflection = basis_a.mT @ mirrored_b
    skew_aligned = torch.eye(size, dtype=dual.dtype).expand_as(identity)
    ordered = [*dual.unbind(1), plus, skew_aligned, minus, identity, reflection]
    return pad(torch.stack(ordered, dim=1), first[0].padded)


def random_starts(generators: Sequence[np.random.Generator], size: int, count: int) -> Tensor:
    """Haar-random orthogonal matrices of alternating determinant.

    Parameters
    ----------
    generators : sequence of numpy.random.Generator
        One per pair.
    size : int
        Rank of the operators, without the padding dimension.
    count : int
        Starts per pair.

    Returns
    -------
    Tensor, shape (pair, count, n, n)
        With the padding dimension for odd ``size``.
    """
    import torch

    normal = np.stack([g.standard_normal((count, size, size)) for g in generators])
    factor, triangle = torch.linalg.qr(torch.from_numpy(normal))
    factor = factor * torch.diagonal(triangle, dim1=-2, dim2=-1).sign()[..., None, :]
    determinants = 1.0 - 2.0 * (torch.arange(count) % 2)
    factor[..., 0] *= (torch.linalg.det(factor).sign() * determinants)[..., None]
    return pad(factor, size % 2 == 1)


def involution_starts(
    generators: Sequence[np.random.Generator],
    problems: Problems,
    rotation: Tensor,
    aligned: Tensor,
    size: int,
    reversed_directions: NDArray[np.int64],
) -> Tensor:
    """Rotations after the best involutions found: neighbours of a maximum.

    The method is that of `warpline.similarity.dsa.involutions`.

    Parameters
    ----------
    generators : sequence of numpy.random.Generator
        One per pair.
    problems : Problems
        One per pair.
    rotation, aligned : Tensor, shape (pair, n, n)
        C and C B C^T at a maximum of each pair; ``aligned`` may have more columns, which are not read.
    size : int
        Rank of the operators, without the padding dimension.
    reversed_directions : ndarray of int, shape (pair, count)
        Number k of directions that each start reverses, up to ``size``.

    Returns
    -------
    Tensor, shape (pair, count, n, n)
    """
    import torch

    # Imported here: compiled, or read from Numba's cache, when first needed.
    from .involutions import CANDIDATES, fill_starts

    n = rotation.shape[-1]
    n_pairs, count = reversed_directions.shape
    starts = np.empty((n_pairs, count, n, n))
    linear = None if problems.linear is None else problems.linear.numpy()
    for p, generator in enumerate(generators):
        total = int(reversed_directions[p].sum())
        normal = np.zeros((n, CANDIDATES * total), np.float32)
        normal[:size] = generator.standard_normal((size, CANDIDATES * total), np.float32)
        fill_starts(
            problems.symmetric[p].numpy(),
            problems.frequencies[p].numpy(),
            None if linear is None else linear[p],
            rotation[p].numpy(),
            aligned[p].numpy(),
            size,
            normal,
            reversed_directions[p],
            starts[p],
        )
    return torch.from_numpy(starts)


def polar(matrices: Tensor) -> Tensor:
    """Nearest orthogonal matrices, shape as given."""
    import torch

    left, _, right = torch.linalg.svd(matrices)
    return left @ right


def pad(starts: Tensor, padded: bool) -> Tensor:
    """Add the padding dimension of an odd rank, mapped to itself."""
    import torch

    if not padded:
        return starts
    larger = torch.nn.functional.pad(starts, (0, 1, 0, 1))
    larger[..., -1, -1] = 1
    return larger


def _synchronised(
    first: Sequence[CanonicalOperator],
    second: Sequence[CanonicalOperator],
) -> tuple[Tensor, Tensor]:
    """Sorted eigenvectors of the symmetric parts, signs synchronised, in both determinants."""
    import torch

    vectors_a = stack_tensors([a.eigenvectors for a in first])
    vectors_b = stack_tensors([b.eigenvectors for b in second])
    core_a = stack_tensors([a.core for a in first])
    core_b = stack_tensors([b.core for b in second])
    weights = (vectors_a.mT @ core_a @ vectors_a) * (vectors_b.mT @ core_b @ vectors_b)
    weights = (weights + weights.mT) / 2
    weights = weights - torch.diag_embed(torch.diagonal(weights, dim1=-2, dim2=-1))
    # Signs d that maximise d^T N d: from the leading eigenvector, then coordinate ascent.
    leading = torch.linalg.eigh(weights).eigenvectors[..., -1]
    signs = torch.where(leading >= 0, 1.0, -1.0).to(weights.dtype)
    pair_index = torch.arange(len(signs))
    for _ in range(4 * signs.shape[-1]):
        loss = signs * torch.bmm(weights, signs[..., None])[..., 0]
        worst, worst_index = loss.min(-1)
        improves = worst < -1e-15
        if not bool(improves.any()):
            break
        signs[pair_index[improves], worst_index[improves]] *= -1
    # The other determinant: flip the sign that costs least.
    loss = signs * torch.bmm(weights, signs[..., None])[..., 0]
    flipped = signs.clone()
    flipped[pair_index, loss.argmin(-1)] *= -1
    return (
        (vectors_a * signs[:, None]) @ vectors_b.mT,
        (vectors_a * flipped[:, None]) @ vectors_b.mT,
    )
