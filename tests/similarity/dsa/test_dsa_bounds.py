"""Bounds: below every angle, tight where they must be, dual at least the split bound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from warpline.similarity.dsa.alignment import align_pairs
from warpline.similarity.dsa.bounds import certify, lower_bounds, split_bound
from warpline.similarity.dsa.canonical import to_canonical


def random_orthogonal(rng, n):
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return q * np.sign(np.diag(r))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 7), kind=st.sampled_from(["split", "dual"]))
def test_no_alignment_is_below_the_bound(seed, n, kind):
    rng = np.random.default_rng(seed)
    operators = [to_canonical(m) for m in rng.standard_normal((2, n, n))]
    (bound,) = lower_bounds(operators, [(0, 1)], kind=kind)
    (result,) = align_pairs(operators, [(0, 1)])
    assert 0 <= bound <= result.angle


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(2, 8))
def test_no_random_rotation_is_below_the_dual_bound(seed, n):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, n, n))
    (bound,) = lower_bounds([to_canonical(a), to_canonical(b)], [(0, 1)], kind="dual")
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    for _ in range(20):
        c = random_orthogonal(rng, n)
        assert np.arccos(np.clip((a * (c @ b @ c.T)).sum(), -1, 1)) >= bound - 1e-9


def test_the_dual_bound_is_at_least_the_split_bound():
    rng = np.random.default_rng(0)
    operators = [to_canonical(m) for m in rng.standard_normal((6, 8, 8))]
    pairs = [(i, j) for i in range(6) for j in range(i)]
    split = lower_bounds(operators, pairs, kind="split")
    dual = lower_bounds(operators, pairs, kind="dual")
    assert (dual >= split).all()
    assert dual.mean() > 1.5 * split.mean()


@pytest.mark.parametrize("skew", [False, True])
def test_the_split_bound_is_the_angle_where_one_part_is_missing(skew):
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 6, 6))
    sign = -1 if skew else 1
    operators = [to_canonical(a + sign * a.T), to_canonical(b + sign * b.T)]
    (result,) = align_pairs(operators, [(0, 1)])
    assert split_bound(*operators) == pytest.approx(result.angle, abs=1e-7)


def test_the_bound_of_a_rotated_copy_is_zero():
    rng = np.random.default_rng(2)
    a = rng.standard_normal((9, 9))
    q = random_orthogonal(rng, 9)
    operators = [to_canonical(a), to_canonical(q @ a @ q.T)]
    np.testing.assert_allclose(lower_bounds(operators, [(0, 1), (0, 0)], kind="dual"), 0, atol=1e-6)


def test_auto_takes_the_dual_bound_at_small_ranks_only(monkeypatch):
    from warpline.similarity.dsa import bounds

    operators = [to_canonical(m) for m in np.random.default_rng(3).standard_normal((2, 6, 6))]
    kinds = {
        kind: lower_bounds(operators, [(0, 1)], kind=kind)[0] for kind in ("auto", "split", "dual")
    }
    assert kinds["auto"] == kinds["dual"] > kinds["split"]
    monkeypatch.setattr(bounds, "DUAL_RANK_LIMIT", 5)
    assert lower_bounds(operators, [(0, 1)])[0] == kinds["split"]
    # Beyond the limit the certificate is a Cholesky factorisation: a little looser, still a bound.
    certified = lower_bounds(operators, [(0, 1)], kind="dual")[0]
    assert kinds["split"] <= certified <= kinds["dual"]
    assert certified == pytest.approx(kinds["dual"], abs=0.02)


def test_a_loose_estimate_is_raised_until_it_is_certified():
    matrix = np.diag([1.0, 2.0, 3.0])
    top = certify(matrix, estimate=2.0, step=0.1)
    assert 3.0 <= top <= 4.0


def test_swapping_keeps_the_bound():
    operators = [to_canonical(m) for m in np.random.default_rng(4).standard_normal((2, 7, 7))]
    one, two = lower_bounds(operators, [(0, 1), (1, 0)], kind="dual")
    assert one == pytest.approx(two, abs=1e-9)
