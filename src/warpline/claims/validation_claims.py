"""Claims on systems whose similarity is known by construction (Guilhot et al. 2024)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from warpline.attractors.scores import area_under_curve, curve_scores, jackknife_interval
from warpline.claims.evidence import Evidence, Floats, Part
from warpline.claims.sources import SETTING, Finding, Sources, judged_measures

__all__ = ["families_are_separated", "motifs_are_counted", "noise_is_withstood"]

STATE_MEASURES = ("cka", "procrustes")
"""Measures that DSA is held against."""

Statistics = Callable[[pd.DataFrame], Mapping[str, float]]
"""Function of rows that returns named statistics."""


def _parts(rows: pd.DataFrame, statistics: Statistics, owners: pd.Series) -> list[Part]:
    """Return statistics with intervals that leave out one system (or motif) at a time.

    Parameters
    ----------
    rows : DataFrame
    statistics : callable
    owners : Series of frozenset
        The systems, or motifs, of each row: to leave one out is to leave out all rows that it owns.
    """
    names = sorted(set().union(*owners))
    values = statistics(rows)
    without = [statistics(rows[[name not in owner for owner in owners]]) for name in names]
    parts = []
    for name, value in values.items():
        of_part = np.array([each[name] for each in without])

        # Defaults bind what belongs to this part: a closure would see that of the last one.
        def interval(
            level: float, value: float = value, of_part: Floats = of_part
        ) -> tuple[float, float]:
            return jackknife_interval(value, of_part, level)

        parts.append(Part(name, value, len(names), interval))
    return parts


def _wide(rows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return pairs as rows and measures as columns, without the measures that have no value."""
    wide = rows.pivot_table(index=list(keys), columns="measure", values="dissimilarity")
    return wide.reset_index()


def _against_states(
    sources: Sources,
    modules: Sequence[str],
    experiment: str,
    keys: Sequence[str],
    score: Callable[[pd.DataFrame, str], float],
    owner: Callable[[pd.DataFrame], pd.Series],
) -> list[Finding]:
    """Return by how much a measure's score exceeds that of each measure of states.

    Pairs that the measure, or one of states, lacks are left out. Those that another setting lacks are not.
    """
    if experiment not in sources.attractors:
        return []
    kinds = sources.attractor_kinds
    rows = _wide(sources.attractors[experiment], keys)
    states = [name for name in kinds if kinds[name] in STATE_MEASURES and name in rows]
    measures = [name for name in kinds if kinds[name] in modules and name in rows]
    if not states or not measures:
        return []
    missing = [kind for kind in STATE_MEASURES if kind not in {kinds[name] for name in states}]

    def statistics(some: pd.DataFrame, measure: str) -> dict[str, float]:
        own = score(some, measure)
        return {f"against {name}": own - score(some, name) for name in states}

    parts_of = {}
    for measure in measures:
        shared = rows.dropna(subset=[measure, *states]).reset_index(drop=True)
        parts_of[measure] = _parts(shared, partial(statistics, measure=measure), owner(shared))
    findings = []
    for measure in judged_measures({name: kinds[name] for name in measures}, modules):
        parts = parts_of[measure]
        others = [
            min(part.value for part in parts_of[other])
            for other in measures
            if other != measure and kinds[other] == kinds[measure]
        ]
        unit = "motifs" if experiment == "noise" else "systems"
        evidence = Evidence(parts, others, missing)
        findings.append(Finding(evidence, measure=measure, unit=unit))
    return findings


def _pair_of_systems(rows: pd.DataFrame) -> pd.Series:
    return pd.Series(
        [frozenset(pair) for pair in zip(rows["system_a"], rows["system_b"], strict=True)]
    )


def families_are_separated(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return the AUC of pairs across families against pairs within one, less that of the state measures."""

    def auc(rows: pd.DataFrame, measure: str) -> float:
        pairs = rows[rows["system_a"] != rows["system_b"]]
        within = pairs["within"].to_numpy(dtype=bool)
        values = pairs[measure].to_numpy(dtype=float)
        return area_under_curve(values[within], values[~within])

    keys = ("system_a", "system_b", "within")
    return _against_states(sources, modules, "families", keys, auc, _pair_of_systems)


def noise_is_withstood(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return log10 of the state measures' relative floor over DSA's, the mean over levels of noise.

    The relative floor has no unit: the dissimilarity of a motif to itself under other noise, over that of
    two different motifs at that noise (`warpline.attractors.score_tables.noise_scores`).
    """

    def robustness(rows: pd.DataFrame, measure: str) -> float:
        logs = []
        for _, group in rows[rows["level"] > 0].groupby("level"):
            floor = group.loc[group["share"] == 0, measure].mean()
            different = group.loc[group["share"] == 1, measure].mean()
            logs.append(np.log10(different / floor) if floor > 0 else np.nan)
        return float(np.mean(logs)) if logs else np.nan

    def motifs(rows: pd.DataFrame) -> pd.Series:
        return pd.Series(
            [frozenset(pair) - {""} for pair in zip(rows["motif"], rows["other"], strict=True)]
        )

    rows = sources.attractors.get("noise")
    if rows is None:
        return []
    filled = rows.assign(other=rows["other"].fillna(""))
    with_noise = Sources(attractors={"noise": filled}, attractor_kinds=sources.attractor_kinds)
    keys = ("motif", "other", "level", "share")
    return _against_states(with_noise, modules, "noise", keys, robustness, motifs)


def _signed_linearity(rows: pd.DataFrame) -> float:
    """Return R2 of the mean dissimilarity at each number of shared motifs, negative where it rises.

    NaN with fewer than three numbers: two means lie on a line.
    """
    shared = rows["unordered"].to_numpy(dtype=float)
    if len(np.unique(shared)) < 3:
        return np.nan
    scores = curve_scores(
        shared,
        rows["dissimilarity"].to_numpy(dtype=float),
        rows["weight"].to_numpy(dtype=float) if "weight" in rows else None,
    )
    return -float(np.sign(scores["slope"])) * scores["r2_means"]


def _too_few_numbers(rows: pd.DataFrame, owners: pd.Series) -> str:
    """Return that too few numbers of shared motifs are left without one of the motifs; empty where not."""
    shared = rows["unordered"].to_numpy()
    left = [
        len(np.unique(shared[[name not in owner for owner in owners]]))
        for name in set().union(*owners)
    ]
    if min(left) >= 3:
        return ""
    reason = "without one of the motifs fewer than three numbers of shared motifs are left"
    if rows["system_a"].str.count(">").max() == 1:
        return reason
    return f"{reason}; take sequences of two (attractors.motifs.sequence: 2)"


def motifs_are_counted(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return how linearly the dissimilarity of motif sequences falls with the number of shared motifs."""
    if "composition" not in sources.attractors:
        return []
    compared = sources.attractors["composition"].dropna(subset="dissimilarity")
    swept = sources.attractors.get("hyperparameters")
    kinds = sources.attractor_kinds
    first_dsa = next((name for name, module in kinds.items() if module == "dsa"), None)
    findings = []
    for measure in judged_measures(kinds, modules):
        rows = compared[compared["measure"] == measure].reset_index(drop=True)
        if not len(rows):
            continue
        owners = pd.Series(
            [
                frozenset(f"{a}>{b}".split(">"))
                for a, b in zip(rows["system_a"], rows["system_b"], strict=True)
            ]
        )
        parts = _parts(rows, lambda some: {"": _signed_linearity(some)}, owners)
        # The sweep is that of the first DSA, whose own setting can be one of its cells.
        settings = []
        if swept is not None and measure == first_dsa:
            own = tuple(sources.swept_setting.get(name) for name in SETTING)
            cells = swept.dropna(subset="dissimilarity").groupby(SETTING)
            settings = [_signed_linearity(cell) for setting, cell in cells if setting != own]
        evidence = Evidence(parts, settings, left_out=_too_few_numbers(rows, owners))
        findings.append(Finding(evidence, measure=measure, unit="motifs"))
    return findings
