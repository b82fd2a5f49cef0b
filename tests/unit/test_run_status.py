"""The time that a run still takes; the configuration that a name stands for; what a run is started with."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_warpline import LogHandler, expect
from snakemake_logger_plugin_warpline.time_left import TimeLeft, duration_text
from warpline.pipeline import launch, run_status
from warpline.pipeline.project_files import PROJECT, configuration_file
from warpline.pipeline.run_status import Job, RunStatus
from warpline.pipeline.status_text import configuration_of, render_status


def test_time_left_of_equal_jobs_is_exact():
    clock = TimeLeft({"train": 10}, {})
    assert clock.seconds(0.0) is None
    for k in range(4):
        clock.start(k, "train", 5.0 * k)
        clock.finish(k, 5.0 * k + 5.0)
    # One at a time, 5 s each, six left.
    assert clock.seconds(20.0) == pytest.approx(30.0)
    clock.start(4, "train", 20.0)
    clock.start(5, "train", 20.0)
    # 20 s of work in 20 s, then two at a time for 2 s: four wait, two have 3 s left.
    assert clock.seconds(22.0) == pytest.approx((4 * 5 + 2 * 3) / (24 / 22))
    assert clock.running == 2


def test_rules_that_have_not_run_take_what_is_expected_times_the_ratio_so_far():
    clock = TimeLeft(
        {"trials": 1, "train_1_2": 2, "draw_a": 3}, {"trials": 2.0, "train": 30.0, "draw_*": 4.0}
    )
    clock.start(0, "trials", 0.0)
    clock.finish(0, 6.0)
    assert clock.seconds(6.0) == pytest.approx(3 * (2 * 30 + 3 * 4))
    # A job that fails is to do again.
    clock.start(1, "train_1_2", 6.0)
    clock.fail(1)
    assert clock.seconds(6.0) == pytest.approx(3 * (2 * 30 + 3 * 4))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.4, "3 s"), (89, "89 s"), (240, "4 min"), (7800, "2.2 h"), (4.5e6, "1,250 h")],
)
def test_durations(seconds, text):
    assert duration_text(seconds) == text


def record(event, created, **values):
    one = logging.LogRecord("snakemake", logging.INFO, "x", 1, values.pop("msg", ""), (), None)
    one.__dict__.update(values, event=event, created=created)
    return one


def test_progress_takes_the_place_of_snakemakes_count(capsys):
    from snakemake.logging import DefaultFormatter

    settings = SimpleNamespace(stdout=True, nocolor=True)
    handler = LogHandler(common_settings=settings, settings=None)
    # Snakemake 9.20 has no default for `quiet`.
    handler.setFormatter(DefaultFormatter(None))
    expect(lambda: {"train": 1.0, "draw": 20.0}, "results/mine")
    handler.emit(
        record(LogEvent.RUN_INFO, 0.0, stats={"train": 2, "draw": 1, "total": 3}, msg="3 jobs")
    )
    info = {"rule_msg": "a job", "reason": ""}
    for k, (rule, start, stop) in enumerate([("train", 0.0, 2.0), ("train", 2.0, 4.0)]):
        handler.emit(record(LogEvent.JOB_INFO, start, jobid=k, rule_name=rule, **info))
        handler.emit(record(LogEvent.JOB_FINISHED, stop, job_id=k, msg=f"end of {k}"))
        handler.emit(record(LogEvent.PROGRESS, stop, done=k + 1, total=3))
    handler.emit(record(LogEvent.JOB_INFO, 4.0, jobid=2, rule_name="draw", **info))
    handler.emit(record(LogEvent.PROGRESS, 4.0, done=2, total=3))
    handler.emit(record(None, 5.0, msg="a warning"))
    printed = capsys.readouterr().out
    assert "Results" not in printed
    handler.emit(record(LogEvent.PROGRESS, 44.0, done=3, total=3))
    handler.close()
    expect(lambda: {})
    printed += capsys.readouterr().out
    # 2 s for each training, 40 s for a figure: twice what was expected.
    for text in (
        "3 jobs\n",
        "end of 0\n",
        "1 of 3 jobs done, about 42 s left\n",
        "2 of 3 jobs done, 1 running, about 40 s left\n",
        "a warning\n",
        "3 of 3 jobs done",
        "\nResults: results/mine\n",
    ):
        assert text in printed
    assert "steps" not in printed


def test_on_a_terminal_a_bar_makes_way_for_messages(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    handler = LogHandler(
        common_settings=SimpleNamespace(stdout=True, nocolor=True, quiet=None), settings=None
    )
    handler.emit(record(LogEvent.RUN_INFO, 0.0, stats={"train": 2}, msg="2 jobs"))
    handler.emit(record(LogEvent.PROGRESS, 1.0, done=1, total=2))
    handler.emit(record(None, 1.0, msg="a message"))
    handler.close()
    # Every line that stays is a message: bars end in a return to the start of the line.
    lines = [line.rpartition("\r")[2] for line in screen.getvalue().split("\n")]
    assert [line.strip() for line in lines if line.strip()] == ["2 jobs", "a message"]
    assert "1 of 2 jobs done" in screen.getvalue()


def test_names_of_configurations(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert configuration_file("demo") == PROJECT / "config" / "demo.yaml"
    (tmp_path / "config").mkdir()
    near = tmp_path / "config" / "demo.yaml"
    near.write_text("name: other\n")
    assert configuration_file("demo").resolve() == near
    with pytest.raises(FileNotFoundError, match=r"got 'dmo'; did you mean 'demo'\?"):
        configuration_file("dmo")
    for path in ("config/dmo.yaml", "dmo.yaml", "results/dmo"):
        with pytest.raises(FileNotFoundError, match=f"at {path}, found none"):
            configuration_file(path)
    # A folder of results stands for the one configuration of its name.
    (tmp_path / "results" / "other").mkdir(parents=True)
    assert configuration_of("results/other") == "config/demo.yaml"
    (tmp_path / "mine.yaml").write_text('name: "other"  # the same\n')
    with pytest.raises(FileNotFoundError, match=r"found 2 \(config/demo.yaml, mine.yaml\)"):
        configuration_of("results/other")
    (tmp_path / "results" / "nobody").mkdir()
    with pytest.raises(FileNotFoundError, match="found none"):
        configuration_of("results/nobody")


@pytest.mark.parametrize(
    ("files", "states", "command"),
    [
        (["config/mine.yaml"], {"tables": "missing"}, "warpline run mine --cores 2"),
        (["my own.yaml"], {"tables": "failed"}, "warpline run 'my own.yaml' --cores 2"),
        (
            [str(PROJECT / "config" / "demo.yaml")],
            {"tables": "stale"},
            "warpline run demo --cores 2",
        ),
        (
            ["config/mine.yaml", "my own.yaml"],
            {"tables": "missing"},
            "snakemake --cores 2 --configfile config/mine.yaml 'my own.yaml'",
        ),
        # What the default target leaves out.
        (
            ["config/mine.yaml"],
            {"tables": "done", "audit": "missing"},
            "warpline run mine audit --cores 2",
        ),
        (
            ["config/mine.yaml"],
            {"tables": "missing", "audit": "stale"},
            "warpline run mine all audit --cores 2",
        ),
    ],
)
def test_what_to_run_next(files, states, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "mine.yaml").write_text("name: mine\n")
    (tmp_path / "my own.yaml").write_text("name: mine\n")
    jobs = [
        Job(heading, "rule", ["x"], [], "x.log", "", ("", ""), state)
        for heading, state in states.items()
    ]
    text = render_status(RunStatus(jobs, False, False), "mine", tmp_path, files)
    assert text.endswith(f"Next: {command}")


def test_other_seeds_of_the_same_files_are_seen(tmp_path, monkeypatch):
    """The seeds from which DSA is chosen can be fewer than those that its files hold."""
    monkeypatch.chdir(tmp_path)
    job = Job("comparisons", "choose_dsa", ["x"], [], "x.log", "", ("settings", "code", "1 2 3"))
    Path("x").touch()
    path = run_status._record_path("metadata", "x")
    path.parent.mkdir(parents=True)
    for seeds, state in (("1 2", ("stale", "other seeds")), ("1 2 3", ("done", ""))):
        path.write_text(json.dumps({"params": [f"'{seeds}'", "'settings'", "'code'"], "input": []}))
        assert run_status._state(job, False, False) == state


RECORDS = {
    "params as a number": {"params": 3},
    "params of numbers": {"params": [3]},
    "no list of inputs": {"input": None},
    "checksums as a list": {"input_checksums": [1]},
    "an end as text": {"endtime": "x"},
    "a list": [1],
    "deep": "[" * 5000,
    "no JSON": "{",
}


@pytest.mark.parametrize("case", RECORDS)
def test_a_record_that_snakemake_did_not_write_counts_as_none(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = Job("tables", "rule", ["x"], ["in"], "x.log", "", ("settings", "code"))
    Path("x").touch()
    path = run_status._record_path("metadata", "x")
    path.parent.mkdir(parents=True)
    whole = {"params": ["'settings'", "'other'"], "input": ["in"], "endtime": 1.0}
    path.write_text(json.dumps(whole))
    assert run_status._state(job, False, False) == ("stale", "other code")
    odd = RECORDS[case]
    path.write_text(
        odd if isinstance(odd, str) else json.dumps(whole | odd if isinstance(odd, dict) else odd)
    )
    assert run_status._state(job, False, False) == ("done", "")


def test_pipes_in_the_place_of_files_are_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = Job("tables", "rule", ["x"], ["in"], "x.log", "", ("settings", "code"), "failed")
    Path("x").touch()
    path = run_status._record_path("metadata", "x")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"params": ["'settings'", "'code'"], "input": ["in"]}))
    os.utime("x", (0, 0))
    os.mkfifo("in")
    assert run_status._state(job, False, False) == ("stale", "an input has changed")
    os.mkfifo("x.log")
    assert "failed: rule, x.log\n" in render_status(
        RunStatus([job], False, False), "a", tmp_path, ["a"]
    )
    path.unlink()
    os.mkfifo(path)
    assert run_status._state(job, False, False) == ("done", "")


@pytest.mark.parametrize(
    ("arguments", "added"),
    [
        ([], ["--cores", "all", "--logger", "warpline"]),
        (["tables", "-c2"], ["--logger", "warpline"]),
        (["--cores=2", "-n"], ["--logger", "warpline"]),
        (["--profile", "slurm", "--logger", "rich"], []),
        (["--config", "jobs={gpu: true}"], ["--cores", "all", "--logger", "warpline"]),
    ],
)
def test_what_snakemake_is_started_with(arguments, added, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = launch.snakemake_command("demo", arguments)
    snakefile = ["--snakefile", str(PROJECT / "Snakefile")]
    demo = str(PROJECT / "config" / "demo.yaml")
    assert command[1:] == ["-m", "snakemake", *arguments, *snakefile, *added, "--configfile", demo]
    (tmp_path / "Snakefile").write_text("# Warpline as a module\n")
    assert "--snakefile" not in launch.snakemake_command("demo", arguments)


def test_a_second_configuration_is_refused():
    with pytest.raises(ValueError, match="got --configfile as well"):
        launch.snakemake_command("demo", ["--configfile", "x.yaml"])
    with pytest.raises(ValueError, match="expected one configuration, got demo and x"):
        launch.snakemake_command("demo", ["x.yaml", "--cores", "2"])
