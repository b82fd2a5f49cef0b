"""How often DSA's search misses the best alignment: python benchmarks/dsa_search.py --output search.json.

Pairs of trained networks of several architectures and checkpoints are aligned with the default effort, with
fewer starts, and once from many starts that are hardly thinned out, the reference. A pair is missed if its
angle is more than 1e-5 rad above the lowest of all these. A miss is silent if its status is "converged".
`chance_of_better` is held against the share of misses.

Tried without gain: starts from the leading vectors of the dual, earlier thinning, neighbours by random
reflections or swaps, neighbours of the second-best maximum, neighbours alone (no random start tells how often
the best maximum is hit), better optimised reversals, combinations of maxima that are not yet resolved, more
combinations in place of random starts, a higher estimate where zeros fill the operator of the lower of
two ranks, and one that also knows how far below the best maximum the next ones lie (neither tells misses much
better than starts and hits do). Not tried: a start from the alignment of a
neighbouring checkpoint, as a row would depend on which other rows its job has.

    snakemake --until compute_trajectories --cores 2 --configfile config/demo.yaml benchmarks/dsa_search.yaml
    python benchmarks/dsa_search.py --output docs/data/dsa/search.json \
        --trajectories results/dsa_search/trajectories/PDM/*/*/*.nc

Networks of other models, of which the page has ranks 5 to 20, and 400 pairs:

    snakemake --until compute_trajectories --cores 2 --configfile benchmarks/dsa_search_models.yaml
    python benchmarks/dsa_search.py --ranks 5 8 10 12 14 15 16 20 --pairs 400 \
        --output docs/data/dsa/search_models.json \
        --trajectories results/dsa_search_models/trajectories/*/*/*/*.nc

The last six time steps of the networks of the demo:

    python benchmarks/dsa_search.py --last 6 --output docs/data/dsa/search_short.json \
        --trajectories results/dsa_search/trajectories/PDM/*/*/*.nc

Both sets of networks with delays three time steps apart; search_models_interval.json for the other models:

    python benchmarks/dsa_search.py --interval 3 --output docs/data/dsa/search_interval.json \
        --trajectories results/dsa_search/trajectories/PDM/*/*/*.nc
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy.stats import binomtest  # noqa: E402

FloatArray = NDArray[np.float64]
#: (rank, number of delays): (random pairs, starts of the reference). A start is dear at a high rank.
SETTINGS: dict[tuple[int, ...], tuple[int, int]] = {
    (5, 10): (640, 400),
    (8, 10): (640, 400),
    (10, 10): (640, 400),
    (12, 10): (640, 400),
    (14, 10): (640, 400),
    (14, 7): (640, 400),
    (15, 7): (640, 400),
    (16, 7): (640, 400),
    (20, 10): (640, 400),
    (20, 2): (640, 400),
    (25, 3): (240, 400),
    (25, 5): (240, 400),
    (30, 10): (120, 400),
    (50, 10): (60, 400),
}
#: The same of pairs of two ranks: (rank, lower rank, number of delays).
UNEQUAL: dict[tuple[int, ...], tuple[int, int]] = {
    (8, 5, 2): (640, 400),
    (8, 5, 7): (640, 400),
    (10, 5, 7): (640, 400),
    (12, 10, 7): (640, 400),
    (14, 5, 7): (640, 400),
    (14, 8, 7): (640, 400),
    (14, 12, 7): (640, 400),
    (16, 5, 7): (640, 400),
    (16, 8, 7): (640, 400),
    (20, 8, 7): (640, 400),
}
#: Those of short windows: the last steps of each trial.
SHORT: dict[tuple[int, ...], tuple[int, int]] = {
    (10, 2): (400, 400),
    (12, 2): (400, 400),
    (14, 3): (400, 400),
}
#: Those of delays that lie more than one time step apart.
APART: dict[tuple[int, ...], tuple[int, int]] = {
    (10, 3): (400, 400),
    (14, 3): (400, 400),
    (20, 3): (400, 400),
    (14, 8, 3): (400, 400),
}
#: Ranks whose rows are added up, by their words: more miss from rank 14 on.
GROUPS = {"10 and 12": (10, 12), "14 to 16": (14, 15, 16), "20": (20,)}
#: Words for pairs of two ranks.
FAR, NEAR = "5 or 8 with 14 or 16, 8 with 20", "5 with 8 or 10, 10 with 12, 12 with 14"
#: (accepted_chance, max_starts): the default, and fewer starts.
EFFORTS = ((0.003, 300), (0.01, 48))
MISSED = 1e-5
REFERENCE_SEED = 77


def states_of(files: list[Path]) -> list[FloatArray]:
    """Return the states (trial, time, component) of every kept checkpoint of every network, each once."""
    import xarray as xr

    from warpline.comparison.network_systems import systems_of

    states = []
    for file in files:
        with xr.open_dataset(file) as dataset:
            for systems in systems_of(dataset).values():
                states += [system.states.astype(np.float64) for system in distinct(systems)]
    return states


def distinct(systems: list[Any]) -> list[Any]:
    """Return each checkpoint of a network once: several fractions of training can be one."""
    return list({system.step: system for system in systems}.values())


def random_pairs(n_systems: int, count: int | None) -> list[tuple[int, int]]:
    """Return pairs of systems, all or some, in a random order that is always the same."""
    pairs = list(itertools.combinations(range(n_systems), 2))
    order = np.random.default_rng(0).permutation(len(pairs))
    return [pairs[k] for k in order[:count]]


def in_twos(n_pairs: int) -> list[tuple[int, int]]:
    """Return pairs of which none share a system."""
    return [(2 * k, 2 * k + 1) for k in range(n_pairs)]


def fitted(
    systems: list[FloatArray], ranks: tuple[int, ...], delays: int, interval: int
) -> FloatArray:
    """Return the operators of systems, which take turns in rank, shape (system, rank, rank)."""
    from warpline.similarity.dsa import fit_operator

    stacked = np.zeros((len(systems), ranks[0], ranks[0]))
    for k, states in enumerate(systems):
        rank = ranks[k % len(ranks)]
        # The smaller one is padded with zeros, as DSA does.
        operator = fit_operator(states, n_delays=delays, delay_interval=interval, rank=rank)
        stacked[k, :rank, :rank] = operator.matrix
    return stacked


def align(
    job: tuple[list[FloatArray], list[tuple[int, int]]],
    efforts: tuple[tuple[float, int], ...] = EFFORTS[:1],
    reference_starts: int = 400,
) -> pd.DataFrame:
    """Return a row per effort and pair: the search, and the best of many starts."""
    import torch

    from warpline.similarity.dsa.alignment import align_pairs
    from warpline.similarity.dsa.canonical import to_canonical
    from warpline.similarity.dsa.halving import Rung
    from warpline.similarity.dsa.search import AlignmentSettings

    torch.set_num_threads(1)
    matrices, pairs = job
    operators = [to_canonical(matrix) for matrix in matrices]
    align_pairs(operators, pairs[:1])
    rungs = (Rung(1e-2, 80, 1.6, torch.float32), Rung(1.5e-3, 16, 1.1, torch.float32))
    many = AlignmentSettings(
        max_starts=reference_starts, first_starts=reference_starts, rungs=rungs
    )
    best = align_pairs(operators, pairs, seed=REFERENCE_SEED, settings=many)
    tables = []
    for accepted_chance, max_starts in efforts:
        effort = AlignmentSettings(accepted_chance=accepted_chance, max_starts=max_starts)
        begin = time.process_time()
        found = align_pairs(operators, pairs, settings=effort)
        seconds = (time.process_time() - begin) / len(pairs)
        tables.append(
            pd.DataFrame(
                {
                    "pair": [f"{i}_{j}" for i, j in pairs],
                    "accepted_chance": accepted_chance,
                    "max_starts": max_starts,
                    "angle": [row.angle for row in found],
                    "best_of_many": [row.angle for row in best],
                    "status": [row.status for row in found],
                    "chance_of_better": [row.chance_of_better for row in found],
                    "n_starts": [row.n_starts for row in found],
                    "n_hits": [row.n_hits for row in found],
                    "seconds": seconds,
                }
            )
        )
    rows = pd.concat(tables, ignore_index=True)
    lowest = rows.groupby("pair")[["angle", "best_of_many"]].transform("min").min(axis=1)
    return rows.assign(excess=rows["angle"] - lowest)


def reference_angles(
    matrices: list[FloatArray], pairs: list[tuple[int, int]]
) -> tuple[FloatArray, float]:
    """Return the angles of dsa-metric at its default number of iterations, and seconds a pair."""
    from warpline.similarity.dsa.reference import reference_alignment

    begin = time.process_time()
    angles = [
        reference_alignment(matrices[i], matrices[j], iterations=1500).angle for i, j in pairs
    ]
    return np.array(angles), (time.process_time() - begin) / len(pairs)


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Return misses, and the chance that the search itself states."""
    excess = rows["excess"]
    missed, uncertain = excess > MISSED, rows["status"] != "converged"
    return {
        "pairs": len(rows),
        "ms_a_pair": float(1e3 * rows["seconds"].mean()),
        "starts": rows["n_starts"].mean(),
        "missed": int(missed.sum()),
        "silent": int((missed & ~uncertain).sum()),
        "uncertain": int(uncertain.sum()),
        "converged": int((~uncertain).sum()),
        "expected_misses": rows["chance_of_better"].sum(),
        "worst_excess": excess.max(),
        "worst_silent_excess": excess[~uncertain].max(),
        "mean_angle": rows["angle"].mean(),
    }


def of_effort(result: list[dict[str, Any]], effort: tuple[float, int]) -> list[dict[str, Any]]:
    return [row for row in result if (row["accepted_chance"], row["max_starts"]) == effort]


def most_expected(converged: int) -> float:
    """Return how many misses the searches that converged allow: each has at most the accepted chance."""
    return EFFORTS[0][0] * converged


def of_converged(silent: int, converged: int, which: str = "") -> str:
    """Return the misses of searches that converged beside those that they allow."""
    return (
        f"{silent} of {converged:,} searches {which}that converged missed "
        f"({100 * silent / converged:.1f} %), where at most {most_expected(converged):.0f} are expected"
    )


def sentence_of_all(result: list[dict[str, Any]]) -> str:
    """Return what docs/dsa.md says of all searches that converged."""
    default = of_effort(result, EFFORTS[0])
    return of_converged(*(sum(row[key] for row in default) for key in ("silent", "converged")))


def page_lines(result: list[dict[str, Any]]) -> list[str]:
    """Return what docs/alignment_search.md says of these numbers."""
    default, fewer = (of_effort(result, effort) for effort in EFFORTS)
    return [
        *(
            f"| {_setting(row)} | {row['pairs']} | {row['reference_starts']} | "
            f"{_counts(row)} | {row['mean_angle']:.3f} | {row['starts']:.0f} | {row['ms_a_pair']:.1f} |"
            for row in default
        ),
        *(
            f"| {_setting(row)} | {_counts(row)} | {row['starts']:.0f} | {row['ms_a_pair']:.1f} |"
            for row in fewer
        ),
        *(line for rows in (default, fewer) for line in _silent_by_rank(rows)),
        *(line for rows in (default, fewer) for line in _silent_of_two_ranks(rows)),
        *(_high_ranks(rows) for rows in (default, fewer)),
    ]


def _setting(row: dict[str, Any]) -> str:
    """Return the cell of the ranks and the number of delays of a row."""
    *ranks, delays = _key(row)
    return f"{' and '.join(map(str, ranks))}, {delays}"


def _of_one_rank(row: dict[str, Any]) -> bool:
    return "lower_rank" not in row


def _counts(row: dict[str, Any]) -> str:
    """Return the cells of the misses of a row."""
    return (
        f"{row['missed']} | {row['silent']} | {row['uncertain']} | {row['expected_misses']:.1f} | "
        f"{row['worst_excess']:.1g}"
    )


def _silent_by_rank(rows: list[dict[str, Any]]) -> list[str]:
    """Return the shares of misses among the searches that converged, at ranks held against 400 starts."""
    return [
        _silent(some, f"at rank{'s' if len(GROUPS[words]) > 1 else ''} {words}")
        for words, some in _by_ranks(rows).items()
    ]


def _by_ranks(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of groups of ranks that there are, by the words of the group; none of two ranks."""
    groups = {
        words: [row for row in rows if _of_one_rank(row) and row["rank"] in ranks]
        for words, ranks in GROUPS.items()
    }
    return {words: some for words, some in groups.items() if some}


def other_models(result: list[dict[str, Any]]) -> str:
    """Return the table of docs/alignment_search.md of networks of other models, in one line."""
    default = of_effort(result, EFFORTS[0])
    return " ".join(
        f"| {_setting(row)} | {row['pairs']} | {_counts(row)} | {row['mean_angle']:.3f} |"
        for row in default
    )


def silent_of_other_models(result: list[dict[str, Any]]) -> str:
    """Return what docs/alignment_search.md says of these networks."""
    default = of_effort(result, EFFORTS[0])
    return ". ".join([*_silent_by_rank(default), *_silent_of_two_ranks(default)])


def summary_of_demo(result: list[dict[str, Any]]) -> str:
    """Return the lines of the short table of docs/dsa.md of networks of the demo."""
    return _summary_of("networks of the demo", result)


def summary_of_models(result: list[dict[str, Any]]) -> str:
    """Return the lines of the short table of docs/dsa.md of networks of other models."""
    return _summary_of("networks of other models", result)


def _summary_of(name: str, result: list[dict[str, Any]]) -> str:
    of_one_rank = [row for row in result if _of_one_rank(row)]
    parts = {
        "5 and 8": [row for row in of_one_rank if row["rank"] < 10],
        **_by_ranks(result),
        "25 to 50": [row for row in of_one_rank if row["rank"] > 20],
        **_by_distance_of_ranks(result),
    }
    lines = [summary_line(f"{name} | {ranks}", rows) for ranks, rows in parts.items() if rows]
    return " ".join(lines)


def price_lines(result: list[dict[str, Any]]) -> str:
    """Return the lines of docs/dsa.md of what the default costs and settles, by rank, in one line."""
    default, fewer = (
        pd.DataFrame([row for row in of_effort(result, effort) if _of_one_rank(row)])
        for effort in EFFORTS
    )
    lines = []
    for rank in default["rank"].unique():
        ours, theirs = (rows[rows["rank"] == rank] for rows in (default, fewer))
        uncertain = " | ".join(
            f"{rows['uncertain'].sum()} of {rows['pairs'].sum():,}" for rows in (ours, theirs)
        )
        ratio = ours["ms_a_pair"].mean() / theirs["ms_a_pair"].mean()
        lines.append(f"| {rank} | {uncertain} | {ours['starts'].mean():.0f} | {ratio:.1f} |")
    return " ".join(lines)


def summary_line(words: str, rows: list[dict[str, Any]]) -> str:
    """Return a line of the short table of docs/dsa.md."""
    default, fewer = (of_effort(rows, effort) for effort in EFFORTS)
    pairs, missed = (sum(row[key] for row in default) for key in ("pairs", "missed"))
    worst = max(row["worst_excess"] for row in default)
    shares = f"{silent_share(default)} | {silent_share(fewer)}"
    return f"| {words} | {missed} of {pairs:,} | {worst:.1g} | {shares} |"


def silent_share(rows: list[dict[str, Any]]) -> str:
    """Return the silent misses of the searches that converged, and Wilson's interval of their share."""
    return share(*(sum(row[key] for row in rows) for key in ("silent", "converged")))


def share(silent: int, converged: int) -> str:
    """Return a count of misses among searches, and Wilson's interval of their share."""
    if not converged:
        return "none converged"
    low, most = binomtest(silent, converged).proportion_ci(method="wilson")
    return f"{silent} of {converged:,} ({100 * low:.1f} to {100 * most:.1f} %)"


def silent_of_short_windows(result: list[dict[str, Any]]) -> str:
    """Return what docs/alignment_search.md says of short windows."""
    return ". ".join(_silent_by_rank(of_effort(result, EFFORTS[0])))


def _by_distance_of_ranks(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of two ranks, by their words: more miss between a low and a high one."""
    of_two = [row for row in rows if not _of_one_rank(row)]
    groups: dict[str, list[dict[str, Any]]] = {FAR: [], NEAR: []}
    for row in of_two:
        groups[FAR if row["rank"] >= 14 and row["lower_rank"] <= 8 else NEAR].append(row)
    return groups


def _silent_of_two_ranks(rows: list[dict[str, Any]]) -> list[str]:
    """Return the same of pairs of two ranks."""
    return [
        _silent(some, f"at ranks {words}")
        for words, some in _by_distance_of_ranks(rows).items()
        if some
    ]


def _silent(high: list[dict[str, Any]], where: str) -> str:
    """Return the share of misses among the searches of some rows that converged."""
    silent, missed = (sum(row[key] for row in high) for key in ("silent", "missed"))
    # A silent miss can only be among the searches that say they converged.
    converged = sum(row["pairs"] - row["uncertain"] for row in high)
    low, most = binomtest(silent, converged).proportion_ci(method="wilson")
    return (
        f"Of {converged:,} searches {where} that converged, {silent} missed "
        f"({100 * silent / converged:.1f} %, {100 * low:.1f} to {100 * most:.1f} %); "
        f"with the uncertain ones {missed} missed, where "
        f"{sum(row['expected_misses'] for row in high):.0f} are expected"
    )


def _high_ranks(rows: list[dict[str, Any]]) -> str:
    """Return the misses of the ranks at which most searches are uncertain."""
    high = [row for row in rows if row["rank"] >= 25]
    missed, pairs = (sum(row[key] for row in high) for key in ("missed", "pairs"))
    expected = sum(row["expected_misses"] for row in high)
    return f"From rank 25 on, {missed} of {pairs} missed, where {expected:.0f} are expected"


def _key(row: dict[str, Any]) -> tuple[int, ...]:
    """Return the setting of a row, as `SETTINGS` and `UNEQUAL` have it."""
    lower = () if _of_one_rank(row) else (row["lower_rank"],)
    return (row["rank"], *lower, row["n_delays"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--trajectories", type=Path, nargs="+", help="netCDF files of a run")
    source.add_argument("--operators", type=Path, help="npz file of --save")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--save", type=Path, help="npz file to write the operators to, and stop")
    target.add_argument("--output", type=Path, help="JSON file, an entry per setting")
    parser.add_argument("--every", type=Path, help="CSV file, a row per pair")
    parser.add_argument("--ranks", type=int, nargs="+", help="these alone; other rows stay")
    parser.add_argument("--last", type=int, default=0, help="time steps of a trial; 0 for all")
    parser.add_argument("--interval", type=int, default=1, help="time steps between delays")
    parser.add_argument("--pairs", type=int, default=640, help="most random pairs of a setting")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--reference-pairs", type=int, default=0, help="pairs for dsa-metric, too")
    arguments = parser.parse_args()

    settings = SHORT if arguments.last else APART if arguments.interval > 1 else SETTINGS | UNEQUAL
    order = [*settings]
    if arguments.operators:
        operators = {
            tuple(map(int, k.split("_"))): v for k, v in np.load(arguments.operators).items()
        }
        if arguments.ranks:
            operators = {key: v for key, v in operators.items() if key[0] in arguments.ranks}
    else:
        systems = [x[:, -arguments.last :] for x in states_of(arguments.trajectories)]
        operators = {
            key: fitted(systems, key[:-1], key[-1], arguments.interval)
            for key in settings
            if not arguments.ranks or key[0] in arguments.ranks
        }
    if arguments.save:
        named = {"_".join(map(str, key)): matrices for key, matrices in operators.items()}
        np.savez(arguments.save, allow_pickle=False, **named)
        return

    table, every = [], []
    if arguments.ranks and arguments.output.exists():
        kept = json.loads(arguments.output.read_text())
        table = [row for row in kept if row["rank"] not in arguments.ranks]
    with ProcessPoolExecutor(arguments.cores, mp_context=get_context("spawn")) as pool:
        for key, stacked in operators.items():
            rank, *lower, delays = key
            matrices = list(stacked)
            n_pairs, reference_starts = settings[key]
            pairs = random_pairs(len(matrices), None)
            if lower:
                pairs = [(i, j) for i, j in pairs if (i + j) % 2]
            pairs = pairs[: min(n_pairs, arguments.pairs)]
            chunks = [pairs[k :: arguments.cores] for k in range(arguments.cores)]
            jobs = [(matrices, chunk) for chunk in chunks if chunk]
            run = partial(align, efforts=EFFORTS, reference_starts=reference_starts)
            rows = pd.concat(pool.map(run, jobs))
            setting = {"rank": rank, "n_delays": delays} | (
                {"lower_rank": lower[0]} if lower else {}
            )
            every.append(rows.assign(**setting))
            named = setting | {"systems": len(matrices), "reference_starts": reference_starts}
            found = [
                {**named, "accepted_chance": chance, "max_starts": starts, **summary(some)}
                for (chance, starts), some in rows.groupby(["accepted_chance", "max_starts"])
            ]
            if arguments.reference_pairs:
                some = pairs[: arguments.reference_pairs]
                angles, seconds = reference_angles(matrices, some)
                excess = align((matrices, some))["angle"].to_numpy() - angles
                found[0] |= {
                    "reference_pairs": len(some),
                    "reference_ms_a_pair": 1e3 * seconds,
                    "above_reference": int((excess > MISSED).sum()),
                    "below_reference": int((excess < -MISSED).sum()),
                }
            table += found
            print(found, flush=True)
            table.sort(key=lambda row: order.index(_key(row)))
            text = json.dumps(table, indent=1, default=lambda number: number.item())
            arguments.output.write_text(text + "\n")
            if arguments.every:
                pd.concat(every).to_csv(arguments.every, index=False)


if __name__ == "__main__":
    main()
