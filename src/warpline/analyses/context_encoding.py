"""Angles of tangent vectors to the weight update and the readout, and their distribution over units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from warpline.analyses.point_quantiles import over_points
from warpline.analyses.relevance import TANGENTS, relevant_first
from warpline.analyses.trained_network import Network
from warpline.geometry.derivatives.sensitivity import Tangents
from warpline.geometry.measurements.readout import (
    decoder_cosines,
    readout_jacobian,
    readout_split,
)
from warpline.geometry.measurements.tangent_statistics import (
    component_histogram,
    component_statistics,
    tangent_covariance,
)
from warpline.geometry.measurements.update_alignment import (
    alignment,
    chance_alignment,
    chance_quantile,
    update_directions,
    update_spectrum,
)

__all__ = ["encoding"]

BINS, LIMIT = 41, 5.0
MOST_TESTED_POINTS = 200
"""Largest number of points at which Gaussianity is tested."""

Row = tuple[str, str, str, float]


ACTED_ON = "right_singular_vectors"
"""Directions of what the recurrent weights are multiplied with; in current form the rates, not the states."""


def _recurrent_weights(network: Network) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Return the recurrent weights before and after learning; None where they did not learn.

    Of stacked gates the last block, the candidate's, is taken. None also where the recurrent weights are not
    one matrix ``weight_hh`` over the observed units.
    """
    initial, trained = (network.weights(step) for step in (network.steps[0], network.steps[-1]))
    if "weight_hh" not in trained:
        return None
    units = trained["weight_hh"].shape[1]
    before, after = (torch.from_numpy(w["weight_hh"][-units:]) for w in (initial, trained))
    return None if torch.equal(before, after) else (before, after)


def _rate_vectors(network: Network, tangents: Tangents) -> torch.Tensor:
    """Return the tangent vectors of what the recurrent weights are multiplied with, as `Tangents.vectors`."""
    rates = getattr(network.model().double(), "rates", None)
    if rates is None:
        return tangents.vectors
    states = tangents.full_states
    if states.shape[-1] != tangents.vectors.shape[-1]:
        return tangents.vectors
    derivatives = [
        torch.func.jvp(rates, (states,), (vector,))[1] for vector in tangents.vectors.unbind(2)
    ]
    return torch.stack(derivatives, dim=2).detach()


def _update_variables(
    network: Network, tangents: Tangents, context: int, count: int
) -> tuple[dict[str, Any], dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """Return what is drawn of the weight update, and cosines to its directions.

    Returns
    -------
    variables : dict
        ``update_singular_value`` (rank_of_value,), of dW; ``update_projection`` (time, tangent, direction)
        and ``update_projection_sd``, signed cosine with its right singular vectors, mean and standard
        deviation over points. Empty where nothing was learned.
    angles : dict of str to (cosine, subspace), each (point, time, tangent)
        By kind of direction: absolute cosine to the leading one, and to the span of all.
    """
    weights = _recurrent_weights(network)
    if weights is None:
        return {}, {}
    directions = update_directions(*weights, count)
    of_rates = _rate_vectors(network, tangents)
    angles = {}
    for target, rows in directions.items():
        alignments = alignment(of_rates if target == ACTED_ON else tangents.vectors, rows)
        angles[target] = (alignments.cosine[..., 0], alignments.subspace[..., -1])
    length = torch.linalg.vector_norm(of_rates, dim=-1, keepdim=True)
    unit = torch.where(length > 0, of_rates / length, torch.nan)
    projections = unit @ directions[ACTED_ON].to(unit).T
    mean = projections.nanmean(0)
    deviation = (projections - mean).square().nanmean(0).sqrt()
    variables = {
        "update_singular_value": (("rank_of_value",), update_spectrum(*weights).numpy(force=True)),
        "update_projection": (
            ("time", "tangent", "direction"),
            relevant_first(mean.numpy(force=True), context, (1,)),
        ),
        "update_projection_sd": (
            ("time", "tangent", "direction"),
            relevant_first(deviation.numpy(force=True), context, (1,)),
        ),
    }
    return variables, angles


def encoding(
    network: Network, tangents: Tangents, context: int, time_steps: Sequence[int], count: int
) -> tuple[dict[str, Any], list[Row]]:
    """Measure alignment and component statistics of one context's tangent vectors.

    Parameters
    ----------
    network : Network
    tangents : Tangents
        Over a grid of two inputs, at all time steps.
    context : int
    time_steps : sequence of int
        Early and late.
    count : int
        Number of leading directions of the update.

    Returns
    -------
    variables : dict
        ``cosine_<target>`` (time, tangent), mean absolute cosine over points to the leading direction of
        ``eigenvectors``, ``singular_vectors``, ``right_singular_vectors`` and ``readout``;
        ``subspace_<target>`` to the span of all; ``signed_cosine_readout`` (quantile, time, tangent);
        ``update_*`` (`_update_variables`); ``component_of_unit`` (tangent, unit), unit vectors in the middle;
        ``correlation`` (time, tangent, tangent_b); ``density`` (moment, tangent, bin).
    rows : list
        Cosines late in the trial, their chance levels, kurtosis and correlation.

    Raises
    ------
    TypeError
        When the readout depends on the state beyond what is observed.
    """
    vectors = tangents.vectors
    condition = f"context {context}"
    rows: list[Row] = []

    # Angles to the update's directions and to the readout, over time.
    late = time_steps[1]
    variables, angles = _update_variables(network, tangents, context, count)
    readout = network.readout()
    signed = decoder_cosines(tangents, readout_jacobian(readout, tangents))[..., 0]
    seen = readout_split(tangents, readout).fraction.clamp(0, 1).sqrt()
    angles["readout"] = (signed.abs(), seen)
    for target, (cosine, subspace) in angles.items():
        for kind, values in (("cosine", cosine), ("subspace", subspace)):
            mean = relevant_first(values.nanmean(dim=0).numpy(force=True), context, (-1,))
            variables[f"{kind}_{target}"] = (("time", "tangent"), mean)
            if kind == "cosine":
                rows += [
                    (f"cosine with {target}, {name}", condition, "late", mean[late, k])
                    for k, name in enumerate(TANGENTS)
                ]
    units = vectors.shape[-1]
    rows += (
        [
            ("cosine by chance, mean", "", "", chance_alignment(units)),
            ("cosine by chance, 95 % below", "", "", chance_quantile(units)),
        ]
        if context == 1
        else []
    )

    # The cosine to the readout with its sign, and its quantiles over points.
    signed_quantiles = relevant_first(over_points(signed), context, (-1,))
    variables["signed_cosine_readout"] = (("quantile", "time", "tangent"), signed_quantiles)
    rows += [
        (
            f"signed cosine with readout, {name}, median",
            condition,
            moment,
            float(signed_quantiles[1, step, k]),
        )
        for moment, step in zip(("early", "late"), time_steps, strict=True)
        for k, name in enumerate(TANGENTS)
    ]

    # Unit tangent vectors at the point in the middle, unit by unit.
    side = round(len(vectors) ** 0.5)
    middle = vectors[(side // 2) * (side + 1), late]
    lengths = torch.linalg.vector_norm(middle, dim=-1, keepdim=True)
    components = relevant_first((middle / lengths).numpy(force=True), context, (0,))
    variables["component_of_unit"] = (("tangent", "unit"), components)

    # Correlation of tangent vectors over units, at all times.
    covariance = tangent_covariance(vectors)
    correlation = relevant_first(covariance.correlation.numpy(force=True), context, (-2, -1))
    variables["correlation"] = (("time", "tangent", "tangent_b"), correlation)

    # Distribution of their components over units, early and late.
    density, edges = component_histogram(vectors[:, list(time_steps)], BINS, LIMIT)
    variables["density"] = (
        ("moment", "tangent", "bin"),
        relevant_first(density.numpy(force=True), context, (1,)),
    )
    variables["bin_edge"] = (("edge",), edges.numpy(force=True))
    n_tested = min(MOST_TESTED_POINTS, len(vectors))
    tested_points = np.linspace(0, len(vectors) - 1, n_tested).round().astype(int)
    statistics = component_statistics(vectors[tested_points][:, list(time_steps)])
    kurtosis, rejected = (
        relevant_first(values.numpy(force=True), context, (-1,))
        for values in (statistics.excess_kurtosis, (statistics.k2_p < 0.05).double())
    )
    for m, moment in enumerate(("early", "late")):
        for k, name in enumerate(TANGENTS):
            rows += [
                (
                    f"excess kurtosis, {name}",
                    condition,
                    moment,
                    float(np.nanmean(kurtosis[:, m, k])),
                ),
                (
                    f"not Gaussian at 5 %, {name}",
                    condition,
                    moment,
                    float(rejected[:, m, k].mean()),
                ),
            ]
        rows.append(
            (
                "correlation, relevant and irrelevant",
                condition,
                moment,
                correlation[time_steps[m], 0, 1],
            )
        )
    return variables, rows
