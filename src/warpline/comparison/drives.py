"""Inputs of the evaluation trials, and other input noise: what a network's similarity owes to its drive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from warpline.comparison.hidden_states import cut_window
from warpline.core import random_streams

__all__ = ["DRIVES", "autoregressive_noise", "driven_inputs", "window_inputs"]

DRIVES = {
    "fresh_noise": 1.0,
    "weak_noise": 0.3,
    "strong_noise": 3.0,
    "autocorrelated_noise": 1.0,
}
"""Standard deviation of the noise of each drive, relative to that of the evaluation trials."""


def autoregressive_noise(
    shape: tuple[int, int, int], correlation: float, stream: np.random.Generator
) -> NDArray[np.float64]:
    """Draw stationary Gaussian noise of unit variance: n(t) = r n(t-1) + sqrt(1 - r^2) e(t).

    Parameters
    ----------
    shape : tuple of int
        (trial, time, channel).
    correlation : float
        r, the correlation of successive steps, in [0, 1); 0 gives white noise.
    stream : numpy.random.Generator

    Returns
    -------
    ndarray, shape (trial, time, channel)
    """
    noise = stream.standard_normal(shape)
    innovation = np.sqrt(1 - correlation**2)
    for t in range(1, shape[1]):
        noise[:, t] = correlation * noise[:, t - 1] + innovation * noise[:, t]
    return noise


def driven_inputs(
    trials: xr.Dataset, drive: str, settings: Mapping[str, Any]
) -> NDArray[np.float32]:
    """Return the inputs of evaluation trials with their noise replaced.

    Trials keep their order, conditions, periods and noise-free stimulus. The new noise is Gaussian, and
    acts on the channels and steps that have noise in the trials, with the standard deviation that the
    noise of the trials has in each channel, times that of `DRIVES`.

    Parameters
    ----------
    trials : xarray.Dataset
        ``inputs`` and ``noise_free_inputs`` (`warpline.tasks.trials.generate_trials`).
    drive : str
        One of `DRIVES`. ``autocorrelated_noise`` is first-order autoregressive, the others are white.
    settings : mapping
        ``time_constant`` of autocorrelated noise in ms, after which its correlation has fallen to 1/e;
        ``seed``, the root seed. The stream depends on task set, task and drive, so that all networks of
        a task set get the same noise.

    Returns
    -------
    ndarray, shape (trial, time, channel)

    Raises
    ------
    ValueError
        When the drive is unknown.
    """
    if drive not in DRIVES:
        raise ValueError(f"expected a drive among {', '.join(DRIVES)}; got '{drive}'")
    inputs, noise_free = (
        trials[name].transpose("trial", "time", "channel").values.astype(np.float64)
        for name in ("inputs", "noise_free_inputs")
    )
    noise = inputs - noise_free
    noisy = noise != 0
    counts = np.maximum(noisy.sum(axis=(0, 1)), 1)
    deviations = np.sqrt((noise**2).sum(axis=(0, 1)) / counts)

    correlation = 0.0
    if drive == "autocorrelated_noise":
        correlation = float(np.exp(-trials.attrs["dt"] / settings["time_constant"]))
    stream = random_streams.generator(
        settings["seed"], "drive", trials.attrs["taskset"], trials.attrs["task"], drive
    )
    new_noise = DRIVES[drive] * deviations * autoregressive_noise(noise.shape, correlation, stream)
    return np.asarray(noise_free + np.where(noisy, new_noise, 0), np.float32)


def window_inputs(
    trials: xr.Dataset, settings: Mapping[str, Any]
) -> dict[str, NDArray[np.floating[Any]]]:
    """Return what drives networks in the comparison window, by drive.

    All networks of a task set see the same inputs. Their trajectories need not store them.

    Parameters
    ----------
    trials : xarray.Dataset
        Evaluation trials of the target (`warpline.tasks.trials.generate_trials`).
    settings : mapping
        ``period``, the comparison window; ``drives``, as for
        `warpline.comparison.trajectories.network_trajectories`.

    Returns
    -------
    dict of str to ndarray, shape (trial, time, channel)
        Those of the evaluation trials under the name ``""``, then those of each drive.
    """
    start, stop = (trials[edge].sel(period=settings["period"]).values for edge in ("start", "stop"))
    inputs = trials["inputs"].transpose("trial", "time", "channel").values
    windows = {"": cut_window(inputs, start, stop)}
    for drive in settings["drives"]["names"] if "noise_free_inputs" in trials else []:
        windows[drive] = cut_window(driven_inputs(trials, drive, settings["drives"]), start, stop)
    return windows
