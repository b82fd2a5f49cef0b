"""Tidy tables of the dissimilarities of pairs of networks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from warpline.comparison.network_systems import System
from warpline.comparison.pairs import Comparison
from warpline.console import progress
from warpline.core import plugins
from warpline.similarity.measure_rows import checked_rows

__all__ = ["compare", "represent"]


def represent(measure: Any, system: System, settings: Mapping[str, Any]) -> Any:
    """Hand a measure the states of a network, and what else it needs (`warpline.similarity`)."""
    extra: dict[str, Any] = {}
    if getattr(measure, "NEEDS_INPUTS", False):
        extra["inputs"] = system.inputs
    if getattr(measure, "NEEDS_CONDITIONS", False):
        extra["conditions"] = system.conditions
    return measure.represent(system.states, settings=settings, **extra)


IDENTITY = ("architecture", "curriculum", "seed", "step", "fraction", "accuracy", "run_status")


def compare(
    comparisons: Mapping[str, Sequence[Comparison]],
    settings: Mapping[str, Any],
    seed: int,
    represent: Callable[[Any, System, Mapping[str, Any]], Any] = represent,
) -> dict[str, pd.DataFrame]:
    """Compute one measure on several lists of pairs; each system is represented once.

    Parameters
    ----------
    comparisons : mapping of str to sequence of Comparison
        Pairs by the name of their table.
    settings : mapping
        The measure's entry of the configuration; ``measure`` names the module.
    seed : int
        Root seed, for measures that search from random starts.
    represent : callable, optional
        Given the measure's module, a system and the settings: what the measure compares.

    Returns
    -------
    dict of str to DataFrame
        A row per pair: its labels, both networks (``run_status`` says how their training ended),
        ``dissimilarity``, ``status`` of the comparison, and further columns of the measure. A pair that
        cannot be compared is a row with a missing value, and the reason as its status.
    """
    measure = plugins.load("similarity", settings["measure"])
    systems: dict[int, System] = {}
    for pair in itertools.chain.from_iterable(comparisons.values()):
        systems |= {id(pair.a): pair.a, id(pair.b): pair.b}

    # Representations (such as the operators of DSA) are costly: each is computed once for all tables.
    index_of_identity: dict[Any, int] = {}
    index_of_system: dict[int, int] = {}
    failed: dict[int, str] = {}
    representations: list[Any] = []
    for key, system in systems.items():
        # Several fractions of a short run have the same nearest checkpoint.
        if system.identity in index_of_identity:
            index_of_system[key] = index_of_identity[system.identity]
            continue
        if system.run_status == "diverged":
            failed[key] = "diverged"
            continue
        try:
            representations.append(represent(measure, system, settings))
        except ValueError as error:
            failed[key] = f"failed: {error}"
            continue
        index_of_system[key] = index_of_identity[system.identity] = len(representations) - 1

    tables = {}
    total = sum(len(pairs) for pairs in comparisons.values())
    with progress.bar(total, settings["measure"], "pair") as bar:
        for table, pairs in comparisons.items():
            comparable = [p for p in pairs if id(p.a) not in failed and id(p.b) not in failed]
            results = measure.compare_pairs(
                representations,
                [(index_of_system[id(p.a)], index_of_system[id(p.b)]) for p in comparable],
                settings=settings,
                seed=seed,
                progress=bar,
            )

            # Rows keep the order of the pairs, those that could not be compared among them.
            checked = checked_rows(results, len(comparable), measure)
            result_of_pair = dict(zip(map(id, comparable), checked, strict=True))
            rows = []
            for pair in pairs:
                reason = failed.get(id(pair.a)) or failed.get(id(pair.b))
                result = result_of_pair.get(id(pair), {"dissimilarity": np.nan, "status": reason})
                networks = {
                    f"{name}_{side}": getattr(system, name)
                    for side, system in (("a", pair.a), ("b", pair.b))
                    for name in IDENTITY
                }
                rows.append({**pair.labels, **networks, **result})
            # Readers find the columns in a table without rows, too.
            columns = [f"{name}_{side}" for side in "ab" for name in IDENTITY]
            empty = pd.DataFrame(columns=[*columns, "dissimilarity", "status"])
            tables[table] = pd.DataFrame(rows) if rows else empty
    return tables
