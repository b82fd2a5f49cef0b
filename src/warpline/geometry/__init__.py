"""The Riemannian geometry of network computation: how a network warps the manifold of its inputs."""

from __future__ import annotations

from warpline.geometry.dynamics import Dynamics, dynamics_of
from warpline.geometry.families import Coordinate, Family
from warpline.geometry.immersion import Immersion, Jet, immersion_of

__all__ = ["Coordinate", "Dynamics", "Family", "Immersion", "Jet", "dynamics_of", "immersion_of"]
