"""Recordings from files: read once, compared with each other and with trained networks, and summarised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from warpline.core.table_names import DATASET_TABLES
from warpline.pipeline import report_order
from warpline.pipeline.config.base import DSA, scored_by_wasserstein
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages.base import (
    Cost,
    Settings,
    Stage,
    Wildcards,
    file_checksum,
    measure_settings,
)
from warpline.pipeline.stages.dsa_choice import candidates_of
from warpline.pipeline.stages.figures import Figure
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS
from warpline.pipeline.stages.trajectories import ComputeTrajectories
from warpline.pipeline.stages.trials import GenerateTrials

__all__ = ["CompareDatasets", "DatasetFigures", "ReadDatasets", "SummariseDatasets"]

PAIR_SECONDS = {True: 0.2, False: 0.02}
"""Of a pair by DSA, and by another measure."""
CHOICE_SECONDS = 20.0
"""Of a choice of the parameters of DSA, for each system."""
ROW_BYTES = 250
"""Of a pair in a table."""


def _megabytes(path: str | None) -> float:
    """Return the size of a file, 0 where there is none: the check of recordings says so."""
    return Path(path).stat().st_size / 1e6 if path and Path(path).is_file() else 0.0


class ReadDatasets(Stage):
    """The recording of one system (netCDF)."""

    rule = "read_dataset"
    heading = "datasets"
    folders = ("datasets",)
    script = "read_dataset.py"
    outputs = {"recording": "datasets/{dataset}.nc"}

    @property
    def datasets(self) -> list[str]:
        """Recordings that are compared."""
        return list(self.config.run.datasets)

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the file, and the table of trials where there is one."""
        entry = self.config.datasets[wildcards["dataset"]]
        table = {"trials": [entry.trials]} if entry.trials is not None else {}
        return {"file": [entry.file], **table}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the name, the group, how the file is read, and the SHA-256 of what is read."""
        name = wildcards["dataset"]
        entry = self.config.datasets[name]
        read = {key: value for key, value in entry.read_settings().items() if key != "trials"}
        # A missing file is said by the check of recordings.
        sources = {
            option: file_checksum(path)
            for option, (path,) in self.inputs(wildcards).items()
            if Path(path).is_file()
        }
        return {"name": name, "group": entry.group or name, "read": read, "sha256": sources}

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the recordings."""
        yield from ({"dataset": name} for name in self.datasets)

    def cost(self, wildcards: Wildcards) -> Cost:
        """Grow with the file."""
        size = _megabytes(self.config.datasets[wildcards["dataset"]].file)
        return Cost(
            seconds=START_SECONDS + size / 20,
            memory=START_MB + 8 * size,
            disk=size + SIDECAR_MB,
        )


class CompareDatasets(Stage):
    """Dissimilarities of all pairs of systems, by one measure (CSV)."""

    rule = "compare_datasets"
    heading = "datasets"
    script = "compare_datasets.py"
    folders = ("compare/datasets",)
    outputs = {"pairs": "compare/datasets/pairs/{measure}.csv"}

    def __init__(
        self,
        plan: Plan,
        datasets: ReadDatasets,
        trials: GenerateTrials,
        trajectories: ComputeTrajectories,
    ) -> None:
        super().__init__(plan)
        self.datasets = datasets
        self.trials = trials
        self.trajectories = trajectories

    @property
    def networks(self) -> list[str]:
        """Trajectories of the networks that are compared with the recordings."""
        taskset = self.config.dataset_comparison.networks
        jobs = self.trajectories.jobs() if taskset is not None else ()
        return [self.trajectories.path(**job) for job in jobs if job["taskset"] == taskset]

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the recordings; with networks, their states and trials."""
        taskset = self.config.dataset_comparison.networks
        networks = {}
        if taskset is not None:
            networks = {
                "trajectories": self.networks,
                "trials": self.trials.evaluation(taskset)[:1],
            }
        return {"datasets": self.datasets.files(), **networks}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the measure, what it compares, and the columns that match the networks' trials."""
        measure, settings = wildcards["measure"], self.config.dataset_comparison
        first = self.config.datasets[self.config.run.datasets[0]]
        entry = self.config.measures[measure]
        candidates: Settings = {}
        if isinstance(entry, DSA) and entry.automatic:
            candidates = candidates_of(entry, self.config.dsa_choice)
        return {
            "seed": self.config.seed,
            "measure": measure_settings(measure, entry),
            "single_trials": measure in settings.single_trials,
            "centre": settings.centre,
            "conditions": first.conditions,
            "candidates": candidates,
        }

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return the measure."""
        return [("similarity", self.config.measures[wildcards["measure"]].measure)]

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the measures."""
        if self.config.run.datasets:
            yield from ({"measure": name} for name in self.config.run.measures)

    def cost(self, wildcards: Wildcards) -> Cost:
        """Grow with the pairs, and with the files that are read."""
        entry = self.config.measures[wildcards["measure"]]
        names = self.config.run.datasets
        networks = len(self.networks) * len(self.plan.blocks[0]) if self.networks else 0
        n = len(names) + networks
        size = sum(_megabytes(self.config.datasets[name].file) for name in names)
        is_dsa = isinstance(entry, DSA)
        chosen = CHOICE_SECONDS * n if isinstance(entry, DSA) and entry.automatic else 0.0
        return Cost(
            seconds=START_SECONDS + chosen + PAIR_SECONDS[is_dsa] * n * (n - 1) / 2 + size / 20,
            memory=START_MB + 8 * size + 20 * networks,
            disk=ROW_BYTES * n * (n - 1) / 2e6 + SIDECAR_MB,
        )


class SummariseDatasets(Stage):
    """Means within and between groups, and tests (CSV)."""

    rule = "summarise_datasets"
    heading = "datasets"
    script = "summarise_datasets.py"
    outputs = {name: f"compare/datasets/{name}.csv" for name in DATASET_TABLES}

    def __init__(self, plan: Plan, comparisons: CompareDatasets) -> None:
        super().__init__(plan)
        self.comparisons = comparisons

    @property
    def job_name(self) -> str:
        """There is one job."""
        return "datasets"

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the dissimilarities by all measures."""
        return {"pairs": self.comparisons.files()}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the references, the settings of intervals and tests, and the root of their labels."""
        return {
            "seed": self.config.seed,
            "references": self.config.dataset_comparison.references,
            **self.config.statistics.model_dump(),
        }

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the one job, where something is compared."""
        if any(True for _ in self.comparisons.jobs()):
            yield {}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Return what small tables take."""
        return Cost(START_SECONDS + 1.0, START_MB, 0.02 + 2 * SIDECAR_MB)


class DatasetFigures:
    """The figure of the recordings.

    Parameters
    ----------
    summary : SummariseDatasets
    """

    def __init__(self, summary: SummariseDatasets) -> None:
        self.summary = summary

    def _inputs(self, _: Wildcards) -> Mapping[str, list[str]]:
        return {"pairs": self.summary.comparisons.files(), "summary": self.summary.files("summary")}

    def _settings(self, _: Wildcards) -> dict[str, Any]:
        config = self.summary.config
        return {
            "style": config.figures.model_dump(),
            "seed": config.seed,
            "statistics": config.statistics.model_dump(include={"min_seeds"}),
            "measures": list(config.run.measures),
            "wasserstein": scored_by_wasserstein(config.measures),
        }

    def figures(self) -> Iterator[Figure]:
        """Yield the figure; none without recordings."""
        if self.summary.files():
            yield Figure(
                rule="draw_datasets",
                script="figures/datasets.py",
                output="compare/datasets/figures/datasets",
                caption="datasets.rst",
                category=report_order.RECORDINGS,
                labels={"figure": "recordings and networks, by group"},
                inputs=self._inputs,
                settings=self._settings,
                log="draw_datasets",
            )
