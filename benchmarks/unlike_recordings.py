"""How often does the test tell groups apart whose recordings differ in all but dynamics? docs/your_data.md.

Each call of compare_groups has two groups of five recordings of two leaky integrators, as in
docs/notebooks/compare_recordings.md. Each recording has neurons, trials and noise of its own. The groups
differ in the noise of a neuron, in the number of neurons, time steps or trials, in which time steps they
have, or in the baselines of their neurons, and have one leak; to show what is found at all, two more pairs
of groups differ in the leak. Counted are calls of which a test is significant at 5 % (Holm). The setting of
DSA is fixed, or chosen by choose_dsa on a recording of each of three groups with unlike leaks. All are
counted as recorded, centred, and with a constant term.

    python benchmarks/unlike_recordings.py --output docs/data/unlike_recordings.json
    python benchmarks/unlike_recordings.py --alike --output docs/data/unlike_recordings.json

With --alike, groups differ in nothing: they are drawn from one of three pools of recordings. Counted are also
intervals of a mean that hold that of the pool.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from operator_kinds import leaky_drive, leaky_integrators  # noqa: E402

import warpline  # noqa: E402
from warpline.comparison.groups import group_tables  # noqa: E402
from warpline.comparison.hypothesis_tests import holm  # noqa: E402
from warpline.comparison.jackknife import jackknife_interval  # noqa: E402
from warpline.similarity.dsa import fit_operator  # noqa: E402
from warpline.similarity.dsa_input.driven_operators import fit_driven_operator  # noqa: E402
from warpline.similarity.recordings import as_recording  # noqa: E402

FloatArray = NDArray[np.float64]
SYSTEMS = 5
#: What the recordings of both groups have, by the words of the page.
UNLIKE: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "nothing": ({}, {}),
    "noise of 0.3, not 0.2": ({}, {"noise": 0.3}),
    "noise of 0.5, not 0.2": ({}, {"noise": 0.5}),
    "10 neurons, not 30": ({}, {"n_neurons": 10}),
    "25 time steps, not 50": ({}, {"n_times": 25}),
    "the last 25 time steps, not the first": ({"n_times": 25}, {"first": 25}),
    "12 trials, not 60": ({}, {"n_trials": 12}),
    "baselines of 0 to 1 standard deviation, not 0": ({}, {"baseline": 1.0}),
    "the dynamics: a leak of 0.4, not 0.2": ({}, {"leak": 0.4}),
    "the dynamics: a leak of 0.6, not 0.2": ({}, {"leak": 0.6}),
}
FIXED: Mapping[str, Mapping[str, int]] = {
    "fixed": {"n_delays": 3, "rank": 4},
    "low_rank": {"n_delays": 1, "rank": 2},
}
"""Settings of DSA; the second has a rank for each integrator."""
MEANS: Sequence[Mapping[str, bool]] = ({}, {"centre": True}, {"offset": True})
"""What is done about the means of neurons: all three are counted. An offset is a setting of DSA."""
ALIKE: Sequence[tuple[str, tuple[int, int], str]] = (
    ("10 neurons", (10, 10), "fixed"),
    ("6 to 100 neurons", (6, 100), "fixed"),
    ("30 neurons", (30, 30), "fixed"),
    ("30 neurons", (30, 30), "low_rank"),
)
"""Kinds of recordings that are alike in both groups: fewest and most neurons, and the setting."""
BY_POOL = ALIKE[2]
"""The kind of which further pools are drawn."""
POOLS, POOL = 3, 160
LEAK, EIGENVALUES_OF = 2.0, 20
"""Leak of the recordings of which eigenvalues are stated, and how many there are."""
#: Recordings of two groups.
SIZES = ((5, 5), (10, 10), (20, 20), (5, 10), (5, 20))


def recording(
    seed: tuple[int, ...],
    leak: float = 0.2,
    first: int = 0,
    baseline: float = 0.0,
    **recorded: Any,
) -> FloatArray:
    """Return `leaky_integrators` from a first time step, shape (trial, time, unit).

    Baselines of neurons are drawn evenly, from 0 to ``baseline`` standard deviations of the neuron.
    """
    rng = np.random.default_rng(seed)
    states = leaky_integrators(rng, leak, **recorded)[:, first:]
    if baseline:
        states += baseline * rng.uniform(size=states.shape[-1]) * states.std(axis=(0, 1))
    return states


def chosen_setting(draw: int, means: Mapping[str, bool]) -> dict[str, int]:
    """Return the delays and rank that choose_dsa takes for three kinds of recordings."""
    systems = [recording((draw, 2, k), leak=leak) for k, leak in enumerate((0.2, 1.0, 2.0))]
    choice = warpline.choose_dsa(systems, n_delays=[1, 2, 3, 5], ranks=[2, 4, 6, 8], **means)
    return {"n_delays": choice.n_delays, "rank": choice.rank}


def is_significant(
    draw: int,
    unlike: Sequence[Mapping[str, Any]],
    setting: Mapping[str, int],
    means: Mapping[str, bool],
) -> bool:
    """Return whether some test of a call tells two groups of one dynamics apart."""
    groups = {
        name: [recording((draw, number, k), **recorded) for k in range(SYSTEMS)]
        for number, (name, recorded) in enumerate(zip("ab", unlike, strict=True))
    }
    with warnings.catch_warnings():
        # That the groups are unlike is what is tried.
        warnings.filterwarnings("ignore", message="expected groups that are recorded alike")
        measure = {**setting, "offset": means.get("offset", False)}
        result = warpline.compare_groups(
            groups, {"dsa": measure}, centre=means.get("centre", False)
        )
    return bool(result.tests["significant"].any())


def moduli(leak: float, means: Mapping[str, bool] | None) -> list[float]:
    """Return the moduli of the eigenvalues at one delay and rank two, smallest first: means of recordings.

    Without ``means`` they are those of InputDSA, which is given the mean drives.
    """
    values = []
    for k in range(EIGENVALUES_OF):
        states = as_recording(recording((0, 3, k), leak=leak))
        if means is None:
            drives = np.repeat(leaky_drive(len(states))[:, None], states.lengths[0], axis=1)
            matrix = fit_driven_operator(states, drives, rank=2).state
        else:
            states = states.centred() if "centre" in means else states
            matrix = fit_operator(states, offset="offset" in means, **FIXED["low_rank"]).matrix
        values.append(np.sort(np.abs(np.linalg.eigvals(matrix))))
    return [float(value) for value in np.mean(values, axis=0)]


def distances_of_pool(
    names: tuple[int, int], neurons: tuple[int, int], setting: Mapping[str, int]
) -> FloatArray:
    """Return the dissimilarities of recordings of one kind; neurons are drawn evenly on a log scale."""
    rng = np.random.default_rng(names)
    counts = np.exp(rng.uniform(*np.log(neurons), size=POOL)).round().astype(int)
    pool = {
        f"{k:03}": recording((*names, k), n_neurons=int(count)) for k, count in enumerate(counts)
    }
    return np.asarray(warpline.compare(pool, measure="dsa", **setting).dissimilarity)


def alike(
    pools: Sequence[FloatArray], sizes: tuple[int, int], calls_of_pool: int
) -> dict[str, Any]:
    """Return how many calls find something between two groups of one pool, and how many intervals hold.

    ``jackknife`` counts calls of which a test would be significant without the exchange of labels. The
    intervals are those of the mean within the first group, and between both.
    """
    rng = np.random.default_rng(sizes)
    names = [f"{group}/{k}" for group, size in zip("ab", sizes, strict=True) for k in range(size)]
    first, second = np.triu_indices(len(names), 1)
    pairs = pd.DataFrame({"measure": "dsa"}, index=range(len(first)))
    for end, places in (("a", first), ("b", second)):
        pairs[f"system_{end}"] = [names[k] for k in places]
        pairs[f"group_{end}"] = pairs[f"system_{end}"].str[0]
    number_of = {name: k for k, name in enumerate(names)}
    counts = {"significant": 0, "jackknife": 0, "within": 0, "between": 0}
    calls = [distances for distances in pools for _ in range(calls_of_pool)]
    for seed, distances in enumerate(calls):
        some = rng.permutation(len(distances))[: len(names)]
        pairs["dissimilarity"] = distances[some[first], some[second]]
        summary, tests = group_tables(
            pairs, number_of, references=["a", "b"],
            confidence=0.95, family_error=0.05, min_systems=3, seed=seed,
        )  # fmt: skip
        counts["significant"] += int(tests["significant"].any())
        counts["jackknife"] += int((holm(tests["p"].to_numpy()) <= 0.05).any())
        true = distances[np.triu_indices(len(distances), 1)].mean()
        held = (summary["low"] <= true) & (true <= summary["high"])
        held.index = summary["group_a"] + summary["group_b"]
        counts["within"] += int(held["aa"])
        counts["between"] += int(held["ab"])
    return {"sizes": list(sizes), "calls": len(calls)} | counts


def coverage(distances: FloatArray, n: int, draws: int) -> float:
    """Return the share of intervals of the mean within n recordings that hold that of their pool."""
    rng = np.random.default_rng(n)
    true = distances[np.triu_indices(len(distances), 1)].mean()
    held = 0
    for _ in range(draws):
        some = rng.permutation(len(distances))[:n]
        matrix = distances[np.ix_(some, some)] + np.where(np.eye(n, dtype=bool), np.nan, 0.0)
        members = list(range(n))
        low, high = jackknife_interval(matrix, members, members, 0.95)
        held += int(low <= true <= high)
    return held / draws


def _percent(rows: Sequence[Mapping[str, Any]], key: str) -> str:
    return " / ".join(f"{100 * row[key] / row['calls']:.0f}" for row in rows)


def page_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the lines of both tables that docs/your_data.md holds."""
    lines = [
        f"| {row['unlike']} | "
        + " | ".join(" / ".join(map(str, row[name])) for name in ("chosen", *FIXED))
        + " |"
        for row in result["rows"]
    ]
    for row in result["alike"]:
        counts = row["counts"]
        equal = [count for count in counts if count["sizes"][0] == count["sizes"][1]]
        setting = FIXED[row["setting"]]
        lines.append(
            f"| {row['recordings']} | {setting['n_delays']}, {setting['rank']} | "
            f"{_percent(counts, 'significant')} | {_percent(counts, 'jackknife')} | "
            f"{_percent(equal, 'within')} | {_percent(equal, 'between')} |"
        )
    return lines


def sentence(result: Mapping[str, Any]) -> str:
    """Return what docs/your_data.md and statistics.md say of the jackknife alone."""
    counts = [count for row in result["alike"] for count in row["counts"]]
    worst = max(100 * count["jackknife"] / count["calls"] for count in counts)
    return f"in up to {worst:.0f} % of calls ([table]("


def sentence_of_eigenvalues(result: Mapping[str, Any]) -> str:
    """Return what docs/your_data.md says of one delay and rank two."""
    as_recorded, centred, offset, given = (
        " and ".join(f"{value:.2f}" for value in values) for values in result["moduli"]
    )
    return (
        f"moduli of {as_recorded} as recorded, of {centred} centred, and of {offset} with a constant "
        f"term, where both are {1 - 0.1 * LEAK:.1f}. By `dsa_input`, which is given the mean drives, they "
        f"are {given}"
    )


def sentence_of_ranks(result: Mapping[str, Any]) -> str:
    """Return what docs/your_data.md says of the ranks that are chosen."""
    as_recorded, centred, offset = (
        f"{rank} ({counts[rank]} of {sum(counts.values())} calls)"
        for counts in result["ranks_chosen"]
        for rank in [max(counts, key=counts.__getitem__)]
    )
    return (
        f"the rank chosen is mostly {as_recorded} as recorded, {centred} centred, and {offset} with a "
        "constant term"
    )


def sentence_of_pools(result: Mapping[str, Any]) -> str:
    """Return what docs/your_data.md says of the coverage in further pools."""
    shares = [100 * share for share in result["coverage_by_pool"]]
    return (
        f"in {len(shares)} further pools, the intervals of ten recordings hold it in {min(shares):.0f} to "
        f"{max(shares):.0f} %"
    )


def main() -> None:
    """Count, print and write as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument(
        "--alike", action="store_true", help="groups that differ in nothing; the table stays"
    )
    arguments = parser.parse_args()
    result = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    if arguments.alike:
        result["alike"] = []
        for number, (words, neurons, setting) in enumerate(ALIKE):
            pools = [
                distances_of_pool((number, pool), neurons, FIXED[setting]) for pool in range(POOLS)
            ]
            counts = [alike(pools, sizes, arguments.calls) for sizes in SIZES]
            result["alike"].append({"recordings": words, "setting": setting, "counts": counts})
            print(result["alike"][-1], flush=True)
        _, neurons, setting = BY_POOL
        result["coverage_by_pool"] = [
            coverage(distances_of_pool((len(ALIKE), pool), neurons, FIXED[setting]), 10, 400)
            for pool in range(2 * POOLS)
        ]
        print(result["coverage_by_pool"])
        arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        return
    draws = range(arguments.calls)
    chosen = [[chosen_setting(draw, means) for draw in draws] for means in MEANS]
    settings = {"chosen": chosen} | {
        name: [[setting] * len(draws)] * len(MEANS) for name, setting in FIXED.items()
    }
    rows = []
    for words, unlike in UNLIKE.items():
        row: dict[str, Any] = {"unlike": words, "calls": arguments.calls}
        for name, by_means in settings.items():
            row[name] = [
                sum(is_significant(draw, unlike, own[draw], means) for draw in draws)
                for means, own in zip(MEANS, by_means, strict=True)
            ]
        rows.append(row)
        print(rows[-1], flush=True)
    ranks = [[setting["rank"] for setting in own] for own in chosen]
    counts = [{str(r): own.count(r) for r in sorted({*own})} for own in ranks]
    eigenvalues = [moduli(LEAK, means) for means in (*MEANS, None)]
    result |= {"ranks_chosen": counts, "rows": rows, "moduli": eigenvalues}
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
