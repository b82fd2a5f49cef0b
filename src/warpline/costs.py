"""What a job costs: seconds, memory and disk, from its size and from rates measured per unit of work.

Rules take ``mem_mb`` and ``runtime`` from here, and ``warpline plan`` its totals. A new rule is one entry of
`RULES`: its stage, its jobs, its cost. The rates were measured on one thread of an AMD EPYC, no GPU
(``warpline plan CONFIG --check`` holds them against the benchmarks of a finished run).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from warpline.attractors.files import Bench
from warpline.config.base import DSA
from warpline.config.models import Choice, TruncatedExponential, Uniform
from warpline.files import Files
from warpline.layout import split_seeds
from warpline.plan import Plan
from warpline.schedule import checkpoint_steps

__all__ = ["RULES", "Cost", "Costs", "Rule"]

Names = Mapping[str, str]

# --- rates, measured --------------------------------------------------------------------------------

START_SECONDS = 8.0
"""Snakemake twice (in the job, and in its step), Python, torch."""
START_MB = 650.0
"""The same: two Snakemakes of 130 MB beside a job that has imported torch (380 MB)."""
MODEL_FACTOR = {"leaky_rnn": 1.0, "leaky_gru": 4.0}
"""Time of a step against the leaky RNN's; other models count as `OTHER_MODEL`."""
MODEL_WEIGHTS = {"leaky_rnn": 1.0, "leaky_gru": 3.0}
"""Square weight matrices; other models count as `OTHER_MODEL`."""
OTHER_MODEL = 4.0
TYPICAL_UPDATES = {"pretraining": 1700, "all": 600, "input": 150}
"""Updates until a run has learned, in the demo: pretraining; training of all weights; of the input
weights after a pretraining. Input weights alone, from random recurrent ones, run to ``max_steps``."""
TYPICAL_COMPONENTS = 12
"""Principal components that hold 99.9 % of the variance."""
TYPICAL_CELLS = 10
"""Cells of the factorial design of the evaluation trials."""
FIGURE = (7.0, 400.0, 0.35)
"""Seconds, MB of memory and MB of disk of a figure (SVG and PNG)."""
SIDECAR_MB = 0.003
"""Provenance beside a file, and its benchmark."""


@dataclass(frozen=True)
class Cost:
    """What one job takes.

    Attributes
    ----------
    seconds : float
        Expected, on one thread.
    longest : float
        Seconds if the run goes to its last possible update; what ``runtime`` asks for.
    memory : float
        Largest resident set, in MB.
    disk : float
        What it leaves in the results folder, in MB.
    """

    seconds: float
    memory: float
    disk: float
    longest: float = 0.0


@dataclass(frozen=True)
class Rule:
    """A rule of the workflow: the stage that it counts under, its jobs and what each costs."""

    stage: str
    jobs: Callable[[Costs], Iterator[dict[str, str]]]
    cost: Callable[[Costs, Names], Cost]
    gpu: bool = False


def _names(pattern: str, paths: list[str]) -> Iterator[dict[str, str]]:
    """Yield what the fields of a pattern are in each path, each once."""
    parts = re.split(r"\{(\w+)\}", pattern)
    fields = parts[1::2]
    parts[1::2] = [f"(?P<{field}>[^/]+)" for field in fields]
    parts[0::2] = [re.escape(text) for text in parts[0::2]]
    matcher = re.compile("".join(parts))
    for path in dict.fromkeys(paths):
        found = matcher.fullmatch(path)
        assert found is not None, f"{path} is not of {pattern}"
        yield found.groupdict()


class Costs:
    """The cost of every job of a configuration.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.config = plan.config
        self.files = Files(plan)
        self.bench = Bench(plan)
        self._known: dict[tuple[str, tuple[str, ...]], Cost] = {}

    def of(self, rule: str, names: Names) -> Cost:
        """Return what a job of a rule costs.

        Parameters
        ----------
        rule : str
            Its name; figures are all alike.
        names : mapping of str to str
            Its wildcards.
        """
        if rule.startswith("draw_"):
            return Cost(FIGURE[0] + START_SECONDS, FIGURE[1] + START_MB, FIGURE[2])
        # Seeds of one run cost the same.
        key = (rule, tuple(value for name, value in names.items() if name != "seed"))
        if key not in self._known:
            self._known[key] = RULES[rule].cost(self, names)
        return self._known[key]

    def memory_mb(self, rule: str, names: Names, attempt: int = 1) -> int:
        """Return the memory to ask for: half as much again as expected, doubled with each attempt."""
        asked = self.of(rule, names).memory * 1.5 * 2 ** (attempt - 1)
        limit = self.config.jobs.max_memory
        return min(math.ceil(asked / 100) * 100, limit or 2**31)

    def runtime(self, rule: str, names: Names, attempt: int = 1) -> int:
        """Return the minutes to ask for: three times the longest expected, doubled with each attempt."""
        cost = self.of(rule, names)
        seconds = max(cost.longest, cost.seconds) * self.config.jobs.time_factor
        asked = math.ceil(3 * seconds / 60 + 5) * 2 ** (attempt - 1)
        return min(asked, self.config.jobs.max_runtime or 2**31)

    # --- sizes --------------------------------------------------------------------------------------

    def steps(self, taskset: str, task: str, longest: bool = False) -> float:
        """Return the time steps of a trial of a task: the mean, or the longest."""
        entry = self.config.tasksets[taskset]
        total = 0.0
        for period, duration in entry.timing.items():
            if period == "delay" and not entry.tasks[task].delay:
                continue
            if isinstance(duration, Choice):
                values = duration.choice
                total += max(values) if longest else sum(values) / len(values)
            elif isinstance(duration, Uniform):
                total += duration.uniform[1] if longest else sum(duration.uniform) / 2
            elif isinstance(duration, TruncatedExponential):
                total += duration.truncated_exponential[2 if longest else 0]
            else:
                total += duration
        return total / entry.dt

    def window(self, taskset: str) -> float:
        """Return the steps of the comparison window."""
        entry = self.config.tasksets[taskset]
        duration = entry.timing[entry.window]
        return duration / entry.dt if isinstance(duration, int | float) else 0.0

    def evaluation_trials(self, taskset: str) -> float:
        """Return how many evaluation trials a task has, about."""
        entry = self.config.tasksets[taskset]
        cells = 2
        for value in entry.parameters.values():
            cells *= len(value) if isinstance(value, list) else 1
        return entry.trials.evaluation_repeats * (cells if entry.parameters else TYPICAL_CELLS)

    def weights(self, architecture: str) -> float:
        """Return how many parameters a network has, about."""
        entry = self.config.architectures[architecture]
        return MODEL_WEIGHTS.get(entry.model, OTHER_MODEL) * entry.units * (entry.units + 12)

    def step_seconds(self, architecture: str, trials: float) -> float:
        """Return the seconds of one time step of a batch, forward and backward."""
        entry = self.config.architectures[architecture]
        many, units = trials / 64, entry.units
        matrix = many * (6.1e-7 * units + 3.75e-9 * units**2)
        return 9.3e-5 + MODEL_FACTOR.get(entry.model, OTHER_MODEL) * matrix


# --- training ---------------------------------------------------------------------------------------


def _updates(costs: Costs, stage: str, free: str, pretrained: bool) -> int:
    most = getattr(costs.config, stage).max_steps
    if stage == "training" and free == "input" and not pretrained:
        return int(most)
    return int(min(most, TYPICAL_UPDATES["pretraining" if stage == "pretraining" else free]))


def _network(costs: Costs, names: Names, stage: str, tasks: list[str], updates: int) -> Cost:
    """Return what training one network on some interleaved tasks costs."""
    settings = getattr(costs.config, stage)
    taskset, architecture = names["taskset"], names["architecture"]
    entry, trials = costs.config.architectures[architecture], costs.config.tasksets[taskset].trials
    mean = sum(costs.steps(taskset, task) for task in tasks) / len(tasks)
    longest = max(costs.steps(taskset, task, longest=True) for task in tasks)
    update = mean * costs.step_seconds(architecture, entry.batch_size)
    # Forward alone, on all validation trials of all tasks.
    evaluation = len(tasks) * longest * costs.step_seconds(architecture, trials.validation) / 3
    checkpoints = settings.checkpoints.model_dump()

    def kept(until: int) -> int:
        known = checkpoint_steps(checkpoints, settings.max_steps) if settings.max_steps else [0]
        return 1 + sum(step <= until for step in known)

    def seconds(until: int) -> float:
        evaluations = kept(until) + until / settings.evaluate_every
        return START_SECONDS + until * update + evaluations * evaluation

    values = costs.weights(architecture)
    arrays = (
        trials.train
        * longest
        * len(tasks)
        * (4 * (3 + len(costs.config.tasksets[taskset].tasks)) + 14)
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


def _pretrain(costs: Costs, names: Names) -> Cost:
    updates = _updates(costs, "pretraining", "all", False)
    return _network(costs, names, "pretraining", names["pretraining"].split("+"), updates)


def _train(costs: Costs, names: Names) -> Cost:
    plan, entry = costs.plan, costs.config.curricula[names["curriculum"]]
    pretrained = plan.pretraining(names["taskset"], names["curriculum"]) is not None
    updates = _updates(costs, "training", entry.free, pretrained) if entry.train else 0
    tasks = plan.training_tasks(names["taskset"], names["curriculum"])
    return _network(costs, names, "training", tasks, updates)


def _trainings(costs: Costs) -> Iterator[dict[str, str]]:
    return _names(costs.plan.layout.checkpoints("training"), costs.files.all_networks())


def _pretrainings(costs: Costs) -> Iterator[dict[str, str]]:
    pattern = costs.plan.layout.checkpoints("pretraining")
    paths = [
        path
        for subject in costs.plan.subjects
        for seed in costs.plan.seeds
        for path in costs.files.initial(**vars(subject), seed=str(seed))
    ]
    return _names(pattern, paths)


# --- trials, trajectories, comparisons --------------------------------------------------------------


def _generate(costs: Costs, names: Names) -> Cost:
    taskset, split = names["taskset"], names["split"]
    counts = costs.config.tasksets[taskset].trials
    many = costs.evaluation_trials(taskset) if split == "evaluation" else getattr(counts, split)
    steps = costs.steps(taskset, names["task"])
    return Cost(
        seconds=START_SECONDS + many * (3e-4 + 2e-6 * steps),
        memory=START_MB + many * steps * 150 / 1e6,
        disk=many * steps * 8.5 / 1e6 + SIDECAR_MB,
    )


def _systems(costs: Costs, taskset: str) -> float:
    """Return the MB of one network's kept states at one checkpoint, single precision."""
    values = costs.evaluation_trials(taskset) * costs.window(taskset) * TYPICAL_COMPONENTS
    return values * 4 / 1e6


def _trajectories(costs: Costs, names: Names) -> Cost:
    taskset, architecture = names["taskset"], names["architecture"]
    settings, target = costs.config.trajectories, costs.config.tasksets[taskset].target
    n_seeds, n_fractions = len(split_seeds(names["seeds"])), len(settings.fractions)
    curriculum = costs.config.curricula[names["curriculum"]]
    trials = costs.evaluation_trials(taskset)
    steps = costs.steps(taskset, target, longest=True)
    forward = steps * costs.step_seconds(architecture, trials) / 3
    units = costs.config.architectures[architecture].units
    components = trials * costs.window(taskset) * units**2 * 4e-10
    runs = n_fractions + len(settings.tasks)
    size = _systems(costs, taskset) * n_fractions * n_seeds
    states = trials * steps * units * 4 / 1e6
    # A network that was not trained has one checkpoint many times, which compresses no less well.
    return Cost(
        seconds=START_SECONDS + n_seeds * runs * (forward + components),
        memory=START_MB + 3 * size + 8 * states,
        disk=0.9 * size + 0.05 * n_seeds * units / 64 + SIDECAR_MB if curriculum else 0.0,
    )


def _trajectory_jobs(costs: Costs) -> Iterator[dict[str, str]]:
    files, plan = costs.files, costs.plan
    last = "+".join(str(seed) for seed in plan.blocks[-1])
    wanted: list[str] = []
    for taskset in plan.tasksets:
        for architecture in plan.architectures(taskset, "learning"):
            wanted += files.trajectories_shown(taskset, architecture)
            if costs.config.run.measures:
                wanted += files.trajectories_up_to(taskset, architecture, last)
        if files.architecture_tables(taskset):
            for block in plan.blocks:
                seeds = "+".join(str(seed) for seed in block)
                wanted += files.trajectories_between(taskset, seeds)
    return _names(plan.layout.trajectories, wanted)


def _pair_seconds(costs: Costs, measure: str, taskset: str) -> tuple[float, float]:
    """Return the seconds of a pair, and those of representing one network at one checkpoint."""
    entry = costs.config.measures[measure]
    rows = costs.evaluation_trials(taskset) * costs.window(taskset)
    if isinstance(entry, DSA):
        channels = entry.n_delays * TYPICAL_COMPONENTS
        return 0.034 * (entry.rank / 20) ** 2.1 * entry.max_starts / 16, rows * channels**2 * 2e-11
    return 1e-3 + rows * TYPICAL_COMPONENTS**2 * 1e-9, rows * TYPICAL_COMPONENTS * 1e-8


def _learning(costs: Costs, names: Names) -> Cost:
    plan, settings = costs.plan, costs.config.comparison
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
    read = _systems(costs, taskset) * len(costs.config.trajectories.fractions) * (own + earlier) * n
    pair, represent = _pair_seconds(costs, names["measure"], taskset)
    return Cost(
        seconds=START_SECONDS + pairs * pair + systems * represent + read / 60,
        memory=START_MB + 1.1 * read + systems * 2.2 * _systems(costs, taskset),
        disk=230 * pairs / 1e6 + 4 * SIDECAR_MB,
    )


def _architectures(costs: Costs, names: Names) -> Cost:
    plan, taskset = costs.plan, names["taskset"]
    own = len(split_seeds(names["seeds"]))
    found = [
        plan.curricula(taskset, a, "architectures")
        for a in plan.architectures(taskset, "architectures")
    ]
    curricula = dict.fromkeys(chain.from_iterable(found))
    many = [sum(name in those for those in found) for name in curricula]
    pairs, systems = own * sum(k * (k - 1) // 2 for k in many), own * sum(many)
    pair, represent = _pair_seconds(costs, names["measure"], taskset)
    # One file at a time is read whole, the last checkpoints of it are kept.
    held = systems * 3.2 + own * len(costs.config.trajectories.fractions)
    read = systems * _systems(costs, taskset) * len(costs.config.trajectories.fractions)
    return Cost(
        seconds=START_SECONDS + pairs * pair + systems * represent + read / 60,
        memory=START_MB + held * _systems(costs, taskset),
        disk=230 * pairs / 1e6 + SIDECAR_MB,
    )


def _learning_jobs(costs: Costs) -> Iterator[dict[str, str]]:
    paths = [path for t in costs.plan.tasksets for path in costs.files.learning_tables("after", t)]
    return _names(costs.plan.layout.comparison("after"), paths)


def _architecture_jobs(costs: Costs) -> Iterator[dict[str, str]]:
    paths = [path for t in costs.plan.tasksets for path in costs.files.architecture_tables(t)]
    return _names(costs.plan.layout.architectures, paths)


def _statistics(costs: Costs, names: Names) -> Cost:
    tables = len(costs.files.learning_tables("after", names["taskset"]))
    runs = len(costs.files.histories(names["taskset"]))
    rows = (
        tables * costs.of("compare_networks", next(_learning_jobs(costs))).disk if tables else 0.0
    )
    return Cost(
        seconds=START_SECONDS + 0.05 * runs + 0.5 * rows,
        memory=START_MB + 5 * rows,
        disk=runs * 4e-4 + 0.05 + 4 * SIDECAR_MB,
    )


# --- the attractor bench ----------------------------------------------------------------------------


def _bench(seconds: float, disk: float) -> Callable[[Costs, Names], Cost]:
    """Return a cost in proportion to the bench's trials and steps (measured at 200 x 200)."""

    def cost(costs: Costs, names: Names) -> Cost:
        bench = costs.config.attractors
        share = bench.n_trials * bench.n_steps / 200**2
        return Cost(START_SECONDS + seconds * share, START_MB + 500 * share, disk * share)

    return cost


def _bench_jobs(*names: str) -> Callable[[Costs], Iterator[dict[str, str]]]:
    def jobs(costs: Costs) -> Iterator[dict[str, str]]:
        bench, wanted = costs.bench, costs.config.run.attractors
        values = {
            "kind": ["families", "motifs"],
            "experiment": ["families", "motifs", "composition", "noise"],
            "scored": bench.scored,
            "measure": list(bench.measures),
            "interval": [str(interval) for interval in bench.intervals],
        }
        combinations: list[dict[str, str]] = [{}] if wanted else []
        for name in names:
            combinations = [{**c, name: value} for c in combinations for value in values[name]]
        yield from combinations

    return jobs


def _draw_attractors(costs: Costs) -> Iterator[dict[str, str]]:
    yield from ({"figure": name} for name in costs.bench.figures if costs.config.run.attractors)


def _draw(costs: Costs) -> Iterator[dict[str, str]]:
    yield from ({"figure": path} for path in costs.files.all_figures() if path.endswith(".svg"))


def _all_trials(costs: Costs) -> Iterator[dict[str, str]]:
    return _names(costs.plan.layout.trials, costs.files.all_trials())


def _statistics_jobs(costs: Costs) -> Iterator[dict[str, str]]:
    yield from ({"taskset": taskset} for taskset in costs.plan.tasksets)


def _figure(costs: Costs, names: Names) -> Cost:
    return costs.of("draw_", names)


RULES: dict[str, Rule] = {
    "generate_trials": Rule("trials", _all_trials, _generate),
    "pretrain": Rule("training", _pretrainings, _pretrain, gpu=True),
    "train": Rule("training", _trainings, _train, gpu=True),
    "compute_trajectories": Rule("trajectories", _trajectory_jobs, _trajectories),
    "compare_networks": Rule("comparisons", _learning_jobs, _learning),
    "compare_architectures": Rule("comparisons", _architecture_jobs, _architectures),
    "compute_statistics": Rule("tables", _statistics_jobs, _statistics),
    "draw_*": Rule("figures", _draw, _figure),
    "simulate_attractors": Rule("attractors", _bench_jobs("kind"), _bench(3, 10)),
    "compare_attractors": Rule("attractors", _bench_jobs("experiment", "measure"), _bench(40, 0.4)),
    "sweep_hyperparameters": Rule("attractors", _bench_jobs("interval"), _bench(60, 0.4)),
    "score_attractors": Rule("attractors", _bench_jobs("scored"), _bench(10, 0.05)),
    "draw_attractor_*": Rule("attractors", _draw_attractors, _figure),
}
"""Every rule that submits jobs, by name; ``*`` stands for the rest of a figure's name."""
