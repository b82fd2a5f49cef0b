"""Compare two networks of the demo by every measure, and look at one of them.

Run after ``make demo``:  python examples/compare_two_networks.py [results] [name]
"""

import sys

import torch

import warpline


def main() -> None:
    results = sys.argv[1] if len(sys.argv) > 1 else "results"
    name = sys.argv[2] if len(sys.argv) > 2 else "demo"
    if not warpline.list_runs(name, results):
        sys.exit(f"expected the results of '{name}' in {results}, found none: run make demo first")

    a = warpline.open_run(name, "PDM", "leaky_rnn", "master", seed=1, results=results)
    b = warpline.open_run(name, "PDM", "leaky_rnn", "untrained", seed=2, results=results)
    for run in (a, b):
        status, steps = run.info["status"], run.steps[-1]
        print(f"{run.architecture}, {run.curriculum}, seed {run.seed}: {status}, {steps} updates")
    print(a.history().tail(1).to_string(index=False))

    x, y = (run.trajectories()["states"].sel(checkpoint=1.0) for run in (a, b))
    print("\ndissimilarity of the two:")
    for measure in ("cka", "cka_debiased", "procrustes"):
        result = warpline.compare(x, y, measure=measure)
        print(f"  {measure}: {result['dissimilarity']:.3f}")
    result = warpline.compare(x, y, measure="dsa", n_delays=4, rank=4)
    print(f"  dsa: {result['dissimilarity']:.3f} radians, at least {result['lower_bound']:.3f}")

    inputs = torch.from_numpy(a.trials()["inputs"].values[:5])
    outputs, states = a.model()(inputs)
    print(f"\nlogits {tuple(outputs.shape)}, states {tuple(states.shape)}: (trial, time, ...)")


if __name__ == "__main__":
    main()
