"""Compare two networks of the demo by every measure, and look at one of them.

Run after ``make demo``:  python examples/compare_two_networks.py [results] [name]
"""

import sys

import torch

import warpline


def main() -> None:
    results = sys.argv[1] if len(sys.argv) > 1 else "results"
    name = sys.argv[2] if len(sys.argv) > 2 else "demo"

    runs = warpline.list_runs(name, results)
    a, b = runs[0], runs[-1]
    print(f"{a.curriculum}, seed {a.seed}: {a.info['status']} after {a.steps[-1]} updates")
    print(a.history().tail(1).to_string(index=False))

    x = a.trajectories()["states"].sel(checkpoint=1.0)
    y = b.trajectories()["states"].sel(checkpoint=1.0)
    print(f"\nagainst {b.curriculum}, seed {b.seed}:")
    for measure in ("cka", "cka_debiased", "procrustes"):
        result = warpline.compare(x, y, measure=measure)
        print(f"  {measure}: dissimilarity {result['dissimilarity']:.3f}")

    inputs = torch.from_numpy(a.trials()["inputs"].values[:5])
    outputs, states = a.model()(inputs)
    print(f"\nlogits {tuple(outputs.shape)}, states {tuple(states.shape)}: (trial, time, ...)")


if __name__ == "__main__":
    main()
