"""Claims on the order of curricula, on tables whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from claim_sources import (
    N_SEEDS,
    ORDERED,
    Cells,
    claims,
    networks,
    pairs,
    settings_of,
    sources,
)

from warpline.claims import curriculum_order
from warpline.claims.claim_table import claim_table
from warpline.figures.claims_page import claims_page


def test_order_probability_in_closed_form(rng):
    above = np.full((1, 3, 3), 2.0)
    below = np.full((2, 3, 3), 1.0)
    assert curriculum_order.order_probability(above, below)[0] == 1.0
    assert curriculum_order.order_probability(above, above)[0] == 0.5
    below[0] = 3.0
    value, without, n = curriculum_order.order_probability(above, below)
    assert n == 3 and value == 0.5 and without.tolist() == [0.5, 0.5, 0.5]

    above, below = rng.uniform(0.1, 1, (2, 1, 4, 4))
    below[0, 2] = np.nan
    value, without, n = curriculum_order.order_probability(above, below)
    terms = [
        above[0, i, j] > below[0, k, j]
        for i, k, j in itertools.product(range(4), (0, 1, 3), range(4))
    ]
    assert value == pytest.approx(np.mean(terms)) and len(without) == 4
    # The networks below are three, and those of the reference four.
    assert n == 3
    reference_of_two = np.where(np.arange(4) < 2, above, np.nan)
    assert curriculum_order.order_probability(reference_of_two, below)[2] == 2
    # No increasing function of the dissimilarity changes the order.
    changed = curriculum_order.order_probability(np.exp(3 * above), np.exp(3 * below))
    assert changed[0] == value and (changed[1] == without).all()
    # To leave out a seed is to leave it out of both levels and of the reference.
    kept = np.ix_([0], [1, 2, 3], [1, 2, 3])
    assert without[0] == curriculum_order.order_probability(above[kept], below[kept])[0]


def test_a_level_of_few_networks_has_few_observations():
    for few in (2, 3):
        rows = pairs(ORDERED)
        lost = np.zeros(len(rows), dtype=bool)
        for side in "ab":
            lost |= rows[f"curriculum_{side}"].eq("master_frozen") & rows[f"seed_{side}"].gt(few)
        steps, _ = curriculum_order._steps(rows[~lost], sources().levels["PDM"], "master")
        assert [step.n for step in steps] == [few, few, N_SEEDS]
        unknown = rows.assign(dissimilarity=rows["dissimilarity"].mask(lost))
        steps, _ = curriculum_order._steps(unknown, sources().levels["PDM"], "master")
        assert [step.n for step in steps] == [few, few, N_SEEDS]


FLAT = dict.fromkeys(ORDERED, 0.5)


@pytest.mark.parametrize(
    ("distances", "a4a", "a4b"),
    [(ORDERED, "holds", "fails"), (FLAT, "fails", "holds")],
)
def test_the_order_and_its_absence(rules, distances, a4a, a4b):
    around = [
        pairs(
            distances,
            seeds=(1, 2, 3),
            pairs="after",
            own=False,
            n_delays=k,
            delay_interval=1,
            rank=9,
        )
        for k in range(4)
    ]
    after = pd.concat([pairs(distances), pairs(distances, "cka")])
    table = claims(rules, sources(compared=[networks(after=after, around=pd.concat(around))]))
    of_claim = table.set_index("claim")
    assert (of_claim.loc["A4a", "verdict"], of_claim.loc["A4b", "verdict"]) == (a4a, a4b)
    assert of_claim.loc["A4a", "n"] == N_SEEDS and of_claim.loc["A4a", "n_settings"] == 4
    assert of_claim.loc["A7", "reason"].startswith("not run")


def test_mamba_is_asked_for_the_absence(rules):
    around = pd.concat(
        pairs(FLAT, pairs="after", own=False, n_delays=k, delay_interval=1, rank=9)
        for k in range(4)
    )
    table = claims(rules, sources(compared=[networks("mamba", after=pairs(FLAT), around=around)]))
    row = table.set_index("claim").loc["A7"]
    assert row["verdict"] == "holds" and row["share_of_settings"] == 1
    assert table.set_index("claim").loc["A4a", "reason"].startswith("not run")


def test_a_run_that_lacks_a_level_confirms_nothing():
    some = {name: ORDERED[name] for name in ("untrained", "pretrain_anti")}
    (finding,) = curriculum_order.order_of_recurrent_networks(
        sources(compared=[networks(after=pairs(some))]), ("dsa",)
    )
    assert finding.evidence.missing == ["master_frozen", "full pretraining"]
    assert finding.evidence.p_above(0.5) == 1.0 and finding.evidence.value == 1.0
    alone = sources(compared=[networks(after=pairs({"untrained": 0.9}))])
    assert curriculum_order.order_of_recurrent_networks(alone, ("dsa",)) == []


def test_each_protocol_is_a_family_of_its_own(rules):
    """Of several protocols, verdicts and corrections are those of each alone, and nothing is "not run" twice."""
    tables = {
        name: sources(compared=[networks(after=pd.concat([pairs(distances), pairs(FLAT, "cka")]))])
        for name, distances in {"right": ORDERED, "published": FLAT, "right+x.y": ORDERED}.items()
    }
    own = tables.pop("right")
    settings = settings_of(rules)
    table = claim_table(own, settings, tables)
    for name, source in {"right": own, **tables}.items():
        alone = claim_table(source, {**settings, "protocol": name})
        judged = alone[alone["claim"].isin(["A4a", "A4b"])].reset_index(drop=True)
        rows = table[(table["protocol"] == name) & table["claim"].isin(["A4a", "A4b"])]
        pd.testing.assert_frame_equal(rows.reset_index(drop=True), judged)
        assert rows["n_family"].tolist() == [2, 2]
    of_claim = table[table["claim"] == "A4a"].set_index("protocol")
    assert list(of_claim.index) == ["right", "published", "right+x.y"]
    assert of_claim.loc["published", "verdict"] == "fails" and of_claim["value"]["right"] == 1
    not_run = table[table["reason"].str.startswith("not run")]
    assert not_run["claim"].is_unique and set(not_run["protocol"]) == {"right"}

    page = Cells()
    page.feed(claims_page(table, pd.DataFrame(), settings))
    # The rows of the own protocol and their heading; a row for each of three protocols and their heading.
    assert page.tags.count("tr") == (table["protocol"] == "right").sum() + 1 + 3 + 1
    assert "right, x.y as published" in "".join(page.text)
