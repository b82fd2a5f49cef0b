"""Stochastic shape distances: how often the default search ends too high, and what few repeats do.

    python benchmarks/shape_search.py --output docs/data/shape_search.json

Random systems, of which all pairs are compared: means and covariances of each condition and time are normal.
A pair is missed where its distance by the default starts is more than 1e-6 above that by 100 starts. The last
case is compared with more repeats, too.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from warpline.similarity import shape_energy, shape_gaussian  # noqa: E402

#: Conditions, times, units, repeats, and the size of the noise beside that of the means.
CASES = (
    (2, 1, 5, 8, 0.4),
    (3, 1, 10, 30, 0.6),
    (6, 4, 5, 8, 0.4),
    (6, 4, 10, 8, 0.4),
    (3, 4, 8, 6, 0.6),
)
SYSTEMS = 6
ALPHAS = (1.0, 0.5, 0.0)
STARTS = 100
REPEATS = (6, 20, 100)


def drawn(
    seed: int, case: tuple[int, int, int, int, float]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return random noisy trials (trial, time, unit) and the condition of each."""
    n_conditions, n_times, n_units, n_repeats, scale = case
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(n_conditions, n_times, n_units))
    factors = scale * rng.normal(size=(n_conditions, n_times, n_units, n_units))
    noise = rng.normal(size=(n_conditions, n_times, n_repeats, n_units))
    responses = means[:, :, None] + np.einsum("ctij,ctrj->ctri", factors, noise)
    trials = responses.transpose(0, 2, 1, 3).reshape(-1, n_times, n_units)
    return trials, np.repeat(np.arange(n_conditions), n_repeats)


def distances(
    module: Any, case: tuple[int, int, int, int, float], settings: dict[str, Any]
) -> NDArray[np.float64]:
    """Return the dissimilarities of all pairs of the random systems."""
    systems = [
        module.represent(states, settings=settings, conditions=conditions)
        for states, conditions in (drawn(100 + k, case) for k in range(SYSTEMS))
    ]
    pairs = list(itertools.combinations(range(SYSTEMS), 2))
    rows = module.compare_pairs(systems, pairs, settings=settings)
    return np.array([row["dissimilarity"] for row in rows])


def page_lines(result: dict[str, Any]) -> list[str]:
    """Return the table that docs/measures.md holds, line by line."""
    columns = [f"alpha {alpha:g}" for alpha in ALPHAS] + ["energy"]
    head = ["`shape_gaussian`, α = 1", "α = 0.5", "α = 0", "`shape_energy`"]
    lines = [
        "| conditions, times, units, repeats, noise | {} |".format(" | ".join(head)),
        "| --- | --- | --- | --- | --- |",
    ]
    for row in result["search"]:
        cells = [
            f"{row[column]['missed']} of {row['pairs']}"
            + (f", up to {row[column]['largest_percent']:.1f} %" if row[column]["missed"] else "")
            for column in columns
        ]
        lines.append(
            "| {} | {} |".format(", ".join(f"{x:g}" for x in row["case"]), " | ".join(cells))
        )
    return lines


def sentence(result: dict[str, Any]) -> str:
    """Return what docs/measures.md says of few repeats."""
    rows = result["repeats"]
    energy, gaussian = (
        " / ".join(f"{row[name]['mean']:.2f}" for row in rows) for name in ("energy", "gaussian")
    )
    counts = " / ".join(f"{row['repeats']}" for row in rows)
    return (
        f"with {counts} repeats, the mean over pairs is {energy} by `shape_energy`, and {gaussian} by "
        f"`shape_gaussian`. With {rows[0]['repeats']}, {rows[0]['energy']['zeros']} of {rows[0]['pairs']} "
        "pairs of different systems are at 0 by `shape_energy`"
    )


def of_few_repeats() -> list[dict[str, Any]]:
    """Return mean distances of the last case, and how many are 0, by number of repeats."""
    rows = []
    for repeats in REPEATS:
        case = (*CASES[-1][:3], repeats, CASES[-1][4])
        row: dict[str, Any] = {"repeats": repeats, "pairs": SYSTEMS * (SYSTEMS - 1) // 2}
        for name, module in (("gaussian", shape_gaussian), ("energy", shape_energy)):
            found = distances(module, case, {})
            row[name] = {"mean": round(float(found.mean()), 4), "zeros": int((found == 0).sum())}
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def main() -> None:
    """Search, and write the counts as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    output = parser.parse_args().output
    searches = [(f"alpha {alpha:g}", shape_gaussian, {"alpha": alpha}) for alpha in ALPHAS] + [
        ("energy", shape_energy, {})
    ]
    result: dict[str, Any] = {"repeats": of_few_repeats(), "search": []}
    for case in CASES:
        row: dict[str, Any] = {"case": case, "pairs": SYSTEMS * (SYSTEMS - 1) // 2}
        for name, module, settings in searches:
            found = distances(module, case, settings)
            best = np.minimum(found, distances(module, case, {**settings, "n_starts": STARTS}))
            # An energy distance can be 0: both are, then.
            excess = (found - best) / np.where(best > 0, best, 1)
            row[name] = {
                "missed": int((excess > 1e-6).sum()),
                "largest_percent": round(100 * float(excess.max()), 3),
            }
        result["search"].append(row)
        print(json.dumps(row), flush=True)
    output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
