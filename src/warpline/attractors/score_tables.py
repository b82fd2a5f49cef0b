"""The tables of scores: a row per measure, or per combination of hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from warpline.attractors.lorenz import Floats
from warpline.attractors.scores import (
    Statistic,
    area_under_curve,
    bootstrap_systems,
    cohens_d,
    curve_scores,
)
from warpline.core import random_streams

__all__ = ["composition_scores", "hyperparameter_scores", "noise_scores", "separation_scores"]

SHARING = ("ordered", "unordered")


def _with_intervals(
    statistic: Statistic,
    rows: pd.DataFrame,
    ends: tuple[str, str],
    strata: Mapping[str, str] | None,
    settings: Mapping[str, Any],
    *name: str,
) -> dict[str, float]:
    """Return statistics of all pairs, each followed by its interval."""
    values = statistic(np.ones(len(rows)))
    stream = random_streams.generator(settings["seed"], "attractors", "bootstrap", *name)
    pairs = (rows[ends[0]].tolist(), rows[ends[1]].tolist())
    found = bootstrap_systems(statistic, pairs, strata, settings, stream)
    return {
        key: number
        for part in values
        for key, number in (
            (part, values[part]),
            (f"{part}_low", found[f"{part}_low"]),
            (f"{part}_high", found[f"{part}_high"]),
        )
    }


def _good(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["dissimilarity"].notna()].reset_index(drop=True)


def separation_scores(rows: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Score how well each measure tells families of systems apart.

    Parameters
    ----------
    rows : DataFrame
        Tables of `warpline.attractors.experiments.families`, with a column ``measure``.
    settings : mapping
        ``seed`` (root), ``bootstrap``, ``confidence``.

    Returns
    -------
    DataFrame
        A row per measure: ``auc`` and ``cohens_d`` of pairs across families over pairs within one, with
        intervals that draw systems anew within their family; ``mean_within``, ``mean_across``;
        ``largest_self``, the largest dissimilarity of a system to itself; ``n_systems``, ``n_within``,
        ``n_across``, ``n_failed``.
    """
    out = []
    for measure, every in rows.groupby("measure", sort=False):
        own = every["system_a"] == every["system_b"]
        good = _good(every[~own])
        of = dict(zip(good["system_a"], good["family_a"], strict=True))
        of |= dict(zip(good["system_b"], good["family_b"], strict=True))
        within = good["within"].to_numpy(dtype=bool)
        values = good["dissimilarity"].to_numpy(dtype=float)
        low, high = values[within], values[~within]

        def statistic(
            weights: Floats, low: Floats = low, high: Floats = high, within: Any = within
        ) -> dict[str, float]:
            both = (weights[within], weights[~within])
            return {
                "auc": area_under_curve(low, high, both),
                "cohens_d": cohens_d(low, high, both),
            }

        ends = ("system_a", "system_b")
        scores = _with_intervals(statistic, good, ends, of, settings, "families", str(measure))
        out.append(
            {
                "measure": measure,
                "n_systems": len(of),
                "n_within": len(low),
                "n_across": len(high),
                "n_failed": int((~own).sum()) - len(good),
                "mean_within": low.mean() if len(low) else np.nan,
                "mean_across": high.mean() if len(high) else np.nan,
                "largest_self": every.loc[own, "dissimilarity"].max(),
                **scores,
            }
        )
    return pd.DataFrame(out)


def composition_scores(rows: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Score how each measure falls with the number of motifs that two sequences share.

    Parameters
    ----------
    rows : DataFrame
        Tables of `warpline.attractors.experiments.sequences`, with a column ``measure``.
    settings : mapping
        As `separation_scores`.

    Returns
    -------
    DataFrame
        A row per measure and ``sharing`` (``ordered``, ``unordered``) with the numbers of
        `curve_scores`, and intervals that resample the sequences.
    """
    out = []
    for measure, every in rows.groupby("measure", sort=False):
        good = _good(every)
        y = good["dissimilarity"].to_numpy(dtype=float)
        for sharing in SHARING:
            x = good[sharing].to_numpy(dtype=float)

            def statistic(weights: Floats, x: Floats = x, y: Floats = y) -> dict[str, float]:
                return curve_scores(x, y, weights)

            ends = ("system_a", "system_b")
            scores = _with_intervals(
                statistic, good, ends, None, settings, "composition", str(measure), sharing
            )
            out.append(
                {
                    "measure": measure,
                    "sharing": sharing,
                    "n_systems": len({*good["system_a"], *good["system_b"]}),
                    "n_pairs": len(good),
                    "n_failed": len(every) - len(good),
                    **scores,
                }
            )
    return pd.DataFrame(out)


def _straightness(rows: pd.DataFrame, share: Floats, y: Floats) -> Floats:
    """Return, for each pair with another motif mixed in, R2 along the shares of these two motifs.

    The motif alone is the end of the curve. NaN for motifs alone.
    """
    result = np.full(len(rows), np.nan)
    motif, other = rows["motif"].to_numpy(), rows["other"].to_numpy()
    for a, b in {(a, b) for a, b in zip(motif, other, strict=True) if a != b}:
        curve = (motif == a) & ((other == b) | (share == 0))
        result[curve & (share > 0)] = curve_scores(1 - share[curve], y[curve])["r2"]
    return result


def noise_scores(rows: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Score how each measure falls with the share of a motif that is left, at each level of noise.

    Parameters
    ----------
    rows : DataFrame
        Tables of `warpline.attractors.experiments.noise`, with a column ``measure``.
    settings : mapping
        As `separation_scores`.

    Returns
    -------
    DataFrame
        A row per measure and ``level`` with the numbers of `curve_scores` (x: 1 minus the share of the
        other motif) and intervals that resample motifs; ``floor``, the mean dissimilarity of a motif to
        itself under other noise; ``auc_least``: whether the least share stands out from that floor;
        ``r2_each``: R2 along the shares of one motif and one other, averaged over them, which leaves out
        that some motifs lie further apart than others.
    """
    out = []
    for (measure, level), every in rows.groupby(["measure", "level"], sort=False):
        good = _good(every)
        share = good["share"].to_numpy(dtype=float)
        y = good["dissimilarity"].to_numpy(dtype=float)
        other = good["other"].fillna("").astype(str)
        good = good.assign(other=other.where(other != "", good["motif"]))
        least = share == share[share > 0].min(initial=1.0)
        alone = share == 0
        each = _straightness(good, share, y)

        def statistic(
            weights: Floats,
            share: Floats = share,
            y: Floats = y,
            sides: tuple[Any, Any] = (alone, least),
            each: Floats = each,
        ) -> dict[str, float]:
            low, high = sides
            known = weights * np.isfinite(each)
            floor = weights[low].sum()
            return {
                **curve_scores(1 - share, y, weights),
                "floor": float(weights[low] @ y[low] / floor) if floor > 0 else np.nan,
                "r2_each": float(known @ np.nan_to_num(each) / known.sum())
                if known.any()
                else np.nan,
                "auc_least": area_under_curve(y[low], y[high], (weights[low], weights[high])),
            }

        scores = _with_intervals(
            statistic, good, ("motif", "other"), None, settings, "noise", str(measure), f"{level:g}"
        )
        out.append(
            {
                "measure": measure,
                "level": level,
                "n_motifs": good["motif"].nunique(),
                "n_pairs": len(good),
                "n_failed": len(every) - len(good),
                **scores,
            }
        )
    return pd.DataFrame(out)


def hyperparameter_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Score each combination of hyperparameters on the composition curve.

    Parameters
    ----------
    rows : DataFrame
        ``n_delays``, ``delay_interval``, ``rank``, and the columns of
        `warpline.attractors.experiments.sequences` and of `sample_pairs`.

    Returns
    -------
    DataFrame
        A row per combination: the numbers of `curve_scores` for ``ordered`` and ``unordered`` sharing
        (as suffixes); ``merit``, the mean over both of R2 times the relative gap (a negative one counts
        0); ``place``, 1 for the best; ``rank_used``, the mean rank that the data carried.
    """
    keys = ["n_delays", "delay_interval", "rank"]
    out = []
    for cell, every in rows.groupby(keys, sort=True):
        good = _good(every)
        y = good["dissimilarity"].to_numpy(dtype=float)
        weights = good["weight"].to_numpy(dtype=float)
        row: dict[str, Any] = dict(zip(keys, cell, strict=True))
        row |= {"n_pairs": len(good), "n_failed": len(every) - len(good)}
        merits = []
        for sharing in SHARING:
            scores = curve_scores(good[sharing].to_numpy(dtype=float), y, weights)
            row |= {f"{name}_{sharing}": value for name, value in scores.items()}
            merits.append(scores["r2"] * max(0.0, scores["gap_relative"]))
        row["merit"] = float(np.mean(merits))
        used = [name for name in good if str(name).startswith("rank_used")]
        row["rank_used"] = good[used].to_numpy(dtype=float).mean() if used and len(good) else np.nan
        out.append(row)
    frame = pd.DataFrame(out)
    frame["place"] = (
        frame["merit"].rank(ascending=False, method="first", na_option="bottom").astype(int)
    )
    return frame
