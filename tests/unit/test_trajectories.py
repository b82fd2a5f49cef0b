import numpy as np
import pytest

from warpline.comparison.hidden_states import (
    condition_means,
    cut_window,
    hidden_states,
    principal_components,
)
from warpline.models.base import build_model


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
