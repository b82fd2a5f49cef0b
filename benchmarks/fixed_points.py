"""Benchmark of the fixed-point finder against scipy.optimize.root, both in one run, one thread.

A tanh network of 128 units with a slow direction, a grid of constant inputs, two starts each, relaxed for 20
time constants beforehand. scipy solves a sample of the same starts, one at a time, with the Jacobian in
closed form. numpy computes the spectra. Times are processor times, to be comparable on a shared machine, and
exclude what torch imports at the first Jacobian of a process.

    python benchmarks/fixed_points.py
    python benchmarks/fixed_points.py --side 9 --sample 20
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from processor_time import least_seconds  # noqa: E402
from scipy.optimize import root  # noqa: E402

from warpline.geometry import Dynamics, find_fixed_points  # noqa: E402

UNITS, DURATION, RELAXATION = 128, 0.2, 20


def measure(side: int, sample: int, repeats: int) -> dict[str, Any]:
    """Return the times of both on a grid of inputs; scipy solves a sample of the starts."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    # The rank-one term, of eigenvalue about 1.3, makes one direction slow.
    slow = normal(UNITS)
    weights = 0.6 * normal(UNITS, UNITS) / math.sqrt(UNITS) + 1.3 * torch.outer(slow, slow) / UNITS
    input_weights = 0.3 * normal(UNITS, 2)
    dynamics = Dynamics(
        step=lambda x, u: torch.lerp(x, torch.tanh(x @ weights.T + u @ input_weights.T), DURATION),
        initial=lambda n: torch.zeros(n, UNITS, dtype=torch.float64),
        duration=DURATION,
    )
    axis = torch.linspace(-1, 1, side, dtype=torch.float64)
    inputs = torch.cartesian_prod(axis, axis)
    starts = (0.3 * normal(2, UNITS)).repeat(len(inputs), 1)
    input_of_start = inputs.repeat_interleave(2, 0)

    def relaxed() -> torch.Tensor:
        state = starts
        for _ in range(round(RELAXATION / DURATION)):
            state = dynamics.step(state, input_of_start)
        return state

    relaxation_seconds, starts = least_seconds(relaxed, 1)

    # torch imports 800 modules of its own at the first Jacobian of a process: 1.3 s.
    find_fixed_points(dynamics, inputs[:1], starts[:1], relaxation=0)
    several = starts.view(len(inputs), 2, UNITS)
    seconds, fixed_points = least_seconds(
        lambda: find_fixed_points(dynamics, inputs, several, relaxation=0), repeats
    )
    seconds_per_start = seconds / len(starts)

    # scipy takes minutes for all starts: an even sample of them gives the time per start.
    matrix = weights.numpy()
    chosen = np.linspace(0, len(starts) - 1, sample).round().astype(int)
    drive = (input_of_start @ input_weights.T).numpy()[chosen]

    def solve() -> list[Any]:
        return [
            root(
                lambda x, d=d: np.tanh(matrix @ x + d) - x,
                x,
                jac=lambda x, d=d: (
                    (1 - np.tanh(matrix @ x + d) ** 2)[:, None] * matrix - np.eye(UNITS)
                ),
                tol=1e-10,
            )
            for x, d in zip(starts.numpy()[chosen], drive, strict=True)
        ]

    root_seconds, solutions = least_seconds(solve, repeats)
    root_seconds /= sample

    # The finder computes the spectra, too.
    def spectra() -> None:
        for solution, d in zip(solutions, drive, strict=True):
            derivative = (1 - np.tanh(matrix @ solution.x + d) ** 2)[:, None]
            np.linalg.eigvals(derivative * matrix - np.eye(UNITS))

    scipy_seconds = root_seconds + least_seconds(spectra, repeats)[0] / sample
    return {
        "starts": len(starts),
        "seconds": round(seconds, 2),
        "seconds_relaxing": round(relaxation_seconds, 2),
        "status": fixed_points.counts(),
        "distinct": len(fixed_points.states),
        "ms_per_start": round(1e3 * seconds_per_start, 2),
        "scipy_ms_per_start": round(1e3 * root_seconds, 2),
        "scipy_and_spectra_ms_per_start": round(1e3 * scipy_seconds, 2),
        "scipy_and_spectra_over_ours": round(scipy_seconds / seconds_per_start, 2),
        "scipy_converged": sum(s.success for s in solutions) / sample,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=21, help="inputs along each side of the grid")
    parser.add_argument("--sample", type=int, default=60, help="starts that scipy solves")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    # Many starts, and the two of one input, where calls take the time.
    rows = [measure(arguments.side, arguments.sample, repeats=1), measure(1, 2, repeats=9)]
    text = json.dumps(rows, indent=2)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
