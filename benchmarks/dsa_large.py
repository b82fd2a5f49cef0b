"""DSA of three large systems against dsa-metric, in one run on one thread: operators and alignments.

Three systems of 500 trials x 200 steps x 256 units, as in similarity.py, at 10 delays and rank 20. dsa-metric
fits its operators and aligns each pair at its own number of iterations. Times are processor times.

    python benchmarks/dsa_large.py --output dsa_large.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

# First of all: it sets the number of threads, before any library reads it.
from similarity import LARGE, make_systems

from warpline.similarity.dsa import compare_pairs, fit_operator
from warpline.similarity.dsa.reference import reference_alignment, reference_operator
from warpline.similarity.dsa.trust_region import compile_kernels

EMBEDDING: dict[str, Any] = {"n_delays": 10, "delay_interval": 1, "rank": 20}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--systems", type=int, default=3)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=1500, help="of dsa-metric, its default")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    compile_kernels()
    # dsa-metric takes seconds to import, which is no part of its time.
    reference_alignment(*2 * [torch.eye(3, dtype=torch.float64).numpy()], iterations=1)

    systems = make_systems(arguments.systems, arguments.units, LARGE)
    pairs = list(itertools.combinations(range(len(systems)), 2))
    begin = time.process_time()
    operators = [fit_operator(states, **EMBEDDING) for states in systems]
    operator_seconds = time.process_time() - begin
    rows = compare_pairs(operators, pairs, settings=EMBEDDING)
    seconds = time.process_time() - begin

    begin = time.process_time()
    theirs = [reference_operator(states, **EMBEDDING, double=False)[0] for states in systems]
    angles = [
        reference_alignment(theirs[i], theirs[j], iterations=arguments.iterations).angle
        for i, j in pairs
    ]
    reference_seconds = time.process_time() - begin
    result = {
        **EMBEDDING,
        "systems": len(systems),
        "reference_iterations": arguments.iterations,
        "seconds": seconds,
        "operator_seconds": operator_seconds,
        "reference_seconds": reference_seconds,
        "largest_excess": max(
            row["dissimilarity"] - angle for row, angle in zip(rows, angles, strict=True)
        ),
    }
    print(json.dumps(result), flush=True)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
