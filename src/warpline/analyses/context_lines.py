"""Geodesic gridlines of the states at two moments, in coordinates of relevant and irrelevant input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import Family
from warpline.geometry.derivatives.snapshot import state_slice
from warpline.geometry.riemannian.connection import DegenerateMetricError
from warpline.geometry.riemannian.gridlines import geodesic_gridlines

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
    if context == 2:
        # The relevant input first: the first base line starts along it.
        own = family.inputs
        family = replace(
            family,
            coordinates=family.coordinates[::-1],
            inputs=lambda kappa, step: own(kappa.flip(-1), step),
        )
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
        kappa = drawn.kappa.numpy(force=True)
        family_of = drawn.family.numpy(force=True)
        middle = kappa[:, kappa.shape[1] // 2]
        for way, name_of in enumerate(("relevant", "irrelevant")):
            lines = np.flatnonzero(family_of == way)[: count + 1]
            found[k, way, : len(lines)] = kappa[lines]
            rows.append(
                (f"crowding of lines, {name_of}", where, name, _crowding(middle[lines, way]))
            )
        ended = [side for pair in drawn.status for side in pair]
        lost = sum(status == "degenerate" for status in ended) / len(ended)
        rows.append(("gridlines ended by lost rank", where, name, lost))
    return {"gridline": (("moment", "way", "line", "vertex", "coordinate"), found)}, rows
