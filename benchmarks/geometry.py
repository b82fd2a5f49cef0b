"""Speed and memory of the pullback metric, in units of plain forward passes, in one run.

    python benchmarks/geometry.py --output geometry.json [--grid 41] [--steps 100] [--units 128]

- grid: the metric of a 128-unit network on a 41 x 41 grid of two inputs, 100 steps, two contexts;
- cost: tangents of first, and of first and second order, for m = 1, 2, 3 coordinates, in plain forward
  passes: the same dynamics and the whole batch stepped without tangents, float64;
- rival: the same metric by torch.func.jacfwd of all states, under torch.vmap over the points; and a Jacobian
  per point and time, by torch.func.jacrev (and jacfwd) of the unrolled network. The latter is measured at a
  few points and times and scaled to all of them;
- memory: peak of a process that keeps the tangents of all time steps, of three, or metrics alone.

One thread. Ratios are of processor times, as other work on the machine stretches the wall clock.
"""

import argparse
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from warpline.geometry import (
    Coordinate,
    InputManifold,
    dynamics_of,
    metric_stream,
    stream,
    tangents,
)
from warpline.geometry.derivatives.sensitivity import chunk_size
from warpline.models.base import build_model

KINDS = ("leaky_rnn", "leaky_gru")


def make_network(kind, units):
    settings = {"model": kind, "units": units, "activation": "tanh", "init": "gaussian",
                "gain": 1.3, "tau": 100, "noise": 0.0}  # fmt: skip
    return dynamics_of(build_model(settings, n_inputs=4, n_outputs=1, dt=20, seed=1))


def evidence(m, steps, context=0):
    """Return m constant inputs on channels 0 to 3, with a context cue on channel 2 or 3 where m = 2."""
    cue = torch.zeros(4, dtype=torch.float64)
    cue[2 + context] = 1.0 if m == 2 else 0.0

    def inputs(kappa, step):
        return torch.cat([kappa, kappa.new_zeros(len(kappa), 4 - m)], dim=1) + cue

    return InputManifold(tuple(Coordinate(f"input_{i}", -1, 1) for i in range(m)), inputs, steps)


def timed(run):
    """Return (processor seconds, wall seconds) of a call."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.process_time() - processor, time.perf_counter() - wall


def plain_pass(dynamics, manifold, kappa):
    with torch.no_grad():
        state = dynamics.initial(len(kappa))
        for step in range(manifold.n_steps):
            state = dynamics.step(state, manifold(kappa, step))
    return state


def carry(dynamics, manifold, kappa, second):
    """Carry tangents to the last time step, keeping nothing."""
    for block in kappa.split(chunk_size(None, dynamics, kappa, second)):
        for _ in stream(
            dynamics, manifold, block, at=[manifold.n_steps], second=second, check=False
        ):
            pass


def benchmark_grid(kind, units, count, steps, repeats):
    dynamics = make_network(kind, units)
    manifolds = [evidence(2, steps, context) for context in (0, 1)]
    kappa = manifolds[0].grid(count, count)

    def run():
        for manifold in manifolds:
            metric_stream(dynamics, manifold, kappa)

    times = [timed(run) for _ in range(repeats)]
    return {
        "kind": kind, "units": units, "points": len(kappa), "steps": steps, "contexts": 2,
        "processor_seconds": min(t[0] for t in times), "wall_seconds": min(t[1] for t in times),
    }  # fmt: skip


def benchmark_cost(kind, units, count, steps, repeats):
    dynamics, rows = make_network(kind, units), []
    for m in (1, 2, 3):
        manifold = evidence(m, steps)
        generator = torch.Generator().manual_seed(m)
        kappa = 2 * torch.rand(count**2, m, generator=generator, dtype=torch.float64) - 1
        jobs = {
            "plain": lambda f=manifold, k=kappa: plain_pass(dynamics, f, k),
            "first_order": lambda f=manifold, k=kappa: carry(dynamics, f, k, False),
            "both_orders": lambda f=manifold, k=kappa: carry(dynamics, f, k, True),
            "metric": lambda f=manifold, k=kappa: metric_stream(dynamics, f, k, check=False),
        }
        # The first call of each warms up and is not timed.
        for job in jobs.values():
            job()
        # In turns, so that a change of the machine's load meets all of them.
        seconds = {name: [] for name in jobs}
        for _ in range(repeats):
            for name, job in jobs.items():
                seconds[name].append(timed(job)[0])
        medians = {name: statistics.median(s) for name, s in seconds.items()}
        rows.append(
            {"kind": kind, "m": m, "points": len(kappa), "plain_seconds": medians["plain"],
             "first_order_bound": 1.6 * (m + 1),
             **{f"{name}_in_passes": medians[name] / medians["plain"]
                for name in jobs if name != "plain"}}
        )  # fmt: skip
        print(json.dumps(rows[-1]), flush=True)
    return rows


def metric_by_vmap(dynamics, manifold, kappa):
    """Return the metric (point, time, input, input), by forward mode over all points at once.

    Chunks of points save memory and take longer: of 256, by up to a fifth.
    """

    def states(point):
        state, visited = dynamics.initial(1), []
        for step in range(manifold.n_steps):
            state = dynamics.step(state, manifold(point[None], step))
            visited.append(state[0])
        return torch.stack(visited)

    def metric(point):
        jacobian = torch.func.jacfwd(states)(point)
        return torch.einsum("tui,tuj->tij", jacobian, jacobian)

    return torch.func.vmap(metric)(kappa)


def benchmark_rival(kind, units, count, steps, samples):
    dynamics, manifold = make_network(kind, units), evidence(2, steps)
    kappa = manifold.grid(count, count)
    rivals = {}
    # An even sample of points, whose mean cost is scaled to all of them.
    sample = kappa[torch.linspace(0, len(kappa) - 1, samples).long()]
    # Times in the middle of equal parts of the trial: their mean cost is that of all. The state at time 0 has
    # no tangents, and a short trial has fewer times than parts.
    times = sorted({math.ceil((i + 0.5) * steps / 5) for i in range(5)})
    sampled_tangents = tangents(dynamics, manifold, sample, at=times)
    for name, transform in (("jacrev", torch.func.jacrev), ("jacfwd", torch.func.jacfwd)):
        seconds, error = [], 0.0
        for row, point in enumerate(sample):
            for column, k in enumerate(times):

                def unrolled(at, k=k):
                    state = dynamics.initial(1)
                    for step in range(k):
                        state = dynamics.step(state, manifold(at[None], step))
                    return state[0]

                begin = time.process_time()
                jacobian = transform(unrolled)(point)
                seconds.append(time.process_time() - begin)
                difference = jacobian.T - sampled_tangents.inputs[row, column]
                error = max(error, float(difference.abs().max()))
        rivals[f"{name}_seconds_scaled"] = statistics.mean(seconds) * len(kappa) * steps
        rivals[f"{name}_largest_difference"] = error
    batched = metric_by_vmap(dynamics, manifold, sample)[:, [k - 1 for k in times]]
    expected = torch.einsum("ptiu,ptju->ptij", sampled_tangents.inputs, sampled_tangents.inputs)
    rivals["vmap_largest_difference"] = float((batched / expected - 1).abs().max())
    # In turns, so that a change of the machine's load meets both.
    ours, theirs = [], []
    for _ in range(2):
        ours.append(timed(lambda: metric_stream(dynamics, manifold, kappa))[0])
        theirs.append(timed(lambda: metric_by_vmap(dynamics, manifold, kappa))[0])
    metric_seconds, rivals["vmap_seconds"] = min(ours), min(theirs)
    return {
        "kind": kind, "points": len(kappa), "steps": steps, "sampled_points": samples,
        "sampled_times": times, "metric_seconds": metric_seconds, **rivals,
        **{f"times_faster_than_{n}": rivals[f"{n}_seconds_scaled"] / metric_seconds
           for n in ("jacrev", "jacfwd")},
        "times_faster_than_vmap": rivals["vmap_seconds"] / metric_seconds,
    }  # fmt: skip


def benchmark_small(kind, units, steps=10, repeats=12):
    """Return the seconds of the metric of one point over a few steps, where calls take the time."""
    dynamics, manifold = make_network(kind, units), evidence(2, steps)
    kappa = manifold.grid(1, 1)
    jobs = {
        "metric_seconds": lambda: metric_stream(dynamics, manifold, kappa),
        "unchecked_seconds": lambda: metric_stream(dynamics, manifold, kappa, check=False),
        "vmap_seconds": lambda: metric_by_vmap(dynamics, manifold, kappa),
    }
    seconds = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            seconds[name].append(timed(job)[0])
    return {"kind": kind, "points": 1, "steps": steps, **{n: min(s) for n, s in seconds.items()}}


def measure_memory(what, units, count, steps):
    """Print by how much the work raises this process's peak memory, in MiB.

    0 where the work stays below what importing torch took at its peak.
    """
    dynamics, manifold = make_network("leaky_rnn", units), evidence(2, steps)
    kappa = manifold.grid(count, count)
    tangents(dynamics, manifold, kappa[:4], at=[1])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if what == "metric":
        metric_stream(dynamics, manifold, kappa)
    else:
        at = None if what == "all" else [steps // 3, 2 * steps // 3, steps]
        tangents(dynamics, manifold, kappa, at=at)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 2**20 if sys.platform == "darwin" else 2**10
    print((after - before) / unit)


def benchmark_memory(units, count, steps):
    mebibytes = {}
    for what in ("all", "few", "metric"):
        command = [sys.executable, __file__, "--memory-of", what, "--units", str(units),
                   "--grid", str(count), "--steps", str(steps)]  # fmt: skip
        process = subprocess.run(command, capture_output=True, text=True, check=True)
        mebibytes[f"{what}_mebibytes"] = float(process.stdout)
    return mebibytes


def page_lines(result):
    """Return the lines of the table that docs/workflow.md holds: the metric of two inputs and time."""
    cost = {row["kind"]: row for row in result["cost"] if row["m"] == 2}
    seconds = {row["kind"]: f"{row['processor_seconds']:.1f} s" for row in result["grid"]}
    return [
        "| | leaky RNN | leaky GRU |",
        "| --- | --- | --- |",
        *(
            "| {} | {} |".format(
                words, " | ".join(f"{cost[kind][f'{order}_in_passes']:.1f}" for kind in KINDS)
            )
            for words, order in (
                ("first derivatives, two inputs and time, in forward passes", "first_order"),
                ("with second derivatives, in forward passes", "both_orders"),
            )
        ),
        "| metric of both contexts on a 41 x 41 grid, processor time | {} |".format(
            " | ".join(seconds[kind] for kind in KINDS)
        ),
    ]


def sentence(result):
    """Return what docs/workflow.md says of torch.func, and of a case in which it is the faster one."""
    shares = [100 * row["metric_seconds"] / row["vmap_seconds"] for row in result["rival"]]
    single = [round(row["times_faster_than_jacrev"], -2) for row in result["rival"]]
    ratios = sorted(row["metric_seconds"] / row["vmap_seconds"] for row in result["small"])
    check = [1 - row["unchecked_seconds"] / row["metric_seconds"] for row in result["small"]]
    return (
        f"The metric takes {min(shares):.0f} to {max(shares):.0f} % of the time of torch.func over all "
        "points and times at once. A Jacobian by torch.func for each point and time step takes "
        f"{min(single):,.0f} to {max(single):,.0f} times as long ([benchmarks.md](benchmarks.md)). With one "
        f"point and {result['small'][0]['steps']} steps, the metric takes {ratios[0]:.1f} to "
        f"{ratios[-1]:.1f} times as long as torch.func: the test that the step is differentiable is "
        f"{100 * min(check):.0f} to {100 * max(check):.0f} % of it"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="JSON file")
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--grid", type=int, default=41, help="points along each input")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--samples", type=int, default=3, help="points of the rival")
    parser.add_argument("--memory-of", choices=["all", "few", "metric"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size = (arguments.units, arguments.grid, arguments.steps)
    if arguments.memory_of:
        measure_memory(arguments.memory_of, *size)
        return
    if arguments.output is None:
        parser.error("expected --output, a JSON file")
    results = {
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "versions": {"torch": torch.__version__}, "threads": 1,
        "grid": [], "cost": [], "rival": [], "small": [],
    }  # fmt: skip
    for kind in KINDS:
        results["grid"].append(benchmark_grid(kind, *size, arguments.repeats))
        print(json.dumps(results["grid"][-1]), flush=True)
        results["rival"].append(benchmark_rival(kind, *size, arguments.samples))
        print(json.dumps(results["rival"][-1]), flush=True)
        results["small"].append(benchmark_small(kind, arguments.units))
        results["cost"] += benchmark_cost(kind, *size, arguments.repeats)
    results["memory"] = benchmark_memory(*size)
    print(json.dumps(results["memory"]), flush=True)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
