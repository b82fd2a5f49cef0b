"""Intervals of means, half-times and correlations cover as docs/statistics.md says."""

import numpy as np
import pandas as pd
import pytest
from inference import intervals
from inference.statistics_page import PAGE, TABLES, largest_share, rows_of

from warpline.core import result_files


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


def test_the_interval_of_an_auc_covers_and_the_bootstrap_does_not():
    # Nine systems, at a true AUC of 0.93.
    scores = intervals.family_coverage(3, 3.0, 150)["auc"]
    assert 1 - scores["coverage"] <= largest_share(0.05, 150)
    assert 1 - scores["coverage_bootstrap"] > largest_share(0.05, 150)


def test_the_interval_of_a_mean_correlation_covers():
    scores = intervals.correlation_coverage(0.3, 5, 500)
    assert 1 - scores["coverage"] <= largest_share(0.07, 500)
