"""The Riemannian geometry of network computation: how a network warps the manifold of its inputs."""

from __future__ import annotations

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
from warpline.geometry.distances import (
    ConvergenceError,
    GeodesicPaths,
    geodesic_distance,
    geodesics_between,
    wrapped,
)
from warpline.geometry.dynamics import Dynamics, dynamics_of
from warpline.geometry.families import Coordinate, Family
from warpline.geometry.geodesics import Geodesics, geodesics_from
from warpline.geometry.grid_curvature import CoarseGridError, GridCurvature, curvature_from_grid
from warpline.geometry.gridlines import Gridlines, geodesic_gridlines
from warpline.geometry.immersion import Immersion, Jet, immersion_of

__all__ = [
    "CoarseGridError",
    "ConvergenceError",
    "Coordinate",
    "DegenerateMetricError",
    "Dynamics",
    "Family",
    "GeodesicPaths",
    "Geodesics",
    "GridCurvature",
    "Gridlines",
    "Immersion",
    "Jet",
    "christoffel_symbols",
    "christoffel_symbols_of_the_first_kind",
    "curvature_from_grid",
    "dynamics_of",
    "gaussian_curvature",
    "geodesic_distance",
    "geodesic_gridlines",
    "geodesics_between",
    "geodesics_from",
    "immersion_of",
    "mean_curvature_vector",
    "rank_ratio",
    "scalar_curvature",
    "second_fundamental_form",
    "sectional_curvature",
    "wrapped",
]
