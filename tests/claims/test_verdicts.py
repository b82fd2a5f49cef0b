"""Verdicts on claims: intervals of several parts, directions, corrections, and the level under the null."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from warpline.claims.curriculum_order import order_probability
from warpline.claims.evidence import (
    Evidence,
    Part,
    part_of_networks,
    part_of_probability,
    share_of_networks,
)
from warpline.claims.verdicts import judge
from warpline.comparison.hypothesis_tests import holm

SETTINGS = {"confidence": 0.95, "family_error": 0.05}
RULE = {
    "null_value": 0.0,
    "smallest_effect": 1.0,
    "absent": False,
    "min_n": 5,
    "share": None,
    "min_settings": 3,
}


def normal(value, error, n=10, name=""):
    """Return a part whose interval is that of a normal distribution."""

    def interval(confidence):
        width = stats.norm.ppf((1 + confidence) / 2) * error
        return value - width, value + width

    return Part(name, value, n, interval)


def verdict(evidence, **rule):
    return judge([(RULE | rule, evidence)], SETTINGS)[0]


def test_p_values_are_those_of_the_interval():
    part = normal(1.5, 0.5)
    assert part.excludes(0.0, above=True) == pytest.approx(stats.norm.sf(3), rel=1e-4)
    assert part.excludes(2.0, above=False) == pytest.approx(stats.norm.sf(1), rel=1e-4)
    assert part.excludes(2.0, above=True) == 1.0
    assert Part("", 1.0, 2, lambda _: (np.nan, np.nan)).excludes(0.0, True) == 1.0
    # Values that do not vary have an interval of width 0, which is no evidence.
    assert part_of_networks("", np.ones(10)).excludes(0.0, True) == 1.0


def test_the_interval_of_several_parts_is_that_of_the_least():
    parts = [normal(2.0, 0.5, n=8, name="a"), normal(1.0, 0.25, n=10, name="b")]
    evidence = Evidence(parts)
    assert (evidence.value, evidence.n, evidence.least) == (1.0, 8, "b")
    low, high = evidence.interval(0.95)
    assert low == pytest.approx(1.0 - 1.96 * 0.25, abs=1e-3)
    assert high == pytest.approx(1.0 + stats.norm.ppf(1 - 0.0125) * 0.25, abs=1e-6)
    # All parts must be above a bound, and one below it is enough.
    assert evidence.p_above(0.0) == pytest.approx(stats.norm.sf(4), rel=1e-3)
    assert evidence.p_below(1.5) == pytest.approx(2 * stats.norm.sf(2), rel=1e-3)
    assert Evidence([*parts, Part("c", 3.0, 2, lambda _: (np.nan, np.nan))]).interval(0.95)[
        0
    ] != pytest.approx(low, nan_ok=False)


@pytest.mark.parametrize(
    ("part", "rule", "expected"),
    [
        (normal(3.0, 0.5), {}, "holds"),
        (normal(0.6, 0.1), {}, "fails"),  # there, but smaller than what counts
        (normal(-1.0, 0.1), {}, "fails"),
        (normal(0.8, 0.5), {}, "undecided"),
        (normal(-1.0, 2.0), {}, "undecided"),
        (normal(1.2, 0.2), {}, "holds"),
        # A claim of no effect: absence of significance is not enough.
        (normal(0.2, 0.1), {"absent": True}, "holds"),
        (normal(0.2, 1.0), {"absent": True}, "undecided"),
        (normal(3.0, 0.5), {"absent": True}, "fails"),
        # Without a smallest effect, whatever is above the null value counts.
        (normal(0.6, 0.1), {"smallest_effect": None}, "holds"),
        (normal(-0.6, 0.1), {"smallest_effect": None}, "fails"),
        (normal(3.0, 0.5, n=4), {}, "undecided"),
        (normal(-3.0, 0.5, n=4), {}, "undecided"),
    ],
)
def test_verdict(part, rule, expected):
    judged = verdict(Evidence([part]), **rule)
    assert judged.verdict == expected
    assert bool(judged.reason) == (expected == "undecided")


@pytest.mark.parametrize(
    ("evidence", "rule", "expected", "reason"),
    [
        (
            Evidence([normal(3.0, 0.5)], settings=[1.0] * 8 + [-1.0] * 2),
            {"share": 0.8},
            "holds",
            "",
        ),
        (
            Evidence([normal(3.0, 0.5)], settings=[1.0] * 7 + [-1.0] * 3),
            {"share": 0.8},
            "undecided",
            "it holds in 70% of 10 other settings, and the rule asks for 80%",
        ),
        (
            Evidence([normal(3.0, 0.5)], settings=[1.0, 1.0, np.nan]),
            {"share": 0.8},
            "undecided",
            "2 other settings, and the rule asks for 3",
        ),
        # A refuted claim needs no settings.
        (Evidence([normal(-1.0, 0.1)]), {"share": 0.8}, "fails", ""),
        # For a claim of no effect, settings agree that lie below the smallest effect.
        (
            Evidence([normal(0.2, 0.1)], settings=[0.5] * 4),
            {"share": 1.0, "absent": True},
            "holds",
            "",
        ),
        # What the run lacks can refute a claim of all parts, not confirm it.
        (
            Evidence([normal(3.0, 0.5)], missing=["partial pretraining"]),
            {},
            "undecided",
            "the run lacks partial pretraining",
        ),
        (Evidence([normal(-1.0, 0.1)], missing=["partial pretraining"]), {}, "fails", ""),
        (
            Evidence([normal(0.2, 0.1)], missing=["partial pretraining"]),
            {"absent": True},
            "holds",
            "",
        ),
        (
            Evidence([normal(3.0, 0.5, n=2)], left_out="states are undersampled"),
            {},
            "undecided",
            "n = 2, and the rule asks for 5: states are undersampled",
        ),
        (
            Evidence([part_of_networks("", np.ones(10))]),
            {},
            "undecided",
            "the statistic does not vary, or has no interval",
        ),
    ],
)
def test_reasons(evidence, rule, expected, reason):
    judged = verdict(evidence, **rule)
    assert (judged.verdict, judged.reason) == (expected, reason)


def test_holm_goes_over_the_family():
    strong, weak = Evidence([normal(3.0, 0.5)]), Evidence([normal(2.2, 1.0)])
    assert verdict(weak).verdict == "holds"
    judged = judge([(RULE, weak), (RULE, strong), (RULE, weak)], SETTINGS)
    assert [one.verdict for one in judged] == ["undecided", "holds", "undecided"]
    assert "Holm" in judged[0].reason
    p_values = np.array([one.p for one in judged])
    np.testing.assert_allclose([one.p_adjusted for one in judged], holm(p_values))
    # A claim without an interval is not tested.
    none = Evidence([Part("", 1.0, 2, lambda _: (np.nan, np.nan))])
    assert [one.verdict for one in judge([(RULE, none), (RULE, weak)], SETTINGS)] == [
        "undecided",
        "holds",
    ]
    # The interval is that of the claim alone.
    assert judged[0].low > 0


def test_the_networks_that_would_decide_are_foreseen():
    judged = verdict(Evidence([normal(1.5, 1.0, n=10)]))
    # Half the width is 1.96: (1.96 / 1.5) ** 2 times as many.
    assert judged.needed == 18
    assert verdict(Evidence([normal(3.0, 0.5, n=2)])).needed == 5
    assert verdict(Evidence([part_of_networks("", np.ones(10))])).needed == 0


def test_shares_of_networks():
    part = share_of_networks("", np.array([1.0] * 10))
    low, high = part.interval(0.95)
    # An exact binomial interval starts at 0.69.
    assert part.value == 1.0 and 0.6 < low < 0.7 and high == 1.0
    # Two and three networks prove nothing, however they agree.
    assert part_of_probability("", 1.0, np.ones(2)).excludes(0.5, True) == 1.0
    assert share_of_networks("", np.ones(3)).excludes(0.5, True) > 0.025
    assert share_of_networks("", np.array([1.0, np.nan, 0.0])).n == 2


def test_equal_values_without_each_seed_do_not_make_a_half_certain():
    # Three seeds whose pairs are in order by halves, whichever seed is left out.
    part = part_of_probability("", 0.5, np.full(3, 0.5))
    low, high = part.interval(0.95)
    assert low < 0.1 and high > 0.9
    assert part.excludes(0.7, False) > 0.1


def order_evidence(rng, n, shift):
    """Return the order of two curricula, whose networks are points, by their distance to a reference."""
    above, below, reference = rng.standard_normal((3, n, 5))
    above[:, 0] += 3 + shift
    below[:, 0] += 3
    same_seed = np.eye(n, dtype=bool)
    matrices = [
        np.where(same_seed, np.nan, np.linalg.norm(x[:, None] - reference, axis=-1))[None]
        for x in (above, below)
    ]
    return Evidence([part_of_probability("", *order_probability(*matrices))])


def mean_evidence(rng, n, shift):
    """Return the least of two means, of which one is at the null value."""
    values = rng.standard_normal((2, n)) + np.array([[shift], [shift + 1]])
    return Evidence([part_of_networks("", row) for row in values])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "rule", "n"),
    [
        (order_evidence, {"null_value": 0.5, "smallest_effect": 0.7}, 10),
        (mean_evidence, {"null_value": 0.0, "smallest_effect": None}, 10),
        (mean_evidence, {"null_value": 0.0, "smallest_effect": None}, 5),
    ],
)
def test_under_the_null_a_claim_holds_at_most_at_the_nominal_rate(rng, make, rule, n):
    """Nominal: 2.5 % on each side. A rate three standard errors above it, and no power, would fail."""
    repetitions = 200
    null = [verdict(make(rng, n, 0.0), **rule).verdict for _ in range(repetitions)]
    limit = 0.025 + 3 * np.sqrt(0.025 * 0.975 / repetitions)
    assert null.count("holds") / repetitions <= limit
    effect = [verdict(make(rng, n, 4.0), **rule).verdict for _ in range(20)]
    assert effect.count("holds") >= 18
    # At the smallest effect that counts, a claim of no effect holds at most as often.
    if rule["smallest_effect"] is None:
        at_bound = [
            verdict(make(rng, n, 0.5), **rule | {"smallest_effect": 0.5, "absent": True}).verdict
            for _ in range(repetitions)
        ]
        assert at_bound.count("holds") / repetitions <= limit
