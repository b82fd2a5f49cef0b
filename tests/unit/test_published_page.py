"""The page of the settings of paper B's code: cells of tables, theirs beside ours."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from warpline.core import result_files
from warpline.figures.published_page import PUBLISHED_TABLES, PublishedTables, render_published

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
