"""How often the search of InputDSA misses the best joint alignment: the counts of docs/alignment_search.md.

Pairs of systems are aligned by the default search, and again from 400 starts of another seed. A search misses
if its joint angle is more than 1e-5 rad above the lowest of the pair. A miss is silent if its status is
"converged". `chance_of_better` is held against the share of misses.

demo     networks of the demo after learning that carry the rank, all pairs, at ranks 5 to 12, at ranks 8 and
         10 by another weight of the control too
checkpoints   random pairs of their checkpoints, at ranks 8 to 12, at rank 10 by other weights too
tanh     draws of twelve random tanh networks under white inputs, all pairs of a draw, at ranks 5 to 20 and
         by other weights of the control
integrators   leaky integrators with time constants of their own, hardly coupled, under white inputs of two
         channels or of one, each in one pair, at ranks 8 to 14; with two also by the score `euclidean`
chains   chains of leaky units with noise of their own, coupled at random to their neighbours; the first hears
         a white input; each in one pair, at ranks 8 to 14
recordings   30 noisy neurons of three leaky integrators under white inputs of two channels, each in one pair,
         at ranks 8 to 14
random   state operators drawn at random (operator_kinds.py), Gaussian control operators of two channels or
         of one, each in one pair, at ranks 8 and 10 by other weights of the control too
euclidean   Gaussian operators of two channels by the score `euclidean`, the entries of B up to 30 times as
         large as those of A; here an error is a share of the score, and a miss is one of more than 1e-5

    snakemake --until compute_trajectories --cores 2 --configfile config/demo.yaml benchmarks/dsa_search.yaml
    python benchmarks/dsa_input_search.py --output docs/data/dsa_input/search.json \
        --trials results/dsa_search/trials/PDM/AntiDelayResponse/evaluation.nc \
        --trajectories results/dsa_search/trajectories/PDM/*/*/*.nc
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
from dsa_search import (  # noqa: E402
    MISSED,
    REFERENCE_SEED,
    distinct,
    in_twos,
    of_converged,
    random_pairs,
    share,
)
from numpy.typing import NDArray  # noqa: E402
from operator_kinds import (  # noqa: E402
    CHANNELS,
    Draw,
    couplings_of_chain,
    driven_network,
    gaussian,
    made_stable,
    sparse,
)

from warpline.similarity.dsa_input import (  # noqa: E402
    DrivenOperator,
    compare_pairs,
    fit_driven_operator,
)

FloatArray = NDArray[np.float64]
PERIOD = "stimulus"
DEFAULT_WEIGHT = 0.5
#: Networks of the demo after learning, and their checkpoints: ranks and weights of the control, and how many
#: random pairs, or None for all.
DEMO_SEARCHES: dict[str, tuple[tuple[tuple[int, float], ...], int | None]] = {
    "checkpoints": (((8, 0.5), (10, 0.5), (12, 0.5), (10, 0.1), (10, 0.7)), 400),
    "demo": (((5, 0.5), (8, 0.5), (10, 0.5), (12, 0.5), (8, 0.9), (10, 0.9)), None),
}
TANH = 12
#: Draws of tanh networks and seeds of the search, by rank and weight of the control.
TANH_SEARCHES = {
    (10, 0.5): (9, 1),
    (14, 0.5): (2, 1),
    (20, 0.5): (1, 3),
    (10, 0.1): (5, 1),
    (10, 0.9): (1, 3),
    (5, 0.5): (3, 1),
    (8, 0.5): (3, 1),
    (8, 0.1): (3, 1),
    (8, 0.9): (3, 1),
}
#: Pairs of uncoupled integrators by rank.
INTEGRATOR_PAIRS = {8: 200, 10: 400, 14: 150}
#: Pairs of chains by rank.
CHAIN_PAIRS = {8: 200, 10: 200, 14: 150}
#: Pairs of noisy recordings by rank.
RECORDING_PAIRS = {8: 200, 10: 200, 14: 150}
#: Kinds of random operators: how the state operator is drawn, and the number of channels.
RANDOM: dict[str, tuple[Draw, int]] = {
    "Gaussian A and B": (gaussian, CHANNELS),
    "A of zeros and ones, Gaussian B": (sparse, CHANNELS),
    "Gaussian A and B, one channel": (gaussian, 1),
}
RANDOM_PAIRS = {
    (10, 0.5): 400,
    (14, 0.5): 150,
    (20, 0.5): 150,
    (10, 0.2): 400,
    (10, 0.05): 400,
    (5, 0.5): 200,
    (8, 0.5): 200,
    (8, 0.05): 200,
}
"""Pairs of random operators by rank and weight of the control: at rank 10 misses are rare."""
EUCLIDEAN_PAIRS = 200
EUCLIDEAN_SEARCHES = tuple((rank, size) for rank in (8, 10) for size in (1, 10, 30))
"""Ranks, and factors of B."""
LARGER = "entries of B {} times as large"
LARGE = LARGER.format(30)
MANY = 400
#: So low a chance that all starts are made.
NEVER = 1e-12
KINDS = {
    "tanh": "tanh networks",
    "checkpoints": "checkpoints of the demo",
    "demo": "networks of the demo",
    "integrators": "uncoupled leaky integrators",
    "chains": "chains driven at one end",
    "recordings": "driven noisy recordings",
    "random": "random matrices",
    "euclidean": "random matrices by `euclidean`",
}
"""Words for the systems of a part, which is in the name of a row: "checkpoints" before "demo"."""
PARTS = tuple(KINDS)


def demo_networks(
    files: Sequence[Path], trials: Path, every: bool = False
) -> list[tuple[FloatArray, FloatArray]]:
    """Return states and inputs in the comparison window, after learning or of every checkpoint."""
    import xarray as xr

    from warpline.comparison.drives import window_inputs
    from warpline.comparison.network_systems import systems_of

    with xr.open_dataset(trials) as dataset:
        inputs = window_inputs(dataset, {"period": PERIOD, "drives": {"names": []}})
    networks = []
    for file in files:
        with xr.open_dataset(file) as dataset:
            for systems in systems_of(dataset, inputs).values():
                for system in distinct(systems) if every else systems[-1:]:
                    networks.append((system.states, system.inputs))
    return networks


def tanh_networks(seed: int) -> list[tuple[FloatArray, FloatArray]]:
    """Return states and inputs of random networks."""
    generator = np.random.default_rng(seed)
    return [driven_network(generator) for _ in range(TANH)]


def fitted(networks: Sequence[tuple[FloatArray, FloatArray]], rank: int) -> list[DrivenOperator]:
    """Return the operators of networks."""
    return [fit_driven_operator(states, inputs, rank=rank) for states, inputs in networks]


def integrators(
    rank: int, n_channels: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return states and inputs of leaky integrators with noise of their own, as many as the rank."""
    recurrent = np.diag(rng.uniform(0.3, 0.97, rank)) + 0.03 * rng.normal(size=(rank, rank))
    return driven(recurrent, rng.normal(size=(rank, n_channels)), rng)


def chain(rank: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return states and inputs of a chain of leaky units, of which the first hears the one input."""
    return driven(made_stable(couplings_of_chain(rank, rng)), np.eye(rank, 1), rng)


def driven(
    recurrent: FloatArray, weights: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return states and white inputs of a linear system, of which noise drives each unit."""
    inputs = rng.normal(size=(20, 100, weights.shape[1]))
    state, states = np.zeros((20, len(recurrent))), []
    for drive in inputs.swapaxes(0, 1):
        state = state @ recurrent.T + drive @ weights.T + 0.3 * rng.normal(size=state.shape)
        states.append(state)
    return np.stack(states, axis=1), inputs


def noisy_recording(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return states and inputs of three leaky integrators, seen by 30 neurons with noise of their own."""
    leak = rng.uniform(0.05, 0.6, 3)
    weights = rng.normal(size=(CHANNELS, 3))
    inputs = rng.normal(size=(60, 50, CHANNELS))
    state, states = np.zeros((60, 3)), []
    for drive in inputs.swapaxes(0, 1):
        state = state - leak * state + 0.3 * drive @ weights
        states.append(state)
    rates = np.stack(states, axis=1) @ rng.normal(size=(3, 30))
    return rates + 0.3 * rates.std() * rng.normal(size=rates.shape), inputs


def search_of_draws(
    words: str,
    draw: Callable[[], tuple[FloatArray, FloatArray]],
    rank: int,
    n_pairs: int,
    score: str = "angle",
) -> dict[str, Any]:
    """Return the row of some systems that are drawn; none is in two pairs."""
    systems = [draw() for _ in range(2 * n_pairs)]
    operators = fitted(systems, rank)
    row = {"systems": words} | searches(operators, rank, in_twos(n_pairs), 1, score=score)
    print(row, flush=True)
    return row


def chain_searches() -> list[dict[str, Any]]:
    """Return a row per rank."""
    rows = []
    for rank, n_pairs in CHAIN_PAIRS.items():
        draw = partial(chain, rank, np.random.default_rng([3, rank]))
        rows.append(search_of_draws(KINDS["chains"], draw, rank, n_pairs))
    return rows


def recording_searches() -> list[dict[str, Any]]:
    """Return a row per rank."""
    rows = []
    for rank, n_pairs in RECORDING_PAIRS.items():
        draw = partial(noisy_recording, np.random.default_rng(rank))
        rows.append(search_of_draws(KINDS["recordings"], draw, rank, n_pairs))
    return rows


def integrator_searches() -> list[dict[str, Any]]:
    """Return a row per rank, number of channels and score."""
    rows = []
    for n_channels, score, words in (
        (CHANNELS, "angle", ""),
        (1, "angle", ", one channel"),
        (CHANNELS, "euclidean", ", `euclidean`"),
    ):
        for rank, n_pairs in INTEGRATOR_PAIRS.items():
            rng = np.random.default_rng([n_channels, rank])
            draw = partial(integrators, rank, n_channels, rng)
            name = KINDS["integrators"] + words
            rows.append(search_of_draws(name, draw, rank, n_pairs, score))
    return rows


def random_operators(
    draw: Draw, rank: int, n_channels: int, count: int, rng: np.random.Generator, size: float = 1.0
) -> list[DrivenOperator]:
    """Return operators whose A is drawn, and whose B has normal entries of a given deviation."""
    return [
        DrivenOperator(
            draw(rank, rng), size * rng.normal(size=(rank, n_channels)), rank, rank, np.ones(rank),
            "dmdc", "principal",
        )
        for _ in range(count)
    ]  # fmt: skip


def random_searches() -> list[dict[str, Any]]:
    """Return a row per kind and rank of random operators, of which none is in two pairs."""
    rows = []
    for number, (name, (draw, n_channels)) in enumerate(RANDOM.items()):
        for (rank, weight), n_pairs in RANDOM_PAIRS.items():
            rng = np.random.default_rng([number, rank])
            operators = random_operators(draw, rank, n_channels, 2 * n_pairs, rng)
            row = searches(operators, rank, in_twos(n_pairs), 1, weight)
            rows.append({"systems": name + weight_suffix(weight)} | row)
            print(rows[-1], flush=True)
    return rows


def euclidean_searches() -> list[dict[str, Any]]:
    """Return a row per rank and factor of B of random operators by their distance."""
    rows = []
    for rank, size in EUCLIDEAN_SEARCHES:
        rng = np.random.default_rng([rank, size])
        operators = random_operators(gaussian, rank, CHANNELS, 2 * EUCLIDEAN_PAIRS, rng, size)
        row = searches(operators, rank, in_twos(EUCLIDEAN_PAIRS), 1, score="euclidean")
        larger = f", {LARGER.format(size)}" if size > 1 else ""
        rows.append({"systems": f"Gaussian A and B, `euclidean`{larger}"} | row)
        print(rows[-1], flush=True)
    return rows


def weight_suffix(weight: float) -> str:
    """Return what a name of systems says of another weight of the control than the default."""
    return "" if weight == DEFAULT_WEIGHT else f", w = {weight}"


def tanh_searches(rank: int, weight: float) -> dict[str, Any]:
    """Return the row of a rank and weight of the random tanh networks, all pairs of each draw."""
    n_draws, n_seeds = TANH_SEARCHES[rank, weight]
    operators, pairs = [], []
    for draw in range(n_draws):
        operators += fitted(tanh_networks(draw), rank)
        pairs += [(TANH * draw + i, TANH * draw + j) for i, j in random_pairs(TANH, None)]
    name = f"{n_draws} x {TANH} random tanh networks, all pairs"
    if n_seeds > 1:
        name += f", {n_seeds} seeds"
    row = {"systems": name + weight_suffix(weight)} | searches(
        operators, rank, pairs, n_seeds, weight
    )
    print(row, flush=True)
    return row


def searches(
    operators: Sequence[DrivenOperator],
    rank: int,
    pairs: list[tuple[int, int]],
    n_seeds: int,
    control_weight: float = DEFAULT_WEIGHT,
    score: str = "angle",
) -> dict[str, Any]:
    """Return how the default search, by each of some seeds, compares with the best of all searches."""
    settings = {"rank": rank, "control_weight": control_weight, "score": score}
    default = [
        compare_pairs(operators, pairs, settings=settings, seed=seed) for seed in range(n_seeds)
    ]
    many = {**settings, "max_starts": MANY, "accepted_chance": NEVER}
    further = compare_pairs(operators, pairs, settings=many, seed=REFERENCE_SEED)

    angles = np.array([[row["joint_score"] for row in rows] for rows in default])
    uncertain = np.array([[row["status"] == "uncertain" for row in rows] for rows in default])
    chances = np.array([[row["chance_of_better"] for row in rows] for rows in default])
    best = np.minimum(angles.min(axis=0), [row["joint_score"] for row in further])
    excess = angles - best
    if score == "euclidean":
        excess /= best
    silent = (excess > MISSED) & ~uncertain
    worst = np.unravel_index(np.where(silent, excess, -1.0).argmax(), excess.shape)
    row = {
        "rank": rank,
        "networks": len(operators),
        "pairs": len(pairs),
        "searches": angles.size,
        "missed": int((excess > MISSED).sum()),
        "silent": int(silent.sum()),
        "uncertain": int(uncertain.sum()),
        "expected_misses": float(chances.sum()),
        "largest_excess": float(excess.max()),
        "worst_silent": [float(angles[worst]), float(best[worst[1]])] if silent.any() else None,
    }
    if score == "euclidean":
        # Of the term that weighs little, the distance at a nearly best C can be another one.
        ours, theirs = (
            np.array([one["state_at_joint"] for one in rows]) for rows in (default[0], further)
        )
        row["worst_state_share"] = float(np.where(silent[0], abs(ours / theirs - 1), 0.0).max())
    return row


def part_of(row: dict[str, Any]) -> str:
    """Return which of the parts a row belongs to."""
    return next((part for part in PARTS if part in row["systems"]), "random")


def by_euclidean(row: dict[str, Any]) -> bool:
    """Say whether a row is of that score, of which errors are shares."""
    return "`euclidean`" in row["systems"]


def group_of(row: dict[str, Any]) -> str:
    """Return the words for the systems, ranks and weights whose counts are added up with those of a row."""
    part, rank, name = part_of(row), row["rank"], row["systems"]
    ranks = "ranks 5 and 8" if rank < 10 else "ranks 10 and 12" if rank <= 12 else "ranks 14 and 20"
    kind = KINDS[part]
    if "one channel" in name:
        kind += " with one channel"
    if part != "euclidean" and by_euclidean(row):
        kind += " by `euclidean`"
    if part == "euclidean":
        return f"{kind} at rank {rank}" + (f", {LARGE}" if LARGE in name else "")
    if part in ("integrators", "chains", "recordings"):
        return f"{kind} at rank {rank}"
    if rank == 10 and part not in ("demo", "checkpoints"):
        ranks = "rank 10"
    # Of the networks of the demo, one other weight was tried.
    weights = ", w = 0.9" if part == "demo" else ", other weights"
    return f"{kind} at {ranks}" + (weights if "w =" in name else "")


def _error(row: dict[str, Any]) -> str:
    """Return the largest error of a row: in rad, or as a share of the distance."""
    return (
        f"{100 * row['largest_excess']:.1g} %"
        if by_euclidean(row)
        else f"{row['largest_excess']:.1g}"
    )


def page_lines(result: dict[str, Any]) -> list[str]:
    """Return the rows of the tables of docs/alignment_search.md: by search, and by group of systems."""
    lines = [
        "| systems | rank | searches | missed | silent | uncertain | expected misses | largest error (rad) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in result["rows"]:
        lines.append(
            f"| {row['systems']} | {row['rank']} | {row['searches']} | {row['missed']} | {row['silent']} | "
            f"{row['uncertain']} | {row['expected_misses']:.1f} | {_error(row)} |"
        )
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in result["rows"]:
        groups.setdefault(group_of(row), []).append(row)
    for name, rows in groups.items():
        searched, missed, silent, uncertain, expected = (
            sum(row[key] for row in rows)
            for key in ("searches", "missed", "silent", "uncertain", "expected_misses")
        )
        # A silent miss can only be among the searches that say they converged.
        lines.append(
            f"| {name} | {missed} | {expected:.1f} | {share(silent, searched - uncertain)} |"
        )
    return lines


def sentence_of_all(result: dict[str, Any]) -> str:
    """Return what the pages say of all searches that converged, and of which most missed."""
    groups: dict[str, list[int]] = {}
    for row in result["rows"]:
        counts = groups.setdefault(KINDS[part_of(row)], [0, 0])
        counts[0] += row["silent"]
        counts[1] += row["searches"] - row["uncertain"]
    silent, converged = (sum(counts[k] for counts in groups.values()) for k in (0, 1))
    most = sorted(groups, key=lambda name: -groups[name][0] / groups[name][1])[:3]
    named = ", ".join(f"{groups[name][0]} of {groups[name][1]:,} of {name}" for name in most)
    return f"In all, {of_converged(silent, converged)}. Most often missed were {named}"


def sentence_of_large_controls(result: dict[str, Any]) -> str:
    """Return what docs/dsa_input.md says of B that outweighs A."""
    rows = [row for row in result["rows"] if LARGE in row["systems"]]
    searched, uncertain, silent = (
        sum(row[key] for row in rows) for key in ("searches", "uncertain", "silent")
    )
    worst = [row["worst_silent"] for row in rows if row["worst_silent"]]
    of_score = max(found / best - 1 for found, best in worst)
    of_states = max(row["worst_state_share"] for row in rows)
    return (
        f"{uncertain} of {searched} searches of random matrices were `uncertain`. Of the "
        f"{searched - uncertain} that converged, {silent} missed, by up to {100 * of_score:.1g} % of the "
        f"score; the distance of A at that C was up to {100 * of_states:.1g} % off"
    )


def main() -> None:
    """Search, print the table and write the counts as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trajectories", type=Path, nargs="+")
    parser.add_argument("--trials", type=Path, help="evaluation trials of that run")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--parts", nargs="+", default=PARTS, choices=PARTS, help="these alone; other rows stay"
    )
    arguments = parser.parse_args()
    if {"demo", "checkpoints"} & {*arguments.parts} and not (
        arguments.trajectories and arguments.trials
    ):
        parser.error("expected --trajectories and --trials for the networks of the demo")
    rows = []
    for part in PARTS:
        if part not in arguments.parts:
            earlier = json.loads(arguments.output.read_text(encoding="utf-8"))["rows"]
            rows += [row for row in earlier if part_of(row) == part]
        elif part == "tanh":
            rows += [tanh_searches(*setting) for setting in TANH_SEARCHES]
        elif part == "integrators":
            rows += integrator_searches()
        elif part == "chains":
            rows += chain_searches()
        elif part == "recordings":
            rows += recording_searches()
        elif part == "random":
            rows += random_searches()
        elif part == "euclidean":
            rows += euclidean_searches()
        else:
            every = part == "checkpoints"
            networks = demo_networks(arguments.trajectories, arguments.trials, every)
            settings, count = DEMO_SEARCHES[part]
            for rank, weight in settings:
                operators = [one for one in fitted(networks, rank) if one.rank_used == rank]
                pairs = random_pairs(len(operators), count)
                name = f"{len(operators)} {KINDS[part]}, {count or 'all'} pairs"
                name += weight_suffix(weight)
                rows.append({"systems": name} | searches(operators, rank, pairs, 1, weight))
                print(rows[-1], flush=True)
    machine = f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}"
    result = {"machine": machine, "rows": rows}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print("\n".join(page_lines(result)))


if __name__ == "__main__":
    main()
