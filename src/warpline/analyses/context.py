"""Contextual integration of two inputs: the metric stretches the input that the context makes relevant.

Pellegrino and Chadwick (2025), figure 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray

from warpline.analyses.context_encoding import encoding
from warpline.analyses.context_levels import levels
from warpline.analyses.context_lines import gridlines
from warpline.analyses.relevance import CONTEXTS, TANGENTS, by_relevance, relevant_first
from warpline.analyses.summary import scalar_rows
from warpline.analyses.trained_network import Network, outputs_of
from warpline.comparison.projection import Axes, principal_axes
from warpline.core import random_streams
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import InputManifold
from warpline.geometry.derivatives.sensitivity import Tangents, tangents
from warpline.geometry.measurements.fixed_points import FixedPoints, find_fixed_points
from warpline.geometry.riemannian.metric import Metric, pullback_metric

__all__ = ["analyse", "median_input_ratios"]


Floats = NDArray[np.float64]

SHEETS = 5
"""Time steps at which the manifold of states is drawn."""
MESH = 11
"""Largest number of points drawn along each side of it."""
TRIALS = ((0.6, 0.6), (0.6, -0.6), (-0.6, 0.6), (-0.6, -0.6))
"""Means of the two inputs in the trials that are drawn, in units of the largest."""


def _noisy_trials(network: Network, dynamics: Dynamics) -> tuple[Floats, Floats]:
    """Return inputs and outputs of noisy trials, with the same noise in both contexts.

    Shapes (context, trial, time, channel) and (context, trial, time).
    """
    environment: Any = network.environment
    trials = []
    for context in CONTEXTS:
        for k, means in enumerate(TRIALS):
            environment.seed(
                random_streams.integer_seed(
                    network.settings["seed"], "warping", "noise", network.seed, k
                )
            )
            first, second = (environment.largest * mean for mean in means)
            environment.new_trial(context=context, input_1=first, input_2=second)
            trials.append(np.array(environment.ob, dtype=np.float64))
    inputs = torch.from_numpy(np.stack(trials)).to(dynamics.device)
    state, states = dynamics.initial(len(inputs)), []
    for inputs_of_step in inputs.unbind(1):
        state = dynamics.step(state, inputs_of_step)
        states.append(state)
    outputs = outputs_of(dynamics, torch.stack(states, dim=1))[..., 0]
    shape = (len(CONTEXTS), len(TRIALS))
    return (
        inputs.numpy(force=True).reshape(*shape, *inputs.shape[1:]),
        outputs.reshape(*shape, -1),
    )


def _fixed_points(
    dynamics: Dynamics, inputs: InputManifold, tangents: Tangents, side: int
) -> FixedPoints:
    """Return the fixed points under the last input, on a grid of inputs."""
    kappa = inputs.grid(side, side)
    distance = torch.cdist(kappa, tangents.kappa.cpu())
    nearest = distance.argmin(dim=1)
    # Starts halfway through the trial of the nearest input, and at its end.
    states = tangents.full_states
    starts = states[nearest][:, [states.shape[1] // 2, -1]]
    last_inputs = inputs(kappa.to(dynamics.device), inputs.n_steps)
    return find_fixed_points(dynamics, last_inputs, starts)


def _maps(
    metric: Metric, outputs: Floats, context: int, side: int, time_steps: list[int]
) -> dict[str, Any]:
    """Return the metric over time, and metric and decoder over the inputs at two time steps."""
    matrix = relevant_first(metric.matrix.numpy(force=True), context, (-2, -1))
    grid = by_relevance(matrix, context, side)
    spectrum = metric.spectrum()
    diagonal = np.diagonal(grid, axis1=-2, axis2=-1)
    shares = by_relevance(spectrum.shares.numpy(force=True), context, side)
    decoder = by_relevance(outputs, context, side)
    return {
        # Averaged over the relevant input, for error bars over the irrelevant one.
        "component": (("irrelevant", "time", "tangent"), diagonal.mean(axis=0)),
        "eigenvalue": (("irrelevant", "time", "order"), shares.mean(axis=0)),
        "anisotropy": (
            ("time",),
            metric.inputs.spectrum().anisotropy.mean(dim=0).numpy(force=True),
        ),
        "metric": (
            ("relevant", "irrelevant", "moment", "tangent", "tangent_b"),
            grid[:, :, time_steps],
        ),
        "decoder": (("relevant", "irrelevant", "moment"), decoder[:, :, time_steps]),
    }


def _rows(arrays: xr.Dataset, fixed: list[FixedPoints], n_inputs: int) -> list[tuple[Any, ...]]:
    """Return the numbers of the metric, the decoder and the fixed points, context by context."""
    rows: list[tuple[Any, ...]] = []
    for context, fixed_points in zip(CONTEXTS, fixed, strict=True):
        of_context, condition = arrays.sel(context=context), f"context {context}"
        for moment in ("early", "late"):
            of_moment = of_context.sel(moment=moment)
            mean = of_moment["metric"].mean(["relevant", "irrelevant"]).values
            rows += [
                ("metric, relevant / irrelevant", condition, moment, mean[0, 0] / mean[1, 1]),
                ("metric, time / relevant", condition, moment, mean[2, 2] / mean[0, 0]),
            ]
            output = of_moment["decoder"].values
            rows += [
                ("decoder, spread over relevant", condition, moment, output.mean(axis=1).std()),
                ("decoder, spread over irrelevant", condition, moment, output.mean(axis=0).std()),
            ]
            k = arrays["moment_step"].sel(moment=moment).item()
            anisotropy = of_context["anisotropy"].values[k]
            rows.append(("anisotropy of inputs", condition, moment, anisotropy))
        stable = fixed_points.attractors.numpy(force=True)
        input_of = fixed_points.point.numpy(force=True)
        per_input = np.bincount(input_of[stable], minlength=n_inputs)
        rates = fixed_points.rates[fixed_points.attractors]
        rows += [
            (
                "inputs with a stable fixed point found",
                condition,
                "",
                float((per_input > 0).mean()),
            ),
            (
                "slowest rate at fixed points (1/time constant)",
                condition,
                "",
                float(rates[:, 0].mean()) if len(rates) else np.nan,
            ),
            (
                "second rate at fixed points (1/time constant)",
                condition,
                "",
                float(rates[:, 1].mean()) if len(rates) else np.nan,
            ),
        ]
    return rows


def _sheets(tangents: Tangents, axes: Axes, context: int, side: int) -> tuple[Floats, list[int]]:
    """Return the manifold of states at some time steps, (relevant, irrelevant, sheet, axis), and these."""
    time_steps = np.linspace(1, tangents.states.shape[1] - 1, SHEETS).round().astype(int)
    mesh = np.linspace(0, side - 1, min(MESH, side)).round().astype(int)
    grid = by_relevance(tangents.states[:, time_steps].numpy(force=True), context, side)
    return axes.points(grid[np.ix_(mesh, mesh)]), time_steps.tolist()


def _attractor_plane(
    dynamics: Dynamics, fixed_points: FixedPoints, axes: Axes, n_inputs: int
) -> Floats:
    """Return the first stable fixed point of each input on principal axes, (input, axis); nan for none."""
    plane = np.full((n_inputs, 3), np.nan)
    positions = axes.points(dynamics.observe(fixed_points.states).numpy(force=True))
    input_of = fixed_points.point.numpy(force=True)
    # From the last to the first, which stays.
    for row in np.flatnonzero(fixed_points.attractors.numpy(force=True))[::-1]:
        plane[input_of[row]] = positions[row]
    return plane


def analyse(network: Network, settings: Mapping[str, Any]) -> tuple[xr.Dataset, pd.DataFrame]:
    """Compute the panels of Pellegrino and Chadwick's figure 4 for one network.

    Parameters
    ----------
    network : Network
        Trained on a task set with two coordinates and the condition ``context``.
    settings : mapping
        ``points``, ``moments``, ``fixed_points``, ``gridlines``, ``subspace``.

    Returns
    -------
    arrays : Dataset
        By ``context``, with the inputs as ``relevant`` and ``irrelevant``: ``component`` (irrelevant,
        time, tangent), the diagonal of G averaged over the relevant input; ``eigenvalue``, its
        normalised eigenvalues; ``metric`` and ``decoder`` over the inputs at two time steps; ``sheet``,
        states on principal axes; ``fixed_*``; ``gridline``; ``noisy_*``; and those of `context_encoding`
        and `context_levels`.
    numbers : DataFrame
    """
    side, count = settings["points"], settings["fixed_points"]
    dynamics = network.dynamics()
    inputs_of = {context: network.input_manifold(2, context=context) for context in CONTEXTS}
    kappa = inputs_of[1].grid(side, side)
    n_steps = inputs_of[1].n_steps
    time_steps = [max(1, round(fraction * n_steps)) for fraction in settings["moments"]]

    # Both contexts are drawn on the same principal axes.
    vectors_of = {context: tangents(dynamics, inputs_of[context], kappa) for context in CONTEXTS}
    axes = principal_axes(
        np.stack([vectors_of[context].states.numpy(force=True) for context in CONTEXTS])
    )

    datasets, fixed, rows = [], [], []
    for context in CONTEXTS:
        vectors = vectors_of[context]
        outputs = outputs_of(dynamics, vectors.full_states)[..., 0]
        sheet, sheet_steps = _sheets(vectors, axes, context, side)
        fixed.append(_fixed_points(dynamics, inputs_of[context], vectors, count))
        plane = _attractor_plane(dynamics, fixed[-1], axes, count * count)
        lines, line_rows = gridlines(
            dynamics, inputs_of[context], time_steps, settings["gridlines"], context
        )
        encoded, encoded_rows = encoding(
            network, vectors, context, time_steps, settings["subspace"]
        )
        rows += line_rows + encoded_rows
        metric = pullback_metric(vectors)
        low, high = inputs_of[context].coordinates[0].low, inputs_of[context].coordinates[0].high
        datasets.append(
            xr.Dataset(
                {
                    **levels(metric, context, side, time_steps, (high - low) / (side - 1)),
                    **_maps(metric, outputs, context, side, time_steps),
                    "sheet": (("mesh", "mesh_b", "sheet_moment", "axis"), sheet),
                    "fixed": (
                        ("fixed_mesh", "fixed_mesh_b", "axis"),
                        by_relevance(plane, context, count),
                    ),
                    **lines,
                    **encoded,
                }
            )
        )

    noisy_inputs, noisy_outputs = _noisy_trials(network, dynamics)
    arrays = xr.concat(datasets, "context").assign(
        variance=("axis", axes.variance),
        noisy_inputs=(("context", "noisy", "step", "channel"), noisy_inputs),
        noisy_outputs=(("context", "noisy", "step"), noisy_outputs),
        noisy_mean=(("noisy", "input"), np.array(TRIALS)),
        moment_step=("moment", time_steps),
    )
    axis_values = inputs_of[1].coordinates[0].values(side).numpy()
    time = network.milliseconds(n_steps + 1)
    arrays = arrays.assign_coords(
        context=list(CONTEXTS),
        tangent=list(TANGENTS),
        moment=["early", "late"],
        relevant=axis_values,
        irrelevant=axis_values,
        time=time,
        sheet_moment=time[sheet_steps],
        channel=network.environment.channel_names(),
    )
    arrays.attrs["decision"] = time[inputs_of[1].periods["decision"][0]]
    rows = _rows(arrays, fixed, count * count) + rows
    rows.append(("accuracy", "", "", network.accuracy[network.steps[-1]]))
    return arrays, scalar_rows(rows)


def median_input_ratios(arrays: xr.Dataset) -> pd.DataFrame:
    """Return the ratio of the relevant to the irrelevant metric at the median input.

    The ratio of the means over inputs is another number: few inputs, at which the metric is large, make them.

    Parameters
    ----------
    arrays : Dataset
        ``metric`` of `analyse`, with ``seed`` and ``status`` of the networks.

    Returns
    -------
    DataFrame
        As the rows of `analyse`, with ``analysis``, ``seed`` and ``status``.
    """
    relevant, irrelevant = (arrays["metric"].isel(tangent=k, tangent_b=k) for k in (0, 1))
    ratios = (relevant / irrelevant).median(["relevant", "irrelevant"])
    tables = []
    for network, status in zip(ratios, arrays["status"].values, strict=True):
        values = [
            (
                "metric, relevant / irrelevant, median input",
                f"context {cell['context'].item()}",
                str(cell["moment"].item()),
                cell.item(),
            )
            for of_context in network.transpose("context", "moment")
            for cell in of_context
        ]
        names = {"analysis": "context", "seed": network["seed"].item(), "status": status}
        tables.append(scalar_rows(values).assign(**names))
    return pd.concat(tables, ignore_index=True)
