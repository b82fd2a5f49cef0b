"""Betti numbers of the states over two angles, with the same network over cut domains as controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.analyses.trained_network import Network
from warpline.core import random_streams
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import InputManifold
from warpline.geometry.derivatives.sensitivity import Tangents, tangents
from warpline.geometry.measurements.topology import (
    Control,
    betti_numbers,
    loop_deaths,
    loop_radii,
)
from warpline.geometry.riemannian.metric import pullback_metric

__all__ = ["LONGEST", "topology"]

ARC = (-0.7 * np.pi, 0.7 * np.pi)
"""Domain of a circle that is cut open: too wide a cut for a chord to close it before its size does."""
CUTS = {"cylinder": (("angle_1",), (1, 1, 0)), "square": (("angle_1", "angle_2"), (1, 0, 0))}
LONGEST = 6
"""Number of the longest intervals of each dimension in the results, for figures."""
DIMENSIONS = 3

Row = tuple[str, str, str, float]


def topology(
    network: Network,
    dynamics: Dynamics,
    inputs: InputManifold,
    full: Tangents,
    time_steps: Mapping[str, int],
    settings: Mapping[str, Any],
) -> tuple[dict[str, Any], list[Row]]:
    """Return Betti numbers and intervals at some time steps.

    Parameters
    ----------
    network : Network
    dynamics : Dynamics
    inputs : InputManifold
        Of two angles.
    full : Tangents
        Over the grid of the uncut domain, at all time steps.
    time_steps : mapping of str to int
        By name.
    settings : mapping
        ``points``, ``landmarks``, ``samples``.

    Returns
    -------
    variables : dict
        ``betti`` (moment, dimension), NaN where samples do not agree; ``ratio`` (moment, dimension, rank),
        death/birth of the longest intervals of the first sample, and ``threshold`` (moment, dimension)
        that they must exceed; ``undersampled`` (moment).
    rows : list
        Betti numbers, and whether the states are undersampled, by time step.
    """
    side = settings["points"]

    # Controls: the states over domains with one circle cut, or both.
    clouds = {}
    for name, (cut, betti) in CUTS.items():
        narrowed = inputs.restricted(dict.fromkeys(cut, ARC))
        cut_tangents = tangents(
            dynamics, narrowed, narrowed.grid(side, side), at=list(time_steps.values())
        )
        clouds[name] = (cut_tangents.states.numpy(force=True), betti)

    matrix = pullback_metric(full).inputs.matrix
    numbers: list[NDArray[np.floating[Any]]] = []
    ratios, thresholds, undersampled = [], [], []
    rows: list[Row] = []
    for column, (name, time_step) in enumerate(time_steps.items()):
        # The smallest loop of the torus decides whether the landmarks are dense enough.
        metric = matrix[:, time_step]
        states = full.states[:, time_step].numpy(force=True)
        grid = (side, side)
        radius = min(loop_radii(metric, grid, axis, 2 * np.pi).min() for axis in range(2))
        topology_of_states = betti_numbers(
            states,
            controls={
                control: Control(cut[:, column], known_betti)
                for control, (cut, known_betti) in clouds.items()
            },
            landmarks=min(settings["landmarks"], side * side),
            samples=settings["samples"],
            loop_radius=float(radius),
            loop_death=float(min(loop_deaths(states, grid, axis).min() for axis in range(2))),
            seed=random_streams.integer_seed(
                network.settings["seed"], "warping", "topology", network.seed, name
            ),
        )
        table = topology_of_states.betti
        numbers.append(table["betti"].astype(float).to_numpy())
        thresholds.append(table["threshold"].to_numpy(dtype=float))
        undersampled.append(bool(table["undersampled"].iloc[0]))

        # The longest intervals of the first sample, with all landmarks.
        intervals = topology_of_states.intervals
        intervals = intervals[(intervals["cloud"] == "data") & (intervals["sample"] == 0)]
        intervals = intervals[intervals["landmarks"] == intervals["landmarks"].max()]
        longest = np.full((DIMENSIONS, LONGEST), np.nan)
        for dimension, of_dimension in intervals.groupby("dimension"):
            top = np.sort(of_dimension["ratio"].to_numpy(dtype=float))[::-1][:LONGEST]
            longest[int(dimension), : len(top)] = top
        ratios.append(longest)
        rows += [
            (f"Betti number {d}", "", name, value) for d, value in enumerate(numbers[-1].tolist())
        ]
        rows.append(("states undersampled for topology", "", name, float(undersampled[-1])))
    return {
        "betti": (("moment", "dimension"), np.stack(numbers)),
        "ratio": (("moment", "dimension", "rank"), np.stack(ratios)),
        "threshold": (("moment", "dimension"), np.stack(thresholds)),
        "undersampled": (("moment",), np.array(undersampled)),
    }, rows
