"""What a notebook concludes in words is what it printed."""

import re
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"


def test_neurons_and_rank_matter_to_dsa_as_the_notebook_says():
    page = (NOTEBOOKS / "compare_recordings.md").read_text()
    _, _, printed = page.partition("rank  friday    weak   other")
    rows = re.findall(r"^ +(\d+)  ([\d.]+) +([\d.]+) +([\d.]+)$", printed, re.MULTILINE)
    distances = {int(rank): tuple(map(float, row)) for rank, *row in rows}
    assert list(distances) == [2, 4, 8] and "3 delays, rank 4: better than persistence" in page

    assert "At the chosen rank, DSA finds the leak, and takes such neurons for a larger" in page
    friday, weak, other = distances[4]
    assert friday < other / 3 and other < weak / 3
    assert "At rank 2 it finds\nneither." in page
    assert max(distances[2]) < friday
    assert "At rank 8 noise hides both" in page
    friday, weak, other = distances[8]
    assert friday > max(weak, other)
