"""All plug-ins of a configuration are tried before any work, each in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from plugin_texts import (
    DRAW,
    MEASURE,
    MODEL,
    TASK,
    measure_fault,
    model_fault,
    replaced,
    task_fault,
)

from warpline.core import plugins
from warpline.pipeline import code_reading, live_code, plugin_check, reachable_modules
from warpline.pipeline.command_line import main
from warpline.pipeline.config import load
from warpline.pipeline.expansion import Plan
from warpline.pipeline.plugin_check import plugin_faults
from warpline.pipeline.stages import Pipeline


def test_good_plugins_pass(written, task_settings):
    assert model_fault(written(MODEL), task_settings) is None
    for task in ("Basic", "Anti", "DelayResponse"):
        assert task_fault(written(TASK), task_settings, task=task) is None
    assert measure_fault(written(MEASURE)) is None


def test_modules_beside_a_user_s_file_are_imported_and_are_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(
            "from beside_mine import WHERE\nclass Mine:\n    where = WHERE\n"
        )
        (tmp_path / name / "beside_mine.py").write_text(f"WHERE = {name!r}\n")
    one, two = (f"{tmp_path / name / 'mine.py'}:Mine" for name in ("one", "two"))
    assert plugins.load("models", one).where == "one"
    assert plugins.load("models", one).where == "one"
    with pytest.raises(
        ImportError, match=r"two/beside_mine\.py and .*one/beside_mine\.py.*rename one"
    ):
        plugins.load("models", two)
    del sys.modules["beside_mine"]
    sys.path.remove(str(tmp_path / "one"))
    assert plugins.load("models", two).where == "two"
    del sys.modules["beside_mine"]


@pytest.mark.slow
def test_a_plugin_that_hangs_crashes_or_ends_is_named_and_the_others_go_on(
    raw_config, written, tmp_path, monkeypatch, capfd
):
    bodies = {
        "good": "",
        "forks": "        import os; os.fork()\n",
        "hangs": "        while True: pass\n",
        "sleeps": "        import time; time.sleep(600)\n",
        "crashes": "        import ctypes; ctypes.string_at(0)\n",
        "exits": "        import os; os._exit(3)\n",
        "prints": "        print('noise', flush=True)\n",
        "prints_bytes": "        import os; os.write(1, bytes([255])); os.write(2, bytes([255]))\n",
        "exits_with_bytes": "        import os; os.write(2, bytes([255])); os._exit(4)\n",
        "leaves_a_process": (
            "        import pathlib, subprocess\n"
            f"        left = pathlib.Path({str(tmp_path / 'left')!r})\n"
            "        if not left.exists():\n"
            "            left.write_text(str(subprocess.Popen(['sleep', '300']).pid))\n"
        ),
        "has_no_alarm": "        import signal, time; signal.setitimer(0, 0); time.sleep(600)\n",
    }
    raw_config["architectures"] = {
        name: {
            "model": written(
                replaced(MODEL, ("        units = settings", body + "        units = settings")),
                f"{name}.py",
            ),
            "units": 6,
        }
        for name, body in bodies.items()
    }
    raw_config["run"]["grid"] = [
        {"tasksets": ["PDM"], "architectures": list(bodies), "curricula": ["master"]}
    ]
    raw_config["run"]["warping"] = []
    raw_config["warping"] = {}
    pipeline = Pipeline(Plan(load(raw_config)))
    passed = tmp_path / "kept" / "passed"
    monkeypatch.setattr(plugin_check, "STARTING", 10.0)
    faults = plugin_faults(pipeline, passed, seconds=3)
    # What a plug-in leaves running is not waited for: it is there still.
    os.kill(int((tmp_path / "left").read_text()), signal.SIGTERM)
    messages = {fault.split(" ")[0]: fault for fault in faults}
    fine = ("good", "forks", "prints", "prints_bytes", "leaves_a_process")
    assert set(messages) == {f"architectures.{name}" for name in bodies if name not in fine}
    assert "expected an answer within 3 s, got none" in messages["architectures.hangs"]
    assert "expected an answer within 3 s, got none" in messages["architectures.sleeps"]
    assert "ended with SIGSEGV" in messages["architectures.crashes"]
    assert "ended (3)" in messages["architectures.exits"]
    assert "ended (4)" in messages["architectures.exits_with_bytes"]
    assert "expected an answer within 3 s" in messages["architectures.has_no_alarm"]
    assert "noise" not in capfd.readouterr().out

    # What passed is not tried again, until its code changes.
    tried = []

    def run(checks, seconds):
        tried.extend(check.place.split(" ")[0].removeprefix("architectures.") for check in checks)
        return [None] * len(checks), ""

    monkeypatch.setattr(plugin_check, "_run", run)
    bad = [name for name in bodies if name not in fine]
    assert plugin_faults(pipeline, passed) == [] and tried == bad
    tried.clear()
    assert plugin_faults(pipeline, passed) == [] and tried == []
    good = tmp_path / "good.py"
    good.write_text(good.read_text().replace("0.5 *", "0.25 *"))
    # Files are parsed once a process.
    for cached in (reachable_modules.parse, code_reading.facts_of, live_code._unit):
        cached.cache_clear()
    assert plugin_faults(pipeline, passed) == [] and tried == ["good"]
    assert plugin_faults(pipeline, Path("/proc/none/passed")) == []


def test_a_model_of_the_package_that_does_not_fit_a_task_set_is_named(raw_config):
    # PDM has three outputs.
    raw_config["architectures"] = {"ei": {"model": "ei_rnn", "units": 20, "activation": "relu"}}
    raw_config["run"]["grid"] = [
        {"tasksets": ["PDM"], "architectures": ["ei"], "curricula": ["master"]}
    ]
    raw_config["run"]["warping"] = []
    raw_config["warping"] = {}
    (fault,) = plugin_faults(Pipeline(Plan(load(raw_config))))
    assert fault.startswith("architectures.ei (ei_rnn)") and "got 7 inputs, 3 outputs" in fault


@pytest.mark.slow
def test_check_says_what_is_wrong(tmp_path, monkeypatch, capsys, written, project):
    name = written(replaced(MODEL, (DRAW, "torch.randn(shape)")))
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        f"architectures: {{mine: {{model: '{name}', units: 6}}}}\n"
        "run: {grid: [{tasksets: [PDM], architectures: [mine], curricula: [master]}]}\n"
    )
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["warpline", "check", str(mine)])
    assert main() == 1
    error = capsys.readouterr().err
    assert (
        f"architectures.mine ({name}): expected the same weights from the same generator" in error
    )
