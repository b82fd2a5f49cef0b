"""A real one-node SLURM cluster with fake GPUs, from up.sh and down.sh beside this file."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from checkouts import Checkout, copy_project, start_in_background

HERE = Path(__file__).resolve().parent
CONFIG = "cluster.yaml"
PATIENCE = 400.0
"""Seconds until a wait is given up: no test is about time, and the machine may be busy."""

FIELDS = {"id": "JobID", "state": "State", "partition": "Partition", "comment": "Comment"}
FIELDS |= {"name": "Name", "memory": "MinMemory", "limit": "TimeLimit", "reason": "Reason"}
# GPUs of a job, not of a node.
FIELDS |= {"gpus": "tres-per-job"}
WIDTH = 300
"""Characters of a column of squeue, which cuts what is longer."""


def _why_not() -> str | None:
    """Return why there can be no cluster here, None where there can."""
    if not os.environ.get("WARPLINE_TEST_SLURM"):
        return "starts a SLURM cluster: make test-slurm (as root on Debian)"
    if os.geteuid() != 0:
        return "needs root, to start SLURM's daemons"
    if not Path("/etc/debian_version").is_file() or shutil.which("apt-get") is None:
        return "needs Debian, for its SLURM packages"
    conf = Path("/etc/slurm/slurm.conf")
    if conf.is_file() and "tests/slurm/up.sh" not in conf.read_text():
        return "there is a SLURM configuration that is not of these tests"
    return None


class Cluster:
    """What tests ask of SLURM."""

    alive = ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING")

    def __call__(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def jobs(self, prefix: str = "") -> list[dict[str, str]]:
        """Return all jobs, old ones too, in order of submission; those of names with a prefix."""
        # One call, so that all columns are of one moment.
        form = ",".join(f"{name}:{WIDTH}" for name in FIELDS.values())
        rows = []
        for line in self("squeue", "--states=all", "--noheader", f"--Format={form}").splitlines():
            cells = [line[start : start + WIDTH].strip() for start in range(0, len(line), WIDTH)]
            rows.append(dict(zip(FIELDS, cells, strict=True)))
        rows = [row for row in rows if row["name"].startswith(prefix)]
        return sorted(rows, key=lambda row: int(row["id"]))

    @property
    def node(self) -> str:
        return self("sinfo", "--noheader", "--Node", "--format=%n").split()[0]

    def set_node(self, state: str) -> None:
        self("scontrol", "update", f"nodename={self.node}", f"state={state}", "reason=test")


class OnCluster(Checkout):
    """A checkout in which Snakemake submits to the cluster, by `snakemake --profile slurm`."""

    targets = (
        "tables",
        "results/cluster/figures/PDM/leaky_rnn/over_learning.svg",
        "results/cluster/figures/PDM/leaky_rnn/after_learning.svg",
        "results/cluster/figures/PDM/leaky_rnn/curriculum_matrix.svg",
    )

    def __init__(self, root: Path, prefix: str) -> None:
        super().__init__(root)
        self.prefix = prefix
        self.started: list[subprocess.Popen] = []
        self.log = root / "snakemake.log"
        # What a user sets there: here, to look often and not to wait for a slow file system.
        profile = root / "profiles" / "slurm" / "config.yaml"
        content = yaml.safe_load(profile.read_text())
        content |= {
            "slurm-init-seconds-before-status-checks": 1,
            "slurm-status-command": "squeue",
            "slurm-jobname-prefix": prefix,
            "latency-wait": 5,
        }
        content["set-resources"]["pretrain"]["gpu_model"] = "fake"
        profile.write_text(yaml.safe_dump(content))
        for name in (CONFIG, "faulty.py"):
            shutil.copy2(HERE / name, root / name)

    def start(self, *arguments: str, haste: bool = False) -> subprocess.Popen:
        """Start Snakemake in the background; its output goes to `log`."""
        # The GPUs are fake ones.
        environment = os.environ | {"WARPLINE_DEVICE": "cpu"}
        environment.pop("PYTHONPATH", None)
        if haste:
            environment["WARPLINE_TEST_HASTE"] = "1"
        command = [sys.executable, "-m", "snakemake", *arguments, "--configfile", CONFIG]
        process = start_in_background(command, self.root, environment, self.log)
        self.started.append(process)
        return process

    def run(self, *arguments: str, haste: bool = False) -> int:
        return wait(self.start(*arguments, haste=haste))

    def state(self, architecture: str) -> Path:
        """Return where an unfinished training keeps its state."""
        folder = self.root / "results/cluster/resume/training/PDM" / architecture
        return folder / "master/seed~1/state.safetensors"

    def job_log(self, architecture: str) -> str:
        path = self.root / f"logs/cluster/train/PDM/{architecture}/master/seed~1.log"
        return path.read_text() if path.is_file() else ""


def wait(process: subprocess.Popen) -> int:
    try:
        return process.wait(PATIENCE)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)


@pytest.fixture(name="until")
def _until():
    return until


def until(condition, what: str, process: subprocess.Popen | None = None) -> None:
    """Wait until something is true; stop where the process that should make it so has ended."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process is None or process.poll() is None, f"Snakemake ended before: {what}"
        assert time.monotonic() < end, f"waited {PATIENCE:.0f} s in vain: {what}"
        time.sleep(0.3)


@pytest.fixture(scope="session")
def cluster():
    why = _why_not()
    if why:
        pytest.skip(why)
    environment = os.environ | {"SLURM_CI_CPUS": "4", "SLURM_CI_GPUS": "4"}
    up = subprocess.run([HERE / "up.sh"], env=environment, capture_output=True, text=True)
    assert up.returncode == 0, up.stdout + up.stderr
    yield Cluster()
    down = subprocess.run([HERE / "down.sh"], env=environment, capture_output=True, text=True)
    assert down.returncode == 0, down.stdout + down.stderr


@pytest.fixture
def on_cluster(cluster, project, tmp_path, request):
    """Return a fresh checkout that submits to the cluster; its jobs are gone when the test ends."""
    checkout = OnCluster(
        copy_project(project, tmp_path / "on_cluster").root,
        f"{request.node.name[:30]}-{os.getpid()}",
    )
    yield checkout
    for process in checkout.started:
        if process.poll() is None:
            process.kill()
    left = [job["id"] for job in cluster.jobs(checkout.prefix) if job["state"] in cluster.alive]
    if left:
        cluster("scancel", *left)
    if "drain" in cluster("sinfo", "--noheader", "--Node", "--format=%T"):
        cluster.set_node("resume")


@pytest.fixture(scope="session")
def reference(cluster, project, tmp_path_factory) -> Checkout:
    """Return the same configuration after a local run that met no fault."""
    root = copy_project(project, tmp_path_factory.mktemp("slurm") / "reference").root
    checkout = OnCluster(root, "none")
    assert checkout.run(*checkout.targets, "--cores", "2", haste=True) == 0, (
        checkout.log.read_text()[-5000:]
    )
    return checkout
