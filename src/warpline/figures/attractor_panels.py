"""Tables and panels that the figures of the validation systems share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from warpline.attractors.systems import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MARGINS", "dissimilarity_matrix", "draw_trajectories"]

MARGINS = {"left": 0.05, "right": 0.98, "bottom": 0.02, "top": 0.93, "hspace": 0.12, "wspace": 0.05}
"""Margins of grids of 3-D panels."""


def dissimilarity_matrix(
    rows: pd.DataFrame, column: str = "dissimilarity"
) -> tuple[Floats, list[str]]:
    """Return a table of pairs as a symmetric matrix, and the names of its rows.

    Parameters
    ----------
    rows : DataFrame
        Columns ``system_a``, ``system_b`` and ``column``.
    column : str
        Column that fills the matrix.

    Returns
    -------
    matrix : ndarray, shape (system, system)
        NaN where a pair is missing or failed.
    names : list of str
        In the order of their first appearance.
    """
    names = [str(name) for name in dict.fromkeys([*rows["system_a"], *rows["system_b"]])]
    index = {name: k for k, name in enumerate(names)}
    values = np.full((len(names), len(names)), np.nan)
    i = rows["system_a"].map(index).to_numpy(dtype=int)
    j = rows["system_b"].map(index).to_numpy(dtype=int)
    values[i, j] = values[j, i] = rows[column].to_numpy(dtype=float)
    return values, names


def draw_trajectories(axes: Axes, states: Floats, colour: str) -> None:
    """Draw trajectories in three dimensions, with dots at their initial states and without tick labels.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With a 3-D projection.
    states : ndarray, shape (trial, time, unit)
        Three units.
    colour : str
    """
    space: Any = axes
    for trial in states:
        space.plot(*trial.T, color=colour, lw=0.5, alpha=0.7)
    space.scatter(*states[:, 0].T, color="black", s=2, depthshade=False)
    low, high = min(0.0, states.min()) - 0.02, max(1.0, states.max()) + 0.02
    for axis in "xyz":
        getattr(space, f"set_{axis}ticks")([0, 0.5, 1], [])
        getattr(space, f"set_{axis}lim")(low, high)
        getattr(space, f"{axis}axis").set_tick_params(length=0)
    space.set_box_aspect((1, 1, 1), zoom=1.1)
