"""The Riemannian geometry of network computation: how a network warps the manifold of its inputs."""

from __future__ import annotations

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

__all__ = [
    "Coordinate",
    "Dynamics",
    "Family",
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
