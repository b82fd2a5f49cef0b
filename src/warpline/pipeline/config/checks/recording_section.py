"""Recordings, and the networks that stand beside them."""

from __future__ import annotations

from collections.abc import Iterator

from warpline.pipeline.config.base import DSA, ShapeEnergy, takes_inputs
from warpline.pipeline.config.checks.shared_lookups import runs_of, unknown_names
from warpline.pipeline.config.schema import Config

__all__ = ["recordings_faults"]


def recordings_faults(config: Config) -> Iterator[str]:
    """Hold the comparison of recordings together; whether their files can be read is checked elsewhere."""
    run, settings = config.run, config.dataset_comparison
    if not (run.grid or run.datasets or run.warping or run.attractors):
        yield "run.grid: expected networks, or run.datasets, run.warping or run.attractors, got none"
    yield from unknown_names("run.datasets", run.datasets, config.datasets)
    names = [name for name in run.datasets if name in config.datasets]
    entries = {name: config.datasets[name] for name in names}
    if not names:
        return
    if len(names) < 2 and settings.networks is None:
        yield f"run.datasets: expected two recordings or dataset_comparison.networks, got {names[0]} alone"
    if not run.measures:
        yield "run.measures: expected a measure for run.datasets, got none"
    yield from unknown_names(
        "dataset_comparison.single_trials", settings.single_trials, config.measures
    )
    for name in run.measures:
        measure = config.measures.get(name)
        if measure is not None and takes_inputs(measure):
            yield (
                "run.measures: expected measures without inputs, which recordings have not "
                f"(run.datasets), got {name}"
            )
    # Trials are matched by condition: all recordings name it by the same columns.
    averaged = [name for name in run.measures if name not in settings.single_trials]
    # Shape distances need conditions, and stand in single_trials besides.
    shapes = [name for name in averaged if isinstance(config.measures.get(name), ShapeEnergy)]
    dsa = [name for name in averaged if isinstance(config.measures.get(name), DSA)]
    remedy = "add them"
    if shapes:
        remedy += f", with {', '.join(shapes)} in dataset_comparison.single_trials"
    if dsa:
        others = [name for name in averaged if name not in dsa]
        remedy += f", or list {', '.join(dsa)} in dataset_comparison.single_trials"
        remedy += f" and leave {', '.join(others)} out" if others else ""
    first = names[0]
    for name, entry in entries.items():
        if averaged and not entry.conditions:
            yield (
                f"datasets.{name}.conditions: expected columns that name the condition of a trial, for "
                f"{', '.join(averaged)}, got none: {remedy}"
            )
        elif entry.conditions != entries[first].conditions:
            yield (
                f"datasets.{name}.conditions: expected those of datasets.{first}, "
                f"{', '.join(entries[first].conditions) or 'none'}, "
                f"got {', '.join(entry.conditions) or 'none'}"
            )
    yield from _compared_networks(config)


def _compared_networks(config: Config) -> Iterator[str]:
    """Hold the networks that stand beside recordings against what is run, and references against groups."""
    settings = config.dataset_comparison
    compared = runs_of(config, compared=True)
    groups = {config.datasets[n].group or n for n in config.run.datasets if n in config.datasets}
    # As `systems_of_networks` names them.
    networks = [
        f"{architecture}/{curriculum}"
        for taskset, architecture, curriculum in compared
        if taskset == settings.networks
    ]
    if settings.networks is not None:
        place = "dataset_comparison.networks"
        yield from unknown_names(place, [settings.networks], config.tasksets)
        if settings.networks in config.tasksets and not networks:
            yield (
                f"{place}: expected a task set of run.grid with networks that are compared "
                f"(comparisons: [learning]), got {settings.networks}"
            )
            return
    yield from unknown_names(
        "dataset_comparison.references", settings.references, [*sorted(groups), *networks]
    )
