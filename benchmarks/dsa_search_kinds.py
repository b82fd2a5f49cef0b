"""DSA's search on operators of other kinds than networks: random matrices, simple systems, noise.

The estimate of the chance was chosen on other draws of most kinds (docs/alignment_search.md). The default
search, and the one with fewer starts, are held against the 400 starts of dsa_search.py. No operator stands in
two pairs.

    python benchmarks/dsa_search_kinds.py --output docs/data/dsa/search_kinds.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import dsa_search  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from operator_kinds import (  # noqa: E402
    COPIES,
    KINDS,
    NEIGHBOURS,
    NOISE,
    NOISY_UNITS,
    ONE_WAY,
    OSCILLATORS,
    PARTS,
    RANDOM_MATRICES,
    RECORDINGS,
    SYMMETRIC,
    SYSTEMS,
    drawn,
)

RANKS = (6, 8, 10, 12, 14, 20)
#: Ranks of a row of the page, by its words.
ROWS = {"10 to 14": (10, 12, 14), "20": (20,)}
#: Words of the pages for kinds whose counts are added up.
GROUPS: dict[str, tuple[str, ...]] = {
    "random matrices": tuple(RANDOM_MATRICES),
    "operators that DSA fits to systems": tuple(SYSTEMS),
    "operators that DSA fits to noise": tuple(NOISE),
    "operators that DSA fits to noisy recordings": tuple(RECORDINGS),
    "operators that DSA fits to uncoupled planes and slow modes": tuple(PARTS),
    "operators that DSA fits to networks of noisy units": tuple(NOISY_UNITS),
    "operators that DSA fits to chains, grids and trees of units": tuple(NEIGHBOURS),
    "operators that DSA fits to feed-forward hierarchies and Markov chains": tuple(ONE_WAY),
    "operators that DSA fits to independent and symmetrically coupled units": tuple(SYMMETRIC),
    "operators that DSA fits to damped oscillators, alone or beside integrators": tuple(
        OSCILLATORS
    ),
    COPIES: (COPIES,),
}


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Return those counts of dsa_search.py that the page states."""
    counts = dsa_search.summary(rows)
    names = (
        "pairs",
        "missed",
        "silent",
        "expected_misses",
        "worst_excess",
        "mean_angle",
        "converged",
    )
    return {name: counts[name] for name in names}


def _silent_share(rows: pd.DataFrame) -> str:
    return dsa_search.silent_share(rows.to_dict("records"))


def summary_lines(result: list[dict[str, Any]]) -> str:
    """Return the lines of the short table of docs/dsa.md, by what the operators are."""
    return " ".join(
        dsa_search.summary_line(
            f"{name} | {words}",
            [row for row in result if row["kind"] in kinds and row["rank"] in ranks],
        )
        for name, kinds in GROUPS.items()
        for words, ranks in ROWS.items()
    )


def sentence_of_all(result: list[dict[str, Any]]) -> str:
    """Return what the pages say of all searches, at ranks 10 to 20 and without noisy copies."""
    rows = [row for row in result if row["rank"] > 8 and row["kind"] != COPIES]
    default = dsa_search.of_effort(rows, dsa_search.EFFORTS[0])
    silent, converged, missed, expected, pairs = (
        sum(row[name] for row in default)
        for name in ("silent", "converged", "missed", "expected_misses", "pairs")
    )
    of_others = expected - dsa_search.most_expected(converged)
    return (
        f"Without noisy copies, {dsa_search.of_converged(silent, converged, 'at ranks 10 to 20 ')}; of the "
        f"{pairs - converged:,} others {missed - silent} missed, where some {of_others:,.0f} are expected"
    )


def page_lines(result: list[dict[str, Any]]) -> list[str]:
    """Return what docs/alignment_search.md says of these numbers."""
    table = pd.DataFrame(result)
    default, fewer = (table[table["max_starts"] == starts] for _, starts in dsa_search.EFFORTS)
    lines = []
    for kind in KINDS:
        for words, ranks in ROWS.items():
            first, second = (
                rows[(rows["kind"] == kind) & rows["rank"].isin(ranks)] for rows in (default, fewer)
            )
            lines.append(
                f"| {kind} | {words} | {first['pairs'].sum()} | {first['missed'].sum()} | "
                f"{first['expected_misses'].sum():.1f} | {_silent_share(first)} | "
                f"{first['worst_excess'].max():.1g} | {first['mean_angle'].mean():.2f} | "
                f"{_silent_share(second)} |"
            )
    low, high = default[default["rank"] <= 8], default[default["rank"] > 8]
    lines.append(
        f"At ranks 6 and 8, {low['missed'].sum()} of {low['pairs'].sum():,} searches missed, "
        f"{low['silent'].sum()} of them silently"
    )
    lines.append(sentence_of_all(result))
    for name, kinds in GROUPS.items():
        rows = high[high["kind"].isin(kinds)]
        by_rank = rows.groupby("rank")[["silent", "converged"]].sum()
        # A share of hardly any searches says nothing.
        shares = [
            f"{100 * silent / converged:.1f} %" if converged >= 20 else f"{silent} of {converged}"
            for silent, converged in by_rank.itertuples(index=False)
        ]
        lines.append(
            f"| {name} | {' | '.join(shares)} | {rows['silent'].sum()} of {rows['converged'].sum():,} | "
            f"{rows['missed'].sum()} | {rows['expected_misses'].sum():.0f} |"
        )
    worst = high.loc[high["worst_excess"].idxmax()]
    lines.append(
        f"The largest error, {worst['worst_excess']:.2f} rad, is of {worst['kind']} at rank {worst['rank']}, "
        f"where the mean angle is {worst['mean_angle']:.2f}"
        + (": that search said `converged`" if worst["silent"] == worst["missed"] else "")
    )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--kinds", choices=KINDS, nargs="+", help="these alone; other rows stay")
    parser.add_argument("--ranks", type=int, choices=RANKS, nargs="+", help="the same of ranks")
    arguments = parser.parse_args()
    kinds, ranks = arguments.kinds or KINDS, arguments.ranks or RANKS
    result = []
    if arguments.output.exists():
        kept = json.loads(arguments.output.read_text())
        result = [row for row in kept if row["kind"] not in kinds or row["rank"] not in ranks]
    for rank in ranks:
        for number, kind in enumerate(KINDS):
            if kind not in kinds:
                continue
            operators = drawn(kind, rank, arguments.pairs, np.random.default_rng([rank, number]))
            pairs = dsa_search.in_twos(arguments.pairs)
            rows = dsa_search.align((operators, pairs), efforts=dsa_search.EFFORTS)
            for (chance, starts), some in rows.groupby(["accepted_chance", "max_starts"]):
                effort = {"accepted_chance": chance, "max_starts": starts}
                result.append({"kind": kind, "rank": rank, **effort, **summary(some)})
            print(result[-2:], flush=True)
            arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
