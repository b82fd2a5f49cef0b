"""Levels of rules of claims: docs/claims.md states what the simulation found."""

from pathlib import Path

import pytest
from inference import claim_levels, validation_levels
from inference.statistics_page import largest_share

PAGE = " ".join((Path(__file__).resolve().parents[2] / "docs" / "claims.md").read_text().split())
REPLICATIONS = 2000


def test_the_order_of_curricula_keeps_its_level():
    misses = [
        side
        for name in claim_levels.EQUAL_PLACES
        for n in (5, 10)
        for side in claim_levels.order_misses(name, n, REPLICATIONS)
    ]
    assert max(misses) <= 100 * largest_share(0.025, REPLICATIONS)
    assert (
        f"lies on one side of ½, and on the other, in {min(misses):.1f} to {max(misses):.1f} % of 2,000 "
        f"replications each, at a nominal 2.5 % (n = 5 and 10; six scenarios"
    ) in PAGE


@pytest.mark.slow
def test_courses_that_share_time_alone_do_not_follow_each_other():
    shares = [
        claim_levels.own_accuracy_found(n, noise, REPLICATIONS)
        for n in (5, 10, 20)
        for noise in (0.02, 0.05, 0.1)
    ]
    own, plain = zip(*shares, strict=True)
    assert max(own) <= 100 * largest_share(0.025, REPLICATIONS)
    # The plain correlation is there in any case: of A5a alone nothing would follow.
    assert min(plain) > 99
    assert (
        f"in {min(own):.1f} to {max(own):.1f} % of 2,000 replications, at a nominal 2.5 % (n = 5, 10 and 20; "
        "three sizes of noise), that of A5a in more than 99 %"
    ) in PAGE
    found = [claim_levels.own_accuracy_found(n, 0.05, REPLICATIONS, tied=True)[0] for n in (10, 5)]
    assert (
        "A5b finds it in {:.0f} % with ten networks and in {:.0f} % with five".format(*found)
        in PAGE
    )


def _found_among_unequal(noises, rule, **unequal):
    return [
        claim_levels.own_accuracy_found(n, noise, REPLICATIONS, rule=rule, **unequal)[0]
        for n in (5, 10, 20)
        for noise in noises
    ]


@pytest.mark.slow
def test_unequal_networks_do_not_follow_their_own_accuracy():
    kinds = ({"poor": 0.2}, {"uneven": 1.0})
    product, difference = (
        [
            share
            for unequal in kinds
            for share in _found_among_unequal((0.05, 0.1, 0.2), rule, **unequal)
        ]
        for rule in (claim_levels.beyond_shared_course, claim_levels.difference_of_means)
    )
    assert max(product) <= 100 * largest_share(0.025, REPLICATIONS)
    half, none = (
        _found_among_unequal(
            (0.05, 0.2), claim_levels.beyond_shared_course, poor=0.5, learnt=learnt
        )
        for learnt in (0.1, 0.0)
    )
    assert (
        f"Where networks are unequal, it is present in {min(product):.1f} to {max(product):.1f} %"
        in PAGE
    )
    assert f"By the former rule it was present there in up to {max(difference):.0f} %" in PAGE
    assert (
        f"Where half of the networks make a tenth of both changes, it is present in {min(half):.1f} to "
        f"{max(half):.1f} %, and **where half do not learn at all, in {min(none):.0f} to {max(none):.0f} %**"
    ) in PAGE


@pytest.mark.slow
def test_families_and_noise_keep_their_level():
    """A1 and A3: measures that separate families, or withstand noise, alike."""
    separate = [
        side
        for separation in (0.0, 1.0, 2.0, 3.0)
        for side in validation_levels.misses(validation_levels.families_table(3, separation, 500))
    ]
    assert max(separate) <= 100 * largest_share(0.025, 500)
    withstand = [
        side
        for noise in (0.1, 0.5)
        for side in validation_levels.misses(validation_levels.noisy_motifs(noise, 0.5, 400))
    ]
    assert max(withstand) <= 100 * largest_share(0.03, 400)
    uneven = [
        validation_levels.misses(validation_levels.noisy_motifs(0.1, spread, 400, 0.1))[0]
        for spread in (1.0, 1.5)
    ]
    assert "it lies above 0 in {:.0f} and {:.0f} %".format(*uneven) in PAGE
    assert (
        f"The interval of A1 lies above 0, and below, in {min(separate):.1f} to {max(separate):.1f} % of 500 "
        f"replications each (nine systems), that of A3 in {min(withstand):.1f} to {max(withstand):.1f} % of 400"
    ) in PAGE


@pytest.mark.slow
def test_five_motifs_are_few_where_they_differ():
    """A2: the null hypothesis holds, and is rejected the more often the more single motifs add."""
    above = [
        validation_levels.misses(validation_levels.motif_sequences(effect, 600))[0]
        for effect in (0.2, 0.5, 1.0)
    ]
    assert above == sorted(above)
    assert (
        "It lies above 0.9, where 0.9 is true, in {:.0f}, {:.0f} and {:.0f} % of 600 replications".format(
            *above
        )
    ) in PAGE
