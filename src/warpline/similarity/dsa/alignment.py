"""Alignment of pairs of operators over the orthogonal group: a search over many starts.

Most of the work of an ascent goes into its last digits, so the starts of a pair are thinned out by
successive halving: all ascend to a loose tolerance in single precision, the best ascend further, and
the best of those is polished in double precision. Random starts follow until the best maximum has been
reached three times, or their number reaches its cap. The result depends on the pair and the seed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .canonical import CanonicalOperator, Problems
from .starts import pair_generator, planned_starts, random_starts

FloatArray = NDArray[np.float64]

#: Random starts of each round after the first.
_STARTS_PER_ROUND = 4
#: Hits of the best maximum after which no more starts follow. With two, the search stopped at a common
#: maximum that is not the best in one pair of 60 at rank 20; with three, in one of 200.
_ENOUGH_HITS = 3
#: Rank up to which all starts are made in the first round: a start is cheap there, and three of twelve
#: starts agreed on a lesser maximum in one pair of 150.
_LOW_RANK = 8
#: Elements (starts x n x n) in memory at once.
_CHUNK_ELEMENTS = 4_000_000
#: Two ascents are in one basin when their aligned operators, of unit norm, are this close.
_SAME_BASIN = 0.03


@dataclass(frozen=True)
class Rung:
    """One rung of successive halving.

    Attributes
    ----------
    tolerance : float
        Relative gradient tolerance.
    n_survivors : int
        At most this many starts of a pair go on to the next rung.
    margin : float
        A start goes on only if its squared distance is within this factor of the best one.
    dtype : torch.dtype
        Precision of the rung.
    """

    tolerance: float
    n_survivors: int
    margin: float
    dtype: torch.dtype = torch.float64


#: Measured on Lorenz, motif, network and Gaussian operators of rank 20 and 50: other tolerances and
#: margins trade starts for work along one line, and none gave lower angles in the same time.
RUNGS = (
    Rung(1e-2, 9, 1.05, torch.float32),
    Rung(4e-3, 4, 1.012, torch.float32),
    Rung(1.5e-3, 2, 1.0005, torch.float32),
)


@dataclass(frozen=True)
class AlignmentSettings:
    """Effort of the search.

    Attributes
    ----------
    max_starts : int
        Cap on the starts of a pair, planned ones included.
    first_starts : int
        Starts of the first round, the six planned ones first.
    tolerance : float
        Gradient norm, relative to the residual, at which the last rung has converged.
    max_steps : int
        Hessian-vector products of one ascent on one rung; beyond, the status is "max_steps".
    """

    max_starts: int = 48
    first_starts: int = 12
    tolerance: float = 1e-6
    max_steps: int = 5000


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
        Starts whose ascent entered the basin of the best maximum.
    converged : bool
        Whether the gradient met the tolerance.
    """

    angle: float
    rotation: FloatArray
    gradient_norm: float
    n_starts: int
    n_hits: int
    converged: bool


@dataclass
class Maxima:
    """Local maxima, one per start or per pair.

    Attributes
    ----------
    rotation : Tensor, shape (maximum, n, n)
        The orthogonal matrix C, between the canonical bases of B and A.
    aligned : Tensor, shape (maximum, n, n)
        C B C^T.
    value : Tensor, shape (maximum,)
        Inner product of A and C B C^T.
    gradient_norm : Tensor, shape (maximum,)
        Frobenius norm of the Riemannian gradient.
    converged : Tensor of bool, shape (maximum,)
        Whether the gradient met the tolerance.
    products : Tensor of int, shape (maximum,)
        Hessian-vector products spent.
    """

    rotation: Tensor
    aligned: Tensor
    value: Tensor
    gradient_norm: Tensor
    converged: Tensor
    products: Tensor


_FIELDS = tuple(field.name for field in fields(Maxima))


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
    # The starts of all pairs of a chunk are one array: the chunk bounds the memory.
    size = len(operators[pairs[0][0]].symmetric)
    n_starts = _first_round(size, settings)
    chunk = max(1, _CHUNK_ELEMENTS // (n_starts * size * size))
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


def _first_round(size: int, settings: AlignmentSettings) -> int:
    """Return the number of starts of the first round."""
    if size <= _LOW_RANK:
        return settings.max_starts
    return min(settings.first_starts, settings.max_starts)


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
    # First round: planned starts, and random ones up to the number of the round.
    n_first = _first_round(size, settings)
    starts = planned_starts(first, second, generators)[:, :n_first]
    if n_first > starts.shape[1]:
        random = random_starts(generators, size, n_first - starts.shape[1])
        starts = torch.cat([starts, random], dim=1)
    best, n_hits = successive_halving(
        problems, starts, tolerance=settings.tolerance, max_steps=settings.max_steps
    )
    n_starts = torch.full((len(first),), starts.shape[1])
    # Further rounds, for the pairs whose best maximum has too few hits.
    while True:
        unsettled = ((n_hits < _ENOUGH_HITS) & (n_starts < settings.max_starts)).nonzero()[:, 0]
        if not len(unsettled):
            break
        count = min(_STARTS_PER_ROUND, settings.max_starts - int(n_starts[unsettled].min()))
        starts = random_starts([generators[int(i)] for i in unsettled], size, count)
        challenger, challenger_hits = successive_halving(
            problems.select(unsettled),
            starts,
            tolerance=settings.tolerance,
            max_steps=settings.max_steps,
            incumbent=best.value[unsettled],
        )
        n_starts[unsettled] += count
        _merge(problems, best, n_hits, unsettled, challenger, challenger_hits)
    return _alignments(first, second, problems, best, n_hits, n_starts)


def successive_halving(
    problems: Problems,
    starts: Tensor,
    *,
    tolerance: float,
    max_steps: int,
    incumbent: Tensor | None = None,
) -> tuple[Maxima, Tensor]:
    """Ascend from the starts of each pair, fewer of them on each rung.

    Parameters
    ----------
    problems : Problems
        One problem per pair, float64.
    starts : Tensor, shape (pair, start, n, n)
        Orthogonal starts.
    tolerance : float
        Relative gradient tolerance of the last rung.
    max_steps : int
        Hessian-vector products of one ascent on one rung.
    incumbent : Tensor, shape (pair,), optional
        Best values of earlier rounds: ascents that fall behind them end early.

    Returns
    -------
    best : Maxima
        The best maximum of each pair; minus infinity where all ascents fell behind the incumbent.
    n_hits : Tensor of int, shape (pair,)
        Starts in the basin of the best maximum.
    """
    n_pairs, n_starts, size, _ = starts.shape
    starts = starts.to(RUNGS[0].dtype)
    # Hits of each start: itself and the starts folded into it; 0 for a start that has left the search.
    n_hits = torch.ones(n_pairs, n_starts, dtype=torch.long)
    pair_index = torch.arange(n_pairs)
    for rung in (*RUNGS, Rung(tolerance, 1, 1.0)):
        # Ascend from the starts that are left.
        width = starts.shape[1]
        which = pair_index.repeat_interleave(width)
        active = (n_hits > 0).flatten()
        if starts.dtype != rung.dtype:
            starts = orthonormal(starts.to(rung.dtype))
        flat = starts.reshape(-1, size, size)
        active_maxima = _ascend(
            problems.to(rung.dtype), which[active], flat[active], rung.tolerance, max_steps
        )
        maxima = _scatter(active_maxima, active, flat)
        # Sort the starts of each pair, best first, so that duplicates fold into the better one.
        value = maxima.value.reshape(n_pairs, width)
        rotation = maxima.rotation.reshape(n_pairs, width, size, size)
        order = value.argsort(dim=1, descending=True, stable=True)
        value, n_hits = value.gather(1, order), n_hits.gather(1, order)
        matrix_order = order[:, :, None, None].expand_as(rotation)
        rotation = rotation.gather(1, matrix_order)
        _fold_duplicates(maxima.aligned.reshape(rotation.shape).gather(1, matrix_order), n_hits)
        # Drop the starts that are clearly behind; the last rung has no margin and drops none.
        best = value[:, 0] if incumbent is None else torch.maximum(value[:, 0], incumbent)
        if rung.margin > 1:
            behind = (1 - value) > rung.margin * (1 - best)[:, None] + 1e-6
            n_hits = torch.where(behind, 0, n_hits)
        # Starts that were folded or dropped sink to the end, the others keep their order.
        survivors = (n_hits == 0).long().argsort(dim=1, stable=True)[:, : rung.n_survivors]
        n_hits = n_hits.gather(1, survivors)
        starts = rotation.gather(1, survivors[:, :, None, None].expand(-1, -1, size, size))
    last = order.gather(1, survivors)[:, 0] + pair_index * width
    return Maxima(*(getattr(maxima, name)[last] for name in _FIELDS)), n_hits[:, 0]


def _ascend(
    problems: Problems, which: Tensor, starts: Tensor, tolerance: float, max_products: int
) -> Maxima:
    """Ascend from each start to a local maximum of its problem."""
    # Imported here: compiled, or read from Numba's cache, when first needed.
    from .trust_region import maximise

    rotation = np.array(starts.numpy(), order="C")
    aligned = np.empty_like(rotation)
    value, norm, limit, products = maximise(
        problems.symmetric.numpy(),
        problems.frequencies.numpy(),
        problems.target.numpy(),
        problems.padded,
        which.numpy(),
        rotation,
        aligned,
        tolerance,
        max_products,
    )
    arrays = (rotation, aligned, value, norm, norm <= limit, products)
    return Maxima(*(torch.from_numpy(array) for array in arrays))


def orthonormal(rotation: Tensor) -> Tensor:
    """Two Newton-Schulz steps: from the rounding of single precision to that of double."""
    for _ in range(2):
        rotation = 1.5 * rotation - 0.5 * rotation @ (rotation.mT @ rotation)
    return rotation


def _scatter(active_maxima: Maxima, active: Tensor, starts: Tensor) -> Maxima:
    """Spread the maxima of the active starts over all starts; the others get the lowest value."""
    maxima = Maxima(
        starts.clone(),
        torch.zeros_like(starts),
        torch.full_like(starts[:, 0, 0], -torch.inf),
        torch.full_like(starts[:, 0, 0], torch.inf),
        torch.zeros_like(active),
        torch.zeros_like(active, dtype=torch.long),
    )
    for name in _FIELDS:
        values = getattr(active_maxima, name)
        target = getattr(maxima, name)
        target[active] = values.to(target.dtype)
    return maxima


def _fold_duplicates(aligned: Tensor, n_hits: Tensor) -> None:
    """Count a start that has entered the basin of a better one as a hit of that one, in place."""
    width = n_hits.shape[1]
    for better in range(width):
        for worse in range(better + 1, width):
            near = (aligned[:, better] - aligned[:, worse]).flatten(1).norm(dim=1) < _SAME_BASIN
            fold = near & (n_hits[:, better] > 0) & (n_hits[:, worse] > 0)
            n_hits[:, better] += torch.where(fold, n_hits[:, worse], 0)
            n_hits[:, worse] = torch.where(fold, 0, n_hits[:, worse])


def _merge(
    problems: Problems,
    best: Maxima,
    n_hits: Tensor,
    index: Tensor,
    challenger: Maxima,
    challenger_hits: Tensor,
) -> None:
    """Replace the best by better challengers, and add up hits in one basin, in place."""
    rotation, target = best.rotation[index], problems.target[index]
    difference = rotation @ target @ rotation.mT
    difference = difference - challenger.rotation @ target @ challenger.rotation.mT
    same = difference.flatten(1).norm(dim=1) < _SAME_BASIN
    wins = challenger.value > best.value[index]
    n_hits[index] = torch.where(
        same, n_hits[index] + challenger_hits, torch.where(wins, challenger_hits, n_hits[index])
    )
    for name in _FIELDS:
        getattr(best, name)[index[wins]] = getattr(challenger, name)[wins]


def _alignments(
    first: Sequence[CanonicalOperator],
    second: Sequence[CanonicalOperator],
    problems: Problems,
    best: Maxima,
    n_hits: Tensor,
    n_starts: Tensor,
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
    columns = (t.tolist() for t in (angle, gradient_norm, n_starts, n_hits, best.converged))
    return [
        Alignment(a, np.ascontiguousarray(c), g, n, m, ok)
        for c, a, g, n, m, ok in zip(rotations, *columns, strict=True)
    ]
