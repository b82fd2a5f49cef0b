"""Measures in the comparison window, and the switches of the protocol that concern them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from warpline.pipeline.config.base import DSA, InputDSA, ShapeEnergy
from warpline.pipeline.config.checks.shared_lookups import (
    runs_of,
    stated_mapping,
    unknown_names,
    used_names,
    window_steps,
)
from warpline.pipeline.config.protocol import variants
from warpline.pipeline.config.schema import Config

__all__ = ["delays_faults", "protocol_faults", "tolerances_faults"]


def tolerances_faults(config: Config) -> Iterator[str]:
    """Refuse tolerances by which silence, the output 0, would be right."""
    for name, taskset in config.tasksets.items():
        for parameter, limit in stated_mapping("tasks", taskset.env, "silence_limits").items():
            value = taskset.parameters.get(parameter)
            if isinstance(value, int | float) and not 0 < value < limit:
                yield (
                    f"tasksets.{name}.parameters.{parameter}: expected a value above 0 and below {limit:g}, "
                    f"from which the output 0 is right in every trial, got {value}: use a smaller tolerance"
                )


def _delays_run_over_time(config: Config) -> bool:
    """Say whether delays run over the steps of the window, and not along trials under every protocol."""
    protocols = [config.protocol]
    if "audit" in config.model_fields_set:
        protocols += variants(config.audit).values()
    return any(protocol.dsa.delay_axis == "time" for protocol in protocols)


def delays_faults(config: Config) -> Iterator[str]:
    """Refuse delays and horizons that are longer than the comparison window."""
    over_time = _delays_run_over_time(config)
    for name in dict.fromkeys(run[0] for run in runs_of(config, compared=True)):
        taskset = config.tasksets.get(name)
        steps = window_steps(taskset) if taskset is not None else None
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
            if not isinstance(entry, DSA) or not (over_time or entry.automatic):
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


def protocol_faults(config: Config) -> Iterator[str]:
    """Hold the switches of the protocol against the measures and the task sets that are run."""
    evaluation = config.protocol.evaluation
    names = [name for name in used_names(config, "tasksets") if name in config.tasksets]
    asked = [config.run.measures, *(config.tasksets[name].measures for name in names)]
    if not evaluation.paired or evaluation.window == "shifted":
        for name in dict.fromkeys(itertools.chain.from_iterable(asked)):
            if isinstance(config.measures.get(name), InputDSA | ShapeEnergy):
                yield (
                    "protocol.evaluation: expected paired: true and window: own for measures that need the "
                    f"inputs or the conditions of trials, got {name} in run.measures: leave it out"
                )
    comparison = config.dataset_comparison
    averaged = [name for name in config.run.measures if name not in comparison.single_trials]
    if not evaluation.paired and config.run.datasets and comparison.networks and averaged:
        # The sample of a network has other conditions than the trials that it was drawn from.
        yield (
            "protocol.evaluation: expected paired: true beside dataset_comparison.networks, whose averages "
            f"by condition {', '.join(averaged)} would compare, got false: list measures that "
            "match no trials, such as dsa, in dataset_comparison.single_trials, or compare no networks"
        )
    durations = config.protocol.timing.evaluation
    known = {period: None for name in names for period in config.tasksets[name].timing}
    if names:
        yield from unknown_names("protocol.timing.evaluation", durations, known)
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
