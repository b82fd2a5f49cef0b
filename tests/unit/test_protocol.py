"""The protocol of Guilhot et al. (2024): each switch shows the defect that it stands for, and is off by default."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from warpline.comparison.network_systems import System, systems_of
from warpline.comparison.pairs import Comparison
from warpline.comparison.shared_components import with_shared_components
from warpline.comparison.trajectories import concatenate_seeds, network_trajectories
from warpline.core.random_streams import root_of
from warpline.models.base import build_model
from warpline.models.checkpoints import CheckpointFile, write_checkpoints
from warpline.pipeline.config import ConfigError, load, load_files
from warpline.pipeline.config.protocol import (
    PUBLISHED,
    Protocol,
    protocol_name,
    switched,
    switches,
)
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline
from warpline.similarity import cka, procrustes
from warpline.similarity.dsa import measure as dsa
from warpline.tasks.trials import N_CACHED, generate_trials, make_environment
from warpline.training.batches import BatchOrder, TaskData
from warpline.training.loop import balanced_loss, decision_accuracy, mean_loss, train

MASTER = {"taskset": "PDM", "architecture": "leaky_rnn", "curriculum": "master"}
OWN = {"paired": True, "window": "own", "reduction": "own"}


@pytest.fixture
def pipeline(raw_config):
    """Return a function: a protocol as in a file, to the pipeline of the default configuration."""

    def make(protocol, **changes):
        return Pipeline(Plan(load({**raw_config, "protocol": protocol, **changes})))

    return make


def rnn(units=6, **changes):
    """Return the settings of a small leaky RNN, or of another model."""
    settings = {"name": "rnn", "model": "leaky_rnn", "units": units, "activation": "tanh"}
    return settings | {"init": "xavier", "gain": 1.0, "tau": 100.0, "noise": 0.0} | changes


# --- the section ------------------------------------------------------------------------------------------


def test_published_yaml_sets_every_switch(project):
    names = ("config", "paper", "published")
    config = load_files([project / "config" / f"{name}.yaml" for name in names])
    assert config.protocol == PUBLISHED and not config.attractors.paired
    right, published = switches(Protocol()), switches(PUBLISHED)
    assert right.keys() == published.keys()
    assert all(right[name] != published[name] for name in right)


def test_the_page_counts_the_switches_of_the_audit_by_default(project):
    names = ("config", "audit")
    chosen = load_files([project / "config" / f"{name}.yaml" for name in names]).audit.switches
    known = switches(PUBLISHED)
    page = (project / "docs" / "audit.md").read_text()
    assert f"`config/audit.yaml` has {len(chosen)} of the {len(known)} switches" in page
    # The page says why it lacks the others.
    assert known.keys() - {*chosen} == {"model.reset_gate", "mamba.state", "seeding"}


def test_published_yaml_has_the_rates_and_delays_of_the_code_and_they_fit(project):
    names = ("config", "paper", "published")
    config = load_files([project / "config" / f"{name}.yaml" for name in names])
    (measure,) = (config.measures[name] for name in config.run.measures if "dsa" in name)
    # config.yaml of the published code.
    assert (measure.n_delays, measure.delay_interval, measure.rank) == (33, 6, 50)
    networks = [
        config.architectures[name] for line in config.run.grid for name in line.architectures
    ]
    rates = {x.learning_rate for x in networks if x.model in ("leaky_rnn", "leaky_gru")}
    assert rates == {0.01, 0.001}
    assert min(config.training.gradient_clip, config.pretraining.gradient_clip) >= 1e6
    # Its get_activations keeps the states of the first layer.
    assert {x.layer for x in networks if x.model == "mamba" and x.n_layers > 1} == {1}
    pipeline = Pipeline(Plan(config))
    for name in ("PDM", "GoNogo"):
        taskset = config.tasksets[name]
        settings = pipeline.trials.split_settings(name, taskset.target, "evaluation")
        factors = make_environment(settings["taskset"], taskset.target).factors()
        trials = settings["count"] * math.prod(map(len, factors.values()))
        assert trials == taskset.timing[taskset.window] / taskset.dt == 200
        assert (measure.n_delays - 1) * measure.delay_interval + 2 <= trials


def test_switches_go_one_by_one_and_back():
    protocol = Protocol()
    for count, name in enumerate(switches(PUBLISHED), start=1):
        protocol = switched(protocol, name, PUBLISHED)
        differ = [k for k, value in switches(protocol).items() if value != switches(Protocol())[k]]
        assert len(differ) == count and name in differ
    assert protocol == PUBLISHED
    assert switched(PUBLISHED, "seeding", Protocol()).seeding == "streams"
    assert [protocol_name(p) for p in (Protocol(), PUBLISHED)] == ["right", "published"]
    two = switched(switched(Protocol(), "seeding", PUBLISHED), "trials.unique", PUBLISHED)
    assert protocol_name(two) == "trials.unique+seeding"


@pytest.mark.parametrize(
    ("protocol", "measures", "message"),
    [
        ({"evaluation": {"paired": False}}, ["dsa_input"], "got dsa_input"),
        ({"evaluation": {"window": "shifted"}}, ["shape_energy"], "got shape_energy"),
        ({"timing": {"evaluation": {"dekay": 500}}}, ["cka"], "unknown name 'dekay'"),
        ({"timing": {"evaluation": {"delay": 510}}}, ["cka"], "got delay 510"),
        ({"trials": {"unique": 1}}, ["cka"], "protocol.trials.unique"),
    ],
)
def test_a_protocol_that_cannot_be_is_refused(raw_config, protocol, measures, message):
    raw_config["protocol"] = protocol
    raw_config["run"]["measures"] = measures
    with pytest.raises(ConfigError, match=message):
        load(raw_config)


def test_unpaired_trials_have_no_condition_that_recordings_share(raw_config):
    raw_config["protocol"] = {"evaluation": {"paired": False}}
    raw_config["datasets"] = {"a": {"file": "a.npz", "conditions": ["coh"]}}
    raw_config["run"] |= {"datasets": ["a"], "measures": ["cka", "dsa"]}
    comparison = {"networks": "PDM", "single_trials": ["dsa"]}
    raw_config["dataset_comparison"] = comparison
    with pytest.raises(ConfigError, match=r"expected paired: true beside .* condition cka would"):
        load(raw_config)
    comparison["single_trials"].append("cka")
    load(raw_config)


# --- trials ----------------------------------------------------------------------------------------------


def distinct(dataset):
    """Return the different input sequences of some trials."""
    return {row.tobytes() for row in dataset["inputs"].values}


def test_without_unique_trials_training_and_validation_are_the_same_32(task_settings):
    made = {
        (split, unique): generate_trials(task_settings(), "Basic", split, 80, 1, unique=unique)
        for split in ("train", "validation")
        for unique in (True, False)
    }
    assert len(distinct(made["train", True])) == 80
    assert not distinct(made["train", True]) & distinct(made["validation", True])
    assert len(distinct(made["train", False])) == N_CACHED
    assert distinct(made["train", False]) == distinct(made["validation", False])
    assert made["train", False].sizes["trial"] == 80
    evaluation = [
        generate_trials(task_settings(), "Basic", "evaluation", 4, 1, unique=unique)
        for unique in (True, False)
    ]
    assert evaluation[0].equals(evaluation[1])


def test_packed_rows_are_consecutive_trials_the_last_one_cut(task_settings):
    settings = task_settings(task="DelayResponse")
    single = generate_trials(settings, "DelayResponse", "train", 12, 1)
    rows = generate_trials(settings, "DelayResponse", "train", 4, 1, row_steps=30)
    lengths = single["valid"].values.sum(1)
    assert rows["valid"].values.all() and rows["inputs"].shape[:2] == (4, 30)
    first = 0
    for row in range(4):
        members = [first]
        while lengths[members].sum() < 30:
            members.append(members[-1] + 1)
        first = members[-1] + 1
        for name in ("inputs", "target", "decision"):
            joined = np.concatenate([single[name].values[k, : lengths[k]] for k in members])[:30]
            np.testing.assert_array_equal(rows[name].values[row], joined)
        assert rows["scored"].values[row] == single["scored"].values[members].all()
        by_step = single["ideal"].broadcast_like(single["valid"]).transpose("trial", "time").values
        of_row = np.concatenate([by_step[k, : lengths[k]] for k in members])[:30]
        ideal = of_row[rows["decision"].values[row]].mean()
        assert rows["ideal"].values[row] == pytest.approx(ideal, rel=1e-12)
    # The state of one trial is still there when the next one starts.
    model = build_model(rnn(), 7, 3, 100.0, seed=1)
    start = int(lengths[0])
    whole = model(torch.from_numpy(rows["inputs"].values[:1]))[1]
    alone = model(torch.from_numpy(rows["inputs"].values[:1, start:]))[1]
    assert (whole[:, start:] - alone).abs().max() > 1e-2


def test_the_audit_states_how_long_published_trials_are(project):
    names = ("config", "paper", "published")
    taskset = load_files([project / "config" / f"{name}.yaml" for name in names]).tasksets["PDM"]
    # The configuration has one length of the stimulus (docs/audit.md, "Where a switch is not the same").
    stimulus = (3000, 5000)
    rest, delay = (
        [sum(end(taskset.timing[period].choice) for period in periods) for end in (min, max)]
        for periods in (("fixation", "decision"), ("delay",))
    )
    without = [(s + r) / taskset.dt for s, r in zip(stimulus, rest, strict=True)]
    longer = [steps + d / taskset.dt for steps, d in zip(without, delay, strict=True)]
    page = (project / "docs" / "audit.md").read_text()
    assert "trials of {:.0f} to {:.0f} steps without a delay".format(*without) in page
    assert "of {:.0f} to {:.0f} steps with one".format(*longer) in page
    assert f"Theirs are {400 / longer[1]:.1f} times as long as the longest" in page


def test_evaluation_trials_last_longer_than_any_in_training(pipeline):
    stage = pipeline({"timing": {"evaluation": {"delay": 2000, "decision": 500}}}).trials
    timing = {
        split: stage.split_settings("PDM", "AntiDelayResponse", split)["taskset"]["timing"]
        for split in ("train", "evaluation")
    }
    assert timing["train"]["delay"] == {"choice": [500, 1000, 1500]}
    assert timing["evaluation"] == timing["train"] | {"delay": 2000, "decision": 500}


def test_without_seeding_no_run_can_be_repeated(pipeline, task_settings):
    unseeded = pipeline({"seeding": "none"})
    assert unseeded.trials.split_settings("PDM", "Anti", "train")["seed"] is None
    assert unseeded.training.parameters(MASTER)["seed"] is None
    assert pipeline({}).trials.split_settings("PDM", "Anti", "train")["seed"] == 2410
    # No coherence of 0: four trials without a right answer to score are refused.
    settings = task_settings(parameters={"cohs": [12.8, 51.2]})
    first, second = (
        generate_trials(settings, "Basic", "train", 4, root_of(None)) for _ in range(2)
    )
    assert not distinct(first) & distinct(second)
    assert root_of(5) == 5


# --- evaluation ------------------------------------------------------------------------------------------


@pytest.fixture
def evaluation(task_settings):
    return generate_trials(task_settings(task="DelayResponse"), "DelayResponse", "evaluation", 6, 1)


@pytest.fixture
def trajectories(evaluation, tmp_path):
    """Return a function: a seed and switches, to the trajectories of one and the same network."""
    model = build_model(rnn(), evaluation.sizes["channel"], 3, 100.0, seed=3)
    weights = {name: value.detach().numpy() for name, value in model.named_parameters()}
    path = tmp_path / "network.safetensors"
    summary = [{"step": step, "loss": 1.0, "accuracy": 0.5} for step in (0, 5)]
    write_checkpoints(
        path, {0: weights, 5: weights}, summary, {"settings": {}, "status": "converged"}
    )

    def make(seed=1, drives=(), **protocol):
        settings = {
            "taskset": "Set",
            "architecture": rnn(),
            "curriculum": "master",
            "fractions": [0.0, 1.0],
            "variance": 0.9999,
            "memory_mb": 100,
            "period": "stimulus",
            "drives": {"names": list(drives), "seed": 1},
            "protocol": {**OWN, "seed": 1, **protocol},
        }
        return network_trajectories(
            CheckpointFile(path), [evaluation], settings, torch.device("cpu"), seed
        )

    return make


def dissimilarity(measure, *states, **settings):
    """Return the dissimilarity of two arrays of states."""
    made = [measure.represent(x, settings=settings) for x in states]
    return measure.compare_pairs(made, [(0, 1)], settings=settings, seed=0)[0]["dissimilarity"]


def final_states(dataset):
    count = int(dataset["n_components"][-1])
    return dataset["states"].values[-1, :, :, :count].astype(float)


@pytest.mark.parametrize("measure", [cka, procrustes])
def test_unpaired_trials_set_a_network_apart_from_itself(trajectories, measure):
    paired = [final_states(trajectories(seed)) for seed in (1, 2)]
    unpaired = [final_states(trajectories(seed, paired=False)) for seed in (1, 2)]
    assert dissimilarity(measure, *paired) == pytest.approx(0, abs=1e-6)
    assert dissimilarity(measure, *unpaired) > 0.05
    # Its own sample again: the same network, the same trials.
    again = final_states(trajectories(1, paired=False))
    np.testing.assert_array_equal(again, unpaired[0])


@pytest.mark.parametrize("paired", [True, False])
def test_other_noise_acts_on_the_trials_of_the_network_s_sample(trajectories, paired):
    """On trials of another order, CKA of a network with itself was that of unpaired trials."""
    network = trajectories(1, drives=["weak_noise"], paired=paired)
    count = int(network["driven_n_components"][0])
    weak = network["driven_states"].values[0, :, :, :count].astype(float)
    unpaired = [final_states(trajectories(seed, paired=False)) for seed in (1, 2)]
    control = dissimilarity(cka, final_states(network), weak)
    assert 0 < control < 0.75 * dissimilarity(cka, *unpaired)


def test_checkpoints_of_one_network_have_samples_of_their_own(trajectories):
    first, last = trajectories(paired=False)["states"].values
    assert not np.allclose(first, last)
    first, last = trajectories()["states"].values
    np.testing.assert_array_equal(first, last)


def test_the_shifted_window_is_500_ms_early(trajectories, evaluation):
    """The stimulus starts at 200 ms: of the shifted window, 300 ms would lie before the trial."""
    raw = {"reduction": "published"}
    own, shifted = (
        final_states(trajectories(**raw, window=window)) for window in ("own", "shifted")
    )
    assert own.shape[1] == 10 and shifted.shape[1] == 7
    np.testing.assert_array_equal(shifted[:, 2:], own[:, :5])


def test_a_window_that_cannot_be_shifted_is_refused(trajectories, evaluation):
    early = evaluation["stop"].copy()
    evaluation["stop"] = early - 5
    evaluation["start"] = evaluation["start"] * 0
    evaluation["stop"].loc[{"period": "stimulus"}] = 4
    with pytest.raises(ValueError, match="ends earlier"):
        trajectories(window="shifted")


def test_held_out_accuracy_is_that_of_the_evaluation_trials(trajectories, evaluation):
    model = build_model(rnn(), evaluation.sizes["channel"], 3, 100.0, seed=3)
    data = TaskData.from_dataset(evaluation)
    expected = decision_accuracy(model(data.inputs)[0], data)
    found = trajectories()["held_out_accuracy"].values
    np.testing.assert_allclose(found, expected)
    assert 0 < expected < 1


def system(states, seed):
    return System("rnn", "master", seed, 5, 1.0, 1.0, 0.9, "converged", states)


def test_shared_components_take_the_order_of_units_for_a_difference(rng):
    """Two networks that differ in the order of their units compute the same."""
    states = rng.standard_normal((12, 30, 40)).cumsum(1)
    shuffled = states[:, :, rng.permutation(40)]
    pair = Comparison(system(states, 1), system(shuffled, 2), {"against": "reference"})
    shared = with_shared_components(pair)
    assert shared.a.states.shape == (12, 30, 20) and shared.labels == pair.labels
    assert shared.a.identity != pair.a.identity != pair.b.identity
    assert dissimilarity(procrustes, states, shuffled) == pytest.approx(0, abs=1e-6)
    assert dissimilarity(procrustes, shared.a.states, shared.b.states) > 0.1
    same = with_shared_components(Comparison(pair.a, pair.a, {}))
    np.testing.assert_array_equal(same.a.states, same.b.states)
    fewer = replace(pair.b, states=states[:, :, :5])
    with pytest.raises(ValueError, match="equally many units, got 40 and 5"):
        with_shared_components(Comparison(pair.a, fewer, {}))


def test_raw_units_are_what_is_compared_after_learning(trajectories, evaluation):
    raw = trajectories(reduction="published")
    assert raw.sizes["component"] == 6 and (raw["variance"] == 1).all()
    joined = concatenate_seeds(
        [raw], [1], evaluation, {"taskset": "S", "architecture": rnn(), "curriculum": "master"}
    )
    assert systems_of(joined)[1][-1].states.shape[-1] == 6


# --- DSA ---------------------------------------------------------------------------------------------------

DSA = {"n_delays": 3, "rank": 4}


def test_delays_along_trials_depend_on_the_order_of_trials(rng):
    turn = np.array([[0.0, -0.3], [0.3, 0.0]])
    states = np.empty((30, 20, 2))
    states[:, 0] = rng.standard_normal((30, 2))
    for step in range(1, 20):
        states[:, step] = states[:, step - 1] @ (np.eye(2) + turn).T * 0.95
    states += 0.01 * rng.standard_normal(states.shape)
    other_order = states[rng.permutation(30)]
    settings = DSA | {"delay_axis": "time"}
    assert dissimilarity(dsa, states, other_order, **settings) == pytest.approx(0, abs=1e-6)
    along_trials = settings | {"delay_axis": "trial"}
    assert dissimilarity(dsa, states, other_order, **along_trials) > 0.1
    # It does not fail: the data have as many axes either way.
    swapped = dsa.represent(states.swapaxes(0, 1), settings=settings)
    np.testing.assert_array_equal(
        dsa.represent(states, settings=along_trials).matrix, swapped.matrix
    )
    with pytest.raises(ValueError, match="one array of states"):
        dsa.represent(list(states), settings=along_trials)


def test_comparisons_are_told_of_delay_axis_and_solver(pipeline):
    job = {"taskset": "PDM", "architecture": "leaky_rnn", "seeds": "1", "measure": "dsa"}
    told = [
        pipeline(protocol).comparisons.parameters(job)["measure"]
        for protocol in ({}, {"dsa": {"delay_axis": "trial", "solver": "reference"}})
    ]
    assert [entry["delay_axis"] for entry in told] == ["time", "trial"]
    assert [entry["solver"] for entry in told] == ["newton", "reference"]
    others = pipeline({"dsa": {"delay_axis": "trial"}}).comparisons
    assert "delay_axis" not in others.parameters(job | {"measure": "cka"})["measure"]


@pytest.mark.slow
def test_the_reference_solver_leaves_a_system_apart_from_itself(rng):
    states = rng.standard_normal((20, 40, 6)).cumsum(1)
    settings = DSA | {"rank": 12, "iterations": 200}
    assert dissimilarity(dsa, states, states, **settings) == pytest.approx(0, abs=1e-6)
    assert dissimilarity(dsa, states, states, **settings, solver="reference") > 1e-4


# --- networks ----------------------------------------------------------------------------------------------


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


# --- training ----------------------------------------------------------------------------------------------

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


@pytest.mark.slow
def test_a_switch_changes_the_parameters_of_what_it_concerns(pipeline):
    """So that Snakemake computes again what changes, and a name of its own is asked for."""
    compared = {"measure": "dsa", "taskset": "PDM", "architecture": "leaky_rnn", "seeds": "1"}
    jobs = {
        "trials": {"taskset": "PDM", "task": "AntiDelayResponse"},
        "evaluation_trials": {"taskset": "PDM", "task": "AntiDelayResponse"},
        "training": MASTER,
        "trajectories": MASTER,
        "comparisons": compared,
        "around": {"measure": "dsa", "taskset": "PDM", "part": "leaky_rnn"},
        "statistics": {"taskset": "PDM"},
    }
    right = pipeline({})
    concerned = {
        "trials.unique": {"trials"},
        "trials.packed": {"trials"},
        "timing.evaluation": {"evaluation_trials"},
        "evaluation.paired": {"trajectories"},
        "evaluation.window": {"trajectories"},
        "evaluation.reduction": {"trajectories", "comparisons", "around", "statistics"},
        "dsa.delay_axis": {"comparisons", "around"},
        "dsa.solver": {"comparisons", "around"},
        "model.init": {"training", "trajectories"},
        "model.reset_gate": set(),  # of leaky_gru
        "training.loss": {"training"},
        "training.target": {"training"},
        "training.interleave": {"training"},
        "mamba.state": set(),  # of mamba
        "seeding": {"trials", "training", "evaluation_trials"},
    }
    assert concerned.keys() == switches(PUBLISHED).keys()
    for switch, expected in concerned.items():
        protocol = switched(Protocol(), switch, PUBLISHED).model_dump()
        other = pipeline(protocol)
        changed = {
            stage
            for stage, job in jobs.items()
            if getattr(right, stage).parameters(job) != getattr(other, stage).parameters(job)
        }
        assert changed == expected, switch


def test_delays_along_trials_are_not_held_against_the_window(raw_config):
    raw_config["measures"]["dsa"] = {"measure": "dsa", "n_delays": 60, "rank": 5}
    with pytest.raises(ConfigError, match="need a window of at least 61 steps, got 40"):
        load(raw_config)
    raw_config["protocol"] = {"dsa": {"delay_axis": "trial"}}
    load(raw_config)
    # An audit compares by both.
    raw_config["audit"] = {"switches": ["trials.unique"]}
    with pytest.raises(ConfigError, match="need a window of at least 61 steps, got 40"):
        load(raw_config)
