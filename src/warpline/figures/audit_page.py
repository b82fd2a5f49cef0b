"""The measured part of the page on the published protocol: what each switch changes, from its tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from warpline.core import result_files
from warpline.figures.page_numbers import at_most
from warpline.figures.protocol_rows import in_order, protocol_label
from warpline.figures.template_page import claim, has_width, render_template
from warpline.figures.words import measure_name, number_range

__all__ = ["AUDIT_TABLES", "AuditTables", "render_audit"]

AUDIT_TABLES = {"audit": "tables/audit.csv", "claims": "claims.csv"}
"""Tables of the page, by name: their files below a results folder."""
STATISTICS = {
    "held_out_accuracy": "held-out accuracy",
    "dissimilarity": "dissimilarity to the reference",
    "separation": "separation from the floors",
    "order_probability": "order of the curricula",
    "rank_correlation": "rank correlation with the number of tasks",
}
"""Statistics that are held against each other, in words."""
KEY = ["taskset", "architecture", "curriculum", "measure", "statistic"]


def _estimate(row: pd.Series, suffix: str = "", digits: int = 2) -> str:
    """Return ``value [low, high]``, or the value alone where it has no interval.

    An interval of no width comes from networks that are all alike, and bounds nothing: their number stands
    in its place.
    """
    # Zero has no sign.
    value, low, high = (
        f"{round(row[f'{name}{suffix}'], digits) + 0.0:.{digits}f}"
        for name in ("value", "low", "high")
    )
    if np.isnan(row[f"low{suffix}"]):
        return value
    if not has_width(row[f"low{suffix}"], row[f"high{suffix}"]):
        return f"{value} in all {row[f'n{suffix}']:.0f}"
    return f"{value} [{low}, {high}]"


class AuditTables:
    """What the tables of an audit say, as a template asks for it.

    Parameters
    ----------
    folder : pathlib.Path
        With ``audit.csv``, and ``claims.csv`` where verdicts are asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.effects = result_files.read_table(folder / "audit.csv").fillna(
            {"curriculum": "", "measure": ""}
        )
        self.folder = folder
        protocols = list(dict.fromkeys(self.effects["protocol"]))
        self.protocols = in_order(protocols)
        """Names of the protocols, from right to published."""
        self.switches = [
            name.removeprefix("right+") for name in protocols if name.startswith("right+")
        ]
        """Switches that make a protocol of their own."""

    @cached_property
    def claims(self) -> pd.DataFrame:
        """The verdicts."""
        return result_files.read_table(self.folder / "claims.csv")

    @property
    def n(self) -> str:
        """Networks of each curriculum and protocol, such as ``3`` or ``2 to 3``."""
        return number_range(
            self.effects.loc[self.effects["statistic"] == "held_out_accuracy", "n"].astype(int)
        )

    def label(self, protocol: str) -> str:
        """Return a protocol in words."""
        return protocol_label(protocol)

    def cell(
        self,
        protocol: str,
        statistic: str,
        measure: str = "",
        curriculum: str = "",
        digits: int = 2,
    ) -> str:
        """Return a statistic with its interval; a dash where the protocol has none."""
        rows = self._rows(protocol, statistic, measure, curriculum)
        if rows.empty or np.isnan(rows.iloc[0]["value"]):
            return "–"
        return _estimate(rows.iloc[0], digits=digits)

    def value(self, protocol: str, statistic: str, measure: str, curriculum: str) -> float:
        """Return a statistic as a number."""
        return float(self._rows(protocol, statistic, measure, curriculum)["value"].item())

    def _rows(self, protocol: str, statistic: str, measure: str, curriculum: str) -> pd.DataFrame:
        return self.effects[
            (self.effects["protocol"] == protocol)
            & (self.effects["statistic"] == statistic)
            & (self.effects["measure"] == measure)
            & (self.effects["curriculum"] == curriculum)
        ]

    def times_falling(self, measure: str, curricula: Sequence[str]) -> str:
        """Return under how many protocols the mean dissimilarity to the reference falls along some curricula.

        As ``3 of 26``; protocols without a value of each do not count.
        """
        rows = self.effects[
            (self.effects["statistic"] == "dissimilarity") & (self.effects["measure"] == measure)
        ]
        means = rows.pivot_table(index="protocol", columns="curriculum", values="value")
        values = means.reindex(columns=list(curricula)).dropna().to_numpy()
        return f"{(np.diff(values) < 0).all(axis=1).sum()} of {len(values)}"

    def values(self, statistic: str, measure: str, column: str = "value") -> pd.Series:
        """Return a column of a statistic of a measure, of all protocols and curricula that have it."""
        of_measure = self.effects["measure"] == measure
        return self.effects.loc[
            (self.effects["statistic"] == statistic) & of_measure, column
        ].dropna()

    def of_protocol(self, protocol: str, statistic: str, measure: str) -> pd.Series:
        """Return the values of a statistic of a measure under a protocol, of all curricula that have it."""
        return self.values(statistic, measure)[self.effects["protocol"] == protocol]

    def largest_move(self, before: str, after: str, statistic: str, measures: Sequence[str]) -> str:
        """Return the largest change of a statistic of some measures between two protocols, over curricula."""
        rows = self.effects[
            (self.effects["statistic"] == statistic) & self.effects["measure"].isin(measures)
        ]
        both = rows.pivot_table(index=KEY, columns="protocol", values="value")
        return at_most((both[after] - both[before]).abs().max(), decimals=4)

    def sides(self, statistic: str, measure: str, bound: float, downwards: bool = False) -> str:
        """Return how many intervals lie above a bound, and how many below it, such as ``6 / 0``.

        ``downwards`` names those below it first.
        """
        above = (self.values(statistic, measure, "low") > bound).sum()
        below = (self.values(statistic, measure, "high") < bound).sum()
        return f"{below} / {above}" if downwards else f"{above} / {below}"

    def undecided(self, claim_name: str) -> str:
        """Return how many of the verdicts on a claim are undecided, such as ``26 of 26``."""
        verdicts = self.claims.loc[self.claims["claim"] == claim_name, "verdict"]
        return f"{(verdicts == 'undecided').sum()} of {len(verdicts)}"

    def verdict(self, protocol: str, claim_name: str, measure: str) -> str:
        """Return the statistic and the verdict of a claim under a protocol; a dash where it is not judged."""
        rows = self.claims[
            (self.claims["protocol"] == protocol)
            & (self.claims["claim"] == claim_name)
            & (self.claims["measure"] == measure)
        ]
        return "–" if rows.empty else f"{_estimate(rows.iloc[0])}, {rows.iloc[0]['verdict']}"

    @property
    def searched(self) -> str:
        """Statistics that `changes` holds against each other, in words."""
        *words, last = STATISTICS.values()
        return f"{', '.join(words)} and {last}"

    def _moves(self, before: str, after: str) -> pd.DataFrame:
        """Return the values under two protocols, by `KEY`, with ``change`` and whether they lie ``apart``."""
        both = [
            self.effects[self.effects["protocol"] == name].set_index(KEY)[
                ["value", "low", "high", "n"]
            ]
            for name in (before, after)
        ]
        joined = both[0].join(both[1], lsuffix="_before", rsuffix="_after", how="inner").dropna()
        above = joined["low_after"] > joined["high_before"]
        below = joined["high_after"] < joined["low_before"]
        joined["change"] = joined["value_after"] - joined["value_before"]
        # What two digits do not show is rounding.
        joined["apart"] = (above | below) & (joined["change"].abs() >= 0.005)
        return joined

    def _changes(self, before: str, after: str, other: AuditTables) -> Iterator[str]:
        """Yield, by statistic and measure, how many values moved in both runs, and the largest move."""
        joined = self._moves(before, after)
        again = other._moves(before, after).reindex(joined.index)
        same_sign = joined["change"] * again["change"] > 0
        joined["apart"] &= again["apart"].eq(True) & same_sign
        joined = joined.reset_index()
        for statistic, words in STATISTICS.items():
            of_statistic = joined[joined["statistic"] == statistic]
            for measure in dict.fromkeys(of_statistic["measure"]):
                rows = of_statistic[of_statistic["measure"] == measure]
                moved = rows[rows["apart"]]
                if moved.empty:
                    continue
                most = moved.iloc[int(moved["change"].abs().to_numpy().argmax())]
                where = f"{measure_name(measure)}, {words}" if measure else words
                if most["curriculum"]:
                    where += f" (`{most['curriculum']}`, most of {len(moved)} of {len(rows)})"
                yield f"{where}: {_estimate(most, '_before')} to {_estimate(most, '_after')}"

    def changes(self, before: str, after: str, other: AuditTables) -> str:
        """Return what lies apart under two protocols, and in another run, too, in the same direction.

        Values lie apart whose intervals do not overlap.
        """
        if not {before, after} <= set(self.protocols) & set(other.protocols):
            return "not run"
        return "; ".join(self._changes(before, after, other)) or "nothing beyond the intervals"


def render_audit(template: Path, tables: Path, other: Path) -> str:
    """Return the page.

    Parameters
    ----------
    template : pathlib.Path
        Jinja template that calls the methods of `AuditTables` (as ``a`` and ``other``) and `claim`.
    tables : pathlib.Path
        Folder of the tables.
    other : pathlib.Path
        Folder of those of the same audit on another processor, which need no verdicts.
    """
    tables_of = {"a": AuditTables(tables), "other": AuditTables(other)}
    return render_template(template, **tables_of, claim=claim, at_most=at_most)
