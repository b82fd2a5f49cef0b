"""Does InputDSA tell systems apart, or what drove them? The tables of docs/dsa_input.md.

statistics  two random linear systems x two input statistics (white, autoregressive at 0.95), 4 of 10 units
            observed, 2 channels, 10 trials of 200 steps, 1 % noise, 5 draws of inputs: the mean silhouette by
            system and by input statistic, over pairs of systems
tutorial    the first example of dsa-metric's InputDSA tutorial: two state x two control operators, 2 of 20
            units observed, one channel, 150 delays, rank 20; dsa-metric beside it

    python benchmarks/dsa_input_cases.py --output docs/data/dsa_input/cases.json
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from one_thread import use_one_thread

# Before any library reads it.
use_one_thread()

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from sklearn.metrics import silhouette_score  # noqa: E402

from warpline.similarity import dsa, dsa_input  # noqa: E402
from warpline.similarity.dsa_input import fit_driven_operator  # noqa: E402

FloatArray = NDArray[np.float64]
SUBSPACE = {"n_delays": 5, "rank": 10, "backend": "subspace"}
DRIVEN: Mapping[str, Mapping[str, Any]] = {
    "subspace": SUBSPACE,
    "subspace, balanced": {**SUBSPACE, "coordinates": "balanced"},
    "dmdc": {"n_delays": 5, "rank": 10},
}
SCORES = ("joint", "state", "control")
#: Rows of the first table of the page, and what the page calls them.
SHOWN = {
    "dsa_input, subspace: joint": "`dsa_input`, `subspace`, 5 delays, rank 10: joint",
    "dsa_input, subspace: state": "the same: state",
    "dsa_input, subspace: control": "the same: control",
    "dsa_input, subspace, balanced: joint": "the same with `balanced` coordinates: joint",
    "dsa_input, dmdc: joint": "`dsa_input`, `dmdc`, 5 delays, rank 10: joint",
    "dsa": "`dsa`, 10 delays, rank 10",
}


def scaled(generator: np.random.Generator, n: int, radius: float) -> FloatArray:
    """Return a random matrix of a spectral radius."""
    matrix = generator.standard_normal((n, n))
    return np.asarray(matrix * radius / np.abs(np.linalg.eigvals(matrix)).max())


def silhouettes(
    rows: Sequence[Mapping[str, Any]], column: str, *labels: Sequence[int]
) -> list[float]:
    """Return the silhouette of each labelling, from rows of all pairs in their order."""
    distances = np.zeros((len(labels[0]),) * 2)
    upper = np.triu_indices(len(distances), 1)
    distances[upper] = [row[column] for row in rows]
    distances += distances.T
    return [float(silhouette_score(distances, x, metric="precomputed")) for x in labels]


def driven_recordings(
    seed: int, n_draws: int = 5
) -> tuple[list[tuple[FloatArray, FloatArray]], list[int], list[int]]:
    """Return recordings (states, inputs) of two systems x two statistics, with both labels."""
    generator = np.random.default_rng(seed)
    n, m, n_trials, n_steps = 10, 2, 10, 200
    systems = [(scaled(generator, n, 0.9), generator.standard_normal((n, m))) for _ in range(2)]
    observed = generator.choice(n, 4, replace=False)
    recordings, by_system, by_input = [], [], []
    for (label, (a, b)), correlation, _ in itertools.product(
        enumerate(systems), (0.0, 0.95), range(n_draws)
    ):
        inputs = generator.standard_normal((n_trials, n_steps, m))
        for t in range(1, n_steps):
            fresh = np.sqrt(1 - correlation**2) * inputs[:, t]
            inputs[:, t] = correlation * inputs[:, t - 1] + fresh
        state, states = np.zeros((n_trials, n)), []
        for t in range(n_steps):
            state = state @ a.T + inputs[:, t] @ b.T
            states.append(state[:, observed])
        seen = np.stack(states, axis=1)
        seen = seen + 0.01 * seen.std() * generator.standard_normal(seen.shape)
        recordings.append((seen, inputs))
        by_system.append(label)
        by_input.append(int(correlation > 0))
    return recordings, by_system, by_input


def benchmark_statistics(n_systems: int) -> list[dict[str, Any]]:
    """Return the silhouettes of each measure and pair of systems, summarised over pairs of systems."""
    found: dict[str, list[list[float]]] = {}
    for seed in range(n_systems):
        recordings, *labels = driven_recordings(seed)
        pairs = list(itertools.combinations(range(len(recordings)), 2))
        plain = {"n_delays": 10, "rank": 10}
        operators = [dsa.represent(states, settings=plain) for states, _ in recordings]
        rows = dsa.compare_pairs(operators, pairs, settings=plain)
        found.setdefault("dsa", []).append(silhouettes(rows, "dissimilarity", *labels))
        for name, settings in DRIVEN.items():
            driven = [dsa_input.represent(x, inputs=u, settings=settings) for x, u in recordings]
            rows = dsa_input.compare_pairs(driven, pairs, settings=settings)
            for score in SCORES:
                values = silhouettes(rows, f"{score}_score", *labels)
                found.setdefault(f"dsa_input, {name}: {score}", []).append(values)
    table = []
    for name, silhouette in found.items():
        means, low, high = (
            function(np.array(silhouette), axis=0) for function in (np.mean, np.min, np.max)
        )
        table.append(
            {"measure": name, "pairs_of_systems": n_systems}
            | {
                f"by_{label}": {"mean": means[k], "low": low[k], "high": high[k]}
                for k, label in enumerate(("system", "input"))
            }
        )
    return table


def tutorial_recordings(
    seed: int,
) -> tuple[list[tuple[FloatArray, FloatArray]], list[int], list[int]]:
    """Return recordings (states, inputs) of the tutorial, labelled by state and by control operator.

    Its systems and inputs have seeds of their own; ``seed`` is that of the observation noise, which has
    none there.
    """
    noise = np.random.default_rng(seed)
    n, n_steps, seeds, radii, gains = 20, 1000, (11, 12), (0.92, 0.82), (0.5, 2.0)
    states = [scaled(np.random.default_rng(s), n, r) for s, r in zip(seeds, radii, strict=True)]
    root = np.random.default_rng(seeds[0]).standard_normal((n, n))
    turn = np.linalg.qr(np.random.default_rng(seeds[1]).standard_normal((n, n)))[0]
    covariances = root @ root.T, turn @ root @ root.T @ turn.T
    controls = [
        np.random.default_rng(s).multivariate_normal(np.zeros(n), c, 1).T * g
        for s, c, g in zip(seeds, covariances, gains, strict=True)
    ]
    observed = np.sort(np.random.default_rng(seeds[0]).choice(n, size=2, replace=False))
    hidden = np.ones(n)
    hidden[observed] = 0
    recordings, by_state, by_control = [], [], []
    for number, (k, label) in enumerate(itertools.product(range(2), range(2)), 1):
        for draw in range(4):
            white = np.random.default_rng(seeds[0] + number + draw).standard_normal((1, n_steps))
            inputs = np.zeros((1, n_steps))
            for t in range(n_steps):
                inputs[:, t] = 0.001 * inputs[:, t - 1] * (t > 0) + 0.999 * white[:, t]
            state, seen = np.zeros(n), np.zeros((n_steps, 2))
            for t in range(n_steps):
                seen[t] = state[observed] + noise.normal(0, 0.01, 2)
                free = states[k] @ state
                state = free + 0.1 * hidden * np.tanh(free) + controls[label] @ inputs[:, t]
            recordings.append((seen, inputs.T))
            by_state.append(k)
            by_control.append(label)
    return recordings, by_state, by_control


def benchmark_tutorial() -> dict[str, float]:
    """Return the silhouettes of dsa-metric and of ours, by state and by control operator."""
    from DSA.simdist import SimilarityTransformDist
    from DSA.simdist_controllability import ControllabilitySimilarityTransformDist
    from DSA.subspace_dmdc import SubspaceDMDc

    rank, n_delays = 20, 150
    recordings, by_state, by_control = tutorial_recordings(0)
    pairs = list(itertools.combinations(range(len(recordings)), 2))
    spectra = SimilarityTransformDist(score_method="wasserstein")
    jointly = ControllabilitySimilarityTransformDist(
        score_method="euclidean", compare="joint", return_distance_components=True
    )
    alone = ControllabilitySimilarityTransformDist(score_method="euclidean", compare="control")
    fitted = []
    for states, inputs in recordings:
        model = SubspaceDMDc(states, inputs, n_delays=n_delays, rank=rank)
        model.fit()
        fitted.append((model.A_v, model.B_v))
    theirs = [
        {
            "eigenvalues": spectra.fit_score(fitted[i][0], fitted[j][0]),
            "control": jointly.fit_score(fitted[i][0], fitted[j][0], fitted[i][1], fitted[j][1])[2],
            "control_alone": alone.fit_score(None, None, fitted[i][1], fitted[j][1]),
        }
        for i, j in pairs
    ]
    operators = [
        fit_driven_operator(
            states, inputs, n_delays=n_delays, rank=rank, input_lag=1, backend="subspace",
            coordinates="balanced", offset=False,
        )
        for states, inputs in recordings
    ]  # fmt: skip
    ours = dsa_input.compare_pairs(operators, pairs, settings={"rank": rank, "score": "euclidean"})
    for row, (i, j) in zip(ours, pairs, strict=True):
        row["eigenvalues"] = spectra.fit_score(operators[i].state, operators[j].state)

    def by(rows: Sequence[Mapping[str, Any]], column: str, labels: Sequence[int]) -> float:
        return silhouettes(rows, column, labels)[0]

    return {
        "dsa-metric, state: eigenvalues": by(theirs, "eigenvalues", by_state),
        "dsa-metric, control: residual at the joint alignment": by(theirs, "control", by_control),
        "dsa-metric, control: alone": by(theirs, "control_alone", by_control),
        "Warpline, state: eigenvalues": by(ours, "eigenvalues", by_state),
        "Warpline, control_score": by(ours, "control_score", by_control),
        "Warpline, state_score": by(ours, "state_score", by_state),
        "Warpline, control_at_joint": by(ours, "control_at_joint", by_control),
    }


def page_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the rows of both tables of docs/dsa_input.md."""
    rows = {row["measure"]: row for row in result["statistics"]}
    lines = []
    for name, label in SHOWN.items():
        cells = [
            # What rounds to zero has no sign.
            f"{summary['mean']:z.2f} ({summary['low']:z.2f} to {summary['high']:z.2f})"
            for summary in (rows[name]["by_system"], rows[name]["by_input"])
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    tutorial = {name: f"{value:.3f}" for name, value in result["tutorial"].items()}
    for label, *names in (
        (
            "dsa-metric: eigenvalues; control residual at the controllability alignment",
            "dsa-metric, state: eigenvalues",
            "dsa-metric, control: residual at the joint alignment",
        ),
        ("dsa-metric: control alone", "", "dsa-metric, control: alone"),
        (
            "Warpline's operators, `balanced`: eigenvalues; `control_score`, euclidean",
            "Warpline, state: eigenvalues",
            "Warpline, control_score",
        ),
        (
            "Warpline, `balanced`: `state_score`; `control_at_joint`, euclidean",
            "Warpline, state_score",
            "Warpline, control_at_joint",
        ),
    ):
        lines.append(f"| {label} | {' | '.join(tutorial.get(name, '') for name in names)} |")
    return [line.replace("|  |", "| |") for line in lines]


def main() -> None:
    """Run both parts and write them as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--systems", type=int, default=10, help="pairs of systems")
    arguments = parser.parse_args()
    result = {
        "statistics": benchmark_statistics(arguments.systems),
        "tutorial": benchmark_tutorial(),
    }
    text = json.dumps(result, indent=1)
    print("\n".join(page_lines(result)))
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
