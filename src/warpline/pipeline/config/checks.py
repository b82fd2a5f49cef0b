"""What no single section can see: names that must exist, and numbers that must fit together."""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from warpline.core import plugins
from warpline.pipeline.config.analyses import Analysis, Learning, UserExperiment
from warpline.pipeline.config.base import takes_inputs
from warpline.pipeline.config.messages import nearest, shown
from warpline.pipeline.config.schema import (
    DSA,
    Choice,
    Config,
    InputDSA,
    RecurrentArchitecture,
    ShapeEnergy,
    TaskSet,
    TruncatedExponential,
    Uniform,
)

__all__ = ["faults"]

WEIGHTS_FIELDS = ("seed", "curriculum", "taskset")
"""Fields of the path of given weights."""
PERIODS = ("fixation", "stimulus", "delay", "decision")
"""Periods of a task set that states none of its own."""
MAX_FAULTS = 100
MAX_NETWORKS = 100_000
"""Networks of a configuration, seeds included; config/paper.yaml has 17,780."""
MAX_CHECKPOINTS = 10_000
"""Checkpoints that a run may keep."""
MAX_STEPS = 1_000_000_000
"""Time steps of all trials of a task together, whose file then has 8 GB."""
MAX_NAME = 150
"""Characters of what Warpline joins into the name of a file; a name may have 255 with its suffixes."""


def faults(config: Config) -> list[str]:
    """Return a message per fault; none where the configuration holds together."""
    # What is too large is not walked through by the other checks.
    if too_many := list(_sizes(config)):
        return too_many
    found = itertools.chain.from_iterable(check(config) for check in CHECKS)
    return list(itertools.islice(found, MAX_FAULTS))


def _runs(config: Config, compared: bool = False) -> list[tuple[str, str, str]]:
    """Return what is run, as (task set, architecture, curriculum); or only what is compared."""
    found = [
        run
        for block in config.run.grid
        if block.comparisons or not compared
        for run in itertools.product(block.tasksets, block.architectures, block.curricula)
    ]
    for name in config.run.warping:
        entry = config.warping.get(name)
        if entry is not None and (entry.over_learning or not compared):
            found.append((entry.taskset, entry.architecture, entry.curriculum))
    return list(dict.fromkeys(found))


def _used(config: Config, kind: str) -> list[str]:
    place = ("tasksets", "architectures", "curricula").index(kind)
    return list(dict.fromkeys(run[place] for run in _runs(config)))


def _unknown(place: str, names: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    known = dict.fromkeys(known)
    for name in names:
        if name not in known:
            yield f"{place}: unknown name '{name}'; {nearest(name, known)}"


def _sizes(config: Config) -> Iterator[str]:
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
        steps = sum(_extremes(duration)[1] for duration in taskset.timing.values()) / taskset.dt
        for split in ("train", "validation"):
            trials = getattr(taskset.trials, split)
            if trials * steps > MAX_STEPS:
                yield (
                    f"tasksets.{name}.trials.{split}: expected at most {MAX_STEPS:,} time steps in all, got "
                    f"{trials:,} trials of up to {steps:,.0f} steps (timing and dt of the task set)"
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


def _extremes(duration: Any) -> tuple[float, float]:
    """Return the shortest and the longest duration of a period in ms."""
    if isinstance(duration, Choice):
        return min(duration.choice), max(duration.choice)
    if isinstance(duration, Uniform):
        return duration.uniform[0], duration.uniform[1]
    if isinstance(duration, TruncatedExponential):
        return duration.truncated_exponential[1], duration.truncated_exponential[2]
    return duration, duration


def _names(config: Config) -> Iterator[str]:
    for kind in ("tasksets", "architectures", "curricula"):
        catalogue = getattr(config, kind)
        for k, block in enumerate(config.run.grid):
            yield from _unknown(f"run.grid.{k}.{kind}", getattr(block, kind), catalogue)
    yield from _unknown("run.measures", config.run.measures, config.measures)
    for name, taskset in config.tasksets.items():
        yield from _unknown(f"tasksets.{name}.measures", taskset.measures, config.measures)
    yield from _unknown("run.warping", config.run.warping, config.warping)
    for name in config.run.warping:
        entry = config.warping.get(name)
        for key in ("taskset", "architecture", "curriculum") if entry is not None else ():
            catalogue = config.curricula if key == "curriculum" else getattr(config, f"{key}s")
            yield from _unknown(f"warping.{name}.{key}", [getattr(entry, key)], catalogue)
    yield from _unknown(
        "comparison.over.references", config.comparison.over.references, config.curricula
    )


def _registered(config: Config) -> Iterator[str]:
    asked = [("tasks", f"tasksets.{n}.env", t.env) for n, t in config.tasksets.items()]
    asked += [
        ("models", f"architectures.{n}.model", a.model) for n, a in config.architectures.items()
    ]
    asked += [
        ("similarity", f"measures.{n}.measure", m.measure) for n, m in config.measures.items()
    ]
    asked += [
        ("analyses", f"warping.{n}.experiment", entry.experiment)
        for n, entry in config.warping.items()
    ]
    for folder, place, name in asked:
        try:
            plugins.find_plugin(folder, name)
        except plugins.UnknownNameError as error:
            yield f"{place}: {error}"
    for name, measure in config.measures.items():
        extra = getattr(measure, "settings", {})
        if extra and ":" not in measure.measure:
            yield f"measures.{name}.settings: {measure.measure} has no settings, got {', '.join(extra)}"
        if getattr(measure, "needs_inputs", False) and ":" not in measure.measure:
            yield (
                f"measures.{name}.needs_inputs: expected it for a measure of your own, got "
                f"{measure.measure}: drop it (dsa_input takes inputs without it)"
            )


def _tasks(config: Config) -> Iterator[str]:
    for name, taskset in config.tasksets.items():
        yield from _unknown(f"tasksets.{name}.target", [taskset.target], taskset.tasks)
        if "target" in taskset.tasks:
            yield (
                f"tasksets.{name}.tasks: expected another name than 'target', which stands for the target "
                f"task ({taskset.target}) in curricula"
            )
    shown = {
        task
        for name, _, _ in _runs(config, compared=True)
        if name in config.tasksets
        for task in config.tasksets[name].tasks
    }
    # A task that only some of the task sets have is shown for those.
    if shown:
        yield from _unknown("trajectories.tasks", config.trajectories.tasks, ["target", *shown])
    for name, curriculum in dict.fromkeys((run[0], run[2]) for run in _runs(config)):
        entry = config.curricula.get(curriculum)
        if name not in config.tasksets or entry is None:
            continue
        known = ["target", *config.tasksets[name].tasks]
        for key in ("pretrain", "train"):
            place = f"curricula.{curriculum}.{key} (task set {name})"
            yield from _unknown(place, getattr(entry, key), known)


def _curricula(config: Config) -> Iterator[str]:
    known = {"target": None} | {t: None for s in config.tasksets.values() for t in s.tasks}
    for name, entry in config.curricula.items():
        if name not in _used(config, "curricula"):
            for key in ("pretrain", "train"):
                yield from _unknown(f"curricula.{name}.{key}", getattr(entry, key), known)
        if entry.pretrain and not entry.train:
            yield f"curricula.{name}.train: expected a task to train after the pretraining, got none"
        for key in ("pretrain", "train"):
            tasks = getattr(entry, key)
            if len(set(tasks)) < len(tasks):
                yield f"curricula.{name}.{key}: expected each task once, got {', '.join(tasks)}"


def _stated(package: str, name: str, attribute: str) -> tuple[str, ...]:
    """Return what a plug-in's class states in its own body; nothing where there is no such class."""
    try:
        return tuple(plugins.literal_class_attribute(package, name, attribute) or ())
    except plugins.UnknownNameError:
        return ()  # which _registered reports


def _stated_mapping(package: str, name: str, attribute: str) -> dict[str, Any]:
    """Return the mapping that a plug-in's class states in its own body; empty where there is none."""
    try:
        return dict(plugins.literal_class_attribute(package, name, attribute) or {})
    except plugins.UnknownNameError:
        return {}  # which _registered reports


def _timing(config: Config) -> Iterator[str]:
    for name, taskset in config.tasksets.items():
        place = f"tasksets.{name}.timing"
        periods = _stated("tasks", taskset.env, "periods") or PERIODS
        decisions = _stated("tasks", taskset.env, "decisions") or ("decision",)
        if ":" not in taskset.env:
            yield from _unknown(place, taskset.timing, periods)
        needed = dict.fromkeys([taskset.window, *decisions])
        if ":" not in taskset.env:
            # What is left out would silently last as long as neurogym has it.
            delayed = any(variation.delay for variation in taskset.tasks.values())
            needed |= dict.fromkeys(p for p in periods if p != "delay" or delayed)
        missing = [period for period in needed if period not in taskset.timing]
        if missing:
            yield f"{place}: expected a duration for {' and '.join(missing)}, got none"
        for period, value in taskset.timing.items():
            if isinstance(value, Uniform) and value.uniform[0] > value.uniform[1]:
                yield f"{place}.{period}.uniform: expected low <= high, got {value.uniform}"
            if isinstance(value, TruncatedExponential):
                _, low, high = value.truncated_exponential
                if low > high:
                    yield f"{place}.{period}.truncated_exponential: expected low <= high, got {low}, {high}"
        yield from _short_periods(place, taskset, decisions)
        if taskset.window in taskset.timing and _window_steps(taskset) is None:
            yield (
                f"{place}.{taskset.window}: expected one duration for all trials, because models are "
                f"compared in this window; got {taskset.timing[taskset.window]}"
            )


def _short_periods(place: str, taskset: TaskSet, decisions: Iterable[str]) -> Iterator[str]:
    """Refuse durations that leave a period without a step, except where 0 says so on purpose."""
    shown_in = _stated_text("tasks", taskset.env, "stimulus", "stimulus")
    needed = {taskset.window, *decisions, shown_in}
    delayed = any(variation.delay for variation in taskset.tasks.values())
    for period, duration in taskset.timing.items():
        if period == "delay" and not delayed:
            continue
        # The package's task sets show something in every other period; of an own one nothing is known.
        own = ":" in taskset.env
        must = period in needed or period == "delay" or not (own or period == "fixation")
        shortest = _extremes(duration)[0]
        if shortest < taskset.dt and (must or shortest > 0):
            yield (
                f"{place}.{period}: expected at least one step of dt = {taskset.dt} ms in every trial, got "
                f"{shortest:g}{'' if must else ' (0 leaves the period out)'}"
            )


def _stated_text(package: str, name: str, attribute: str, otherwise: str) -> str:
    """Return a text that a plug-in's class states in its own body; another one where it states none."""
    try:
        stated = plugins.literal_class_attribute(package, name, attribute)
    except plugins.UnknownNameError:
        return otherwise  # which _registered reports
    return stated if isinstance(stated, str) else otherwise


def _levels(config: Config) -> Iterator[str]:
    """Refuse levels of a trial variable that are none: no number, out of range, or nothing to tell apart."""
    for name, taskset in config.tasksets.items():
        for parameter, (low, high) in _stated_mapping("tasks", taskset.env, "level_ranges").items():
            if parameter not in taskset.parameters:
                continue
            place = f"tasksets.{name}.parameters.{parameter}"
            levels = taskset.parameters[parameter]
            if not isinstance(levels, list) or not levels:
                yield f"{place}: expected a list of at least one number, got {shown(levels)}"
                continue
            odd = [
                level
                for level in levels
                if isinstance(level, bool)
                or not isinstance(level, int | float)
                or not low <= level <= high
            ]
            if odd:
                yield f"{place}: expected numbers from {low:g} to {high:g}, got {shown(odd[0])}"
            elif len(set(levels)) < len(levels):
                yield f"{place}: expected each level once, got {shown(levels)}"
            elif max(levels) == low:
                yield (
                    f"{place}: expected a level above {low:g}, because the stimulus of the others has no "
                    f"right answer, got {shown(levels)}"
                )


def _whole_steps(config: Config) -> Iterator[str]:
    """Refuse durations that are no multiple of dt: neurogym cuts them without a word.

    What is drawn from a range is cut to whole steps.
    """
    divided: dict[str, int] = {}
    for name, taskset in config.tasksets.items():
        cut = [
            f"{period} {value:g}"
            for period, duration in taskset.timing.items()
            for value in (duration.choice if isinstance(duration, Choice) else [duration])
            if isinstance(value, int | float) and value % taskset.dt
        ]
        if cut:
            yield (
                f"tasksets.{name}.dt: expected a step that divides every duration of `timing`, got "
                f"{taskset.dt} ms beside {', '.join(cut)}: they would be cut; change one of them"
            )
        else:
            divided[name] = taskset.dt
    for name in config.run.warping:
        entry = config.warping.get(name)
        dt = divided.get(entry.taskset) if entry is not None else None
        if entry is None or dt is None:
            continue
        cut = [f"{period} {value:g}" for period, value in entry.timing.items() if value % dt]
        if cut:
            yield (
                f"warping.{name}.timing: expected multiples of tasksets.{entry.taskset}.dt = {dt} ms, got "
                f"{', '.join(cut)}: they would be cut"
            )


def _parameters(config: Config) -> Iterator[str]:
    """Refuse arguments that an environment of the package does not take; the user's own are tried."""
    for name, taskset in config.tasksets.items():
        if ":" not in taskset.env:
            known = _stated("tasks", taskset.env, "parameters")
            yield from _unknown(f"tasksets.{name}.parameters", taskset.parameters, known)


def _tolerances(config: Config) -> Iterator[str]:
    """Refuse tolerances by which silence, the output 0, would be right."""
    for name, taskset in config.tasksets.items():
        for parameter, limit in _stated_mapping("tasks", taskset.env, "silence_limits").items():
            value = taskset.parameters.get(parameter)
            if isinstance(value, int | float) and not 0 < value < limit:
                yield (
                    f"tasksets.{name}.parameters.{parameter}: expected a value above 0 and below {limit:g}, "
                    f"from which the output 0 is right in every trial, got {value}: use a smaller tolerance"
                )


def _window_steps(taskset: TaskSet) -> int | None:
    """Return the steps of the comparison window, None where it has no one length."""
    duration = taskset.timing.get(taskset.window)
    return int(duration // taskset.dt) if isinstance(duration, int | float) else None


def _delays(config: Config) -> Iterator[str]:
    for name in dict.fromkeys(run[0] for run in _runs(config, compared=True)):
        taskset = config.tasksets.get(name)
        steps = _window_steps(taskset) if taskset is not None else None
        if taskset is None or steps is None:
            continue
        for measure in taskset.measures or config.run.measures:
            entry = config.measures.get(measure)
            if isinstance(entry, InputDSA) and steps < entry.steps_needed:
                yield (
                    f"measures.{measure}: {entry.n_delays} delays (backend {entry.backend}) need a window "
                    f"of at least {entry.steps_needed} steps, got {steps} (task set {name}, "
                    f"{taskset.window} of {taskset.timing[taskset.window]} ms at dt = {taskset.dt} ms): "
                    "use fewer or shorter delays, a smaller dt, or other measures for this task set "
                    f"(tasksets.{name}.measures)"
                )
            if not isinstance(entry, DSA):
                continue
            # The shortest embedding and horizon of a choice always stay.
            choice = config.dsa_choice
            n_delays = min(choice.n_delays) if entry.n_delays == "auto" else entry.n_delays
            interval = (
                min(choice.delay_intervals)
                if entry.delay_interval == "auto"
                else entry.delay_interval
            )
            ahead = min(choice.horizons) if entry.automatic else 1
            need = (n_delays - 1) * interval + 1 + ahead
            if steps < need:
                target = f" and a horizon of {ahead} steps" if ahead > 1 else ""
                yield (
                    f"measures.{measure}: {n_delays} delays of {interval} steps{target} need "
                    f"a window of at least {need} steps, got {steps} (task set {name}, "
                    f"{taskset.window} of {taskset.timing[taskset.window]} ms at dt = {taskset.dt} ms): "
                    "use fewer or shorter delays, a smaller dt, or other measures for this task set "
                    f"(tasksets.{name}.measures)"
                )


def _training(config: Config) -> Iterator[str]:
    # A checkpoint or an evaluation after the last update would never be made.
    for stage in ("pretraining", "training"):
        settings = getattr(config, stage)
        late = [step for step in settings.checkpoints.steps if step > settings.max_steps]
        if late:
            yield (
                f"{stage}.checkpoints.steps: expected steps up to {stage}.max_steps = "
                f"{settings.max_steps}, got {', '.join(map(str, late))}"
            )
        if settings.evaluate_every > settings.max_steps:
            yield (
                f"{stage}.evaluate_every: expected at most {stage}.max_steps = {settings.max_steps}, "
                f"got {settings.evaluate_every}"
            )
    for name in _used(config, "architectures"):
        entry = config.architectures.get(name)
        if not isinstance(entry, RecurrentArchitecture):
            continue
        # A model may take fewer activations than the configuration knows.
        activations = _stated("models", entry.model, "activations")
        if activations and entry.activation not in activations:
            yield (
                f"architectures.{name}.activation: expected {' or '.join(activations)} for {entry.model}, "
                f"got '{entry.activation}'"
            )
    for taskset, name in dict.fromkeys(run[:2] for run in _runs(config)):
        entry = config.architectures.get(name)
        if entry is None or taskset not in config.tasksets:
            continue
        # What fits an architecture depends on the task set that it is run on.
        trials = config.tasksets[taskset].trials.train
        if entry.weights is None and entry.batch_size > trials:
            yield (
                f"architectures.{name}.batch_size: expected at most tasksets.{taskset}.trials.train "
                f"= {trials}, got {entry.batch_size}"
            )
        if isinstance(entry, RecurrentArchitecture) and entry.tau < config.tasksets[taskset].dt:
            yield (
                f"architectures.{name}.tau: expected at least tasksets.{taskset}.dt = "
                f"{config.tasksets[taskset].dt} ms, got {entry.tau}"
            )


def _weights(config: Config) -> Iterator[str]:
    """Refuse files of weights that are not there, and one file that would count as several networks."""
    runs = _runs(config)
    for name in _used(config, "architectures"):
        entry = config.architectures.get(name)
        if entry is None or entry.weights is None:
            continue
        place = f"architectures.{name}.weights"
        try:
            fields = {field for _, field, _, _ in string.Formatter().parse(entry.weights)} - {None}
        except ValueError as error:
            yield f"{place}: expected a path with fields such as {{seed}}, got '{entry.weights}' ({error})"
            continue
        unknown = list(_unknown(place, sorted(map(str, fields)), WEIGHTS_FIELDS))
        if unknown:
            yield from unknown
            continue
        yield from _one_file_one_network(config, name, fields)
        for taskset, architecture, curriculum in runs:
            paths = dict.fromkeys(
                entry.weights.format(taskset=taskset, curriculum=curriculum, seed=seed)
                for seed in config.run.seeds
            )
            for path in paths if architecture == name else ():
                if not Path(path).is_file():
                    yield f"{place}: expected a file at {path}, found none"


def _one_file_one_network(config: Config, name: str, fields: set[str | None]) -> Iterator[str]:
    """Refuse a pattern that leads several seeds or curricula to one file: the same network, several times."""
    entry = config.architectures[name]
    curricula: dict[str, dict[str, None]] = {}
    for taskset, architecture, curriculum in _runs(config):
        if architecture == name:
            curricula.setdefault(taskset, {})[curriculum] = None
    several = {
        "seed": [str(seed) for seed in config.run.seeds],
        "curriculum": max((list(names) for names in curricula.values()), key=len, default=[]),
    }
    for field, values in several.items():
        if len(values) > 1 and field not in fields:
            yield (
                f"architectures.{name}.weights: expected {{{field}}} in the path, because a network must not "
                f"count several times, got '{entry.weights}' for {', '.join(values)}: give a file for each, "
                "or run one"
            )


def _fractions(config: Config) -> Iterator[str]:
    kept = config.trajectories.fractions
    if kept[-1] != 1:
        yield f"trajectories.fractions: expected the last to be 1.0 (the trained network), got {kept[-1]}"
        return
    for section in ("over", "within"):
        asked = getattr(config.comparison, section).fractions
        missing = [fraction for fraction in asked if fraction not in kept]
        if missing:
            yield (
                f"comparison.{section}.fractions: {', '.join(map(str, missing))} is not kept; "
                "add it to trajectories.fractions"
            )
    weights = config.training.checkpoints.keep
    if weights != "all":
        # The first and the last checkpoint are kept in any case.
        missing = [fraction for fraction in kept if fraction not in (0, 1, *weights)]
        if missing:
            yield (
                f"trajectories.fractions: no checkpoint is kept at {', '.join(map(str, missing))}; add it to "
                "training.checkpoints.keep (networks that lie there are then trained anew), or leave it out"
            )


def _warping(config: Config) -> Iterator[str]:
    for name in config.run.warping:
        entry = config.warping.get(name)
        taskset = config.tasksets.get(entry.taskset) if entry is not None else None
        if entry is None or taskset is None:
            continue
        yield from _unknown(f"warping.{name}.timing", entry.timing, taskset.timing)
        for period, fixed in entry.timing.items():
            if fixed < taskset.dt:
                yield (
                    f"warping.{name}.timing.{period}: expected at least one step of dt = {taskset.dt} ms "
                    f"(task set {entry.taskset}), got {fixed:g}"
                )
        yield from _conditions(name, entry, taskset)
        delayed = taskset.tasks[taskset.target].delay if taskset.target in taskset.tasks else True
        for period, duration in taskset.timing.items():
            varies = not isinstance(duration, int | float)
            if varies and period not in entry.timing and (delayed or period != "delay"):
                yield (
                    f"warping.{name}.timing: expected a duration (ms) for {period}, which varies in "
                    f"training (tasksets.{entry.taskset}.timing), got none"
                )


def _conditions(name: str, entry: Analysis, taskset: TaskSet) -> Iterator[str]:
    """Hold the conditions that an analysis sets against those of a task set of the package."""
    if ":" in taskset.env:
        return  # which may inherit them
    stated = _stated("tasks", taskset.env, "conditions")
    if isinstance(entry, Learning):
        for k, condition in enumerate(entry.conditions):
            if set(condition) != set(stated):
                yield (
                    f"warping.{name}.conditions.{k}: expected a value for each of "
                    f"{', '.join(stated) or 'none'} (task set {entry.taskset}), "
                    f"got {', '.join(condition) or 'none'}"
                )
        return
    if isinstance(entry, UserExperiment):
        return  # which is told in its own time: nothing says here what it sets
    sets = entry.conditions_set
    if set(stated) != set(sets):
        yield (
            f"warping.{name}.taskset: expected a task set with "
            f"{'the condition ' + ', '.join(sets) if sets else 'no conditions'} "
            f"(experiment {entry.experiment}), got {entry.taskset}, with {', '.join(stated) or 'none'}"
        )


def _datasets(config: Config) -> Iterator[str]:
    """Hold the comparison of recordings together; whether their files can be read is checked elsewhere."""
    run, settings = config.run, config.dataset_comparison
    if not (run.grid or run.datasets or run.warping or run.attractors):
        yield "run.grid: expected networks, or run.datasets, run.warping or run.attractors, got none"
    yield from _unknown("run.datasets", run.datasets, config.datasets)
    names = [name for name in run.datasets if name in config.datasets]
    entries = {name: config.datasets[name] for name in names}
    if not names:
        return
    if len(names) < 2 and settings.networks is None:
        yield f"run.datasets: expected two recordings or dataset_comparison.networks, got {names[0]} alone"
    if not run.measures:
        yield "run.measures: expected a measure for run.datasets, got none"
    yield from _unknown("dataset_comparison.single_trials", settings.single_trials, config.measures)
    for name in run.measures:
        measure = config.measures.get(name)
        if measure is not None and takes_inputs(measure):
            yield (
                "run.measures: expected measures without inputs, which recordings have not "
                f"(run.datasets), got {name}"
            )
    # Trials are matched by condition: all recordings name it by the same columns.
    averaged = [name for name in run.measures if name not in settings.single_trials]
    first = names[0]
    for name, entry in entries.items():
        if averaged and not entry.conditions:
            yield (
                f"datasets.{name}.conditions: expected columns that name the condition of a trial, by which "
                f"{', '.join(averaged)} matches trials, got none: add them, or list the measures in "
                "dataset_comparison.single_trials"
            )
        elif entry.conditions != entries[first].conditions:
            yield (
                f"datasets.{name}.conditions: expected those of datasets.{first}, "
                f"{', '.join(entries[first].conditions) or 'none'}, "
                f"got {', '.join(entry.conditions) or 'none'}"
            )
    yield from _compared_networks(config)


def _compared_networks(config: Config) -> Iterator[str]:
    """Hold the networks that stand beside recordings against what is run."""
    settings = config.dataset_comparison
    if settings.networks is None:
        groups = {
            config.datasets[n].group or n for n in config.run.datasets if n in config.datasets
        }
        yield from _unknown("dataset_comparison.references", settings.references, groups)
        return
    place = "dataset_comparison.networks"
    yield from _unknown(place, [settings.networks], config.tasksets)
    compared = [run[0] for run in _runs(config, compared=True)]
    if settings.networks in config.tasksets and settings.networks not in compared:
        yield (
            f"{place}: expected a task set of run.grid with networks that are compared "
            f"(comparisons: [learning]), got {settings.networks}"
        )


def _explorer(config: Config) -> Iterator[str]:
    """Refuse to show what is not run."""
    if missing := [seed for seed in config.explorer.seeds if seed not in config.run.seeds]:
        named = ", ".join(map(str, missing))
        yield f"explorer.seeds: expected seeds of run.seeds, got {named}: leave them out"
    used = _used(config, "architectures")
    yield from _unknown("explorer.architectures", config.explorer.architectures, used)


def _protocol(config: Config) -> Iterator[str]:
    """Hold the switches of the protocol against the measures and the task sets that are run."""
    evaluation = config.protocol.evaluation
    names = [name for name in _used(config, "tasksets") if name in config.tasksets]
    asked = [config.run.measures, *(config.tasksets[name].measures for name in names)]
    if not evaluation.paired or evaluation.window == "shifted":
        for name in dict.fromkeys(itertools.chain.from_iterable(asked)):
            if isinstance(config.measures.get(name), InputDSA | ShapeEnergy):
                yield (
                    "protocol.evaluation: expected paired: true and window: own for measures that need the "
                    f"inputs or the conditions of trials, got {name} in run.measures: leave it out"
                )
    durations = config.protocol.timing.evaluation
    known = {period: None for name in names for period in config.tasksets[name].timing}
    if names:
        yield from _unknown("protocol.timing.evaluation", durations, known)
    for name in names:
        taskset = config.tasksets[name]
        cut = [
            f"{period} {value:g}"
            for period, value in durations.items()
            if period in taskset.timing and value % taskset.dt
        ]
        if cut:
            yield (
                f"protocol.timing.evaluation: expected multiples of tasksets.{name}.dt = {taskset.dt} ms, "
                f"got {', '.join(cut)}: they would be cut"
            )


CHECKS: tuple[Callable[[Config], Iterator[str]], ...] = (
    _names,
    _registered,
    _tasks,
    _curricula,
    _timing,
    _levels,
    _whole_steps,
    _parameters,
    _tolerances,
    _delays,
    _training,
    _weights,
    _fractions,
    _warping,
    _datasets,
    _explorer,
    _protocol,
)
