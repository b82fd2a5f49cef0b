"""Warpline from a wheel: a folder of one's own, a run to the end; the same workflow as a module from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
import yaml

from warpline.pipeline import command_line
from warpline.pipeline.config import load_files
from warpline.pipeline.expansion import Plan
from warpline.pipeline.project_files import PROJECT
from warpline.pipeline.run_status import run_status
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.stages.base import code_of

# The fewest jobs that end in a figure: a network is trained, analysed, summarised and drawn.
SMALL = {
    "run": {"seeds": [1], "measures": ["cka"], "grid": [], "warping": ["static"]},
    "tasksets": {"CircleSign": {"trials": {"train": 32, "validation": 16}}},
    "architectures": {"circle_mlp": {"batch_size": 16}},
    "warping": {"static": {"points": 24, "gridlines": 5}},
    "training": {"max_steps": 4, "evaluate_every": 2, "checkpoints": {"log": 2}},
}


def environment() -> dict[str, str]:
    """Return the environment without paths that lead to the checkout."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


class Installed:
    """An environment in which a wheel of this checkout is installed, beside the libraries of this one."""

    def __init__(self, project: Path, folder: Path) -> None:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        subprocess.run(build, cwd=project, check=True, capture_output=True)
        (wheel,) = folder.glob("warpline-*.whl")
        root = folder / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", root], check=True)
        self.python = root / "bin" / "python"
        self.warpline = root / "bin" / "warpline"
        install = [sys.executable, "-m", "pip", "--python", self.python, "install"]
        install += ["--quiet", "--no-deps", "--no-index", wheel]
        subprocess.run(install, check=True, capture_output=True)
        paths = {"base": str(root), "platbase": str(root)}
        self.packages = Path(sysconfig.get_path("purelib", vars=paths))
        (self.packages / "zz_libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def run(self, *command, cwd: Path, check: bool = True) -> str:
        done = subprocess.run(
            list(map(str, command)), cwd=cwd, capture_output=True, text=True, env=environment()
        )
        text = done.stdout + done.stderr
        assert not check or done.returncode == 0, text[-6000:]
        return text


@pytest.fixture(scope="module")
def installed(project, tmp_path_factory) -> Installed:
    return Installed(project, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def study(installed, tmp_path_factory) -> Path:
    """Return a study, in a folder with a space in its path, that `warpline run` has run to the end."""
    folder = tmp_path_factory.mktemp("some where") / "my study"
    installed.run(installed.warpline, "init", folder, cwd=folder.parent)
    config = folder / "config" / "my-study.yaml"
    config.write_text(yaml.safe_dump({"name": "my-study", **SMALL}))
    text = installed.run(installed.warpline, "run", "my-study", "--cores", "2", cwd=folder)
    assert "1 of 8 jobs done, " in text and "s left" in text and "8 of 8 jobs done" in text
    assert "\nResults: results/my-study\n" in text
    return folder


@pytest.mark.slow
@pytest.mark.workflow
def test_a_study_runs_to_the_end(study, installed):
    assert list((study / "results" / "my-study").rglob("*.svg"))
    # Plain Snakemake finds configuration and logger in the profile.
    plain = installed.run(installed.python, "-m", "snakemake", "--cores", "1", cwd=study)
    assert "Nothing to be done" in plain
    # The introduction of the report has what the study leaves to the default.
    command = ["run", "my-study", "--report", "report.html", "--cores", "1"]
    installed.run(installed.warpline, *command, cwd=study)
    assert "root seed 2410" in " ".join((study / "report.html").read_text().split())


@pytest.mark.slow
@pytest.mark.workflow
@pytest.mark.parametrize("place", ["folder", "git"])
def test_a_module_from_elsewhere_runs_nothing_again(place, study, installed, project, tmp_path):
    """The digests are those of the code, wherever it lies; a module in git brings its own package."""
    copy = tmp_path / "copy"
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=project, capture_output=True, check=True
    ).stdout
    for name in map(os.fsdecode, filter(None, tracked.split(b"\0"))):
        if name.startswith(("workflow/", "config/", "scripts/", "src/", "profiles/", "envs/")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((project / name).read_bytes())
    snakefile = f'"{copy}/workflow/Snakefile"'
    if place == "git":
        for command in (
            ["init", "--quiet"],
            ["add", "."],
            ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "x"],
            ["tag", "v1"],
        ):
            subprocess.run(["git", *command], cwd=copy, check=True)
        snakefile = f'"git+file://{copy}/workflow/Snakefile@v1"'
    (study / "Snakefile").write_text(
        f"module other:\n    snakefile: {snakefile}\n    config: config\n\n"
        "use rule * from other as other_*\n"
    )
    planned = installed.run(installed.python, "-m", "snakemake", "--dry-run", cwd=study)
    assert "Nothing to be done" in planned
    if place == "folder":
        return
    # A job of the module, with the scripts and the package of its own place.
    text = installed.run(
        *(installed.python, "-m", "snakemake", "--cores", "1", "--forcerun"),
        *("other_summarise_warping", "--until", "other_summarise_warping"),
        cwd=study,
    )
    assert "rule other_summarise_warping:" in text and "1 of 1 jobs done" in text
    assert len(list((study / ".snakemake" / "warpline").iterdir())) == 1


@pytest.mark.slow
@pytest.mark.workflow
def test_the_wheel_has_the_digests_of_the_checkout(installed, tmp_path):
    code = "import sys; from warpline.pipeline.stages.base import code_of; print(*map(code_of, sys.argv[1:]))"
    scripts = ["train_network.py", "compare_networks.py", "figures/over_learning.py"]
    printed = installed.run(installed.python, "-c", code, *scripts, cwd=tmp_path)
    assert printed.split() == [code_of(script) for script in scripts]


@pytest.mark.slow
@pytest.mark.workflow
def test_a_folder_that_is_in_use_stays_as_it_is(installed, tmp_path):
    installed.run(installed.warpline, "init", "one", cwd=tmp_path)
    (tmp_path / "one" / "Snakefile").write_text("mine")
    text = installed.run(installed.warpline, "init", "one", cwd=tmp_path, check=False)
    assert "expected a folder without config/one.yaml, Snakefile" in text
    assert (tmp_path / "one" / "Snakefile").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.workflow
def test_outside_a_study_the_workflow_of_the_package_runs(installed, tmp_path):
    text = installed.run(installed.warpline, "run", "demo", "trials", "-n", cwd=tmp_path)
    assert "generate_trials" in text and "This was a dry-run" in text


# --- warpline status ------------------------------------------------------------------------------------


@pytest.fixture
def copied(study, tmp_path, monkeypatch) -> Path:
    """Return a copy of the finished study, records of Snakemake included, as working folder."""
    folder = tmp_path / "my-study"
    shutil.copytree(study, folder)
    (folder / "Snakefile").write_text(
        "from warpline.pipeline.project_files import SNAKEFILE\n"
        "module warpline:\n    snakefile: SNAKEFILE\nuse rule * from warpline\n"
    )
    monkeypatch.chdir(folder)
    return folder


def status(capsys) -> tuple[dict[str, int], str]:
    """Return the jobs by state, and the text of `warpline status`."""
    plan = Plan(load_files([PROJECT / "config" / "config.yaml", "config/my-study.yaml"]))
    state = run_status(Pipeline(plan))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["warpline", "status", "results/my-study"])
        assert command_line.main() == 0
    return dict(state.counts), capsys.readouterr().out


def change_points(folder: Path) -> None:
    config = folder / "config" / "my-study.yaml"
    config.write_text(config.read_text().replace("points: 24", "points: 25"))


@pytest.mark.slow
@pytest.mark.workflow
def test_status_names_what_snakemake_would_run(copied, installed, capsys):
    counts, text = status(capsys)
    assert counts == {"done": 7}
    assert "my-study: 7 of 7 jobs done" in text and "Nothing is left to run." in text
    change_points(copied)
    counts, text = status(capsys)
    assert counts == {"done": 2, "stale": 5}
    assert "stale: 1 jobs, other settings" in text
    assert "stale: 4 jobs, an input is made anew" in text
    planned = installed.run(installed.python, "-m", "snakemake", "--dry-run", cwd=copied)
    table = planned.split("Job stats:")[1].split("total")[0]
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE))
    del jobs["all"]
    assert list(jobs.values()) == ["1"] * 5 and "analyse_warping" in jobs
    # An input that was written anew with the same bytes re-runs nothing, with other bytes it does.
    trials = next(copied.rglob("trials/**/train.nc"))
    trials.touch()
    assert status(capsys)[0] == counts
    trials.write_bytes(trials.read_bytes() + b"x")
    assert status(capsys)[0] == {"done": 1, "stale": 6}
    trials.unlink()
    assert status(capsys)[0] == {"stale": 6, "missing": 1}


@pytest.mark.slow
@pytest.mark.workflow
def test_status_during_a_run_after_a_kill_and_after_a_failure(copied, installed, capsys):
    change_points(copied)
    command = [installed.python, "-m", "snakemake", "--cores", "1"]
    process = subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    marks = copied / ".snakemake" / "incomplete"
    while not any(marks.iterdir()):
        assert process.poll() is None, "Snakemake ended before a job started"
        time.sleep(0.02)
    # The job stands still while it is looked at.
    os.killpg(process.pid, signal.SIGSTOP)
    counts, text = status(capsys)
    assert counts == {"done": 2, "running": 1, "stale": 4}
    assert "running: analyse_warping, logs/my-study/analyse_warping/static/" in text
    assert "A Snakemake works in this folder." in text
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    counts, text = status(capsys)
    assert counts == {"done": 2, "stopped": 1, "stale": 4}
    assert "warpline run my-study --unlock" in text and "Next: warpline run my-study" in text
    installed.run(*command, "--unlock", cwd=copied)
    failing = environment() | {"WARPLINE_DEVICE": "abacus"}
    done = subprocess.run(command, env=failing, capture_output=True, text=True)
    assert done.returncode == 1
    counts, text = status(capsys)
    assert counts == {"done": 2, "failed": 1, "stale": 4}, text
    assert "failed: analyse_warping, logs/my-study/analyse_warping/static/" in text
    assert "abacus" in text
