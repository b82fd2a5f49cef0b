"""The page of the experiments at the settings of paper B's code: cells of tables, theirs beside ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from warpline.comparison.jackknife import mean_interval
from warpline.core import result_files
from warpline.figures.result_tables import Tables
from warpline.figures.template_page import claim, render_template

__all__ = ["PUBLISHED_TABLES", "PublishedTables", "render_published"]

PUBLISHED_TABLES = {
    **{name: f"warping/published_{name}/summary.csv" for name in ("static", "context", "memory")},
    "claims": "claims.csv",
}
"""Tables of the page, by name: their files below the results of ``config/published_warping.yaml``."""


CONTEXTS = ("context 1", "context 2")


class PublishedTables(Tables):
    """Cells of the tables of a run at their settings, and of those of a run at ours (``our_...``).

    Parameters
    ----------
    folder : pathlib.Path
        With a CSV file for each name in `PUBLISHED_TABLES`, and ``networks``: the values of single networks.
    ours : pathlib.Path
        With the tables of the same names.
    """

    def __init__(self, folder: Path, ours: Path) -> None:
        names = (*PUBLISHED_TABLES, "networks")
        self._tables = {name: result_files.read_table(folder / f"{name}.csv") for name in names}
        for name in PUBLISHED_TABLES:
            self._tables[f"our_{name}"] = result_files.read_table(ours / f"{name}.csv")

    def both(self, table: str, digits: int = 2, **cells: str) -> str:
        """Return the value with its interval at their settings and at ours, as two cells of a row."""
        return " | ".join(self.interval(name, digits, **cells) for name in (table, f"our_{table}"))

    def contexts(self, digits: int, quantity: str, moment: str = "") -> str:
        """Return `both` with the two contexts in each cell."""
        return " | ".join(
            ", ".join(
                self.interval(name, digits, quantity=quantity, moment=moment, condition=condition)
                for condition in CONTEXTS
            )
            for name in ("context", "our_context")
        )

    def judged(self, table: str, name: str) -> str:
        """Return the verdict on a claim, with its value, interval and n."""
        row = self.row(table, claim=name)
        if np.isnan(row["value"]):
            return f"{row['verdict']}: {row['reason']}"
        interval = "" if np.isnan(row["low"]) else f" [{row['low']:.2f}, {row['high']:.2f}]"
        return f"{row['verdict']}, {row['value']:.2f}{interval}, n = {row['n']:.0f}"

    def rises(self, table: str) -> bool:
        """Say whether the share of item 2 is above that at the first report at the second one."""
        first, second = (
            self.row(table, quantity="share of item 2 in the metric, median", moment=moment)
            for moment in ("report_1", "report_2")
        )
        return bool(first["high"] < second["low"])

    def counted(self, table: str, **cells: str) -> str:
        """Return the networks that a share counts, as ``k of n``."""
        row = self.row(table, **cells)
        return f"{row['mean'] * row['n']:.0f} of {row['n']:.0f}"

    def paired(self, digits: int, first: str, second: str, **cells: str) -> str:
        """Return the mean difference of two quantities of one network, with its interval."""
        rows = self.matching("networks", **cells)
        by_seed = rows.pivot(index="seed", columns="quantity", values="value")
        values = (by_seed[first] - by_seed[second]).to_numpy(dtype=np.float64)
        low, high = mean_interval(values, 0.95)
        return f"{values.mean():.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def render_published(template: Path, tables: Path) -> str:
    """Return the page.

    Parameters
    ----------
    template : pathlib.Path
        Jinja template that calls the methods of `PublishedTables` (as ``t``) and `claim`.
    tables : pathlib.Path
        Folder of the tables; those of ours lie beside it, in ``ten_seeds``.
    """
    ours = tables.parent / "ten_seeds"
    return render_template(template, t=PublishedTables(tables, ours), claim=claim)
