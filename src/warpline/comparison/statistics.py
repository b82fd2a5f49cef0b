"""Means, intervals and group tests in which the network, not the pair, is the unit.

Pairs that share a network are dependent: ten networks make 45 pairs, but only ten observations.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from warpline.comparison.separation import floor_pairs, separation

__all__ = [
    "control_table",
    "group_tests",
    "hedges_g",
    "jackknife_interval",
    "learning_table",
    "mean_interval",
    "run_table",
    "summary_table",
    "welch",
]

Floats = NDArray[np.float64]


def jackknife_interval(
    matrix: Floats, rows: Sequence[int], columns: Sequence[int], confidence: float
) -> tuple[float, float]:
    """Return an interval for the mean of a dissimilarity matrix, leaving out one seed at a time.

    Networks of one seed can share a pretraining, and a pair has two networks: only seeds are independent.
    To leave out a seed is to leave out its row and its column (delete-one jackknife, Student's t with
    n - 1 degrees of freedom). With 5 to 10 seeds the coverage is the nominal one; that of the percentile
    bootstrap over networks is 64 to 88 % at a nominal 95 %.

    Parameters
    ----------
    matrix : ndarray, shape (row, column)
        Dissimilarities; NaN for pairs that do not count.
    rows, columns : sequence of int
        Seeds of the networks.
    confidence : float
        In (0, 1).

    Returns
    -------
    low, high : float
        NaN with fewer than three seeds.
    """
    seeds = sorted({*rows, *columns})
    n = len(seeds)
    if n < 3:
        return np.nan, np.nan
    row_seeds, column_seeds = np.asarray(rows), np.asarray(columns)
    means = []
    for seed in seeds:
        remaining = matrix[np.ix_(row_seeds != seed, column_seeds != seed)]
        remaining = remaining[~np.isnan(remaining)]
        if len(remaining) == 0:
            return np.nan, np.nan
        means.append(remaining.mean())
    values = np.array(means)
    error = np.sqrt((n - 1) / n * np.sum((values - values.mean()) ** 2))
    width = float(stats.t.ppf((1 + confidence) / 2, n - 1) * error)
    mean = float(np.nanmean(matrix))
    return mean - width, mean + width


def mean_interval(values: Floats, confidence: float) -> tuple[float, float]:
    """Return an interval for the mean of one value per network, shape (network,), by Student's t.

    It is `jackknife_interval` for one value per network. NaN below three values.
    """
    n = len(values)
    if n < 3:
        return np.nan, np.nan
    width = float(stats.t.ppf((1 + confidence) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return float(values.mean()) - width, float(values.mean()) + width


def hedges_g(a: Floats, b: Floats) -> float:
    """Return Hedges' g of a minus b: the difference of means in pooled standard deviations, unbiased.

    Hedges (1981), with the approximate correction 1 - 3/(4 (n_a + n_b) - 9). NaN below two values.
    """
    n, m = len(a), len(b)
    if min(n, m) < 2:
        return np.nan
    pooled = np.sqrt(((n - 1) * a.var(ddof=1) + (m - 1) * b.var(ddof=1)) / (n + m - 2))
    if pooled == 0:
        return np.nan
    return float((a.mean() - b.mean()) / pooled * (1 - 3 / (4 * (n + m) - 9)))


def welch(a: Floats, b: Floats) -> tuple[float, float, float]:
    """Return Welch's t, its degrees of freedom and the two-sided p value; NaN below two values."""
    if min(len(a), len(b)) < 2 or a.var() + b.var() == 0:
        return np.nan, np.nan, np.nan
    result = stats.ttest_ind(a, b, equal_var=False)
    return float(result.statistic), float(result.df), float(result.pvalue)


def _matrix(rows: pd.DataFrame, a: str, b: str) -> tuple[Floats, list[int], list[int]]:
    """Return dissimilarities between the networks of two curricula (NaN: no pair), and their seeds."""
    # A pair stands in the table once, in either order.
    frames = []
    for first, second in (("a", "b"), ("b", "a")):
        pairs = rows[(rows[f"curriculum_{first}"] == a) & (rows[f"curriculum_{second}"] == b)]
        columns = [f"seed_{first}", f"seed_{second}", "dissimilarity"]
        frames.append(pairs[columns].set_axis(["row", "column", "dissimilarity"], axis=1))
    frame = pd.concat(frames).dropna().drop_duplicates(["row", "column"])
    seeds_a, seeds_b = sorted(frame["row"].unique()), sorted(frame["column"].unique())
    pivot = frame.pivot(index="row", columns="column", values="dissimilarity")
    matrix = pivot.reindex(index=seeds_a, columns=seeds_b).to_numpy(dtype=float)
    return matrix, seeds_a, seeds_b


def run_table(histories: Iterable[tuple[Mapping[str, Any], pd.DataFrame]]) -> pd.DataFrame:
    """Return a row per run: how its training ended, and its accuracy there.

    Parameters
    ----------
    histories : iterable of (mapping, DataFrame)
        Provenance and rows of each training history.

    Returns
    -------
    DataFrame
        ``taskset``, ``architecture``, ``curriculum``, ``seed``, ``status``, ``pretraining`` (status of the
        network that it started from), ``last_step``, ``accuracy`` (mean over tasks), ``ideal``,
        ``chance`` (accuracy that ignoring the stimulus gives).
    """
    rows = []
    for provenance, history in histories:
        taskset, architecture, curriculum, seed = provenance["settings"]["streams"]["run"]
        last = history[history["step"] == history["step"].max()]
        rows.append(
            {
                "taskset": taskset,
                "architecture": architecture,
                "curriculum": curriculum,
                "seed": seed,
                "status": provenance["status"],
                "pretraining": provenance.get("pretraining", ""),
                "last_step": provenance["last_step"],
                "accuracy": last["accuracy"].mean(),
                "ideal": provenance["ideal"],
                "chance": provenance["chance"],
            }
        )
    return pd.DataFrame(rows)


def summary_table(after: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Summarise dissimilarities after learning by measure, architecture and pair of curricula.

    Parameters
    ----------
    after : DataFrame
        All tables of `warpline.comparison.pairs.after_learning`, with a column ``measure``.
    settings : mapping
        ``confidence``.

    Returns
    -------
    DataFrame
        A row per measure, architecture, pair of curricula and ``seeds`` (``same``: networks of one
        seed; ``cross``: of different seeds), with ``n_a``, ``n_b`` (networks), ``n_pairs``, ``mean``,
        ``low``, ``high``; and ``separation`` from the floors of both curricula, with its interval
        (`warpline.comparison.separation.separation`), missing for a curriculum with itself.
    """
    table = []
    for (measure, architecture), group in after.groupby(["measure", "architecture_a"], sort=True):
        names = list(dict.fromkeys([*group["curriculum_a"], *group["curriculum_b"]]))
        for a, b in itertools.combinations_with_replacement(sorted(names), 2):
            for kind in ("same", "cross"):
                rows = group[group["seeds"] == kind]
                # With fewer than three seeds there is a mean without an interval.
                matrix, seeds_a, seeds_b = _matrix(rows, a, b)
                values = matrix[~np.isnan(matrix)]
                if len(values) == 0:
                    continue
                low, high = jackknife_interval(matrix, seeds_a, seeds_b, settings["confidence"])
                # A curriculum's own pairs are the floor, or compare a network with itself.
                pairs = _between(rows, a, b) if a != b else rows.iloc[:0]
                table.append(
                    {
                        "measure": measure,
                        "architecture": architecture,
                        "curriculum_a": a,
                        "curriculum_b": b,
                        "seeds": kind,
                        "n_a": len(seeds_a),
                        "n_b": len(seeds_b),
                        # The cross-seed matrix of a curriculum with itself has each pair twice.
                        "n_pairs": len(values) // (2 if a == b and kind == "cross" else 1),
                        "mean": values.mean(),
                        "low": low,
                        "high": high,
                        **_separation_columns(pairs, group, (a, b), settings),
                    }
                )
    return pd.DataFrame(table)


def _between(rows: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """Return the pairs of two curricula, in either order."""
    first, second = rows["curriculum_a"], rows["curriculum_b"]
    return rows[((first == a) & (second == b)) | ((first == b) & (second == a))]


def _separation_columns(
    pairs: pd.DataFrame, after: pd.DataFrame, curricula: Iterable[str], settings: Mapping[str, Any]
) -> dict[str, float]:
    """Return the separation of pairs from the floors of some curricula, with its interval, as columns."""
    floors = [floor_pairs(after, name) for name in dict.fromkeys(curricula)]
    value, low, high = separation(pairs, floors, settings["confidence"])
    return {"separation": value, "separation_low": low, "separation_high": high}


def group_tests(
    after: pd.DataFrame, references: Sequence[str], settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Test whether curricula differ in their dissimilarity to a reference.

    Each network counts once, by its mean dissimilarity to the reference's networks of other seeds (for
    the reference itself, to its own other networks: the floor). Welch's test for all pairs of curricula;
    Benjamini-Hochberg correction over the pairs of one measure, architecture and reference. Two other
    groups share the reference's sample, which shifts both alike. The reference's own values use each pair
    twice: tests against it (``with_reference``) are mildly liberal. Simulations give 6.5 to 9 % false
    positives at a nominal 5 % with 5 or 6 networks, 6 % with 10.

    Parameters
    ----------
    after : DataFrame
        As `summary_table`.
    references : sequence of str
    settings : mapping
        ``min_seeds``, the smallest group that is tested; ``false_discovery_rate``.

    Returns
    -------
    DataFrame
        ``mean_a``, ``mean_b``, ``hedges_g``, ``t``, ``dof``, ``p``, ``p_adjusted``, ``significant``.
    """
    table: list[dict[str, Any]] = []
    cross = after[after["seeds"] == "cross"]
    for (measure, architecture), group in cross.groupby(["measure", "architecture_a"], sort=True):
        names = sorted({*group["curriculum_a"], *group["curriculum_b"]})
        for reference in references:
            if reference not in names:
                continue
            # The network is the unit of the test: pairs that share a network are dependent.
            per_network: dict[str, Floats] = {}
            for name in names:
                matrix, _, _ = _matrix(group, name, reference)
                per_network[name] = np.nanmean(matrix, axis=1) if matrix.size else np.array([])
            rows = []
            for a, b in itertools.combinations(names, 2):
                x, y = per_network[a], per_network[b]
                enough = min(len(x), len(y)) >= settings["min_seeds"]
                t, dof, p = welch(x, y) if enough else (np.nan, np.nan, np.nan)
                rows.append(
                    {
                        "measure": measure,
                        "architecture": architecture,
                        "reference": reference,
                        "curriculum_a": a,
                        "curriculum_b": b,
                        "n_a": len(x),
                        "n_b": len(y),
                        "with_reference": reference in (a, b),
                        "mean_a": x.mean() if len(x) else np.nan,
                        "mean_b": y.mean() if len(y) else np.nan,
                        "hedges_g": hedges_g(x, y),
                        "t": t,
                        "dof": dof,
                        "p": p,
                    }
                )
            # Pairs that are not tested do not count as tests.
            p_values = np.array([row["p"] for row in rows])
            adjusted = np.full(len(rows), np.nan)
            tested = ~np.isnan(p_values)
            if tested.any():
                adjusted[tested] = stats.false_discovery_control(p_values[tested], method="bh")
            for row, value in zip(rows, adjusted, strict=True):
                row["p_adjusted"] = value
                row["significant"] = bool(value <= settings["false_discovery_rate"])
            table += rows
    # Readers find the columns in a table without rows, too.
    columns = ["measure", "architecture", "reference", "curriculum_a", "curriculum_b", "n_a", "n_b"]
    columns += [
        "with_reference",
        "mean_a",
        "mean_b",
        "hedges_g",
        "t",
        "dof",
        "p",
        "p_adjusted",
        "significant",
    ]
    return pd.DataFrame(table, columns=columns)


def control_table(
    controls: pd.DataFrame, after: pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Summarise the controls of each measure by architecture and curriculum, over networks.

    Parameters
    ----------
    controls : DataFrame
        All tables of `warpline.comparison.pairs.controls`, with a column ``measure``.
    after : DataFrame
        As `summary_table`.
    settings : mapping
        As `summary_table`.

    Returns
    -------
    DataFrame
        ``n`` networks with a value, ``mean``, ``low``, ``high``, and ``separation`` from the curriculum's
        floor with its interval: below 0.5, the control changes a network less than another seed does.
    """
    keys = ["measure", "architecture_a", "curriculum_a", "control"]
    table = []
    for key, group in controls.groupby(keys, sort=True):
        measure, architecture, curriculum, control = (str(name) for name in key)
        rows = group.dropna(subset="dissimilarity")
        values = rows["dissimilarity"].to_numpy(dtype=float)
        low, high = mean_interval(values, settings["confidence"])
        table.append(
            {
                "measure": measure,
                "architecture": architecture,
                "curriculum": curriculum,
                "control": control,
                "n": len(values),
                "mean": values.mean() if len(values) else np.nan,
                "low": low,
                "high": high,
                **_separation_columns(
                    rows, _of_networks(after, measure, architecture), [curriculum], settings
                ),
            }
        )
    return pd.DataFrame(table)


def _of_networks(after: pd.DataFrame, measure: str, architecture: str) -> pd.DataFrame:
    """Return the rows of one measure and architecture."""
    return after[(after["measure"] == measure) & (after["architecture_a"] == architecture)]


def learning_table(
    over: pd.DataFrame, after: pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Summarise dissimilarities over learning by measure, architecture, curriculum and checkpoint.

    Parameters
    ----------
    over : DataFrame
        All tables of `warpline.comparison.pairs.over_learning`, with a column ``measure``.
    after, settings
        As `summary_table`.

    Returns
    -------
    DataFrame
        A row per measure, architecture, ``against``, pair of curricula (a, compared with b) and
        ``checkpoint``: ``n`` networks of a, ``n_pairs``, ``mean``, ``low``, ``high``, and ``separation``
        from the floors of both curricula after learning, with its interval.
    """
    keys = ["measure", "architecture_a", "against", "curriculum_a", "curriculum_b", "checkpoint"]
    table = []
    for key, group in over.groupby(keys, sort=True):
        measure, architecture, against, a, b = (str(name) for name in key[:5])
        rows = group.dropna(subset="dissimilarity")
        matrix, seeds_a, seeds_b = _matrix(rows, a, b)
        values = rows["dissimilarity"].to_numpy(dtype=float)
        low = high = np.nan
        if len(values):
            low, high = jackknife_interval(matrix, seeds_a, seeds_b, settings["confidence"])
        table.append(
            {
                "measure": measure,
                "architecture": architecture,
                "against": against,
                "curriculum_a": a,
                "curriculum_b": b,
                "checkpoint": key[5],
                "n": len(seeds_a),
                "n_pairs": len(values),
                "mean": values.mean() if len(values) else np.nan,
                "low": low,
                "high": high,
                **_separation_columns(
                    rows, _of_networks(after, measure, architecture), (a, b), settings
                ),
            }
        )
    return pd.DataFrame(table)
