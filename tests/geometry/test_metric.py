import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.geometry import (
    Coordinate,
    Dynamics,
    InputManifold,
    Metric,
    average_metric,
    dynamics_of,
    encoding_subspace,
    metric_stream,
    pullback_metric,
    readout_split,
    subspace_angles,
    tangents,
)
from warpline.geometry.riemannian.metric import Spectrum, triangular_factor
from warpline.models.base import build_model


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def metric_of(vectors, names=("a", "b", "time")):
    """A metric of vectors (tangent, unit) at one point and time step."""
    return Metric(triangular_factor(vectors)[None, None], names, (0,))


@pytest.fixture(scope="module")
def manifold():
    return InputManifold(
        (Coordinate("a", -1, 1), Coordinate("b", -1, 1)),
        lambda kappa, step: torch.cat([kappa, kappa.prod(1, keepdim=True).sin()], 1),
        n_steps=5,
    )


@pytest.fixture(scope="module")
def dynamics():
    settings = {"model": "leaky_rnn", "units": 9, "activation": "tanh", "init": "gaussian",
                "gain": 1.3, "tau": 100, "noise": 0.0}  # fmt: skip
    return dynamics_of(build_model(settings, n_inputs=3, n_outputs=2, dt=25, seed=3))


def linear_network(units=4):
    """x' = x + dt (-x + B u): after k steps x = (1 - (1 - dt)^k) B kappa, f = (1 - dt)^k B kappa."""
    weights = random(units, 2, seed=4)
    return weights, Dynamics(
        step=lambda x, u: x + 0.25 * (u @ weights.T - x),
        initial=lambda points: torch.zeros(points, units, dtype=torch.float64),
        duration=0.25,
        readout=lambda x: x[:, :1],
    )


def test_the_metric_of_a_linear_network_in_closed_form():
    weights, dynamics = linear_network()
    line = InputManifold(
        (Coordinate("a", -1, 1), Coordinate("b", -1, 1)), lambda kappa, k: kappa, 8
    )
    kappa = line.grid(3, 3)
    metric = metric_stream(dynamics, line, kappa)
    for k in range(9):
        left = 0.75**k
        for point in range(9):
            vectors = torch.cat([(1 - left) * weights.T, left * (weights @ kappa[point])[None]])
            torch.testing.assert_close(metric.matrix[point, k], vectors @ vectors.T)


def test_streamed_and_collected_metrics_are_the_same(dynamics, manifold):
    kappa = manifold.grid(4, 3)
    found = tangents(dynamics, manifold, kappa, at=[0, 2, 5])
    calls = []
    streamed = metric_stream(
        dynamics, manifold, kappa, at=[0, 2, 5], chunk=5, progress=lambda *at: calls.append(at)
    )
    collected = pullback_metric(found)
    assert streamed.names == collected.names == ("a", "b", "time")
    assert streamed.time_steps == (0, 2, 5) and calls[-1] == (18, 18)
    torch.testing.assert_close(streamed.factor, collected.factor)
    torch.testing.assert_close(collected.matrix, found.vectors @ found.vectors.mT)
    inputs = collected.inputs
    torch.testing.assert_close(inputs.matrix, found.inputs @ found.inputs.mT)
    assert inputs.names == ("a", "b") and inputs.inputs is inputs
    torch.testing.assert_close(collected.lengths, torch.linalg.vector_norm(found.vectors, dim=-1))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(4, 9))
def test_triangular_factor_is_the_qr_one(seed, count, units):
    vectors = random(5, count, units, seed=seed)
    found = triangular_factor(vectors)
    exact = torch.linalg.qr(vectors.mT).R
    signs = torch.sign(torch.diagonal(exact, dim1=-2, dim2=-1))
    torch.testing.assert_close(found, exact * signs[..., None], rtol=1e-9, atol=1e-11)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(0.01, 100))
def test_generalised_eigenvalues_are_scipy_s(seed, s, tau):
    vectors = random(3, 7, seed=seed)
    spectrum = metric_of(vectors).spectrum([s, 2.0, tau])
    g, g0 = vectors @ vectors.T, np.diag([s**-2, 0.25, tau**-2])
    exact = scipy.linalg.eigh(g.numpy(), g0, eigvals_only=True)[::-1]
    np.testing.assert_allclose(spectrum.values[0, 0], exact, rtol=1e-6, atol=1e-9 * exact[0])
    v = spectrum.vectors[0, 0].numpy()
    np.testing.assert_allclose(v.T @ g0 @ v, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(v.T @ g.numpy() @ v, np.diag(exact), atol=1e-7 * exact[0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100))
def test_rotations_of_state_space_change_nothing(seed, scale):
    vectors = random(3, 7, seed=seed)
    turned = vectors @ torch.linalg.qr(random(7, 7, seed=seed + 1)).Q
    one, other = metric_of(vectors).spectrum(), metric_of(turned * scale).spectrum()
    torch.testing.assert_close(other.values, scale**2 * one.values)
    for name in (
        "shares",
        "participation_ratio",
        "effective_rank",
        "anisotropy",
        "condition_number",
    ):
        torch.testing.assert_close(getattr(other, name), getattr(one, name))


def test_small_eigenvalues_keep_their_digits():
    """From G itself nothing is left of an eigenvalue of 1e-18."""
    vectors = torch.diag(torch.tensor([1.0, 1e-9], dtype=torch.float64)) @ random(2, 5)
    vectors[1] += vectors[0]
    exact = [float(v) for v in np.linalg.svd(vectors.numpy().astype(np.float64), compute_uv=False)]
    spectrum = metric_of(vectors, ("a", "b")).spectrum()
    np.testing.assert_allclose(spectrum.stretches[0, 0], exact, rtol=1e-6)


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ((2, 2, 2), {"participation_ratio": 3, "effective_rank": 3, "anisotropy": 0, "rank": 3}),
        ((5, 0, 0), {"participation_ratio": 1, "effective_rank": 1,
                     "anisotropy": math.sqrt(2 / 3), "rank": 1}),
        ((1, 1, 0), {"participation_ratio": 2, "effective_rank": 2,
                     "anisotropy": math.sqrt(1 / 6), "rank": 2}),
    ],
)  # fmt: skip
def test_what_the_eigenvalues_say(lengths, expected):
    spectrum = metric_of(torch.diag(torch.tensor(lengths, dtype=torch.float64))).spectrum()
    for name, value in expected.items():
        assert float(getattr(spectrum, name)) == pytest.approx(value), name
    assert bool(spectrum.degenerate) == (expected["rank"] < 3)
    volume = float(spectrum.log_volume)
    assert volume == (pytest.approx(3 * math.log(2)) if lengths == (2, 2, 2) else -math.inf)
    assert float(spectrum.condition_number) == (1 if lengths == (2, 2, 2) else math.inf)


def test_a_metric_without_its_factor_has_the_same_spectrum():
    metric = metric_of(random(3, 6, seed=2))
    found, exact = Spectrum.of_matrix(metric.matrix), metric.spectrum()
    torch.testing.assert_close(found.stretches, exact.stretches)
    torch.testing.assert_close(found.vectors, exact.vectors)
    # Rounding takes an eigenvalue of 0 below it.
    vector = torch.tensor([[1.0, 3.0]], dtype=torch.float64)
    assert float(Spectrum.of_matrix(vector.mT @ vector).effective_rank) == pytest.approx(1)


def test_where_nothing_has_reached_the_state_yet():
    spectrum = metric_of(torch.zeros(3, 5, dtype=torch.float64)).spectrum()
    assert int(spectrum.rank) == 0 and bool(spectrum.degenerate)
    assert all(math.isnan(float(getattr(spectrum, n))) for n in ("anisotropy", "effective_rank"))


def test_dependence_up_to_rounding_is_degenerate_at_the_tolerance_given():
    vectors = random(3, 8)
    vectors[2] = vectors[0] - 2 * vectors[1] + 1e-8 * random(8, seed=1)
    assert bool(metric_of(vectors).spectrum().degenerate)
    assert not bool(metric_of(vectors).spectrum(tolerance=1e-11).degenerate)


def test_scales_are_checked():
    metric = metric_of(random(3, 8))
    for scales in ([1, 1], [1, 1, 0], [1, 1, math.inf]):
        with pytest.raises(ValueError, match="positive scale for each of a, b, time"):
            metric.spectrum(scales)


def test_the_average_over_frozen_noise_is_of_metrics_not_of_tangents(dynamics, manifold):
    kappa = manifold.grid(3, 3)
    noisy = [manifold.with_noise(0.7 * random(5, 3, seed=seed)) for seed in range(4)]
    metrics = [metric_stream(dynamics, one, kappa) for one in noisy]
    mean = average_metric(metrics)
    torch.testing.assert_close(mean.matrix, torch.stack([m.matrix for m in metrics]).mean(0))
    vectors = torch.stack([tangents(dynamics, one, kappa).vectors for one in noisy]).mean(0)
    excess = torch.linalg.eigvalsh(mean.matrix - vectors @ vectors.mT)
    assert excess.min() > -1e-12 and excess.max() > 1e-4
    with pytest.raises(ValueError, match="same coordinates, time steps and points"):
        average_metric([metrics[0], metric_stream(dynamics, manifold, kappa, at=[1])])
    with pytest.raises(ValueError, match="at least one"):
        average_metric([])


def test_the_readout_s_share_of_a_linear_readout(dynamics, manifold):
    found = tangents(dynamics, manifold, manifold.grid(3, 3))
    split = readout_split(found, dynamics)
    weights = torch.func.jacrev(dynamics.readout)(found.states[0, :1])[0, :, 0]
    projection = torch.linalg.pinv(weights) @ weights
    a = found.vectors
    torch.testing.assert_close(split.inside.matrix, a @ projection @ a.mT)
    torch.testing.assert_close(
        split.inside.matrix + split.outside.matrix, pullback_metric(found).matrix
    )
    torch.testing.assert_close(split.output.matrix, a @ weights.T @ weights @ a.mT)
    torch.testing.assert_close(
        split.fraction[:, 1:],
        (torch.linalg.vector_norm(a @ projection, dim=-1) ** 2 / a.square().sum(-1))[:, 1:],
        equal_nan=True,
    )
    assert split.fraction[:, 0, :2].isnan().all()
    given = readout_split(found, weights)
    torch.testing.assert_close(given.cosines, split.cosines)
    for point in range(9):
        angles = scipy.linalg.subspace_angles(a[point, 3].T.numpy(), weights.T.numpy())
        np.testing.assert_allclose(
            split.cosines[point, 3], [*np.sort(np.cos(angles) ** 2)[::-1], 0], atol=1e-9
        )
        g = a[point, 3] @ a[point, 3].T
        values = torch.linalg.eigvals(torch.linalg.pinv(g) @ (a @ projection @ a.mT)[point, 3])
        np.testing.assert_allclose(np.sort(values.real)[::-1], split.cosines[point, 3], atol=1e-7)


def test_a_readout_that_sees_all_and_one_that_sees_nothing(dynamics, manifold):
    found = tangents(dynamics, manifold, manifold.grid(2, 2), at=[3])
    everything = readout_split(found, torch.eye(9, dtype=torch.float64))
    nothing = readout_split(found, torch.zeros(2, 9, dtype=torch.float64))
    torch.testing.assert_close(everything.fraction, torch.ones_like(everything.fraction))
    assert not nothing.fraction.any() and not nothing.cosines.any()
    torch.testing.assert_close(nothing.outside.matrix, pullback_metric(found).matrix)
    with pytest.raises(ValueError, match=r"\(output, 9\), got \(2, 8\)"):
        readout_split(found, torch.zeros(2, 8))


def test_a_readout_that_is_not_linear_is_split_at_every_state(dynamics, manifold):
    found = tangents(dynamics, manifold, manifold.grid(2, 3), at=[2, 4])
    split = readout_split(found, lambda x: torch.stack([x[:, 0] ** 2 + x[:, 1], x[:, 2].exp()], 1))
    for point in range(6):
        x, a = found.states[point, 1], found.vectors[point, 1]
        jacobian = torch.zeros(2, 9, dtype=torch.float64)
        jacobian[0, 0], jacobian[0, 1], jacobian[1, 2] = 2 * x[0], 1, x[2].exp()
        projection = torch.linalg.pinv(jacobian) @ jacobian
        torch.testing.assert_close(split.inside.matrix[point, 1], a @ projection @ a.T)


def test_the_readout_of_a_part_of_the_state(manifold):
    """What is observed is h of (h, c): a readout of h has a share, one of c has none to be asked for."""
    weights, out = random(3, 8, seed=7), random(2, 3, seed=8)

    def dynamics(readout):
        return Dynamics(
            step=lambda x, u: torch.tanh(u @ weights + 0.5 * x.roll(1, -1)),
            initial=lambda points: torch.zeros(points, 8, dtype=torch.float64),
            observe=lambda x: x[:, :4],
            readout=readout,
        )

    own = dynamics(lambda x: x[:, :2] @ out)
    found = tangents(own, manifold, manifold.grid(2, 2), at=[3])
    split = readout_split(found, own)
    torch.testing.assert_close(
        split.fraction,
        found.vectors[..., :2].square().sum(-1) / found.vectors.square().sum(-1),
    )
    with pytest.raises(TypeError, match="reads other parts of the state"):
        readout_split(found, dynamics(lambda x: x[:, 5:6]))
    with pytest.raises(ValueError, match="with a readout"):
        readout_split(found, dynamics(None))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 3))
def test_subspace_angles_are_scipy_s(seed, a, b):
    first, second = random(4, a, 7, seed=seed), random(4, b, 7, seed=seed + 1)
    found = subspace_angles(first, second)
    assert found.shape == (4, min(a, b))
    for k in range(4):
        exact = scipy.linalg.subspace_angles(first[k].T.numpy(), second[k].T.numpy())
        np.testing.assert_allclose(found[k], np.sort(exact), atol=2e-8)


@pytest.mark.parametrize("angle", [1e-12, 1e-6, 0.3, 1.2, math.pi / 2])
def test_small_angles_keep_their_digits(angle):
    """Planes that share a line and are turned about it."""
    axes = torch.linalg.qr(random(6, 6)).Q
    turned = math.cos(angle) * axes[1] + math.sin(angle) * axes[2]
    found = subspace_angles(axes[:2], torch.stack([axes[0], turned]))
    assert float(found[0]) < 1e-14 and float(found[1]) == pytest.approx(angle, rel=1e-3)


def test_a_space_that_is_not_spanned_has_no_angles():
    rows = random(2, 5)
    with pytest.raises(ValueError, match="2 independent directions"):
        subspace_angles(torch.stack([rows[0], 2 * rows[0]]), rows)


def test_encoding_subspaces_of_groups_of_coordinates():
    """Two items on two planes: at right angles to each other, and still over time."""
    circle = InputManifold(
        tuple(Coordinate(n, -math.pi, math.pi, periodic=True) for n in ("one", "two")),
        lambda kappa, k: torch.cat([kappa.cos(), kappa.sin()], 1),
        4,
    )
    planes = torch.linalg.qr(random(6, 6, seed=3)).Q[:4]
    own = Dynamics(
        step=lambda x, u: x + 0.5 * (u @ planes - x),
        initial=lambda points: torch.zeros(points, 6, dtype=torch.float64),
    )
    found = tangents(own, circle, circle.grid(6, 6), at=[1, 4])
    one = encoding_subspace(found, ["one"], dimension=2)
    two = encoding_subspace(found, ["two"], dimension=2)
    assert one.shape == (2, 2, 6)
    assert subspace_angles(one, two).min() == pytest.approx(math.pi / 2)
    assert subspace_angles(one, planes[[0, 2]]).max() < 1e-12
    assert subspace_angles(one[0], one[1]).max() < 1e-12
    with pytest.raises(ValueError, match="among one, two"):
        encoding_subspace(found, ["time"])
    start = encoding_subspace(tangents(own, circle, circle.grid(6, 6), at=[0, 1]), ["one"], 2)
    assert not start[0].any() and start[1].any(-1).all()
    with pytest.raises(ValueError, match="at which nothing is encoded"):
        subspace_angles(start[0], start[1])
    with pytest.raises(ValueError, match="from 1 to 6"):
        encoding_subspace(found, ["one"], dimension=7)
