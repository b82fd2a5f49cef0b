"""Stochastic shape distances: how often the default search ends too high, and what few repeats do.

    python benchmarks/shape_search.py --output docs/data/shape_search.json

Random systems, of which all pairs are compared: means and covariances of each condition and time are normal.
A pair is missed where its distance by the default starts is more than 1e-6 of it above that by 100 starts.
Pairs at 0 by the default starts, which an energy distance can be, are not counted. A miss is silent if its
status is "converged". One case is compared with other numbers of repeats, too.
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

#: Conditions, times, units, repeats, and the size of the noise beside that of the means: number of systems.
#: With few conditions and repeats most energy distances are 0.
CASES = {
    (2, 1, 5, 8, 0.4): 6,
    (2, 1, 5, 50, 0.4): 12,
    (2, 1, 5, 100, 0.4): 12,
    (3, 1, 10, 30, 0.6): 6,
    (6, 4, 5, 8, 0.4): 6,
    (6, 4, 10, 8, 0.4): 6,
    (3, 4, 8, 6, 0.6): 6,
}
FEW_REPEATS, SYSTEMS = (3, 4, 8, 6, 0.6), 6
ALPHAS = (1.0, 0.5, 0.0)
#: Names of the measures in the data file, and on the page.
COLUMNS = {f"alpha {alpha:g}": f"`shape_gaussian`, α = {alpha:g}" for alpha in ALPHAS}
COLUMNS |= {"energy": "`shape_energy`"}
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
    module: Any, case: tuple[int, int, int, int, float], n_systems: int, settings: dict[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the dissimilarities of all pairs of the random systems, and whether they say they converged."""
    systems = [
        module.represent(states, settings=settings, conditions=conditions)
        for states, conditions in (drawn(100 + k, case) for k in range(n_systems))
    ]
    pairs = list(itertools.combinations(range(n_systems), 2))
    rows = module.compare_pairs(systems, pairs, settings=settings)
    converged = np.array([row["status"] == "converged" for row in rows])
    return np.array([row["dissimilarity"] for row in rows]), converged


def cell(counts: dict[str, Any]) -> str:
    """Return what the table says of a measure in a case."""
    if not counts["pairs"]:
        return "all at 0"
    text = f"{counts['missed']} of {counts['pairs']}"
    if counts["missed"]:
        text += f", up to {counts['largest_percent']:.1f} %"
    converged = counts["converged"]
    return text + (f"; {counts['silent']} of {converged}" if converged else "; none")


def page_lines(result: dict[str, Any]) -> list[str]:
    """Return the table that docs/measures.md holds, line by line."""
    head = ["`shape_gaussian`, α = 1", "α = 0.5", "α = 0", "`shape_energy`"]
    lines = [
        "| conditions, times, units, repeats, noise | {} |".format(" | ".join(head)),
        "| --- | --- | --- | --- | --- |",
    ]
    for row in result["search"]:
        cells = [cell(row[column]) for column in COLUMNS]
        lines.append(
            "| {} | {} |".format(", ".join(f"{x:g}" for x in row["case"]), " | ".join(cells))
        )
    return lines


def totals(result: dict[str, Any]) -> str:
    """Return what docs/measures.md says of all cases, by measure."""
    parts = []
    for column, name in COLUMNS.items():
        missed, pairs, silent, converged = (
            sum(row[column][key] for row in result["search"])
            for key in ("missed", "pairs", "silent", "converged")
        )
        parts.append(f"{name}: {missed} of {pairs}, and {silent} of {converged}")
    return "; ".join(parts)


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
        case = (*FEW_REPEATS[:3], repeats, FEW_REPEATS[4])
        row: dict[str, Any] = {"repeats": repeats, "pairs": SYSTEMS * (SYSTEMS - 1) // 2}
        for name, module in (("gaussian", shape_gaussian), ("energy", shape_energy)):
            found, _ = distances(module, case, SYSTEMS, {})
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
    for case, n_systems in CASES.items():
        row: dict[str, Any] = {"case": case}
        for name, module, settings in searches:
            found, converged = distances(module, case, n_systems, settings)
            many, _ = distances(module, case, n_systems, {**settings, "n_starts": STARTS})
            above = found > 0
            found, best, converged = found[above], np.minimum(found, many)[above], converged[above]
            missed = found - best > 1e-6 * found
            excess = (found - best)[best > 0] / best[best > 0]
            row[name] = {
                "pairs": len(found),
                "missed": int(missed.sum()),
                "largest_percent": round(100 * float(excess.max(initial=0.0)), 3),
                "converged": int(converged.sum()),
                "silent": int((missed & converged).sum()),
            }
        result["search"].append(row)
        print(json.dumps(row), flush=True)
    output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
