"""Evaluation by the protocol of Guilhot et al. (2024): each switch shows the defect that it stands for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from protocol_networks import dissimilarity, rnn

from warpline.comparison.network_systems import System, systems_of
from warpline.comparison.pairs import Comparison
from warpline.comparison.shared_components import with_shared_components
from warpline.comparison.trajectories import concatenate_seeds, network_trajectories
from warpline.models.base import build_model
from warpline.models.checkpoints import CheckpointFile, write_checkpoints
from warpline.similarity import cka, procrustes
from warpline.tasks.trials import generate_trials
from warpline.training.batches import TaskData
from warpline.training.loop import decision_accuracy

OWN = {"paired": True, "window": "own", "reduction": "own"}


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
