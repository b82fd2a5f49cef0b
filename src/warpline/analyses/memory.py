"""Two angles in memory: the irrelevant one is compressed, or rotated out of the decoder.

Pellegrino and Chadwick (2025), figure 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray

from warpline.analyses.memory_representation import representation
from warpline.analyses.memory_topology import topology
from warpline.analyses.summary import scalar_rows
from warpline.analyses.trained_network import Network
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import InputManifold
from warpline.geometry.derivatives.sensitivity import Tangents, tangents
from warpline.geometry.derivatives.snapshot import state_map
from warpline.geometry.measurements.readout import (
    encoding_subspace,
    readout_jacobian,
    readout_split,
    row_space,
    subspace_angles,
)
from warpline.geometry.measurements.two_items import TwoItems, two_items
from warpline.geometry.riemannian.curvature import gaussian_curvature
from warpline.geometry.riemannian.metric import Metric, pullback_metric

__all__ = ["analyse"]


Floats = NDArray[np.float64]
Row = tuple[str, str, str, float]

ITEMS = ("angle_1", "angle_2")
VERDICTS = ("warping", "realignment", "mixed", "no switch")
MOMENTS = ("item_2", "delay", "report_1", "report_2")
"""Periods analysed for curvature and topology: at the end of each, or midway for reports."""


def _angles(tangents: Tangents, first: int, jacobian: torch.Tensor) -> Floats:
    """Return principal angles in degrees, (time, pair, 2): of the items, and of each to the decoder.

    NaN before the time step `first`, and where an item is encoded in fewer than two directions.
    """
    item_1, item_2 = (encoding_subspace(tangents, [item], dimension=2)[first:] for item in ITEMS)
    decoder = row_space(jacobian, len(tangents.time_steps))[first:]
    encoded = (item_1.any(-1) & item_2.any(-1)).all(-1)
    pairs = [
        subspace_angles(one[encoded], other[encoded])
        for one, other in ((item_1, item_2), (item_1, decoder), (item_2, decoder))
    ]
    angles = torch.stack(pairs, dim=1).rad2deg().numpy(force=True)
    over_time = np.full((len(tangents.time_steps), *angles.shape[1:]), np.nan)
    over_time[first:][encoded.numpy(force=True)] = angles
    return over_time


def _squared_speed(
    dynamics: Dynamics, inputs: InputManifold, kappa: torch.Tensor, time_step: int
) -> float:
    """Return the metric's time component at a time step, averaged over inputs, with the last input held.

    At the end of a period the next one's cue moves the state at once. The speed is that before it.
    """
    velocity = tangents(dynamics, inputs.until(time_step), kappa, at=[time_step]).velocity
    return float(velocity.square().sum(-1).mean())


def _by_moment(
    dynamics: Dynamics,
    inputs: InputManifold,
    kappa: torch.Tensor,
    time_steps: Mapping[str, int],
    metric: Metric,
    component: Floats,
    seen: Floats,
) -> tuple[Floats, list[Row]]:
    """Return the curvature (moment, angle_1, angle_2), and what is measured at each moment."""
    areas = metric.inputs.spectrum().log_volume.exp().numpy(force=True)
    side = round(len(kappa) ** 0.5)
    cell = (2 * np.pi / side) ** 2
    curvature, rows = [], []
    for name, time_step in time_steps.items():
        values = gaussian_curvature(state_map(dynamics, inputs, time_step), kappa).numpy(force=True)
        curvature.append(values.reshape(side, side))
        area = areas[:, time_step]
        # By Gauss and Bonnet its integral over a torus is 0.
        total = (values * area).sum() * cell / (2 * np.pi)
        absolute = np.average(np.abs(values), weights=area)
        measured: dict[str, float] = {
            "total curvature / 2π (torus: 0)": total,
            "curvature, absolute, weighted by area": absolute,
            **{f"metric, {item}": component[time_step, k] for k, item in enumerate(ITEMS)},
            "metric, time": _squared_speed(dynamics, inputs, kappa, time_step),
            **{
                f"share seen by the decoder, {item}": seen[time_step, k]
                for k, item in enumerate(ITEMS)
            },
        }
        rows += [(label, "", name, value) for label, value in measured.items()]
    return np.stack(curvature), rows


def _solution_rows(solution: TwoItems) -> list[Row]:
    """Return the numbers by which warping is told from realignment, and the verdict."""
    # Where the decoder does not turn from one item to the other, w is undefined.
    warping = np.nan if solution.verdict == "no switch" else solution.warping_share
    return [
        ("two items: w", "", "", warping),
        ("two items: δ", "", "", solution.defect),
        ("two items: ρ", "", "", solution.residual),
        ("two items: fall of item 1", "", "", solution.falls[0]),
        ("two items: turn of item 1 (°)", "", "", float(np.degrees(solution.turn))),
        ("two items: switch of the decoder, L", "report 1", "", float(solution.log_ratios[0])),
        ("two items: switch of the decoder, L", "report 2", "", float(solution.log_ratios[1])),
        *(
            (f"two items: verdict {name}", "", "", float(solution.verdict == name))
            for name in VERDICTS
        ),
    ]


def analyse(network: Network, settings: Mapping[str, Any]) -> tuple[xr.Dataset, pd.DataFrame]:
    """Compute the panels of Pellegrino and Chadwick's figure 5 for one network.

    Parameters
    ----------
    network : Network
        Trained on a task set with two angles and the periods ``item_2``, ``delay``, ``report_1`` and
        ``report_2``.
    settings : mapping
        ``points``, ``landmarks``, ``samples``, ``topology``.

    Returns
    -------
    arrays : Dataset
        ``component`` (time, tangent), the diagonal of G averaged over inputs, and ``seen`` (time,
        tangent), the share of it that the decoder sees; ``angle`` (time, pair, order) in degrees;
        ``curvature`` (moment, angle_1, angle_2); and those of `memory_representation` and `memory_topology`.
    numbers : DataFrame
    """
    inputs, dynamics = network.input_manifold(2), network.dynamics()
    side = settings["points"]
    kappa = inputs.grid(side, side)
    # At the end of a report of known length, a network already prepares for what comes next.
    time_steps = {
        name: sum(inputs.periods[name]) // 2
        if name.startswith("report")
        else inputs.periods[name][1]
        for name in MOMENTS
    }

    # The metric, and its share that the decoder sees, over time.
    vectors = tangents(dynamics, inputs, kappa)
    readout = network.readout()
    jacobian = readout_jacobian(readout, vectors)
    metric = pullback_metric(vectors)
    split = readout_split(vectors, readout)
    component = metric.lengths.square().mean(dim=0).numpy(force=True)
    seen = (split.inside.lengths.square().mean(dim=0) / metric.lengths.square().mean(dim=0)).numpy(
        force=True
    )

    # Warping or realignment. The second item is encoded from the time step after its first input.
    angles = _angles(vectors, inputs.periods["item_2"][0] + 1, jacobian)
    solution = two_items(
        vectors,
        readout,
        ([ITEMS[0]], [ITEMS[1]]),
        (time_steps["report_1"], time_steps["report_2"]),
        dimension=2,
    )

    curvature, rows = _by_moment(dynamics, inputs, kappa, time_steps, metric, component, seen)
    rows += _solution_rows(solution)

    variables: dict[str, Any] = {
        "component": (("time", "tangent"), component),
        "seen": (("time", "tangent"), seen),
        "angle": (("time", "pair", "order"), angles),
        "curvature": (("moment", "angle_1", "angle_2"), curvature),
        "w": ((), solution.warping_share),
        "defect": ((), solution.defect),
        "verdict": ((), solution.verdict),
    }
    representation_variables, representation_rows = representation(
        dynamics, inputs, vectors, metric, split, time_steps
    )
    variables |= representation_variables
    rows += representation_rows
    if settings["topology"]:
        topology_variables, topology_rows = topology(
            network, dynamics, inputs, vectors, time_steps, settings
        )
        variables |= topology_variables
        rows += topology_rows
    rows.append(("accuracy", "", "", network.accuracy[network.steps[-1]]))
    levels = inputs.coordinates[0].values(side).numpy()
    arrays = xr.Dataset(
        variables,
        coords={
            "time": network.milliseconds(inputs.n_steps + 1),
            "tangent": [*ITEMS, "time"],
            "item": list(ITEMS),
            "pair": ["items", "item 1 and decoder", "item 2 and decoder"],
            "moment": list(MOMENTS),
            "angle_1": levels,
            "angle_2": levels,
        },
    )
    for name, (start, stop) in inputs.periods.items():
        arrays.attrs[f"period_{name}"] = network.milliseconds(stop + 1)[[start, stop]].tolist()
    return arrays, scalar_rows(rows)
