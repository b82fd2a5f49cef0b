"""A resume file that is unfit is named and discarded: training ends with the bytes of an undisturbed run."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from warpline.core import tensor_files
from warpline.tasks.trials import generate_trials
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.loop import train

ARCHITECTURE = {
    "model": "leaky_rnn",
    "units": 8,
    "activation": "tanh",
    "init": "orthogonal",
    "gain": 1.0,
    "tau": 100.0,
    "noise": 0.05,
    "parameters": {},
}
LOOP = {
    "trainable": "all",
    "max_steps": 12,
    "learning_rate": 1e-2,
    "gradient_clip": 1.0,
    "evaluate_every": 5,
    "target_fraction": 1.0,
    "sustained": 3,
    "checkpoints": {"log": 3, "every": 0, "steps": []},
    "resume_every": 4,
}


@pytest.fixture
def run(task_settings):
    from warpline.models.base import build_model

    def data(split, count):
        return TaskData.from_dataset(generate_trials(task_settings(), "Basic", split, count, 1))

    trials, validation = data("train", 32), data("validation", 16)

    def start(path=None, key="k", **changes):
        model = build_model(
            ARCHITECTURE, trials.inputs.shape[-1], trials.n_outputs, trials.dt, seed=3
        )
        order = BatchOrder([len(trials)], 8, 1, ("order",))
        return train(model, [trials], [validation], LOOP | changes, order, 5, path, key)

    return start


def bits_of(run):
    """Return all that a run is, as bytes."""
    rows = [str(vars(row)) for row in run.history]
    weights = [
        (step, name, value.tobytes())
        for step, named in run.checkpoints.items()
        for name, value in sorted(named.items())
    ]
    return run.status, run.step, rows, weights


def change_state(name, value):
    def change(tensors, state):
        state[name] = value(state[name]) if callable(value) else value

    return change


def change_tensor(name, change_value):
    def change(tensors, state):
        tensors[name] = change_value(tensors[name])

    return change


def put(array, value):
    array = array.copy()
    array.flat[-1] = value
    return array


def drop(*names):
    def change(tensors, state):
        for name in names:
            (tensors if name in tensors else state).pop(name)

    return change


def change_row(**changes):
    return change_state("history", lambda rows: [rows[0] | changes, *rows[1:]])


WEIGHT, MOMENT = "weight/weight_hh", "adam/exp_avg/weight_hh"
UNFIT = {
    # Counters.
    "update 1000 of 12": change_state("step", 1000),
    "an update after the last": change_state("step", 12),
    "an update that saves nothing": change_state("step", 7),
    "a negative update": change_state("step", -4),
    "an update that is a fraction": change_state("step", 8.0),
    "an update that is text": change_state("step", "8"),
    "an earlier update": change_state("step", 4),
    "a streak that would have stopped": change_state("streak", 3),
    "a negative streak": change_state("streak", -1),
    "a streak that is true": change_state("streak", True),
    # History.
    "no history": change_state("history", []),
    "a history that is no list": change_state("history", {}),
    "a row that is missing": change_state("history", lambda rows: rows[1:]),
    "a row too many": change_state("history", lambda rows: [*rows, rows[-1]]),
    "rows in another order": change_state("history", lambda rows: rows[::-1]),
    "a column that is missing": change_state("history", lambda rows: [{"step": 0}, *rows[1:]]),
    "a column too many": change_row(other=1.0),
    "a loss that is text": change_row(loss="1"),
    "a task that is a number": change_row(task=1),
    # Entries.
    "no step": drop("step"),
    "no streak": drop("streak"),
    "no moments listed": drop("moments"),
    "an entry too many": change_state("other", 1),
    # Tensors.
    "a missing weight": drop(WEIGHT),
    "a missing moment": drop(MOMENT),
    "a missing second moment": drop("adam/exp_avg_sq/bias"),
    "a missing count of Adam's steps": drop("adam/step/weight_hh"),
    "missing noise": drop("noise"),
    "a missing checkpoint": drop("checkpoint/3/weight_hh"),
    "a tensor too many": lambda tensors, state: tensors.update(other=np.zeros(3)),
    "moments that are not listed": change_state("moments", lambda names: names[1:]),
    "moments of no parameter": change_state("moments", lambda names: [*names, "other"]),
    "moments that are text": change_state("moments", "weight_hh"),
    "a weight that would be broadcast": change_tensor(WEIGHT, lambda value: value[:1]),
    "a weight that is one number": change_tensor(WEIGHT, lambda value: value[0, 0]),
    "a moment that would be broadcast": change_tensor(MOMENT, lambda value: value[:, :1]),
    "a transposed weight": change_tensor("weight/weight_in", lambda value: value.T),
    "a weight of double precision": change_tensor(WEIGHT, lambda value: value.astype("f8")),
    "a checkpoint of another shape": change_tensor(
        "checkpoint/3/weight_hh", lambda value: value[:1]
    ),
    "noise cut short": change_tensor("noise", lambda value: value[:-8]),
    "noise that no generator has": change_tensor("noise", lambda value: np.full_like(value, 255)),
    "more steps of Adam than updates": change_tensor(
        "adam/step/weight_hh", lambda value: value + 1
    ),
    "no step of Adam": change_tensor("adam/step/weight_hh", lambda value: value * 0),
    # Numbers that no running training has.
    **{
        f"{value} in {name}": change_tensor(name, lambda array, value=value: put(array, value))
        for name in (WEIGHT, MOMENT, "adam/exp_avg_sq/bias", "checkpoint/3/weight_hh")
        for value in (np.nan, np.inf, -np.inf)
    },
    "a negative square": change_tensor("adam/exp_avg_sq/bias", lambda array: put(array, -1.0)),
    "a loss that was not finite": change_row(loss=None),
    "a gradient that was not finite": change_state(
        "history", lambda rows: [*rows[:-1], rows[-1] | {"gradient_norm": None}]
    ),
    "half a step of Adam": change_tensor("adam/step/weight_hh", lambda value: value - 0.5),
}


def rewrite(path, change):
    """Change a state and write it with checksums that fit."""
    tensors, state = tensor_files.read_tensors(path)
    change(tensors, state)
    tensor_files.write_tensors(tensors, path, state, sidecar=False)


@pytest.fixture
def state(run, tmp_path):
    """Return the state after 8 of 12 updates."""
    path = tmp_path / "state.safetensors"
    run(path)
    assert tensor_files.read_tensor_metadata(path)["step"] == 8
    return path


def test_a_state_that_is_rewritten_as_it_was_is_resumed(run, state, caplog):
    """The control of the test below."""
    caplog.set_level("INFO")
    rewrite(state, lambda tensors, entries: None)
    assert bits_of(run(state)) == bits_of(run())
    assert "going on from update 8" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("change", UNFIT.values(), ids=UNFIT)
def test_an_unfit_state_is_named_and_discarded(change, run, state, caplog):
    caplog.set_level("INFO")
    rewrite(state, change)
    assert bits_of(run(state)) == bits_of(run())
    assert f"starting afresh: {state} is unfit (" in caplog.text
    assert "going on" not in caplog.text


@pytest.mark.parametrize("seed", range(8))
def test_a_flipped_bit_is_named_and_discarded(seed, run, state, caplog):
    content = bytearray(state.read_bytes())
    bit = np.random.default_rng(seed).integers(8 * len(content))
    content[bit // 8] ^= 1 << (bit % 8)
    state.write_bytes(content)
    assert bits_of(run(state)) == bits_of(run())
    assert "is discarded" in caplog.text and "damaged" in caplog.text


@pytest.mark.parametrize(
    "kind", ["no checksum", "no key", "no metadata", "a list", "empty", "text"]
)
def test_a_file_that_is_no_state_is_named_and_discarded(kind, run, state, caplog):
    tensors, entries = tensor_files.read_tensors(state)
    if kind == "no key":
        del entries["key"]
        tensor_files.write_tensors(tensors, state, entries, sidecar=False)
    elif kind == "no metadata":
        save_file(tensors, state)
    elif kind in ("no checksum", "a list"):
        metadata = json.dumps([1] if kind == "a list" else entries)
        save_file(tensors, state, metadata={"warpline": metadata})
    else:
        state.write_bytes(b"" if kind == "empty" else b"text" * 100)
    assert bits_of(run(state)) == bits_of(run())
    assert "starting afresh" in caplog.text and "is discarded" in caplog.text


def test_a_parameter_without_gradient_has_no_moments_and_is_resumed(run, tmp_path, caplog):
    """Input weights alone learn: Adam keeps nothing of the others."""
    caplog.set_level("INFO")
    path = tmp_path / "state.safetensors"
    run(path, trainable="input")
    assert tensor_files.read_tensor_metadata(path)["moments"] == ["weight_in"]
    assert bits_of(run(path, trainable="input")) == bits_of(run(trainable="input"))
    assert "going on from update 8" in caplog.text


def test_counts_of_adam_keep_their_shape(state):
    """A tensor of no dimension stays one, so that shapes can be compared."""
    with safe_open(state, framework="pt") as handle:
        assert handle.get_tensor("adam/step/weight_hh").shape == torch.Size([])
