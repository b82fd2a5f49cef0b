"""Trajectories of the Lorenz system, all trials at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "initial_points", "integrate", "normalise"]

Floats = NDArray[np.float64]


def initial_points(n_trials: int, stream: np.random.Generator) -> Floats:
    """Draw points evenly from the unit cube.

    Returns
    -------
    ndarray, shape (trial, unit)
        Three units: x, y, z.
    """
    return stream.random((n_trials, 3))


def integrate(
    points: Floats,
    r: float,
    *,
    s: float = 10.0,
    b: float = 2.667,
    dt: float = 0.01,
    n_steps: int = 200,
) -> Floats:
    """Integrate dx/dt = s (y - x), dy/dt = r x - y - x z, dz/dt = x y - b z by Euler's method.

    Parameters
    ----------
    points : ndarray, shape (trial, unit)
        States at the first step.
    r, s, b : float
    dt : float
    n_steps : int
        Steps that are kept, the first included.

    Returns
    -------
    ndarray, shape (trial, time, unit)

    Raises
    ------
    ValueError
        When the states grow beyond all bounds: dt is too large for this r.
    """
    states = np.empty((len(points), n_steps, 3))
    states[:, 0] = points
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(n_steps - 1):
            x, y, z = states[:, k].T
            velocity = np.stack([s * (y - x), r * x - y - x * z, x * y - b * z], axis=1)
            states[:, k + 1] = states[:, k] + dt * velocity
    if not np.isfinite(states).all():
        raise ValueError(
            f"expected a dt at which r = {r:g} stays finite, got {dt:g}: use a smaller one"
        )
    return states


def normalise(states: Floats) -> Floats:
    """Scale each trial to the unit interval: its least value over time and units is 0, its largest 1.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)

    Returns
    -------
    ndarray, shape (trial, time, unit)

    Raises
    ------
    ValueError
        When a trial is constant.
    """
    low = states.min(axis=(1, 2), keepdims=True)
    span = states.max(axis=(1, 2), keepdims=True) - low
    if not (span > 0).all():
        trial = int(np.argmin(span.ravel()))
        raise ValueError(f"expected trials that vary, got a constant one (trial {trial})")
    result: Floats = (states - low) / span
    return result
