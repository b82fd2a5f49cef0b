"""The validation systems: Lorenz systems, motifs, and systems composed of motifs (Guilhot et al. 2024)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from warpline.core import random_streams

__all__ = [
    "MOTIFS",
    "Floats",
    "attach",
    "diffuse",
    "initial_points",
    "integrate_lorenz",
    "lorenz_parameters",
    "mix",
    "motif_sequences",
    "n_shared_in_position",
    "n_shared_motifs",
    "normalise",
    "simulate",
    "simulate_families",
    "simulate_motifs",
    "straight_paths",
]

Floats = NDArray[np.float64]

MOTIFS = ("line", "curve", "pattern_1", "pattern_2", "line_curve_line_curve")

EXAMPLE_SHARE, EXAMPLE_LEVEL = 0.5, 0.1
"""Share of the second motif in the example of a mixture, and noise level of the noisy example."""


# --- trajectories -------------------------------------------------------------------------------------


def initial_points(n_trials: int, stream: np.random.Generator) -> Floats:
    """Draw points uniformly from the unit cube.

    Returns
    -------
    ndarray, shape (trial, unit)
        Three units: x, y, z.
    """
    return stream.random((n_trials, 3))


def integrate_lorenz(
    points: Floats,
    r: float,
    *,
    s: float = 10.0,
    b: float = 2.667,
    dt: float = 0.01,
    n_steps: int = 200,
) -> Floats:
    """Integrate the Lorenz system by Euler's method, all trials at once.

    dx/dt = s (y - x), dy/dt = r x - y - x z, dz/dt = x y - b z (Lorenz 1963, eqs. 25-27).

    Parameters
    ----------
    points : ndarray, shape (trial, unit)
        Initial states.
    r, s, b : float
        Reduced Rayleigh number, Prandtl number and geometric factor.
    dt : float
        Integration step.
    n_steps : int
        Number of states, the initial one included.

    Returns
    -------
    ndarray, shape (trial, time, unit)

    Raises
    ------
    ValueError
        When the states overflow: dt is too large for this r.
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


def straight_paths(points: Floats, displacements: Floats, n_steps: int) -> Floats:
    """Return straight paths at constant speed.

    Parameters
    ----------
    points : ndarray, shape (trial, unit)
        Initial states.
    displacements : ndarray, shape (trial, unit)
        Last state minus first state.
    n_steps : int

    Returns
    -------
    ndarray, shape (trial, time, unit)
    """
    fraction = np.linspace(0, 1, n_steps)
    result: Floats = points[:, None] + fraction[None, :, None] * displacements[:, None]
    return result


def normalise(states: Floats) -> Floats:
    """Scale each trial to [0, 1], by its minimum and maximum over time and units.

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


# --- composition --------------------------------------------------------------------------------------


def attach(systems: Sequence[Floats]) -> Floats:
    """Attach systems in sequence: each continues from the last state of the one before.

    Parameters
    ----------
    systems : sequence of ndarray, shape (trial, time, unit)
        Of one shape.

    Returns
    -------
    ndarray, shape (trial, time, unit)
        Of the shape of one system: every k-th step of the path of k systems. Each trial is scaled to
        [0, 1].

    Raises
    ------
    ValueError
        When the systems differ in shape.
    """
    shapes = {states.shape for states in systems}
    if len(shapes) != 1:
        raise ValueError(f"expected systems of one shape, got {sorted(shapes)}")
    segments = [systems[0]]
    for states in systems[1:]:
        segments.append(states - states[:, :1] + segments[-1][:, -1:])
    return normalise(np.concatenate(segments, axis=1)[:, :: len(systems)])


def mix(states: Floats, other: Floats, share: float) -> Floats:
    """Return (1 - share) states + share other, trial by trial and step by step.

    Parameters
    ----------
    states, other : ndarray, shape (trial, time, unit)
    share : float
        Weight of the other system, in [0, 1].

    Returns
    -------
    ndarray, shape (trial, time, unit)
        Each trial is scaled to [0, 1].

    Raises
    ------
    ValueError
        When the share is not in [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share from 0 to 1, got {share}")
    return normalise((1 - share) * states + share * other)


def diffuse(states: Floats, level: float, stream: np.random.Generator, epochs: int = 1) -> Floats:
    """Add noise by a diffusion step x <- sqrt(1 - e^2) x + e noise, once per epoch.

    This is the forward process of Ho et al. (2020, eq. 2) with beta = e^2. It keeps the variance of
    states with zero mean and unit variance, and scales the original by sqrt(1 - e^2) per epoch.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
    level : float
        e, in [0, 1).
    stream : numpy.random.Generator
        Source of the standard normal noise, independent in every entry.
    epochs : int

    Returns
    -------
    ndarray, shape (trial, time, unit)

    Raises
    ------
    ValueError
        When the level is not in [0, 1).
    """
    if not 0 <= level < 1:
        raise ValueError(f"expected a level of noise in [0, 1), got {level}")
    for _ in range(epochs):
        states = np.sqrt(1 - level**2) * states + level * stream.standard_normal(states.shape)
    return states


def motif_sequences(names: Sequence[str], length: int = 3) -> list[tuple[str, ...]]:
    """Return all ordered selections of distinct motifs: 60 for three of five."""
    return list(itertools.permutations(names, length))


def n_shared_motifs(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the number of motifs that two sequences share, in any position."""
    return len(set(a) & set(b))


def n_shared_in_position(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the number of motifs that two sequences share in the same position."""
    return sum(first == second for first, second in zip(a, b, strict=True))


# --- simulation ---------------------------------------------------------------------------------------


def _initial_points(settings: Mapping[str, Any], name: str) -> Floats:
    """Return the initial points of a system: shared by all systems if ``paired``, else its own."""
    owner = ("all",) if settings["paired"] else ("own", name)
    stream = random_streams.generator(settings["seed"], "attractors", "initial points", *owner)
    return initial_points(settings["n_trials"], stream)


def _simulate_lorenz(settings: Mapping[str, Any], name: str, r: float) -> Floats:
    parameters = {key: settings[key] for key in ("s", "b", "dt", "n_steps")}
    return normalise(integrate_lorenz(_initial_points(settings, name), r, **parameters))


def lorenz_parameters(settings: Mapping[str, Any]) -> dict[str, tuple[str, float]]:
    """Return family and r of each Lorenz system, by name (``r=0.5``)."""
    return {
        f"r={r:g}": (family, r) for family, values in settings["families"].items() for r in values
    }


def simulate_families(settings: Mapping[str, Any]) -> dict[str, Floats]:
    """Simulate the Lorenz systems of all families.

    Parameters
    ----------
    settings : mapping
        ``seed`` (root), ``paired``, ``n_trials``, ``n_steps``, ``dt``, ``s``, ``b``, ``families``.

    Returns
    -------
    dict of str to ndarray, shape (trial, time, unit)
        Each trial in [0, 1], in the order of the settings.
    """
    return {
        name: _simulate_lorenz(settings, name, r)
        for name, (_, r) in lorenz_parameters(settings).items()
    }


def simulate_motifs(settings: Mapping[str, Any]) -> dict[str, Floats]:
    """Simulate the five motifs.

    Parameters
    ----------
    settings : mapping
        As `simulate_families`, with ``motifs`` (``curve``, ``patterns``) in place of ``families``.

    Returns
    -------
    dict of str to ndarray, shape (trial, time, unit)
        By the names of `MOTIFS`, each trial in [0, 1].
    """
    stream = random_streams.generator(settings["seed"], "attractors", "directions")
    directions = stream.standard_normal((settings["n_trials"], 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points = _initial_points(settings, "line")
    line = normalise(straight_paths(points, directions, settings["n_steps"]))
    curve = _simulate_lorenz(settings, "curve", settings["motifs"]["curve"])
    patterns = [
        _simulate_lorenz(settings, f"pattern_{k}", r)
        for k, r in enumerate(settings["motifs"]["patterns"], 1)
    ]
    # The second line and curve take the trials in reverse order, so that no trial repeats itself.
    composite = attach([line, curve, line[::-1], curve[::-1]])
    return dict(zip(MOTIFS, [line, curve, *patterns, composite], strict=True))


def _examples(motifs: Mapping[str, Floats], settings: Mapping[str, Any]) -> dict[str, Floats]:
    """Return one example of each way to compose motifs, for the figure of the motifs."""
    line, curve, pattern_1, pattern_2 = (motifs[name] for name in MOTIFS[:4])
    stream = random_streams.generator(settings["seed"], "attractors", "example")
    return {
        "line>curve>pattern_1": attach([line, curve, pattern_1]),
        f"curve +{EXAMPLE_SHARE:g} pattern_1": mix(curve, pattern_1, EXAMPLE_SHARE),
        f"pattern_2 e={EXAMPLE_LEVEL:g}": diffuse(pattern_2, EXAMPLE_LEVEL, stream),
    }


def simulate(settings: Mapping[str, Any]) -> xr.Dataset:
    """Simulate the Lorenz families, or the motifs with one example of each composition.

    Parameters
    ----------
    settings : mapping
        As `simulate_families` or, without ``families``, as `simulate_motifs`.

    Returns
    -------
    xarray.Dataset
        ``states`` (system, trial, time, unit); ``kind`` of each system: ``family``, ``motif`` or
        ``example``; ``family`` of each system, empty for motifs and examples. Coordinate ``time`` in
        the units of ``dt``.
    """
    if "families" in settings:
        systems = {"family": simulate_families(settings)}
        parameters = lorenz_parameters(settings)
    else:
        motifs = simulate_motifs(settings)
        systems = {"motif": motifs, "example": _examples(motifs, settings)}
        parameters = {}

    labels = [(kind, name) for kind, states_by_name in systems.items() for name in states_by_name]
    states = np.stack([systems[kind][name] for kind, name in labels])
    return xr.Dataset(
        {
            "states": (("system", "trial", "time", "unit"), states),
            "kind": ("system", [kind for kind, _ in labels]),
            "family": (
                "system",
                [parameters[name][0] if name in parameters else "" for _, name in labels],
            ),
        },
        coords={
            "system": [name for _, name in labels],
            "time": settings["dt"] * np.arange(settings["n_steps"]),
            "unit": ["x", "y", "z"],
        },
        attrs={"paired": int(settings["paired"])},
    )
