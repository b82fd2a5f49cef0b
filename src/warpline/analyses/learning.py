"""The metric at every kept checkpoint: how warping develops over learning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from warpline.analyses.relevance import relevant_first
from warpline.analyses.summary import scalar_rows
from warpline.analyses.trained_network import Network
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import InputManifold
from warpline.geometry.derivatives.sensitivity import Tangents, tangents
from warpline.geometry.measurements.readout import readout_split
from warpline.geometry.riemannian.metric import Metric, pullback_metric
from warpline.models.checkpoints import nearest_checkpoint

__all__ = ["analyse", "distances_to_start", "field_angle"]


Floats = NDArray[np.float64]


def field_angle(a: Floats, b: Floats) -> float:
    """Return the dissimilarity of two metrics over the same inputs, free of their overall scale.

    arccos(<A, B> / |A| |B|) / (pi/2), with inner products summed over all entries and points. Like CKA's
    dissimilarity it is 0 for metrics that differ by a factor. It is at most 1, as metrics are positive.

    Parameters
    ----------
    a, b : ndarray, shape (..., tangent, tangent)
    """
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    # The arc cosine loses half of the digits near 0.
    angle = 2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b))
    return float(angle / (np.pi / 2))


def _log10(values: Floats) -> float:
    """Return the mean of log10 of the values above 0; nan where there are none."""
    above = values[values > 0]
    return float(np.log10(above).mean()) if len(above) else np.nan


def _quantities(
    metrics: list[Metric], fields: Floats, seen: Floats, names: list[str]
) -> dict[str, float]:
    """Return the numbers of one checkpoint.

    Parameters
    ----------
    metrics : list of Metric
        By condition.
    fields : ndarray, shape (condition, point, tangent, tangent)
        Their matrices.
    seen : ndarray, shape (condition, point)
        Share of input tangents that the readout sees.
    names : list of str
        Of the tangents.
    """
    quantities = {f"log10 G, {name}": _log10(fields[..., k, k]) for k, name in enumerate(names)}
    spectra = [metric.spectrum() for metric in metrics]
    input_spectra = [metric.inputs.spectrum() for metric in metrics]

    def mean(by_condition: list[Any]) -> float:
        return float(np.mean([values.mean().item() for values in by_condition]))

    quantities["effective rank"] = mean([spectrum.effective_rank for spectrum in spectra])
    if len(names) > 2:
        quantities["anisotropy of inputs"] = mean(
            [spectrum.anisotropy for spectrum in input_spectra]
        )
        quantities[
            "log10 G, relevant / irrelevant"
            if "relevant" in names
            else f"log10 G, {names[0]} / {names[1]}"
        ] = quantities[f"log10 G, {names[0]}"] - quantities[f"log10 G, {names[1]}"]
    quantities["share seen by the readout"] = float(seen.mean())
    return quantities


def _share_seen(vectors: Tangents, dynamics: Dynamics, inputs: InputManifold) -> Tensor:
    """Return the share of input tangents that the readout sees, (point,).

    Where the readout depends on the state beyond what is observed, the full state's tangents are taken:
    Mamba's readout depends on the last features, not on h.
    """
    try:
        split = readout_split(vectors, dynamics)
    except TypeError:
        fully_observed = replace(dynamics, observe=Dynamics.observe)
        full = tangents(fully_observed, inputs, vectors.kappa, at=vectors.time_steps)
        split = readout_split(full, fully_observed)
    return split.total_fraction[:, 0]


def analyse(network: Network, settings: Mapping[str, Any]) -> tuple[xr.Dataset, pd.DataFrame]:
    """Compute the metric at the end of the task's window, its last input held, checkpoint by checkpoint.

    Parameters
    ----------
    network : Network
    settings : mapping
        ``points``, ``conditions``, ``fractions``.

    Returns
    -------
    arrays : Dataset
        ``metric`` (checkpoint, condition, point, tangent, tangent_b) with ``kappa`` (point,
        coordinate), ``step`` and ``accuracy`` (checkpoint). Where conditions hold a ``context``, tangent
        vectors are relevant, irrelevant, time.
    numbers : DataFrame
        A row per fraction of training and quantity: ``accuracy`` and its ``chance`` level; log10 of the
        diagonal of G; ratio and anisotropy of inputs; effective rank; the share of input tangents that the
        readout sees; ``metric``, the angle to the last checkpoint's (`field_angle`).
    """
    manifolds = [network.input_manifold(**condition) for condition in settings["conditions"]]
    first = manifolds[0]
    window_end = first.periods[network.settings["window"]][1]
    # The velocity at the end of the window is that under the window's input, not under what follows.
    manifolds = [inputs.until(window_end) for inputs in manifolds]
    kappa = first.grid(*[settings["points"]] * len(first.coordinates))
    contexts = [condition.get("context", 1) for condition in settings["conditions"]]
    by_context = any("context" in condition for condition in settings["conditions"])
    names = ["relevant", "irrelevant"] if by_context else first.names
    names = [*names, "time"]

    # At each checkpoint, the metrics of all conditions, and numbers of them.
    steps, fields, quantities = [], [], []
    for fraction in settings["fractions"]:
        step, actual = nearest_checkpoint(network.steps, fraction)
        dynamics = network.dynamics(step)
        metrics, matrices, seen = [], [], []
        for inputs, context in zip(manifolds, contexts, strict=True):
            vectors = tangents(dynamics, inputs, kappa, at=[window_end])
            metric = pullback_metric(vectors)
            metrics.append(metric)
            matrix = metric.matrix[:, 0].numpy(force=True)
            matrices.append(relevant_first(matrix, context, (-2, -1)))
            seen.append(_share_seen(vectors, dynamics, inputs).numpy(force=True))
        steps.append((step, actual))
        fields.append(np.stack(matrices))
        quantities.append(
            {
                "accuracy": network.accuracy[step],
                "chance": network.chance,
                **_quantities(metrics, fields[-1], np.stack(seen), names),
            }
        )

    # The distance of each checkpoint's metric from the last one's joins its numbers.
    rows = []
    for fraction, field, numbers in zip(settings["fractions"], fields, quantities, strict=True):
        numbers["metric"] = field_angle(field, fields[-1])
        values = [(name, "", "", value) for name, value in numbers.items()]
        rows.append(scalar_rows(values, fraction))
    arrays = xr.Dataset(
        {
            "metric": (
                ("checkpoint", "condition", "point", "tangent", "tangent_b"),
                np.stack(fields),
            ),
            "kappa": (("point", "coordinate"), kappa.numpy()),
            "step": ("checkpoint", [step for step, _ in steps]),
            "actual": ("checkpoint", [actual for _, actual in steps]),
            "accuracy": ("checkpoint", [numbers["accuracy"] for numbers in quantities]),
        },
        coords={
            "checkpoint": settings["fractions"],
            "tangent": names,
            "coordinate": first.names,
        },
        attrs={"milliseconds": float(network.milliseconds(window_end + 1)[-1])},
    )
    return arrays, pd.concat(rows, ignore_index=True)


def distances_to_start(arrays: xr.Dataset) -> pd.DataFrame:
    """Return the angle of each checkpoint's metric to the first one's, which stands beside that to the last.

    What fluctuates from checkpoint to checkpoint changes late by its distance to the end, and early by
    that to the start.

    Parameters
    ----------
    arrays : Dataset
        ``metric`` of `analyse`, with ``seed`` and ``status`` of the networks.

    Returns
    -------
    DataFrame
        Columns ``seed``, ``fraction``, ``quantity`` (``start``), ``status`` and ``value`` (`field_angle`).
    """
    rows = [
        {"seed": int(seed), "fraction": float(fraction), "quantity": "start", "status": str(status)}
        | {"value": field_angle(field, fields[0])}
        for seed, fields, status in zip(
            arrays["seed"].values, arrays["metric"].values, arrays["status"].values, strict=True
        )
        for fraction, field in zip(arrays["checkpoint"].values, fields, strict=True)
    ]
    return pd.DataFrame(rows)
