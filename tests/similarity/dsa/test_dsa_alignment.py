"""Alignment: closed forms, brute force, derivatives, symmetry, independence of the batch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from warpline.similarity.dsa.alignment import AlignmentSettings, align_pairs  # noqa: E402
from warpline.similarity.dsa.curvature import curve, fill_gradient  # noqa: E402
from warpline.similarity.dsa.frames import frame_operator  # noqa: E402
from warpline.similarity.dsa.problems import Problems  # noqa: E402
from warpline.similarity.dsa.trust_region import maximise  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_orthogonal(rng, n, determinant=None):
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    q = q * np.sign(np.diag(r))
    if determinant is not None and np.linalg.det(q) * determinant < 0:
        q[:, 0] *= -1
    return q


def align(a, b, **changed):
    (result,) = align_pairs(
        [frame_operator(a), frame_operator(b)], [(0, 1)], settings=AlignmentSettings(**changed)
    )
    return result


def angle_at(a, b, c):
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    moved = c @ b @ c.T
    return 2 * np.arctan2(np.linalg.norm(a - moved), np.linalg.norm(a + moved))


def rotation(theta, scale=1.0):
    return scale * np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])


@pytest.mark.parametrize("determinant", [1, -1])
@pytest.mark.parametrize("n", [1, 2, 3, 6, 11, 20])
def test_a_matrix_and_its_rotation_are_at_zero(n, determinant):
    rng = np.random.default_rng(n)
    a = rng.standard_normal((n, n))
    q = random_orthogonal(rng, n, determinant)
    result = align(a, q @ a @ q.T)
    assert result.angle <= 1e-6
    assert result.converged
    assert angle_at(a, q @ a @ q.T, result.rotation) == pytest.approx(result.angle, abs=1e-12)


@pytest.mark.parametrize("n", [2, 5, 20])
def test_a_matrix_is_at_zero_from_itself(n):
    a = np.random.default_rng(n).standard_normal((n, n))
    assert align(a, a).angle <= 1e-6


@pytest.mark.parametrize(("s", "t"), [(0.3, 0.3), (0.3, 1.2), (0.3, -1.2), (0.1, 3.0), (1.0, 2.5)])
def test_plane_rotations_have_their_analytic_angle(s, t):
    # O(2) leaves a rotation as it is or turns its sense: cos = (cos s cos t + |sin s sin t|).
    expected = np.arccos(np.cos(s) * np.cos(t) + abs(np.sin(s) * np.sin(t)))
    assert align(rotation(s), rotation(t, scale=3.0)).angle == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_planes_agree_with_a_scan_over_the_group(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, 2, 2))
    grid = np.linspace(0, np.pi, 4001)
    mirror = np.diag([1.0, -1.0])
    best = min(angle_at(a, b, rotation(x) @ m) for x in grid for m in (np.eye(2), mirror))
    assert align(a, b).angle == pytest.approx(best, abs=1e-5)
    assert align(a, b).angle <= best + 1e-9


def descend(a, b, rng, n_starts=60, n_steps=400):
    """Plain Riemannian gradient ascent with backtracking, from many random starts at once."""
    n = len(a)
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    c = np.stack([random_orthogonal(rng, n, (-1) ** k) for k in range(n_starts)])
    step = np.full(n_starts, 1.0)
    for _ in range(n_steps):
        y = c @ b @ c.swapaxes(1, 2)
        product = a @ y.swapaxes(1, 2) - y.swapaxes(1, 2) @ a
        w = (product - product.swapaxes(1, 2)) * step[:, None, None] / 2
        turned = np.linalg.solve(np.eye(n) - w / 2, np.eye(n) + w / 2) @ c
        value = (a * (turned @ b @ turned.swapaxes(1, 2))).sum((1, 2))
        better = value > (a * y).sum((1, 2))
        c[better] = turned[better]
        step = np.where(better, step * 1.3, step / 2)
    return min(angle_at(a, b, x) for x in c)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_small_groups_agree_with_brute_force(n):
    for seed in range(4):
        rng = np.random.default_rng(100 * n + seed)
        a, b = rng.standard_normal((2, n, n))
        found = align(a, b).angle
        brute = descend(a, b, rng)
        assert found <= brute + 1e-9
        assert found == pytest.approx(brute, abs=1e-4)


def test_derivatives_are_those_of_the_objective():
    rng = np.random.default_rng(0)
    a, b = (frame_operator(m) for m in rng.standard_normal((2, 6, 6)))
    y = torch.from_numpy(random_orthogonal(rng, 6) @ b.matrix @ random_orthogonal(rng, 6).T)[None]
    state = {
        "symmetric": torch.from_numpy(a.symmetric)[None],
        "frequencies": torch.from_numpy(a.frequencies)[None],
        "moved": y,
    }
    fill_gradient(state)
    w = torch.from_numpy(rng.standard_normal((6, 6)))
    w = w - w.T
    full = torch.from_numpy(a.matrix)

    def value(t):
        turn = torch.matrix_exp(t * w)
        return (full * (turn @ y[0] @ turn.T)).sum()

    h = 1e-4
    slope = (value(h) - value(-h)) / (2 * h)
    bend = (value(h) - 2 * value(0) + value(-h)) / h**2
    assert (state["gradient"][0] * w).sum() == pytest.approx(float(slope), rel=1e-6)
    assert -(curve(state, w[None])[0] * w).sum() == pytest.approx(float(bend), rel=1e-5)


def test_the_hessian_is_symmetric_away_from_critical_points():
    rng = np.random.default_rng(1)
    a, b = (frame_operator(m) for m in rng.standard_normal((2, 5, 5)))
    state = {
        "symmetric": torch.from_numpy(a.symmetric)[None],
        "frequencies": torch.from_numpy(a.frequencies)[None],
        "moved": torch.from_numpy(b.matrix)[None],
    }
    fill_gradient(state)
    u, v = torch.from_numpy(rng.standard_normal((2, 1, 6, 6)))
    u, v = u - u.mT, v - v.mT
    assert (curve(state, u) * v).sum() == pytest.approx(
        float((curve(state, v) * u).sum()), rel=1e-10
    )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(2, 5), scale=st.floats(1e-3, 1e3))
def test_angle_is_invariant_to_scaling_rotation_and_swapping(seed, n, scale):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, n, n))
    q = random_orthogonal(rng, n)
    angle = align(a, b).angle
    assert 0 <= angle <= np.pi
    assert align(b, a).angle == pytest.approx(angle, abs=1e-6)
    assert align(scale * a, b).angle == pytest.approx(angle, abs=1e-6)
    assert align(q @ a @ q.T, b).angle == pytest.approx(angle, abs=1e-6)


def test_opposite_matrices_of_one_dimension_are_at_pi():
    assert align(np.array([[2.0]]), np.array([[-3.0]])).angle == pytest.approx(np.pi)


def test_multiples_of_the_identity_align_at_once():
    b = np.random.default_rng(0).standard_normal((4, 4))
    expected = angle_at(np.eye(4), b, np.eye(4))
    assert align(np.eye(4), b).angle == pytest.approx(expected, abs=1e-12)
    assert align(2 * np.eye(4), np.eye(4)).angle == 0


@pytest.mark.parametrize("n", [7, 8])
def test_zero_padding_keeps_perfect_alignments(n):
    rng = np.random.default_rng(n)
    a = np.zeros((n, n))
    a[:3, :3] = rng.standard_normal((3, 3))
    q = random_orthogonal(rng, n)
    assert align(a, q @ a @ q.T).angle <= 1e-6


def test_swapping_transposes_the_rotation():
    frames = [frame_operator(m) for m in np.random.default_rng(3).standard_normal((2, 8, 8))]
    one, two = align_pairs(frames, [(0, 1), (1, 0)])
    assert one.angle == pytest.approx(two.angle, abs=1e-9)
    np.testing.assert_allclose(one.rotation, two.rotation.T, atol=1e-6)


@pytest.mark.parametrize("n", [6, 15])
def test_other_pairs_of_the_batch_do_not_matter(n):
    frames = [frame_operator(m) for m in np.random.default_rng(4).standard_normal((7, n, n))]
    pairs = [(i, j) for i in range(7) for j in range(i, 7)]
    together = align_pairs(frames, pairs, seed=5)
    for k in (1, 8, 20):
        (alone,) = align_pairs(frames, [pairs[k]], seed=5)
        assert alone.angle == pytest.approx(together[k].angle, abs=1e-9)
        assert alone.n_starts == together[k].n_starts


def test_results_are_orthogonal_critical_points():
    frames = [frame_operator(m) for m in np.random.default_rng(6).standard_normal((5, 9, 9))]
    for result in align_pairs(frames, [(0, k) for k in range(1, 5)]):
        assert result.converged
        assert result.gradient_norm <= 1e-5
        np.testing.assert_allclose(result.rotation @ result.rotation.T, np.eye(9), atol=1e-12)


def test_the_cap_on_starts_is_kept():
    frames = [frame_operator(m) for m in np.random.default_rng(7).standard_normal((2, 12, 12))]
    for cap in (1, 3, 11):
        (result,) = align_pairs(frames, [(0, 1)], settings=AlignmentSettings(max_starts=cap))
        assert result.n_starts <= cap


def test_a_climb_that_runs_out_of_steps_says_so():
    frames = [frame_operator(m) for m in np.random.default_rng(8).standard_normal((2, 10, 10))]
    (result,) = align_pairs(frames, [(0, 1)], settings=AlignmentSettings(max_steps=1))
    assert not result.converged


def test_climbing_keeps_the_determinant():
    rng = np.random.default_rng(9)
    a, b = (frame_operator(m) for m in rng.standard_normal((2, 6, 6)))
    problems = Problems(
        torch.from_numpy(a.symmetric)[None],
        torch.from_numpy(a.frequencies)[None],
        torch.from_numpy(b.matrix)[None],
        False,
    )
    starts = torch.from_numpy(np.stack([random_orthogonal(rng, 6, d) for d in (1, -1, 1, -1)]))
    solution = maximise(
        problems,
        torch.zeros(4, dtype=torch.long),
        starts,
        relative_tolerance=1e-6,
        max_products=2000,
        batch=2,
    )
    assert solution.converged.all()
    np.testing.assert_allclose(torch.linalg.det(solution.rotation), [1, -1, 1, -1], atol=1e-9)


def test_operators_of_different_size_are_refused():
    frames = [frame_operator(np.eye(2)), frame_operator(np.eye(3))]
    with pytest.raises(ValueError, match="equal size"):
        align_pairs(frames, [(0, 1)])


def test_no_pairs_give_no_results():
    assert align_pairs([frame_operator(np.eye(2))], []) == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu():
    frames = [frame_operator(m) for m in np.random.default_rng(10).standard_normal((4, 5, 5))]
    pairs = [(0, 1), (1, 2), (2, 3), (3, 3)]
    host = align_pairs(frames, pairs)
    device = align_pairs(frames, pairs, settings=AlignmentSettings(device="cuda"))
    for one, two in zip(host, device, strict=True):
        assert one.angle == pytest.approx(two.angle, abs=1e-6)
