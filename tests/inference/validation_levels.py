"""Levels of the rules of claims on attractors (A1 to A3) by simulation. docs/claims.md states them.

A system, or a motif, is a point, a dissimilarity the Euclidean distance of two or a function of the motifs that a
pair of sequences does not share. Each measure has points of its own, so that no measure is better than another.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from inference.intervals import DIMENSION, N_MOTIFS, families
from scipy.optimize import brentq

from warpline.claims.sources import Sources
from warpline.claims.validation_claims import (
    families_are_separated,
    motifs_are_counted,
    noise_is_withstood,
)

MEASURES = {"dsa": "dsa", "cka": "cka", "procrustes": "procrustes"}
NULL_R2 = 0.9
"""The null value of A2."""
SEQUENCES = list(itertools.permutations([f"m{motif}" for motif in range(N_MOTIFS)], 2))


def families_table(
    size: int, separation: float, replications: int
) -> Iterator[dict[str, pd.DataFrame]]:
    """Yield the dissimilarities of systems in three families, by measures that separate them alike."""
    stream = np.random.default_rng(31)
    draws = {measure: families(size, separation, replications, stream) for measure in MEASURES}
    for replication in range(replications):
        tables = [
            pd.DataFrame(
                {
                    "measure": measure,
                    "system_a": [f"s{system:02d}" for system in first],
                    "system_b": [f"s{system:02d}" for system in second],
                    "within": within,
                    "dissimilarity": distances[replication],
                }
            )
            for measure, (distances, within, (first, second)) in draws.items()
        ]
        yield {"families": pd.concat(tables)}


def noisy_motifs(
    noise: float, spread: float, replications: int, spread_of_states: float | None = None
) -> Iterator[dict[str, pd.DataFrame]]:
    """Yield the dissimilarities of noisy motifs, by measures that noise moves alike.

    `noise` is in standard deviations of the motifs; `spread` is that of its logarithm over motifs, for the
    measures of states another one if given. The mean over motifs is one and the same.
    """
    spreads = dict.fromkeys(MEASURES, spread if spread_of_states is None else spread_of_states)
    spreads["dsa"] = spread
    stream = np.random.default_rng(32)
    for _ in range(replications):
        rows = []
        for measure in MEASURES:
            points = stream.standard_normal((N_MOTIFS, DIMENSION))
            logarithm = spreads[measure] * stream.standard_normal(N_MOTIFS)
            size = np.sqrt(2) * noise * np.exp(logarithm - spreads[measure] ** 2 / 2)
            for motif, other in itertools.product(range(N_MOTIFS), repeat=2):
                share = float(other != motif)
                apart = points[other] - points[motif]
                apart = apart + size[motif] * stream.standard_normal(DIMENSION)
                name = f"m{other}" if share else ""
                rows.append((measure, f"m{motif}", name, 0.1, share, np.linalg.norm(apart)))
        columns = ["measure", "motif", "other", "level", "share", "dissimilarity"]
        yield {"noise": pd.DataFrame(rows, columns=columns)}


def means_at_null() -> np.ndarray:
    """Return mean dissimilarities at 0, 1 and 2 shared motifs on which a line has the R2 of A2's null value."""
    n_pairs = np.bincount(
        [len({*a} & {*b}) for a, b in itertools.combinations(SEQUENCES, 2)]
    ).astype(float)
    shared = np.arange(3.0)

    def means(middle: float) -> np.ndarray:
        return np.array([3.0, middle, 1.0])

    def excess(middle: float) -> float:
        covariance = np.cov(shared, means(middle), aweights=n_pairs)
        return float(covariance[0, 1] ** 2 / covariance[0, 0] / covariance[1, 1] - NULL_R2)

    # Above the line, as where dissimilarity falls the faster the more is shared.
    return means(brentq(excess, 2.0, 2.99))


def motif_sequences(effect: float, replications: int) -> Iterator[dict[str, pd.DataFrame]]:
    """Yield the dissimilarities of pairs of sequences of two motifs, whose true R2 is A2's null value.

    `effect` is the standard deviation of what a motif adds that one sequence alone has, over half of the range
    of the means; a pair has noise of 0.1 of it.
    """
    stream = np.random.default_rng(33)
    means = means_at_null()
    pairs = list(itertools.combinations(SEQUENCES, 2))
    for _ in range(replications):
        added = {f"m{motif}": effect * stream.standard_normal() for motif in range(N_MOTIFS)}
        rows = []
        for a, b in pairs:
            shared = len({*a} & {*b})
            value = means[shared] + sum(added[motif] for motif in {*a} ^ {*b})
            value += 0.1 * stream.standard_normal()
            rows.append(("dsa", ">".join(a), ">".join(b), shared, value))
        columns = ["measure", "system_a", "system_b", "unordered", "dissimilarity"]
        yield {"composition": pd.DataFrame(rows, columns=columns)}


RULES: dict[str, tuple[Callable, float]] = {
    "families": (families_are_separated, 0.0),
    "noise": (noise_is_withstood, 0.0),
    "composition": (motifs_are_counted, NULL_R2),
}
"""The rule that judges each experiment, and its null value."""


def misses(draws: Iterator[dict[str, pd.DataFrame]]) -> tuple[float, float]:
    """Return how often, in percent, the interval of a rule's first part lies above and below its null value.

    Of a claim of two parts, that it is present asks for both: that is as frequent where the other is certain.
    """
    sides = []
    for attractors in draws:
        rule, null_value = RULES[next(iter(attractors))]
        sources = Sources(attractors=attractors, attractor_kinds=MEASURES)
        (finding,) = rule(sources, ("dsa",))
        low, high = finding.evidence.parts[0].interval(0.95)
        sides.append((low > null_value, high < null_value))
    above, below = 100 * np.mean(sides, axis=0)
    return float(above), float(below)
