import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.geometry import (
    ConvergenceError,
    Coordinate,
    DegenerateMetricError,
    geodesic_distance,
    geodesics_between,
    geodesics_from,
    immersion_of,
    wrapped,
)

SEEDS = st.integers(0, 2**31)


def ridge(width):
    """A plane with a ridge of height 0.5, and its arc length across it from x = -0.9 to some x."""
    coordinates = (Coordinate("x", -1.0, 1.0), Coordinate("y", -1.0, 1.0))

    def states(kappa):
        x, y = kappa.unbind(1)
        return torch.stack([x, y, 0.5 * torch.exp(-(((x - 0.03) / width) ** 2) / 2)], dim=1)

    def arc_length(x):
        along = torch.linspace(-0.9, x, 400001, dtype=torch.float64)
        points = states(torch.stack([along, torch.zeros_like(along)], dim=1))
        return float(points.diff(dim=0).norm(dim=1).sum())

    return immersion_of(states, coordinates), arc_length


def test_a_period_after_which_the_states_are_others_is_refused():
    coordinates = (Coordinate("a", -1.0, 1.0, periodic=True), Coordinate("b", -1.0, 1.0))
    plane = immersion_of(lambda kappa: torch.cat([kappa, kappa[:, :1]], dim=1), coordinates)
    start, end = torch.tensor([[-0.5, 0.0], [0.8, 0.3]], dtype=torch.float64).split(1)
    for call in (
        lambda: geodesics_between(plane, start, end),
        lambda: geodesics_from(plane, start, torch.tensor([[1.0, 0.0]]), 1.0),
    ):
        with pytest.raises(
            ValueError, match=r"the same states after a period of a, 2, got states 2\.83"
        ):
            call()


ACROSS = torch.tensor([[-0.9, 0.1], [0.9, 0.1]], dtype=torch.float64).split(1)


@pytest.mark.parametrize("width", [0.05, pytest.param(0.005, marks=pytest.mark.slow)])
def test_a_ridge_is_not_stepped_over(width):
    """Where the rest is flat, the error of a step says nothing of it."""
    surface, arc_length = ridge(width)
    shot = geodesics_from(surface, ACROSS[0], torch.tensor([[1.0, 0.0]]), 1.2)
    assert shot.status == ("reached",)
    assert arc_length(float(shot.place[0, 0])) == pytest.approx(1.2, rel=1e-5)


@pytest.mark.parametrize("width", [0.005, 0.01, 0.02, 0.05, 0.2])
def test_a_path_is_as_short_as_it_seems_on_the_finest_polygon(width):
    surface, arc_length = ridge(width)
    paths = geodesics_between(surface, *ACROSS)
    if paths.status == ("reached",):
        assert float(paths.length[0]) == pytest.approx(arc_length(0.9), rel=1e-5)
    else:
        assert paths.status == ("unresolved",)


def test_distances_on_a_sphere(drawn, surfaces):
    radius = 2.0
    sphere = surfaces.sphere(radius)
    start, end = (drawn(15, [0.4, -3], [2.7, 3], seed) for seed in (1, 2))
    a, b = sphere(start).value, sphere(end).value
    exact = 2 * radius * torch.atan2((a - b).norm(dim=1), (a + b).norm(dim=1))
    paths = geodesics_between(sphere, start, end)
    assert set(paths.status) == {"reached"}
    assert torch.allclose(paths.length, exact, rtol=1e-6)
    assert ((paths.length - exact).abs() <= paths.length_error + 1e-12).all()
    assert paths.energy_defect.max() < 1e-6 and paths.remaining.max() < 1e-3
    assert torch.allclose(paths.kappa[:, 0], start)
    assert torch.allclose(
        wrapped(paths.kappa[:, -1], sphere.coordinates), wrapped(end, sphere.coordinates)
    )
    # A great circle lies in a plane through the centre.
    nodes = sphere(paths.kappa.flatten(0, 1)).value.unflatten(0, paths.kappa.shape[:2])
    normal = torch.linalg.cross(a, b)
    assert (nodes @ torch.nn.functional.normalize(normal, dim=1)[:, :, None]).abs().max() < 1e-3


def test_the_shorter_way_round_is_taken(surfaces):
    circle = surfaces.circle(2.0)
    start, end = torch.tensor([[3.0], [0.0]]).double(), torch.tensor([[-3.0], [2.5]]).double()
    expected = torch.tensor([2 * (2 * math.pi - 6), 5.0]).double()
    assert torch.allclose(geodesic_distance(circle, start, end), expected, rtol=1e-6)
    # Shorter in kappa is not shorter on the manifold, where the states hardly move over half the angle.

    def uneven(kappa):
        angle = kappa + 0.95 * kappa.sin()
        return torch.cat([angle.cos(), angle.sin()], dim=1)

    slow = immersion_of(uneven, circle.coordinates)
    a, b = torch.tensor([[-1.7]]).double(), torch.tensor([[1.3]]).double()
    long_way = 2 * math.pi - float((b - a + 0.95 * (b.sin() - a.sin())).squeeze())
    assert 2 * math.pi - 3.0 > 3.0 and long_way < math.pi
    assert float(geodesic_distance(slow, a, b)) == pytest.approx(long_way, rel=1e-6)


@pytest.mark.parametrize(
    "turned",
    [[[1, 0], [2, 1]], [[1, 0], [-1, 1]], [[1, 1], [1, -1]], [[1, 0, 0], [0, 1, 0], [1, 1, 1]]],
    ids=["sheared", "sheared back", "sum and difference", "three angles"],
)
def test_turns_about_one_coordinate_may_undo_those_about_another(turned, drawn):
    """On a flat torus of angles `turned @ kappa` distances are known, whatever its coordinates."""
    turned = torch.tensor(turned).double()
    n = turned.shape[1]
    torus = immersion_of(
        lambda kappa: torch.cat([(kappa @ turned.T).cos(), (kappa @ turned.T).sin()], dim=1),
        tuple(Coordinate(f"k{i}", -math.pi, math.pi, periodic=True) for i in range(n)),
    )
    start, end = (drawn(40, [-3.1] * n, [3.1] * n, seed) for seed in (1, 2))
    # Some coordinates are equal, so that neither way about is the shorter.
    start[:10, 1], end[:10, 1] = 0.5, 0.5
    turns = torch.cartesian_prod(*[torch.arange(-3, 4).double()] * n)
    ways = (end - start + 2 * math.pi * turns[:, None]) @ turned.T
    paths = geodesics_between(torus, start, end)
    assert set(paths.status) == {"reached"}
    assert torch.allclose(paths.length, ways.norm(dim=2).min(0).values, rtol=1e-6)


def test_a_way_about_a_twisted_cylinder_may_undo_the_twist():
    cylinder = immersion_of(
        lambda k: torch.stack([(k[:, 1] + 5 * k[:, 0]).cos(), (k[:, 1] + 5 * k[:, 0]).sin(), k[:, 0]], 1),
        (Coordinate("height", 0, 1), Coordinate("angle", -math.pi, math.pi, periodic=True)),
    )  # fmt: skip
    bottom = torch.tensor([[0.0, 0.4]]).double()
    for angle in (-0.1, 0.0, 0.1):
        top = bottom + torch.tensor([[1.0, angle]])
        length = float(geodesic_distance(cylinder, bottom, top))
        assert length == pytest.approx(math.hypot(1, 2 * math.pi - 5 - angle), rel=1e-6)


@pytest.mark.slow
def test_distances_on_a_torus_agree_with_shooting(drawn, surfaces):
    torus = surfaces.torus()
    start = drawn(6, [-3, -3], [3, 3])
    shot = geodesics_from(torus, start, drawn(6, [-1, -1], [1, 1], seed=5), 1.2)
    length = geodesic_distance(torus, start, shot.place)
    assert torch.allclose(length, torch.tensor(1.2).double(), rtol=1e-5)
    assert torch.allclose(length, geodesic_distance(torus, shot.place, start), rtol=1e-10)
    whole_turn = torch.tensor([2 * math.pi, -2 * math.pi])
    assert torch.allclose(
        length, geodesic_distance(torus, start + whole_turn, shot.place), rtol=1e-6
    )


def test_a_point_is_no_distance_from_itself(surfaces):
    point = torch.tensor([[1.0, 2.0]]).double()
    for surface in (surfaces.torus(), surfaces.sphere()):
        paths = geodesics_between(surface, point, point)
        assert paths.length == 0 and paths.status == ("reached",)


@pytest.mark.slow
@settings(deadline=None, max_examples=4)
@given(seed=SEEDS, scale=st.floats(0.01, 100))
def test_distances_keep_to_isometries_scaling_and_new_coordinates(
    drawn, network_slice, seed, scale
):
    function, immersion = network_slice
    generator = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(20, 16, generator=generator, dtype=torch.float64))[0]

    def old(new):
        return torch.stack([new[:, 0] / 50, new[:, 1] + 0.2 * new[:, 1] ** 2], 1)

    moved = immersion_of(
        lambda k: scale * function(old(k)) @ turn.T + 3,
        (Coordinate("a", -50, 50), Coordinate("b", -1, 0.8)),
    )
    start, end = (drawn(3, [-40, -0.5], [40, 0.5], seed + k) for k in (0, 1))
    here = geodesics_between(moved, start, end)
    there = geodesics_between(immersion, old(start), old(end))
    assert torch.allclose(here.length, scale * there.length, rtol=1e-5)


def test_a_geodesic_outside_the_domain_is_said_and_no_distance(surfaces):
    """The straight line between two points of a strip of a cone runs past its narrow end."""
    cone = surfaces.cone(0.0)
    start, end = torch.tensor([[0.3, 0.0]]).double(), torch.tensor([[0.3, 2.5]]).double()
    paths = geodesics_between(cone, start, end)
    assert paths.status == ("left the domain",) and torch.isfinite(paths.kappa).all()
    assert paths.place[0, 0] < 0.2
    with pytest.raises(
        ConvergenceError, match=r"'left the domain' for pair 0 \(u = 0.3.* at u = 0.1"
    ):
        geodesic_distance(cone, start, end)


@pytest.mark.slow
def test_too_few_segments_are_said(surfaces):
    torus = surfaces.torus()
    start, end = torch.tensor([[0.0, 0.0]]).double(), torch.tensor([[2.0, 2.0]]).double()
    paths = geodesics_between(torus, start, end, tolerance=1e-12, most_segments=16)
    assert paths.status == ("unresolved",) and paths.length_error > 1e-12
    with pytest.raises(ValueError, match="at least 16 segments"):
        geodesics_between(torus, start, end, most_segments=8)


def test_ends_without_rank_or_outside_are_errors(surfaces):
    sphere = surfaces.sphere()
    pole, other = torch.tensor([[0.0, 0.0]]).double(), torch.tensor([[1.0, 0.0]]).double()
    with pytest.raises(DegenerateMetricError, match="theta = 0"):
        geodesic_distance(sphere, other, pole)
    with pytest.raises(ValueError, match="theta in"):
        geodesic_distance(sphere, other, other + 3)
    with pytest.raises(ValueError, match="as many ends"):
        geodesic_distance(sphere, other, torch.cat([other, other]))


def sharply_tuned(n_units, sharpness):
    """States of units with bell-shaped tuning along a ring, and their arc length from one point to another."""
    preferred = torch.linspace(0, 2 * torch.pi, n_units + 1).double()[:-1]

    def states(kappa):
        return torch.exp(sharpness * (torch.cos(kappa - preferred) - 1))

    def arc(start, end):
        fine = torch.linspace(start, end, 100_001).double()[:, None]
        return float(states(fine).diff(dim=0).norm(dim=1).sum())

    return immersion_of(states, (Coordinate("a", 0.0, 2 * torch.pi, periodic=True),)), arc


@pytest.mark.parametrize("n_units, sharpness", [(12, 10), (24, 20), (24, 30)])
def test_states_that_turn_by_more_than_a_right_angle_are_no_fold(n_units, sharpness):
    ring, arc = sharply_tuned(n_units, sharpness)
    start, end = torch.tensor([[0.1], [0.3]]).double(), torch.tensor([[2.6], [1.1]]).double()
    paths = geodesics_between(ring, start, end)
    assert paths.status == ("reached", "reached")
    expected = [arc(float(a), float(b)) for a, b in zip(start, end, strict=True)]
    np.testing.assert_allclose(paths.length.numpy(), expected, rtol=1e-5)


def test_a_corner_is_unresolved_and_not_degenerate():
    """The metric of (relu(x), relu(-x)) is 1 everywhere: its tangent vector turns by 90 degrees at 0."""
    corner = immersion_of(
        lambda k: torch.cat([torch.relu(k), torch.relu(-k)], 1), (Coordinate("x", -1, 1),)
    )
    paths = geodesics_between(
        corner, torch.tensor([[-0.5]]).double(), torch.tensor([[0.9]]).double()
    )
    assert paths.status == ("unresolved",)


def test_a_fold_on_the_way_is_degenerate():
    """The states turn back at x = 0: no path through it is a geodesic of full rank."""
    fold = immersion_of(lambda k: torch.cat([k**2, k**2], 1), (Coordinate("x", -1, 1),))
    paths = geodesics_between(fold, torch.tensor([[-0.5]]).double(), torch.tensor([[0.9]]).double())
    assert paths.status == ("degenerate",) and torch.isfinite(paths.kappa).all()
    assert abs(float(paths.place)) < 0.3
