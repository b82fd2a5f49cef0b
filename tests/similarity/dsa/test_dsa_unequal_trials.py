"""DSA on trials of unequal length, against a Hankel matrix that is written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warpline
from warpline.similarity.dsa import choose_dsa, dsa, fit_operator, select_rank
from warpline.similarity.dsa.hankel import by_length, gram_matrix
from warpline.similarity.dsa.prediction import held_out_errors
from warpline.similarity.recordings import as_recording


def walks(lengths, n_units=3, seed=0, decades=0.0):
    rng = np.random.default_rng(seed)
    scales = np.logspace(0, -decades, n_units)
    return [rng.standard_normal((n, n_units)).cumsum(axis=0) * scales for n in lengths]


def written_out(trial, n_delays, interval):
    """Embedded rows of one trial, newest state first."""
    first = (n_delays - 1) * interval
    return np.array(
        [
            np.concatenate([trial[t - k * interval] for k in range(n_delays)])
            for t in range(first, len(trial))
        ]
    )


def naive_operator(trials, n_delays, interval, rank, ridge=0.0):
    """HAVOK-DMD by the singular value decomposition of the whole Hankel matrix."""
    rows = [written_out(trial, n_delays, interval) for trial in trials]
    left, values, right = np.linalg.svd(np.concatenate(rows), full_matrices=False)
    whitened = np.split(left[:, :rank], np.cumsum([len(r) for r in rows])[:-1])
    before = np.concatenate([w[:-1] for w in whitened])
    after = np.concatenate([w[1:] for w in whitened])
    operator = np.linalg.solve(before.T @ before + ridge * np.eye(rank), before.T @ after).T
    return operator, values[:rank], right[:rank].T


def invariants(matrix):
    """Numbers that fix a matrix up to signs of its coordinates."""
    return np.concatenate([np.abs(matrix).ravel(), np.diag(matrix @ matrix), np.diag(matrix)])


LENGTHS = [30, 12, 30, 9, 41, 12, 17]


# Of the lengths, 9 leaves one or two embedded times with the last two embeddings: the plain product.
@pytest.mark.parametrize(("n_delays", "interval"), [(1, 1), (3, 1), (2, 3), (4, 2), (8, 1)])
def test_gram_matrix_is_that_of_the_hankel_matrix(n_delays, interval):
    trials = walks(LENGTHS)
    rows = np.concatenate([written_out(trial, n_delays, interval) for trial in trials])
    gram = gram_matrix(by_length(trials), n_delays, interval)
    np.testing.assert_allclose(gram, rows.T @ rows, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(
    ("lengths", "n_units", "decades", "method"),
    [(LENGTHS, 3, 0, "gram"), (LENGTHS, 3, 4.5, "qr"), ([14, 9, 11], 8, 0, "snapshots")],
)
@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_operator_is_that_of_the_hankel_matrix(lengths, n_units, decades, method, ridge):
    trials = walks(lengths, n_units, decades=decades)
    operator = fit_operator(trials, n_delays=3, delay_interval=2, rank=7, ridge=ridge)
    expected, values, _ = naive_operator(trials, 3, 2, 7, ridge)
    assert operator.method == method
    np.testing.assert_allclose(operator.singular_values, values, rtol=1e-9)
    np.testing.assert_allclose(
        invariants(operator.matrix),
        invariants(expected),
        atol=1e-12 * operator.condition_number**2 if method == "gram" else 1e-9,
    )


def test_a_linear_map_gives_its_own_eigenvalues():
    rng = np.random.default_rng(1)
    matrix = 0.97 * np.linalg.qr(rng.standard_normal((4, 4)))[0]
    trials = []
    for length in (5, 8, 8, 21):
        states = [rng.standard_normal(4)]
        while len(states) < length:
            states.append(matrix @ states[-1])
        trials.append(np.array(states))
    operator = fit_operator(trials, n_delays=1, rank=4)
    np.testing.assert_allclose(
        np.sort_complex(np.linalg.eigvals(operator.matrix)),
        np.sort_complex(np.linalg.eigvals(matrix)),
        atol=1e-10,
    )


def test_equal_trials_give_the_same_bytes_as_one_array():
    array = np.stack(walks([25] * 12))
    settings_ = {"n_delays": 3, "rank": 6}
    for given_trials in (list(array), as_recording(array), as_recording(list(array))):
        one, two = (fit_operator(x, **settings_) for x in (array, given_trials))
        assert one.matrix.tobytes() == two.matrix.tobytes()
    options = {"n_delays": [1, 2], "ranks": [2, 4], "horizons": [1, 3]}
    one, two = (choose_dsa([x], **options) for x in (array, list(array)))
    assert one.sweep.equals(two.sweep)


def test_single_precision_is_remembered():
    """Float32 data carry their rounding into float64, where it must not count as dynamics."""
    trials = walks(LENGTHS, 6, decades=12)
    double = fit_operator(trials, n_delays=1, rank=6).rank_used
    single = fit_operator([trial.astype(np.float32) for trial in trials], n_delays=1, rank=6)
    assert single.rank_used < double
    padded = np.stack([np.pad(t, [(0, 41 - len(t)), (0, 0)]) for t in trials]).astype(np.float32)
    valid = np.arange(41) < np.array(LENGTHS)[:, None]
    recording = as_recording(padded, valid=valid)
    masked = fit_operator(recording, n_delays=1, rank=6)
    np.testing.assert_array_equal(masked.matrix, single.matrix)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), lengths=st.lists(st.integers(8, 30), min_size=6, max_size=12))
def test_order_of_trials_and_orthogonal_coordinates_do_not_matter(seed, lengths):
    rng = np.random.default_rng(seed)
    trials = [rng.standard_normal((n, 4)).cumsum(axis=0) for n in lengths]
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    other = [trials[k] @ turn for k in rng.permutation(len(trials))]
    result = dsa(trials, other, n_delays=2, rank=5)
    assert result.dissimilarity < 1e-5


def test_held_out_errors_are_those_of_each_trial_by_itself():
    trials, held_out = walks(LENGTHS, seed=2), walks([28, 11, 35, 6], seed=3)
    n_delays, rank, horizons, first_origin = 2, 4, (1, 3), 4
    errors = held_out_errors(
        by_length(trials),
        by_length(held_out),
        n_delays=n_delays,
        delay_interval=1,
        ranks=[rank],
        horizons=horizons,
        first_origin=first_origin,
        ridge=0.0,
        tolerance=1e-12,
    )
    operator, values, directions = naive_operator(trials, n_delays, 1, rank)
    for h, horizon in enumerate(horizons):
        squares, still, count = 0.0, 0.0, 0
        for trial in held_out:
            rows = written_out(trial, n_delays, 1) @ (directions / values)
            for t in range(first_origin, len(trial) - horizon):
                ahead = np.linalg.matrix_power(operator, horizon) @ rows[t - (n_delays - 1)]
                predicted = ((directions * values)[:3]) @ ahead
                squares += ((trial[t + horizon] - predicted) ** 2).sum()
                still += ((trial[t + horizon] - trial[t]) ** 2).sum()
                count += 3
        assert errors.squared[0, h] == pytest.approx(squares / count, rel=1e-8)
        assert errors.persistence_squared[h] == pytest.approx(still / count, rel=1e-12)
        assert errors.n_predicted[h] == count


def test_parameters_are_chosen_on_unequal_trials():
    """A rotation of which one coordinate is seen needs two delays and rank two, whatever the lengths."""
    rng = np.random.default_rng(4)
    phases = rng.uniform(0, 2 * np.pi, 30)
    trials = [
        np.cos(0.3 * np.arange(n) + phase)[:, None]
        for phase, n in zip(phases, rng.integers(30, 60, 30), strict=True)
    ]
    choice = warpline.choose_dsa({"rotation": trials}, ranks=[1, 2])
    assert (choice.n_delays, choice.rank) == (2, 2)
    selection = select_rank(trials, n_delays=2, ranks=[1, 2])
    assert selection.error[-1] < 1e-20
    assert (selection.n_train, selection.n_test) == (24, 6)
