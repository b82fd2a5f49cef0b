import copy

import numpy as np
import pytest
import torch

from warpline.comparison.drives import driven_inputs
from warpline.comparison.hidden_states import (
    condition_means,
    cut_window,
    hidden_states,
    principal_components,
)
from warpline.comparison.network_systems import driven_systems_of, systems_of
from warpline.comparison.trajectories import (
    concatenate_seeds,
    means_of_first,
    network_trajectories,
    split_condition_states,
)
from warpline.models import lstm
from warpline.models.base import build_model
from warpline.models.checkpoints import CheckpointFile, write_checkpoints
from warpline.tasks.trials import generate_trials


@pytest.mark.parametrize("memory_mb", [0, 1])
def test_portions_change_nothing(rng, monkeypatch, memory_mb):
    settings = {
        "model": "leaky_rnn",
        "units": 6,
        "activation": "tanh",
        "init": "xavier",
        "gain": 1.0,
    }
    settings |= {"tau": 100.0, "noise": 0.3, "parameters": {}}
    model = build_model(settings, 3, 2, 50.0, seed=1)
    inputs = rng.normal(size=(25, 8, 3)).astype("f4")
    whole = hidden_states(model, inputs)
    ran = []
    monkeypatch.setattr("warpline.comparison.hidden_states.ARRAYS", 2**20 // (7 * whole[0].nbytes))
    model.register_forward_hook(lambda _, batch, result: ran.append(len(batch[0])))
    portions = hidden_states(model, inputs, memory_mb)
    np.testing.assert_allclose(portions, whole, atol=1e-6)
    assert whole.shape == (25, 8, 6)
    assert ran == ([1] * 26 if memory_mb == 0 else [1, 7, 7, 7, 4])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_networks_of_any_precision_run(rng, dtype):
    """Half precision is exact in single, in which it runs; double stays double."""
    module = torch.nn.LSTM(3, 6, batch_first=True).to(dtype)
    model = lstm.Network.from_module(module, observed="h")
    inputs = rng.normal(size=(5, 8, 3)).astype("f4")
    states = hidden_states(model, inputs)
    wider = torch.promote_types(dtype, torch.float32)
    with torch.no_grad():
        expected, _ = copy.deepcopy(module).to(wider)(torch.from_numpy(inputs).to(wider))
    assert states.dtype == expected.numpy().dtype
    np.testing.assert_allclose(
        states, expected.numpy(), atol=1e-6 if wider == torch.float32 else 1e-14
    )
    assert {weight.dtype for weight in model.parameters()} == {dtype}


@pytest.mark.parametrize("module", [torch.nn.LSTM, torch.nn.GRU])
def test_a_module_of_torch_is_no_model_by_itself(module):
    with pytest.raises(TypeError, match=f"another result of {module.__name__}.*from_module"):
        hidden_states(module(3, 6, batch_first=True), np.zeros((2, 8, 3), "f4"))


def test_components_in_portions_are_the_components(rng, monkeypatch):
    states = (rng.normal(size=(9, 20, 4)) @ rng.normal(size=(4, 12)) + 3).astype("f4")
    whole, kept = principal_components(states, 0.99)
    monkeypatch.setattr("warpline.comparison.hidden_states.SAMPLES", 50)
    portions, also_kept = principal_components(states, 0.99)
    np.testing.assert_allclose(portions, whole, atol=1e-9)
    assert also_kept == pytest.approx(kept, abs=1e-12)


def test_window_follows_each_trial():
    states = np.arange(3 * 10)[None].reshape(3, 10, 1).astype(float)
    window = cut_window(states, np.array([0, 2, 5]), np.array([4, 6, 9]))
    assert window[..., 0].tolist() == [[0, 1, 2, 3], [12, 13, 14, 15], [25, 26, 27, 28]]


def test_window_of_several_lengths_is_refused():
    with pytest.raises(ValueError, match="one duration in all trials, got 3, 4 steps"):
        cut_window(np.zeros((2, 9, 1)), np.array([0, 0]), np.array([3, 4]))


def test_components_keep_the_share_and_all_distances(rng):
    noise = 0.001 * rng.normal(size=(10, 20, 12))
    states = rng.normal(size=(10, 20, 3)) @ rng.normal(size=(3, 12)) + noise + 5
    scores, kept = principal_components(states, 0.999)
    # Three axes, and the constant that the mean has outside them.
    assert scores.shape == (10, 20, 4) and kept >= 0.999
    assert np.ptp(scores[..., 3]) == 0
    full, everything = principal_components(states, 1.0)
    assert everything == pytest.approx(1)
    flat, rebuilt = states.reshape(200, 12), full.reshape(200, -1)
    np.testing.assert_allclose(flat @ flat.T, rebuilt @ rebuilt.T, rtol=1e-9)


def test_components_lose_nothing_that_dsa_sees(rng):
    """DSA is not centred: where the mean lies must survive, or tables and raw states disagree."""
    import warpline

    def walk(offset):
        steps = rng.normal(size=(20, 40, 6)) @ rng.normal(size=(6, 6))
        states = np.zeros((20, 40, 6))
        for t in range(1, 40):
            states[:, t] = 0.8 * states[:, t - 1] + 0.3 * steps[:, t]
        return states + offset

    x, y = walk(0.0), walk(4.0)
    settings = {"n_delays": 3, "rank": 6}
    raw = warpline.compare(x, y, measure="dsa", **settings)["dissimilarity"]
    components = [principal_components(states, 1.0)[0] for states in (x, y)]
    assert warpline.compare(*components, measure="dsa", **settings)[
        "dissimilarity"
    ] == pytest.approx(raw, abs=1e-5)
    centred = [states - states.mean(axis=(0, 1)) for states in (x, y)]
    assert abs(warpline.compare(*centred, measure="dsa", **settings)["dissimilarity"] - raw) > 1e-3


def test_fewest_components(rng):
    states = rng.normal(size=(50, 40, 4)) * np.array([10, 5, 1, 0.1])
    states -= states.mean(axis=(0, 1))
    counts = [principal_components(states, share)[0].shape[-1] for share in (0.5, 0.95, 0.999, 1.0)]
    assert counts == [1, 2, 3, 4]


def test_constant_states_are_one_constant():
    scores, kept = principal_components(np.ones((3, 4, 5)), 0.999)
    assert scores.shape == (3, 4, 1) and np.allclose(scores, np.sqrt(5)) and kept == 1


def test_condition_means_are_aligned_on_start_and_on_go():
    states = np.full((4, 10, 1), np.nan)
    go, end = np.array([4, 6, 4, 6]), np.array([6, 8, 6, 9])
    for k in range(4):
        states[k, : go[k], 0] = np.arange(go[k])
        states[k, go[k] : end[k], 0] = 100 + np.arange(end[k] - go[k])
    means, aligned = condition_means(states, np.array([0, 0, 1, 1]), go, end)
    assert aligned.tolist() == [0, 1, 2, 3, -2, -1]
    assert means[:, :, 0].tolist() == [[0, 1, 2, 3, 100, 101]] * 2


# --- trajectories of checkpoint files --------------------------------------------------------------

SETTINGS = {
    "taskset": "Set",
    "architecture": {
        "name": "rnn",
        "model": "leaky_rnn",
        "units": 6,
        "activation": "tanh",
        "init": "xavier",
        "gain": 1.0,
        "tau": 100.0,
        "noise": 0.0,
        "parameters": {},
    },
    "curriculum": "master",
    "fractions": [0.0, 0.5, 1.0],
    "variance": 0.99,
    "memory_mb": 100,
    "period": "stimulus",
    "drives": {"names": ["weak_noise", "strong_noise"], "time_constant": 200.0, "seed": 1},
}
STEPS = (0, 6, 10)


@pytest.fixture
def tasks(task_settings):
    """Return evaluation trials of two tasks, the target first."""
    return [
        generate_trials(task_settings(task=task), task, "evaluation", 2, 1)
        for task in ("DelayResponse", "Basic")
    ]


@pytest.fixture
def checkpoint_file(tasks, tmp_path):
    """Return a function: a seed and a change of the last weights, to the file of its checkpoints."""

    def make(seed, change=None, status="converged"):
        sizes = (tasks[0].sizes["channel"], tasks[0].attrs["n_outputs"], 100.0)
        weights = {}
        for step in STEPS:
            model = build_model(SETTINGS["architecture"], *sizes, seed=100 * seed + step)
            weights[step] = {k: v.detach().numpy().copy() for k, v in model.named_parameters()}
        if change:
            change(weights[STEPS[-1]])
        summary = [{"step": step, "loss": 1.0, "accuracy": step / 10} for step in STEPS]
        path = tmp_path / f"{seed}.safetensors"
        write_checkpoints(path, weights, summary, {"settings": {}, "status": status})
        return CheckpointFile(path)

    return make


@pytest.fixture
def trajectories(tasks):
    return lambda file, device="cpu": network_trajectories(
        file, tasks, SETTINGS, torch.device(device)
    )


def break_weights(weights):
    weights["weight_hh"][:] = np.nan


def one_active_unit(weights):
    """One unit integrates one input: in a trial there is one direction to move in."""
    for name in ("weight_hh", "bias"):
        weights[name][:] = 0
    weights["weight_in"][1:] = 0


def test_trajectories_are_the_states_of_each_checkpoint(checkpoint_file, trajectories, tasks):
    file = checkpoint_file(1)
    found = trajectories(file)
    assert found["step"].values.tolist() == [0, 6, 10]
    assert found["fraction"].values.tolist() == [0.0, 0.6, 1.0]
    assert found["accuracy"].values.tolist() == [0.0, 0.6, 1.0]
    assert (found["variance"] >= 0.99).all() and found["states"].dtype == np.float32
    assert str(found["status"].values) == "converged"
    assert found["task"].values.tolist() == ["DelayResponse", "Basic"]

    inputs = tasks[0]["inputs"].transpose("trial", "time", "channel").values
    start = tasks[0]["start"].sel(period="stimulus").values
    stop = tasks[0]["stop"].sel(period="stimulus").values
    model = file.network(SETTINGS["architecture"], inputs.shape[-1], 3, 100.0, step=6)
    window = cut_window(hidden_states(model, inputs), start, stop)
    expected, _ = principal_components(window, 0.99)
    count = int(found["n_components"][1])
    np.testing.assert_array_equal(found["states"][1, :, :, :count], expected.astype("f4"))
    # The means are those of the last fraction.
    model = file.network(SETTINGS["architecture"], inputs.shape[-1], 3, 100.0)
    states = hidden_states(model, inputs)[tasks[0]["condition"].values == 0]
    first_step = found["mean_states"].sel(task="DelayResponse", step_aligned=0)[0]
    np.testing.assert_allclose(first_step, states[:, 0].mean(0), rtol=1e-6)


@pytest.mark.gpu
def test_trajectories_on_a_gpu_are_those_on_the_cpu(checkpoint_file, trajectories, cuda):
    file = checkpoint_file(1)
    expected, found = trajectories(file), trajectories(file, cuda)
    assert found["n_components"].equals(expected["n_components"])
    np.testing.assert_allclose(found["mean_states"], expected["mean_states"], atol=1e-5)
    # Distances between trials: a component's sign is not determined.
    for name in ("states", "driven_states"):
        for a, b in zip(found[name].values, expected[name].values, strict=True):
            gaps = [np.linalg.norm(x[:, None] - x[None], axis=-1) for x in (a, b)]
            np.testing.assert_allclose(*gaps, atol=1e-4)


def test_the_window_of_a_diverged_run_is_zero(checkpoint_file, trajectories):
    found = trajectories(checkpoint_file(1, break_weights, "diverged"))
    assert str(found["status"].values) == "diverged"
    assert found["n_components"].values[2] == 1 and found["variance"].values[2] == 1
    assert (found["states"][2] == 0).all() and np.isfinite(found["states"]).all()
    assert (found["states"][1] != 0).any()


def test_unequal_numbers_of_components_are_padded_with_zeros(checkpoint_file, trajectories):
    found = trajectories(checkpoint_file(1, one_active_unit))
    counts = found["n_components"].values
    assert counts[2] < counts[:2].max() == found.sizes["component"]
    assert (found["states"][2, :, :, counts[2] :] == 0).all()
    assert (found["states"][2, :, :, : counts[2]] != 0).any()


def test_seeds_are_joined_and_come_apart_as_they_were(checkpoint_file, trajectories, tasks):
    one = trajectories(checkpoint_file(1))
    # Fewer components at all of its checkpoints: the padding is that of the joined file.
    two = trajectories(checkpoint_file(2, break_weights, "diverged"))
    two = two.isel(checkpoint=[2, 2, 2], component=[0]).assign_coords(checkpoint=one["checkpoint"])
    joined = concatenate_seeds([one, two], [1, 4], tasks[0], SETTINGS)
    assert joined.attrs == {
        "taskset": "Set",
        "architecture": "rnn",
        "curriculum": "master",
        "dt": 100.0,
    }
    assert joined["seed"].values.tolist() == [1, 4]
    assert joined["status"].values.tolist() == ["converged", "diverged"]
    assert np.isfinite(joined["states"]).all() and joined["states"].dtype == np.float32
    for name in ("condition", "repeat"):
        np.testing.assert_array_equal(joined[name], tasks[0][name])
    np.testing.assert_array_equal(joined["states"].sel(seed=1), one["states"])

    systems = systems_of(joined)
    for seed, network in ((1, one), (4, two)):
        for k, system in enumerate(systems[seed]):
            count = int(network["n_components"][k])
            assert system.states.shape[-1] == count
            np.testing.assert_array_equal(system.states, network["states"][k, ..., :count])
    assert [system.run_status for system in systems[4]] == ["diverged"] * 3


def test_states_by_condition_are_means_of_the_window_on_axes_that_checkpoints_share(
    checkpoint_file, trajectories, tasks
):
    target, file = tasks[0], checkpoint_file(1)
    one = trajectories(file)
    joined = concatenate_seeds([one, trajectories(checkpoint_file(2))], [1, 4], target, SETTINGS)
    states, by_condition = split_condition_states(joined, target)
    # The file of single trials holds what it held.
    assert {"condition_states", "axis_variance", "shown_variance"}.isdisjoint(states.variables)
    assert states["states"].equals(joined["states"])
    assert by_condition["seed"].values.tolist() == [1, 4]
    shown = means_of_first(states)
    assert shown["seed"].values.tolist() == [1] and set(shown.data_vars) == {"mean_states"}
    assert shown["mean_states"].equals(states["mean_states"].sel(seed=[1]))
    assert by_condition["time"].values.tolist() == [100.0 * k for k in range(states.sizes["time"])]
    assert len(by_condition["label"]) == by_condition.sizes["condition"]

    inputs = target["inputs"].transpose("trial", "time", "channel").values
    start, stop = (target[edge].sel(period="stimulus").values for edge in ("start", "stop"))
    condition = target["condition"].values
    means = []
    for step in STEPS:
        model = file.network(SETTINGS["architecture"], inputs.shape[-1], 3, 100.0, step=step)
        window = cut_window(hidden_states(model, inputs), start, stop)
        means.append([window[condition == c].mean(0) for c in np.unique(condition)])
    pooled = np.array(means).reshape(-1, window.shape[-1])
    _, singular, axes = np.linalg.svd(pooled - pooled.mean(0), full_matrices=False)
    expected = (pooled - pooled.mean(0)) @ axes[:3].T
    found = by_condition["condition_states"].sel(seed=1).values.reshape(-1, 3)
    # An axis has no sign of its own.
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-4)
    shares = by_condition["axis_variance"].sel(seed=1)
    np.testing.assert_allclose(shares, (singular**2 / (singular**2).sum())[:3], rtol=1e-4)


def test_the_last_network_runs_under_other_drives(checkpoint_file, trajectories, tasks):
    file = checkpoint_file(1)
    found = trajectories(file)
    assert found["drive"].values.tolist() == ["weak_noise", "strong_noise"]
    start, stop = (tasks[0][edge].sel(period="stimulus").values for edge in ("start", "stop"))
    for k, drive in enumerate(SETTINGS["drives"]["names"]):
        inputs = driven_inputs(tasks[0], drive, SETTINGS["drives"])
        model = file.network(SETTINGS["architecture"], inputs.shape[-1], 3, 100.0)
        window = cut_window(hidden_states(model, inputs), start, stop)
        expected, _ = principal_components(window, 0.99)
        count = int(found["driven_n_components"][k])
        assert count == expected.shape[-1]
        np.testing.assert_array_equal(
            found["driven_states"][k, :, :, :count], expected.astype("f4")
        )
        assert (found["driven_states"][k, :, :, count:] == 0).all()

    # Joined with a network of more components, each comes back as it was.
    wide = trajectories(checkpoint_file(2)).pad(component=(0, 3), constant_values=0)
    wide["component"] = np.arange(wide.sizes["component"])
    joined = concatenate_seeds([found, wide], [1, 4], tasks[0], SETTINGS)
    systems = driven_systems_of(joined)
    assert set(systems) == {1, 4} and set(systems[1]) == {"weak_noise", "strong_noise"}
    strong = systems[1]["strong_noise"]
    count = int(found["driven_n_components"][1])
    np.testing.assert_array_equal(strong.states, found["driven_states"][1, :, :, :count])
    final = systems_of(joined)[1][-1]
    assert (strong.variant, strong.step, strong.seed) == ("strong_noise", final.step, 1)
    assert strong.identity != final.identity


@pytest.mark.parametrize("reason", ["no noise", "none asked for"])
def test_no_other_drives(checkpoint_file, tasks, reason):
    settings = SETTINGS
    if reason == "no noise":
        tasks = [trials.drop_vars("noise_free_inputs") for trials in tasks]
    else:
        settings = SETTINGS | {"drives": {"names": []}}
    found = network_trajectories(checkpoint_file(1), tasks, settings, torch.device("cpu"))
    assert "driven_states" not in found and "drive" not in found.dims
    joined = concatenate_seeds([found], [1], tasks[0], settings)
    assert driven_systems_of(joined) == {}


def test_a_window_that_varies_is_refused(checkpoint_file, tasks):
    with pytest.raises(ValueError, match="one duration in all trials"):
        network_trajectories(
            checkpoint_file(1), tasks, SETTINGS | {"period": "delay"}, torch.device("cpu")
        )


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((0, 8, 3)), "at least one of each"),
        (np.zeros((2, 0, 3)), "at least one of each"),
        (np.zeros((8, 3)), "expected inputs \\(trial, time, channel\\)"),
        (np.zeros((2, 8, 4)), "expected inputs of as many channels"),
        (np.full((2, 8, 3), "a"), "expected inputs of real numbers"),
        (np.zeros((2, 8, 3)) + 1j, "expected inputs of real numbers"),
        (None, "expected inputs of real numbers"),
    ],
)
def test_inputs_that_no_network_takes_are_refused(inputs, message):
    architecture = {"model": "gru", "units": 4, "activation": "tanh", "init": "orthogonal",
                    "gain": 1.0, "tau": 100.0, "noise": 0.0, "parameters": {}}  # fmt: skip
    model = build_model(architecture, 3, 2, 100.0, seed=1)
    with pytest.raises((TypeError, ValueError), match=message):
        hidden_states(model, inputs)
    taken = hidden_states(model, torch.zeros(2, 8, 3, requires_grad=True))
    np.testing.assert_array_equal(taken, hidden_states(model, np.zeros((2, 8, 3), int)))


def test_states_are_those_without_dropout_and_the_model_stays_as_it_is(rng):
    class WithDropout(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = torch.nn.RNN(3, 6, batch_first=True)
            self.dropout = torch.nn.Dropout(0.5)
            self.frozen = torch.nn.Dropout(0.5).eval()

        def forward(self, inputs, generator=None):
            states = self.dropout(self.cell(inputs)[0])
            return states, states

    model, inputs = WithDropout(), rng.normal(size=(4, 8, 3)).astype("f4")
    states = hidden_states(model, inputs)
    with torch.no_grad():
        expected = model.cell(torch.from_numpy(inputs))[0]
    np.testing.assert_allclose(states, expected, atol=1e-6)
    assert model.training and model.dropout.training and not model.frozen.training
