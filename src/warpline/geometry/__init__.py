"""The Riemannian geometry of network computation: how a network warps the manifold of its inputs."""

from __future__ import annotations

from warpline.geometry.dynamics import Dynamics, dynamics_of
from warpline.geometry.families import Coordinate, Family

__all__ = ["Coordinate", "Dynamics", "Family", "dynamics_of"]
