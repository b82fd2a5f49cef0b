"""Generation of trials: padded arrays with masks, periods and trial variables."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from warpline.core import plugins, random_streams
from warpline.tasks.base import RuleTask
from warpline.tasks.chance import chance_levels
from warpline.tasks.packed_rows import RowsToFill, pack_rows

__all__ = ["generate_trials", "make_environment"]

N_CACHED = 32
"""Sequences that the training trials of Guilhot et al. (2024) repeat: a batch of the cache of neurogym."""
NEGLIGIBLE_NOISE = 1e-12
"""Input noise that single precision drops beside a stimulus, and that an environment still draws."""
TAKEN = frozenset(
    {
        *("inputs", "noise_free_inputs", "target", "valid", "decision", "asked", "start", "stop"),
        *("scored", "ideal", "condition", "repeat"),
        *("trial", "time", "channel", "output", "period"),
    }
)
"""Names of arrays and dimensions of a dataset of trials, which no trial variable can have."""


def make_environment(settings: Mapping[str, Any], task: str) -> RuleTask:
    """Build the environment of a task.

    Parameters
    ----------
    settings : mapping
        The task set's part of the configuration: ``env``, ``rules`` (the names of all its tasks, in
        the order of the cue channels), ``variation`` of this task (``anti``, ``delay``), ``dt``
        (ms), ``timing`` (ms), ``input_noise``, ``parameters``.
    task : str
        One of ``settings["rules"]``.

    Returns
    -------
    RuleTask
        Unseeded; `generate_trials` seeds it.
    """
    # A built-in name loads a module, a user's file.py:Class loads the class itself.
    plugin = plugins.load("tasks", settings["env"])
    environment_class = plugin if isinstance(plugin, type) else plugin.TaskSet
    environment: RuleTask = environment_class(
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
    """Return the fixed trial variables of each trial: a factorial design in evaluation, else none."""
    if split != "evaluation":
        return [{} for _ in range(count)]
    factors = environment.factors()
    cells = [
        dict(zip(factors, levels, strict=True)) for levels in itertools.product(*factors.values())
    ]
    return [dict(cell) for _ in range(count) for cell in cells]


def _noise_free_inputs(
    settings: Mapping[str, Any], dataset: xr.Dataset, conditions: list[dict[str, Any]], seed: int
) -> NDArray[np.float32]:
    """Generate evaluation trials again, from the same random stream and without noise.

    The noise is made negligible, not 0: the environment draws as many random numbers as with noise, so
    that durations and trial variables stay those of the trials.

    Parameters
    ----------
    settings, seed
        As `generate_trials`.
    dataset : xarray.Dataset
        The trials.
    conditions : list of dict
        Fixed trial variables of each trial.

    Returns
    -------
    ndarray, shape (trial, time, channel)

    Raises
    ------
    ValueError
        When the trials without noise have other periods or targets.
    """
    task, split = dataset.attrs["task"], dataset.attrs["split"]
    env: Any = make_environment({**settings, "input_noise": NEGLIGIBLE_NOISE}, task)
    env.seed(random_streams.integer_seed(seed, "trials", settings["name"], task, split))
    noise_free = np.zeros(dataset["inputs"].shape, np.float32)
    for k, condition in enumerate(conditions):
        env.new_trial(**condition)
        length = len(env.gt)
        same_periods = [env.start_ind[name] for name in env.periods] == list(dataset["start"][k])
        if not same_periods or not np.array_equal(env.gt, dataset["target"][k, :length]):
            raise ValueError(
                f"expected the same trials of {task} with and without noise, got other periods or targets "
                f"in trial {k + 1}: make {type(env).__name__} draw equally many random numbers for every "
                "input_noise above 0"
            )
        noise_free[k, :length] = env.ob
    # Where there is no stimulus, the negligible noise is what is left.
    noise_free[np.abs(noise_free) < 1e3 * NEGLIGIBLE_NOISE] = 0
    return noise_free


def generate_trials(
    settings: Mapping[str, Any],
    task: str,
    split: str,
    count: int,
    seed: int,
    *,
    unique: bool = True,
    row_steps: int = 0,
) -> xr.Dataset:
    """Generate the trials of one task and split.

    Parameters
    ----------
    settings : mapping
        As `make_environment`.
    task : str
        One of ``settings["rules"]``.
    split : {"train", "validation", "evaluation"}
        Each split has its own random stream. The evaluation split crosses all levels of the
        environment's factors.
    count : int
        Number of trials; in the evaluation split, of repeats of each cell of the design.
    seed : int
        Root seed.
    unique : bool
        False: the trials of training and validation are the same `N_CACHED`, repeated, as in the code of
        Guilhot et al. (2024).
    row_steps : int
        Steps of rows of consecutive trials in training and validation (`warpline.tasks.packed_rows`); 0 for
        one trial per row.

    Returns
    -------
    xarray.Dataset
        ``inputs`` (trial, time, channel) float32, zero after the trial's end. ``target``: the correct
        action (trial, time) int16, or a vector (trial, time, output) float32 with the attribute
        ``tolerance``. The attribute ``chance`` is the accuracy that ignoring the stimulus gives, the largest
        of ``chance_constant``, ``chance_silence`` and ``chance_shuffled``
        (`warpline.tasks.chance.ChanceLevels`). Masks (trial, time): ``valid``, steps before the trial's end;
        ``decision``, steps that are scored; ``asked``, steps whose output is trained. ``start`` and ``stop``
        (trial, period): first step and one past the last. ``scored``, ``ideal`` and the trial variables
        (trial). In evaluation also ``condition`` and ``repeat`` (trial) and, in task sets with input noise,
        ``noise_free_inputs`` (trial, time, channel): the inputs without their noise.

    Raises
    ------
    ValueError
        When no trial has a correct answer to score, or a trial variable has the name of an array here.
    """
    environment = make_environment(settings, task)
    env: Any = environment
    learned = split != "evaluation"
    stream = "train" if learned and not unique else split
    env.seed(random_streams.integer_seed(seed, "trials", settings["name"], task, stream))
    n_rows = N_CACHED if learned and not unique else count
    conditions: Iterable[dict[str, Any]] = _conditions(environment, split, n_rows)
    to_fill = RowsToFill(n_rows, row_steps) if learned and row_steps else None
    if to_fill:
        conditions = itertools.repeat({})
    drawn = _drawn(environment, conditions, to_fill)
    if not any(row["scored"] for row in drawn.variables):
        raise ValueError(
            f"expected some trials of {task} with a right answer to score, got none among "
            f"{len(drawn.variables)}: check the parameters of the task set, such as its coherences"
        )
    dataset = _padded(environment, drawn).assign_attrs(
        taskset=settings["name"],
        task=task,
        split=split,
        dt=settings["dt"],
        n_outputs=environment.n_outputs,
        **({} if environment.tolerance is None else {"tolerance": environment.tolerance}),
    )
    if to_fill:
        dataset = pack_rows(dataset, row_steps)
    if learned and not unique:
        dataset = dataset.isel(trial=np.arange(count) % N_CACHED)
    if split == "evaluation":
        conditions = list(conditions)
        # In the order of `_conditions`: all cells of the design, then all cells again.
        n_cells = dataset.sizes["trial"] // count
        dataset["condition"] = ("trial", np.tile(np.arange(n_cells), count))
        dataset["repeat"] = ("trial", np.repeat(np.arange(count), n_cells))
        if settings["input_noise"] > 0:
            noise_free = _noise_free_inputs(settings, dataset, conditions, seed)
            # An environment whose noise is not this task set's has no noise to take away.
            if not np.array_equal(noise_free, dataset["inputs"]):
                dataset["noise_free_inputs"] = (("trial", "time", "channel"), noise_free)
    chance = chance_levels(dataset)
    dataset.attrs |= {
        "chance": chance.level,
        **{f"chance_{name}": value for name, value in vars(chance).items()},
    }
    return dataset


@dataclass(frozen=True)
class _Drawn:
    """Trials as they were drawn: a list entry each, because they differ in length."""

    inputs: list[NDArray[np.float32]]
    targets: list[NDArray[Any]]
    starts: list[list[int]]
    stops: list[list[int]]
    variables: list[dict[str, Any]]


def _drawn(
    environment: RuleTask, conditions: Iterable[dict[str, Any]], to_fill: RowsToFill | None
) -> _Drawn:
    """Draw a trial of each condition, until the rows to fill are full."""
    env: Any = environment
    drawn = _Drawn([], [], [], [], [])
    for condition in conditions:
        trial = env.new_trial(**condition)
        drawn.inputs.append(env.ob.astype(np.float32))
        drawn.targets.append(np.asarray(env.gt).copy())
        drawn.starts.append([env.start_ind[period] for period in environment.periods])
        drawn.stops.append([env.end_ind[period] for period in environment.periods])
        own = {name: value for name, value in trial.items() if np.ndim(value) == 0}
        if taken := sorted(TAKEN & own.keys()):
            raise ValueError(
                f"expected trial variables of other names than the arrays of the trials, got "
                f"{', '.join(taken)}: rename what _new_trial returns"
            )
        drawn.variables.append(
            {
                **own,
                "scored": environment.is_scored(trial),
                "ideal": environment.ideal_accuracy(trial),
            }
        )
        if to_fill and to_fill.are_full_after(len(env.gt)):
            break
    return drawn


def _padded(environment: RuleTask, drawn: _Drawn) -> xr.Dataset:
    """Return trials as arrays: a padded step is zero in every array, and False in every mask."""
    n_trials, n_steps = len(drawn.inputs), max(len(inputs) for inputs in drawn.inputs)
    periods, channels = list(environment.periods), environment.channel_names()
    padded = np.zeros((n_trials, n_steps, len(channels)), np.float32)
    is_vector = environment.tolerance is not None
    shape = (n_trials, n_steps, environment.n_outputs) if is_vector else (n_trials, n_steps)
    target = np.zeros(shape, np.float32 if is_vector else np.int16)
    valid, decision, asked = (np.zeros((n_trials, n_steps), bool) for _ in range(3))
    decision_periods, unasked_periods = (
        [periods.index(period) for period in names]
        for names in (environment.decisions, environment.unasked)
    )
    for k, (inputs, targets, starts, stops) in enumerate(
        zip(drawn.inputs, drawn.targets, drawn.starts, drawn.stops, strict=True)
    ):
        length = len(inputs)
        padded[k, :length] = inputs
        target[k, :length] = targets
        valid[k, :length] = asked[k, :length] = True
        for period in decision_periods:
            decision[k, starts[period] : stops[period]] = True
        for period in unasked_periods:
            asked[k, starts[period] : stops[period]] = False
    return xr.Dataset(
        {
            "inputs": (("trial", "time", "channel"), padded),
            "target": (("trial", "time", "output")[: target.ndim], target),
            "valid": (("trial", "time"), valid),
            "decision": (("trial", "time"), decision),
            "asked": (("trial", "time"), asked),
            "start": (("trial", "period"), np.array(drawn.starts, np.int32)),
            "stop": (("trial", "period"), np.array(drawn.stops, np.int32)),
            **{
                name: (("trial",), np.array([row[name] for row in drawn.variables]))
                for name in drawn.variables[0]
            },
        },
        coords={"channel": channels, "period": periods},
    )
