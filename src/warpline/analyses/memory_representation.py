"""Two items in memory, as Pellegrino and Chadwick (2025) draw them: shares, decoder, subspaces, torus.

Their two tests: a share of the metric that leaves 1/2 says that the metric decides between the items, and a
cosine to the decoder that changes says that the decoder's angle does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from warpline.analyses.point_quantiles import QUANTILES, over_points
from warpline.analyses.trained_network import outputs_of
from warpline.comparison.projection import principal_axes
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import InputManifold
from warpline.geometry.derivatives.sensitivity import Tangents
from warpline.geometry.derivatives.snapshot import state_map
from warpline.geometry.measurements.item_shares import metric_shares
from warpline.geometry.measurements.readout import ReadoutSplit
from warpline.geometry.measurements.state_subspaces import state_subspaces, subspace_similarity
from warpline.geometry.riemannian.arc_length import arc_length_mesh
from warpline.geometry.riemannian.curvature import gaussian_curvature
from warpline.geometry.riemannian.metric import Metric

__all__ = ["representation"]

Floats = NDArray[np.float64]
Row = tuple[str, str, str, float]

TRIALS = ((-0.5, 0.25), (0.75, -0.25))
"""Angles of both items in the trials that are drawn, in units of pi."""
MOST_TIMES = 100
"""Largest number of time steps in the maps of similarity, which grow with its square."""
PATCH = 0.4
"""Half the side of the patch around the point of largest curvature, in radians."""
PATCH_POINTS = 9


def _subspaces(tangents: Tangents, first: int) -> dict[str, Any]:
    """Return maps of similarity of the subspaces of the states, time by time, from a time step on."""
    last = len(tangents.time_steps) - 1
    times = np.unique(np.linspace(first, last, min(MOST_TIMES, last - first + 1)).round())
    chosen = times.astype(int)
    bases = state_subspaces(tangents.states[:, chosen])
    largest, mean = subspace_similarity(bases, bases)
    similarity = torch.stack([largest, mean]).numpy(force=True)
    return {
        "subspace_similarity": (("similarity", "map_step", "map_step_b"), similarity),
        "map_step_index": (("map_step",), chosen),
    }


def _shape(tangents: Tangents, times: list[int], side: int) -> dict[str, Any]:
    """Return the torus of states on its own three principal axes at some times, and all singular values."""
    points, values = [], []
    for time_step in times:
        states = tangents.states[:, time_step].numpy(force=True)
        points.append(principal_axes(states).points(states).reshape(side, side, 3))
        centred = states - states.mean(axis=0)
        values.append(np.linalg.svd(centred, compute_uv=False)[: min(side * side, 10)])
    return {
        "torus": (("shape_step", "angle_1", "angle_2", "axis"), np.stack(points)),
        "torus_singular_value": (("shape_step", "rank_of_value"), np.stack(values)),
        "shape_step_index": (("shape_step",), np.array(times)),
    }


def _patch(
    dynamics: Dynamics, inputs: InputManifold, kappa: torch.Tensor, time_step: int
) -> dict[str, Any]:
    """Return the patch of states around the point of largest absolute curvature, on its principal axes."""
    states = state_map(dynamics, inputs, time_step)
    curvature = gaussian_curvature(states, kappa)
    extreme = kappa[curvature.abs().argmax()]
    offsets = torch.linspace(-PATCH, PATCH, PATCH_POINTS).to(kappa)
    mesh = torch.cartesian_prod(offsets, offsets) + extreme
    # Angles are periodic: the patch may cross the cut.
    wrapped = torch.remainder(mesh + torch.pi, 2 * torch.pi) - torch.pi
    positions = states(wrapped).value.numpy(force=True)
    shape = (PATCH_POINTS, PATCH_POINTS)
    return {
        "patch": (
            ("patch_point", "patch_point_b", "axis"),
            principal_axes(positions).points(positions).reshape(*shape, 3),
        ),
        "patch_curvature": (
            ("patch_point", "patch_point_b"),
            gaussian_curvature(states, wrapped).numpy(force=True).reshape(shape),
        ),
        "patch_centre": (("item",), extreme.numpy(force=True)),
    }


def representation(
    dynamics: Dynamics,
    inputs: InputManifold,
    tangents: Tangents,
    metric: Metric,
    split: ReadoutSplit,
    time_steps: Mapping[str, int],
) -> tuple[dict[str, Any], list[Row]]:
    """Return the measurements that Pellegrino and Chadwick (2025) draw of the memory of two angles.

    Parameters
    ----------
    dynamics : Dynamics
    inputs : InputManifold
        Of two angles.
    tangents : Tangents
        Over a square grid of both angles, at all time steps.
    metric : Metric
    split : ReadoutSplit
    time_steps : mapping of str to int
        By name.

    Returns
    -------
    variables : dict
        ``share`` (quantile, time), G_22 / (G_11 + G_22) over points; ``trace`` (quantile, time);
        ``decoder_cosine`` (quantile, time, item), cosine of each item's tangent vector to the row space of
        the readout; ``metric_median`` (time, tangent, tangent_b), entry by entry; ``metric_map`` (moment,
        angle_1, angle_2, tangent, tangent_b); ``mesh`` (moment, angle_1, angle_2, item), the grid at arc
        length; ``subspace_similarity`` (similarity, map_step, map_step_b), largest and mean cosine;
        ``torus`` and ``torus_singular_value`` at six times; ``patch``, states around the point of largest
        curvature at the end of the items; ``trial_output`` (drawn_trial, time, output) and ``trial_angle``.
    rows : list
        Median share, trace and cosines at the named time steps.
    """
    side = round(len(tangents.kappa) ** 0.5)
    shares, trace = metric_shares(metric)
    second_share = over_points(shares[..., 1])
    traces = over_points(trace)
    cosines = over_points(split.fraction[..., :2].clamp(0, 1).sqrt())

    # The metric over the torus, entry by entry.
    moments = list(time_steps.values())
    matrix = metric.matrix
    maps = matrix[:, moments].transpose(0, 1).unflatten(1, (side, side))
    spacing = [2 * np.pi / side] * 2
    meshes = torch.stack([arc_length_mesh(one, spacing) for one in maps])

    # Outputs of single trials in the plane.
    angles = np.pi * np.array(TRIALS)
    nearest = torch.cdist(torch.from_numpy(angles).to(tangents.kappa), tangents.kappa).argmin(1)
    outputs = outputs_of(dynamics, tangents.full_states[nearest])

    # Six moments: items shown, the delay, and around both reports.
    first_report, second_report = time_steps["report_1"], time_steps["report_2"]
    delay_end = time_steps["delay"]
    shape_times = sorted(
        {
            inputs.periods["item_1"][1],
            time_steps["item_2"],
            (time_steps["item_2"] + delay_end) // 2,
            delay_end,
            first_report,
            second_report,
        }
    )

    variables = {
        "share": (("quantile", "time"), second_share),
        "trace": (("quantile", "time"), traces),
        "decoder_cosine": (("quantile", "time", "item"), cosines),
        "metric_median": (("time", "tangent", "tangent_b"), over_points(matrix, (0.5,))[0]),
        "metric_map": (
            ("moment", "angle_1", "angle_2", "tangent", "tangent_b"),
            maps.numpy(force=True),
        ),
        "mesh": (("moment", "angle_1", "angle_2", "item"), meshes.numpy(force=True)),
        "trial_output": (("drawn_trial", "time", "output"), outputs),
        "trial_angle": (("drawn_trial", "item"), tangents.kappa[nearest].numpy(force=True)),
        "quantile_level": (("quantile",), np.array(QUANTILES)),
        **_subspaces(tangents, inputs.periods["item_1"][0] + 1),
        **_shape(tangents, shape_times, side),
        **_patch(dynamics, inputs, tangents.kappa, time_steps["item_2"]),
    }
    rows: list[Row] = []
    for name, time_step in time_steps.items():
        rows += [
            ("share of item 2 in the metric, median", "", name, float(second_share[1, time_step])),
            ("trace of the metric of the items, median", "", name, float(traces[1, time_step])),
            *(
                (f"cosine to the decoder, item {k + 1}, median", "", name, float(value))
                for k, value in enumerate(cosines[1, time_step])
            ),
        ]
    return variables, rows
