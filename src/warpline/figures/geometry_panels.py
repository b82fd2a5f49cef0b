"""What the figures of warping share: networks gathered, colours of tangent vectors, lines with spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from warpline.core import result_files
from warpline.figures.plotting import PALETTES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "bare",
    "colour_of",
    "free_figure",
    "gather",
    "letter",
    "lines",
    "note",
    "number",
    "sample",
    "sheet",
]


def free_figure(**settings: Any) -> Figure:
    """Return a figure whose panels stay where they are put: constrained layout does not take 3-D panels."""
    import matplotlib.pyplot as plt

    figure = plt.figure(**settings)
    figure.set_layout_engine("none")
    return figure


def gather(paths: Sequence[str]) -> xr.Dataset:
    """Return the arrays of all networks that did not diverge, along ``seed``."""
    found = xr.concat([result_files.read_dataset(path) for path in paths], "seed", join="outer")
    good = found["status"].values != "diverged"
    if not good.any():
        raise ValueError(
            "expected a network that did not diverge, got none: there is nothing to draw"
        )
    return found.isel(seed=np.flatnonzero(good))


def sample(arrays: xr.Dataset) -> xr.Dataset:
    """Return the network that is drawn where only one can be: that of the first seed."""
    return arrays.isel(seed=0)


def colour_of(style: Mapping[str, Any]) -> dict[str, str]:
    """Return a colour per tangent vector: relevant (or the first input), irrelevant (or second), time."""
    blue, orange, green = PALETTES[style["palette"]][:3]
    first, second = ("relevant", "angle_1", "input"), ("irrelevant", "angle_2")
    return {
        **dict.fromkeys(first, blue),
        **dict.fromkeys(second, orange),
        "time": green,
    }


def letter(axes: Axes, text: str, title: str = "") -> None:
    """Put a panel's letter, and its title beside it, above its upper left corner."""
    axes.set_title(f"{text}  {title}", loc="left")


def note(axes: Axes, text: str, side: str = "left") -> None:
    """Put a number of the summary into a lower corner of a panel."""
    x = 0.03 if side == "left" else 0.97
    axes.text(x, 0.03, text, transform=axes.transAxes, ha=side, va="bottom", fontsize="small")


def bare(axes: Any, labels: Sequence[str] = ("PC 1", "PC 2", "PC 3")) -> None:
    """Take what distracts from a drawing in three dimensions: ticks and grey walls."""
    for axis, label in zip((axes.xaxis, axes.yaxis, axes.zaxis), labels, strict=True):
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis.set_ticklabels([])
        axis.set_label_text(label)
        axis.labelpad = -12
    axes.grid(False)


def lines(
    axes: Axes,
    x: np.ndarray,
    values: np.ndarray,
    colour: str,
    label: str | None = None,
    **look: Any,
) -> None:
    """Draw a thin line per network and their mean; from five networks on, mean and quartiles.

    Parameters
    ----------
    x : ndarray, shape (point,)
    values : ndarray, shape (seed, point)
    """
    known = np.isfinite(values).any(axis=0)
    x, values = x[known], values[:, known]
    if len(values) >= 5:
        low, high = np.nanquantile(values, [0.25, 0.75], axis=0)
        axes.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)
    elif len(values) > 1:
        axes.plot(x, values.T, color=colour, lw=0.6, alpha=0.5)
    axes.plot(x, np.nanmean(values, axis=0), color=colour, label=label, **{"lw": 1.5, **look})


def sheet(axes: Any, points: np.ndarray, colour: str, alpha: float = 0.5) -> None:
    """Draw a surface as a mesh of lines; points (row, column, 3)."""
    for mesh in (points, points.swapaxes(0, 1)):
        for line in mesh:
            axes.plot(*line.T, color=colour, lw=0.6, alpha=alpha)


def number(summary: pd.DataFrame, quantity: str, condition: str = "", moment: str = "") -> str:
    """Return a number of the summary as text: mean, and its interval where there is one.

    Raises
    ------
    KeyError
        When the table has no such number.
    """
    rows = summary.fillna({"condition": "", "moment": ""})
    rows = rows[
        (rows["quantity"] == quantity)
        & (rows["condition"] == condition)
        & (rows["moment"] == moment)
    ]
    if len(rows) != 1:
        raise KeyError(
            f"expected one number {quantity!r} {condition!r} {moment!r}, got {len(rows)}"
        )
    row = rows.iloc[0]
    if np.isnan(row["low"]):
        return f"{row['mean']:.3g}"
    return f"{row['mean']:.3g} [{row['low']:.3g}, {row['high']:.3g}]"
