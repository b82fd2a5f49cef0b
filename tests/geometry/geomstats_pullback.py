"""What geomstats finds on the test's surface, as JSON; run with GEOMSTATS_BACKEND=pytorch.

A process of its own, as geomstats takes its backend from the environment when it is first imported.
"""

import json
import sys

import geomstats.backend as gs
import torch
from geomstats.geometry.base import ImmersedSet
from geomstats.geometry.euclidean import Euclidean
from geomstats.geometry.pullback_metric import PullbackMetric
from geomstats.numerics.geodesic import ExpODESolver
from geomstats.numerics.ivp import ScipySolveIVP


class Surface(ImmersedSet):
    def __init__(self):
        super().__init__(dim=2, equip=False)
        self.equip_with_metric(PullbackMetric)

    def _define_embedding_space(self):
        return Euclidean(dim=4)

    def immersion(self, point):
        u, v = point[..., 0], point[..., 1]
        ring = 2 + gs.cos(u) + 0.2 * gs.sin(2 * v)
        bent = [ring * gs.cos(v), ring * gs.sin(v), gs.sin(u), 0.5 * gs.cos(u - v)]
        return gs.stack(bent, axis=-1)

    def projection(self, point):
        raise NotImplementedError


def main():
    torch.set_default_dtype(torch.float64)
    asked = json.load(sys.stdin)
    points, vectors = gs.array(asked["points"]), gs.array(asked["vectors"])
    surface = Surface()
    metric = surface.metric
    metric.exp_solver = ExpODESolver(surface, integrator=ScipySolveIVP(rtol=1e-10, atol=1e-10))
    found = {
        "metric": metric.metric_matrix(points),
        "christoffels": metric.christoffels(points),
        "mean_curvature": metric.mean_curvature_vector(points),
        "exp": gs.stack([metric.exp(v, p) for v, p in zip(vectors, points, strict=True)]),
    }
    print(json.dumps({name: value.tolist() for name, value in found.items()}))


if __name__ == "__main__":
    main()
