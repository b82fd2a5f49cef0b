"""Training, architectures and given weights."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path

from warpline.pipeline.config.checks.shared_lookups import (
    runs_of,
    stated_names,
    unknown_names,
    used_names,
)
from warpline.pipeline.config.networks import RecurrentArchitecture
from warpline.pipeline.config.schema import Config

__all__ = ["training_faults", "unstated_faults", "weights_pattern_faults"]

WEIGHTS_FIELDS = ("seed", "curriculum", "taskset")
"""Fields of the path of given weights."""


def training_faults(config: Config) -> Iterator[str]:
    """Refuse schedules and architectures that do not fit the training or the task set."""
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
    for name in used_names(config, "architectures"):
        entry = config.architectures.get(name)
        if not isinstance(entry, RecurrentArchitecture):
            continue
        # A model may take fewer activations than the configuration knows.
        activations = stated_names("models", entry.model, "activations")
        if activations and entry.activation not in activations:
            yield (
                f"architectures.{name}.activation: expected {' or '.join(activations)} for {entry.model}, "
                f"got '{entry.activation}'"
            )
        # A grid of such a setting would be several networks that differ in nothing but their seeds.
        for key in _unused_settings(entry.model):
            value, default = getattr(entry, key), type(entry).model_fields[key].default
            if value != default:
                yield (
                    f"architectures.{name}.{key}: expected none for {entry.model}, in which nothing depends "
                    f"on it, got {value}: leave it out"
                )
    for taskset, name in dict.fromkeys(run[:2] for run in runs_of(config)):
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
        if not isinstance(entry, RecurrentArchitecture):
            continue
        has_tau = "tau" not in _unused_settings(entry.model)
        if has_tau and entry.tau < config.tasksets[taskset].dt:
            yield (
                f"architectures.{name}.tau: expected at least tasksets.{taskset}.dt = "
                f"{config.tasksets[taskset].dt} ms, got {entry.tau}"
            )


def unstated_faults(config: Config) -> Iterator[str]:
    """Ask for what a file of weights does not hold: another activation or tau makes it another network."""
    for name in used_names(config, "architectures"):
        entry = config.architectures.get(name)
        if not isinstance(entry, RecurrentArchitecture) or not entry.weights or ":" in entry.model:
            continue
        asked = {"activation", "tau"} - {*_unused_settings(entry.model)}
        if len(stated_names("models", entry.model, "activations")) == 1:
            asked.discard("activation")
        for key in sorted(asked - entry.model_fields_set):
            yield (
                f"architectures.{name}.{key}: expected the value that the network was trained with, which "
                f"its file does not hold, got none: state it, such as {key}: {getattr(entry, key)}"
            )


def _unused_settings(model: str) -> tuple[str, ...]:
    """Return the settings on which nothing depends in a model of the package; of one's own none is known."""
    return () if ":" in model else stated_names("models", model, "unused")


def weights_pattern_faults(config: Config) -> Iterator[str]:
    """Refuse files of weights that are not there, and one file that would count as several networks."""
    runs = runs_of(config)
    for name in used_names(config, "architectures"):
        entry = config.architectures.get(name)
        if entry is None or entry.weights is None:
            continue
        place = f"architectures.{name}.weights"
        try:
            fields = {field for _, field, _, _ in string.Formatter().parse(entry.weights)} - {None}
        except ValueError as error:
            yield f"{place}: expected a path with fields such as {{seed}}, got '{entry.weights}' ({error})"
            continue
        unknown = list(unknown_names(place, sorted(map(str, fields)), WEIGHTS_FIELDS))
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
    for taskset, architecture, curriculum in runs_of(config):
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
