import math

import pytest
import torch

from warpline.geometry import Coordinate, Dynamics, InputManifold, dynamics_of


def line_and_circle():
    def inputs(kappa, step):
        return torch.stack([kappa[:, 0] * step, kappa[:, 1].cos(), kappa[:, 1].sin()], dim=1)

    return InputManifold(
        (Coordinate("strength", -1, 2), Coordinate("angle", -math.pi, math.pi, periodic=True)),
        inputs,
        n_steps=4,
    )


def test_a_grid_holds_the_ends_of_a_line_and_a_circle_once():
    grid = line_and_circle().grid(3, 4)
    assert grid.shape == (12, 2) and grid.dtype == torch.float64
    assert sorted(set(grid[:, 0].tolist())) == [-1, 0.5, 2]
    angles = sorted(set(grid[:, 1].tolist()))
    assert angles == pytest.approx([-math.pi, -math.pi / 2, 0, math.pi / 2])


def test_the_last_input_is_held():
    manifold = line_and_circle()
    kappa = manifold.grid(2, 2)
    assert manifold.sequence(kappa).shape == (4, 4, 3)
    assert torch.equal(manifold(kappa, 3), manifold(kappa, 10))


def test_a_sequence_cut_short_holds_the_input_before_the_cut():
    manifold = line_and_circle()
    kappa = manifold.grid(2, 2)
    short = manifold.until(2)
    assert torch.equal(short(kappa, 0), manifold(kappa, 0))
    assert torch.equal(short(kappa, 3), manifold(kappa, 1))
    for time_step in (0, 5):
        with pytest.raises(ValueError, match="from 1 to 4"):
            manifold.until(time_step)


@pytest.mark.parametrize(
    ("kappa", "message"),
    [
        (torch.zeros(3), "shape"),
        (torch.zeros(3, 1), "shape"),
        (torch.tensor([[0.0, math.nan]]), "finite"),
        (torch.tensor([[2.5, 0.0]]), r"strength in \[-1, 2\], got values from 2.5 to 2.5"),
    ],
)
def test_points_outside_the_manifold_are_refused(kappa, message):
    with pytest.raises(ValueError, match=message):
        line_and_circle().check(kappa)


def test_an_angle_may_lie_anywhere_until_its_circle_is_cut():
    manifold = line_and_circle()
    kappa = torch.tensor([[0.0, 7.0]])
    manifold.check(kappa)
    cut = manifold.restricted({"angle": (-3, 3)})
    with pytest.raises(ValueError, match="angle"):
        cut.check(kappa)
    with pytest.raises(ValueError, match="among strength, angle"):
        manifold.restricted({"angel": (0, 1)})


def test_frozen_noise_is_the_same_for_all_points():
    manifold = line_and_circle()
    kappa = manifold.grid(3, 2)
    noise = torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    shift = manifold.with_noise(noise).sequence(kappa) - manifold.sequence(kappa)
    assert torch.allclose(shift, noise.expand_as(shift))
    with pytest.raises(ValueError, match="4 steps"):
        manifold.with_noise(noise[:3])


def test_a_model_that_cannot_be_stepped_is_refused():
    with pytest.raises(TypeError, match=r"LSTM has no initial_state, step.*Dynamics by hand"):
        dynamics_of(torch.nn.LSTM(2, 3))


def test_a_domain_has_a_length():
    with pytest.raises(ValueError, match="low < high"):
        Coordinate("x", 1, 1)


def test_dynamics_by_hand_need_a_step_and_a_start():
    dynamics = Dynamics(step=lambda x, u: x + u, initial=lambda n: torch.zeros(n, 2))
    assert torch.equal(dynamics.observe(torch.ones(1, 2)), torch.ones(1, 2))


@pytest.mark.parametrize("pieces", [(5,), (0, 3, 2), (0, 3, 3), (-1, 2), (0, 1.5), ("0",)])
def test_pieces_cover_all_steps(pieces):
    """Steps before the first piece had the input of step 0, and so had a piece out of order."""
    coordinates = (Coordinate("a", 0.0, 1.0),)
    with pytest.raises(ValueError, match="pieces that begin with step 0 and rise"):
        InputManifold(coordinates, lambda kappa, step: kappa * step, n_steps=8, pieces=pieces)
