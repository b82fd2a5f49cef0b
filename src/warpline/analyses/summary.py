"""Scalars over networks: means, intervals, and their coupling with accuracy over learning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from warpline.comparison.jackknife import mean_interval

__all__ = [
    "aggregate_over_seeds",
    "coupling_by_network",
    "coupling_with_accuracy",
    "half_time",
    "lags_by_share",
    "scalar_rows",
]

Floats = NDArray[np.float64]

DISTANCES = ("metric",)
"""Quantities of `warpline.analyses.learning` that are distances to the network's own end."""

KEYS = ["analysis", "quantity", "condition", "moment", "fraction"]


def scalar_rows(
    values: Sequence[tuple[str, str, str, float]], fraction: float = 1.0
) -> pd.DataFrame:
    """Return the scalars of one network as rows of a table.

    Parameters
    ----------
    values : sequence of (quantity, condition, moment, value)
    fraction : float
        Of training.
    """
    frame = pd.DataFrame(values, columns=["quantity", "condition", "moment", "value"])
    frame.insert(3, "fraction", fraction)
    return frame


def aggregate_over_seeds(rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return the mean of every scalar over networks.

    Parameters
    ----------
    rows : DataFrame
        As `scalar_rows`, with ``analysis``, ``seed`` and ``status``.
    confidence : float
        Of the intervals (Student's t over networks).

    Returns
    -------
    DataFrame
        ``n`` networks with a value, ``left_out`` (diverged, or without a value), ``mean``, ``sd``,
        ``low``, ``high``; in the order of the rows.
    """
    out = []
    for key, group in rows.groupby(KEYS, sort=False, dropna=False):
        included = group[(group["status"] != "diverged") & np.isfinite(group["value"])]
        values = included["value"].to_numpy(dtype=float)
        low, high = mean_interval(values, confidence)
        out.append(
            {
                **dict(zip(KEYS, key, strict=True)),
                "n": len(values),
                "left_out": len(group) - len(values),
                "mean": values.mean() if len(values) else np.nan,
                "sd": values.std(ddof=1) if len(values) > 1 else np.nan,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(out)


def half_time(
    fractions: Floats, values: Floats, chance: float | None = None, share: float = 0.5
) -> float:
    """Return the fraction of training at which a series has made half of its change, by interpolation.

    Parameters
    ----------
    fractions : ndarray, shape (checkpoint,)
        Rising.
    values : ndarray, shape (checkpoint,)
    chance : float, optional
        For an accuracy: the chance level, from which its change counts. Values below chance count as
        chance, because a network that learns to guess has not learned the task. By default the change
        counts from the first value.
    share : float
        Of the change, in (0, 1): other shares say whether an order of half-times is one of the half alone.

    Returns
    -------
    float
        Where (value - start) / (last - start) first reaches the share, in whatever way the series runs.
        The first fraction for an accuracy that starts at this share of its change or later. NaN for a series
        that is not finite, an accuracy that does not end above chance, or a change of less than half of
        the range of the series: its fluctuations exceed its trend.
    """
    if not np.isfinite(values).all():
        return np.nan
    if chance is not None:
        values = np.maximum(values, chance)
    start = values[0] if chance is None else chance
    change = values[-1] - start
    if change == 0 or abs(change) < np.ptp([start, *values]) / 2:
        return np.nan
    done = (values - start) / change
    after = int(np.argmax(done >= share))
    if after == 0:
        return float(fractions[0])
    before = after - 1
    step = (share - done[before]) / (done[after] - done[before])
    return float(fractions[before] + step * (fractions[after] - fractions[before]))


def _series(numbers: pd.DataFrame, over: pd.DataFrame) -> pd.DataFrame:
    """Return one long table: seed, fraction, name, kind, value."""
    to_final = over[over["against"] == "own_final"]
    is_distance = numbers["quantity"].isin(DISTANCES)
    kinds = np.where(is_distance, "distance to own end", "scalar")
    kinds[numbers["quantity"] == "accuracy"] = "behaviour"
    tables = [
        to_final.assign(
            name=to_final["measure"], kind="distance to own end", value=to_final["dissimilarity"]
        ).rename(columns={"seed_a": "seed", "checkpoint": "fraction"}),
        numbers.assign(name=numbers["quantity"], kind=kinds),
    ]
    return pd.concat([table[["seed", "fraction", "name", "kind", "value"]] for table in tables])


def coupling_by_network(
    numbers: pd.DataFrame, over: pd.DataFrame, curriculum: str, share: float = 0.5
) -> pd.DataFrame:
    """Return what `coupling_with_accuracy` averages: a row per quantity or measure, and network.

    Parameters
    ----------
    numbers, over, curriculum, share
        As `coupling_with_accuracy`.

    Returns
    -------
    DataFrame
        Columns ``name``, ``kind``, ``n_checkpoints``, ``seed``, ``spearman``, ``half_way``, ``lag`` and
        ``lag_metric``; a value that a network does not have is missing.
    """
    over = over[over["curriculum_a"] == curriculum]
    numbers = numbers[numbers["status"] != "diverged"]
    series = _series(numbers, over)
    kinds = dict(zip(series["name"], series["kind"], strict=True))
    names = [name for name in kinds if name != "chance"]

    # All series are read at the checkpoints that they share; a column without a value stays one.
    shared = sorted(
        set.intersection(*(set(fractions) for _, fractions in series.groupby("name")["fraction"]))
    )
    tables = {
        name: rows.pivot_table(index="seed", columns="fraction", values="value", dropna=False)
        for name, rows in series.groupby("name")
    }
    # The half-times of every network; accuracy counts from chance.
    chance_table = tables.pop("chance")
    fractions = np.array(shared, dtype=float)

    def half_times(name: str) -> dict[int, float]:
        return {
            network: half_time(
                fractions,
                tables[name].loc[network, shared].to_numpy(dtype=float),
                float(chance_table.loc[network, shared[0]]) if name == "accuracy" else None,
                share,
            )
            for network in tables[name].index
        }

    half_time_of = {name: half_times(name) for name in names}
    # Accuracy counts from chance on both sides of a correlation.
    accuracy_table = tables["accuracy"].clip(lower=chance_table[shared[0]], axis=0)
    compared = {**tables, "accuracy": accuracy_table}
    out = []
    for name in names:
        for network in tables[name].index:
            if network not in accuracy_table.index:
                continue
            values = compared[name].loc[network, shared].to_numpy(dtype=float)
            accuracy = accuracy_table.loc[network, shared].to_numpy(dtype=float)
            # Constant series have no rank correlation.
            varied = np.ptp(values[:-1]) > 0 and np.ptp(accuracy[:-1]) > 0
            correlation = (
                stats.spearmanr(values[:-1], accuracy[:-1]).statistic if varied else np.nan
            )
            half = half_time_of[name][network]
            # Only distances are of the metric's kind.
            is_distance = kinds[name] == "distance to own end"
            metric_half = half_time_of.get("metric", {}).get(network, np.nan)
            out.append(
                {
                    "name": name,
                    "kind": kinds[name],
                    "n_checkpoints": len(shared),
                    "seed": network,
                    "spearman": float(correlation),
                    "half_way": half,
                    "lag": half - half_time_of["accuracy"][network],
                    "lag_metric": half - metric_half if is_distance else np.nan,
                }
            )
    return pd.DataFrame(out)


def coupling_with_accuracy(
    numbers: pd.DataFrame,
    over: pd.DataFrame,
    curriculum: str,
    confidence: float,
    share: float = 0.5,
) -> pd.DataFrame:
    """Return the correlation of each quantity with accuracy over learning, and the lag between them.

    Parameters
    ----------
    numbers : DataFrame
        Of `warpline.analyses.learning`: a row per seed, fraction and quantity; ``accuracy`` and its
        ``chance`` level among them.
    over : DataFrame
        Dissimilarities over learning (`warpline.comparison.pairs.over_learning`), with ``measure``.
    curriculum : str
        Whose networks.
    confidence : float
    share : float
        Of the change at which times are taken, as in `half_time`.

    Returns
    -------
    DataFrame
        A row per quantity or measure, at the checkpoints that all have, each network counting once.
        ``kind`` says what can be compared with what: ``behaviour`` (accuracy), ``distance to own end``
        (every dissimilarity, and the angle of the metric) and ``scalar``. A distance falls to 0 at the end by
        construction, and a scalar does not, so that half-times of the two kinds differ even for one
        underlying change.
        ``spearman``: Spearman's rank correlation with accuracy over the checkpoints before the last. Accuracy
        below chance counts as chance. ``half_way``: the half-time (`half_time`), of accuracy from chance.
        ``lag``: the half-time less accuracy's. ``lag_metric``, of distances: the half-time less that of the
        metric, its counterpart of the same kind. Means over networks with Student's t intervals (``_low``,
        ``_high``), which docs/statistics.md compares with a bootstrap for correlations.
    """
    networks = coupling_by_network(numbers, over, curriculum, share)
    out = []
    for (name, kind, n_checkpoints), rows in networks.groupby(
        ["name", "kind", "n_checkpoints"], sort=False
    ):
        row: dict[str, object] = {"name": name, "kind": kind, "n_checkpoints": n_checkpoints}
        for quantity in ("spearman", "half_way", "lag", "lag_metric"):
            finite = rows[quantity].dropna().to_numpy(dtype=float)
            row[f"{quantity}_n"] = len(finite)
            row[quantity] = finite.mean() if len(finite) else np.nan
            row[f"{quantity}_low"], row[f"{quantity}_high"] = mean_interval(finite, confidence)
        out.append(row)
    return pd.DataFrame(out)


def lags_by_share(
    numbers: pd.DataFrame,
    over: pd.DataFrame,
    curriculum: str,
    confidence: float,
    shares: Sequence[float],
) -> pd.DataFrame:
    """Return the lags of `coupling_with_accuracy` at several shares of the change.

    Parameters
    ----------
    numbers, over, curriculum, confidence
        As `coupling_with_accuracy`.
    shares : sequence of float

    Returns
    -------
    DataFrame
        A row per share and quantity or measure: ``share``, ``name``, ``kind`` and the columns of the lags.
    """
    times = pd.concat(
        coupling_with_accuracy(numbers, over, curriculum, confidence, share).assign(share=share)
        for share in shares
    )
    lags = times.filter(regex="^lag").columns
    return times[["share", "name", "kind", *lags]].reset_index(drop=True)
