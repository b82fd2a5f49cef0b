r"""Alignment of driven systems (A, B): state, control, and both at once, over the orthogonal group.

The joint distance of two systems is the least, over orthogonal C, of

.. math:: d(C)^2 = (1 - w) \, |A_1 - C A_2 C^\top|^2 + w \, |B_1 - C B_2|^2,

of the operators as they are (score ``euclidean``) or at unit norm, where it is a chord of the joint angle
(score ``angle``). DSA is the case w = 0, and an orthogonal Procrustes problem the case w = 1. Between them
the trust-region search of `warpline.similarity.dsa` climbs the inner products, with a linear term for the
control.

No C does better on both terms than the best C of each: a lower bound on the distance of the states and the
least distance of the controls bound the joint one from below.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from warpline.similarity.dsa.canonical import (
    CanonicalOperator,
    Problems,
    stack_tensors,
    to_canonical,
)
from warpline.similarity.dsa.halving import orthonormal
from warpline.similarity.dsa.search import AlignmentSettings, pairs_per_chunk, search
from warpline.similarity.dsa.search_status import chance_of_better, status_of
from warpline.similarity.dsa.starts import SKEW_START, pad, pair_generator, planned_starts
from warpline.similarity.rotation_search import nearest_rotation
from warpline.similarity.states import angle

if TYPE_CHECKING:
    from torch import Tensor

FloatArray = NDArray[np.float64]

Score = Literal["angle", "euclidean"]

#: Terms A^k B of the controllability matrix whose alignment is a start.
_CONTROLLABILITY_TERMS = 20
#: Share of the smaller of the two inner products in their sum, below which the search does not resolve it.
_RESOLVED = 1e-4
#: Distance of two aligned systems up to which they are equal, relative to the smaller operator, and to the
#: larger one, by rounding.
_EQUAL, _ROUNDING = 1e-7, 1e-14
_POLISHING_STEPS = 10
#: Norm of the skew-symmetric part, of operators of unit norm, up to which an operator counts as symmetric.
_SYMMETRIC = 0.01


@dataclass(frozen=True)
class DrivenSystem:
    """A driven system, ready to be aligned.

    Attributes
    ----------
    state : ndarray, shape (rank, rank)
        A; of unit norm for the score ``angle``.
    control : ndarray, shape (rank, input)
        B; of unit norm for the score ``angle``.
    canonical : CanonicalOperator
        Of A as given.
    """

    state: FloatArray
    control: FloatArray
    canonical: CanonicalOperator

    @property
    def order_key(self) -> tuple[tuple[float, float, bytes], bytes]:
        """Sorting key that puts a pair in the same order whichever way round it is given."""
        return self.canonical.order_key, hashlib.sha256(self.control.tobytes()).digest()


@dataclass(frozen=True)
class JointAlignment:
    """Best joint alignment of one pair.

    Attributes
    ----------
    rotation : ndarray, shape (rank, rank)
        C.
    gradient_norm : float
        Norm of the Riemannian gradient of (1 - w) <A_1, C A_2 C^T> + w <B_1, C B_2>.
    n_starts : int
    chance_of_better : float
        1 where one of the two inner products is too small beside the other for the search.
    status : str
        As in `warpline.similarity.dsa.alignment.Alignment`.
    """

    rotation: FloatArray
    gradient_norm: float
    n_starts: int
    chance_of_better: float
    status: str


def driven_system(state: FloatArray, control: FloatArray, score: Score) -> DrivenSystem:
    """Prepare the operators of a system for alignment.

    Parameters
    ----------
    state : ndarray, shape (rank, rank)
    control : ndarray, shape (rank, input)
        Both finite and not zero.
    score : {"angle", "euclidean"}
        At ``angle`` both are scaled to unit norm.

    Returns
    -------
    DrivenSystem
    """
    canonical = to_canonical(state)
    if score == "angle":
        # Units of inputs may be such that squares of the control operator leave the range.
        control = np.ldexp(control, -int(np.frexp(np.abs(control).max())[1]))
        state, control = state / np.linalg.norm(state), control / np.linalg.norm(control)
    return DrivenSystem(state, np.ascontiguousarray(control), canonical)


def distance(first: FloatArray, second: FloatArray, score: Score) -> float:
    """Return the score of two aligned matrices: the angle in radians at unit norm, or the distance."""
    difference = float(np.linalg.norm(first - second))
    if score == "euclidean":
        return difference
    # Unlike the arc cosine, it keeps its digits near 0 and pi.
    return angle(difference, float(np.linalg.norm(first + second)))


def joint_distance(state: float, control: float, weight: float, score: Score) -> float:
    """Return the joint score, or a lower bound on it, from the same of its two parts."""
    # The squares that add up are those of chords: |A - B| = 2 sin(angle / 2) at unit norm.
    if score == "angle":
        state, control = np.sin(state / 2), np.sin(control / 2)
    size = float(np.sqrt((1 - weight) * state**2 + weight * control**2))
    return 2 * float(np.arcsin(min(size, 1.0))) if score == "angle" else size


def state_bound(
    angle_bound: float, first: DrivenSystem, second: DrivenSystem, score: Score
) -> float:
    """Return a lower bound on the score of the states from one on their angle."""
    if score == "angle":
        return angle_bound
    a, b = (float(np.linalg.norm(system.state)) for system in (first, second))
    return float(np.sqrt((a - b) ** 2 + 4 * a * b * np.sin(angle_bound / 2) ** 2))


def control_alignment(first: DrivenSystem, second: DrivenSystem) -> FloatArray:
    """Align control operators alone, in closed form (orthogonal Procrustes problem).

    Returns
    -------
    ndarray, shape (rank, rank)
        An orthogonal C that minimises |B_1 - C B_2|.
    """
    return _procrustes(first.control, second.control)


def _procrustes(first: FloatArray, second: FloatArray) -> FloatArray:
    left, _, right = scipy.linalg.svd(first @ second.T, check_finite=False)
    return np.asarray(left @ right, dtype=np.float64)


def controllability(system: DrivenSystem) -> FloatArray:
    """Return [B, A B, A^T B, A^2 B, ...] of a system (Huang et al. 2026), A scaled to unit spectral norm."""
    matrix = system.state / np.linalg.norm(system.state, 2)
    forward = backward = system.control
    terms = [system.control]
    for _ in range(min(len(matrix) - 1, _CONTROLLABILITY_TERMS)):
        forward, backward = matrix @ forward, matrix.T @ backward
        terms += [forward, backward]
    return np.hstack(terms)


def align_jointly(
    systems: Mapping[int, DrivenSystem],
    pairs: Sequence[tuple[int, int]],
    state_rotations: Sequence[FloatArray],
    *,
    weight: float,
    seed: int,
    settings: AlignmentSettings,
    progress: Callable[[int], None] | None = None,
) -> list[JointAlignment]:
    """Minimise the joint distance of each pair.

    Parameters
    ----------
    systems : mapping of int to DrivenSystem
        Of one rank and one number of inputs.
    pairs : sequence of (int, int)
    state_rotations : sequence of ndarray, shape (rank, rank)
        Best alignment of the states alone, one per pair: a start.
    weight : float
        w, in [0, 1].
    seed : int
        Root of the random starts.
    settings : AlignmentSettings
    progress : callable, optional
        Called with the number of pairs done since the last call.

    Returns
    -------
    list of JointAlignment
        One per pair, in order. The search starts elsewhere for (j, i) than for (i, j): sort each pair by
        `DrivenSystem.order_key` for results that are symmetric.
    """
    alignments: list[JointAlignment] = []
    if not pairs:
        return alignments
    chunk = pairs_per_chunk(systems[pairs[0][0]].canonical, settings)
    for begin in range(0, len(pairs), chunk):
        end = begin + chunk
        solved = _align_chunk(
            [systems[i] for i, _ in pairs[begin:end]],
            [systems[j] for _, j in pairs[begin:end]],
            state_rotations[begin:end],
            weight,
            seed,
            settings,
        )
        alignments += solved
        if progress is not None:
            progress(len(solved))
    return alignments


def _align_chunk(
    first: Sequence[DrivenSystem], second: Sequence[DrivenSystem], state_rotations: Sequence[FloatArray],
    weight: float, seed: int, settings: AlignmentSettings,
) -> list[JointAlignment]:  # fmt: skip
    """Align the pairs of one chunk."""
    import torch

    canonical_a, canonical_b = ([x.canonical for x in group] for group in (first, second))
    size = canonical_a[0].size
    problems, totals, shares = _joint_problems(first, second, weight)

    # Starts: the best of the states alone, the controllability matrices, and those of DSA.
    generators = [pair_generator(seed, a, b) for a, b in zip(canonical_a, canonical_b, strict=True)]
    given = np.stack(
        [
            np.stack([rotation, _procrustes(controllability(x), controllability(y))])
            for x, y, rotation in zip(first, second, state_rotations, strict=True)
        ]
    )
    basis_a, basis_b = (
        stack_tensors([x.basis[: x.size, : x.size] for x in group])[:, None]
        for group in (canonical_a, canonical_b)
    )
    assert problems.linear is not None
    planned = planned_starts(canonical_a, canonical_b, generators)
    _sign_eigenvectors(planned, canonical_a, canonical_b, problems.linear)
    starts = torch.cat(
        [pad(basis_a.mT @ torch.from_numpy(given) @ basis_b, canonical_a[0].padded), planned], dim=1
    )
    # C and -C align the states equally well: each start takes the sign that the controls prefer.
    signs = (problems.linear[:, None] * starts).sum(dim=(-1, -2), keepdim=True).sign()
    starts = starts * torch.where(signs == 0, 1.0, signs)

    best, n_hits, n_starts = search(problems, size, starts, generators, settings)
    rotations = orthonormal(best.rotation)
    basis_a, basis_b = (stack_tensors([x.basis for x in g]) for g in (canonical_a, canonical_b))
    aligned = (basis_a @ rotations @ basis_b.mT)[:, :size, :size].numpy()
    chances = chance_of_better(n_starts, n_hits, size)
    # No alignment is better than a perfect one.
    perfect = best.value > 1 - 1e-14
    gradient_norms = (best.gradient_norm * torch.tensor(totals)).tolist()
    for k in (k for k, share in enumerate(shares) if 0 < share < _RESOLVED):
        ends = [
            _polished(first[k], second[k], rotation, weight)
            for rotation in (*given[k], control_alignment(first[k], second[k]), aligned[k])
        ]
        norms = [float(np.linalg.norm(x)) for x in (first[k].state, first[k].control)]
        aligned[k], left = min(ends, key=lambda end: end[1])
        gradient = _gradient(first[k], second[k], aligned[k], weight) @ aligned[k].T
        gradient_norms[k] = float(np.linalg.norm(gradient - gradient.T)) / 2
        perfect[k] = left <= max(_EQUAL * min(norms), _ROUNDING * max(norms))
        chances[k] = 1.0
    chances = torch.where(perfect, 0.0, chances)
    return [
        JointAlignment(
            np.ascontiguousarray(c), g, n, p, status_of(ok, p, settings.accepted_chance, k, size)
        )
        for c, g, n, k, p, ok in zip(
            aligned,
            gradient_norms,
            n_starts.tolist(),
            n_hits.tolist(),
            chances.tolist(),
            (best.converged | perfect).tolist(),
            strict=True,
        )
    ]


def _gradient(
    first: DrivenSystem, second: DrivenSystem, rotation: FloatArray, weight: float
) -> FloatArray:
    """Return the gradient of (1 - w) <A_1, C A_2 C^T> + w <B_1, C B_2> by the entries of C."""
    of_states = first.state @ rotation @ second.state.T + first.state.T @ rotation @ second.state
    return (1 - weight) * of_states + weight * first.control @ second.control.T


def _polished(
    first: DrivenSystem, second: DrivenSystem, rotation: FloatArray, weight: float
) -> tuple[FloatArray, float]:
    """Improve C by the orthogonal matrix nearest to the gradient, while it helps; and return the distance.

    The search leaves an error in C that a large control operator multiplies.
    """

    def distance_at(rotation: FloatArray) -> float:
        state = distance(first.state, rotation @ second.state @ rotation.T, "euclidean")
        control = distance(first.control, rotation @ second.control, "euclidean")
        return joint_distance(state, control, weight, "euclidean")

    least = distance_at(rotation)
    for _ in range(_POLISHING_STEPS):
        nearest = nearest_rotation(_gradient(first, second, rotation, weight))
        found = distance_at(nearest)
        if found >= least:
            break
        rotation, least = nearest, found
    return rotation, least


def _sign_eigenvectors(
    planned: Tensor,
    first: Sequence[CanonicalOperator],
    second: Sequence[CanonicalOperator],
    linear: Tensor,
) -> None:
    """Align the eigenvectors of symmetric operators, each with the sign that the controls prefer, in place.

    Every combination of signs aligns such operators equally well, so that the ascents from the other starts
    end at one of them. This start stands in for that of the skew-symmetric parts, which they do not have.
    """
    for k, (a, b) in enumerate(zip(first, second, strict=True)):
        if max(np.linalg.norm(x.frequencies) for x in (a, b)) * np.sqrt(2) > _SYMMETRIC:
            continue
        turned = a.eigenvectors.T @ linear[k].numpy()[: a.size, : a.size] @ b.eigenvectors
        signs = np.where(np.diag(turned) < 0, -1.0, 1.0)
        start = (a.eigenvectors * signs) @ b.eigenvectors.T
        planned[k, SKEW_START, : a.size, : a.size] = planned.new_tensor(start)


def _joint_problems(
    first: Sequence[DrivenSystem], second: Sequence[DrivenSystem], weight: float
) -> tuple[Problems, list[float], list[float]]:
    """Problems in the canonical bases, scaled to 1 at a perfect alignment; the scales; the smaller shares."""
    import torch

    problems = Problems.of_pairs([x.canonical for x in first], [y.canonical for y in second])
    size = problems.target.shape[-1]
    state_scales, linear, control, totals, shares = [], [], [], [], []
    for x, y in zip(first, second, strict=True):
        # Of the states' inner product, only that of the trace-free parts depends on C.
        free_norms = [float(np.linalg.norm(z.state)) * z.canonical.free_norm for z in (x, y)]
        norms = [float(np.linalg.norm(z.control)) for z in (x, y)]
        state_share = (1 - weight) * free_norms[0] * free_norms[1]
        control_share = weight * norms[0] * norms[1]
        total = state_share + control_share
        total = total if total > 0 else 1.0
        control_a, control_b = (
            z.canonical.basis.T @ np.pad(z.control / norm, ((0, size - len(z.control)), (0, 0)))
            for z, norm in zip((x, y), norms, strict=True)
        )
        state_scales.append(state_share / total)
        linear.append(control_share / total * control_a @ control_b.T)
        control.append(control_b)
        totals.append(total)
        shares.append(min(state_share, control_share) / total)
    scales = torch.tensor(state_scales, dtype=torch.float64)[:, None]
    return (
        Problems(
            problems.symmetric * scales[..., None],
            problems.frequencies * scales,
            problems.target,
            problems.padded,
            stack_tensors(linear),
            stack_tensors(control),
        ),
        totals,
        shares,
    )
