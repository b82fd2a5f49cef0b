import numpy as np
import pytest

from warpline.comparison.drives import DRIVES, autoregressive_noise, driven_inputs, window_inputs
from warpline.tasks.trials import generate_trials

SETTINGS = {"time_constant": 200.0, "seed": 3}


@pytest.fixture(scope="module")
def trials():
    settings = {
        "name": "Set",
        "env": "perceptual_decision",
        "rules": ["Basic"],
        "variation": {"anti": False, "delay": True},
        "dt": 50,
        "timing": {
            "fixation": 200,
            "stimulus": 2000,
            "delay": {"choice": [300, 600]},
            "decision": 300,
        },
        "input_noise": 1.0,
        "parameters": {"cohs": [0, 12.8, 51.2]},
    }
    return generate_trials(settings, "Basic", "evaluation", 60, 1)


def noise_of(inputs, trials):
    """Return the noise of the stimulus channels in the stimulus period, (trial, step, channel)."""
    difference = inputs - trials["noise_free_inputs"].values
    return difference[:, 4:44, 1:3]


@pytest.mark.parametrize("drive", list(DRIVES))
def test_noise_has_the_stated_strength_and_the_stimulus_stays(trials, drive):
    inputs = driven_inputs(trials, drive, SETTINGS)
    assert inputs.dtype == np.float32 and inputs.shape == trials["inputs"].shape
    expected = DRIVES[drive] / np.sqrt(50)
    # 28,800 numbers; autocorrelated ones count for about an eighth.
    assert noise_of(inputs, trials).std() == pytest.approx(expected, rel=0.04)
    assert abs(noise_of(inputs, trials).mean()) < 0.05 * expected
    outside = np.ones(inputs.shape, bool)
    outside[:, 4:44, 1:3] = False
    assert np.array_equal(inputs[outside], trials["inputs"].values[outside])


def test_only_the_autocorrelated_drive_is_correlated_over_time(trials):
    for drive in DRIVES:
        noise = noise_of(driven_inputs(trials, drive, SETTINGS), trials)
        for lag in (1, 4):
            product = (noise[:, lag:] * noise[:, :-lag]).mean() / (noise**2).mean()
            expected = np.exp(-50 * lag / 200) if drive == "autocorrelated_noise" else 0.0
            assert product == pytest.approx(expected, abs=0.04), (drive, lag)


def test_autoregressive_noise_is_stationary_from_the_first_step():
    noise = autoregressive_noise((4000, 12, 1), 0.9, np.random.default_rng(1))
    np.testing.assert_allclose(noise.std(axis=0), 1, atol=0.05)


def test_drives_are_independent_draws_and_reproducible(trials):
    noises = {d: noise_of(driven_inputs(trials, d, SETTINGS), trials).ravel() for d in DRIVES}
    noises["evaluation"] = noise_of(trials["inputs"].values, trials).ravel()
    correlations = np.corrcoef(list(noises.values()))
    assert np.abs(correlations[~np.eye(len(noises), dtype=bool)]).max() < 0.04
    again = driven_inputs(trials, "weak_noise", SETTINGS)
    assert np.array_equal(again, driven_inputs(trials, "weak_noise", SETTINGS))
    other_seed = driven_inputs(trials, "weak_noise", SETTINGS | {"seed": 4})
    assert not np.array_equal(again, other_seed)


def test_an_unknown_drive_is_named(trials):
    with pytest.raises(ValueError, match=r"expected a drive among fresh_noise.*got 'loud'"):
        driven_inputs(trials, "loud", SETTINGS)


def test_inputs_in_the_window_are_those_of_the_trials_and_of_each_drive(trials):
    drives = {"names": ["weak_noise", "strong_noise"], **SETTINGS}
    windows = window_inputs(trials, {"period": "stimulus", "drives": drives})
    assert list(windows) == ["", "weak_noise", "strong_noise"]
    # The stimulus lasts from step 4 to step 44 in every trial.
    np.testing.assert_array_equal(windows[""], trials["inputs"].values[:, 4:44])
    for name in drives["names"]:
        expected = driven_inputs(trials, name, SETTINGS)[:, 4:44]
        np.testing.assert_array_equal(windows[name], expected)
    silent = trials.drop_vars("noise_free_inputs")
    assert list(window_inputs(silent, {"period": "stimulus", "drives": drives})) == [""]
