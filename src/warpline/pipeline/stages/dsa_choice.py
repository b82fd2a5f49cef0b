"""Parameters of DSA for each task set, where the configuration leaves their choice to trained networks."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.core.table_names import CHOICE_TABLES
from warpline.pipeline.config.base import DSA
from warpline.pipeline.config.comparison import DSAChoice
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards, measure_settings
from warpline.pipeline.stages.sizes import (
    SIDECAR_MB,
    START_MB,
    START_SECONDS,
    TYPICAL_COMPONENTS,
)
from warpline.pipeline.stages.trajectories import ComputeTrajectories

__all__ = ["ChooseDSA", "candidates_of"]

ROW_BYTES = 280
"""Of a network and setting in a table."""


def candidates_of(entry: DSA, choice: DSAChoice) -> Settings:
    """Return what is tried for the settings of DSA that are ``auto``, and how; no more than that."""
    lists = {"n_delays": "n_delays", "delay_interval": "delay_intervals", "rank": "ranks"}
    fixed = {many for one, many in lists.items() if one not in entry.automatic}
    return choice.model_dump(exclude={"seeds", *fixed})


class ChooseDSA(Stage):
    """The choice of delays, interval and rank for one task set and measure, and its sweep (CSV)."""

    rule = "choose_dsa"
    heading = "comparisons"
    folders = ("dsa",)
    script = "choose_dsa.py"
    outputs = {table: f"dsa/{{measure}}/{{taskset}}/{table}.csv" for table in CHOICE_TABLES}

    def __init__(self, plan: Plan, trajectories: ComputeTrajectories) -> None:
        super().__init__(plan)
        self.trajectories = trajectories

    @property
    def measures(self) -> list[str]:
        """Measures of which some parameter is chosen."""
        return [name for name in self.plan.all_measures if self._is_chosen(name)]

    def _is_chosen(self, measure: str) -> bool:
        entry = self.config.measures[measure]
        return isinstance(entry, DSA) and bool(entry.automatic)

    def chosen_seeds(self, wildcards: Wildcards) -> str:
        """Return the seeds whose networks count, as options on a command line."""
        return " ".join(str(seed) for seed in self._seeds)

    @property
    def _seeds(self) -> tuple[int, ...]:
        # Of the first block alone: a new seed changes no choice, and so no table.
        return self.plan.blocks[0][: self.config.dsa_choice.seeds]

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the trajectories of all trained networks that are compared, in the first seeds.

        Untrained networks do not count, unless there are no others.
        """
        plan, taskset = self.plan, wildcards["taskset"]
        names = {
            (architecture, curriculum): None
            for comparison in self._comparisons(taskset)
            for architecture in plan.architectures(taskset, comparison)
            for curriculum in plan.curricula(taskset, architecture, comparison)
        }
        trained = [name for name in names if self.config.curricula[name[1]].train]
        return {
            "trajectories": [
                self.trajectories.of_first_block(taskset, architecture, curriculum)
                for architecture, curriculum in trained or names
            ]
        }

    def _comparisons(self, taskset: str) -> list[str]:
        """Return the kinds of comparison that the task set has."""
        between = ["architectures"] if self.plan.compares_architectures(taskset) else []
        return ["learning", *between]

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return what the operators of the measure depend on, and the candidates."""
        measure = wildcards["measure"]
        entry = self.config.measures[measure]
        assert isinstance(entry, DSA), f"expected DSA, got {measure}"
        settings = measure_settings(measure, entry)
        used = ("name", "n_delays", "delay_interval", "rank", "ridge", "rank_tolerance", "offset")
        return {
            "seed": self.config.seed,
            "measure": {name: settings[name] for name in used},
            "candidates": candidates_of(entry, self.config.dsa_choice),
        }

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield the task sets whose networks are compared, with each measure that is chosen."""
        for taskset in self.plan.tasksets:
            for measure in self.plan.measures(taskset):
                job = {"measure": measure, "taskset": taskset}
                if self._is_chosen(measure) and self.inputs(job)["trajectories"]:
                    yield job

    def cost(self, wildcards: Wildcards) -> Cost:
        """Of reading the networks, and of an operator for each embedding."""
        sizes, settings, taskset = self.sizes, self.config.dsa_choice, wildcards["taskset"]
        files, in_block = len(self.inputs(wildcards)["trajectories"]), len(self.plan.blocks[0])
        networks = files * len(self._seeds)
        window = sizes.window(taskset)
        rows = sizes.evaluation_trials(taskset) * window
        seconds = 0.0
        for n_delays in settings.n_delays:
            if (n_delays - 1) <= settings.longest * window:
                channels = n_delays * TYPICAL_COMPONENTS
                seconds += 0.02 + rows * channels * (1.3e-7 + 1.7e-10 * channels)
        states = sizes.window_states(taskset)
        fractions = len(self.config.trajectories.fractions)
        settings_tried = len(settings.n_delays) * len(settings.ranks)
        return Cost(
            seconds=START_SECONDS + networks * seconds + files * in_block * states * fractions / 60,
            memory=START_MB + 1.1 * in_block * states * fractions + 4 * networks * states,
            disk=ROW_BYTES * networks * settings_tried / 1e6 + 3 * SIDECAR_MB,
        )

    # --- what other stages read -----------------------------------------------------------------

    def of(self, measure: str, taskset: str) -> dict[str, list[str]]:
        """Return the chosen parameters as an input of a comparison; none where all are numbers."""
        if not self._is_chosen(measure):
            return {}
        return {"choice": [self.path("choice", measure=measure, taskset=taskset)]}

    def tables(self, name: str, taskset: str) -> list[str]:
        """Return the tables of one kind of a task set, of all its measures."""
        return [self.path(name, **job) for job in self.jobs() if job["taskset"] == taskset]
