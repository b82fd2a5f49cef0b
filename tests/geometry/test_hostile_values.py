"""Numbers that no grid, tangent or setting has: the right answer, or one message with what was expected."""

import dataclasses
import functools
import math
import threading

import numpy as np
import pytest
import torch

import warpline.geometry as geometry
from warpline.geometry.derivatives.power_of_two import power_of_two

NAN, INF = math.nan, math.inf
ANGLE = geometry.Coordinate("phi", -math.pi, math.pi, periodic=True)


def sphere(kappa):
    theta, phi = kappa.T
    return 2 * torch.stack([theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()], dim=1)


def torus(kappa):
    tube, phi = kappa.T
    return torch.stack([(2 + tube.cos()) * phi.cos(), (2 + tube.cos()) * phi.sin(), tube.sin()], 1)


SPHERE = geometry.immersion_of(sphere, (geometry.Coordinate("theta", 0.0, math.pi), ANGLE))
TUBE = geometry.Coordinate("tube", -math.pi, math.pi, periodic=True)
TORUS = geometry.immersion_of(torus, (TUBE, ANGLE))
KAPPA = torch.tensor([[1.0, 0.5], [2.0, 0.3]], dtype=torch.float64)
DIRECTION = [[1.0, 0.0]]
ACROSS = [0.0, 1.0]
STEPS = (0.25, 0.3)
TANGENTS = np.random.default_rng(0).standard_normal((6, 2, 3, 40))
CLOUD = np.random.default_rng(1).standard_normal((30, 3))
FLAT = np.tile(np.eye(2), (9, 1, 1))


PLANE = (geometry.Coordinate("x", -1.0, 1.0), geometry.Coordinate("y", -1.0, 1.0))
MANIFOLD = geometry.InputManifold(PLANE, lambda kappa, step: kappa, n_steps=3)
TURN = torch.linalg.qr(torch.from_numpy(np.random.default_rng(2).standard_normal((4, 4))))[0]
NETWORK = geometry.Dynamics(
    lambda x, u: torch.tanh(x @ TURN + u @ TURN[:2]),
    lambda n: torch.zeros(n, 4, dtype=torch.float64),
)
POINTS = MANIFOLD.grid(3, 2)
ENCODED = geometry.tangents(NETWORK, MANIFOLD, POINTS)
READOUT = TURN[:2]


def of_inputs(inputs):
    """Tangents for other inputs of the manifold."""
    return geometry.tangents(NETWORK, geometry.InputManifold(PLANE, inputs, 3), POINTS)


def reported(items=(("x",), ("y",)), reports=(1, 3), readout=READOUT):
    return geometry.two_items(ENCODED, readout, items, reports, dimension=1)


def fixed_points(**options):
    return geometry.find_fixed_points(NETWORK, torch.zeros(1, 2), torch.ones(1, 4), **options)


def network(**changes):
    return geometry.find_fixed_points(
        dataclasses.replace(NETWORK, **changes), torch.zeros(1, 2), torch.ones(1, 4)
    )


def metric(rows=9, columns=9):
    """The metric of a sphere of radius 2 on a grid."""
    theta = torch.linspace(0.5, 2.5, rows, dtype=torch.float64)
    matrix = torch.zeros(rows, columns, 2, 2, dtype=torch.float64)
    matrix[..., 0, 0], matrix[..., 1, 1] = 4, 4 * theta.sin()[:, None] ** 2
    return matrix


def sectional(first, second=ACROSS):
    return geometry.sectional_curvature(SPHERE, KAPPA, first, second)


def follow(start=KAPPA[:1], direction=DIRECTION, length=1.0, **options):
    return geometry.geodesics_from(SPHERE, start, direction, length, **{"points": 3, **options})


def lines(origin=None, **options):
    return geometry.geodesic_gridlines(TORUS, origin, **{"count": 1, "points": 3, **options})


def betti(points=CLOUD, **options):
    return geometry.betti_numbers(points, **{"samples": 1, "nulls": 1, **options})


CURVATURE = {
    "half precision": KAPPA.half(),
    "bfloat16": torch.tensor([[1.0, 0.5]]).bfloat16(),
    "single precision": KAPPA.float(),
    "with gradients": KAPPA.clone().requires_grad_(),
    "whole numbers": torch.tensor([[1, 2]]),
    "not contiguous": torch.stack([KAPPA.T, KAPPA.T])[0].T,
    "one point again and again": KAPPA[[0, 0, 0]],
    "no point": KAPPA[:0],
}


@pytest.mark.parametrize("form", CURVATURE)
def test_curvature_of_any_numbers_is_that_of_the_sphere(form):
    curvature = geometry.gaussian_curvature(SPHERE, CURVATURE[form])
    assert curvature.shape == CURVATURE[form].shape[:1]
    np.testing.assert_allclose(curvature.detach(), 0.25, rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1.0, 1e200, 1e300])
def test_the_length_of_directions_does_not_matter(scale):
    torch.testing.assert_close(sectional([scale, 0.0], [0.0, 3 * scale]), sectional([1.0, 0.0]))


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e100, 1e150])
def test_curvature_at_any_unit_of_the_states(scale):
    scaled = geometry.immersion_of(lambda kappa: scale * sphere(kappa), SPHERE.coordinates)
    along = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    for curvature in (
        geometry.gaussian_curvature(scaled, KAPPA),
        geometry.scalar_curvature(scaled, KAPPA) / 2,
        geometry.sectional_curvature(scaled, KAPPA, *along),
    ):
        np.testing.assert_allclose(curvature * scale * scale, 0.25, rtol=1e-9)


def test_a_constant_step_has_its_fixed_point():
    ends = network(step=lambda x, u: torch.full_like(x, 0.5))
    torch.testing.assert_close(ends.states, torch.full((1, 4), 0.5, dtype=torch.float64))


def test_threads_do_not_disturb_each_other():
    """Torch shares the levels of its forward mode between threads."""
    curvatures = []
    threads = [
        threading.Thread(
            target=lambda: curvatures.extend(
                geometry.gaussian_curvature(SPHERE, KAPPA) for _ in range(5)
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(curvatures) == 20
    np.testing.assert_allclose(torch.stack(curvatures), 0.25, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-290, 1e-150, 1.0, 1e150, 1e290])
def test_scores_of_tangents_do_not_depend_on_their_scale(scale):
    reference = geometry.component_statistics(TANGENTS)
    scaled = geometry.component_statistics(scale * TANGENTS)
    for name in ("skew", "excess_kurtosis", "k2", "a2"):
        torch.testing.assert_close(getattr(scaled, name), getattr(reference, name))
    torch.testing.assert_close(scaled.deviation / scale, reference.deviation)
    torch.testing.assert_close(
        geometry.tangent_covariance(scale * TANGENTS).correlation,
        geometry.tangent_covariance(TANGENTS).correlation,
    )
    powers = power_of_two(torch.from_numpy(scale * TANGENTS))
    assert (np.frexp(powers.numpy())[0] == 0.5).all()
    assert (power_of_two(torch.zeros(2, 3)) == 1).all()


REFUSED = {
    "curvature, NaN": lambda: geometry.gaussian_curvature(SPHERE, [[NAN, 0.5]]),
    "curvature, infinity": lambda: geometry.gaussian_curvature(SPHERE, [[1.0, INF]]),
    "curvature, huge": lambda: geometry.gaussian_curvature(SPHERE, [[1e300, 1e300]]),
    "curvature, pole": lambda: geometry.gaussian_curvature(SPHERE, [[0.0, 0.0]]),
    "curvature, one number": lambda: geometry.gaussian_curvature(SPHERE, 1.0),
    "curvature, nothing": lambda: geometry.gaussian_curvature(SPHERE, None),
    "curvature, complex": lambda: geometry.gaussian_curvature(SPHERE, KAPPA + 1j),
    "plane, NaN": lambda: sectional([1.0, NAN]),
    "plane, zero": lambda: sectional([0.0, 0.0]),
    "plane, parallel": lambda: sectional([1.0, 0.0], [2.0, 0.0]),
    "plane, three coordinates": lambda: sectional([1.0, 0.0, 0.0]),
    **{
        f"grid, steps {steps}": lambda steps=steps: geometry.curvature_from_grid(metric(), steps)
        for steps in [(0, 1), (-0.25, 0.3), (NAN, 0.3), (INF, 0.3), (0.25,), 0.25, "ab"]
    },
    "grid, not symmetric": lambda: geometry.curvature_from_grid(
        metric() + torch.tensor([[0.0, 0.5], [0.0, 0.0]]), STEPS
    ),
    "grid, one point": lambda: geometry.curvature_from_grid(metric(1, 1), STEPS),
    "grid, no point": lambda: geometry.curvature_from_grid(metric(0, 9), STEPS),
    "grid, NaN": lambda: geometry.curvature_from_grid(metric() * NAN, STEPS),
    "grid, tolerance": lambda: geometry.curvature_from_grid(metric(), STEPS, tolerance=NAN),
    "grid, closed": lambda: geometry.curvature_from_grid(metric(), STEPS, periodic=(True,)),
    **{
        f"mesh, steps {steps}": lambda steps=steps: geometry.arc_length_mesh(metric(), steps)
        for steps in [(0, 0), (NAN, 1), (-1, 1), 0.25, (1, 1, 1)]
    },
    "mesh, no point": lambda: geometry.arc_length_mesh(metric(0, 3), STEPS),
    "mesh, negative": lambda: geometry.arc_length_mesh(-metric(), STEPS),
    "mesh, no grid": lambda: geometry.arc_length_mesh(np.eye(2), ()),
    **{
        f"loops, {axis}, {period}": lambda axis=axis, period=period: geometry.loop_radii(
            FLAT, (3, 3), axis, period
        )
        for axis, period in [(5, 6.0), (-1, 6.0), (0, 0.0), (0, NAN), (0, -6.0), (0, INF)]
    },
    "loops, no point": lambda: geometry.loop_radii(np.zeros((0, 2, 2)), (0, 0), 0, 6.0),
    "loops, negative": lambda: geometry.loop_radii(-FLAT, (3, 3), 0, 6.0),
    "holes, no unit": lambda: betti(np.zeros((30, 0))),
    "holes, huge": lambda: betti(1e300 * CLOUD),
    "holes, complex": lambda: betti(CLOUD + 1j),
    "holes, one state": lambda: betti(np.ones((30, 3))),
    "holes, margin": lambda: betti(margin=NAN),
    "holes, radius": lambda: betti(loop_radius=-1.0),
    "holes, death": lambda: betti(loop_death=-1.0),
    "deaths, no point": lambda: geometry.loop_deaths(np.zeros((0, 2)), (0, 0), 0),
    "deaths, shape": lambda: geometry.loop_deaths(np.zeros((9, 2)), (3, 4), 0),
    "deaths, axis": lambda: geometry.loop_deaths(np.zeros((9, 2)), (3, 3), 2),
    "deaths, nan": lambda: geometry.loop_deaths(np.full((9, 2), np.nan), (3, 3), 0),
    "geodesics, tolerance 0": lambda: follow(tolerance=0),
    "geodesics, tolerance NaN": lambda: follow(tolerance=NAN),
    "geodesics, no direction": lambda: follow(direction=[[0.0, 0.0]]),
    "geodesics, NaN": lambda: follow(direction=[[NAN, 1.0]]),
    "geodesics, length": lambda: follow(length=INF),
    "geodesics, one point": lambda: follow(points=1),
    "geodesics, bounds turned": lambda: follow(bounds=[[3.0, 3.0], [0.0, 0.0]]),
    "geodesics, bounds NaN": lambda: follow(bounds=[[NAN] * 2] * 2),
    "distance, tolerance": lambda: geometry.geodesic_distance(SPHERE, KAPPA[:1], KAPPA[1:], tolerance=-1),
    **{
        f"gridlines, count {count}": lambda count=count: lines(count=count)
        for count in [0, -1, 2.5, 10**7, (3, -1), (2,), "ab"]
    },
    "gridlines, spacing": lambda: lines(spacing=NAN),
    "gridlines, three coordinates": lambda: lines([0.0, 0.0, 0.0]),
    "gridlines, NaN": lambda: lines([NAN, 0.0]),
    "gridlines, pole": lambda: geometry.geodesic_gridlines(SPHERE, [0.0, 0.0], count=1, points=3),
    "tangents, none": lambda: geometry.component_statistics(TANGENTS[:0]),
    "tangents, one unit": lambda: geometry.component_statistics(TANGENTS[..., :1]),
    "histogram, bins": lambda: geometry.component_histogram(TANGENTS, bins=-1),
    "histogram, limit": lambda: geometry.component_histogram(TANGENTS, limit=INF),
    "spaces, NaN": lambda: geometry.subspace_angles(np.full((2, 4), NAN), np.eye(4)[:2]),
    "spaces, zero": lambda: geometry.subspace_angles(np.zeros((2, 4)), np.eye(4)[:2]),
    "similarity, shape": lambda: geometry.subspace_similarity(np.eye(4)[:2], np.eye(4)[:2]),
    "states, NaN": lambda: geometry.state_subspaces(np.full((5, 3, 4), NAN)),
    "update, shapes": lambda: geometry.update_spectrum(np.eye(4), np.eye(5)),
    "update, NaN": lambda: geometry.update_spectrum(np.eye(4), np.eye(4) * NAN),
    "wrapped, shape": lambda: geometry.wrapped(np.ones((2, 3)), SPHERE.coordinates),
    "coordinate, infinity": lambda: geometry.Coordinate("x", 0.0, INF),
    "coordinate, text": lambda: geometry.Coordinate("x", "a", "b"),
    "coordinate, no name": lambda: geometry.Coordinate("", 0.0, 1.0),
    "manifold, a name twice": lambda: geometry.InputManifold(PLANE[:1] * 2, MANIFOLD.inputs, 3),
    "manifold, no coordinate": lambda: geometry.InputManifold((), MANIFOLD.inputs, 3),
    "manifold, no step": lambda: geometry.InputManifold(PLANE, MANIFOLD.inputs, 0),
    "manifold, three ends": lambda: MANIFOLD.restricted({"x": (0, 1, 2)}),
    "inputs, one row": lambda: of_inputs(lambda kappa, step: kappa[:1]),
    "inputs, no channel": lambda: of_inputs(lambda kappa, step: kappa[:, 0]),
    **{
        f"spectrum, tolerance {value}": lambda value=value: geometry.pullback_metric(ENCODED).spectrum(
            tolerance=value
        )
        for value in (-1, 1, NAN)
    },
    "decoder, units": lambda: geometry.decoder_cosines(ENCODED, READOUT[:, :3]),
    "decoder, times": lambda: geometry.decoder_cosines(ENCODED, READOUT.expand(6, 2, 2, 4)),
    "rows, three axes": lambda: geometry.row_space(READOUT.expand(4, 2, 4), 4),
    "rows, times": lambda: geometry.row_space(READOUT.expand(6, 4, 2, 4), 3),
    "similarity, length": lambda: geometry.subspace_similarity(5 * TURN[None], TURN[None]),
    "items, one": lambda: reported(items=(("x",),)),
    "items, the same": lambda: reported(items=(("x",), ("x",))),
    "items, turned": lambda: reported(reports=(3, 1)),
    "items, one time": lambda: reported(reports=(2, 2)),
    "items, NaN": lambda: reported(readout=READOUT * NAN),
    **{
        f"fixed points, {name} {value}": lambda name=name, value=value: fixed_points(**{name: value})
        for name, value in [
            ("distance", -1.0), ("slow_speed", NAN), ("marginal_rate", INF), ("relaxation", INF),
            ("iterations", 0), ("tolerance", NAN),
        ]
    },
    "starts, none": lambda: geometry.starts_near(torch.ones(0, 4), 2, 0.1, torch.Generator()),
    "starts, count": lambda: geometry.starts_near(torch.ones(3, 4), -1, 0.1, torch.Generator()),
    "geodesics, lengths": lambda: follow(length=[1.0, 2.0, 3.0]),
    "histogram, too many bins": lambda: geometry.component_histogram(TANGENTS, bins=10**9),
    **{
        f"function, {name}": lambda function=function: geometry.gaussian_curvature(
            geometry.immersion_of(function, SPHERE.coordinates), KAPPA
        )
        for name, function in {
            "tuple": lambda kappa: (sphere(kappa),),
            "text": "sphere",
            "half precision": lambda kappa: sphere(kappa).half(),
            "whole numbers": lambda kappa: sphere(kappa).long(),
            "complex": lambda kappa: sphere(kappa) + 0j,
            "truth values": lambda kappa: sphere(kappa) > 0,
            "one axis": lambda kappa: sphere(kappa)[:, 0],
            "one row": lambda kappa: sphere(kappa)[:1],
            "beyond the range": lambda kappa: 1e308 * sphere(kappa),
            "without values": lambda kappa: sphere(kappa).to("meta"),
        }.items()
    },
    "distance, beyond the range": lambda: geometry.geodesic_distance(
        geometry.immersion_of(lambda kappa: 1e308 * sphere(kappa), SPHERE.coordinates),
        [[2.2319, 1.2510]],
        [[2.3319, 1.3510]],
        tolerance=1e-2,
    ),
    "network, a tuple": lambda: network(step=lambda x, u: (x, x)),
    "network, an array": lambda: network(step=lambda x, u: x.numpy()),
    "network, no step": lambda: network(step="step"),
    "network, no states": lambda: geometry.tangents(
        dataclasses.replace(NETWORK, initial=lambda n: None), MANIFOLD, POINTS
    ),
    **{
        f"network, duration {value}": lambda value=value: network(duration=value)
        for value in (0, -1.0, NAN, INF, "1", None, True)
    },
    "relaxation without end": lambda: fixed_points(relaxation=1e30),
    "iterations without end": lambda: fixed_points(iterations=10**9),
    "samples without end": lambda: betti(samples=10**9),
    "draws without end": lambda: betti(nulls=10**30),
    "points without end": lambda: follow(points=10**9),
    "steps without end": lambda: follow(max_steps=10**9),
    "segments without end": lambda: geometry.geodesics_between(
        SPHERE, KAPPA[:1], KAPPA[1:], most_segments=10**12
    ),
    "a grid without end": lambda: MANIFOLD.grid(10**5, 10**5),
    "a count of 5,000 digits": lambda: MANIFOLD.grid(10**5000, 2),
    "a negative count": lambda: MANIFOLD.grid(-1, 2),
    "rows, negative": lambda: geometry.row_space(READOUT, -1),
    "starts, noise": lambda: geometry.starts_near(torch.ones(3, 4), 2, NAN, torch.Generator()),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_with_what_was_expected(case):
    with pytest.raises((ValueError, TypeError), match="expected"):
        REFUSED[case]()


@pytest.mark.parametrize(
    "call",
    [
        lambda value: geometry.Coordinate("x", 0.0, 1.0, periodic=value),
        lambda value: fixed_points(unstable=value),
        lambda value: geometry.state_subspaces(TANGENTS[0, 0], centred=value),
    ],
    ids=["coordinate", "fixed points", "state subspaces"],
)
@pytest.mark.parametrize("value", ["no", 1])
def test_what_is_no_truth_value_is_refused(call, value):
    with pytest.raises((ValueError, TypeError), match="to be true or false"):
        call(value)


@pytest.mark.slow
def test_numbers_of_any_type_make_the_same_lines():
    """Counts of NumPy, lists for pairs, and directions in single precision."""
    reference = lines(count=(1, 1))
    same = lines(count=[np.int64(1), 1])
    torch.testing.assert_close(same.kappa, reference.kappa)
    double, single = (
        follow(direction=torch.tensor(DIRECTION, dtype=t)) for t in (torch.float64, torch.float32)
    )
    torch.testing.assert_close(double.kappa, single.kappa)


@functools.cache
def torus_geodesics(scale):
    """A curve, a path and gridlines on a torus whose states have a scale: points, and lengths over the scale."""
    unit = geometry.immersion_of(lambda kappa: scale * torus(kappa), TORUS.coordinates)
    start, end = KAPPA[:1], KAPPA[:1] + torch.tensor([[0.4, 0.3]])
    curve = geometry.geodesics_from(unit, start, [[1.0, 0.5]], 2.0 * scale, points=3)
    path = geometry.geodesics_between(unit, start, end, tolerance=1e-4)
    grid = geometry.geodesic_gridlines(unit, start[0], spacing=9.0 * scale, points=3)
    numbers = (
        curve.kappa,
        curve.velocity * scale,
        curve.length / scale,
        path.kappa,
        path.length / scale,
        grid.kappa,
        grid.length / scale,
    )
    return numbers, (curve.status, path.status, grid.status)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_geodesics_do_not_depend_on_the_unit_of_the_states(scale):
    """Lengths are in the unit of the states; points in the domain are the same."""
    (numbers, statuses), (expected, expected_statuses) = map(torus_geodesics, (scale, 1.0))
    assert statuses == expected_statuses and statuses[:2] == (("reached",), ("reached",))
    for got, reference in zip(numbers, expected, strict=True):
        torch.testing.assert_close(got, reference, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("length", [1e-300, 1e300])
def test_very_short_and_very_long_geodesics(length):
    """On a plane, lines: short ones end where they began, long ones leave the domain."""
    plane = geometry.immersion_of(lambda kappa: kappa, PLANE)
    curve = geometry.geodesics_from(plane, [[0.0, 0.0]], [[1.0, 0.0]], length, points=3)
    expected = min(length, 1.0)
    np.testing.assert_allclose(curve.length, expected, rtol=1e-6)
    np.testing.assert_allclose(curve.kappa[0, -1], [expected, 0.0], rtol=1e-6)
    assert curve.status == ("reached" if length < 1 else "left the domain",)
    if length < 1:
        distance = geometry.geodesic_distance(plane, [[0.0, 0.0]], [[length, 0.0]])
        np.testing.assert_allclose(distance, length, rtol=1e-3)


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e300])
def test_the_length_of_a_direction_does_not_matter(scale):
    torch.testing.assert_close(follow(direction=[[scale, 0.0]]).kappa, follow().kappa)
