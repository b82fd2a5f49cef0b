import numpy as np
import pytest

from warpline.pipeline.config.schema import Config
from warpline.tasks.base import neurogym_timing
from warpline.tasks.trials import generate_trials, make_environment

TASKS = ["Basic", "Anti", "DelayResponse", "AntiDelayResponse"]
ENVS = ["perceptual_decision", "go_nogo"]


@pytest.mark.parametrize("env", ENVS)
@pytest.mark.parametrize("task", TASKS)
def test_every_trial_keeps_the_task_s_contract(task_settings, env, task):
    settings = task_settings(env, task)
    data = generate_trials(settings, task, "train", 60, 1)
    start, stop = data["start"], data["stop"]
    first = (start.sel(period="decision") / 1).astype(int).values
    last = stop.sel(period="decision").values
    fixation = data["inputs"].sel(channel="fixation").values
    rule = data["inputs"].sel(channel=f"rule_{task}").values
    for k in range(60):
        valid = data["valid"].values[k]
        assert valid[: last[k]].all() and not valid[last[k] :].any()
        assert np.array_equal(
            np.flatnonzero(data["decision"].values[k]), np.arange(first[k], last[k])
        )
        assert (fixation[k, : first[k]] == 1).all() and (fixation[k, first[k] :] == 0).all()
        assert np.array_equal(rule[k], valid.astype(float))
        assert not data["inputs"].values[k, ~valid].any()
        assert not data["target"].values[k, ~data["decision"].values[k]].any()
    others = [f"rule_{name}" for name in TASKS if name != task]
    assert not data["inputs"].sel(channel=others).values.any()
    delay = (stop - start).sel(period="delay").values
    assert set(delay) == ({3, 6} if "Delay" in task else {0})
    assert set((stop - start).sel(period="stimulus").values) == {10}


@pytest.mark.parametrize("env", ENVS)
def test_anti_asks_for_the_opposite(task_settings, env):
    data = generate_trials(task_settings(env, "Anti"), "Anti", "train", 80, 1)
    target = data["target"].values[np.arange(80), data["start"].sel(period="decision").values]
    truth = data["ground_truth"].values
    expected = 2 - truth if env == "perceptual_decision" else 1 - truth
    assert np.array_equal(target, expected)
    assert len(set(truth)) == 2


@pytest.mark.parametrize("env", ENVS)
def test_training_trials_are_unique_and_splits_disjoint(task_settings, env):
    rows = {}
    for split, count in (("train", 400), ("validation", 100), ("evaluation", 20)):
        data = generate_trials(task_settings(env), "Basic", split, count, 1)
        rows[split] = {row.tobytes() for row in data["inputs"].values[:, :13]}
        assert len(rows[split]) == data.sizes["trial"]
    assert not rows["train"] & rows["validation"] and not rows["train"] & rows["evaluation"]


def test_evaluation_is_factorial(task_settings):
    data = generate_trials(task_settings(), "Basic", "evaluation", 4, 1)
    assert data.sizes["trial"] == 2 * 3 * 4
    cells = set(
        zip(data["ground_truth"].values, data["coh"].values, data["repeat"].values, strict=True)
    )
    assert len(cells) == 24
    for condition in range(6):
        chosen = data.where(data["condition"] == condition, drop=True)
        assert len(set(zip(chosen["ground_truth"].values, chosen["coh"].values, strict=True))) == 1


def test_go_nogo_has_the_configured_noise(task_settings):
    data = generate_trials(task_settings("go_nogo", input_noise=3.0), "Basic", "train", 400, 1)
    stimulus = data["inputs"].sel(channel="go").values[:, 2:12]
    rest = stimulus - data["ground_truth"].values[:, None]
    assert rest.std() == pytest.approx(3.0 / np.sqrt(100), rel=0.05)
    assert not data["inputs"].sel(channel="go").values[:, :2].any()
    quiet = generate_trials(task_settings("go_nogo", input_noise=0.0), "Basic", "train", 20, 1)
    assert set(np.unique(quiet["inputs"].sel(channel="go").values)) <= {0.0, 1.0}


def test_pdm_noise_and_means(task_settings):
    data = generate_trials(task_settings(input_noise=2.0), "Basic", "train", 1500, 1)
    left = data["inputs"].sel(channel="stimulus_0").values[:, 2:12]
    sign = 1 - 2 * data["ground_truth"].values
    mean = 0.5 + sign * data["coh"].values / 200
    assert (left - mean[:, None]).std() == pytest.approx(2.0 / np.sqrt(100), rel=0.02)
    assert (left - mean[:, None]).mean() == pytest.approx(0, abs=0.01)


def test_ideal_observer_of_pdm_is_reached_by_summing_the_evidence(task_settings):
    settings = task_settings(parameters={"cohs": [12.8]}, input_noise=3.0)
    data = generate_trials(settings, "Basic", "train", 4000, 1)
    evidence = data["inputs"].sel(channel="stimulus_0") - data["inputs"].sel(channel="stimulus_1")
    choice = evidence.isel(time=slice(2, 12)).sum("time").values < 0
    accuracy = (choice == data["ground_truth"].values).mean()
    assert 0.7 < accuracy < 0.9
    assert data["ideal"].values.mean() == pytest.approx(accuracy, abs=0.02)


@pytest.mark.slow
def test_ideal_observer_of_go_nogo_is_reached_by_the_matched_filter(task_settings):
    settings = task_settings("go_nogo", input_noise=30.0)
    data = generate_trials(settings, "Basic", "train", 4000, 1)
    evidence = data["inputs"].sel(channel="go") - data["inputs"].sel(channel="nogo")
    choice = evidence.isel(time=slice(2, 12)).sum("time").values > 0
    accuracy = (choice == data["ground_truth"].values).mean()
    assert 0.7 < accuracy < 0.9
    assert data["ideal"].values.mean() == pytest.approx(accuracy, abs=0.02)


@pytest.mark.parametrize("dt", [20, 50])
def test_the_configured_go_nogo_asks_for_integration(raw_config, task_settings, dt):
    """A single step is far from enough, and half of the stimulus misses the criterion."""
    entry = raw_config["tasksets"]["GoNogo"]
    fraction = Config.model_validate(raw_config).training.target_fraction

    def ideal(stimulus):
        settings = task_settings(
            "go_nogo",
            dt=dt,
            input_noise=entry["input_noise"],
            timing=entry["timing"] | {"stimulus": stimulus},
        )
        return generate_trials(settings, "Basic", "train", 4, 1)["ideal"].values.mean()

    whole = entry["timing"]["stimulus"]
    assert ideal(dt) < 0.7
    assert 0.95 < ideal(whole) < 0.99
    assert ideal(whole / 2) < fraction * ideal(whole)


def test_signal_to_noise_does_not_depend_on_dt(task_settings):
    ideal = [
        generate_trials(task_settings(dt=dt), "Basic", "evaluation", 2, 1)["ideal"].values
        for dt in (20, 100)
    ]
    assert np.allclose(ideal[0], ideal[1])


def test_coherence_zero_is_not_scored(task_settings):
    data = generate_trials(task_settings(), "Basic", "train", 60, 1)
    assert np.array_equal(data["scored"].values, data["coh"].values > 0)
    assert (data["ideal"].values[~data["scored"].values] == 0.5).all()


def test_same_seed_same_trials_and_each_task_its_own(task_settings):
    a, b, other_seed = (
        generate_trials(task_settings(), "Basic", "train", 20, seed)["inputs"].values
        for seed in (1, 1, 2)
    )
    assert np.array_equal(a, b) and not np.array_equal(a, other_seed)
    anti = generate_trials(task_settings(task="Anti"), "Anti", "train", 20, 1)["inputs"].values
    assert not np.array_equal(a[..., 1:3], anti[..., 1:3])


def test_a_task_set_of_one_s_own(task_settings, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from neurogym.envs.native.delaymatchsample import DelayMatchSample\n"
        "from warpline.tasks.base import RuleTask\n"
        "class Match(RuleTask, DelayMatchSample):\n"
        "    adds_noise = True\n"
        "    periods = ('fixation', 'sample', 'delay', 'test', 'decision')\n"
        "    def opposite(self, action):\n"
        "        return 3 - action\n"
    )
    timing = {"fixation": 200, "sample": 500, "delay": 500, "test": 500, "decision": 300}
    settings = task_settings(task="DelayResponse") | {
        "env": f"{file}:Match",
        "timing": timing,
        "parameters": {},
    }
    environment = make_environment(settings, "DelayResponse")
    assert environment.channel_names()[-1] == "rule_AntiDelayResponse"
    data = generate_trials(settings, "DelayResponse", "evaluation", 2, 1)
    assert data["period"].values.tolist()[1] == "sample"
    assert data["decision"].values.sum() == data.sizes["trial"] * 3


def test_unknown_task_is_refused(task_settings):
    with pytest.raises(ValueError, match=r"expected a task among Basic.*got 'Bsic'"):
        make_environment(task_settings(), "Bsic")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (500, 500),
        ({"choice": [1, 2]}, ("choice", (1, 2))),
        ({"uniform": [1, 5]}, ("uniform", (1, 5))),
    ],
)
def test_timing_in_neurogym_s_form(value, expected):
    assert neurogym_timing(value) == expected


def test_go_nogo_without_a_delay_has_none(task_settings):
    timing = {"fixation": 200, "stimulus": 1000, "decision": 300}
    data = generate_trials(task_settings("go_nogo", timing=timing), "Basic", "train", 5, 1)
    period = data.sel(period="delay")
    assert (period["start"] == period["stop"]).all()


def test_a_task_without_a_right_answer_is_refused(task_settings):
    with pytest.raises(
        ValueError, match="expected some trials of Basic with a right answer to score"
    ):
        generate_trials(task_settings(parameters={"cohs": [0]}), "Basic", "train", 5, 1)


def test_more_than_two_choices_are_refused(task_settings):
    with pytest.raises(ValueError, match=r"expected two choices \(dim_ring 2\), got 4"):
        make_environment(task_settings(parameters={"dim_ring": 4}), "Basic")


NOISY = {
    "perceptual_decision": {},
    "go_nogo": {},
    "context_integration": {
        "timing": {"fixation": 100, "stimulus": {"choice": [600, 900]}, "decision": 500},
        "parameters": {"tolerance": 0.8},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("env", NOISY)
def test_evaluation_trials_hold_their_inputs_without_noise(task_settings, env):
    settings = task_settings(env, "DelayResponse", **NOISY[env])
    data = generate_trials(settings, "DelayResponse", "evaluation", 3, 1)
    noise = data["inputs"] - data["noise_free_inputs"]
    channels = {
        "perceptual_decision": ["stimulus_0", "stimulus_1"],
        "go_nogo": ["nogo", "go"],
        "context_integration": ["input_1", "input_2"],
    }[env]
    noisy = noise.sel(channel=channels).values
    # Noise of the stated size while the stimulus is on, in its channels, and nowhere else.
    for k in range(data.sizes["trial"]):
        start = int(data["start"].sel(period="stimulus")[k])
        last = "decision" if env == "context_integration" else "stimulus"
        stop = int(data["stop"].sel(period=last)[k])
        assert (noisy[k, start:stop] != 0).all()
        assert (noisy[k, :start] == 0).all() and (noisy[k, stop:] == 0).all()
    assert noisy[noisy != 0].std() == pytest.approx(1 / np.sqrt(100), rel=0.12)
    others = [name for name in data["channel"].values if name not in channels]
    assert (noise.sel(channel=others) == 0).all()
    # Trials of one condition have one stimulus.
    shown = data["noise_free_inputs"].sel(channel=channels).values
    for condition in np.unique(data["condition"]):
        rows = [
            shown[k, int(data["start"].sel(period="stimulus")[k])]
            for k in np.flatnonzero(data["condition"] == condition)
        ]
        assert np.ptp(rows, axis=0).max() == 0


def test_without_noise_there_is_nothing_to_take_away(task_settings):
    quiet = generate_trials(task_settings(input_noise=0.0), "Basic", "evaluation", 2, 1)
    training = generate_trials(task_settings(), "Basic", "train", 20, 1)
    assert "noise_free_inputs" not in quiet and "noise_free_inputs" not in training


def test_an_environment_whose_draws_depend_on_the_noise_is_refused(task_settings, monkeypatch):
    from warpline.tasks import perceptual_decision

    class Wandering(perceptual_decision.TaskSet):
        def _new_trial(self, **variables):
            if self.sigma > 1e-3:
                self.rng.rand()
            return super()._new_trial(**variables)

    monkeypatch.setattr(perceptual_decision, "TaskSet", Wandering)
    settings = task_settings(task="DelayResponse")
    with pytest.raises(ValueError, match="same trials of DelayResponse with and without noise"):
        generate_trials(settings, "DelayResponse", "evaluation", 3, 1)
