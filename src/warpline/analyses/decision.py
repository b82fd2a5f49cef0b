"""Paper B, figure 3: two populations compete for a decision on inputs that lie on a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from warpline.analyses.projection import principal_axes
from warpline.analyses.summary import number_rows
from warpline.analyses.trained_network import Network, outputs_of
from warpline.geometry.derivatives.sensitivity import tangents
from warpline.geometry.measurements.fixed_points import find_fixed_points
from warpline.geometry.riemannian.metric import pullback_metric

__all__ = ["OFFERS", "analyse"]

OFFERS = True


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
        kappa at the end; ``fixed_position`` (fixed, axis) with ``fixed_kappa``, ``fixed_stable`` (1 or 0)
        and ``fixed_rate``, the slowest rate of the map that is run, in 1/time constant (see
        `warpline.geometry.measurements.fixed_points.FixedPoints`); both fixed and slow points.
    numbers : DataFrame
    """
    family = network.family(1)
    dynamics = network.dynamics()
    kappa = family.grid(settings["points"])
    found = tangents(dynamics, family, kappa)
    states, vectors = found.states.numpy(force=True), found.vectors.numpy(force=True)
    metric = pullback_metric(found).matrix.numpy(force=True)
    axes = principal_axes(states)

    place = np.linspace(0, len(kappa) - 1, settings["fixed_points"]).round().astype(int)
    way = np.linspace(0, states.shape[1] - 1, settings["starts"] + 1).round().astype(int)[1:]
    fixed = find_fixed_points(
        dynamics,
        family(kappa[place], family.n_steps),
        found.whole[place][:, way],
    )
    observed = dynamics.observe(fixed.states).numpy(force=True)
    rest = axes.points(observed)

    end_spread = states[:, -1].std(axis=0)
    neurons = np.sort(np.argsort(-end_spread, kind="stable")[: settings["neurons"]])
    time_part = metric[:, :, 1, 1].mean(axis=0)
    input_part = metric[:, :, 0, 0].mean(axis=0)
    peak = int(time_part.argmax())
    stable = fixed.attractors.numpy(force=True)
    of = fixed.point.numpy(force=True)
    # To those of the same input: along a line of fixed points, that of some input is always near.
    gaps = [
        np.linalg.norm(observed[stable & (of == k)] - states[at, -1], axis=-1).min(initial=np.inf)
        for k, at in enumerate(place)
    ]
    reached = np.array(gaps)[np.isfinite(gaps)]
    extent = np.linalg.norm(np.ptp(states[:, -1], axis=0))
    per_input = np.bincount(of[stable], minlength=len(place))
    rows = [
        ("time component, end / peak", "", "", time_part[-1] / time_part[peak]),
        ("time component peaks at (ms)", "", "", network.milliseconds(peak + 1)[-1]),
        ("input component, end", "", "", input_part[-1]),
        ("stable fixed points per input", "", "", per_input.mean()),
        ("inputs without a stable fixed point", "", "", float((per_input == 0).mean())),
        (
            "distance of the end from its own fixed point / extent",
            "",
            "",
            reached.mean() / extent if len(reached) else np.nan,
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
            "output": (("kappa", "time"), outputs_of(dynamics, found.whole)[..., 0]),
            "activity": (("kappa", "time", "neuron"), states[..., neurons]),
            "unit": ("neuron", neurons),
            "variance": ("axis", axes.variance),
            "fixed_position": (("fixed", "axis"), rest),
            "fixed_kappa": ("fixed", kappa[place][fixed.point.cpu(), 0].numpy()),
            # A number and not a truth value: networks with fewer points are filled up with nan.
            "fixed_stable": ("fixed", stable.astype(float)),
            "fixed_rate": ("fixed", fixed.rates[:, 0].numpy(force=True)),
        },
        coords={
            "kappa": kappa[:, 0].numpy(),
            "time": network.milliseconds(states.shape[1]),
            "tangent": [*family.names, "time"],
            # Networks differ in how many they have: the number is what they are joined by.
            "fixed": np.arange(len(stable)),
        },
    )
    return arrays, number_rows(rows)
