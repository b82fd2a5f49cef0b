"""The Riemannian geometry of network computation: how a network warps the manifold of its inputs.

The names of `fixed_points`, `topology`, `alignment`, `tangent_statistics`, `geodesics`, `distances` and
`gridlines` load when used, as they bring pandas and scipy with them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from warpline.geometry.derivatives.dynamics import Dynamics, dynamics_of
from warpline.geometry.derivatives.input_manifold import Coordinate, Family
from warpline.geometry.derivatives.jet import Immersion, Jet, immersion_of
from warpline.geometry.derivatives.sensitivity import Moment, Tangents, stream, tangents
from warpline.geometry.derivatives.snapshot import state_slice
from warpline.geometry.measurements.readout import ReadoutSplit, readout_split
from warpline.geometry.measurements.subspaces import encoding_subspace, subspace_angles
from warpline.geometry.measurements.two_items import Thresholds, TwoItems, two_items
from warpline.geometry.riemannian.connection import (
    DegenerateMetricError,
    christoffel_symbols,
    christoffel_symbols_of_the_first_kind,
    rank_ratio,
)
from warpline.geometry.riemannian.curvature import (
    gaussian_curvature,
    mean_curvature_vector,
    scalar_curvature,
    second_fundamental_form,
    sectional_curvature,
)
from warpline.geometry.riemannian.grid_curvature import (
    CoarseGridError,
    GridCurvature,
    curvature_from_grid,
)
from warpline.geometry.riemannian.metric import (
    Metric,
    average_metric,
    metric_stream,
    pullback_metric,
)
from warpline.geometry.riemannian.spectrum import Spectrum

if TYPE_CHECKING:
    from warpline.geometry.measurements.alignment import (
        alignment_table,
        chance_alignment,
        update_directions,
    )
    from warpline.geometry.measurements.fixed_points import (
        FixedPoints,
        find_fixed_points,
        starts_near,
    )
    from warpline.geometry.measurements.tangent_statistics import (
        component_histogram,
        component_statistics,
        statistics_table,
        tangent_covariance,
    )
    from warpline.geometry.measurements.topology import Control, Topology, betti_numbers, loop_radii
    from warpline.geometry.riemannian.distances import (
        ConvergenceError,
        GeodesicPaths,
        geodesic_distance,
        geodesics_between,
        wrapped,
    )
    from warpline.geometry.riemannian.geodesics import Geodesics, geodesics_from
    from warpline.geometry.riemannian.gridlines import Gridlines, geodesic_gridlines

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
    "measurements.alignment": ("alignment_table", "chance_alignment", "update_directions"),
    "riemannian.distances": (
        "ConvergenceError",
        "GeodesicPaths",
        "geodesic_distance",
        "geodesics_between",
        "wrapped",
    ),
    "measurements.fixed_points": ("FixedPoints", "find_fixed_points", "starts_near"),
    "riemannian.geodesics": ("Geodesics", "geodesics_from"),
    "riemannian.gridlines": ("Gridlines", "geodesic_gridlines"),
    "measurements.tangent_statistics": (
        "component_histogram",
        "component_statistics",
        "statistics_table",
        "tangent_covariance",
    ),
    "measurements.topology": ("Control", "Topology", "betti_numbers", "loop_radii"),
}
_HOMES = {name: module for module, names in _LATER.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load what brings heavy packages on first use."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
