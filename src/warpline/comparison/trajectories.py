"""Trajectories of a network over training: the hidden states of some checkpoints on the evaluation trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from warpline.comparison.condition_states import (
    condition_signals,
    describe_conditions,
    means_by_condition,
    on_shared_axes,
)
from warpline.comparison.drives import driven_inputs
from warpline.comparison.hidden_states import (
    condition_means,
    cut_window,
    hidden_states,
    principal_components,
    run_network,
)
from warpline.core import random_streams

if TYPE_CHECKING:
    import torch
    from torch import nn

    from warpline.models.checkpoints import CheckpointFile

__all__ = ["concatenate_seeds", "means_of_first", "network_trajectories", "split_condition_states"]

BY_CONDITION = ("condition_states", "axis_variance", "shown_variance")
"""What is stored apart: small, and kept where the states of single trials are not."""
SHARED = ("step", "fraction", "accuracy", "status")
"""What both files say of a network."""

SHIFT = 500.0
"""Milliseconds by which Guilhot et al. (2024) shift the window (``window: shifted``)."""


def _inputs(trials: xr.Dataset) -> NDArray[np.float32]:
    inputs: NDArray[np.float32] = trials["inputs"].transpose("trial", "time", "channel").values
    return inputs


def _window_steps(
    target: xr.Dataset, settings: Mapping[str, Any]
) -> tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
    """Return the first step of the comparison window in each trial, and one past its last."""
    start, stop = (target[edge].sel(period=settings["period"]).values for edge in ("start", "stop"))
    if settings["protocol"]["window"] == "shifted":
        shift = round(SHIFT / float(target.attrs["dt"]))
        start, stop = np.maximum(start - shift, 0), stop - shift
        if stop.min() <= 0:
            raise ValueError(
                f"expected a comparison window that ends more than {SHIFT:g} ms into the trial, to be "
                f"shifted by as much; {settings['period']} ends earlier: set protocol.evaluation.window: own"
            )
    return start, stop


def _window_states(
    states: NDArray[np.float32], target: xr.Dataset, settings: Mapping[str, Any]
) -> NDArray[np.floating[Any]]:
    """Return a network's states in the comparison window, (trial, time, unit).

    States that are not finite become zeros. They are those of a diverged run, whose status says so, and
    which is compared with no other.
    """
    window = cut_window(states, *_window_steps(target, settings))
    if not np.isfinite(window).all():
        window = np.zeros_like(window)
    return window


def _components(
    window: NDArray[np.floating[Any]], settings: Mapping[str, Any]
) -> tuple[NDArray[np.float64], float]:
    """Return the principal components of states in the comparison window, and their share of the variance."""
    if settings["protocol"]["reduction"] == "published":
        return window.astype(np.float64), 1.0
    return principal_components(window, settings["variance"])


def _accuracy(outputs: NDArray[np.float32], trials: xr.Dataset) -> float:
    """Return the share of correct decision steps of the scored trials."""
    import torch

    from warpline.tasks.scoring import share_correct

    target = trials["target"].transpose("trial", "time", ...).values
    decision = trials["decision"].transpose("trial", "time").values
    counted = decision & trials["scored"].values[:, None]
    return share_correct(
        torch.from_numpy(outputs),
        torch.from_numpy(target),
        torch.from_numpy(counted),
        trials.attrs.get("tolerance"),
    )


def _own_sample(
    trials: xr.Dataset, settings: Mapping[str, Any], seed: int, step: int
) -> xr.Dataset:
    """Return as many trials as there are, drawn with replacement for one checkpoint of one network."""
    stream = random_streams.generator(
        settings["protocol"]["seed"],
        "sample",
        settings["taskset"],
        settings["architecture"]["name"],
        settings["curriculum"],
        seed,
        step,
    )
    rows = stream.integers(trials.sizes["trial"], size=trials.sizes["trial"])
    return trials.isel(trial=rows)


def _task_means(model: nn.Module, trials: xr.Dataset, memory_mb: int) -> xr.DataArray:
    """Return a network's states averaged by condition, (condition, step_aligned, unit)."""
    states = hidden_states(model, _inputs(trials), memory_mb)
    decision = trials["decision"].transpose("trial", "time").values
    means, aligned = condition_means(
        states,
        trials["condition"].values,
        go=decision.argmax(1),
        end=decision.shape[1] - decision[:, ::-1].argmax(1),
    )
    return xr.DataArray(
        means, dims=("condition", "step_aligned", "unit"), coords={"step_aligned": aligned}
    )


def network_trajectories(
    checkpoints: CheckpointFile,
    tasks: Sequence[xr.Dataset],
    settings: Mapping[str, Any],
    device: torch.device,
    seed: int = 0,
) -> xr.Dataset:
    """Run the checkpoints of one network on the evaluation trials.

    Parameters
    ----------
    checkpoints : CheckpointFile
    tasks : sequence of xarray.Dataset
        Evaluation trials by task, the target first (`warpline.tasks.trials.generate_trials`).
    settings : mapping
        ``architecture``, ``fractions`` (of training), ``period`` (the comparison window of the target),
        ``variance`` (share that the principal components keep), ``memory_mb``, ``drives`` (``names`` of
        `warpline.comparison.drives.DRIVES`; with names also ``time_constant`` in ms and ``seed``, the root
        seed). ``protocol``, choices of Guilhot et al. (2024): ``paired`` (False: each checkpoint has its own
        sample of the trials), ``window`` ("shifted": 500 ms early), ``reduction`` ("published": raw units).
        Without ``paired`` it holds the root ``seed``, and ``taskset`` and ``curriculum`` name the sample.
    device : torch.device
    seed : int
        Seed of the network, which names its own sample of trials.

    Returns
    -------
    xarray.Dataset
        ``states`` (checkpoint, trial, time, component), float32: components in the comparison window,
        padded with zeros to the largest number of components. ``step``, ``fraction``, ``accuracy`` (on the
        validation trials), ``held_out_accuracy`` (on the evaluation trials, which no network has seen in
        training), ``n_components``, ``variance`` (checkpoint). ``status`` of the run. ``mean_states`` (task,
        condition, step_aligned, unit): states of the last fraction, averaged by condition. With drives,
        and where the trials have noise: ``driven_states`` (drive, trial, time, component), components of
        the last fraction's states on the same trials under other input noise, and
        ``driven_n_components`` (drive). And the variables of
        `warpline.comparison.condition_states.on_shared_axes`.

    Raises
    ------
    ValueError
        When the comparison window does not last equally long in all trials, or cannot be shifted.
    """
    settings = {"protocol": {"paired": True, "window": "own", "reduction": "own"}, **settings}
    target = tasks[0]
    n_inputs, n_outputs = target.sizes["channel"], int(target.attrs["n_outputs"])
    dt = float(target.attrs["dt"])

    # Each checkpoint has its own principal components: all measures are invariant to rotation.
    rows, components, means_in_window = [], [], []
    for fraction in settings["fractions"]:
        step, actual = checkpoints.nearest(fraction)
        model = checkpoints.network(settings["architecture"], n_inputs, n_outputs, dt, step)
        model.to(device)
        paired = settings["protocol"]["paired"]
        shown = target if paired else _own_sample(target, settings, seed, step)
        outputs, states = run_network(model, _inputs(shown), settings["memory_mb"])
        window = _window_states(states, shown, settings)
        scores, variance = _components(window, settings)
        if not paired:
            # A sample can lack a condition: averages are of the trials that all networks share.
            states = hidden_states(model, _inputs(target), settings["memory_mb"])
            window = _window_states(states, target, settings)
        means_in_window.append(means_by_condition(window, target["condition"].values))
        components.append(scores.astype(np.float32))
        accuracy = (checkpoints.accuracy[step], _accuracy(outputs, shown))
        rows.append((step, actual, *accuracy, scores.shape[-1], variance))
    means = {
        trials.attrs["task"]: _task_means(model, trials, settings["memory_mb"]) for trials in tasks
    }

    # The control of the drive: the last network on the same trials, those of its sample, under other noise.
    drives = settings["drives"]["names"] if "noise_free_inputs" in target else []
    driven = []
    for drive in drives:
        inputs = driven_inputs(shown, drive, settings["drives"])
        states = hidden_states(model, inputs, settings["memory_mb"])
        scores, _ = _components(_window_states(states, shown, settings), settings)
        driven.append(scores.astype(np.float32))

    # One array for all checkpoints; `n_components` says how much of it is padding.
    n_largest = max(scores.shape[-1] for scores in [*components, *driven])
    padded = [
        np.pad(scores, [(0, 0), (0, 0), (0, n_largest - scores.shape[-1])])
        for scores in [*components, *driven]
    ]
    kept_states, driven_states = padded[: len(components)], padded[len(components) :]
    steps, fractions, accuracies, held_out, n_components, variances = (
        np.array(column) for column in zip(*rows, strict=True)
    )
    dataset = xr.Dataset(
        {
            "states": (("checkpoint", "trial", "time", "component"), np.stack(kept_states)),
            "step": ("checkpoint", steps),
            "fraction": ("checkpoint", fractions),
            "accuracy": ("checkpoint", accuracies),
            "held_out_accuracy": ("checkpoint", held_out),
            "n_components": ("checkpoint", n_components),
            "variance": ("checkpoint", variances),
            "status": ((), checkpoints.status),
            "mean_states": xr.concat(means.values(), "task", join="outer"),
        },
        coords={
            "checkpoint": settings["fractions"],
            "component": np.arange(n_largest),
            "task": list(means),
        },
    )
    # Averages over trials are small, so that they can be drawn without the file of all states.
    dataset = dataset.merge(on_shared_axes(np.stack(means_in_window)))
    if drives:
        dataset["driven_states"] = (
            ("drive", "trial", "time", "component"),
            np.stack(driven_states),
        )
        dataset["driven_n_components"] = ("drive", [scores.shape[-1] for scores in driven])
        dataset["drive"] = list(drives)
    return dataset


def concatenate_seeds(
    networks: Sequence[xr.Dataset],
    seeds: Sequence[int],
    target: xr.Dataset,
    settings: Mapping[str, Any],
) -> xr.Dataset:
    """Return the trajectories of several seeds as one dataset.

    Parameters
    ----------
    networks : sequence of xarray.Dataset
        As `network_trajectories` returns them, a network per seed.
    seeds : sequence of int
    target : xarray.Dataset
        Evaluation trials of the target.
    settings : mapping
        ``taskset``, ``architecture``, ``curriculum``.

    Returns
    -------
    xarray.Dataset
        With the dimension ``seed``, and ``condition`` and ``repeat`` (trial) of the trials. Networks with
        fewer components are padded with zeros.
    """
    dataset = xr.concat(
        [network.assign_coords(seed=seed) for network, seed in zip(networks, seeds, strict=True)],
        "seed",
        join="outer",
        data_vars="all",
        fill_value={"states": 0.0, "driven_states": 0.0},
    )
    for name in ("condition", "repeat"):
        dataset[name] = target[name]
    dataset.attrs = {
        "taskset": settings["taskset"],
        "architecture": settings["architecture"]["name"],
        "curriculum": settings["curriculum"],
        "dt": target.attrs["dt"],
    }
    return dataset


def split_condition_states(
    trajectories: xr.Dataset, target: xr.Dataset
) -> tuple[xr.Dataset, xr.Dataset]:
    """Part the states averaged by condition from the states of single trials.

    Parameters
    ----------
    trajectories : xarray.Dataset
        As `concatenate_seeds` returns it.
    target : xarray.Dataset
        Evaluation trials of the target.

    Returns
    -------
    trajectories : xarray.Dataset
        Without the states averaged by condition in the comparison window.
    condition_states : xarray.Dataset
        The variables of `warpline.comparison.condition_states.on_shared_axes` and those that both hold, with
        ``label`` and ``signal`` (condition), what each condition shows. ``time`` in ms from the start of the
        comparison window.
    """
    by_condition = trajectories[[*BY_CONDITION, *SHARED]].drop_vars("condition", errors="ignore")
    dt = float(target.attrs["dt"])
    by_condition = by_condition.assign_coords(time=dt * np.arange(by_condition.sizes["time"]))
    by_condition["label"] = ("condition", describe_conditions(target))
    by_condition["signal"] = ("condition", condition_signals(target))
    return trajectories.drop_vars(BY_CONDITION), by_condition


def means_of_first(trajectories: xr.Dataset) -> xr.Dataset:
    """Return the states averaged by condition over whole trials, of the first seed: what figures show.

    Parameters
    ----------
    trajectories : xarray.Dataset
        As `split_condition_states` returns it.

    Returns
    -------
    xarray.Dataset
        ``mean_states`` (seed, task, condition, step_aligned, unit) of one seed.
    """
    # `condition` is also the name of a variable, the condition of each trial.
    return trajectories[["mean_states"]].isel(seed=[0]).drop_vars("condition", errors="ignore")
