"""The Riemannian geometry of network computation: how a network warps the manifold of its inputs.

The names of `fixed_points`, `topology`, `alignment`, `tangent_statistics`, `geodesics`, `distances` and
`gridlines` load when used, as they bring pandas and scipy with them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from warpline.geometry.connection import (
    DegenerateMetricError,
    christoffel_symbols,
    christoffel_symbols_of_the_first_kind,
    rank_ratio,
)
from warpline.geometry.curvature import (
    gaussian_curvature,
    mean_curvature_vector,
    scalar_curvature,
    second_fundamental_form,
    sectional_curvature,
)
from warpline.geometry.dynamics import Dynamics, dynamics_of
from warpline.geometry.families import Coordinate, Family
from warpline.geometry.grid_curvature import CoarseGridError, GridCurvature, curvature_from_grid
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
    from warpline.geometry.distances import (
        ConvergenceError,
        GeodesicPaths,
        geodesic_distance,
        geodesics_between,
        wrapped,
    )
    from warpline.geometry.fixed_points import FixedPoints, find_fixed_points, starts_near
    from warpline.geometry.geodesics import Geodesics, geodesics_from
    from warpline.geometry.gridlines import Gridlines, geodesic_gridlines
    from warpline.geometry.tangent_statistics import (
        component_histogram,
        component_statistics,
        statistics_table,
        tangent_covariance,
    )
    from warpline.geometry.topology import Control, Topology, betti_numbers, loop_radii

__all__ = [
    "CoarseGridError",
    "Control",
    "ConvergenceError",
    "Coordinate",
    "DegenerateMetricError",
    "Dynamics",
    "Family",
    "FixedPoints",
    "GeodesicPaths",
    "Geodesics",
    "GridCurvature",
    "Gridlines",
    "Immersion",
    "Jet",
    "Metric",
    "Moment",
    "ReadoutSplit",
    "Spectrum",
    "Tangents",
    "Thresholds",
    "Topology",
    "TwoItems",
    "alignment_table",
    "average_metric",
    "betti_numbers",
    "chance_alignment",
    "christoffel_symbols",
    "christoffel_symbols_of_the_first_kind",
    "component_histogram",
    "component_statistics",
    "curvature_from_grid",
    "dynamics_of",
    "encoding_subspace",
    "find_fixed_points",
    "gaussian_curvature",
    "geodesic_distance",
    "geodesic_gridlines",
    "geodesics_between",
    "geodesics_from",
    "immersion_of",
    "loop_radii",
    "mean_curvature_vector",
    "metric_stream",
    "pullback_metric",
    "rank_ratio",
    "readout_split",
    "scalar_curvature",
    "second_fundamental_form",
    "sectional_curvature",
    "starts_near",
    "state_slice",
    "statistics_table",
    "stream",
    "subspace_angles",
    "tangent_covariance",
    "tangents",
    "two_items",
    "update_directions",
    "wrapped",
]

_LATER = {
    "alignment": ("alignment_table", "chance_alignment", "update_directions"),
    "distances": (
        "ConvergenceError",
        "GeodesicPaths",
        "geodesic_distance",
        "geodesics_between",
        "wrapped",
    ),
    "fixed_points": ("FixedPoints", "find_fixed_points", "starts_near"),
    "geodesics": ("Geodesics", "geodesics_from"),
    "gridlines": ("Gridlines", "geodesic_gridlines"),
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
