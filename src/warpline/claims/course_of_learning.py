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

    A network that learns little, or is noisy, has both a dissimilarity and an accuracy that follow no other.
    The mean over networks of c_ii is then above that of c_ij, where nothing of its own ties the two. So each
    network's c_ii is held against what its own dissimilarity and its own accuracy share with others.

    Parameters
    ----------
    distance, accuracy : ndarray, shape (checkpoint, seed)
        Without missing values.

    Returns
    -------
    ndarray, shape (seed,)
        c_ii - e_i of minus Pearson's correlation c_ij of the dissimilarity of seed i and the accuracy of
        seed j. With r_i = c_i. and k_i = c_.i, means over the other networks, and m_i, the mean of c_jl over
        unlike others j and l, the expected e_i is r_i k_i / m_i: the product of how well the two series
        follow the course. Where others share no course, m_i is near 0, and e_i goes to r_i + k_i - m_i, to
        which the product is nearly equal where networks are alike. With two networks e_i is the mean of c_12
        and c_21. NaN for a constant series. Ranks would not do: those of two monotone courses agree at any
        times.
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
        values[varies] = np.diagonal(correlations) - _shared_correlations(correlations)
    return values


def _shared_correlations(correlations: Floats) -> Floats:
    """Return the correlation that each network's two series owe to what they share with others, (seed,)."""
    n = len(correlations)
    unlike = ~np.eye(n, dtype=bool)
    off = np.where(unlike, correlations, 0.0)
    rows, columns, total = off.sum(1), off.sum(0), off.sum()
    if n == 2:
        return np.full(n, total / 2)
    among_others = (total - rows - columns) / ((n - 1) * (n - 2))
    rows, columns = rows / (n - 1), columns / (n - 1)
    # Variance of such a mean, as the correlations vary: the product is resolved where the mean is larger.
    variance = correlations[unlike].var() / (n - 1)
    scale = among_others**2 + variance
    inverse = np.divide(among_others, scale, out=np.zeros(n), where=scale > 0)
    product = (rows - among_others) * (columns - among_others) * inverse
    return np.asarray(rows + columns - among_others + product)


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
