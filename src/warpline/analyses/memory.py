"""Paper B, figure 5: two angles in memory; is the irrelevant one compressed, or turned off the decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray

from warpline.analyses.memory_topology import topology
from warpline.analyses.summary import number_rows
from warpline.analyses.trained_network import Network
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import Family
from warpline.geometry.derivatives.sensitivity import Tangents, tangents
from warpline.geometry.derivatives.snapshot import state_slice
from warpline.geometry.measurements.readout import readout_split
from warpline.geometry.measurements.subspaces import encoding_subspace, subspace_angles
from warpline.geometry.measurements.two_items import two_items
from warpline.geometry.riemannian.curvature import gaussian_curvature
from warpline.geometry.riemannian.metric import pullback_metric

__all__ = ["OFFERS", "analyse"]

OFFERS = True

Floats = NDArray[np.float64]

ITEMS = ("angle_1", "angle_2")
VERDICTS = ("warping", "realignment", "mixed", "no switch")
MOMENTS = ("item_2", "delay", "report_1", "report_2")
"""Periods at whose ends, or of reports middles, curvature and topology are looked at."""


def _angles(found: Tangents, first: int, readout: torch.Tensor) -> Floats:
    """Return principal angles in degrees, (time, pair, 2): of the items, and of each to the decoder.

    NaN before `first`.
    """
    one, other = (encoding_subspace(found, [item], dimension=2)[first:] for item in ITEMS)
    decoder = readout.to(one).expand(len(one), -1, -1)
    pairs = [subspace_angles(*pair) for pair in ((one, other), (one, decoder), (other, decoder))]
    angles = torch.stack(pairs, dim=1).rad2deg().numpy(force=True)
    return np.concatenate([np.full((first, *angles.shape[1:]), np.nan), angles])


def _speed(dynamics: Dynamics, family: Family, kappa: torch.Tensor, moment: int) -> float:
    """Return the metric's time component, averaged over inputs, with the input that led to the moment held.

    At the end of a period the next one's cue moves the state at once: that is not the speed of what was
    reached.
    """
    velocity = tangents(dynamics, family.until(moment), kappa, at=[moment]).velocity
    return float(velocity.square().sum(-1).mean())


def analyse(network: Network, settings: Mapping[str, Any]) -> tuple[xr.Dataset, pd.DataFrame]:
    """Compute the panels of paper B's figure 5 for one network.

    Parameters
    ----------
    network : Network
        Trained on a task set with two angles and the periods ``item_2``, ``delay``, ``report_1`` and
        ``report_2``.
    settings : mapping
        ``points``, ``landmarks``, ``samples``, ``topology``.

    Returns
    -------
    arrays : Dataset
        ``component`` (time, tangent), the diagonal of G averaged over inputs, and ``seen`` (time,
        tangent), the share of it that the decoder sees; ``angle`` (time, pair, order) in degrees;
        ``curvature`` (moment, angle_1, angle_2); and `memory_topology`'s.
    numbers : DataFrame
    """
    family, dynamics = network.family(2), network.dynamics()
    side = settings["points"]
    kappa = family.grid(side, side)
    # At the end of a report of known length, a network already prepares what comes next.
    moments = {
        name: sum(family.periods[name]) // 2
        if name.startswith("report")
        else family.periods[name][1]
        for name in MOMENTS
    }
    readout = torch.from_numpy(network.weights()["weight_out"]).double()
    found = tangents(dynamics, family, kappa)
    metric = pullback_metric(found)
    split = readout_split(found, readout.to(found.vectors))
    component = metric.lengths.square().mean(dim=0).numpy(force=True)
    seen = (split.inside.lengths.square().mean(dim=0) / metric.lengths.square().mean(dim=0)).numpy(
        force=True
    )
    # The second item is encoded from the moment after its first input.
    angles = _angles(found, family.periods["item_2"][0] + 1, readout)
    solution = two_items(
        found,
        readout.to(found.vectors),
        ([ITEMS[0]], [ITEMS[1]]),
        (moments["report_1"], moments["report_2"]),
        dimension=2,
    )

    areas = metric.inputs.spectrum().log_volume.exp().numpy(force=True)
    cell = (2 * np.pi / side) ** 2
    curvature, rows = [], []
    for name, moment in moments.items():
        values = gaussian_curvature(state_slice(dynamics, family, moment), kappa)
        curvature.append(values.numpy(force=True).reshape(side, side))
        area = areas[:, moment]
        rows += [
            (
                "total curvature / 2π (torus: 0)",
                "",
                name,
                (curvature[-1].ravel() * area).sum() * cell / (2 * np.pi),
            ),
            (
                "curvature, absolute, weighted by area",
                "",
                name,
                np.average(np.abs(curvature[-1].ravel()), weights=area),
            ),
            *((f"metric, {item}", "", name, component[moment, k]) for k, item in enumerate(ITEMS)),
            ("metric, time", "", name, _speed(dynamics, family, kappa, moment)),
            *(
                (f"share seen by the decoder, {item}", "", name, seen[moment, k])
                for k, item in enumerate(ITEMS)
            ),
        ]
    rows += [
        # Where the decoder does not turn from one item to the other, w says nothing.
        (
            "two items: w",
            "",
            "",
            np.nan if solution.verdict == "no switch" else solution.warping_share,
        ),
        ("two items: δ", "", "", solution.defect),
        ("two items: ρ", "", "", solution.residual),
        ("two items: fall of item 1", "", "", solution.falls[0]),
        ("two items: turn of item 1 (°)", "", "", float(np.degrees(solution.turn))),
        ("two items: switch of the decoder, L", "report 1", "", float(solution.log_ratios[0])),
        ("two items: switch of the decoder, L", "report 2", "", float(solution.log_ratios[1])),
    ]
    rows += [
        (f"two items: verdict {name}", "", "", float(solution.verdict == name)) for name in VERDICTS
    ]
    variables: dict[str, Any] = {
        "component": (("time", "tangent"), component),
        "seen": (("time", "tangent"), seen),
        "angle": (("time", "pair", "order"), angles),
        "curvature": (("moment", "angle_1", "angle_2"), np.stack(curvature)),
        "w": ((), solution.warping_share),
        "defect": ((), solution.defect),
        "verdict": ((), solution.verdict),
    }
    if settings["topology"]:
        more, topology_rows = topology(network, dynamics, family, found, moments, settings)
        variables |= more
        rows += topology_rows
    rows.append(("accuracy", "", "", network.accuracy[network.steps[-1]]))
    levels = family.coordinates[0].values(side).numpy()
    arrays = xr.Dataset(
        variables,
        coords={
            "time": network.milliseconds(family.n_steps + 1),
            "tangent": [*ITEMS, "time"],
            "pair": ["items", "item 1 and decoder", "item 2 and decoder"],
            "moment": list(MOMENTS),
            "angle_1": levels,
            "angle_2": levels,
        },
    )
    for name, (start, stop) in family.periods.items():
        arrays.attrs[f"period_{name}"] = network.milliseconds(stop + 1)[[start, stop]].tolist()
    return arrays, number_rows(rows)
