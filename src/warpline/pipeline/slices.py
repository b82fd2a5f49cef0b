"""What each job is told of the configuration: the keys that it uses, and no others.

A slice is part of the job's parameters. A key that is not in it can change without the job being run
again, and a list of all seeds or curricula is never in one, so that adding to it makes nothing old anew.
"""

from __future__ import annotations

from typing import Any

from warpline.pipeline.config.schema import Measure
from warpline.pipeline.plan import Plan, Subject

__all__ = [
    "architectures_slice",
    "comparison_slice",
    "figure_slice",
    "measure_slice",
    "network_slice",
    "pretraining_slice",
    "statistics_slice",
    "taskset_slice",
    "training_slice",
    "trajectories_slice",
    "trials_slice",
]

Slice = dict[str, Any]


def trials_slice(plan: Plan, taskset: str, task: str, split: str) -> Slice:
    """Return what `scripts/generate_trials.py` needs."""
    entry = plan.config.tasksets[taskset]
    counts = entry.trials
    count = counts.evaluation_repeats if split == "evaluation" else getattr(counts, split)
    return {
        "seed": plan.config.seed,
        "task": task,
        "split": split,
        "count": count,
        "taskset": taskset_slice(plan, taskset, task),
    }


def taskset_slice(plan: Plan, taskset: str, task: str) -> Slice:
    """Return what the environment of one task is built from."""
    entry = plan.config.tasksets[taskset]
    return {
        "name": taskset,
        "rules": list(entry.tasks),
        "variation": entry.tasks[task].model_dump(),
        **entry.model_dump(include={"env", "dt", "timing", "input_noise", "parameters"}),
    }


def network_slice(plan: Plan, architecture: str, *left_out: str) -> Slice:
    """Return what of an architecture makes the network; its learning rate belongs to the loop."""
    entry = plan.config.architectures[architecture]
    return entry.model_dump(exclude={"learning_rate", *left_out})


def _loop(plan: Plan, stage: str, architecture: str, free: str) -> Slice:
    settings = getattr(plan.config, stage).model_dump()
    rate = plan.config.architectures[architecture].learning_rate
    return {**settings, "learning_rate": rate, "free": free}


def pretraining_slice(plan: Plan, taskset: str, architecture: str, tasks: str) -> Slice:
    """Return what `scripts/train_network.py` needs for a pretraining, such as ``Anti+Basic``."""
    return {
        "seed": plan.config.seed,
        # The script adds the seed: the settings do not depend on how seeds are cut into jobs.
        "run": [taskset, architecture, f"pretraining {tasks}"],
        "architecture": network_slice(plan, architecture, "layer"),
        "training": _loop(plan, "pretraining", architecture, "all"),
    }


def training_slice(plan: Plan, subject: Subject) -> Slice:
    """Return what `scripts/train_network.py` needs for a curriculum's training."""
    entry = plan.config.curricula[subject.curriculum]
    loop = _loop(plan, "training", subject.architecture, entry.free)
    if not entry.train:
        loop["max_steps"] = 0
    return {
        "seed": plan.config.seed,
        "run": [subject.taskset, subject.architecture, subject.curriculum],
        # Which layer is looked at changes no weight.
        "architecture": network_slice(plan, subject.architecture, "layer"),
        "training": loop,
    }


def trajectories_slice(plan: Plan, subject: Subject) -> Slice:
    """Return what `scripts/compute_trajectories.py` needs."""
    settings = plan.config.trajectories
    return {
        "taskset": subject.taskset,
        "architecture": {"name": subject.architecture, **network_slice(plan, subject.architecture)},
        "curriculum": subject.curriculum,
        "fractions": settings.fractions,
        "variance": settings.variance,
        "memory_mb": settings.memory_mb,
        "period": plan.config.tasksets[subject.taskset].window,
    }


def measure_slice(name: str, entry: Measure) -> Slice:
    """Return a measure's settings, those of a measure of one's own beside its name."""
    settings = entry.model_dump()
    return {"name": name, **settings.pop("settings", {}), **settings}


def comparison_slice(plan: Plan, measure: str) -> Slice:
    """Return what `scripts/compare_networks.py` needs."""
    return {
        "seed": plan.config.seed,
        "measure": measure_slice(measure, plan.config.measures[measure]),
        **plan.config.comparison.model_dump(),
    }


def architectures_slice(plan: Plan, measure: str) -> Slice:
    """Return what `scripts/compare_architectures.py` needs."""
    return {
        "seed": plan.config.seed,
        "measure": measure_slice(measure, plan.config.measures[measure]),
    }


def statistics_slice(plan: Plan) -> Slice:
    """Return what `scripts/compute_statistics.py` needs."""
    return {
        "references": plan.config.comparison.over.references,
        **plan.config.statistics.model_dump(),
    }


def figure_slice(plan: Plan, *keys: str) -> Slice:
    """Return what a figure script needs: the style, and further sections by name."""
    sections = {
        "statistics": plan.config.statistics.model_dump(),
        # In the order in which they are run: an entry that is not run changes no colour.
        "curricula": list(dict.fromkeys(subject.curriculum for subject in plan.subjects)),
        "measures": plan.all_measures,
        "wasserstein": [
            name
            for name, entry in plan.config.measures.items()
            if getattr(entry, "score", "angle") == "wasserstein"
        ],
        "architectures": {
            name: plan.config.architectures[name].model_dump()
            for name in dict.fromkeys(subject.architecture for subject in plan.subjects)
        },
    }
    if "measures" in keys:
        keys = (*keys, "wasserstein")
    return {"style": plan.config.figures.model_dump(), **{key: sections[key] for key in keys}}
