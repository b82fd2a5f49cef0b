"""The panel beside a conclusion from DSA: in which settings around the chosen one it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from warpline.figures.words import measure_name, number_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_sensitivities", "draw_sensitivity", "sensitive_measures"]

SETTING = ["n_delays", "delay_interval", "rank"]
TITLES = {
    "after": "orderings that hold",
    "over": "lags of this sign",
    "architectures": "orderings that hold",
    "composition": "relative gap above\nthat of the others",
}


def sensitive_measures(table: pd.DataFrame | None, conclusion: str) -> list[str]:
    """Return the measures whose conclusions of one kind were tried at other settings.

    Parameters
    ----------
    table : DataFrame or None
        From `warpline.analyses.sensitivity_to_parameters.orderings`, of one architecture, or between them.
    conclusion : str
        ``after``, ``over`` or ``architectures``.
    """
    if table is None:
        return []
    rows = table[(table["conclusion"] == conclusion) & ~table["own"]]
    return list(dict.fromkeys(rows.dropna(subset="holds")["measure"]))


def draw_sensitivities(panels: Mapping[str, Axes], table: pd.DataFrame, conclusion: str) -> None:
    """Draw a panel per measure below each other; the lowest one has the name of the shared axis.

    Parameters
    ----------
    panels : mapping of str to matplotlib.axes.Axes
        By measure, from the top; may be empty.
    table, conclusion
        As `draw_sensitivity`.
    """
    for measure, axes in panels.items():
        draw_sensitivity(axes, table, measure, conclusion)
    # A name below each would push the rows of the figure apart.
    if len(panels) > 1:
        *others, last = panels.values()
        for axes in others:
            axes.set_xlabel("")
        last.set_xlabel("rank")


def draw_sensitivity(axes: Axes, table: pd.DataFrame, measure: str, conclusion: str) -> None:
    """Draw a cell per setting: how many of the conclusions have the sign that they have at the own setting.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    table : DataFrame
        As `sensitive_measures`; or from `warpline.attractors.score_tables.gap_orderings`.
    measure, conclusion : str
    """
    from matplotlib.patches import Rectangle

    rows = table[(table["measure"] == measure) & (table["conclusion"] == conclusion)]
    rows = rows.dropna(subset="holds").astype({"holds": bool, "carried": bool})
    embeddings = sorted({tuple(row) for row in rows[SETTING[:2]].to_numpy().tolist()})
    ranks = sorted(rows["rank"].unique())
    shares = np.full((len(embeddings), len(ranks)), np.nan)
    image = axes.imshow(shares, cmap="Blues", vmin=-0.2, vmax=1.2, aspect="auto", origin="lower")
    for setting, group in rows.groupby(SETTING):
        x, y = ranks.index(setting[2]), embeddings.index(tuple(setting[:2]))
        n_holds, n = int(group["holds"].sum()), len(group)
        shares[y, x] = n_holds / n
        is_own = bool(group["own"].any())
        number = axes.text(
            x,
            y,
            # What others are held against holds there by definition.
            "chosen" if is_own and conclusion != "composition" else f"{n_holds}/{n}",
            ha="center",
            va="center",
            fontsize="x-small",
            color="white" if n_holds / n > 0.6 else "black",
        )
        corner = (x - 0.5, y - 0.5)
        if is_own:
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, ec="black", lw=1.5, zorder=3))
        elif not group["carried"].all():
            # Zeros stand for the directions that a network does not carry.
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, ec="0.7", hatch="////", lw=0))
            # No line of the hatching goes through the number.
            cell = image.cmap(image.norm(n_holds / n))
            number.set_bbox({"facecolor": cell, "edgecolor": "none", "pad": 1})
    image.set_data(shares)
    axes.set_xticks(range(len(ranks)), [f"{rank:g}" for rank in ranks])
    labels = [f"{n:g}" if step == 1 else f"{n:g} × {step:g}" for n, step in embeddings]
    axes.set_yticks(range(len(embeddings)), labels)
    axes.set_xlabel(f"rank of {measure_name(measure)}")
    axes.set_ylabel("delays")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    pairs = " pairs" if conclusion == "composition" else ""
    counts = number_range(rows["n"])
    axes.set_title(f"{TITLES[conclusion]} (n = {counts}{pairs})", fontsize="small")
