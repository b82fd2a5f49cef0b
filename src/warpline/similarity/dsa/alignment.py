"""Alignment of pairs of operators over the orthogonal group.

`warpline.similarity.dsa.search` finds the best maximum of each pair. The result depends on the bytes of the
pair and the seed: another last bit draws other random starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .canonical import CanonicalOperator, Problems
from .halving import Maxima, orthonormal
from .search import PERFECT, AlignmentSettings, pairs_per_chunk, search
from .search_status import ACCEPTED_CHANCE, chance_of_better, status_of
from .starts import pair_generator, planned_starts

__all__ = ["Alignment", "align_pairs"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Alignment:
    """Best alignment of one pair.

    Attributes
    ----------
    angle : float
        Angle between A and C B C^T, radians, in [0, pi].
    rotation : ndarray, shape (rank, rank)
        The orthogonal matrix C.
    gradient_norm : float
        Norm of the Riemannian gradient of the cosine of the angle at C.
    n_starts : int
        Number of starts.
    n_hits : int
        Independent starts (planned and random ones) whose ascent entered the basin of the best maximum.
    chance_of_better : float
        Estimated chance that many more starts would find a better maximum (`chance_of_better`).
    converged : bool
        Whether the gradient met the tolerance, or the alignment is perfect.
    accepted_chance : float
        Of the settings.
    """

    angle: float
    rotation: FloatArray
    gradient_norm: float
    n_starts: int
    n_hits: int
    chance_of_better: float
    converged: bool
    accepted_chance: float = ACCEPTED_CHANCE

    @property
    def status(self) -> str:
        """Status as `status_of` has it."""
        return status_of(
            self.converged,
            self.chance_of_better,
            self.accepted_chance,
            self.n_hits,
            len(self.rotation),
        )


def align_pairs(
    operators: Sequence[CanonicalOperator] | Mapping[int, CanonicalOperator],
    pairs: Sequence[tuple[int, int]],
    *,
    seed: int = 0,
    settings: AlignmentSettings | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Alignment]:
    """Minimise the angle between A and C B C^T over orthogonal C for each pair.

    Parameters
    ----------
    operators : sequence of CanonicalOperator
        Operators of equal size.
    pairs : sequence of (int, int)
        Indices (A, B) into ``operators``.
    seed : int
        Root of the random starts.
    settings : AlignmentSettings, optional
        Effort of the search.
    progress : callable, optional
        Called with the number of pairs done since the last call.

    Returns
    -------
    list of Alignment
        One per pair, in order. Swapping a pair transposes C and changes nothing else.

    Raises
    ------
    ValueError
        If the operators of a pair differ in size.
    """
    settings = settings or AlignmentSettings()
    if len({operators[i].size for pair in pairs for i in pair}) > 1:
        raise ValueError("operators of one call must have equal size: pad them to the larger rank")
    if not pairs:
        return []
    # One order for each unordered pair makes the result symmetric, not merely nearly so.
    ordered_pairs = []
    for i, j in pairs:
        swap = operators[j].order_key < operators[i].order_key
        ordered_pairs.append((j, i) if swap else (i, j))
    chunk = pairs_per_chunk(operators[pairs[0][0]], settings)
    alignments: list[Alignment] = []
    for begin in range(0, len(pairs), chunk):
        ordered = ordered_pairs[begin : begin + chunk]
        first = [operators[i] for i, _ in ordered]
        second = [operators[j] for _, j in ordered]
        solved = _align_chunk(first, second, seed, settings)
        for pair, ordered_pair, result in zip(
            pairs[begin : begin + chunk], ordered, solved, strict=True
        ):
            alignments.append(_transpose(result) if pair != ordered_pair else result)
        if progress is not None:
            progress(len(ordered))
    return alignments


def _transpose(alignment: Alignment) -> Alignment:
    return replace(alignment, rotation=np.ascontiguousarray(alignment.rotation.T))


@torch.no_grad()
def _align_chunk(
    first: Sequence[CanonicalOperator],
    second: Sequence[CanonicalOperator],
    seed: int,
    settings: AlignmentSettings,
) -> list[Alignment]:
    problems = Problems.of_pairs(first, second)
    size = first[0].size
    generators = [pair_generator(seed, a, b) for a, b in zip(first, second, strict=True)]
    starts = planned_starts(first, second, generators)
    best, n_hits, n_starts = search(problems, size, starts, generators, settings)
    return _alignments(first, second, problems, best, n_hits, n_starts, settings.accepted_chance)


def _alignments(
    first: Sequence[CanonicalOperator],
    second: Sequence[CanonicalOperator],
    problems: Problems,
    best: Maxima,
    n_hits: Tensor,
    n_starts: Tensor,
    accepted_chance: float,
) -> list[Alignment]:
    """Return the maxima as alignments of the operators as given, traces included."""
    size = first[0].size
    rotation = orthonormal(best.rotation)
    matrix_a = torch.from_numpy(np.stack([a.matrix for a in first]))
    aligned = rotation @ problems.target @ rotation.mT

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)[:, None, None]

    norm_a, norm_b = column([a.free_norm for a in first]), column([b.free_norm for b in second])
    trace_a, trace_b = column([a.trace_part for a in first]), column([b.trace_part for b in second])

    def distance(sign: float) -> Tensor:
        free = (norm_a * matrix_a + sign * norm_b * aligned).square().sum((-1, -2))
        trace = size * (trace_a + sign * trace_b).square()[:, 0, 0]
        return (free + trace).sqrt()

    # Accurate at both ends of [0, pi], where the arc cosine loses half of the digits.
    angle = 2 * torch.atan2(distance(-1.0), distance(1.0))
    gradient_norm = best.gradient_norm * (norm_a * norm_b)[:, 0, 0]
    # C in the bases of the operators as given, without the padding dimension.
    basis_a = torch.from_numpy(np.stack([a.basis for a in first]))
    basis_b = torch.from_numpy(np.stack([b.basis for b in second]))
    rotations = (basis_a @ rotation @ basis_b.mT)[:, :size, :size].numpy()
    chance = chance_of_better(n_starts, n_hits, size)
    # No alignment is nearer than a perfect one, whose gradient may be all rounding.
    perfect = angle < PERFECT
    chance = torch.where(perfect, 0.0, chance)
    converged = best.converged | perfect
    columns = (t.tolist() for t in (angle, gradient_norm, n_starts, n_hits, chance, converged))
    return [
        Alignment(a, np.ascontiguousarray(c), g, n, m, p, ok, accepted_chance)
        for c, a, g, n, m, p, ok in zip(rotations, *columns, strict=True)
    ]
