"""Recordings in real Snakemake runs: alone, beside trained networks, and stopped before the work."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from warpline.core import result_files

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def add_recordings(checkout, conditions, n_times):
    """Write two recordings into a checkout, and the configuration that names them."""
    rng = np.random.default_rng(3)
    entries = {}
    for name, units in (("ape", 7), ("rat", 5)):
        states = rng.normal(size=(len(conditions), n_times, units)).cumsum(1)
        columns = {f"c{k}": column for k, column in enumerate(zip(*conditions, strict=True))}
        np.savez(checkout.root / f"{name}.npz", rates=states, **columns)
        entries[name] = {
            "file": f"{name}.npz",
            "variable": "rates",
            "axes": ["trial", "time", "unit"],
            "dt": 100.0,
            "conditions": list(columns),
        }
    return entries


def test_recordings_alone(fresh):
    entries = add_recordings(fresh, [("a",), ("b",)] * 4, 10)
    config = {
        "name": "tiny",
        "run": {
            "seeds": [1],
            "grid": [],
            "measures": ["procrustes"],
            "datasets": ["ape", "rat"],
        },
        "datasets": entries,
    }
    (fresh.root / fresh.config).write_text(yaml.safe_dump(config))

    # A missing file, a dimension that is not there, a window outside the data: no job is planned.
    changes = {
        "missing": ({"file": "none.npz"}, "expected a file at none.npz"),
        "dim": ({"dims": {"neuron": "unit"}}, "expected dims of rat.npz"),
        "window": ({"window": [0.0, 5000.0]}, "expected a window inside the times of rat.npz"),
    }
    wrong = {name: {**entries["rat"], **change} for name, (change, _) in changes.items()}
    run = {**config["run"], "datasets": ["ape", *wrong]}
    text = yaml.safe_dump({**config, "run": run, "datasets": {**entries, **wrong}})
    (fresh.root / "wrong.yaml").write_text(text)
    failed = fresh.snakemake("--dry-run", config="wrong.yaml", check=False)
    printed = failed.stdout + failed.stderr
    assert failed.returncode and "Job stats" not in printed
    for name, (_, message) in changes.items():
        assert f"datasets.{name}: {message}" in printed

    fresh.snakemake()
    root = fresh.root / "results/tiny/compare/datasets"
    pairs = result_files.read_table(root / "pairs/procrustes.csv")
    assert len(pairs) == 1 and 0 < pairs["dissimilarity"].item() < 1
    assert (root / "figures/datasets.svg").stat().st_size > 5000

    # Another file is read again, and what follows from it.
    np.savez(fresh.root / "rat.npz", **{**np.load(fresh.root / "rat.npz"), "note": np.zeros(3)})
    followers = {"compare_datasets": 1, "summarise_datasets": 1, "draw_datasets": 1}
    assert fresh.planned() == {"read_dataset": 1, **followers}


def test_recordings_beside_networks(checkout):
    trials = result_files.read_dataset(
        checkout.root / "results/tiny/trials/PDM/AntiDelayResponse/evaluation.nc"
    )
    conditions = list(zip(trials["ground_truth"].values, trials["coh"].values, strict=True))
    # Each side has conditions that the other lacks.
    conditions = [c for c in conditions if c != conditions[0]] + [(9, 0)]
    entries = add_recordings(checkout, conditions, 10)
    for entry in entries.values():
        entry["trials"] = "trials.csv"
        entry["conditions"] = ["ground_truth", "coh"]
    rows = "".join(f"{truth},{coh}\n" for truth, coh in conditions)
    (checkout.root / "trials.csv").write_text("ground_truth,coh\n" + rows)
    checkout.configure(
        run__datasets=["ape", "rat"],
        run__measures=["cka", "dsa"],
        datasets=entries,
        dataset_comparison={"networks": "PDM", "single_trials": ["dsa"]},
    )
    # Nothing is trained, and no state computed, again.
    planned = checkout.planned("datasets")
    assert set(planned) == {
        "read_dataset",
        "compare_datasets",
        "summarise_datasets",
        "draw_datasets",
        "datasets",
    }
    checkout.snakemake("datasets")
    root = checkout.root / "results/tiny/compare/datasets"
    for measure in ("cka", "dsa"):
        pairs = result_files.read_table(root / f"pairs/{measure}.csv")
        # Two recordings and five networks in two seeds.
        assert len(pairs) == 12 * 11 // 2 and pairs["dissimilarity"].notna().all()
        groups = {*pairs["group_a"], *pairs["group_b"]}
        assert {"ape", "rat", "leaky_gru/master", "leaky_rnn/untrained"} <= groups
        assert set(pairs["trials"]) == {"single" if measure == "dsa" else "conditions"}
    log = (checkout.root / "logs/tiny/compare_datasets/cka.log").read_text()
    assert "in all systems; left out: ground_truth=9, coh=0 (ape, rat); ground_truth=" in log
    assert "leaky_gru/master, " in log
    counts = pairs.set_index(["system_a", "system_b"]).loc[("ape", "rat")]
    assert counts["n_trials_a"] == counts["n_trials_b"] == len(conditions)
    assert len(result_files.read_table(root / "summary.csv")) > 20
