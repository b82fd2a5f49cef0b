"""The Riemannian geometry of network computation: how a network warps the manifold of its inputs.

Three packages, each of which uses those before it: `derivatives` of the states with respect to the
inputs, `riemannian` geometry, and `measurements` beside it. The public names are here; each loads when
it is used.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warpline.geometry.derivatives.dynamics import Dynamics, dynamics_of
    from warpline.geometry.derivatives.input_manifold import Coordinate, InputManifold
    from warpline.geometry.derivatives.jet import Immersion, Jet, TaylorExtension, immersion_of
    from warpline.geometry.derivatives.sensitivity import Tangents, TimeStep, stream, tangents
    from warpline.geometry.derivatives.snapshot import StateMap, state_map
    from warpline.geometry.derivatives.taylor import TaylorTensor
    from warpline.geometry.measurements.fixed_points import (
        FixedPoints,
        find_fixed_points,
        starts_near,
    )
    from warpline.geometry.measurements.item_shares import metric_shares
    from warpline.geometry.measurements.readout import (
        ReadoutSplit,
        decoder_cosines,
        encoding_subspace,
        readout_split,
        row_space,
        subspace_angles,
    )
    from warpline.geometry.measurements.state_subspaces import (
        state_subspaces,
        subspace_similarity,
    )
    from warpline.geometry.measurements.tangent_statistics import (
        component_histogram,
        component_statistics,
        statistics_table,
        tangent_covariance,
    )
    from warpline.geometry.measurements.topology import (
        Control,
        Topology,
        betti_numbers,
        loop_deaths,
        loop_radii,
    )
    from warpline.geometry.measurements.two_items import Thresholds, TwoItems, two_items
    from warpline.geometry.measurements.update_alignment import (
        alignment_table,
        chance_alignment,
        update_directions,
        update_spectrum,
    )
    from warpline.geometry.riemannian.arc_length import arc_length_mesh
    from warpline.geometry.riemannian.connection import (
        DegenerateMetricError,
        christoffel_symbols,
        christoffel_symbols_of_the_first_kind,
        rank_ratio,
    )
    from warpline.geometry.riemannian.curvature import (
        CoarseGridError,
        GridCurvature,
        curvature_from_grid,
        gaussian_curvature,
        mean_curvature_vector,
        scalar_curvature,
        second_fundamental_form,
        sectional_curvature,
    )
    from warpline.geometry.riemannian.distances import (
        ConvergenceError,
        GeodesicPaths,
        geodesic_distance,
        geodesics_between,
        wrapped,
    )
    from warpline.geometry.riemannian.geodesics import Geodesics, geodesics_from
    from warpline.geometry.riemannian.gridlines import Gridlines, geodesic_gridlines
    from warpline.geometry.riemannian.metric import (
        Metric,
        Spectrum,
        average_metric,
        metric_stream,
        pullback_metric,
    )

__all__ = [
    "CoarseGridError",
    "Control",
    "ConvergenceError",
    "Coordinate",
    "DegenerateMetricError",
    "Dynamics",
    "FixedPoints",
    "GeodesicPaths",
    "Geodesics",
    "GridCurvature",
    "Gridlines",
    "Immersion",
    "InputManifold",
    "Jet",
    "Metric",
    "ReadoutSplit",
    "Spectrum",
    "StateMap",
    "Tangents",
    "TaylorExtension",
    "TaylorTensor",
    "Thresholds",
    "TimeStep",
    "Topology",
    "TwoItems",
    "alignment_table",
    "arc_length_mesh",
    "average_metric",
    "betti_numbers",
    "chance_alignment",
    "christoffel_symbols",
    "christoffel_symbols_of_the_first_kind",
    "component_histogram",
    "component_statistics",
    "curvature_from_grid",
    "decoder_cosines",
    "dynamics_of",
    "encoding_subspace",
    "find_fixed_points",
    "gaussian_curvature",
    "geodesic_distance",
    "geodesic_gridlines",
    "geodesics_between",
    "geodesics_from",
    "immersion_of",
    "loop_deaths",
    "loop_radii",
    "mean_curvature_vector",
    "metric_shares",
    "metric_stream",
    "pullback_metric",
    "rank_ratio",
    "readout_split",
    "row_space",
    "scalar_curvature",
    "second_fundamental_form",
    "sectional_curvature",
    "starts_near",
    "state_map",
    "state_subspaces",
    "statistics_table",
    "stream",
    "subspace_angles",
    "subspace_similarity",
    "tangent_covariance",
    "tangents",
    "two_items",
    "update_directions",
    "update_spectrum",
    "wrapped",
]

_NAMES_OF = {
    "derivatives.dynamics": ("Dynamics", "dynamics_of"),
    "derivatives.input_manifold": ("Coordinate", "InputManifold"),
    "derivatives.jet": ("Immersion", "Jet", "TaylorExtension", "immersion_of"),
    "derivatives.sensitivity": ("Tangents", "TimeStep", "stream", "tangents"),
    "derivatives.snapshot": ("StateMap", "state_map"),
    "derivatives.taylor": ("TaylorTensor",),
    "measurements.fixed_points": ("FixedPoints", "find_fixed_points", "starts_near"),
    "measurements.item_shares": ("metric_shares",),
    "measurements.readout": (
        "ReadoutSplit",
        "decoder_cosines",
        "encoding_subspace",
        "readout_split",
        "row_space",
        "subspace_angles",
    ),
    "measurements.state_subspaces": ("state_subspaces", "subspace_similarity"),
    "measurements.tangent_statistics": (
        "component_histogram",
        "component_statistics",
        "statistics_table",
        "tangent_covariance",
    ),
    "measurements.topology": ("Control", "Topology", "betti_numbers", "loop_deaths", "loop_radii"),
    "measurements.two_items": ("Thresholds", "TwoItems", "two_items"),
    "measurements.update_alignment": (
        "alignment_table",
        "chance_alignment",
        "update_directions",
        "update_spectrum",
    ),
    "riemannian.arc_length": ("arc_length_mesh",),
    "riemannian.connection": (
        "DegenerateMetricError",
        "christoffel_symbols",
        "christoffel_symbols_of_the_first_kind",
        "rank_ratio",
    ),
    "riemannian.curvature": (
        "CoarseGridError",
        "GridCurvature",
        "curvature_from_grid",
        "gaussian_curvature",
        "mean_curvature_vector",
        "scalar_curvature",
        "second_fundamental_form",
        "sectional_curvature",
    ),
    "riemannian.distances": (
        "ConvergenceError",
        "GeodesicPaths",
        "geodesic_distance",
        "geodesics_between",
        "wrapped",
    ),
    "riemannian.geodesics": ("Geodesics", "geodesics_from"),
    "riemannian.gridlines": ("Gridlines", "geodesic_gridlines"),
    "riemannian.metric": (
        "Metric",
        "Spectrum",
        "average_metric",
        "metric_stream",
        "pullback_metric",
    ),
}
"""Public names by module. They load when used: a job then reaches the modules that it uses, and no others."""
_MODULE_OF = {name: module for module, names in _NAMES_OF.items() for name in names}
_RENAMED = {"Family": "InputManifold", "Moment": "TimeStep", "state_slice": "state_map"}


def __getattr__(name: str) -> Any:
    """Load a name, or forward a former name with a DeprecationWarning."""
    if name in _MODULE_OF:
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    if name in _RENAMED:
        message = f"{__name__}.{name} is now {_RENAMED[name]}: use that name"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return __getattr__(_RENAMED[name])
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
