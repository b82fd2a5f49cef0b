"""`snakemake --profile slurm` on a real SLURM, with faults: every result is that of an undisturbed run."""

from __future__ import annotations

import signal
from collections import defaultdict

import psutil
import pytest
from checkouts import Checkout

from warpline import store

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.workflow]

ALIVE = ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING")


def results(checkout: Checkout) -> dict[str, bytes]:
    return checkout.outputs("cluster")


def training_process(checkout, architecture: str) -> psutil.Process:
    """Return the Python process that trains a network, not the shells around it."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if (
            any(word.endswith("train_network.py") for word in words[:3])
            and process.info["cwd"] == str(checkout.root)
            and any(f"/{architecture}/master/" in word for word in words)
        ):
            return process
    raise AssertionError(f"no process trains {architecture}")


def test_faults_change_nothing(cluster, on_cluster, reference, until):
    """One run in which each training meets its own fault, and the node is drained at first."""
    cluster.set_node("drain")
    snakemake = on_cluster.start("tables", "--profile", "slurm")

    def jobs(architecture: str) -> list[dict[str, str]]:
        end = f"_{architecture}_master_1"
        return [
            job
            for job in cluster.jobs(on_cluster.prefix)
            if job["comment"].startswith("rule_train_") and job["comment"].endswith(end)
        ]

    until(lambda: cluster.jobs(on_cluster.prefix), "a job waits for the drained node", snakemake)
    assert {job["state"] for job in cluster.jobs(on_cluster.prefix)} == {"PENDING"}
    cluster.set_node("resume")

    def training(architecture: str) -> bool:
        return on_cluster.state(architecture).is_file()

    faults = {
        "slow": (
            lambda: jobs("slow"),
            lambda: cluster("scontrol", "update", f"jobid={jobs('slow')[0]['id']}", "timelimit=1"),
        ),
        "cancelled": (
            lambda: training("cancelled"),
            lambda: cluster("scancel", jobs("cancelled")[0]["id"]),
        ),
        "killed": (
            lambda: training("killed"),
            lambda: training_process(on_cluster, "killed").kill(),
        ),
    }

    def all_met() -> bool:
        for name in list(faults):
            ready, strike = faults[name]
            if ready():
                strike()
                del faults[name]
        return not faults

    until(all_met, "every fault has struck", snakemake)
    assert snakemake.wait(600) == 0, on_cluster.log.read_text()[-8000:]

    # What SLURM saw: each training again after its fault, and asked for more.
    states = {name: [job["state"] for job in jobs(name)] for name in
              ("cancelled", "killed", "hungry", "slow", "diverging", "leaky_rnn")}
    print(states, cluster.jobs(on_cluster.prefix))
    assert states["cancelled"] == ["CANCELLED", "COMPLETED"]
    assert states["killed"] == ["FAILED", "COMPLETED"]
    assert states["slow"] == ["TIMEOUT", "COMPLETED"]
    assert states["hungry"][-1] == "COMPLETED" and len(states["hungry"]) == 2
    assert states["diverging"] == states["leaky_rnn"] == ["COMPLETED"]
    for name in ("cancelled", "killed", "hungry", "slow"):
        assert "going on from update" in on_cluster.job_log(name)
