"""Opening the networks of a run, those that only an analysis uses among them."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import warpline
from warpline.core import result_files
from warpline.models.base import build_model
from warpline.models.checkpoints import write_checkpoints
from warpline.tasks.trials import generate_trials
from warpline.training.given_network import import_network

ARCHITECTURE = {
    "model": "gru",
    "units": 5,
    "activation": "tanh",
    "init": "orthogonal",
    "gain": 1.0,
    "tau": 100.0,
    "noise": 0.0,
    "parameters": {},
}


@pytest.fixture
def results(task_settings, tmp_path):
    """Return a folder of results with one network, which no comparison used: as an analysis leaves it."""
    root = tmp_path / "results" / "mine"
    task = task_settings(name="Set")
    trials = generate_trials(task, "Basic", "validation", 20, 1)
    path = root / "trials" / "Set" / "Basic" / "validation.nc"
    result_files.write_dataset(trials, path, {"settings": {"taskset": task}})
    sizes = trials.sizes["channel"], int(trials.attrs["n_outputs"]), 100.0
    save_file(build_model(ARCHITECTURE, *sizes, seed=4).state_dict(), tmp_path / "gru.safetensors")
    source = tmp_path / "gru.safetensors"
    settings = {
        "run": ["Set", "mine", "master"],
        "architecture": ARCHITECTURE,
        "source": {"file": str(source), "sha256": result_files.checksum(source)},
    }
    folder = root / "training" / "Set" / "mine" / "master" / "seed~7"
    import_network(settings, 7, [path], folder / "checkpoints.safetensors", folder / "history.csv")
    return root.parent


def test_a_network_that_no_comparison_used_is_opened_with_its_inputs(results):
    run = warpline.open_run("mine", "Set", "mine", "master", 7, results)
    assert warpline.list_runs("mine", results) == [run]
    assert (run.info["status"], run.task, run.steps) == ("given", "Basic", [0])
    model, trials = run.model(), run.trials()
    for name, value in build_model(ARCHITECTURE, 7, 3, 100.0, seed=4).state_dict().items():
        assert torch.equal(model.state_dict()[name], value)

    # The inputs of the task, at a coherence, are those that its environment gives without noise.
    manifold = run.input_manifold({"delay": 300})
    assert manifold.names == ["coherence"]
    inputs = manifold.sequence(torch.tensor([[-51.2], [51.2]]).double())
    assert inputs.shape[2] == trials.sizes["channel"]
    assert list(run.environment().channel_names()) == list(trials["channel"].values)
    outputs, states = model.double()(inputs)
    dynamics = run.dynamics()
    state = dynamics.initial(2)
    for step in range(manifold.n_steps):
        state = dynamics.step(state, manifold(torch.tensor([[-51.2], [51.2]]).double(), step))
    torch.testing.assert_close(dynamics.observe(state), states[:, -1].detach())
    torch.testing.assert_close(dynamics.readout(state), outputs[:, -1].detach())


def test_what_is_missing_is_said(results):
    run = warpline.open_run("mine", "Set", "mine", "master", 7, results)
    with pytest.raises(
        FileNotFoundError, match=r"no run Set/mine/mastr/seed 7.*Set/mine/master/seed 7"
    ):
        warpline.open_run("mine", "Set", "mine", "mastr", 7, results)
    with pytest.raises(FileNotFoundError, match=r"evaluation.nc"):
        run.trials(split="evaluation")
    with pytest.raises(FileNotFoundError, match="expected trajectories of seed 7"):
        run.trajectories()
    with pytest.raises(ValueError, match="expected a value for each condition"):
        run.input_manifold({"delay": 300}, context=1)


def test_a_folder_may_have_braces_and_copies_made_by_hand(results):
    folder = results.rename(results.with_name("{results} 1"))
    seeds = folder / "mine" / "training" / "Set" / "mine" / "master"
    for copy in ("seed~7 (old)", "seed~07", "seed~\uff17"):
        shutil.copytree(seeds / "seed~7", seeds / copy)
    assert [run.seed for run in warpline.list_runs("mine", folder)] == [7]
    run = warpline.open_run("mine", "Set", "mine", "master", 7, folder)
    assert run.steps == [0] and len(run.history()) == 1
    with pytest.raises(FileNotFoundError, match=r"summary.*run mine to its end"):
        warpline.load_table("mine", "Set", results=folder)
    other = folder / "mine" / "tables" / "Other" / "summary.csv"
    other.parent.mkdir(parents=True)
    other.touch()
    with pytest.raises(FileNotFoundError, match="there are those of Other"):
        warpline.load_table("mine", "Set", results=folder)


NO_NAMES = {
    "no text": (
        (None, "Set", "mine", "master", 7),
        TypeError,
        "expected name as text, got NoneType",
    ),
    "a list": (("mine", ["Set"], "mine", "master", 7), TypeError, "expected taskset as text"),
    "no curriculum": (("mine", "Set", "mine", None, 7), TypeError, "expected curriculum as text"),
    "two folders": (
        ("mine", "Set/mine", "", "master", 7),
        ValueError,
        "taskset as the name of one folder",
    ),
    "above": (
        ("..", "Set", "mine", "master", 7),
        ValueError,
        "expected name as the name of one folder",
    ),
    "empty": (("mine", "Set", "", "master", 7), ValueError, "expected architecture as the name"),
    "too long": (("mine", "Set", "m" * 5000, "master", 7), ValueError, "of 1 to 255 bytes"),
    "a zero byte": (
        ("mine", "Set", "mine", "m\0", 7),
        ValueError,
        "expected curriculum as the name",
    ),
    "half a character": (
        ("mine", "Set", "\ud800", "master", 7),
        ValueError,
        "expected architecture as",
    ),
    "a negative seed": (
        ("mine", "Set", "mine", "master", -1),
        ValueError,
        "expected a seed from 0",
    ),
    "a huge seed": (
        ("mine", "Set", "mine", "master", 10**300),
        ValueError,
        "expected a seed from 0",
    ),
    "5,000 digits": (
        ("mine", "Set", "mine", "master", 10**5000),
        TypeError,
        "more than 4,300 digits",
    ),
    "a number as results": (
        ("mine", "Set", "mine", "master", 7, 3),
        TypeError,
        "results as a path",
    ),
    "long results": (
        ("mine", "Set", "mine", "master", 7, "r" * 5000),
        ValueError,
        "results as a path",
    ),
}


@pytest.mark.parametrize("case", NO_NAMES)
def test_what_no_folder_can_be_called_is_refused(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, error, message = NO_NAMES[case]
    with pytest.raises(error, match=message):
        warpline.open_run(*arguments)
    name, taskset, *_, seed = arguments[:5]
    if seed == 7 and "results" not in message:
        with pytest.raises((TypeError, ValueError, FileNotFoundError), match="expected"):
            warpline.load_table(name, taskset)


def test_a_pretrained_network_has_the_names_of_its_tasks(results, task_settings):
    root = results / "mine"
    task = task_settings(name="Set")
    for name in ("Anti", "Basic"):
        trials = generate_trials(task | {"variation": {"anti": name == "Anti", "delay": False}}, name,
                                 "validation", 4, 1)  # fmt: skip
        path = root / "trials" / "Set" / name / "validation.nc"
        result_files.write_dataset(trials, path, {"settings": {"taskset": task}})
    folder = root / "pretraining" / "Set" / "mine" / "Basic+Anti" / "seed~1"
    model = build_model(ARCHITECTURE, 7, 3, 100.0, seed=1)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    write_checkpoints(
        folder / "checkpoints.safetensors", {5: weights}, [{"step": 5, "accuracy": 0.5}],
        {"settings": {"architecture": ARCHITECTURE}, "status": "converged"},
    )  # fmt: skip
    rows = pd.DataFrame({"task": ["Basic", "Anti"], "step": 5})
    result_files.write_table(rows, folder / "history.csv", {})
    names = [run.curriculum for run in warpline.list_runs("mine", results)]
    assert names == ["master", "pretraining Basic+Anti"]
    run = warpline.open_run("mine", "Set", "mine", "pretraining Basic+Anti", 1, results)
    np.testing.assert_array_equal(run.model().weight_hh_l0.detach(), weights["weight_hh_l0"])
    with pytest.raises(ValueError, match="one of Basic, Anti: say task="):
        run.trials()
    assert run.input_manifold(task="Anti").names == ["coherence"]
