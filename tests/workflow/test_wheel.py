"""Warpline from a wheel: a folder of one's own, a run to the end; the same workflow as a module from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

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
    assert "1 of 7 jobs done, " in text and "s left" in text and "7 of 7 jobs done" in text
    return folder


@pytest.mark.slow
@pytest.mark.workflow
def test_a_study_runs_to_the_end(study, installed):
    assert list((study / "results" / "my-study").rglob("*.svg"))
    # Plain Snakemake finds configuration and logger in the profile.
    plain = installed.run(installed.python, "-m", "snakemake", "--cores", "1", cwd=study)
    assert "Nothing to be done" in plain


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
    assert "rule other_summarise_warping:" in text and "(100%) done" not in text
    assert re.search(r"(\d+) of \1 jobs done", text)
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
    missing = installed.run(installed.warpline, "run", "dmo", "-n", cwd=tmp_path, check=False)
    assert "one of config, demo, paper, ten_seeds; got 'dmo'" in missing
