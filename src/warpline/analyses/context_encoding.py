"""How tangent vectors lie to the weight update and to the readout, and how they are spread over units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from warpline.analyses.relevance import TANGENTS, relevant_first
from warpline.analyses.trained_network import Network
from warpline.geometry.derivatives.sensitivity import Tangents
from warpline.geometry.measurements.alignment import (
    alignment,
    chance_alignment,
    chance_quantile,
    update_directions,
)
from warpline.geometry.measurements.tangent_statistics import (
    component_histogram,
    component_statistics,
    tangent_covariance,
)

__all__ = ["encoding"]

BINS, LIMIT = 41, 5.0
SEEN_POINTS = 200
"""Points at which Gaussianity is tested, at most."""

Row = tuple[str, str, str, float]


def _update(network: Network, count: int) -> dict[str, torch.Tensor]:
    """Return the leading directions of the recurrent weight update, and the readout's rows.

    Of stacked gates the last block, the candidate's, is taken. No update's directions where the recurrent
    weights did not learn.
    """
    first, last = (network.weights(step) for step in (network.steps[0], network.steps[-1]))
    if "weight_hh" not in last or "weight_out" not in last:
        raise TypeError(
            f"expected a network with weight_hh and weight_out to hold tangents against, got "
            f"{', '.join(sorted(last))}"
        )
    units = last["weight_hh"].shape[1]
    before, after = (torch.from_numpy(w["weight_hh"][-units:]) for w in (first, last))
    directions = {"readout": torch.from_numpy(last["weight_out"])}
    if not torch.equal(before, after):
        directions |= update_directions(before, after, count)
    return directions


def encoding(
    network: Network, found: Tangents, context: int, moments: Sequence[int], count: int
) -> tuple[dict[str, Any], list[Row]]:
    """Measure alignment and component statistics of one context's tangent vectors.

    Parameters
    ----------
    network : Network
    found : Tangents
        Over a grid of two inputs, at all moments.
    context : int
    moments : sequence of int
        Early and late.
    count : int
        Leading directions of the update.

    Returns
    -------
    variables : dict
        ``cosine_<target>`` (time, tangent), mean absolute cosine over points to the leading direction of
        ``eigenvectors``, ``singular_vectors`` and ``readout``; ``subspace_<target>`` to the span of all;
        ``correlation`` (time, tangent, tangent_b); ``density`` (moment, tangent, bin).
    rows : list
    """
    vectors = found.vectors
    where = f"context {context}"
    variables: dict[str, Any] = {}
    rows: list[Row] = []
    late = moments[1]
    for target, directions in _update(network, count).items():
        result = alignment(vectors, directions)
        for kind, values in (
            ("cosine", result.cosine[..., 0]),
            ("subspace", result.subspace[..., -1]),
        ):
            mean = relevant_first(values.nanmean(dim=0).numpy(force=True), context, (-1,))
            variables[f"{kind}_{target}"] = (("time", "tangent"), mean)
            if kind == "cosine":
                rows += [
                    (f"cosine with {target}, {name}", where, "late", mean[late, k])
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

    covariance = tangent_covariance(vectors)
    correlation = relevant_first(covariance.correlation.numpy(force=True), context, (-2, -1))
    variables["correlation"] = (("time", "tangent", "tangent_b"), correlation)
    density, edges = component_histogram(vectors[:, list(moments)], BINS, LIMIT)
    variables["density"] = (
        ("moment", "tangent", "bin"),
        relevant_first(density.numpy(force=True), context, (1,)),
    )
    variables["bin_edge"] = (("edge",), edges.numpy(force=True))
    few = np.linspace(0, len(vectors) - 1, min(SEEN_POINTS, len(vectors))).round().astype(int)
    tested = component_statistics(vectors[few][:, list(moments)])
    kurtosis, rejected = (
        relevant_first(values.numpy(force=True), context, (-1,))
        for values in (tested.excess_kurtosis, (tested.k2_p < 0.05).double())
    )
    for m, moment in enumerate(("early", "late")):
        for k, name in enumerate(TANGENTS):
            rows += [
                (f"excess kurtosis, {name}", where, moment, float(np.nanmean(kurtosis[:, m, k]))),
                (f"not Gaussian at 5 %, {name}", where, moment, float(rejected[:, m, k].mean())),
            ]
        rows.append(
            ("correlation, relevant and irrelevant", where, moment, correlation[moments[m], 0, 1])
        )
    return variables, rows
