"""Geodesic gridlines of the states at two moments, in coordinates of relevant and irrelevant input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from warpline.geometry.connection import DegenerateMetricError
from warpline.geometry.dynamics import Dynamics
from warpline.geometry.families import Family
from warpline.geometry.gridlines import geodesic_gridlines
from warpline.geometry.slices import state_slice
from warpline.warping.relevance import relevant_first

__all__ = ["gridlines"]

VERTICES = 31
"""Of a line, on each side of its base line."""
MOMENTS = ("early", "late")
TOLERANCE = 1e-4
"""Of the integration, in fractions of the domain: less than the eye sees."""

Row = tuple[str, str, str, float]


def _crowding(kappa: np.ndarray) -> float:
    """Return how many times closer lines lie at their closest than on average, along a base line."""
    gaps = np.diff(np.sort(kappa))
    return float(gaps.mean() / gaps.min()) if len(gaps) > 1 and gaps.min() > 0 else np.nan


def gridlines(
    dynamics: Dynamics, family: Family, moments: Sequence[int], count: int, context: int
) -> tuple[dict[str, Any], list[Row]]:
    """Return geodesics at equal distances, both ways, at two moments.

    Parameters
    ----------
    dynamics : Dynamics
    family : Family
        Of two inputs.
    moments : sequence of int
        Early and late.
    count : int
        Lines each way.
    context : int
        Which input is the relevant one.

    Returns
    -------
    variables : dict
        ``gridline`` (moment, way, line, vertex, coordinate): way 0 lies at values of the relevant input,
        way 1 of the irrelevant one; NaN where there is no line, as where the metric is degenerate.
    rows : list
        Numbers: how lines crowd; which fraction of lines the loss of rank ended.
    """
    found = np.full((len(moments), 2, count + 1, 2 * VERTICES - 1, 2), np.nan)
    rows: list[Row] = []
    for k, (moment, name) in enumerate(zip(moments, MOMENTS, strict=True)):
        where = f"context {context}"
        try:
            drawn = geodesic_gridlines(
                state_slice(dynamics, family, moment),
                count=(count, count),
                points=VERTICES,
                tolerance=TOLERANCE,
            )
        except DegenerateMetricError:
            rows += [
                ("gridlines ended by lost rank", where, name, 1.0),
                ("crowding of lines, relevant", where, name, np.nan),
                ("crowding of lines, irrelevant", where, name, np.nan),
            ]
            continue
        kappa = relevant_first(drawn.kappa.numpy(force=True), context, (-1,))
        family_of = drawn.family.numpy(force=True)
        middle = kappa[:, kappa.shape[1] // 2]
        for member in (0, 1):
            lines = np.flatnonzero(family_of == member)[: count + 1]
            # Family 0 stands on a base line that starts along input 1, which tells its lines apart.
            way = member if context == 1 else 1 - member
            found[k, way, : len(lines)] = kappa[lines]
            name_of = ("relevant", "irrelevant")[way]
            rows.append(
                (f"crowding of lines, {name_of}", where, name, _crowding(middle[lines, way]))
            )
        ended = [side for pair in drawn.status for side in pair]
        lost = sum(status == "degenerate" for status in ended) / len(ended)
        rows.append(("gridlines ended by lost rank", where, name, lost))
    return {"gridline": (("moment", "way", "line", "vertex", "coordinate"), found)}, rows
