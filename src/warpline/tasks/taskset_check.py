"""A task set's interface, tried on a few trials before any are generated."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from neurogym.core import TrialEnv

from warpline.core.plugins import ContractError, calling, load
from warpline.tasks.base import RuleTask
from warpline.tasks.trials import generate_trials, make_environment

__all__ = ["accepted_parameters", "check_task"]

DRAWS = 6
"""Trials of each request: an environment with two levels that ignores it passes once in 2^12."""


def accepted_parameters(task_class: type) -> set[str] | None:
    """Return the names that a class of environments takes; None where it takes any.

    The constructors are followed as long as they pass on what they do not name themselves.
    """
    names: set[str] = set()
    for base in task_class.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names - {"self"}
        if base is TrialEnv:
            break
    return None


def check_task(settings: Mapping[str, Any], task: str, window: str) -> None:
    """Make an environment and draw some of its trials; see `warpline.tasks.base.RuleTask`.

    Parameters
    ----------
    settings, task
        As `warpline.tasks.trials.make_environment`.
    window : str
        Comparison window.

    Raises
    ------
    ContractError
        At the first fault: what was expected, what was got, and what to do.
    """
    environment = _environment(settings, task)
    _check_periods(environment, settings, window)
    with calling("trials of new_trial()"):
        lengths = {_new_trial(environment, seed=k)[0][window] for k in range(DRAWS)}
    if len(lengths) > 1 or not min(lengths):
        raise ContractError(
            f"expected the comparison window {window} to last equally long in all trials, 1 step or more, "
            f"got {', '.join(map(str, sorted(lengths)))} steps: give it one duration in `timing`"
        )
    _check_seed(environment)
    _check_requests(environment)
    with calling(f"evaluation trials of {task}"):
        generate_trials(settings, task, "evaluation", 1, 1)


def _environment(settings: Mapping[str, Any], task: str) -> Any:
    """Return the environment, after checking the class and the parameters that it is given."""
    with calling("a file that can be imported"):
        plugin = load("tasks", settings["env"])
    task_class = plugin if isinstance(plugin, type) else getattr(plugin, "TaskSet", None)
    if not (isinstance(task_class, type) and issubclass(task_class, RuleTask)):
        got = getattr(task_class or plugin, "__name__", type(plugin).__name__)
        raise ContractError(
            "expected a class MySet(RuleTask, MyEnv) with warpline.tasks.base.RuleTask before an "
            f"environment of neurogym, got {got}, which is no RuleTask"
        )
    order = task_class.__mro__
    if TrialEnv not in order or order.index(TrialEnv) < order.index(RuleTask):
        raise ContractError(
            "expected a class MySet(RuleTask, MyEnv) with RuleTask first and a neurogym.TrialEnv after it, "
            f"got {task_class.__name__}({', '.join(base.__name__ for base in task_class.__bases__)})"
        )
    accepted = accepted_parameters(task_class)
    unknown = [name for name in settings["parameters"] if name not in (accepted or {name})]
    if unknown:
        ours = {"task", "rules", "anti", "delay", "timing", "dt", "input_noise", "sigma"}
        raise ContractError(
            f"expected `parameters` among {', '.join(sorted((accepted or set()) - ours)) or 'none'}, "
            f"got {', '.join(unknown)}: remove what {task_class.__name__} does not take"
        )
    with calling(f"an environment of {task_class.__name__}"):
        environment: Any = make_environment(settings, task)
    for name, value in (("task", task), ("anti", settings["variation"]["anti"])):
        if getattr(environment, name) != value:
            raise ContractError(
                f"expected an environment without an attribute `{name}`, which RuleTask sets to {value!r}, "
                f"got {getattr(environment, name)!r}: set it to {value!r} after super().__init__(...)"
            )
    # neurogym's name of the noise that an environment adds by itself.
    own_noise = getattr(environment, "sigma", 0.0)
    is_number = isinstance(own_noise, int | float | np.number)
    if environment.input_noise > 0 and is_number and own_noise > 0:
        raise ContractError(
            "expected `adds_noise = True` of a class whose environment adds noise by itself "
            f"(sigma = {own_noise:.3g}), got False: noise would be added twice"
        )
    with calling(
        "a number of outputs",
        "use Discrete actions, or state `tolerance`, the largest distance of a right output vector",
    ):
        environment.n_outputs  # noqa: B018
    return environment


def _check_periods(environment: Any, settings: Mapping[str, Any], window: str) -> None:
    """Hold the periods of class, environment and configuration against each other."""
    periods = list(environment.periods)
    unknown = [name for name in settings["timing"] if name not in periods]
    if unknown:
        raise ContractError(
            f"expected periods among {', '.join(periods)} in `timing`, got {', '.join(unknown)}: "
            "durations of other periods would have no effect"
        )
    for attribute, names in (
        ("decisions", environment.decisions),
        ("unasked", environment.unasked),
        ("stimulus", [environment.stimulus]),
        ("window", [window]),
    ):
        missing = [name for name in names if name not in periods]
        if missing:
            raise ContractError(
                f"expected `{attribute}` to name periods among {', '.join(periods)}, "
                f"got {', '.join(missing)}"
            )
    untrained = [name for name in environment.decisions if name in environment.unasked]
    if untrained:
        raise ContractError(
            "expected `unasked` without the periods of `decisions`, in which an answer is due and is "
            f"trained, got {', '.join(untrained)} in both: leave it out of one of them"
        )
    environment.seed(1)
    with calling("a trial of new_trial()"):
        environment.new_trial()
    shown = list(environment.start_ind)
    if set(shown) != set(periods):
        raise ContractError(
            f"expected the trials to have the periods {', '.join(periods)} that the class states, "
            f"got {', '.join(shown)}: state in `periods` what add_period is given"
        )
    starts = [environment.start_ind[name] for name in periods]
    if starts != sorted(starts):
        raise ContractError(
            f"expected `periods` in the order of the trial, got {', '.join(periods)} with first steps "
            f"{', '.join(map(str, starts))}"
        )


def _new_trial(
    environment: Any, seed: int, request: Mapping[str, Any] | None = None
) -> tuple[dict[str, int], np.ndarray, np.ndarray, dict[str, Any]]:
    """Return steps of each period, inputs, targets and variables of a trial, after checking them."""
    environment.seed(seed)
    trial = environment.new_trial(**(request or {}))
    if not isinstance(trial, dict):
        raise ContractError(
            f"expected _new_trial to return the trial's variables as a dict, got {type(trial).__name__}"
        )
    if not environment._gt_built:
        raise ContractError(
            "expected a target of each trial, got none: call self.set_groundtruth in _new_trial"
        )
    inputs, targets = np.array(environment.ob), np.array(environment.gt)
    steps = max(environment.end_ind[name] for name in environment.periods)
    shape = (steps, len(environment.channel_names()))
    if inputs.shape != shape or not np.isfinite(inputs).all():
        got = f"{inputs.shape}" if inputs.shape != shape else "NaN or infinity"
        raise ContractError(f"expected finite inputs (time, channel) = {shape}, got {got}")
    vector = environment.tolerance is not None
    target_shape = (steps, environment.n_outputs) if vector else (steps,)
    if targets.shape != target_shape or not np.isfinite(targets).all():
        got = f"{targets.shape}" if targets.shape != target_shape else "NaN or infinity"
        raise ContractError(f"expected finite targets of shape {target_shape}, got {got}")
    if not vector and not (targets.min() >= 0 and targets.max() < environment.n_outputs):
        raise ContractError(
            f"expected actions from 0 to {environment.n_outputs - 1} as targets, got {targets.min()} to "
            f"{targets.max()}: is `opposite` right for every action of {environment.task}?"
        )
    if environment.anti and environment.is_scored(trial):
        _check_opposite(environment, targets)
    ideal = environment.ideal_accuracy(trial)
    if not 0 <= ideal <= 1:
        raise ContractError(f"expected ideal_accuracy between 0 and 1, got {ideal}")
    spans = {
        name: environment.end_ind[name] - environment.start_ind[name]
        for name in environment.periods
    }
    return spans, inputs, targets, trial


def _check_opposite(environment: Any, targets: np.ndarray) -> None:
    """Refuse an opposite that is the answer itself, or whose opposite is another answer."""
    for name in environment.decisions:
        answers = targets[environment.start_ind[name] : environment.end_ind[name]]
        opposite = environment.opposite(answers.copy())
        for answer, other in zip(answers, opposite, strict=True):
            if np.array_equal(answer, other) and np.any(answer):
                raise ContractError(
                    f"expected `opposite` to return another answer than it is given, got {other} of {answer}"
                )
        if not np.allclose(environment.opposite(opposite.copy()), answers):
            raise ContractError(
                "expected the opposite of the opposite to be the answer itself, got "
                f"{environment.opposite(opposite.copy())[0]} of {answers[0]}"
            )


def _check_seed(environment: Any) -> None:
    """Refuse trials that are not determined by the seed, or do not depend on it."""
    trials = [[_new_trial(environment, seed=k) for k in range(DRAWS)] for _ in range(2)]
    if not all(map(_same, *trials)):
        raise ContractError(
            "expected the same trial from the same seed, got two that differ: draw from self.rng, "
            "not from numpy.random"
        )
    # A task of few conditions and no noise repeats itself: many seeds are tried.
    if all(_same(trials[0][0], _new_trial(environment, seed=k)) for k in range(1, 20)):
        raise ContractError(
            "expected trials that depend on the seed, got the same one of 20 seeds: draw the trial's "
            "variables from self.rng"
        )


def _same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a[1:3], b[1:3], strict=True))


def _requests(factors: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield, for each level of each factor, a request with the first level of the others."""
    first = {name: levels[0] for name, levels in factors.items()}
    for name, levels in factors.items():
        for level in levels:
            yield {**first, name: level}


def _check_requests(environment: Any) -> None:
    """Refuse an environment that draws something else than new_trial was asked for."""
    with calling("factors() to return a list of levels by trial variable"):
        factors = {name: list(levels) for name, levels in environment.factors().items()}
    empty = [name for name, levels in factors.items() if not levels]
    if empty or not factors:
        raise ContractError(
            f"expected levels of every factor of the evaluation trials, got none of "
            f"{', '.join(empty) or 'any'}: state them in factors()"
        )
    remedy = (
        "let _new_trial take over its keyword arguments before it makes the trial "
        "(trial.update(kwargs)), or name in factors() what it takes"
    )
    for request, seed in itertools.product(_requests(factors), range(DRAWS)):
        with calling(f"a trial of new_trial({_as_arguments(request)})", remedy):
            trial = _new_trial(environment, seed, request)[3]
        for name, level in request.items():
            if name not in trial or not np.array_equal(trial[name], level):
                got = _as_arguments({name: trial[name]}) if name in trial else f"no `{name}`"
                raise ContractError(
                    f"expected a trial of new_trial({_as_arguments(request)}), got {got}: {remedy}"
                )
    # A trial may say what was asked for and show something else.
    first = {name: levels[0] for name, levels in factors.items()}
    for name, levels in factors.items():
        if len(levels) < 2:
            continue
        same = [
            _same(
                _new_trial(environment, seed, {**first, name: levels[0]}),
                _new_trial(environment, seed, {**first, name: levels[-1]}),
            )
            for seed in range(DRAWS)
        ]
        if all(same):
            raise ContractError(
                f"expected trials that differ between {name}={levels[0]!r} and {name}={levels[-1]!r}, got "
                f"the same inputs and targets: {remedy}"
            )


def _as_arguments(request: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name}={value.item() if isinstance(value, np.generic) else value!r}"
        for name, value in request.items()
    )
