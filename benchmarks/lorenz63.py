"""The Lorenz-63 benchmark of KoopSTD (Zhang et al. 2025) by DSA, beside dsa-metric and published figures.

Five regimes (rho 10, 20, 152, 220, 75), 20 clips of 20 time units each, standardised, every tenth sample, 70
delays, rank 6: 100 systems, 4,950 pairs. The silhouette of the five regimes says how well they separate.
dsa-metric aligns a sample of the pairs in the same run; its time for all pairs is scaled from it. Published
figures are those of the authors' notebook (``examples/lorenz63.ipynb`` of KoopSTD, in which dsa-metric ran on
an A6000 GPU at the same settings).

    python benchmarks/lorenz63.py --output lorenz63.json [--sample 10]
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy.integrate import solve_ivp  # noqa: E402
from sklearn.metrics import silhouette_score  # noqa: E402

import warpline  # noqa: E402

FloatArray = NDArray[np.float64]
RHO = (10, 20, 152, 220, 75)
STEP, TRANSIENT, END, CLIP = 0.001, 300, 800, 20_000
SUBSAMPLE, N_DELAYS, RANK = 10, 70, 6
ADAM_ITERATIONS = 1500
PUBLISHED = {
    "KoopSTD": {"silhouette": 0.979},
    "dsa-metric, Wasserstein, A6000": {"silhouette": 0.998},
    "dsa-metric, angular, A6000": {"silhouette": 0.878, "seconds": 4 * 3600 + 4 * 60 + 38},
}
"""Figures of the authors' notebook."""


def make_clips(n_clips: int) -> tuple[list[FloatArray], FloatArray]:
    """Return clips (1, time, 3), standardised and subsampled, and the regime of each."""
    generator = np.random.default_rng(2025)
    clips: list[FloatArray] = []
    for rho in RHO:

        def derivative(_: float, s: FloatArray, rho: float = rho) -> list[float]:
            x, y, z = s
            return [10 * (y - x), x * (rho - z) - y, x * y - 8 / 3 * z]

        times = np.arange(TRANSIENT, END, STEP)
        solution = solve_ivp(derivative, (0, END), (-8, 8, 27), t_eval=times).y.T
        for start in generator.integers(0, len(solution) - CLIP, n_clips):
            clip = solution[start : start + CLIP]
            spread = clip.std(axis=0)
            # A fixed point does not vary: only centred.
            clip = (clip - clip.mean(axis=0)) / np.where(spread > 0, spread, 1)
            clips.append(clip[::SUBSAMPLE][None])
    return clips, np.repeat(np.arange(len(RHO)), n_clips).astype(float)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--clips", type=int, default=20, help="of each regime")
    parser.add_argument("--sample", type=int, default=10, help="pairs of dsa-metric")
    arguments = parser.parse_args()

    clips, regimes = make_clips(arguments.clips)
    systems = {f"{k:03d}": clip for k, clip in enumerate(clips)}
    settings: dict[str, Any] = {"n_delays": N_DELAYS, "rank": RANK}
    # Compiled code is read from its cache before the clock starts.
    warpline.compare(clips[0], clips[-1], measure="dsa", **settings)
    rows: list[dict[str, Any]] = []
    for score in ("angle", "wasserstein"):
        begin = time.process_time()
        result = warpline.compare(systems, measure="dsa", score=score, **settings)
        seconds = time.process_time() - begin
        rows.append(
            {
                "method": f"Warpline, {score}",
                "systems": len(systems),
                "pairs": len(result.table),
                "seconds": seconds,
                "silhouette": float(
                    silhouette_score(result.dissimilarity, regimes, metric="precomputed")
                ),
                "uncertain": int((result.table["status"] == "uncertain").sum()),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
        if score == "angle":
            angles = result.dissimilarity

    from warpline.similarity.dsa import fit_operator
    from warpline.similarity.dsa.reference import reference_alignment

    pairs = list(itertools.combinations(range(len(clips)), 2))
    sample = [pairs[k] for k in np.linspace(0, len(pairs) - 1, arguments.sample).astype(int)]
    matrices = {k: fit_operator(clips[k], **settings).matrix for pair in sample for k in pair}
    reference_alignment(matrices[sample[0][0]], matrices[sample[0][1]], iterations=3)
    begin = time.process_time()
    theirs = [
        reference_alignment(matrices[i], matrices[j], iterations=ADAM_ITERATIONS).angle
        for i, j in sample
    ]
    per_pair = (time.process_time() - begin) / len(sample)
    excess = np.array([angles[i, j] - angle for (i, j), angle in zip(sample, theirs, strict=True)])
    rows.append(
        {
            "method": f"dsa-metric, angular, {len(sample)} pairs scaled to all, alignments alone",
            "pairs": len(pairs),
            "seconds": per_pair * len(pairs),
            "ratio": per_pair * len(pairs) / rows[0]["seconds"],
            "pairs_lower_than_ours": int((excess > 1e-5).sum()),
        }
    )
    print(json.dumps(rows[-1]), flush=True)
    rows += [{"method": f"published: {name}", **figures} for name, figures in PUBLISHED.items()]
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
