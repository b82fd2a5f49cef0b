"""Benchmark of dynamical similarity analysis against dsa-metric, both in one run, one thread.

Four parts, each with its rows in the JSON output and, beside it, a CSV of all pairs:

operators   fitting time of HAVOK-DMD and peak memory, against ``DSA.DMD``
pairs       angle and time of each pair at each rank: Lorenz families and networks in training
self        systems against randomly rotated copies of themselves, and pairs swapped
matrix      all pairs of motif sequences, with one process per core

    python benchmarks/dsa.py --output results/benchmarks/dsa.json
    python benchmarks/dsa.py --output results/benchmarks/dsa_small.json --small
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import platform
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from warpline.figures.page_numbers import at_most  # noqa: E402
from warpline.similarity.dsa import Operator, compare_pairs, fit_operator  # noqa: E402

FloatArray = NDArray[np.float64]
FAMILIES = (0.25, 0.5, 0.75, 5.0, 10.0, 15.0, 30.0, 40.0, 50.0)
EMBEDDING = {"n_delays": 33, "delay_interval": 6}
NETWORK_EMBEDDING = {"n_delays": 10, "delay_interval": 1}
#: Pairs of network checkpoints, as (task, checkpoint) each.
NETWORK_PAIRS = (
    ((0, 0), (1, 0)), ((0, 0), (2, 0)), ((0, 3), (1, 3)), ((0, 3), (2, 3)), ((1, 3), (2, 3)),
    ((0, 0), (0, 1)), ((0, 1), (0, 2)), ((0, 0), (0, 3)), ((1, 0), (1, 3)), ((2, 0), (2, 3)),
)  # fmt: skip


def lorenz(r: float, n_trials: int = 200, n_steps: int = 200, seed: int = 0) -> FloatArray:
    """Lorenz system (s = 10, b = 2.667) by Euler steps of 0.01, scaled to the unit interval."""
    x = np.random.default_rng(seed).uniform(-10, 10, (n_trials, 3)) + np.array([0.0, 0.0, 10.0])
    states = np.empty((n_trials, n_steps, 3))
    for t in range(n_steps):
        states[:, t] = x
        u, v, w = x.T
        x = x + 0.01 * np.stack([10 * (v - u), r * u - v - u * w, u * v - 2.667 * w], axis=1)
    low, high = states.min((0, 1)), states.max((0, 1))
    return (states - low) / (high - low)


def motif_sequences(count: int) -> list[FloatArray]:
    """Sequences of three of five motifs (line, curve, two Lorenz patterns, line and curve)."""
    t = np.linspace(0, 1, 70)[:, None]
    rng = np.random.default_rng(1)
    line = t * np.array([1.0, 0.5, 0.2])
    curve = np.concatenate([np.cos(3 * t), np.sin(3 * t), t], axis=1)
    mixed = np.concatenate([line[:35], curve[:35] - curve[:1] + line[34:35]])
    shift = rng.normal(0, 0.3, (200, 1, 3))
    spread = [m[None] * rng.uniform(0.6, 1.4, (200, 1, 1)) + shift for m in (line, curve, mixed)]
    chaotic = [lorenz(r, n_steps=70, seed=2) for r in (15.0, 40.0)]
    motifs = [*spread, *chaotic]
    sequences = []
    for order in itertools.islice(itertools.permutations(range(5), 3), count):
        parts: list[FloatArray] = []
        for k in order:
            offset = parts[-1][:, -1:] - motifs[k][:, :1] if parts else 0.0
            parts.append(motifs[k] + offset)
        sequences.append(np.concatenate(parts, axis=1)[:, :200])
    return sequences


def train_network(task: int, checkpoints: tuple[int, ...], units: int = 64) -> list[FloatArray]:
    """States of a leaky RNN at checkpoints of its training on a small decision task."""
    import torch

    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(task)
    steps, trials = 60, 64

    def normal(*shape: int) -> Any:
        return torch.randn(*shape, generator=rng)

    weights = [normal(units, units) * 0.9 / units**0.5, normal(units, 3) / 3**0.5]
    weights += [normal(1, units) / units**0.5, torch.zeros(units)]
    recurrent, inputs, readout, bias = (w.requires_grad_() for w in weights)
    optimiser = torch.optim.Adam([recurrent, inputs, readout, bias], lr=3e-3)

    def draw(count: int, generator: Any) -> tuple[Any, Any]:
        strength = torch.randn(count, 1, 2, generator=generator)
        noise = 0.3 * torch.randn(count, steps, 2, generator=generator)
        drive = torch.zeros(count, steps, 3)
        drive[:, 10:40, :2] = (strength + noise)[:, 10:40]
        drive[:, :45, 2] = 1
        first, second = strength[:, 0].T
        return drive, torch.sign((first, -first, first + second)[task])

    def run(drive: Any) -> Any:
        h, states = torch.zeros(len(drive), units), []
        for t in range(steps):
            h = 0.8 * h + 0.2 * torch.tanh(h @ recurrent.T + drive[:, t] @ inputs.T + bias)
            states.append(h)
        return torch.stack(states, 1)

    evaluation, _ = draw(100, torch.Generator().manual_seed(99))
    saved = []
    for step in range(max(checkpoints) + 1):
        if step in checkpoints:
            with torch.no_grad():
                saved.append(run(evaluation).double().numpy())
        drive, target = draw(trials, rng)
        output = (run(drive)[:, 45:] @ readout.T)[..., 0]
        loss = ((output - target[:, None]) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([recurrent, inputs, readout, bias], 1.0)
        optimiser.step()
    return saved


def best_time(call: Callable[[], object], repeats: int) -> float:
    """Shortest of several wall-clock times, in seconds, after one call to warm up."""
    call()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def peak_memory(call: Callable[[], object]) -> float:
    """Peak of memory allocated through NumPy during a call, in MiB."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def benchmark_operators(small: bool) -> list[dict[str, Any]]:
    """Time HAVOK-DMD of both packages, and the memory of ours as trials are added."""
    from DSA.dmd import DMD

    wide = np.concatenate([lorenz(r, seed=k) for k, r in enumerate(FAMILIES[-7:])], axis=2)[
        :, :, :20
    ]
    cases = {
        "200 x 200 x 20, 33 delays x 6": (wide, 33, 6, 50),
        "100 x 150 x 20, 20 delays x 4": (wide[:100, :150], 20, 4, 50),
        # So little to compute that calls of functions take the time.
        "10 x 50 x 3, 5 delays x 1": (wide[:10, :50, :3], 5, 1, 10),
    }
    rows = []
    for name, (states, n_delays, interval, rank) in cases.items():
        states = np.ascontiguousarray(states[: 90 if small else None])

        def theirs(
            x: FloatArray = states, d: int = n_delays, i: int = interval, r: int = rank
        ) -> object:
            return DMD(x, n_delays=d, delay_interval=i, rank=r, lamb=0).fit()

        def ours(
            x: FloatArray = states, d: int = n_delays, i: int = interval, r: int = rank
        ) -> Operator:
            return fit_operator(x, n_delays=d, delay_interval=i, rank=r)

        seconds, reference = best_time(ours, 7), best_time(theirs, 7)
        doubled = np.concatenate([states] * 4)
        rows.append(
            {
                "case": name,
                "rank": rank,
                "seconds": seconds,
                "reference_seconds": reference,
                "ratio": reference / seconds,
                "peak_mib": peak_memory(ours),
                "peak_mib_four_times_the_trials": peak_memory(lambda x=doubled: ours(x)),
                "hankel_mib": 8 * states.shape[0] * (states.shape[1] - (n_delays - 1) * interval)
                * n_delays * states.shape[2] / 2**20,
            }
        )  # fmt: skip
        print(json.dumps(rows[-1]), flush=True)
    return rows


def make_operators(rank: int, networks: dict[tuple[int, int], FloatArray]) -> dict[Any, Operator]:
    """Operators of the Lorenz families and of the networks, by name."""
    operators: dict[Any, Operator] = {
        r: fit_operator(lorenz(r, seed=7), rank=rank, **EMBEDDING) for r in FAMILIES
    }
    for name, states in networks.items():
        operators[name] = fit_operator(states, rank=rank, **NETWORK_EMBEDDING)
    return operators


def benchmark_pairs(
    rank: int,
    networks: dict[tuple[int, int], FloatArray],
    iterations: int,
    starts: list[int],
    small: bool,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Align all pairs with both solvers; ours once for each cap on the starts."""
    import torch

    from warpline.similarity.dsa.reference import reference_alignment

    torch.set_num_threads(1)
    named = make_operators(rank, networks)
    keys, operators = list(named), list(named.values())
    system_pairs = [
        *itertools.combinations(FAMILIES, 2),
        *(p for p in NETWORK_PAIRS if p[0] in named and p[1] in named),
    ]
    system_pairs = system_pairs[:6] if small else system_pairs
    pairs = [(keys.index(a), keys.index(b)) for a, b in system_pairs]
    reference_alignment(operators[0].matrix, operators[1].matrix, iterations=3)
    rows, theirs, seconds = [], [], []
    processor = time.process_time()
    for i, j in pairs:
        begin = time.perf_counter()
        theirs.append(
            reference_alignment(operators[i].matrix, operators[j].matrix, iterations=iterations)
        )
        seconds.append(time.perf_counter() - begin)
    processor = (time.process_time() - processor) / len(pairs)
    summary: dict[str, Any] = {
        "rank": rank,
        "pairs": len(pairs),
        "reference_iterations": iterations,
        "reference_seconds_a_pair": float(np.mean(seconds)),
        "reference_processor_seconds_a_pair": processor,
        "reference_mean_angle": float(np.mean([r.angle for r in theirs])),
        "caps": [],
    }
    compare_pairs(operators, pairs[:2], settings={"max_starts": 2})
    for cap in starts:
        begin, spent = time.perf_counter(), time.process_time()
        ours = compare_pairs(operators, pairs, settings={"max_starts": cap})
        mine = (time.perf_counter() - begin) / len(pairs)
        spent = (time.process_time() - spent) / len(pairs)
        excess = np.array(
            [row["dissimilarity"] - r.angle for row, r in zip(ours, theirs, strict=True)]
        )
        summary["caps"].append(
            {
                "max_starts": cap,
                "seconds_a_pair": mine,
                "ratio": summary["reference_seconds_a_pair"] / mine,
                # On a busy machine the clock also counts what others do; one thread's own time does not.
                "processor_seconds_a_pair": spent,
                "processor_ratio": processor / spent,
                "mean_angle": float(np.mean([row["dissimilarity"] for row in ours])),
                "mean_lower_bound": float(np.mean([row["lower_bound"] for row in ours])),
                "largest_excess_over_reference": float(excess.max()),
                "pairs_above_reference_by_1e-4": int((excess > 1e-4).sum()),
                "pairs_below_reference_by_1e-4": int((excess < -1e-4).sum()),
                "largest_gradient_norm": max(row["gradient_norm"] for row in ours),
                "mean_starts": float(np.mean([row["n_starts"] for row in ours])),
                "all_converged": all(row["status"] == "converged" for row in ours),
            }
        )
        print(json.dumps({"rank": rank, **summary["caps"][-1]}), flush=True)
        for (i, j), row, r, s in zip(pairs, ours, theirs, seconds, strict=True):
            rows.append(
                {"rank": rank, "max_starts": cap, "a": str(keys[i]), "b": str(keys[j]), **row,
                 "reference_angle": r.angle, "reference_gradient_norm": r.gradient_norm,
                 "reference_seconds": s}
            )  # fmt: skip
    return summary, rows


def benchmark_self(rank: int, networks: dict[tuple[int, int], FloatArray]) -> dict[str, Any]:
    """Check rotated copies (angle 0), identical operators, and pairs given the other way round."""
    from dataclasses import replace

    operators = list(make_operators(rank, networks).values())
    rng = np.random.default_rng(0)
    rotations = [np.linalg.qr(rng.standard_normal((rank, rank)))[0] for _ in operators]
    copies = [
        replace(o, matrix=q @ o.matrix @ q.T) for o, q in zip(operators, rotations, strict=True)
    ]
    n = len(operators)
    rotated = compare_pairs([*operators, *copies], [(k, n + k) for k in range(n)], settings={})
    same = compare_pairs(operators, [(k, k) for k in range(n)], settings={})
    few = list(itertools.combinations(range(min(n, 5)), 2))
    there = compare_pairs(operators, few, settings={})
    back = compare_pairs(operators, [(j, i) for i, j in few], settings={})
    asymmetry = [
        abs(a["dissimilarity"] - b["dissimilarity"]) for a, b in zip(there, back, strict=True)
    ]
    result = {
        "rank": rank,
        "systems": n,
        "largest_angle_of_rotated_copies": max(row["dissimilarity"] for row in rotated),
        "largest_angle_of_identical_operators": max(row["dissimilarity"] for row in same),
        "largest_asymmetry": max(asymmetry),
    }
    print(json.dumps(result), flush=True)
    return result


def _share(
    job: tuple[list[Operator], list[tuple[int, int]], dict[str, Any]],
) -> list[dict[str, Any]]:
    import torch

    torch.set_num_threads(1)
    return compare_pairs(job[0], job[1], settings=job[2])


def benchmark_matrix(
    systems: int, rank: int, cores: int, settings: dict[str, Any]
) -> dict[str, Any]:
    """Fit and compare all pairs of motif sequences, the pairs shared among processes."""
    begin = time.perf_counter()
    operators = [fit_operator(x, rank=rank, **EMBEDDING) for x in motif_sequences(systems)]
    fitted = time.perf_counter() - begin
    pairs = list(itertools.combinations(range(len(operators)), 2))
    begin = time.perf_counter()
    if cores == 1:
        rows = _share((operators, pairs, settings))
    else:
        shares = [(operators, pairs[k::cores], settings) for k in range(cores)]
        with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
            rows = list(itertools.chain.from_iterable(pool.map(_share, shares)))
    seconds = time.perf_counter() - begin
    result = {
        "systems": len(operators),
        "pairs": len(pairs),
        "rank": rank,
        "cores": cores,
        "settings": settings,
        "operator_seconds": fitted,
        "seconds": seconds,
        "pairs_a_second": len(pairs) / seconds,
        "mean_angle": float(np.mean([row["dissimilarity"] for row in rows])),
        "mean_lower_bound": float(np.mean([row["lower_bound"] for row in rows])),
        "mean_starts": float(np.mean([row["n_starts"] for row in rows])),
        "all_converged": all(row["status"] == "converged" for row in rows),
    }
    print(json.dumps(result), flush=True)
    return result


def page_lines(results: dict[str, Any]) -> list[str]:
    """Return what docs/dsa.md says of accuracy and speed: the rows of its tables, then sentences."""
    lines = []
    for pairs in results["pairs"]:
        reference = 1e3 * pairs["reference_processor_seconds_a_pair"]
        for cap in pairs["caps"]:
            above = str(cap["pairs_above_reference_by_1e-4"])
            if above != "0":
                above += f" (worst {cap['largest_excess_over_reference']:.1e})".replace("e-0", "e-")
            cells = [
                f"rank {pairs['rank']}, cap {cap['max_starts']}",
                f"{cap['mean_starts']:.0f}",
                f"{1e3 * cap['processor_seconds_a_pair']:.1f}",
                f"{reference:,.0f}",
                f"{cap['processor_ratio']:.0f}",
                above,
                str(cap["pairs_below_reference_by_1e-4"]),
                f"{cap['mean_angle']:.4f}",
                f"{cap['mean_lower_bound']:.4f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    means = [
        f"{pairs['reference_mean_angle']:.4f} (rank {pairs['rank']})" for pairs in results["pairs"]
    ]
    lines.append(f"The mean angles of dsa-metric are {' and '.join(means)}")
    for row in results["operators"]:
        lines.append(
            f"| {1e3 * row['seconds']:.2g} ms, {row['ratio']:.2g} times as fast as dsa-metric |"
        )
    # Of a system of a few states, buffers are the memory.
    large = [row for row in results["operators"] if row["hankel_mib"] > 1]
    ours, stored = (
        " and ".join(f"{row[name]:.0f}" for row in large) for name in ("peak_mib", "hankel_mib")
    )
    lines.append(f"the fit takes {ours} MiB, where a stored Hankel matrix has {stored};")
    growth = [100 * (row["peak_mib_four_times_the_trials"] / row["peak_mib"] - 1) for row in large]
    lines.append(f"four times the trials take {min(growth):.0f} to {max(growth):.0f} % more memory")
    farthest = max(row["largest_angle_of_rotated_copies"] for row in results["self"])
    lines.append(f"at most {at_most(farthest)} from a rotated copy")
    matrix = results["matrix"]
    lines.append(
        f"| {matrix['pairs']:,} pairs of {matrix['systems']} motif sequences, rank {matrix['rank']}, "
        f"{matrix['mean_starts']:.0f} starts, two shared cores | {matrix['seconds']:.0f} s |"
    )
    return lines


def main() -> None:
    """Run the parts that were named and write their results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--output", type=Path, required=True, help="JSON file; a CSV of pairs goes beside it"
    )
    parser.add_argument(
        "--parts", nargs="+", default=["operators", "pairs", "self", "matrix"],
        choices=["operators", "pairs", "self", "matrix"],
    )  # fmt: skip
    parser.add_argument("--ranks", nargs="+", type=int, default=[20, 50])
    parser.add_argument("--iterations", type=int, default=1000, help="of dsa-metric")
    parser.add_argument(
        "--starts", nargs="+", type=int, default=[12, 24, 48, 300], help="caps to try"
    )
    parser.add_argument(
        "--systems", type=int, default=60, help="motif sequences of the matrix, at most 60"
    )
    parser.add_argument("--matrix-rank", type=int, default=50)
    parser.add_argument("--matrix-starts", type=int, default=12)
    parser.add_argument("--cores", type=int, default=2, help="processes of the matrix")
    parser.add_argument("--small", action="store_true", help="a minute instead of many")
    arguments = parser.parse_args()
    if arguments.small:
        arguments.iterations, arguments.starts, arguments.systems = 50, [4], 8
        arguments.ranks, arguments.matrix_rank = [10], 10
    import torch

    torch.set_num_threads(1)
    results: dict[str, Any] = {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
        },
        "versions": {"numpy": np.__version__, "torch": torch.__version__},
    }
    rows: list[dict[str, Any]] = []

    def save() -> None:
        """Write what there is: a later part that fails loses nothing of the earlier ones."""
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(results, indent=2) + "\n")
        if rows:
            with arguments.output.with_suffix(".csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)

    networks: dict[tuple[int, int], FloatArray] = {}
    if {"pairs", "self"} & set(arguments.parts):
        checkpoints = (0, 3) if arguments.small else (0, 30, 100, 200)
        for task in range(1 if arguments.small else 3):
            for k, states in enumerate(train_network(task, checkpoints)):
                networks[task, k] = states
    if "operators" in arguments.parts:
        results["operators"] = benchmark_operators(arguments.small)
        save()
    for rank in arguments.ranks:
        if "pairs" in arguments.parts:
            summary, more = benchmark_pairs(
                rank, networks, arguments.iterations, arguments.starts, arguments.small
            )
            results.setdefault("pairs", []).append(summary)
            rows += more
        if "self" in arguments.parts:
            results.setdefault("self", []).append(benchmark_self(rank, networks))
        save()
    if "matrix" in arguments.parts:
        settings = {"max_starts": arguments.matrix_starts}
        results["matrix"] = benchmark_matrix(
            arguments.systems, arguments.matrix_rank, arguments.cores, settings
        )
        save()


if __name__ == "__main__":
    main()
