"""A feedforward network with three hidden units maps a circle to two classes.

Pellegrino and Chadwick (2025), figure 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from warpline.analyses.summary import scalar_rows
from warpline.analyses.trained_network import Network, outputs_of
from warpline.geometry.derivatives.sensitivity import tangents

__all__ = ["analyse", "equal_steps"]


STAGES = ("before", "after")
NEAR = np.pi / 8
"""Largest distance from a class boundary (0 and pi) that counts as near, in radians."""


def equal_steps(theta: np.ndarray, speed: np.ndarray, count: int) -> np.ndarray:
    """Return angles at equal distances along a circle of line element speed x d theta.

    Parameters
    ----------
    theta : ndarray, shape (angle,)
        Evenly spaced over the circle, its end left out.
    speed : ndarray, shape (angle,)
        sqrt(G) at these angles.
    count : int
        Number of angles.

    Returns
    -------
    ndarray, shape (count,)
        The first is theta[0].
    """
    step = theta[1] - theta[0]
    closed = np.append(speed, speed[0])
    length = np.concatenate([[0.0], np.cumsum((closed[1:] + closed[:-1]) / 2 * step)])
    distances = np.arange(count) / count * length[-1]
    return np.interp(distances, length, np.append(theta, theta[-1] + step))


def analyse(network: Network, settings: Mapping[str, Any]) -> tuple[xr.Dataset, pd.DataFrame]:
    """Compute the metric along the circle, before and after learning.

    Parameters
    ----------
    network : Network
    settings : mapping
        ``points``, ``gridlines``.

    Returns
    -------
    arrays : Dataset
        ``states`` (stage, theta, unit), ``output`` (stage, theta), ``metric`` (stage, theta): G, and
        ``gridline`` (stage, line), angles at equal distances in the metric.
    numbers : DataFrame
        Length of the circle of states; speed of the states near the class boundaries over their mean speed
        (root of G, within pi/8 of 0 and pi).
    """
    inputs = network.input_manifold(1)
    kappa = inputs.grid(settings["points"])
    theta = kappa[:, 0].numpy()
    # The distance from the nearer boundary: from 0, modulo pi.
    near_boundary = np.abs((theta + np.pi / 2) % np.pi - np.pi / 2) < NEAR
    states, outputs, metrics, lines, rows = [], [], [], [], []
    for stage, step in zip(STAGES, (network.steps[0], network.steps[-1]), strict=True):
        dynamics = network.dynamics(step)
        vectors = tangents(dynamics, inputs, kappa, at=[inputs.n_steps])
        metric = vectors.inputs[:, 0, 0].square().sum(-1).numpy(force=True)
        speed = np.sqrt(metric)
        states.append(vectors.states[:, 0].numpy(force=True))
        outputs.append(outputs_of(dynamics, vectors.full_states)[:, 0, 0])
        metrics.append(metric)
        lines.append(equal_steps(theta, speed, settings["gridlines"]))
        rows += [
            ("length of the circle of states", stage, "", speed.mean() * 2 * np.pi),
            (
                "speed near the boundaries / mean speed",
                stage,
                "",
                speed[near_boundary].mean() / speed.mean(),
            ),
        ]
    rows.append(("accuracy", "after", "", network.accuracy[network.steps[-1]]))
    arrays = xr.Dataset(
        {
            "states": (("stage", "theta", "unit"), np.stack(states)),
            "output": (("stage", "theta"), np.stack(outputs)),
            "metric": (("stage", "theta"), np.stack(metrics)),
            "gridline": (("stage", "line"), np.stack(lines)),
        },
        coords={"stage": list(STAGES), "theta": theta},
    )
    return arrays, scalar_rows(rows)
