"""The test between curricula keeps its level, and docs/statistics.md says what the simulation found."""

import re

import numpy as np
import pandas as pd
import pytest
from inference import drawn_networks, off_level, simulation
from inference.drawn_networks import OFF_LEVEL
from inference.statistics_page import PAGE, TABLES, largest_share, rows_of
from scipy import stats

REPLICATIONS = 1500
HIGHEST_LEVEL = 0.07
"""About that of the table, at n = 3, where a network of a widely spread reference diverged."""


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
