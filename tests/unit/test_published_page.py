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


def test_shares_compare_ends_of_intervals_and_count(tables):
    shares = [
        {"quantity": "share of item 2 in the metric, median", "moment": moment, "low": low}
        | {"condition": "", "high": low + 0.2}
        for moment, low in (("report_1", 0.1), ("report_2", 0.4))
    ]
    verdict = {"quantity": "mixed", "moment": "", "condition": "", "mean": 0.75, "n": 4}
    tables._tables["context"] = pd.DataFrame([*shares, verdict])
    assert tables.rises("context")
    tables._tables["context"].loc[0, "high"] = 0.5
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
    memory = tmp_path / "published_warping" / "memory.csv"
    table = result_files.read_table(memory)
    table["high"] = 9.0
    result_files.write_table(table, memory, {})
    with pytest.raises(ValueError, match="rewrite it"):
        render_published(DOCS / "published_settings.md.jinja", tmp_path / "published_warping")


def test_the_page_states_the_thresholds_of_realignment():
    thresholds = Thresholds()
    page = " ".join((DOCS / "published_settings.md").read_text().split())
    stated = (
        f"w of at most 1/3, δ of at most {thresholds.defect} and ρ of at most {thresholds.residual}"
    )
    assert stated in page and thresholds.realignment == 1 / 3
