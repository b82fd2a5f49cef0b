"""What training a network costs."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.costs.sizes import (
    MODEL_WEIGHTS,
    OTHER_MODEL,
    SIDECAR_MB,
    START_MB,
    START_SECONDS,
    TYPICAL_UPDATES,
    Cost,
    Names,
    Sizes,
    fields_of,
)
from warpline.schedule import checkpoint_steps

__all__ = ["pretrain", "pretrainings", "train", "trainings"]


def _updates(sizes: Sizes, stage: str, free: str, pretrained: bool) -> int:
    most = getattr(sizes.config, stage).max_steps
    if stage == "training" and free == "input" and not pretrained:
        return int(most)
    return int(min(most, TYPICAL_UPDATES["pretraining" if stage == "pretraining" else free]))


def _network(sizes: Sizes, names: Names, stage: str, tasks: list[str], updates: int) -> Cost:
    """Return what training one network on some interleaved tasks sizes."""
    settings = getattr(sizes.config, stage)
    taskset, architecture = names["taskset"], names["architecture"]
    entry, trials = sizes.config.architectures[architecture], sizes.config.tasksets[taskset].trials
    mean = sum(sizes.steps(taskset, task) for task in tasks) / len(tasks)
    longest = max(sizes.steps(taskset, task, longest=True) for task in tasks)
    update = mean * sizes.step_seconds(architecture, entry.batch_size)
    # Forward alone, on all validation trials of all tasks.
    evaluation = len(tasks) * longest * sizes.step_seconds(architecture, trials.validation) / 3
    checkpoints = settings.checkpoints.model_dump()

    def kept(until: int) -> int:
        known = checkpoint_steps(checkpoints, settings.max_steps) if settings.max_steps else [0]
        return 1 + sum(step <= until for step in known)

    def seconds(until: int) -> float:
        evaluations = kept(until) + until / settings.evaluate_every
        return START_SECONDS + until * update + evaluations * evaluation

    values = sizes.weights(architecture)
    arrays = (
        trials.train
        * longest
        * len(tasks)
        * (4 * (3 + len(sizes.config.tasksets[taskset].tasks)) + 14)
    )
    graph = 12 * entry.batch_size * longest * entry.units * 4
    graph *= MODEL_WEIGHTS.get(entry.model, OTHER_MODEL)
    forward = 6 * trials.validation * longest * entry.units * 4
    until = settings.max_steps if updates else 0
    return Cost(
        seconds=seconds(updates),
        longest=seconds(until),
        memory=START_MB + (2 * arrays + graph + forward + 3 * kept(until) * values * 4) / 1e6,
        disk=(4 * values * kept(updates) + 110 * len(tasks) * kept(updates)) / 1e6 + 2 * SIDECAR_MB,
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
    """Yield all networks."""
    return fields_of(sizes.plan.layout.checkpoints("training"), sizes.files.all_networks())


def pretrainings(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield all pretrainings."""
    pattern = sizes.plan.layout.checkpoints("pretraining")
    paths = [
        path
        for subject in sizes.plan.subjects
        for seed in sizes.plan.seeds
        for path in sizes.files.initial(**vars(subject), seed=str(seed))
    ]
    return fields_of(pattern, paths)
