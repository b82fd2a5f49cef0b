"""Numbers over networks: means and intervals, and what moves with accuracy over learning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from warpline.comparison.statistics import mean_interval
from warpline.core import random_streams

__all__ = ["half_way", "number_rows", "over_seeds", "relations"]

Floats = NDArray[np.float64]

KEYS = ["analysis", "quantity", "condition", "moment", "fraction"]
RESAMPLES = 2000


def number_rows(
    values: Sequence[tuple[str, str, str, float]], fraction: float = 1.0
) -> pd.DataFrame:
    """Return the numbers of one network as rows.

    Parameters
    ----------
    values : sequence of (quantity, condition, moment, value)
    fraction : float
        Of training.
    """
    frame = pd.DataFrame(values, columns=["quantity", "condition", "moment", "value"])
    frame.insert(3, "fraction", fraction)
    return frame


def over_seeds(rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return the mean of every number over networks.

    Parameters
    ----------
    rows : DataFrame
        As `number_rows`, with ``analysis``, ``seed`` and ``status``.
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
        kept = group[(group["status"] != "diverged") & np.isfinite(group["value"])]
        values = kept["value"].to_numpy(dtype=float)
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


def half_way(fractions: Floats, values: Floats) -> float:
    """Return the fraction of training at which a series has made half of its way, by interpolation.

    Parameters
    ----------
    fractions : ndarray, shape (checkpoint,)
        Rising.
    values : ndarray, shape (checkpoint,)

    Returns
    -------
    float
        Where (value - first) / (last - first) first passes 1/2; NaN for a series that is not finite, or
        whose way is less than half of its range: it fluctuates more than it goes anywhere.
    """
    way = values[-1] - values[0]
    if not np.isfinite(values).all() or abs(way) < np.ptp(values) / 2 or way == 0:
        return np.nan
    done = (values - values[0]) / way
    after = int(np.argmax(done >= 0.5))
    before = after - 1
    step = (0.5 - done[before]) / (done[after] - done[before])
    return float(fractions[before] + step * (fractions[after] - fractions[before]))


def _series(numbers: pd.DataFrame, over: pd.DataFrame) -> pd.DataFrame:
    """Return one long table: seed, fraction, name, value."""
    own = over[over["against"] == "own_final"]
    parts = [
        own.assign(name=own["measure"], value=own["dissimilarity"]).rename(
            columns={"seed_a": "seed", "checkpoint": "fraction"}
        ),
        numbers.assign(name=numbers["quantity"]),
    ]
    return pd.concat([part[["seed", "fraction", "name", "value"]] for part in parts])


def relations(
    numbers: pd.DataFrame, over: pd.DataFrame, curriculum: str, confidence: float, seed: int
) -> pd.DataFrame:
    """Say what moves with accuracy over learning, and when.

    Parameters
    ----------
    numbers : DataFrame
        Of `warpline.analyses.learning`: a row per seed, fraction and quantity; ``accuracy`` among them.
    over : DataFrame
        Dissimilarities over learning (`warpline.comparison.pairs.over_learning`), with ``measure``.
    curriculum : str
        Whose networks.
    confidence : float
    seed : int
        Root seed, for the resamples.

    Returns
    -------
    DataFrame
        A row per quantity or measure, at the checkpoints that all have, each network counting once:
        ``spearman``, Spearman's rank correlation with accuracy over the checkpoints before the last (at
        which every dissimilarity to the end is 0 by construction); ``half_way`` (see `half_way`) and
        ``lag``, by how much later that is than accuracy's. Means over networks with Student's t
        intervals (``_low``, ``_high``); for the correlation the percentile bootstrap over networks too
        (``_bootstrap_low``, ``_high``), which is too narrow below ten networks.
    """
    over = over[over["curriculum_a"] == curriculum]
    numbers = numbers[numbers["status"] != "diverged"]
    series = _series(numbers, over)
    names = list(dict.fromkeys(series["name"]))
    # What is compared is compared at the same checkpoints; a column without a value stays one.
    shared = sorted(
        set.intersection(*(set(part) for _, part in series.groupby("name")["fraction"]))
    )
    tables = {
        name: part.pivot_table(index="seed", columns="fraction", values="value", dropna=False)
        for name, part in series.groupby("name")
    }
    accuracy = tables["accuracy"]
    out = []
    for name in names:
        seeds = [s for s in tables[name].index if s in accuracy.index]
        found: dict[str, list[float]] = {"spearman": [], "half_way": [], "lag": []}
        fractions = np.array(shared, dtype=float)
        for one in seeds:
            values = tables[name].loc[one, shared].to_numpy(dtype=float)
            right = accuracy.loc[one, shared].to_numpy(dtype=float)
            # Constant series have no rank correlation.
            varied = np.ptp(values[:-1]) > 0 and np.ptp(right[:-1]) > 0
            found["spearman"].append(
                float(stats.spearmanr(values[:-1], right[:-1]).statistic) if varied else np.nan
            )
            half = half_way(fractions, values)
            found["half_way"].append(half)
            found["lag"].append(half - half_way(fractions, right))
        row: dict[str, object] = {"name": name, "n_checkpoints": len(shared)}
        for quantity, listed in found.items():
            known = np.array(listed)[np.isfinite(listed)]
            row[f"{quantity}_n"] = len(known)
            row[quantity] = known.mean() if len(known) else np.nan
            row[f"{quantity}_low"], row[f"{quantity}_high"] = mean_interval(known, confidence)
            if quantity == "spearman":
                low = high = np.nan
                if len(known) >= 3:
                    stream = random_streams.generator(seed, "warping", "relations", name)
                    drawn = stream.choice(known, (RESAMPLES, len(known))).mean(axis=1)
                    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
                    low, high = np.quantile(drawn, tails)
                row["spearman_bootstrap_low"], row["spearman_bootstrap_high"] = low, high
        out.append(row)
    return pd.DataFrame(out)
