"""Alignment: closed forms, brute force, symmetry, independence of the batch."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warpline

torch = pytest.importorskip("torch")

from warpline.similarity.dsa.alignment import align_pairs  # noqa: E402
from warpline.similarity.dsa.canonical import to_canonical  # noqa: E402
from warpline.similarity.dsa.search import AlignmentSettings  # noqa: E402
from warpline.similarity.dsa.search_status import chance_of_better, least_hits, status_of  # noqa: E402


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
        [to_canonical(a), to_canonical(b)], [(0, 1)], settings=AlignmentSettings(**changed)
    )
    return result


def angle_at(a, b, c):
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    aligned = c @ b @ c.T
    return 2 * np.arctan2(np.linalg.norm(a - aligned), np.linalg.norm(a + aligned))


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


def test_maxima_of_nearly_equal_operators_are_told_apart():
    """Noisy copies of a projector: its maxima lie closer than single precision tells them apart."""
    n, noise = 10, 0.002 / 10
    rng = np.random.default_rng(0)
    projector = np.diag(np.arange(n) < n // 2) / np.sqrt(n // 2)
    operators = [to_canonical(projector + noise * rng.normal(size=(n, n))) for _ in range(40)]
    pairs = [(2 * k, 2 * k + 1) for k in range(20)]
    many = AlignmentSettings(max_starts=200, first_starts=200, rungs=())
    best = align_pairs(operators, pairs, seed=1, settings=many)
    found = align_pairs(operators, pairs)
    missed = [row.angle > least.angle + 1e-5 for row, least in zip(found, best, strict=True)]
    assert sum(missed) >= 3
    assert all(row.status == "uncertain" for row, miss in zip(found, missed, strict=True) if miss)
    # Of operators without such symmetry they lie far apart, and the hits of single precision count.
    base = rng.normal(size=(n, n)) / n
    operators = [to_canonical(base + noise * rng.normal(size=(n, n))) for _ in range(20)]
    found = align_pairs(operators, [(2 * k, 2 * k + 1) for k in range(10)])
    assert all(row.angle < 0.01 and row.status == "converged" for row in found)


def test_a_perfect_match_is_not_dropped_where_its_value_rounds_above_one():
    n = 20
    scale = np.where(np.arange(n) == 0, 100.0, 1.0)[:, None]
    draws = [np.random.default_rng([k, n]).standard_normal((n, n)) * scale for k in range(200)]
    operators = [to_canonical(matrix) for matrix in [*draws, *(a.copy() for a in draws)]]
    for alignment in align_pairs(operators, [(k, k + 200) for k in range(200)]):
        assert alignment.angle < 2e-7
        assert alignment.status == "converged"


@pytest.mark.parametrize("n", [8, 10, 20])
@pytest.mark.parametrize("small", [1e-3, 3e-4, 1e-6])
def test_small_entries_align_with_their_rotation_too(n, small):
    # Single precision does not tell alignments of the small block apart.
    rng = np.random.default_rng(n)
    operators = []
    for _ in range(4):
        matrix = rng.standard_normal((n, n))
        matrix[:, n // 2 :] *= small
        matrix[n // 2 :, : n // 2] = 0
        q = random_orthogonal(rng, n)
        operators += [matrix, q @ matrix @ q.T]
    pairs = [(i, j) for i in range(0, 8, 2) for j in (i, i + 1)]
    for alignment in align_pairs([to_canonical(matrix) for matrix in operators], pairs):
        assert alignment.angle < 2e-7
        assert alignment.status == "converged"


@pytest.mark.parametrize(("s", "t"), [(0.3, 0.3), (0.3, 1.2), (0.3, -1.2), (0.1, 3.0), (1.0, 2.5)])
def test_plane_rotations_have_their_analytic_angle(s, t):
    # O(2) leaves a rotation as it is or turns its sense: cos = (cos s cos t + |sin s sin t|).
    expected = np.arccos(np.cos(s) * np.cos(t) + abs(np.sin(s) * np.sin(t)))
    assert align(rotation(s), rotation(t, scale=3.0)).angle == pytest.approx(expected, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_planes_agree_with_a_scan_over_the_group(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, 2, 2))
    grid = np.linspace(0, np.pi, 4001)
    mirror = np.diag([1.0, -1.0])
    best = min(angle_at(a, b, rotation(x) @ m) for x in grid for m in (np.eye(2), mirror))
    assert align(a, b).angle == pytest.approx(best, abs=1e-5)
    assert align(a, b).angle <= best + 1e-9


def ascend_by_gradient(a, b, rng, n_starts=60, n_steps=400):
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


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 4, 5])
def test_small_groups_agree_with_brute_force(n):
    for seed in range(4):
        rng = np.random.default_rng(100 * n + seed)
        a, b = rng.standard_normal((2, n, n))
        angle = align(a, b).angle
        brute = ascend_by_gradient(a, b, rng)
        assert angle <= brute + 1e-9
        assert angle == pytest.approx(brute, abs=1e-4)


@pytest.mark.slow
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


def permutations(n):
    return [np.eye(n)[list(p)] for p in itertools.permutations(range(n))]


def test_exact_cycles_have_an_angle():
    """Between a cycle and a double transposition all curvatures vanish at some starts."""
    matrices = permutations(4)
    pairs = list(itertools.combinations(range(len(matrices)), 2))
    results = align_pairs([to_canonical(m) for m in matrices], pairs)
    n_symmetric = 0
    for (i, j), result in zip(pairs, results, strict=True):
        assert result.status == "converged" and np.isfinite(result.angle)
        # Conjugate permutations are one in another basis.
        cycles = [np.sort_complex(np.linalg.eigvals(matrices[k]).round(6)) for k in (i, j)]
        assert (result.angle < 1e-7) == np.allclose(*cycles)
        for a, b in ((matrices[i], matrices[j]), (matrices[j], matrices[i])):
            if np.array_equal(b, b.T):
                # Only the symmetric part of a counts: eigenvalues are matched in their order.
                values = [np.sort(np.linalg.eigvalsh((m + m.T) / 2)) for m in (a, b)]
                expected = np.arccos(min(1, values[0] @ values[1] / 4))
                assert result.angle == pytest.approx(expected, abs=1e-7)
                n_symmetric += 1
    assert n_symmetric > 100


def test_a_set_of_exact_cycles_is_compared():
    """Each of four units drives another: the states are theirs in turn, without noise."""
    cycles = {}
    for k, matrix in enumerate(permutations(4)[1:]):
        powers = [np.linalg.matrix_power(matrix, t) for t in range(13)]
        cycles[str(k)] = np.tile(np.stack(powers, axis=1).transpose(2, 1, 0), (4, 1, 1))
    result = warpline.compare(cycles, measure="dsa", n_delays=1, rank=4)
    assert np.isfinite(result.dissimilarity).all()
    assert set(result.table["status"]) == {"converged"}


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


@pytest.mark.parametrize("n", [8, 11])
def test_swapping_transposes_the_rotation(n):
    operators = [to_canonical(m) for m in np.random.default_rng(3).standard_normal((2, n, n))]
    one, two = align_pairs(operators, [(0, 1), (1, 0)])
    assert one.angle == pytest.approx(two.angle, abs=1e-9)
    np.testing.assert_allclose(one.rotation, two.rotation.T, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 15])
def test_other_pairs_of_the_batch_do_not_matter(n):
    operators = [to_canonical(m) for m in np.random.default_rng(4).standard_normal((7, n, n))]
    pairs = [(i, j) for i in range(7) for j in range(i, 7)]
    together = align_pairs(operators, pairs, seed=5)
    # Above the low ranks, some pairs take more rounds than others.
    assert (len({row.n_starts for row in together}) > 1) == (n > 8)
    for k in (1, 8, 20):
        (alone,) = align_pairs(operators, [pairs[k]], seed=5)
        assert alone.angle == pytest.approx(together[k].angle, abs=1e-9)
        assert alone.n_starts == together[k].n_starts


def test_results_are_orthogonal_critical_points():
    operators = [to_canonical(m) for m in np.random.default_rng(6).standard_normal((5, 9, 9))]
    for result in align_pairs(operators, [(0, k) for k in range(1, 5)]):
        assert result.converged
        assert result.gradient_norm <= 1e-5
        np.testing.assert_allclose(result.rotation @ result.rotation.T, np.eye(9), atol=1e-12)


def test_the_cap_on_starts_is_kept():
    operators = [to_canonical(m) for m in np.random.default_rng(7).standard_normal((2, 12, 12))]
    for cap in (1, 3, 11):
        (result,) = align_pairs(operators, [(0, 1)], settings=AlignmentSettings(max_starts=cap))
        assert result.n_starts <= cap


@pytest.mark.parametrize("name", ["max_starts", "first_starts", "max_steps"])
def test_a_search_without_starts_or_steps_is_refused(name):
    with pytest.raises(ValueError, match=f"expected {name} to be a positive integer; got 0"):
        AlignmentSettings(**{name: 0})


def test_an_ascent_that_runs_out_of_steps_says_so():
    operators = [to_canonical(m) for m in np.random.default_rng(8).standard_normal((2, 10, 10))]
    (result,) = align_pairs(operators, [(0, 1)], settings=AlignmentSettings(max_steps=1))
    assert not result.converged


def test_operators_of_different_size_are_refused():
    operators = [to_canonical(np.eye(2)), to_canonical(np.eye(3))]
    with pytest.raises(ValueError, match="equal size"):
        align_pairs(operators, [(0, 1)])


def test_no_pairs_give_no_results():
    assert align_pairs([to_canonical(np.eye(2))], []) == []


def test_zeros_of_a_lower_rank_hide_no_hits():
    rng = np.random.default_rng(4)
    matrices = [rng.standard_normal((n, n)) for n in (8, 5) * 20]
    operators = [to_canonical(np.pad(matrix, (0, 8 - len(matrix)))) for matrix in matrices]
    results = align_pairs(operators, [(2 * k, 2 * k + 1) for k in range(20)])
    # Where starts were dropped for their place, none had more than four hits, and one in five was uncertain.
    assert all(result.status == "converged" and result.n_hits > 4 for result in results)


def test_a_hit_says_less_at_a_high_rank():
    starts, hits = torch.full((9,), 48), torch.arange(9)
    low, also_low, high, higher = (chance_of_better(starts, hits, rank) for rank in (2, 10, 14, 20))
    assert torch.equal(low, also_low)
    assert (low[2:] < high[2:]).all() and (high[2:] < higher[2:]).all()
    # By formula: at four times the rank of 10 the chance is eightfold, and more starts go by their number.
    assert torch.allclose(chance_of_better(starts, hits, 40)[2:], 8 * low[2:])
    assert low[0].item() == 1 and low[4].item() == pytest.approx(16 / 48 / 4.5**2.5)
    assert torch.allclose(chance_of_better(2 * starts, hits, 20)[2:], higher[2:] / 2)


def test_the_chance_asks_for_the_least_hits_where_a_search_is_not_long():
    for accepted, cap in ((0.01, 48), (0.003, 300)):
        for rank in range(1, 31):
            too_few = torch.arange(least_hits(rank))
            assert (chance_of_better(torch.tensor(cap), too_few, rank) > accepted).all()


def test_many_starts_without_hits_leave_a_search_uncertain():
    rng = np.random.default_rng(0)
    operators = [to_canonical(rng.standard_normal((30, 30))) for _ in range(2)]
    settings = AlignmentSettings(max_starts=240, accepted_chance=0.01)
    (few,) = align_pairs(operators, [(0, 1)], settings=settings)
    # The chance would do, but the hits are too few.
    assert few.n_starts == 240 and few.n_hits < least_hits(30)
    assert few.chance_of_better < 0.01 and few.status == "uncertain"
    assert status_of(True, 0.001, 0.003, least_hits(30), 30) == "converged"
    assert status_of(True, 0.001, 0.003, least_hits(30) - 1, 30) == "uncertain"
