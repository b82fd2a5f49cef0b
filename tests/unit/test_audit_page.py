"""The page of the audit's results: cells of its tables, and what lies apart under two protocols."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from warpline.core import result_files
from warpline.figures.audit_page import AuditTables, render_audit

DOCS = Path(__file__).parents[2] / "docs"
RUNS = (DOCS / "data" / "audit", DOCS / "data" / "audit_other")
PROTOCOLS = ("right", "published", "right+x.y", "published-x.y")


@pytest.fixture
def tables(tmp_path):
    """Return a folder with an audit in which the switch x.y moves one curriculum by CKA, and no accuracy."""
    rows = []
    for protocol in PROTOCOLS:
        common = {"protocol": protocol, "taskset": "PDM", "architecture": "net", "n": 3}
        published = protocol in ("right+x.y", "published")
        for k, curriculum in enumerate(("master", "pretrain_frozen")):
            accuracy = 0.6 if protocol.startswith("published") else 0.9
            rows.append(
                {**common, "curriculum": curriculum, "measure": "", "value": accuracy}
                | {"statistic": "held_out_accuracy", "low": 0.8 - 0.1 * published, "high": 1.0}
            )
            value = 0.2 + 0.5 * published * k
            rows.append(
                {**common, "curriculum": curriculum, "measure": "cka", "value": value}
                | {"statistic": "dissimilarity", "low": value - 0.1, "high": value + 0.1}
            )
        order = {"statistic": "order_probability", "value": 1.0, "low": np.nan, "high": np.nan}
        rows.append({**common, "curriculum": "", "measure": "dsa", **order})
    result_files.write_table(pd.DataFrame(rows), tmp_path / "audit.csv", {})
    claims = pd.DataFrame(
        {"protocol": protocol, "claim": "A4a", "measure": "dsa", "verdict": "undecided"}
        | {"value": 0.5, "low": 0.25, "high": 0.75}
        for protocol in PROTOCOLS
    )
    result_files.write_table(claims, tmp_path / "claims.csv", {})
    return tmp_path


def test_what_lies_apart_is_named_with_its_largest_change(tables):
    audit = AuditTables(tables)
    moved = "CKA, dissimilarity to the reference (`pretrain_frozen`, most of 1 of 2): "
    there, back = "0.20 [0.10, 0.30]", "0.70 [0.60, 0.80]"
    assert audit.changes("right", "right+x.y", audit) == f"{moved}{there} to {back}"
    assert audit.changes("published", "published-x.y", audit) == f"{moved}{back} to {there}"
    # Intervals that overlap, and values without one, say nothing.
    assert audit.changes("right", "published-x.y", audit) == "nothing beyond the intervals"
    assert audit.changes("right", "right+z", audit) == "not run"


@pytest.mark.parametrize("sign", [-1, 0, 1])
def test_a_change_of_one_run_alone_or_to_the_other_side_is_none(tables, sign):
    audit, other = AuditTables(tables), AuditTables(tables)
    rows = other.effects["measure"] == "cka"
    other.effects.loc[rows, "value"] *= sign
    other.effects.loc[rows, "low"] = other.effects.loc[rows, "value"] - 0.1
    other.effects.loc[rows, "high"] = other.effects.loc[rows, "value"] + 0.1
    found = audit.changes("right", "right+x.y", other) != "nothing beyond the intervals"
    assert found == (sign == 1)


def test_the_page_says_which_statistics_were_searched(tables):
    moved = pd.DataFrame(
        {"protocol": protocol, "taskset": "PDM", "architecture": "net", "curriculum": "master"}
        | {"measure": "", "statistic": statistic, "n": 3}
        | {"value": value, "low": value - 0.1, "high": value + 0.1}
        for protocol, value in (("right", 0.2), ("right+x.y", 0.9))
        for statistic in ("accuracy", "separation")
    )
    audit = AuditTables(tables)
    audit.effects = pd.concat([audit.effects, moved], ignore_index=True)
    found = {
        change.split(" (")[0] for change in audit.changes("right", "right+x.y", audit).split("; ")
    }
    # Accuracy on validation trials is none of them.
    assert found == {"CKA, dissimilarity to the reference", "separation from the floors"}
    assert all(name.removeprefix("CKA, ") in audit.searched for name in found)
    assert audit.searched.startswith("held-out accuracy, ")
    page = render_audit(DOCS / "audit_results.md.jinja", tables, tables)
    assert f"in all curricula: {audit.searched}." in page


def test_intervals_on_both_sides_of_a_bound_are_counted(tables):
    audit = AuditTables(tables)
    # CKA of one curriculum is 0.7 [0.6, 0.8] under the two published protocols, all others 0.2 [0.1, 0.3].
    assert audit.sides("dissimilarity", "cka", 0.5) == "2 / 6"
    assert audit.sides("dissimilarity", "cka", 0.65) == "0 / 6"
    assert audit.sides("dissimilarity", "cka", 0.65, downwards=True) == "6 / 0"
    # No interval lies on no side.
    assert audit.sides("order_probability", "dsa", 0.5) == "0 / 0"


def test_networks_that_are_all_alike_have_no_interval(tables):
    audit = AuditTables(tables)
    rows = audit.effects["statistic"] == "held_out_accuracy"
    published = rows & (audit.effects["protocol"] == "right+x.y")
    audit.effects.loc[published, ["value", "low", "high"]] = 0.0
    # Rounding gives an interval of three equal values a width.
    audit.effects.loc[published, "high"] = 3e-14
    assert audit.cell("right+x.y", "held_out_accuracy", "", "master") == "0.00 in all 3"
    change = "held-out accuracy (`master`, most of 2 of 2): 0.90 [0.80, 1.00] to 0.00 in all 3"
    assert audit.changes("right", "right+x.y", audit).startswith(change)


def test_a_page_holds_every_protocol_in_order(tables):
    page = render_audit(DOCS / "audit_results.md.jinja", tables, tables)
    labels = ["right", "right, x.y as published", "published, x.y right", "published"]
    _, _, by_protocol = page.partition("## Values by protocol")
    lines = [line for line in by_protocol.splitlines() if line.startswith("|")]
    for section in ("1.00", "0.50 [0.25, 0.75], undecided"):
        rows = [line for line in lines if section in line]
        assert [line.split("|")[1].strip() for line in rows] == labels
    assert "n = 3 networks" in page and "0.90 [0.80, 1.00]" in page


def test_the_number_of_places_is_that_of_the_rows():
    """docs/audit.md states how many places of the published code it lists."""
    text = (DOCS / "audit.md").read_text()
    listed, _, _ = text.partition("## Where a switch is not the same")
    rows = [line for line in listed.splitlines() if line.startswith("| `")]
    stated = re.search(r"In (\d+) places", text)
    assert stated is not None and int(stated[1]) == len(rows)


@pytest.mark.slow
def test_the_page_of_the_shipped_audit_is_what_its_tables_give():
    page = render_audit(DOCS / "audit_results.md.jinja", *RUNS)
    assert (DOCS / "audit_results.md").read_text() == page


def test_the_largest_move_is_that_over_curricula(tables):
    audit = AuditTables(tables)
    # The switch moves CKA of pretrain_frozen from 0.2 to 0.7, and that of master not.
    assert audit.largest_move("right", "right+x.y", "dissimilarity", ["cka"]) == "0.5000"
    assert audit.of_protocol("right+x.y", "dissimilarity", "cka").tolist() == [0.2, 0.7]


def test_protocols_in_which_the_means_fall_along_curricula_are_counted(tables):
    audit = AuditTables(tables)
    # Under the two published protocols CKA of pretrain_frozen is 0.7, else 0.2; that of master is always 0.2.
    assert audit.times_falling("cka", ["pretrain_frozen", "master"]) == "2 of 4"
    assert audit.times_falling("cka", ["master", "pretrain_frozen"]) == "0 of 4"
    assert audit.times_falling("cka", ["pretrain_frozen", "master", "untrained"]) == "0 of 0"
    assert audit.value("published", "dissimilarity", "cka", "pretrain_frozen") == 0.7


def test_the_page_names_the_setting_of_dsa():
    dsa = yaml.safe_load((DOCS.parent / "config" / "audit.yaml").read_text())["measures"]["dsa"]
    sentence = f"DSA has {dsa['n_delays']} delays and rank {dsa['rank']} throughout."
    assert sentence in (DOCS / "audit_results.md").read_text()


@pytest.mark.parametrize("run", RUNS, ids=lambda folder: folder.name)
def test_effects_that_the_protocol_page_names_are_those_of_both_runs(run):
    audit = AuditTables(run)
    page = (DOCS / "audit.md").read_text()

    def accuracy(protocol, curriculum):
        return audit.value(protocol, "held_out_accuracy", "", curriculum)

    assert (
        "Alone, the switch lowers the accuracy of `master` on others by several hundredths" in page
    )
    assert 0.02 < accuracy("right", "master") - accuracy("right+trials.unique", "master") < 0.08
    assert (
        "Alone, the switch leaves `master_frozen` at an accuracy of 0 after 1,500 updates" in page
    )
    assert accuracy("right", "master_frozen") > 0.4
    assert accuracy("right+training.loss", "master_frozen") == 0
    assert "Alone, the switch puts any two networks far apart; beside the other switches" in page
    for measure in ("cka", "procrustes"):
        assert audit.of_protocol("right+evaluation.paired", "dissimilarity", measure).min() > 0.8
        with_it, without_it = (
            audit.value(protocol, "dissimilarity", measure, "master")
            for protocol in ("published", "published-evaluation.paired")
        )
        assert 0 < with_it - without_it < 0.2
