"""docs/statistics.md and its tables, and how far simulated shares may lie from them."""

from pathlib import Path

from inference import simulation
from scipy import stats

TABLES = simulation.TABLE.parent
PAGE = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"


def largest_share(level, replications):
    """Return the share of rejections that a test at `level` exceeds once in ten thousand simulations."""
    return stats.binom.ppf(1 - 1e-4, replications, level) / replications


def rows_of(page, heading):
    """Return the cells of the table below a heading of a page."""
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
