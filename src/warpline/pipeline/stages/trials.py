"""Trials of each task and split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages.base import Cost, Settings, Stage, Wildcards
from warpline.pipeline.stages.sizes import SIDECAR_MB, START_MB, START_SECONDS

__all__ = ["GenerateEvaluationTrials", "GenerateTrials", "TrialsStage", "taskset_settings"]

LONGEST_TRIALS = 1.5
"""Longest trials that a row of consecutive trials lasts."""


def taskset_settings(plan: Plan, taskset: str, task: str) -> Settings:
    """Return what the environment of one task is built from."""
    entry = plan.config.tasksets[taskset]
    return {
        "name": taskset,
        "rules": list(entry.tasks),
        "variation": entry.tasks[task].model_dump(),
        **entry.model_dump(include={"env", "dt", "timing", "input_noise", "parameters"}),
    }


class TrialsStage(Stage):
    """Trials of one task, a file for each split, from their own random streams (netCDF).

    The outputs of a subclass are its splits. Splits that are read together are made by one job, because the
    start of a job takes longer than most trials.
    """

    heading = "trials"
    folders = ("trials",)
    script = "generate_trials.py"

    def split_settings(self, taskset: str, task: str, split: str) -> Settings:
        """Return task, split, number of trials and the task set: what a file of trials depends on."""
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

    def parameters(self, wildcards: Wildcards) -> Settings:
        """Return the settings of each split, in the order of the outputs."""
        taskset, task = wildcards["taskset"], wildcards["task"]
        return {"splits": [self.split_settings(taskset, task, split) for split in self.outputs]}

    def plugins(self, wildcards: Wildcards) -> list[tuple[str, str]]:
        """Return the task set's environment."""
        return [("tasks", self.config.tasksets[wildcards["taskset"]].env)]

    def tasks(self, taskset: str) -> list[str]:
        """Return the tasks of which there are trials, in the task set's order."""
        raise NotImplementedError

    def jobs(self) -> Iterator[dict[str, str]]:
        """Yield every task whose trials are read by some job."""
        for taskset in self.plan.tasksets:
            yield from ({"taskset": taskset, "task": task} for task in self.tasks(taskset))

    def files(self, name: str | None = None) -> list[str]:
        """Return the trials of every job; of all splits, if none is named."""
        splits = list(self.outputs) if name is None else [name]
        return [self.path(split, **job) for job in self.jobs() for split in splits]

    def cost(self, wildcards: Wildcards) -> Cost:
        """Grow with trials and steps."""
        taskset = wildcards["taskset"]
        entry = self.config.tasksets[taskset]
        steps = self.sizes.steps(taskset, wildcards["task"])
        seconds, memory, disk = START_SECONDS, 0.0, 0.0
        for split in self.outputs:
            evaluation = split == "evaluation"
            trials = (
                self.sizes.evaluation_trials(taskset)
                if evaluation
                else getattr(entry.trials, split)
            )
            # Evaluation trials with input noise are generated a second time, without it.
            twice = evaluation and entry.input_noise > 0
            seconds += (2 if twice else 1) * trials * (3e-4 + 2e-6 * steps)
            memory = max(memory, trials * steps * (180 if twice else 150) / 1e6)
            disk += trials * steps * (9.4 if twice else 8.5) / 1e6 + SIDECAR_MB
        return Cost(seconds, START_MB + memory, disk)


class GenerateEvaluationTrials(TrialsStage):
    """Trials on which all networks of a task set are compared."""

    rule = "generate_evaluation_trials"
    outputs = {"evaluation": "trials/{taskset}/{task}/evaluation.nc"}

    def tasks(self, taskset: str) -> list[str]:
        """Return the tasks on which networks are evaluated, in the task set's order."""
        evaluated = set(self.plan.evaluation_tasks(taskset))
        return [task for task in self.config.tasksets[taskset].tasks if task in evaluated]


class GenerateTrials(TrialsStage):
    """Trials that networks learn and are validated on, which training reads together.

    Parameters
    ----------
    plan : Plan
    evaluated : GenerateEvaluationTrials
    """

    rule = "generate_trials"
    outputs = {
        split: f"trials/{{taskset}}/{{task}}/{split}.nc" for split in ("train", "validation")
    }

    def __init__(self, plan: Plan, evaluated: GenerateEvaluationTrials) -> None:
        super().__init__(plan)
        self.evaluated = evaluated

    def tasks(self, taskset: str) -> list[str]:
        """Return the tasks that are learned, or on which given networks are validated."""
        plan = self.plan
        learned: set[str] = set()
        for network in (*plan.given_networks, *plan.trained_networks):
            if network.taskset == taskset:
                learned.update(plan.training_tasks(taskset, network.curriculum))
        for network in plan.trained_networks:
            if network.taskset == taskset:
                pretrain = self.config.curricula[network.curriculum].pretrain
                learned.update(plan.tasks(taskset, pretrain))
        return [task for task in self.config.tasksets[taskset].tasks if task in learned]

    # --- what other stages read -----------------------------------------------------------------

    def of_tasks(self, taskset: str, tasks: Iterable[str], split: str) -> list[str]:
        """Return the trials of some tasks of a task set."""
        stage = self if split in self.outputs else self.evaluated
        return [stage.path(split, taskset=taskset, task=task) for task in tasks]

    def evaluation(self, taskset: str) -> list[str]:
        """Return the trials that networks are evaluated on, the target's first."""
        return self.of_tasks(taskset, self.plan.evaluation_tasks(taskset), "evaluation")

    def one_per_task(self, taskset: str) -> list[str]:
        """Return one file of trials per task that is trained or evaluated on, for a figure."""
        learned, evaluated = self.tasks(taskset), self.evaluated.tasks(taskset)
        return [
            file
            for task in self.config.tasksets[taskset].tasks
            if task in learned or task in evaluated
            for file in self.of_tasks(
                taskset, [task], "validation" if task in learned else "evaluation"
            )
        ]
