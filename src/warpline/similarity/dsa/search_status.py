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

    (24 / n)^2 m^2 (0.004 + 0.2 / 2^(k / m)), at most 1, after n starts of which k independent ones reached
    the best maximum; m = max(1, rank / 14). At a high rank there are more maxima, so that a hit says less.
    Form and constants are a rounded fit to the misses of the search on pairs of trained networks;
    docs/alignment_search.md holds them against the misses, and `benchmarks/dsa_search.py` counts them again.
    After more than 96 starts they were not: there the number of starts alone makes the chance low
    (`least_hits`).

    Parameters
    ----------
    n_starts, n_hits : Tensor of int, shape (pair,)
    rank : int
        Of the operators.

    Returns
    -------
    Tensor, shape (pair,)
    """
    maxima = max(1.0, rank / 14)
    of_hits = 0.004 + 0.2 * 0.5 ** (n_hits / maxima)
    return ((24 / n_starts * maxima) ** 2 * of_hits).clamp(max=1.0)


def least_hits(rank: int) -> int:
    """Return the hits without which no search has converged, however many starts it had: 3 m, rounded.

    Of a search that was not long the chance asks for as many: by an accepted chance of 0.01 with up to 48
    starts, and of 0.003 with up to 96.
    """
    return round(3 * max(1.0, rank / 14))


def status_of(
    converged: bool, chance: float, accepted_chance: float, n_hits: int, rank: int
) -> str:
    """``max_steps``: the ascent was cut; ``uncertain``: a better maximum is likely; or ``converged``."""
    if not converged:
        return "max_steps"
    # Nothing is better than a perfect alignment, whose chance is 0.
    certain = chance == 0 or (chance <= accepted_chance and n_hits >= least_hits(rank))
    return "converged" if certain else "uncertain"
