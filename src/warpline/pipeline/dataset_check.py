"""Check of recordings before a run: files, dimensions, windows, time steps and conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from warpline.core import plugins
from warpline.pipeline.config.base import DSA
from warpline.pipeline.expansion import Plan

if TYPE_CHECKING:
    from warpline.datasets.sessions import Session
    from warpline.pipeline.config.schema import Config

__all__ = ["dataset_faults"]


def dataset_faults(plan: Plan, say: Callable[[str], None] | None = None) -> list[str]:
    """Read the recordings of a configuration, and return a message per fault.

    Parameters
    ----------
    plan : Plan
    say : callable, optional
        Called with a line on each recording that can be read.

    Returns
    -------
    list of str
        Empty where all can be read, matched and compared.
    """
    if not plan.config.run.datasets:
        return []
    config = plan.config
    sessions, faults = _read(config, say)
    if faults:
        return faults
    faults += _equal_recordings(sessions)
    steps, n_times = _clocks(config, sessions)
    # Systems with other time steps have other operators, and no matched times.
    same_steps = not steps or max(steps.values()) <= 1.001 * min(steps.values())
    if not same_steps:
        listed = ", ".join(f"{name} {dt:g} ms" for name, dt in steps.items())
        faults.append(f"datasets: expected one time step for all systems, got {listed}: set bin")
    # A kernel adds a time scale of its own.
    kernels = {name: s.recording.kernel for name, s in sessions.items() if s.recording.kernel}
    if len(set(kernels.values())) > 1:
        listed = ", ".join(f"{name} {kernel}" for name, kernel in kernels.items())
        faults.append(
            f"datasets: expected one kernel for all spikes, got {listed}: set spikes.kernel and spikes.width"
        )
    faults += _misplaced_measures(config, sessions)
    single = config.dataset_comparison.single_trials
    averaged = [name for name in config.run.measures if name not in single]
    timed = [
        name
        for name in config.run.measures
        if _says(config, name, "PAIRED_TRIALS") or _says(config, name, "MATCHED_TIMES")
    ]
    faults += _unmatched(sessions, averaged, timed if same_steps else [], say)
    if even := [name for name in config.run.measures if name in averaged or name in timed]:
        faults += _uneven(sessions, n_times, even)
    faults += _too_short(config, n_times)
    return faults


def _read(
    config: Config, say: Callable[[str], None] | None
) -> tuple[dict[str, Session], list[str]]:
    """Return the recordings that can be read, by name, and a message per one that cannot."""
    # Reading takes numpy and xarray, which configurations without recordings need not load.
    from warpline.datasets.sessions import read_session
    from warpline.similarity.input_errors import InputError

    sessions, faults = {}, []
    for name in config.run.datasets:
        entry = config.datasets[name]
        try:
            sessions[name] = read_session(entry.file, entry.read_settings(), name)
            if say is not None:
                say(f"{name}: {sessions[name].summary()}")
        except InputError as error:
            faults.append(f"datasets.{name}: {error}")
    return sessions, faults


def _clocks(
    config: Config, sessions: Mapping[str, Session]
) -> tuple[dict[str, float], dict[str, int]]:
    """Return time steps in ms, where they are known, and times of the shortest trial, of all systems."""
    steps = {name: session.dt for name, session in sessions.items() if session.dt is not None}
    n_times = {name: min(session.recording.lengths) for name, session in sessions.items()}
    taskset = config.dataset_comparison.networks
    if taskset is not None:
        window = config.tasksets[taskset]
        steps[f"networks of {taskset}"] = float(window.dt)
        duration = window.timing[window.window]
        n_times[f"networks of {taskset}"] = (
            int(duration // window.dt) if isinstance(duration, int | float) else 0
        )
    return steps, n_times


def _unmatched(
    sessions: Mapping[str, Session],
    averaged: Sequence[str],
    timed: Sequence[str],
    say: Callable[[str], None] | None,
) -> Iterator[str]:
    """Yield what keeps times from being matched, for some measures, and conditions, for others."""
    from warpline.comparison.dataset_systems import left_out_conditions
    from warpline.comparison.matched_trials import check_matched_times
    from warpline.similarity.input_errors import InputError

    systems = [(name, session.recording) for name, session in sessions.items()]
    if timed:
        try:
            check_matched_times(systems, timed[0])
        except InputError as error:
            yield f"datasets: expected {error.expected}, got {error.got} (in s): set window"
    if averaged:
        try:
            line = left_out_conditions(systems, "recordings")
            if say is not None and line:
                say(line)
        except InputError as error:
            yield f"datasets: {error}"


def _uneven(
    sessions: Mapping[str, Session], n_times: Mapping[str, int], measures: Sequence[str]
) -> Iterator[str]:
    """Yield the recordings whose trials differ in length, and systems that differ, for some measures."""
    for name, session in sessions.items():
        lengths = session.recording.lengths
        if len(set(lengths)) > 1:
            yield (
                f"datasets.{name}: expected trials as long, for {', '.join(measures)}, "
                f"got {min(lengths)} to {max(lengths)} steps: set a window that all trials fill, or list "
                "measures that take such trials, as dsa does, in dataset_comparison.single_trials"
            )
    if len(set(n_times.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in n_times.items())
        yield (
            f"datasets: expected as many time steps in all systems for {', '.join(measures)}, "
            f"got {listed}: set window"
        )


def _too_short(config: Config, n_times: Mapping[str, int]) -> Iterator[str]:
    """Yield the measures whose delays do not fit some trials."""
    for name in config.run.measures:
        measure = config.measures[name]
        if not isinstance(measure, DSA):
            continue
        n_delays, interval = measure.n_delays, measure.delay_interval
        if isinstance(n_delays, str) or isinstance(interval, str):
            continue  # chosen among those that fit
        need = (n_delays - 1) * interval + 2
        short = [system for system, count in n_times.items() if count < need]
        if short:
            yield (
                f"measures.{name}: expected trials of at least {need} steps for its delays, got fewer in "
                f"{', '.join(short)}: use fewer delays, or longer windows"
            )


def _misplaced_measures(config: Config, sessions: Mapping[str, Session]) -> Iterator[str]:
    """Yield a message per measure that cannot compare single trials, or averages, as it is asked to."""
    place = "dataset_comparison.single_trials: expected measures that"
    for name in config.run.measures:
        single = name in config.dataset_comparison.single_trials
        if single and _says(config, name, "PAIRED_TRIALS"):
            yield (
                f"{place} match no trials, such as dsa, got {name}, which would compare the first trial of a "
                "system with the first of another: leave it out, so that it compares averages by condition"
            )
        if not _says(config, name, "NEEDS_CONDITIONS"):
            continue
        if not single:
            yield (
                f"{place} compare the trials of a condition, such as {name}, got it outside, where an "
                "average is the only trial of its condition: add it"
            )
        elif without := [key for key, s in sessions.items() if s.recording.conditions is None]:
            yield (
                f"datasets.{without[0]}.conditions: expected columns that name the condition of a trial, "
                f"which {name} needs, got none: add them"
            )


def _says(config: Config, name: str, attribute: str) -> bool:
    """Say what a measure says of itself (`warpline.similarity`); a file of the user's is read, not run."""
    measure = config.measures[name].measure
    if ":" in measure:
        return bool(plugins.literal_class_attribute("similarity", measure, attribute))
    return bool(getattr(plugins.load("similarity", measure), attribute, False))


def _equal_recordings(sessions: Mapping[str, Session]) -> list[str]:
    """Return a message per recording that is another one: it would count twice in the statistics."""
    from warpline.comparison.groups import content_digest

    faults = []
    first_of: dict[bytes, str] = {}
    for name, session in sessions.items():
        # With other conditions the same states are the same recording.
        digest = content_digest(replace(session.recording, conditions=None))
        first = first_of.setdefault(digest, name)
        if first != name:
            faults.append(
                f"datasets.{name}: expected another recording than datasets.{first}, got the same states: "
                "correct file, variable or select, or leave one out"
            )
    return faults
