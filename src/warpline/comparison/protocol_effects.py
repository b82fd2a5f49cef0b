"""Effects of a protocol: accuracy, dissimilarities, and how these order curricula."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from warpline.comparison.jackknife import mean_interval
from warpline.comparison.statistics import summary_table
from warpline.core.student_t import student_quantile

__all__ = ["COLUMNS", "order_probability", "protocol_effects", "rank_correlation"]

COLUMNS = (
    "protocol",
    "taskset",
    "architecture",
    "curriculum",
    "measure",
    "statistic",
    "value",
    "low",
    "high",
    "n",
)
"""Columns of the table of effects."""


def order_probability(pairs: pd.DataFrame) -> float:
    """Return the probability that a curriculum of fewer tasks lies further from the reference (AUC).

    The mean of P(d of the fewer > d of the more), with ties counted half, over pairs of curricula that learn
    unequally many tasks. 1: the order of Guilhot et al. (2024); 0.5: none. NaN without such a pair.

    Parameters
    ----------
    pairs : DataFrame
        ``curriculum``, ``n_tasks``, ``dissimilarity``.
    """
    groups = [
        (int(rows["n_tasks"].iloc[0]), rows["dissimilarity"].to_numpy(float))
        for _, rows in pairs.groupby("curriculum")
    ]
    chances = [
        (few[:, None] > many).mean() + 0.5 * (few[:, None] == many).mean()
        for n_few, few in groups
        for n_many, many in groups
        if n_few < n_many
    ]
    return float(np.mean(chances)) if chances else np.nan


def rank_correlation(pairs: pd.DataFrame) -> float:
    """Return Spearman's correlation of dissimilarity to the reference and number of tasks learned.

    Below 0 in the order of Guilhot et al. (2024); -1 is not reached, because networks of a curriculum have
    equal numbers. NaN where either is constant.

    Parameters
    ----------
    pairs : DataFrame
        As for `order_probability`.
    """
    columns = pairs[["n_tasks", "dissimilarity"]]
    if len(columns) < 2 or (columns.nunique() < 2).any():
        return np.nan
    return float(stats.spearmanr(*columns.to_numpy(float).T).statistic)


def _leave_one_seed_out(
    pairs: pd.DataFrame,
    statistic: Callable[[pd.DataFrame], float],
    bounds: tuple[float, float],
    confidence: float,
) -> tuple[float, float, float]:
    """Return a statistic of pairs with its interval: delete-one-seed jackknife, Student's t with n - 1."""
    value = statistic(pairs)
    seeds = np.unique(pairs[["seed", "seed_reference"]])
    without = np.array(
        [
            statistic(pairs[(pairs["seed"] != seed) & (pairs["seed_reference"] != seed)])
            for seed in seeds
        ]
    )
    n = len(seeds)
    if n < 3 or not np.isfinite(without).all():
        return value, np.nan, np.nan
    error = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    width = float(student_quantile(confidence, n - 1) * error)
    return value, max(value - width, bounds[0]), min(value + width, bounds[1])


def _to_reference(after: pd.DataFrame, reference: str, learned: Mapping[str, int]) -> pd.DataFrame:
    """Return the pairs of each other curriculum with the reference, of different seeds."""
    frames = []
    for side, other in (("a", "b"), ("b", "a")):
        rows = after[
            (after["seeds"] == "cross")
            & (after[f"curriculum_{other}"] == reference)
            & (after[f"curriculum_{side}"] != reference)
        ]
        names = {
            f"curriculum_{side}": "curriculum",
            f"seed_{side}": "seed",
            f"seed_{other}": "seed_reference",
        }
        frames.append(rows.rename(columns=names)[[*names.values(), "dissimilarity"]])
    pairs = pd.concat(frames).dropna(subset="dissimilarity")
    return pairs.assign(n_tasks=pairs["curriculum"].map(learned))


def protocol_effects(
    after: pd.DataFrame, networks: pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the effects of one protocol as a tidy table.

    Parameters
    ----------
    after : DataFrame
        Tables of `warpline.comparison.pairs.after_learning` of all measures of a task set, with ``measure``.
    networks : DataFrame
        A row per trained network: ``taskset``, ``architecture``, ``curriculum``, ``seed``, ``accuracy``
        (validation), ``held_out_accuracy``.
    settings : mapping
        ``protocol``, ``reference``, ``confidence``, ``learned`` (number of tasks by curriculum).

    Returns
    -------
    DataFrame
        `COLUMNS`. Statistics: ``held_out_accuracy`` and ``accuracy`` by curriculum; by measure and curriculum
        ``dissimilarity`` (to the reference's networks of other seeds), ``separation`` (from the floors) and
        ``self_dissimilarity`` (a network from itself); by measure ``order_probability`` and
        ``rank_correlation`` over curricula. ``n`` counts networks, or seeds for the last two.
    """
    rows = [*_accuracies(networks, settings), *_dissimilarities(after, settings)]
    taskset = str(networks["taskset"].iloc[0])
    table = pd.DataFrame(rows).assign(protocol=settings["protocol"], taskset=taskset)
    return table[list(COLUMNS)]


def _accuracies(networks: pd.DataFrame, settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for (architecture, curriculum), rows in networks.groupby(
        ["architecture", "curriculum"], sort=False
    ):
        for statistic in ("held_out_accuracy", "accuracy"):
            values = rows[statistic].dropna().to_numpy(float)
            low, high = mean_interval(values, settings["confidence"])
            yield {
                "architecture": architecture,
                "curriculum": curriculum,
                "measure": "",
                "statistic": statistic,
                "value": values.mean() if len(values) else np.nan,
                # Accuracies lie in [0, 1].
                "low": np.maximum(low, 0.0),
                "high": np.minimum(high, 1.0),
                "n": len(values),
            }


def _dissimilarities(after: pd.DataFrame, settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    reference, confidence = settings["reference"], settings["confidence"]
    summary = summary_table(after, settings)
    for (measure, architecture), group in after.groupby(["measure", "architecture_a"], sort=False):
        common = {"architecture": architecture, "measure": measure}
        chosen = summary[
            (summary["measure"] == measure) & (summary["architecture"] == architecture)
        ]
        curricula = dict.fromkeys([*group["curriculum_a"], *group["curriculum_b"]])
        for curriculum in curricula:
            of = {**common, "curriculum": curriculum}
            names = {reference, curriculum}
            row = chosen[
                (chosen["seeds"] == "cross")
                & chosen["curriculum_a"].isin(names)
                & chosen["curriculum_b"].isin(names)
                & ((chosen["curriculum_a"] != chosen["curriculum_b"]) | (len(names) == 1))
            ]
            if len(row):
                found = row.iloc[0]
                n = int(min(found["n_a"], found["n_b"]))
                keys = ("mean", "low", "high")
                separation = ("separation", "separation_low", "separation_high")
                for statistic, names_of in (("dissimilarity", keys), ("separation", separation)):
                    if np.isfinite(found[names_of[0]]):
                        value, low, high = (float(found[name]) for name in names_of)
                        yield of | _row(statistic, value, low, high, n)
            itself = group[
                (group["seeds"] == "same")
                & (group["curriculum_a"] == curriculum)
                & (group["curriculum_b"] == curriculum)
            ]["dissimilarity"].dropna()
            if len(itself):
                low, high = mean_interval(itself.to_numpy(float), confidence)
                yield of | _row("self_dissimilarity", itself.mean(), low, high, len(itself))
        pairs = _to_reference(group, reference, settings["learned"])
        n_seeds = len(np.unique(pairs[["seed", "seed_reference"]]))
        for statistic, function, bounds in (
            ("order_probability", order_probability, (0.0, 1.0)),
            ("rank_correlation", rank_correlation, (-1.0, 1.0)),
        ):
            value, low, high = _leave_one_seed_out(pairs, function, bounds, confidence)
            yield {**common, "curriculum": "", **_row(statistic, value, low, high, n_seeds)}


def _row(statistic: str, value: float, low: float, high: float, n: int) -> dict[str, Any]:
    return {"statistic": statistic, "value": value, "low": low, "high": high, "n": n}
