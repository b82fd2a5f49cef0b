"""Tables as a page of HTML that needs nothing else, for the report."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Section", "table_page"]

MOST_ROWS = 2000
"""Rows of a table that a page shows."""
STYLE = """
body { font: 14px/1.45 "DejaVu Sans", Verdana, Arial, sans-serif; margin: 1.5em;
    color: #111; background: #fff }
table { border-collapse: collapse; font-size: 12px; font-variant-numeric: tabular-nums }
th, td { padding: 2px 10px 2px 0; text-align: left; white-space: nowrap; border-bottom: 1px solid #ddd }
th { border-bottom: 1px solid #111 }
td.number, th.number { text-align: right }
div { overflow-x: auto }
summary { cursor: pointer; font-size: 16px; font-weight: bold; margin: 1em 0 .3em }
"""


class Section(NamedTuple):
    """A table of the page.

    Attributes
    ----------
    title, note : str
        Heading, and what a row is.
    frame : DataFrame
        One without rows is said to be empty.
    """

    title: str
    note: str
    frame: pd.DataFrame


def _cell(value: Any) -> str:
    """Return a value as a reader expects it: four digits, a dash where it is missing (None)."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return html.escape(str(value))


def _table(frame: pd.DataFrame) -> str:
    kinds = [' class="number"' if dtype.kind in "fiu" else "" for dtype in frame.dtypes]
    head = "".join(
        f'<th scope="col"{kind}>{html.escape(str(name)).replace("_", " ")}</th>'
        for name, kind in zip(frame.columns, kinds, strict=True)
    )
    rows = []
    shown = frame.head(MOST_ROWS).astype(object)
    for row in shown.where(shown.notna(), None).itertuples(index=False, name=None):
        cells = "".join(
            f"<td{kind}>{_cell(value)}</td>" for kind, value in zip(kinds, row, strict=True)
        )
        rows.append(f"<tr>{cells}</tr>")
    return (
        f"<div><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody></table></div>"
    )


def table_page(title: str, sections: Sequence[Section]) -> str:
    """Return tables as a page; the first section is open, the others are folded.

    Parameters
    ----------
    title : str
    sections : sequence of Section
    """
    parts = []
    for k, section in enumerate(sections):
        n_rows = len(section.frame)
        count = f"{n_rows} row{'s' * (n_rows != 1)}"
        if n_rows > MOST_ROWS:
            count += f", of which the first {MOST_ROWS} are shown; the CSV file holds all"
        body = _table(section.frame) if n_rows else "<p>No rows.</p>"
        parts.append(
            f"<details{' open' if k == 0 else ''}><summary>{html.escape(section.title)}</summary>\n"
            f"<p>{html.escape(section.note)} {count}.</p>\n{body}\n</details>"
        )
    heading = html.escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{heading}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{heading}</h1>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )
