"""Geodesic gridlines of the states, early and late, in coordinates of relevant and irrelevant input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import InputManifold
from warpline.geometry.derivatives.snapshot import state_map
from warpline.geometry.riemannian.connection import DegenerateMetricError
from warpline.geometry.riemannian.gridlines import geodesic_gridlines

__all__ = ["gridlines"]

VERTICES = 31
"""Points of a line on each side of its base line."""
MOMENTS = ("early", "late")
TOLERANCE = 1e-4
"""Of the integration, in fractions of the domain: invisible in a figure."""

Row = tuple[str, str, str, float]


def _crowding(kappa: np.ndarray) -> float:
    """Return the mean gap between lines over the smallest, along a base line; nan for a single line."""
    gaps = np.diff(np.sort(kappa))
    return float(gaps.mean() / gaps.min()) if len(gaps) > 1 and gaps.min() > 0 else np.nan


def gridlines(
    dynamics: Dynamics,
    inputs: InputManifold,
    time_steps: Sequence[int],
    count: int,
    context: int,
) -> tuple[dict[str, Any], list[Row]]:
    """Return geodesics at equal distances, in both directions, at two time steps.

    Parameters
    ----------
    dynamics : Dynamics
    inputs : InputManifold
        Of two coordinates.
    time_steps : sequence of int
        Early and late.
    count : int
        Lines in each direction.
    context : int
        Number of the relevant input.

    Returns
    -------
    variables : dict
        ``gridline`` (moment, way, line, vertex, coordinate): way 0 lies at values of the relevant input,
        way 1 of the irrelevant one; NaN where there is no line, as where the metric is degenerate.
    rows : list
        Crowding of lines, and the fraction of their ends that the loss of rank caused.
    """
    if context == 2:
        # The relevant input first: the first base line starts along it.
        in_task_order = inputs.inputs
        inputs = replace(
            inputs,
            coordinates=inputs.coordinates[::-1],
            inputs=lambda kappa, step: in_task_order(kappa.flip(-1), step),
        )
    vertices = np.full((len(time_steps), 2, count + 1, 2 * VERTICES - 1, 2), np.nan)
    rows: list[Row] = []
    condition = f"context {context}"
    for k, (time_step, moment) in enumerate(zip(time_steps, MOMENTS, strict=True)):
        # Where the metric is degenerate at a start there are no lines: all of them count as ended.
        try:
            lines = geodesic_gridlines(
                state_map(dynamics, inputs, time_step),
                count=(count, count),
                points=VERTICES,
                tolerance=TOLERANCE,
            )
        except DegenerateMetricError:
            rows += [
                ("gridlines ended by lost rank", condition, moment, 1.0),
                ("crowding of lines, relevant", condition, moment, np.nan),
                ("crowding of lines, irrelevant", condition, moment, np.nan),
            ]
            continue

        # Each family crosses its base line in the middle vertex, where the crowding is measured.
        kappa = lines.kappa.numpy(force=True)
        family = lines.family.numpy(force=True)
        crossing = kappa[:, kappa.shape[1] // 2]
        for way, relevance in enumerate(("relevant", "irrelevant")):
            members = np.flatnonzero(family == way)[: count + 1]
            vertices[k, way, : len(members)] = kappa[members]
            crowding = _crowding(crossing[members, way])
            rows.append((f"crowding of lines, {relevance}", condition, moment, crowding))
        ends = [status for pair in lines.status for status in pair]
        degenerate = sum(status == "degenerate" for status in ends) / len(ends)
        rows.append(("gridlines ended by lost rank", condition, moment, degenerate))
    return {"gridline": (("moment", "way", "line", "vertex", "coordinate"), vertices)}, rows
