"""Training by the protocol of Guilhot et al. (2024): each switch shows the defect that it stands for."""

from __future__ import annotations

import math

import pytest
import torch
from protocol_networks import MASTER, rnn

from warpline.models.base import build_model
from warpline.tasks.trials import generate_trials
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.loop import balanced_loss, decision_accuracy, mean_loss, train


def test_every_initialisation_is_the_same_one(pipeline, raw_config):
    for name in ("kaiming", "identity", "gaussian"):
        raw_config["architectures"]["leaky_rnn"]["init"] = name
        settings = pipeline({"model": {"init": "uniform"}}).training.parameters(MASTER)
        assert settings["architecture"]["init"] == "uniform"
        assert pipeline({}).training.parameters(MASTER)["architecture"]["init"] == name
    # That of torch.nn.init.kaiming_uniform_ with a = sqrt 5.
    weight = build_model(rnn(units=200, init="uniform"), 3, 2, 20.0, seed=1).weight_hh.detach()
    bound = 1 / math.sqrt(200)
    assert 0.99 * bound < float(weight.abs().max()) <= bound
    assert float(weight.std()) == pytest.approx(bound / math.sqrt(3), rel=0.02)


@pytest.mark.parametrize(("reset_gate", "learns"), [("used", True), ("unused", False)])
def test_the_unused_reset_gate_has_a_gradient_of_exactly_0(
    pipeline, raw_config, reset_gate, learns
):
    raw_config["run"]["grid"][0]["architectures"] = ["leaky_gru"]
    stage = pipeline({"model": {"reset_gate": reset_gate}}).training
    told = stage.parameters(MASTER | {"architecture": "leaky_gru"})["architecture"]
    model = build_model(told | {"units": 5}, 4, 2, 50.0, seed=1)
    inputs = torch.randn(3, 9, 4, generator=torch.Generator().manual_seed(0))
    outputs, states = model(inputs)
    outputs.square().sum().backward()
    reset_rows = [
        parameter.grad[:5] for parameter in (model.weight_in, model.weight_hh, model.bias)
    ]
    assert [bool((rows != 0).any()) for rows in reset_rows] == [learns] * 3
    assert all((rows[5:] != 0).any() for rows in (model.weight_in.grad, model.weight_hh.grad))
    # Steps and whole runs are one network.
    state = model.initial_state(3)
    for k in range(9):
        state = model.step(state, inputs[:, k])
        torch.testing.assert_close(state, states[:, k])


def test_stale_states_of_mamba_come_from_older_inputs(pipeline, raw_config):
    sizes = {"d_model": 3, "d_state": 2, "d_conv": 4, "expand": 2, "n_layers": 1}
    settings = {"model": "mamba", "final_norm": True, **sizes}
    stale = build_model(settings | {"state": "stale"}, 7, 2, 50.0, seed=1)
    current = build_model(settings, 7, 2, 50.0, seed=1)
    inputs = torch.randn(2, 15, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(stale(inputs)[0], current(inputs)[0], rtol=0, atol=0)

    # As their code does it: a cache as wide as the network has inputs, of which the oldest four are read.
    (block,) = stale.layers
    mixer = block.mixer
    cache, state = torch.zeros(2, 7, mixer.d_inner), torch.zeros(2, mixer.d_inner, 2)
    for k in range(15):
        x = mixer.in_proj(block.norm(stale.embedding(inputs[:, k]))).chunk(2, -1)[0]
        window = torch.cat([cache, x[:, None]], 1)
        weights, bias = mixer._convolution_weights()
        u = torch.nn.functional.silu((window[:, :4] * weights).sum(1) + bias)
        delta, a, b, _ = mixer._selection(u)
        state = torch.exp(delta[..., None] * a) * state + (delta * u)[..., None] * b[:, None]
        cache = window[:, 1:]
        torch.testing.assert_close(stale(inputs)[1][:, k], state.flatten(1), rtol=1e-4, atol=1e-6)
    assert (stale(inputs)[1] - current(inputs)[1]).abs().max() > 1e-3

    raw_config["run"]["grid"][0]["architectures"] = ["mamba_d8_l1"]
    stages = pipeline({"mamba": {"state": "stale"}})
    job = MASTER | {"architecture": "mamba_d8_l1"}
    assert stages.trajectories.parameters(job)["architecture"]["state"] == "stale"
    assert stages.training.parameters(job) == pipeline({}).training.parameters(job)


LOOP = {
    "trainable": "all",
    "max_steps": 12,
    "learning_rate": 1e-2,
    "gradient_clip": 1.0,
    "evaluate_every": 4,
    "target_fraction": 0.01,
    "sustained": 1,
    "checkpoints": {"log": 0, "every": 4, "steps": []},
    "resume_every": 100,
}


@pytest.fixture
def data(task_settings):
    return TaskData.from_dataset(generate_trials(task_settings(), "Basic", "train", 32, 1))


def test_the_loss_of_all_steps_is_mostly_that_of_fixation(data):
    """Right in every step but those of the decision, which are a fifth: 3 of 15 steps."""
    right = 50.0 * torch.nn.functional.one_hot(data.target, 3).float()
    wrong_decision = torch.where(data.decision[..., None], torch.zeros_like(right), right)
    assert float(mean_loss(wrong_decision, data)) == pytest.approx(math.log(3) / 5, rel=1e-5)
    assert float(balanced_loss(wrong_decision, data)) == pytest.approx(math.log(3) / 2, rel=1e-5)


@pytest.mark.parametrize("loss", ["balanced", "all_steps"])
def test_training_minimises_the_loss_of_its_settings(data, loss):
    def weights(**settings):
        model = build_model(rnn(batch_size=16), 7, 3, 100.0, seed=1)
        order = BatchOrder([32], 16, 1, ["order"])
        train(model, [data], [data], LOOP | {"max_steps": 1} | settings, order, 1)
        return model.weight_out.detach()

    same = torch.equal(weights(loss=loss), weights())
    assert same == (loss == "balanced")


def test_the_fixed_target_counts_trials_without_evidence(task_settings, pipeline):
    dataset = generate_trials(task_settings(), "Basic", "validation", 60, 1)
    without_evidence = int((dataset["coh"] == 0).sum())
    fixed, ideal = (TaskData.from_dataset(dataset, all_scored) for all_scored in (True, False))
    assert int(fixed.scored.sum()) == 60 and int(ideal.scored.sum()) == 60 - without_evidence
    assert fixed.ideal == 1 and ideal.ideal < 1
    # Right wherever there is evidence, and silent where there is none.
    target = torch.where(ideal.scored[:, None], ideal.target, 0)
    outputs = torch.nn.functional.one_hot(target, 3).float()
    assert decision_accuracy(outputs, ideal) == 1
    assert decision_accuracy(outputs, fixed) == pytest.approx(1 - without_evidence / 60)

    told = pipeline({"training": {"target": "fixed"}}).training.parameters(MASTER)["training"]
    assert (told["target"], told["target_fraction"], told["sustained"]) == ("fixed", 0.99, 1)


def test_blocked_tasks_follow_each_other_and_get_more_updates(pipeline):
    order = BatchOrder([40, 30, 20], 10, 1, ["order"], interleave=False)
    tasks = [order(step)[0] for step in range(18)]
    assert tasks == [0, 0, 0, 0, 1, 1, 1, 2, 2] * 2
    epochs = [torch.cat([order(step)[1] for step in range(k, k + 4)]) for k in (0, 9)]
    assert [sorted(rows.tolist()) for rows in epochs] == [list(range(40))] * 2
    assert epochs[0].tolist() != epochs[1].tolist()

    job = {"taskset": "PDM", "architecture": "leaky_rnn", "pretraining": "Basic+Anti+DelayResponse"}
    blocked = pipeline({"training": {"interleave": False}})
    assert blocked.pretraining.parameters(job)["training"]["max_steps"] == 3 * 3000
    assert blocked.training.parameters(MASTER)["training"]["max_steps"] == 3000
    # The time that is asked for counts them, too.
    longest = [one.pretraining.cost(job).longest for one in (blocked, pipeline({}))]
    assert 2.5 < longest[0] / longest[1] < 3
