"""Levels and coverage where groups share no seeds are as the pages say."""

import numpy as np
import pandas as pd
import pytest
from inference import drawn_networks, unshared_groups
from inference.statistics_page import PAGE, TABLES, largest_share, rows_of


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
