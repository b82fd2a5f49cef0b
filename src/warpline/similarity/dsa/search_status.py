"""When a search for an alignment has converged: the estimated chance of a better maximum, and the hits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

#: Defaults of ``accepted_chance`` and ``max_starts``: more starts miss less and by less, at a cost
#: (docs/alignment_search.md).
ACCEPTED_CHANCE = 0.003
MAX_STARTS = 300


def chance_of_better(n_starts: Tensor, n_hits: Tensor, rank: int) -> Tensor:
    """Estimate the chance that 400 starts would find a better maximum than the best one so far.

    16 m^(3/2) / (n (k + 1/2)^(5/2)), at most 1, after n starts of which k independent ones reached the best
    maximum; m = max(1, rank / 10), because there are more maxima at a high rank. Form and constants were
    chosen on counts of misses, of networks of the demo and of other draws of most kinds of operators of
    `benchmarks/operator_kinds.py`. docs/alignment_search.md holds the chance against misses.

    Parameters
    ----------
    n_starts, n_hits : Tensor of int, shape (pair,)
    rank : int
        Of the operators.

    Returns
    -------
    Tensor, shape (pair,)
    """
    maxima = max(1.0, rank / 10)
    return (16 * maxima**1.5 / (n_starts * (n_hits + 0.5) ** 2.5)).clamp(max=1.0)


def least_hits(rank: int) -> int:
    """Return the hits without which no search has converged: 3 max(1, rank / 14), rounded.

    Up to 300 starts and rank 30 an accepted chance of 0.003 asks for at least as many. The chance was not
    chosen on longer searches.
    """
    return round(3 * max(1.0, rank / 14))


def status_of(
    converged: bool, chance: float, accepted_chance: float, n_hits: int, rank: int
) -> str:
    """``max_steps``: the ascent was cut; ``uncertain``: a better one is not ruled out; or ``converged``."""
    if not converged:
        return "max_steps"
    # Nothing is better than a perfect alignment, whose chance is 0.
    certain = chance == 0 or (chance <= accepted_chance and n_hits >= least_hits(rank))
    return "converged" if certain else "uncertain"
