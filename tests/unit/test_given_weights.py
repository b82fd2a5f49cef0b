"""Networks whose weights a file holds: what is read, what is refused, and the run that it becomes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from warpline.comparison.statistics import run_table
from warpline.comparison.trajectories import network_trajectories
from warpline.console.provenance import sidecar_path
from warpline.core import result_files
from warpline.models.base import build_model
from warpline.models.checkpoints import CheckpointFile, write_checkpoints
from warpline.models.given_weights import (
    WeightsError,
    network_from_file,
    read_weights,
    rename_weights,
)
from warpline.pipeline.config import ConfigError, load
from warpline.pipeline.earlier_networks import replaced_networks
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline
from warpline.pipeline.weights_check import weights_faults
from warpline.tasks.trials import generate_trials
from warpline.training.given_network import import_network

ARCHITECTURE = {
    "model": "lstm",
    "units": 5,
    "activation": "tanh",
    "init": "orthogonal",
    "gain": 1.0,
    "tau": 100.0,
    "noise": 0.0,
    "parameters": {},
}
RENAMING = {"lstm.": "", "fc.weight": "weight_out", "fc.bias": "bias_out"}


class Mine(nn.Module):
    """An LSTM as its user wrote and trained it."""

    def __init__(self, n_inputs=4, n_outputs=3, units=5):
        super().__init__()
        self.lstm = nn.LSTM(n_inputs, units, batch_first=True)
        self.fc = nn.Linear(units, n_outputs)

    def forward(self, inputs):
        return self.fc(self.lstm(inputs)[0])


@pytest.fixture
def mine():
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return Mine()


def open_file(path, n_outputs=3, **changes):
    return network_from_file(path, ARCHITECTURE | changes, 4, n_outputs, dt=20.0)


@pytest.mark.parametrize("kind", ["safetensors", "pt", "pth", "nested"])
def test_files_of_each_kind_give_the_same_network(mine, kind, tmp_path):
    path = tmp_path / f"net.{'pt' if kind == 'nested' else kind}"
    if kind == "safetensors":
        save_file(mine.state_dict(), path)
    else:
        content = mine.state_dict()
        torch.save({"epoch": 3, "state_dict": content} if kind == "nested" else content, path)
    given = open_file(path, weight_names=RENAMING)
    inputs = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(given.model(inputs)[0], mine(inputs), atol=1e-6, rtol=0)
    assert given.converted == {}


def test_the_last_checkpoint_of_a_checkpoint_file_counts(tmp_path):
    first, last = (build_model(ARCHITECTURE, 4, 3, 20.0, seed) for seed in (1, 2))
    weights = {
        step: {name: value.numpy() for name, value in model.state_dict().items()}
        for step, model in ((0, first), (120, last))
    }
    path = tmp_path / "checkpoints.safetensors"
    write_checkpoints(path, weights, [{"step": 0}, {"step": 120}], {})
    given = open_file(path)
    assert torch.equal(given.model.weight_hh_l0, last.weight_hh_l0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_another_numerical_type_is_converted_and_said(mine, dtype, tmp_path):
    save_file(mine.to(dtype).state_dict(), tmp_path / "net.safetensors")
    given = open_file(tmp_path / "net.safetensors", weight_names=RENAMING)
    assert given.model.weight_hh_l0.dtype == torch.float32
    expected = mine.lstm.weight_hh_l0.float()
    assert torch.equal(given.model.weight_hh_l0, expected)
    assert set(given.converted.values()) == {str(dtype).removeprefix("torch.")}
    assert set(given.converted) == set(given.model.state_dict())


def write(content, path):
    if path.suffix == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path)
    return path


def test_no_code_of_a_file_is_run(mine, tmp_path):
    path = write(mine, tmp_path / "whole.pt")  # A pickled module, which needs code to be read.
    with pytest.raises(WeightsError, match=r"tensors alone.*torch.save\(model.state_dict\(\)"):
        read_weights(path)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ({"epoch": 3, "net": {}}, "a.pt", "named tensors.*epoch: int, net: dict"),
        ([torch.zeros(2)], "a.pt", "named tensors.*got list"),
        (b"", "a.pt", "tensors alone in .*torch says: EOFError"),
        ({"a": torch.zeros(2)}, "a.npz", "ends in .safetensors, .pt, .pth"),
        (None, "a.safetensors", "expected a file of weights at .*found none"),
    ],
)
def test_other_files_are_refused(content, name, message, tmp_path):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(WeightsError, match=message):
        read_weights(path)


def test_a_cut_file_is_refused(mine, tmp_path):
    path = write(mine.state_dict(), tmp_path / "net.safetensors")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(WeightsError, match="expected safetensors in"):
        read_weights(path)


def changed(**changes):
    def change(weights):
        for name, value in changes.items():
            weights[name.replace("__", ".")] = value

    return change


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (changed(), {"weight_names": {}}, r'say `weight_names: {lstm.: "", fc.weight: weight_out, fc.bias: b'),
        (changed(), {"units": 7}, r"weight_ih_l0: expected \(28, 4\), got \(20, 4\)"),
        (changed(), {"n_outputs": 2}, r"weight_out: expected \(2, 5\), got \(3, 5\)"),
        (changed(extra=torch.zeros(2)), {}, "missing: none; unknown: extra"),
        (changed(fc__bias=torch.full((3,), torch.nan)), {}, "bias_out: expected finite real"),
        (
            changed(fc__bias=torch.full((3,), 1e39, dtype=torch.float64)),
            {},
            "bias_out: expected finite real numbers in float32",
        ),
        (
            changed(fc__bias=torch.ones(3, dtype=torch.int8)),
            {},
            "bias_out: expected floating-point numbers, got int8",
        ),
        (changed(), {"weight_names": RENAMING | {"rnn.": ""}}, "start with rnn., got fc.bias"),
        (changed(), {"weight_names": {"fc.weight": "a", "fc.bias": "a"}}, "got 'a' twice"),
        (changed(), {"model": "gru"}, r"weight_ih_l0: expected \(15, 4\), got \(20, 4\)"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_say_what_was_expected(mine, change, settings, message, tmp_path):
    weights = mine.state_dict()
    change(weights)
    path = write(weights, tmp_path / "net.safetensors")
    with pytest.raises(WeightsError, match=message):
        open_file(path, **{"weight_names": RENAMING} | settings)


def test_a_weight_can_be_left_out_and_the_longest_start_counts():
    tensors = {name: torch.zeros(1) for name in ("net.rnn.w", "net.head.w", "net.b")}
    renamed = rename_weights(tensors, {"net.": "", "net.rnn.": "cell.", "net.head.": None})
    assert list(renamed) == ["cell.w", "b"]


OWN = """
import torch
class Fixed(torch.nn.Module):
    input_weights = ("inp.weight",)
    def __init__(self, n_inputs, n_outputs, dt, settings, generator):
        super().__init__()
        self.inp = torch.nn.Linear(4, 6)
        self.out = torch.nn.Linear(6, 3)
        self.register_buffer("scale", torch.ones(6))
    def forward(self, inputs, generator=None):
        states = torch.cumsum(self.inp(inputs) * self.scale, 1)
        return self.out(states), states
class Broken(Fixed):
    def __init__(self, n_inputs):
        super().__init__(n_inputs, 3, 1.0, {}, None)
"""


@pytest.fixture
def own_file(tmp_path):
    """Return the file of a class of one's own, whose sizes are fixed, with weights beside it."""
    file = tmp_path / "own.py"
    file.write_text(OWN)
    model = build_model({"model": f"{file}:Fixed"}, 4, 3, 20.0, 1)
    model.scale.fill_(2.0)
    save_file(model.state_dict(), tmp_path / "own.safetensors")
    return file


def test_a_class_of_one_s_own_is_held_against_the_task_set(own_file, tmp_path):
    path, model = tmp_path / "own.safetensors", {"model": f"{own_file}:Fixed"}
    assert torch.equal(
        network_from_file(path, model, 4, 3, 20.0).model.scale, torch.full((6,), 2.0)
    )
    with pytest.raises(WeightsError, match=r"Fixed to take inputs \(trial, time, 7\)"):
        network_from_file(path, model, 7, 3, 20.0)
    with pytest.raises(WeightsError, match=r"outputs \(1, 2, 2\).*got \(1, 2, 3\)"):
        network_from_file(path, model, 4, 2, 20.0)


# --- the run that it becomes --------------------------------------------------------------------


@pytest.fixture
def imported(task_settings, tmp_path):
    """Return the folder of a given network as a run, and its trials."""
    settings = task_settings()
    trials = generate_trials(settings, "Basic", "validation", 20, 1)
    n_inputs, n_outputs = trials.sizes["channel"], int(trials.attrs["n_outputs"])
    own_file = tmp_path / "fitting.py"
    own_file.write_text(OWN.replace("Linear(4, 6)", f"Linear({n_inputs}, 6)"))
    model = build_model({"model": f"{own_file}:Fixed"}, n_inputs, n_outputs, 100.0, 1)
    model.scale.fill_(2.0)
    path = tmp_path / "net.safetensors"
    save_file(model.state_dict(), path)
    result_files.write_dataset(trials, tmp_path / "validation.nc", {})
    job = {
        "run": ["Set", "mine", "master"],
        "architecture": {"model": f"{own_file}:Fixed"},
        "source": {"file": str(path), "sha256": result_files.checksum(path)},
    }

    def write(job=job):
        files = (tmp_path / "validation.nc"), tmp_path / "c.safetensors", tmp_path / "h.csv"
        import_network(job, 3, [files[0]], *files[1:], code="c")
        return CheckpointFile(files[1]), files[2]

    return write, job, model, trials


def test_a_given_network_is_a_run_of_one_checkpoint(imported, tmp_path):
    write, job, model, trials = imported
    checkpoints, history = write()
    assert (checkpoints.status, checkpoints.steps) == ("given", [0])
    assert checkpoints.provenance["settings"]["source"] == job["source"]
    record = json.loads(sidecar_path(checkpoints.path).read_text())["provenance"]
    assert record["settings"]["source"]["sha256"] == job["source"]["sha256"]
    # Weights, buffers among them, are those of the file; so are the outputs.
    n_inputs, n_outputs = trials.sizes["channel"], int(trials.attrs["n_outputs"])
    again = checkpoints.network(job["architecture"], n_inputs, n_outputs, 100.0)
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    rows = run_table(
        [(result_files.read_table_metadata(history), result_files.read_table(history))]
    )
    row = rows.iloc[0]
    assert (row["architecture"], row["seed"], row["status"]) == ("mine", 3, "given")
    inputs = torch.from_numpy(trials["inputs"].transpose("trial", "time", "channel").values)
    answers = model(inputs)[0].argmax(-1).numpy()
    counted = trials["decision"].values & trials["scored"].values[:, None]
    assert row["accuracy"] == pytest.approx((answers == trials["target"].values)[counted].mean())


def test_under_a_fixed_target_trials_without_a_right_answer_count(imported):
    """As they do for the networks that are trained beside it (`training.target: fixed`)."""
    write, job, model, trials = imported
    path = Path(job["source"]["file"]).parent / "validation.nc"
    trials["scored"][::2] = False
    result_files.write_dataset(trials, path, {})
    accuracy = {}
    for target in ("ideal", "fixed"):
        checkpoints, history = write({**job, "target": target})
        accuracy[target] = result_files.read_table(history)["accuracy"][0]
        assert (checkpoints.provenance["ideal"] == 1) == (target == "fixed")
    inputs = torch.from_numpy(trials["inputs"].transpose("trial", "time", "channel").values)
    right = model(inputs)[0].argmax(-1).numpy() == trials["target"].values
    decision, scored = trials["decision"].values, trials["scored"].values
    assert accuracy["fixed"] == pytest.approx(right[decision].mean())
    assert accuracy["ideal"] == pytest.approx(right[decision & scored[:, None]].mean())


def test_every_fraction_of_training_is_the_one_checkpoint(imported):
    write, job, _, trials = imported
    settings = {
        "architecture": job["architecture"],
        "fractions": [0.0, 0.5, 1.0],
        "period": "stimulus",
        "variance": 0.999,
        "memory_mb": 100,
        "drives": {"names": []},
    }
    trials = trials.assign(condition=("trial", np.arange(20) % 2))
    dataset = network_trajectories(write()[0], [trials], settings, torch.device("cpu"))
    assert str(dataset["status"].values) == "given" and dataset["step"].values.tolist() == [0] * 3
    np.testing.assert_array_equal(dataset["states"][0], dataset["states"][2])


def test_a_file_that_changed_after_the_plan_is_refused(imported):
    write, job, _, _ = imported
    with pytest.raises(WeightsError, match="has changed since: run again"):
        write({**job, "source": {**job["source"], "sha256": "0" * 64}})


# --- in the configuration -----------------------------------------------------------------------


@pytest.fixture
def given_config(raw_config, tmp_path, monkeypatch):
    """Return the default configuration with an LSTM of one's own, a file per seed."""
    monkeypatch.chdir(tmp_path)
    raw_config["run"]["seeds"] = [1, 2]
    raw_config["architectures"]["mine"] = {
        "model": "lstm",
        "units": 5,
        "weights": "net-{seed}.pt",
        "weight_names": dict(RENAMING),
    }
    raw_config["run"]["grid"][0] |= {"architectures": ["mine"], "curricula": ["master"]}
    for seed in (1, 2):
        torch.save(Mine(n_inputs=7).state_dict(), f"net-{seed}.pt")
    return raw_config


def test_nothing_is_trained_for_given_networks(given_config):
    pipeline = Pipeline(Plan(load(given_config)))
    assert not list(pipeline.training.jobs()) and not list(pipeline.pretraining.jobs())
    jobs = list(pipeline.given.jobs())
    assert [job["seed"] for job in jobs] == ["1", "2"]
    # Of training trials those alone that are made beside the validation trials.
    assert {job["task"] for job in pipeline.trials.jobs()} == {
        Path(file).parent.name for job in jobs for file in pipeline.given.inputs(job)["validation"]
    }
    source = pipeline.given.parameters(jobs[1])["source"]
    assert source == {"file": "net-2.pt", "sha256": result_files.checksum("net-2.pt")}
    assert "target" not in pipeline.given.parameters(jobs[1])
    published = {"training": {"target": "fixed"}}
    fixed = Pipeline(Plan(load({**given_config, "protocol": published}))).given
    assert fixed.parameters(jobs[1])["target"] == "fixed"
    # What reads trained networks reads these; their settings say nothing of the file.
    names = {key: jobs[0][key] for key in ("taskset", "architecture", "curriculum")}
    assert pipeline.training.of_seeds([1], names) == [pipeline.given.path(**jobs[0])]
    assert "weights" not in json.dumps(pipeline.trajectories.parameters(names))
    assert "weight" not in json.dumps(
        pipeline.training.parameters(names | {"architecture": "leaky_rnn"})
    )
    assert weights_faults(pipeline.plan) == []


def test_a_changed_file_changes_the_settings_and_a_touched_one_does_not(given_config):
    pipeline = Pipeline(Plan(load(given_config)))
    job = next(pipeline.given.jobs())
    before = pipeline.given.settings(job)
    state = torch.load("net-1.pt", weights_only=True)
    torch.save(state, "net-1.pt")
    assert pipeline.given.settings(job) == before
    state["fc.bias"] += 1
    torch.save(state, "net-1.pt")
    assert pipeline.given.settings(job) != before


def test_a_trained_network_is_not_replaced_by_a_file(given_config):
    plan = Plan(load(given_config))
    pipeline = Pipeline(plan)
    path = pipeline.given.path(**next(pipeline.given.jobs()))
    weights = {0: {"w": np.zeros(1, np.float32)}}
    write_checkpoints(
        path, weights, [{"step": 0}], {"settings": {"run": ["PDM", "mine", "master"]}}
    )
    (fault,) = replaced_networks(pipeline)
    assert f"First {path}: it was trained here and is now given by a file of weights" in fault
    write_checkpoints(path, weights, [{"step": 0}], {"settings": {"source": {}}})
    assert replaced_networks(pipeline) == []


def entry(**changes):
    return lambda raw: raw["architectures"]["mine"].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (entry(weights="net-{seed}.safetensors"), "weights: expected a file at net-1.safetensors, f"),
        (entry(weights="net-1.pt"), "expected {seed} in the path.*got 'net-1.pt' for 1, 2"),
        (entry(weights="net-{sed}.pt"), "unknown name 'sed'; did you mean 'seed'?"),
        (entry(weights="net-{seed.pt"), "expected a path with fields such as {seed}"),
        (
            lambda raw: raw["run"]["grid"][0].update(curricula=["master", "untrained"]),
            "expected {curriculum} in the path.*for master, untrained",
        ),
        (entry(model="rnn"), "architectures.mine.activation: expected the value.*such as activation: tanh"),
        (
            entry(model="leaky_rnn", activation="relu", weight_names={}),
            "architectures.mine.tau: expected the value.*such as tau: 100.0",
        ),
        (entry(units=None), "architectures.mine.units: expected a value, got none"),
    ],
)  # fmt: skip
def test_a_wrong_entry_stops_with_one_message(given_config, change, message):
    change(given_config)
    with pytest.raises(ConfigError) as caught:
        load(given_config)
    assert message.partition(".*")[0] in str(caught.value)
    assert message.rpartition(".*")[2] in str(caught.value)


def test_units_of_a_model_of_one_s_own_may_be_left_out(given_config, own_file):
    given_config["architectures"]["mine"] |= {"model": "own.py:Fixed"}
    del given_config["architectures"]["mine"]["units"]
    pipeline = Pipeline(Plan(load(given_config)))
    job = next(pipeline.given.jobs())
    assert pipeline.given.expected_cost(job).disk > 0
    assert "units" not in pipeline.given.parameters(job)["architecture"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight_names": {}}, "missing: weight_ih_l0.*say `weight_names:.*in net-1.pt"),
        ({"units": 6}, r"task set PDM: expected the shapes.*\(24, 7\), got \(20, 7\)"),
        ({"noise": 0.1}, "expected noise 0"),
        ({"model": "own.py:Broken"}, "TypeError: .*__init__"),
    ],
)
def test_the_check_names_what_does_not_fit(given_config, own_file, changes, message):
    given_config["architectures"]["mine"] |= changes
    faults = weights_faults(Plan(load(given_config)))
    assert len(faults) == 1 and faults[0].startswith("architectures.mine.weights")
    assert re.search(message, faults[0])


def test_the_same_weights_for_two_seeds_are_refused(given_config):
    """One network would count twice."""
    torch.save(torch.load("net-1.pt", weights_only=True), "net-2.pt")
    assert result_files.checksum("net-1.pt") != result_files.checksum("net-2.pt")
    (fault,) = weights_faults(Plan(load(given_config)))
    assert "the same weights for master, seed 1 and master, seed 2 (net-2.pt)" in fault


def test_the_same_weights_in_two_groups_are_refused(given_config):
    """Pairs of one group with the other would be a network and itself."""
    given_config["architectures"]["mine"]["weights"] = "{curriculum}-{seed}.pt"
    given_config["curricula"] |= {"novice": {}, "expert": {}}
    given_config["run"]["grid"][0]["curricula"] = ["novice", "expert"]
    given_config["comparison"]["over"]["references"] = ["novice"]
    for name, files in {"novice": ("1", "2"), "expert": ("3", "1")}.items():
        for seed, file in enumerate(files, start=1):
            torch.manual_seed(int(file))
            torch.save(Mine(n_inputs=7).state_dict(), f"{name}-{seed}.pt")
    (fault,) = weights_faults(Plan(load(given_config)))
    assert "the same weights for novice, seed 1 and expert, seed 2 (expert-2.pt)" in fault


def test_sparse_weights_are_read(mine, tmp_path):
    state = mine.state_dict()
    torch.save({**state, "fc.weight": state["fc.weight"].to_sparse()}, tmp_path / "net.pt")
    weights = read_weights(tmp_path / "net.pt")
    assert torch.equal(weights["fc.weight"], state["fc.weight"])


def test_networks_that_are_read_leave_dropout_out(mine, tmp_path):
    torch.save(mine.state_dict(), tmp_path / "net.pt")
    network = open_file(tmp_path / "net.pt", weight_names=RENAMING).model
    assert not any(module.training for module in network.modules())
