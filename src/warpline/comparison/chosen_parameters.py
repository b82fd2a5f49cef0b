"""Parameters of DSA in settings and tables of comparisons: what was chosen stands for what is ``auto``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from warpline.core import result_files

__all__ = ["PARAMETERS", "summarised_parameters", "with_choice", "with_parameters"]

PARAMETERS = ("n_delays", "delay_interval", "rank")
"""Settings of DSA that can be ``auto``, and columns of its tables."""


def with_choice(settings: Mapping[str, Any], choice: Path | None) -> dict[str, Any]:
    """Return the settings of a measure with what is ``auto`` replaced by what was chosen.

    Parameters
    ----------
    settings : mapping
        The measure's entry of the configuration.
    choice : pathlib.Path or None
        Table of one row with `PARAMETERS` (`warpline.comparison.dsa_choice`), None where nothing is
        ``auto``.

    Raises
    ------
    ValueError
        When a setting is ``auto`` and there is no choice.
    """
    automatic = [name for name in PARAMETERS if settings.get(name) == "auto"]
    if not automatic:
        return dict(settings)
    if choice is None:
        raise ValueError(
            f"expected a table of a choice (--choice) for {', '.join(automatic)}, got none"
        )
    row = result_files.read_table(choice).iloc[0]
    return {**settings, **{name: int(row[name]) for name in automatic}}


def with_parameters(table: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table of comparisons with the name of its measure, and the parameters of DSA as columns.

    Parameters
    ----------
    table : DataFrame
        As `warpline.comparison.pair_tables.compare` returns it.
    settings : mapping
        The measure's entry, as `with_choice` returns it. Measures but DSA and InputDSA have no such columns.
    """
    table = table.copy()
    table.insert(0, "measure", settings["name"])
    if settings["measure"] in ("dsa", "dsa_input"):
        for name in PARAMETERS:
            table[name] = settings[name]
    return table


def summarised_parameters(summary: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return a summary with the parameters of the rows that it summarises, one setting per measure.

    Parameters
    ----------
    summary : DataFrame
        With ``measure``.
    rows : DataFrame
        Tables of `with_parameters`; where no measure has parameters, nothing is added.
    """
    names = [name for name in PARAMETERS if name in rows]
    if summary.empty or not names:
        return summary
    # Whole numbers, missing for the measures that have none.
    settings = (
        rows[["measure", *names]].drop_duplicates("measure").astype(dict.fromkeys(names, "Int64"))
    )
    return summary.merge(settings, on="measure", how="left")
