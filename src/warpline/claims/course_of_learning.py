"""Claims on the course of learning: dissimilarity and accuracy, early and late checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from warpline.claims.evidence import Evidence, Floats, part_of_networks
from warpline.claims.sources import Finding, Sources, at_settings, judged_measures

__all__ = [
    "beyond_shared_course",
    "dissimilarity_follows_accuracy",
    "dissimilarity_follows_own_accuracy",
    "early_against_late",
]


def _to_reference(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs with the reference of the same seed; untrained networks have no course of learning."""
    return rows[(rows["against"] == "reference") & (rows["run_status_a"] != "untrained")]


def _follows(rows: pd.DataFrame) -> Floats:
    """Return, for each seed, minus Spearman's correlation of dissimilarity and accuracy, (seed,).

    The dissimilarity is that to the reference's network of the same seed at the same fraction of training,
    the accuracy the mean of both networks. Curricula count equally. A distance to the network's own end would
    fall to 0 by construction while accuracy rises.
    """
    by_network = []
    for (seed, _), group in _to_reference(rows).groupby(["seed_a", "curriculum_a"]):
        finite = group.dropna(subset=["dissimilarity", "accuracy_a", "accuracy_b"])
        distance = finite["dissimilarity"].to_numpy(dtype=float)
        accuracy = (finite["accuracy_a"] + finite["accuracy_b"]).to_numpy(dtype=float)
        # A constant series has no rank correlation.
        if len(finite) > 2 and np.ptp(distance) > 0 and np.ptp(accuracy) > 0:
            by_network.append((seed, -float(stats.spearmanr(distance, accuracy).statistic)))
    return _by_seed(by_network)


def beyond_shared_course(distance: Floats, accuracy: Floats) -> Floats:
    """Return how much better a dissimilarity follows the accuracy of its own network than that of others.

    Whatever falls over training correlates with whatever rises (Yule 1926). What two networks share is the
    course of training. So the null is the correlation with the accuracy of another network at the same
    checkpoints: the session permutation of Harris (2020, "Nonsense correlations in neuroscience"). Circular
    shifts, randomised phases and detrending reject too often for series with a trend, by his simulations.

    Parameters
    ----------
    distance, accuracy : ndarray, shape (checkpoint, seed)
        Without missing values.

    Returns
    -------
    ndarray, shape (seed,)
        c_ii - c_i. - c_.i + c_.. of minus Pearson's correlation c_ij of the dissimilarity of seed i and the
        accuracy of seed j; dots are means over unlike i and j. The mean is that of c_ii less that of c_ij.
        What makes one series easy to follow, or one accuracy easily followed, is removed from the spread.
        NaN for a constant series. Ranks would not do: those of two monotone courses agree at any times.
    """

    def scores(values: Floats) -> Floats:
        centred = values - values.mean(0)
        norms = np.sqrt((centred**2).sum(0))
        # A constant series has no correlation.
        return np.divide(
            centred, norms, out=np.full_like(centred, np.nan), where=np.ptp(values, axis=0) > 0
        )

    correlations = -scores(distance).T @ scores(accuracy)
    varies = np.isfinite(np.diagonal(correlations))
    correlations = correlations[np.ix_(varies, varies)]
    values = np.full(len(varies), np.nan)
    if varies.sum() > 1:
        own = np.diagonal(correlations).copy()
        np.fill_diagonal(correlations, np.nan)
        rows, columns = np.nanmean(correlations, axis=1), np.nanmean(correlations, axis=0)
        values[varies] = own - rows - columns + np.nanmean(correlations)
    return values


def _follows_own(rows: pd.DataFrame) -> Floats:
    """Return, for each seed, by how much its dissimilarity follows its own accuracy better, (seed,).

    Dissimilarity and accuracy are those of `_follows`. Networks are held against others of their curriculum.
    Checkpoints that more than half of them lack do not count, and networks that lack one of the others
    do not: few checkpoints in all would make every course the shared one.
    """
    by_network: list[tuple[Any, float]] = []
    for _, group in _to_reference(rows).groupby("curriculum_a"):
        both = group.assign(accuracy=group["accuracy_a"] + group["accuracy_b"])
        # A network that diverged has accuracies and no dissimilarity: one table must not lack its column.
        finite = both.dropna(subset=["dissimilarity", "accuracy"])
        wide = finite.pivot_table(
            index="checkpoint", columns="seed_a", values=["dissimilarity", "accuracy"]
        )
        wide = wide[wide.notna().mean(axis="columns") >= 0.5].dropna(axis="columns")
        if len(wide) > 2 and len(wide.columns):
            distance, accuracy = wide["dissimilarity"], wide["accuracy"]
            values = beyond_shared_course(distance.to_numpy(float), accuracy.to_numpy(float))
            by_network += [
                pair for pair in zip(distance, values, strict=True) if np.isfinite(pair[1])
            ]
    return _by_seed(by_network)


def _early_late(rows: pd.DataFrame) -> Floats:
    """Return, for each seed, (early - late) / (early + late), shape (seed,).

    Early and late are the dissimilarities of the first two and of the last two checkpoints of a run. These
    must lie equally far apart in training: then 0 is what steps of one size give, whatever their direction.
    """
    by_network = []
    for (seed, _), group in rows.groupby(["seed_a", "curriculum_a"]):
        fractions = np.unique(group[["checkpoint_a", "checkpoint_b"]].to_numpy())
        if len(fractions) < 3 or not np.isclose(
            fractions[1] - fractions[0], fractions[-1] - fractions[-2]
        ):
            continue
        values = group.set_index(["checkpoint_a", "checkpoint_b"])["dissimilarity"]
        early, late = (
            float(values.get(tuple(ends), np.nan)) for ends in (fractions[:2], fractions[-2:])
        )
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
        if table == "over":
            # Distances to a second reference are another series. At other settings there is the first alone.
            rows = rows[rows["curriculum_b"] == sources.reference]
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


def dissimilarity_follows_own_accuracy(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return by how much that correlation exceeds the one with the accuracy of networks of other seeds."""
    return _findings(sources, modules, "over", _follows_own)


def early_against_late(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return how much further apart early checkpoints of a run lie than late ones, from -1 to 1."""
    return _findings(sources, modules, "within", _early_late)
