"""The chance level of each task against the accuracy at which its training stops."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages.trials import taskset_settings

__all__ = ["chance_faults"]

TRIALS = 200
"""Trials of a task that are drawn. The chance level has a standard error of 0.035 at most."""


def _trained(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Yield section of the training loop, task set and task of all that is learned."""
    for network in plan.trained_networks:
        curriculum = plan.config.curricula[network.curriculum]
        if not curriculum.train:
            continue
        for task in plan.training_tasks(network.taskset, network.curriculum):
            yield "training", network.taskset, task
        for task in plan.tasks(network.taskset, curriculum.pretrain):
            yield "pretraining", network.taskset, task


def chance_faults(plan: Plan) -> list[str]:
    """Return a message for each task that a network can finish without the stimulus; none if all is well.

    Training stops at ``target_fraction`` of an ideal observer's accuracy. Where that is not above the chance
    level, a network that ignores the stimulus counts as trained. Some validation trials of each task are
    drawn, and their chance level is computed (`warpline.tasks.chance`).
    """
    # Task sets load torch and neurogym, which the other commands do without.
    from warpline.tasks.scoring import ideal_share
    from warpline.tasks.trials import generate_trials

    faults = []
    levels: dict[tuple[str, str], tuple[float, float] | Exception] = {}
    for section, taskset, task in dict.fromkeys(_trained(plan)):
        if (taskset, task) not in levels:
            settings = taskset_settings(plan, taskset, task)
            try:
                trials = generate_trials(settings, task, "validation", TRIALS, plan.config.seed)
                ideal = ideal_share(trials, trials["scored"].values)
                levels[taskset, task] = ideal, trials.attrs["chance"]
            except (TypeError, ValueError) as error:
                levels[taskset, task] = error
        result = levels[taskset, task]
        if isinstance(result, Exception):
            # The task set's own refusal, such as of a tolerance.
            faults.append(f"tasksets.{taskset}, task {task}: {result}")
            continue
        ideal, chance = result
        fraction = getattr(plan.config, section).target_fraction
        # Not `<=`: trials without a right answer have no ideal accuracy (NaN).
        if not fraction * ideal > chance:
            faults.append(
                f"{section}.target_fraction: expected a criterion above the chance level {chance:.3f} of "
                f"{task} (task set {taskset}), got {fraction:g} of the ideal observer's {ideal:.3f}, which "
                f"is {fraction * ideal:.3f}: raise target_fraction, or use less input noise or a smaller "
                "tolerance"
            )
    return list(dict.fromkeys(faults))
