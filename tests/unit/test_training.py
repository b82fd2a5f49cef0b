import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from warpline.core import result_files, tensor_files
from warpline.models.base import build_model
from warpline.tasks.trials import generate_trials
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.loop import balanced_loss, decision_accuracy, train

ARCHITECTURE = {
    "model": "leaky_rnn",
    "units": 16,
    "activation": "tanh",
    "init": "orthogonal",
    "gain": 1.0,
    "tau": 100.0,
    "noise": 0.05,
    "parameters": {},
    "batch_size": 16,
}
LOOP = {
    "trainable": "all",
    "max_steps": 30,
    "learning_rate": 1e-2,
    "gradient_clip": 1.0,
    "evaluate_every": 10,
    "target_fraction": 1.0,
    "sustained": 3,
    "checkpoints": {"log": 4, "every": 0, "steps": []},
    "resume_every": 10,
}


@pytest.fixture
def task_data(task_settings):
    def make(task="Basic", split="train", count=64):
        return TaskData.from_dataset(
            generate_trials(task_settings(task=task), task, split, count, 1)
        )

    return make


@pytest.fixture
def run(task_data):
    def make(
        tasks=("Basic",),
        seed=1,
        path=None,
        key="",
        architecture=ARCHITECTURE,
        device="cpu",
        **changes,
    ):
        model = build_model(architecture, n_inputs=7, n_outputs=3, dt=100, seed=seed).to(device)
        training = [task_data(task) for task in tasks]
        validation = [task_data(task, "validation", 40).to(torch.device(device)) for task in tasks]
        order = BatchOrder([64] * len(tasks), 16, 1, ["order"])
        result = train(model, training, validation, LOOP | changes, order, 1, path, key)
        return result, model

    return make


def test_loss_weighs_decision_and_rest_equally(task_data):
    data = task_data(count=8)
    logits = torch.zeros(*data.target.shape, 3)
    assert balanced_loss(logits, data) == pytest.approx(math.log(3), rel=1e-6)
    right = 50.0 * torch.nn.functional.one_hot(data.target, 3).float()
    assert balanced_loss(right, data) == pytest.approx(0, abs=1e-6)
    only_rest = torch.where(data.decision[..., None], logits, right)
    assert balanced_loss(only_rest, data) == pytest.approx(math.log(3) / 2, rel=1e-5)


def test_loss_ignores_padding(task_data):
    data = task_data("DelayResponse")
    logits = torch.randn(*data.target.shape, 3, generator=torch.Generator().manual_seed(0))
    changed = torch.where(data.valid[..., None], logits, torch.full_like(logits, 1e3))
    assert balanced_loss(logits, data) == balanced_loss(changed, data)


def test_accuracy_counts_decision_steps_of_scored_trials(task_data):
    data = task_data()
    logits = torch.nn.functional.one_hot(data.target, 3).float()
    assert decision_accuracy(logits, data) == 1
    spoiled = torch.where((data.decision & data.scored[:, None])[..., None], logits, -logits)
    assert decision_accuracy(spoiled, data) == 1
    assert decision_accuracy(-logits, data) == 0


# --- vector targets -------------------------------------------------------------------------------

LINE = {
    "name": "Line",
    "env": "decision_line",
    "rules": ["Basic"],
    "variation": {"anti": False, "delay": False},
    "dt": 100,
    "timing": {"stimulus": 500, "decision": 300},
    "input_noise": 1.0,
    "parameters": {},
}
ANGLES = LINE | {
    "env": "sequence_memory",
    "variation": {"anti": False, "delay": True},
    "timing": {
        "fixation": 100,
        "item_1": 200,
        "item_2": 200,
        "delay": {"choice": [100, 300]},
        "report_1": 200,
        "report_2": 200,
    },
}


@pytest.fixture
def vector_data():
    def make(settings=LINE, split="train", count=64):
        return TaskData.from_dataset(generate_trials(settings, "Basic", split, count, 1))

    return make


@pytest.fixture
def vector_run(vector_data):
    def make(settings=LINE, path=None, key="", **changes):
        data = vector_data(settings)
        architecture = ARCHITECTURE | {"units": 12}
        model = build_model(architecture, data.inputs.shape[-1], data.n_outputs, dt=data.dt, seed=1)
        order = BatchOrder([64], 16, 1, ["order"])
        validation = [vector_data(settings, "validation", 40)]
        return train(model, [data], validation, LOOP | changes, order, 1, path, key)

    return make


def plain_loss(outputs, data):
    """The loss as it is written down, a step at a time."""
    parts = {"decision": [], "other": []}
    for k in range(len(data)):
        for t in range(data.target.shape[1]):
            error = float((outputs[k, t] - data.target[k, t]).square().mean())
            if data.decision[k, t]:
                parts["decision"].append(error)
            elif data.asked[k, t]:
                parts["other"].append(error)
    return 0.5 * sum(np.mean(errors) if errors else 0.0 for errors in parts.values())


@pytest.mark.parametrize("settings", [LINE, ANGLES])
def test_loss_of_a_vector_is_the_balanced_squared_error(vector_data, settings):
    data = vector_data(settings, count=12)
    outputs = torch.randn(data.target.shape, generator=torch.Generator().manual_seed(0))
    assert float(balanced_loss(outputs, data)) == pytest.approx(plain_loss(outputs, data), rel=1e-5)
    spoiled = torch.where(data.asked[..., None], outputs, outputs + 100)
    assert balanced_loss(spoiled, data) == balanced_loss(outputs, data)
    assert balanced_loss(data.target, data) == 0


def test_gradient_of_the_vector_loss_is_that_of_the_steps_asked(vector_data):
    data = vector_data(ANGLES, count=5)
    outputs = torch.randn(
        data.target.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ).requires_grad_()
    data = replace(data, target=data.target.double())
    assert torch.autograd.gradcheck(lambda x: balanced_loss(x, data), (outputs,))
    (gradient,) = torch.autograd.grad(balanced_loss(outputs, data), outputs)
    assert torch.equal(gradient.abs().sum(-1) > 0, data.asked)


@given(radius=st.floats(0, 2), angle=st.floats(-math.pi, math.pi))
@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_vector_is_right_within_the_tolerance(vector_data, radius, angle):
    data = vector_data(ANGLES, count=4)
    shift = radius * torch.tensor([math.cos(angle), math.sin(angle)])
    assume(abs(radius - data.tolerance) > 1e-4)
    outputs = torch.where(data.decision[..., None], data.target + shift, 50.0)
    assert decision_accuracy(outputs, data) == (radius < data.tolerance)


def test_learning_lowers_the_loss_of_a_vector(vector_run):
    result = vector_run(max_steps=100)
    assert result.history[-1].loss < 0.5 * result.history[0].loss


@pytest.mark.parametrize("settings", [LINE, ANGLES])
def test_resume_of_a_vector_task_ends_with_the_same_bits(vector_run, tmp_path, settings):
    whole = vector_run(settings)
    path = tmp_path / "state.safetensors"
    vector_run(settings, path=path, key="k")
    assert tensor_files.read_tensor_metadata(path)["step"] == 20
    resumed = vector_run(settings, path=path, key="k")
    assert [vars(row) for row in resumed.history[1:]] == [vars(row) for row in whole.history[1:]]
    for step, weights in whole.checkpoints.items():
        for name, value in weights.items():
            assert value.tobytes() == resumed.checkpoints[step][name].tobytes()


# --- the loop -------------------------------------------------------------------------------------


def test_schedule_and_history(run):
    result, model = run()
    assert result.status == "max_steps" and result.step == 30
    assert list(result.checkpoints) == [0, 1, 3, 10, 30]
    assert [row.step for row in result.history] == [0, 1, 3, 10, 20, 30]
    last = {name: value.detach().numpy() for name, value in model.named_parameters()}
    assert all(np.array_equal(result.checkpoints[30][name], last[name]) for name in last)


def test_learning_lowers_the_loss(run):
    result, _ = run(max_steps=120)
    assert result.history[-1].loss < 0.6 * result.history[0].loss


def test_stops_when_the_target_is_sustained(run):
    result, _ = run(target_fraction=0.01, sustained=2, max_steps=300, evaluate_every=20)
    assert result.status == "converged"
    streak = [row for row in result.history if row.step % 20 == 0][-2:]
    assert all(row.accuracy >= 0.01 * row.ideal for row in streak)
    assert result.step == streak[-1].step == max(result.checkpoints)


def test_every_task_must_reach_the_target(run):
    result, _ = run(tasks=("Basic", "Anti"), target_fraction=0.01, sustained=1, max_steps=40)
    assert {row.task for row in result.at(result.step)} == {"Basic", "Anti"}


def test_frozen_moves_the_input_weights_alone(run):
    result, _ = run(trainable="input")
    first, last = result.checkpoints[0], result.checkpoints[30]
    moved = {name for name in first if not np.array_equal(first[name], last[name])}
    assert moved == {"weight_in"}


def test_untrained(run):
    result, _ = run(max_steps=0)
    assert result.status == "untrained" and list(result.checkpoints) == [0]
    assert len(result.history) == 1


@pytest.mark.parametrize("rate", [1e38, 1e20])
@pytest.mark.parametrize("model", ["leaky_rnn", "leaky_gru"])
def test_diverged_run_is_marked_and_keeps_what_it_had(run, rate, model):
    architecture = ARCHITECTURE | {"model": model, "activation": "relu"}
    result, _ = run(learning_rate=rate, gradient_clip=1e30, architecture=architecture)
    assert result.status == "diverged"
    assert 0 in result.checkpoints
    for step, weights in result.checkpoints.items():
        assert all(np.isfinite(value).all() for value in weights.values())
        assert all(math.isfinite(row.loss) for row in result.at(step))


def test_a_network_that_is_not_finite_from_the_start_is_a_diverged_run(run):
    architecture = ARCHITECTURE | {"activation": "relu", "gain": 1e20, "init": "identity"}
    result, _ = run(architecture=architecture)
    assert result.status == "diverged" and result.step == 0 and list(result.checkpoints) == [0]


def test_same_seeds_same_bits(run):
    a, b = run()[0], run()[0]
    for step in a.checkpoints:
        for name in a.checkpoints[step]:
            assert a.checkpoints[step][name].tobytes() == b.checkpoints[step][name].tobytes()


def assert_resumed(run, path, tasks, device="cpu"):
    """Assert that a run that is resumed after 20 updates ends with the bits of one that is not."""
    whole, _ = run(tasks, device=device)
    # The state of an unfinished run is kept while it runs: the one after 20 updates is still there.
    run(tasks, path=path, key="k", device=device)
    assert tensor_files.read_tensor_metadata(path)["step"] == 20
    resumed, _ = run(tasks, path=path, key="k", device=device)
    assert [vars(row) for row in resumed.history[1:]] == [vars(row) for row in whole.history[1:]]
    assert list(resumed.checkpoints) == list(whole.checkpoints)
    for step, weights in whole.checkpoints.items():
        for name, value in weights.items():
            assert value.tobytes() == resumed.checkpoints[step][name].tobytes()


@pytest.mark.parametrize("tasks", [("Basic",), ("Basic", "Anti")])
def test_resume_ends_with_the_same_bits(run, tmp_path, tasks):
    assert_resumed(run, tmp_path / "state.safetensors", tasks)


@pytest.mark.gpu
def test_resume_on_a_gpu_ends_with_the_same_bits(run, tmp_path, cuda):
    assert_resumed(run, tmp_path / "state.safetensors", ("Basic", "Anti"), cuda)


@pytest.mark.gpu
def test_training_on_a_gpu_is_that_on_the_cpu(run, cuda):
    on_gpu, model = run(device=cuda)
    assert next(model.parameters()).is_cuda
    # The first updates: on another device every sum is rounded otherwise, and training amplifies it.
    on_cpu, _ = run()
    assert list(on_gpu.checkpoints) == list(on_cpu.checkpoints)
    for step in list(on_cpu.checkpoints)[:3]:
        for name, value in on_cpu.checkpoints[step].items():
            np.testing.assert_allclose(on_gpu.checkpoints[step][name], value, rtol=0, atol=1e-3)


def test_resume_of_another_key_is_discarded_with_a_word(run, tmp_path, caplog):
    path = tmp_path / "state.safetensors"
    run(path=path, key="old")
    run(path=path, key="new")
    assert "other parameters, code or trials; it is discarded" in caplog.text


def test_damaged_resume_file_is_discarded_with_a_word(run, tmp_path, caplog):
    path = tmp_path / "state.safetensors"
    run(path=path, key="k")
    path.write_bytes(path.read_bytes()[:-7])
    result, _ = run(path=path, key="k")
    assert "damaged" in caplog.text and result.status == "max_steps"


@pytest.mark.slow
def test_killed_job_goes_on_and_ends_with_the_same_bytes(task_settings, tmp_path, project):
    """SIGKILL in mid-training, for real: the script is run, killed, and run again.

    The job trains two seeds; on a CPU each gets the bytes of a job of its own.
    """
    for split, count in (("train", 256), ("validation", 40)):
        data = generate_trials(task_settings(), "Basic", split, count, 1)
        result_files.write_dataset(data, tmp_path / f"{split}.nc", {})
    loop = LOOP | {"max_steps": 1200, "resume_every": 25, "evaluate_every": 50}

    def start(folder, seeds):
        settings = {
            "seed": 1,
            "run": ["Set", "rnn", "master"],
            "architecture": ARCHITECTURE | {"units": 64},
            "training": loop,
        }
        command = [sys.executable, str(project / "scripts" / "train_network.py")]
        command += ["--settings", json.dumps(settings), "--code", "c"]
        command += ["--seeds", *map(str, seeds)]
        for option in ("train", "validation"):
            command += [f"--{option}", str(tmp_path / f"{option}.nc")]
        for option, name in (
            ("resume", "state.safetensors"),
            ("checkpoints", "c.safetensors"),
            ("history", "h.csv"),
        ):
            command += [f"--{option}", *(str(folder / str(k) / name) for k in seeds)]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    for k in (1, 2):
        whole = start(tmp_path / "whole", [k])
        assert whole.wait(timeout=240) == 0, whole.stderr.read()

    broken = tmp_path / "broken"
    kills = 0
    for seed, after in ((1, 100), (2, 200)):
        job = start(broken, [1, 2])
        deadline = time.time() + 120
        state = broken / str(seed) / "state.safetensors"
        while time.time() < deadline and job.poll() is None:
            if state.is_file() and tensor_files.read_tensor_metadata(state)["step"] >= after:
                os.kill(job.pid, signal.SIGKILL)
                break
            time.sleep(0.02)
        kills += job.wait() == -signal.SIGKILL
        assert not (broken / "1" / "c.safetensors").exists()
    assert kills == 2
    last = start(broken, [1, 2])
    assert last.wait(timeout=240) == 0
    assert last.stderr.read().count("going on from update") == 2
    for name in ("1/c.safetensors", "1/h.csv", "2/c.safetensors", "2/h.csv"):
        assert (broken / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not list(broken.rglob("state.safetensors"))


ADAM = """
import sys, torch
from warpline.training.optimiser import Adam

def trained(kind):
    torch.manual_seed(0)
    model, inputs = torch.nn.Linear(5, 3), torch.randn(20, 5)
    adam = kind(model.parameters(), lr=0.01, fused=True)
    for update in range(12):
        adam.zero_grad(set_to_none=True)
        model(inputs).square().sum().backward()
        adam.step()
        if update == 5:
            adam.load_state_dict(adam.state_dict())
    return model.weight.detach()

ours = trained(Adam)
assert "torch._dynamo" not in sys.modules
assert torch.equal(ours, trained(torch.optim.Adam))
"""


@pytest.mark.slow
def test_adam_is_that_of_torch_and_loads_no_compiler():
    subprocess.run([sys.executable, "-c", ADAM], check=True)
