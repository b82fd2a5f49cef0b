"""The tables from which claims are judged, sorted by what they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from warpline.claims.evidence import Evidence, Floats

__all__ = [
    "AnalysedNetworks",
    "ComparedNetworks",
    "Finding",
    "Sources",
    "at_settings",
    "judged_measures",
]

SETTING = ["n_delays", "delay_interval", "rank"]


@dataclass(frozen=True)
class Finding:
    """What the tables say of a claim in one place.

    Attributes
    ----------
    evidence : Evidence
    taskset, architecture, analysis, measure : str
        Where; empty where it does not matter.
    unit : str
        What ``Evidence.n`` counts.
    """

    evidence: Evidence
    taskset: str = ""
    architecture: str = ""
    measure: str = ""
    analysis: str = ""
    unit: str = "networks"


@dataclass(frozen=True)
class ComparedNetworks:
    """Dissimilarities of the networks of one task set and architecture, by all measures.

    Attributes
    ----------
    taskset, architecture : str
    model : str
        Name of the architecture's model.
    after, over, within : DataFrame
        Tables of `warpline.comparison.pairs`, with ``measure``.
    around : DataFrame
        Of `warpline.comparison.neighbourhood.compare_around`, with ``measure``; empty where not run.
    """

    taskset: str
    architecture: str
    model: str
    after: pd.DataFrame
    over: pd.DataFrame
    within: pd.DataFrame
    around: pd.DataFrame


@dataclass(frozen=True)
class AnalysedNetworks:
    """One analysis of metric warping.

    Attributes
    ----------
    name, experiment, taskset, architecture : str
    numbers : DataFrame
        A row per network and quantity (`warpline.analyses.summary.scalar_rows`), with ``seed``
        and ``status``.
    arrays : Dataset or None
        Of all networks, along ``seed``; None for experiments of which no claim needs them.
    """

    name: str
    experiment: str
    taskset: str
    architecture: str
    numbers: pd.DataFrame
    arrays: xr.Dataset | None = None

    def values(self, quantity: str, condition: str = "", moment: str = "") -> Floats:
        """Return a number of each network, shape (network,); NaN for networks that diverged."""
        rows = self.numbers
        named = rows["quantity"] == quantity
        for column, name in (("condition", condition), ("moment", moment)):
            named &= rows[column].fillna("") == name
        chosen = rows[named].sort_values("seed")
        values = chosen["value"].to_numpy(dtype=float)
        return np.where(chosen["status"] == "diverged", np.nan, values)


@dataclass(frozen=True)
class Sources:
    """All that a run holds for its claims.

    Attributes
    ----------
    compared : sequence of ComparedNetworks
    analysed : sequence of AnalysedNetworks
    attractors : mapping of str to DataFrame
        Dissimilarities of validation systems by experiment (`warpline.attractors.experiments`).
    kinds, attractor_kinds : mapping of str to str
        Module of each measure, by its name in the configuration and in its order: for networks, and for
        attractors. The first entry of a module is judged; further ones are other settings of it.
    swept_setting : mapping of str to int
        Own ``n_delays``, ``delay_interval`` and ``rank`` of the attractors' first DSA, the one that is swept.
    levels : mapping of str to mapping of str to int
        By task set, the place of each curriculum in the claimed order, index of
        `warpline.claims.curriculum_order.LEVELS`.
    reference : str
        The curriculum that all others are compared with.
    """

    compared: Sequence[ComparedNetworks] = ()
    analysed: Sequence[AnalysedNetworks] = ()
    attractors: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    attractor_kinds: Mapping[str, str] = field(default_factory=dict)
    swept_setting: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    reference: str = "master"

    def of_experiment(self, experiment: str) -> list[AnalysedNetworks]:
        """Return the analyses of an experiment."""
        return [one for one in self.analysed if one.experiment == experiment]


def judged_measures(kinds: Mapping[str, str], modules: Sequence[str]) -> list[str]:
    """Return the first measure of each module that a claim is about: the others are its other settings."""
    first: dict[str, str] = {}
    for name, module in kinds.items():
        if module in modules:
            first.setdefault(module, name)
    return list(first.values())


def at_settings(around: pd.DataFrame, measure: str, pairs: str) -> list[pd.DataFrame]:
    """Return the rows of a measure at each setting around its own, of one kind of pairs."""
    if not len(around):
        return []
    rows = around[(around["measure"] == measure) & (around["pairs"] == pairs) & ~around["own"]]
    return [of_setting for _, of_setting in rows.groupby(SETTING)]
