"""Tables of scores: a row per measure, or per combination of hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from warpline.attractors.scores import (
    Scale,
    Statistic,
    area_under_curve,
    cohens_d,
    curve_scores,
    jackknife_systems,
)
from warpline.attractors.systems import Floats

__all__ = [
    "composition_scores",
    "gap_orderings",
    "hyperparameter_scores",
    "noise_scores",
    "score_experiment",
    "separation_scores",
]

SHARING = ("ordered", "unordered")
"""Columns that count shared motifs: in the same position, and in any position."""
SCALES: Mapping[str, Scale] = {
    "auc": "probability",
    "auc_least": "probability",
    "floor_relative": "log",
    "r2": "share",
    "r2_each": "share",
    "r2_means": "share",
}
"""Scales of intervals that are not symmetric about the score."""


def _with_intervals(
    statistic: Statistic, rows: pd.DataFrame, sides: tuple[str, str], settings: Mapping[str, Any]
) -> dict[str, float]:
    """Return the scores of all pairs, each followed by its interval.

    ``sides`` are the columns that hold the two systems of a pair.
    """
    scores = statistic(np.ones(len(rows)))
    pairs = (rows[sides[0]].tolist(), rows[sides[1]].tolist())
    intervals = jackknife_systems(statistic, pairs, settings["confidence"], SCALES)
    return {
        column: value
        for score in scores
        for column, value in (
            (score, scores[score]),
            (f"{score}_low", intervals[f"{score}_low"]),
            (f"{score}_high", intervals[f"{score}_high"]),
        )
    }


def _compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs whose comparison did not fail."""
    return rows[rows["dissimilarity"].notna()].reset_index(drop=True)


def separation_scores(rows: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Score how well each measure separates families of systems.

    Parameters
    ----------
    rows : DataFrame
        Tables of `warpline.attractors.experiments.families`, with a column ``measure``.
    settings : mapping
        ``confidence``.

    Returns
    -------
    DataFrame
        A row per measure: ``auc`` and ``cohens_d`` of pairs across families over pairs within one, with
        intervals that leave out one system at a time; ``mean_within``, ``mean_across``;
        ``largest_self``, the largest dissimilarity of a system to itself; ``n_systems``, ``n_within``,
        ``n_across``, ``n_failed``.
    """
    scores_of_measures = []
    for measure, group in rows.groupby("measure", sort=False):
        # A system with itself is no pair within a family: it would make the separation look larger.
        is_self = group["system_a"] == group["system_b"]
        pairs = _compared(group[~is_self])
        family_of = dict(zip(pairs["system_a"], pairs["family_a"], strict=True))
        family_of |= dict(zip(pairs["system_b"], pairs["family_b"], strict=True))
        within = pairs["within"].to_numpy(dtype=bool)
        values = pairs["dissimilarity"].to_numpy(dtype=float)
        low, high = values[within], values[~within]

        # Defaults bind the arrays of this measure: a closure would see those of the last one.

        def statistic(
            weights: Floats, low: Floats = low, high: Floats = high, within: Any = within
        ) -> dict[str, float]:
            weights_of_sides = (weights[within], weights[~within])
            return {
                "auc": area_under_curve(low, high, weights_of_sides),
                "cohens_d": cohens_d(low, high, weights_of_sides),
            }

        sides = ("system_a", "system_b")
        scores = _with_intervals(statistic, pairs, sides, settings)
        scores_of_measures.append(
            {
                "measure": measure,
                "n_systems": len(family_of),
                "n_within": len(low),
                "n_across": len(high),
                "n_failed": int((~is_self).sum()) - len(pairs),
                "mean_within": low.mean() if len(low) else np.nan,
                "mean_across": high.mean() if len(high) else np.nan,
                "largest_self": group.loc[is_self, "dissimilarity"].max(),
                **scores,
            }
        )
    return pd.DataFrame(scores_of_measures)


def composition_scores(rows: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Score how each measure falls with the number of motifs that two sequences share.

    Parameters
    ----------
    rows : DataFrame
        Tables of `warpline.attractors.experiments.composition`, with a column ``measure``.
    settings : mapping
        Not used: the scores have no intervals. All sequences of the motifs are compared, so nothing is
        sampled but the motifs, and too few of them are left without one.

    Returns
    -------
    DataFrame
        A row per measure and ``sharing`` (``ordered``, ``unordered``) with the scores of
        `warpline.attractors.scores.curve_scores`.
    """
    scores_of_curves = []
    for measure, group in rows.groupby("measure", sort=False):
        pairs = _compared(group)
        y = pairs["dissimilarity"].to_numpy(dtype=float)
        for sharing in SHARING:
            x = pairs[sharing].to_numpy(dtype=float)
            scores_of_curves.append(
                {
                    "measure": measure,
                    "sharing": sharing,
                    "n_systems": len({*pairs["system_a"], *pairs["system_b"]}),
                    "n_pairs": len(pairs),
                    "n_failed": len(group) - len(pairs),
                    **curve_scores(x, y),
                }
            )
    return pd.DataFrame(scores_of_curves)


def _mean(values: Floats, weights: Floats) -> float:
    """Return a weighted mean; NaN without weight."""
    total = weights.sum()
    return float(weights @ values / total) if total > 0 else np.nan


def _linearity(rows: pd.DataFrame, share: Floats, y: Floats) -> Floats:
    """Return, for each pair, R2 along the shares of its two motifs; NaN where none is mixed in.

    The unmixed motif is the end of every curve of its motif.
    """
    r2 = np.full(len(rows), np.nan)
    motif, other = rows["motif"].to_numpy(), rows["other"].to_numpy()
    for a, b in {(a, b) for a, b in zip(motif, other, strict=True) if a != b}:
        curve = (motif == a) & ((other == b) | (share == 0))
        r2[curve & (share > 0)] = curve_scores(1 - share[curve], y[curve])["r2"]
    return r2


def noise_scores(rows: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Score how each measure falls with the share of a motif in a mixture, at each level of noise.

    Parameters
    ----------
    rows : DataFrame
        Tables of `warpline.attractors.experiments.noise`, with a column ``measure``.
    settings : mapping
        As `separation_scores`.

    Returns
    -------
    DataFrame
        A row per measure and ``level`` with the scores of `warpline.attractors.scores.curve_scores`
        (x: 1 minus the share of the other motif), and intervals that leave out one motif at a time;
        ``floor``, the mean dissimilarity of a motif to itself under other noise; ``floor_relative``, the
        floor over the mean dissimilarity of two different motifs at that noise, which has no unit;
        ``auc_least``, the AUC of the smallest share against that floor; ``r2_each``, R2 along the shares of
        one motif and one other, averaged over such curves: it does not count that some motifs lie further
        apart than others.
    """
    scores_of_levels = []
    for (measure, level), group in rows.groupby(["measure", "level"], sort=False):
        pairs = _compared(group)
        share = pairs["share"].to_numpy(dtype=float)
        y = pairs["dissimilarity"].to_numpy(dtype=float)
        # Intervals leave out motifs: an unmixed motif is a pair of the motif with itself.
        other = pairs["other"].fillna("").astype(str)
        pairs = pairs.assign(other=other.where(other != "", pairs["motif"]))
        smallest_share = share == share[share > 0].min(initial=1.0)
        unmixed = share == 0
        r2_of_curve = _linearity(pairs, share, y)

        # Defaults bind the arrays of this level, as in `separation_scores`.

        def statistic(
            weights: Floats,
            share: Floats = share,
            y: Floats = y,
            groups: tuple[Any, Any] = (unmixed, smallest_share),
            r2: Floats = r2_of_curve,
        ) -> dict[str, float]:
            low, high = groups
            r2_weights = weights * np.isfinite(r2)
            floor, different = (_mean(y[side], weights[side]) for side in (low, share == 1))
            return {
                **curve_scores(1 - share, y, weights),
                "floor": floor,
                "floor_relative": floor / different if different > 0 else np.nan,
                "r2_each": float(r2_weights @ np.nan_to_num(r2) / r2_weights.sum())
                if r2_weights.any()
                else np.nan,
                "auc_least": area_under_curve(y[low], y[high], (weights[low], weights[high])),
            }

        sides = ("motif", "other")
        scores = _with_intervals(statistic, pairs, sides, settings)
        scores_of_levels.append(
            {
                "measure": measure,
                "level": level,
                "n_motifs": pairs["motif"].nunique(),
                "n_pairs": len(pairs),
                "n_failed": len(group) - len(pairs),
                **scores,
            }
        )
    return pd.DataFrame(scores_of_levels)


def hyperparameter_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Score each combination of hyperparameters on the composition curve.

    Parameters
    ----------
    rows : DataFrame
        ``n_delays``, ``delay_interval``, ``rank``, and the columns of
        `warpline.attractors.experiments.composition` and of
        `warpline.attractors.experiments.sample_pairs`.

    Returns
    -------
    DataFrame
        A row per combination: the scores of `warpline.attractors.scores.curve_scores` with the suffixes
        ``ordered`` and ``unordered``; ``merit``, the mean over both of R2 times the relative gap, where a
        negative gap counts as 0; ``place``, 1 for the largest merit; ``rank_used``, the mean rank of the
        fitted operators.
    """
    keys = ["n_delays", "delay_interval", "rank"]
    scores_of_cells = []
    for cell, group in rows.groupby(keys, sort=True):
        pairs = _compared(group)
        y = pairs["dissimilarity"].to_numpy(dtype=float)
        weights = pairs["weight"].to_numpy(dtype=float)
        row: dict[str, Any] = dict(zip(keys, cell, strict=True))
        row |= {"n_pairs": len(pairs), "n_failed": len(group) - len(pairs)}

        # R2 alone would favour a linear curve that hardly falls, the gap alone a steep but bent one.
        merits = []
        for sharing in SHARING:
            scores = curve_scores(pairs[sharing].to_numpy(dtype=float), y, weights)
            row |= {f"{name}_{sharing}": value for name, value in scores.items()}
            merits.append(scores["r2"] * max(0.0, scores["gap_relative"]))
        row["merit"] = float(np.mean(merits))

        # Short or simple data carry a lower rank than the one in the settings.
        columns = [name for name in pairs if str(name).startswith("rank_used")]
        ranks = pairs[columns].to_numpy(dtype=float)
        row["rank_used"] = ranks.mean() if columns and len(pairs) else np.nan
        scores_of_cells.append(row)

    frame = pd.DataFrame(scores_of_cells)
    frame["place"] = (
        frame["merit"].rank(ascending=False, method="first", na_option="bottom").astype(int)
    )
    return frame


SCORES = {
    "families": separation_scores,
    "composition": composition_scores,
    "noise": noise_scores,
}


def gap_orderings(
    scores: pd.DataFrame,
    sweep: pd.DataFrame,
    measure: str,
    setting: Mapping[str, int],
    sharing: str,
) -> pd.DataFrame:
    """Return whether DSA has a larger relative gap than the other measures, at every swept setting.

    Parameters
    ----------
    scores : DataFrame
        From `composition_scores`.
    sweep : DataFrame
        From `hyperparameter_scores`: the same pairs of sequences, or a sample of them that is weighted back.
    measure : str
        Name of the swept measure.
    setting : mapping
        Its own ``n_delays``, ``delay_interval`` and ``rank``.
    sharing : str
        ``ordered`` or ``unordered``.

    Returns
    -------
    DataFrame
        A row per setting and other measure, with the columns that
        `warpline.figures.sensitivity_panel.draw_sensitivity` takes; ``n`` counts pairs of sequences.
        ``holds`` is missing where a gap is.
    """
    others = scores[(scores["sharing"] == sharing) & (scores["measure"] != measure)]
    table = []
    for cell in sweep.to_dict("records"):
        parameters = {name: cell[name] for name in ("n_delays", "delay_interval", "rank")}
        for other in others.to_dict("records"):
            difference = cell[f"gap_relative_{sharing}"] - other["gap_relative"]
            table.append(
                {
                    "measure": measure,
                    "conclusion": "composition",
                    **parameters,
                    "own": parameters == dict(setting),
                    "carried": cell["rank_used"] >= cell["rank"],
                    "item_b": other["measure"],
                    "difference": difference,
                    "holds": pd.NA if np.isnan(difference) else difference > 0,
                    "n": cell["n_pairs"],
                }
            )
    return pd.DataFrame(table)


def score_experiment(rows: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Score the dissimilarities of one experiment.

    Parameters
    ----------
    rows : DataFrame
        Tables of the experiment by all measures, or of
        `warpline.attractors.experiments.sweep_hyperparameters`.
    settings : mapping
        ``experiment``: ``families``, ``composition``, ``noise`` or ``hyperparameters``. The first three
        also need the settings of `separation_scores`.

    Returns
    -------
    DataFrame
    """
    if settings["experiment"] == "hyperparameters":
        return hyperparameter_scores(rows)
    return SCORES[settings["experiment"]](rows, settings)
