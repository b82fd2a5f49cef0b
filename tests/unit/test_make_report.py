"""`make report`: a report is whole or as it was."""

import os
import shutil
import subprocess

import pytest

SNAKEMAKE = """#!/bin/sh
for last; do :; done
printf "%s" "{content}" > "$last"
exit {status}
"""


@pytest.fixture
def make(project, tmp_path):
    """Return a function that runs `make report` with a Snakemake that writes some text and exits."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    tools = tmp_path / "venv" / "bin"
    tools.mkdir(parents=True)
    (tmp_path / "venv" / ".ready").touch()
    snakemake = tools / "snakemake"

    def run(report, content="whole", status=0, **further):
        snakemake.write_text(SNAKEMAKE.format(content=content, status=status))
        snakemake.chmod(0o755)
        variables = {"VENV": tmp_path / "venv", "CONFIG": "c.yaml", "REPORT": report} | further
        command = ["make", "-f", project / "Makefile", "report"]
        return subprocess.run(
            [*command, *(f"{name}={value}" for name, value in variables.items())],
            cwd=project,
            capture_output=True,
            text=True,
            env={**os.environ, "MAKEFLAGS": ""},
        )

    return run


@pytest.mark.parametrize("name", ["report.html", "two words/report.zip"])
def test_a_report_that_fails_leaves_the_one_before(make, tmp_path, name):
    report = tmp_path / "results" / name
    assert make(report).returncode == 0
    assert report.read_text() == "whole"
    for content, status in (("half", 1), ("", 137)):
        failed = make(report, content, status)
        assert failed.returncode != 0
        assert report.read_text() == "whole"
        assert list(report.parent.iterdir()) == [report]
    assert make(report, "new").returncode == 0
    assert report.read_text() == "new"


def test_a_configuration_is_asked_for(make, tmp_path):
    failed = make(tmp_path / "report.html", CONFIG="")
    assert failed.returncode != 0 and "expected make report CONFIG=" in failed.stdout
