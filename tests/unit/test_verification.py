"""`warpline verify`: what is damaged is named wherever it lies, and commands hold from any folder."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from warpline.console.provenance import sidecar_path
from warpline.core import atomic_writes, result_files, tensor_files
from warpline.core.figure_files import FIGURE_SUFFIXES
from warpline.figures import figure_script, plotting
from warpline.pipeline.config import load
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.verification import (
    STRUCTURE,
    delete_findings,
    integrity_error,
    remake_commands,
    verify,
)

STYLE = {"font_size": 8, "dpi": 60, "colormap": "viridis", "palette": "okabe-ito"}


def write_figure(path):
    import matplotlib.pyplot as plt

    plotting.apply_style(STYLE)
    figure, axes = plt.subplots()
    axes.plot([0, 1], [0, 1])
    figure_script.save(figure, [path.with_suffix(f".{suffix}") for suffix in FIGURE_SUFFIXES], {})
    plt.close(figure)


def write_times(path):
    path.write_text("s\tmax_rss\n1.0\t200.5\n")


WRITERS = {
    "nc": lambda path: result_files.write_dataset(
        xr.Dataset({"x": (("a", "b"), np.random.default_rng(0).normal(size=(50, 40)))}), path, {}
    ),
    "csv": lambda path: result_files.write_table(
        pd.DataFrame({"a": np.arange(2000), "b": "text"}), path, {}
    ),
    "safetensors": lambda path: tensor_files.write_tensors({"w": np.arange(2000.0)}, path, {}),
    "svg": write_figure,
    "png": write_figure,
    "pdf": write_figure,
    "tsv": write_times,
}
# What shows one flipped bit in a file without a sidecar.
SELF_CHECKED = ("nc", "safetensors", "png")


@pytest.fixture
def results(tmp_path):
    """Return a folder of results with one of each kind, in a working folder whose name has spaces."""
    root = tmp_path / "my work" / "results" / "demo"
    for kind, write in WRITERS.items():
        (root / kind).mkdir(parents=True)
        write(root / kind / f"x.{kind}")
    (root.parent.parent / ".snakemake").mkdir()
    return root


def warpline(*arguments, cwd):
    command = [sys.executable, "-m", "warpline", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("fault", ["cut", "flipped", "empty", "pipe", "folder", "link"])
@pytest.mark.parametrize("beside", [True, False])
def test_damage_is_found(tmp_path, kind, fault, beside):
    path = tmp_path / f"x.{kind}"
    WRITERS[kind](path)
    assert integrity_error(path) is None
    if not beside:
        sidecar_path(path).unlink(missing_ok=True)
        assert integrity_error(path) is None
    content = bytearray(path.read_bytes())
    if fault == "cut":
        lines = bytes(content).splitlines(keepends=True)
        # A table is cut between two lines: only their number tells.
        content = b"".join(lines[:-700]) if kind == "csv" else content[: len(content) * 2 // 3]
    elif fault == "flipped":
        content[len(content) * 3 // 4] ^= 1
    elif fault == "empty":
        content = b""
    path.unlink()
    if fault == "pipe":
        os.mkfifo(path)
    elif fault == "folder":
        path.mkdir()
    elif fault == "link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_bytes(bytes(content))
    error = integrity_error(path)
    unseen = fault == "flipped" and kind not in SELF_CHECKED and not sidecar_path(path).is_file()
    assert unseen or error
    assert verify(tmp_path).errors.get(path) == error


@pytest.mark.slow
@pytest.mark.parametrize("bit", np.random.default_rng(0).integers(0, 2**32, 20))
def test_a_flipped_bit_of_a_figure_is_seen(bit, tmp_path):
    write_figure(tmp_path / "x")
    for path in (tmp_path / f"x.{suffix}" for suffix in FIGURE_SUFFIXES):
        whole = path.read_bytes()
        content = bytearray(whole)
        place = bit % (8 * len(whole))
        content[place // 8] ^= 1 << (place % 8)
        path.write_bytes(content)
        assert integrity_error(path)
        if path.suffix == ".png":
            sidecar_path(path).unlink()
            assert integrity_error(path)


def chunk(kind, content=b""):
    return (
        len(content).to_bytes(4, "big")
        + kind
        + content
        + zlib.crc32(kind + content).to_bytes(4, "big")
    )


SIGNATURE = b"\x89PNG\r\n\x1a\n"
ODD_FILES = {
    "a PNG of its signature": ("x.png", SIGNATURE),
    "a PNG without an end": ("x.png", SIGNATURE + chunk(b"IHDR") + chunk(b"IDAT")),
    "a PNG without an image": ("x.png", SIGNATURE + chunk(b"IHDR") + chunk(b"IEND")),
    "a PNG chunk of 4 GB": ("x.png", SIGNATURE + b"\xff\xff\xff\xffIHDR"),
    "a PNG that goes on": (
        "x.png",
        SIGNATURE + chunk(b"IHDR") + chunk(b"IDAT") + chunk(b"IEND") + b"x",
    ),
    "a PDF of its signature": ("x.pdf", b"%PDF-1.4\n"),
    "a PDF whose table is elsewhere": ("x.pdf", b"%PDF-1.4\nstartxref\n9\n%%EOF\n"),
    "a PDF whose object is elsewhere": (
        "x.pdf",
        b"%PDF-1.4\nxref\n0 1 \n0000000003 00000 n \ntrailer\nstartxref\n9\n%%EOF\n",
    ),
    "an SVG that is HTML": ("x.svg", b"<html></html>"),
    "an SVG in no known encoding": ("x.svg", b'<?xml version="1.0" encoding="x"?><svg/>'),
    "an SVG of nested entities": (
        "x.svg",
        b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY %c "%s">' % (c + 1, b"&%c;" % c * 10) for c in range(97, 110))
        + b"]><svg>&n;</svg>",
    ),
    "a table that is not UTF-8": ("x.csv", b'# {"rows":1}\na\n\xff\n'),
    "times that are not UTF-8": ("x.tsv", b"s\tm\n\xff\t1\n"),
    "times of one column": ("x.tsv", b"s\n1\n"),
    "times without an end": ("x.tsv", b"s\tm\n1\t2"),
    "times with zeros": ("x.tsv", b"s\tm\n1\t\0\n"),
    "a page that is cut short": ("x.html", b"<!DOCTYPE html>\n<html><body>"),
    "a page that is text": ("x.html", b"text </html>"),
}


@pytest.mark.parametrize(("name", "content"), ODD_FILES.values(), ids=ODD_FILES)
def test_odd_files_are_named(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert list(verify(tmp_path).errors) == [tmp_path / name]


@pytest.mark.slow
def test_every_kind_is_counted_and_the_folder_is_taken_as_it_is_named(results):
    work = results.parent.parent
    for folder, cwd in (
        ("results/demo", work),
        (results, "/"),
        (".", results),
        ("../demo", results),
    ):
        done = warpline("verify", folder, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        # Of the seven kinds, the figure was written as SVG, PNG and PDF in each of its three folders.
        assert done.stdout.startswith("13 results checked (12 by SHA-256, 1 without a sidecar")


@pytest.mark.slow
def test_a_configuration_named_resume_is_checked_like_any_other(results):
    results.rename(results.parent / "resume")
    (results.parent / "resume" / "csv" / "x.csv").write_text("x")
    done = warpline("verify", "results/resume", cwd=results.parent.parent)
    assert done.returncode == 1
    assert (
        done.stdout.startswith(str(results.parent / "resume/csv/x.csv"))
        and "13 results checked" in done.stdout
    )


@pytest.mark.slow
def test_states_of_unfinished_trainings_are_checked(results):
    state = results / "resume" / "training" / "state.safetensors"
    tensor_files.write_tensors({"w": np.arange(9.0)}, state, {}, sidecar=False)
    assert verify(results).errors == {}
    content = bytearray(state.read_bytes())
    content[-1] ^= 1
    state.write_bytes(content)
    outcome = verify(results)
    assert list(outcome.errors) == [state]
    # No rule makes it: training starts afresh.
    assert remake_commands(outcome.errors) == []


@pytest.mark.slow
def test_links_are_followed(results, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (results / "nc").rename(elsewhere)
    (results / "nc").symlink_to(elsewhere)
    # A link to a folder above it.
    (results / "csv" / "loop").symlink_to(results)
    (results / "csv" / "y.csv").symlink_to(results / "csv" / "x.csv")
    outcome = verify(results)
    assert outcome.errors == {} and outcome.by_checksum == 12 and outcome.by_structure == 2
    (elsewhere / "x.nc").write_bytes(b"x")
    assert list(verify(results).errors) == [results / "nc" / "x.nc"]


@pytest.mark.slow
def test_nothing_to_check_is_a_failure(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    done = warpline("verify", tmp_path, cwd="/")
    assert done.returncode == 1 and f"expected results below {tmp_path}, found none" in done.stderr
    assert warpline("verify", tmp_path / "none", cwd="/").returncode == 2


@pytest.mark.slow
def test_a_sidecar_that_remains_alone_names_its_result(results):
    (results / "nc" / "x.nc").unlink()
    outcome = verify(results)
    assert outcome.errors == {results / "nc/x.nc": "it is not there, its sidecar alone remains"}
    assert delete_findings(outcome) == [] and verify(results).errors == {}


@pytest.mark.slow
def test_hidden_states_that_no_job_needs_any_more_are_no_damage(results):
    place = results / "trajectories" / "seed~1.nc"
    for path in (place, results / "mean_states" / "seed~1.nc"):
        path.parent.mkdir()
        shutil.copy2(results / "nc" / "x.nc", path)
        shutil.copy2(results / "nc" / "x.nc.provenance.json", f"{path}.provenance.json")
    place.unlink()
    assert verify(results).errors == {}
    (results / "mean_states" / "seed~1.nc").unlink()
    assert place in verify(results).errors


@pytest.mark.slow
def test_a_folder_of_a_configured_name_is_no_damage(results):
    """Names of a configuration may have dots."""
    (results / "csv").rename(results / "v1.csv")
    assert verify(results).errors == {}


@pytest.mark.slow
def test_what_cannot_be_deleted_is_named(results):
    (results / "empty.nc").mkdir()
    os.mkfifo(results / "pipe.csv")
    done = warpline("verify", results, "--delete", cwd="/")
    assert done.returncode == 1
    assert f"{results / 'empty.nc'}: expected a file, got a folder; not deleted" in done.stdout
    assert f"{results / 'pipe.csv'}: expected a file, got a pipe or device; deleted" in done.stdout
    assert (results / "empty.nc").is_dir() and not (results / "pipe.csv").exists()


@pytest.mark.slow
def test_commands_hold_from_any_folder_and_with_spaces(results, tmp_path):
    work = results.parent.parent
    path = results / "nc" / "it's a name.nc"
    path.write_bytes(b"x")
    named = warpline("verify", "results/demo", cwd=work)
    command = named.stdout.split("To delete them: ")[1].strip()
    assert shlex.split(command) == ["warpline", "verify", str(results), "--delete"]
    deleted = warpline(*shlex.split(command)[1:], cwd="/")
    assert deleted.returncode == 0 and not path.exists()
    # The command as a shell takes it, with a Snakemake that says what it got, and where.
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "snakemake").write_text('#!/bin/sh\npwd\nprintf "%s\\n" "$@"\n')
    (tools / "snakemake").chmod(0o755)
    command = deleted.stdout.split("with your options: ")[1].strip()
    done = subprocess.run(
        ["sh", "-c", command],
        cwd="/",
        capture_output=True,
        text=True,
        env={"PATH": f"{tools}:/usr/bin:/bin"},
    )
    assert done.stdout.splitlines() == [str(work), "results/demo/nc/it's a name.nc"]


def test_the_working_folder_of_a_configuration_named_results(tmp_path):
    (tmp_path / "Snakefile").touch()
    path = tmp_path / "results" / "results" / "results" / "x.nc"
    assert remake_commands([path]) == [f"cd {tmp_path} && snakemake results/results/results/x.nc"]


@pytest.mark.slow
def test_names_that_are_no_text_are_printed(results):
    name = os.fsdecode(b"\xff.csv")
    (results / name).write_text("x")
    done = warpline("verify", results, cwd="/")
    assert done.returncode == 1 and "\\udcff.csv: not a table" in done.stdout


# --- part files -----------------------------------------------------------------------------------


def dead_process():
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@pytest.mark.slow
def test_strays_are_listed_and_deleted_and_others_kept(results):
    host, dead, token = atomic_writes._host(), dead_process(), "0123456789abcdef"
    parts = {
        f".x.nc.at~{host}.{dead}.{token}.part": "stray",
        # Of older versions.
        f".x.nc.{dead}.part": "stray",
        f".x.nc.provenance.json.at~{host}.{dead}.{token}.part": "stray",
        f".x.nc.at~{host}.{os.getpid()}.{token}.part": "open",
        f".x.nc.{os.getpid()}.part": "open",
        f".x.nc.at~another.{dead}.{token}.part": "open",
        "notes.part": "none",
        ".part": "none",
    }
    for name in parts:
        (results / "nc" / name).write_text("half")
    outcome = verify(results)
    kinds = {"stray": outcome.strays, "open": outcome.open_parts}
    for kind, paths in kinds.items():
        assert {path.name for path in paths} == {name for name in parts if parts[name] == kind}
    assert outcome.errors == {}
    done = warpline("verify", results, "--delete", cwd="/")
    assert (
        done.returncode == 0
        and done.stdout.count("left by a process that was killed; deleted") == 3
    )
    remaining = {path.name for path in (results / "nc").iterdir() if path.name.endswith(".part")}
    assert remaining == {name for name in parts if parts[name] != "stray"}


def test_a_killed_writer_leaves_a_stray_that_git_does_not_see(tmp_path, project):
    code = (
        "import os, signal, sys; from warpline.core.atomic_writes import atomic_path\n"
        "with atomic_path(sys.argv[1]) as part: os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "x.nc"
    assert subprocess.run([sys.executable, "-c", code, path]).returncode == -9
    (part,) = tmp_path.iterdir()
    assert verify(tmp_path).strays == [part]
    ignored = subprocess.run(["git", "check-ignore", "-q", part.name], cwd=project)
    assert ignored.returncode == 0


def test_parts_are_exclusive_and_cannot_be_guessed(tmp_path, monkeypatch):
    names = []
    for _ in range(50):
        with atomic_writes.atomic_path(tmp_path / "x") as part:
            names.append(part.name)
            part.write_text("x")
    assert len(set(names)) == 50
    # A link that lies in wait is not written through.
    victim = tmp_path / "victim"
    victim.write_text("old")
    monkeypatch.setattr(atomic_writes.secrets, "token_hex", lambda _: "0" * 16)
    part = tmp_path / f".x.at~{atomic_writes._host()}.{os.getpid()}.{'0' * 16}.part"
    part.symlink_to(victim)
    with pytest.raises(FileExistsError), atomic_writes.atomic_path(tmp_path / "x") as opened:
        opened.write_text("new")
    assert victim.read_text() == "old"


@pytest.mark.parametrize("host", ["a", "node-1.cluster", "x" * 300, "a/b", "é", "1.2.3"])
def test_the_name_of_any_machine_is_found_in_its_parts(host, tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    with atomic_writes.atomic_path(tmp_path / "checkpoints.safetensors.provenance.json") as part:
        part.write_text("x")
        assert atomic_writes.is_part(part) and atomic_writes.writer_lives(part)
        monkeypatch.setattr(socket, "gethostname", lambda: "b")
        assert atomic_writes.writer_lives(part) is None
    assert not atomic_writes.is_part(Path("x.part"))


def test_every_kind_of_file_that_a_job_makes_is_checked(raw_config):
    pipeline = Pipeline(Plan(load(raw_config)))
    names = [pattern for stage in pipeline.stages for pattern in stage.outputs.values()]
    names += [path for part in pipeline.drawings.values() for path in part.files()]
    assert len(names) > 20
    assert {Path(name).suffix for name in names} <= set(STRUCTURE)
