"""Betti numbers of the states that two angles lead to, against the same network on cut inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.analyses.trained_network import Network
from warpline.core import random_streams
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import Family
from warpline.geometry.derivatives.sensitivity import Tangents, tangents
from warpline.geometry.measurements.topology import Control, betti_numbers, loop_radii
from warpline.geometry.riemannian.metric import pullback_metric

__all__ = ["KEPT", "topology"]

ARC = (-0.7 * np.pi, 0.7 * np.pi)
"""What is left of a circle that is cut: no chord closes it before its own size does."""
CUTS = {"cylinder": (("angle_1",), (1, 1, 0)), "square": (("angle_1", "angle_2"), (1, 0, 0))}
KEPT = 6
"""Longest intervals of each dimension that are kept for figures."""
DIMENSIONS = 3

Row = tuple[str, str, str, float]


def topology(
    network: Network,
    dynamics: Dynamics,
    family: Family,
    found: Tangents,
    times: Mapping[str, int],
    settings: Mapping[str, Any],
) -> tuple[dict[str, Any], list[Row]]:
    """Return Betti numbers and intervals at some moments.

    Parameters
    ----------
    network : Network
    dynamics : Dynamics
    family : Family
        Of two angles.
    found : Tangents
        On the whole grid, at all moments.
    times : mapping of str to int
        Moments by name.
    settings : mapping
        ``points``, ``landmarks``, ``samples``.

    Returns
    -------
    variables : dict
        ``betti`` (moment, dimension), NaN where samples do not agree; ``ratio`` (moment, dimension, rank),
        death/birth of the longest intervals of the first sample, and ``threshold`` (moment, dimension)
        that they must exceed; ``undersampled`` (moment).
    rows : list
    """
    side = settings["points"]
    moments = list(times.values())
    clouds = {}
    for name, (cut, betti) in CUTS.items():
        narrowed = family.restricted(dict.fromkeys(cut, ARC))
        states = tangents(dynamics, narrowed, narrowed.grid(side, side), at=moments).states
        clouds[name] = (states.numpy(force=True), betti)
    matrix = pullback_metric(found).inputs.matrix
    numbers: list[NDArray[np.floating[Any]]] = []
    ratios, thresholds, sparse = [], [], []
    rows: list[Row] = []
    for place, (name, moment) in enumerate(times.items()):
        metric = matrix[:, moment]
        radius = min(loop_radii(metric, (side, side), axis, 2 * np.pi).min() for axis in range(2))
        result = betti_numbers(
            found.states[:, moment].numpy(force=True),
            controls={
                control: Control(states[:, place], known)
                for control, (states, known) in clouds.items()
            },
            landmarks=min(settings["landmarks"], side * side),
            samples=settings["samples"],
            loop_radius=float(radius),
            seed=random_streams.integer_seed(
                network.settings["seed"], "warping", "topology", network.seed, name
            ),
        )
        table = result.betti
        numbers.append(table["betti"].astype(float).to_numpy())
        thresholds.append(table["threshold"].to_numpy(dtype=float))
        sparse.append(bool(table["undersampled"].iloc[0]))
        own = result.intervals
        own = own[(own["cloud"] == "data") & (own["sample"] == 0)]
        own = own[own["landmarks"] == own["landmarks"].max()]
        longest = np.full((DIMENSIONS, KEPT), np.nan)
        for dimension, part in own.groupby("dimension"):
            top = np.sort(part["ratio"].to_numpy(dtype=float))[::-1][:KEPT]
            longest[int(dimension), : len(top)] = top
        ratios.append(longest)
        rows += [
            (f"Betti number {d}", "", name, value) for d, value in enumerate(numbers[-1].tolist())
        ]
        rows.append(("states undersampled for topology", "", name, float(sparse[-1])))
    return {
        "betti": (("moment", "dimension"), np.stack(numbers)),
        "ratio": (("moment", "dimension", "rank"), np.stack(ratios)),
        "threshold": (("moment", "dimension"), np.stack(thresholds)),
        "undersampled": (("moment",), np.array(sparse)),
    }, rows
