"""The same surface in geomstats (Miolane et al. 2020): PullbackMetric, by another route.

Its scalar curvature is left out: with the pytorch backend, geomstats 2.8.0 gives 0 on a round torus. Ours is
held to closed forms, and to symbolic derivatives of the metric, in test_curvature.
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from warpline.geometry import (
    Coordinate,
    christoffel_symbols,
    geodesic_distance,
    geodesics_from,
    immersion_of,
    mean_curvature_vector,
)

POINTS = [[0.3, 0.5], [1.0, 2.0], [-2.0, 0.1], [0.0, -1.3]]
VECTORS = [[0.5, 0.2], [-0.3, 0.4], [0.6, 0.1], [0.0, 0.3]]


@pytest.fixture(scope="module")
def geomstats():
    pytest.importorskip("geomstats", reason="geomstats is a package of the dev extra")
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("geomstats_pullback.py")],
        input=json.dumps({"points": POINTS, "vectors": VECTORS}),
        env={**os.environ, "GEOMSTATS_BACKEND": "pytorch"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in found.items()}


@pytest.fixture(scope="module")
def surface():
    def states(kappa):
        u, v = kappa.T
        ring = 2 + u.cos() + 0.2 * (2 * v).sin()
        return torch.stack([ring * v.cos(), ring * v.sin(), u.sin(), 0.5 * (u - v).cos()], dim=1)

    turn = [Coordinate(name, -math.pi, math.pi, periodic=True) for name in "uv"]
    return immersion_of(states, tuple(turn))


@pytest.mark.slow
def test_metric_connection_and_mean_curvature_agree(geomstats, surface):
    kappa = torch.tensor(POINTS, dtype=torch.float64)
    jet = surface(kappa, order=2)
    assert torch.allclose(jet.metric, geomstats["metric"], rtol=1e-12, atol=1e-12)
    symbols = christoffel_symbols(kappa, jet, surface.coordinates)
    assert torch.allclose(symbols, geomstats["christoffels"], rtol=1e-10, atol=1e-12)
    # The trace itself is theirs (2.8.0): their docstring divides by the dimension, as we do.
    bend = 2 * mean_curvature_vector(surface, kappa)
    assert torch.allclose(bend, geomstats["mean_curvature"], rtol=1e-10, atol=1e-12)


@pytest.mark.slow
def test_geodesics_agree(geomstats, surface):
    kappa, vectors = (torch.tensor(x, dtype=torch.float64) for x in (POINTS, VECTORS))
    speed = torch.einsum("pi,piu->pu", vectors, surface(kappa).first).norm(dim=1)
    found = geodesics_from(surface, kappa, vectors, speed, tolerance=1e-10)
    assert torch.allclose(found.place, geomstats["exp"], atol=1e-7)
    assert torch.allclose(geodesic_distance(surface, kappa, found.place), speed, rtol=1e-5)
