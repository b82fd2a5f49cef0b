"""Angles of tangent vectors to the weight update and the readout, and their distribution over units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from warpline.analyses.relevance import TANGENTS, relevant_first
from warpline.analyses.trained_network import Network
from warpline.geometry.derivatives.sensitivity import Tangents
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
)

__all__ = ["encoding"]

BINS, LIMIT = 41, 5.0
MOST_TESTED_POINTS = 200
"""Largest number of points at which Gaussianity is tested."""

Row = tuple[str, str, str, float]


def _update(network: Network, count: int) -> dict[str, torch.Tensor]:
    """Return the leading directions of the recurrent weight update, and the readout's rows.

    Of stacked gates the last block, the candidate's, is taken. Where the recurrent weights did not learn, or
    are not one matrix ``weight_hh`` over the observed units, only the readout's rows are returned.

    Raises
    ------
    TypeError
        When the readout depends on the state beyond what is observed.
    """
    initial, trained = (network.weights(step) for step in (network.steps[0], network.steps[-1]))
    directions = {"readout": network.decoder().to("cpu", torch.float32)}
    if "weight_hh" not in trained:
        return directions
    units = trained["weight_hh"].shape[1]
    before, after = (torch.from_numpy(w["weight_hh"][-units:]) for w in (initial, trained))
    if not torch.equal(before, after):
        directions |= update_directions(before, after, count)
    return directions


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
        ``eigenvectors``, ``singular_vectors`` and ``readout``; ``subspace_<target>`` to the span of all;
        ``correlation`` (time, tangent, tangent_b); ``density`` (moment, tangent, bin).
    rows : list
        Cosines late in the trial, their chance levels, kurtosis and correlation.
    """
    vectors = tangents.vectors
    condition = f"context {context}"
    variables: dict[str, Any] = {}
    rows: list[Row] = []

    # Angles to the update's directions and to the readout, over time.
    late = time_steps[1]
    for target, directions in _update(network, count).items():
        angles = alignment(vectors, directions)
        for kind, values in (
            ("cosine", angles.cosine[..., 0]),
            ("subspace", angles.subspace[..., -1]),
        ):
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
