"""A small run for the explorer, made by hand: two curricula in two seeds, and a network with an analysis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from warpline.comparison.condition_states import on_shared_axes
from warpline.core import result_files
from warpline.explorer.page_file import Sources

FRACTIONS = [0.0, 0.5, 1.0]
NETWORKS = [
    ("PDM", "rnn", "master"),
    ("PDM", "rnn", "untrained"),
    ("Line", "ei", "master"),
]
SEEDS = [1, 2]
SETTINGS = {
    "name": "small",
    "megabytes": 15,
    "n_networks": 6,
    "fractions": FRACTIONS,
    "windows": {"PDM": "stimulus", "Line": "stimulus"},
    "measures": ["cka", "dsa"],
    "wasserstein": [],
    "palette": "okabe-ito",
    "analyses": {
        "line": {
            "experiment": "decision",
            "taskset": "Line",
            "architecture": "ei",
            "curriculum": "master",
        }
    },
}


def write_history(root: Path, network, seed, last_step, **training) -> str:
    path = root / "training" / "/".join(network) / f"seed~{seed}" / "history.csv"
    path.parent.mkdir(parents=True)
    steps = [0, 10, 20] if last_step else [0]
    rows = [
        {
            "step": step,
            "task": "Target",
            "loss": 1.0 / (1 + step),
            "accuracy": min(0.9, step / 20),
        }
        for step in steps
    ]
    provenance = {
        "settings": {
            "streams": {"run": [*network, seed]},
            "training": {"target_fraction": 0.97, **training},
        },
        "code": "0",
        "status": "converged" if last_step else "untrained",
        "last_step": last_step,
        "ideal": 0.95,
        "chance": 0.5,
    }
    result_files.write_table(pd.DataFrame(rows), path, provenance)
    return str(path)


def write_states(root: Path, network) -> str:
    rng = np.random.default_rng(4)
    by_seed = [on_shared_axes(rng.normal(size=(3, 4, 6, 5))).assign_coords(seed=s) for s in SEEDS]
    dataset = xr.concat(by_seed, "seed").assign_coords(
        checkpoint=FRACTIONS, time=100.0 * np.arange(6)
    )
    for name, values in (
        ("step", [0, 10, 20]),
        ("fraction", FRACTIONS),
        ("accuracy", [0, 0.5, 0.9]),
    ):
        dataset[name] = (("seed", "checkpoint"), np.tile(values, (2, 1)))
    dataset["label"] = ("condition", [f"coh {k}" for k in range(4)])
    dataset["signal"] = ("condition", [-1.0, 0.0, 0.5, 1.0])
    dataset.attrs = dict(zip(("taskset", "architecture", "curriculum"), network, strict=True))
    path = root / "condition_states" / "/".join(network) / "seed~1+2.nc"
    path.parent.mkdir(parents=True)
    result_files.write_dataset(dataset, path, {"settings": {}, "code": "0"})
    return str(path)


def pair(measure, a, b, value, **columns):
    sides = {
        f"{key}_{side}": entry
        for side, network in (("a", a), ("b", b))
        for key, entry in zip(("architecture", "curriculum", "seed"), network, strict=True)
    }
    certain = {"lower_bound": 0.8 * value} if measure == "dsa" else {}
    entry = {"measure": measure, **columns, **sides, "dissimilarity": value, **certain}
    return {**entry, "status": "uncertain" if measure == "dsa" else "converged"}


def write_pairs(root: Path) -> dict[str, list[str]]:
    names = [("rnn", curriculum, seed) for curriculum in ("master", "untrained") for seed in SEEDS]
    paths: dict[str, list[str]] = {"after": [], "over": [], "within": []}
    for measure in ("cka", "dsa"):
        after = [
            pair(measure, a, b, 0.1 * abs(i - j))
            for i, a in enumerate(names)
            for j, b in enumerate(names[: i + 1])
        ]
        # A pair on which the measure failed.
        after[-2] |= {"dissimilarity": np.nan, "status": "failed: too few trials"}
        over = [
            pair(measure, a, b, 0.1 + fraction / 10, against=against, checkpoint=fraction)
            for fraction in FRACTIONS
            for a, b, against in (
                (names[2], names[0], "reference"),
                (names[1], names[0], "floor"),
                (names[0], names[0], "own_final"),
            )
        ]
        within = [
            pair(measure, names[0], names[0], abs(a - b), checkpoint_a=a, checkpoint_b=b)
            for a in FRACTIONS
            for b in FRACTIONS
            if a <= b
        ]
        for kind, rows in (("after", after), ("over", over), ("within", within)):
            path = root / "compare" / kind / measure / "PDM" / "rnn" / "seed~1+2.csv"
            path.parent.mkdir(parents=True)
            result_files.write_table(pd.DataFrame(rows), path, {"settings": {}, "code": "0"})
            paths[kind].append(str(path))
    return paths


def analysis() -> xr.Dataset:
    """Return an analysis with a metric, states and a mean metric of known form."""
    kappa, time = np.linspace(-1, 1, 5), np.arange(4) * 20.0
    metric = np.zeros((2, 5, 4, 2, 2))
    metric[..., 0, 0] = 1 + kappa[:, None] ** 2
    metric[..., 1, 1] = 4.0
    position = np.zeros((2, 5, 4, 3))
    position[..., 0] = kappa[:, None]
    position[..., 1] = time
    return xr.Dataset(
        {
            "metric": (("seed", "kappa", "time", "tangent", "tangent_b"), metric),
            "position": (("seed", "kappa", "time", "axis"), position),
            "variance": (("seed", "axis"), [[0.7, 0.2, 0.1]] * 2),
            "component": (("seed", "context", "time", "tangent"), np.ones((2, 2, 4, 2))),
            "status": ("seed", ["converged", "diverged"]),
        },
        coords={
            "seed": SEEDS,
            "kappa": kappa,
            "time": time,
            "context": [1, 2],
            "tangent": ["evidence", "time"],
        },
    )


def write_run(root: Path) -> Sources:
    """Write the files of the small run; return where they are."""
    history = [
        write_history(root, network, seed, 0 if network[2] == "untrained" else 20)
        for seed in SEEDS
        for network in NETWORKS
    ]
    arrays = root / "warping" / "line" / "seed~1+2.nc"
    tables = root / "tables" / "PDM"
    for folder in (arrays.parent, tables):
        folder.mkdir(parents=True)
    result_files.write_dataset(analysis(), arrays, {"settings": {}, "code": "0"})
    means = {"measure": "cka", "architecture": "rnn", "seeds": "same", "n_pairs": 2, "mean": 0.2}
    curricula = {"curriculum_a": "master", "curriculum_b": "untrained"}
    for name, row in (
        ("summary", {**means, **curricula, "low": 0.1, "high": 0.3}),
        ("tests", {**curricula, "p": 0.04, "significant": True, "empty": np.nan}),
    ):
        path = tables / f"{name}.csv"
        result_files.write_table(pd.DataFrame([row, row]), path, {"settings": {}, "code": "0"})
    claims = root / "claims.csv"
    verdict = {"claim": "A5", "sentence": "DSA follows accuracy.", "n": 2, "verdict": "undecided"}
    result_files.write_table(pd.DataFrame([verdict]), claims, {"settings": {}, "code": "0"})
    return Sources(
        history=history,
        states=[write_states(root, network) for network in NETWORKS[:2]],
        pairs=write_pairs(root),
        summary=[str(tables / "summary.csv")],
        tests=[str(tables / "tests.csv")],
        arrays=[str(arrays)],
        claims=[str(claims)],
    )
