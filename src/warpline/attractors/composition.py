"""Make new systems of given ones: attach them in sequence, mix them, add noise."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from warpline.attractors.lorenz import Floats, normalise

__all__ = ["attach", "diffuse", "mix", "sequences", "shared", "shared_in_place"]


def attach(parts: Sequence[Floats]) -> Floats:
    """Attach systems in sequence, each going on where the one before ends, at the length of one.

    Parameters
    ----------
    parts : sequence of ndarray, shape (trial, time, unit)
        Of one shape.

    Returns
    -------
    ndarray, shape (trial, time, unit)
        Of the shape of a part: of the whole path every k-th step is kept, for k parts. Each trial is
        scaled to the unit interval.

    Raises
    ------
    ValueError
        When the parts differ in shape.
    """
    shapes = {part.shape for part in parts}
    if len(shapes) != 1:
        raise ValueError(f"expected parts of one shape, got {sorted(shapes)}")
    moved = [parts[0]]
    for part in parts[1:]:
        moved.append(part - part[:, :1] + moved[-1][:, -1:])
    return normalise(np.concatenate(moved, axis=1)[:, :: len(parts)])


def mix(states: Floats, other: Floats, share: float) -> Floats:
    """Return (1 - share) times a system plus share times another, trial by trial and step by step.

    Parameters
    ----------
    states, other : ndarray, shape (trial, time, unit)
    share : float
        Of the other, in [0, 1].

    Returns
    -------
    ndarray, shape (trial, time, unit)
        Each trial is scaled to the unit interval.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share from 0 to 1, got {share}")
    return normalise((1 - share) * states + share * other)


def diffuse(states: Floats, level: float, stream: np.random.Generator, epochs: int = 1) -> Floats:
    """Perturb a system by x <- sqrt(1 - e^2) x + e noise, once an epoch.

    For states of zero mean and unit variance the variance stays 1; the share of the original in them
    falls by sqrt(1 - e^2) an epoch.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
    level : float
        e, in [0, 1).
    stream : numpy.random.Generator
        Of the standard normal noise, independent in every number.
    epochs : int

    Returns
    -------
    ndarray, shape (trial, time, unit)
    """
    if not 0 <= level < 1:
        raise ValueError(f"expected a level of noise in [0, 1), got {level}")
    for _ in range(epochs):
        states = np.sqrt(1 - level**2) * states + level * stream.standard_normal(states.shape)
    return states


def sequences(names: Sequence[str], length: int = 3) -> list[tuple[str, ...]]:
    """Return all ordered selections of distinct motifs: 60 for three of five."""
    return list(itertools.permutations(names, length))


def shared(a: Sequence[str], b: Sequence[str]) -> int:
    """Return how many motifs two sequences share, wherever they stand."""
    return len(set(a) & set(b))


def shared_in_place(a: Sequence[str], b: Sequence[str]) -> int:
    """Return how many motifs two sequences share in the same place."""
    return sum(first == second for first, second in zip(a, b, strict=True))
