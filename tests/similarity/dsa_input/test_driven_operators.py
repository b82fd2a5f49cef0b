"""Operators of driven systems: known systems, dsa-metric's estimators, layouts of the data."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from similarity.dsa_input.driven_data import orthogonal, simulate, slow_noise, stable_system

import warpline
from warpline.pipeline.config.base import InputDSA
from warpline.similarity.dsa_input import driven_operators, fit_driven_operator
from warpline.similarity.dsa_input.driven_operators import embedding_root
from warpline.similarity.dsa_input.transition_moments import Transitions
from warpline.similarity.input_errors import (
    ConstantDataError,
    SettingsError,
    SingularRegressionError,
    TooFewTimePointsError,
    TrialError,
)
from warpline.similarity.recordings import as_recording


def sorted_eigenvalues(matrix):
    return np.sort_complex(np.linalg.eigvals(matrix))


def driven(seed=0, n=5, m=2, n_trials=8, n_times=40, lag=0, offset=0.0):
    rng = np.random.default_rng(seed)
    a, b = stable_system(rng, n, m)
    inputs = rng.standard_normal((n_trials, n_times, m))
    start = rng.standard_normal((n_trials, n))
    return a, b, simulate(a, b, inputs, lag=lag, offset=offset, start=start), inputs


@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.parametrize("offset", [0.0, 0.7])
def test_dmdc_recovers_a_system_that_is_seen_in_full(lag, offset):
    a, b, states, inputs = driven(lag=lag, offset=offset)
    operator = fit_driven_operator(states, inputs, rank=5, input_lag=lag)
    assert operator.rank_used == 5
    np.testing.assert_allclose(
        sorted_eigenvalues(operator.state), sorted_eigenvalues(a), atol=1e-10
    )
    # B up to an orthogonal change of basis.
    np.testing.assert_allclose(operator.control.T @ operator.control, b.T @ b, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("backend", ["dmdc", "subspace"])
def test_an_operator_that_is_rounding_is_zero(rng, backend, dtype):
    """Two copies of such a system would lie as far apart as two roundings."""
    a, _, _, inputs = driven()
    alone = simulate(a, np.zeros((5, 2)), inputs, lag=0, start=rng.standard_normal((8, 5)))
    options = {"backend": backend, "n_delays": 3 if backend == "subspace" else 1}
    operator = fit_driven_operator(alone.astype(dtype), inputs, rank=5, **options)
    assert not operator.control.any() and operator.state.any()
    if backend == "dmdc":
        following = (inputs @ rng.standard_normal((2, 5))).astype(dtype)
        operator = fit_driven_operator(following, inputs, rank=2, **options)
        assert not operator.state.any() and operator.control.any()
        row = warpline.compare(
            as_recording(following, inputs=inputs),
            as_recording(following @ orthogonal(rng, 5), inputs=inputs),
            measure="dsa_input",
            rank=2,
        )
        assert row["status"].startswith("failed: state operator is zero, up to rounding")


@pytest.mark.parametrize(
    ("variation", "dtype", "is_constant"),
    [(1e-13, np.float64, True), (1e-7, np.float32, True), (1e-7, np.float64, False)],
)
def test_a_channel_that_varies_by_rounding_is_constant(rng, variation, dtype, is_constant):
    _, _, states, inputs = driven()
    third = (1 + variation * rng.standard_normal((*inputs.shape[:2], 1))).astype(dtype)
    operator = fit_driven_operator(states, np.concatenate([inputs, third], axis=2), rank=5)
    assert (not operator.control[:, 2].any()) == is_constant


@pytest.mark.slow
def test_inputs_that_are_hardly_heard_set_halves_of_one_system_apart(project):
    """docs/dsa_input.md states the angles: B counts as much as A, however small it is."""

    def joint(gain, seed):
        rng = np.random.default_rng(seed)
        a, b = stable_system(rng, 6, 2)
        inputs = rng.standard_normal((40, 40, 2))
        x, states = rng.standard_normal((40, 6)), []
        for t in range(40):
            x = x @ a.T + gain * inputs[:, t] @ b.T + 0.3 * rng.standard_normal(x.shape)
            states.append(x)
        halves = np.split(np.stack(states, axis=1), 2), np.split(inputs, 2)
        systems = [as_recording(one, inputs=u) for one, u in zip(*halves, strict=True)]
        return warpline.compare(*systems, measure="dsa_input", rank=5)["dissimilarity"]

    medians = [np.median([joint(gain, seed) for seed in range(10)]) for gain in (1, 0.1, 0.03, 0)]
    stated = " / ".join(f"{median:.2f}" for median in medians)
    page = " ".join((project / "docs" / "dsa_input.md").read_text().split())
    assert f"lie {stated} rad apart (median of 10)" in page, stated


def test_a_small_effect_of_the_inputs_is_kept(rng):
    a, b, _, inputs = driven()
    states = simulate(a, 1e-6 * b, inputs, lag=0, start=rng.standard_normal((8, 5)))
    operator = fit_driven_operator(states, inputs, rank=5)
    np.testing.assert_allclose(
        operator.control.T @ operator.control * 1e12, b.T @ b, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("baseline", [0.0, 1000.0])
def test_rounding_of_large_baselines_is_no_dynamics(baseline, rng):
    _, _, states, inputs = driven(n=3)
    seen = states @ orthogonal(rng, 6)[:3] + baseline * states.std()
    operator = fit_driven_operator(seen.astype(np.float32), inputs, rank=5)
    assert operator.rank_used == 3


@pytest.mark.parametrize("offset", [0.0, 0.7])
@pytest.mark.parametrize("n_delays", [5, 8])
def test_subspace_identification_recovers_a_system_that_is_seen_in_part(n_delays, offset):
    a, b, states, inputs = driven(n_trials=6, n_times=150, offset=offset)
    operator = fit_driven_operator(
        states[..., :2], inputs, rank=5, n_delays=n_delays, backend="subspace", offset=offset != 0
    )
    # The centred means leave a remainder where the offset is fitted.
    tolerance = 1e-9 if offset == 0 else 2e-3
    np.testing.assert_allclose(
        sorted_eigenvalues(operator.state), sorted_eigenvalues(a), atol=tolerance
    )
    # With an orthonormal observability matrix, B has the size of the Markov parameters C A^k B.
    markov = [np.linalg.matrix_power(a, k)[:2] @ b for k in range(n_delays)]
    expected = sum(parameter.T @ parameter for parameter in markov)
    np.testing.assert_allclose(operator.control.T @ operator.control, expected, rtol=10 * tolerance)


def test_principal_coordinates_of_a_subspace_depend_on_no_statistic_of_the_inputs():
    """In the basis of an orthonormal observability matrix, A and B are fixed up to orthogonal C."""
    rng = np.random.default_rng(3)
    a, b = stable_system(rng, 4, 2)
    invariants = {}
    for coordinates in ("principal", "balanced"):
        invariants[coordinates] = []
        for correlation in (0.0, 0.95):
            inputs = slow_noise(rng, (8, 200, 2), correlation)
            states = simulate(a, b, inputs)[..., :2]
            operator = fit_driven_operator(
                states, inputs, rank=4, n_delays=6, backend="subspace", coordinates=coordinates,
                offset=False,
            )  # fmt: skip
            invariants[coordinates].append(np.linalg.norm(operator.state))
    one, other = invariants["principal"]
    assert one == pytest.approx(other, rel=1e-8)
    one, other = invariants["balanced"]
    assert abs(one / other - 1) > 1e-3


def test_a_subspace_of_a_rank_below_that_of_the_system_depends_on_its_inputs():
    # docs/dsa_input.md says so: the same draws are 0 apart at the rank of the system, or under one kind of inputs.
    a, b = stable_system(np.random.default_rng(3), 6, 2)
    systems = []
    for k, correlation in enumerate((0.0, 0.0, 0.95)):
        inputs = slow_noise(np.random.default_rng(k), (8, 200, 2), correlation)
        systems.append(as_recording(simulate(a, b, inputs)[..., :3], inputs=inputs))
    alike, other = (
        [
            warpline.compare(
                systems[0], system, measure="dsa_input", rank=rank, backend="subspace", n_delays=6,
                offset=False,
            )["dissimilarity"]
            for rank in (6, 5)
        ]
        for system in systems[1:]
    )  # fmt: skip
    assert max(alike[0], other[0]) < 1e-6
    assert other[1] > 0.03 and other[1] > 5 * alike[1]


@pytest.mark.parametrize("coordinates", ["principal", "balanced", "whitened"])
@pytest.mark.parametrize("units", [(1e-170, 1.0), (1.0, 1e-200), (1.0, 1e200), (1e150, 1e-150)])
def test_units_of_states_and_inputs_do_not_matter_at_the_ends_of_the_range(units, coordinates):
    systems, plain = [], []
    options = {"rank": 3, "coordinates": coordinates, "measure": "dsa_input"}
    for seed in (0, 1):
        _, _, states, inputs = driven(seed, n=3)
        plain.append(as_recording(states, inputs=inputs))
        systems.append(as_recording(states * units[0], inputs=inputs * units[1]))
    expected, scaled = (warpline.compare(*pair, **options) for pair in (plain, systems))
    names = ["dissimilarity", "state_score", "control_score"]
    assert [scaled[name] for name in names] == pytest.approx([expected[name] for name in names])
    operator = fit_driven_operator(systems[0], None, rank=3, coordinates=coordinates)
    reference = fit_driven_operator(plain[0], None, rank=3, coordinates=coordinates)
    power = {"principal": 1.0, "balanced": 0.5, "whitened": 0.0}[coordinates]
    np.testing.assert_allclose(
        operator.control / units[0] ** power * units[1], reference.control, rtol=1e-8, atol=1e-12
    )
    # A distance has the units of the data, and its squares must be numbers.
    if coordinates == "principal":
        far = warpline.compare(*systems, score="euclidean", **options)
        assert far["status"] == "failed: squares of the control operator leave the range of numbers"


def test_values_beyond_double_precision_are_infinite():
    _, _, states, inputs = driven(n=3)
    largest = np.abs(states).max()
    plain = fit_driven_operator(states / largest, inputs, rank=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        operator = fit_driven_operator(states / largest * 1e308, inputs * 1e-10, rank=3)
    assert np.isinf(operator.singular_values).any() and np.isinf(operator.control).any()
    np.testing.assert_allclose(operator.state, plain.state, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("lag", [0, 1])
def test_subspace_identification_takes_a_window_of_one_step(lag):
    # With lag 0 no input lies in the future window.
    a, b, states, inputs = driven(n=2, lag=lag)
    operator = fit_driven_operator(
        states, inputs, rank=2, input_lag=lag, backend="subspace", offset=False
    )
    np.testing.assert_allclose(
        sorted_eigenvalues(operator.state), sorted_eigenvalues(a), atol=1e-10
    )
    np.testing.assert_allclose(operator.control.T @ operator.control, b.T @ b, atol=1e-10)


@pytest.mark.parametrize("n_delays", [3, 5, 8])
@pytest.mark.parametrize("n_times", [40, 150])
def test_a_subspace_with_a_constant_depends_on_no_statistic_of_the_inputs(n_times, n_delays):
    a, b = stable_system(np.random.default_rng(3), 4, 2)
    systems = []
    for k, correlation in enumerate((0.0, 0.95)):
        inputs = slow_noise(np.random.default_rng(k), (8, n_times, 2), correlation)
        states = simulate(a, b, inputs, offset=0.7)[..., :2]
        systems.append(as_recording(states, inputs=inputs))
    options = {"rank": 4, "backend": "subspace", "n_delays": n_delays}
    assert warpline.compare(*systems, measure="dsa_input", **options)["dissimilarity"] < 1e-6


@pytest.mark.parametrize("n_delays", [4, 10])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_subspace_operators_are_those_of_dsa_metric(n_delays, noise):
    from DSA.subspace_dmdc import SubspaceDMDc

    _, _, states, inputs = driven(1, n_trials=4, n_times=120, lag=1)
    states = states[..., :3] + noise * np.random.default_rng(0).standard_normal((4, 120, 3))
    reference = SubspaceDMDc(states, inputs, n_delays=n_delays, rank=5, lamb=0.0)
    reference.fit()
    # Its windows leave out the last time of each trial.
    operator = fit_driven_operator(
        states[:, :-1], inputs[:, :-1], rank=5, n_delays=n_delays, input_lag=1, offset=False,
        backend="subspace", coordinates="balanced",
    )  # fmt: skip
    np.testing.assert_allclose(
        operator.singular_values, reference.info["singular_values_O"][:5], rtol=1e-8
    )
    # Singular vectors have no sign: the change of basis is diagonal, of ones and minus ones.
    overlap = operator.control @ reference.B_v.T
    signs = np.sign(np.diag(overlap))
    np.testing.assert_allclose(operator.control, signs[:, None] * reference.B_v, atol=1e-8)
    np.testing.assert_allclose(operator.state, signs[:, None] * reference.A_v * signs, atol=1e-8)


def test_dmdc_operators_are_those_of_dsa_metric_at_full_rank():
    from DSA.dmdc import DMDc

    # One trial: dsa-metric regresses across the ends of trials too.
    _, _, states, inputs = driven(2, n_trials=1, n_times=400, lag=1)
    states = states + 0.1 * np.random.default_rng(0).standard_normal(states.shape)
    reference = DMDc(states[0], inputs[0], n_delays=1, lamb=0.0)
    reference.fit()
    operator = fit_driven_operator(states, inputs, rank=5, input_lag=1, offset=False)
    np.testing.assert_allclose(
        sorted_eigenvalues(operator.state), sorted_eigenvalues(reference.A_v.numpy()), atol=1e-4
    )
    expected = reference.B_v.numpy()
    np.testing.assert_allclose(
        operator.control.T @ operator.control, expected.T @ expected, rtol=1e-4
    )


@pytest.mark.parametrize(
    "options",
    [
        {"n_delays": 3, "delay_interval": 2, "n_input_delays": 2},
        {"n_delays": 1, "n_input_delays": 3},
        {"n_delays": 4, "backend": "subspace"},
    ],
)
def test_trials_may_differ_in_length_and_come_in_any_order(options):
    _, _, states, inputs = driven(4, n_trials=6, n_times=50)
    states = states + 0.1 * np.random.default_rng(0).standard_normal(states.shape)
    lengths = [50, 41, 50, 30, 41, 30]
    ragged = [[x[:n] for x, n in zip(data, lengths, strict=True)] for data in (states, inputs)]
    one = fit_driven_operator(*ragged, rank=4, **options)
    other = fit_driven_operator(
        *([x[k] for k in (3, 1, 0, 5, 2, 4)] for x in ragged), rank=4, **options
    )
    np.testing.assert_allclose(abs(other.state), abs(one.state), atol=1e-8)
    np.testing.assert_allclose(abs(other.control), abs(one.control), atol=1e-8)
    # A list of equal trials is an array.
    separate = fit_driven_operator(list(states), list(inputs), rank=4, **options)
    joined = fit_driven_operator(states, inputs, rank=4, **options)
    np.testing.assert_array_equal(separate.state, joined.state)


def test_dmdc_of_ragged_trials_is_the_regression_of_their_transitions():
    _, _, states, inputs = driven(5, n=3, n_trials=4, n_times=30)
    rng = np.random.default_rng(0)
    states = states + 0.3 * rng.standard_normal(states.shape)
    lengths = [30, 12, 30, 20]
    x, u = ([y[:n] for y, n in zip(data, lengths, strict=True)] for data in (states, inputs))
    operator = fit_driven_operator(x, u, rank=3, offset=False)

    # By hand: x(t + 1) on [x(t), u(t + 1)], every transition of every trial, in the units of the data.
    regressors = np.concatenate([np.hstack([a[:-1], b[1:]]) for a, b in zip(x, u, strict=True)])
    targets = np.concatenate([a[1:] for a in x])
    solution = np.linalg.lstsq(regressors, targets, rcond=None)[0].T
    np.testing.assert_allclose(
        sorted_eigenvalues(operator.state), sorted_eigenvalues(solution[:, :3]), atol=1e-10
    )
    np.testing.assert_allclose(
        operator.control.T @ operator.control, solution[:, 3:].T @ solution[:, 3:], atol=1e-10
    )


@pytest.mark.parametrize(
    "lengths", [[60], [60, 60, 60], [7, 7], [4, 4, 4], [5, 5, 23, 40, 40]], ids=str
)
@pytest.mark.parametrize("n_columns", [1, 3])
def test_moments_of_transitions_are_those_of_their_windows(lengths, n_columns):
    """Trials of windows that are stored or not, alone or side by side, of one or of several columns."""
    n_lags, rng = 3, np.random.default_rng(0)
    trials = [1 + rng.standard_normal((length, n_columns)) for length in lengths]
    windows = np.array(
        [
            trial[t - n_lags : t + 1][::-1].ravel()
            for trial in trials
            for t in range(n_lags, len(trial))
        ]
    )
    blocks = tuple(
        np.stack([trial for trial in trials if len(trial) == length])
        for length in sorted({*lengths})
    )
    moments = Transitions.of(blocks, n_lags)
    assert moments.count == len(windows)
    np.testing.assert_allclose(moments.gram, windows.T @ windows, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(moments.sums, windows.sum(axis=0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("offset", [True, False])
@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("delays", [(1, 1), (3, 1), (1, 3)])
def test_one_pass_gives_the_operators_of_the_streamed_regression(lag, delays, offset, monkeypatch):
    """Trials of any length, the shortest with one transition."""
    _, _, states, inputs = driven(6, n=4, n_trials=5, n_times=40)
    states = states + 0.1 * np.random.default_rng(0).standard_normal(states.shape)
    lengths = [40, 6, 40, 17, 3 + max(lag, 1)]
    data = [[x[:n] for x, n in zip(values, lengths, strict=True)] for values in (states, inputs)]
    options = {"rank": 4, "n_delays": delays[0], "n_input_delays": delays[1], "input_lag": lag}
    one = fit_driven_operator(*data, **options, offset=offset)
    monkeypatch.setattr(driven_operators, "_SQUARED_CONDITION_LIMIT", 0)
    streamed = fit_driven_operator(*data, **options, offset=offset)
    np.testing.assert_allclose(one.state, streamed.state, atol=1e-9)
    np.testing.assert_allclose(one.control, streamed.control, atol=1e-9)


@pytest.mark.parametrize("options", [{}, {"n_delays": 3, "delay_interval": 2, "n_input_delays": 2}])
def test_an_input_in_step_is_the_earlier_input_of_a_delayed_record(options):
    """The pairs (x(t), u(t + 1)) are the same, and the input before the first state is not used."""
    _, _, states, inputs = driven(3, n_times=20)
    states = states + 0.1 * np.random.default_rng(0).standard_normal(states.shape)
    earlier = np.concatenate([inputs[:, 1:], np.full_like(inputs[:, :1], 1e3)], axis=1)
    one = fit_driven_operator(states, inputs, rank=4, input_lag=0, offset=False, **options)
    other = fit_driven_operator(states, earlier, rank=4, input_lag=1, offset=False, **options)
    np.testing.assert_allclose(one.state, other.state, atol=1e-10)
    np.testing.assert_allclose(one.control, other.control, atol=1e-10)


@pytest.mark.parametrize(
    ("lag", "n_delays", "needed"), [(0, 1, 2), (1, 1, 2), (2, 1, 3), (0, 3, 4)]
)
def test_the_shortest_trial_has_one_transition(lag, n_delays, needed):
    _, _, states, inputs = driven(3, lag=lag, n=2, m=1) if lag < 2 else driven(3, n=2, m=1)
    options = {"rank": 2, "n_delays": n_delays, "input_lag": lag}
    operator = fit_driven_operator(states[:, :needed], inputs[:, :needed], **options)
    assert operator.rank_used >= 1
    with pytest.raises(TooFewTimePointsError, match=f"at least {needed} time points"):
        fit_driven_operator(states[:, : needed - 1], inputs[:, : needed - 1], **options)
    # The check of a configuration, before any trial is read.
    assert InputDSA(measure="dsa_input", **options).steps_needed == needed


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), backend=st.sampled_from(["dmdc", "subspace"]))
def test_operators_do_not_depend_on_the_basis_of_the_units(seed, backend):
    rng = np.random.default_rng(seed)
    _, _, states, inputs = driven(seed, n_trials=4, n_times=60)
    states = states[..., :3] + 0.1 * rng.standard_normal((4, 60, 3))
    options = {"rank": 3, "n_delays": 2, "backend": backend}
    one = fit_driven_operator(states, inputs, **options)
    other = fit_driven_operator(states @ orthogonal(rng, 3), inputs, **options)
    np.testing.assert_allclose(one.singular_values, other.singular_values, rtol=1e-8)
    np.testing.assert_allclose(abs(one.state), abs(other.state), atol=1e-6)
    # Larger inputs have a smaller effect each; the states do not notice.
    scaled = fit_driven_operator(states, 10 * inputs, **options)
    np.testing.assert_allclose(scaled.state, one.state, atol=1e-8)
    np.testing.assert_allclose(10 * scaled.control, one.control, atol=1e-8)


def test_a_channel_that_does_not_vary_has_no_effect_and_changes_nothing():
    _, _, states, inputs = driven(6)
    constant = np.concatenate([inputs, np.ones((*inputs.shape[:2], 1))], axis=2)
    for options in ({}, {"backend": "subspace", "n_delays": 3}):
        one = fit_driven_operator(states, inputs, rank=5, **options)
        other = fit_driven_operator(states, constant, rank=5, **options)
        np.testing.assert_allclose(other.state, one.state, atol=1e-9)
        np.testing.assert_allclose(other.control[:, :2], one.control, atol=1e-9)
        np.testing.assert_allclose(other.control[:, 2], 0, atol=1e-12)
        # Without an offset it is one.
        other = fit_driven_operator(states + 1, constant, rank=5, offset=False, **options)
        assert abs(other.control[:, 2]).max() > 0.01


def test_channels_that_are_multiples_of_each_other_contribute_alike():
    _, _, states, inputs = driven()
    doubled = np.concatenate([inputs, 2 * inputs[..., :1]], axis=2)
    for options in ({}, {"backend": "subspace", "n_delays": 3}):
        one = fit_driven_operator(states, inputs, rank=5, **options)
        other = fit_driven_operator(states, doubled, rank=5, **options)
        np.testing.assert_allclose(other.state, one.state, atol=1e-9)
        np.testing.assert_allclose(other.control[:, 0], one.control[:, 0] / 2, atol=1e-9)
        np.testing.assert_allclose(other.control[:, 2], one.control[:, 0] / 4, atol=1e-9)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("condition", [1.0, 1e-7])
def test_the_root_of_an_embedding_has_its_gram_matrix(condition, centred):
    rng = np.random.default_rng(7)
    groups = [(1 + rng.standard_normal((3, n, 2))) * [1, condition] for n in (20, 12)]
    root = embedding_root(tuple(groups), 4, centred=centred)
    rows = np.concatenate(
        [
            np.hstack([trial[3 - k : len(trial) - k] for k in range(4)])
            for group in groups
            for trial in group
        ]
    )
    if centred:
        rows -= rows.mean(axis=0)
    expected = rows.T @ rows
    np.testing.assert_allclose(root.T @ root, expected, atol=1e-12 * abs(expected).max())
    # Squaring would lose the small singular values.
    np.testing.assert_allclose(
        np.linalg.svd(root, compute_uv=False), np.linalg.svd(rows, compute_uv=False), rtol=1e-6
    )


def test_rank_beyond_the_data_is_padded_with_zeros():
    _, _, states, inputs = driven(8, n=3)
    operator = fit_driven_operator(states, inputs, rank=5)
    assert operator.rank_used == 3
    assert not operator.state[3:].any()
    assert not operator.state[:, 3:].any()
    assert not operator.control[3:].any()


def test_a_ridge_shrinks_the_effect_of_the_inputs():
    _, _, states, inputs = driven(9)
    sizes = [
        np.linalg.norm(fit_driven_operator(states, inputs, rank=5, ridge=ridge).control)
        for ridge in (0.0, 0.1, 1.0)
    ]
    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"inputs": None}, TrialError, "dsa, which needs none"),
        ({"inputs": np.zeros((8, 30, 2))}, TrialError, "trial by trial"),
        ({"states": np.ones((8, 40, 5))}, ConstantDataError, "constant in every unit"),
        ({"n_delays": 40}, TooFewTimePointsError, "fewer delays"),
        ({"n_delays": 0}, SettingsError, "n_delays"),
        ({"input_lag": -1}, SettingsError, "input_lag"),
        ({"ridge": -1.0}, SettingsError, "ridge"),
        ({"rank_tolerance": 2.0}, SettingsError, "rank_tolerance"),
        ({"backend": "subspace", "n_input_delays": 2}, SettingsError, "n_input_delays of 1"),
    ],
)
def test_bad_input_is_refused_with_a_remedy(change, error, message):
    _, _, states, inputs = driven()
    arguments = {"states": states, "inputs": inputs, "rank": 3} | change
    with pytest.raises(error, match=message):
        fit_driven_operator(arguments.pop("states"), arguments.pop("inputs"), **arguments)


def test_states_that_copy_their_inputs_have_no_operators_of_their_own():
    inputs = np.random.default_rng(0).standard_normal((5, 30, 2))
    # With lag 1 the input that acts next stands beside the state, here as the state itself.
    with pytest.raises(SingularRegressionError, match="no function of the inputs"):
        fit_driven_operator(inputs, inputs, rank=2, input_lag=1)
