"""States of a network in the comparison window, averaged by condition, on axes that its checkpoints share."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from warpline.comparison.projection import principal_axes

__all__ = ["condition_signals", "describe_conditions", "means_by_condition", "on_shared_axes"]

Floats = NDArray[np.floating[Any]]

NOT_DESCRIBED = frozenset({"condition", "repeat", "scored", "ideal"})
"""Variables of a trial that do not say what was shown."""


def means_by_condition(window: Floats, condition: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Average states over the trials of each condition.

    Parameters
    ----------
    window : ndarray, shape (trial, time, unit)
    condition : ndarray of int, shape (trial,)

    Returns
    -------
    ndarray, shape (condition, time, unit)
        Conditions in rising order.
    """
    means = [window[condition == c].mean(axis=0, dtype=np.float64) for c in np.unique(condition)]
    return np.stack(means)


def on_shared_axes(means: NDArray[np.float64]) -> xr.Dataset:
    """Project the states of all checkpoints on the same three principal axes.

    The axes are those of the states pooled over checkpoints, conditions and time. The states that are
    stored for comparisons have axes per checkpoint, on which learning cannot be seen.

    Parameters
    ----------
    means : ndarray, shape (checkpoint, condition, time, unit)

    Returns
    -------
    xarray.Dataset
        ``condition_states`` (checkpoint, condition, time, axis), float32, in units of the states, the pooled
        mean at the origin. ``axis_variance`` (axis), each axis's share of the pooled variance.
        ``shown_variance`` (checkpoint), the share of a checkpoint's own variance that the three axes hold;
        NaN where its states are constant.
    """
    axes = principal_axes(means)
    points = axes.points(means)
    own = means - means.mean(axis=(1, 2), keepdims=True)
    shown = points - points.mean(axis=(1, 2), keepdims=True)
    total = (own**2).sum(axis=(1, 2, 3))
    # Constant states, up to rounding, have no variance to hold.
    varies = total > 1e-12 * np.maximum((means**2).sum(axis=(1, 2, 3)), 1e-300)
    share = np.divide(
        (shown**2).sum(axis=(1, 2, 3)), total, out=np.full(len(means), np.nan), where=varies
    )
    return xr.Dataset(
        {
            "condition_states": (
                ("checkpoint", "condition", "time", "axis"),
                points.astype(np.float32),
            ),
            "axis_variance": ("axis", axes.variance),
            "shown_variance": ("checkpoint", share),
        }
    )


def describe_conditions(trials: xr.Dataset) -> list[str]:
    """Return what each condition shows, such as ``coh 51.2, ground_truth 1``, in the order of the conditions.

    Parameters
    ----------
    trials : xarray.Dataset
        Evaluation trials (`warpline.tasks.trials.generate_trials`).
    """
    _, first, condition = np.unique(
        trials["condition"].values, return_index=True, return_inverse=True
    )
    shown = {}
    for name, variable in sorted(trials.data_vars.items(), key=lambda item: str(item[0])):
        if variable.dims != ("trial",) or name in NOT_DESCRIBED:
            continue
        # What differs between the trials of a condition does not describe it.
        values = variable.values
        if (values == values[first][condition]).all():
            shown[name] = values[first]
    labels = []
    for k in range(len(first)):
        words = [f"{name} {_word(values[k])}" for name, values in shown.items()]
        labels.append(", ".join(words) or f"condition {k + 1}")
    return labels


def _word(value: Any) -> str:
    is_number = np.issubdtype(np.asarray(value).dtype, np.number)
    return f"{value:.4g}" if is_number else str(value)


def condition_signals(trials: xr.Dataset) -> NDArray[np.float64]:
    """Return each condition's signed stimulus strength, or its first target, in [-1, 1].

    Parameters
    ----------
    trials : xarray.Dataset
        Evaluation trials.

    Returns
    -------
    ndarray, shape (condition,)
        Zeros where the trials state neither a target on a scale nor a correct answer as a number.
    """
    # Trials of one condition differ only in their noise: the first repetition has every condition once.
    first_repeat = trials.isel(trial=slice(0, int((trials["repeat"] == 0).sum())))
    if "output" in trials.dims:
        decision_step = first_repeat["decision"].transpose("trial", "time").values.argmax(1)
        target = first_repeat["target"].isel(output=0).transpose("trial", "time").values
        return np.asarray(target[np.arange(len(decision_step)), decision_step], dtype=float)
    if "ground_truth" not in first_repeat or first_repeat["ground_truth"].dtype.kind not in "biuf":
        return np.zeros(first_repeat.sizes["trial"])
    truth = first_repeat["ground_truth"].values.astype(float)
    if "coh" in first_repeat:
        strength = first_repeat["coh"].values
    else:
        strength = np.ones(first_repeat.sizes["trial"])
    return np.asarray(np.sign(truth - truth.mean()) * strength / max(strength.max(), 1e-9))
