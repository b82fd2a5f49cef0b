"""Batches of trials: one trial per row, padded, with masks, periods and trial variables."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from warpline.core import plugins, random_streams
from warpline.tasks.base import RuleTask

__all__ = ["generate_trials", "make_environment"]


def make_environment(settings: Mapping[str, Any], task: str) -> RuleTask:
    """Build the environment of one task.

    Parameters
    ----------
    settings : mapping
        The task set's part of the configuration: ``env``, ``rules`` (the names of all its tasks, in
        the order of the cue channels), ``variation`` of the task at hand (``anti``, ``delay``), ``dt``
        (ms), ``timing`` (ms), ``input_noise``, ``parameters``.
    task : str
        One of ``settings["rules"]``.

    Returns
    -------
    RuleTask
        Unseeded; `generate_trials` seeds it.
    """
    found = plugins.load("tasks", settings["env"])
    kind = found if isinstance(found, type) else found.TaskSet
    environment: RuleTask = kind(
        task=task,
        rules=settings["rules"],
        **settings["variation"],
        timing=settings["timing"],
        dt=settings["dt"],
        input_noise=settings["input_noise"],
        **settings["parameters"],
    )
    return environment


def _conditions(environment: RuleTask, split: str, count: int) -> list[dict[str, Any]]:
    """Return per trial what is fixed: nothing in training, a factorial design in evaluation."""
    if split != "evaluation":
        return [{} for _ in range(count)]
    factors = environment.factors()
    cells = [
        dict(zip(factors, levels, strict=True)) for levels in itertools.product(*factors.values())
    ]
    return [dict(cell) for _ in range(count) for cell in cells]


def generate_trials(
    settings: Mapping[str, Any], task: str, split: str, count: int, seed: int
) -> xr.Dataset:
    """Generate the trials of one task and split, each drawn afresh.

    Parameters
    ----------
    settings : mapping
        As `make_environment`.
    task : str
        One of ``settings["rules"]``.
    split : {"train", "validation", "evaluation"}
        Each has a random stream of its own. The evaluation split crosses all levels of the
        environment's factors.
    count : int
        Number of trials; in the evaluation split, repeats of each cell of the design.
    seed : int
        Root seed.

    Returns
    -------
    xarray.Dataset
        ``inputs`` (trial, time, channel) float32, zero after the trial's end; ``target`` (trial, time)
        int16, the right action, or (trial, time, output) float32, and then the attribute ``tolerance``;
        ``valid``, ``decision`` and ``asked`` (trial, time), masks of the steps before the trial's end,
        of those that are scored, and of those whose output matters at all; ``start`` and ``stop``
        (trial, period), first and one-past-last step; ``scored``, ``ideal`` (trial) and the trial
        variables; in evaluation also ``condition`` and ``repeat`` (trial).
    """
    environment = make_environment(settings, task)
    env: Any = environment
    env.seed(random_streams.integer_seed(seed, "trials", settings["name"], task, split))
    conditions = _conditions(environment, split, count)
    periods = list(environment.periods)

    inputs, targets, starts, stops, variables = [], [], [], [], []
    for condition in conditions:
        trial = env.new_trial(**condition)
        inputs.append(env.ob.astype(np.float32))
        targets.append(np.asarray(env.gt).copy())
        starts.append([env.start_ind[period] for period in periods])
        stops.append([env.end_ind[period] for period in periods])
        variables.append(
            {
                **{name: value for name, value in trial.items() if np.ndim(value) == 0},
                "scored": environment.is_scored(trial),
                "ideal": environment.ideal_accuracy(trial),
            }
        )

    if not any(row["scored"] for row in variables):
        raise ValueError(
            f"expected some trials of {task} with a right answer to score, got none among "
            f"{len(variables)}: check the parameters of the task set, such as its coherences"
        )
    n, steps = len(inputs), max(len(row) for row in inputs)
    names = environment.channel_names()
    padded = np.zeros((n, steps, len(names)), np.float32)
    vector = environment.tolerance is not None
    shape = (n, steps, environment.n_outputs) if vector else (n, steps)
    target = np.zeros(shape, np.float32 if vector else np.int16)
    valid, decision, asked = (np.zeros((n, steps), bool) for _ in range(3))
    answers, unasked = (
        [periods.index(period) for period in listed]
        for listed in (environment.decisions, environment.unasked)
    )
    for k, (row, answer) in enumerate(zip(inputs, targets, strict=True)):
        padded[k, : len(row)] = row
        target[k, : len(row)] = answer
        valid[k, : len(row)] = asked[k, : len(row)] = True
        for period in answers:
            decision[k, starts[k][period] : stops[k][period]] = True
        for period in unasked:
            asked[k, starts[k][period] : stops[k][period]] = False

    dataset = xr.Dataset(
        {
            "inputs": (("trial", "time", "channel"), padded),
            "target": (("trial", "time", "output")[: target.ndim], target),
            "valid": (("trial", "time"), valid),
            "decision": (("trial", "time"), decision),
            "asked": (("trial", "time"), asked),
            "start": (("trial", "period"), np.array(starts, np.int32)),
            "stop": (("trial", "period"), np.array(stops, np.int32)),
            **{
                name: (("trial",), np.array([row[name] for row in variables]))
                for name in variables[0]
            },
        },
        coords={"channel": names, "period": periods},
        attrs={
            "taskset": settings["name"],
            "task": task,
            "split": split,
            "dt": settings["dt"],
            "n_outputs": environment.n_outputs,
            **({"tolerance": environment.tolerance} if vector else {}),
        },
    )
    if split == "evaluation":
        cells = n // count
        dataset["condition"] = ("trial", np.tile(np.arange(cells), count))
        dataset["repeat"] = ("trial", np.repeat(np.arange(count), cells))
    return dataset
