"""Tasks whose target is a vector, and the manifolds of inputs of all tasks."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warpline.analyses.task_inputs import input_manifold
from warpline.core import plugins
from warpline.tasks.chance import chance_levels
from warpline.tasks.sequence_memory import angle_accuracy
from warpline.tasks.trials import generate_trials, make_environment
from warpline.tasks.vector import SignTask, VectorTask
from warpline.training.batches import TaskData
from warpline.training.loop import decision_accuracy

VECTOR = {
    "context_integration": {"fixation": 200, "stimulus": 1000, "decision": 300},
    "decision_line": {"stimulus": 1000, "decision": 300},
    "circle_sign": {"decision": 100},
    "sequence_memory": {
        "fixation": 200,
        "item_1": 300,
        "item_2": 400,
        "delay": {"choice": [200, 500]},
        "report_1": 200,
        "report_2": 300,
    },
    "one_go_memory": {
        "item_1": 300,
        "gap_1": 100,
        "item_2": 400,
        "gap_2": 100,
        "delay": {"choice": [200, 500]},
        "go": 100,
        "wait": 200,
        "report_1": 200,
        "pause": 100,
        "report_2": 300,
        "rest": 100,
        "silence": 300,
    },
}
MEMORY = ["sequence_memory", "one_go_memory"]
PDM = {"fixation": 200, "stimulus": 1000, "delay": {"choice": [300, 600]}, "decision": 300}


def task(env, noise=1.0, name="Basic", **changes):
    return {
        "name": "Set",
        "env": env,
        "rules": ["Other", "Basic", "Anti"],
        "variation": {"anti": name == "Anti", "delay": "delay" in VECTOR.get(env, {})},
        "dt": 100,
        "timing": VECTOR.get(env, PDM),
        "input_noise": noise,
        "parameters": {},
    } | changes


@pytest.mark.slow
@pytest.mark.parametrize("env", VECTOR)
@pytest.mark.parametrize("name", ["Basic", "Anti"])
def test_every_trial_keeps_the_contract(env, name):
    environment = make_environment(task(env), name)
    data = generate_trials(task(env, name=name), name, "train", 50, 1)
    assert data["target"].dims == ("trial", "time", "output")
    assert data["target"].dtype == np.float32
    assert data.attrs["n_outputs"] == data.sizes["output"]
    assert data.attrs["tolerance"] > 0
    valid, decision, asked = (data[key].values for key in ("valid", "decision", "asked"))
    assert not data["inputs"].values[~valid].any()
    assert not data["target"].values[~decision].any()
    assert not (decision & ~asked).any() and not (asked & ~valid).any()
    for k in range(50):
        spans = {
            period: slice(*(int(data[edge][k].sel(period=period)) for edge in ("start", "stop")))
            for period in environment.periods
        }
        expected = np.zeros(valid.shape[1], bool)
        for period in environment.decisions:
            expected[spans[period]] = True
        assert np.array_equal(decision[k], expected)
        for period in environment.periods:
            assert (asked[k, spans[period]] != (period in environment.unasked)).all()
        assert np.array_equal(data["inputs"].sel(channel=f"rule_{name}").values[k], valid[k])
        if "fixation" in data["channel"]:
            on = np.flatnonzero(data["inputs"].sel(channel="fixation").values[k])
            assert np.array_equal(on, np.arange(spans[environment.decisions[0]].start))
    # A vector of length 1 is asked at every decision step.
    assert np.allclose(np.linalg.norm(data["target"].values[decision], axis=-1), 1)


def sign(name):
    return lambda data: np.sign(data[name].values)[:, None]


def relevant(data):
    chosen = np.where(data["context"].values == 1, data["input_1"].values, data["input_2"].values)
    return np.sign(chosen)[:, None]


@pytest.mark.parametrize("name", ["Basic", "Anti"])
@pytest.mark.parametrize(
    ("env", "answer"),
    [
        ("context_integration", relevant),
        ("decision_line", sign("evidence")),
        ("circle_sign", sign("theta")),
    ],
)
def test_the_right_answer_is_the_sign(env, answer, name):
    data = generate_trials(task(env, name=name), name, "train", 60, 1)
    expected = answer(data) * (-1 if name == "Anti" else 1)
    target, decision = data["target"].values, data["decision"].values
    assert len(np.unique(expected)) == 2
    for k in range(60):
        assert (target[k, decision[k]] == expected[k]).all()


@pytest.mark.parametrize("env", MEMORY)
def test_memory_reports_the_items_in_order(env):
    data = generate_trials(task(env), "Basic", "train", 40, 1)
    for item in (1, 2):
        start, stop = (data[edge].sel(period=f"report_{item}").values for edge in ("start", "stop"))
        angle = data[f"angle_{item}"].values
        for k in range(40):
            target = data["target"].values[k, start[k] : stop[k]]
            assert np.allclose(target, [np.cos(angle[k]), np.sin(angle[k])], atol=1e-6)
            if env == "sequence_memory":
                go = data["inputs"].sel(channel=f"go_{item}").values[k]
                assert np.array_equal(np.flatnonzero(go), np.arange(start[k], stop[k]))
    assert set((data["stop"] - data["start"]).sel(period="delay").values) == {2, 5}


def test_one_go_tells_nothing_but_when_the_delay_ends():
    data = generate_trials(task("one_go_memory", 0.0), "Basic", "train", 40, 1)
    start, stop = (data[edge].sel(period="go").values for edge in ("start", "stop"))
    for k in range(40):
        inputs = data["inputs"].isel(trial=k)
        assert np.array_equal(np.flatnonzero(inputs.sel(channel="go")), range(start[k], stop[k]))
        # After the pulse there is no input any more, but for the rule cue.
        assert not inputs.sel(channel=["cos", "sin", "go"]).values[stop[k] :].any()
        assert data["asked"].values[k, : start[k]].all()
        silence = int(data["start"].sel(period="silence")[k])
        silent = data["asked"].values[k, silence:] == data["valid"].values[k, silence:]
        assert silent.all() and not data["target"].values[k, silence:].any()
    assert set(start) == {11, 14}


@pytest.mark.parametrize("env", VECTOR)
def test_a_set_of_one_task_can_do_without_cues(env):
    alone = task(env, rules=["Basic"])
    cued = generate_trials(alone, "Basic", "train", 5, 1)
    bare = generate_trials(alone | {"parameters": {"cues": False}}, "Basic", "train", 5, 1)
    expected = cued["inputs"].isel(channel=slice(-1))
    assert np.array_equal(bare["inputs"], expected.where(expected["channel"] != "fixation", 0))
    assert "fixation" not in cued["channel"] or not bare["inputs"].sel(channel="fixation").any()
    manifold = input_manifold(
        make_environment(alone | {"parameters": {"cues": False}}, "Basic"),
        FIXED.get(env),
        **({"context": 1} if "context" in env else {}),
    )
    assert (
        manifold(manifold.grid(*[3] * len(manifold.coordinates)), 0).shape[1]
        == bare.sizes["channel"]
    )
    with pytest.raises(ValueError, match="cues: true for a set of 3 tasks"):
        make_environment(task(env, parameters={"cues": False}), "Basic")


@pytest.mark.slow
def test_the_weak_signal_is_as_weak_as_the_settings_say():
    """Of the evidence summed over a trial: its signal to noise, and the accuracy of its sign."""
    levels = [-1.0, -0.5, 0.0, 0.5, 1.0]
    weak = task(
        "context_integration",
        5.0,
        dt=20,
        rules=["Basic"],
        timing={"fixation": 0, "stimulus": 980, "decision": 20},
        parameters={
            "largest": 0.2, "levels": levels, "discrete": True, "tolerance": 0.99, "cues": False
        },
    )  # fmt: skip
    data = generate_trials(weak, "Basic", "train", 4000, 1)
    assert not data["inputs"].sel(channel="fixation").values.any()
    # The last step alone is asked, of the trials of level 0 too.
    assert np.array_equal(data["asked"], data["decision"])
    assert set(data["asked"].values.sum(1)) == {1}
    for name in ("input_1", "input_2"):
        assert set(np.round(np.unique(data[name]), 6)) == {-0.2, -0.1, 0.0, 0.1, 0.2}
        largest = data["inputs"].sel(channel=name).values[data[name].values == 0.2]
        summed = largest.sum(1)
        assert summed.mean() / summed.std() == pytest.approx(0.2 * math.sqrt(10) / 0.5, rel=0.1)
    at_zero = relevant(data)[:, 0] == 0
    assert not data["scored"].values[at_zero].any() and data["scored"].values[~at_zero].all()
    assert not data["target"].values[at_zero].any()
    # Phi(level sqrt(10) / 0.5) of the levels 0.1 and 0.2.
    assert float(data["ideal"].values[~at_zero].mean()) == pytest.approx(
        (0.7365 + 0.8970) / 2, abs=0.005
    )


def test_evaluation_is_factorial():
    data = generate_trials(task("context_integration"), "Basic", "evaluation", 2, 1)
    cells = set(zip(*(data[k].values for k in ("context", "input_1", "input_2")), strict=True))
    assert len(cells) == 72 and data.sizes["trial"] == 144
    data = generate_trials(task("sequence_memory"), "Basic", "evaluation", 2, 1)
    assert data.sizes["trial"] == 128


@pytest.mark.slow
@pytest.mark.parametrize("env", VECTOR)
def test_noise_is_where_it_belongs_and_as_strong_as_configured(env):
    quiet, noisy = (
        generate_trials(task(env, noise), "Basic", "evaluation", 20, 1) for noise in (0.0, 3.0)
    )
    environment = make_environment(task(env), "Basic")
    if env in MEMORY:  # delays differ, because noise draws from the same stream
        noisy, quiet = noisy.isel(time=slice(0, 9)), quiet.isel(time=slice(0, 9))
    difference = (noisy["inputs"] - quiet["inputs"]).values
    for k, name in enumerate(environment.channel_names()):
        shown = np.zeros(difference.shape[1], bool)
        for period in environment.shown:
            shown[int(noisy["start"][0].sel(period=period)) :][
                : int((noisy["stop"] - noisy["start"])[0].sel(period=period))
            ] = True
        if name in environment.noisy:
            assert difference[:, shown, k].std() == pytest.approx(3 / math.sqrt(100), rel=0.1)
            assert not difference[:, ~shown, k].any()
        else:
            assert not difference[..., k].any()


@pytest.mark.slow
@pytest.mark.parametrize(("env", "noise"), [("context_integration", 12.0), ("decision_line", 6.0)])
def test_ideal_observer_is_reached_by_the_sign_of_the_sum(env, noise):
    data = generate_trials(task(env, noise), "Basic", "train", 3000, 1)
    inputs = data["inputs"]
    first, second = (inputs.sel(channel=f"input_{k}").values for k in (1, 2))
    if env == "decision_line":
        evidence, truth = first - second, data["evidence"].values
    else:
        evidence = np.where(data["context"].values[:, None] == 1, first, second)
        truth = relevant(data)[:, 0]
    right = np.sign(evidence.cumsum(1)) == np.sign(truth)[:, None]
    accuracy = right[data["decision"].values].mean()
    assert 0.7 < accuracy < 0.95
    assert data["ideal"].values.mean() == pytest.approx(accuracy, abs=0.02)


class Shortly(SignTask):
    """A stimulus that goes off before the answer is due, twice."""

    periods = ("stimulus", "gap", "again", "delay", "decision")
    inputs = noisy = ("left", "right")
    shown = ("stimulus", "again")

    def factors(self):
        return {"evidence": [-1.0, 1.0]}

    def draw(self):
        return {"evidence": self.rng.uniform(-1, 1)}

    def evidence(self, trial):
        return trial["evidence"], self.sigma * 2**0.5

    def coordinates(self):
        return [("evidence", -1.0, 1.0, False)]

    def stimuli(self, kappa, period, **condition):
        if period not in self.shown:
            return {}
        return {"left": 0.5 + kappa[:, 0] / 2, "right": 0.5 - kappa[:, 0] / 2}


def test_an_ideal_observer_sees_nothing_while_nothing_is_shown(monkeypatch):
    monkeypatch.setattr(plugins, "load", lambda *_: Shortly)
    timing = {"stimulus": 200, "gap": 1000, "again": 300, "delay": 1000, "decision": 200}
    data = generate_trials(task("shortly", 8.0, timing=timing), "Basic", "train", 2000, 1)
    inputs = data["inputs"].values
    shown = np.r_[0:2, 12:15]
    summed = (inputs[..., 0] - inputs[..., 1])[:, shown].sum(1)
    accuracy = (np.sign(summed) == np.sign(data["evidence"].values)).mean()
    assert data["ideal"].values.mean() == pytest.approx(accuracy, abs=0.03)
    assert accuracy < 0.85


def test_an_ideal_observer_is_counted_by_decision_step_as_a_network_is():
    timing = {"stimulus": 100, "decision": {"choice": [100, 4000]}}
    dataset = generate_trials(task("decision_line", 20.0, timing=timing), "Basic", "train", 2000, 1)
    data = TaskData.from_dataset(dataset)
    summed = (data.inputs[..., 0] - data.inputs[..., 1]).cumsum(1)
    accuracy = decision_accuracy(summed.sign()[..., None], data)
    assert data.ideal == pytest.approx(accuracy, abs=0.03)
    assert dataset["ideal"].values.mean() < accuracy - 0.05


@pytest.mark.parametrize(
    ("deviation", "tolerance"), [(0.2, 0.3), (0.7, 0.5), (1.5, 0.5), (0.05, 1.0)]
)
def test_ideal_observer_of_memory_is_the_direction_of_the_mean(rng, deviation, tolerance):
    cloud = np.array([1.0, 0.0]) + deviation * rng.normal(size=(200_000, 2))
    share = (abs(np.arctan2(cloud[:, 1], cloud[:, 0])) < tolerance).mean()
    assert angle_accuracy(deviation, tolerance) == pytest.approx(share, abs=0.004)


def test_ideal_observer_of_memory_counts_the_steps_of_each_item():
    data = generate_trials(task("sequence_memory", 12.0), "Basic", "train", 5, 1)
    # Items of 3 and 4 steps, reports of 2 and 3.
    each = [angle_accuracy(1.2 / math.sqrt(n), math.radians(30)) for n in (3, 4)]
    expected = np.average(each, weights=[2, 3])
    assert np.allclose(data["ideal"].values, expected) and expected < 0.8


def test_a_point_on_the_boundary_is_not_scored():
    environment = make_environment(task("circle_sign", 0.0), "Basic")
    environment.seed(1)
    for theta in (0.0, -math.pi):
        trial = environment.new_trial(theta=theta)
        assert not environment.is_scored(trial)
        assert environment.ideal_accuracy(trial) == 0.5


@pytest.mark.parametrize(
    ("env", "parameters", "message"),
    [
        ("decision_line", {"tolerance": 1.5}, r"tolerance in \(0, 1\).*got 1.5"),
        ("circle_sign", {"tolerance": 1.0}, r"got 1.0: from 1 on, the output 0 is right"),
        ("context_integration", {"tolerance": 0.0}, r"tolerance in \(0, 1\).*got 0.0"),
        ("sequence_memory", {"tolerance_degrees": 120}, "between 0 and 60, got 120"),
        ("sequence_memory", {"tolerance_degrees": 60}, "output 0 is right for every angle"),
    ],
)
def test_a_tolerance_that_lets_anything_pass_is_refused(env, parameters, message):
    with pytest.raises(ValueError, match=message):
        make_environment(task(env, parameters=parameters), "Basic")


@pytest.mark.parametrize("env", VECTOR)
def test_silence_is_wrong_up_to_the_stated_limit_and_right_from_there(env):
    """The limits that the configuration is checked by, against the trials as they are scored."""
    ((parameter, limit),) = plugins.literal_class_attribute("tasks", env, "silence_limits").items()
    parameters = {parameter: limit * 0.999}
    data = generate_trials(task(env, parameters=parameters), "Basic", "train", 30, 1)
    assert data.attrs["chance_silence"] == 0
    with pytest.raises(ValueError, match="output 0 is right"):
        make_environment(task(env, parameters={parameter: limit}), "Basic")
    # The tolerance as if the class had not refused it.
    data.attrs["tolerance"] = 2 * math.sin(math.radians(30)) if parameter != "tolerance" else limit
    data.attrs["tolerance"] *= 1 + 1e-6
    assert chance_levels(data).silence == 1


def test_a_default_tolerance_leaves_silence_wrong():
    for env in VECTOR:
        data = generate_trials(task(env), "Basic", "train", 100, 1)
        assert data.attrs["chance_silence"] == 0
        assert data.attrs["chance"] < 0.65


class Far(SignTask):
    """A task set of a user's own: its targets are of length 0.2, 3 or, to withhold, 0."""

    periods = ("decision",)
    stimulus = "decision"
    inputs = ("u",)
    noisy = ("u",)
    shown = ("decision",)
    lengths = (0.2, 3.0)

    def __init__(self, *, tolerance, **settings):
        VectorTask.__init__(self, tolerance=tolerance, **settings)

    def draw(self):
        return {"u": self.rng.choice([-1.0, 1.0]), "length": self.rng.choice(self.lengths)}

    def factors(self):
        return {"u": [-1.0, 1.0], "length": list(self.lengths)}

    def evidence(self, trial):
        return trial["u"], self.sigma

    def answer(self, trial, period):
        return trial["u"] * trial["length"] * np.ones(1)

    def coordinates(self):
        return [("u", -1.0, 1.0, False)]

    def stimuli(self, kappa, period, **condition):
        return {"u": kappa[:, 0]}


def far(tolerance, name="Basic"):
    environment = Far(
        task=name,
        rules=["Basic", "Anti"],
        anti=name == "Anti",
        delay=False,
        timing={"decision": 200},
        dt=100,
        tolerance=tolerance,
    )
    environment.seed(1)
    return environment


@pytest.mark.parametrize("name", ["Basic", "Anti"])
def test_a_tolerance_of_a_user_s_task_is_held_against_its_smallest_target(name):
    far(0.19, name).new_trial(u=1.0, length=0.2)
    far(0.2, name).new_trial(u=1.0, length=3.0)
    for tolerance in (0.2, 0.5):
        message = f"tolerance below 0.2, .* of {name} from the output 0, got {tolerance}.*silence"
        with pytest.raises(ValueError, match=message):
            far(tolerance, name).new_trial(u=1.0, length=0.2)
    # Who asks for silence may have it.
    far(0.5, name).new_trial(u=1.0, length=0.0)
    # A trial without a correct answer is not scored.
    far(0.5, name).new_trial(u=0.0, length=0.2)


def test_a_missing_period_is_named():
    with pytest.raises(ValueError, match="got none of decision"):
        make_environment(task("decision_line", timing={"stimulus": 100}), "Basic")


def test_gymnasium_s_step_rewards_the_right_output():
    environment = make_environment(task("decision_line", 0.0), "Basic")
    environment.seed(1)
    environment.reset()
    environment.new_trial(evidence=0.5)
    environment.t = environment.t_ind = 0
    rewards = [environment.step(np.array([0.9]))[1] for _ in range(13)]
    assert rewards == [0] * 10 + [1] * 3


# --- manifolds of inputs -------------------------------------------------------------------------

FAMILIES = {
    "perceptual_decision": ("coherence",),
    "context_integration": ("input_1", "input_2"),
    "sequence_memory": ("angle_1", "angle_2"),
    "one_go_memory": ("angle_1", "angle_2"),
    "circle_sign": ("theta",),
    "decision_line": ("evidence",),
}
FIXED = {"perceptual_decision": {"delay": 300}, **{env: {"delay": 500} for env in MEMORY}}


def shown_at(env, kappa):
    """The trial variables that stand for a kappa."""
    if env == "perceptual_decision":
        return {"ground_truth": int(kappa[0] < 0), "coh": 51.2 * abs(kappa[0])}
    return dict(zip(FAMILIES[env], kappa, strict=True))


@pytest.mark.parametrize("env", FAMILIES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_noise_free_trial_is_on_the_input_manifold_at_its_kappa(env, data):
    fixed = FIXED.get(env, {})
    timing = VECTOR.get(env, PDM) | fixed
    own = task(env, 0.0, timing=timing)
    own["variation"] = {"anti": False, "delay": "delay" in timing}
    environment = make_environment(own, "Basic")
    environment.seed(data.draw(st.integers(0, 1000)))
    condition = {"context": data.draw(st.sampled_from([1, 2]))} if "context" in env else {}
    varied = own | {"timing": VECTOR.get(env, PDM)}
    manifold = input_manifold(make_environment(varied, "Basic"), fixed, **condition)
    assert tuple(manifold.names) == FAMILIES[env]
    kappa = [
        data.draw(st.floats(c.low, c.high, allow_subnormal=False)) for c in manifold.coordinates
    ]
    environment.new_trial(**shown_at(env, kappa), **condition)
    sequence = manifold.sequence(torch.tensor([kappa], dtype=torch.float64))[0]
    assert sequence.shape == environment.ob.shape
    np.testing.assert_allclose(environment.ob, sequence.numpy(), atol=1e-6)
    for period, (start, stop) in manifold.periods.items():
        assert (start, stop) == (environment.start_ind[period], environment.end_ind[period])


@pytest.mark.parametrize("env", FAMILIES)
def test_derivatives_go_through_an_input_manifold(env):
    condition = {"context": 2} if "context" in env else {}
    manifold = input_manifold(make_environment(task(env), "Basic"), FIXED.get(env), **condition)
    kappa = torch.full((3, len(manifold.coordinates)), 0.3, dtype=torch.float64)
    direction = torch.ones_like(kappa)
    _, exact = torch.func.jvp(manifold.sequence, (kappa,), (direction,))
    step = 1e-5
    rough = manifold.sequence(kappa + step) - manifold.sequence(kappa - step)
    torch.testing.assert_close(exact, rough / (2 * step), atol=1e-8, rtol=0)
    assert exact.abs().amax((0, 1)).max() > 0


def test_the_irrelevant_input_is_in_the_manifold_too():
    manifold = input_manifold(make_environment(task("context_integration"), "Basic"), context=1)
    middle = manifold.sequence(manifold.grid(3, 3))[:, 5]
    assert len(torch.unique(middle, dim=0)) == 9


@pytest.mark.parametrize(
    ("env", "timing", "condition", "message"),
    [
        ("sequence_memory", {}, {}, r"one duration of delay.*choice of \[200.*timing=\{'delay'"),
        ("decision_line", {"delya": 3}, {}, "among stimulus, decision; got delya"),
        ("sequence_memory", {"delay": 0.5}, {}, r"in ms, multiples of dt = 100, got delay 0\.5"),
        ("decision_line", {"stimulus": -100}, {}, "multiples of dt = 100, got stimulus -100"),
        ("decision_line", {"stimulus": float("nan")}, {}, "got stimulus nan"),
        ("context_integration", {}, {}, r"each condition \(context\); got none"),
        ("decision_line", {}, {"context": 1}, r"each condition \(none\); got context"),
        ("context_integration", {}, {"context": 3}, "context=1 or context=2, got 3"),
    ],
)
def test_what_an_input_manifold_needs_is_said(env, timing, condition, message):
    with pytest.raises(ValueError, match=message):
        input_manifold(make_environment(task(env), "Basic"), timing, **condition)


def test_a_task_without_a_smooth_stimulus_has_no_input_manifold(task_settings):
    with pytest.raises(NotImplementedError, match="go_nogo states none: add coordinates"):
        input_manifold(make_environment(task_settings("go_nogo"), "Basic"))


def test_tensors_of_a_vector_task():
    data = TaskData.from_dataset(generate_trials(task("sequence_memory"), "Basic", "train", 30, 1))
    assert data.target.dtype == torch.float32 and data.target.shape[-1] == data.n_outputs == 2
    assert data.tolerance == pytest.approx(2 * math.sin(math.radians(15)))
    rows = data.rows(torch.arange(5))
    assert rows.target.shape[:2] == rows.asked.shape == rows.valid.shape
