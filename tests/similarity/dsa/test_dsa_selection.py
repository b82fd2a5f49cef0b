"""Choice of delays, interval and rank: closed forms, invariances, the rule, and what has no good setting."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.linalg

import warpline
from warpline.similarity.dsa import DSAInputError, choose_dsa, select_rank
from warpline.similarity.dsa.prediction import non_normality, spectral_radius
from warpline.similarity.dsa.selection import SETTING, choose_setting

HORIZONS = (1, 3, 6)


def random_orthogonal(rng, n):
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return q * np.sign(np.diag(r))


def driven(matrix, noise, n_trials, n_times, rng):
    """Stationary states of x' = A x + noise."""
    n = len(matrix)
    covariance = scipy.linalg.solve_discrete_lyapunov(matrix, noise**2 * np.eye(n))
    x = np.empty((n_trials, n_times, n))
    x[:, 0] = rng.multivariate_normal(np.zeros(n), covariance, n_trials)
    for t in range(1, n_times):
        x[:, t] = x[:, t - 1] @ matrix.T + noise * rng.standard_normal((n_trials, n))
    return x, covariance


def two_rotations(rng):
    """A linear map of rank 4: two decaying rotations of unlike period, in a random basis."""
    blocks = [
        decay * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        for decay, a in ((0.97, 0.35), (0.93, 0.9))
    ]
    basis = random_orthogonal(rng, 4)
    return basis @ scipy.linalg.block_diag(*blocks) @ basis.T


@pytest.fixture
def network(rng):
    """Ten units that a noise-driven linear system of rank 4 moves, with a little noise of their own."""
    x, _ = driven(two_rotations(rng), 0.3, 60, 40, rng)
    units = x @ np.linalg.qr(rng.standard_normal((10, 4)))[0].T
    return units + 1e-3 * rng.standard_normal(units.shape)


def test_error_ratio_of_a_driven_linear_system_is_that_of_theory(rng):
    matrix, noise = two_rotations(rng), 0.3
    states, covariance = driven(matrix, noise, 3000, 40, rng)
    choice = choose_dsa([states], n_delays=[1], ranks=[4], horizons=HORIZONS)
    row = choice.sweep.iloc[0]
    for h in HORIZONS:
        powers = [np.linalg.matrix_power(matrix, k) for k in range(h + 1)]
        error = noise**2 * sum(np.trace(p @ p.T) for p in powers[:h])
        persistence = 2 * np.trace(covariance) - 2 * np.trace(powers[h] @ covariance)
        assert row[f"error_ratio_{h}"] == pytest.approx(error / persistence, rel=0.03)
    # Whitening is a change of basis: it leaves the eigenvalues.
    assert row["spectral_radius"] == pytest.approx(0.97, abs=0.01)


def test_choice_has_the_rank_of_the_system(network):
    choice = choose_dsa([network], ranks=[1, 2, 3, 4, 6, 8])
    assert (choice.n_delays, choice.rank) == (1, 4)
    assert choice.status == "better than persistence"
    assert choice.settings["chosen"].sum() == 1


def test_a_rotation_seen_in_one_coordinate_needs_two_delays(rng):
    phase = rng.uniform(0, 2 * np.pi, (40, 1))
    seen = np.cos(0.3 * np.arange(40) + phase)[..., None]
    choice = choose_dsa([seen], n_delays=[1, 2, 3], ranks=[1, 2, 3])
    assert (choice.n_delays, choice.rank) == (2, 2)
    assert choice.score < 1e-20
    table = choice.settings.set_index(SETTING)
    # cos(a t + p) is not a function of its last value: the best multiple of it predicts with error sin(a)^2 / 2.
    expected = (np.sin(0.3) ** 2 / 2) / (1 - np.cos(0.3))
    assert table.loc[(1, 1, 1), "error_ratio_1"] == pytest.approx(expected, rel=0.05)
    # One coordinate seen twice carries rank 2, never 3.
    assert not table.loc[(3, 1, 3), "comparable"]


def test_nothing_predicts_a_random_walk_better_than_persistence(rng):
    walk = rng.standard_normal((400, 30, 3)).cumsum(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        choice = choose_dsa([walk], n_delays=[1, 2], ranks=[3, 6], horizons=[1, 5])
    rows = choice.sweep[choice.sweep["rank"] == 3]
    one_delay = rows[rows["n_delays"] == 1].iloc[0]
    assert one_delay["error_ratio_1"] == pytest.approx(1, abs=0.01)
    assert one_delay["mase"] == pytest.approx(1, abs=0.01)


def test_a_choice_that_persistence_beats_says_so(rng):
    """An operator of rank 2 cannot follow ten independent walks."""
    walk = rng.standard_normal((60, 30, 10)).cumsum(axis=1)
    with pytest.warns(UserWarning, match="better than persistence, got an error ratio"):
        choice = choose_dsa([walk], n_delays=[1], ranks=[1, 2])
    assert choice.status == "no better than persistence"
    assert not choice.settings["beats_persistence"].any()
    # Without a gain, the lowest error decides.
    assert choice.score == choice.settings["score"].min()


def test_noise_is_predicted_no_better_than_by_its_mean(network, rng):
    """Of white noise, persistence has twice the error of the mean, which an operator of 0 has, too."""
    counts = rng.poisson(3.0, (40, 60, 8)).astype(float)
    with pytest.warns(UserWarning, match="than their mean does, got counts at"):
        choice = choose_dsa({"counts": counts, "network": network}, n_delays=[1], ranks=[2, 4])
    # Half of the systems are enough for the status; the warning names the other.
    assert choice.status == "better than persistence"
    table = choice.sweep.set_index(["system", "rank"])
    assert list(table.loc["counts", "beats_mean"]) == [False, False]
    assert table.loc[("network", 4), "beats_mean"]
    for horizon in choice.horizons:
        assert table.loc[("counts", 2), f"mean_error_ratio_{horizon}"] == pytest.approx(
            0.5, rel=0.05
        )
    with pytest.warns(UserWarning, match="than their mean does, got a, b at"):
        most = choose_dsa({"a": counts, "b": counts, "c": network}, n_delays=[1], ranks=[2, 4])
    assert most.status == "no better than the mean"
    with pytest.warns(UserWarning, match="than their mean does"):
        alone = choose_dsa([counts], n_delays=[1, 3], ranks=[2, 4])
    assert alone.status == "no better than the mean" and alone.score == pytest.approx(0.5, rel=0.1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_page_says_how_often_noise_passes_by_chance(project):
    counts = []
    for shape in ((5, 6, 8), (10, 12, 2), (10, 12, 10), (20, 30, 10)):
        stream = np.random.default_rng(0)
        choices = [choose_dsa([stream.normal(size=shape)]) for _ in range(40)]
        counts.append(sum(choice.status == "better than persistence" for choice in choices))
    few, narrow, more, many = counts
    page = " ".join((project / "docs" / "dsa.md").read_text().split())
    assert (
        f"in {few} of 40 cases with 5 trials of 6 time steps and 8 units, in {narrow} with 10 of 12 and 2, "
        f"in {more} with 10 of 12 and 10, in {many} with 20 of 30 and 10" in page
    )


def test_error_ratio_of_the_mean_is_that_of_the_autocorrelation(rng):
    """1 / (2 (1 - phi^h)) for an autoregressive process of order 1."""
    phi, states = 0.8, rng.standard_normal((400, 40, 2))
    states[:, 0] /= np.sqrt(1 - phi**2)
    for t in range(1, 40):
        states[:, t] += phi * states[:, t - 1]
    choice = choose_dsa([states], n_delays=[1], ranks=[2], horizons=[1, 5])
    row = choice.sweep.iloc[0]
    for horizon in (1, 5):
        expected = 1 / (2 * (1 - phi**horizon))
        assert row[f"mean_error_ratio_{horizon}"] == pytest.approx(expected, rel=0.1)
    assert choice.status == "better than persistence" and row["beats_mean"]


def test_basis_and_scale_of_the_states_change_no_choice(network, rng):
    turned = 7.3 * network @ random_orthogonal(rng, 10)
    options = {"n_delays": [1, 2], "ranks": [2, 4, 6]}
    one, two = choose_dsa([network], **options), choose_dsa([turned], **options)
    assert (one.n_delays, one.rank) == (two.n_delays, two.rank)
    columns = ["error_ratio_1", "error_ratio_5", "score", "spectral_radius", "non_normality"]
    np.testing.assert_allclose(one.sweep[columns], two.sweep[columns], rtol=1e-6)
    # The criterion is in log units of the data.
    np.testing.assert_allclose(two.sweep["aic"] - one.sweep["aic"], 2 * np.log(7.3), atol=1e-8)


def test_one_step_errors_are_those_of_select_rank(network):
    ranks = [2, 4, 6]
    selection = select_rank(network, n_delays=3, ranks=ranks)
    rows = choose_dsa([network], n_delays=[3], ranks=ranks, horizons=[1]).sweep
    np.testing.assert_allclose(
        rows["error_ratio_1"], selection.error / selection.persistence_error, rtol=1e-12
    )
    np.testing.assert_allclose(rows["aic"], selection.aic, rtol=1e-12)
    assert rows.loc[rows["aic"].idxmin(), "rank"] == selection.best_rank


def test_all_settings_predict_the_same_times(rng):
    """States that move at first and then rest: fewer delays must not gain from the later times."""
    x, _ = driven(two_rotations(rng), 0.3, 60, 30, rng)
    alone = choose_dsa([x], n_delays=[1], ranks=[4], horizons=[1]).sweep.iloc[0]
    rows = choose_dsa([x], n_delays=[1, 8], ranks=[4], horizons=[1]).sweep
    beside = rows[rows["n_delays"] == 1].iloc[0]
    first = 7
    test = np.sort(np.random.default_rng(np.random.SeedSequence(0)).permutation(60)[:12])
    still = ((x[test, first + 1 :] - x[test, first:-1]) ** 2).mean()
    squared = np.exp(beside["aic"] - 2 * 17 / (12 * (29 - first) * 4))
    assert squared / still == pytest.approx(beside["error_ratio_1"], rel=1e-9)
    assert alone["error_ratio_1"] != beside["error_ratio_1"]


def test_a_system_that_carries_less_sets_the_rank(network, rng):
    small, _ = driven(0.9 * random_orthogonal(rng, 2), 0.3, 60, 40, rng)
    choice = choose_dsa({"large": network, "small": small}, n_delays=[1], ranks=[1, 2, 4])
    assert choice.rank == 2
    rows = choice.sweep.set_index(["system", "rank"])
    assert rows.loc[("small", 4), "rank_used"] == rows.loc[("small", 4), "rank_carried"] == 2
    assert rows.loc[("small", 4), "score"] == rows.loc[("small", 2), "score"]


def test_a_system_without_dynamics_is_a_row_that_says_so(network):
    rest = np.ones((60, 40, 3))
    with pytest.warns(UserWarning, match="got rest without one: the choice is that of the others"):
        choice = choose_dsa({"network": network, "rest": rest}, n_delays=[1], ranks=[4])
    status = choice.sweep.set_index("system")["status"]
    assert status["network"] == "fitted" and status["rest"].startswith("failed: ")
    assert choice.settings["n_systems"].tolist() == [1]
    with pytest.raises(DSAInputError, match="of which none can"):
        choose_dsa({"rest": rest}, n_delays=[1], ranks=[4])


@pytest.mark.filterwarnings("ignore:expected systems that an operator can be fitted to")
def test_a_system_that_is_silent_in_its_training_trials_is_a_row_that_says_so(network):
    for trial in range(5):
        silent = np.zeros((5, 40, 3))
        silent[trial] = network[0, :, :3]
        choice = choose_dsa({"network": network, "silent": silent}, n_delays=[1], ranks=[2])
        assert choice.rank == 2
        statuses = choice.sweep.set_index("system")["status"]
        if statuses["silent"].startswith("failed: "):
            with pytest.raises(DSAInputError, match="all 0"):
                select_rank(silent, n_delays=1, ranks=[1, 2])
            break
    else:
        raise AssertionError("the held-out trial is one of the five")


def test_held_out_trials_that_are_all_0_give_no_score(network):
    silent = network[:5].copy()
    for trial in range(5):
        silent[trial] = 0
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            choice = choose_dsa({"network": network, "silent": silent}, n_delays=[1], ranks=[2])
        if choice.settings["n_systems"].tolist() == [1]:
            break
    assert "got silent at rest" in str(caught[-1].message)
    alone = choose_dsa([network], n_delays=[1], ranks=[2])
    assert choice.score == alone.score
    with pytest.raises(DSAInputError, match="change in its held-out trials"):
        choose_dsa([silent], n_delays=[1], ranks=[2])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("noise", [0, 1e-3, 0.1])
@pytest.mark.parametrize("period", [2, 5, 10, 10.3])
def test_a_rhythm_whose_period_divides_a_horizon_is_predicted_well(rng, period, noise, dtype):
    """Persistence is exact after a period: operators were put aside that described the rhythm."""
    phase = 2 * np.pi * (np.arange(60) / period + rng.random((30, 1)))
    states = np.stack([np.cos(phase), np.sin(phase)], axis=-1) @ rng.normal(size=(2, 10))
    states += noise * rng.standard_normal(states.shape)
    choice = choose_dsa([states.astype(dtype)])
    assert (choice.n_delays, choice.rank) == (1, 2)
    assert choice.status == "better than persistence" and choice.score < 0.1


def test_persistence_counts_as_half_of_its_error_over_one_step(rng):
    phase = 2 * np.pi * (np.arange(60) / 10 + rng.random((30, 1)))
    states = np.stack([np.cos(phase), np.sin(phase)], axis=-1)
    row = choose_dsa([states], n_delays=[1], ranks=[2], horizons=[1, 10]).sweep.iloc[0]
    # The variance of a sine is a half.
    change = ((states[:, 1:] - states[:, :-1]) ** 2).mean()
    assert row["mean_error_ratio_10"] == pytest.approx(0.5 / (change / 2), rel=0.05)
    assert row["mean_error_ratio_1"] == pytest.approx(0.5 / change, rel=0.05)


def test_states_that_came_to_rest_before_the_targets_give_no_score(network):
    rest = network.astype(np.float32)
    rest[:, 2:] = rest[:, 1:2]
    with pytest.warns(UserWarning, match="got rest at rest once the longest embedding has passed"):
        choice = choose_dsa({"network": network, "rest": rest}, n_delays=[1, 5], ranks=[2])
    assert choice.score == choose_dsa([network], n_delays=[1, 5], ranks=[2]).score
    assert choice.settings["n_systems"].tolist() == [1, 1]
    assert choice.settings["beats_mean"].all()


def test_the_warning_names_the_systems_that_a_setting_predicts_worse(network):
    resting = network[:, :1] * 0.2 ** np.arange(40)[None, :, None] + np.arange(10)
    with pytest.warns(
        UserWarning, match=r"\(above 1 in 1 of 2 systems, first resting; a system that"
    ):
        choose_dsa({"network": network, "resting": resting}, n_delays=[1, 5], ranks=[2])


def sweep_of(scores):
    """A sweep of one system, from scores by (delays, rank)."""
    rows = [
        {
            "system": "a",
            "n_delays": delays,
            "delay_interval": 1,
            "rank": rank,
            "rank_used": rank,
            "error_ratio_1": score,
            "score": score,
            **dict.fromkeys(("aic", "mase", "spectral_radius", "non_normality"), 1.0),
            "beats_mean": True,
            "status": "fitted",
        }
        for (delays, rank), score in scores.items()
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("scores", "keep", "chosen"),
    [
        # 95 % of a gain of 0.6 is 0.57: up to a score of 0.43.
        ({(1, 5): 0.44, (1, 10): 0.43, (2, 10): 0.41, (2, 20): 0.40}, 0.95, (1, 10)),
        ({(1, 5): 0.44, (1, 10): 0.43, (2, 10): 0.41, (2, 20): 0.40}, 1.0, (2, 20)),
        # The lower rank goes before the fewer delays.
        ({(1, 20): 0.40, (9, 10): 0.41}, 0.95, (9, 10)),
        # Without a gain nothing is kept: the lowest error.
        ({(1, 5): 1.02, (1, 10): 1.01, (2, 10): 1.2}, 0.95, (1, 10)),
    ],
)
def test_rule(scores, keep, chosen):
    settings = choose_setting(sweep_of(scores), [1], keep)
    row = settings[settings["chosen"]].iloc[0]
    assert (row["n_delays"], row["rank"]) == chosen


def test_a_condition_that_no_setting_meets_does_not_count():
    # No rank is carried; the higher one predicts better than persistence at both horizons.
    sweep = sweep_of({(1, 2): 0.5, (1, 3): 0.5}).assign(rank_used=1, error_ratio_5=[1.1, 0.5])
    settings = choose_setting(sweep, [1, 5], 0.95)
    assert not settings["comparable"].any()
    assert settings.loc[settings["chosen"], "rank"].tolist() == [3]


def test_long_embeddings_and_horizons_are_left_out_and_the_shortest_stay(network):
    choice = choose_dsa([network], n_delays=[1, 5, 30], ranks=[4], horizons=[1, 10, 20])
    assert set(choice.sweep["n_delays"]) == {1, 5} and choice.horizons == (1, 10)
    fixed = choose_dsa([network], n_delays=[20], delay_intervals=[1], ranks=[4], horizons=[15])
    assert (fixed.n_delays, fixed.horizons) == (20, (15,))
    with pytest.raises(DSAInputError, match="at least 46 time points"):
        choose_dsa([network], n_delays=[40], ranks=[4], horizons=[6])


def test_one_delay_is_tried_once_whatever_the_intervals(network):
    sweep = choose_dsa([network], n_delays=[1, 2], delay_intervals=[1, 2], ranks=[4]).sweep
    pairs = sweep[["n_delays", "delay_interval"]].to_numpy().tolist()
    assert pairs == [[1, 1], [2, 1], [2, 2]]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"ranks": []}, "positive integers as ranks"),
        ({"n_delays": [0]}, "positive integers as n_delays"),
        ({"keep": 0}, r"keep in \(0, 1\]"),
        ({"horizons": [1.5]}, "horizons to be a list of whole numbers"),
    ],
)
def test_bad_candidates_are_refused(network, options, says):
    with pytest.raises(DSAInputError, match=says):
        choose_dsa([network], **options)


def test_a_single_trial_is_refused(network):
    with pytest.raises(DSAInputError, match="at least two trials"):
        choose_dsa([network[:1]])
    # A list of trials is read as one of systems.
    with pytest.raises(DSAInputError, match=r"trials of a single one are \[trials\]"):
        choose_dsa(list(network))
    with pytest.raises(DSAInputError, match="at least one system"):
        choose_dsa([])


def test_notebooks_take_labelled_states(network):
    import xarray as xr

    labelled = xr.DataArray(network, dims=("trial", "time", "unit")).transpose(
        "unit", "time", "trial"
    )
    options = {"n_delays": [1], "ranks": [2, 4]}
    choice = warpline.choose_dsa({"a": labelled}, **options)
    pd.testing.assert_frame_equal(choice.settings, choose_dsa({"a": network}, **options).settings)


def test_non_normality_and_spectral_radius_have_closed_forms(rng):
    normal = random_orthogonal(rng, 5)
    assert non_normality(normal) == pytest.approx(0, abs=1e-7)
    assert spectral_radius(0.8 * normal) == pytest.approx(0.8)
    # A Jordan block of zeros and ones: all of its norm lies off the spectrum.
    assert non_normality(np.eye(4, k=1)) == pytest.approx(1)
    assert non_normality(np.array([[2.0, 1], [0, 1]])) == pytest.approx(np.sqrt(1 / 6))
    assert non_normality(np.zeros((2, 2))) == 0


def test_a_rank_that_no_setting_lets_all_systems_carry_is_said(network):
    with pytest.warns(UserWarning, match="rank that all systems carry, got rank 50.*carry 10"):
        choice = choose_dsa([network], n_delays=[1], ranks=[50])
    assert choice.rank == 50
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="expected a rank that all systems carry")
        choose_dsa([network], n_delays=[1], ranks=[4, 50])
