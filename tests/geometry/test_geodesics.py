import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.geometry import Coordinate, DegenerateMetricError, geodesics_from, immersion_of

SEEDS = st.integers(0, 2**31)


def tensor(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def states(immersion, kappa):
    return immersion(kappa.flatten(0, 1)).value.unflatten(0, kappa.shape[:2])


def lifted(immersion, kappa, vectors):
    return torch.einsum("pi,piu->pu", vectors, immersion(kappa).first)


@pytest.mark.slow
def test_great_circles(surfaces):
    radius, points = 2.0, 60
    sphere = surfaces.sphere(radius)
    start = tensor([1.0, 0.0], [2.0, 3.0], [math.pi / 2, 0.0])
    direction = tensor([1.0, 1.0], [-0.2, 0.5], [0.0, -3.0])
    length = torch.tensor([11.0, 4.0, 14.0]).double()
    found = geodesics_from(sphere, start, direction, length, points=points)
    assert found.status == ("reached",) * 3 and torch.equal(found.length, length)
    assert found.kappa.shape == found.velocity.shape == (3, points, 2)
    first = sphere(start).value[:, None]
    unit = torch.nn.functional.normalize(lifted(sphere, start, direction), dim=1)[:, None]
    angle = torch.linspace(0, 1, points).double()[:, None] * (length / radius)[:, None, None]
    expected = first * angle.cos() + radius * unit * angle.sin()
    assert (states(sphere, found.kappa) - expected).abs().max() < 1e-6
    assert found.speed_error.max() < 1e-7
    # Around the equator a closed curve counts its turns.
    assert found.place[2, 1] == pytest.approx(-7.0, abs=1e-6)


def test_a_circle_is_gone_round_at_unit_speed(surfaces):
    found = geodesics_from(surfaces.circle(2.0), tensor([0.5]), tensor([-7.0]), 9.0, points=10)
    expected = 0.5 - torch.linspace(0, 4.5, 10).double()
    assert torch.allclose(found.kappa[0, :, 0], expected, atol=1e-9)
    kappa, velocity = found.at(0, tensor(0.0, 4.5, 9.0))
    assert torch.allclose(kappa[:, 0], tensor(0.5, -1.75, -4.0))
    assert torch.allclose(velocity[:, 0], tensor(-0.5))
    for beyond in (-0.1, 9.1, math.nan):
        with pytest.raises(ValueError, match="arc lengths from 0 to 9, the length of curve 0"):
            found.at(0, tensor(1.0, beyond))


@pytest.mark.slow
def test_clairaut_on_a_torus_and_a_catenoid(surfaces):
    """Distance from the axis times the cosine to the parallel is kept along a geodesic."""
    for surface, distance in (
        (surfaces.torus(), lambda u: 2 + u.cos()),
        (surfaces.catenoid(), lambda u: u.cosh()),
    ):
        found = geodesics_from(
            surface, tensor([0.5, 0.0], [-1.0, 1.0]), tensor([1.0, 0.4], [0.1, -1.0]), 6.0
        )
        ring = distance(found.kappa[..., 0])
        momentum = ring**2 * found.velocity[..., 1]
        assert (momentum - momentum[:, :1]).abs().max() < 1e-6
        assert ring.std() > 0.05


@pytest.mark.slow
def test_geodesics_of_a_cone_are_straight_when_it_is_unrolled(surfaces):
    slope = 0.75
    steep = math.hypot(1, slope)
    found = geodesics_from(
        surfaces.cone(slope), tensor([1.0, 0.2], [2.0, 0.0]), tensor([-0.3, 1.0], [0.5, -1.0]), 50.0
    )
    assert found.status == ("left the domain",) * 2
    u, phi = found.kappa.unbind(2)
    flat = torch.polar(u * steep, phi / steep)
    straight = flat[:, :1] + torch.linspace(0, 1, 101).double() * (flat[:, -1:] - flat[:, :1])
    assert (flat - straight).abs().max() < 1e-6
    assert torch.allclose((flat[:, -1] - flat[:, 0]).abs(), found.length, atol=1e-6)
    assert torch.allclose(found.place[:, 0], torch.tensor(3.0).double(), atol=1e-8)


@pytest.mark.slow
def test_curves_end_at_the_edge_and_are_not_evaluated_past_it():
    seen = []

    def root(kappa):
        seen.append(float(kappa.detach().max()))
        return torch.cat([(2 - kappa).sqrt(), kappa.square()], dim=1)

    immersion = immersion_of(root, (Coordinate("x", 0, 1.9),))
    found = geodesics_from(immersion, tensor([1.0], [1.9]), tensor([1.0], [1.0]), 50.0)
    x = torch.linspace(1, 1.9, 20001).double()
    curve = torch.stack([(2 - x).sqrt(), x**2], 1)
    assert found.status == ("left the domain",) * 2
    assert float(found.length[0]) == pytest.approx(
        float(curve.diff(dim=0).norm(dim=1).sum()), rel=1e-6
    )
    assert found.length[1] < 1e-9 and torch.isfinite(found.kappa).all()
    assert max(seen) <= 1.9


@pytest.mark.slow
def test_a_meridian_stops_at_the_pole(surfaces):
    found = geodesics_from(
        surfaces.sphere(2.0), tensor([1.0, 0.3], [2.0, 0.1]), tensor([-1.0, 0.0], [1.0, 0.0]), 50.0
    )
    assert found.status == ("degenerate",) * 2
    assert torch.allclose(found.length, tensor([2.0, 2 * (math.pi - 2)])[0], atol=1e-5)
    assert torch.allclose(found.place, tensor([0.0, 0.3], [math.pi, 0.1]), atol=1e-5)
    assert found.rank_ratio.max() < 2e-6 and torch.isfinite(found.kappa).all()


@pytest.mark.slow
def test_a_pole_inside_the_domain_is_not_jumped_over():
    """A step of the integrator goes over it: on a plane in polar coordinates nothing else shows."""
    radius = Coordinate("r", -1, 1)
    angle = Coordinate("phi", -math.pi, math.pi, periodic=True)
    plane = immersion_of(
        lambda k: k[:, :1] * torch.stack([k[:, 1].cos(), k[:, 1].sin()], 1), (radius, angle)
    )
    found = geodesics_from(plane, tensor([0.7, 0.1]), tensor([-1.0, 0.0]), 5.0)
    assert found.status == ("degenerate",)
    assert float(found.length) == pytest.approx(0.7, abs=1e-5)
    beside = geodesics_from(plane, tensor([0.7, 0.1]), tensor([-1.0, 0.1]), 1.4)
    assert beside.status == ("reached",)


@pytest.mark.slow
def test_a_fold_is_where_the_speed_in_coordinates_diverges():
    fold = immersion_of(lambda k: torch.cat([k**2, -2 * k**2], 1), (Coordinate("x", -1, 2),))
    found = geodesics_from(fold, tensor([1.0], [1.0]), tensor([-1.0], [1.0]), 50.0, tolerance=1e-5)
    assert found.status == ("degenerate", "left the domain")
    assert float(found.length[0]) == pytest.approx(5**0.5, rel=1e-4)
    assert abs(float(found.place[0])) < 1e-5 and torch.isfinite(found.velocity).all()


def test_a_start_without_rank_is_an_error(surfaces):
    with pytest.raises(DegenerateMetricError, match="theta = 0, phi = 1"):
        geodesics_from(surfaces.sphere(), tensor([0.0, 1.0]), tensor([1.0, 0.0]), 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": tensor([4.0, 0.0])}, "theta in"),
        ({"direction": tensor([0.0, 0.0])}, "finite length"),
        ({"direction": tensor([0.0])}, r"shape \(1, 2\)"),
        ({"length": math.inf}, "finite and positive"),
        ({"points": 1}, "at least 2 points"),
    ],
)
def test_bad_starts_are_refused(surfaces, change, message):
    arguments = {"start": tensor([1.0, 0.0]), "direction": tensor([1.0, 0.0]), "length": 1.0}
    with pytest.raises(ValueError, match=message):
        geodesics_from(surfaces.sphere(), **(arguments | change))


def test_too_few_steps_are_said(surfaces):
    found = geodesics_from(
        surfaces.torus(), tensor([0.0, 0.0]), tensor([1.0, 1.0]), 20.0, max_steps=3
    )
    assert found.status == ("unresolved",) and 0 < found.length < 20


@pytest.mark.slow
@settings(deadline=None, max_examples=4)
@given(seed=SEEDS)
def test_geodesics_do_not_depend_on_coordinates_or_companions(network_slice, seed):
    function, immersion = network_slice
    generator = torch.Generator().manual_seed(seed)
    mix = torch.eye(2).double() + 0.3 * torch.rand(2, 2, generator=generator).double()
    units = torch.tensor([1e-3, 20.0]).double()

    def old(new):
        straight = (new / units) @ mix
        return straight + 0.05 * straight.flip(1) ** 2

    wide = (Coordinate("a", -1e-3, 1e-3), Coordinate("b", -20, 20))
    bent = immersion_of(lambda k: function(old(k)), wide)
    start = 0.3 * units * torch.rand(3, 2, generator=generator, dtype=torch.float64)
    direction = units * torch.randn(3, 2, generator=generator, dtype=torch.float64)
    jacobian = torch.func.vmap(torch.func.jacfwd(lambda k: old(k[None])[0]))(start)
    here = geodesics_from(bent, start, direction, 0.2, points=5)
    there = geodesics_from(
        immersion, old(start), (jacobian @ direction[:, :, None])[:, :, 0], 0.2, points=5
    )
    kept = torch.tensor(
        [a == b == "reached" for a, b in zip(here.status, there.status, strict=True)]
    )
    gap = function(old(here.kappa[kept].flatten(0, 1))) - function(there.kappa[kept].flatten(0, 1))
    assert not gap.numel() or gap.abs().max() < 1e-6
    alone = geodesics_from(bent, start[1:2], direction[1:2], 0.2, points=5)
    assert torch.allclose(alone.kappa[0] / units, here.kappa[1] / units, atol=1e-9)
