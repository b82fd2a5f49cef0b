"""The metric by level of the relevant evidence, and the grid of both inputs at arc length on the states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from warpline.analyses.relevance import by_relevance
from warpline.geometry.riemannian.arc_length import arc_length_mesh
from warpline.geometry.riemannian.metric import Metric

__all__ = ["LEVELS", "levels"]

LEVELS = 5
"""Number of levels of the relevant input at which eigenvalues are drawn."""
BAND = (0.05, 0.5, 0.95)
"""Quantiles over the irrelevant input."""


def levels(
    metric: Metric, context: int, side: int, time_steps: Sequence[int], spacing: float
) -> dict[str, Any]:
    """Return eigenvalues of the metric by level of the relevant input, and the grid at arc length.

    Parameters
    ----------
    metric : Metric
        Over a square grid of two inputs, at all time steps.
    context : int
    side : int
        Points along each side of the grid.
    time_steps : sequence of int
        Early and late.
    spacing : float
        Step of the grid.

    Returns
    -------
    variables : dict
        ``level_eigenvalue`` (level, time, order, band): eigenvalues of G, inputs and time, over the largest
        median of any level at the same time; 5 %, 50 % and 95 % over the irrelevant input; nan at time step
        0. ``level_value`` (level,), as index of the grid. ``context_mesh`` (moment, relevant, irrelevant,
        coordinate): the grid at arc length (`warpline.geometry.riemannian.arc_length`), relevant first.
    """
    eigenvalues = by_relevance(metric.spectrum().values.numpy(force=True), context, side)
    chosen = np.linspace(0, side - 1, min(LEVELS, side)).round().astype(int)
    bands = np.quantile(eigenvalues[chosen], BAND, axis=1)
    largest = bands[1, :, :, 0].max(axis=0)
    scale = np.where(largest > 0, largest, np.nan)
    matrix = metric.inputs.matrix[:, list(time_steps)]
    meshes = []
    for moment in matrix.unbind(1):
        places = arc_length_mesh(moment.unflatten(0, (side, side)), [spacing] * 2)
        grid = places.numpy(force=True)
        # The relevant input first, both as axis of the grid and as coordinate.
        meshes.append(grid if context == 1 else grid.swapaxes(0, 1)[..., ::-1])
    return {
        "level_eigenvalue": (
            ("level", "time", "order", "band"),
            np.moveaxis(bands / scale[:, None], 0, -1),
        ),
        "level_value": (("level",), chosen),
        "context_mesh": (("moment", "relevant", "irrelevant", "coordinate"), np.stack(meshes)),
    }
