"""Whether a measure orders curricula by what they share with the target task (Guilhot et al. 2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from warpline.claims.evidence import Evidence, Floats, Part, part_of_probability
from warpline.claims.sources import ComparedNetworks, Finding, Sources, at_settings, judged_measures

__all__ = ["LEVELS", "order_of_mamba", "order_of_recurrent_networks", "order_probability"]

LEVELS = ("untrained", "master_frozen", "partial pretraining", "full pretraining")
"""Curricula from the largest to the smallest claimed dissimilarity to the reference."""


def order_probability(above: Floats, below: Floats) -> tuple[float, Floats, int]:
    """Return the probability that networks of one level lie further from a reference network than another's.

    P = mean over i, k, j of [d(above_i, reference_j) > d(below_k, reference_j)], ties counted half. Both
    distances are to the same reference network j, so that a reference network that is far from all others
    does not blur the order. It has no unit: any increasing function of the dissimilarity leaves it unchanged.

    Parameters
    ----------
    above, below : ndarray, shape (curriculum, seed, reference seed)
        Dissimilarities; NaN for pairs that do not count. All seeds have the same indices.

    Returns
    -------
    probability : float
    without : ndarray, shape (seed,)
        The same without each seed, left out of both levels and of the reference. Seeds that no pair has
        are not among them.
    n : int
        Seeds of the two levels or of the reference, whichever has the fewest.
    """
    # Shape (curriculum above, seed, curriculum below, seed, reference seed).
    difference = above[:, :, None, None, :] - below[None, None, :, :, :]
    counts = np.isfinite(difference)
    exceeds = np.where(counts, (difference > 0) + 0.5 * (difference == 0), 0.0)
    # Summed over curricula: (seed above, seed below, reference seed).
    exceeds, counts = exceeds.sum((0, 2)), counts.sum((0, 2))
    total = counts.sum()
    if not total:
        return np.nan, np.array([]), 0
    sides = np.stack([counts.sum(others) > 0 for others in ((1, 2), (0, 2), (0, 1))])
    present = np.any(sides, axis=0)
    without = []
    for seed in np.flatnonzero(present):
        kept = np.arange(len(present)) != seed
        remaining = np.ix_(kept, kept, kept)
        n = counts[remaining].sum()
        without.append(exceeds[remaining].sum() / n if n else np.nan)
    return float(exceeds.sum() / total), np.array(without), int(sides.sum(axis=1).min())


def _to_reference(
    rows: pd.DataFrame, curricula: Sequence[str], reference: str, seeds: Floats
) -> Floats:
    """Return dissimilarities to the reference in other seeds, (curriculum, seed, reference seed)."""
    matrices = np.full((len(curricula), len(seeds), len(seeds)), np.nan)
    # A pair stands in the table once, in either order.
    for side, other in (("a", "b"), ("b", "a")):
        pairs = rows[
            rows[f"curriculum_{side}"].isin(list(curricula))
            & (rows[f"curriculum_{other}"] == reference)
            & (rows["seed_a"] != rows["seed_b"])
        ]
        index = pd.Index(list(curricula)).get_indexer(pd.Index(pairs[f"curriculum_{side}"]))
        row, column = (np.searchsorted(seeds, pairs[f"seed_{end}"]) for end in (side, other))
        matrices[index, row, column] = pairs["dissimilarity"]
    return matrices


def _steps(
    rows: pd.DataFrame, levels: Mapping[str, int], reference: str
) -> tuple[list[Part], list[str]]:
    """Return each step of the order as a part, and the levels that the rows lack."""
    seeds = np.unique(rows[["seed_a", "seed_b"]].to_numpy())
    names = {*rows["curriculum_a"], *rows["curriculum_b"]} - {reference}
    by_level = {
        level: [name for name in sorted(names) if levels.get(name) == level]
        for level in range(len(LEVELS))
    }
    present = [level for level, curricula in by_level.items() if curricula]
    matrices = {level: _to_reference(rows, by_level[level], reference, seeds) for level in present}
    steps = [
        part_of_probability(
            f"{LEVELS[above]} > {LEVELS[below]}",
            *order_probability(matrices[above], matrices[below]),
        )
        for above, below in pairwise(present)
    ]
    lacking = [LEVELS[level] for level, curricula in by_level.items() if not curricula]
    return [step for step in steps if step.n], lacking


def _evidence(networks: ComparedNetworks, measure: str, sources: Sources) -> Evidence | None:
    """Return the evidence of one measure; None with fewer than two levels."""
    order = sources.levels.get(networks.taskset, {}), sources.reference
    parts, lacking = _steps(networks.after[networks.after["measure"] == measure], *order)
    if not parts:
        return None
    # The order at other settings: around the measure's own, and by its other entries in the run.
    kind = sources.kinds[measure]
    tables = [
        networks.after[networks.after["measure"] == name]
        for name, module in sources.kinds.items()
        if module == kind and name != measure
    ]
    tables += at_settings(networks.around, measure, "after")
    steps_of_settings = [_steps(rows, *order)[0] for rows in tables if len(rows)]
    settings = [min(step.value for step in steps) for steps in steps_of_settings if steps]
    return Evidence(parts, settings, lacking)


def _order(sources: Sources, modules: Sequence[str], mamba: bool) -> list[Finding]:
    """Return the order of curricula by the measures of some modules, architecture by architecture."""
    findings = []
    for networks in sources.compared:
        if (networks.model == "mamba") != mamba:
            continue
        for measure in judged_measures(sources.kinds, modules):
            evidence = _evidence(networks, measure, sources)
            if evidence is not None:
                place = (networks.taskset, networks.architecture, measure)
                findings.append(Finding(evidence, *place))
    return findings


def order_of_recurrent_networks(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return the least ordered step of LEVELS in architectures other than Mamba."""
    return _order(sources, modules, mamba=False)


def order_of_mamba(sources: Sources, modules: Sequence[str]) -> list[Finding]:
    """Return the least ordered step of LEVELS in Mamba."""
    return _order(sources, modules, mamba=True)
