"""The page of results: a template whose numbers are cells of tables, and whose claims are conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from warpline.core import result_files
from warpline.figures.page_numbers import at_most
from warpline.figures.result_tables import Tables
from warpline.figures.template_page import claim, render_template

__all__ = ["render"]


def _found_due(periods: pd.DataFrame) -> int:
    """Return in how many runs both intervals lie below 0: `master` less pretrained, an answer due."""
    rows = periods[
        periods["period"].eq("decision")
        & periods["curriculum_a"].eq("master")
        & periods["curriculum_b"].eq("pretrain_anti_delay_frozen")
    ]
    return int((rows.groupby("run")["high"].max() < 0).sum())


def _lag_of_noise(path: Path) -> pd.Series:
    """Return the largest mean lag of ten networks without a lag, by share of the change and noise."""
    of_ten = pd.read_csv(path).query("n == 10")
    return of_ten.groupby(["share", "noise"])["mean_lag"].max()


def render(template: Path, tables: Path, rounded: Path, new: Path) -> str:
    """Return the page, whose conclusions three runs carry.

    Parameters
    ----------
    template : pathlib.Path
        Jinja template that calls `claim` and the methods of `Tables`: of each run in turn as ``t``, and of
        the three by their names here (``first``, ``rounded``, ``new``). The page is that whose ``t`` is the
        first. ``each`` calls a method of the three and names what they return. ``lag_of_noise`` is the lag
        that noise of a distance alone gives, by share of the change and noise (docs/statistics.md). ``due``
        and ``earlier_due`` are the numbers of runs, and of earlier ones, in which pretrained networks lie
        further from `master` while an answer is due, by both measures of states.
    tables : pathlib.Path
        Folder of the tables of the first run, beside the tables of those lags and of earlier runs.
    rounded : pathlib.Path
        The same of the run with other rounding.
    new : pathlib.Path
        The same of the run with other networks.

    Raises
    ------
    ValueError
        When the tables of one of the runs do not carry a sentence.
    """
    runs = {"first": Tables(tables), "rounded": Tables(rounded), "new": Tables(new)}
    folder = tables.parent
    periods = [run.matching("periods").assign(run=name) for name, run in runs.items()]
    further = {
        "due": _found_due(pd.concat(periods)),
        "earlier_due": _found_due(result_files.read_table(folder / "periods_earlier.csv")),
        "lag_of_noise": _lag_of_noise(folder / "inference_half_times.csv"),
    }

    def each(method: str, *cells: Any, **named: Any) -> str:
        first, second, third = (getattr(run, method)(*cells, **named) for run in runs.values())
        return f"{first}, {second} and {third}"

    pages = [
        render_template(template, t=run, claim=claim, each=each, at_most=at_most, **runs, **further)
        for run in runs.values()
    ]
    return pages[0]
