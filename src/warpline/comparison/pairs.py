"""Pairs of networks to compare, and tidy tables of their dissimilarities."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from warpline.console import progress
from warpline.core import plugins, random_streams
from warpline.similarity.measure_rows import checked_rows

__all__ = [
    "Comparison",
    "System",
    "after_learning",
    "between_architectures",
    "compare",
    "controls",
    "driven_systems_of",
    "floors_of_architectures",
    "over_learning",
    "represent",
    "systems_of",
    "within_learning",
]


@dataclass(frozen=True, eq=False)
class System:
    """One network at one checkpoint.

    Attributes
    ----------
    architecture, curriculum : str
    seed : int
    step : int
        Number of updates.
    fraction : float
        step / the run's own last step.
    nominal_fraction : float
        Fraction of training that the checkpoint stands for: it is the nearest one to it.
    accuracy : float
        Accuracy on the validation trials, a mean over the tasks that the run trains.
    run_status : str
        Status of the run: ``converged``, ``max_steps``, ``diverged`` or ``untrained``.
    states : ndarray, shape (trial, time, component)
        States in the comparison window.
    variant : str
        Name of a control's change of the states or of the inputs; empty for the states as they are.
    inputs : ndarray, shape (trial, time, channel), or None
        Inputs that drove the network, in the comparison window; for measures that need them.
    conditions : ndarray of int, shape (trial,), or None
        Condition of each trial, for measures that take trials as repeats.
    """

    architecture: str
    curriculum: str
    seed: int
    step: int
    fraction: float
    nominal_fraction: float
    accuracy: float
    run_status: str
    states: NDArray[np.float64]
    variant: str = ""
    inputs: NDArray[np.floating[Any]] | None = None
    conditions: NDArray[np.integer[Any]] | None = None

    @property
    def identity(self) -> tuple[str, str, int, int, str]:
        """Run, step and variant: equal for two systems that are the same."""
        return (self.architecture, self.curriculum, self.seed, self.step, self.variant)


@dataclass(frozen=True, eq=False)
class Comparison:
    """A pair of systems to compare, and the columns that label it in the table."""

    a: System
    b: System
    labels: Mapping[str, Any]


Inputs = Mapping[str, NDArray[np.floating[Any]]]
"""Inputs in the comparison window by drive; those of the evaluation trials have the name ``""``."""


def systems_of(dataset: xr.Dataset, inputs: Inputs | None = None) -> dict[int, list[System]]:
    """Return the systems of one architecture and curriculum, by seed, in order of nominal fraction.

    Parameters
    ----------
    dataset : xarray.Dataset
        See `warpline.comparison.trajectories.concatenate_seeds`.
    inputs : mapping of str to ndarray, optional
        What drove the networks (`warpline.comparison.drives.window_inputs`), for measures that need it.
    """
    states = dataset["states"].transpose("seed", "checkpoint", "trial", "time", "component").values
    conditions = dataset["condition"].values
    systems: dict[int, list[System]] = {}
    for i, seed in enumerate(dataset["seed"].values):
        systems[int(seed)] = [
            System(
                architecture=dataset.attrs["architecture"],
                curriculum=dataset.attrs["curriculum"],
                seed=int(seed),
                step=int(dataset["step"][i, k]),
                fraction=float(dataset["fraction"][i, k]),
                nominal_fraction=float(dataset["checkpoint"][k]),
                accuracy=float(dataset["accuracy"][i, k]),
                run_status=str(dataset["status"].values[i]),
                states=states[i, k, :, :, : int(dataset["n_components"][i, k])],
                inputs=None if inputs is None else inputs[""],
                conditions=conditions,
            )
            for k in range(dataset.sizes["checkpoint"])
        ]
    return systems


def driven_systems_of(
    dataset: xr.Dataset, inputs: Inputs | None = None
) -> dict[int, dict[str, System]]:
    """Return the networks after learning under other input noise, by seed and drive.

    Parameters
    ----------
    dataset, inputs
        As `systems_of`.

    Returns
    -------
    dict of int to dict of str to System
        Empty where the trajectories hold no other drives.
    """
    if "driven_states" not in dataset:
        return {}
    states = (
        dataset["driven_states"].transpose("seed", "drive", "trial", "time", "component").values
    )
    counts = dataset["driven_n_components"].transpose("seed", "drive").values
    return {
        seed: {
            str(drive): replace(
                systems[-1],
                states=states[i, k, :, :, : counts[i, k]],
                variant=str(drive),
                inputs=None if inputs is None else inputs[str(drive)],
            )
            for k, drive in enumerate(dataset["drive"].values)
        }
        for i, (seed, systems) in enumerate(systems_of(dataset, inputs).items())
    }


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


def represent(measure: Any, system: System, settings: Mapping[str, Any]) -> Any:
    """Hand a measure the states of a network, and what else it needs (`warpline.similarity`)."""
    extra: dict[str, Any] = {}
    if getattr(measure, "NEEDS_INPUTS", False):
        extra["inputs"] = system.inputs
    if getattr(measure, "NEEDS_CONDITIONS", False):
        extra["conditions"] = system.conditions
    return measure.represent(system.states, settings=settings, **extra)


IDENTITY = ("architecture", "curriculum", "seed", "step", "fraction", "accuracy", "run_status")


def compare(
    comparisons: Mapping[str, Sequence[Comparison]],
    settings: Mapping[str, Any],
    seed: int,
    represent: Callable[[Any, System, Mapping[str, Any]], Any] = represent,
) -> dict[str, pd.DataFrame]:
    """Compute one measure on several lists of pairs; each system is represented once.

    Parameters
    ----------
    comparisons : mapping of str to sequence of Comparison
        Pairs by the name of their table.
    settings : mapping
        The measure's entry of the configuration; ``measure`` names the module.
    seed : int
        Root seed, for measures that search from random starts.
    represent : callable, optional
        Given the measure's module, a system and the settings: what the measure compares.

    Returns
    -------
    dict of str to DataFrame
        A row per pair: its labels, both networks (``run_status`` says how their training ended),
        ``dissimilarity``, ``status`` of the comparison, and further columns of the measure. A pair that
        cannot be compared is a row with a missing value, and the reason as its status.
    """
    measure = plugins.load("similarity", settings["measure"])
    systems: dict[int, System] = {}
    for pair in itertools.chain.from_iterable(comparisons.values()):
        systems |= {id(pair.a): pair.a, id(pair.b): pair.b}

    # Representations (such as the operators of DSA) are costly: each is computed once for all tables.
    index_of_identity: dict[Any, int] = {}
    index_of_system: dict[int, int] = {}
    failed: dict[int, str] = {}
    representations: list[Any] = []
    for key, system in systems.items():
        # Several fractions of a short run have the same nearest checkpoint.
        if system.identity in index_of_identity:
            index_of_system[key] = index_of_identity[system.identity]
            continue
        if system.run_status == "diverged":
            failed[key] = "diverged"
            continue
        try:
            representations.append(represent(measure, system, settings))
        except ValueError as error:
            failed[key] = f"failed: {error}"
            continue
        index_of_system[key] = index_of_identity[system.identity] = len(representations) - 1

    tables = {}
    total = sum(len(pairs) for pairs in comparisons.values())
    with progress.bar(total, settings["measure"], "pair") as bar:
        for table, pairs in comparisons.items():
            comparable = [p for p in pairs if id(p.a) not in failed and id(p.b) not in failed]
            results = measure.compare_pairs(
                representations,
                [(index_of_system[id(p.a)], index_of_system[id(p.b)]) for p in comparable],
                settings=settings,
                seed=seed,
                progress=bar,
            )

            # Rows keep the order of the pairs, those that could not be compared among them.
            checked = checked_rows(results, len(comparable), measure)
            result_of_pair = dict(zip(map(id, comparable), checked, strict=True))
            rows = []
            for pair in pairs:
                reason = failed.get(id(pair.a)) or failed.get(id(pair.b))
                result = result_of_pair.get(id(pair), {"dissimilarity": np.nan, "status": reason})
                networks = {
                    f"{name}_{side}": getattr(system, name)
                    for side, system in (("a", pair.a), ("b", pair.b))
                    for name in IDENTITY
                }
                rows.append({**pair.labels, **networks, **result})
            # Readers find the columns in a table without rows, too.
            columns = [f"{name}_{side}" for side in "ab" for name in IDENTITY]
            empty = pd.DataFrame(columns=[*columns, "dissimilarity", "status"])
            tables[table] = pd.DataFrame(rows) if rows else empty
    return tables
