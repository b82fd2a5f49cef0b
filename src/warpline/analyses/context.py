"""Paper B, figure 4: contextual integration of two inputs; what the context makes relevant is stretched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray

from warpline.analyses.context_encoding import encoding
from warpline.analyses.context_lines import gridlines
from warpline.analyses.projection import Axes, principal_axes
from warpline.analyses.relevance import CONTEXTS, TANGENTS, by_relevance, relevant_first
from warpline.analyses.summary import number_rows
from warpline.analyses.trained_network import Network, outputs_of
from warpline.core import random_streams
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import Family
from warpline.geometry.derivatives.sensitivity import Tangents, tangents
from warpline.geometry.measurements.fixed_points import FixedPoints, find_fixed_points
from warpline.geometry.riemannian.metric import Metric, pullback_metric

__all__ = ["OFFERS", "analyse"]

OFFERS = True

Floats = NDArray[np.float64]

SHEETS = 5
"""Moments at which the manifold of states is drawn."""
MESH = 11
"""Points along each side of what is drawn of it, at most."""
TRIALS = ((0.6, 0.6), (0.6, -0.6), (-0.6, 0.6), (-0.6, -0.6))
"""Means of the trials that are drawn, in units of the largest."""


def _noisy_trials(network: Network, dynamics: Dynamics) -> tuple[Floats, Floats]:
    """Return inputs and outputs of trials that differ in context alone, under the same noise.

    Shapes (context, trial, time, channel) and (context, trial, time).
    """
    environment: Any = network.environment
    shown = []
    for context in CONTEXTS:
        for k, means in enumerate(TRIALS):
            environment.seed(
                random_streams.integer_seed(
                    network.settings["seed"], "warping", "noise", network.seed, k
                )
            )
            first, second = (environment.largest * mean for mean in means)
            environment.new_trial(context=context, input_1=first, input_2=second)
            shown.append(np.array(environment.ob, dtype=np.float64))
    inputs = torch.from_numpy(np.stack(shown)).to(dynamics.device)
    state, states = dynamics.initial(len(inputs)), []
    for step in inputs.unbind(1):
        state = dynamics.step(state, step)
        states.append(state)
    outputs = outputs_of(dynamics, torch.stack(states, dim=1))[..., 0]
    shape = (len(CONTEXTS), len(TRIALS))
    return (
        inputs.numpy(force=True).reshape(*shape, *inputs.shape[1:]),
        outputs.reshape(*shape, -1),
    )


def _fixed_points(dynamics: Dynamics, family: Family, found: Tangents, side: int) -> FixedPoints:
    """Return the fixed points under the last input, on a grid of inputs."""
    kappa = family.grid(side, side)
    gap = torch.cdist(kappa, found.kappa.cpu())
    nearest = gap.argmin(dim=1)
    # From where a trial ends, and from half way there.
    starts = found.whole[nearest][:, [found.whole.shape[1] // 2, -1]]
    inputs = family(kappa.to(dynamics.device), family.n_steps)
    return find_fixed_points(dynamics, inputs, starts)


def _maps(
    metric: Metric, outputs: Floats, context: int, side: int, moments: list[int]
) -> dict[str, Any]:
    """Return what is kept of the metric and the decoder: over time, and over inputs at two moments."""
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
            grid[:, :, moments],
        ),
        "decoder": (("relevant", "irrelevant", "moment"), decoder[:, :, moments]),
    }


def _rows(arrays: xr.Dataset, fixed: list[FixedPoints], asked: int) -> list[tuple[Any, ...]]:
    """Return the numbers of the metric, the decoder and the fixed points."""
    rows: list[tuple[Any, ...]] = []
    for context, rest in zip(CONTEXTS, fixed, strict=True):
        here, name = arrays.sel(context=context), f"context {context}"
        for moment in ("early", "late"):
            then = here.sel(moment=moment)
            mean = then["metric"].mean(["relevant", "irrelevant"]).values
            rows += [
                ("metric, relevant / irrelevant", name, moment, mean[0, 0] / mean[1, 1]),
                ("metric, time / relevant", name, moment, mean[2, 2] / mean[0, 0]),
            ]
            output = then["decoder"].values
            rows += [
                ("decoder, spread over relevant", name, moment, output.mean(axis=1).std()),
                ("decoder, spread over irrelevant", name, moment, output.mean(axis=0).std()),
            ]
            k = arrays["moment_step"].sel(moment=moment).item()
            rows.append(("anisotropy of inputs", name, moment, here["anisotropy"].values[k]))
        stable = rest.attractors.numpy(force=True)
        per_input = np.bincount(rest.point.numpy(force=True)[stable], minlength=asked)
        kept = rest.rates[rest.attractors]
        rows += [
            ("inputs with a stable fixed point", name, "", float((per_input > 0).mean())),
            ("stable fixed points per input", name, "", per_input.mean()),
            (
                "slowest rate at fixed points (1/time constant)",
                name,
                "",
                float(kept[:, 0].mean()) if len(kept) else np.nan,
            ),
            (
                "second rate at fixed points (1/time constant)",
                name,
                "",
                float(kept[:, 1].mean()) if len(kept) else np.nan,
            ),
        ]
    return rows


def _sheets(found: Tangents, axes: Axes, context: int, side: int) -> tuple[Floats, list[int]]:
    """Return the manifold of states at some moments, (relevant, irrelevant, sheet, axis)."""
    picked = np.linspace(1, found.states.shape[1] - 1, SHEETS).round().astype(int)
    mesh = np.linspace(0, side - 1, min(MESH, side)).round().astype(int)
    grid = by_relevance(found.states[:, picked].numpy(force=True), context, side)
    return axes.points(grid[np.ix_(mesh, mesh)]), picked.tolist()


def analyse(network: Network, settings: Mapping[str, Any]) -> tuple[xr.Dataset, pd.DataFrame]:
    """Compute the panels of paper B's figure 4 for one network.

    Parameters
    ----------
    network : Network
        Trained on a task set whose family has two inputs and the condition ``context``.
    settings : mapping
        ``points``, ``moments``, ``fixed_points``, ``gridlines``, ``subspace``.

    Returns
    -------
    arrays : Dataset
        By ``context``, with the inputs as ``relevant`` and ``irrelevant``: ``component`` (irrelevant,
        time, tangent), the diagonal of G averaged over the relevant input; ``eigenvalue``, its
        normalised eigenvalues; ``metric`` and ``decoder`` over the inputs at two moments; ``sheet``,
        states on principal axes; ``fixed_*``; ``gridline``; ``noisy_*``; and `context_encoding`'s.
    numbers : DataFrame
    """
    side, count = settings["points"], settings["fixed_points"]
    dynamics = network.dynamics()
    families = {context: network.family(2, context=context) for context in CONTEXTS}
    kappa = families[1].grid(side, side)
    n_steps = families[1].n_steps
    moments = [max(1, round(fraction * n_steps)) for fraction in settings["moments"]]
    found = {context: tangents(dynamics, families[context], kappa) for context in CONTEXTS}
    axes = principal_axes(
        np.stack([found[context].states.numpy(force=True) for context in CONTEXTS])
    )

    parts, fixed, rows = [], [], []
    for context in CONTEXTS:
        here = found[context]
        outputs = outputs_of(dynamics, here.whole)[..., 0]
        sheet, picked = _sheets(here, axes, context, side)
        rest = _fixed_points(dynamics, families[context], here, count)
        fixed.append(rest)
        # The plane of attractors: of each input, the first stable fixed point, nan where there is none.
        plane = np.full((count * count, 3), np.nan)
        where = axes.points(dynamics.observe(rest.states).numpy(force=True))
        of = rest.point.numpy(force=True)
        for place in np.flatnonzero(rest.attractors.numpy(force=True))[::-1]:
            plane[of[place]] = where[place]
        lines, line_rows = gridlines(
            dynamics, families[context], moments, settings["gridlines"], context
        )
        encoded, encoded_rows = encoding(network, here, context, moments, settings["subspace"])
        rows += line_rows + encoded_rows
        parts.append(
            xr.Dataset(
                {
                    **_maps(pullback_metric(here), outputs, context, side, moments),
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
    channels, answers = _noisy_trials(network, dynamics)
    arrays = xr.concat(parts, "context").assign(
        variance=("axis", axes.variance),
        noisy_inputs=(("context", "noisy", "step", "channel"), channels),
        noisy_outputs=(("context", "noisy", "step"), answers),
        noisy_mean=(("noisy", "input"), np.array(TRIALS)),
        moment_step=("moment", moments),
    )
    levels = families[1].coordinates[0].values(side).numpy()
    time = network.milliseconds(n_steps + 1)
    arrays = arrays.assign_coords(
        context=list(CONTEXTS),
        tangent=list(TANGENTS),
        moment=["early", "late"],
        relevant=levels,
        irrelevant=levels,
        time=time,
        sheet_moment=time[picked],
        channel=network.environment.channel_names(),
    )
    arrays.attrs["decision"] = time[families[1].periods["decision"][0]]
    rows = _rows(arrays, fixed, count * count) + rows
    rows.append(("accuracy", "", "", network.accuracy[network.steps[-1]]))
    return arrays, number_rows(rows)
