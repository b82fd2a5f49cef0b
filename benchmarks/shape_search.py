"""Stochastic shape distances: how often the default search ends too high, and what few repeats do.

    python benchmarks/shape_search.py --run results/demo --output docs/data/shape_search.json

Random systems, of which all pairs are compared: means and covariances of each condition and time are normal.
A pair is missed where its distance by the default search is more than 1e-6 of it above that by 400 starts,
none of which is left out for its first value; one that comes near a value reached already ends early. Pairs
at 0 by the default search, which an energy distance can be, are not counted.
A miss is silent if its status is "converged". One case is compared with other numbers of repeats, too, and so
are the trained networks of a run.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any
from unittest import mock

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
from dsa_search import distinct, in_twos  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from warpline.comparison.network_systems import systems_of  # noqa: E402
from warpline.core.result_files import read_dataset  # noqa: E402
from warpline.similarity import rotation_search, shape_energy, shape_gaussian  # noqa: E402

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
STARTS = 400
#: Of the reference for trained networks, which are larger.
STARTS_OF_NETWORKS, NETWORKS = 48, 4
#: Times, from the first to the last third of a trial, and components of networks at few times.
FEW_TIMES = ((2, 8), (4, 8))
#: Of all checkpoints, those that are compared at few times.
EVERY = 4
REPEATS = (6, 20, 100)
#: Kinds of noise other than normal with a covariance for each condition and time; conditions, times, units
#: and repeats, and the pairs of a case, of which no system stands in two.
NOISES = ("counts", "low rank", "clusters", "heavy tails")
NOISE_CASES, NOISE_PAIRS = ((4, 1, 6, 30), (1, 1, 4, 40), (8, 2, 6, 20)), 40
NOISE_COLUMNS = ("alpha 1", "energy")


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


def noisy(
    noise: str, case: tuple[int, int, int, int], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return trials (trial, time, unit) with another kind of noise, and the condition of each."""
    n_conditions, n_times, n_units, n_repeats = case
    means = rng.normal(size=(n_conditions, n_times, 1, n_units))
    shape = (n_conditions, n_times, n_repeats, n_units)
    if noise == "counts":
        responses = rng.poisson(np.exp(0.3 + 0.8 * means), shape).astype(np.float64)
    elif noise == "low rank":
        directions = rng.normal(size=(n_conditions, 1, 2, n_units))
        common = rng.normal(size=(*shape[:-1], 2)) @ directions
        responses = 0.5 * means + common + 0.05 * rng.normal(size=shape)
    elif noise == "clusters":
        centres = 1.5 * rng.normal(size=(n_conditions, 3, n_units))
        which = rng.integers(3, size=shape[:-1])
        at = centres[np.arange(n_conditions)[:, None, None], which]
        responses = 0.3 * means + at + 0.1 * rng.normal(size=shape)
    else:
        responses = means + 0.4 * rng.standard_t(2, shape)
    trials = responses.transpose(0, 2, 1, 3).reshape(-1, n_times, n_units)
    return trials, np.repeat(np.arange(n_conditions), n_repeats)


def distances(
    module: Any,
    systems: list[Any],
    settings: dict[str, Any],
    pairs: list[tuple[int, int]] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the dissimilarities of pairs of systems, by default all, and whether they say they converged."""
    represented = [
        module.represent(states, settings=settings, conditions=conditions)
        for states, conditions in systems
    ]
    pairs = pairs or list(itertools.combinations(range(len(systems)), 2))
    rows = module.compare_pairs(represented, pairs, settings=settings)
    converged = np.array([row["status"] == "converged" for row in rows])
    return np.array([row["dissimilarity"] for row in rows]), converged


def counted(
    module: Any,
    systems: list[Any],
    settings: dict[str, Any],
    n_starts: int,
    pairs: list[tuple[int, int]] | None = None,
) -> dict[str, Any]:
    """Return how often the default search missed what many starts find, and the processor time of a pair."""
    started = process_time()
    found, converged = distances(module, systems, settings, pairs)
    seconds = (process_time() - started) / len(found)
    with mock.patch.object(rotation_search, "_AGREEING", n_starts + 1):
        many, _ = distances(module, systems, {**settings, "max_starts": n_starts}, pairs)
    above = found > 0
    found, best, converged = found[above], np.minimum(found, many)[above], converged[above]
    missed = found - best > 1e-6 * found
    excess = (found - best)[best > 0] / best[best > 0]
    return {
        "pairs": len(found),
        "missed": int(missed.sum()),
        "largest_percent": round(100 * float(excess.max(initial=0.0)), 3),
        "converged": int(converged.sum()),
        "silent": int((missed & converged).sum()),
        "seconds": round(seconds, 3),
    }


def networks(run: Path, every: bool = False) -> list[Any]:
    """Return states and conditions of networks: after learning in the first seed, or every checkpoint."""
    systems = []
    for path in sorted(run.glob("trajectories/*/*/*/*.nc")):
        courses = list(systems_of(read_dataset(path)).values())
        once = [system for course in courses for system in distinct(course)]
        for system in once if every else courses[0][-1:]:
            systems.append((system.states.astype(np.float64), system.conditions))
    return systems


def at_few_times(systems: list[Any], n_times: int, n_components: int) -> list[Any]:
    """Return the same systems at some times alone, in their leading components."""
    some = []
    for states, conditions in systems:
        last = states.shape[1] - 1
        times = np.linspace(last / 3, 2 * last / 3, n_times).astype(int)
        some.append((states[:, times, :n_components], conditions))
    return some


def cell(counts: dict[str, Any]) -> str:
    """Return what the table says of a measure in a case."""
    if not counts["pairs"]:
        return "all at 0"
    text = f"{counts['missed']} of {counts['pairs']}"
    if counts["missed"]:
        text += f", up to {counts['largest_percent']:.1g} %"
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


def added(rows: list[dict[str, Any]], column: str) -> list[int]:
    """Return the sums of a measure over cases: missed, pairs, silent and converged."""
    keys = ("missed", "pairs", "silent", "converged")
    return [sum(row[column][key] for row in rows) for key in keys]


def totals(result: dict[str, Any]) -> str:
    """Return what docs/measures.md says of all cases, by measure."""
    parts = []
    for column, name in COLUMNS.items():
        missed, pairs, silent, converged = added(result["search"], column)
        parts.append(f"{name}: {missed} of {pairs}, and {silent} of {converged}")
    return "; ".join(parts)


def of_networks(result: dict[str, Any]) -> str:
    """Return what docs/measures.md says of trained networks."""
    parts = []
    for column, name in COLUMNS.items():
        row = result["networks"][column]
        parts.append(
            f"{name}: {row['converged']} of {row['pairs']} converge, {row['missed']} missed, "
            f"{row['seconds']:.1f} s a pair"
        )
    return "; ".join(parts)


def of_few_times(result: dict[str, Any]) -> str:
    """Return what docs/measures.md says of trained networks at few times, by measure."""
    parts = []
    for column, name in COLUMNS.items():
        missed, pairs, silent, converged = added(result["few_times"], column)
        worst = max(row[column]["largest_percent"] for row in result["few_times"])
        up_to = f", by up to {worst:.1g} %" if missed else ""
        parts.append(f"{name}: {missed} of {pairs}{up_to}, and {silent} of {converged}")
    return "; ".join(parts)


def of_noises(result: dict[str, Any]) -> str:
    """Return what docs/measures.md says of other kinds of noise, by measure."""
    parts = []
    for column in NOISE_COLUMNS:
        missed, pairs, silent, converged = added(result["noises"], column)
        worst = max(row[column]["largest_percent"] for row in result["noises"])
        up_to = f", by up to {worst:.1g} %" if missed else ""
        parts.append(f"{COLUMNS[column]}: {missed} of {pairs}{up_to}, and {silent} of {converged}")
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
            found, _ = distances(module, [drawn(100 + k, case) for k in range(SYSTEMS)], {})
            row[name] = {"mean": round(float(found.mean()), 4), "zeros": int((found == 0).sum())}
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def measured(run: Path, searched: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return the counts of normal noise and of the networks of a run."""
    result: dict[str, Any] = {"repeats": of_few_repeats(), "search": []}
    for case, n_systems in CASES.items():
        row = searched([drawn(100 + k, case) for k in range(n_systems)])
        result["search"].append({"case": case, **row})
    result["networks"] = searched(networks(run)[:NETWORKS], STARTS_OF_NETWORKS)
    some = networks(run, every=True)[::EVERY]
    result["few_times"] = [
        {"times": times, "components": kept} | searched(at_few_times(some, times, kept))
        for times, kept in FEW_TIMES
    ]
    return result


def main() -> None:
    """Search, and write the counts as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--run", type=Path, required=True, help="folder of a run with networks of PDM"
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--noises", action="store_true", help="other kinds of noise alone; the rest stays"
    )
    arguments = parser.parse_args()
    searches = [(f"alpha {alpha:g}", shape_gaussian, {"alpha": alpha}) for alpha in ALPHAS] + [
        ("energy", shape_energy, {})
    ]

    def searched(systems: list[Any], n_starts: int = STARTS) -> dict[str, Any]:
        row = {name: counted(module, systems, given, n_starts) for name, module, given in searches}
        print(json.dumps(row), flush=True)
        return row

    def of_noise(noise: str, case: tuple[int, int, int, int]) -> dict[str, Any]:
        rng = np.random.default_rng([NOISES.index(noise), *case])
        systems = [noisy(noise, case, rng) for _ in range(2 * NOISE_PAIRS)]
        pairs = in_twos(NOISE_PAIRS)
        row = {
            name: counted(module, systems, given, STARTS, pairs)
            for name, module, given in searches
            if name in NOISE_COLUMNS
        }
        print(noise, case, json.dumps(row), flush=True)
        return {"noise": noise, "case": case} | row

    if arguments.noises:
        result = json.loads(arguments.output.read_text())
    else:
        result = measured(arguments.run, searched)
    result["noises"] = [of_noise(noise, case) for noise in NOISES for case in NOISE_CASES]
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
