"""What clusters and people do to a run, here on one machine: afterwards, the results are those of a good run."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from checkouts import Checkout, start_in_background

from warpline.core import result_files, tensor_files

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

MASTER = "PDM/leaky_rnn/master/seed~1"


def start(checkout: Checkout, *arguments: str) -> subprocess.Popen:
    """Start Snakemake, as the leader of a process group of its own; what it says goes to a file."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2"]
    command += ["--configfile", "tiny.yaml"]
    return start_in_background(command, checkout.root, environment, checkout.root / "out.txt")


def until(condition, what: str, patience: float = 300.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.1)


@pytest.fixture
def training(fresh, project):
    """Return a checkout in which one network learns slowly enough to be met in mid-training."""
    shutil.copy2(project / "tests" / "slurm" / "faulty.py", fresh.root / "faulty.py")
    config = yaml.safe_load((fresh.root / "tiny.yaml").read_text())
    config["run"] |= {"seeds": [1], "measures": []}
    config["run"]["grid"] = [
        {"tasksets": ["PDM"], "architectures": ["leaky_rnn"], "curricula": ["master"]}
    ]
    config["architectures"]["leaky_rnn"] |= {
        "model": "faulty.py:Faulty",
        "parameters": {"seconds": 0.5},
    }
    config["training"] = {
        "max_steps": 300,
        "evaluate_every": 300,
        "resume_every": 2,
        "checkpoints": {"log": 4, "every": 0},
    }
    (fresh.root / "tiny.yaml").write_text(yaml.safe_dump(config))
    return fresh


def test_snakemake_is_interrupted_terminated_and_killed(training, monkeypatch):
    results = training.root / "results/tiny"
    state = results / f"resume/training/{MASTER}/state.safetensors"
    log = training.root / f"logs/tiny/train/{MASTER}.log"
    final = [
        results / f"training/{MASTER}/{name}" for name in ("checkpoints.safetensors", "history.csv")
    ]
    # Training takes minutes until it is told to hurry, however slow the machine.
    haste = training.root / "haste"

    # Ctrl-C reaches the whole process group: the job stops, its state stays, the lock is gone.
    snakemake = start(training, "training")
    until(state.is_file, "the first state of the training")
    # Another Snakemake in the same folder refuses, and disturbs nothing.
    second = training.snakemake("training", check=False)
    assert second.returncode != 0 and "--unlock" in second.stdout + second.stderr
    os.killpg(snakemake.pid, signal.SIGINT)
    assert snakemake.wait(120) != 0
    assert state.is_file() and not any(path.exists() for path in final)

    # SIGTERM to Snakemake alone: it waits for what runs, starts nothing more, and unlocks.
    before = tensor_files.read_tensor_metadata(state)["step"]
    snakemake = start(training, "training")
    until(lambda: "going on from update" in (log.read_text() if log.is_file() else ""), "resuming")
    snakemake.send_signal(signal.SIGTERM)
    haste.touch()
    snakemake.wait(300)
    assert all(path.is_file() for path in final)
    assert f"going on from update {before} " in log.read_text()
    first = training.outputs()
    assert training.planned("training") == {}

    # SIGKILL: the job outlives it, and the lock stays.
    shutil.rmtree(results / "training")
    haste.unlink()
    snakemake = start(training, "training")
    until(state.is_file, "the first state of the training")
    snakemake.kill()
    snakemake.wait(10)
    refused = training.snakemake("training", check=False)
    assert refused.returncode != 0 and "--unlock" in refused.stdout + refused.stderr
    haste.touch()
    until(lambda: final[1].is_file() and not state.exists(), "the orphan to finish")
    training.snakemake("--unlock")
    training.snakemake("training")
    # Nobody had recorded that the orphan finished (on a cluster its own Snakemake does): made again.
    assert training.outputs() == first
    assert not list((results / "resume").rglob("*.safetensors"))

    # And all of it ends with what an undisturbed run ends with.
    monkeypatch.setenv("WARPLINE_TEST_HASTE", "1")
    shutil.rmtree(results / "training")
    training.snakemake("training")
    assert training.outputs() == first


def test_damaged_results_are_named_and_made_anew(checkout):
    before = checkout.outputs()
    root = checkout.root / "results/tiny"
    damaged = [
        root / f"training/{MASTER}/checkpoints.safetensors",
        root / "trajectories/PDM/leaky_rnn/master/seed~1.nc",
        root / "compare/after/cka/PDM/leaky_rnn/seed~2.csv",
    ]
    for path in damaged:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 2 // 3])
    # One bit of another: only its checksum says so, and no job computes on it.
    flipped = root / "training/PDM/leaky_gru/master/seed~1/checkpoints.safetensors"
    content = bytearray(flipped.read_bytes())
    content[-100] ^= 1
    flipped.write_bytes(content)
    damaged.append(flipped)

    def verify(*options: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "warpline", "verify", "results/tiny", *options]
        return subprocess.run(command, cwd=checkout.root, capture_output=True, text=True)

    found = verify()
    assert found.returncode == 1
    for path in damaged:
        assert str(path.relative_to(checkout.root)) in found.stdout
        assert path.exists()
    trajectory = root / "trajectories/PDM/leaky_gru/master/seed~1.nc"
    trajectory.unlink()
    stopped = checkout.snakemake(str(trajectory.relative_to(checkout.root)), check=False)
    log = checkout.root / "logs/tiny/compute_trajectories/PDM/leaky_gru/master/seed~1.log"
    assert stopped.returncode != 0 and not trajectory.exists()
    assert "checkpoints.safetensors is damaged (the SHA-256 of its tensor" in log.read_text()
    # What the job makes beside it went with the failed job.
    damaged += [trajectory, root / "condition_states/PDM/leaky_gru/master/seed~1.nc"]
    named = verify("--delete")
    assert named.returncode == 0 and not any(path.exists() for path in damaged)
    again = shlex.split(named.stdout.split("snakemake ")[1].splitlines()[0])
    assert set(again) == {str(path.relative_to(checkout.root)) for path in damaged}
    checkout.snakemake(*again)
    assert checkout.outputs() == before
    assert verify().returncode == 0


@contextmanager
def mounted(folder: Path, options: str):
    """Mount a small file system in memory on a folder, which must be empty."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs to mount a tmpfs (root)")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_leaves_nothing_half_written(fresh, finished):
    results = fresh.root / "results"
    with mounted(results, "size=100k"):
        done = fresh.snakemake("trials", check=False)
        assert done.returncode != 0
        logs = (fresh.root / "logs/tiny").rglob("*.log")
        told = done.stdout + done.stderr + "".join(path.read_text() for path in logs)
        assert "No space left on device" in told
        for path in results.rglob("*.nc"):
            result_files.read_dataset(path)
        assert not list(results.rglob("*.part"))
        # Room again: the same command makes what is missing.
        subprocess.run(["mount", "-o", "remount,size=50m", str(results)], check=True)
        fresh.snakemake("trials")
        theirs = finished.outputs()
        assert all(theirs[name] == content for name, content in fresh.outputs().items())


def test_a_read_only_results_folder_is_named_before_any_work(fresh):
    with mounted(fresh.root / "results", "size=1m,ro"):
        done = fresh.snakemake("trials", check=False)
    assert done.returncode != 0
    assert "cannot write to results/tiny" in done.stdout + done.stderr
    assert not (fresh.root / "logs").exists()


@pytest.mark.parametrize(
    "path",
    [
        "results/tiny/trials/PDM/../train.nc",
        "results/tiny/trials/PDM/$(touch pwned)/train.nc",
        "results/tiny/pretraining/PDM/leaky_rnn/../seed~1/history.csv",
        "results/tiny/training/PDM/leaky_rnn/it's/seed~1/history.csv",
        "results/tiny/trajectories/PDM/leaky_rnn/master/seed~1;id.nc",
        "results/tiny/compare/after/two words/PDM/leaky_rnn/seed~1.csv",
    ],
)
def test_wildcards_are_names_of_the_configuration(finished, path):
    done = finished.snakemake("--dry-run", path, check=False)
    assert done.returncode != 0 and "MissingRule" in done.stdout + done.stderr
    assert not (finished.root / "pwned").exists()
