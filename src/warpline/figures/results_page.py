"""The page of results: a template whose numbers are cells of tables, and whose claims are conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from warpline.comparison.statistics import mean_interval
from warpline.core import result_files

__all__ = ["TABLES", "Tables", "render"]

TABLES = {
    "runs": "tables/PDM/runs.csv",
    "summary": "tables/PDM/summary.csv",
    "tests": "tables/PDM/tests.csv",
    "controls": "tables/PDM/controls.csv",
    "shares": "tables/PDM/dsa_sensitivity_shares.csv",
    "relations": "warping/pdm_learning/relations.csv",
    "static": "warping/static/summary.csv",
    "decision": "warping/decision/summary.csv",
    "context": "warping/context/summary.csv",
    "memory": "warping/memory/summary.csv",
    "claims": "claims.csv",
}
"""Tables of the page, by name: their files below a results folder."""

BETWEEN = ["measure", "architecture_a", "architecture_b", "curriculum_a", "seed_a", "dissimilarity"]
"""Columns of the table ``architectures``: pairs of networks of one seed."""


class Tables:
    """Cells of tables, as a template asks for them.

    Parameters
    ----------
    folder : pathlib.Path
        With a CSV file for each name in `TABLES`, and ``architectures`` and ``settings``.
    """

    def __init__(self, folder: Path) -> None:
        names = (*TABLES, "architectures", "settings")
        self._tables = {name: result_files.read_table(folder / f"{name}.csv") for name in names}

    def row(self, table: str, **cells: Any) -> pd.Series:
        """Return the one row of a table whose cells have these values.

        Raises
        ------
        LookupError
            When not exactly one row has them.
        """
        rows = self._tables[table]
        for column, value in cells.items():
            rows = rows[rows[column].fillna("") == value]
        if len(rows) != 1:
            raise LookupError(f"expected one row of {table} with {cells}, got {len(rows)}")
        return rows.iloc[0]

    def verdict(self, row: pd.Series) -> str:
        """Return what a claim is about, its value and interval, n and verdict, as cells of a row."""
        about = [row[name] for name in ("architecture", "analysis", "measure")]
        value = "" if np.isnan(row["value"]) else f"{row['value']:.2f}"
        if not np.isnan(row["low"]):
            value += f" [{row['low']:.2f}, {row['high']:.2f}]"
        shown = ", ".join(f"`{name}`" for name in about if isinstance(name, str) and name)
        settings = "" if np.isnan(row["share_of_settings"]) else f"{row['share_of_settings']:.2f}"
        smallest = row["smallest_effect"]
        counts = f"{row['null_value'] if np.isnan(smallest) else smallest:g}"
        return " | ".join(
            [
                f"{row['sentence']}",
                shown,
                value,
                counts,
                f"{row['n']:.0f}",
                settings,
                row["verdict"],
            ]
        )

    def rows(self, table: str) -> list[pd.Series]:
        """Return all rows of a table."""
        return [row for _, row in self._tables[table].iterrows()]

    def number(self, table: str, column: str, digits: int = 2, **cells: Any) -> str:
        """Return a cell as text."""
        # Zero has no sign.
        return f"{round(self.row(table, **cells)[column], digits) + 0.0:.{digits}f}"

    def interval(self, table: str, digits: int = 2, column: str = "mean", **cells: Any) -> str:
        """Return ``value [low, high]``, or the value alone where it has no interval."""
        row = self.row(table, **cells)
        prefix = "" if column in ("mean", "difference") else f"{column}_"
        low, high = row[f"{prefix}low"], row[f"{prefix}high"]
        if np.isnan(low):
            return f"{row[column]:.{digits}f}"
        return f"{row[column]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"

    def p_value(self, **cells: Any) -> str:
        """Return the adjusted p value of a test, or that it is below 0.001."""
        value = self.row("tests", **cells)["p_adjusted"]
        return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"

    def span(self, table: str, column: str, digits: int = 0, **cells: Any) -> str:
        """Return ``median (smallest to largest)`` of a column over the rows with these values."""
        rows = self._tables[table]
        for name, value in cells.items():
            rows = rows[rows[name] == value]
        values = rows[column]
        if values.empty:
            raise LookupError(f"expected rows of {table} with {cells}, got none")
        return (
            f"{values.median():.{digits}f} ({values.min():.{digits}f} to {values.max():.{digits}f})"
        )

    def between(self, measure: str, a: str, b: str) -> str:
        """Return the mean dissimilarity of two architectures in one seed, with its interval over seeds."""
        values = self._by_seed(measure, a, b).to_numpy()
        low, high = mean_interval(values, 0.95)
        return f"{values.mean():.2f} [{low:.2f}, {high:.2f}]"

    def between_difference(self, measure: str, a: str, b: str, less_a: str, less_b: str) -> str:
        """Return one pair of architectures less another, paired by seed, with its interval over seeds."""
        values = self._by_seed(measure, a, b) - self._by_seed(measure, less_a, less_b)
        low, high = mean_interval(values.to_numpy(), 0.95)
        return f"{values.mean():.2f} [{low:.2f}, {high:.2f}]"

    def _by_seed(self, measure: str, a: str, b: str) -> pd.Series:
        """Return the dissimilarity of two architectures by seed."""
        rows = self._tables["architectures"]
        pairs = rows[
            (rows["measure"] == measure)
            & (rows["architecture_a"] == a)
            & (rows["architecture_b"] == b)
        ]
        return pairs.set_index("seed_a")["dissimilarity"].astype(float)

    def count(self, table: str, **cells: Any) -> int:
        """Return the number of rows with these values."""
        rows = self._tables[table]
        for name, value in cells.items():
            rows = rows[rows[name] == value]
        return len(rows)


def claim(sentence: str, carried: bool) -> str:
    """Return a sentence that the tables carry.

    Raises
    ------
    ValueError
        When they do not.
    """
    if not carried:
        raise ValueError(f"expected tables that carry the sentence {sentence!r}: rewrite it")
    return sentence


def render(template: Path, tables: Path) -> str:
    """Return the page.

    Parameters
    ----------
    template : pathlib.Path
        Jinja template that calls the methods of `Tables` (as ``t``) and `claim`.
    tables : pathlib.Path
        Folder of the tables.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    text = environment.from_string(template.read_text())
    return text.render(t=Tables(tables), claim=claim)
