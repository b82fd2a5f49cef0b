"""The page of the settings of paper B's code: cells of tables, theirs beside ours."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from warpline.core import result_files
from warpline.figures.published_page import PUBLISHED_TABLES, PublishedTables, render_published
from warpline.geometry.measurements.two_items import Thresholds

DOCS = Path(__file__).parents[2] / "docs"
DATA = DOCS / "data" / "published_warping"


@pytest.fixture
def tables(tmp_path):
    """Return tables of three networks, whose relevant cosine is 0.3, 0.4 and 0.5 above the other one."""
    row = {"quantity": "ratio", "moment": "late", "n": 3}
    rows = [
        {**row, "condition": f"context {k}", "mean": 2.0 * k, "low": k, "high": 3.0 * k}
        for k in (1, 2)
    ]
    for folder in ("theirs", "ours"):
        for name in PUBLISHED_TABLES:
            result_files.write_table(pd.DataFrame(rows), tmp_path / folder / f"{name}.csv", {})
    networks = pd.DataFrame(
        {"quantity": quantity, "condition": "context 1", "moment": "late", "seed": seed}
        | {"value": value + (quantity == "relevant") * 0.1 * (seed + 2)}
        for seed, value in ((1, 0.2), (2, 0.0), (3, 0.4))
        for quantity in ("relevant", "irrelevant")
    )
    result_files.write_table(networks, tmp_path / "theirs" / "networks.csv", {})
    return PublishedTables(tmp_path / "theirs", tmp_path / "ours")


def test_cells_stand_side_by_side(tables):
    assert tables.contexts(1, "ratio", "late") == " | ".join(["2.0 [1.0, 3.0], 4.0 [2.0, 6.0]"] * 2)
    cells = {"quantity": "ratio", "condition": "context 1", "moment": "late"}
    assert tables.both("static", 1, **cells) == "2.0 [1.0, 3.0] | 2.0 [1.0, 3.0]"
    assert tables.within("our_static", 0.5, 3.5, **cells)
    assert not tables.within("our_static", 0.5, 2.5, **cells)
    assert not tables.within("our_static", 1.5, 3.5, **cells)
    assert not tables.apart("static", **cells)
    ours = tables._tables["our_static"].astype({"low": float})
    tables._tables["our_static"] = ours.assign(low=3.1, high=4.0)
    assert tables.apart("static", **cells)


def test_both_contexts_count(tables):
    assert tables.contexts_within("context", 0.5, 6.5, "ratio", "late")
    assert not tables.contexts_within("context", 0.5, 5.5, "ratio", "late")
    with pytest.raises(ValueError, match="overlap"):
        tables.where_apart("ratio", "late")
    ours = tables._tables["our_context"].astype({"low": float, "high": float})
    tables._tables["our_context"] = ours
    ours.loc[1, ["low", "high"]] = [7.0, 8.0]
    assert tables.where_apart("ratio", "late") == ", clear in context 2"
    ours.loc[0, ["low", "high"]] = [0.5, 0.9]
    assert tables.where_apart("ratio", "late") == ""


def test_rates_shares_and_counts_compare_ends_of_intervals(tables):
    rates = [
        {"quantity": f"{name} rate at fixed points (1/time constant)", "condition": f"context {k}"}
        | {"moment": "", "low": low, "high": high}
        for k in (1, 2)
        for name, low, high in (("slowest", -0.3, -0.2), ("second", -0.8, -0.7))
    ]
    shares = [
        {"quantity": "share of item 2 in the metric, median", "moment": moment, "low": low}
        | {"condition": "", "high": low + 0.2}
        for moment, low in (("report_1", 0.1), ("report_2", 0.4))
    ]
    verdict = {"quantity": "mixed", "moment": "", "condition": "", "mean": 0.75, "n": 4}
    tables._tables["context"] = pd.DataFrame([*rates, *shares, verdict])
    assert tables.second_over_slowest("context", 2, 5)
    assert not tables.second_over_slowest("context", 2.5, 5)
    assert not tables.second_over_slowest("context", 2, 3.9)
    assert tables.rises("context")
    tables._tables["context"].loc[4, "high"] = 0.5
    assert not tables.rises("context")
    assert tables.counted("context", quantity="mixed") == "3 of 4"


def test_a_difference_is_that_of_single_networks(tables):
    low, high = stats.t.interval(0.95, 2, 0.4, np.std([0.3, 0.4, 0.5], ddof=1) / np.sqrt(3))
    expected = f"0.40 [{low:.2f}, {high:.2f}]"
    assert (
        tables.paired(2, "relevant", "irrelevant", condition="context 1", moment="late") == expected
    )


def test_the_shipped_page_is_what_its_tables_give():
    page = render_published(DOCS / "published_settings.md.jinja", DATA)
    assert (DOCS / "published_settings.md").read_text() == page
    assert "nan" not in page


def test_a_sentence_that_the_tables_do_not_carry_stops_the_page(tmp_path):
    for folder in ("published_warping", "ten_seeds"):
        for file in (DOCS / "data" / folder).glob("*.csv"):
            target = tmp_path / folder / file.name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
    static = tmp_path / "published_warping" / "static.csv"
    table = result_files.read_table(static)
    table["low"] = 0.5
    result_files.write_table(table, static, {})
    with pytest.raises(ValueError, match="rewrite it"):
        render_published(DOCS / "published_settings.md.jinja", tmp_path / "published_warping")


def test_the_page_states_the_thresholds_of_realignment():
    thresholds = Thresholds()
    page = " ".join((DOCS / "published_settings.md").read_text().split())
    stated = (
        f"w of at most 1/3, δ of at most {thresholds.defect} and ρ of at most {thresholds.residual}"
    )
    assert stated in page and thresholds.realignment == 1 / 3
