"""Means, bootstrap intervals and group tests in which the network, not the pair, is the unit.

Pairs that share a network are dependent: ten networks make 45 pairs, but only ten observations.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from warpline import seeding

__all__ = [
    "bootstrap_interval",
    "bootstrap_matrix",
    "control_table",
    "group_tests",
    "hedges_g",
    "summary_table",
    "welch",
]

Floats = NDArray[np.float64]


def bootstrap_interval(
    values: Floats, resamples: int, confidence: float, stream: np.random.Generator
) -> tuple[float, float]:
    """Return the percentile interval of the mean of independent values; NaN below two of them."""
    if len(values) < 2:
        return np.nan, np.nan
    draws = stream.integers(len(values), size=(resamples, len(values)))
    tail = (1 - confidence) / 2
    low, high = np.quantile(values[draws].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


def bootstrap_matrix(
    matrix: Floats,
    same_networks: bool,
    resamples: int,
    confidence: float,
    stream: np.random.Generator,
) -> tuple[float, float]:
    """Return the percentile interval of the mean of a dissimilarity matrix, resampling its networks.

    Parameters
    ----------
    matrix : ndarray, shape (network, network)
        NaN where a pair does not count (a network with itself, or not compared).
    same_networks : bool
        Rows and columns are the same networks: they are drawn together, and a network drawn twice is
        not compared with itself.
    resamples : int
    confidence : float
    stream : numpy.random.Generator

    Returns
    -------
    low, high : float
        NaN with fewer than two networks on an axis.
    """
    n, m = matrix.shape
    if min(n, m) < 2:
        return np.nan, np.nan
    means = np.empty(resamples)
    for k in range(resamples):
        rows = stream.integers(n, size=n)
        columns = rows if same_networks else stream.integers(m, size=m)
        drawn = matrix[np.ix_(rows, columns)]
        counts = ~np.isnan(drawn)
        means[k] = drawn[counts].mean() if counts.any() else np.nan
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(means, [tail, 1 - tail])
    return float(low), float(high)


def hedges_g(a: Floats, b: Floats) -> float:
    """Return Hedges' g of a minus b: the difference of means in pooled standard deviations, unbiased.

    Hedges 1981, with the approximate correction 1 - 3/(4 (n_a + n_b) - 9).
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
    """Return cross-seed dissimilarities between the networks of two curricula, NaN where there is none."""
    parts = []
    for first, second in (("a", "b"), ("b", "a")):
        chosen = rows[(rows[f"curriculum_{first}"] == a) & (rows[f"curriculum_{second}"] == b)]
        columns = [f"seed_{first}", f"seed_{second}", "dissimilarity"]
        parts.append(chosen[columns].set_axis(["row", "column", "dissimilarity"], axis=1))
    frame = pd.concat(parts).dropna().drop_duplicates(["row", "column"])
    seeds_a, seeds_b = sorted(frame["row"].unique()), sorted(frame["column"].unique())
    pivot = frame.pivot(index="row", columns="column", values="dissimilarity")
    table = pivot.reindex(index=seeds_a, columns=seeds_b).to_numpy(dtype=float)
    return table, seeds_a, seeds_b


def summary_table(after: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Summarise dissimilarities after learning per measure, architecture and pair of curricula.

    Parameters
    ----------
    after : DataFrame
        All tables of `warpline.comparison.after_learning`, with a column ``measure``.
    settings : mapping
        ``seed``, ``bootstrap``, ``confidence``.

    Returns
    -------
    DataFrame
        A row per measure, architecture, pair of curricula and ``seeds`` (``same``: networks of one
        seed; ``cross``: of different seeds), with ``n_a``, ``n_b`` (networks), ``n_pairs``, ``mean``,
        ``low``, ``high``.
    """
    out = []
    for (measure, architecture), group in after.groupby(["measure", "architecture_a"], sort=True):
        names = list(dict.fromkeys([*group["curriculum_a"], *group["curriculum_b"]]))
        for a, b in itertools.combinations_with_replacement(sorted(names), 2):
            for kind in ("same", "cross"):
                rows = group[group["seeds"] == kind]
                matrix, seeds_a, seeds_b = _matrix(rows, a, b)
                values = matrix[~np.isnan(matrix)]
                if len(values) == 0:
                    continue
                stream = seeding.generator(
                    settings["seed"], "bootstrap", str(measure), str(architecture), a, b, kind
                )
                how = (settings["bootstrap"], settings["confidence"], stream)
                if kind == "same":
                    low, high = bootstrap_interval(values, *how)
                else:
                    low, high = bootstrap_matrix(matrix, a == b, *how)
                out.append(
                    {
                        "measure": measure,
                        "architecture": architecture,
                        "curriculum_a": a,
                        "curriculum_b": b,
                        "seeds": kind,
                        "n_a": len(seeds_a),
                        "n_b": len(seeds_b),
                        "n_pairs": len(values) // (2 if a == b and kind == "cross" else 1),
                        "mean": values.mean(),
                        "low": low,
                        "high": high,
                    }
                )
    return pd.DataFrame(out)


def group_tests(
    after: pd.DataFrame, references: Sequence[str], settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Test whether curricula differ in their dissimilarity to a reference.

    Each network counts once, by its mean dissimilarity to the reference's networks of other seeds (for
    the reference itself, to its own other networks: the floor). Welch's test for all pairs of
    curricula; Benjamini-Hochberg over the pairs of one measure, architecture and reference. What the
    networks share, the reference's sample, shifts all groups alike.

    Parameters
    ----------
    after : DataFrame
        As `summary_table`.
    references : sequence of str
    settings : mapping
        ``min_seeds``: below so many networks in either group there is no p value;
        ``false_discovery_rate``.

    Returns
    -------
    DataFrame
        ``mean_a``, ``mean_b``, ``hedges_g``, ``t``, ``dof``, ``p``, ``p_adjusted``, ``significant``.
    """
    out: list[dict[str, Any]] = []
    cross = after[after["seeds"] == "cross"]
    for (measure, architecture), group in cross.groupby(["measure", "architecture_a"], sort=True):
        names = sorted({*group["curriculum_a"], *group["curriculum_b"]})
        for reference in references:
            if reference not in names:
                continue
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
                        "mean_a": x.mean() if len(x) else np.nan,
                        "mean_b": y.mean() if len(y) else np.nan,
                        "hedges_g": hedges_g(x, y),
                        "t": t,
                        "dof": dof,
                        "p": p,
                    }
                )
            p_values = np.array([row["p"] for row in rows])
            adjusted = np.full(len(rows), np.nan)
            known = ~np.isnan(p_values)
            if known.any():
                adjusted[known] = stats.false_discovery_control(p_values[known], method="bh")
            for row, value in zip(rows, adjusted, strict=True):
                row["p_adjusted"] = value
                row["significant"] = bool(value <= settings["false_discovery_rate"])
            out += rows
    columns = ["measure", "architecture", "reference", "curriculum_a", "curriculum_b", "n_a", "n_b"]
    columns += ["mean_a", "mean_b", "hedges_g", "t", "dof", "p", "p_adjusted", "significant"]
    return pd.DataFrame(out, columns=columns)


def control_table(controls: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Summarise the controls of each measure per architecture and curriculum, over networks.

    Parameters
    ----------
    controls : DataFrame
        All tables of `warpline.comparison.controls`, with a column ``measure``.
    settings : mapping
        As `summary_table`.
    """
    keys = ["measure", "architecture_a", "curriculum_a", "control"]
    out = []
    for key, group in controls.groupby(keys, sort=True):
        values = group["dissimilarity"].dropna().to_numpy(dtype=float)
        stream = seeding.generator(settings["seed"], "bootstrap", *(str(part) for part in key))
        low, high = bootstrap_interval(
            values, settings["bootstrap"], settings["confidence"], stream
        )
        names = dict(zip(["measure", "architecture", "curriculum", "control"], key, strict=True))
        mean = values.mean() if len(values) else np.nan
        out.append({**names, "n": len(values), "mean": mean, "low": low, "high": high})
    return pd.DataFrame(out)
