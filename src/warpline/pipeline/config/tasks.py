"""Sections of the configuration for task sets and their timing."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from warpline.pipeline.config.base import Count, EachOnce, Name, NonNegative, Positive, Strict

__all__ = ["Choice", "TaskSet", "TaskVariation", "TrialCounts", "TruncatedExponential", "Uniform"]


class Choice(Strict):
    """Duration drawn from a list, in ms."""

    choice: Annotated[list[Positive], Field(min_length=1)]
    """Durations in ms, drawn with equal probability."""


class Uniform(Strict):
    """Duration drawn uniformly between two bounds, in ms."""

    uniform: Annotated[list[NonNegative], Field(min_length=2, max_length=2)]
    """Lower and upper bound in ms."""


class TruncatedExponential(Strict):
    """Duration drawn from an exponential distribution truncated to bounds, in ms."""

    truncated_exponential: Annotated[list[NonNegative], Field(min_length=3, max_length=3)]
    """Mean before truncation, lower bound and upper bound, in ms."""


def _duration_kind(value: Any) -> str | None:
    if isinstance(value, dict):
        return next(iter(value), None) if len(value) == 1 else None
    if isinstance(value, Strict):
        return next(iter(type(value).model_fields))
    # A list says neither whether its numbers are bounds nor whether they are values.
    return None if isinstance(value, list) else "constant"


Duration = Annotated[
    Annotated[NonNegative, Tag("constant")]
    | Annotated[Choice, Tag("choice")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[TruncatedExponential, Tag("truncated_exponential")],
    Discriminator(
        _duration_kind,
        custom_error_type="duration",
        custom_error_message=(
            "expected a duration in ms: a number, or one of {choice: [...]}, {uniform: [low, high]}, "
            "{truncated_exponential: [mean, low, high]}"
        ),
    ),
]


class TaskVariation(Strict):
    """Difference of a task from the basic task of its set."""

    anti: bool = False
    """The correct response is the opposite one."""
    delay: bool = False
    """A delay separates stimulus and response."""


class TrialCounts(Strict):
    """Number of trials per task."""

    train: Count = 10_000
    """Training trials per task, all different."""
    validation: Count = 500
    """Validation trials per task, which decide when training stops."""
    evaluation_repeats: Annotated[int, Field(ge=2, multiple_of=2)] = 20
    """Evaluation trials per cell of the factorial design; an even number, so that they split into
    halves."""


class TaskSet(Strict):
    """Set of related tasks that share an environment, inputs and actions."""

    env: str
    """Environment: ``perceptual_decision``, ``go_nogo``, ``context_integration``,
    ``sequence_memory``, ``one_go_memory``, ``circle_sign``, ``decision_line``, or your own
    ``path/to/file.py:Class``."""
    tasks: Annotated[dict[Name, TaskVariation], Field(min_length=1)]
    """Tasks by name; each task has its own rule cue among the inputs."""
    target: Name
    """Target task, with which curricula end and on which networks are compared."""
    window: str = "stimulus"
    """Comparison window: the period in which networks are compared. It lasts equally long in all
    trials."""
    dt: Count
    """Time step in ms."""
    timing: dict[str, Duration]
    """Duration of each period in ms; ``delay`` applies to the tasks that have one."""
    input_noise: NonNegative
    """Input noise level, in stimulus units times sqrt(ms); the standard deviation per step is
    input_noise/sqrt(dt)."""
    parameters: dict[str, Any] = {}
    """Additional arguments of the environment."""
    trials: TrialCounts = TrialCounts()
    """Number of trials per task."""
    measures: Annotated[list[Name], EachOnce] = []
    """Measures that suit the comparison window, by their names in ``measures``. An empty list
    stands for ``run.measures``."""
