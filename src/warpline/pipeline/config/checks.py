"""What no single section can see: names that must exist, and numbers that must fit together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

from warpline.core import plugins
from warpline.pipeline.config.analyses import Analysis, Learning, UserExperiment
from warpline.pipeline.config.messages import nearest
from warpline.pipeline.config.schema import (
    DSA,
    Config,
    InputDSA,
    RecurrentArchitecture,
    TaskSet,
    TruncatedExponential,
    Uniform,
)

__all__ = ["faults"]

PERIODS = ("fixation", "stimulus", "delay", "decision")
"""Periods of a task set that states none of its own."""


def faults(config: Config) -> list[str]:
    """Return a message per fault; none where the configuration holds together."""
    found: list[str] = []
    for check in CHECKS:
        found += check(config)
    return found


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
    known = list(known)
    for name in names:
        if name not in known:
            yield f"{place}: unknown name '{name}'; {nearest(name, known)}"


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


def _tasks(config: Config) -> Iterator[str]:
    for name, taskset in config.tasksets.items():
        yield from _unknown(f"tasksets.{name}.target", [taskset.target], taskset.tasks)
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


def _stated_mapping(package: str, name: str, attribute: str) -> dict[str, float]:
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
        for period in dict.fromkeys([taskset.window, *decisions]):
            constant = taskset.timing.get(period)
            if isinstance(constant, int | float) and constant < taskset.dt:
                yield (
                    f"{place}.{period}: expected at least one step of dt = {taskset.dt} ms, "
                    f"got {constant}"
                )
        if taskset.window in taskset.timing and _window_steps(taskset) is None:
            yield (
                f"{place}.{taskset.window}: expected one duration for all trials, because models are "
                f"compared in this window; got {taskset.timing[taskset.window]}"
            )


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
        if entry.batch_size > trials:
            yield (
                f"architectures.{name}.batch_size: expected at most tasksets.{taskset}.trials.train "
                f"= {trials}, got {entry.batch_size}"
            )
        if isinstance(entry, RecurrentArchitecture) and entry.tau < config.tasksets[taskset].dt:
            yield (
                f"architectures.{name}.tau: expected at least tasksets.{taskset}.dt = "
                f"{config.tasksets[taskset].dt} ms, got {entry.tau}"
            )


def _fractions(config: Config) -> Iterator[str]:
    kept = config.trajectories.fractions
    if sorted(set(kept)) != kept:
        yield f"trajectories.fractions: expected rising values, each once, got {kept}"
        return
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


def _warping(config: Config) -> Iterator[str]:
    for name in config.run.warping:
        entry = config.warping.get(name)
        taskset = config.tasksets.get(entry.taskset) if entry is not None else None
        if entry is None or taskset is None:
            continue
        yield from _unknown(f"warping.{name}.timing", entry.timing, taskset.timing)
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


CHECKS: tuple[Callable[[Config], Iterator[str]], ...] = (
    _names,
    _registered,
    _tasks,
    _curricula,
    _timing,
    _tolerances,
    _delays,
    _training,
    _fractions,
    _warping,
)
