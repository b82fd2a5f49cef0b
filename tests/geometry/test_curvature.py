import math

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.geometry import (
    CoarseGridError,
    Coordinate,
    DegenerateMetricError,
    christoffel_symbols,
    christoffel_symbols_of_the_first_kind,
    curvature_from_grid,
    gaussian_curvature,
    immersion_of,
    mean_curvature_vector,
    rank_ratio,
    scalar_curvature,
    second_fundamental_form,
    sectional_curvature,
)

SEEDS = st.integers(0, 2**31)


def square(count):
    line = torch.linspace(-1, 1, count, dtype=torch.float64)
    return torch.cartesian_prod(line, line)


@pytest.mark.parametrize("radius", [0.1, 2.0, 30.0])
def test_sphere(drawn, surfaces, radius):
    sphere = surfaces.sphere(radius)
    kappa = drawn(20, [0.1, -3], [3, 3])
    assert torch.allclose(gaussian_curvature(sphere, kappa) * radius**2, torch.ones(20).double())
    inward = -sphere(kappa).value / radius**2
    assert torch.allclose(mean_curvature_vector(sphere, kappa), inward, rtol=1e-9)
    solid = surfaces.three_sphere(radius)
    kappa = drawn(20, [0.3, 0.3, -3], [2.8, 2.8, 3])
    assert torch.allclose(scalar_curvature(solid, kappa) * radius**2, torch.tensor(6.0).double())
    u, v = drawn(2, [-1, -1, -1], [1, 1, 1], seed=4)
    sectional = sectional_curvature(solid, kappa, u, v)
    assert torch.allclose(sectional * radius**2, torch.tensor(1.0).double(), rtol=1e-8)


def test_torus(drawn, surfaces):
    kappa = drawn(50, [-3, -3], [3, 3])
    cosine = kappa[:, 0].cos()
    curvature = gaussian_curvature(surfaces.torus(), kappa)
    assert torch.allclose(curvature, cosine / (2 + cosine), rtol=1e-12, atol=1e-14)
    assert torch.allclose(scalar_curvature(surfaces.torus(), kappa), 2 * curvature, atol=1e-13)


def test_total_curvature_of_a_torus_is_nothing(surfaces):
    """Gauss and Bonnet; the rectangle rule is exact to rounding on a smooth torus."""
    turn = torch.arange(40, dtype=torch.float64) * (2 * math.pi / 40) - math.pi

    def dented(kappa):
        u, v = kappa.T
        large, small = 3 + 0.3 * (2 * v).sin(), 1 + 0.2 * (u + v).cos()
        ring = large + small * u.cos()
        return torch.stack(
            [ring * v.cos(), ring * v.sin(), small * u.sin(), 0.3 * (u - v).sin()], 1
        )

    immersion = immersion_of(dented, surfaces.torus().coordinates)
    kappa = torch.cartesian_prod(turn, turn)
    area = torch.linalg.det(immersion(kappa).metric).sqrt() * (2 * math.pi / 40) ** 2
    curvature = gaussian_curvature(immersion, kappa)
    assert abs(float((curvature * area).sum())) < 1e-9 < float((curvature.abs() * area).sum())


def test_surfaces_of_revolution(drawn, surfaces):
    u = drawn(20, [-1.4, -3], [1.4, 3])
    catenoid = surfaces.catenoid()
    assert torch.allclose(gaussian_curvature(catenoid, u), -(u[:, 0].cosh() ** -4), rtol=1e-11)
    assert mean_curvature_vector(catenoid, u).abs().max() < 1e-14
    kappa = drawn(20, [0.3, -3], [2.9, 3])
    assert gaussian_curvature(surfaces.cone(), kappa).abs().max() < 1e-13
    assert mean_curvature_vector(surfaces.cone(), kappa).norm(dim=1).min() > 0.1
    assert scalar_curvature(surfaces.circle(), drawn(5, [-3], [3])).abs().max() < 1e-15
    assert torch.allclose(
        second_fundamental_form(surfaces.circle(2.0), drawn(5, [-3], [3])).flatten(1).norm(dim=1),
        torch.tensor(0.5).double(),
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_polynomial_graphs_against_symbolic_derivatives_of_the_metric(drawn, surfaces, seed):
    """Christoffel symbols and K from G and its symbolic derivatives (Brioschi), not from Phi_ij."""
    rng = np.random.default_rng(seed)
    x, y = sympy.symbols("x y")
    powers = [(i, j) for i in range(4) for j in range(4 - i)]
    weights = {power: float(rng.normal()) for power in powers}

    def height(first, second):
        return sum(w * first**i * second**j for (i, j), w in weights.items())

    slopes = [sympy.diff(height(x, y), s) for s in (x, y)]
    metric = sympy.Matrix(2, 2, lambda i, j: int(i == j) + slopes[i] * slopes[j])
    inverse = metric.inv()
    symbols = [
        [
            [
                sum(
                    inverse[k, n]
                    * (metric[n, i].diff(s) + metric[n, j].diff(t) - metric[i, j].diff(r)) / 2
                    for n, r in enumerate((x, y))
                )
                for j, s in enumerate((x, y))
            ]
            for i, t in enumerate((x, y))
        ]
        for k in range(2)
    ]  # fmt: skip
    e, f, g = metric[0, 0], metric[0, 1], metric[1, 1]
    first = sympy.Matrix(
        [
            [
                -e.diff(y, 2) / 2 + f.diff(x, y) - g.diff(x, 2) / 2,
                e.diff(x) / 2,
                f.diff(x) - e.diff(y) / 2,
            ],
            [f.diff(y) - g.diff(x) / 2, e, f],
            [g.diff(y) / 2, f, g],
        ]
    )
    second = sympy.Matrix(
        [[0, e.diff(y) / 2, g.diff(x) / 2], [e.diff(y) / 2, e, f], [g.diff(x) / 2, f, g]]
    )
    brioschi = sympy.lambdify((x, y), (first.det() - second.det()) / metric.det() ** 2)
    connection = sympy.lambdify((x, y), symbols)
    kappa = drawn(6, [-1, -1], [1, 1], seed)
    immersion = surfaces.graph(height)
    jet = immersion(kappa, order=2)
    got = christoffel_symbols(kappa, jet, immersion.coordinates)
    for point, k, gamma in zip(
        kappa.tolist(), gaussian_curvature(immersion, kappa), got, strict=True
    ):
        assert float(k) == pytest.approx(brioschi(*point), rel=1e-8)
        assert np.allclose(gamma.numpy(), connection(*point), rtol=1e-9, atol=1e-12)
    lowered = torch.einsum("plk,pkij->plij", jet.metric, got)
    assert torch.allclose(lowered, christoffel_symbols_of_the_first_kind(jet), atol=1e-11)


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(seed=SEEDS, scale=st.floats(0.01, 100))
def test_curvature_does_not_change_by_isometry_and_shrinks_by_scaling(
    drawn, network_slice, seed, scale
):
    states, immersion = network_slice
    generator = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(20, 16, generator=generator, dtype=torch.float64))[0]
    shift = torch.randn(20, generator=generator, dtype=torch.float64)
    moved = immersion_of(lambda k: scale * (states(k) @ turn.T) + shift, immersion.coordinates)
    kappa = drawn(4, [-1, -1], [1, 1], seed)
    expected = gaussian_curvature(immersion, kappa)
    got = gaussian_curvature(moved, kappa) * scale**2
    assert torch.allclose(got, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(seed=SEEDS)
def test_curvature_does_not_change_by_new_coordinates(drawn, network_slice, seed):
    """Coordinates of other units too, at an angle to the old ones and bent."""
    states, immersion = network_slice
    mix = drawn(2, [-0.4, -0.4], [0.4, 0.4], seed) + torch.eye(2)

    def old(new):
        straight = new @ (mix * torch.tensor([1e-3, 50.0])[:, None])
        return straight + 0.1 * straight.flip(1) ** 2

    scaled = (Coordinate("a", -1000, 1000), Coordinate("b", -0.02, 0.02))
    bent = immersion_of(lambda k: states(old(k)), scaled)
    kappa = drawn(4, [-500, -0.01], [500, 0.01], seed)
    expected = scalar_curvature(immersion, old(kappa).clamp(-1, 1))
    assert torch.allclose(scalar_curvature(bent, kappa), expected, rtol=1e-7, atol=1e-9)


def test_where_the_rank_is_lost_is_said(surfaces):
    sphere = surfaces.sphere()
    kappa = torch.tensor([[1.0, 0.0], [0.0, 0.5]], dtype=torch.float64)
    ratio = rank_ratio(sphere(kappa), sphere.coordinates)
    assert ratio[0] > 0.1 and ratio[1] == 0
    with pytest.raises(DegenerateMetricError, match=r"1 of 2 points.*theta = 0, phi = 0.5, has 0"):
        gaussian_curvature(sphere, kappa)
    flat = immersion_of(lambda k: k.sum(1, keepdim=True), sphere.coordinates)
    with pytest.raises(DegenerateMetricError, match="as many units as coordinates"):
        gaussian_curvature(flat, kappa)


def test_wrong_questions_are_refused(drawn, surfaces):
    three = surfaces.three_sphere()
    kappa = drawn(2, [1, 1, 1], [2, 2, 2])
    with pytest.raises(ValueError, match="two coordinates for a Gaussian curvature, got 3"):
        gaussian_curvature(three, kappa)
    with pytest.raises(ValueError, match="parallel ones at 2 of 2"):
        sectional_curvature(three, kappa, kappa, 3 * kappa)
    with pytest.raises(ValueError, match="theta in"):
        gaussian_curvature(surfaces.sphere(), kappa[:, :2] + 2)
    with pytest.raises(ValueError, match="order=2"):
        christoffel_symbols(kappa, three(kappa), three.coordinates)


def torus_grid(surfaces, rows, columns):
    torus = surfaces.torus()
    axes = [c.values(n) for c, n in zip(torus.coordinates, (rows, columns), strict=True)]
    kappa = torch.cartesian_prod(*axes)
    metric = torus(kappa).metric.unflatten(0, (rows, columns))
    exact = gaussian_curvature(torus, kappa).unflatten(0, (rows, columns))
    return metric, exact, (2 * math.pi / rows, 2 * math.pi / columns)


def test_a_grid_estimates_curvature_and_its_own_error(surfaces):
    metric, exact, spacing = torus_grid(surfaces, 60, 20)
    closed = curvature_from_grid(metric, spacing, periodic=(True, True))
    error = float((closed.curvature - exact).abs().max())
    assert error < closed.error < 5 * error and 3 * error < 0.05
    cut = curvature_from_grid(metric, spacing)
    assert cut.curvature.shape == (58, 18) and cut.rows[0] == 1 and cut.columns[-1] == 18
    assert torch.allclose(cut.curvature, closed.curvature[1:-1, 1:-1])


@pytest.mark.slow
def test_a_grid_that_is_too_coarse_is_refused_with_numbers(network_slice):
    _, immersion = network_slice

    def wavy(k):
        return torch.cat(
            [k, 0.3 * torch.sin(9 * k[:, :1] + 4 * k[:, 1:]) * torch.cos(7 * k[:, 1:])], 1
        )

    surface = immersion_of(wavy, immersion.coordinates)

    def estimate(count):
        metric = surface(square(count)).metric.unflatten(0, (count, count))
        return curvature_from_grid(metric, (2 / (count - 1), 2 / (count - 1)))

    with pytest.raises(
        CoarseGridError, match=r"at most .* got an estimated .*row \d+, column \d+.*times as fine"
    ):
        estimate(21)
    fine = estimate(401)
    exact = gaussian_curvature(surface, square(401)).unflatten(0, (401, 401))[1:-1, 1:-1]
    assert float((fine.curvature - exact).abs().max()) < 0.1 * float(exact.abs().max())


def bumps(seed, points):
    """Metric and curvature of a graph of one to three Gaussian bumps, the narrowest of width 0.2, (x, y) each."""
    rng = np.random.default_rng(seed)
    count = rng.integers(1, 4)
    centres, widths, heights = (
        rng.uniform(-1, 1, (count, 2)),
        rng.uniform(0.2, 1, count),
        rng.normal(size=count),
    )
    widths[np.argmin(widths)] = 0.2
    slope, bend = np.zeros((*points.shape[:-1], 2)), np.zeros((*points.shape[:-1], 2, 2))
    for centre, width, height in zip(centres, widths, heights, strict=True):
        z = (points - centre) / width
        bump = height * np.exp(-(z**2).sum(-1) / 2)
        slope -= bump[..., None] * z / width
        outer = z[..., :, None] * z[..., None, :] - np.eye(2)
        bend += bump[..., None, None] * outer / width**2
    metric = np.eye(2) + slope[..., :, None] * slope[..., None, :]
    return metric, np.linalg.det(bend) / np.linalg.det(metric) ** 2


def test_how_many_coarse_grids_pass(project):
    """The counts that docs/geometry.md states: grids that are accepted, and with an error above the tolerance."""
    accepted, of_these = [], []
    for spacings, count in ((2, 21), (4, 21), (8, 41)):
        spacing = 0.2 / spacings
        line = (np.arange(count) - count // 2) * spacing
        points = np.stack(np.meshgrid(line, line, indexing="ij"), -1)
        wrong = []
        for seed in range(300):
            metric, exact = bumps(seed, points)
            try:
                curvature = curvature_from_grid(torch.tensor(metric), (spacing, spacing)).curvature
            except CoarseGridError:
                continue
            error = np.abs(curvature.numpy() - exact[1:-1, 1:-1]).max()
            wrong.append(error > 0.1 * float(curvature.abs().max()))
        accepted.append(len(wrong))
        of_these.append(sum(wrong))
    page = " ".join((project / "docs" / "geometry.md").read_text().split())
    (a, b, c), (d, e, f) = accepted, of_these
    stated = (
        f"{a}, {b} and {c} grids are accepted, and {d}, {e} and {f} of these have a larger error"
    )
    assert f"2, 4 and 8 spacings wide, {stated}" in page


def test_how_many_flat_waves_pass(project):
    """The counts that docs/geometry.md states: flat sheets that a coarse grid takes for bent ones."""
    accepted = []
    for count in (11, 21, 41):
        line = np.linspace(-1, 1, count)
        points = np.stack(np.meshgrid(line, line, indexing="ij"), -1)
        passed = 0
        for seed in range(200):
            rng = np.random.default_rng(seed)
            wave = rng.normal(size=2) * 6
            slope = 0.3 * np.cos(points @ wave + rng.uniform(0, 2 * np.pi))[..., None] * wave
            metric = np.eye(2) + slope[..., :, None] * slope[..., None, :]
            try:
                curvature_from_grid(torch.tensor(metric), (line[1] - line[0],) * 2)
            except CoarseGridError:
                continue
            passed += 1
        accepted.append(passed)
    page = " ".join((project / "docs" / "geometry.md").read_text().split())
    assert "on 11 × 11, 21 × 21 and 41 × 41 points {}, {} and {} are".format(*accepted) in page


def test_bad_grids_are_refused(surfaces):
    metric, _, spacing = torus_grid(surfaces, 10, 10)
    with pytest.raises(ValueError, match=r"\(row, column, 2, 2\)"):
        curvature_from_grid(metric[..., 0], spacing)
    with pytest.raises(ValueError, match="at least 5 points along axis 1"):
        curvature_from_grid(metric[:, :4], spacing)
    with pytest.raises(ValueError, match="even number"):
        curvature_from_grid(metric[:9], spacing, periodic=(True, True))
    metric[3, 4] = 0
    with pytest.raises(ValueError, match="row 3, column 4"):
        curvature_from_grid(metric, spacing)
    flat = torch.eye(2).double().expand(8, 8, 2, 2)
    assert curvature_from_grid(flat, (1.0, 1.0)).curvature.abs().max() == 0


def test_a_flat_metric_in_bent_coordinates_needs_an_absolute_error(project):
    """The flat torus of docs/published_settings.md: (u, v + 0.5 sin(u + v))."""
    line = torch.arange(400, dtype=torch.float64) * (2 * math.pi / 400)
    bend = 0.5 * torch.cos(line[:, None] + line)
    jacobian = torch.stack([torch.ones_like(bend), 0 * bend, bend, 1 + bend], -1)
    jacobian = jacobian.unflatten(-1, (2, 2))
    metric = jacobian.mT @ jacobian
    spacing, closed = (float(line[1]), float(line[1])), (True, True)
    with pytest.raises(CoarseGridError, match="a flat metric needs absolute"):
        curvature_from_grid(metric, spacing, closed)
    largest = curvature_from_grid(metric, spacing, closed, absolute=0.002).curvature.abs().max()
    page = (project / "docs" / "published_settings.md").read_text()
    assert f"`curvature_from_grid` gives {float(largest):.1g} on 400, with `absolute=0.002`" in page
