"""The compiled ascent against the torch oracle, and the oracle against finite differences."""

import numpy as np
import pytest
import scipy.linalg
import torch
from similarity.dsa import torch_trust_region as oracle

from warpline.similarity.dsa import halving, trust_region
from warpline.similarity.dsa.alignment import align_pairs
from warpline.similarity.dsa.canonical import Problems, to_canonical
from warpline.similarity.dsa.halving import Maxima


def random_orthogonal(rng, n, determinant):
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    q = q * np.sign(np.diag(r))
    if np.linalg.det(q) * determinant < 0:
        q[:, 0] *= -1
    return q


def make_problem(size, seed):
    rng = np.random.default_rng(seed)
    a, b = (to_canonical(matrix) for matrix in rng.standard_normal((2, size, size)))
    return Problems.of_pairs([a], [b]), rng


def near_identity(rng, size, scale, padded):
    skew = rng.standard_normal((size, size)) * scale
    if padded:
        skew[-1] = skew[:, -1] = 0
    return scipy.linalg.expm(skew - skew.T)


ascend_compiled = halving._ascend


def ascend(problems, starts, tolerance):
    which = torch.zeros(len(starts), dtype=int)
    return halving._ascend(problems, which, starts, tolerance, 5000)


def ascend_by_oracle(problems, which, starts, tolerance, max_products):
    """The oracle with the signature of `halving._ascend`."""
    if not len(starts):
        return ascend_compiled(problems, which, starts, tolerance, max_products)
    ends = [
        oracle.maximise(
            oracle.full_matrix(problems.symmetric[k], problems.frequencies[k]),
            problems.target[k],
            start,
            tolerance=tolerance,
            max_products=max_products,
            padded=problems.padded,
        )
        for k, start in zip(which, starts, strict=True)
    ]
    return Maxima(
        *(
            torch.stack([torch.as_tensor(getattr(end, name)) for end in ends])
            for name in ("rotation", "aligned", "value", "gradient_norm", "converged", "products")
        )
    )


def point_and_direction(size, seed, dtype=torch.float64):
    """Problem, operator A, an aligned operator Y away from critical points, a skew direction."""
    problems, rng = make_problem(size, seed)
    n = problems.target.shape[-1]
    rotation = near_identity(rng, n, 0.3, problems.padded)
    aligned = torch.from_numpy(rotation @ problems.target[0].numpy() @ rotation.T)
    direction = torch.from_numpy(rng.standard_normal((n, n)))
    problems = problems.to(dtype)
    a = oracle.full_matrix(problems.symmetric[0], problems.frequencies[0])
    return problems, a, aligned.to(dtype), (direction - direction.T).to(dtype)


@pytest.mark.parametrize("size", [5, 6])
def test_derivatives_of_the_oracle_are_finite_differences(size):
    _, a, aligned, direction = point_and_direction(size, 0)

    def value(t):
        rotation = torch.matrix_exp(t * direction)
        return float((a * (rotation @ aligned @ rotation.T)).sum())

    h = 1e-4
    first_derivative = (value(h) - value(-h)) / (2 * h)
    second_derivative = (value(h) - 2 * value(0) + value(-h)) / h**2
    gradient = oracle.gradient(a, aligned)
    product = oracle.hessian_product(a, aligned, direction)
    assert (gradient * direction).sum() == pytest.approx(first_derivative, rel=1e-6)
    assert (product * direction).sum() == pytest.approx(second_derivative, rel=1e-5)


def test_the_hessian_of_the_oracle_is_symmetric_away_from_critical_points():
    _, a, aligned, u = point_and_direction(5, 1)
    _, _, _, v = point_and_direction(5, 2)
    one = (oracle.hessian_product(a, aligned, u) * v).sum()
    assert one == pytest.approx(float((oracle.hessian_product(a, aligned, v) * u).sum()), rel=1e-10)


@pytest.mark.parametrize("size", [5, 6, 12])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-5), (torch.float64, 1e-6)])
def test_derivatives_are_those_of_the_oracle(size, dtype, error):
    problems, a, aligned, direction = point_and_direction(size, size, dtype)
    n = len(a)
    symmetric, frequencies = problems.symmetric[0].numpy(), problems.frequencies[0].numpy()

    factor = np.empty((n, 3 * n), np.float32)
    gradient, work, product = (np.empty_like(symmetric) for _ in range(3))
    norm = trust_region._fill_gradient(
        symmetric, frequencies, aligned.numpy(), factor, gradient, work, product
    )
    expected = oracle.gradient(a, aligned)
    np.testing.assert_allclose(gradient, expected, atol=error)
    assert norm == pytest.approx(float(expected.norm()), rel=1e-5)

    # Newton systems are solved in single precision: so are Hessian products and weights.
    single = [x.astype(np.float32) for x in (symmetric, frequencies, direction.numpy())]
    image, wide_work, work, product = (np.empty((n, k), np.float32) for k in (n, 3 * n, n, n))
    trust_region._hessian_product(*single[:2], factor, single[2], image, wide_work, work, product)
    expected = -oracle.hessian_product(a, aligned, direction)
    np.testing.assert_allclose(image, expected, atol=1e-5)


@pytest.mark.parametrize("size", [5, 6, 12])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_preconditioner_is_that_of_the_oracle(size, dtype):
    problems, a, aligned, direction = point_and_direction(size, size, dtype)
    symmetric, frequencies = problems.symmetric[0].numpy(), problems.frequencies[0].numpy()
    half = len(frequencies)
    keep, swap = (np.empty((half, half), np.float32) for _ in range(2))
    trust_region._fill_preconditioner(
        symmetric, frequencies, aligned.numpy(), problems.padded, keep, swap, None
    )
    expected = oracle.preconditioner(a, aligned, problems.padded)
    np.testing.assert_allclose(keep, expected[0], rtol=1e-3)
    np.testing.assert_allclose(swap, expected[1], rtol=1e-3, atol=1e-3)

    matrix = direction.numpy().astype(np.float32)
    out = np.empty_like(matrix)
    trust_region._precondition(keep, swap, matrix, out)
    expected = oracle.precondition(*(torch.from_numpy(x) for x in (keep, swap, matrix)))
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 1e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize("norm", [1e-3, 0.1, 3.0])
def test_the_exponential_is_that_of_scipy(dtype, error, norm):
    step = np.random.default_rng(0).standard_normal((8, 8))
    step -= step.T
    step = (step * norm / np.linalg.norm(step)).astype(dtype)
    out, *work = (np.empty((8, 8), dtype) for _ in range(4))
    trust_region._exponential(step, 0.5, out, *work)
    expected = scipy.linalg.expm(0.5 * step.astype(float))
    np.testing.assert_allclose(out, expected, atol=20 * error)


@pytest.mark.parametrize("size", [7, 10])
def test_both_ascents_reach_the_maximum_of_a_basin(size):
    problems, rng = make_problem(size, 3)
    n = problems.target.shape[-1]
    maximum = ascend(problems, torch.eye(n, dtype=torch.float64)[None], 1e-9).rotation
    offsets = [near_identity(rng, n, 0.01, problems.padded) for _ in range(3)]
    starts = torch.from_numpy(np.stack(offsets)) @ maximum
    compiled = ascend(problems, starts, 1e-8)
    reference = ascend_by_oracle(problems, torch.zeros(3, dtype=int), starts, 1e-8, 5000)
    assert compiled.converged.all()
    assert reference.converged.all()
    np.testing.assert_allclose(compiled.value, reference.value, atol=1e-12)
    np.testing.assert_allclose(compiled.aligned, reference.aligned, atol=1e-6)
    np.testing.assert_allclose(
        compiled.aligned,
        compiled.rotation @ problems.target @ compiled.rotation.mT,
        atol=1e-12,
    )


def test_an_ascent_stays_on_the_group():
    # With a linear term, steps have a symmetric part from single precision, which would add up.
    rng = np.random.default_rng(0)
    q, c = (random_orthogonal(rng, 10, 1) for _ in range(2))
    problems = Problems.of_pairs([to_canonical(q)], [to_canonical(c @ q @ c.T)])
    control = rng.standard_normal((10, 1))
    linear = 0.05 * control @ (c @ control).T / np.sum(control**2)
    problems.linear = torch.from_numpy(np.ascontiguousarray(linear))[None]
    starts = torch.from_numpy(np.stack([random_orthogonal(rng, 10, 1) for _ in range(8)]))
    rotation = ascend(problems, starts, 1e-6).rotation
    drift = rotation.mT @ rotation - torch.eye(10, dtype=torch.float64)
    assert drift.abs().max() < 1e-12


@pytest.mark.parametrize("solve", [halving._ascend, ascend_by_oracle])
def test_an_ascent_keeps_its_determinant(solve):
    problems, rng = make_problem(6, 9)
    starts = torch.from_numpy(np.stack([random_orthogonal(rng, 6, d) for d in (1, -1, 1, -1)]))
    maxima = solve(problems, torch.zeros(4, dtype=int), starts, 1e-8, 5000)
    assert maxima.converged.all()
    np.testing.assert_allclose(torch.linalg.det(maxima.rotation), [1, -1, 1, -1], atol=1e-9)


@pytest.mark.slow
def test_the_search_reaches_the_same_angles_with_the_oracle(monkeypatch):
    operators = [to_canonical(m) for m in np.random.default_rng(5).standard_normal((3, 6, 6))]
    pairs = [(0, 1), (1, 2), (2, 2)]
    compiled = align_pairs(operators, pairs)
    monkeypatch.setattr(halving, "_ascend", ascend_by_oracle)
    for one, two in zip(compiled, align_pairs(operators, pairs), strict=True):
        assert one.angle == pytest.approx(two.angle, abs=1e-6)
