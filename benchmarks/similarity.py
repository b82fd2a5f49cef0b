"""CKA, debiased CKA and Procrustes of ten large systems, against plain code, in one run on one thread.

Ten systems of 500 trials x 200 steps x 256 units, all 45 pairs; and one pair of these, and one of two small
systems, in which nothing is computed twice. The rivals are the formulas as they are usually written, each on
a sample of the pairs: kernel norms and centring anew for every pair (CKA), the unbiased HSIC in its
feature-space form anew for every pair (debiased), SciPy's rotation of one system into the other (Procrustes).
With ``--netrep FOLDER``, a checkout of netrep, its ``LinearMetric(alpha=1)`` is timed on the same pairs.
Times are processor times.

    python benchmarks/similarity.py --output similarity.json [--units 256] [--netrep ../netrep]
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from processor_time import least_seconds  # noqa: E402
from scipy.linalg import orthogonal_procrustes  # noqa: E402

from warpline.similarity import cka, cka_debiased, procrustes  # noqa: E402

FloatArray = NDArray[np.float64]
Distance = Callable[[FloatArray, FloatArray], float]
LARGE, SMALL = (500, 200), (100, 50)
"""Trials and steps of the ten systems, and of the pair."""
SMALL_UNITS = 64
REPEATS, LARGE_REPEATS = 9, 3
"""Of a pair of small systems, whose comparison takes milliseconds, and of large ones: the fastest counts."""


def make_systems(count: int, units: int, sizes: tuple[int, int]) -> list[FloatArray]:
    """Return systems (trial, time, unit) that share smooth latents, with noise."""
    generator = np.random.default_rng(0)
    latent = generator.normal(size=(*sizes, 20)).cumsum(axis=1)
    return [
        np.tanh(0.1 * latent @ generator.normal(size=(20, units)))
        + 0.1 * generator.normal(size=(*sizes, units))
        for _ in range(count)
    ]


def centred(states: FloatArray) -> FloatArray:
    """Return states as (sample, unit), centred."""
    matrix = states.reshape(-1, states.shape[-1])
    return np.asarray(matrix - matrix.mean(axis=0))


def plain_cka(a: FloatArray, b: FloatArray) -> float:
    """Return 2 / pi times the arc cosine of linear CKA (Kornblith et al. 2019)."""
    x, y = centred(a), centred(b)
    similarity = np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    return float(np.arccos(min(similarity, 1)) / (np.pi / 2))


def plain_debiased(a: FloatArray, b: FloatArray) -> float:
    """Return 2 / pi times the arc cosine of linear CKA from the unbiased HSIC (Song et al. 2012, eq. 5)."""

    def hsic(x: FloatArray, y: FloatArray) -> float:
        n = len(x)
        dx, dy = (x**2).sum(axis=1), (y**2).sum(axis=1)
        rx, ry = x @ x.sum(axis=0) - dx, y @ y.sum(axis=0) - dy
        trace = np.linalg.norm(x.T @ y) ** 2 - dx @ dy
        return float(trace + rx.sum() * ry.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (rx @ ry))

    x, y = centred(a), centred(b)
    similarity = hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))
    return float(np.arccos(np.clip(similarity, 0, 1)) / (np.pi / 2))


def plain_procrustes(a: FloatArray, b: FloatArray) -> float:
    """Return 2 / pi times the angle after SciPy's rotation of one system into the other.

    SciPy's scale is the inner product after the rotation, which need not be made again.
    """
    x, y = centred(a), centred(b)
    _, inner_product = orthogonal_procrustes(y, x)
    cosine = inner_product / (np.linalg.norm(x) * np.linalg.norm(y))
    return float(np.arccos(min(cosine, 1.0)) / (np.pi / 2))


def netrep_angle(folder: Path) -> Distance:
    """Return netrep's angular distance, fitted and scored on the same samples, as 2 / pi of the angle."""
    sys.path.insert(0, str(folder))
    from netrep.metrics import LinearMetric

    def distance(a: FloatArray, b: FloatArray) -> float:
        x, y = (s.reshape(-1, s.shape[-1]) for s in (a, b))
        metric = LinearMetric(alpha=1, score_method="angular")
        return float(metric.fit(x, y).score(x, y) / (np.pi / 2))

    return distance


def compare(
    systems: list[FloatArray],
    rivals: dict[str, list[tuple[str, Distance]]],
    n_sampled: int,
    repeats: int,
) -> list[dict[str, Any]]:
    """Return a row per measure: our time for all pairs, and the rivals', scaled from a sample of them."""
    pairs = list(itertools.combinations(range(len(systems)), 2))
    sample = pairs[:: max(1, len(pairs) // n_sampled)][:n_sampled]
    n_trials, n_steps, units = systems[0].shape
    rows: list[dict[str, Any]] = []
    for measure in (cka, cka_debiased, procrustes):
        name = measure.__name__.rpartition(".")[2]

        def all_pairs(measure: Any = measure) -> list[dict[str, Any]]:
            matrices = [measure.represent(states, settings={}) for states in systems]
            compared: list[dict[str, Any]] = measure.compare_pairs(matrices, pairs, settings={})
            return compared

        seconds, results = least_seconds(all_pairs, repeats)
        row: dict[str, Any] = {
            "measure": name,
            "systems": len(systems),
            "pairs": len(pairs),
            "size": f"{n_trials} x {n_steps} x {units}",
            "seconds": seconds,
        }
        ours = {pair: result["dissimilarity"] for pair, result in zip(pairs, results, strict=True)}
        for rival, distance in rivals[name]:

            def of_sample(distance: Any = distance) -> list[float]:
                return [distance(systems[i], systems[j]) for i, j in sample]

            of_rival, theirs = least_seconds(of_sample, repeats)
            scaled = of_rival / len(sample) * len(pairs)
            row |= {
                f"{rival}_seconds": scaled,
                f"{rival}_ratio": scaled / seconds,
                f"{rival}_largest_difference": max(
                    abs(value - ours[pair]) for value, pair in zip(theirs, sample, strict=True)
                ),
            }
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--systems", type=int, default=10, help="0: the pair alone")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--sample", type=int, default=5, help="pairs of the rivals")
    parser.add_argument("--netrep", type=Path, help="checkout of netrep")
    arguments = parser.parse_args()

    rivals: dict[str, list[tuple[str, Distance]]] = {
        "cka": [("plain", plain_cka)],
        "cka_debiased": [("plain", plain_debiased)],
        "procrustes": [("scipy", plain_procrustes)],
    }
    if arguments.netrep:
        rivals["procrustes"].append(("netrep", netrep_angle(arguments.netrep)))
    rows: list[dict[str, Any]] = []
    if arguments.systems:
        systems = make_systems(arguments.systems, arguments.units, LARGE)
        rows += compare(systems, rivals, arguments.sample, 1)
        rows += compare(systems[:2], rivals, 1, LARGE_REPEATS)
        del systems
    rows += compare(make_systems(2, SMALL_UNITS, SMALL), rivals, 1, REPEATS)
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
