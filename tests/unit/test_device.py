"""Which device a job takes, from what SLURM gave it; and curves for those who look on."""

from __future__ import annotations

import sys

import pytest
import torch

from warpline.console import tensorboard
from warpline.core.device import choose_device
from warpline.training.run import Evaluation

VARIABLES = ("SLURM_JOB_ID", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS", "CUDA_VISIBLE_DEVICES")


@pytest.fixture
def job(monkeypatch):
    def make(cuda: bool, **environment: str) -> None:
        for name in (*VARIABLES, "WARPLINE_DEVICE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)

    return make


def test_outside_a_job_a_gpu_is_taken_where_it_is_wanted_and_there_is_one(job):
    job(cuda=True)
    assert choose_device(wanted=True).type == "cuda"
    assert choose_device().type == "cpu"
    job(cuda=False)
    assert choose_device(wanted=True).type == "cpu"


def test_in_a_job_only_a_gpu_that_was_given(job):
    job(cuda=True, SLURM_JOB_ID="7")
    assert choose_device(wanted=True).type == "cpu"
    job(cuda=True, SLURM_JOB_ID="7", CUDA_VISIBLE_DEVICES="NoDevFiles")
    assert choose_device().type == "cpu"
    job(cuda=True, SLURM_JOB_ID="7", SLURM_JOB_GPUS="0")
    assert choose_device().type == "cuda"


def test_a_gpu_that_torch_cannot_use_stops_the_job(job):
    job(cuda=False, SLURM_JOB_ID="7", SLURM_STEP_GPUS="2")
    with pytest.raises(RuntimeError, match=r"given GPU 2, but torch .* cannot use it: expected"):
        choose_device()


def test_by_hand(job):
    job(cuda=True, SLURM_JOB_ID="7", SLURM_JOB_GPUS="0", WARPLINE_DEVICE="cpu")
    assert choose_device().type == "cpu"
    job(cuda=True, WARPLINE_DEVICE="gpu")
    with pytest.raises(ValueError, match="expected auto or cpu, got 'gpu'"):
        choose_device()


ROW = {"task": "Anti", "ideal": 1.0, "chance": 0.5, "gradient_norm": float("nan")}


def test_there_is_no_callback_without_a_folder(monkeypatch, tmp_path):
    monkeypatch.delenv(tensorboard.VARIABLE, raising=False)
    with tensorboard.tensorboard_callback(tmp_path) as callback:
        assert callback is None


def test_curves_are_in_the_event_files(monkeypatch, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.setenv(tensorboard.VARIABLE, str(tmp_path / "events"))
    with tensorboard.tensorboard_callback(
        tmp_path / "results/mine/training/PDM/rnn/master/seed~1"
    ) as callback:
        callback([Evaluation(step=0, loss=0.7, accuracy=0.5, **ROW)])
        callback([Evaluation(step=20, loss=0.2, accuracy=0.9, **ROW)])
    place = tmp_path / "events/training/PDM/rnn/master/seed~1"
    events = accumulator.EventAccumulator(str(place))
    events.Reload()
    found = [(event.step, round(event.value, 6)) for event in events.Scalars("accuracy/Anti")]
    assert found == [(0, 0.5), (20, 0.9)]
    assert set(events.Tags()["scalars"]) == {"accuracy/Anti", "loss/Anti"}


def test_without_the_package_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv(tensorboard.VARIABLE, str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with (
        pytest.raises(ModuleNotFoundError, match=r"pip install 'warpline\[monitor\]'"),
        tensorboard.tensorboard_callback(tmp_path),
    ):
        pass
