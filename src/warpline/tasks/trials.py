"""Batches of trials: one trial per row, padded, with masks, periods and trial variables."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from warpline import registry, seeding
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
    found = registry.load("tasks", settings["env"])
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
        ``inputs`` (trial, time, channel) float32, zero after the trial's end; ``target`` (trial, time),
        the right action; ``valid`` and ``decision`` (trial, time), masks; ``start`` and ``stop``
        (trial, period), first and one-past-last step; ``scored``, ``ideal`` (trial) and the trial
        variables; in evaluation also ``condition`` and ``repeat`` (trial).
    """
    environment = make_environment(settings, task)
    env: Any = environment
    env.seed(seeding.integer_seed(seed, "trials", settings["name"], task, split))
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
    target = np.zeros((n, steps), np.int16)
    valid = np.zeros((n, steps), bool)
    decision = np.zeros((n, steps), bool)
    go = periods.index("decision")
    for k, (row, answer) in enumerate(zip(inputs, targets, strict=True)):
        padded[k, : len(row)] = row
        target[k, : len(row)] = answer
        valid[k, : len(row)] = True
        decision[k, starts[k][go] : stops[k][go]] = True

    dataset = xr.Dataset(
        {
            "inputs": (("trial", "time", "channel"), padded),
            "target": (("trial", "time"), target),
            "valid": (("trial", "time"), valid),
            "decision": (("trial", "time"), decision),
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
            "n_actions": environment.n_actions,
        },
    )
    if split == "evaluation":
        cells = n // count
        dataset["condition"] = ("trial", np.tile(np.arange(cells), count))
        dataset["repeat"] = ("trial", np.repeat(np.arange(count), cells))
    return dataset
