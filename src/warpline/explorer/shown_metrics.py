"""What the explorer shows of an analysis: the metric over inputs and time, and the manifold of states.

Arrays are taken by the names of their variables and dimensions, so that a user's experiment is shown, too,
if it names them as those of the package do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from warpline.core import result_files
from warpline.explorer.embedding import number, packed, quantised
from warpline.explorer.shown_networks import NetworkName
from warpline.figures.words import name_in_words

__all__ = ["SHOWN", "analysis_views", "views"]

TANGENTS = ("tangent", "tangent_b")
CHOSEN = ("checkpoint", "context", "condition", "moment", "stage", "sheet_moment")
"""Dimensions of which one entry is shown at a time; the others span what is drawn."""
POSITIONS = {"position": "axis", "sheet": "axis", "states": "unit"}
"""Variables that hold points of the manifold of states, and their dimension of coordinates."""
MOST_POINTS = 21
"""Points along a side of the plane on which a metric is drawn: more ellipses would overlap."""
MOST_STATES = 180
"""Points along a line of the manifold of states."""
SHOWN = "a metric over inputs or time, or states on three axes"
"""What an analysis needs so that it is shown."""


def _thinned(dataset: xr.Dataset, dim: str, most: int) -> xr.Dataset:
    """Return at most so many entries of a dimension, evenly spaced, the first and the last included."""
    size = dataset.sizes[dim]
    if size <= most:
        return dataset
    # What is left lies at unequal distances, which its places say.
    if dim not in dataset.coords:
        dataset = dataset.assign_coords({dim: np.arange(size)})
    return dataset.isel({dim: np.unique(np.linspace(0, size - 1, most).round().astype(int))})


def _values(dataset: xr.Dataset, dim: str) -> list[Any]:
    """Return the coordinate of a dimension, or its indices, as JSON."""
    if dim not in dataset.coords:
        return list(range(dataset.sizes[dim]))
    values = dataset[dim].values
    # A grid through zero holds 1e-17 in its place.
    return [number(round(v, 12)) if values.dtype.kind in "fiu" else str(v) for v in values]


def _axes(dataset: xr.Dataset, dims: Iterable[str]) -> list[dict[str, Any]]:
    return [{"name": name_in_words(dim), "values": _values(dataset, dim)} for dim in dims]


def _square_of_points(dataset: xr.Dataset) -> xr.Dataset:
    """Give the points of an analysis their coordinates: one, or the two of a square grid."""
    kappa = dataset["kappa"].transpose("point", "coordinate").values
    names = [str(name) for name in dataset["coordinate"].values]
    dataset = dataset.drop_vars(["kappa", "coordinate"])
    if len(names) == 1:
        return dataset.rename(point=names[0]).assign_coords({names[0]: kappa[:, 0]})
    side = round(len(kappa) ** 0.5)
    if len(names) != 2 or side * side != len(kappa):
        return dataset
    grid = kappa.reshape(side, side, 2)
    index = pd.MultiIndex.from_product([grid[:, 0, 0], grid[0, :, 1]], names=names)
    points = xr.Coordinates.from_pandas_multiindex(index, "point")
    return dataset.assign_coords(points).unstack("point")


def _fields(network: xr.Dataset) -> Iterator[dict[str, Any]]:
    """Yield the metric over the one or two dimensions that it spans."""
    metric = network["metric"]
    has_tangents = set(TANGENTS) <= set(metric.dims)
    spanned = [str(d) for d in metric.dims if d not in (*CHOSEN, *TANGENTS)]
    chosen = [str(d) for d in metric.dims if d in CHOSEN]
    # Without tangent vectors it is that of one coordinate: a number, which has no ellipse.
    if not has_tangents or not 1 <= len(spanned) <= 2:
        return
    for dim in spanned:
        network = _thinned(network, dim, MOST_POINTS)
    values = network["metric"].transpose(*chosen, *spanned, *TANGENTS).values
    yield {
        "kind": "field",
        "chosen": _axes(network, chosen),
        "spanned": _axes(network, spanned),
        "tangents": _values(network, "tangent"),
        # Components span orders of magnitude: they are not quantised.
        "values": packed(values),
    }


def _surfaces(network: xr.Dataset) -> Iterator[dict[str, Any]]:
    """Yield the states of an analysis: a line or a sheet of points on three axes."""
    for name, coordinates in POSITIONS.items():
        if name not in network or coordinates not in network[name].dims:
            continue
        if network.sizes[coordinates] != 3:
            continue
        spanned = [str(d) for d in network[name].dims if d not in (*CHOSEN, coordinates)]
        chosen = [str(d) for d in network[name].dims if d in CHOSEN]
        if not 1 <= len(spanned) <= 2:
            continue
        most = MOST_STATES if len(spanned) == 1 else 2 * MOST_POINTS
        for dim in spanned:
            network = _thinned(network, dim, most)
        on_axes = coordinates == "axis" and "variance" in network
        yield {
            "kind": "surface",
            "chosen": _axes(network, chosen),
            "spanned": _axes(network, spanned),
            "axes": ["PC 1", "PC 2", "PC 3"] if on_axes else ["unit 1", "unit 2", "unit 3"],
            "axis_variance": [number(v, 4) for v in network["variance"].values]
            if on_axes
            else None,
            "values": quantised(network[name].transpose(*chosen, *spanned, coordinates).values),
        }


def _lines(network: xr.Dataset) -> Iterator[dict[str, Any]]:
    """Yield the diagonal of the metric over time, where an analysis keeps it as ``component``."""
    if "component" not in network or not {"time", "tangent"} <= set(network["component"].dims):
        return
    component = network["component"]
    chosen = [str(d) for d in component.dims if d in CHOSEN]
    others = [d for d in component.dims if d not in (*chosen, "time", "tangent")]
    means = component.mean(others).transpose(*chosen, "tangent", "time")
    yield {
        "kind": "lines",
        "chosen": _axes(network, chosen),
        "spanned": _axes(network, ["time"]),
        "tangents": _values(network, "tangent"),
        "values": packed(means.values),
    }


def views(network: xr.Dataset) -> list[dict[str, Any]]:
    """Return what of an analysis of one network can be drawn.

    Parameters
    ----------
    network : xarray.Dataset
        Arrays of an analysis (`warpline.analyses`), of one seed.

    Returns
    -------
    list of dict
        ``kind``: ``field`` (metric at points of a plane or a line of inputs or time), ``surface`` (states on
        three axes) or ``lines`` (diagonal of the metric over time). ``chosen`` and ``spanned``: its
        dimensions, each with ``name`` and ``values``. ``values``: the array, in that order.
    """
    if "kappa" in network and {"point", "coordinate"} <= {*network["kappa"].dims}:
        network = _square_of_points(network)
    fields = list(_fields(network)) if "metric" in network else []
    return [*fields, *_surfaces(network), *_lines(network)]


def analysis_views(
    paths: Iterable[str | Path], analyses: Mapping[str, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Return the analyses of all networks, each with its `views`.

    Parameters
    ----------
    paths : iterable of path
        Arrays of the analyses: ``<analysis>/seed~<seeds>.nc``.
    analyses : mapping
        By the name of an analysis, its ``experiment``, ``taskset``, ``architecture`` and ``curriculum``.

    Returns
    -------
    list of dict
        ``analysis``, ``experiment``, ``network`` (`NetworkName`), ``status``, ``views``.
    """
    entries = []
    for path in map(Path, paths):
        dataset = result_files.read_dataset(path)
        about = analyses[path.parent.name]
        for seed in dataset["seed"].values:
            network = dataset.sel(seed=seed)
            status = str(network["status"].values) if "status" in network else ""
            entries.append(
                {
                    "analysis": path.parent.name,
                    "experiment": about["experiment"],
                    "network": NetworkName(
                        about["taskset"], about["architecture"], about["curriculum"], int(seed)
                    ),
                    "status": status,
                    # The arrays of a diverged network are empty or mean nothing.
                    "views": [] if status == "diverged" else views(network),
                }
            )
    return entries
