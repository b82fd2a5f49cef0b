"""Functions that change their arguments in place are refused: their derivatives would be those of another map."""

from dataclasses import replace

import pytest
import torch

from warpline.geometry import (
    Coordinate,
    Dynamics,
    InputManifold,
    find_fixed_points,
    gaussian_curvature,
    immersion_of,
    tangents,
)

COORDINATES = (Coordinate("a", -1, 1), Coordinate("b", -1, 1))
WEIGHTS = torch.tensor([[0.5, 0.2], [-0.1, 0.4]], dtype=torch.float64)
INPUTS = InputManifold(COORDINATES, lambda kappa, step: 0.9 * kappa, 5)


def start(n_points):
    return torch.ones(n_points, 2, dtype=torch.float64)


PURE = Dynamics(
    lambda x, u: torch.tanh(x @ WEIGHTS + u), start, readout=lambda x: x.sum(-1)[:, None]
)


def step_in_place(x, u):
    x += 0.1 * (torch.tanh(x @ WEIGHTS + u) - x)
    return x


def doubled_in_place(x):
    x *= 2
    return x


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"step": step_in_place}, "step"),
        ({"observe": doubled_in_place}, "observe"),
        ({"readout": doubled_in_place}, "readout"),
    ],
)
def test_dynamics_that_change_a_state_in_place_are_refused(changed, name):
    dynamics = replace(PURE, **changed)
    points = INPUTS.grid(2, 2)
    with pytest.raises(ValueError, match=f"expected {name} to leave its arguments as they are"):
        tangents(dynamics, INPUTS, points, at=[5])
    starts = start(3)
    with pytest.raises(ValueError, match=f"expected {name} to leave its arguments as they are"):
        find_fixed_points(dynamics, points[:1], starts)
    assert torch.equal(starts, start(3))
    assert torch.isfinite(tangents(PURE, INPUTS, points, at=[5]).states).all()


def test_inputs_and_immersions_that_change_points_in_place_are_refused():
    points = INPUTS.grid(2, 2)
    before = points.clone()
    manifold = InputManifold(COORDINATES, lambda kappa, step: doubled_in_place(kappa), 5)
    with pytest.raises(ValueError, match="expected inputs to leave its arguments as they are"):
        tangents(PURE, manifold, points, at=[5])

    def sheet(kappa):
        kappa *= 2
        return torch.stack([kappa[:, 0], kappa[:, 1], kappa[:, 0] * kappa[:, 1]], dim=1)

    with pytest.raises(ValueError, match="expected the function of points to leave its arguments"):
        gaussian_curvature(immersion_of(sheet, COORDINATES), points)
    assert torch.equal(points, before)


@pytest.mark.parametrize("name", ["observe", "readout"])
def test_maps_that_mix_points_are_refused(name):
    """The metric at a point would depend on the grid around it."""
    dynamics = replace(PURE, **{name: lambda x: x - x.mean(dim=0)})
    with pytest.raises(TypeError, match=f"expected {name} to take each point by itself"):
        tangents(dynamics, INPUTS, INPUTS.grid(3, 3), at=[5])


def rectified_first(x, u):
    return torch.tanh(torch.relu_(x) @ WEIGHTS + u)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"step": rectified_first}, "step"),
        ({"observe": torch.nn.ReLU(inplace=True)}, "observe"),
        ({"readout": torch.nn.ReLU(inplace=True)}, "readout"),
    ],
)
def test_a_rectifier_in_place_is_refused_from_states_of_0(changed, name):
    """The first states do not change; later ones, of both signs, do."""
    dynamics = replace(PURE, initial=lambda n: torch.zeros(n, 2).double(), **changed)
    with pytest.raises(ValueError, match=f"expected {name} to leave its arguments as they are"):
        tangents(dynamics, INPUTS, INPUTS.grid(3, 3), at=[5])
