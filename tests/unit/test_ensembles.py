"""Networks trained as one against the same networks trained alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from warpline.core import tensor_files
from warpline.models.base import build_model
from warpline.tasks.trials import generate_trials
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.ensemble import Member, can_be_batched, train_ensemble
from warpline.training.loop import train

RNN = {"units": 16, "activation": "tanh", "init": "orthogonal", "gain": 1.0, "tau": 100.0}
ARCHITECTURES = {
    "leaky_rnn": RNN | {"model": "leaky_rnn", "noise": 0.05},
    "leaky_gru": RNN | {"model": "leaky_gru", "noise": 0.0},
    "static_mlp": RNN | {"model": "static_mlp", "noise": 0.05},
    "mamba": {
        "model": "mamba",
        "d_model": 8,
        "d_state": 4,
        "d_conv": 4,
        "expand": 2,
        "n_layers": 2,
    },
}
LOOP = {
    "trainable": "all",
    "max_steps": 20,
    "learning_rate": 1e-2,
    "gradient_clip": 1.0,
    "evaluate_every": 10,
    "target_fraction": 1.0,
    "sustained": 3,
    "checkpoints": {"log": 3, "every": 0, "steps": []},
    "resume_every": 10,
}


@pytest.fixture(scope="module")
def data():
    settings = {
        "name": "Set",
        "env": "perceptual_decision",
        "rules": ["Basic", "DelayResponse"],
        "dt": 100,
        "timing": {
            "fixation": 200,
            "stimulus": 1000,
            "delay": {"choice": [300, 600]},
            "decision": 300,
        },
        "input_noise": 1.0,
        "parameters": {"cohs": [0, 12.8, 51.2]},
    }

    def make(task, split, count):
        variation = {"anti": False, "delay": task == "DelayResponse"}
        trials = generate_trials(settings | {"variation": variation}, task, split, count, 1)
        return TaskData.from_dataset(trials)

    return {
        split: [make(task, split, count) for task in ("Basic", "DelayResponse")]
        for split, count in (("train", 64), ("validation", 40))
    }


@pytest.fixture
def member(data):
    def make(seed, architecture="leaky_rnn", **further):
        n_inputs = data["train"][0].inputs.shape[-1]
        model = build_model(ARCHITECTURES[architecture], n_inputs, 3, 100, seed)
        return Member(model, BatchOrder([64, 64], 8, 1, ["order", seed]), seed, **further)

    return make


@pytest.fixture
def alone(data):
    def run(one, **changes):
        return train(
            one.model,
            data["train"],
            data["validation"],
            LOOP | changes,
            one.order,
            one.noise_seed,
            one.resume_path,
            one.resume_key,
        )

    return run


@pytest.fixture
def together(data):
    def run(members, **changes):
        return train_ensemble(members, data["train"], data["validation"], LOOP | changes)

    return run


def assert_alike(a, b, atol):
    assert (a.status, a.step, list(a.checkpoints)) == (b.status, b.step, list(b.checkpoints))
    for step, weights in a.checkpoints.items():
        for name, value in weights.items():
            np.testing.assert_allclose(b.checkpoints[step][name], value, rtol=0, atol=atol)
    for x, y in zip(a.history, b.history, strict=True):
        assert (x.step, x.task, x.ideal) == (y.step, y.task, y.ideal)
        assert y.loss == pytest.approx(x.loss, rel=1e-5, abs=10 * atol)
        assert y.accuracy == pytest.approx(x.accuracy, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("trainable", ["all", "input"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_twenty_updates_are_those_of_each_network_alone(
    member, alone, together, architecture, trainable
):
    seeds = (1, 2, 3)
    runs = together([member(seed, architecture) for seed in seeds], trainable=trainable)
    for seed, run in zip(seeds, runs, strict=True):
        assert_alike(alone(member(seed, architecture), trainable=trainable), run, atol=1e-5)
    first, second = (run.checkpoints[20] for run in runs[:2])
    for name in member(1, architecture).model.input_weights:
        assert not np.array_equal(first[name], second[name])


def test_data_and_noise_are_those_of_the_network_alone(member, data, monkeypatch):
    """To the last bit: what each network is shown, and the noise that it draws."""
    from warpline.training.ensemble import _BatchedNetworks

    shown = []
    set_gradients = _BatchedNetworks.set_gradients

    def watch(self, places, noise, steps):
        shown.append((self.trials.arrays(places, steps), noise))
        return set_gradients(self, places, noise, steps)

    monkeypatch.setattr(_BatchedNetworks, "set_gradients", watch)
    one, two = member(1), member(2)
    train_ensemble([one, two], data["train"], data["validation"], LOOP | {"max_steps": 4})
    noise = torch.Generator().manual_seed(2)
    for step, (arrays, drawn) in enumerate(shown):
        task, rows = two.order(step)
        batch = data["train"][task].rows(rows)
        steps = batch.inputs.shape[1]
        for name, values in arrays.items():
            expected = getattr(batch, name)
            if name == "scored":
                assert torch.equal(values[1], expected)
            else:
                assert torch.equal(values[1][:, :steps], expected), name
                # Steps that only the other network has are not asked.
                assert name in ("inputs", "target") or not values[1][:, steps:].any()
        assert torch.equal(drawn[1][:steps], torch.randn(steps, 8, 16, generator=noise))
    assert len(shown) == 4


@pytest.mark.slow
def test_one_that_converges_leaves_and_the_others_go_on_as_alone(
    member, alone, together, monkeypatch
):
    """Stopping is each network's own: here the second stops after ten updates, the first after twenty."""
    from warpline.training import loop

    accuracy = loop.decision_accuracy
    seen = {}

    def reached(logits, batch):
        gaps = [(model(batch.inputs)[0] - logits).abs().max() for model in watched]
        weights = int(torch.stack(gaps).argmin())
        seen[weights] = seen.get(weights, 0) + 1
        return 2.0 if seen[weights] > (2 if weights == 1 else 6) else accuracy(logits, batch)

    monkeypatch.setattr(loop, "decision_accuracy", reached)
    changes = {"sustained": 1, "max_steps": 60, "checkpoints": {"log": 0, "every": 0, "steps": []}}
    members = [member(seed, "leaky_gru") for seed in (1, 2, 3)]
    watched = [one.model for one in members]
    runs = together(members, **changes)
    assert [run.status for run in runs] == ["converged"] * 3
    assert [run.step for run in runs] == [30, 10, 30]
    monkeypatch.setattr(loop, "decision_accuracy", accuracy)
    for seed, run in zip((1, 2, 3), runs, strict=True):
        expected = alone(member(seed, "leaky_gru"), **changes | {"max_steps": run.step})
        last = run.checkpoints[run.step]
        for name, value in expected.checkpoints[run.step].items():
            np.testing.assert_allclose(last[name], value, rtol=0, atol=1e-4)


def test_one_that_diverges_leaves_and_keeps_what_it_had(member, alone, together):
    members = [member(seed, "leaky_gru") for seed in (1, 2)]
    with torch.no_grad():
        members[0].model.weight_out[0] = 1e30
    runs = together(members)
    assert [run.status for run in runs] == ["diverged", "max_steps"]
    assert_alike(alone(member(2, "leaky_gru")), runs[1], atol=1e-5)
    broken = member(1, "leaky_gru")
    with torch.no_grad():
        broken.model.weight_out[0] = 1e30
    assert_alike(alone(broken), runs[0], atol=0)


def test_untrained(together, member):
    runs = together([member(1), member(2)], max_steps=0)
    assert [run.status for run in runs] == ["untrained"] * 2
    assert all(list(run.checkpoints) == [0] for run in runs)


class Killed(Exception):
    pass


@pytest.mark.slow
def test_resume_ends_with_the_same_bits_whenever_it_was_killed(
    member, together, tmp_path, monkeypatch
):
    """Killed between the saves of two members, which then go on from different updates."""
    from warpline.training.resume import Resume

    def members():
        return [
            member(seed, resume_path=tmp_path / f"{seed}.safetensors", resume_key="k")
            for seed in (1, 2)
        ]

    whole = together([member(1), member(2)], max_steps=40)
    save, calls = Resume.save, []

    def save_and_die(self, *arguments):
        calls.append(self.path)
        if len(calls) == 4:
            raise Killed
        save(self, *arguments)

    monkeypatch.setattr(Resume, "save", save_and_die)
    with pytest.raises(Killed):
        together(members(), max_steps=40)
    steps = [
        tensor_files.read_tensor_metadata(tmp_path / f"{seed}.safetensors")["step"]
        for seed in (1, 2)
    ]
    assert steps == [20, 10]
    monkeypatch.setattr(Resume, "save", save)
    resumed = together(members(), max_steps=40)
    for a, b in zip(whole, resumed, strict=True):
        assert_alike(a, b, atol=1e-5)


def test_noise_that_cannot_be_drawn_outside_is_refused(member, together):
    class Noisy(torch.nn.Linear):
        noise = 0.1

    assert can_be_batched(member(1).model) and not can_be_batched(Noisy(1, 1))
    with pytest.raises(ValueError, match=r"expected models without noise.*Noisy has neither"):
        together([Member(Noisy(1, 1), member(1).order, 1)])


@pytest.mark.gpu
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_on_a_gpu_as_on_the_cpu(member, alone, data, architecture, cuda):
    members = [member(seed, architecture) for seed in (1, 2)]
    for one in members:
        one.model.to(cuda)
    validation = [one.to(cuda) for one in data["validation"]]
    for seed, run in zip(
        (1, 2), train_ensemble(members, data["train"], validation, LOOP), strict=True
    ):
        # The first updates: on another device every sum is rounded otherwise, and training amplifies it.
        expected = alone(member(seed, architecture))
        assert list(run.checkpoints) == list(expected.checkpoints)
        for step in list(expected.checkpoints)[:3]:
            for name, value in expected.checkpoints[step].items():
                np.testing.assert_allclose(run.checkpoints[step][name], value, rtol=0, atol=1e-3)


def spoiled(one):
    """A member that diverges at its sixth update."""

    def order(step):
        if step == 5:
            with torch.no_grad():
                next(iter(one.model.parameters())).fill_(torch.nan)
        return one.order(step)

    return replace(one, order=order)


class Replayed:
    """What stands for a CUDA graph on a CPU: the same calls, on buffers that stay the same."""

    count = 0

    def __init__(self, set_gradients, adam, places, noise, steps):
        Replayed.count += 1
        self.run, self.step, self.steps = set_gradients, adam.step, steps
        self.places, self.noise = places.clone(), noise.clone()

    def set_gradients(self, places, noise):
        self.places.copy_(places)
        self.noise.copy_(noise)
        return self.run(self.places, self.noise, self.steps)


def refuses(*arguments):
    raise RuntimeError("operation not permitted when stream is capturing")


@pytest.mark.parametrize("stand_in", [Replayed, refuses])
def test_replayed_updates_go_on_as_alone(member, alone, together, monkeypatch, caplog, stand_in):
    """The first update is not replayed, nor the one at which a member diverges."""
    from warpline.training import ensemble

    monkeypatch.setattr(ensemble, "can_be_captured", lambda device: True)
    monkeypatch.setattr(ensemble, "CapturedUpdate", stand_in)
    Replayed.count = 0
    runs = together([member(1), spoiled(member(2)), member(3)])
    assert [run.status for run in runs] == ["max_steps", "diverged", "max_steps"]
    for seed, run in zip((1, 3), runs[::2], strict=True):
        assert_alike(alone(member(seed)), run, atol=1e-5)
    assert runs[1].step == 5
    if stand_in is Replayed:
        assert Replayed.count == 2
    assert ("not permitted" in caplog.text) == (stand_in is refuses)
    assert caplog.text.count("slower") == (stand_in is refuses)


@pytest.mark.gpu
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_captured_updates_are_those_that_are_not(member, data, architecture, cuda):
    """As CUDA graphs. A member diverges, so that the others are captured anew."""
    validation = [one.to(cuda) for one in data["validation"]]
    runs = {}
    for capture in (True, False):
        members = [member(seed, architecture) for seed in (1, 2, 3)]
        for one in members:
            one.model.to(cuda)
        members[1] = spoiled(members[1])
        runs[capture] = train_ensemble(members, data["train"], validation, LOOP, capture)
    assert [run.status for run in runs[True]] == ["max_steps", "diverged", "max_steps"]
    assert [run.step for run in runs[True]] == [20, 5, 20]
    for captured, plain in zip(runs[True], runs[False], strict=True):
        assert_alike(plain, captured, atol=1e-4)
