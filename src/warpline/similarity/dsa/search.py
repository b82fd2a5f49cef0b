"""Search of the best maximum of pairs of operators, in rounds of many starts.

The starts of each round are thinned out while they ascend (`warpline.similarity.dsa.halving`). The second
round combines the maxima of the first (`warpline.similarity.dsa.combinations`). In each further one half of
the starts are random; the others are neighbours of the best maximum (`warpline.similarity.dsa.involutions`)
and a combination. The search ends when the estimated chance of a better maximum is low and several kinds of
neighbours were tried, or when the number of starts reaches its cap. Where operators are nearly equal, the
planned starts ascend once more in double precision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from warpline.core.number_arguments import check_number_fields
from warpline.similarity.input_errors import SettingsError, positive_integer

from .canonical import CanonicalOperator, Problems
from .combinations import best_distinct, combination_starts
from .halving import (
    FIRST_RUNGS,
    MAXIMA_FIELDS,
    RUNGS,
    SAME_VALUE,
    Ascents,
    Maxima,
    Rung,
    same_maximum,
    successive_halving,
)
from .search_status import ACCEPTED_CHANCE, MAX_STARTS, chance_of_better, least_hits
from .starts import involution_starts, random_starts

__all__ = ["PERFECT", "AlignmentSettings", "pairs_per_chunk", "search"]

#: Starts of the second round: combinations of the maxima of the first.
_FIRST_COMBINATIONS = 3
#: Starts of each further round: random ones, whose hits count, neighbours of the best maximum, and
#: combinations.
_RANDOM, _NEIGHBOURS, _COMBINATIONS = 3, 2, 1
#: Kinds of neighbours to try before the search ends: 1 to 4 reversed directions. Combinations find more.
_KINDS = 4
#: Rank up to which so many starts are made in the first round, after which no neighbours are needed: a start
#: is cheap there, and three of twelve starts agreed on a lesser maximum in one pair of 150. Not so with a
#: linear term: there a round of 48 drops some ascents to the best maximum, and most searches ended uncertain.
_LOW_RANK = 8
_LOW_RANK_STARTS = 48
#: Shares of those starts that a rung lets go on, at least. Ascents to one maximum are still apart on the
#: first rung, above all along the directions in which zeros fill an operator: dropped ones are no hits, and
#: seven in ten searches between ranks 5 and 8 ended uncertain.
_LOW_RANK_SHARES = (1.0, 0.25, 1 / 12)
#: Rise of the inner product of operators of unit norm by which a maximum is another one.
_IMPROVEMENT = 1e-9
#: Angle below which two operators are one, up to a change of basis: nothing is left to find.
PERFECT = 1e-7
#: Angle below which single precision no longer tells maxima apart: their aligned operators lie closer than
#: those of one basin (`warpline.similarity.dsa.halving`).
_NEARLY_EQUAL = 0.01
#: Size of a basin of nearly equal operators, as a share of the distance between them.
_BASIN_SHARE = 0.3
#: Elements (starts x n x n) in memory at once.
_CHUNK_ELEMENTS = 4_000_000


@dataclass(frozen=True)
class AlignmentSettings:
    """Effort of the search.

    Attributes
    ----------
    max_starts : int
        Cap on the starts of a pair, planned ones included.
    first_starts : int
        Starts of the first round, the six planned ones first.
    accepted_chance : float
        Chance of a better maximum (`chance_of_better`) above which the search goes on; at its end, the
        status is "uncertain".
    tolerance : float
        Gradient norm, relative to the residual, at which the last rung has converged.
    max_steps : int
        Hessian-vector products of one ascent on one rung; beyond, the status is "max_steps".
    rungs : tuple of Rung
        Of successive halving, before the last.
    first_rungs : tuple of Rung
        Those of a first round to which others follow.

    Raises
    ------
    SettingsError
        When a field is no number, a count is not positive, or ``accepted_chance`` is not between 0 and 1.
    """

    max_starts: int = MAX_STARTS
    first_starts: int = 12
    accepted_chance: float = ACCEPTED_CHANCE
    tolerance: float = 1e-6
    max_steps: int = 5000
    rungs: tuple[Rung, ...] = RUNGS
    first_rungs: tuple[Rung, ...] = FIRST_RUNGS

    def __post_init__(self) -> None:
        check_number_fields(self, SettingsError)
        for name in ("max_starts", "first_starts", "max_steps"):
            positive_integer(name, getattr(self, name))
        if not 0 < self.accepted_chance < 1:
            raise SettingsError(
                "accepted_chance between 0 and 1",
                repr(self.accepted_chance),
                "Set accepted_chance.",
            )


def pairs_per_chunk(operator: CanonicalOperator, settings: AlignmentSettings) -> int:
    """Return the number of pairs aligned at once: their starts are one array, which fills the memory."""
    size = len(operator.symmetric)
    return max(1, _CHUNK_ELEMENTS // (_n_first(size, False, settings) * size * size))


@torch.no_grad()
def search(
    problems: Problems,
    size: int,
    planned: Tensor,
    generators: Sequence[np.random.Generator],
    settings: AlignmentSettings,
) -> tuple[Maxima, Tensor, Tensor]:
    """Search the best maximum of each problem from planned, random and neighbouring starts.

    Parameters
    ----------
    problems : Problems
        One problem per pair, float64.
    size : int
        Rank of the operators, without the padding dimension.
    planned : Tensor, shape (pair, start, n, n)
        Orthogonal matrices from which the search starts.
    generators : sequence of numpy.random.Generator
        One per pair.
    settings : AlignmentSettings

    Returns
    -------
    best : Maxima
        One per pair.
    n_hits, n_starts : Tensor of int, shape (pair,)
    """
    state = _first_round(problems, size, planned, generators, settings)
    counts = _Counts(random=0, neighbours=0, combinations=_FIRST_COMBINATIONS)
    while len(index := _unfinished(state, size, settings)):
        _further_round(state, index, counts, problems, size, generators, settings)
        counts = _Counts(_RANDOM, _NEIGHBOURS, _COMBINATIONS)
    _ascend_again(state, problems, planned, settings)
    return state.best, state.n_hits, state.n_starts


@dataclass(frozen=True)
class _Counts:
    """Starts of a further round by kind."""

    random: int
    neighbours: int
    combinations: int


@dataclass
class _State:
    """What the rounds so far found for each pair.

    ``n_tried`` counts the neighbours of the best maximum, ``maxima`` are those that are combined.
    """

    best: Maxima
    n_hits: Tensor
    n_starts: Tensor
    n_tried: Tensor
    maxima: Ascents


def _rungs(rungs: tuple[Rung, ...], settings: AlignmentSettings) -> tuple[Rung, ...]:
    """Return the rungs of a round: the given ones, and the last, which ascends to the tolerance."""
    return (*rungs, Rung(settings.tolerance, 1, 1.0))


def _wider(rungs: tuple[Rung, ...], n_starts: int) -> tuple[Rung, ...]:
    """Return the rungs of a round of all starts at once, on which a start is dropped for its value alone."""
    return tuple(
        replace(rung, n_survivors=max(rung.n_survivors, math.ceil(n_starts * share)))
        for rung, share in zip(rungs, _LOW_RANK_SHARES, strict=False)
    )


def _first_round(
    problems: Problems,
    size: int,
    planned: Tensor,
    generators: Sequence[np.random.Generator],
    settings: AlignmentSettings,
) -> _State:
    """Ascend from the planned starts, and from random ones up to the number of the round."""
    has_linear = problems.linear is not None
    n_first = _n_first(size, has_linear, settings)
    starts = planned[:, :n_first]
    if n_first > starts.shape[1]:
        random = random_starts(generators, size, n_first - starts.shape[1])
        starts = torch.cat([starts, random], dim=1)
    many = _many_at_once(size, has_linear)
    rungs = settings.rungs if many or n_first == settings.max_starts else settings.first_rungs
    if many:
        rungs = _wider(rungs, n_first)
    best, n_hits, _, second = successive_halving(
        problems, starts, _rungs(rungs, settings), settings.max_steps, n_independent=n_first
    )
    n_starts = torch.full((len(generators),), n_first)
    n_tried = torch.full_like(n_starts, _KINDS if many else 0)
    return _State(best, n_hits, n_starts, n_tried, best_distinct(second))


def _ascend_again(
    state: _State, problems: Problems, planned: Tensor, settings: AlignmentSettings
) -> None:
    """Ascend from the planned starts of nearly equal operators in double precision, in place.

    The identity is one of them, so that an operator is at 0 from itself. These ascents are no further starts.
    Where they tell maxima apart that single precision took for one, no hit counts: there are more of them.
    """
    distance = (2 - 2 * state.best.value).clamp(min=0.0).sqrt()
    index = ((distance > PERFECT) & (distance < _NEARLY_EQUAL)).nonzero()[:, 0]
    if not len(index):
        return
    earlier = state.best.select(index)
    challenger, no_hits, _, ascents = successive_halving(
        problems.select(index),
        planned[index],
        _rungs((), settings),
        settings.max_steps,
        n_independent=0,
    )
    _merge(state.best, state.n_hits, index, challenger, no_hits)
    best = state.best.select(index)
    basin = _BASIN_SHARE * (2 - 2 * best.value).clamp(min=0.0).sqrt()
    of_pairs = ascents.aligned, ascents.value, best.aligned[:, None], best.value[:, None]
    hits = same_maximum(*of_pairs, SAME_VALUE, basin[:, None])
    several = (same_maximum(*of_pairs, SAME_VALUE) & ~hits).any(dim=1)
    several |= ~same_maximum(
        earlier.aligned, earlier.value, best.aligned, best.value, SAME_VALUE, basin
    )
    state.n_hits[index] = torch.where(several, 0, state.n_hits[index])


def _n_kinds(size: int) -> int:
    """Return the kinds of neighbours: 1, 2, ... reversed directions, up to half of all.

    -C, with the others reversed, aligns alike (with a linear term, a neighbour takes the better sign).
    """
    return max(1, size // 2)


def _unfinished(state: _State, size: int, settings: AlignmentSettings) -> Tensor:
    """Return the pairs whose best maximum has too few hits, or neighbours that were not tried."""
    chance = chance_of_better(state.n_starts, state.n_hits, size)
    unfinished = (chance > settings.accepted_chance) | (state.n_hits < least_hits(size))
    unfinished |= state.n_tried < min(_n_kinds(size), _KINDS)
    # Nothing is better than a perfect alignment: cos(angle) is 1 - angle^2 / 2.
    unfinished &= state.best.value < 1 - PERFECT**2
    return (unfinished & (state.n_starts < settings.max_starts)).nonzero()[:, 0]


def _further_round(
    state: _State,
    index: Tensor,
    counts: _Counts,
    problems: Problems,
    size: int,
    generators: Sequence[np.random.Generator],
    settings: AlignmentSettings,
) -> None:
    """Ascend from further starts of the pairs at ``index``, and enter what they find into the state."""
    problem, incumbent = problems.select(index), state.best.select(index)
    maxima, n_tried = state.maxima.select(index), state.n_tried[index]
    of_pairs = [generators[int(i)] for i in index]
    starts = _further_starts(problem, incumbent, maxima, n_tried, counts, size, of_pairs)
    count = min(starts.shape[1], settings.max_starts - int(state.n_starts[index].min()))
    challenger, challenger_hits, n_returns, second = successive_halving(
        problem,
        starts[:, :count],
        _rungs(settings.rungs, settings),
        settings.max_steps,
        n_independent=counts.random,
        incumbent=incumbent,
    )
    state.n_starts[index] += count
    state.n_hits[index] += n_returns
    _merge(state.best, state.n_hits, index, challenger, challenger_hits)
    for name, tensor in vars(best_distinct(maxima, second)).items():
        getattr(state.maxima, name)[index] = tensor
    # A new best maximum has neighbours of its own.
    improved = state.best.value[index] > incumbent.value + _IMPROVEMENT
    state.n_tried[index] = torch.where(improved, 0, n_tried + counts.neighbours)


def _further_starts(
    problems: Problems,
    incumbent: Maxima,
    maxima: Ascents,
    n_tried: Tensor,
    counts: _Counts,
    size: int,
    generators: Sequence[np.random.Generator],
) -> Tensor:
    """Return random starts, neighbours of the best maximum and combinations, shape (pair, start, n, n)."""
    combinations, exist = combination_starts(problems, maxima, counts.combinations)
    # The kinds of neighbours take turns.
    turns = n_tried[:, None] + torch.arange(counts.neighbours + counts.combinations)
    n_reversed = 1 + turns % _n_kinds(size)
    kinds = [combinations]
    if counts.neighbours:
        random = random_starts(generators, size, counts.random)
        reversals = n_reversed[:, : counts.neighbours]
        kinds = [random, _neighbours(generators, problems, incumbent, size, reversals), *kinds]
    # Neighbours also stand in for combinations that a pair does not have.
    few = (~exist.all(dim=1)).nonzero()[:, 0]
    if len(few):
        substitutes = _neighbours(
            [generators[int(i)] for i in few],
            problems.select(few),
            incumbent.select(few),
            size,
            n_reversed[few, counts.neighbours :],
        )
        combinations[few] = torch.where(exist[few, :, None, None], combinations[few], substitutes)
    return torch.cat(kinds, dim=1)


def _neighbours(
    generators: Sequence[np.random.Generator],
    problems: Problems,
    maxima: Maxima,
    size: int,
    n_reversed: Tensor,
) -> Tensor:
    """Return neighbours of one maximum of each pair, shape (pair, start, n, n)."""
    return involution_starts(
        generators, problems, maxima.rotation, maxima.aligned, size, n_reversed.numpy()
    )


def _merge(
    best: Maxima, n_hits: Tensor, index: Tensor, challenger: Maxima, challenger_hits: Tensor
) -> None:
    """Replace the best by better challengers, and add up hits in one basin, in place."""
    same = same_maximum(
        best.aligned[index], best.value[index], challenger.aligned, challenger.value, SAME_VALUE
    )
    wins = challenger.value > best.value[index]
    n_hits[index] = torch.where(
        same, n_hits[index] + challenger_hits, torch.where(wins, challenger_hits, n_hits[index])
    )
    for name in MAXIMA_FIELDS:
        getattr(best, name)[index[wins]] = getattr(challenger, name)[wins]


def _n_first(size: int, has_linear: bool, settings: AlignmentSettings) -> int:
    """Return the number of starts of the first round, given the rank."""
    n_first = settings.first_starts
    if _many_at_once(size, has_linear):
        n_first = max(n_first, _LOW_RANK_STARTS)
    return min(n_first, settings.max_starts)


def _many_at_once(size: int, has_linear: bool) -> bool:
    return size == 1 or (size <= _LOW_RANK and not has_linear)
