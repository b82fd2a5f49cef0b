"""Conclusions from DSA and InputDSA around their parameters: comparisons at every setting, and the share."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.core.table_names import SENSITIVITY_TABLES
from warpline.pipeline.config.base import DSA, InputDSA
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
from warpline.pipeline.stages.statistics import ComputeStatistics
from warpline.pipeline.stages.trajectories import ComputeTrajectories

__all__ = ["CompareAround", "SummariseSensitivity"]

BETWEEN = "_architectures"
"""Part of a job between architectures. No architecture has such a name: names start with a letter."""
PAIR_SECONDS = 0.06
"""Of a pair at a rank of 30, the mean over the ranks around it."""


class CompareAround(Stage):
    """Dissimilarities by DSA or InputDSA at the settings around its own (CSV).

    A job is about the networks of one architecture, or about pairs of architectures.
    """

    rule = "compare_around"
    heading = "comparisons"
    folders = ("compare/around",)
    script = "compare_around.py"
    outputs = {"around": "compare/around/{measure}/{taskset}/{part}.csv"}

    def __init__(
        self, plan: Plan, trajectories: ComputeTrajectories, comparisons: CompareNetworks
    ) -> None:
        super().__init__(plan)
        self.trajectories = trajectories
        self.comparisons = comparisons
        self._seeds = plan.seeds[: self.config.dsa_sensitivity.seeds]

    @property
    def parts(self) -> list[str]:
        """Names of architectures, and of the jobs between them."""
        return [BETWEEN, *dict.fromkeys(network.architecture for network in self.plan.networks)]

    def chosen_seeds(self, wildcards: Wildcards) -> str:
        """Return the seeds whose networks are compared, as options on a command line."""
        return " ".join(str(seed) for seed in self._seeds)

    def _architectures(self, taskset: str) -> list[str]:
        """Return one architecture per model, the first: all pairs of a large grid would take days."""
        by_model: dict[str, str] = {}
        for name in self.plan.architectures(taskset, "architectures"):
            by_model.setdefault(self.config.architectures[name].model, name)
        return list(by_model.values())

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the trajectories of the first seeds, and the chosen parameters."""
        taskset, part = wildcards["taskset"], wildcards["part"]
        kind = "architectures" if part == BETWEEN else "learning"
        architectures = self._architectures(taskset) if part == BETWEEN else [part]
        blocks = [block for block in self.plan.blocks if set(block) & set(self._seeds)]
        return {
            "trajectories": [
                path
                for architecture in architectures
                for path in self.trajectories.of(taskset, architecture, kind, blocks)
            ],
            **self.comparisons.choice.of(wildcards["measure"], taskset),
            **self.comparisons.trials_of_inputs(wildcards),
        }

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return the measure."""
        return self.comparisons.plugins(wildcards)

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the measure, the factors around its parameters, and which pairs."""
        measured = self.comparisons.measured(wildcards)
        # All settings around have the cheap bound.
        measured["measure"].pop("bound")
        settings = {
            **measured,
            # None of the other drives: they are of the controls.
            **self.comparisons.window_of_inputs(wildcards, {"names": []}),
            **self.config.dsa_sensitivity.model_dump(exclude={"seeds"}),
        }
        if wildcards["part"] == BETWEEN:
            # Last checkpoints alone are compared.
            return {**settings, "pairs": "architectures"}
        return {
            **settings,
            **reduction_settings(self.config),
            "pairs": "learning",
            "reference": self.plan.reference,
            "fractions": self.config.comparison.over.fractions,
            "within": self.config.comparison.within.fractions,
        }

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield DSA and InputDSA, for the architectures with several curricula and between them."""
        if len(self._seeds) < 2:
            return
        for taskset in self.plan.tasksets:
            parts = [
                architecture
                for architecture in self.plan.architectures(taskset, "learning")
                if len(self.plan.curricula(taskset, architecture, "learning")) > 1
                and self.plan.reference in self.plan.curricula(taskset, architecture, "learning")
            ]
            if len(self._architectures(taskset)) > 1:
                parts.append(BETWEEN)
            for measure in self.plan.measures(taskset):
                if isinstance(self.config.measures[measure], (DSA, InputDSA)):
                    for part in parts:
                        yield {"measure": measure, "taskset": taskset, "part": part}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Of the pairs of all settings."""
        taskset, part = wildcards["taskset"], wildcards["part"]
        settings, n = self.config.dsa_sensitivity, len(self._seeds)
        around = len(settings.n_delays) * len(settings.ranks)
        fractions = len(self.config.comparison.over.fractions)
        if part == BETWEEN:
            k = len(self._architectures(taskset))
            curricula = max(
                len(self.plan.curricula(taskset, name, "architectures"))
                for name in self._architectures(taskset)
            )
            pairs = curricula * (n * k * (k - 1) // 2 + k * n * (n - 1) // 2)
            systems = curricula * k * n
        else:
            curricula = len(self.plan.curricula(taskset, part, "learning"))
            # After learning; over learning to the own end and to the reference; both ends of learning.
            pairs = curricula * n * (n - 1 + 2 * fractions + 2)
            systems = curricula * n * fractions
        states = self.sizes.window_states(taskset)
        read = states * len(self.config.trajectories.fractions) * systems
        # InputDSA searches twice, over the states alone and jointly.
        searches = 2 if isinstance(self.config.measures[wildcards["measure"]], InputDSA) else 1
        pair = PAIR_SECONDS * searches
        return Cost(
            seconds=START_SECONDS + around * (pairs * pair + systems * 0.03),
            longest=START_SECONDS + around * (pairs * 5 * pair + systems * 0.03),
            memory=START_MB + 3 * read,
            disk=250 * around * pairs / 1e6 + SIDECAR_MB,
        )

    def tables(self, taskset: str) -> list[str]:
        """Return the tables of a task set."""
        return [self.path(**job) for job in self.jobs() if job["taskset"] == taskset]


class SummariseSensitivity(Stage):
    """Which conclusions from DSA hold around its parameters, for one task set (CSV)."""

    rule = "summarise_sensitivity"
    heading = "tables"
    folders = ("tables",)
    script = "summarise_sensitivity.py"
    outputs = {table: f"tables/{{taskset}}/{table}.csv" for table in SENSITIVITY_TABLES}

    def __init__(self, plan: Plan, around: CompareAround, statistics: ComputeStatistics) -> None:
        super().__init__(plan)
        self.around = around
        self.statistics = statistics

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the comparisons around the parameters, and the runs with their chance level."""
        taskset = wildcards["taskset"]
        return {
            "around": self.around.tables(taskset),
            "runs": [self.statistics.path("runs", taskset=taskset)],
        }

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the reference."""
        return {"reference": self.plan.reference}

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the task sets with such comparisons."""
        for taskset in self.plan.tasksets:
            if self.around.tables(taskset):
                yield {"taskset": taskset}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Grow with the number of tables."""
        tables = len(self.around.tables(wildcards["taskset"]))
        return Cost(START_SECONDS + 2 * tables, START_MB, 0.1 * tables + 3 * SIDECAR_MB)

    def of(self, name: str, taskset: str) -> list[str]:
        """Return one table of a task set as a list, empty where there is none."""
        return [self.path(name, taskset=taskset)] if self.around.tables(taskset) else []
