"""The tables of a run, and what the page of results takes from them: values, intervals and tests."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from warpline.comparison.hypothesis_tests import exchange_test, holm, separation_exchange_test
from warpline.comparison.jackknife import mean_interval
from warpline.comparison.separation import separation
from warpline.comparison.statistics import curriculum_matrix, summary_table
from warpline.core import result_files
from warpline.figures.template_page import has_width

__all__ = ["AFTER", "BETWEEN", "FLOORS", "FURTHER", "TABLES", "Tables"]

TABLES = {
    "runs": "tables/PDM/runs.csv",
    "summary": "tables/PDM/summary.csv",
    "tests": "tables/PDM/tests.csv",
    "controls": "tables/PDM/controls.csv",
    "relations": "warping/pdm_learning/relations.csv",
    "static": "warping/static/summary.csv",
    "decision": "warping/decision/summary.csv",
    "context": "warping/context/summary.csv",
    "memory": "warping/memory/summary.csv",
    "claims": "claims.csv",
}
"""Tables of the page, by name: their files below a results folder."""

FURTHER = (
    "after",
    "architectures",
    "averaged_controls",
    "context_inputs",
    "floors",
    "from_start",
    "low_settings",
    "low_settings_controls",
    "more_starts",
    "periods",
    "settings",
    "settings_controls",
    "times",
)
"""Tables that are made of a run's, by ``scripts/write_results.py`` and benchmarks."""

BETWEEN = ["measure", "architecture_a", "architecture_b", "curriculum_a", "seed_a", "dissimilarity"]
"""Columns of the table ``architectures``: pairs of networks of one seed."""

FLOORS = [
    "measure",
    "architecture_a",
    "curriculum_a",
    "seed_a",
    "curriculum_b",
    "seed_b",
    "dissimilarity",
]
"""Columns of the table ``floors``: pairs of networks of one architecture and different seeds."""

AFTER = ["measure", "curriculum_a", "seed_a", "curriculum_b", "seed_b", "dissimilarity", "status"]
"""Columns of the table ``after``: pairs of trained networks of different seeds."""


def _p_text(p_value: float) -> str:
    """Return a p value in words, such as ``p = 0.024``."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


class Estimate(NamedTuple):
    """A value with its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return ``value [low, high]``."""
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"

    def __neg__(self) -> Estimate:
        """Return the difference the other way round."""
        return Estimate(-self.value, -self.high, -self.low)


class PairedTest(NamedTuple):
    """A mean difference with its interval, and its adjusted p value."""

    estimate: Estimate
    p_adjusted: float

    def __str__(self) -> str:
        """Return ``difference [low, high], p``."""
        return f"{self.estimate}, {_p_text(self.p_adjusted)}"


class Tables:
    """Cells of tables, as a template asks for them.

    Parameters
    ----------
    folder : pathlib.Path
        With a CSV file for each name in `TABLES` and in `FURTHER`.
    """

    def __init__(self, folder: Path) -> None:
        self._tables = {
            name: result_files.read_table(folder / f"{name}.csv") for name in (*TABLES, *FURTHER)
        }

    def row(self, table: str, **cells: Any) -> pd.Series:
        """Return the one row of a table whose cells have these values.

        Raises
        ------
        LookupError
            When not exactly one row has them.
        """
        rows = self.matching(table, **cells)
        if len(rows) != 1:
            raise LookupError(f"expected one row of {table} with {cells}, got {len(rows)}")
        return rows.iloc[0]

    def matching(self, table: str, **cells: Any) -> pd.DataFrame:
        """Return the rows of a table whose cells have these values; an empty cell is ``""``."""
        rows = self._tables[table]
        for column, value in cells.items():
            rows = rows[rows[column].fillna("") == value]
        return rows

    def about(self, row: pd.Series) -> str:
        """Return what a claim is about: architecture, analysis, measure, as far as the row names them."""
        names = [row[name] for name in ("architecture", "analysis", "measure")]
        return ", ".join(f"`{name}`" for name in names if isinstance(name, str) and name)

    def value(self, row: pd.Series) -> str:
        """Return a claim's ``value [low, high]``, as far as the row has them."""
        value = "" if np.isnan(row["value"]) else f"{row['value']:.2f}"
        return value if np.isnan(row["low"]) else f"{value} [{row['low']:.2f}, {row['high']:.2f}]"

    def verdict(self, row: pd.Series) -> str:
        """Return what a claim is about, its value and interval, n and verdict, as cells of a row."""
        settings = "" if np.isnan(row["share_of_settings"]) else f"{row['share_of_settings']:.2f}"
        smallest = row["smallest_effect"]
        counts = f"{row['null_value'] if np.isnan(smallest) else smallest:g}"
        return " | ".join(
            [
                f"{row['sentence']}",
                self.about(row),
                self.value(row),
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
        """Return ``value [low, high]``, or the value alone where it has no interval.

        An interval of no width comes from values that do not vary: it bounds nothing, and is left out.
        """
        row = self.row(table, **cells)
        prefix = "" if column in ("mean", "difference") else f"{column}_"
        low, high = row[f"{prefix}low"], row[f"{prefix}high"]
        if not has_width(low, high):
            return f"{row[column]:.{digits}f}"
        return f"{row[column]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"

    def difference(self, measure: str, a: str, b: str) -> Estimate:
        """Return the distance of a to the reference less that of b, with its interval."""
        row = self.row("tests", measure=measure, curriculum_a=a, curriculum_b=b)
        return Estimate(*(float(row[name]) for name in ("difference", "low", "high")))

    def p_value(self, **cells: Any) -> str:
        """Return the adjusted p value of a test, or that it is below 0.001."""
        return _p_text(self.row("tests", **cells)["p_adjusted"])

    p_text = staticmethod(_p_text)

    def exchange_tests(
        self, measure: str, pairs: Sequence[tuple[str, str]], measures: Sequence[str] = ()
    ) -> list[float]:
        """Return the p value of an exchange of labels of pairs of curricula, by Holm's method.

        The correction goes over the pairs, and over ``measures``, of which ``measure`` is one, where these
        are given. The reference is that of the table ``tests``; the test is
        `warpline.comparison.hypothesis_tests.exchange_test`.
        """
        family = list(measures) or [measure]
        p_values = holm(np.ravel([self._exchange_tests(one, pairs) for one in family]))
        return p_values.reshape(len(family), -1)[family.index(measure)].tolist()

    def separation_exchange_tests(
        self, measure: str, pairs: Sequence[tuple[str, str]]
    ) -> list[float]:
        """Return p of the exchange of labels by separation of pairs of curricula, by Holm's method.

        The test is `warpline.comparison.hypothesis_tests.separation_exchange_test`.
        """
        distances, networks = self._networks(measure, [*itertools.chain(*pairs)])
        p_values = [separation_exchange_test(distances, networks[a], networks[b]) for a, b in pairs]
        return holm(np.array(p_values)).tolist()

    def _exchange_tests(self, measure: str, pairs: Sequence[tuple[str, str]]) -> list[float]:
        reference = str(self._tables["tests"]["reference"].iloc[0])
        distances, networks = self._networks(measure, [reference, *itertools.chain(*pairs)])
        return [
            exchange_test(distances, networks[a], networks[b], networks[reference])
            for a, b in pairs
        ]

    def _networks(
        self, measure: str, curricula: Sequence[str]
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the dissimilarities after learning, and which rows are the networks of each curriculum."""
        names = list(dict.fromkeys(curricula))
        distances, n = self._matrix(measure, names)
        return distances, {name: k * n + np.arange(n) for k, name in enumerate(names)}

    def _matrix(self, measure: str, names: Sequence[str]) -> tuple[np.ndarray, int]:
        """Return the dissimilarities (network, network) after learning, and the number of seeds.

        Networks are in the order of the names, and within a name of the seeds; NaN for pairs of one seed.
        """
        rows = self.matching("after", measure=measure)
        blocks = [[curriculum_matrix(rows, a, b) for b in names] for a in names]
        seeds = {tuple(of_side) for row in blocks for _, *sides in row for of_side in sides}
        if len(seeds) != 1:
            raise ValueError(f"expected the same seeds of {', '.join(names)}, got {sorted(seeds)}")
        return np.block([[matrix for matrix, *_ in row] for row in blocks]), len(seeds.pop())

    def span(self, table: str, column: str, digits: int = 0, **cells: Any) -> str:
        """Return ``median (smallest to largest)`` of a column over the rows with these values."""
        values = self.matching(table, **cells)[column]
        if values.empty:
            raise LookupError(f"expected rows of {table} with {cells}, got none")
        return (
            f"{values.median():.{digits}f} ({values.min():.{digits}f} to {values.max():.{digits}f})"
        )

    def between(self, measure: str, a: str, b: str) -> Estimate:
        """Return the mean dissimilarity of two architectures in one seed, with its interval over seeds."""
        values = self._by_seed(measure, a, b).to_numpy()
        return Estimate(float(values.mean()), *mean_interval(values, 0.95))

    def floor(self, measure: str, architecture: str) -> Estimate:
        """Return the mean dissimilarity of networks of one architecture in different seeds."""
        floors = self._floor(measure, architecture).assign(seeds="cross")
        row = summary_table(floors, {"confidence": 0.95}).iloc[0]
        return Estimate(*(float(row[name]) for name in ("mean", "low", "high")))

    def separation_of(self, measure: str, a: str, b: str) -> Estimate:
        """Return the separation of two architectures in one seed from the floors of both."""
        pairs = self.matching("architectures", measure=measure, architecture_a=a, architecture_b=b)
        floors = [self._floor(measure, architecture) for architecture in (a, b)]
        return Estimate(*separation(pairs.assign(seed_b=pairs["seed_a"]), floors, 0.95))

    def _floor(self, measure: str, architecture: str) -> pd.DataFrame:
        return self.matching("floors", measure=measure, architecture_a=architecture)

    def between_tests(self, measure: str, pairs: Sequence[tuple[str, str]]) -> list[PairedTest]:
        """Return every later pair of architectures less every earlier one, paired by seed.

        Student's t over seeds, which is the jackknife for one value per seed; Holm's correction over the
        differences.
        """
        by_seed = [self._by_seed(measure, a, b) for a, b in pairs]
        differences = [
            (later - earlier).to_numpy() for earlier, later in itertools.combinations(by_seed, 2)
        ]
        adjusted = holm(np.array([stats.ttest_1samp(d, 0.0).pvalue for d in differences]))
        return [
            PairedTest(Estimate(float(d.mean()), *mean_interval(d, 0.95)), float(p))
            for d, p in zip(differences, adjusted, strict=True)
        ]

    def _by_seed(self, measure: str, a: str, b: str) -> pd.Series:
        """Return the dissimilarity of two architectures by seed."""
        pairs = self.matching("architectures", measure=measure, architecture_a=a, architecture_b=b)
        return pairs.set_index("seed_a")["dissimilarity"].astype(float)

    def smallest(self, table: str, column: str, **cells: Any) -> float:
        """Return the smallest value of a column over the rows with these values; NaN without any."""
        return float(self.matching(table, **cells)[column].min())

    def settings_agreeing(self, other: Tables) -> tuple[int, int]:
        """Return how many differences by DSA lie in the intervals of each other, and of how many."""
        keys = ["n_delays", "rank", "curriculum_a", "curriculum_b"]
        both = self.matching("settings").merge(
            other.matching("settings"), on=keys, how="outer", suffixes=("", "_there")
        )
        inside = both["difference"].between(both["low_there"], both["high_there"])
        inside &= both["difference_there"].between(both["low"], both["high"])
        return int(inside.sum()), len(inside)

    def settings_with(
        self,
        a: str,
        b: str,
        column: str,
        below: float | None = None,
        above: float | None = None,
        table: str = "settings",
    ) -> int:
        """Return at how many settings of DSA a column of two curricula lies below, or above, a value."""
        values = self.matching(table, curriculum_a=a, curriculum_b=b)[column]
        return int((values < below).sum() if below is not None else (values > above).sum())

    def is_apart(self, a: str, b: str) -> bool:
        """Return whether S of two curricula by DSA is above 1/2, by its interval; an S of 1 has none."""
        row = self.row("summary", measure="dsa", curriculum_a=a, curriculum_b=b, seeds="cross")
        return bool(row["separation_low"] > 0.5 or row["separation"] == 1)

    def of_searches(self, starts: str, column: str) -> float:
        """Return a number of all searches by DSA at the chosen setting, with these starts."""
        value = float(self.matching("more_starts", starts=starts)[column].iloc[0])
        # A column of counts holds floats where one of them is missing.
        return int(value) if value.is_integer() else value

    def change_of_separation(self) -> float:
        """Return by how much S of a pair of curricula changes at most by the default search."""
        values = [
            self.matching("more_starts", starts=starts)["separation"].to_numpy()
            for starts in ("fewer", "default")
        ]
        return float(np.abs(values[0] - values[1]).max())

    def moved(self, table: str, drives: Sequence[str]) -> int:
        """Return at how many settings each of some drives moves a network further than new noise does.

        By their intervals; ``table`` is one of controls by setting.
        """
        ends = self.matching(table).pivot(
            index=["n_delays", "rank"], columns="control", values=["low", "high"]
        )
        new_noise = ends[("high", "fresh_noise")]
        beyond = pd.DataFrame({drive: ends[("low", drive)] > new_noise for drive in drives})
        return int(beyond.all(axis=1).sum())

    def other_verdicts(self, other: Tables) -> list[tuple[pd.Series, pd.Series]]:
        """Return the rows of claims whose verdict differs: of this run, and of the other."""
        keys = ["claim", "architecture", "analysis", "measure"]
        there = {tuple(row[keys].fillna("")): row for row in other.rows("claims")}
        pairs = [(row, there.get(tuple(row[keys].fillna("")))) for row in self.rows("claims")]
        return [(a, b) for a, b in pairs if b is not None and a["verdict"] != b["verdict"]]

    def count(self, table: str, **cells: Any) -> int:
        """Return the number of rows with these values."""
        return len(self.matching(table, **cells))
