"""DSA by the protocol of Guilhot et al. (2024): each switch shows the defect that it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from protocol_networks import dissimilarity

from warpline.pipeline.config import ConfigError, load
from warpline.similarity.dsa import measure as dsa

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
