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
from warpline.analyses.summary import number_rows
from warpline.analyses.trained_network import Network
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import Family
from warpline.geometry.derivatives.sensitivity import Tangents, tangents
from warpline.geometry.measurements.readout import readout_split
from warpline.geometry.riemannian.metric import Metric, pullback_metric
from warpline.training.checkpoint_schedule import nearest_checkpoint

__all__ = ["OFFERS", "analyse", "field_angle"]

OFFERS = True

Floats = NDArray[np.float64]


def field_angle(a: Floats, b: Floats) -> float:
    """Return how unlike two metrics are over the same inputs, whatever their overall scale.

    arccos(<A, B> / |A| |B|) / (pi/2), with inner products summed over all entries and points: as CKA's
    dissimilarity, 0 for metrics that differ by one factor, and at most 1, as metrics are positive.

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
    """Return the numbers of one checkpoint; `fields` is (condition, point, tangent, tangent)."""
    found = {f"log10 G, {name}": _log10(fields[..., k, k]) for k, name in enumerate(names)}
    spectra = [metric.spectrum() for metric in metrics]
    inner = [metric.inputs.spectrum() for metric in metrics]

    def mean(parts: list[Any]) -> float:
        return float(np.mean([part.mean().item() for part in parts]))

    found["effective rank"] = mean([spectrum.effective_rank for spectrum in spectra])
    if len(names) > 2:
        found["anisotropy of inputs"] = mean([spectrum.anisotropy for spectrum in inner])
        found[
            "log10 G, relevant / irrelevant"
            if "relevant" in names
            else f"log10 G, {names[0]} / {names[1]}"
        ] = found[f"log10 G, {names[0]}"] - found[f"log10 G, {names[1]}"]
    found["share seen by the readout"] = float(seen.mean())
    return found


def _share_seen(vectors: Tangents, dynamics: Dynamics, family: Family) -> Tensor:
    """Return the share of input tangents that the readout sees, (point,).

    Of the whole state's tangents, where the readout reads other parts of it than those that are observed:
    Mamba's reads the last features, not h.
    """
    try:
        split = readout_split(vectors, dynamics)
    except TypeError:
        whole = replace(dynamics, observe=Dynamics.observe)
        split = readout_split(tangents(whole, family, vectors.kappa, at=vectors.moments), whole)
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
        A row per fraction of training and quantity: ``accuracy``; log10 of the diagonal of G; ratio
        and anisotropy of inputs; effective rank; the share of input tangents that the readout sees;
        ``metric``, the angle to the last checkpoint's (`field_angle`).
    """
    first, *rest = (network.family(**condition) for condition in settings["conditions"])
    moment = first.periods[network.settings["window"]][1]
    # The velocity at the end of the window is that under its own input, not under what follows.
    families = [family.until(moment) for family in (first, *rest)]
    kappa = first.grid(*[settings["points"]] * len(first.coordinates))
    contexts = [condition.get("context", 1) for condition in settings["conditions"]]
    by_context = any("context" in condition for condition in settings["conditions"])
    names = ["relevant", "irrelevant"] if by_context else first.names
    names = [*names, "time"]

    steps, fields, found = [], [], []
    for fraction in settings["fractions"]:
        step, actual = nearest_checkpoint(network.steps, fraction)
        dynamics = network.dynamics(step)
        metrics, here, seen = [], [], []
        for family, context in zip(families, contexts, strict=True):
            vectors = tangents(dynamics, family, kappa, at=[moment])
            metric = pullback_metric(vectors)
            metrics.append(metric)
            here.append(relevant_first(metric.matrix[:, 0].numpy(force=True), context, (-2, -1)))
            seen.append(_share_seen(vectors, dynamics, family).numpy(force=True))
        steps.append((step, actual))
        fields.append(np.stack(here))
        found.append(
            {
                "accuracy": network.accuracy[step],
                **_quantities(metrics, fields[-1], np.stack(seen), names),
            }
        )
    rows = []
    for fraction, field, quantities in zip(settings["fractions"], fields, found, strict=True):
        quantities["metric"] = field_angle(field, fields[-1])
        listed = [(name, "", "", value) for name, value in quantities.items()]
        rows.append(number_rows(listed, fraction))
    arrays = xr.Dataset(
        {
            "metric": (
                ("checkpoint", "condition", "point", "tangent", "tangent_b"),
                np.stack(fields),
            ),
            "kappa": (("point", "coordinate"), kappa.numpy()),
            "step": ("checkpoint", [step for step, _ in steps]),
            "actual": ("checkpoint", [actual for _, actual in steps]),
            "accuracy": ("checkpoint", [entry["accuracy"] for entry in found]),
        },
        coords={
            "checkpoint": settings["fractions"],
            "tangent": names,
            "coordinate": first.names,
        },
        attrs={"milliseconds": float(network.milliseconds(moment + 1)[-1])},
    )
    return arrays, pd.concat(rows, ignore_index=True)
