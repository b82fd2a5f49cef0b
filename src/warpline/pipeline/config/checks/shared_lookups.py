"""What a configuration runs, and what its plug-ins state of themselves: read by many checks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from warpline.core import plugins
from warpline.pipeline.config.messages import nearest
from warpline.pipeline.config.schema import Config
from warpline.pipeline.config.tasks import Choice, TaskSet, TruncatedExponential, Uniform

__all__ = [
    "extremes",
    "runs_of",
    "stated_mapping",
    "stated_names",
    "stated_text",
    "unknown_names",
    "used_names",
    "window_steps",
]


def runs_of(config: Config, compared: bool = False) -> list[tuple[str, str, str]]:
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


def used_names(config: Config, kind: str) -> list[str]:
    """Return the task sets, architectures or curricula that are run."""
    place = ("tasksets", "architectures", "curricula").index(kind)
    return list(dict.fromkeys(run[place] for run in runs_of(config)))


def unknown_names(place: str, names: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """Yield a message for each name that is not known."""
    known = dict.fromkeys(known)
    for name in names:
        if name not in known:
            yield f"{place}: unknown name '{name}'; {nearest(name, known)}"


def extremes(duration: Any) -> tuple[float, float]:
    """Return the shortest and the longest duration of a period in ms."""
    if isinstance(duration, Choice):
        return min(duration.choice), max(duration.choice)
    if isinstance(duration, Uniform):
        return duration.uniform[0], duration.uniform[1]
    if isinstance(duration, TruncatedExponential):
        return duration.truncated_exponential[1], duration.truncated_exponential[2]
    return duration, duration


def window_steps(taskset: TaskSet) -> int | None:
    """Return the steps of the comparison window, None where it has no one length."""
    duration = taskset.timing.get(taskset.window)
    return int(duration // taskset.dt) if isinstance(duration, int | float) else None


def stated_names(package: str, name: str, attribute: str) -> tuple[str, ...]:
    """Return what a plug-in's class states in its own body; nothing where there is no such class."""
    return tuple(_stated(package, name, attribute) or ())


def stated_mapping(package: str, name: str, attribute: str) -> dict[str, Any]:
    """Return the mapping that a plug-in's class states in its own body; empty where there is none."""
    return dict(_stated(package, name, attribute) or {})


def stated_text(package: str, name: str, attribute: str, otherwise: str) -> str:
    """Return a text that a plug-in's class states in its own body; another one where it states none."""
    stated = _stated(package, name, attribute)
    return stated if isinstance(stated, str) else otherwise


def _stated(package: str, name: str, attribute: str) -> Any:
    try:
        return plugins.literal_class_attribute(package, name, attribute)
    except (plugins.UnknownNameError, SyntaxError):
        return None  # which registration_faults reports
