"""The page of claims: a table with statistics, intervals and verdicts, as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from warpline.figures.protocol_rows import in_order, protocol_label

__all__ = ["claims_page"]

SYMBOLS = {"holds": "✔", "fails": "✘", "undecided": "?"}
"""A symbol and a word for each verdict: colour alone would not reach all readers."""
WIDTH, HEIGHT, MARGIN = 170, 22, 8
"""Size of the drawing of an interval, in pixels."""

TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Claims: {{ name }}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 1.5rem; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 1.6rem 0 .5rem; }
tbody th { font-weight: normal; border-bottom: 1px solid #ddd; position: static; white-space: nowrap; }
p { max-width: 60rem; margin: .4rem 0; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
caption { text-align: left; color: #555; padding-bottom: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .7rem; border-bottom: 1px solid #ddd; }
th { border-bottom: 2px solid #1a1a1a; position: sticky; top: 0; background: #fff; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.quiet { color: #555; font-size: .86rem; }
.verdict { white-space: nowrap; font-weight: 600; }
.mark { display: inline-block; width: 1.4em; height: 1.4em; line-height: 1.4em; margin-right: .35em;
  text-align: center; border-radius: 50%; border: 2px solid; }
.holds .mark { background: #0072b2; border-color: #0072b2; color: #fff; }
.fails .mark { background: #fff; border-color: #b54800; color: #b54800; }
.undecided .mark { background: #fff; border-color: #777; border-style: dashed; color: #555; }
summary { cursor: pointer; }
code { font-size: .84rem; overflow-wrap: anywhere; }
.count { margin-right: 1.5rem; }
.scroll { overflow-x: auto; }
</style>
</head>
<body>
<h1>Claims of the papers on the run {{ name }}</h1>
<p>{% for verdict, symbol in symbols.items() %}
<span class="{{ verdict }} count"><span class="mark">{{ symbol }}</span>
{{ verdict }}: {{ counts[verdict] }}</span>
{% endfor %}</p>
<p>Protocol: {{ protocol }}. A claim holds if the {{ percent }} % interval excludes the null value on the
claimed side, with the least number of networks and in the required share of the measure's settings.
It fails if the interval lies below the smallest effect that counts. A claim of no effect is the reverse.
Both are corrected for the number of claims (Holm, {{ family }} %). All else is undecided, which says nothing
for or against the claim.</p>
<div class="scroll"><table>
<caption>Drawings: dot, the statistic; line, its interval; dashed, the null value; dotted, the smallest
effect that counts.</caption>
<thead><tr><th>Claim</th><th>Where</th><th colspan="2">Statistic [interval]</th><th>n</th>
<th>Settings that agree</th><th>Verdict</th></tr></thead>
<tbody>
{% for row in rows %}
<tr>
<td><b>{{ row.claim }}</b> {{ row.sentence }}<div class="quiet">{{ row.source }}</div></td>
<td>{% for part in row.where %}<div>{{ part }}</div>{% endfor %}</td>
<td class="number">{{ row.estimate }}</td>
<td>{{ row.drawing | safe }}
<div class="quiet">{{ row.statistic }}{% if row.least %}; least: {{ row.least }}{% endif %}</div>
{% if row.rule_changed %}<div class="quiet">Rule changed: {{ row.rule_changed }}</div>{% endif %}</td>
<td class="number">{{ row.n }}</td>
<td class="number">{{ row.settings }}</td>
<td class="{{ row.verdict }}">
<span class="verdict"><span class="mark">{{ symbols[row.verdict] }}</span>{{ row.verdict }}</span>
{% if row.reason %}<div class="quiet">{{ row.reason }}</div>{% endif %}
{% if row.command %}<details class="quiet"><summary>what decides it</summary>
<code>{{ row.command }}</code></details>{% endif %}</td>
</tr>
{% endfor %}
</tbody></table></div>
{% if protocols %}
<h2>The same claims under each protocol</h2>
<p>Each row is a protocol of the audit: the right one, the published one, or one switch away from
either. p values are corrected within a protocol. Claims whose tables the audit makes once only are not
repeated.</p>
<div class="scroll"><table>
<caption>A symbol for the verdict, the statistic with its interval, and the corrected p value.</caption>
<thead><tr><th>Protocol</th>
{% for column in protocol_columns %}<th>{{ column }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in protocols %}
<tr><th scope="row">{{ row.protocol }}</th>
{% for cell in row.cells %}
<td class="number{% if cell %} {{ cell.verdict }}{% endif %}">{% if cell %}
<span class="mark" title="{{ cell.verdict }}: {{ cell.reason }}">{{ symbols[cell.verdict] }}</span>
{{ cell.estimate }}
<span class="quiet">{{ cell.p }}</span>{% endif %}</td>
{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endif %}
{% if means %}
<details><summary>Published means of Guilhot et al. (2024) beside ours ({{ means | length }} rows)</summary>
<p class="quiet">Means over pairs of networks of different seeds, with {{ percent }} % intervals over
networks. Published values are read off heat maps.</p>
<div class="scroll"><table>
<thead><tr><th>Protocol</th><th>Measure</th><th>Curricula</th><th>Architecture</th><th>Published</th>
<th>Ours [interval]</th><th>n</th></tr></thead>
<tbody>
{% for row in means %}
<tr><td>{{ row.protocol }}</td><td>{{ row.measure }}</td>
<td>{{ row.curriculum_a }}, {{ row.curriculum_b }}</td>
<td>{{ row.taskset }}, {{ row.architecture }}</td><td class="number">{{ row.published }}</td>
<td class="number">{{ row.estimate }}</td><td class="number">{{ row.n_a }}, {{ row.n_b }}</td></tr>
{% endfor %}
</tbody></table></div></details>
{% endif %}
</body>
</html>
"""


def _estimate(value: float, low: float, high: float) -> str:
    """Return ``value [low, high]``, without what is missing."""
    if not np.isfinite(value):
        return "–"
    if not np.isfinite([low, high]).all():
        return f"{value + 0.0:.2f}"
    return f"{value + 0.0:.2f} [{low + 0.0:.2f}, {high + 0.0:.2f}]"


def _drawing(row: Mapping[Any, Any]) -> str:
    """Return the interval beside its null value and smallest effect, as SVG; empty without a statistic."""
    value, low, high = row["value"], row["low"], row["high"]
    if not np.isfinite(value):
        return ""
    marks = [row["null_value"], row["smallest_effect"]]
    ends = [x for x in (value, low, high, *marks) if np.isfinite(x)]
    start, width = min(ends), (max(ends) - min(ends)) or 1.0

    def place(x: float) -> str:
        return f"{MARGIN + (x - start) / width * (WIDTH - 2 * MARGIN):.1f}"

    middle = HEIGHT / 2
    lines = [
        f'<line x1="{place(x)}" x2="{place(x)}" y1="2" y2="{HEIGHT - 2}" stroke="#555" '
        f'stroke-dasharray="{dashes}"/>'
        for x, dashes in zip(marks, ("5 3", "1 3"), strict=True)
        if np.isfinite(x)
    ]
    if np.isfinite([low, high]).all():
        lines.append(
            f'<line x1="{place(low)}" x2="{place(high)}" y1="{middle}" y2="{middle}" '
            'stroke="#1a1a1a" stroke-width="2"/>'
        )
    dot = f'<circle cx="{place(value)}" cy="{middle}" r="4" fill="#1a1a1a"/>'
    label = f"statistic {_estimate(value, low, high)}, null value {row['null_value']:g}"
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(lines)}{dot}</svg>"
    )


def _row(row: Mapping[Any, Any], several: bool) -> dict[str, Any]:
    """Return a row of claims as the template shows it; ``several`` analyses of a claim are named."""

    def text(name: str) -> str:
        return "" if pd.isna(row[name]) else str(row[name])

    places = ("taskset", "architecture", *(["analysis"] if several else []), "measure")
    share = row["share_of_settings"]
    has_settings = row["n_settings"] and np.isfinite(share)
    agreeing = round(share * row["n_settings"]) if has_settings else 0
    return {
        **{
            name: text(name)
            for name in (
                "claim",
                "sentence",
                "source",
                "statistic",
                "rule_changed",
                "verdict",
                "reason",
                "command",
            )
        },
        "where": [text(name) for name in places if text(name)],
        "estimate": _estimate(row["value"], row["low"], row["high"]),
        "least": text("least_part"),
        "drawing": _drawing(row),
        "n": f"{row['n']} {text('unit')}".strip(),
        "settings": f"{agreeing} of {row['n_settings']:.0f}" if has_settings else "–",
    }


def _by_protocol(claims: pd.DataFrame) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the columns (claims with their places) and the rows (protocols) of claims that several have."""
    several = claims.groupby("claim")["protocol"].transform("nunique") > 1
    chosen = claims[several].fillna(
        {"taskset": "", "architecture": "", "measure": "", "reason": ""}
    )
    key = ["claim", "taskset", "architecture", "measure"]
    columns = list(chosen[key].drop_duplicates().itertuples(index=False, name=None))
    cells = {
        (row["protocol"], *(row[name] for name in key)): {
            "verdict": row["verdict"],
            "reason": row["reason"],
            "estimate": _estimate(row["value"], row["low"], row["high"]),
            "p": f"p {row['p_adjusted']:.2g}" if np.isfinite(row["p_adjusted"]) else "",
        }
        for row in chosen.to_dict("records")
    }
    rows = [
        {
            "protocol": protocol_label(protocol),
            "cells": [cells.get((protocol, *column)) for column in columns],
        }
        for protocol in in_order(list(dict.fromkeys(chosen["protocol"])))
    ]
    return [", ".join(filter(None, column)) for column in columns], rows


def claims_page(claims: pd.DataFrame, means: pd.DataFrame, settings: Mapping[str, Any]) -> str:
    """Return the page as HTML that loads nothing else.

    Parameters
    ----------
    claims : DataFrame
        Of `warpline.claims.claim_table.claim_table`. Claims under other protocols than that of the run are
        shown in a table of their own.
    means : DataFrame
        Of `warpline.claims.published_means.published_table`.
    settings : mapping
        ``name`` and ``protocol`` of the run, ``confidence``, ``family_error``.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    judged = claims[claims["protocol"] == settings["protocol"]]
    several = judged.groupby("claim")["analysis"].transform("nunique") > 1
    verdicts = judged["verdict"].value_counts()
    protocol_columns, protocols = _by_protocol(claims)
    published = [
        {
            **row,
            "published": f"{row['published']:.2f}",
            "estimate": _estimate(row["mean"], row["low"], row["high"]),
        }
        for row in means.to_dict("records")
    ]
    return environment.from_string(TEMPLATE).render(
        name=settings["name"],
        protocol=settings["protocol"],
        percent=f"{100 * settings['confidence']:g}",
        family=f"{100 * settings['family_error']:g}",
        symbols=SYMBOLS,
        counts={verdict: int(verdicts.get(verdict, 0)) for verdict in SYMBOLS},
        rows=[_row(row, one) for row, one in zip(judged.to_dict("records"), several, strict=True)],
        protocols=protocols,
        protocol_columns=protocol_columns,
        means=published,
    )
