"""Alignment of pairs of operators over the orthogonal group, with several starts.

For each pair, many starts climb a little way, the best go on, and the best of those are polished
(successive halving: most of the work of a climb is in its last digits). Random starts follow until
the best maximum has been found three times, or the cap is reached. The search is the same on CPU and CUDA;
a climb is compiled code on the CPU and one of a batch on CUDA. The result of a pair depends on the
pair, the seed and the device alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .frames import Framed
from .halving import FIELDS, SAME_BASIN, climb, orthonormal
from .problems import Problems, Solution
from .starts import pair_generator, planned_starts, random_starts

FloatArray = NDArray[np.float64]

#: Random starts per further round.
_ROUND = 4
#: Finds of the best maximum after which no more starts follow. Two were too few: a common maximum that
#: is not the best was taken for it in one pair of 60 at rank 20; with three, in one of 200.
_ENOUGH = 3
#: Rank up to which all starts are made at once.
_FEW = 8
#: Elements (starts x n x n) held at once.
_CHUNK_ELEMENTS = {"cpu": 4_000_000, "cuda": 40_000_000}


@dataclass(frozen=True)
class AlignmentSettings:
    """How hard the alignment tries.

    Attributes
    ----------
    max_starts : int
        Cap on the starts of a pair, planned ones included.
    first_starts : int
        Starts of the first round, the six planned ones first.
    tolerance : float
        Gradient norm, relative to the residual, at which the last rung has converged.
    max_steps : int
        Hessian-vector products of one climb on one rung; beyond, the status is "max_steps".
    device : str
        "cpu" or "cuda".
    """

    max_starts: int = 48
    first_starts: int = 12
    tolerance: float = 1e-6
    max_steps: int = 5000
    device: str = "cpu"


@dataclass(frozen=True)
class Alignment:
    """Best alignment found of one pair.

    Attributes
    ----------
    angle : float
        Angle in radians, in [0, pi], between A and C B C^T.
    rotation : ndarray, shape (rank, rank)
        The orthogonal matrix C.
    gradient_norm : float
        Norm of the Riemannian gradient of the cosine of the angle at C.
    n_starts : int
        Starts that were climbed from.
    n_found : int
        Polished or abandoned climbs that ended in the best basin.
    converged : bool
        Whether the gradient met the tolerance.
    """

    angle: float
    rotation: FloatArray
    gradient_norm: float
    n_starts: int
    n_found: int
    converged: bool


def align_pairs(
    operators: Sequence[Framed] | Mapping[int, Framed],
    pairs: Sequence[tuple[int, int]],
    *,
    seed: int = 0,
    settings: AlignmentSettings | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Alignment]:
    """Minimise the angle between A and C B C^T over orthogonal C for each pair.

    Parameters
    ----------
    operators : sequence of Framed
        Operators of equal size.
    pairs : sequence of (int, int)
        Indices (A, B) into ``operators``.
    seed : int
        Root of the random starts.
    settings : AlignmentSettings, optional
        How hard to try.
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
    ordered = []
    for i, j in pairs:
        swap = operators[j].order_key < operators[i].order_key
        ordered.append((j, i) if swap else (i, j))
    size = len(operators[pairs[0][0]].symmetric)
    starts = _first_round(size, settings)
    kind = torch.device(settings.device).type
    chunk = max(1, _CHUNK_ELEMENTS[kind] // (starts * size * size))
    results: list[Alignment] = []
    for begin in range(0, len(pairs), chunk):
        part = ordered[begin : begin + chunk]
        firsts = [operators[i] for i, _ in part]
        seconds = [operators[j] for _, j in part]
        solved = _align_chunk(firsts, seconds, seed, settings)
        for given, used, result in zip(pairs[begin : begin + chunk], part, solved, strict=True):
            results.append(_transpose(result) if given != used else result)
        if progress is not None:
            progress(len(part))
    return results


def _first_round(size: int, settings: AlignmentSettings) -> int:
    """Return how many starts are made before a maximum that was found again counts as the best.

    In few dimensions a start is cheap, and three of twelve met at a lesser maximum in one pair of 150.
    """
    return settings.max_starts if size <= _FEW else min(settings.first_starts, settings.max_starts)


def _transpose(result: Alignment) -> Alignment:
    return Alignment(
        result.angle,
        np.ascontiguousarray(result.rotation.T),
        result.gradient_norm,
        result.n_starts,
        result.n_found,
        result.converged,
    )


@torch.no_grad()
def _align_chunk(
    first: Sequence[Framed], second: Sequence[Framed], seed: int, settings: AlignmentSettings
) -> list[Alignment]:
    device = torch.device(settings.device)

    def stack(arrays: list[FloatArray]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).to(device)

    problems = Problems(
        stack([f.symmetric for f in first]),
        stack([f.frequencies for f in first]),
        stack([f.matrix for f in second]),
        first[0].phantom,
    )
    generators = [pair_generator(seed, a, b) for a, b in zip(first, second, strict=True)]
    wanted = _first_round(first[0].size, settings)
    starts = planned_starts(first, second, generators, device)[:, :wanted]
    if wanted > starts.shape[1]:
        more = random_starts(generators, first[0].size, wanted - starts.shape[1], device)
        starts = torch.cat([starts, more], dim=1)
    best, found = climb(
        problems, starts, tolerance=settings.tolerance, max_steps=settings.max_steps
    )
    used = torch.full((len(first),), starts.shape[1], device=device)
    while True:
        again = ((found < _ENOUGH) & (used < settings.max_starts)).nonzero()[:, 0]
        if not len(again):
            break
        count = min(_ROUND, settings.max_starts - int(used[again].min()))
        more = random_starts([generators[int(i)] for i in again], first[0].size, count, device)
        rival, rival_found = climb(
            problems.select(again),
            more,
            tolerance=settings.tolerance,
            max_steps=settings.max_steps,
            incumbent=best.value[again],
        )
        used[again] += count
        _merge(problems, best, found, again, rival, rival_found)
    return _finish(first, second, problems, best, found, used)


def _merge(
    problems: Problems,
    best: Solution,
    found: Tensor,
    index: Tensor,
    rival: Solution,
    rival_found: Tensor,
) -> None:
    """Take over better rivals, and count rivals in the basin of the best, in place."""
    held = best.rotation[index]
    target = problems.target[index]
    difference = held @ target @ held.mT - rival.rotation @ target @ rival.rotation.mT
    same = difference.flatten(1).norm(dim=1) < SAME_BASIN
    wins = rival.value > best.value[index]
    found[index] = torch.where(
        same, found[index] + rival_found, torch.where(wins, rival_found, found[index])
    )
    taken = index[wins]
    for name in FIELDS:
        getattr(best, name)[taken] = getattr(rival, name)[wins]


def _finish(
    first: Sequence[Framed],
    second: Sequence[Framed],
    problems: Problems,
    best: Solution,
    found: Tensor,
    used: Tensor,
) -> list[Alignment]:
    """Angles of the operators as given, traces included."""
    size = first[0].size
    device = best.rotation.device
    rotation = orthonormal(best.rotation)
    full = torch.from_numpy(np.stack([f.matrix for f in first])).to(device)
    moved = rotation @ problems.target @ rotation.mT

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, device=device)[:, None, None]

    free_a, free_b = column([f.free_norm for f in first]), column([f.free_norm for f in second])
    trace_a, trace_b = column([f.trace_part for f in first]), column([f.trace_part for f in second])

    def distance(sign: float) -> Tensor:
        free = (free_a * full + sign * free_b * moved).square().sum((-1, -2))
        trace = size * (trace_a + sign * trace_b).square()[:, 0, 0]
        return (free + trace).sqrt()

    # Accurate at both ends of [0, pi], where the arc cosine loses half of the digits.
    angle = 2 * torch.atan2(distance(-1.0), distance(1.0))
    slope = best.gradient_norm * (free_a * free_b)[:, 0, 0]
    frames_a = torch.from_numpy(np.stack([f.frame for f in first])).to(device)
    frames_b = torch.from_numpy(np.stack([f.frame for f in second])).to(device)
    outer = (frames_a @ rotation @ frames_b.mT)[:, :size, :size].cpu().numpy()
    columns = (t.cpu().tolist() for t in (angle, slope, used, found, best.converged))
    return [
        Alignment(a, np.ascontiguousarray(c), g, n, m, ok)
        for c, a, g, n, m, ok in zip(outer, *columns, strict=True)
    ]
