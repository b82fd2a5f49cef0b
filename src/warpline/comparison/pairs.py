"""Which pairs of networks are compared: after, over and within learning, and as controls."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.comparison.network_systems import System
from warpline.core import random_streams

__all__ = [
    "Comparison",
    "after_learning",
    "between_architectures",
    "controls",
    "floors_of_architectures",
    "over_learning",
    "within_learning",
]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A pair of systems to compare, and the columns that label it in the table."""

    a: System
    b: System
    labels: Mapping[str, Any]


Runs = Mapping[tuple[str, int], Sequence[System]]
"""Systems by (curriculum, seed), in order of nominal fraction."""


def _at(systems: Sequence[System], fractions: Iterable[float]) -> list[System]:
    by_fraction = {round(system.nominal_fraction, 6): system for system in systems}
    return [by_fraction[round(fraction, 6)] for fraction in fractions]


def after_learning(
    runs: Runs, curricula: Sequence[str], seeds: Sequence[int], earlier: Sequence[int]
) -> list[Comparison]:
    """Pair the trained networks of some seeds with each other and with those of earlier seeds.

    Parameters
    ----------
    runs : mapping of (str, int) to sequence of System
    curricula : sequence of str
    seeds, earlier : sequence of int
        The seeds of this table, and those before them in the configuration: a new seed adds a table
        and changes no other.

    Returns
    -------
    list of Comparison
        Same-seed pairs once each, including a network with itself; cross-seed pairs of all curricula.
    """
    pairs = []
    for i, seed in enumerate(seeds):
        final = {name: runs[name, seed][-1] for name in curricula}
        for a, b in itertools.combinations_with_replacement(curricula, 2):
            pairs.append(Comparison(final[a], final[b], {"seeds": "same"}))
        for other in [*earlier, *seeds[:i]]:
            for a, b in itertools.product(curricula, curricula):
                pairs.append(Comparison(runs[b, other][-1], final[a], {"seeds": "cross"}))
    return pairs


def over_learning(
    runs: Runs,
    curricula: Sequence[str],
    seeds: Sequence[int],
    earlier: Sequence[int],
    settings: Mapping[str, Any],
) -> list[Comparison]:
    """Pair checkpoints of one run with those of another at the same fraction of training.

    Parameters
    ----------
    runs, curricula, seeds, earlier
        As `after_learning`.
    settings : mapping
        ``fractions``, and ``references``, the curricula that all others are compared with.

    Returns
    -------
    list of Comparison
        Column ``against``: ``reference`` (same seed), ``floor`` (the reference with itself in another
        seed) and ``own_final`` (the run's own last checkpoint).
    """
    fractions = settings["fractions"]
    references = [name for name in settings["references"] if name in curricula]
    pairs = []
    for i, seed in enumerate(seeds):
        for name in curricula:
            checkpoints = _at(runs[name, seed], fractions)
            for reference in references:
                # A reference against itself in other seeds is the floor of the measure.
                other_seeds = [seed] if name != reference else [*earlier, *seeds[:i]]
                against = "reference" if name != reference else "floor"
                for other in other_seeds:
                    for fraction, a, b in zip(
                        fractions, checkpoints, _at(runs[reference, other], fractions), strict=True
                    ):
                        labels = {"against": against, "checkpoint": fraction}
                        pairs.append(Comparison(a, b, labels))
            for fraction, a in zip(fractions, checkpoints, strict=True):
                labels = {"against": "own_final", "checkpoint": fraction}
                pairs.append(Comparison(a, runs[name, seed][-1], labels))
    return pairs


def within_learning(
    runs: Runs, curricula: Sequence[str], seeds: Sequence[int], settings: Mapping[str, Any]
) -> list[Comparison]:
    """Pair the checkpoints of each run with each other, at the fractions of ``settings``.

    A run without updates has one checkpoint, and no pairs.
    """
    pairs = []
    for seed, name in itertools.product(seeds, curricula):
        if runs[name, seed][-1].step == 0:
            continue
        checkpoints = _at(runs[name, seed], settings["fractions"])
        for a, b in itertools.combinations_with_replacement(checkpoints, 2):
            labels = {"checkpoint_a": a.nominal_fraction, "checkpoint_b": b.nominal_fraction}
            pairs.append(Comparison(a, b, labels))
    return pairs


def controls(
    runs: Runs,
    curricula: Sequence[str],
    seeds: Sequence[int],
    repeat: NDArray[np.integer[Any]],
    root: int,
    driven: Mapping[tuple[str, int], Mapping[str, System]],
) -> list[Comparison]:
    """Pair each network after learning with itself under known changes.

    No control bounds a measure from above: two networks can lie further apart than a network lies from
    itself with shuffled time.

    Parameters
    ----------
    runs, curricula, seeds
        As `after_learning`.
    repeat : ndarray of int, shape (trial,)
        Repeat of the factorial design to which a trial belongs.
    root : int
        Root seed.
    driven : mapping of (str, int) to mapping of str to System
        The networks under other input noise, by (curriculum, seed) and drive (`driven_systems_of`).

    Returns
    -------
    list of Comparison
        Column ``control``: ``split_half`` (even against odd repeats, which share conditions and differ in
        noise: the effect of trial noise alone), the names of the drives (same weights and trials, other
        input noise: the effect of the drive alone) and ``shuffled_time`` (each trial's steps in a random
        order: the null without temporal order; the input of a step goes with its state).
    """
    pairs = []
    n_even, n_odd = int((repeat % 2 == 0).sum()), int((repeat % 2 == 1).sum())
    for seed, name in itertools.product(seeds, curricula):
        final = runs[name, seed][-1]
        # CKA and Procrustes need equally many trials in both halves.
        if n_even == n_odd:
            halves = [_selected(final, repeat % 2 == parity, f"half {parity}") for parity in (0, 1)]
            pairs.append(Comparison(halves[0], halves[1], {"control": "split_half"}))

        for drive, other in driven.get((name, seed), {}).items():
            pairs.append(Comparison(final, other, {"control": drive}))

        # The null: the same states, without their order in time.
        stream = random_streams.generator(root, "shuffled_time", final.architecture, name, seed)
        n_trials, n_steps = final.states.shape[:2]
        order = stream.permuted(np.tile(np.arange(n_steps), (n_trials, 1)), axis=1)
        shuffled = _selected(final, (np.arange(n_trials)[:, None], order), "shuffled")
        pairs.append(Comparison(final, shuffled, {"control": "shuffled_time"}))
    return pairs


def _selected(system: System, index: Any, variant: str) -> System:
    """Return a system with some of its trials or steps, inputs and conditions alike."""
    # A pair of indices reorders steps, and keeps every trial in its place.
    of_trials = slice(None) if isinstance(index, tuple) else index
    return replace(
        system,
        states=system.states[index],
        inputs=None if system.inputs is None else system.inputs[index],
        conditions=None if system.conditions is None else system.conditions[of_trials],
        variant=variant,
    )


def between_architectures(
    finals: Mapping[tuple[str, str, int], System], seeds: Sequence[int]
) -> list[Comparison]:
    """Pair networks of two architectures that share curriculum and seed, after learning.

    Parameters
    ----------
    finals : mapping of (architecture, curriculum, seed) to System
    seeds : sequence of int
    """
    pairs = []
    architectures = sorted({key[0] for key in finals})
    curricula = sorted({key[1] for key in finals})
    for seed, name in itertools.product(seeds, curricula):
        for a, b in itertools.combinations(architectures, 2):
            if (a, name, seed) in finals and (b, name, seed) in finals:
                pairs.append(Comparison(finals[a, name, seed], finals[b, name, seed], {}))
    return pairs


def floors_of_architectures(
    finals: Mapping[tuple[str, str, int], System],
    seeds: Sequence[int],
    earlier: Sequence[int] = (),
) -> list[Comparison]:
    """Pair networks of one architecture and curriculum that differ in their seed, after learning.

    Parameters
    ----------
    finals : mapping of (architecture, curriculum, seed) to System
    seeds, earlier : sequence of int
        As `after_learning`.
    """
    pairs = []
    for architecture, name in dict.fromkeys(key[:2] for key in finals):
        for i, seed in enumerate(seeds):
            for other in [*earlier, *seeds[:i]]:
                keys = [(architecture, name, seed), (architecture, name, other)]
                if all(key in finals for key in keys):
                    pairs.append(Comparison(finals[keys[0]], finals[keys[1]], {}))
    return pairs
