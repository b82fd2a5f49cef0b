"""Whether what is concluded from DSA holds in the neighbourhood of its parameters.

Three kinds of conclusion: the order of curricula by their dissimilarity to the reference after learning; the
order of pairs of architectures; and whether the dynamics settle later than behaviour.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from warpline.analyses.summary import half_time

__all__ = ["FLOOR", "orderings", "shares", "values_by_setting"]

SETTING = ["n_delays", "delay_interval", "rank"]
FLOOR = "other seed"
"""Item of the order of architectures: networks of one architecture and curriculum in two seeds."""
COLUMNS = ["measure", *SETTING, "own", "carried", "conclusion", "architecture", "item"]


def values_by_setting(
    rows: pd.DataFrame, reference: str, chance: Mapping[tuple[str, str, int], float]
) -> pd.DataFrame:
    """Return what each conclusion is drawn from, at every setting.

    Parameters
    ----------
    rows : DataFrame
        Of `warpline.comparison.neighbourhood.compare_around`, with ``measure``.
    reference : str
        Curriculum that the others are compared with.
    chance : mapping of (architecture, curriculum, seed) to float
        Chance level of the tasks that a network learns, from which the half-time of its accuracy counts.

    Returns
    -------
    DataFrame
        A row per measure, setting, ``conclusion``, ``architecture`` (empty between architectures) and
        ``item``, with ``value`` and ``n`` (networks, or pairs between architectures):
        ``after``: a curriculum, its mean dissimilarity to networks of the reference in other seeds (each
        network counts once); ``architectures``: two architectures, or `FLOOR`, the mean dissimilarity;
        ``over``: a curriculum, the mean over networks of the half-time of the dissimilarity to the own end
        less that of accuracy, as a fraction of training. ``carried``: whether all networks of the
        architecture (``over``: of the curriculum) carry the rank.
    """
    table: list[dict[str, Any]] = []
    for key, group in rows.groupby(["measure", *SETTING, "own"], sort=False):
        setting = dict(zip(["measure", *SETTING, "own"], key, strict=True))
        for conclusion, values in (
            ("after", _after(group[group["pairs"] == "after"], reference)),
            ("over", _over(group[group["pairs"] == "over"], chance)),
            ("architectures", _between(group[group["pairs"].isin(["between", "floor"])])),
        ):
            table += [{**setting, "conclusion": conclusion, **value} for value in values]
    return pd.DataFrame(table, columns=[*COLUMNS, "value", "n"])


def _carried(rows: pd.DataFrame) -> bool:
    """Say whether the operators have their full rank; zeros stand for the rest."""
    return bool((rows["rank_used"].dropna() >= rows["rank"].iloc[0]).all())


def _after(rows: pd.DataFrame, reference: str) -> list[dict[str, Any]]:
    """Return the mean dissimilarity to the reference by architecture and curriculum."""
    sides = []
    for side, other in (("a", "b"), ("b", "a")):
        to_reference = rows[rows[f"curriculum_{other}"] == reference]
        sides.append(
            pd.DataFrame(
                {
                    "architecture": to_reference["architecture_a"],
                    "item": to_reference[f"curriculum_{side}"],
                    "seed": to_reference[f"seed_{side}"],
                    "value": to_reference["dissimilarity"],
                }
            )
        )
    values = []
    for (architecture, item), group in pd.concat(sides).groupby(
        ["architecture", "item"], sort=False
    ):
        networks = group.groupby("seed")["value"].mean().dropna()
        values.append(
            {
                "architecture": architecture,
                "item": item,
                "value": networks.mean(),
                "n": len(networks),
                # What networks of another architecture carry says nothing of these.
                "carried": _carried(rows[rows["architecture_a"] == architecture]),
            }
        )
    return values


def _over(rows: pd.DataFrame, chance: Mapping[tuple[str, str, int], float]) -> list[dict[str, Any]]:
    """Return the lag of the dynamics behind accuracy by architecture and curriculum."""
    values = []
    for (architecture, item), group in rows.groupby(["architecture_a", "curriculum_a"], sort=False):
        lags = []
        for seed, network in group.groupby("seed_a"):
            at_chance = chance[str(architecture), str(item), int(str(seed))]
            in_order = network.sort_values("checkpoint")
            fractions = in_order["checkpoint"].to_numpy(dtype=float)
            settles, learns = (
                half_time(fractions, in_order[column].to_numpy(dtype=float), start)
                for column, start in (
                    ("dissimilarity", None),
                    ("accuracy_a", at_chance),
                )
            )
            lags.append(settles - learns)
        finite = np.array(lags)[np.isfinite(lags)]
        values.append(
            {
                "architecture": architecture,
                "item": item,
                "value": finite.mean() if len(finite) else np.nan,
                "n": len(finite),
                # At the beginning a network may carry less: its trained state decides.
                "carried": _carried(group[group["checkpoint"] == group["checkpoint"].max()]),
            }
        )
    return values


def _between(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the mean dissimilarity of every two architectures, and the floor."""
    names = np.where(
        rows["pairs"] == "floor", FLOOR, rows["architecture_a"] + " / " + rows["architecture_b"]
    )
    values = []
    for item, group in rows.assign(item=names).groupby("item", sort=False):
        finite = group["dissimilarity"].dropna()
        values.append(
            {
                "architecture": "",
                "item": item,
                "value": finite.mean(),
                "n": len(finite),
                "carried": _carried(rows),
            }
        )
    return values


def orderings(values: pd.DataFrame) -> pd.DataFrame:
    """Return every single conclusion at every setting, and whether it is that of the own setting.

    Parameters
    ----------
    values : DataFrame
        From `values_by_setting`.

    Returns
    -------
    DataFrame
        A row per measure, setting and conclusion about ``item_a`` and ``item_b``: ``difference``, the value
        of a less that of b; ``holds``, whether it has the sign of the measure's own setting (missing where
        one of the two has no value, or the own setting no order); ``n``, the smaller one. Over learning b is
        accuracy, and the difference is the lag.
    """
    table = []
    keys = ["measure", *SETTING, "own", "conclusion", "architecture"]
    for key, group in values.groupby(keys, sort=False):
        setting = dict(zip(keys, key, strict=True))
        setting["carried"] = bool(group["carried"].all())
        if setting["conclusion"] == "over":
            for row in group.to_dict("records"):
                names = {"item_a": row["item"], "item_b": "accuracy"}
                table.append({**setting, **names, "difference": row["value"], "n": row["n"]})
            continue
        for a, b in itertools.combinations(group.sort_values("item").to_dict("records"), 2):
            names = {"item_a": a["item"], "item_b": b["item"]}
            difference = a["value"] - b["value"]
            table.append({**setting, **names, "difference": difference, "n": min(a["n"], b["n"])})
    columns = [*keys, "carried", "item_a", "item_b", "difference", "n"]
    frame = pd.DataFrame(table, columns=columns)
    # Every conclusion is held against the same one at the measure's own setting.
    same = ["measure", "conclusion", "architecture", "item_a", "item_b"]
    own = frame.loc[frame["own"], [*same, "difference"]]
    reference = frame[same].merge(own, on=same, how="left")["difference"].to_numpy(dtype=float)
    difference = frame["difference"].to_numpy(dtype=float)
    known = np.isfinite(reference) & np.isfinite(difference) & (reference != 0)
    agrees = np.sign(difference) == np.sign(reference)
    frame["holds"] = pd.Series(agrees, dtype="boolean").mask(~known)
    return frame


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Return the share of the settings around in which each conclusion holds.

    Parameters
    ----------
    table : DataFrame
        From `orderings`.

    Returns
    -------
    DataFrame
        A row per measure and conclusion: ``difference`` at the own setting, its ``smallest`` and
        ``largest`` value, ``n_settings`` (those in which the difference has a value, the own one left out),
        ``n_carried`` of them in which all networks carry the rank, ``n_holds``, and ``share``, missing where
        no setting counts.
    """
    out = []
    same = ["measure", "conclusion", "architecture", "item_a", "item_b"]
    for key, group in table.groupby(same, sort=False, dropna=False):
        around = group[~group["own"]].dropna(subset="holds")
        counted = pd.concat([group[group["own"]], around])["difference"]
        n_holds = int(around["holds"].sum())
        own = group.loc[group["own"], "difference"]
        out.append(
            {
                **dict(zip(same, key, strict=True)),
                "difference": own.iloc[0] if len(own) else np.nan,
                "smallest": counted.min(),
                "largest": counted.max(),
                "n": int(group["n"].min()),
                "n_settings": len(around),
                "n_carried": int(around["carried"].sum()),
                "n_holds": n_holds,
                "share": n_holds / len(around) if len(around) else np.nan,
            }
        )
    columns = [*same, "difference", "smallest", "largest", "n", "n_settings"]
    columns += ["n_carried", "n_holds", "share"]
    return pd.DataFrame(out, columns=columns)
