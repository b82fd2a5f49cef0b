"""Which systems each experiment compares, and the tidy table that comes of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from warpline.attractors import composition
from warpline.attractors.lorenz import Floats
from warpline.console import progress
from warpline.core import plugins, random_streams

__all__ = [
    "EXPERIMENTS",
    "Experiment",
    "compare",
    "families",
    "motifs",
    "noise",
    "sample_pairs",
    "sequences",
    "systems_of",
]

ALONE = ""
"""Stands for the other motif where none is mixed in."""


@dataclass(frozen=True)
class Experiment:
    """Systems and the pairs of them to compare.

    Attributes
    ----------
    systems : dict of str to ndarray, shape (trial, time, unit)
    pairs : list of dict
        ``system_a``, ``system_b`` (names of systems), and the columns that say what the pair is.
    """

    systems: Mapping[str, Floats]
    pairs: Sequence[Mapping[str, Any]]


def systems_of(dataset: xr.Dataset, kind: str) -> dict[str, Floats]:
    """Return the systems of a kind (``family``, ``motif``, ``example``), in the order of the file.

    Parameters
    ----------
    dataset : xarray.Dataset
        As scripts/simulate_attractors.py writes it.
    """
    chosen = dataset["states"].transpose("system", "trial", "time", "unit")[
        (dataset["kind"] == kind).values
    ]
    return dict(zip((str(name) for name in chosen["system"].values), chosen.values, strict=True))


def families(dataset: xr.Dataset, settings: Mapping[str, Any]) -> Experiment:
    """Pair all Lorenz systems, each with itself included; column ``within``: of one family."""
    of = dict(zip(dataset["system"].values, dataset["family"].values, strict=True))
    systems = systems_of(dataset, "family")
    pairs = [
        {
            "system_a": a,
            "system_b": b,
            "family_a": str(of[a]),
            "family_b": str(of[b]),
            "within": bool(of[a] == of[b]),
        }
        for a, b in itertools.combinations_with_replacement(systems, 2)
    ]
    return Experiment(systems, pairs)


def motifs(dataset: xr.Dataset, settings: Mapping[str, Any]) -> Experiment:
    """Pair all motifs, each with itself included."""
    systems = systems_of(dataset, "motif")
    pairs = [
        {"system_a": a, "system_b": b}
        for a, b in itertools.combinations_with_replacement(systems, 2)
    ]
    return Experiment(systems, pairs)


def sequences(dataset: xr.Dataset, settings: Mapping[str, Any]) -> Experiment:
    """Pair all ordered selections of motifs, attached in sequence.

    Parameters
    ----------
    dataset : xarray.Dataset
    settings : mapping
        ``sequence``: motifs in a selection.

    Returns
    -------
    Experiment
        Columns ``ordered`` and ``unordered``: motifs that the two share in the same place, and
        wherever they stand. A sequence is not paired with itself: that it equals itself is no finding.
    """
    parts = systems_of(dataset, "motif")
    chosen = composition.sequences(list(parts), settings["sequence"])
    systems = {
        ">".join(names): composition.attach([parts[name] for name in names]) for names in chosen
    }
    pairs = [
        {
            "system_a": ">".join(a),
            "system_b": ">".join(b),
            "ordered": composition.shared_in_place(a, b),
            "unordered": composition.shared(a, b),
        }
        for a, b in itertools.combinations(chosen, 2)
    ]
    return Experiment(systems, pairs)


def noise(dataset: xr.Dataset, settings: Mapping[str, Any]) -> Experiment:
    """Pair each motif under noise with itself under other noise, alone and with another motif mixed in.

    Parameters
    ----------
    dataset : xarray.Dataset
    settings : mapping
        ``seed`` (root), ``noise``: ``levels``, ``shares``.

    Returns
    -------
    Experiment
        Columns ``motif``; ``other``, empty where none is mixed in; ``level`` of the noise, ``share`` of
        the other; ``epoch``, 1 for the first level with the first share and so on, 0 for other
        combinations.
    """
    levels, shares = settings["noise"]["levels"], settings["noise"]["shares"]
    parts = systems_of(dataset, "motif")

    def noisy(states: Floats, level: float, *name: str) -> Floats:
        stream = random_streams.generator(
            settings["seed"], "attractors", "noise", f"{level:g}", *name
        )
        return composition.diffuse(states, level, stream)

    systems: dict[str, Floats] = {}
    pairs = []
    for (k, level), (motif, states) in itertools.product(enumerate(levels), parts.items()):
        first = f"{motif} e={level:g}"
        systems[first] = noisy(states, level, motif, "first")
        others = [(motif, ALONE, -1, 0.0)]
        others += [
            (motif, other, j, share)
            for other in parts
            if other != motif
            for j, share in enumerate(shares)
        ]
        for _, other, j, share in others:
            second = f"{first} +{share:g} {other}" if other else f"{first} again"
            mixed = composition.mix(states, parts[other], share) if other else states
            systems[second] = noisy(mixed, level, motif, "second", other, f"{share:g}")
            labels = {"motif": motif, "other": other, "level": level, "share": share}
            epoch = k + 1 if k < len(shares) and j in (-1, k) else 0
            pairs.append({"system_a": first, "system_b": second, **labels, "epoch": epoch})
    return Experiment(systems, pairs)


EXPERIMENTS = {
    "families": families,
    "motifs": motifs,
    "composition": sequences,
    "noise": noise,
}


def sample_pairs(
    pairs: Sequence[Mapping[str, Any]], count: int, stream: np.random.Generator
) -> list[dict[str, Any]]:
    """Draw pairs of sequences, as evenly as can be over how many motifs they share.

    Few pairs share much: an even draw fixes each point of the curve about as well as the others.

    Parameters
    ----------
    pairs : sequence of mapping
        Of `sequences`.
    count : int
        How many at most.
    stream : numpy.random.Generator

    Returns
    -------
    list of dict
        With ``weight``: how many pairs each one stands for.
    """
    cells: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for pair in pairs:
        cells.setdefault((pair["ordered"], pair["unordered"]), []).append(pair)
    drawn: list[dict[str, Any]] = []
    # The smallest cells first: what they cannot fill is left to the larger ones.
    for k, (_, members) in enumerate(
        sorted(cells.items(), key=lambda item: (len(item[1]), item[0]))
    ):
        size = min(len(members), (count - len(drawn)) // (len(cells) - k))
        for place in sorted(stream.choice(len(members), size=size, replace=False)):
            drawn.append({**members[place], "weight": len(members) / size})
    return drawn


def _represent(
    measure: Any, systems: Mapping[str, Floats], names: Iterator[str], settings: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    found: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name in names:
        try:
            found[name] = measure.represent(systems[name], settings=settings)
        except ValueError as error:
            failed[name] = f"failed: {error}"
    return found, failed


def compare(experiment: Experiment, settings: Mapping[str, Any], seed: int) -> pd.DataFrame:
    """Compute one measure on the pairs of an experiment, representing each system once.

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
        A row per pair: its columns, ``dissimilarity``, ``status`` and the measure's own. A pair that
        could not be compared is a row with a missing value and the reason.
    """
    measure = plugins.load("similarity", settings["measure"])
    used = dict.fromkeys(pair[f"system_{end}"] for pair in experiment.pairs for end in "ab")
    found, failed = _represent(measure, experiment.systems, iter(used), settings)
    place = {name: k for k, name in enumerate(found)}
    good = [
        k
        for k, pair in enumerate(experiment.pairs)
        if pair["system_a"] in place and pair["system_b"] in place
    ]
    with progress.bar(len(experiment.pairs), settings["measure"], "pair") as shown:
        results = measure.compare_pairs(
            list(found.values()),
            [
                (place[experiment.pairs[k]["system_a"]], place[experiment.pairs[k]["system_b"]])
                for k in good
            ],
            settings=settings,
            seed=seed,
            progress=shown,
        )
    of = dict(zip(good, results, strict=True))
    rows = []
    for k, pair in enumerate(experiment.pairs):
        why = failed.get(pair["system_a"]) or failed.get(pair["system_b"])
        rows.append({**pair, **of.get(k, {"dissimilarity": np.nan, "status": why})})
    return pd.DataFrame(rows)
