"""Means, intervals and tests over networks, and a row for every run."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.core.table_names import STATISTICS_TABLES
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages.base import (
    Cost,
    Settings,
    Stage,
    Wildcards,
    reduction_settings,
)
from warpline.pipeline.stages.comparisons import CompareNetworks
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS
from warpline.pipeline.stages.training import Train

__all__ = ["ComputeStatistics"]


class ComputeStatistics(Stage):
    """The tables of a task set (CSV), and a page of them for the report (HTML)."""

    rule = "compute_statistics"
    heading = "tables"
    folders = ("tables",)
    script = "compute_statistics.py"
    outputs = {
        **{table: f"tables/{{taskset}}/{table}.csv" for table in STATISTICS_TABLES},
        "page": "tables/{taskset}/tables.html",
    }

    def __init__(self, plan: Plan, training: Train, comparisons: CompareNetworks) -> None:
        super().__init__(plan)
        self.training = training
        self.comparisons = comparisons

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the histories of all runs, and the dissimilarities with their controls."""
        taskset = wildcards["taskset"]
        return {
            "history": self.training.histories(taskset),
            "after": self.comparisons.tables("after", taskset),
            "over": self.comparisons.tables("over", taskset),
            "controls": self.comparisons.tables("controls", taskset),
        }

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the references, and the settings of intervals and tests."""
        return {
            **reduction_settings(self.config),
            "taskset": wildcards["taskset"],
            "references": self.config.comparison.over.references,
            **self.config.statistics.model_dump(),
        }

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the task sets that have tables of their own."""
        for taskset in self.plan.tasksets_with_figures:
            yield {"taskset": taskset}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Grow with the runs and the rows of the dissimilarities."""
        taskset = wildcards["taskset"]
        tables = len(self.comparisons.tables("after", taskset))
        runs = len(self.training.histories(taskset))
        first = next(self.comparisons.jobs(), None)
        megabytes = tables * self.comparisons.expected_cost(first).disk if tables and first else 0.0
        return Cost(
            seconds=START_SECONDS + 0.05 * runs + 0.5 * megabytes,
            memory=START_MB + 5 * megabytes,
            disk=runs * 4e-4 + 0.05 + 0.4 * megabytes + 6 * SIDECAR_MB,
        )

    def all_tables(self) -> list[str]:
        """Return every table of statistics, and the pages."""
        return [self.path(name, **job) for job in self.jobs() for name in self.outputs]
