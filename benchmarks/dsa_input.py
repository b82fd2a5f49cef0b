"""Benchmark of InputDSA against dsa-metric's ``InputDSA``, both in one run, one thread.

All pairs of eight noisy systems, two systems x two input statistics x two draws, 4 of 10 units observed:

operators   fitting time of ``SubspaceDMDc`` and ``DMDc``, at the same delays and rank; of DMDc also on two
            systems of 64 units, as many as a network has, and on a small one
state       angle of the state operators: theirs by Adam, with the steps that ``InputDSA`` hands to its solver
stages      what the time of our DMDc goes to
joint       joint alignment: theirs is that of controllability matrices, in closed form; ours climbs
            (its distance at their alignment is a column)

    python benchmarks/dsa_input.py --output docs/data/dsa_input/speed.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from processor_time import least_seconds  # noqa: E402

from warpline.figures.page_numbers import at_most  # noqa: E402
from warpline.similarity.dsa_input import (  # noqa: E402
    DrivenOperator,
    compare_pairs,
    fit_driven_operator,
)
from warpline.similarity.dsa_input.driven_operators import Backend  # noqa: E402
from warpline.similarity.dsa_input.driven_trials import driven_trials  # noqa: E402
from warpline.similarity.dsa_input.transition_moments import Transitions  # noqa: E402

FloatArray = NDArray[np.float64]
RANK, N_DELAYS = 10, 5
UNITS, OBSERVED, CHANNELS, TRIALS, TIMES, DRAWS = 10, 4, 2, 50, 200, 2
WIDE = 64
#: Units, trials and steps of a small system.
SMALL = (3, 10, 50)
#: What ``InputDSA`` hands to its solver. The solver's own defaults, 200 steps of 0.01, stop far from the end.
ADAM_STEPS, ADAM_RATE = 1500, 5e-3


def full_recordings(
    count: int, units: int, trials: int = TRIALS, times: int = TIMES
) -> list[tuple[FloatArray, FloatArray]]:
    """Return systems of which all units are seen: states (trial, time, unit) and inputs of each."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        a = rng.standard_normal((units, units))
        a *= 0.9 / np.abs(np.linalg.eigvals(a)).max()
        b = rng.standard_normal((units, CHANNELS))
        inputs = rng.standard_normal((trials, times, CHANNELS))
        states = np.zeros((trials, times, units))
        for t in range(1, times):
            states[:, t] = states[:, t - 1] @ a.T + inputs[:, t - 1] @ b.T
        made.append((states + 0.01 * states.std() * rng.standard_normal(states.shape), inputs))
    return made


def recordings(seed: int = 0) -> list[tuple[FloatArray, FloatArray]]:
    """States (trial, time, unit) and inputs (trial, time, channel) of the eight systems."""
    rng = np.random.default_rng(seed)
    observed = rng.choice(UNITS, OBSERVED, replace=False)
    made = []
    for _ in range(2):
        a = rng.standard_normal((UNITS, UNITS))
        a *= 0.9 / np.abs(np.linalg.eigvals(a)).max()
        b = rng.standard_normal((UNITS, CHANNELS))
        for correlation, _ in itertools.product((0.0, 0.95), range(DRAWS)):
            inputs = rng.standard_normal((TRIALS, TIMES, CHANNELS))
            for t in range(1, TIMES):
                inputs[:, t] *= np.sqrt(1 - correlation**2)
                inputs[:, t] += correlation * inputs[:, t - 1]
            states = np.zeros((TRIALS, TIMES, UNITS))
            for t in range(1, TIMES):
                states[:, t] = states[:, t - 1] @ a.T + inputs[:, t - 1] @ b.T
            states = states[:, :, observed]
            noise = 0.01 * states.std() * rng.standard_normal(states.shape)
            made.append((states + noise, inputs))
    return made


def benchmark_operators(data: list[tuple[FloatArray, FloatArray]]) -> list[dict[str, Any]]:
    """Fitting time of both packages, by backend."""
    return [
        time_operators("subspace", data, OBSERVED),
        time_operators("dmdc", data, OBSERVED),
        time_operators("dmdc", full_recordings(2, WIDE), WIDE),
        # Calls of a millisecond need more repeats.
        time_operators("dmdc", full_recordings(1, *SMALL), SMALL[0], 1, SMALL[0], repeats=100),
    ]


def time_operators(
    backend: Backend,
    data: list[tuple[FloatArray, FloatArray]],
    units: int,
    n_delays: int = N_DELAYS,
    rank: int = RANK,
    *,
    repeats: int = 5,
) -> dict[str, Any]:
    """Return the fitting times of both packages for some systems."""
    from DSA.dmdc import DMDc
    from DSA.subspace_dmdc import SubspaceDMDc

    def theirs() -> None:
        for states, inputs in data:
            if backend == "subspace":
                SubspaceDMDc(states, inputs, n_delays=n_delays, rank=rank).fit()
            else:
                DMDc(states, inputs, n_delays=n_delays, rank_output=rank).fit()

    def ours() -> list[DrivenOperator]:
        return [
            fit_driven_operator(
                states, inputs, rank=rank, n_delays=n_delays, input_lag=1, backend=backend
            )
            for states, inputs in data
        ]

    # The first call of each warms up and is not timed.
    ours()
    theirs()
    seconds, _ = least_seconds(ours, repeats)
    reference, _ = least_seconds(theirs, repeats)
    return {
        "backend": backend,
        "units": units,
        "seconds": seconds,
        "reference_seconds": reference,
        "ratio": reference / seconds,
    }


def benchmark_stages(data: list[tuple[FloatArray, FloatArray]]) -> dict[str, float]:
    """Seconds a system of our DMDc: to check and join states and inputs, for their moments, in all."""
    states, inputs = data[0]

    def joined() -> Any:
        return driven_trials(
            states, inputs, n_lags=N_DELAYS, delay_interval=1, input_lag=1, offset=True,
            rank_tolerance=None,
        )  # fmt: skip

    def whole() -> Any:
        return fit_driven_operator(states, inputs, rank=RANK, n_delays=N_DELAYS, input_lag=1)

    trials = joined()
    stages = {"join": joined, "moments": lambda: Transitions.of(trials.blocks, N_DELAYS)}
    stages["whole"] = whole
    return {name: least_seconds(stage, 20)[0] for name, stage in stages.items()}


def benchmark_pairs(data: list[tuple[FloatArray, FloatArray]]) -> dict[str, Any]:
    """Time of all pairs from operators, and how the values compare."""
    from DSA.simdist import SimilarityTransformDist
    from DSA.simdist_controllability import ControllabilitySimilarityTransformDist

    operators = [
        fit_driven_operator(
            states, inputs, rank=RANK, n_delays=N_DELAYS, input_lag=1, backend="subspace"
        )
        for states, inputs in data
    ]
    pairs = list(itertools.combinations(range(len(operators)), 2))
    settings = {"rank": RANK}
    compare_pairs(operators, pairs[:1], settings=settings)  # compiles
    seconds, rows = least_seconds(lambda: compare_pairs(operators, pairs, settings=settings), 3)

    def their_states() -> list[float]:
        torch.manual_seed(0)
        solver = SimilarityTransformDist(iters=ADAM_STEPS, lr=ADAM_RATE, score_method="angular")
        return [
            float(solver.fit_score(np.array(operators[i].state), np.array(operators[j].state)))
            for i, j in pairs
        ]

    def their_rotations() -> list[FloatArray]:
        solver = ControllabilitySimilarityTransformDist(compare="joint")
        return [
            solver.compare_systems_procrustes(
                operators[i].state, operators[i].control, operators[j].state, operators[j].control
            )[0]
            for i, j in pairs
        ]

    state_seconds, state_angles = least_seconds(their_states, 1)
    joint_seconds, rotations = least_seconds(their_rotations, 3)

    def joint_at(pair: tuple[int, int], rotation: FloatArray) -> float:
        """Our joint angle at an alignment of theirs, the better of C and its transpose."""
        first, second = (operators[k] for k in pair)
        a, b = (x.state / np.linalg.norm(x.state) for x in (first, second))
        d, e = (x.control / np.linalg.norm(x.control) for x in (first, second))
        cosines = [
            (np.sum(a * (c @ b @ c.T)) + np.sum(d * (c @ e))) / 2 for c in (rotation, rotation.T)
        ]
        return float(np.arccos(max(cosines)))

    joint_angles = [joint_at(pair, c) for pair, c in zip(pairs, rotations, strict=True)]
    ours = {name: np.array([row[f"{name}_score"] for row in rows]) for name in ("state", "joint")}
    return {
        "pairs": len(pairs),
        "adam_steps": ADAM_STEPS,
        "seconds_of_all_scores": seconds,
        "reference_seconds_of_the_state": state_seconds,
        "reference_seconds_of_the_joint_alignment": joint_seconds,
        "ratio": (state_seconds + joint_seconds) / seconds,
        "largest_state_angle_above_theirs": float(np.max(ours["state"] - state_angles)),
        "mean_state_angle": float(ours["state"].mean()),
        "mean_state_angle_of_theirs": float(np.mean(state_angles)),
        "largest_joint_angle_above_theirs": float(np.max(ours["joint"] - joint_angles)),
        "mean_joint_angle": float(ours["joint"].mean()),
        "mean_joint_angle_at_their_alignment": float(np.mean(joint_angles)),
        "status": {s: sum(row["status"] == s for row in rows) for s in {r["status"] for r in rows}},
    }


def page_lines(result: dict[str, Any]) -> list[str]:
    """Return what docs/dsa_input.md says of the times: the rows of its table, then sentences."""
    operators = {(row["backend"], row["units"]): row for row in result["operators"]}
    pairs = result["pairs"]
    fit = {name: operators[name, OBSERVED] for name in ("subspace", "dmdc")}
    wide, small = operators["dmdc", WIDE], operators["dmdc", SMALL[0]]
    scores = pairs["seconds_of_all_scores"]
    joint = pairs["reference_seconds_of_the_joint_alignment"]
    theirs = pairs["reference_seconds_of_the_state"] + joint
    ours, other = (
        {name: row[key] for name, row in fit.items()} for key in ("seconds", "reference_seconds")
    )
    times = {
        "operators, subspace": (other["subspace"], ours["subspace"]),
        "operators, dmdc": (other["dmdc"], ours["dmdc"]),
        f"operators, dmdc, 2 systems of {WIDE} units": (wide["reference_seconds"], wide["seconds"]),
        f"operators, dmdc, 1 system of {SMALL[0]} units, {SMALL[1]} trials x {SMALL[2]} steps, 1 delay": (
            small["reference_seconds"],
            small["seconds"],
        ),
        f"scores of all pairs: state ({pairs['adam_steps']} steps of Adam) and joint": (
            theirs,
            scores,
        ),
        "all, subspace": (other["subspace"] + theirs, ours["subspace"] + scores),
        "all, dmdc": (other["dmdc"] + theirs, ours["dmdc"] + scores),
        "dsa-metric's default: operators, and the joint alignment in closed form; subspace": (
            other["subspace"] + joint,
            ours["subspace"] + scores,
        ),
        "the same, dmdc": (other["dmdc"] + joint, ours["dmdc"] + scores),
    }
    lines = [
        f"| {name} | {rival:.3g} s | {own:.2g} s | {float(f'{rival / own:.2g}'):g} |"
        for name, (rival, own) in times.items()
    ]
    share = ours["dmdc"] / (ours["dmdc"] + scores)
    lines.append(f"the operators are {share:.0%}".replace("%", " %"))
    lines.append(f"the operators are {wide['ratio']:.0f} times as fast")
    for units, stages in result["stages"].items():
        join, moments = (stages[name] / stages["whole"] for name in ("join", "moments"))
        lines.append(f"| {units} | {1e3 * stages['whole']:.2g} ms | {join:.0%} | {moments:.0%} |")
    excess = at_most(pairs["largest_state_angle_above_theirs"])
    lines.append(
        f"above Adam's by at most {excess} rad, which is in single precision: "
        f"{pairs['mean_state_angle']:.3f} in the mean against {pairs['mean_state_angle_of_theirs']:.3f}"
    )
    lines.append(f"the mean joint angle is {pairs['mean_joint_angle_at_their_alignment']:.3f}")
    lines.append(f"the search reaches {pairs['mean_joint_angle']:.3f}")
    return lines


def main() -> None:
    """Run both parts and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = recordings()
    result = {
        "machine": f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}",
        "operators": benchmark_operators(data),
        "stages": {
            str(OBSERVED): benchmark_stages(data),
            str(WIDE): benchmark_stages(full_recordings(1, WIDE)),
        },
        "pairs": benchmark_pairs(data),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print("\n".join(page_lines(result)))


if __name__ == "__main__":
    main()
