"""Two populations compete for a decision on inputs that lie on a line.

Pellegrino and Chadwick (2025), figure 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from warpline.analyses.summary import scalar_rows
from warpline.analyses.trained_network import Network, outputs_of
from warpline.comparison.projection import principal_axes
from warpline.geometry.derivatives.sensitivity import tangents
from warpline.geometry.measurements.fixed_points import find_fixed_points
from warpline.geometry.riemannian.metric import pullback_metric

__all__ = ["analyse"]


def analyse(network: Network, settings: Mapping[str, Any]) -> tuple[xr.Dataset, pd.DataFrame]:
    """Compute states, metric, and fixed points over a line of constant inputs.

    Parameters
    ----------
    network : Network
    settings : mapping
        ``points``, ``fixed_points``, ``starts``, ``neurons``.

    Returns
    -------
    arrays : Dataset
        ``metric`` (kappa, time, tangent, tangent_b); ``position`` (kappa, time, axis), states on
        their principal axes, and ``direction`` (kappa, time, tangent, axis), tangent vectors;
        ``output`` (kappa, time); ``activity`` (kappa, time, neuron), the units that vary most with
        kappa at the end; ``fixed_position`` (fixed, axis), fixed and slow points, with ``fixed_kappa``,
        ``fixed_stable`` (1 or 0) and ``fixed_rate``, of the mode that grows fastest, or where all decay
        decays slowest, in 1/time constant (see `warpline.geometry.measurements.fixed_points.FixedPoints`).
    numbers : DataFrame
    """
    inputs = network.input_manifold(1)
    dynamics = network.dynamics()
    kappa = inputs.grid(settings["points"])
    line_tangents = tangents(dynamics, inputs, kappa)
    states, vectors = (
        line_tangents.states.numpy(force=True),
        line_tangents.vectors.numpy(force=True),
    )
    metric = pullback_metric(line_tangents).matrix.numpy(force=True)
    axes = principal_axes(states)

    # Fixed points under some of the inputs, from states along their own trajectories.
    points = np.linspace(0, len(kappa) - 1, settings["fixed_points"]).round().astype(int)
    start_steps = (
        np.linspace(0, states.shape[1] - 1, settings["starts"] + 1).round().astype(int)[1:]
    )
    fixed = find_fixed_points(
        dynamics,
        inputs(kappa[points], inputs.n_steps),
        line_tangents.full_states[points][:, start_steps],
    )
    fixed_states = dynamics.observe(fixed.states).numpy(force=True)

    # Distances from attractors of the same input: along a line of fixed points, the attractor of some
    # input is always near.
    stable = fixed.attractors.numpy(force=True)
    input_of = fixed.point.numpy(force=True)
    gaps = [
        np.linalg.norm(fixed_states[stable & (input_of == k)] - states[point, -1], axis=-1).min(
            initial=np.inf
        )
        for k, point in enumerate(points)
    ]
    finite_gaps = np.array(gaps)[np.isfinite(gaps)]
    extent = np.linalg.norm(np.ptp(states[:, -1], axis=0))
    per_input = np.bincount(input_of[stable], minlength=len(points))

    end_deviation = states[:, -1].std(axis=0)
    neurons = np.sort(np.argsort(-end_deviation, kind="stable")[: settings["neurons"]])
    time_component = metric[:, :, 1, 1].mean(axis=0)
    input_component = metric[:, :, 0, 0].mean(axis=0)
    peak = int(time_component.argmax())
    rows = [
        ("time component, end / peak", "", "", time_component[-1] / time_component[peak]),
        ("time component peaks at (ms)", "", "", network.milliseconds(peak + 1)[-1]),
        ("input component, end", "", "", input_component[-1]),
        ("inputs without a stable fixed point found", "", "", float((per_input == 0).mean())),
        (
            "distance of the end from its own fixed point / extent",
            "",
            "",
            finite_gaps.mean() / extent if len(finite_gaps) else np.nan,
        ),
        (
            "fixed or slow points that are not stable",
            "",
            "",
            float((~stable).mean()) if len(stable) else np.nan,
        ),
        ("accuracy", "", "", network.accuracy[network.steps[-1]]),
    ]
    arrays = xr.Dataset(
        {
            "metric": (("kappa", "time", "tangent", "tangent_b"), metric),
            "position": (("kappa", "time", "axis"), axes.points(states)),
            "direction": (("kappa", "time", "tangent", "axis"), axes.directions(vectors)),
            "output": (("kappa", "time"), outputs_of(dynamics, line_tangents.full_states)[..., 0]),
            "activity": (("kappa", "time", "neuron"), states[..., neurons]),
            "unit": ("neuron", neurons),
            "variance": ("axis", axes.variance),
            "fixed_position": (("fixed", "axis"), axes.points(fixed_states)),
            "fixed_kappa": ("fixed", kappa[points][fixed.point.cpu(), 0].numpy()),
            # A number and not a truth value: networks with fewer points are padded with nan.
            "fixed_stable": ("fixed", stable.astype(float)),
            "fixed_rate": ("fixed", fixed.rates[:, 0].numpy(force=True)),
        },
        coords={
            "kappa": kappa[:, 0].numpy(),
            "time": network.milliseconds(states.shape[1]),
            "tangent": [*inputs.names, "time"],
            # Networks have different numbers of fixed points, and are joined by this number.
            "fixed": np.arange(len(stable)),
        },
    )
    return arrays, scalar_rows(rows)
