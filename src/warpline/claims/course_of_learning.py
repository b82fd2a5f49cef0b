"""Claims on the course of learning: dissimilarity and accuracy, early and late checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from warpline.claims.evidence import Evidence, Floats, part_of_networks
from warpline.claims.sources import Finding, Sources, at_settings, judged_measures

__all__ = ["dissimilarity_follows_accuracy", "early_against_late"]


def _follows(rows: pd.DataFrame) -> Floats:
    """Return, for each seed, minus Spearman's correlation of dissimilarity and accuracy, (seed,).

    The dissimilarity is that to the reference's network of the same seed at the same fraction of training,
    the accuracy the mean of both networks. Curricula count equally. A distance to the network's own end would
    fall to 0 by construction while accuracy rises.
    """
    rows = rows[(rows["against"] == "reference") & (rows["run_status_a"] != "untrained")]
    by_network = []
    for (seed, _), group in rows.groupby(["seed_a", "curriculum_a"]):
        finite = group.dropna(subset=["dissimilarity", "accuracy_a", "accuracy_b"])
        distance = finite["dissimilarity"].to_numpy(dtype=float)
        accuracy = (finite["accuracy_a"] + finite["accuracy_b"]).to_numpy(dtype=float)
        # A constant series has no rank correlation.
        if len(finite) > 2 and np.ptp(distance) > 0 and np.ptp(accuracy) > 0:
            by_network.append((seed, -float(stats.spearmanr(distance, accuracy).statistic)))
    return _by_seed(by_network)


def _early_late(rows: pd.DataFrame) -> Floats:
    """Return, for each seed, (early - late) / (early + late), shape (seed,).

    Early and late are the dissimilarities of the first two and of the last two checkpoints of a run.
    """
    by_network = []
    for (seed, _), group in rows.groupby(["seed_a", "curriculum_a"]):
        fractions = np.unique(group[["checkpoint_a", "checkpoint_b"]].to_numpy())
        if len(fractions) < 3:
            continue
        values = group.set_index(["checkpoint_a", "checkpoint_b"])["dissimilarity"]
        early, late = (float(values.loc[tuple(ends)]) for ends in (fractions[:2], fractions[-2:]))
        if early + late > 0:
            by_network.append((seed, (early - late) / (early + late)))
    return _by_seed(by_network)


def _by_seed(values: Sequence[tuple[Any, float]]) -> Floats:
    """Return one value per seed, the mean over its curricula: they can share a pretraining."""
    frame = pd.DataFrame(values, columns=["seed", "value"])
    return frame.groupby("seed")["value"].mean().to_numpy(dtype=float)


def _findings(
    sources: Sources, modules: Sequence[str], table: str, statistic: Callable[..., Floats]
) -> list[Finding]:
    findings = []
    around_pairs = {"over": "reference", "within": "within"}[table]
    for networks in sources.compared:
        rows = getattr(networks, table)
        if not len(rows):
            continue
        values = {
            measure: statistic(rows[rows["measure"] == measure])
            for measure, module in sources.kinds.items()
            if module in modules
        }
        for measure in judged_measures(sources.kinds, modules):
            of_measure = values[measure]
            if not len(of_measure):
                continue
            others = [
                float(of_other.mean())
                for other, of_other in values.items()
                if other != measure
                and sources.kinds[other] == sources.kinds[measure]
                and len(of_other)
            ]
            around = at_settings(networks.around, measure, around_pairs)
            others += [
                float(of_setting.mean()) for of_setting in map(statistic, around) if len(of_setting)
            ]
            evidence = Evidence([part_of_networks("", of_measure)], others)
            findings.append(Finding(evidence, networks.taskset, networks.architecture, measure))
    return findings


def dissimilarity_follows_accuracy(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return the rank correlation of nearness to the reference and accuracy over training."""
    return _findings(sources, modules, "over", _follows)


def early_against_late(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return how much further apart early checkpoints of a run lie than late ones, from -1 to 1."""
    return _findings(sources, modules, "within", _early_late)
