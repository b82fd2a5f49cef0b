"""File names that are not UTF-8, and folders that no run has: the right answer or one message."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from warpline.core import result_files
from warpline.core.utf8_paths import printable, shell_word, utf8_path
from warpline.datasets.file_formats import read_content
from warpline.pipeline.command_line import main
from warpline.pipeline.launch import snakemake_command
from warpline.pipeline.verification import delete_findings, remake_commands, verify

NAME = os.fsdecode(b"caf\xe9")
SETTINGS = {"settings": {}, "code": ""}


@pytest.fixture
def folder(tmp_path):
    """A folder whose name is Latin-1, with an array that has no sidecar, one that has, and a table."""
    folder = tmp_path / NAME
    dataset = xr.Dataset({"states": (("trial", "time", "unit"), np.arange(24.0).reshape(2, 4, 3))})
    for name in ("a.nc", "b.nc"):
        result_files.write_dataset(dataset, folder / name, SETTINGS)
    (folder / "b.nc.provenance.json").unlink()
    result_files.write_table(pd.DataFrame({"x": [1]}), folder / "t.csv", SETTINGS)
    return folder


def warpline(monkeypatch, *arguments):
    """Run the command line with a strict terminal in UTF-8, as Python has by default."""
    monkeypatch.setattr(sys, "argv", ["warpline", *map(str, arguments)])
    sys.stdout.reconfigure(errors="strict")
    try:
        return main()
    except SystemExit as stopped:
        return stopped.code


@pytest.mark.slow
def test_good_files_are_read_and_none_is_taken_for_damaged(folder, monkeypatch, capfd):
    for name in ("a.nc", "b.nc"):
        assert result_files.read_dataset(folder / name)["states"].sum() == 276
        assert read_content(folder / name).variables["states"].shape == (2, 4, 3)
    assert warpline(monkeypatch, "verify", folder, "--delete") == 0
    assert "3 results checked (2 by SHA-256, 1 without" in capfd.readouterr().out
    assert len(list(folder.glob("*.nc"))) == 2
    # Damage is seen all the same.
    (folder / "b.nc").write_bytes(b"x")
    outcome = verify(folder)
    assert list(outcome.errors) == [folder / "b.nc"]
    assert delete_findings(outcome) == [] and not (folder / "b.nc").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["provenance", "{}/a.nc"], 0, "settings"),
        (["provenance", "{}/none.csv"], 1, "expected a table at"),
        (["compare", "{}/a.nc", "{}/b.nc", "--variable", "states", "--output", "{}/out.csv"], 0, "caf"),
        (["compare", "{0}/a.nc", "{0}.nc", "--variable", "states", "--output", "{}/out.csv"], 0, r"caf\xe9"),
        (["status", "{}"], 1, "expected one configuration"),
        (["plan", "{}/none.yaml"], 1, "expected a configuration file"),
        (["check", "{}"], 1, "expected a configuration file"),
        (["run", "{}", "-n"], 1, "expected a configuration file"),
        (["init", "{}/new"], 0, r"Next: cd $'"),
        (["efficiency", "{}"], 1, "expected benchmarks"),
        (["verify", "/proc/self"], 2, "made by the kernel"),
        (["verify", "/proc/self/fd"], 2, "made by the kernel"),
    ],
)  # fmt: skip
def test_every_command_takes_or_refuses_them(
    arguments, status, text, folder, monkeypatch, capfd, tmp_path
):
    monkeypatch.chdir(tmp_path)
    Path(f"{folder}.nc").write_bytes((folder / "a.nc").read_bytes())
    got = warpline(monkeypatch, *(argument.format(folder) for argument in arguments))
    out, err = capfd.readouterr()
    assert got == status, err
    assert text in out + err and "Traceback" not in err


def test_words_of_a_command_name_the_file(tmp_path):
    for name in (b"caf\xe9", b"it's \xff \\ $HOME", "plain ü".encode(), b"a b"):
        path = tmp_path / os.fsdecode(name)
        path.write_text("here")
        done = subprocess.run(
            ["bash", "-c", f"cat {shell_word(path)}"], capture_output=True, text=True
        )
        assert done.stdout == "here", (name, done.stderr)
        with utf8_path(path) as named:
            assert named.read_text() == "here" and str(named).encode()
    assert printable(NAME) == r"caf\xe9"
    command = remake_commands([Path("/w", NAME, "results/demo/a.nc")])
    assert command == [r"cd $'/w/caf\xe9' && snakemake results/demo/a.nc"]


@pytest.mark.slow
def test_verify_goes_around_what_it_cannot_look_at(folder):
    """Links into the kernel's folders, and names at the limit of the file system."""
    (folder / "kernel").symlink_to("/proc/self")
    (folder / "root").symlink_to("/proc/self/root/proc")
    (folder / f"{'b' * 250}.csv").write_text("x")
    outcome = verify(folder)
    assert list(outcome.errors) == [folder / f"{'b' * 250}.csv"]
    assert (outcome.by_checksum, outcome.by_structure) == (2, 2)


@pytest.mark.slow
def test_verify_goes_on_where_a_folder_vanishes(folder, monkeypatch):
    (folder / "gone").mkdir()
    (folder / "stays").mkdir()
    (folder / "stays" / "x.csv").write_text("x")
    walk = os.walk

    def vanishing(*arguments, **options):
        for parent, folders, names in walk(*arguments, **options):
            if parent.endswith("gone"):
                Path(parent).rmdir()
            yield parent, folders, names

    monkeypatch.setattr("warpline.pipeline.verification.os.walk", vanishing)
    errors = verify(folder).errors
    assert "cannot be read" in errors[folder / "gone"] and folder / "stays" / "x.csv" in errors


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--config", "run.seeds=3"], "write run: {seeds: 3} in a file, or --config run='{seeds: 3}'"),
        (["-n", "--config", "seed=1", "jobs.gpu=true"], "--config jobs='{gpu: true}'"),
        (["--config=a.b.c=x"], "write a: {b: {c: x}} in a file, or --config a='{b: {c: x}}'"),
        (["--config", "seed=1", "trials"], "expected KEY=VALUE after --config, got 'trials'"),
        (["-C", "run.seeds"], "expected KEY=VALUE after --config, got 'run.seeds'"),
    ],
)  # fmt: skip
def test_dotted_keys_of_the_command_line_are_refused_with_what_to_write(arguments, text):
    with pytest.raises(ValueError, match="expected") as caught:
        snakemake_command("demo", arguments)
    assert text in str(caught.value)
    assert "--config" in snakemake_command(
        "demo", ["--config", "run={seeds: [3]}", "-n", "--quiet"]
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("name: x".encode("utf-16"), "expected text in UTF-8"),
        (b"name: " + b"[" * 3000, "at most 30 levels"),
        (b"a: 1\na: 2\n", "expected each key once"),
        (b"", "the file is empty"),
    ],
)
def test_a_hostile_file_is_refused_before_snakemake_starts(
    content, text, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("Snakemake was started"))
    (tmp_path / "hostile.yaml").write_bytes(content)
    assert warpline(monkeypatch, "run", tmp_path / "hostile.yaml", "-n") == 2
    err = capfd.readouterr().err
    assert text in err and "Traceback" not in err


IN_THE_WAY = {
    "a file for a folder": ("config", "file"),
    "a file for a folder further down": ("profiles", "file"),
    "a file of its own": ("README.md", "file"),
    "a folder for a file": ("Snakefile", "folder"),
    "a link in a circle": ("Snakefile", "circle"),
    "a link to nothing": ("README.md", "nothing"),
    "a link for a folder": ("profiles", "nothing"),
}


@pytest.mark.parametrize("case", IN_THE_WAY)
def test_init_writes_all_or_nothing(case, tmp_path, monkeypatch, capfd):
    name, kind = IN_THE_WAY[case]
    study = tmp_path / "study"
    study.mkdir()
    path = study / name
    {
        "file": lambda: path.write_text("mine"),
        "folder": path.mkdir,
        "circle": lambda: path.symlink_to(name),
        "nothing": lambda: path.symlink_to(tmp_path / "elsewhere"),
    }[kind]()
    assert warpline(monkeypatch, "init", study) == 1
    assert f"expected a folder without {name}" in capfd.readouterr().err
    assert [entry.name for entry in study.iterdir()] == [name]
    assert not (tmp_path / "elsewhere").exists()


def test_odd_folders_are_made_or_refused(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "file").write_text("x")
    for folder in ("circle", "file", "file/below", "x" * 300):
        assert warpline(monkeypatch, "init", folder) == 1
        assert "expected" in capfd.readouterr().err
    for folder, command in (("a b", "cd 'a b'"), ("--", "-x"), ("1 ü", "cd '1 ü'")):
        arguments = ("--", "-x") if folder == "--" else (folder,)
        assert warpline(monkeypatch, "init", *arguments) == 0
        assert (command if folder != "--" else "cd ./-x") in capfd.readouterr().out


def test_status_passes_over_files_that_are_no_configuration(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "mine").mkdir(parents=True)
    (tmp_path / "config" / "folder.yaml").mkdir(parents=True)
    (tmp_path / "config" / "circle.yaml").symlink_to("circle.yaml")
    (tmp_path / "config" / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    assert warpline(monkeypatch, "status", "results/mine") == 1
    assert "with `name: mine` in this folder or in config, found none" in capfd.readouterr().err
