import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from warpline.attractors import score_tables, scores
from warpline.core import random_streams

SETTINGS = {"confidence": 0.95}

values = st.lists(st.integers(-5, 5), min_size=2, max_size=12).map(
    lambda numbers: np.array(numbers, dtype=float)
)


def families(within, across, spread=0.0, measure="planted"):
    """Return the table of nine systems in three families with planted dissimilarities."""
    stream = random_streams.generator(1, "families")
    rows = []
    for a, b in itertools.combinations_with_replacement(range(9), 2):
        same = a // 3 == b // 3
        value = 0.0 if a == b else (within if same else across) + spread * stream.standard_normal()
        names = {"system_a": f"s{a}", "system_b": f"s{b}"}
        of = {"family_a": f"f{a // 3}", "family_b": f"f{b // 3}"}
        rows.append({"measure": measure, **names, **of, "within": same, "dissimilarity": value})
    return pd.DataFrame(rows)


# --- separation -------------------------------------------------------------------------------------


def test_area_under_the_curve_by_hand():
    low, high = np.array([1.0, 2.0]), np.array([2.0, 3.0])
    assert scores.area_under_curve(low, high) == (1 + 1 + 0.5 + 1) / 4
    assert scores.area_under_curve(low, low + 10) == 1
    assert scores.area_under_curve(low + 10, low) == 0
    assert np.isnan(scores.area_under_curve(np.array([]), high))


@given(values, values)
@settings(max_examples=50, deadline=None)
def test_area_under_the_curve_is_mann_whitney_and_invariant_to_monotone_changes(low, high):
    area = scores.area_under_curve(low, high)
    u = stats.mannwhitneyu(high, low).statistic
    assert area == pytest.approx(u / (len(low) * len(high)))
    assert area == pytest.approx(1 - scores.area_under_curve(high, low))
    assert area == pytest.approx(scores.area_under_curve(np.exp(low), np.exp(high)))


@given(values, values, st.floats(0.1, 10), st.floats(-5, 5))
@settings(max_examples=50, deadline=None)
def test_cohens_d_is_invariant_to_scale_and_changes_sign_with_its_sides(low, high, scale, offset):
    d = scores.cohens_d(low, high)
    if np.isnan(d):
        return
    assert scores.cohens_d(scale * low + offset, scale * high + offset) == pytest.approx(d)
    assert scores.cohens_d(high, low) == pytest.approx(-d)


def test_cohens_d_by_hand():
    assert scores.cohens_d(np.array([0.0, 2.0]), np.array([3.0, 5.0])) == pytest.approx(
        3 / np.sqrt(2)
    )
    assert np.isnan(scores.cohens_d(np.ones(3), np.full(3, 2.0)))


def test_weights_stand_for_repetitions():
    low, high = np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0])
    times = (np.array([2.0, 0.0, 1.0]), np.array([1.0, 3.0]))
    repeated = (np.repeat(low, times[0].astype(int)), np.repeat(high, times[1].astype(int)))
    for score in (scores.area_under_curve, scores.cohens_d):
        assert score(low, high, times) == pytest.approx(score(*repeated))


def test_planted_families_are_separated():
    row = score_tables.separation_scores(families(0.2, 0.8, 0.02), SETTINGS).iloc[0]
    # Nine systems in the right order do not prove that all others would be.
    assert (row["auc"], row["auc_high"]) == (1, 1)
    assert 0.6 < row["auc_low"] < 0.9
    assert row["cohens_d"] > 10
    assert row["cohens_d_low"] <= row["cohens_d"] <= row["cohens_d_high"]
    assert (row["n_systems"], row["n_within"], row["n_across"]) == (9, 9, 27)
    assert row["largest_self"] == 0


def test_families_without_a_difference_are_not_separated():
    row = score_tables.separation_scores(families(0.5, 0.5, 0.1), SETTINGS).iloc[0]
    assert row["auc_low"] < 0.5 < row["auc_high"]
    assert row["cohens_d_low"] < 0 < row["cohens_d_high"]


def test_failed_pairs_are_counted_and_left_out():
    table = families(0.2, 0.8, 0.02)
    table.loc[1, "dissimilarity"] = np.nan
    row = score_tables.separation_scores(table, SETTINGS).iloc[0]
    assert (row["n_within"], row["n_failed"]) == (8, 1)


def test_intervals_are_independent_of_other_measures():
    table = families(0.4, 0.5, 0.1, "one")
    alone = score_tables.separation_scores(table, SETTINGS)
    both = score_tables.separation_scores(
        pd.concat([families(0.1, 0.9, 0.2, "two"), table]), SETTINGS
    )
    pd.testing.assert_frame_equal(alone, both.iloc[1:].reset_index(drop=True))


def test_intervals_leave_out_systems_not_pairs():
    # All spread is between systems: means of many pairs are as uncertain as those of few systems.
    stream = random_streams.generator(2, "systems")
    effect = stream.standard_normal(30)
    pairs = list(itertools.combinations(range(30), 2))
    y = np.array([effect[a] + effect[b] for a, b in pairs])
    ends = ([f"{a:02d}" for a, _ in pairs], [f"{b:02d}" for _, b in pairs])

    def mean(weights):
        return {"mean": float(weights @ y / weights.sum())}

    interval = scores.jackknife_systems(mean, ends, 0.95)
    width = interval["mean_high"] - interval["mean_low"]
    # The mean over pairs is twice the mean of the systems, whose interval is Student's.
    expected = 2 * stats.t.ppf(0.975, 29) * 2 * effect.std(ddof=1) / np.sqrt(30)
    assert width == pytest.approx(expected)
    naive = 2 * 1.96 * y.std() / np.sqrt(len(pairs))
    assert width > 2 * naive


def test_the_interval_of_a_mean_is_student_s(rng):
    values = rng.normal(size=7)
    without = np.array([np.delete(values, k).mean() for k in range(7)])
    interval = scores.jackknife_interval(values.mean(), without, 0.9)
    expected = stats.t.interval(0.9, 6, values.mean(), stats.sem(values))
    assert interval == pytest.approx(expected)
    ratio = scores.jackknife_interval(np.exp(values.mean()), np.exp(without), 0.9, "log")
    assert ratio == pytest.approx(tuple(np.exp(expected)))


def test_too_few_systems_have_no_interval():
    assert np.isnan(scores.jackknife_interval(0.5, np.array([0.4, 0.6]), 0.95)).all()
    # Without one of the systems there is no score.
    assert np.isnan(scores.jackknife_interval(0.5, np.array([0.4, np.nan, 0.6]), 0.95)).all()
    # A ratio of 0 has no logarithm.
    zero = np.zeros(4)
    assert np.isnan(scores.jackknife_interval(0.0, zero, 0.95, "log")).all()


@given(st.floats(0, 1), st.floats(0, 0.5), st.integers(3, 30))
@settings(max_examples=50, deadline=None)
def test_the_interval_of_a_probability_stays_in_its_range(value, error, n):
    low, high = scores.probability_interval(value, error, n, 0.95)
    assert 0 <= low <= value + 1e-12 and value - 1e-12 <= high <= 1
    assert high - low > 0
    # The two ends change places with the two outcomes.
    mirrored = scores.probability_interval(1 - value, error, n, 0.95)
    assert mirrored == pytest.approx((1 - high, 1 - low))


def test_the_interval_of_a_probability_is_wilson_s():
    # An error of sqrt(p (1 - p) / m) is that of m observations.
    low, high = scores.probability_interval(0.7, np.sqrt(0.7 * 0.3 / 12), 9, 0.95)
    quantile = stats.t.ppf(0.975, 8)
    for end in (low, high):
        # Wilson's ends lie one quantile of their own standard error from the estimate.
        assert abs(0.7 - end) == pytest.approx(quantile * np.sqrt(end * (1 - end) / 12))


# --- curves -----------------------------------------------------------------------------------------


@given(slope=st.floats(-2, -0.01), start=st.floats(3, 10))
@settings(max_examples=30, deadline=None)
def test_a_planted_line_is_recovered(slope, start):
    x = np.repeat([0.0, 1.0, 2.0], [5, 3, 2])
    curve = scores.curve_scores(x, start + slope * x)
    assert curve["slope"] == pytest.approx(slope)
    assert curve["intercept"] == pytest.approx(start)
    assert curve["r2"] == pytest.approx(1)
    assert curve["r2_means"] == pytest.approx(1)
    assert curve["gap"] == pytest.approx(-2 * slope)
    assert curve["gap_relative"] == pytest.approx(-2 * slope / start)


def test_scores_agree_with_scipy_and_means_are_straight_whatever_the_spread():
    stream = random_streams.generator(5, "curve")
    x = np.repeat([0.0, 1.0, 2.0, 3.0], 50)
    noise = stream.standard_normal((4, 50))
    y = 2 - 0.3 * x + (noise - noise.mean(axis=1, keepdims=True)).ravel()
    curve = scores.curve_scores(x, y)
    fit = stats.linregress(x, y)
    assert curve["slope"] == pytest.approx(fit.slope)
    assert curve["intercept"] == pytest.approx(fit.intercept)
    assert curve["r2"] == pytest.approx(fit.rvalue**2)
    assert curve["r2_means"] == pytest.approx(1)
    assert curve["gap"] == pytest.approx(0.9)


def test_a_bent_curve_scores_below_a_straight_one():
    x = np.arange(4.0)
    assert scores.curve_scores(x, np.array([1.0, 1.0, 1.0, 0.0]))["r2_means"] == pytest.approx(0.6)


def test_curve_weights_stand_for_repetitions():
    x, y = np.array([0.0, 0.0, 1.0, 2.0]), np.array([3.0, 2.0, 1.5, 0.5])
    times = np.array([1, 3, 0, 2])
    weighted = scores.curve_scores(x, y, times.astype(float))
    assert weighted == pytest.approx(scores.curve_scores(np.repeat(x, times), np.repeat(y, times)))


def test_a_single_level_has_no_curve():
    assert all(np.isnan(v) for v in scores.curve_scores(np.ones(3), np.arange(3.0)).values())


def composition(slope, n=8):
    rows = [
        {
            "measure": "planted",
            "system_a": f"s{a}",
            "system_b": f"s{b}",
            "ordered": (a + b) % 3,
            "unordered": 1 + (a * b) % 3,
            "dissimilarity": 1 - slope * ((a + b) % 3),
        }
        for a, b in itertools.combinations(range(n), 2)
    ]
    return pd.DataFrame(rows)


def test_composition_scores_recover_the_planted_sharing():
    table = score_tables.composition_scores(composition(0.2), SETTINGS).set_index("sharing")
    assert table.loc["ordered", "r2"] == pytest.approx(1)
    assert table.loc["ordered", "gap"] == pytest.approx(0.4)
    assert table.loc["unordered", "r2"] < 0.5


def test_noise_scores_recover_floor_and_slope():
    names = ["a", "b", "c"]
    rows = []
    for level, floor in ((0.1, 0.3), (0.0, 0.0)):
        for motif in names:
            alone = {"motif": motif, "other": np.nan, "level": level, "share": 0.0}
            rows.append({**alone, "dissimilarity": floor})
            for other, share in itertools.product(set(names) - {motif}, (1.0, 0.5)):
                value = floor + (1 - floor) * share
                mixed = {"motif": motif, "other": other, "level": level, "share": share}
                rows.append({**mixed, "dissimilarity": value})
    table = pd.DataFrame(rows).assign(measure="planted")
    levels = score_tables.noise_scores(table, SETTINGS).set_index("level")
    np.testing.assert_allclose(levels["floor"], [0.3, 0.0], atol=1e-12)
    # Two different motifs lie 1 apart; a floor of 0 has no interval.
    np.testing.assert_allclose(levels["floor_relative"], [0.3, 0.0], atol=1e-12)
    # Columns before the row: pandas 2 makes a row of text and numbers an array of objects.
    bounds = levels[["floor_relative_low", "floor_relative_high"]]
    np.testing.assert_allclose(bounds.loc[0.1], 0.3)
    assert np.isnan(levels.loc[0.0, "floor_relative_low"])
    np.testing.assert_allclose(levels["slope"], [-0.7, -1.0])
    np.testing.assert_allclose(levels["r2"], 1)
    np.testing.assert_allclose(levels["r2_each"], 1)
    np.testing.assert_allclose(levels["gap_relative"], [0.7, 1.0])
    np.testing.assert_allclose(levels["auc_least"], 1)
    assert levels["n_motifs"].tolist() == [3, 3]


def test_r2_of_each_curve_does_not_depend_on_how_far_motifs_lie_apart():
    rows = [
        {"motif": motif, "other": np.nan if share == 0 else other, "share": share}
        | {"level": 0.0, "measure": "planted", "dissimilarity": share * far}
        for (motif, other), far in {("a", "b"): 0.2, ("b", "a"): 0.9}.items()
        for share in (0.0, 0.5, 1.0)
    ]
    row = score_tables.noise_scores(pd.DataFrame(rows), SETTINGS).iloc[0]
    assert row["r2_each"] == pytest.approx(1)
    assert row["r2"] < 0.8


def test_hyperparameters_are_ranked_by_merit_and_failures_come_last():
    good, poor = composition(0.2), composition(0.02)
    poor["dissimilarity"] += random_streams.generator(1, "poor").normal(0, 0.05, len(poor))
    failed = composition(0.2).assign(dissimilarity=np.nan)
    frames = [
        frame.assign(n_delays=k, delay_interval=1, rank=10, weight=1.0)
        for k, frame in enumerate((failed, poor, good))
    ]
    table = score_tables.hyperparameter_scores(pd.concat(frames)).set_index("n_delays")
    assert table["place"].to_dict() == {2: 1, 1: 2, 0: 3}
    assert table.loc[0, "n_failed"] == len(good)
    assert table.loc[2, "r2_ordered"] == pytest.approx(1)


def test_an_experiment_is_scored_by_its_name():
    table = families(0.2, 0.8, 0.02)
    pd.testing.assert_frame_equal(
        score_tables.score_experiment(table, {**SETTINGS, "experiment": "families"}),
        score_tables.separation_scores(table, SETTINGS),
    )
    cell = composition(0.2).assign(n_delays=3, delay_interval=1, rank=10, weight=1.0)
    pd.testing.assert_frame_equal(
        score_tables.score_experiment(cell, {"experiment": "hyperparameters"}),
        score_tables.hyperparameter_scores(cell),
    )


def test_gaps_are_held_against_every_other_measure():
    scored = pd.DataFrame(
        [
            ("cka", "ordered", 0.2),
            ("procrustes", "ordered", 0.4),
            ("dsa", "ordered", 0.9),
            ("cka", "unordered", 0.0),
        ],
        columns=["measure", "sharing", "gap_relative"],
    )
    cells = [(4, 1, 10, 10, 0.3), (4, 2, 10, 10, 0.5), (8, 1, 10, 9, np.nan)]
    columns = ["n_delays", "delay_interval", "rank", "rank_used", "gap_relative_ordered"]
    sweep = pd.DataFrame(cells, columns=columns).assign(n_pairs=60)
    own = {"n_delays": 4, "delay_interval": 2, "rank": 10}
    table = score_tables.gap_orderings(scored, sweep, "dsa", own, "ordered")
    # By setting, then by measure: DSA is not held against itself.
    assert table["item_b"].tolist() == ["cka", "procrustes"] * 3
    assert table["holds"].tolist()[:4] == [True, False, True, True]
    assert table["holds"][4:].isna().all()
    assert table["own"].tolist() == [False, False, True, True, False, False]
    assert table["carried"].tolist() == [True] * 4 + [False] * 2
    np.testing.assert_allclose(table["difference"][:4], [0.1, -0.1, 0.3, 0.1])
