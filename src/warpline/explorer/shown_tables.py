"""Tables of a run as the explorer lists them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from warpline.core import result_files
from warpline.explorer.embedding import number

__all__ = ["MOST_ROWS", "table_of"]

MOST_ROWS = 2000
"""Rows of a table that the page lists; the file has the rest."""


def _cell(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return number(value)
    return None if pd.isna(value) else str(value)


def table_of(
    title: str, about: str, paths: Sequence[str | Path], leading: Sequence[str] = ()
) -> dict[str, Any] | None:
    """Return the rows of some tables as one, None where they have none.

    Parameters
    ----------
    title, about : str
        Name of the table, and what it holds, as a sentence.
    paths : sequence of path
        Tables with a column in common or not; that of a task set lies in a folder of its name, which becomes
        the first column where there are several.
    leading : sequence of str
        Columns that come first, where the tables have them.

    Returns
    -------
    dict
        ``title``, ``about``, ``columns``, ``rows`` (at most `MOST_ROWS`) and ``n_rows``, how many there are.
    """
    frames = []
    for path in map(Path, paths):
        frame = result_files.read_table(path)
        if len(paths) > 1:
            frame.insert(0, "taskset", path.parent.name, allow_duplicates=False)
        frames.append(frame)
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return None
    whole = pd.concat(frames, ignore_index=True)
    # A column in which nothing stands, such as intervals of few networks, only takes room.
    whole = whole.dropna(axis="columns", how="all")
    first = [name for name in leading if name in whole]
    whole = whole[[*first, *whole.columns.drop(first)]]
    shown = whole.head(MOST_ROWS)
    return {
        "title": title,
        "about": about,
        "columns": [str(column) for column in shown.columns],
        "rows": [[_cell(v) for v in row] for row in shown.astype(object).itertuples(index=False)],
        "n_rows": len(whole),
    }
