"""Trials of each task and split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS

__all__ = ["GenerateTrials", "taskset_settings"]

LONGEST_TRIALS = 1.5
"""Longest trials that a row of consecutive trials lasts: 400 steps of trials of up to 270."""


def taskset_settings(plan: Plan, taskset: str, task: str) -> Settings:
    """Return what the environment of one task is built from."""
    entry = plan.config.tasksets[taskset]
    return {
        "name": taskset,
        "rules": list(entry.tasks),
        "variation": entry.tasks[task].model_dump(),
        **entry.model_dump(include={"env", "dt", "timing", "input_noise", "parameters"}),
    }


class GenerateTrials(Stage):
    """Trials of one task and split, from their own random streams (netCDF)."""

    rule = "generate_trials"
    heading = "trials"
    folders = ("trials",)
    script = "generate_trials.py"
    outputs = {"trials": "trials/{taskset}/{task}/{split}.nc"}

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return task, split, number of trials and the task set."""
        taskset, task, split = (wildcards[name] for name in ("taskset", "task", "split"))
        counts = self.config.tasksets[taskset].trials
        protocol = self.config.protocol
        settings = taskset_settings(self.plan, taskset, task)
        unique, row_steps = protocol.trials.unique, 0
        if split == "evaluation":
            durations = protocol.timing.evaluation.items()
            known = {period: value for period, value in durations if period in settings["timing"]}
            settings["timing"] = settings["timing"] | known
            unique = True
        elif protocol.trials.packed:
            row_steps = round(LONGEST_TRIALS * self.sizes.steps(taskset, task, longest=True))
        return {
            "seed": self.config.seed if protocol.seeding == "streams" else None,
            "task": task,
            "split": split,
            "count": counts.evaluation_repeats if split == "evaluation" else getattr(counts, split),
            "taskset": settings,
            "protocol": {"unique": unique, "row_steps": row_steps},
        }

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return the task set's environment."""
        return [("tasks", self.config.tasksets[wildcards["taskset"]].env)]

    def _splits(self, taskset: str) -> dict[str, set[str]]:
        """Return the splits that are needed of each task, in the task set's order."""
        plan = self.plan
        splits: dict[str, set[str]] = {task: set() for task in self.config.tasksets[taskset].tasks}
        for network in plan.given_networks:
            if network.taskset == taskset:
                for task in plan.training_tasks(taskset, network.curriculum):
                    splits[task].add("validation")
        for network in plan.trained_networks:
            if network.taskset == taskset:
                pretrain = self.config.curricula[network.curriculum].pretrain
                pretrained = plan.tasks(taskset, pretrain)
                for task in (*plan.training_tasks(taskset, network.curriculum), *pretrained):
                    splits[task] |= {"train", "validation"}
        for task in plan.evaluation_tasks(taskset):
            splits[task].add("evaluation")
        return {task: needed for task, needed in splits.items() if needed}

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield every task and split that is read by some job."""
        for taskset in self.plan.tasksets:
            for task, splits in self._splits(taskset).items():
                for split in sorted(splits):
                    yield {"taskset": taskset, "task": task, "split": split}

    def cost(self, wildcards: Wildcards) -> Cost:
        """Grow with trials and steps."""
        taskset, split = wildcards["taskset"], wildcards["split"]
        counts = self.config.tasksets[taskset].trials
        evaluation = self.sizes.evaluation_trials(taskset)
        trials = evaluation if split == "evaluation" else getattr(counts, split)
        # Evaluation trials with input noise are generated a second time, without it.
        twice = split == "evaluation" and self.config.tasksets[taskset].input_noise > 0
        times = 2 if twice else 1
        steps = self.sizes.steps(taskset, wildcards["task"])
        return Cost(
            seconds=START_SECONDS + times * trials * (3e-4 + 2e-6 * steps),
            memory=START_MB + trials * steps * (180 if twice else 150) / 1e6,
            disk=trials * steps * (9.4 if twice else 8.5) / 1e6 + SIDECAR_MB,
        )

    # --- what other stages read -----------------------------------------------------------------

    def of_tasks(self, taskset: str, tasks: Iterable[str], split: str) -> list[str]:
        """Return the trials of some tasks of a task set."""
        return [self.path(taskset=taskset, task=task, split=split) for task in tasks]

    def evaluation(self, taskset: str) -> list[str]:
        """Return the trials that networks are evaluated on, the target's first."""
        return self.of_tasks(taskset, self.plan.evaluation_tasks(taskset), "evaluation")

    def one_per_task(self, taskset: str) -> list[str]:
        """Return one file of trials per task that is trained or evaluated on, for a figure."""
        return [
            self.path(
                taskset=taskset,
                task=task,
                split="validation" if "validation" in splits else "evaluation",
            )
            for task, splits in self._splits(taskset).items()
        ]
