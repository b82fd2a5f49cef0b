"""Benchmark of the fixed-point finder against scipy.optimize.root, both in one run, one thread.

A tanh network of 128 units with a slow direction, a grid of constant inputs, two starts each, relaxed for 20
time constants beforehand. scipy solves a sample of the same starts, one at a time, with the Jacobian in
closed form, and numpy computes the spectra. Times are of the processor, not of the clock, so that they hold
on a machine that is shared.

    python benchmarks/fixed_points.py
    python benchmarks/fixed_points.py --side 9 --sample 20
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time

# One thread, set before any library reads it.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from scipy.optimize import root  # noqa: E402

from warpline.geometry import Dynamics, find_fixed_points  # noqa: E402

UNITS, DURATION, RELAXATION = 128, 0.2, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=21, help="inputs along each side of the grid")
    parser.add_argument("--sample", type=int, default=60, help="starts that scipy solves")
    options = parser.parse_args()
    torch.set_num_threads(1)

    source = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=source, dtype=torch.float64)

    slow = normal(UNITS)
    weights = 0.6 * normal(UNITS, UNITS) / math.sqrt(UNITS) + 1.3 * torch.outer(slow, slow) / UNITS
    into = 0.3 * normal(UNITS, 2)
    dynamics = Dynamics(
        step=lambda x, u: torch.lerp(x, torch.tanh(x @ weights.T + u @ into.T), DURATION),
        initial=lambda n: torch.zeros(n, UNITS, dtype=torch.float64),
        duration=DURATION,
    )
    side = torch.linspace(-1, 1, options.side, dtype=torch.float64)
    inputs = torch.cartesian_prod(side, side)
    starts = (0.3 * normal(2, UNITS)).repeat(len(inputs), 1)
    held = inputs.repeat_interleave(2, 0)
    begin = time.process_time()
    for _ in range(round(RELAXATION / DURATION)):
        starts = dynamics.step(starts, held)
    relaxing = time.process_time() - begin

    begin = time.process_time()
    found = find_fixed_points(dynamics, inputs, starts.view(len(inputs), 2, UNITS), relaxation=0)
    ours = time.process_time() - begin

    matrix = weights.numpy()
    chosen = np.linspace(0, len(held) - 1, options.sample).round().astype(int)
    drive = (held @ into.T).numpy()[chosen]
    begin = time.process_time()
    solved = [
        root(
            lambda x, d=d: np.tanh(matrix @ x + d) - x,
            x,
            jac=lambda x, d=d: (1 - np.tanh(matrix @ x + d) ** 2)[:, None] * matrix - np.eye(UNITS),
            tol=1e-10,
        )
        for x, d in zip(starts.numpy()[chosen], drive, strict=True)
    ]
    searching = (time.process_time() - begin) / options.sample
    begin = time.process_time()
    for one, d in zip(solved, drive, strict=True):
        slope = (1 - np.tanh(matrix @ one.x + d) ** 2)[:, None]
        np.linalg.eigvals(slope * matrix - np.eye(UNITS))
    theirs = searching + (time.process_time() - begin) / options.sample
    print(
        json.dumps(
            {
                "starts": len(held),
                "seconds": round(ours, 2),
                "seconds_relaxing": round(relaxing, 2),
                "status": found.counts(),
                "distinct": len(found.states),
                "ms_per_start": round(1e3 * ours / len(held), 2),
                "scipy_ms_per_start": round(1e3 * searching, 2),
                "scipy_and_spectra_ms_per_start": round(1e3 * theirs, 2),
                "scipy_and_spectra_over_ours": round(theirs / (ours / len(held)), 2),
                "scipy_converged": sum(one.success for one in solved) / options.sample,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
