"""The systems that the bench starts from: the Lorenz families, and the motifs of compositions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpline.attractors.composition import attach
from warpline.attractors.lorenz import Floats, initial_points, integrate, normalise
from warpline.core import random_streams

__all__ = ["MOTIFS", "families", "family_names", "line", "motifs"]

MOTIFS = ("line", "curve", "pattern_1", "pattern_2", "line_curve_line_curve")


def line(points: Floats, directions: Floats, n_steps: int) -> Floats:
    """Return straight paths at constant speed, a direction per trial.

    Parameters
    ----------
    points : ndarray, shape (trial, unit)
        Where they start.
    directions : ndarray, shape (trial, unit)
        From the first step to the last.
    n_steps : int

    Returns
    -------
    ndarray, shape (trial, time, unit)
    """
    done = np.linspace(0, 1, n_steps)
    result: Floats = points[:, None] + done[None, :, None] * directions[:, None]
    return result


def _points(settings: Mapping[str, Any], name: str) -> Floats:
    """Return where a system starts: shared points, or its own where the bench is not paired."""
    who = ("all",) if settings["paired"] else ("own", name)
    stream = random_streams.generator(settings["seed"], "attractors", "initial points", *who)
    return initial_points(settings["n_trials"], stream)


def _lorenz(settings: Mapping[str, Any], name: str, r: float) -> Floats:
    keys = ("s", "b", "dt", "n_steps")
    states = integrate(_points(settings, name), r, **{key: settings[key] for key in keys})
    return normalise(states)


def family_names(settings: Mapping[str, Any]) -> dict[str, tuple[str, float]]:
    """Return the family and the r of each system of the families, by name (``r=0.5``)."""
    return {
        f"r={r:g}": (family, r) for family, values in settings["families"].items() for r in values
    }


def families(settings: Mapping[str, Any]) -> dict[str, Floats]:
    """Simulate the Lorenz systems of all families.

    Parameters
    ----------
    settings : mapping
        ``seed`` (root), ``paired``, ``n_trials``, ``n_steps``, ``dt``, ``s``, ``b``, ``families``.

    Returns
    -------
    dict of str to ndarray, shape (trial, time, unit)
        In the unit interval, in the order of the settings.
    """
    return {name: _lorenz(settings, name, r) for name, (_, r) in family_names(settings).items()}


def motifs(settings: Mapping[str, Any]) -> dict[str, Floats]:
    """Make the five motifs.

    Parameters
    ----------
    settings : mapping
        As `families`, with ``motifs`` (``curve``, ``patterns``) in place of ``families``.

    Returns
    -------
    dict of str to ndarray, shape (trial, time, unit)
        By the names of `MOTIFS`, in the unit interval.
    """
    stream = random_streams.generator(settings["seed"], "attractors", "directions")
    directions = stream.standard_normal((settings["n_trials"], 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    straight = normalise(line(_points(settings, "line"), directions, settings["n_steps"]))
    curve = _lorenz(settings, "curve", settings["motifs"]["curve"])
    patterns = [
        _lorenz(settings, f"pattern_{k}", r)
        for k, r in enumerate(settings["motifs"]["patterns"], 1)
    ]
    # The second line and curve are those of the trial in the mirrored place: no trial repeats itself.
    composite = attach([straight, curve, straight[::-1], curve[::-1]])
    return dict(zip(MOTIFS, [straight, curve, *patterns, composite], strict=True))
