"""Choice of the parameters of DSA for the networks of a task set, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from warpline.comparison.chosen_parameters import PARAMETERS
from warpline.comparison.network_systems import System
from warpline.similarity.dsa.selection import choose_dsa
from warpline.similarity.input_errors import InputError

__all__ = ["choose"]


def choose(
    systems: Sequence[System],
    measure: Mapping[str, Any],
    candidates: Mapping[str, Any],
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Choose one setting of DSA for some networks (`warpline.similarity.dsa.selection.choose_dsa`).

    Parameters
    ----------
    systems : sequence of System
        Networks that count. Those of diverged runs do not.
    measure : mapping
        The measure's entry: ``name``, ``ridge``, ``rank_tolerance``, ``offset``, and `PARAMETERS`, of which
        each is ``auto`` or a number.
    candidates : mapping
        ``n_delays``, ``delay_intervals``, ``ranks``, for what is ``auto``; ``horizons``, ``keep``,
        ``longest``.
    seed : int
        Of the choice of held-out trials.

    Returns
    -------
    dict of str to DataFrame
        ``choice``: one row with the setting, its ``status``, and which parameters were ``automatic``.
        ``sweep``: a row per setting. ``networks``: a row per network and setting. If no network can be
        fitted, the smallest candidates are taken, the status says so, and the other two tables are empty.
    """
    lists = dict(zip(PARAMETERS, ("n_delays", "delay_intervals", "ranks"), strict=True))
    tried: dict[str, Any] = {
        many: candidates[many] if measure[one] == "auto" else [measure[one]]
        for one, many in lists.items()
    }
    named = {
        f"{system.architecture}/{system.curriculum}/{system.seed}": system
        for system in systems
        if system.run_status != "diverged"
    }
    try:
        choice = choose_dsa(
            {name: system.states for name, system in named.items()},
            **tried,
            horizons=candidates["horizons"],
            keep=candidates["keep"],
            longest=candidates["longest"],
            ridge=measure["ridge"],
            rank_tolerance=measure["rank_tolerance"],
            offset=measure["offset"],
            seed=seed,
        )
    except InputError:
        # A task set without one usable network still has its rows, which say why there is no number.
        row: dict[str, Any] = {one: min(tried[many]) for one, many in lists.items()}
        row |= {"status": "failed: no network can be fitted"}
        sweep, rows = pd.DataFrame(), pd.DataFrame()
    else:
        row = {name: getattr(choice, name) for name in (*PARAMETERS, "status")}
        sweep = choice.settings
        identities = pd.DataFrame(
            [
                {
                    "system": name,
                    "architecture": system.architecture,
                    "curriculum": system.curriculum,
                    "seed": system.seed,
                }
                for name, system in named.items()
            ]
        )
        rows = identities.merge(choice.sweep, on="system", how="right").drop(columns="system")
    automatic = " ".join(name for name in PARAMETERS if measure[name] == "auto")
    # No more than that: a comparison reads it, and runs again if a byte changes.
    row |= {"automatic": automatic}
    tables = {"choice": pd.DataFrame([row]), "sweep": sweep, "networks": rows}
    for table in tables.values():
        table.insert(0, "measure", measure["name"])
    return tables
