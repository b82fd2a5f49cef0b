"""A constant term in the operators of DSA: closed forms, and regression written out."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warpline
from warpline.similarity.dsa import (
    ConstantDataError,
    SettingsError,
    TooFewTimePointsError,
    choose_dsa,
    dsa,
    fit_operator,
    represent_held_out,
)
from warpline.similarity.dsa.hankel import delay_embed
from warpline.similarity.dsa.window_means import TransitionMeans
from warpline.similarity.recordings import as_recording

RANK = 3


def orthogonal(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def approach(rng, matrix, n_trials=8, n_times=20):
    """Trials of x' = A x + c from starts on one side of the fixed point."""
    constant = rng.standard_normal(len(matrix))
    x = np.empty((n_trials, n_times, len(matrix)))
    x[:, 0] = 3 + rng.standard_normal((n_trials, len(matrix)))
    for t in range(1, n_times):
        x[:, t] = x[:, t - 1] @ matrix.T + constant
    return x


def walks(rng, lengths, n_units):
    return [rng.standard_normal((n, n_units)).cumsum(axis=0) + 5 for n in lengths]


def written_out(trials, n_delays, interval, rank):
    """Operator by the singular value decomposition of centred rows and a column of ones."""
    embedded = [delay_embed(trial[None], n_delays, interval)[0] for trial in trials]
    rows = np.concatenate(embedded)
    mean = rows.mean(axis=0)
    _, values, right = np.linalg.svd(rows - mean, full_matrices=False)
    directions = right[:rank].T
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(rank)]
    basis = directions * np.sign(largest) / values[:rank]
    whitened = [(rows - mean) @ basis for rows in embedded]
    before = np.concatenate([v[:-1] for v in whitened])
    after = np.concatenate([v[1:] for v in whitened])
    ones = np.ones((len(before), 1))
    solution = np.linalg.lstsq(np.hstack([before, ones]), after, rcond=None)[0]
    return solution[:rank].T, solution[rank], basis, mean


@pytest.mark.parametrize("n_units, route", [(4, "gram"), (70, "snapshots")])
@pytest.mark.parametrize("n_delays, interval", [(1, 1), (3, 2)])
@pytest.mark.parametrize("lengths", [(20, 20, 20), (14, 20, 17)])
def test_operator_is_that_of_a_regression_with_a_column_of_ones(
    n_units, route, n_delays, interval, lengths, rng
):
    trials = walks(rng, lengths, n_units)
    operator = fit_operator(trials, n_delays=n_delays, delay_interval=interval, rank=4, offset=True)
    expected, *_ = written_out(trials, n_delays, interval, 4)
    assert operator.method == route
    np.testing.assert_allclose(operator.matrix, expected, atol=1e-10)


def test_operator_keeps_its_digits_where_the_states_are_ill_conditioned(rng):
    scale = np.array([1, 1e-2, 3e-6])
    trials = [trial * scale for trial in walks(rng, (40, 40, 30), 3)]
    operator = fit_operator(trials, n_delays=1, rank=3, offset=True)
    expected, *_ = written_out(trials, 1, 1, 3)
    assert operator.method == "qr"
    np.testing.assert_allclose(operator.matrix, expected, atol=1e-8)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([0.0, 1.0, 1e3]))
def test_baselines_and_the_window_do_not_matter(seed, size):
    rng = np.random.default_rng(seed)
    matrix = 0.9 * orthogonal(rng, RANK)
    states = approach(rng, matrix)
    seen = states @ orthogonal(rng, 6)[:RANK] + size * rng.standard_normal(6)
    expected = np.sort_complex(np.linalg.eigvals(matrix))
    for window in (seen, seen[:, :9], seen[:, 8:]):
        operator = fit_operator(window, n_delays=1, rank=RANK, offset=True)
        found = np.sort_complex(np.linalg.eigvals(operator.matrix))
        # A window of few steps of large baselines leaves fewer digits.
        assert np.abs(found[:, None] - expected).min(axis=0).max() < 1e-6 * max(1, size)


def test_without_it_the_baseline_takes_a_direction(rng):
    matrix = 0.8 * orthogonal(rng, RANK)
    seen = approach(rng, matrix) @ orthogonal(rng, 6)[:RANK] + 10
    moduli = np.abs(np.linalg.eigvals(fit_operator(seen, n_delays=1, rank=RANK + 1).matrix))
    np.testing.assert_allclose(np.sort(moduli), [0.8] * RANK + [1.0], atol=1e-6)


def test_held_out_trials_have_a_constant_of_their_own(rng):
    train, test = walks(rng, (30, 25), 3), [trial + 40 for trial in walks(rng, (28, 22), 3)]
    choice = {"n_delays": 2, "rank": 4, "offset": True}
    representation = represent_held_out(train, test, settings=choice)
    expected, _, basis, _ = written_out(train, 2, 1, 4)
    np.testing.assert_allclose(representation.matrix, expected, atol=1e-10)
    rows = [delay_embed(trial[None], 2, 1)[0] @ basis for trial in test]
    before = np.concatenate([v[:-1] for v in rows])
    after = np.concatenate([v[1:] for v in rows])
    before, after = before - before.mean(axis=0), after - after.mean(axis=0)
    held_out = np.linalg.lstsq(before, after, rcond=None)[0].T
    np.testing.assert_allclose(representation.held_out, held_out, atol=1e-9)


def test_prediction_adds_the_constant_at_each_step(rng):
    seen = approach(rng, 0.9 * orthogonal(rng, RANK), n_trials=10) + 7
    sweep = {"n_delays": [1], "ranks": [RANK], "horizons": (1, 4)}
    row = choose_dsa([seen], offset=True, **sweep).sweep.iloc[0]
    assert max(row["error_ratio_1"], row["error_ratio_4"]) < 1e-15
    # Centring leaves a constant, unless the mean is the fixed point.
    row = choose_dsa([seen], centre=True, **sweep).sweep.iloc[0]
    assert row["error_ratio_1"] > 1e-3


def test_prediction_is_that_of_the_regression_written_out(rng):
    trials = np.stack(walks(rng, (24,) * 10, 3))
    choice = choose_dsa([trials], n_delays=[2], ranks=[4], horizons=(2,), offset=True, seed=3)
    order = np.random.default_rng(np.random.SeedSequence(3)).permutation(10)
    train, test = trials[np.sort(order[2:])], trials[np.sort(order[:2])]
    matrix, constant, basis, mean = written_out(list(train), 2, 1, 4)
    values = 1 / np.linalg.norm(basis, axis=0)
    readout = (basis * values**2)[:3]
    rows = delay_embed(test, 2, 1)
    ahead = (rows - mean) @ basis
    for _ in range(2):
        ahead = ahead @ matrix.T + constant
    error = rows[:, 2:, :3] - mean[:3] - ahead[:, :-2] @ readout.T
    change = rows[:, 2:, :3] - rows[:, :-2, :3]
    expected = (error**2).mean() / (change**2).mean()
    assert choice.sweep.iloc[0]["error_ratio_2"] == pytest.approx(expected, rel=1e-8)


def test_recordings_with_and_without_baselines_are_alike_and_give_no_warning(rng):
    seen = approach(rng, 0.9 * orthogonal(rng, RANK)) @ orthogonal(rng, 6)[:RANK]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = warpline.compare(
            seen - seen.mean(axis=(0, 1)), seen + 50, measure="dsa",
            n_delays=1, rank=RANK, offset=True,
        )  # fmt: skip
    assert result["dissimilarity"] < 1e-6


def test_means_of_transitions(rng):
    trials = walks(rng, (9, 12), 2)
    embedded = [delay_embed(trial[None], 3, 2)[0] for trial in trials]
    means = TransitionMeans.of(tuple(trial[None] for trial in trials), 3, 2)
    np.testing.assert_allclose(means.rows, np.concatenate(embedded).mean(axis=0))
    np.testing.assert_allclose(means.before, np.concatenate([v[:-1] for v in embedded]).mean(0))
    np.testing.assert_allclose(means.after, np.concatenate([v[1:] for v in embedded]).mean(0))
    assert means.count == sum(len(v) - 1 for v in embedded)


def test_a_single_transition_is_refused(rng):
    with pytest.raises(TooFewTimePointsError, match="constant term"):
        fit_operator(walks(rng, (3,), 2), n_delays=2, rank=1, offset=True)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_what_is_no_truth_value_is_refused(value, rng):
    states = np.stack(walks(rng, (12, 12), 2))
    with pytest.raises(SettingsError, match="offset to be true or false"):
        dsa(states, states, n_delays=1, rank=2, offset=value)
    with pytest.raises(SettingsError, match="offset to be true or false"):
        choose_dsa([states], n_delays=[1], ranks=[1], horizons=(1,), offset=value)


@pytest.mark.parametrize("settings", [{"offset": True}, {"centre": True}])
def test_rounding_of_large_baselines_is_no_dynamics(settings, rng):
    seen = approach(rng, 0.9 * orthogonal(rng, RANK)) @ orthogonal(rng, 6)[:RANK]
    stored = (seen + 1000 * seen.std()).astype(np.float32)
    states = as_recording(stored).centred() if "centre" in settings else stored
    operator = fit_operator(states, n_delays=2, rank=8, offset="offset" in settings)
    # Centring leaves a constant: one direction more.
    assert operator.rank_used == RANK + ("centre" in settings)


def test_states_of_nothing_but_rounding_are_refused(rng):
    stored = (1e8 + 8 * rng.normal(size=(4, 20, 2))).astype(np.float32)
    with pytest.raises(ConstantDataError, match="spacing of their numbers"):
        fit_operator(stored, n_delays=1, rank=2, offset=True)
