"""Operators: closed forms, the routes against each other, ranks, bad input, rank selection."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.similarity.dsa import (
    ConstantDataError,
    DimensionError,
    DSAInputError,
    NonFiniteDataError,
    RankError,
    SettingsError,
    SingularRegressionError,
    TooFewTimePointsError,
    fit_operator,
    hankel,
    select_rank,
)
from warpline.similarity.dsa.hankel import delay_embed, gram_matrix, leading_factor
from warpline.similarity.dsa.operators import fit_operators


def random_orthogonal(rng, n):
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return q * np.sign(np.diag(r))


def linear_states(matrix, n_trials=20, n_times=30, seed=0):
    rng = np.random.default_rng(seed)
    x = np.empty((n_trials, n_times, len(matrix)))
    x[:, 0] = rng.standard_normal((n_trials, len(matrix)))
    for t in range(1, n_times):
        x[:, t] = x[:, t - 1] @ matrix.T
    return x


def naive_operator(states, n_delays, interval, rank, ridge):
    """HAVOK-DMD as written: the singular value decomposition of all of H."""
    rows = delay_embed(states, n_delays, interval)
    k, t, d = rows.shape
    left, _, _ = np.linalg.svd(rows.reshape(-1, d), full_matrices=False)
    v = left[:, :rank].reshape(k, t, rank)
    before, after = v[:, :-1].reshape(-1, rank), v[:, 1:].reshape(-1, rank)
    inverse = np.linalg.inv(before.T @ before + ridge * np.eye(rank))
    return (inverse @ before.T @ after).T


def invariants(matrix):
    """Numbers that fix a matrix up to signs of its coordinates."""
    return np.concatenate([np.abs(matrix).ravel(), np.diag(matrix @ matrix), np.diag(matrix)])


def test_a_linear_map_gives_its_own_eigenvalues():
    matrix = 0.99 * random_orthogonal(np.random.default_rng(1), 5)
    operator = fit_operator(linear_states(matrix), n_delays=1, rank=5)
    expected = np.sort_complex(np.linalg.eigvals(matrix))
    np.testing.assert_allclose(
        np.sort_complex(np.linalg.eigvals(operator.matrix)), expected, atol=1e-12
    )


@pytest.mark.parametrize(("n_delays", "interval"), [(1, 1), (2, 3), (5, 1), (4, 2), (6, 4)])
def test_gram_matrix_is_that_of_the_embedding(n_delays, interval):
    states = np.random.default_rng(0).standard_normal((7, 40, 3))
    rows = delay_embed(states, n_delays, interval).reshape(-1, 3 * n_delays)
    np.testing.assert_allclose(gram_matrix(states, n_delays, interval), rows.T @ rows, atol=1e-11)


def test_embedding_puts_the_newest_state_first():
    states = np.arange(10.0).reshape(1, 10, 1)
    np.testing.assert_array_equal(delay_embed(states, 3, 2)[0, 0], [4, 2, 0])
    assert delay_embed(states, 3, 2).shape == (1, 6, 3)


@pytest.mark.parametrize("shape", [(30, 20, 4), (3, 12, 4), (2, 9, 8)])
def test_operators_of_several_ranks_are_those_of_each_alone(shape):
    # The highest rank exceeds what the last two carry; the last takes the route by snapshots.
    states = np.random.default_rng(2).standard_normal(shape).cumsum(axis=1)
    ranks = [5, 2, 30]
    together = fit_operators(states, n_delays=4, ranks=ranks, ridge=0.01)
    for rank, operator in zip(ranks, together, strict=True):
        alone = fit_operator(states, n_delays=4, rank=rank, ridge=0.01)
        assert (operator.rank, operator.rank_used) == (rank, alone.rank_used)
        np.testing.assert_allclose(operator.matrix, alone.matrix, atol=1e-11)
        np.testing.assert_allclose(operator.singular_values, alone.singular_values, rtol=1e-12)
        assert operator.condition_number == pytest.approx(alone.condition_number, rel=1e-11)


def test_several_ranks_are_refused_at_the_first_that_the_data_do_not_carry():
    states = np.random.default_rng(2).standard_normal((20, 12, 3))
    with pytest.raises(RankError, match="rank 9"):
        fit_operators(states, n_delays=2, ranks=[4, 9], strict=True)
    with pytest.raises(SettingsError):
        fit_operators(states, n_delays=2, ranks=[4, 0])


@pytest.mark.parametrize("ridge", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(30, 20, 4), (3, 12, 4), (1, 60, 2)])
def test_operator_is_the_one_of_the_full_decomposition(shape, ridge):
    states = np.random.default_rng(2).standard_normal(shape).cumsum(axis=1)
    operator = fit_operator(states, n_delays=4, delay_interval=2, rank=5, ridge=ridge)
    naive = naive_operator(states, 4, 2, 5, ridge)
    tolerance = 1e-14 * operator.condition_number**2 + 1e-12
    np.testing.assert_allclose(invariants(operator.matrix), invariants(naive), atol=tolerance)


def test_blocks_of_trials_do_not_change_the_operator(monkeypatch):
    states = np.random.default_rng(3).standard_normal((50, 20, 3))
    whole = fit_operator(states, n_delays=3, rank=6).matrix
    monkeypatch.setattr(hankel, "_BLOCK_BYTES", 1)
    monkeypatch.setattr(hankel, "_GRAM_BLOCK_BYTES", 1)
    np.testing.assert_allclose(fit_operator(states, n_delays=3, rank=6).matrix, whole, atol=1e-13)


def decaying_states(decades):
    rng = np.random.default_rng(4)
    mixing = random_orthogonal(rng, 6)
    scales = np.logspace(0, -decades, 6)
    return (rng.standard_normal((40, 15, 6)) * scales) @ mixing.T


@pytest.mark.parametrize(("decades", "method"), [(2, "gram"), (7, "qr")])
def test_ill_conditioned_data_take_the_qr_route(decades, method):
    operator = fit_operator(decaying_states(decades), n_delays=1, rank=6)
    assert operator.method == method
    naive = naive_operator(decaying_states(decades), 1, 1, 6, 0.0)
    tolerance = max(1e-10, 100 * np.finfo(float).eps * operator.condition_number)
    np.testing.assert_allclose(invariants(operator.matrix), invariants(naive), atol=tolerance)


def test_fewer_rows_than_columns_take_the_snapshots_route():
    states = np.random.default_rng(5).standard_normal((4, 12, 8))
    assert fit_operator(states, n_delays=8, rank=3).method == "snapshots"


def test_rank_beyond_the_data_is_padded_and_recorded():
    states = linear_states(0.9 * random_orthogonal(np.random.default_rng(6), 3))
    operator = fit_operator(states, n_delays=4, rank=8)
    assert operator.rank_used == 3
    assert operator.matrix.shape == (8, 8)
    assert not operator.matrix[3:].any()
    assert not operator.matrix[:, 3:].any()
    with pytest.raises(RankError, match="rank 3"):
        fit_operator(states, n_delays=4, rank=8, strict=True)


def test_rank_is_limited_by_the_number_of_transitions():
    states = np.random.default_rng(7).standard_normal((1, 6, 10))
    assert fit_operator(states, n_delays=1, rank=10, ridge=1e-3).rank_used == 5


def test_single_precision_data_lose_the_directions_of_their_rounding():
    states = decaying_states(12)
    double = fit_operator(states, n_delays=1, rank=6).rank_used
    single = fit_operator(states.astype(np.float32), n_delays=1, rank=6).rank_used
    assert single < double


def test_units_and_trials_may_differ_in_number():
    rng = np.random.default_rng(8)
    for shape in [(1, 80, 2), (5, 20, 7)]:
        assert fit_operator(rng.standard_normal(shape), n_delays=3, rank=4).matrix.shape == (4, 4)


def test_operator_is_deterministic_and_read_only():
    states = np.random.default_rng(9).standard_normal((10, 20, 3))
    one, two = (fit_operator(states, n_delays=2, rank=4).matrix for _ in range(2))
    np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="read-only"):
        one[0, 0] = 1


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.floats(0.01, 100))
def test_orthogonal_coordinates_and_units_of_the_data_do_not_matter(seed, scale):
    rng = np.random.default_rng(seed)
    states = rng.standard_normal((12, 18, 4)).cumsum(axis=1)
    turned = scale * states @ random_orthogonal(rng, 4)
    one = fit_operator(states, n_delays=3, rank=5)
    two = fit_operator(turned, n_delays=3, rank=5)
    gaps = -np.diff(np.log(one.singular_values)).min()
    tolerance = 1e-12 * one.condition_number**2 + 1e-10 / max(gaps, 1e-6)
    np.testing.assert_allclose(
        np.sort(np.abs(np.linalg.eigvals(one.matrix))),
        np.sort(np.abs(np.linalg.eigvals(two.matrix))),
        atol=1e-6 + tolerance,
    )


@pytest.mark.parametrize(
    ("states", "error", "says"),
    [
        (np.ones(3), DimensionError, "trial, time, unit"),
        (np.zeros((0, 9, 2)), DimensionError, "non-empty"),
        (np.ones((2, 9, 3), dtype=complex), DimensionError, "real"),
        (np.ones((2, 5, 3)), TooFewTimePointsError, "at least 6 time points"),
        ([np.ones((9, 3)), np.ones((5, 3))], TooFewTimePointsError, "Drop the 1 trials"),
        ([np.ones((9, 3)), np.ones((8, 2))], DimensionError, "the same units"),
        ([np.ones((9, 3)), np.ones((8, 3))], ConstantDataError, "change in time"),
        (np.full((2, 9, 3), np.nan), NonFiniteDataError, "54 values that are NaN"),
        (np.ones((2, 9, 3)), ConstantDataError, "change in time"),
    ],
)
def test_bad_states_say_what_was_expected_and_got(states, error, says):
    with pytest.raises(error, match=says) as caught:
        fit_operator(states, n_delays=3, delay_interval=2, rank=2)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, DSAInputError)
    assert caught.value.expected
    assert caught.value.got
    assert caught.value.remedy


@pytest.mark.parametrize(
    "changed",
    [{"n_delays": 0}, {"delay_interval": 1.5}, {"rank": 0}, {"ridge": -1}, {"rank_tolerance": 2}],
)
def test_bad_settings_are_refused(changed):
    arguments = {"n_delays": 2, "rank": 2, **changed}
    with pytest.raises(SettingsError):
        fit_operator(np.random.default_rng(0).standard_normal((2, 9, 3)), **arguments)


def test_directions_seen_only_at_the_last_times_do_not_count():
    rng = np.random.default_rng(10)
    states = np.zeros((6, 12, 4))
    states[..., :2] = linear_states(0.9 * random_orthogonal(rng, 2), 6, 12)
    states[:, -1, 2:] = rng.standard_normal((6, 2))
    operator = fit_operator(states, n_delays=1, rank=4)
    assert operator.rank_used < 4
    assert np.linalg.norm(operator.matrix) < 10
    assert fit_operator(states, n_delays=1, rank=4, ridge=1e-3).rank_used == 4
    with pytest.raises(RankError):
        fit_operator(states, n_delays=1, rank=4, strict=True)


def test_states_that_appear_at_the_last_time_only_are_refused():
    states = np.zeros((3, 5, 2))
    states[:, -1] = np.random.default_rng(0).standard_normal((3, 2))
    with pytest.raises(SingularRegressionError, match="ridge"):
        fit_operator(states, n_delays=1, rank=1)


def test_leading_factor_is_the_singular_value_decomposition():
    states = np.random.default_rng(11).standard_normal((30, 16, 3))
    rows = delay_embed(states, 3, 2).reshape(-1, 9)
    factor = leading_factor(states, 3, 2, 4, 1e-12)
    np.testing.assert_allclose(
        factor.singular_values, np.linalg.svd(rows, compute_uv=False)[:4], rtol=1e-12
    )
    np.testing.assert_allclose(factor.directions.T @ factor.directions, np.eye(4), atol=1e-13)


def test_rank_selection_finds_the_rank_of_a_noisy_linear_system():
    rng = np.random.default_rng(12)
    matrix = 0.98 * random_orthogonal(rng, 4)
    states = linear_states(matrix, n_trials=40) @ rng.standard_normal((4, 10))
    states = states + 1e-3 * rng.standard_normal(states.shape)
    result = select_rank(states, n_delays=1, ranks=[1, 2, 4, 6, 9, 50])
    assert result.best_rank == 4
    np.testing.assert_array_equal(result.ranks, [1, 2, 4, 6, 9])
    assert result.error[2] < 1e-3 * result.persistence_error
    assert (result.n_train, result.n_test) == (32, 8)
    with pytest.raises(DSAInputError, match="two trials"):
        select_rank(states[:1], n_delays=1, ranks=[2])
