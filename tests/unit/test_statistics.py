import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from warpline.comparison.hypothesis_tests import (
    difference_test,
    exchange_test,
    holm,
    separation_exchange_test,
)
from warpline.comparison.jackknife import jackknife_interval
from warpline.comparison.separation import floor_pairs, separation
from warpline.comparison.statistics import control_table, group_tests, learning_table, summary_table

SETTINGS = {
    "confidence": 0.95,
    "min_seeds": 5,
    "family_error": 0.05,
}


def paired(rng, n):
    """One value per seed, on the diagonal."""
    matrix = np.full((n, n), np.nan)
    np.fill_diagonal(matrix, rng.normal(5, 1, size=n))
    return matrix


def floor(rng, n):
    """Networks of one curriculum: each pair twice, the diagonal does not count."""
    effect = rng.normal(size=n)
    matrix = 5 + effect[:, None] + effect[None, :] + symmetric(0.3 * rng.normal(size=(n, n)))
    np.fill_diagonal(matrix, np.nan)
    return matrix


def symmetric(noise):
    return (noise + noise.T) / np.sqrt(2)


def independent(rng, n):
    matrix = 5 + rng.normal(size=n)[:, None] + rng.normal(size=n)[None, :]
    np.fill_diagonal(matrix, np.nan)
    return matrix


def shared_pretraining(rng, n):
    """Network i of both curricula descends from the same pretrained network."""
    effect = rng.normal(size=n)
    matrix = 5 + effect[:, None] + effect[None, :]
    np.fill_diagonal(matrix, np.nan)
    return matrix


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("make", [paired, floor, independent, shared_pretraining])
def test_interval_covers_as_often_as_it_says(make, n):
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(600):
        low, high = jackknife_interval(make(rng, n), range(n), range(n), 0.95)
        hits += low <= 5 <= high
    # 600 draws of a 95 % interval: 0.92 to 0.98 is three standard errors and a half.
    assert 0.92 <= hits / 600 <= 0.985


def test_interval_of_independent_values_is_student_s(rng):
    values = rng.normal(size=8)
    matrix = np.full((8, 8), np.nan)
    np.fill_diagonal(matrix, values)
    expected = stats.t.interval(0.9, 7, values.mean(), stats.sem(values))
    assert jackknife_interval(matrix, range(8), range(8), 0.9) == pytest.approx(expected)


def test_two_seeds_have_no_interval(rng):
    assert np.isnan(jackknife_interval(independent(rng, 2), range(2), range(2), 0.95)).all()


def test_difference_of_paired_values_is_the_paired_t_test(rng):
    # One value per seed and no pair across seeds: the jackknife of a mean is its standard error.
    a, b = np.full((2, 8, 8), np.nan)
    np.fill_diagonal(a, rng.normal(1, 1, size=8))
    np.fill_diagonal(b, rng.normal(0, 2, size=8))
    test = difference_test(a, b, 0.9)
    expected = stats.ttest_rel(np.diagonal(a), np.diagonal(b))
    assert (test.t, test.dof, test.p) == pytest.approx(
        (expected.statistic, expected.df, expected.pvalue)
    )
    assert (test.low, test.high) == pytest.approx(tuple(expected.confidence_interval(0.9)))
    # Cohen's d of the differences, with Hedges' correction.
    differences = np.diagonal(a) - np.diagonal(b)
    d = differences.mean() / differences.std(ddof=1)
    assert test.effect_size == pytest.approx(d * (1 - 3 / (4 * 7 - 1)))


@pytest.mark.parametrize(("n_a", "n_b"), [(20, 20), (20, 60)])
def test_the_effect_size_of_groups_that_share_nothing_is_cohens_d(rng, n_a, n_b):
    """Distances that depend on the system alone, to a reference of thirty others."""
    x, y = rng.normal(2, 1, n_a), rng.normal(0, 1, n_b)
    n = n_a + n_b + 30
    a, b = np.full((2, n, n), np.nan)
    a[:n_a, -30:], b[n_a:-30, -30:] = x[:, None], y[:, None]
    test = difference_test(a, b, 0.95)
    weights = np.array([1 / n_a, 1 / n_b]) / (1 / n_a + 1 / n_b)
    spread = np.sqrt(2 * weights @ [x.var(ddof=1), y.var(ddof=1)])
    assert test.n_seeds == n
    assert test.effect_size == pytest.approx((x.mean() - y.mean()) / spread, rel=0.05)


def test_the_difference_is_left_out_as_by_hand(rng):
    a, b = independent(rng, 6), independent(rng, 6)
    # A diverged network of a, one of the reference, and one seed that b lacks.
    a[2], a[:, 4], b[:, 4], b[5] = np.nan, np.nan, np.nan, np.nan
    without = []
    for seed in range(6):
        kept = [k for k in range(6) if k != seed]
        without.append(np.nanmean(a[np.ix_(kept, kept)]) - np.nanmean(b[np.ix_(kept, kept)]))
    error = np.sqrt(5 / 6 * np.sum((np.array(without) - np.mean(without)) ** 2))
    test = difference_test(a, b, 0.95)
    assert test.error == pytest.approx(error)
    assert test.difference == pytest.approx(np.nanmean(a) - np.nanmean(b))
    assert (test.n_a, test.n_b, test.n_reference, test.n_seeds) == (5, 5, 5, 6)
    # Tests side by side are tests one by one.
    both = difference_test(np.stack([a, b]), np.stack([b, a]), 0.95)
    assert both.t == pytest.approx(np.array([test.t, -test.t]))


def test_what_cannot_be_tested_is_missing(rng):
    a, b = independent(rng, 2), independent(rng, 2)
    assert np.isnan([difference_test(a, b, 0.95).p, difference_test(a, b, 0.95).low]).all()
    # Three seeds, of which a has one network: without it a has no pair.
    a, b = independent(rng, 3), independent(rng, 3)
    a[1:] = np.nan
    assert np.isnan(difference_test(a, b, 0.95).p) and difference_test(a, b, 0.95).n_a == 1
    # Nothing varies: an error of 0 is no evidence.
    constant = np.where(np.eye(4, dtype=bool), np.nan, 0.3)
    test = difference_test(constant + 0.1, constant, 0.95)
    assert np.isnan(test.p) and test.difference == pytest.approx(0.1)


def test_holm_by_hand_and_without_tests():
    p_values = np.array([0.01, np.nan, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(holm(p_values), [0.03, np.nan, 0.06, 0.06, 0.02])
    assert np.isnan(holm(np.array([np.nan, np.nan]))).all()
    assert holm(np.array([0.6, 0.7])).tolist() == [1, 1]


def planted(rng, n, shift):
    """Tables as the pipeline makes them: three curricula, of which 'far' lies further from master."""
    rows = []
    names = ["master", "near", "far"]
    effect = {
        (name, s): rng.normal(0, 0.02) + (shift if name == "far" else 0)
        for name in names
        for s in range(n)
    }
    for i in range(n):
        for j in range(i + 1):
            for a in names:
                for b in names:
                    if i == j and names.index(a) > names.index(b):
                        continue
                    same = (a, i) == (b, j)
                    value = 0.0 if same else 0.3 + effect[a, i] + effect[b, j]
                    rows.append(
                        {
                            "measure": "cka",
                            "seeds": "same" if i == j else "cross",
                            "architecture_a": "rnn",
                            "curriculum_a": a,
                            "seed_a": i,
                            "curriculum_b": b,
                            "seed_b": j,
                            "dissimilarity": value,
                        }
                    )
    return pd.DataFrame(rows)


def test_summary_counts_networks_and_finds_the_means(rng):
    table = summary_table(planted(rng, 8, 0.2), SETTINGS)
    row = table.set_index(["curriculum_a", "curriculum_b", "seeds"])
    cross = row.loc[("far", "master", "cross")]
    assert cross["n_a"] == cross["n_b"] == 8 and cross["n_pairs"] == 56
    assert (
        cross["mean"] == pytest.approx(0.5, abs=0.03)
        and cross["low"] < cross["mean"] < cross["high"]
    )
    floor = row.loc[("master", "master", "cross")]
    assert floor["n_pairs"] == 28 and floor["mean"] == pytest.approx(0.3, abs=0.03)
    assert row.loc[("far", "far", "same")]["mean"] == 0


def test_tests_find_the_planted_difference(rng):
    table = group_tests(planted(rng, 8, 0.2), ["master"], SETTINGS).set_index(
        ["curriculum_a", "curriculum_b"]
    )
    found = table.loc[("far", "near")]
    assert found["significant"] and found["effect_size"] > 2
    assert found["difference"] == pytest.approx(found["mean_a"] - found["mean_b"])
    assert found["low"] < 0.2 < found["high"] and found["low"] > 0
    # Nothing was planted here. Whether such a difference is significant too often is tested in tests/inference.
    assert abs(table.loc[("master", "near"), "difference"]) < 0.03
    assert (table["p_adjusted"] >= table["p"]).all()
    assert (table["n_a"] == 8).all()
    assert table["with_reference"].tolist() == [True, False, True]


def test_false_positives_are_rare_when_nothing_differs(rng):
    found = sum(
        group_tests(planted(rng, 6, 0.0), ["master"], SETTINGS)["significant"].any()
        for _ in range(60)
    )
    assert found <= 9


def test_few_seeds_no_p_values(rng):
    table = group_tests(planted(rng, 4, 0.2), ["master"], SETTINGS)
    assert table["p"].isna().all() and table["p_adjusted"].isna().all()
    assert not table["significant"].any() and table["difference"].notna().all()
    assert table["low"].isna().all()
    enough = group_tests(planted(rng, 4, 0.2), ["master"], {**SETTINGS, "min_seeds": 4})
    assert enough["p"].notna().all()
    # Means have intervals from three seeds on, whatever the tests ask for (docs/files.md).
    for n, has_interval in ((2, False), (3, True)):
        summary = summary_table(planted(rng, n, 0.2), SETTINGS)
        between = summary[summary["curriculum_a"] != summary["curriculum_b"]]
        assert (between["low"].notna() == has_interval).all() and len(between)


def test_too_few_networks_of_the_reference_are_not_tested(rng):
    frame = planted(rng, 6, 0.2)
    frame = frame[~((frame["curriculum_a"] == "master") & (frame["seed_a"] > 3))]
    frame = frame[~((frame["curriculum_b"] == "master") & (frame["seed_b"] > 3))]
    row = group_tests(frame, ["master"], SETTINGS).set_index(["curriculum_a", "curriculum_b"])
    row = row.loc[("far", "near")]
    assert (row["n_a"], row["n_b"], row["n_reference"], row["n_seeds"]) == (6, 6, 4, 6)
    assert np.isnan(row["p"]) and not row["significant"]


def test_a_curriculum_that_diverged_altogether_keeps_its_row(rng):
    frame = planted(rng, 6, 0.2)
    lost = (frame["curriculum_a"] == "far") | (frame["curriculum_b"] == "far")
    frame.loc[lost, "dissimilarity"] = np.nan
    table = group_tests(frame, ["master"], SETTINGS).set_index(["curriculum_a", "curriculum_b"])
    assert table.loc[("far", "near"), "n_a"] == 0 and np.isnan(table.loc[("far", "near"), "p"])
    assert table.loc[("master", "near"), "p"] >= 0
    # It does not count as a test: the one that is left is not adjusted.
    assert table.loc[("master", "near"), "p_adjusted"] == table.loc[("master", "near"), "p"]


def test_failed_pairs_lower_n_and_do_not_spoil_the_mean(rng):
    frame = planted(rng, 6, 0.2)
    lost = (frame["curriculum_a"] == "far") & (frame["seed_a"] == 5)
    lost |= (frame["curriculum_b"] == "far") & (frame["seed_b"] == 5)
    frame.loc[lost, "dissimilarity"] = np.nan
    row = summary_table(frame, SETTINGS).set_index(["curriculum_a", "curriculum_b", "seeds"])
    assert row.loc[("far", "master", "cross"), "n_a"] == 5
    assert row.loc[("far", "master", "cross"), "mean"] == pytest.approx(0.5, abs=0.05)


def test_a_new_seed_leaves_the_order_of_rows_without_effect(rng):
    frame = planted(rng, 6, 0.1)
    shuffled = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(summary_table(frame, SETTINGS), summary_table(shuffled, SETTINGS))
    a, b = (group_tests(f, ["master"], SETTINGS) for f in (frame, shuffled))
    pd.testing.assert_frame_equal(a, b)


def test_controls(rng):
    frame = pd.DataFrame(
        {
            "measure": "cka",
            "architecture_a": "rnn",
            "curriculum_a": "master",
            "control": ["split_half"] * 6,
            "seed_a": range(6),
            "seed_b": range(6),
            "dissimilarity": [0.1, 0.2, 0.3, 0.2, 0.2, np.nan],
        }
    )
    after = planted(rng, 6, 0.2)
    row = control_table(frame, after, SETTINGS).iloc[0]
    assert row["n"] == 5 and row["mean"] == pytest.approx(0.2) and row["low"] <= 0.2 <= row["high"]
    floor = floor_pairs(after, "master")["dissimilarity"].to_numpy()
    values = frame["dissimilarity"].dropna().to_numpy()
    assert row["separation"] == pytest.approx((values[:, None] > floor).mean())


# --- separation -------------------------------------------------------------------------------------


def pairs_table(values, seeds):
    """Return a table of pairs of networks of the given seeds."""
    columns = ["seed_a", "seed_b", "dissimilarity"]
    return pd.DataFrame(
        [(*pair, v) for pair, v in zip(seeds, values, strict=True)], columns=columns
    )


SEED_PAIRS = [(1, 2), (1, 3), (2, 3)]


def test_separation_closed_form():
    floor = pairs_table([1.0, 2.0, 3.0], SEED_PAIRS)
    pairs = pairs_table([2.0, 2.5, np.nan], SEED_PAIRS)
    # 2 exceeds 1 and ties with 2, 2.5 exceeds two of three: (1.5 + 2) / 6.
    assert separation(pairs, [floor], 0.95)[0] == pytest.approx(3.5 / 6)
    far = pairs_table([5.0, 5.0, 5.0], SEED_PAIRS)
    # Of two floors, each counts equally.
    other = pairs_table([2.25], [(1, 2)])
    assert separation(pairs, [floor, other], 0.95)[0] == pytest.approx((3.5 / 6 + 0.5) / 2)
    assert separation(far, [floor], 0.95)[0] == 1 and separation(floor, [far], 0.95)[0] == 0
    assert separation(floor, [floor], 0.95)[0] == 0.5


def test_separation_is_scale_free(rng):
    table = planted(rng, 6, 0.05).assign(dissimilarity=lambda t: t["dissimilarity"].clip(0, 1))
    pairs = table[(table["curriculum_a"] != table["curriculum_b"]) & (table["seeds"] == "cross")]
    reference = separation(pairs, [floor_pairs(table, "master")], 0.95)
    assert 0.5 < reference[0] < 1 and reference[1] < reference[0] < reference[2]
    for unit in (lambda d: 57.3 * d, np.exp, lambda d: 1 - np.cos(d)):
        converted = table.assign(dissimilarity=unit(table["dissimilarity"]))
        rows = converted.loc[pairs.index]
        assert separation(rows, [floor_pairs(converted, "master")], 0.95) == reference


def test_separation_says_what_it_does_not_know():
    floor = pairs_table([1.0, 2.0, 3.0], SEED_PAIRS)
    far = pairs_table([5.0, 6.0, 7.0], SEED_PAIRS)
    value, low, high = separation(far, [floor], 0.95)
    assert value == 1 and np.isnan([low, high]).all(), "all pairs exceed: no seed tells how clearly"
    few = separation(pairs_table([1.5], [(1, 2)]), [pairs_table([1.0], [(1, 2)])], 0.95)
    assert few[0] == 1 and np.isnan(few[1:]).all(), "two seeds"
    assert np.isnan(separation(far, [floor.iloc[:0]], 0.95)).all()
    assert np.isnan(separation(far.iloc[:0], [floor], 0.95)).all()
    assert np.isnan(separation(far, [], 0.95)).all()


def points_tables(rng, n, shift):
    """Return pairs of two curricula, and their floors: distances of points, a point per network."""
    first, second = rng.normal(size=(2, n, 10))
    second[:, 0] += shift

    def table(x, y, pairs):
        return pairs_table([np.linalg.norm(x[i] - y[j]) for i, j in pairs], pairs)

    upper = list(zip(*np.triu_indices(n, 1), strict=True))
    cross = [(i, j) for i in range(n) for j in range(n) if i != j]
    return table(first, second, cross), [table(first, first, upper), table(second, second, upper)]


@pytest.mark.slow
@pytest.mark.parametrize("shift", [1.5, 4.0])
def test_separation_s_interval_covers(shift):
    rng = np.random.default_rng(5)
    truth = np.mean([separation(*points_tables(rng, 20, shift), 0.95)[0] for _ in range(60)])
    hits = 0
    for _ in range(200):
        _, low, high = separation(*points_tables(rng, 5, shift), 0.95)
        hits += low <= truth <= high
    # 200 draws: 0.90 lies three standard errors below a coverage of 0.95.
    assert hits / 200 >= 0.90


def test_summary_separates_the_planted_difference(rng):
    table = summary_table(planted(rng, 8, 0.2), SETTINGS)
    rows = table.set_index(["curriculum_a", "curriculum_b", "seeds"])["separation"]
    # 'far' lies 0.2 from the others and 0.4 from itself: above one floor, below the other.
    assert rows["far", "master", "cross"] == pytest.approx(0.5, abs=0.05)
    assert rows["master", "near", "cross"] == pytest.approx(0.5, abs=0.15)
    assert np.isnan(rows["master", "master", "cross"]), "a floor does not separate from itself"


def test_learning_table_follows_the_distance_to_the_own_end(rng):
    after = planted(rng, 6, 0.2)
    rows = [
        {
            "measure": "cka",
            "architecture_a": "rnn",
            "against": "own_final",
            "curriculum_a": "master",
            "curriculum_b": "master",
            "checkpoint": checkpoint,
            "seed_a": seed,
            "seed_b": seed,
            "dissimilarity": np.nan if (seed, checkpoint) == (3, 0.0) else 1 - checkpoint,
        }
        for checkpoint in (0.0, 0.7, 1.0)
        for seed in range(6)
    ]
    table = learning_table(pd.DataFrame(rows), after, SETTINGS).set_index("checkpoint")
    assert table["mean"].tolist() == pytest.approx([1.0, 0.3, 0.0])
    assert table["n"].tolist() == [5, 6, 6] and (table["n_pairs"] == table["n"]).all()
    assert table.loc[0.0, "separation"] == 1 and table.loc[1.0, "separation"] == 0
    floor = floor_pairs(after, "master")["dissimilarity"]
    assert table.loc[0.7, "separation"] == pytest.approx((floor < 0.3).mean(), abs=1e-9)
    # Shared components over learning, raw units after it: a floor of other states.
    published = learning_table(pd.DataFrame(rows), after, {**SETTINGS, "reduction": "published"})
    assert published["separation"].isna().all() and published["separation_low"].isna().all()
    assert published["mean"].tolist() == table["mean"].tolist()


def networks_on_a_line(positions):
    """Return distances of networks on a line, and the networks of each curriculum by seed."""
    line = np.concatenate(positions)
    n = len(positions[0])
    return np.abs(line[:, None] - line), [k * n + np.arange(n) for k in range(len(positions))]


def test_exchange_of_labels_of_curricula_that_are_clearly_apart(rng):
    n = 6
    offsets = 0.01 * rng.standard_normal((3, n))
    distances, (a, b, reference) = networks_on_a_line([offsets[0] + 1, offsets[1] + 5, offsets[2]])
    # Only the labels as they are and all exchanged reach the difference.
    assert exchange_test(distances, a, b, reference) == 2 / 2**n
    assert exchange_test(distances, b, a, reference) == 2 / 2**n
    # Of a against itself nothing can be told: all exchanges leave the difference at 0.
    assert exchange_test(distances, a, a, reference) == 1


@pytest.mark.parametrize(
    "p_value",
    [lambda distances, a, b: exchange_test(distances, a, b, a), separation_exchange_test],
    ids=["distance, with the reference among them", "separation"],
)
def test_exchange_of_labels_keeps_its_level(rng, p_value):
    rejected = []
    for _ in range(400):
        # Networks of one seed are alike.
        shared = rng.standard_normal(6)
        own = 0.7 * rng.standard_normal((2, 6))
        distances, (a, b) = networks_on_a_line([shared + own[0], shared + own[1]])
        rejected.append(p_value(distances, a, b) <= 0.05)
    # Three standard errors of 400 trials above the level.
    assert np.mean(rejected) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_exchange_of_labels_refuses_what_it_cannot_exchange(rng):
    distances, (a, b) = networks_on_a_line(rng.standard_normal((2, 4)))
    with pytest.raises(
        ValueError, match="as many networks of a, of b and of the reference, got 4, 3"
    ):
        exchange_test(distances, a, b[:3], a)
    with pytest.raises(ValueError, match="at least two seeds, got 1"):
        exchange_test(distances, a[:1], b[:1], a[:1])
    distances[a[0], b[1]] = np.nan
    with pytest.raises(ValueError, match="of every two networks"):
        exchange_test(distances, a, b, a)


def test_exchange_by_separation_of_curricula_that_are_clearly_apart(rng):
    n = 6
    distances, (a, b) = networks_on_a_line(0.01 * rng.standard_normal((2, n)) + [[1], [5]])
    # S is the same with all labels exchanged.
    assert separation_exchange_test(distances, a, b) == 2 / 2**n
    # It has no unit, and a curriculum cannot be told from itself.
    assert separation_exchange_test(np.exp(distances), a, b) == 2 / 2**n
    assert separation_exchange_test(distances, a, a) == 1


def test_exchange_by_separation_takes_the_separation_of_the_tables(rng):
    n = 4
    distances, (a, b) = networks_on_a_line(rng.standard_normal((2, n)) + np.array([[0], [1]]))

    def pairs(first, second, keep):
        kept = [(i, j) for i in range(n) for j in range(n) if keep(i, j)]
        return pd.DataFrame(
            [(i, j, distances[first[i], second[j]]) for i, j in kept],
            columns=["seed_a", "seed_b", "dissimilarity"],
        )

    values = []
    for swapped in itertools.product((False, True), repeat=n):
        first, second = np.where(swapped, b, a), np.where(swapped, a, b)
        floors = [pairs(side, side, lambda i, j: i < j) for side in (first, second)]
        between = pairs(first, second, lambda i, j: i != j)
        values.append(separation(between, floors, 0.95)[0])
    expected = np.mean(np.array(values) >= values[0] - 1e-12)
    assert separation_exchange_test(distances, a, b) == expected


def test_exchange_by_separation_refuses_what_it_cannot_exchange(rng):
    distances, (a, b) = networks_on_a_line(rng.standard_normal((2, 4)))
    with pytest.raises(ValueError, match="as many networks of a as of b, got 4 and 3"):
        separation_exchange_test(distances, a, b[:3])
    with pytest.raises(ValueError, match="at least two seeds, got 1"):
        separation_exchange_test(distances, a[:1], b[:1])
    distances[a[0], b[1]] = np.nan
    with pytest.raises(ValueError, match="of every two networks"):
        separation_exchange_test(distances, a, b)
