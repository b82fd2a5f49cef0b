"""The compiled climb against the batched one, which is written in other operations."""

import numpy as np
import pytest
import scipy.linalg
import torch

from warpline.similarity.dsa import compiled, curvature, halving, trust_region
from warpline.similarity.dsa.alignment import align_pairs
from warpline.similarity.dsa.frames import frame_operator
from warpline.similarity.dsa.problems import Problems


def make_problem(size, seed):
    rng = np.random.default_rng(seed)
    a, b = (frame_operator(m) for m in rng.standard_normal((2, size, size)))
    tensors = (torch.from_numpy(x)[None] for x in (a.symmetric, a.frequencies, b.matrix))
    return Problems(*tensors, a.phantom), rng


def near_identity(rng, size, scale, phantom):
    skew = rng.standard_normal((size, size)) * scale
    if phantom:
        skew[-1] = skew[:, -1] = 0
    return scipy.linalg.expm(skew - skew.T)


def climb(problems, starts, tolerance):
    return halving._maximise(problems, torch.zeros(len(starts), dtype=int), starts, tolerance, 5000)


def batched(problems, which, starts, tolerance, max_products):
    return trust_region.maximise(
        problems,
        which,
        starts,
        relative_tolerance=tolerance,
        max_products=max_products,
        batch=16,
    )


@pytest.mark.parametrize("size", [5, 6, 12])
@pytest.mark.parametrize(("kind", "error"), [(np.float32, 1e-5), (np.float64, 1e-6)])
def test_derivatives_are_those_of_the_batched_climb(size, kind, error):
    problems, rng = make_problem(size, size)
    problems = problems.to(torch.from_numpy(np.empty(0, kind)).dtype)
    n = problems.target.shape[-1]
    turn = near_identity(rng, n, 0.3, problems.phantom)
    moved = (turn @ problems.target[0].double().numpy() @ turn.T).astype(kind)
    direction = rng.standard_normal((n, n)).astype(np.float32)
    direction -= direction.T
    symmetric, frequencies = problems.symmetric[0].numpy(), problems.frequencies[0].numpy()
    state = {
        "symmetric": problems.symmetric,
        "frequencies": problems.frequencies,
        "full": curvature.full_matrix(problems.symmetric, problems.frequencies),
        "moved": torch.from_numpy(moved)[None],
    }
    curvature.fill_gradient(state)
    curvature.fill_preconditioner(state, problems.phantom)

    factor = np.empty((n, 3 * n), np.float32)
    gradient, work, more = (np.empty((n, n), kind) for _ in range(3))
    norm = compiled._fill_gradient(symmetric, frequencies, moved, factor, gradient, work, more)
    np.testing.assert_allclose(gradient, state["gradient"][0], atol=error)
    assert norm == pytest.approx(float(state["norm"][0]), rel=1e-5)

    small = [x.astype(np.float32) for x in (symmetric, frequencies)]
    curved, wide, work, more = (np.empty((n, k), np.float32) for k in (n, 3 * n, n, n))
    compiled._curve(*small, factor, direction, curved, wide, work, more)
    expected = curvature.curve(state, torch.from_numpy(direction.astype(kind))[None])[0]
    np.testing.assert_allclose(curved, expected, atol=1e-5)

    keep, swap = (np.empty((n // 2, n // 2), np.float32) for _ in range(2))
    compiled._fill_preconditioner(symmetric, frequencies, moved, problems.phantom, keep, swap)
    np.testing.assert_allclose(keep, state["keep"][0], rtol=1e-3)
    np.testing.assert_allclose(swap, state["swap"][0], rtol=1e-3, atol=1e-3)
    compiled._precondition(keep, swap, direction, curved)
    weights = (torch.from_numpy(x)[None] for x in (keep, swap))
    expected = curvature.apply_preconditioner(*weights, torch.from_numpy(direction)[None])[0]
    np.testing.assert_allclose(curved, expected, rtol=1e-5)


@pytest.mark.parametrize(("kind", "error"), [(np.float32, 1e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize("norm", [1e-3, 0.1, 3.0])
def test_the_exponential_is_that_of_scipy(kind, error, norm):
    step = np.random.default_rng(0).standard_normal((8, 8))
    step -= step.T
    step = (step * norm / np.linalg.norm(step)).astype(kind)
    out, *work = (np.empty((8, 8), kind) for _ in range(4))
    compiled._exponential(step, 0.5, out, *work)
    expected = scipy.linalg.expm(0.5 * step.astype(float))
    np.testing.assert_allclose(out, expected, atol=20 * error)


@pytest.mark.parametrize("size", [7, 10])
def test_both_climbs_reach_the_maximum_of_a_basin(size):
    problems, rng = make_problem(size, 3)
    n = problems.target.shape[-1]
    top = climb(problems, torch.eye(n, dtype=torch.float64)[None], 1e-9).rotation
    push = [near_identity(rng, n, 0.01, problems.phantom) for _ in range(3)]
    starts = torch.from_numpy(np.stack(push)) @ top
    one = climb(problems, starts, 1e-8)
    two = batched(problems, torch.zeros(3, dtype=int), starts, 1e-8, 5000)
    assert one.converged.all()
    assert two.converged.all()
    np.testing.assert_allclose(one.value, two.value, atol=1e-12)
    np.testing.assert_allclose(one.moved, two.moved, atol=1e-6)
    np.testing.assert_allclose(
        one.moved, one.rotation @ problems.target @ one.rotation.mT, atol=1e-12
    )


def test_a_climb_keeps_its_determinant():
    problems, _ = make_problem(6, 4)
    mirror = torch.diag(torch.tensor([-1.0, 1, 1, 1, 1, 1], dtype=torch.float64))
    starts = torch.stack([torch.eye(6, dtype=torch.float64), mirror])
    found = climb(problems, starts, 1e-8)
    np.testing.assert_allclose(torch.linalg.det(found.rotation), [1, -1], atol=1e-10)


def test_the_batched_climb_solves_the_alignment_too(monkeypatch):
    """On CUDA it is the one that is used: the same search over starts runs on it."""
    frames = [frame_operator(m) for m in np.random.default_rng(5).standard_normal((3, 6, 6))]
    pairs = [(0, 1), (1, 2), (2, 2)]
    host = align_pairs(frames, pairs)
    monkeypatch.setattr(halving, "_maximise", batched)
    for one, two in zip(host, align_pairs(frames, pairs), strict=True):
        assert one.angle == pytest.approx(two.angle, abs=1e-6)
