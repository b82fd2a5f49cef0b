"""Benchmark of geodesics on the states of a network at one time step: ratios in one run, one thread.

integrator  44 geodesics at once with a step size each, against scipy's RK45 on all of them as one system
            (one step size) and on each alone, at like errors
jets        second-order jets by Taylor tensors, against torch.func through the unrolled network,
            in forward passes of the same points
gridlines   11 + 11 geodesic gridlines, in processor seconds; and how far their points lie from those at
            tolerance 1e-7, on networks of five seeds

    python benchmarks/geodesics.py --output results/benchmarks/geodesics.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from processor_time import least_seconds  # noqa: E402
from scipy.integrate import solve_ivp  # noqa: E402

from warpline.geometry import (  # noqa: E402
    Coordinate,
    Immersion,
    InputManifold,
    christoffel_symbols,
    dynamics_of,
    geodesic_gridlines,
    geodesics_from,
    immersion_of,
    state_map,
)
from warpline.models.base import build_model  # noqa: E402

SETTINGS = {
    "model": "leaky_rnn", "units": 128, "activation": "tanh", "init": "gaussian", "gain": 1.2,
    "tau": 100, "noise": 0.0,
}  # fmt: skip


def by_scipy(
    immersion: Immersion,
    start: torch.Tensor,
    velocity: torch.Tensor,
    length: float,
    tolerance: float,
) -> tuple[torch.Tensor, int]:
    """Follow all curves as one system; return their ends and the number of evaluations."""

    def equation(_: float, flat: np.ndarray) -> np.ndarray:
        kappa, v = torch.from_numpy(flat).reshape(2, *start.shape)
        symbols = christoffel_symbols(kappa, immersion(kappa, order=2), immersion.coordinates)
        acceleration = -torch.einsum("pkij,pi,pj->pk", symbols, v, v)
        return torch.stack([v, acceleration]).numpy().ravel()

    begin = torch.stack([start, velocity]).numpy().ravel()
    solution = solve_ivp(equation, (0, length), begin, rtol=tolerance, atol=tolerance)
    return torch.from_numpy(solution.y[:, -1]).reshape(2, *start.shape)[0], solution.nfev


def random_network(seed: int) -> tuple[Any, InputManifold]:
    """Return a random network, and inputs over the square [-1, 1] x [-1, 1] in 60 time steps."""
    network = build_model(SETTINGS, n_inputs=3, n_outputs=2, dt=20, seed=seed)
    square = (Coordinate("first", -1, 1), Coordinate("second", -1, 1))

    def inputs(kappa: torch.Tensor, step: int) -> torch.Tensor:
        return torch.cat([kappa, torch.ones_like(kappa[:, :1])], dim=1)

    return network, InputManifold(square, inputs, 60)


def gridline_errors(seeds: Sequence[int] = (1, 2, 3, 4, 5)) -> dict[str, Any]:
    """Return how far the points of gridlines lie from those at tolerance 1e-7, and their evaluations."""
    tolerances = (1e-4, 1e-5)
    distances: dict[float, list[torch.Tensor]] = {tolerance: [] for tolerance in tolerances}
    evaluations = dict.fromkeys(tolerances, 0)
    for seed in seeds:
        immersion = state_map(*random_network(seed), 60)
        exact = geodesic_gridlines(immersion, count=(11, 11), tolerance=1e-7)
        for tolerance in tolerances:
            grid = geodesic_gridlines(immersion, count=(11, 11), tolerance=tolerance)
            distances[tolerance].append((grid.kappa - exact.kappa).norm(dim=-1).flatten())
            evaluations[tolerance] += grid.evaluations
    errors = {tolerance: torch.cat(parts) for tolerance, parts in distances.items()}
    return {
        "seeds": len(seeds),
        "points": len(errors[1e-4]),
        "evaluations": {f"{tolerance:g}": evaluations[tolerance] for tolerance in tolerances},
        "percentile_95": {f"{t:g}": float(x.quantile(0.95)) for t, x in errors.items()},
        "largest": {f"{t:g}": float(x.max()) for t, x in errors.items()},
    }


def sentence(result: dict[str, Any]) -> str:
    """Return what docs/geometry.md says of the errors of gridlines."""
    errors = result["gridline_errors"]
    middle, largest, evaluations = (
        [errors[name][tolerance] for tolerance in ("0.0001", "1e-05")]
        for name in ("percentile_95", "largest", "evaluations")
    )
    return (
        f"95 % of the points were within {middle[0]:.2g} of those at 1e-7, and the worst {largest[0]:.2g} "
        f"off (1e-5: {middle[1]:.2g} and {largest[1]:.2g}, at {evaluations[1] / evaluations[0]:.1f} times "
        "the evaluations)"
    )


def page_lines(result: dict[str, Any]) -> list[str]:
    """Return the lines of the table that docs/geometry.md holds."""
    jets, gridlines = result["jets_in_forward_passes"], result["gridlines"]
    (evaluations,) = {one["evaluations"] for one in gridlines.values()}
    names = ("unrolled", "stacked")
    cells = " | ".join(f"{jets[name]:.0f}" for name in names)
    seconds = " | ".join(f"{gridlines[name]['seconds']:.1f} s" for name in names)
    return [
        "| | `immersion_of` the unrolled network | `state_map` |",
        "| --- | --- | --- |",
        f"| second-order jet of 44 points, in forward passes of the same points | {cells} |",
        f"| 11 + 11 gridlines ({evaluations} evaluations) | {seconds} |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    output = parser.parse_args().output
    torch.set_num_threads(1)
    network, manifold = random_network(1)
    dynamics = dynamics_of(network)

    def unrolled(kappa: torch.Tensor) -> torch.Tensor:
        state = dynamics.initial(len(kappa))
        for step in range(60):
            state = dynamics.step(state, manifold.inputs(kappa, step))
        return state

    # The same states and derivatives by two methods.
    immersions = {
        "stacked": state_map(network, manifold, 60),
        "unrolled": immersion_of(unrolled, manifold.coordinates),
    }
    stacked = immersions["stacked"]
    generator = torch.Generator().manual_seed(0)
    kappa = torch.rand(44, 2, generator=generator, dtype=torch.float64) - 0.5
    forward_seconds, _ = least_seconds(lambda: unrolled(kappa), 10)
    jets = {
        name: least_seconds(lambda immersion=immersion: immersion(kappa, order=2), 5)[0]
        / forward_seconds
        for name, immersion in immersions.items()
    }

    # All integrators at one tolerance; their errors are against a run at a far smaller one.
    direction = torch.randn(44, 2, generator=generator, dtype=torch.float64)
    length, tolerance = 1.0, 1e-6
    reference = geodesics_from(stacked, kappa, direction, length, tolerance=1e-11)
    velocity = reference.velocity[:, 0]
    batch_seconds, curves = least_seconds(
        lambda: geodesics_from(stacked, kappa, direction, length, tolerance=tolerance), 1
    )
    rows = {"batch": {"seconds": batch_seconds, "evaluations": curves.evaluations,
                      "status": sorted(set(curves.status)),
                      "error": float((curves.place - reference.place).abs().max())}}  # fmt: skip
    system_seconds, (ends, evaluations) = least_seconds(
        lambda: by_scipy(stacked, kappa, velocity, length, tolerance), 1
    )
    rows["scipy, one system"] = {"ratio": system_seconds / batch_seconds,
                                 "evaluations": evaluations,
                                 "error": float((ends - reference.place).abs().max())}  # fmt: skip
    curve_starts = [(k[None], v[None]) for k, v in zip(kappa, velocity, strict=True)]
    sequence_seconds, sequence = least_seconds(
        lambda: [by_scipy(stacked, k, v, length, tolerance) for k, v in curve_starts], 1
    )
    errors = torch.cat([end for end, _ in sequence]) - reference.place
    rows["scipy, each alone"] = {"ratio": sequence_seconds / batch_seconds,
                                 "error": float(errors.abs().max())}  # fmt: skip

    gridlines = {}
    for name, immersion in immersions.items():
        grid_seconds, grid = least_seconds(
            lambda immersion=immersion: geodesic_gridlines(immersion, count=(11, 11)), 1
        )
        gridlines[name] = {
            "seconds": grid_seconds,
            "evaluations": grid.evaluations,
            "lines": len(grid.kappa),
        }
    report = {
        "integrator": rows,
        "jets_in_forward_passes": jets,
        "gridlines": gridlines,
        "gridline_errors": gridline_errors(),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
