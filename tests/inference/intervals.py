"""Coverage of the intervals of scores of attractors, of rank correlations and of half-times, by simulation.

    PYTHONPATH=src:tests python tests/inference/intervals.py --replications 400

A system is a point, a dissimilarity the Euclidean distance of two. Each interval stands beside the percentile
bootstrap, which resamples systems (within their family) or networks. The command writes
docs/data/inference_intervals.csv, inference_half_times.csv and inference_gradual.csv.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from warpline.analyses.summary import half_time
from warpline.attractors.score_tables import SCALES
from warpline.attractors.scores import (
    area_under_curve,
    cohens_d,
    curve_scores,
    jackknife_systems,
)
from warpline.comparison.jackknife import mean_interval
from warpline.core import random_streams

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
ROOT_SEED = 12
N_FAMILIES = 3
DIMENSION = 3
SEPARATIONS = (0.0, 1.0, 2.0, 3.0, 4.0)
"""Distances of the families' centres from the origin, in standard deviations of a coordinate."""
FAMILY_SIZES = (3, 5)
N_MOTIFS = 5
SHARES = (1.0, 0.5, 0.25)
NOISE_LEVELS = (0.1, 0.5)
CORRELATION_NOISE = (0.3, 1.0)
NETWORKS = (3, 5, 10)
FRACTIONS = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
"""Checkpoints of the demo, at which half-times are taken."""
CHANCE = 0.5
SHARE_SHAPES = (
    (3.0, 1.0),
    (9.0, 1.0),
    (20.0, 1.0),
    (5.0, 0.5),
    (1.7, 0.3),
    (1.9, 0.1),
    (0.95, 0.05),
)
"""Beta distributions of shares, means 0.75 to 0.95. Of the last three, a few lie far below the others."""
TIMES = ("symmetric", "skewed", "two_kinds")
"""How the times at which networks change are distributed; one in five of `two_kinds` changes late."""
COURSE_NOISE = (0.02, 0.1, 0.3, 0.5, 0.8)
"""Noise of a distance, over its change."""
ACCURACY_NOISE = 0.1
"""Largest noise of an accuracy, over its change."""
CHANGE_SHARES = (0.3, 0.5, 0.7)
"""Shares of the change at which courses are read."""
WIDTHS = (0.04, 0.1, 0.2)
"""Of the logistic courses, in fractions of training; the first is that of all courses but `gradual_table`."""
BELOW = (0.0, 0.17, 0.5)
"""How far below chance an accuracy starts."""
RESAMPLES = 200
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "data"
TABLE = FOLDER / "inference_intervals.csv"
HALF_TIMES = FOLDER / "inference_half_times.csv"
GRADUAL = FOLDER / "inference_gradual.csv"


def families(
    size: int, separation: float, replications: int, stream: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the dissimilarities of systems in three families whose centres lie at right angles.

    Returns
    -------
    distances : ndarray, shape (replication, pair)
    within : ndarray, shape (pair,)
        Whether a pair lies in one family.
    pairs : pair of ndarray, shape (pair,)
        Both systems of each pair.
    """
    n = N_FAMILIES * size
    family = np.arange(n) // size
    points = stream.standard_normal((replications, n, DIMENSION))
    points += separation * np.eye(DIMENSION)[family]
    first, second = np.triu_indices(n, k=1)
    distances = np.sqrt(((points[:, first] - points[:, second]) ** 2).sum(-1))
    return distances, family[first] == family[second], (first, second)


def family_scores(
    distances: Floats, within: NDArray[np.bool_], weights: Floats
) -> dict[str, float]:
    """Return the scores of `warpline.attractors.score_tables.separation_scores`."""
    low, high = distances[within], distances[~within]
    sides = (weights[within], weights[~within])
    return {
        "auc": area_under_curve(low, high, sides),
        "cohens_d": cohens_d(low, high, sides),
    }


def true_family_scores(size: int, separation: float) -> dict[str, float]:
    """Return the expected AUC of new systems, and Cohen's d of their means and variances."""
    stream = random_streams.generator(ROOT_SEED, "intervals", "truth", f"{size}", f"{separation:g}")
    distances, within, _ = families(size, separation, 20000, stream)
    low, high = distances[:, within], distances[:, ~within]
    exceeds = (high[:, :, None] > low[:, None]).mean()
    n_low, n_high = within.sum(), (~within).sum()
    pooled = ((n_low - 1) * low.var() + (n_high - 1) * high.var()) / (n_low + n_high - 2)
    return {"auc": float(exceeds), "cohens_d": float((high.mean() - low.mean()) / np.sqrt(pooled))}


def bootstrap_weights(
    size: int, pairs: tuple[NDArray[np.int64], NDArray[np.int64]], stream: np.random.Generator
) -> Floats:
    """Return the weights of pairs in resamples of the systems within their family, shape (resample, pair)."""
    counts = stream.multinomial(size, np.full(size, 1 / size), (RESAMPLES, N_FAMILIES))
    counts = counts.reshape(RESAMPLES, -1).astype(float)
    return counts[:, pairs[0]] * counts[:, pairs[1]]


def family_coverage(size: int, separation: float, replications: int) -> dict[str, dict[str, float]]:
    """Return, for the AUC and Cohen's d, the true value and the coverage of both intervals."""
    truth = true_family_scores(size, separation)
    stream = random_streams.generator(
        ROOT_SEED, "intervals", "families", f"{size}", f"{separation:g}"
    )
    distances, within, pairs = families(size, separation, replications, stream)
    names = tuple([f"{system:02d}" for system in side] for side in pairs)
    hits: dict[str, list[tuple[bool, bool]]] = {score: [] for score in truth}
    for row in distances:
        interval = jackknife_systems(
            lambda weights, row=row: family_scores(row, within, weights), names, CONFIDENCE, SCALES
        )
        # The bootstrap of Cohen's d is as slow as it is narrow: the AUC's stands for both.
        low, high = row[within], row[~within]
        exceeds = (high[:, None] > low).astype(float)
        weights = bootstrap_weights(size, pairs, stream)
        with np.errstate(invalid="ignore"):
            resamples = ((weights[:, ~within] @ exceeds) * weights[:, within]).sum(-1) / (
                weights[:, ~within].sum(-1) * weights[:, within].sum(-1)
            )
        ends = np.nanquantile(resamples, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        for score, value in truth.items():
            hits[score].append(
                (
                    interval[f"{score}_low"] <= value <= interval[f"{score}_high"],
                    bool(ends[0] <= value <= ends[1]),
                )
            )
    return {
        score: {
            "true": truth[score],
            "coverage": float(np.mean([hit[0] for hit in hits[score]])),
            "coverage_bootstrap": float(np.mean([hit[1] for hit in hits[score]]))
            if score == "auc"
            else np.nan,
        }
        for score in truth
    }


def mixtures(level: float, stream: np.random.Generator) -> pd.DataFrame:
    """Return the dissimilarities of noisy motifs to themselves and to their mixtures with others."""
    motifs = stream.standard_normal((N_MOTIFS, DIMENSION))
    # Noise does not affect all motifs alike.
    noise = level * np.exp(0.5 * stream.standard_normal(N_MOTIFS))
    rows = []
    for motif in range(N_MOTIFS):
        for other in range(N_MOTIFS):
            for share in (0.0,) if other == motif else SHARES:
                apart = share * (motifs[other] - motifs[motif])
                apart = apart + np.sqrt(2) * noise[motif] * stream.standard_normal(DIMENSION)
                rows.append((f"{motif}", f"{other}", share, float(np.linalg.norm(apart))))
    return pd.DataFrame(rows, columns=["motif", "other", "share", "dissimilarity"])


def mixture_scores(share: Floats, y: Floats, weights: Floats) -> dict[str, float]:
    """Return the scores of `warpline.attractors.score_tables.noise_scores` that are read."""
    sides = [(y[at], weights[at]) for at in (share == 0, share == 1, share == min(SHARES))]
    (floor, floor_weights), (different, different_weights), (least, least_weights) = sides
    curve = curve_scores(1 - share, y, weights)
    floor_mean = floor_weights @ floor / floor_weights.sum()
    return {
        "slope": curve["slope"],
        "r2": curve["r2"],
        "floor": float(floor_mean),
        "floor_relative": float(
            floor_mean * different_weights.sum() / (different_weights @ different)
        ),
        "auc_least": area_under_curve(floor, least, (floor_weights, least_weights)),
    }


def mixture_coverage(level: float, replications: int) -> dict[str, dict[str, float]]:
    """Return the expected scores of five motifs, and the coverage of their intervals."""
    stream = random_streams.generator(ROOT_SEED, "intervals", "mixtures", f"{level:g}")
    values, intervals = [], []
    for _ in range(replications):
        table = mixtures(level, stream)
        share, y = table["share"].to_numpy(), table["dissimilarity"].to_numpy()
        values.append(mixture_scores(share, y, np.ones(len(y))))
        intervals.append(
            jackknife_systems(
                lambda weights, share=share, y=y: mixture_scores(share, y, weights),
                (table["motif"].tolist(), table["other"].tolist()),
                CONFIDENCE,
                SCALES,
            )
        )
    scores, ends = pd.DataFrame(values), pd.DataFrame(intervals)
    # A ratio's interval is symmetric on the logarithm: it is for the geometric mean.
    truth = {
        name: float(np.exp(np.log(scores[name]).mean()))
        if SCALES.get(name) == "log"
        else float(scores[name].mean())
        for name in scores
    }
    return {
        name: {
            "true": value,
            "coverage": float(
                ((ends[f"{name}_low"] <= value) & (value <= ends[f"{name}_high"])).mean()
            ),
            "coverage_bootstrap": np.nan,
        }
        for name, value in truth.items()
    }


def correlations(noise: float, shape: tuple[int, int], stream: np.random.Generator) -> Floats:
    """Return Spearman's correlations of a noisy rise with accuracy over five checkpoints."""
    series = np.arange(5.0) / 4 + noise * stream.standard_normal((*shape, 5))
    ranks = series.argsort(-1).argsort(-1) - 2.0
    return np.asarray(ranks @ (np.arange(5.0) - 2) / 10)


def correlation_coverage(noise: float, n: int, replications: int) -> dict[str, float]:
    """Return the mean correlation over networks, and the coverage of both of its intervals."""
    stream = random_streams.generator(ROOT_SEED, "intervals", "correlation", f"{noise:g}", f"{n}")
    truth = float(correlations(noise, (1, 200000), stream).mean())
    hits = []
    for values in correlations(noise, (replications, n), stream):
        low, high = mean_interval(values, CONFIDENCE)
        means = stream.choice(values, (RESAMPLES, n)).mean(-1)
        ends = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        hits.append((low <= truth <= high, ends[0] <= truth <= ends[1]))
    jackknife, bootstrap = np.mean(hits, axis=0)
    return {
        "true": truth,
        "coverage": float(jackknife),
        "coverage_bootstrap": float(bootstrap),
    }


def share_coverage(a: float, b: float, n: int, replications: int) -> float:
    """Return the coverage of the interval of a mean of shares, whose distribution is Beta(a, b)."""
    stream = random_streams.generator(ROOT_SEED, "intervals", "share", f"{a:g}", f"{b:g}", f"{n}")
    samples = stream.beta(a, b, (replications, n))
    low, high = np.array([mean_interval(row, CONFIDENCE) for row in samples]).T
    return float(((low <= a / (a + b)) & (a / (a + b) <= high)).mean())


def change_times(kind: str, shape: tuple[int, ...], stream: np.random.Generator) -> Floats:
    """Return the fractions of training at which networks change, from one of the distributions `TIMES`."""
    if kind == "symmetric":
        return np.asarray(0.4 + 0.1 * stream.standard_normal(shape))
    if kind == "skewed":
        return np.asarray(np.minimum(0.1 * np.exp(stream.standard_normal(shape)), 0.95))
    late = stream.random(shape) < 0.2
    return np.asarray(np.where(late, 0.85, 0.2) + 0.03 * stream.standard_normal(shape))


def course_times(
    kind: str, noise: float, shape: tuple[int, ...], share: float, stream: np.random.Generator,
    *, width: float = WIDTHS[0], below: float = 0.0,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return times of a share of the change to the own end, and their lags behind accuracy, of networks.

    Distance and accuracy of a network change at times of their own, from one distribution: the true lag is 0.
    A distance has noise that adds to it, except at the end, where it is 0. Courses are logistic, of a width;
    accuracy starts at chance, or below it.
    """

    def risen() -> Floats:
        times = change_times(kind, shape, stream)
        return np.asarray(1 / (1 + np.exp(-(FRACTIONS - times[..., None]) / width)))

    rise = risen()
    of_accuracy = min(noise, ACCURACY_NOISE) * stream.standard_normal(rise.shape)
    accuracy = CHANCE - below + (0.45 + below) * (rise + of_accuracy)
    fall = risen()
    distance = np.abs(fall[..., -1:] - fall) + noise * np.abs(stream.standard_normal(fall.shape))
    distance[..., -1] = 0
    at_distance, at_accuracy = (
        np.array(
            [half_time(FRACTIONS, row, chance, share) for row in rows.reshape(-1, len(FRACTIONS))]
        )
        for rows, chance in ((distance, None), (np.minimum(accuracy, 1), CHANCE))
    )
    return at_distance.reshape(shape), (at_distance - at_accuracy).reshape(shape)


def intervals_of_means(samples: Floats) -> Floats:
    """Return both ends of the interval of the mean of each sample that has one, missing values left out."""
    ends = np.array([mean_interval(row[np.isfinite(row)], CONFIDENCE) for row in samples])
    return ends[np.isfinite(ends[:, 0])].T


def course_coverage(
    kind: str, noise: float, n: int, share: float, replications: int
) -> dict[str, float]:
    """Return the coverage of intervals of the mean time and the mean lag, and the mean lag.

    The true values are the means over networks that have such a time. For the lag, that is what courses read
    at checkpoints give, and not the 0 that the networks have: ``lag_above_0`` is the share of intervals that
    lie above 0.
    """
    names = (ROOT_SEED, "intervals", "half-time", kind, f"{noise:g}")
    truths = course_times(kind, noise, (20000,), share, random_streams.generator(*names))
    stream = random_streams.generator(*names, f"{n}")
    samples = course_times(kind, noise, (replications, n), share, stream)
    coverages = {}
    for name, true, sample in zip(("half_time", "lag"), truths, samples, strict=True):
        low, high = intervals_of_means(sample)
        truth = np.nanmean(true)
        coverages[f"coverage_{name}"] = float(((low <= truth) & (truth <= high)).mean())
    # The lag is the last one.
    coverages["lag_above_0"] = float((low > 0).mean())
    return {**coverages, "mean_lag": float(np.nanmean(truths[1]))}


def half_times_table(replications: int) -> pd.DataFrame:
    """Return a row per distribution of times, noise, number of networks and share; coverage in percent."""
    rows = [
        {
            "times": kind,
            "noise": noise,
            "n": n,
            "share": share,
            **course_coverage(kind, noise, n, share, replications),
        }
        for kind in TIMES
        for noise in COURSE_NOISE
        for n in NETWORKS
        for share in (CHANGE_SHARES if n == NETWORKS[-1] else (0.5,))
    ]
    table = pd.DataFrame(rows)
    table[["coverage_half_time", "coverage_lag", "lag_above_0"]] *= 100
    return table.assign(replications=replications)


def gradual_table(replications: int) -> pd.DataFrame:
    """Return the mean lag by width of the courses and start of accuracy, and intervals beside 0 in percent."""
    noise, n, rows = COURSE_NOISE[0], NETWORKS[-1], []
    for width, below in itertools.product(WIDTHS, BELOW):
        stream = random_streams.generator(ROOT_SEED, "intervals", "gradual", f"{width}", f"{below}")
        _, lags = course_times(
            TIMES[0], noise, (replications, n), 0.5, stream, width=width, below=below
        )
        low, high = intervals_of_means(lags)
        row = {"width": width, "below": below, "mean_lag": np.nanmean(lags)}
        rows.append(row | {"under": 100 * (high < 0).mean(), "above": 100 * (low > 0).mean()})
    return pd.DataFrame(rows).assign(n=n, replications=replications)


def gradual_rows(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of the table of gradual courses in the documentation: a row per width."""
    return [
        [
            f"{width:g}",
            " / ".join(f"{x:.2f}" for x in rows["mean_lag"]),
            *(" / ".join(f"{x:.0f}" for x in rows[side]) for side in ("under", "above")),
        ]
        for width, rows in table.groupby("width", sort=False)
    ]


def half_times_rows(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of the table of half-times in the documentation: a row per distribution and noise."""
    return [
        [
            str(kind).replace("_", " "),
            f"{noise:g}",
            *(
                " / ".join(f"{x:.0f}" for x in rows.loc[rows["share"] == 0.5, name])
                for name in ("coverage_half_time", "coverage_lag", "lag_above_0")
            ),
            " / ".join(f"{x:.0f}" for x in rows.loc[rows["n"] == NETWORKS[-1], "lag_above_0"]),
            " / ".join(f"{x:.2f}" for x in rows.loc[rows["n"] == NETWORKS[-1], "mean_lag"]),
        ]
        for (kind, noise), rows in table.groupby(["times", "noise"], sort=False)
    ]


def intervals_table(replications: int) -> pd.DataFrame:
    """Return a row per score and case: number of systems or networks, true value, coverage in percent."""
    rows: list[dict[str, object]] = []
    for size in FAMILY_SIZES:
        for separation in SEPARATIONS:
            for score, row in family_coverage(size, separation, replications).items():
                rows.append({"score": score, "n": N_FAMILIES * size, **row})
    for level in NOISE_LEVELS:
        for score, row in mixture_coverage(level, replications).items():
            rows.append({"score": score, "n": N_MOTIFS, **row})
    for noise in CORRELATION_NOISE:
        for n in NETWORKS:
            rows.append(
                {"score": "spearman", "n": n, **correlation_coverage(noise, n, replications)}
            )
    table = pd.DataFrame(rows)
    table[["coverage", "coverage_bootstrap"]] *= 100
    return table.assign(replications=replications)


def table_rows(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of the table in the documentation."""
    return [
        [
            f"`{row['score']}`",
            f"{row['n']}",
            f"{round(row['true'], 2) + 0.0:.2f}",
            f"{row['coverage']:.0f}",
            "" if np.isnan(row["coverage_bootstrap"]) else f"{row['coverage_bootstrap']:.0f}",
        ]
        for _, row in table.iterrows()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=400, help="of a score")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    intervals_table(arguments.replications).round(3).to_csv(
        arguments.folder / TABLE.name, index=False
    )
    half_times_table(25 * arguments.replications).round(3).to_csv(
        arguments.folder / HALF_TIMES.name, index=False
    )
    gradual = gradual_table(5 * arguments.replications)
    gradual.round(3).to_csv(arguments.folder / GRADUAL.name, index=False)


if __name__ == "__main__":
    main()
