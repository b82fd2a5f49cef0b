import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from warpline.analyses.summary import (
    aggregate_over_seeds,
    coupling_with_accuracy,
    half_time,
    lags_by_share,
    scalar_rows,
)
from warpline.comparison.jackknife import jackknife_interval, mean_interval


def rows(values, status="converged", quantity="speed"):
    parts = [
        scalar_rows([(quantity, "", "late", value)]).assign(analysis="a", seed=k, status=status)
        for k, value in enumerate(values)
    ]
    return pd.concat(parts, ignore_index=True)


def test_a_diverged_network_is_counted_and_left_out():
    frame = pd.concat([rows([1.0, 2.0, 3.0]), rows([50.0], status="diverged")])
    (row,) = aggregate_over_seeds(frame, 0.95).to_dict("records")
    assert (row["n"], row["left_out"], row["mean"], row["sd"]) == (3, 1, 2.0, 1.0)
    width = stats.t.ppf(0.975, 2) / np.sqrt(3)
    assert row["low"] == pytest.approx(2 - width) and row["high"] == pytest.approx(2 + width)


def test_two_networks_give_no_interval():
    (row,) = aggregate_over_seeds(rows([1.0, 2.0]), 0.95).to_dict("records")
    assert row["mean"] == 1.5 and np.isnan(row["low"])


def test_rows_keep_their_order():
    frame = pd.concat([rows([1.0], quantity="b"), rows([1.0], quantity="a")])
    assert aggregate_over_seeds(frame, 0.95)["quantity"].tolist() == ["b", "a"]


@given(st.lists(st.floats(-5, 5, allow_subnormal=False), min_size=3, max_size=9))
@settings(deadline=None)
def test_interval_of_a_mean_is_the_jackknife_of_a_diagonal(values):
    values = np.array(values)
    matrix = np.full((len(values),) * 2, np.nan)
    np.fill_diagonal(matrix, values)
    seeds = list(range(len(values)))
    expected = jackknife_interval(matrix, seeds, seeds, 0.9)
    assert mean_interval(values, 0.9) == pytest.approx(expected, abs=1e-9)


def test_half_way_is_interpolated():
    fractions = np.array([0, 0.25, 0.5, 1.0])
    assert half_time(fractions, np.array([0, 0, 1, 1.0])) == pytest.approx(0.375)
    assert half_time(fractions, -3 * fractions + 2) == pytest.approx(0.5)
    assert np.isnan(half_time(fractions, np.ones(4)))
    assert np.isnan(half_time(fractions, np.array([0, 3.0, -1, 1]))), "it fluctuates"
    assert np.isnan(half_time(fractions, np.array([0, np.nan, 1, 1])))


def test_other_shares_of_the_change_have_their_times():
    fractions = np.array([0, 0.25, 0.5, 1.0])
    assert half_time(fractions, -3 * fractions + 2, share=0.3) == pytest.approx(0.3)
    assert half_time(fractions, np.array([0, 0.8, 0.9, 1.0]), 0.6, share=0.7) == pytest.approx(
        0.25 + 0.25 * (0.6 + 0.7 * 0.4 - 0.8) / 0.1
    )


FRACTIONS = np.array([0, 0.25, 0.5, 1.0])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # Overshoot: the first passage counts, between 0 and 1.4, at 0.5 of the total change of 1.
        ([0, 1.4, 1.2, 1.0], 0.25 * 0.5 / 1.4),
        # A dip below the start does not move the level of 1/2.
        ([0, -0.5, 0.5, 1.0], 0.5),
        # A relapse: passed at 0.125, lost, and passed again.
        ([0, 1.0, 0.0, 1.0], 0.125),
        # A distance that grows before it falls, as to the own end.
        ([1.0, 1.5, 0.25, 0.0], 0.25 + 0.25 * 1.0 / 1.25),
        # All of the change in the last step.
        ([2.0, 2.0, 2.0, 6.0], 0.75),
    ],
)
def test_half_way_of_series_that_are_not_monotonic(values, expected):
    assert half_time(FRACTIONS, np.array(values)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("accuracy", "chance", "expected"),
    [
        # It learns to guess (0 to 0.5), then the task: half of the way from 0.5 to 0.9 is 0.7.
        ([0.0, 0.5, 0.6, 0.9], 0.5, 0.5 + 0.5 * 0.1 / 0.3),
        # From the first value it would be half way to 0.9 at 0.45, while guessing.
        ([0.0, 0.5, 0.6, 0.9], None, 0.25 * 0.45 / 0.5),
        # A first value above chance: the change still counts from chance.
        ([0.6, 0.6, 0.8, 0.9], 0.5, 0.25 + 0.25 * 0.1 / 0.2),
        # A start beyond half of the change, as after a pretraining or at the criterion.
        ([0.8, 0.85, 0.9, 0.9], 0.5, 0.0),
        ([1.0, 1.0, 1.0, 1.0], 0.5, 0.0),
        # A step from below chance to the end: interpolated from chance.
        ([0.2, 1.0, 1.0, 1.0], 0.5, 0.125),
    ],
)
def test_half_way_of_accuracy_counts_from_chance(accuracy, chance, expected):
    assert half_time(FRACTIONS, np.array(accuracy), chance) == pytest.approx(expected)


@pytest.mark.parametrize(
    "accuracy", [[0, 0.2, 0.4, 0.5], [0.1, 0.7, 0.6, 0.3], [0, 0.9, 0.2, 0.55]]
)
def test_what_has_not_learned_has_no_half_way(accuracy):
    """Guessing to the end, worse than guessing, and a relapse that leaves less than half of the range."""
    assert np.isnan(half_time(FRACTIONS, np.array(accuracy), 0.5))


def learning(seeds, series):
    """Numbers and dissimilarities of some networks whose series are given functions of the fraction."""
    series = {"chance": lambda f, s: 0.0, **series}
    numbers, over = [], []
    for seed in seeds:
        for fraction in (0, 0.25, 0.5, 0.75, 1.0):
            for name, function in series.items():
                value = function(fraction, seed)
                if name in ("dsa", "cka"):
                    over.append(
                        {
                            "measure": name,
                            "against": "own_final",
                            "curriculum_a": "master",
                            "seed_a": seed,
                            "checkpoint": fraction,
                            "dissimilarity": value,
                        }
                    )
                else:
                    numbers.append(
                        scalar_rows([(name, "", "late", value)], fraction).assign(
                            analysis="a", seed=seed, status="converged"
                        )
                    )
    return pd.concat(numbers, ignore_index=True), pd.DataFrame(over)


def test_what_moves_with_accuracy_is_found():
    numbers, over = learning(
        range(4),
        {
            "chance": lambda f, s: 0.5,
            "accuracy": lambda f, s: 0.5 + f / 2,
            "warp": lambda f, s: f**3 + s,
            "still": lambda f, s: 1.0,
            "dsa": lambda f, s: 1 - f,
            "cka": lambda f, s: abs(f - 0.375) + 0.001 * f,
        },
    )
    over = pd.concat([over, over.assign(curriculum_a="other", dissimilarity=9.0)])
    table = coupling_with_accuracy(numbers, over, "master", 0.95).set_index("name")
    assert table.loc["warp", "spearman"] == pytest.approx(1)
    assert table.loc["dsa", "spearman"] == pytest.approx(-1)
    assert table.loc["warp", "spearman_n"] == 4
    assert np.isnan(table.loc["still", "spearman"]) and table.loc["still", "spearman_n"] == 0
    assert abs(table.loc["cka", "spearman"]) < 0.9
    assert table.loc["accuracy", "half_way"] == pytest.approx(0.5)
    # f^3 passes a half between 0.75 and 1, by linear interpolation.
    expected = 0.75 + 0.25 * (0.5 - 0.75**3) / (1 - 0.75**3)
    assert table.loc["warp", "half_way"] == pytest.approx(expected)
    assert table.loc["warp", "lag"] == pytest.approx(expected - 0.5)
    table = coupling_with_accuracy(numbers, over, "master", 0.95, share=0.3).set_index("name")
    expected = 0.5 + 0.25 * (0.3 - 0.5**3) / (0.75**3 - 0.5**3)
    assert table.loc["warp", "lag"] == pytest.approx(expected - 0.3)


def test_accuracy_below_chance_is_chance_on_both_sides_of_its_own_correlation():
    wrong = [0.1, 0.3, 0.2, 0.6, 0.9]
    series = {"accuracy": lambda f, s: wrong[int(4 * f)], "chance": lambda f, s: 0.5}
    relations = coupling_with_accuracy(
        *learning(range(3), series | {"dsa": lambda f, s: 1 - f}), "master", 0.95
    )
    assert relations.set_index("name").loc["accuracy", "spearman"] == pytest.approx(1)


def test_lags_at_several_shares_are_those_of_each():
    numbers, over = learning(
        range(4),
        {"accuracy": lambda f, s: f, "warp": lambda f, s: f**2, "dsa": lambda f, s: 1 - f},
    )
    lags = lags_by_share(numbers, over, "master", 0.95, (0.3, 0.7))
    assert lags["share"].unique().tolist() == [0.3, 0.7]
    for share, rows in lags.groupby("share"):
        one = coupling_with_accuracy(numbers, over, "master", 0.95, share)
        assert rows["name"].tolist() == one["name"].tolist()
        for column in ("lag", "lag_low", "lag_high", "lag_n", "kind"):
            pd.testing.assert_series_equal(rows[column].reset_index(drop=True), one[column])


def test_all_are_compared_at_the_same_checkpoints():
    numbers, over = learning(
        range(3),
        {"accuracy": lambda f, s: f, "warp": lambda f, s: f**2, "dsa": lambda f, s: 1 - f},
    )
    over = over[over["checkpoint"] != 0.75]
    table = coupling_with_accuracy(numbers, over, "master", 0.95).set_index("name")
    assert (table["n_checkpoints"] == 4).all()
    # Without the checkpoint at 0.75, f^2 is interpolated from 0.5 on.
    assert table.loc["warp", "half_way"] == pytest.approx(0.5 + 0.5 * 0.25 / 0.75)


def test_a_series_without_a_first_value_has_no_half_way():
    numbers, over = learning(
        range(3),
        {"accuracy": lambda f, s: f, "warp": lambda f, s: f or np.nan, "dsa": lambda f, s: 1 - f},
    )
    table = coupling_with_accuracy(numbers, over, "master", 0.95).set_index("name")
    assert np.isnan(table.loc["warp", "half_way"])
    assert table.loc["dsa", "half_way"] == pytest.approx(0.5)


def test_relations_are_reproducible():
    noise = np.random.default_rng(0).normal(size=(6, 5))
    numbers, over = learning(
        range(6),
        {
            "accuracy": lambda f, s: f,
            "warp": lambda f, s: noise[s, int(4 * f)],
            "dsa": lambda f, s: 1 - f,
        },
    )
    first, second = (coupling_with_accuracy(numbers, over, "master", 0.9) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    row = first.set_index("name").loc["warp"]
    assert row["spearman_low"] < row["spearman"] < row["spearman_high"]


def test_like_is_set_beside_like():
    numbers, over = learning(
        range(3),
        {
            "chance": lambda f, s: 0.5,
            "accuracy": lambda f, s: f,
            "metric": lambda f, s: (1 - f) ** 2,
            "log10 G, time": lambda f, s: f,
            "dsa": lambda f, s: 1 - f,
        },
    )
    table = coupling_with_accuracy(numbers, over, "master", 0.95).set_index("name")
    assert table["kind"].to_dict() == {
        "accuracy": "behaviour",
        "metric": "distance to own end",
        "dsa": "distance to own end",
        "log10 G, time": "scalar",
    }
    # From chance, accuracy is half way at 0.75; below chance it counts as constant.
    assert table.loc["accuracy", "half_way"] == pytest.approx(0.75)
    assert table.loc["dsa", "half_way"] == pytest.approx(0.5)
    assert table.loc["dsa", "lag"] == pytest.approx(-0.25)
    # The metric falls from 9/16 at 0.25 to 1/4 at 0.5, and is half way between them.
    half = 0.25 + 0.25 * (9 / 16 - 1 / 2) / (9 / 16 - 1 / 4)
    assert table.loc["metric", "half_way"] == pytest.approx(half)
    assert table.loc["dsa", "lag_metric"] == pytest.approx(0.5 - half)
    assert table.loc["metric", "lag_metric"] == pytest.approx(0)
    assert np.isnan(table.loc["log10 G, time", "lag_metric"]), "another kind"
    # Of the checkpoints before the last, two are at chance, and 0.5 is at chance, too.
    expected = stats.spearmanr([0.5, 0.5, 0.5, 0.75], [1, 0.75, 0.5, 0.25]).statistic
    assert table.loc["dsa", "spearman"] == pytest.approx(expected)


def test_accuracy_without_a_chance_level_is_refused():
    numbers, over = learning(range(3), {"accuracy": lambda f, s: f, "dsa": lambda f, s: 1 - f})
    numbers = numbers[numbers["quantity"] != "chance"]
    with pytest.raises(KeyError, match="chance"):
        coupling_with_accuracy(numbers, over, "master", 0.95)
