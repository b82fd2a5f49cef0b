"""The checkpoint file: what is written is read back, and what is missing or damaged says so."""

import numpy as np
import pytest
import torch

from warpline.core import result_files, tensor_files
from warpline.models.base import build_model
from warpline.models.checkpoints import CheckpointFile, nearest_checkpoint, write_checkpoints

UNITS = {"units": 10, "activation": "tanh", "init": "orthogonal", "gain": 1.0, "tau": 100.0}
UNITS |= {"noise": 0.0, "parameters": {}}
ARCHITECTURES = {
    "leaky_rnn": UNITS | {"model": "leaky_rnn"},
    "leaky_gru": UNITS | {"model": "leaky_gru"},
    "ei_rnn": UNITS | {"model": "ei_rnn", "activation": "relu", "init": "gaussian"},
    "static_mlp": UNITS | {"model": "static_mlp"},
    "mamba": {
        "model": "mamba",
        "d_model": 8,
        "d_state": 4,
        "d_conv": 4,
        "expand": 2,
        "n_layers": 2,
    },
}
SIZES = {"n_inputs": 4, "n_outputs": 1, "dt": 20.0}
STEPS = (0, 3, 20)


def weights_of(model):
    return {name: value.detach().numpy().copy() for name, value in model.named_parameters()}


@pytest.fixture
def make(tmp_path):
    """Return a function: an architecture, to its models by step and the file of their weights."""

    def write(architecture="leaky_rnn"):
        models = {
            step: build_model(ARCHITECTURES[architecture], **SIZES, seed=step) for step in STEPS
        }
        summary = [{"step": step, "loss": None, "accuracy": step / 40} for step in STEPS]
        path = tmp_path / f"{architecture}.safetensors"
        provenance = {"settings": {"seed": 1}, "status": "converged", "device": "cpu"}
        weights = {step: weights_of(model) for step, model in models.items()}
        write_checkpoints(path, weights, summary, provenance)
        return path, models

    return write


def test_round_trip(make):
    path, models = make()
    checkpoints = CheckpointFile(path)
    assert checkpoints.steps == list(STEPS) and checkpoints.status == "converged"
    assert checkpoints.accuracy == {0: 0.0, 3: 0.075, 20: 0.5}
    assert checkpoints.settings == {"seed": 1} and checkpoints.provenance["device"] == "cpu"
    for step, model in models.items():
        expected, found = weights_of(model), checkpoints.weights(step)
        assert set(found) == set(expected)
        assert all(found[name].tobytes() == expected[name].tobytes() for name in expected)


def test_names_in_the_file_are_those_of_earlier_versions(make):
    tensors, provenance = tensor_files.read_tensors(make()[0])
    assert {"00000000/weight_in", "00000003/weight_in", "00000020/weight_in"} <= set(tensors)
    assert provenance["checkpoints"][1] == {"step": 3, "loss": None, "accuracy": 0.075}


def test_the_last_step_by_default(make):
    path, models = make()
    checkpoints, last = CheckpointFile(path), weights_of(models[20])
    loaded = checkpoints.network(ARCHITECTURES["leaky_rnn"], **SIZES)
    for name, value in checkpoints.weights().items():
        assert np.array_equal(value, last[name])
        assert np.array_equal(loaded.get_parameter(name).detach(), last[name])


def test_a_mask_is_made_with_the_model_and_a_weight_of_two_names_is_read(make):
    path, models = make()
    model = build_model(ARCHITECTURES["leaky_rnn"], **SIZES, seed=9)
    model.register_buffer("mask", torch.eye(3))
    CheckpointFile(path).load_into(model, 3)
    assert torch.equal(model.get_buffer("mask"), torch.eye(3))
    assert torch.equal(model.weight_hh, models[3].weight_hh)
    model.weight_again = model.weight_hh
    CheckpointFile(path).load_into(model, 20)
    assert torch.equal(model.weight_again, models[20].weight_hh)
    model.weight_more = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(RuntimeError, match="weight_more"):
        CheckpointFile(path).load_into(model, 3)


@pytest.mark.parametrize("call", ["weights", "load_into", "network"])
def test_a_missing_step_names_the_steps_there_are(make, call):
    path, models = make()
    arguments = {
        "weights": {},
        "load_into": {"model": models[0]},
        "network": {"architecture": ARCHITECTURES["leaky_rnn"], **SIZES},
    }
    with pytest.raises(KeyError, match=r"expected a step among \[0, 3, 20\], got 4"):
        getattr(CheckpointFile(path), call)(**arguments[call], step=4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_model_is_loaded_to_the_last_bit(make, architecture):
    path, models = make(architecture)
    inputs = torch.randn(5, 7, 4, generator=torch.Generator().manual_seed(1))
    checkpoints = CheckpointFile(path)
    other = build_model(ARCHITECTURES[architecture], **SIZES, seed=99)
    checkpoints.load_into(other, 3)
    built = checkpoints.network(ARCHITECTURES[architecture], **SIZES, step=3)
    with torch.no_grad():
        expected = models[3](inputs)
        for model in (other, built):
            assert all(torch.equal(a, b) for a, b in zip(model(inputs), expected, strict=True))


def test_weights_of_another_architecture_are_refused(make):
    path, _ = make()
    with pytest.raises(RuntimeError, match="size mismatch"):
        CheckpointFile(path).network(ARCHITECTURES["leaky_rnn"] | {"units": 11}, **SIZES)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a safetensors file at"):
        CheckpointFile(tmp_path / "none.safetensors")


def test_a_damaged_file_is_refused_at_once(make):
    path, _ = make()
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(result_files.DamagedFileError, match=r"is damaged \(expected \d+ bytes"):
        CheckpointFile(path)


def test_a_file_that_is_damaged_after_it_was_opened_is_refused(make):
    path, _ = make()
    checkpoints = CheckpointFile(path)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(result_files.DamagedFileError, match="is damaged"):
        checkpoints.weights()


def test_tensors_without_checkpoints_are_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    tensor_files.write_tensors({"noise": np.zeros(3)}, path, {"step": 20}, sidecar=False)
    with pytest.raises(result_files.DamagedFileError, match="lists no checkpoints"):
        CheckpointFile(path)


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0.0, (0, 0.0)), (0.5, (60, 0.6)), (0.3, (10, 0.1)), (1.0, (100, 1.0))],
)
def test_nearest(fraction, expected):
    assert nearest_checkpoint([0, 10, 60, 100], fraction) == expected


def test_nearest_of_a_file(make):
    assert CheckpointFile(make()[0]).nearest(0.1) == (3, 3 / 20)


def test_a_run_of_no_steps_is_complete():
    assert nearest_checkpoint([0], 0.25) == (0, 1.0)
