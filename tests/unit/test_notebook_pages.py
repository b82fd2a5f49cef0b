"""What a notebook concludes in words is what it printed."""

import re
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"


def test_neurons_and_rank_matter_to_dsa_as_the_notebook_says():
    page = (NOTEBOOKS / "compare_recordings.md").read_text()
    _, _, printed = page.partition("rank   group_a   group_b   mean  separation")
    rows = re.findall(r"^ +(\d) +(\S.*?) slow leak ([\d.]+) +([\d.]+|NaN)$", printed, re.MULTILINE)
    mean = {(int(rank), group): float(value) for rank, group, value, _ in rows}
    separation = {(int(rank), group): float(value) for rank, group, _, value in rows}
    groups = ("faint", "fast leak", "slow leak")
    assert list(mean) == [(rank, group) for rank in (2, 4, 8) for group in groups]
    words = " ".join(page.split())
    assert "3 delays, rank 4: better than persistence" in page

    assert "At the chosen rank, DSA finds the leak, and takes such neurons for a larger" in words
    assert mean[4, "slow leak"] < mean[4, "fast leak"] / 3 < mean[4, "faint"] / 9
    assert separation[4, "fast leak"] == separation[4, "faint"] == 1
    assert "At rank 8 the floor hides most of both" in words
    assert max(separation[8, group] for group in groups[:2]) < 0.65
