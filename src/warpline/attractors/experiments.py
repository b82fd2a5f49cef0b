"""Experiments on the validation systems: pairs to compare, and tables of their dissimilarities."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from warpline.attractors.systems import (
    Floats,
    attach,
    diffuse,
    mix,
    motif_sequences,
    n_shared_in_position,
    n_shared_motifs,
)
from warpline.console import progress
from warpline.core import plugins, random_streams
from warpline.similarity.measure_rows import checked_rows

__all__ = [
    "EXPERIMENTS",
    "Experiment",
    "compare_systems",
    "composition",
    "families",
    "motifs",
    "noise",
    "run_experiment",
    "sample_pairs",
    "sweep_hyperparameters",
    "systems_of_kind",
]

NO_MOTIF = ""
"""Name of the other motif where none is mixed in."""


@dataclass(frozen=True)
class Experiment:
    """Systems, and the pairs of them to compare.

    Attributes
    ----------
    systems : dict of str to ndarray, shape (trial, time, unit)
    pairs : list of dict
        ``system_a``, ``system_b`` (names of systems), and the columns that label the pair.
    """

    systems: Mapping[str, Floats]
    pairs: Sequence[Mapping[str, Any]]


def systems_of_kind(dataset: xr.Dataset, kind: str) -> dict[str, Floats]:
    """Return the systems of a kind (``family``, ``motif``, ``example``), in the order of the file.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `warpline.attractors.systems.simulate`.
    kind : str

    Returns
    -------
    dict of str to ndarray, shape (trial, time, unit)
    """
    states = dataset["states"].transpose("system", "trial", "time", "unit")[
        (dataset["kind"] == kind).values
    ]
    return dict(zip((str(name) for name in states["system"].values), states.values, strict=True))


# --- experiments --------------------------------------------------------------------------------------


def families(dataset: xr.Dataset, settings: Mapping[str, Any]) -> Experiment:
    """Pair all Lorenz systems, each also with itself.

    Column ``within`` is true for a pair of one family.
    """
    family_of = dict(zip(dataset["system"].values, dataset["family"].values, strict=True))
    systems = systems_of_kind(dataset, "family")
    pairs = [
        {
            "system_a": a,
            "system_b": b,
            "family_a": str(family_of[a]),
            "family_b": str(family_of[b]),
            "within": bool(family_of[a] == family_of[b]),
        }
        for a, b in itertools.combinations_with_replacement(systems, 2)
    ]
    return Experiment(systems, pairs)


def motifs(dataset: xr.Dataset, settings: Mapping[str, Any]) -> Experiment:
    """Pair all motifs, each also with itself."""
    systems = systems_of_kind(dataset, "motif")
    pairs = [
        {"system_a": a, "system_b": b}
        for a, b in itertools.combinations_with_replacement(systems, 2)
    ]
    return Experiment(systems, pairs)


def composition(dataset: xr.Dataset, settings: Mapping[str, Any]) -> Experiment:
    """Pair all sequences of distinct motifs.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `warpline.attractors.systems.simulate`.
    settings : mapping
        ``sequence``: number of motifs in a sequence.

    Returns
    -------
    Experiment
        Columns ``ordered`` and ``unordered``: the number of motifs that the two sequences share in the
        same position, and in any position. No sequence is paired with itself: that dissimilarity says
        nothing about composition.
    """
    states_of_motif = systems_of_kind(dataset, "motif")
    sequences = motif_sequences(list(states_of_motif), settings["sequence"])
    systems = {
        ">".join(sequence): attach([states_of_motif[name] for name in sequence])
        for sequence in sequences
    }
    pairs = [
        {
            "system_a": ">".join(a),
            "system_b": ">".join(b),
            "ordered": n_shared_in_position(a, b),
            "unordered": n_shared_motifs(a, b),
        }
        for a, b in itertools.combinations(sequences, 2)
    ]
    return Experiment(systems, pairs)


def noise(dataset: xr.Dataset, settings: Mapping[str, Any]) -> Experiment:
    """Pair each noisy motif with another noisy version of it, pure or mixed with another motif.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `warpline.attractors.systems.simulate`.
    settings : mapping
        ``seed`` (root), ``noise``: ``levels``, ``shares``.

    Returns
    -------
    Experiment
        Columns ``motif``; ``other``, empty where none is mixed in; ``level`` of the noise; ``share`` of
        the other motif; ``epoch``: k where the k-th level meets the k-th share (or no other motif), 0
        for all other combinations.
    """
    levels, shares = settings["noise"]["levels"], settings["noise"]["shares"]
    states_of_motif = systems_of_kind(dataset, "motif")

    def noisy(states: Floats, level: float, *name: str) -> Floats:
        stream = random_streams.generator(
            settings["seed"], "attractors", "noise", f"{level:g}", *name
        )
        return diffuse(states, level, stream)

    systems: dict[str, Floats] = {}
    pairs = []
    for (i, level), (motif, states) in itertools.product(
        enumerate(levels), states_of_motif.items()
    ):
        first = f"{motif} e={level:g}"
        systems[first] = noisy(states, level, motif, "first")

        # The pure motif comes first; it has no share, which index -1 stands for.
        mixtures = [(NO_MOTIF, -1, 0.0)]
        mixtures += [
            (other, j, share)
            for other in states_of_motif
            if other != motif
            for j, share in enumerate(shares)
        ]

        for other, j, share in mixtures:
            second = f"{first} +{share:g} {other}" if other else f"{first} again"
            mixed = mix(states, states_of_motif[other], share) if other else states
            # Noise common to both systems of a pair would make them more similar.
            systems[second] = noisy(mixed, level, motif, "second", other, f"{share:g}")
            labels = {"motif": motif, "other": other, "level": level, "share": share}
            epoch = i + 1 if i < len(shares) and j in (-1, i) else 0
            pairs.append({"system_a": first, "system_b": second, **labels, "epoch": epoch})
    return Experiment(systems, pairs)


EXPERIMENTS = {
    "families": families,
    "motifs": motifs,
    "composition": composition,
    "noise": noise,
}


def sample_pairs(
    pairs: Sequence[Mapping[str, Any]], count: int, stream: np.random.Generator
) -> list[dict[str, Any]]:
    """Draw pairs of sequences, as evenly as possible over the numbers of shared motifs.

    Few pairs share many motifs. An even draw determines each point of the composition curve about
    equally well.

    Parameters
    ----------
    pairs : sequence of mapping
        From `composition`.
    count : int
        Largest number of pairs to draw.
    stream : numpy.random.Generator

    Returns
    -------
    list of dict
        With ``weight``: the number of pairs that each drawn pair represents.
    """
    strata: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for pair in pairs:
        strata.setdefault((pair["ordered"], pair["unordered"]), []).append(pair)

    # The smallest strata come first: what they cannot fill is left to the larger ones.
    strata_by_size = sorted(strata.items(), key=lambda item: (len(item[1]), item[0]))
    sample: list[dict[str, Any]] = []
    for k, (_, members) in enumerate(strata_by_size):
        size = min(len(members), (count - len(sample)) // (len(strata) - k))
        for index in sorted(stream.choice(len(members), size=size, replace=False)):
            sample.append({**members[index], "weight": len(members) / size})
    return sample


# --- comparison ---------------------------------------------------------------------------------------


def _represent(
    measure: Any, systems: Mapping[str, Floats], names: Iterable[str], settings: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the representation of each system, and the reason for each that has none."""
    representations: dict[str, Any] = {}
    failures: dict[str, str] = {}
    for name in names:
        try:
            representations[name] = measure.represent(systems[name], settings=settings)
        except ValueError as error:
            failures[name] = f"failed: {error}"
    return representations, failures


def compare_systems(experiment: Experiment, settings: Mapping[str, Any], seed: int) -> pd.DataFrame:
    """Compute one measure on the pairs of an experiment; each system is represented once.

    Parameters
    ----------
    experiment : Experiment
    settings : mapping
        The measure's entry of the configuration; ``measure`` names the module.
    seed : int
        Root seed, for measures that search from random starts.

    Returns
    -------
    DataFrame
        A row per pair: its columns, ``dissimilarity``, ``status`` and further columns of the measure. A
        pair that cannot be compared has a missing value, and the reason as its status.
    """
    measure = plugins.load("similarity", settings["measure"])
    names = dict.fromkeys(pair[f"system_{side}"] for pair in experiment.pairs for side in "ab")
    representations, failures = _represent(measure, experiment.systems, names, settings)

    # Measures take pairs as indices into their representations.
    index = {name: k for k, name in enumerate(representations)}
    ends = [(pair["system_a"], pair["system_b"]) for pair in experiment.pairs]
    comparable = [k for k, (a, b) in enumerate(ends) if a in index and b in index]
    with progress.bar(len(experiment.pairs), settings["measure"], "pair") as bar:
        results = measure.compare_pairs(
            list(representations.values()),
            [(index[ends[k][0]], index[ends[k][1]]) for k in comparable],
            settings=settings,
            seed=seed,
            progress=bar,
        )

    # Rows keep the order of the pairs, those that could not be compared among them.
    checked = checked_rows(results, len(comparable), measure)
    result_of_pair = dict(zip(comparable, checked, strict=True))
    rows = []
    for k, (pair, (a, b)) in enumerate(zip(experiment.pairs, ends, strict=True)):
        failure = {"dissimilarity": np.nan, "status": failures.get(a) or failures.get(b)}
        rows.append({**pair, **result_of_pair.get(k, failure)})
    return pd.DataFrame(rows)


def run_experiment(dataset: xr.Dataset, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Compare the systems of one experiment by one measure.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `warpline.attractors.systems.simulate`.
    settings : mapping
        ``experiment``, a name in `EXPERIMENTS`; ``measure``, with its ``name`` in the configuration;
        ``seed`` (root); and the keys of the experiment.

    Returns
    -------
    DataFrame
        As `compare_systems`, with the name of the measure as the first column.
    """
    experiment = EXPERIMENTS[settings["experiment"]](dataset, settings)
    frame = compare_systems(experiment, settings["measure"], settings["seed"])
    frame.insert(0, "measure", settings["measure"]["name"])
    return frame


def sweep_hyperparameters(dataset: xr.Dataset, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Compare one sample of pairs of sequences by DSA, for each combination of hyperparameters.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `warpline.attractors.systems.simulate`.
    settings : mapping
        As `composition`, with ``seed`` (root), ``max_pairs``, ``measure`` and ``cells``: the values of
        ``n_delays``, ``delay_interval`` and ``rank`` in each combination.

    Returns
    -------
    DataFrame
        As `compare_systems`, with the hyperparameters as the first columns and ``weight`` from
        `sample_pairs`.
    """
    experiment = composition(dataset, settings)
    # The stream has no combination in its name: all combinations see the same pairs.
    stream = random_streams.generator(settings["seed"], "attractors", "sampled pairs")
    sample = sample_pairs(experiment.pairs, settings["max_pairs"], stream)
    sampled_experiment = Experiment(experiment.systems, sample)

    frames = []
    for cell in settings["cells"]:
        measure_settings = {**settings["measure"], **cell}
        frame = compare_systems(sampled_experiment, measure_settings, settings["seed"])
        for column, (key, value) in enumerate(cell.items()):
            frame.insert(column, key, value)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
