"""Surfaces with closed forms, as immersions."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from warpline.geometry import Coordinate, immersion_of

ANGLE = Coordinate("phi", -math.pi, math.pi, periodic=True)


def circle(radius=2.0):
    def states(kappa):
        return radius * torch.cat([kappa.cos(), kappa.sin()], dim=1)

    return immersion_of(states, (ANGLE,))


def sphere(radius=2.0):
    def states(kappa):
        theta, phi = kappa.T
        x, y = theta.sin() * phi.cos(), theta.sin() * phi.sin()
        return radius * torch.stack([x, y, theta.cos()], dim=1)

    return immersion_of(states, (Coordinate("theta", 0, math.pi), ANGLE))


def three_sphere(radius=2.0):
    def states(kappa):
        a, b, c = kappa.T
        return radius * torch.stack(
            [a.cos(), a.sin() * b.cos(), a.sin() * b.sin() * c.cos(), a.sin() * b.sin() * c.sin()],
            1,
        )

    polar = [Coordinate(name, 0, math.pi) for name in ("chi", "theta")]
    return immersion_of(states, (*polar, ANGLE))


def revolved(profile, coordinate):
    """A surface of revolution: profile(u) gives the distance from the axis and the height."""

    def states(kappa):
        u, phi = kappa.T
        distance, height = profile(u)
        return torch.stack([distance * phi.cos(), distance * phi.sin(), height], dim=1)

    return immersion_of(states, (coordinate, ANGLE))


def torus(large=2.0, small=1.0):
    tube = Coordinate("u", -math.pi, math.pi, periodic=True)
    return revolved(lambda u: (large + small * u.cos(), small * u.sin()), tube)


def cone(slope=1.0):
    return revolved(lambda u: (u, slope * u), Coordinate("u", 0.2, 3))


def catenoid():
    return revolved(lambda u: (u.cosh(), u), Coordinate("u", -1.5, 1.5))


def graph(function, half=1.0):
    """The graph of a function of x and y, a polynomial say."""
    square = (Coordinate("x", -half, half), Coordinate("y", -half, half))
    return immersion_of(
        lambda kappa: torch.cat([kappa, function(*kappa.T)[:, None]], dim=1), square
    )


@pytest.fixture(scope="session")
def drawn():
    """Random points between two corners, (count, coordinate)."""

    def draw(count, low, high, seed=0):
        generator = torch.Generator().manual_seed(seed)
        low, high = (torch.as_tensor(x, dtype=torch.float64) for x in (low, high))
        return low + (high - low) * torch.rand(
            count, len(low), generator=generator, dtype=low.dtype
        )

    return draw


@pytest.fixture(scope="session")
def surfaces():
    return SimpleNamespace(
        circle=circle,
        sphere=sphere,
        three_sphere=three_sphere,
        revolved=revolved,
        torus=torus,
        cone=cone,
        catenoid=catenoid,
        graph=graph,
    )


@pytest.fixture(scope="session")
def network_slice():
    """The states of a random network after 12 steps, as a function of two constant inputs."""
    from warpline.geometry import dynamics_of
    from warpline.models.base import build_model

    settings = {
        "model": "leaky_rnn", "units": 16, "activation": "tanh", "init": "gaussian", "gain": 1.1,
        "tau": 100, "noise": 0.0,
    }  # fmt: skip
    dynamics = dynamics_of(build_model(settings, n_inputs=3, n_outputs=2, dt=20, seed=3))

    def states(kappa):
        inputs = torch.cat([kappa, torch.ones_like(kappa[:, :1])], dim=1)
        state = dynamics.initial(len(kappa))
        for _ in range(12):
            state = dynamics.step(state, inputs)
        return state

    square = (Coordinate("first", -1, 1), Coordinate("second", -1, 1))
    return states, immersion_of(states, square)
