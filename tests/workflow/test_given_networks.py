"""Networks whose weights a file holds, through the pipeline: an LSTM of one's own beside nothing else."""

from __future__ import annotations

import os
import runpy

import pytest
import torch
from torch import nn

import warpline
from warpline.core import result_files
from warpline.models import lstm

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

FIGURES = [
    f"results/tiny/figures/PDM/mine/{name}.png" for name in ("learning_curves", "within_learning")
]
TARGETS = ["tables", *FIGURES, "results/tiny/warping/own/figures/learning.png"]
RENAMING = {"lstm.": "", "fc.weight": "weight_out", "fc.bias": "bias_out"}


class Mine(nn.Module):
    """An LSTM as its user wrote and trained it."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(7, 6, batch_first=True)
        self.fc = nn.Linear(6, 3)


def test_an_lstm_of_one_s_own_goes_through_every_analysis(checkout, project, monkeypatch):
    nets = checkout.root / "nets"
    nets.mkdir()
    modules = {}
    for seed in (1, 2):
        torch.manual_seed(seed)
        modules[seed] = Mine()
        torch.save(modules[seed].state_dict(), nets / f"seed-{seed}.pt")
    own = {"experiment": "learning", "taskset": "PDM", "architecture": "mine"}
    block = {"tasksets": ["PDM"], "architectures": ["mine"], "curricula": ["master"]}
    checkout.configure(
        architectures__mine={
            "model": "lstm",
            "units": 6,
            "weights": "nets/seed-{seed}.pt",
            "weight_names": RENAMING,
        },
        run__grid=[block],
        run__measures=["cka"],
        run__warping=["own"],
        warping__own={**own, "timing": {"delay": 300.0}},
        jobs__seeds_per_job=2,
    )
    checkout.snakemake(*TARGETS)

    # The networks are runs of status `given`, with the file and its checksum.
    results = checkout.root / "results"
    for seed, module in modules.items():
        run = warpline.open_run("tiny", "PDM", "mine", "master", seed, results)
        path = f"nets/seed-{seed}.pt"
        expected = {"file": path, "sha256": result_files.checksum(checkout.root / path)}
        assert run.info["settings"]["source"] == expected and run.steps == [0]
        inputs = torch.from_numpy(run.trials()["inputs"].transpose("trial", "time", ...).values)
        outputs = module.fc(module.lstm(inputs)[0])
        torch.testing.assert_close(run.model()(inputs)[0], outputs, atol=1e-5, rtol=0)
    runs = warpline.load_table("tiny", "PDM", "runs", results)
    assert runs["status"].tolist() == ["given", "given"] and set(runs["architecture"]) == {"mine"}
    summary = warpline.load_table("tiny", "PDM", "summary", results)
    assert (summary["mean"].dropna() > 0).any()
    numbers = result_files.read_table(results / "tiny/warping/own/seed~1+2.csv")
    assert set(numbers["status"]) == {"given"}
    assert numbers.loc[numbers["quantity"] == "log10 G, coherence", "value"].notna().all()
    for figure in FIGURES:
        assert "Nothing to show" in (checkout.root / figure).with_suffix(".svg").read_text()

    # The page's comparison, with a module of the right size, against what is there.
    page = (project / "docs" / "your_networks.md").read_text()
    section = page.partition("## Against a network of the pipeline")[2].partition("\n## ")[0]
    block = section.partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(checkout.root)
    own_network = lstm.Network.from_module(modules[1].lstm, modules[1].fc)
    (checkout.root / "block.py").write_text(
        block.replace('"demo"', '"tiny"').replace("rank=10", "rank=4")
    )
    names = runpy.run_path("block.py", init_globals={"network": own_network})
    assert names["mine"].shape[-1] == 12 and names["theirs"].shape[-1] == 8
    assert names["manifold"].names == ["coherence"]

    # A time stamp re-runs nothing; another weight re-runs what its network reaches.
    assert checkout.planned(*TARGETS) == {}
    os.utime(nets / "seed-2.pt")
    assert checkout.planned(*TARGETS) == {}
    with torch.no_grad():
        modules[2].fc.bias += 1
    torch.save(modules[2].state_dict(), nets / "seed-2.pt")
    planned = checkout.planned(*TARGETS)
    assert planned["import_network"] == planned["compute_trajectories"] == 1
    assert planned["analyse_warping"] == 1 and "train" not in planned

    # A file that is gone stops before any job.
    (nets / "seed-1.pt").unlink()
    failed = checkout.snakemake("--dry-run", *TARGETS, check=False)
    assert "weights: expected a file at nets/seed-1.pt, found none" in failed.stdout + failed.stderr
