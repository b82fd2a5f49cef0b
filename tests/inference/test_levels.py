"""The statistics keep their level, and docs/statistics.md says what the simulation found."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from inference import drawn_networks, intervals, off_level, simulation, unshared_groups
from inference.drawn_networks import OFF_LEVEL
from scipy import stats

from warpline.core import result_files

REPLICATIONS = 1500
HIGHEST_LEVEL = 0.07
"""About that of the table, at n = 3, where a network of a widely spread reference diverged."""
TABLES = simulation.TABLE.parent
PAGE = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"


def largest_share(level, replications):
    """Return the share of rejections that a test at `level` exceeds once in ten thousand simulations."""
    return stats.binom.ppf(1 - 1e-4, replications, level) / replications


@pytest.mark.parametrize("n", simulation.SIZES)
@pytest.mark.parametrize(
    "name", [name for name in drawn_networks.SCENARIOS if name not in OFF_LEVEL]
)
def test_the_test_keeps_its_level(name, n):
    share = simulation.false_positives(name, n, REPLICATIONS)
    assert share <= largest_share(HIGHEST_LEVEL, REPLICATIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["opposite", "orthogonal", "reference", "diverged"])
def test_the_bound_can_fail(name):
    # Welch's test, which was used before, is off its level here by more than the bound forgives.
    share = simulation.false_positives(name, 10, REPLICATIONS, simulation.welch_p)
    assert share > largest_share(HIGHEST_LEVEL, REPLICATIONS)


@pytest.mark.parametrize("name", OFF_LEVEL)
def test_a_skew_of_one_side_and_rare_networks_put_the_test_off_its_level(name):
    # docs/statistics.md warns of it: if this fails, the test has become better than its page says.
    share = simulation.false_positives(name, 10, REPLICATIONS)
    assert share > largest_share(HIGHEST_LEVEL, REPLICATIONS)


def test_the_seed_is_the_unit():
    # Correlated networks of one seed left Welch without power; what they share cancels in the difference.
    shift = simulation.shift_of_effect("pretraining", 1.0)
    stream = np.random.default_rng(1)
    a, b, _ = drawn_networks.draw_distances(
        drawn_networks.SCENARIOS["pretraining"], 10, shift, REPLICATIONS, stream
    )
    power = (simulation.jackknife_p(a, b) < 0.05).mean()
    assert power > (simulation.welch_p(a, b) < 0.05).mean() + 0.1


def test_an_effect_is_found_as_often_as_its_size_says():
    # Power of a paired t test at an effect of d = 1 with ten seeds is 80 % (noncentral t).
    shift = simulation.shift_of_effect("opposite", 1.0)
    stream = np.random.default_rng(2)
    a, b, _ = drawn_networks.draw_distances(
        drawn_networks.SCENARIOS["opposite"], 10, shift, REPLICATIONS, stream
    )
    expected = stats.nct.sf(stats.t.ppf(0.975, 9), 9, np.sqrt(10))
    assert (simulation.jackknife_p(a, b) < 0.05).mean() == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("kind", ["ties", "shared"])
def test_ties_and_shared_networks_do_not_raise_the_level(kind, n):
    stream = np.random.default_rng(4)
    name = "opposite" if kind == "ties" else "independent"
    a, b, _ = drawn_networks.draw_distances(
        drawn_networks.SCENARIOS[name], n, 0.0, REPLICATIONS, stream
    )
    if kind == "ties":
        # A unit is a standard deviation of a coordinate: few different values are left.
        a, b = np.round(a), np.round(b)
    else:
        b[:, : n // 2] = a[:, : n // 2]
    p_values = simulation.jackknife_p(a, b)
    assert np.isfinite(p_values).mean() > 0.99
    assert 0 < (p_values < 0.05).mean() <= largest_share(0.05, REPLICATIONS)


def test_against_the_reference_itself_an_exchange_of_labels_finds_more():
    stated = re.search(
        r"coordinate of three, are found in (\d+) % of 1,000 cases, by an exchange .*? in (\d+) %",
        " ".join(PAGE.read_text().split()),
    )
    assert stated is not None
    by_test, by_exchange = off_level.power_against_exchange(10, 2.0, 1000)
    assert [f"{100 * by_test:.0f}", f"{100 * by_exchange:.0f}"] == [*stated.groups()]
    assert by_exchange > by_test + 0.1
    assert max(off_level.power_against_exchange(10, 0.0, 1000)) <= largest_share(0.05, 1000)


@pytest.mark.parametrize("kind", off_level.UNEVEN)
def test_uneven_networks_put_the_test_off_its_level(kind):
    levels = [
        [100 * off_level.uneven(kind, side, n, 4000) for n in simulation.SIZES]
        for side in (0, 1, 2)
    ]
    cells = [" / ".join(f"{share:.0f}" for share in shares) for shares in levels]
    assert [kind, *cells] in rows_of(PAGE.read_text(), "Uneven networks")
    assert max(levels[0]) > 100 * largest_share(0.05, 4000)
    if kind.startswith("two kinds"):
        # All networks of the reference are of one kind in a quarter of the samples of three.
        assert levels[0][0] == pytest.approx(25, abs=3)


def test_a_reference_that_reaches_past_both_puts_the_test_off_its_level():
    levels = [100 * off_level.past_both(n, 4000) for n in simulation.SIZES]
    stated = " / ".join(f"{level:.0f}" for level in levels)
    assert f"There the test rejects in {stated} %." in " ".join(PAGE.read_text().split())
    assert min(levels[:2]) > 100 * largest_share(0.05, 4000)


def test_against_the_reference_itself_a_narrower_curriculum_is_told_too_often():
    levels = [100 * off_level.narrow_against_reference(n, 4000) for n in simulation.SIZES]
    stated = " / ".join(f"{level:.0f}" for level in levels)
    assert f"along a line, the test rejects in {stated} %." in " ".join(PAGE.read_text().split())
    assert min(levels[1:]) > 100 * largest_share(0.05, 4000)


@pytest.mark.parametrize("shift", [0.0, 4.0])
def test_families_keep_their_error(shift):
    scores = simulation.family(5, 1000, shift)
    assert scores["holm_any"] <= largest_share(0.05, 1000)


@pytest.mark.parametrize("n", [5, 10])
def test_measures_are_not_corrected_for_each_other(n):
    # Each family keeps its 5 %, and three of them together do not.
    stated = re.search(
        r"three measures that share half .*? in (\d+) % of", " ".join(PAGE.read_text().split())
    )
    assert stated is not None
    share = off_level.over_measures(n, REPLICATIONS)
    assert share > largest_share(0.06, REPLICATIONS)
    assert share == pytest.approx(int(stated[1]) / 100, abs=0.025)


@pytest.mark.slow
def test_without_an_effect_both_are_equally_far():
    # The levels mean nothing unless the null hypothesis holds in the simulation.
    for name, scenario in drawn_networks.SCENARIOS.items():
        stream = np.random.default_rng(3)
        a, b, _ = drawn_networks.draw_distances(scenario, 10, 0.0, 4000, stream)
        means_a, means_b = np.nanmean(a, (1, 2)), np.nanmean(b, (1, 2))
        error = (means_a - means_b).std() / np.sqrt(len(means_a))
        assert abs((means_a - means_b).mean()) < 4 * error, name


def rows_of(page, heading):
    """Return the cells of the table below a heading of a page."""
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_page_holds_the_levels_of_the_table():
    table = pd.read_csv(TABLES / "inference_levels.csv")
    assert (table["replications"] == 4000).all()
    assert rows_of(PAGE.read_text(), "Level and power") == simulation.levels_rows(table)
    assert rows_of(PAGE.read_text(), "Coverage of the intervals of a mean") == (
        simulation.coverage_rows(table)
    )
    assert set(table["scenario"]) == set(drawn_networks.SCENARIOS)


def test_the_page_holds_the_families_of_the_table():
    table = pd.read_csv(TABLES / "inference_families.csv")
    assert (table["replications"] == 4000).all()
    assert rows_of(PAGE.read_text(), "Correction for many tests") == (
        simulation.families_rows(table)
    )


def test_the_table_is_what_the_simulation_gives():
    # Other random numbers than the table's: both estimate one level.
    table = pd.read_csv(TABLES / "inference_levels.csv").set_index(["scenario", "n"])
    for name in ("opposite", "pretraining"):
        level = table.loc[(name, 5), "level"] / 100
        share = simulation.false_positives(name, 5, REPLICATIONS)
        assert abs(share - level) < 4 * np.sqrt(level * (1 - level) / REPLICATIONS)


def test_sentences_hold_the_extremes_of_the_table():
    table = pd.read_csv(TABLES / "inference_levels.csv")
    page = re.sub(r"\s+", " ", PAGE.read_text())
    is_off = table["scenario"].isin(OFF_LEVEL)
    level, welch = table.loc[~is_off, "level"], table.loc[~is_off, "level_welch"]
    assert f"Its level is {level.min():.1f} to {level.max():.1f} %" in page
    assert level.max() / 100 == pytest.approx(HIGHEST_LEVEL, abs=0.002)
    for name, words in zip(OFF_LEVEL, ("in {} % of cases", "its level is {} %"), strict=True):
        off = table.loc[table["scenario"] == name, "level"]
        assert words.format(" / ".join(f"{x:.1f}" for x in off)) in page
    assert f"the level is at most {level.max():.1f} % in all scenarios but the last two" in page
    widest = table["scenario"].isin(["reference", "reference_diverged"])
    ends = table.loc[widest, "level"].agg(["min", "max"])
    assert "slightly liberal ({:.1f} to {:.1f} %)".format(*ends) in page
    assert f"Welch's test: {welch.min():.1f} to {welch.max():.1f} %" in page
    power = table.loc[table["n"] == 3, "power_2"].sort_values().to_numpy()
    few, many = power[: len(power) // 2], power[len(power) // 2 :]
    assert f"in {few[0]:.0f} to {few[-1]:.0f} % of cases in half of the scenarios" in page
    assert f"and in {many[0]:.0f} % or more in the others" in page and many[0] > few[-1]


def test_the_page_holds_the_coverage_of_other_intervals():
    table = pd.read_csv(intervals.TABLE)
    page = PAGE.read_text()
    assert rows_of(page, "Coverage of other intervals") == intervals.table_rows(table)
    for score in ("auc", "spearman"):
        rows = table[table["score"] == score]
        sentence = "`{}`: {:.0f} to {:.0f} %, bootstrap {:.0f} to {:.0f} %"
        ends = [
            rows[c].agg(end) for c in ("coverage", "coverage_bootstrap") for end in ("min", "max")
        ]
        assert sentence.format(score, *ends) in page


def test_the_page_holds_the_coverage_of_half_times():
    table = pd.read_csv(intervals.HALF_TIMES)
    (replications,) = set(table["replications"])
    page = PAGE.read_text()
    assert rows_of(page, "Coverage of half-times and lags") == intervals.half_times_rows(table)
    page = " ".join(page.split())
    assert f"for n = 3 / 5 / 10 ({replications:,} replications)" in page
    lag = table["coverage_lag"]
    assert f"The interval of a lag covers {lag.min():.0f} to {lag.max():.0f} %" in page
    by_noise = (
        table.assign(noise=table["noise"].clip(lower=0.1)).groupby(["share", "noise"]).max(True)
    )
    half, late = (by_noise.loc[share, "mean_lag"] for share in (0.5, 0.7))
    sentences = (
        "At half of the change it is too late by up to {:.2f} of training with noise up to 0.1, by up to {:.2f} "
        "with 0.3, by up to {:.2f} with 0.5, and by up to {:.2f} with 0.8; at the share 0.7 by up to {:.2f}, "
        "{:.2f}, {:.2f} and {:.2f}. Its interval then lies above 0 in up to {:.0f}, {:.0f}, {:.0f} and {:.0f} % "
        "of cases"
    ).format(*half, *late, *by_noise["lag_above_0"].groupby("noise").max())
    assert sentences in page
    table = table[table["share"] == 0.5]
    covered = table.set_index(["times", "n"])["coverage_half_time"]
    assert covered["skewed"].max() < covered["symmetric"].min()
    # With more noise, the interval is wider.
    covered = table[table["noise"] < 0.8].set_index(["times", "n"])["coverage_half_time"]
    assert covered.groupby("times").max().drop("symmetric").max() < covered["symmetric"].min()
    few = covered.drop(10, level="n").groupby("times").max()
    assert few.idxmin() == "two_kinds" and covered["two_kinds", 10].min() > few["two_kinds"]


def test_the_page_holds_the_lags_of_gradual_courses():
    table = pd.read_csv(intervals.GRADUAL)
    page = PAGE.read_text()
    assert rows_of(page, "Lags of gradual courses") == intervals.gradual_rows(table)
    (replications,), (n,) = set(table["replications"]), set(table["n"])
    page = " ".join(page.split())
    assert f"n = {n} ({replications:,} replications). The true lag is 0" in page
    assert f"by up to {-table['mean_lag'].min():.2f} here" in page
    assert set(table["width"]) == set(intervals.WIDTHS) and set(table["below"]) == set(
        intervals.BELOW
    )


@pytest.mark.slow
def test_an_accuracy_that_starts_below_chance_is_late():
    table = intervals.gradual_table(200).set_index(["width", "below"])
    held = pd.read_csv(intervals.GRADUAL).set_index(["width", "below"])
    assert np.allclose(table["mean_lag"], held["mean_lag"], atol=0.02)


def test_distances_shortly_before_the_end_are_as_noise_leaves_them():
    courses = result_files.read_table(TABLES / "tutorial" / "learning.csv").query(
        "against == 'own_final' and curriculum_a == 'master' and curriculum_b == 'master'"
    )
    means = courses.pivot_table(index="measure", columns="checkpoint", values="mean")
    left = means[0.75] / means[0.0]
    sentence = f"at 0.75 of training is {left['cka']:.2f} (CKA) and {left['dsa']:.2f} (DSA) of that at the start"
    assert sentence in " ".join(PAGE.read_text().split())
    # The mean of the absolute value of normal noise, which adds to the distance at the start, too.
    for noise, share in ((0.4, left["cka"]), (0.8, left["dsa"])):
        size = noise * np.sqrt(2 / np.pi)
        assert size / (1 + size) == pytest.approx(share, abs=0.01)


@pytest.mark.slow
def test_intervals_of_half_times_cover_less_than_those_of_lags():
    scores = intervals.course_coverage("skewed", 0.1, 5, 0.5, 500)
    assert 1 - scores["coverage_lag"] <= largest_share(0.05, 500)
    assert 1 - scores["coverage_half_time"] > largest_share(0.05, 500)


@pytest.mark.slow
def test_the_page_of_claims_holds_the_coverage_of_means_of_skewed_shares():
    covered = [
        100 * intervals.share_coverage(*shape, n, 4000)
        for shape in intervals.SHARE_SHAPES
        for n in (5, 10)
    ]
    page = " ".join((PAGE.parent / "claims.md").read_text().split())
    means = [a / (a + b) for a, b in intervals.SHARE_SHAPES]
    assert (
        f"That of shares with means of {min(means):.2f} to {max(means):.2f} covers the true mean in "
        f"{min(covered):.0f} to {max(covered):.0f} % of 4,000 replications"
    ) in page


def test_the_page_holds_the_coverage_of_the_separation():
    table = pd.read_csv(TABLES / unshared_groups.SEPARATIONS)
    assert (table["replications"] == 2000).all()
    page = PAGE.read_text()
    rows = rows_of(page, "Coverage of the interval of the separation")
    assert rows == unshared_groups.separations_rows(table)
    shared, near = table["shared"], table["true"] > 0.85
    ten = table[shared & near & (table["n_a"] == 10)]
    (few,) = table.loc[~shared & near & (table["n_a"] != table["n_b"]), "coverage"]
    (without,) = table.loc[shared & (table["true"] > 0.95) & (table["n_a"] == 5), "missing"]
    assert 20 < without < 30
    sentences = (
        "{:.0f} % at S = {:.2f} and {:.0f} % at {:.2f} with ten seeds. It then lies above S in {:.0f} and "
        "{:.0f} % of cases. With groups that share nothing, 3 against 10, it covers {:.0f} % where S is {:.2f}"
    ).format(
        *ten[["coverage", "true"]].to_numpy().ravel(), *ten["above"], few, ten["true"].min()
    )  # fmt: skip
    assert sentences in " ".join(page.split())


@pytest.mark.slow
def test_the_separation_covers_less_where_its_floors_lie_far_apart():
    """Pairs lie above nearly all of one floor and below nearly all of the other."""
    scores = unshared_groups.separation_coverage(
        (10, 10), (2.0, 1.0), 0.0, dimension=50, shared=True, replications=1000
    )
    assert scores["coverage"] < 100 * (1 - largest_share(0.05, 1000))
    assert 100 - scores["coverage"] - scores["above"] > 100 * largest_share(0.025, 1000)
    sentence = f"in 50 dimensions (S = {scores['true']:.2f}), it covers {scores['coverage']:.0f} % with ten seeds"
    assert sentence in " ".join(PAGE.read_text().split())
    assert scores["above"] < 0.5
    scores = unshared_groups.separation_coverage(
        (10, 10), (3.0, 1.0), 0.0, dimension=50, shared=True, replications=1000
    )
    sentence = f"three times as widely (S = {scores['true']:.2f}) {scores['coverage']:.0f} %"
    scores = unshared_groups.separation_coverage(
        (10, 10), (2.0, 1.0), 0.0, dimension=100, shared=True, replications=1000
    )
    sentence += f"; in 100 dimensions, twice as widely, {scores['coverage']:.0f} %"
    assert sentence in " ".join(PAGE.read_text().split())


def test_the_separation_near_1_covers_less():
    # If this fails, the interval has become better than docs/statistics.md says.
    scores = unshared_groups.separation_coverage(
        (10, 10), (1.0, 1.0), 5.0, shared=True, replications=400
    )
    assert 100 * (1 - largest_share(0.15, 400)) < scores["coverage"] < 93
    assert scores["above"] > 100 * largest_share(0.025, 400)


def test_the_page_of_your_data_holds_the_levels_of_groups_that_share_nothing():
    table = pd.read_csv(TABLES / unshared_groups.LEVELS)
    page = " ".join((PAGE.parent / "your_data.md").read_text().split())
    assert [line for line in unshared_groups.page_lines(table) if line not in page] == []
    # What the page says of the highest levels.
    high = table[(table["statistic"] == "level") & (table["percent"] > 7)]
    assert (high["n_reference"] <= 4).all()
    spreads = set(
        high[["spread_a", "spread_b", "spread_reference"]].itertuples(index=False, name=None)
    )
    assert spreads == {(1.0, 1.0, 2.0), (1.0, 1.0, 3.0), (1.0, 1.0, 10.0), (1.0, 0.3, 3.0)}
    own = table[table["statistic"] == "level_own"].sort_values("percent").iloc[-1]
    assert (own["n_a"], own["n_b"]) == (3, 20)


@pytest.mark.slow
def test_intervals_of_a_difference_cover_less_where_there_is_one():
    draws = (drawn_networks.gaussian, drawn_networks.exponential)

    def covered(*case, **options):
        return 100 * unshared_groups.difference_coverage(*case, **options)

    apart, shared = (
        {
            (spread, draw): [covered((n, n), spread, 2.0, draw, shared=seeds) for n in (5, 10, 20)]
            for spread in (0.3, 3.0)
            for draw in draws
        }
        for seeds in (False, True)
    )
    (normal, skewed), (wide_normal, wide_skewed) = (
        [" / ".join(f"{share:.0f}" for share in apart[spread, draw]) for draw in draws]
        for spread in (0.3, 3.0)
    )
    page = " ".join(PAGE.read_text().split())
    assert (
        f"it holds the true difference in {normal} % (normal) and {skewed} % (exponential) where a lies two "
        "standard deviations away and is 0.3 times as widely spread, and in "
        f"{wide_normal} % and {wide_skewed} % where it is 3 times as widely spread"
    ) in page
    assert max(np.abs(np.subtract(apart[key], shared[key])).max() for key in apart) < 2
    lowest = [
        min(
            covered(sizes, spread, far, draw)
            for sizes in ((3, 10), (10, 3), (5, 20), (20, 5))
            for spread, far in ((1.0, 1.0), (0.3, 2.0), (1.0, 4.0), (3.0, 2.0))
        )
        for draw in draws
    ]
    assert (
        f"in {lowest[0]:.0f} % or more of normal cases, and in {lowest[1]:.0f} % or more of exponential ones"
    ) in page


@pytest.mark.slow
def test_few_systems_against_many_are_told_apart_more_often_where_distances_are_skewed():
    """Also where all systems are drawn alike: the few say too little of a long tail."""
    levels = {
        (n, name): 100 * unshared_groups.alike_false_positives((n, 20), draw, dimension=dimension)
        for n in (3, 5)
        for name, draw, dimension in (
            ("line", drawn_networks.gaussian, 1),
            ("skewed", drawn_networks.skewed, 3),
        )
    }
    sentence = (
        "normally along a line, it was {:.0f} % of cases with three systems and {:.0f} % with five; at lognormal "
        "distances from a centre, {:.0f} and {:.0f} %"
    ).format(*(levels[n, name] for name in ("line", "skewed") for n in (3, 5)))
    assert sentence in " ".join((PAGE.parent / "your_data.md").read_text().split())
    assert min(levels.values()) > 100 * largest_share(0.07, 4000)
    for n in (3, 5):
        exponential = unshared_groups.alike_false_positives(
            (n, 20), drawn_networks.exponential, dimension=1
        )
        assert 100 * exponential > levels[n, "line"]
    equal = [
        100 * unshared_groups.alike_false_positives((n, n), draw, dimension=dimension)
        for n in (3, 5, 10)
        for draw, dimension in ((drawn_networks.gaussian, 1), (drawn_networks.skewed, 3))
    ]
    at_most = f"With as many systems in both groups (3, 5 or 10) it was at most {max(equal):.0f} %"
    assert at_most in " ".join((PAGE.parent / "your_data.md").read_text().split())


@pytest.mark.slow
def test_all_tests_of_a_call_reject_too_often_where_few_systems_stand_beside_many():
    """Holm's correction keeps the level of the single tests, and no lower one."""
    draws = (
        (drawn_networks.gaussian, 1),
        (drawn_networks.gaussian, 3),
        (drawn_networks.skewed, 3),
        (drawn_networks.exponential, 1),
    )

    def level(*sizes):
        rejected = unshared_groups.call_false_positives
        return max(100 * rejected(sizes, draw, dimension=dimension) for draw, dimension in draws)

    many, some = level(3, 5, 20), level(3, 3, 10)
    equal = max(level(n, n, n) for n in (3, 5, 10))
    sentence = (
        f"in {many:.0f} % of calls with three, five and twenty systems along a line, in {some:.0f} % with "
        f"three, three and ten, and in at most {equal:.0f} % with as many in each group"
    )
    assert sentence in " ".join((PAGE.parent / "your_data.md").read_text().split())
    assert many > 100 * largest_share(0.05, 4000) and equal <= 5


@pytest.mark.slow
def test_the_interval_of_a_floor_covers_less_in_few_dimensions_and_with_heavy_tails():
    """Longer samples do not mend it: the true mean is made by rare networks."""
    draws = (
        ("normal along a line", drawn_networks.gaussian, 1),
        (
            "Student's t of 3 dof, 3 dimensions",
            drawn_networks.heavy_tailed,
            3,
        ),
        ("exponential along a line", drawn_networks.exponential, 1),
    )
    page = " ".join(PAGE.read_text().split())
    for name, draw, dimension in draws:
        shares = [
            100 * unshared_groups.floor_coverage(n, draw, dimension=dimension)
            for n in (3, 5, 10, 20)
        ]
        assert f"{' / '.join(f'{x:.0f}' for x in shares)} % ({name})" in page


def test_the_page_holds_the_coverage_of_means_along_a_line():
    shares = {
        (sizes, spreads): 100
        * unshared_groups.coverage(sizes, spreads, dimension=1, replications=2000)
        for sizes in ((3, 3), (5, 5), (10, 10), (3, 10), (3, 20), (5, 50))
        for spreads in ((1.0, 1.0), (3.0, 1.0), (1.0, 3.0))
    }
    page = " ".join((PAGE.parent / "your_data.md").read_text().split())
    assert (
        f"Along a line it was {min(shares.values()):.0f} to {max(shares.values()):.0f} %, least with few "
        "systems against many (3 against 10 or 20, 5 against 50)"
    ) in page
    least = {sizes for (sizes, _), share in shares.items() if share < 90.5}
    assert least == {(3, 10), (3, 20), (5, 50)}


def test_groups_of_two_kinds_are_told_apart_however_many():
    """The mean distance hardly depends on a network then, so that the jackknife's error is too small."""
    sizes = (5, 10, 20)
    levels = [
        100 * unshared_groups.alike_false_positives((n, n), drawn_networks.two_kinds, dimension=3)
        for n in sizes
    ]
    page = " ".join((PAGE.parent / "your_data.md").read_text().split())
    assert (
        "rejects in {:.0f}, {:.0f} and {:.0f} % of cases with {}, {} and {} systems in each group"
    ).format(*levels, *sizes) in page
    assert min(levels) > 100 * largest_share(0.05, 4000)
    covered = [
        100 * unshared_groups.floor_coverage(n, drawn_networks.two_kinds, dimension=3)
        for n in sizes
    ]
    assert "The interval of a floor then covers {:.0f} / {:.0f} / {:.0f} % for 5 / 10 / 20".format(
        *covered
    ) in " ".join(PAGE.read_text().split())


def test_few_networks_are_told_from_a_reference_of_many_with_their_seeds():
    """As in a run to whose reference seeds were appended."""
    levels = [
        100 * unshared_groups.alike_false_positives(sizes, draw, dimension=dimension, shared=True)
        for sizes in ((5, 20), (5, 50))
        for draw, dimension in ((drawn_networks.gaussian, 1), (drawn_networks.skewed, 3))
    ]
    sentence = (
        "five from twenty of the same seeds in {:.0f} % of cases along a line and in {:.0f} % at "
        "lognormal distances, five from fifty in {:.0f} and {:.0f} %"
    ).format(*levels)
    assert sentence in " ".join(PAGE.read_text().split())
    assert min(levels) > 100 * largest_share(0.07, 4000)
    # With as many networks as the reference the level is kept.
    equal = unshared_groups.alike_false_positives(
        (5, 5), drawn_networks.gaussian, dimension=1, shared=True
    )
    assert equal <= largest_share(0.05, 4000)


def test_the_interval_of_an_auc_covers_and_the_bootstrap_does_not():
    # Nine systems, at a true AUC of 0.93.
    scores = intervals.family_coverage(3, 3.0, 150)["auc"]
    assert 1 - scores["coverage"] <= largest_share(0.05, 150)
    assert 1 - scores["coverage_bootstrap"] > largest_share(0.05, 150)


def test_the_interval_of_a_mean_correlation_covers():
    scores = intervals.correlation_coverage(0.3, 5, 500)
    assert 1 - scores["coverage"] <= largest_share(0.07, 500)
