"""Helpers of the metric figures: networks to load, colours, panel labels, lines over networks."""

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
    "annotate_value",
    "component_labels",
    "first_network",
    "load_networks",
    "manual_layout_figure",
    "network_lines",
    "panel_label",
    "strip_3d_axes",
    "summary_text",
    "surface_mesh",
    "tangent_colours",
    "trial_periods",
]


def manual_layout_figure(**settings: Any) -> Figure:
    """Return a figure without a layout engine: constrained layout does not support 3-D panels."""
    import matplotlib.pyplot as plt

    figure = plt.figure(**settings)
    figure.set_layout_engine("none")
    return figure


def load_networks(paths: Sequence[str]) -> xr.Dataset:
    """Return the arrays of all networks that did not diverge, concatenated along ``seed``.

    Raises
    ------
    ValueError
        When every network diverged.
    """
    networks = xr.concat([result_files.read_dataset(path) for path in paths], "seed", join="outer")
    finite = networks["status"].values != "diverged"
    if not finite.any():
        raise ValueError(
            "expected a network that did not diverge, got none: there is nothing to draw"
        )
    return networks.isel(seed=np.flatnonzero(finite))


def trial_periods(arrays: xr.Dataset) -> list[tuple[str, float, float]]:
    """Return name, start and stop (ms) of each period of a trial, from the attributes ``period_<name>``."""
    return [
        (name.removeprefix("period_"), float(edges[0]), float(edges[1]))
        for name, edges in arrays.attrs.items()
        if name.startswith("period_")
    ]


def first_network(arrays: xr.Dataset) -> xr.Dataset:
    """Return the network of the first seed, for panels that show a single network."""
    return arrays.isel(seed=0)


def tangent_colours(style: Mapping[str, Any]) -> dict[str, str]:
    """Return the colour of each tangent vector, by its name.

    One colour for the first or relevant input, one for the second or irrelevant input, one for time.
    """
    blue, orange, green = PALETTES[style["palette"]][:3]
    first_inputs, second_inputs = ("relevant", "angle_1", "input"), ("irrelevant", "angle_2")
    return {
        **dict.fromkeys(first_inputs, blue),
        **dict.fromkeys(second_inputs, orange),
        "time": green,
    }


def panel_label(axes: Axes, letter: str, title: str = "", pad: float | None = None) -> None:
    """Write a panel's letter and title above its upper left corner, ``pad`` points above it."""
    axes.set_title(f"{letter}  {title}", loc="left", pad=pad)


def annotate_value(axes: Axes, text: str, side: str = "left") -> None:
    """Write a value of the summary into the lower left or right corner of a panel."""
    x = 0.03 if side == "left" else 0.97
    axes.text(x, 0.03, text, transform=axes.transAxes, ha=side, va="bottom", fontsize="small")


def strip_3d_axes(axes: Any, labels: Sequence[str] = ("PC 1", "PC 2", "PC 3")) -> None:
    """Remove tick labels, grid and grey panes from a 3-D panel, and label its axes."""
    for axis, label in zip((axes.xaxis, axes.yaxis, axes.zaxis), labels, strict=True):
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis.set_ticklabels([])
        axis.set_label_text(label)
        axis.labelpad = -12
    axes.grid(False)


def component_labels(network: xr.Dataset) -> list[str]:
    """Return axis labels of a network's principal components, with their shares of the variance."""
    shares = network["variance"].values
    return [f"PC {k + 1} ({share:.0%})" for k, share in enumerate(shares)]


def network_lines(
    axes: Axes,
    x: np.ndarray,
    values: np.ndarray,
    colour: str,
    label: str | None = None,
    **line_style: Any,
) -> None:
    """Draw the mean over networks with a thin line for each network.

    From five networks on, a band between the quartiles replaces the thin lines.

    Parameters
    ----------
    x : ndarray, shape (point,)
    values : ndarray, shape (seed, point)
        Points that are missing for every network are left out.
    colour : str
    label : str, optional
        Entry of the mean in the legend.
    **line_style
        Further properties of the mean's line.
    """
    has_values = np.isfinite(values).any(axis=0)
    x, values = x[has_values], values[:, has_values]
    if len(values) >= 5:
        low, high = np.nanquantile(values, [0.25, 0.75], axis=0)
        axes.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)
    elif len(values) > 1:
        axes.plot(x, values.T, color=colour, lw=0.6, alpha=0.5)
    axes.plot(x, np.nanmean(values, axis=0), color=colour, label=label, **{"lw": 1.5, **line_style})


def surface_mesh(axes: Any, points: np.ndarray, colour: str, alpha: float = 0.5) -> None:
    """Draw a surface in a 3-D panel as a mesh of lines.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With a 3-D projection.
    points : ndarray, shape (row, column, 3)
    colour : str
    alpha : float
        Opacity.
    """
    for mesh in (points, points.swapaxes(0, 1)):
        for line in mesh:
            axes.plot(*line.T, color=colour, lw=0.6, alpha=alpha)


def summary_text(
    summary: pd.DataFrame, quantity: str, condition: str = "", moment: str = ""
) -> str:
    """Return a quantity of the summary as text: its mean, and its confidence interval if there is one.

    Raises
    ------
    KeyError
        When the table does not hold exactly one such row.
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
