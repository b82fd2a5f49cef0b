"""Hidden states of the chosen checkpoints on the evaluation trials."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from warpline.pipeline.expansion import Plan
from warpline.pipeline.paths import join_seeds, split_seeds
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS
from warpline.pipeline.stages.training import Train, network_settings
from warpline.pipeline.stages.trials import GenerateTrials

__all__ = ["ComputeTrajectories"]


class ComputeTrajectories(Stage):
    """Hidden states of a network in a block of seeds: of single trials, and by condition (netCDF)."""

    rule = "compute_trajectories"
    heading = "trajectories"
    folders = ("trajectories", "condition_states", "mean_states")
    script = "compute_trajectories.py"
    outputs = {
        name: f"{name}/{{taskset}}/{{architecture}}/{{curriculum}}/seed~{{seeds}}.nc"
        for name in ("trajectories", "condition_states")
    }

    def __init__(self, plan: Plan, trials: GenerateTrials, training: Train) -> None:
        super().__init__(plan)
        self.trials = trials
        self.training = training
        self.temporary: tuple[str, ...] = ()
        """Outputs that are deleted once no job needs them."""
        if not self.config.jobs.keep_trajectories:
            self.temporary = ("trajectories",)
            # A figure that is drawn again must not need the states: all that was made of them would be, too.
            means = self.outputs["trajectories"].replace("trajectories", "mean_states", 1)
            self.outputs = {**self.outputs, "mean_states": means}  # type: ignore[misc]

    def inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """Return the evaluation trials, the target's first, and the networks."""
        seeds = split_seeds(wildcards["seeds"])
        return {
            "trials": self.trials.evaluation(wildcards["taskset"]),
            "checkpoints": self.training.of_seeds(seeds, wildcards),
        }

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the network's name and architecture, which checkpoints, and the window."""
        taskset, architecture = wildcards["taskset"], wildcards["architecture"]
        settings = self.config.trajectories
        return {
            "taskset": taskset,
            "architecture": self._architecture(architecture),
            "curriculum": wildcards["curriculum"],
            "fractions": settings.fractions,
            "variance": settings.variance,
            "memory_mb": settings.memory_mb,
            "period": self.config.tasksets[taskset].window,
            "protocol": self._protocol(),
            "drives": self.drive_settings(
                *(wildcards[key] for key in ("taskset", "architecture", "curriculum"))
            ),
        }

    def _architecture(self, name: str) -> Settings:
        """Return what makes the network, and of Mamba which inputs its recorded states have."""
        settings = {"name": name, **network_settings(self.plan, name)}
        if self.config.architectures[name].model == "mamba":
            settings["state"] = self.config.protocol.mamba.state
        return settings

    def _protocol(self) -> Settings:
        """Return the protocol of the evaluation, with the root seed where networks draw trials."""
        evaluation = self.config.protocol.evaluation
        root = {} if evaluation.paired else {"seed": self.config.seed}
        return {**evaluation.model_dump(), **root}

    def drives(self, taskset: str, architecture: str, curriculum: str) -> list[str]:
        """Return the other drives under which a network runs, for the controls of its comparisons."""
        compared = curriculum in self.plan.curricula(taskset, architecture, "learning")
        noisy = self.config.tasksets[taskset].input_noise > 0
        if not (compared and noisy and self.plan.measures(taskset)):
            return []
        return list(self.config.comparison.controls.drives)

    def drive_settings(self, taskset: str, architecture: str, curriculum: str) -> Settings:
        """Return the other drives of a network, and the noise of which they are made."""
        names = self.drives(taskset, architecture, curriculum)
        if not names:
            return {"names": []}
        settings = {"names": names, "seed": self.config.seed}
        if "autocorrelated_noise" in names:
            settings["time_constant"] = self.config.comparison.controls.time_constant
        return settings

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return the model."""
        return [("models", self.config.architectures[wildcards["architecture"]].model)]

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield what comparisons and figures read, each once."""
        plan = self.plan
        wanted: dict[tuple[tuple[str, str], ...], None] = {}

        def want(
            taskset: str, architecture: str, comparison: str, blocks: Sequence[tuple[int, ...]]
        ) -> None:
            for names in self._jobs_of(taskset, architecture, comparison, blocks):
                wanted[tuple(names.items())] = None

        for taskset in plan.tasksets:
            for architecture in plan.architectures(taskset, "learning"):
                # Without a measure only the figure of trajectories reads them, and only the first block.
                blocks = plan.blocks if plan.measures(taskset) else plan.blocks[:1]
                want(taskset, architecture, "learning", blocks)
            if plan.compares_architectures(taskset) and plan.measures(taskset):
                for block in plan.blocks:
                    for architecture in plan.architectures(taskset, "architectures"):
                        want(taskset, architecture, "architectures", [block])
        yield from map(dict, wanted)

    def _jobs_of(
        self, taskset: str, architecture: str, comparison: str, blocks: Sequence[tuple[int, ...]]
    ) -> Iterator[dict[str, str]]:
        for block in blocks:
            for curriculum in self.plan.curricula(taskset, architecture, comparison):
                yield {
                    "taskset": taskset,
                    "architecture": architecture,
                    "curriculum": curriculum,
                    "seeds": join_seeds(block),
                }

    def cost(self, wildcards: Wildcards) -> Cost:
        """Of running each kept checkpoint, and the last under other drives; of principal components."""
        sizes, settings = self.sizes, self.config.trajectories
        taskset, architecture = wildcards["taskset"], wildcards["architecture"]
        target = self.config.tasksets[taskset].target
        n_seeds, n_fractions = len(split_seeds(wildcards["seeds"])), len(settings.fractions)
        trials = sizes.evaluation_trials(taskset)
        steps = sizes.steps(taskset, target, longest=True)
        forward = steps * sizes.step_seconds(architecture, trials) / 3
        units = sizes.hidden(architecture)
        components = trials * sizes.window(taskset) * units**2 * 4e-10
        n_drives = len(self.drives(taskset, architecture, wildcards["curriculum"]))
        runs = n_fractions + n_drives + len(settings.tasks)
        size = sizes.window_states(taskset) * (n_fractions + n_drives) * n_seeds
        states = trials * steps * units * 4 / 1e6
        written = 0.9 * size + 0.05 * n_seeds * units / 64
        # By condition: on three axes of every seed, and in all units of the first, over the whole trial.
        conditions = trials / self.config.tasksets[taskset].trials.evaluation_repeats
        on_axes = conditions * sizes.window(taskset) * 3 * n_fractions * n_seeds
        in_units = conditions * steps * units * len(settings.tasks)
        kept = 4 * (0.7 * on_axes + 0.6 * in_units) / 1e6 + 0.05 + 3 * SIDECAR_MB
        return Cost(
            seconds=START_SECONDS + n_seeds * runs * (forward + components),
            memory=START_MB + 3 * size + 8 * states,
            disk=kept if self.temporary else written + SIDECAR_MB,
            passing=written if self.temporary else 0.0,
        )

    def means_option(self, wildcards: Wildcards, output: Any) -> str:
        """Return the option with the file of states that a figure shows, empty where all states are kept."""
        means = output.get("mean_states")
        return f"--mean-states {shlex.quote(means)}" if means else ""

    # --- what other stages read -----------------------------------------------------------------

    def shown(self, taskset: str, architecture: str) -> list[str]:
        """Return the files with the states that figures show, of the first block of seeds."""
        name = "mean_states" if self.temporary else "trajectories"
        jobs = self._jobs_of(taskset, architecture, "learning", self.plan.blocks[:1])
        return [self.path(name, **names) for names in jobs]

    def of(
        self, taskset: str, architecture: str, comparison: str, blocks: Sequence[tuple[int, ...]]
    ) -> list[str]:
        """Return the trajectories of an architecture's curricula that a comparison asks for."""
        return [
            self.path(**names) for names in self._jobs_of(taskset, architecture, comparison, blocks)
        ]

    def of_first_block(self, taskset: str, architecture: str, curriculum: str) -> str:
        """Return the trajectories of a network in the first block of seeds."""
        return self.path(
            taskset=taskset,
            architecture=architecture,
            curriculum=curriculum,
            seeds=join_seeds(self.plan.blocks[0]),
        )
