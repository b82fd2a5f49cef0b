"""Sizes that no machine holds: networks, checkpoints, trials, names of files."""

from __future__ import annotations

import math
from collections.abc import Iterator

from warpline.core.count_limits import MOST_SETTINGS
from warpline.pipeline.config.checks.shared_lookups import extremes
from warpline.pipeline.config.schema import Config

__all__ = ["size_faults"]

MAX_NETWORKS = 100_000
"""Networks of a configuration, seeds included; config/paper.yaml has 17,780."""
MAX_CHECKPOINTS = 10_000
"""Checkpoints that a run may keep."""
MAX_STEPS = 1_000_000_000
"""Time steps of all trials of a task together, whose file then has 8 GB."""
MAX_ATTRACTOR_STEPS = 100_000_000
"""Time steps of all trials of one attractor together."""
MAX_NAME = 150
"""Characters of what Warpline joins into the name of a file; a name may have 255 with its suffixes."""


def size_faults(config: Config) -> Iterator[str]:
    """Refuse sizes that no machine holds, before anything is made as large."""
    seeds = len(config.run.seeds)
    networks = len(config.run.warping) + sum(
        math.prod(map(len, (block.tasksets, block.architectures, block.curricula)))
        for block in config.run.grid
    )
    if networks * seeds > MAX_NETWORKS:
        yield (
            f"run: expected at most {MAX_NETWORKS:,} networks, got {networks:,} in {seeds:,} seeds: use "
            "fewer seeds, shorter lists in run.grid or in the architectures, or several configurations"
        )
    for stage in ("pretraining", "training"):
        settings = getattr(config, stage)
        schedule = settings.checkpoints
        linear = settings.max_steps // schedule.every if schedule.every else 0
        checkpoints = schedule.log + linear + len(schedule.steps)
        if checkpoints > MAX_CHECKPOINTS:
            yield (
                f"{stage}.checkpoints: expected a schedule of at most {MAX_CHECKPOINTS:,} checkpoints, got "
                f"{checkpoints:,} up to {stage}.max_steps = {settings.max_steps:,}: raise `every`"
            )
    for name, taskset in config.tasksets.items():
        steps = sum(extremes(duration)[1] for duration in taskset.timing.values()) / taskset.dt
        # There is at least one cell of the factorial design to repeat.
        for split in ("train", "validation", "evaluation_repeats"):
            trials = getattr(taskset.trials, split)
            if trials * steps > MAX_STEPS:
                yield (
                    f"tasksets.{name}.trials.{split}: expected at most {MAX_STEPS:,} time steps in all, got "
                    f"{trials:,} trials of up to {steps:,.0f} steps (timing and dt of the task set)"
                )
    attractors = config.attractors
    if (steps := attractors.n_trials * attractors.n_steps) > MAX_ATTRACTOR_STEPS:
        yield (
            f"attractors: expected n_trials x n_steps of at most {MAX_ATTRACTOR_STEPS:,}, of which a system "
            f"fills 2.4 GB, got {steps:,}"
        )
    sweeps = (
        ("dsa_choice", config.dsa_choice),
        ("attractors.hyperparameters", attractors.hyperparameters),
    )
    for place, sweep in sweeps:
        n_settings = math.prod(map(len, (sweep.n_delays, sweep.delay_intervals, sweep.ranks)))
        if n_settings > MOST_SETTINGS.most:
            yield (
                f"{place}: expected combinations of n_delays, delay_intervals and ranks, "
                f"{MOST_SETTINGS.expected}; got {n_settings:,}"
            )
    # Names of files list what they hold.
    joined = [("jobs.seeds_per_job", config.jobs.seeds_per_job, "+")]
    joined += [("jobs.seeds_per_training_job", config.jobs.seeds_per_training_job, "_")]
    for place, size, by in joined:
        texts = [str(seed) for seed in config.run.seeds]
        blocks = (by.join(texts[i : i + size]) for i in range(0, len(texts), size))
        longest = max(map(len, blocks), default=0)
        if longest > MAX_NAME:
            yield (
                f"{place}: expected blocks whose seeds have at most {MAX_NAME} characters in the name of a "
                f"file (1+2+...), got {longest}: use smaller blocks"
            )
    for name, curriculum in config.curricula.items():
        if len(pretraining := "+".join(curriculum.pretrain)) > MAX_NAME:
            yield (
                f"curricula.{name}.pretrain: expected names of tasks with at most {MAX_NAME} characters in "
                f"all, because a folder is named after them, got {len(pretraining)}"
            )
