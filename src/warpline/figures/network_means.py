"""One value per network from a table of pairs: its mean dissimilarity to the networks of a curriculum."""

from __future__ import annotations

import pandas as pd

__all__ = ["network_means"]


def network_means(pairs: pd.DataFrame, curriculum: str, other: str) -> pd.DataFrame:
    """Return each network's mean dissimilarity to the networks of another curriculum, or of its own.

    Parameters
    ----------
    pairs : DataFrame
        From `warpline.comparison.pairs.after_learning`, of one measure and architecture.
    curriculum : str
        Whose networks.
    other : str
        Curriculum to which they are compared.

    Returns
    -------
    DataFrame
        Index ``seed``; columns ``value`` and ``converged`` (False where training ended at the largest
        number of updates). Networks without a value have no row.
    """
    # A pair of curricula is stored in one order only; the curriculum may be on either side.
    sides = []
    for side, other_side in (("a", "b"), ("b", "a")):
        rows = pairs[
            (pairs[f"curriculum_{side}"] == curriculum)
            & (pairs[f"curriculum_{other_side}"] == other)
        ]
        columns = [f"seed_{side}", f"run_status_{side}", "dissimilarity"]
        sides.append(rows[columns].set_axis(["seed", "status", "value"], axis=1))
    networks = pd.concat(sides).dropna().groupby("seed")
    return pd.DataFrame(
        {"value": networks["value"].mean(), "converged": networks["status"].first() != "max_steps"}
    )
