"""Dissimilarities between networks, by one measure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from warpline.core.table_names import COMPARISON_TABLES
from warpline.pipeline.config.base import DSA, InputDSA, ShapeEnergy, ShapeGaussian, takes_inputs
from warpline.pipeline.expansion import Plan
from warpline.pipeline.paths import join_seeds, split_seeds
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards, measure_settings
from warpline.pipeline.stages.dsa_choice import ChooseDSA
from warpline.pipeline.stages.sizes import (
    SIDECAR_MB,
    START_MB,
    START_SECONDS,
    TYPICAL_COMPONENTS,
    TYPICAL_SETTING,
    Sizes,
)
from warpline.pipeline.stages.trajectories import ComputeTrajectories

__all__ = ["CompareArchitectures", "CompareNetworks"]

ROW_BYTES = 230
"""Of a pair in a table."""
REFERENCE_SECONDS = 2.0
"""Of a pair by dsa-metric, 1,000 steps from two starts: measured at rank 30, two cores, Intel Xeon."""


def _search_seconds(rank: int, max_starts: int) -> tuple[float, float]:
    """Return the seconds of a search for an alignment, expected and at most."""
    # Fitted to ranks 8 to 50 of docs/alignment_search.md, at up to 1.7 times the time: processors differ. At
    # lower ranks a search takes some milliseconds.
    start = 0.6e-3 * (rank / 20) ** 2.1
    expected = start * min(max_starts, max(48, 125 * (rank / 20) ** 1.5))
    # States without structure keep every start busy, and need more of them.
    return expected, 7 * start * max_starts


def _pair_seconds(sizes: Sizes, measure: str, taskset: str) -> tuple[float, float, float]:
    """Return the seconds of a pair, expected and at most, and those of representing one checkpoint."""
    entry = sizes.config.measures[measure]
    rows = sizes.evaluation_trials(taskset) * sizes.window(taskset)
    if isinstance(entry, DSA):
        n_delays, rank = (
            typical if value == "auto" else value
            for value, typical in zip((entry.n_delays, entry.rank), TYPICAL_SETTING, strict=True)
        )
        channels = n_delays * TYPICAL_COMPONENTS
        represent = rows * channels * (1.3e-7 + 1.7e-10 * channels)
        if sizes.config.protocol.dsa.solver == "reference":
            # It always takes all of its steps.
            return REFERENCE_SECONDS, REFERENCE_SECONDS, represent
        # Zeros fill an operator of a higher rank, and cost nothing.
        carried = n_delays * max(map(sizes.hidden, sizes.config.architectures), default=rank)
        return (*_search_seconds(min(rank, carried), entry.max_starts), represent)
    if isinstance(entry, InputDSA):
        # Two searches, of the states alone and jointly; two passes over the embedded trials.
        channels = entry.n_lags * TYPICAL_COMPONENTS
        pair, slow_pair = (2 * seconds for seconds in _search_seconds(entry.rank, entry.max_starts))
        return pair, slow_pair, rows * channels * (2e-7 + 4e-10 * channels)
    if isinstance(entry, ShapeEnergy):
        # Each start and step: matrices of every condition and time, or distances between repeats. Searches
        # of few minima end after a round or two.
        cube = isinstance(entry, ShapeGaussian)
        work = TYPICAL_COMPONENTS**3 if cube else 20 * TYPICAL_COMPONENTS
        pair = 2e-8 * rows * work * min(entry.max_starts, 8)
        return pair, 5 * pair, rows * TYPICAL_COMPONENTS * 1e-7
    pair = 1e-3 + rows * TYPICAL_COMPONENTS**2 * 1e-9
    return pair, pair, rows * TYPICAL_COMPONENTS * 1e-8


class _Comparison(Stage):
    """What the comparisons share."""

    heading = "comparisons"
    # Recordings have compare/datasets.
    folders = tuple(f"compare/{kind}" for kind in (*COMPARISON_TABLES, "architectures"))

    def __init__(self, plan: Plan, trajectories: ComputeTrajectories, choice: ChooseDSA) -> None:
        super().__init__(plan)
        self.trajectories = trajectories
        self.choice = choice

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return the measure."""
        return [("similarity", self.config.measures[wildcards["measure"]].measure)]

    def measured(self, wildcards: Wildcards) -> Settings:
        """Return the measure under the protocol, and the root seed."""
        measure = wildcards["measure"]
        entry = self.config.measures[measure]
        of_protocol: Settings = {}
        if isinstance(entry, DSA):
            protocol = self.config.protocol.dsa
            of_protocol["delay_axis"] = protocol.delay_axis
            if protocol.solver == "reference":
                of_protocol["solver"] = "reference"
        settings = measure_settings(measure, entry, **of_protocol)
        return {"seed": self.config.seed, "measure": settings}

    def window_of_inputs(self, wildcards: Wildcards, drives: Settings) -> Settings:
        """Return where the inputs stand in the trials, and their drives; nothing for other measures."""
        if not self._needs_inputs(wildcards["measure"]):
            return {}
        period = self.config.tasksets[wildcards["taskset"]].window
        return {"inputs": {"period": period, "drives": drives}}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the measure, and for one that needs inputs their window and drives."""
        drives = self._drives(wildcards) if self._needs_inputs(wildcards["measure"]) else {}
        return {**self.measured(wildcards), **self.window_of_inputs(wildcards, drives)}

    def _needs_inputs(self, measure: str) -> bool:
        return takes_inputs(self.config.measures[measure])

    def _drives(self, wildcards: Wildcards) -> Settings:
        """Return the other drives of the networks that are compared."""
        return {"names": []}

    def trials_of_inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the target's evaluation trials, for a measure that needs inputs."""
        if not self._needs_inputs(wildcards["measure"]):
            return {}
        return {"trials": self.trajectories.trials.evaluation(wildcards["taskset"])[:1]}


class CompareNetworks(_Comparison):
    """Dissimilarities of the networks of one architecture, for one block of seeds (CSV).

    One job makes all tables of a measure, because they share what the measure fits to each network.
    """

    rule = "compare_networks"
    script = "compare_networks.py"
    outputs = {
        kind: f"compare/{kind}/{{measure}}/{{taskset}}/{{architecture}}/seed~{{seeds}}.csv"
        for kind in COMPARISON_TABLES
    }

    def of_tables(self, *kinds: str) -> CompareNetworks:
        """Return the same stage for jobs that make some of the tables alone."""
        stage = CompareNetworks(self.plan, self.trajectories, self.choice)
        stage.outputs = {kind: self.outputs[kind] for kind in kinds}  # type: ignore[misc]
        return stage

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the trajectories of the block and of the blocks before it: a new seed changes no table."""
        blocks = self.plan.blocks_up_to(split_seeds(wildcards["seeds"]))
        taskset, architecture = wildcards["taskset"], wildcards["architecture"]
        return {
            "trajectories": self.trajectories.of(taskset, architecture, "learning", blocks),
            **self.choice.of(wildcards["measure"], taskset),
            **self.trials_of_inputs(wildcards),
        }

    def _drives(self, wildcards: Wildcards) -> Settings:
        """Return those of the controls."""
        taskset, architecture = wildcards["taskset"], wildcards["architecture"]
        curricula = self.plan.curricula(taskset, architecture, "learning")
        return self.trajectories.drive_settings(taskset, architecture, curricula[0])

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the measure, and which checkpoints are compared."""
        # The trajectories hold the drives of the controls.
        compared = self.config.comparison.model_dump(exclude={"controls"})
        reduction = self.config.protocol.evaluation.reduction
        return {**super().parameters(wildcards), **compared, "reduction": reduction}

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield every measure, architecture and block of seeds."""
        for taskset in self.plan.tasksets:
            yield from self._jobs_of(taskset)

    def _jobs_of(
        self, taskset: str, only_architecture: str | None = None
    ) -> Iterator[dict[str, str]]:
        for architecture in self.plan.architectures(taskset, "learning"):
            if only_architecture not in (None, architecture):
                continue
            for measure in self.plan.measures(taskset):
                for block in self.plan.blocks:
                    yield {
                        "measure": measure,
                        "taskset": taskset,
                        "architecture": architecture,
                        "seeds": join_seeds(block),
                    }

    def cost(self, wildcards: Wildcards) -> Cost:
        """Of the pairs of all tables, and of fitting the measure to every checkpoint once."""
        plan, sizes, settings = self.plan, self.sizes, self.config.comparison
        taskset = wildcards["taskset"]
        block = split_seeds(wildcards["seeds"])
        architecture = wildcards["architecture"]
        curricula = plan.curricula(taskset, architecture, "learning")
        n = len(curricula)
        drives = len(self.trajectories.drives(taskset, architecture, curricula[0]))
        own, earlier = len(block), plan.seeds.index(block[0])
        crossings = own * earlier + own * (own - 1) // 2
        fractions, references = len(settings.over.fractions), len(settings.over.references)
        within = len(settings.within.fractions)
        over = own * n + own * references * (n - 1) + crossings * references
        pairs_of = {
            "after": own * n * (n + 1) // 2 + crossings * n * n,
            "over": fractions * over,
            "within": own * n * within * (within + 1) // 2,
            "controls": (2 + drives) * own * n,
        }
        pairs = sum(pairs_of[kind] for kind in self.outputs)
        # Checkpoints that the measure is fitted to: the last ones alone, or those of all tables.
        systems = (own + earlier) * n
        if set(self.outputs) != {"after"}:
            systems += own * n * (fractions + 2 + drives) + earlier * references * fractions
        states = sizes.window_states(taskset)
        stored = len(self.config.trajectories.fractions) + drives
        read = states * stored * (own + earlier) * n
        pair, slow_pair, represent = _pair_seconds(sizes, wildcards["measure"], taskset)
        fixed = START_SECONDS + systems * represent + read / 60
        return Cost(
            seconds=fixed + pairs * pair,
            longest=fixed + pairs * slow_pair,
            memory=START_MB + 1.1 * read + systems * 2.2 * states,
            disk=ROW_BYTES * pairs / 1e6 + len(self.outputs) * SIDECAR_MB,
        )

    def tables(self, kind: str, taskset: str, architecture: str | None = None) -> list[str]:
        """Return the tables of one kind, of all measures and seeds."""
        return [self.path(kind, **names) for names in self._jobs_of(taskset, architecture)]


class CompareArchitectures(_Comparison):
    """Dissimilarities between architectures that share curriculum and seed, and their floors (CSV)."""

    rule = "compare_architectures"
    script = "compare_architectures.py"
    outputs = {"architectures": "compare/architectures/{measure}/{taskset}/seed~{seeds}.csv"}

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the trajectories of all architectures, of the block and of the blocks before it."""
        taskset = wildcards["taskset"]
        blocks = self.plan.blocks_up_to(split_seeds(wildcards["seeds"]))
        return {
            "trajectories": [
                path
                for architecture in self.plan.architectures(taskset, "architectures")
                for path in self.trajectories.of(taskset, architecture, "architectures", blocks)
            ],
            **self.choice.of(wildcards["measure"], taskset),
            **self.trials_of_inputs(wildcards),
        }

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield every measure and block of seeds of the task sets with several architectures."""
        for taskset in self.plan.tasksets:
            yield from self._jobs_of(taskset)

    def _jobs_of(self, taskset: str) -> Iterator[dict[str, str]]:
        if self.plan.compares_architectures(taskset):
            for measure in self.plan.measures(taskset):
                for block in self.plan.blocks:
                    yield {"measure": measure, "taskset": taskset, "seeds": join_seeds(block)}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Of the pairs of architectures, over the curricula that both have, and of the pairs of seeds."""
        plan, sizes, taskset = self.plan, self.sizes, wildcards["taskset"]
        block = split_seeds(wildcards["seeds"])
        n_seeds, earlier = len(block), plan.seeds.index(block[0])
        listed = [
            plan.curricula(taskset, architecture, "architectures")
            for architecture in plan.architectures(taskset, "architectures")
        ]
        sharing = [
            sum(name in curricula for curricula in listed)
            for name in dict.fromkeys(chain.from_iterable(listed))
        ]
        crossings = n_seeds * earlier + n_seeds * (n_seeds - 1) // 2
        pairs = n_seeds * sum(k * (k - 1) // 2 for k in sharing) + crossings * sum(sharing)
        systems = (n_seeds + earlier) * sum(sharing)
        pair, slow_pair, represent = _pair_seconds(sizes, wildcards["measure"], taskset)
        fractions, states = len(self.config.trajectories.fractions), sizes.window_states(taskset)
        # One file at a time is read whole, the last checkpoints of it are kept.
        held = systems * 3.2 + n_seeds * fractions
        fixed = START_SECONDS + systems * represent + systems * states * fractions / 60
        return Cost(
            seconds=fixed + pairs * pair,
            longest=fixed + pairs * slow_pair,
            memory=START_MB + held * states,
            disk=ROW_BYTES * pairs / 1e6 + SIDECAR_MB,
        )

    def tables(self, taskset: str) -> list[str]:
        """Return the tables of a task set, of all measures and seeds."""
        return [self.path(**names) for names in self._jobs_of(taskset)]
