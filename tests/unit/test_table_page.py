"""Tables of the report: text is text, numbers have four digits, and what is left out is said."""

import re

import numpy as np
import pandas as pd
from spoiled import TAG

from warpline.figures import table_page
from warpline.figures.network_means import network_means
from warpline.figures.table_page import Section


def test_values_are_written_for_readers():
    frame = pd.DataFrame(
        {
            "mean_a": [0.123456, np.nan],
            "n": [3, 2],
            "name": [TAG, "a & b"],
            "significant": [True, False],
        }
    )
    page = table_page.table_page(
        TAG, [Section(TAG, TAG, frame), Section("Empty", "", frame.head(0))]
    )
    cells = re.findall("<td[^>]*>(.*?)</td>", page)
    assert cells[:2] == ["0.1235", "3"] and cells[4:6] == ["–", "2"] and cells[7] == "False"
    assert TAG not in page and cells[6] == "a &amp; b"
    assert re.findall("<th [^>]*>(.*?)</th>", page)[0] == "mean a"
    assert "2 rows." in page and "No rows." in page
    assert page.count("<details open>") == 1 and page.count("<details>") == 1


def test_a_missing_value_is_a_dash_whatever_its_type():
    frame = pd.DataFrame(
        {
            "rank": pd.array([20, None], dtype="Int64"),
            "time": pd.to_datetime(["2026-01-01", None]),
            "text": ["a", None],
            "value": [1.0, np.nan],
        }
    )
    page = table_page.table_page("t", [Section("s", "", frame)])
    cells = re.findall("<td[^>]*>(.*?)</td>", page)
    assert cells[0] == "20" and cells[4:] == ["–"] * 4


def test_a_long_table_says_what_it_leaves_out(monkeypatch):
    monkeypatch.setattr(table_page, "MOST_ROWS", 3)
    page = table_page.table_page("t", [Section("s", "", pd.DataFrame({"a": range(5)}))])
    assert page.count("<td") == 3 and "5 rows, of which the first 3 are shown" in page


def test_a_network_counts_once_whichever_side_of_a_pair_it_is_on():
    columns = ["curriculum_a", "seed_a", "run_status_a", "curriculum_b", "seed_b", "run_status_b"]
    rows = [
        ("x", 1, "converged", "y", 2, "max_steps", 0.2),
        ("y", 3, "converged", "x", 1, "converged", 0.4),
        ("x", 2, "max_steps", "y", 3, "converged", np.nan),
        ("y", 2, "max_steps", "y", 3, "converged", 0.9),
    ]
    pairs = pd.DataFrame(rows, columns=[*columns, "dissimilarity"])
    x_to_y = network_means(pairs, "x", "y")
    # Seed 2 of x has no value. Seed 1 has two, one from each side.
    assert x_to_y.index.tolist() == [1]
    np.testing.assert_allclose(x_to_y["value"], [0.3])
    y_to_x = network_means(pairs, "y", "x")
    np.testing.assert_allclose(y_to_x["value"], [0.2, 0.4])
    assert y_to_x["converged"].tolist() == [False, True]
    # Within a curriculum both networks of a pair have its value.
    assert network_means(pairs, "y", "y")["value"].tolist() == [0.9, 0.9]
