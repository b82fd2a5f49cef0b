"""The Riemannian geometry of network computation: how a network warps the manifold of its inputs.

The names of `fixed_points`, `topology`, `alignment` and `tangent_statistics` load when used, as they bring
pandas and scipy with them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from warpline.geometry.dynamics import Dynamics, dynamics_of
from warpline.geometry.families import Coordinate, Family
from warpline.geometry.immersion import Immersion, Jet, immersion_of
from warpline.geometry.metric import Metric, average_metric, metric_stream, pullback_metric
from warpline.geometry.readout import ReadoutSplit, readout_split
from warpline.geometry.sensitivity import Moment, Tangents, stream, tangents
from warpline.geometry.slices import state_slice
from warpline.geometry.spectrum import Spectrum
from warpline.geometry.subspaces import encoding_subspace, subspace_angles
from warpline.geometry.two_items import Thresholds, TwoItems, two_items

if TYPE_CHECKING:
    from warpline.geometry.alignment import alignment_table, chance_alignment, update_directions
    from warpline.geometry.fixed_points import FixedPoints, find_fixed_points, starts_near
    from warpline.geometry.tangent_statistics import (
        component_histogram,
        component_statistics,
        statistics_table,
        tangent_covariance,
    )
    from warpline.geometry.topology import Control, Topology, betti_numbers, loop_radii

__all__ = [
    "Control",
    "Coordinate",
    "Dynamics",
    "Family",
    "FixedPoints",
    "Immersion",
    "Jet",
    "Metric",
    "Moment",
    "ReadoutSplit",
    "Spectrum",
    "Tangents",
    "Thresholds",
    "TwoItems",
    "average_metric",
    "dynamics_of",
    "encoding_subspace",
    "find_fixed_points",
    "immersion_of",
    "metric_stream",
    "pullback_metric",
    "readout_split",
    "state_slice",
    "stream",
    "subspace_angles",
    "tangents",
    "two_items",
]

_LATER = {
    "alignment": ("alignment_table", "chance_alignment", "update_directions"),
    "fixed_points": ("FixedPoints", "find_fixed_points", "starts_near"),
    "tangent_statistics": (
        "component_histogram",
        "component_statistics",
        "statistics_table",
        "tangent_covariance",
    ),
    "topology": ("Control", "Topology", "betti_numbers", "loop_radii"),
}
_HOMES = {name: module for module, names in _LATER.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load what brings heavy packages on first use."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
