"""The exchange of labels of two groups: against all labels written out, and its level."""

import itertools

import numpy as np
import pytest
from inference.unshared_groups import called_tests
from scipy import stats

from warpline.comparison import label_exchange
from warpline.comparison.hypothesis_tests import difference_test, holm
from warpline.comparison.label_exchange import Systems, exchange_p_values


def systems_of(points, groups, units=None):
    units = np.arange(len(points)) if units is None else np.array(units)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    distances[units[:, None] == units] = np.nan
    return Systems(distances, np.array(list(groups)), units)


def t_of(distances, a, b, reference):
    """Return t by matrices over systems, each a unit of its own."""
    sides = np.full((2, *distances.shape), np.nan)
    for side, rows in zip(sides, (a, b), strict=True):
        side[np.ix_(rows, reference)] = distances[np.ix_(rows, reference)]
    return abs(float(difference_test(*sides, 0.95).t))


@pytest.mark.parametrize("reference", ["a", "b", "c"])
def test_all_labels_are_those_written_out(rng, reference):
    systems = systems_of(rng.normal(size=(11, 3)), "aaaabbbcccc")
    of_c = np.arange(7, 11)
    values = []
    for some in itertools.combinations(range(7), 4):
        a, b = np.array(some), np.setdiff1d(np.arange(7), some)
        values.append(t_of(systems.distances, a, b, {"a": a, "b": b, "c": of_c}[reference]))
    expected = np.mean(np.array(values) >= values[0] * (1 - 1e-9))
    p, bound = exchange_p_values(systems, "a", "b", reference, rng)
    assert p == pytest.approx(expected)
    assert bound == (p if 35 * p > 2.5 else 0.0)


def test_systems_of_one_unit_exchange_labels_with_each_other(rng):
    """Two systems of each of six animals: 64 ways, in which no animal has two of one label."""
    units = [*range(6), *range(6)]
    systems = systems_of(rng.normal(size=(12, 3)), "aaaaaabbbbbb", units)
    values = []
    for swapped in itertools.product((False, True), repeat=6):
        a = np.where(swapped, np.arange(6, 12), np.arange(6))
        b = np.where(swapped, np.arange(6), np.arange(6, 12))
        sides = [systems.distances[np.ix_(rows, b)] for rows in (a, b)]
        values.append(abs(float(difference_test(*sides, 0.95).t)))
    p, _ = exchange_p_values(systems, "a", "b", "b", rng)
    assert p == pytest.approx(np.mean(np.array(values) >= values[0] * (1 - 1e-9)))


def test_a_system_of_both_groups_has_nothing_to_exchange(rng):
    """As the tenth of 4 + 1 against 4 + 1: 70 labellings, not 140."""
    points = rng.normal(size=(9, 3))
    shared = systems_of(points[[*range(5), *range(4, 9)]], "aaaaabbbbb", [*range(5), *range(4, 9)])
    p, _ = exchange_p_values(shared, "a", "b", "b", rng)
    assert 70 * p == pytest.approx(round(70 * p))
    values = []
    for some in itertools.combinations([0, 1, 2, 3, 5, 6, 7, 8], 4):
        a = np.array([*some, 4])
        b = np.array([*np.setdiff1d(np.arange(9), a), 4])
        distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
        distances[np.eye(9, dtype=bool)] = np.nan
        values.append(t_of(distances, a, b, b))
    assert p == pytest.approx(np.mean(np.array(values) >= values[0] * (1 - 1e-9)))


@pytest.mark.parametrize("reference", ["a", "b"])
@pytest.mark.parametrize("larger", ["a", "b"])
def test_members_of_a_group_within_the_other_are_exchanged_with_the_rest(rng, larger, reference):
    """Any four of the nine could stand in both groups."""
    points = rng.normal(size=(9, 3))
    smaller = "b" if larger == "a" else "a"
    nested = systems_of(
        points[[*range(4), *range(9)]], smaller * 4 + larger * 9, [*range(4), *range(9)]
    )
    p, bound = exchange_p_values(nested, "a", "b", reference, rng)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    distances[np.eye(9, dtype=bool)] = np.nan
    sides = {larger: np.arange(9)}
    values = []
    for some in itertools.combinations(range(9), 4):
        sides[smaller] = np.array(some)
        values.append(t_of(distances, sides["a"], sides["b"], sides[reference]))
    assert p == pytest.approx(np.mean(np.array(values) >= values[0] * (1 - 1e-9)))
    assert bound == (p if 126 * p > 2.5 else 0.0)


def test_more_labels_than_can_be_tried_are_drawn(rng):
    points = rng.normal(size=(24, 3))
    points[:12, 0] += 1.5
    systems = systems_of(points, "a" * 12 + "b" * 12)
    first, again = (
        exchange_p_values(systems, "a", "b", "b", np.random.default_rng(0)) for _ in range(2)
    )
    assert first == again
    other = exchange_p_values(systems, "a", "b", "b", np.random.default_rng(1))
    assert abs(first[0] - other[0]) < 4 * np.sqrt(first[0] / label_exchange.LABELLINGS) + 0.002


def test_a_t_that_hardly_any_labels_reach_is_no_bound(rng):
    points = rng.normal(size=(10, 3))
    points[:5, 0] += 30
    systems = systems_of(points, "aaaaabbbbb")
    p, bound = exchange_p_values(systems, "a", "b", "b", np.random.default_rng(0))
    assert p <= 2 / 252 and bound == 0


def test_without_a_t_there_is_no_p(rng):
    systems = systems_of(np.zeros((8, 2)), "aaaabbbb")
    assert np.isnan(exchange_p_values(systems, "a", "b", "b", rng)).all()


def called(points, sizes):
    """Return the tests of a call of groups that share nothing."""
    return called_tests(points, sizes, range(len(points)))


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(5, 5), (10, 10), (3, 10), (5, 5, 5)])
def test_level_where_all_systems_are_of_two_kinds_far_apart(sizes):
    """By the jackknife alone, a single test rejects in 9 to 12 % (docs/your_data.md)."""
    stream = np.random.default_rng(len(sizes) + sizes[1])
    calls = 200
    found = 0
    for _ in range(calls):
        points = stream.normal(size=(sum(sizes), 3))
        points[:, 0] += 40 * (stream.random(len(points)) < 0.5)
        found += called(points, sizes)["significant"].any()
    assert found <= stats.binom.ppf(1 - 1e-4, calls, 0.05)


def test_the_larger_p_counts(rng):
    points = rng.normal(size=(15, 2))
    points[:5] += 1.5
    tests = called(points, (5, 5, 5))
    bound = np.maximum(tests["p"], tests["p_exchange"])
    assert (tests["p_adjusted"] >= tests["p"]).all()
    assert tests["p_exchange"].between(0, 1).all()
    least = tests["p_adjusted"].min()
    assert least <= min(1, 9 * bound.min()) + 1e-12


@pytest.mark.slow
def test_the_page_says_of_how_many_small_groups_labels_say_too_little(project):
    """Few labellings allow no p value as small as many tests ask for."""
    counts = []
    for sizes, calls in (((4,) * 6, 100), ((3,) * 3, 400)):
        stream = np.random.default_rng(0)
        found = 0
        for _ in range(calls):
            kinds = 10 * (stream.random(sum(sizes)) < 0.5)
            points = (kinds + 0.25 * stream.normal(size=kinds.shape))[:, None]
            found += called(points, sizes)["significant"].any()
        counts.append(found)
    page = " ".join((project / "docs" / "statistics.md").read_text().split())
    six, three = counts
    assert (
        f"in {six} of 100 calls with six groups of four, and in {three} of 400 with three groups of three"
        in page
    )


@pytest.mark.slow
def test_the_page_says_what_the_exchange_costs(project):
    stream = np.random.default_rng(0)
    both = alone = 0
    for _ in range(100):
        points = stream.normal(size=(20, 3))
        points[:10, 0] += 3
        tests = called(points, (10, 10))
        both += tests["significant"].any()
        alone += (holm(tests["p"].to_numpy()) <= 0.05).any()
    page = " ".join((project / "docs" / "your_data.md").read_text().split())
    assert f"are found in {both} of 100 cases with it, and in {alone} without" in page


@pytest.mark.slow
def test_level_where_a_group_lies_within_the_other(project):
    """docs/your_data.md says it of both tests: five of thirty systems, at exponential places along a line."""
    stream = np.random.default_rng(0)
    draws, inner = 400, [*range(5)]
    alone = both = 0
    for _ in range(draws):
        points = stream.exponential(size=(30, 1))
        nested = systems_of(points[[*inner, *range(30)]], "a" * 5 + "b" * 30, [*inner, *range(30)])
        distances = np.abs(points - points.T)
        distances[np.eye(30, dtype=bool)] = np.nan
        sides = np.full((2, 30, 30), np.nan)
        sides[0, :5], sides[1] = distances[:5], distances
        p = float(difference_test(*sides, 0.95).p)
        _, bound = exchange_p_values(nested, "a", "b", "b", stream)
        alone += p <= 0.05
        both += max(p, bound) <= 0.05
    assert both <= stats.binom.ppf(1 - 1e-4, draws, 0.05)
    page = " ".join((project / "docs" / "your_data.md").read_text().split())
    assert (
        f"are told from the thirty in {both} of {draws} cases, by the jackknife alone in {alone}"
        in page
    )
