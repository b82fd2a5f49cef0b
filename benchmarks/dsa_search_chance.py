"""Whether the estimated chance of a better alignment holds: shares of searches that miss, by their chance.

The default search ends once its chance is low. Here pairs are searched with 24 to 300 starts whatever their
chance is, so that misses are counted at every chance. The estimate is a product of powers of the rank, the
starts and the hits: powers are fitted to the misses, too, where the chance is low enough to matter.

    python benchmarks/dsa_search.py --save demo.npz \
        --trajectories results/dsa_search/trajectories/PDM/*/*/*.nc
    python benchmarks/dsa_search.py --save models.npz \
        --trajectories results/dsa_search_models/trajectories/*/*/*/*.nc
    python benchmarks/dsa_search_chance.py --demo demo.npz --models models.npz \
        --output docs/data/dsa/search_chance.json --figure docs/images/dsa_chance.png
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import dsa_search  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from operator_kinds import COPIES, KINDS, drawn  # noqa: E402
from scipy.optimize import minimize  # noqa: E402
from scipy.stats import binomtest  # noqa: E402

FloatArray = NDArray[np.float64]
#: Caps on the starts of a search.
STARTS = (24, 48, 100, 200, 300)
#: Rank and number of delays of the operators of networks.
SETTINGS = ((10, 10), (14, 10), (20, 10), (20, 2))
RANKS = (10, 14, 20)
#: Edges of the bins of the chance.
EDGES = (0.0, 3e-3, 3e-2, 3e-1, 1.0)
#: Words of the page.
DEMO, MODELS, OTHERS = "networks of the demo", "networks of other models", "other kinds"
NETWORKS = "networks"
#: Seeds of the other kinds begin with this, so that draws are none of dsa_search_kinds.py.
SEED = 1
#: Powers are fitted to searches of at most this chance. Above it, probabilities no longer are products.
FITTED = 3e-2
RESAMPLES = 500


def jobs(
    demo: Path, models: Path, n_pairs: int, n_of_kind: int
) -> Iterator[tuple[str, int, tuple[list[FloatArray], list[tuple[int, int]]]]]:
    """Return the name, the rank, and operators with pairs of them."""
    for name, file in ((DEMO, demo), (MODELS, models)):
        with np.load(file) as operators:
            for rank, delays in SETTINGS:
                matrices = list(operators[f"{rank}_{delays}"])
                yield name, rank, (matrices, dsa_search.random_pairs(len(matrices), n_pairs))
    for rank in RANKS:
        for number, kind in enumerate(KINDS):
            if kind != COPIES:
                rng = np.random.default_rng([SEED, rank, number])
                operators = drawn(kind, rank, n_of_kind, rng)
                yield OTHERS, rank, (operators, dsa_search.in_twos(n_of_kind))


def binned(rows: pd.DataFrame) -> pd.DataFrame:
    """Return misses by chance: operators count once in a bin, with the fewest starts that led there."""
    bins = pd.cut(rows["chance_of_better"], EDGES, labels=False)
    first = rows.assign(bin=bins).sort_values("max_starts").drop_duplicates(["id", "bin"])
    grouped = first.groupby(["name", "rank", "bin"])
    return grouped.agg(
        searches=("missed", "size"),
        missed=("missed", "sum"),
        expected=("chance_of_better", "sum"),
    ).reset_index()


def fitted(rows: pd.DataFrame) -> dict[str, Any]:
    """Return powers of m, n and k + 1/2 fitted to the misses of `chance_of_better`.

    The rate of misses is exp(c) m^a / (n^b (k + 1/2)^d), of greatest likelihood by Poisson's law. Intervals
    are percentiles of a bootstrap over systems, which stand in several pairs and at every rank.
    """
    design = np.column_stack(
        [
            np.ones(len(rows)),
            np.log(np.maximum(1, rows["rank"] / 10)),
            -np.log(rows["max_starts"]),
            -np.log(rows["n_hits"] + 0.5),
        ]
    )
    missed = rows["missed"].to_numpy(float)
    codes, systems = pd.factorize(rows[["first", "second"]].to_numpy().ravel())
    first, second = codes.reshape(-1, 2).T
    best = _most_likely(design, missed, np.ones(len(rows)))
    rng = np.random.default_rng(0)
    resampled = []
    for _ in range(RESAMPLES):
        drawn_times = np.bincount(
            rng.integers(len(systems), size=len(systems)), minlength=len(systems)
        )
        # Systems of one pair alone are drawn with it.
        weights = drawn_times[first] * np.where(first == second, 1, drawn_times[second])
        resampled.append(_most_likely(design, missed, weights.astype(float), best))
    low, high = np.percentile(resampled, (2.5, 97.5), axis=0)
    names = ("constant", "rank", "starts", "hits")
    return {
        "searches": len(rows),
        "missed": int(missed.sum()),
        "missed_at_least_rank": int(missed[rows["rank"] == min(RANKS)].sum()),
        **{name: list(map(float, x)) for name, *x in zip(names, best, low, high, strict=True)},
    }


def _most_likely(
    design: FloatArray, missed: FloatArray, weights: FloatArray, start: FloatArray | None = None
) -> FloatArray:
    """Return the coefficients of greatest likelihood of a log-linear rate."""

    def loss(coefficients: FloatArray) -> tuple[float, FloatArray]:
        logarithm = design @ coefficients
        rate = np.exp(np.minimum(logarithm, 30))
        gradient = design.T @ (weights * (rate - missed))
        return float(weights @ (rate - missed * logarithm)), gradient

    begin = np.array([np.log(16), 1.5, 1, 2.5]) if start is None else start
    return np.asarray(minimize(loss, begin, jac=True, method="BFGS").x)


def summary(every: pd.DataFrame) -> dict[str, Any]:
    """Return the bins by name and rank, and the powers of networks and of other kinds."""
    # Nothing is left to find between equal operators.
    searched = every[every["chance_of_better"] > 0]
    low = searched[searched["chance_of_better"] <= FITTED]
    is_other = low["name"] == OTHERS
    return {
        "bins": binned(searched).to_dict("records"),
        "fits": {NETWORKS: fitted(low[~is_other]), OTHERS: fitted(low[is_other])},
    }


def with_systems(rows: pd.DataFrame, name: str, job: int) -> pd.DataFrame:
    """Return the rows with the name, and with names of their pair and of its systems.

    Networks are the same at every rank. Systems of other kinds stand in one pair, and count as one.
    """
    pairs = [f"{job}_{pair}" for pair in rows["pair"]]
    if name == OTHERS:
        return rows.assign(name=name, id=pairs, first=pairs, second=pairs)
    systems = rows["pair"].str.split("_", expand=True)
    first, second = (name + " " + systems[k] for k in range(2))
    return rows.assign(name=name, id=pairs, first=first, second=second)


def _rows(result: dict[str, Any], name: str, rank: int) -> list[dict[str, Any]]:
    """Return the bins of a name and rank, of rising chance."""
    return [row for row in result["bins"] if (row["name"], row["rank"]) == (name, rank)]


def over_expected(result: dict[str, Any], name: str) -> str:
    """Return by rank how many missed in the bin above the accepted chance, over how many were expected."""
    ratios = []
    for rank in RANKS:
        (row,) = [row for row in _rows(result, name, rank) if row["bin"] == 1]
        ratios.append(f"{row['missed'] / row['expected']:.1f}")
    return f"{', '.join(ratios[:-1])} and {ratios[-1]} times as many as expected of {name}"


def sentences(result: dict[str, Any]) -> list[str]:
    """Return what docs/alignment_search.md says of these numbers."""
    networks = result["fits"][NETWORKS]
    low = [row for row in result["bins"] if row["bin"] == 0]
    missed, expected = (sum(row[key] for row in low) for key in ("missed", "expected"))
    return [
        "; ".join(over_expected(result, name) for name in (DEMO, MODELS, OTHERS)),
        f"Up to the accepted chance of 0.3 %, {missed} missed, where {expected:.1f} are expected",
        f"Those of networks rest on {networks['missed']} misses, {networks['missed_at_least_rank']} of "
        f"them at rank {min(RANKS)}",
    ]


def page_lines(result: dict[str, Any]) -> list[str]:
    """Return the tables and sentences of docs/alignment_search.md."""
    lines = []
    for name in (DEMO, MODELS, OTHERS):
        for rank in RANKS:
            cells = [
                f"{row['missed']} of {row['searches']:,} ({row['expected']:.1f})"
                for row in _rows(result, name, rank)
            ]
            lines.append(f"| {name} | {rank} | {' | '.join(cells)} |")
    for name, fit in result["fits"].items():
        powers = " | ".join(
            f"{value:.1f} ({low:.1f} to {high:.1f})"
            for value, low, high in (fit[power] for power in ("rank", "starts", "hits"))
        )
        lines.append(f"| {name} | {fit['missed']} of {fit['searches']:,} | {powers} |")
    return [*lines, *sentences(result)]


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the share of misses against the chance, with Wilson's intervals."""
    import matplotlib.pyplot as plt

    from warpline.figures.plotting import MARKERS, PALETTES, shared_legend, style_parameters
    from warpline.figures.set_panels import STYLE

    with plt.rc_context(style_parameters({**STYLE, "dpi": 150})):
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.4), sharex=True, sharey=True)
        for panel, name in zip(axes, (DEMO, MODELS, OTHERS), strict=True):
            panel.plot([1e-4, 1], [1e-4, 1], color="0.6", lw=1, label="share = chance")
            for k, rank in enumerate(RANKS):
                rows = [row for row in _rows(result, name, rank) if row["searches"] >= 20]
                # Beside one another, so that intervals do not cover each other.
                chance = np.array([row["expected"] / row["searches"] for row in rows])
                chance *= 1.1 ** (k - 1)
                shares = np.array([row["missed"] / row["searches"] for row in rows])
                bounds = np.array(
                    [
                        binomtest(row["missed"], row["searches"]).proportion_ci(method="wilson")
                        for row in rows
                    ]
                )
                some, colour = shares > 0, PALETTES["okabe-ito"][k]
                panel.errorbar(
                    chance[some], shares[some],
                    yerr=np.abs(bounds[some] - shares[some, None]).T,
                    fmt=f"{MARKERS[k]}-", color=colour, label=f"rank {rank}", ms=4, lw=1,
                )  # fmt: skip
                panel.plot(chance[~some], bounds[~some, 1], "v", mfc="none", color=colour, ms=5)
            panel.plot([], [], "v", mfc="none", color="0.4", ms=5, label="none missed: upper bound")
            accepted, _ = dsa_search.EFFORTS[0]
            panel.axvline(accepted, color="0.6", ls=":", lw=1, label="accepted chance")
            panel.set(title=name, xlabel="estimated chance of a better alignment")
        axes[0].set(
            xscale="log", yscale="log", xlim=(3e-4, 1.2), ylim=(3e-4, 1.2),
            ylabel="share of searches that miss",
        )  # fmt: skip
        shared_legend(figure, axes, ncols=6)
        figure.savefig(path, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--demo", type=Path, required=True, help="npz file of dsa_search.py")
    parser.add_argument("--models", type=Path, required=True, help="the same of other models")
    parser.add_argument("--output", type=Path, required=True, help="JSON file")
    parser.add_argument("--figure", type=Path, help="PNG file")
    parser.add_argument("--every", type=Path, help="CSV file, a row per search")
    parser.add_argument("--pairs", type=int, default=400, help="random pairs of a setting")
    parser.add_argument("--of-kind", type=int, default=60, help="pairs of a kind and rank")
    arguments = parser.parse_args()
    # No chance is as low: every search makes all its starts.
    efforts = tuple((1e-300, starts) for starts in STARTS)
    tables = []
    work = jobs(arguments.demo, arguments.models, arguments.pairs, arguments.of_kind)
    for number, (name, rank, job) in enumerate(work):
        rows = dsa_search.align(job, efforts=efforts)
        tables.append(with_systems(rows, name, number).assign(rank=rank))
        print(number, name, rank, len(rows), flush=True)
    every = pd.concat(tables, ignore_index=True)
    every["missed"] = every["excess"] > dsa_search.MISSED
    if arguments.every:
        every.to_csv(arguments.every, index=False)
    result = summary(every)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    if arguments.figure:
        draw(result, arguments.figure)


if __name__ == "__main__":
    main()
