"""`snakemake --profile slurm` on a real SLURM, with faults: every result is that of an undisturbed run."""

from __future__ import annotations

import signal
from collections import defaultdict

import psutil
import pytest
from checkouts import Checkout

from warpline.core import result_files
from warpline.pipeline.forecast import efficiency

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.workflow]


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
    snakemake = on_cluster.start(*on_cluster.targets, "--profile", "slurm")

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
    states = {
        name: [job["state"] for job in jobs(name)]
        for name in ("cancelled", "killed", "hungry", "slow", "diverging", "leaky_rnn")
    }
    assert states["cancelled"] == ["CANCELLED", "COMPLETED"]
    assert states["killed"] == ["FAILED", "COMPLETED"]
    assert states["slow"] == ["TIMEOUT", "COMPLETED"]
    assert states["hungry"][-1] == "COMPLETED" and len(states["hungry"]) == 2
    assert states["diverging"] == states["leaky_rnn"] == ["COMPLETED"]
    for name in ("cancelled", "killed", "hungry", "slow"):
        assert "going on from update" in on_cluster.job_log(name)
    memory, limit = [
        [job[key] for job in jobs(name)] for name, key in (("hungry", "memory"), ("slow", "limit"))
    ]
    assert int(memory[1].rstrip("M")) > int(memory[0].rstrip("M"))
    assert minutes(limit[1]) > minutes(limit[0]) == 1

    # Every compute job under a number of its own, in its partition, training with a GPU.
    by_rule = defaultdict(list)
    for job in cluster.jobs(on_cluster.prefix):
        rule = job["comment"].removeprefix("rule_").partition("_wildcards_")[0]
        by_rule["figures" if rule.startswith("figures_draw_") else rule].append(job)
    assert set(by_rule) == {
        "generate_trials",
        "generate_evaluation_trials",
        "pretrain",
        "train",
        "compute_trajectories",
        "compare_networks",
        "compute_statistics",
        "figures",
    }
    # Figures take seconds, so they share a job.
    assert len(by_rule["figures"]) == 1
    assert len(by_rule["generate_trials"]) == 2 and len(by_rule["pretrain"]) == 1
    assert len(by_rule["train"]) == 7 + 4  # four were tried again
    for rule, submitted in by_rule.items():
        trains = rule in ("pretrain", "train")
        assert {job["partition"] for job in submitted} == {"gpu" if trains else "cpu"}
        for job in submitted:
            gpus = {"train": "gres:gpu:1", "pretrain": "gres:gpu:fake:1"}
            assert job["gpus"] == gpus.get(rule, "N/A"), job
            # The logs of SLURM are found by rule and wildcards.
            logs = on_cluster.root.glob(f"logs/slurm/*_{rule}*/**/{job['id']}.log")
            assert len(list(logs)) == 1

    # And what came of it: the very bytes of a local run that met no fault.
    ours, theirs = results(on_cluster), results(reference)
    assert set(ours) == set(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []
    runs = result_files.read_table(on_cluster.root / "results/cluster/tables/PDM/runs.csv")
    ended = dict(zip(runs["architecture"], runs["status"], strict=True))
    assert ended["diverging"] == "diverged" and ended["killed"] == "max_steps"

    # What the jobs used of what they asked for.
    table = efficiency(on_cluster.root / "results/cluster").set_index("rule")
    assert set(table.index) == set(by_rule) - {"figures"}
    assert table.loc["train", "jobs"] == 7
    # SLURM samples memory once a second: it can miss all of a job that is over in two.
    assert table.loc["train", "used_memory"] > 50
    assert (table["used_memory"] > 0).all() and (table["used_memory"] < table["memory"]).all()


def minutes(limit: str) -> int:
    """Return SLURM's [hours:]minutes:seconds in minutes."""
    parts = [int(part) for part in limit.split(":")]
    return 60 * (parts[-3] if len(parts) > 2 else 0) + parts[-2]


def test_snakemake_dies_and_its_jobs_live_on(cluster, on_cluster, reference, until):
    """Ctrl-C takes the jobs along; after SIGKILL they go on, and are not trained twice."""
    names = ["killed", "cancelled"]
    outputs = [f"results/cluster/training/PDM/{name}/master/seed~1/history.csv" for name in names]

    def jobs(*states: str) -> list[dict[str, str]]:
        found = [job for job in cluster.jobs(on_cluster.prefix) if "_train_" in job["comment"]]
        return [job for job in found if job["state"] in states]

    command = (*outputs, "--profile", "slurm")
    snakemake = on_cluster.start(*command)
    until(lambda: all(on_cluster.state(name).is_file() for name in names), "training", snakemake)
    snakemake.send_signal(signal.SIGINT)
    assert snakemake.wait(400) != 0
    assert len(jobs("CANCELLED")) == 2 and not jobs(*cluster.alive)
    assert not any((on_cluster.root / path).exists() for path in outputs)

    snakemake = on_cluster.start(*command)
    resumed = lambda: all("going on" in on_cluster.job_log(name) for name in names)  # noqa: E731
    until(resumed, "both trainings to go on", snakemake)
    snakemake.kill()
    snakemake.wait(10)
    assert jobs(*cluster.alive)
    # At once: the lock is still held, so nothing is submitted twice.
    assert on_cluster.run(*command) != 0
    assert "--unlock" in on_cluster.log.read_text()
    until(lambda: not jobs(*cluster.alive), "the orphans to finish")
    assert on_cluster.run("--unlock", "--cores", "1") == 0
    assert on_cluster.run(*command) == 0, on_cluster.log.read_text()[-5000:]
    # Their own Snakemakes, inside the jobs, have recorded them: nothing is submitted again.
    assert len(jobs("COMPLETED", "CANCELLED")) == 4
    ours, theirs = results(on_cluster), results(reference)
    assert all(theirs[name] == content for name, content in ours.items())
    assert sum(name.endswith("checkpoints.safetensors") for name in ours) == 2
