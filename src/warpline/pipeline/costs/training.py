"""What training a network costs."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.pipeline.costs.sizes import (
    HELD,
    OTHER,
    SIDECAR_MB,
    START_MB,
    START_SECONDS,
    TYPICAL_UPDATES,
    Cost,
    Names,
    Sizes,
)
from warpline.training.checkpoint_schedule import checkpoint_steps

__all__ = ["pretrain", "pretrainings", "train", "trainings"]


def _updates(sizes: Sizes, stage: str, free: str, pretrained: bool) -> int:
    most = getattr(sizes.config, stage).max_steps
    if stage == "training" and free == "input" and not pretrained:
        return int(most)
    return int(min(most, TYPICAL_UPDATES["pretraining" if stage == "pretraining" else free]))


def _network(sizes: Sizes, names: Names, stage: str, tasks: list[str], updates: int) -> Cost:
    """Return what training some seeds of a network on some interleaved tasks costs."""
    settings = getattr(sizes.config, stage)
    taskset, architecture = names["taskset"], names["architecture"]
    entry, trials = sizes.config.architectures[architecture], sizes.config.tasksets[taskset].trials
    mean = sum(sizes.steps(taskset, task) for task in tasks) / len(tasks)
    longest = max(sizes.steps(taskset, task, longest=True) for task in tasks)
    update = mean * sizes.step_seconds(architecture, entry.batch_size)
    # Forward alone, on all validation trials of all tasks.
    evaluation = len(tasks) * longest * sizes.step_seconds(architecture, trials.validation) / 3
    checkpoints = settings.checkpoints.model_dump()
    n_seeds = int(names.get("n_seeds", 1))

    def kept(until: int) -> int:
        known = checkpoint_steps(checkpoints, settings.max_steps) if settings.max_steps else [0]
        # The last update leaves one, too.
        return sum(step <= until for step in known) + (until > 0)

    def seconds(until: int) -> float:
        evaluations = kept(until) + until / settings.evaluate_every
        return START_SECONDS + n_seeds * (until * update + evaluations * evaluation)

    weights = sizes.weights(architecture)
    arrays = (
        trials.train
        * longest
        * len(tasks)
        * (4 * (3 + len(sizes.config.tasksets[taskset].tasks)) + 14)
    )
    update_bytes, evaluation_bytes = HELD.get(entry.model, HELD[OTHER])
    states = longest * sizes.hidden(architecture)
    # On a GPU the seeds are trained as one.
    as_one = n_seeds if sizes.config.jobs.gpu else 1
    held = max(
        as_one * update_bytes * entry.batch_size * states,
        evaluation_bytes * trials.validation * states,
    )
    until = settings.max_steps if updates else 0
    return Cost(
        seconds=seconds(updates),
        longest=seconds(until),
        memory=START_MB + (2 * arrays + held + n_seeds * 12 * kept(until) * weights) / 1e6,
        disk=n_seeds * ((4 * weights + 110 * len(tasks)) * kept(updates) / 1e6 + 2 * SIDECAR_MB),
    )


def pretrain(sizes: Sizes, names: Names) -> Cost:
    """Return the cost of a pretraining."""
    updates = _updates(sizes, "pretraining", "all", False)
    return _network(sizes, names, "pretraining", names["pretraining"].split("+"), updates)


def train(sizes: Sizes, names: Names) -> Cost:
    """Return the cost of a curriculum's training."""
    plan, entry = sizes.plan, sizes.config.curricula[names["curriculum"]]
    pretrained = plan.pretraining(names["taskset"], names["curriculum"]) is not None
    updates = _updates(sizes, "training", entry.free, pretrained) if entry.train else 0
    tasks = plan.training_tasks(names["taskset"], names["curriculum"])
    return _network(sizes, names, "training", tasks, updates)


def trainings(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield the trainings, a job per block of seeds."""
    for subject in sizes.plan.subjects:
        for block in sizes.plan.training_blocks:
            yield {**vars(subject), "n_seeds": str(len(block))}


def pretrainings(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield the pretrainings, a job per block of seeds."""
    plan = sizes.plan
    wanted = {
        (
            subject.taskset,
            subject.architecture,
            plan.pretraining(subject.taskset, subject.curriculum),
        )
        for subject in plan.subjects
    }
    for taskset, architecture, pretraining in sorted(w for w in wanted if w[2] is not None):
        for block in plan.training_blocks:
            yield {
                "taskset": taskset,
                "architecture": architecture,
                "pretraining": str(pretraining),
                "n_seeds": str(len(block)),
            }
