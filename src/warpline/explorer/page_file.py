"""The page: what it shows, its size, and its text."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from warpline.explorer.embedding import embedded_json
from warpline.explorer.shown_metrics import analysis_views
from warpline.explorer.shown_networks import (
    as_entry,
    condition_states,
    histories,
    runs,
)
from warpline.explorer.shown_pairs import KINDS, group_means, pair_rows
from warpline.explorer.shown_tables import table_of
from warpline.figures.plotting import PALETTES
from warpline.figures.words import measure_label

__all__ = ["ASSETS", "SCRIPTS", "Sources", "page_within"]

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = (
    "page_data.js",
    "elements.js",
    "colours.js",
    "scene.js",
    "line_chart.js",
    "states_panel.js",
    "metric_panel.js",
    "pairs_panel.js",
    "curves_panel.js",
    "tables_panel.js",
    "start.js",
)
"""Scripts of the page in the order in which they build on each other; the browser gets them as one."""
CLAIM_COLUMNS = ("claim", "sentence", "verdict", "reason")
"""Columns that say what came of a claim."""
MARGIN = 0.97
"""Share of the room that is filled at the next attempt, where the page was too large."""


@dataclass(frozen=True)
class Sources:
    """The files that the explorer shows.

    Attributes
    ----------
    history : list of str
        Training histories, a file per network, in the order in which networks are shown.
    states : list of str
        States averaged by condition.
    pairs : dict of str to list of str
        Tables of dissimilarities, by kind (`warpline.explorer.shown_pairs.KINDS`).
    summary, tests : list of str
        Statistics of each task set.
    arrays : list of str
        Analyses of metric warping.
    claims : list of str
        Verdicts on claims; empty where the run makes none.
    """

    history: Sequence[str] = ()
    states: Sequence[str] = ()
    pairs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    summary: Sequence[str] = ()
    tests: Sequence[str] = ()
    arrays: Sequence[str] = ()
    claims: Sequence[str] = ()


class _Contents:
    """All that could be shown, read once."""

    def __init__(self, sources: Sources, settings: Mapping[str, Any]) -> None:
        self.sources = sources
        self.settings = settings
        history, run = histories(sources.history), runs(sources.history)
        states, self.conditions = condition_states(sources.states)
        self.names = list(history)
        self.entries = [
            as_entry(name, run[name], history[name], states.get(name)) for name in self.names
        ]
        self.means = group_means(sources.summary)
        self.analyses = analysis_views(sources.arrays, settings["analyses"])
        statistics = (
            "Tests between curricula after learning; networks of one seed are one observation."
        )
        tables = [
            table_of("Statistics", statistics, sources.tests),
            table_of(
                "Claims", "What the run says about each claim.", sources.claims, CLAIM_COLUMNS
            ),
        ]
        self.tables = [table for table in tables if table is not None]

    def shown(self, count: int) -> dict[str, Any]:
        """Return what the page holds of the first networks."""
        index = {name: k for k, name in enumerate(self.names[:count])}
        analyses = [
            {**{key: entry[key] for key in ("analysis", "experiment", "status", "views")}, "of": of}
            for entry in self.analyses
            if (of := index.get(entry["network"])) is not None
        ]
        return {
            "name": self.settings["name"],
            "fractions": self.settings["fractions"],
            "windows": self.settings["windows"],
            "measures": {
                name: measure_label(name, self.settings) for name in self.settings["measures"]
            },
            "palette": PALETTES[self.settings["palette"]],
            "left_out": self._left_out(count),
            "networks": self.entries[:count],
            "conditions": self.conditions,
            "pairs": {
                kind: _by_columns(pair_rows(kind, self.sources.pairs.get(kind, ()), index))
                for kind in KINDS
            },
            "means": self.means,
            "analyses": analyses,
            "tables": self.tables,
        }

    def _left_out(self, count: int) -> list[str]:
        """Return sentences that say what the page does not show."""
        total = self.settings["n_networks"]
        sentences = []
        if count < total:
            seeds = sorted({name.seed for name in self.names[:count]})
            of = f"seeds {', '.join(map(str, seeds))}" if seeds else "no seed"
            sentences.append(
                f"This page shows {count} of the {total} networks of the run ({of}), so that it stays below"
                f" {self.settings['megabytes']:g} MB or holds what the configuration names; see explorer in"
                " the configuration."
            )
        for table in self.tables:
            if table["n_rows"] > len(table["rows"]):
                sentences.append(
                    f"The table {table['title']} shows {len(table['rows'])} of {table['n_rows']} rows."
                )
        return sentences


def _by_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return rows that have the same keys as a list per key, so that no key stands twice."""
    return {key: [row[key] for row in rows] for key in rows[0]} if rows else {}


def _text(contents: Mapping[str, Any]) -> str:
    """Return the page as HTML.

    Nothing but its own script may run: the browser is told the script's digest.
    """
    script = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}\n}})();\n'
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("explorer.html.jinja").render(
        name=contents["name"],
        # Ours, or escaped by `embedded_json`: as they are.
        data=_verbatim(embedded_json(contents)),
        script=_verbatim(script),
        script_digest=digest,
        style=_verbatim((ASSETS / "style.css").read_text(encoding="utf-8")),
    )


def _verbatim(text: str) -> str:
    from markupsafe import Markup

    return Markup(text)


def page_within(sources: Sources, settings: Mapping[str, Any]) -> str:
    """Return the page, with as many networks as its size allows, the first ones.

    Parameters
    ----------
    sources : Sources
    settings : mapping
        ``name`` of the run; ``megabytes``, largest size of the page; ``n_networks`` of the run;
        ``fractions`` of training, at which networks are shown; ``windows``, the name of the comparison window
        by task set; ``measures``, names; ``wasserstein``, those of them with another unit; ``palette``, the
        name of one in `warpline.figures.plotting.PALETTES`; ``analyses`` (see
        `warpline.explorer.shown_metrics.analysis_views`).

    Returns
    -------
    str
        HTML that needs no other file.

    Raises
    ------
    ValueError
        When a page without a network is too large, or ``megabytes`` is no size.
    """
    # Below 0 the count of networks would never end.
    if not 0 <= settings["megabytes"] < math.inf:
        raise ValueError(
            f"expected explorer.megabytes of at least 0, got {settings['megabytes']}: set it"
        )
    contents = _Contents(sources, settings)
    limit = settings["megabytes"] * 1e6
    count = len(contents.names)
    while True:
        text = _text(contents.shown(count))
        size = len(text.encode("utf-8"))
        if size <= limit:
            return text
        if count == 0:
            raise ValueError(
                f"expected explorer.megabytes of at least {size / 1e6:.1f}, the size of the page without a"
                f" network, got {settings['megabytes']:g}: raise it"
            )
        count = min(count - 1, int(count * limit / size * MARGIN))
