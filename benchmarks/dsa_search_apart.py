"""DSA's search against a search that shares no code with it, on networks of other task sets than PDM.

Pairs of checkpoints are aligned with the default settings. The search apart ascends by Barzilai and Borwein's
steps from 200 random orthogonal matrices, polishes the best by SciPy's L-BFGS, and does the same from 200
neighbours of the better one of both. A pair is missed if the default angle is more than 1e-5 rad above the
lowest, which the 400 starts of dsa_search.py may give, too. A miss is silent if its status is "converged".

    snakemake --until compute_trajectories --cores 2 --configfile benchmarks/dsa_search_apart.yaml
    python benchmarks/dsa_search_apart.py --output search_apart.json \
        --trajectories results/dsa_search_apart/trajectories/*/*/*/*.nc
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import dsa_search  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy.optimize import minimize  # noqa: E402
from scipy.stats import binomtest, ortho_group  # noqa: E402

from warpline.similarity import dsa  # noqa: E402

FloatArray = NDArray[np.float64]
N_DELAYS, RANKS = 7, (10, 20)
STARTS = 200
#: Starts that go on after the first steps, and maxima that are polished.
KEPT, POLISHED = 40, 4


def cayley(skew: FloatArray) -> FloatArray:
    """Return the rotations (1 - S/2)^-1 (1 + S/2) of skew-symmetric matrices."""
    one = np.eye(skew.shape[-1])
    return np.linalg.solve(one - skew / 2, one + skew / 2)


def inner(a: FloatArray, b: FloatArray, rotation: FloatArray) -> FloatArray:
    """Return the products <A, C B C^T>, shape (start,)."""
    return np.einsum("ij,...ij->...", a, rotation @ b @ np.swapaxes(rotation, -1, -2))


def ascend(a: FloatArray, b: FloatArray, rotation: FloatArray, steps: int) -> FloatArray:
    """Return the best matrices (start, rank, rank) that Barzilai and Borwein's steps meet, best first."""

    def direction(rotation: FloatArray) -> FloatArray:
        gradient = (a @ rotation @ b.T + a.T @ rotation @ b) @ np.swapaxes(rotation, -1, -2)
        return gradient - np.swapaxes(gradient, -1, -2)

    value, skew = inner(a, b, rotation), direction(rotation)
    best, best_value = rotation.copy(), value.copy()
    length = np.full(len(rotation), 0.5)
    for _ in range(steps):
        move = length[:, None, None] * skew / 2
        moved = cayley(move) @ rotation
        moved_value, moved_skew = inner(a, b, moved), direction(moved)
        # Their steps are not monotonic: only a large fall is undone, and tried again shorter.
        fell = moved_value < value - 0.1 * np.abs(value) - 1e-3
        curvature = -np.einsum("sij,sij->s", move, moved_skew - skew)
        square = np.einsum("sij,sij->s", move, move)
        ahead = np.where(curvature > 0, 2 * square / np.maximum(curvature, 1e-300), 1.5 * length)
        length = np.where(fell, length / 4, np.clip(ahead, 1e-3, 50.0))
        keep = fell[:, None, None]
        rotation, skew = np.where(keep, rotation, moved), np.where(keep, skew, moved_skew)
        value = np.where(fell, value, moved_value)
        improved = value > best_value
        best[improved], best_value[improved] = rotation[improved], value[improved]
    return best[np.argsort(-best_value)]


def polish(a: FloatArray, b: FloatArray, rotation: FloatArray) -> FloatArray:
    """Return the maximum near a matrix, by L-BFGS on Cayley's parameters."""
    size = len(a)
    upper = np.triu_indices(size, 1)
    one = np.eye(size)

    def skew_of(parameters: FloatArray) -> FloatArray:
        skew = np.zeros((size, size))
        skew[upper] = parameters
        return skew - skew.T

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        skew = skew_of(parameters)
        turn = cayley(skew)
        moved = turn @ rotation
        gradient = a @ moved @ b.T + a.T @ moved @ b
        # d turn = (1 - S/2)^-1 (dS/2) (1 + turn).
        of_skew = np.linalg.inv(one - skew / 2).T @ gradient @ rotation.T @ (one + turn).T / 2
        return -float(inner(a, b, moved)), -(of_skew - of_skew.T)[upper]

    for _ in range(4):
        options = {"maxiter": 400, "ftol": 1e-15, "gtol": 1e-10}
        zero = np.zeros(len(upper[0]))
        result = minimize(loss, zero, jac=True, method="L-BFGS-B", options=options)
        left, _, right = np.linalg.svd(cayley(skew_of(result.x)) @ rotation)
        rotation = left @ right
        if np.abs(result.jac).max() < 1e-9:
            break
    return rotation


def search(a: FloatArray, b: FloatArray, starts: FloatArray) -> FloatArray:
    """Return the best alignment from many starts, of operators of unit norm."""
    kept = ascend(a, b, ascend(a, b, starts, 70)[:KEPT], 120)
    values = inner(a, b, kept)
    # Equal values are one maximum.
    _, first = np.unique(-values.round(7), return_index=True)
    polished = [polish(a, b, kept[k]) for k in first[:POLISHED]]
    return max(polished, key=lambda rotation: float(inner(a, b, rotation)))


def neighbours(
    a: FloatArray, b: FloatArray, rotation: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return a matrix with one to six directions reversed: axes of the operators, shape (start, ...)."""
    aligned = rotation @ b @ rotation.T
    axes = [np.linalg.eigh(m + m.T)[1] for m in (a, aligned)]
    axes += [np.linalg.svd(m)[0] for m in (a, aligned)]
    reversed_ = []
    for k in range(STARTS):
        signs = np.ones(len(a))
        signs[rng.choice(len(a), 1 + rng.integers(0, 6), replace=False)] = -1
        axis = axes[k % len(axes)]
        reversed_.append(axis * signs @ axis.T @ rotation)
    return np.stack(reversed_)


def angle(a: FloatArray, b: FloatArray, rotation: FloatArray) -> float:
    """Return the angle between A and C B C^T of operators of unit norm."""
    aligned = rotation @ b @ rotation.T
    return float(2 * np.arctan2(np.linalg.norm(a - aligned), np.linalg.norm(a + aligned)))


def compare(operators: list[FloatArray], pairs: list[tuple[int, int]]) -> pd.DataFrame:
    """Return a row per pair: the default search, the 400 starts of dsa_search.py, and the search apart."""
    rows = dsa_search.align((operators, pairs))
    random, apart = [], []
    for i, j in pairs:
        a, b = (operators[k] / np.linalg.norm(operators[k]) for k in (i, j))
        rng = np.random.default_rng([len(a), i, j])
        # Haar's measure on all orthogonal matrices: half of the starts are reflections.
        best = search(a, b, ortho_group.rvs(len(a), STARTS, rng))
        random.append(angle(a, b, best))
        near = search(a, b, neighbours(a, b, best, rng))
        apart.append(min(random[-1], angle(a, b, near)))
    return rows.assign(random=random, apart=apart)


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Return misses by the lowest of all searches, and what the search itself states."""
    lowest = rows[["angle", "best_of_many", "apart"]].min(axis=1)
    counts = dsa_search.summary(rows.assign(excess=rows["angle"] - lowest))
    return {
        **counts,
        "missed_by_random": int((rows["random"] - lowest > dsa_search.MISSED).sum()),
        "missed_by_400": int((rows["best_of_many"] - lowest > dsa_search.MISSED).sum()),
    }


def page_lines(result: list[dict[str, Any]]) -> list[str]:
    """Return what docs/alignment_search.md says of these numbers."""
    silent, converged, missed, expected = (
        sum(row[key] for row in result)
        for key in ("silent", "converged", "missed", "expected_misses")
    )
    most = binomtest(silent, converged).proportion_ci(method="wilson").high
    return [
        *(
            f"| {row['rank']}, {N_DELAYS} | {row['missed']} | {row['silent']} | {row['converged']} | "
            f"{row['expected_misses']:.1f} | {row['worst_excess']:.1g} | {row['mean_angle']:.3f} | "
            f"{row['missed_by_random']} | {row['missed_by_400']} |"
            for row in result
        ),
        f"{missed} misses, where {expected:.1f} are expected",
        f"{result[0]['systems']} checkpoints",
        f"{result[0]['pairs']} random pairs",
        f"{silent} of {converged} searches that converged missed (at most {100 * most:.1f} %)",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trajectories", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=200)
    arguments = parser.parse_args()
    systems = dsa_search.states_of(sorted(arguments.trajectories))
    pairs = dsa_search.random_pairs(len(systems), arguments.pairs)
    result = []
    for rank in RANKS:
        operators = [
            dsa.fit_operator(states, n_delays=N_DELAYS, rank=rank).matrix for states in systems
        ]
        rows = compare(operators, pairs)
        result.append({"rank": rank, "systems": len(systems), **summary(rows)})
        print(result[-1], flush=True)
        arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
