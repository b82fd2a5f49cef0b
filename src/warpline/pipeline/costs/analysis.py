"""What trials, trajectories, comparisons and tables cost."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from warpline.pipeline.config.base import DSA
from warpline.pipeline.costs.sizes import (
    SIDECAR_MB,
    START_MB,
    START_SECONDS,
    TYPICAL_COMPONENTS,
    Cost,
    Names,
    Sizes,
    fields_of,
)
from warpline.pipeline.paths import split_seeds

__all__ = [
    "all_trials",
    "architecture_jobs",
    "architectures",
    "figures",
    "generate",
    "learning",
    "learning_jobs",
    "statistics",
    "statistics_jobs",
    "trajectories",
    "trajectory_jobs",
]


def generate(sizes: Sizes, names: Names) -> Cost:
    """Return the cost of generating the trials of a task and split."""
    taskset, split = names["taskset"], names["split"]
    counts = sizes.config.tasksets[taskset].trials
    many = sizes.evaluation_trials(taskset) if split == "evaluation" else getattr(counts, split)
    steps = sizes.steps(taskset, names["task"])
    return Cost(
        seconds=START_SECONDS + many * (3e-4 + 2e-6 * steps),
        memory=START_MB + many * steps * 150 / 1e6,
        disk=many * steps * 8.5 / 1e6 + SIDECAR_MB,
    )


def _systems(sizes: Sizes, taskset: str) -> float:
    """Return the MB of one network's kept states at one checkpoint, single precision."""
    values = sizes.evaluation_trials(taskset) * sizes.window(taskset) * TYPICAL_COMPONENTS
    return values * 4 / 1e6


def trajectories(sizes: Sizes, names: Names) -> Cost:
    """Return the cost of running some seeds of a network on the evaluation trials."""
    taskset, architecture = names["taskset"], names["architecture"]
    settings, target = sizes.config.trajectories, sizes.config.tasksets[taskset].target
    n_seeds, n_fractions = len(split_seeds(names["seeds"])), len(settings.fractions)
    trials = sizes.evaluation_trials(taskset)
    steps = sizes.steps(taskset, target, longest=True)
    forward = steps * sizes.step_seconds(architecture, trials) / 3
    units = sizes.hidden(architecture)
    components = trials * sizes.window(taskset) * units**2 * 4e-10
    runs = n_fractions + len(settings.tasks)
    size = _systems(sizes, taskset) * n_fractions * n_seeds
    states = trials * steps * units * 4 / 1e6
    kept = sizes.config.jobs.keep_trajectories
    return Cost(
        seconds=START_SECONDS + n_seeds * runs * (forward + components),
        memory=START_MB + 3 * size + 8 * states,
        disk=(0.9 * size + 0.05 * n_seeds * units / 64) * kept + SIDECAR_MB,
    )


def trajectory_jobs(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield the trajectories that comparisons and figures read."""
    files, plan = sizes.files, sizes.plan
    last = "+".join(str(seed) for seed in plan.blocks[-1])
    wanted: list[str] = []
    for taskset in plan.tasksets:
        for architecture in plan.architectures(taskset, "learning"):
            wanted += files.trajectories_shown(taskset, architecture)
            if plan.measures(taskset):
                wanted += files.trajectories_up_to(taskset, architecture, last)
        if files.architecture_tables(taskset):
            for block in plan.blocks:
                seeds = "+".join(str(seed) for seed in block)
                wanted += files.trajectories_between(taskset, seeds)
    return fields_of(plan.layout.trajectories, wanted)


def _pair_seconds(sizes: Sizes, measure: str, taskset: str) -> tuple[float, float, float]:
    """Return the seconds of a pair, expected and at most, and those of representing one checkpoint."""
    entry = sizes.config.measures[measure]
    rows = sizes.evaluation_trials(taskset) * sizes.window(taskset)
    if isinstance(entry, DSA):
        channels = entry.n_delays * TYPICAL_COMPONENTS
        pair = 0.034 * (entry.rank / 20) ** 2.1 * entry.max_starts / 16
        # States without structure keep every start busy: twenty times as long was seen.
        return pair, 5 * pair, rows * channels * (1.3e-7 + 1.7e-10 * channels)
    pair = 1e-3 + rows * TYPICAL_COMPONENTS**2 * 1e-9
    return pair, pair, rows * TYPICAL_COMPONENTS * 1e-8


def learning(sizes: Sizes, names: Names) -> Cost:
    """Return the cost of comparing the networks of an architecture by one measure."""
    plan, settings = sizes.plan, sizes.config.comparison
    taskset = names["taskset"]
    block = split_seeds(names["seeds"])
    n = len(plan.curricula(taskset, names["architecture"], "learning"))
    own, earlier = len(block), plan.seeds.index(block[0])
    crossings = own * earlier + own * (own - 1) // 2
    fractions = len(settings.over.fractions)
    references = len(settings.over.references)
    within = len(settings.within.fractions)
    pairs = own * n * (n + 1) // 2 + crossings * n * n  # after learning
    pairs += fractions * (own * n + own * references * (n - 1) + crossings * references)
    pairs += own * n * within * (within + 1) // 2 + 2 * own * n
    systems = own * n * (fractions + 3) + earlier * (n + references * fractions)
    read = _systems(sizes, taskset) * len(sizes.config.trajectories.fractions) * (own + earlier) * n
    pair, slow_pair, represent = _pair_seconds(sizes, names["measure"], taskset)
    fixed = START_SECONDS + systems * represent + read / 60
    return Cost(
        seconds=fixed + pairs * pair,
        longest=fixed + pairs * slow_pair,
        memory=START_MB + 1.1 * read + systems * 2.2 * _systems(sizes, taskset),
        disk=230 * pairs / 1e6 + 4 * SIDECAR_MB,
    )


def architectures(sizes: Sizes, names: Names) -> Cost:
    """Return the cost of comparing architectures by one measure."""
    plan, taskset = sizes.plan, names["taskset"]
    own = len(split_seeds(names["seeds"]))
    found = [
        plan.curricula(taskset, a, "architectures")
        for a in plan.architectures(taskset, "architectures")
    ]
    curricula = dict.fromkeys(chain.from_iterable(found))
    many = [sum(name in those for those in found) for name in curricula]
    pairs, systems = own * sum(k * (k - 1) // 2 for k in many), own * sum(many)
    pair, slow_pair, represent = _pair_seconds(sizes, names["measure"], taskset)
    # One file at a time is read whole, the last checkpoints of it are kept.
    held = systems * 3.2 + own * len(sizes.config.trajectories.fractions)
    read = systems * _systems(sizes, taskset) * len(sizes.config.trajectories.fractions)
    fixed = START_SECONDS + systems * represent + read / 60
    return Cost(
        seconds=fixed + pairs * pair,
        longest=fixed + pairs * slow_pair,
        memory=START_MB + held * _systems(sizes, taskset),
        disk=230 * pairs / 1e6 + SIDECAR_MB,
    )


def learning_jobs(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield the comparisons within architectures."""
    paths = [path for t in sizes.plan.tasksets for path in sizes.files.learning_tables("after", t)]
    return fields_of(sizes.plan.layout.comparison("after"), paths)


def architecture_jobs(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield the comparisons between architectures."""
    paths = [path for t in sizes.plan.tasksets for path in sizes.files.architecture_tables(t)]
    return fields_of(sizes.plan.layout.architectures, paths)


def statistics(sizes: Sizes, names: Names) -> Cost:
    """Return the cost of a task set's tables."""
    tables = len(sizes.files.learning_tables("after", names["taskset"]))
    runs = len(sizes.files.histories(names["taskset"]))
    rows = tables * learning(sizes, next(learning_jobs(sizes))).disk if tables else 0.0
    return Cost(
        seconds=START_SECONDS + 0.05 * runs + 0.5 * rows,
        memory=START_MB + 5 * rows,
        disk=runs * 4e-4 + 0.05 + 4 * SIDECAR_MB,
    )


def all_trials(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield all trials."""
    return fields_of(sizes.plan.layout.trials, sizes.files.all_trials())


def statistics_jobs(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield the task sets."""
    yield from ({"taskset": taskset} for taskset in sizes.plan.charted)


def figures(sizes: Sizes) -> Iterator[dict[str, str]]:
    """Yield all figures but those of the bench."""
    yield from ({"figure": path} for path in sizes.files.all_figures() if path.endswith(".svg"))
