"""Chance levels: by hand, by brute force, by networks that ignore the stimulus, and in `warpline check`."""

import math

import numpy as np
import pytest
import torch
import xarray as xr
import yaml

from warpline.pipeline import command_line
from warpline.tasks.chance import chance_levels
from warpline.tasks.trials import generate_trials
from warpline.training.batches import TaskData
from warpline.training.loop import decision_accuracy

MEMORY = {
    "env": "sequence_memory",
    "rules": ["Basic"],
    "timing": {
        "fixation": 100,
        "item_1": 200,
        "item_2": 200,
        "delay": {"choice": [200, 500]},
        "report_1": 200,
        "report_2": 300,
    },
    "variation": {"anti": False, "delay": True},
    "parameters": {"tolerance_degrees": 20},
}


def dataset(target, decision, scored=None, tolerance=None, n_outputs=3):
    target = np.asarray(target, np.int16 if tolerance is None else np.float32)
    decision = np.asarray(decision, bool)
    scored = np.ones(len(target), bool) if scored is None else np.asarray(scored)
    dims = ("trial", "time", "output")[: target.ndim]
    attrs = {"n_outputs": n_outputs} | ({} if tolerance is None else {"tolerance": tolerance})
    return xr.Dataset(
        {
            "target": (dims, target),
            "decision": (("trial", "time"), decision),
            "scored": (("trial",), scored),
        },
        attrs=attrs,
    )


def test_by_hand():
    # Two decision steps each, at different times; the last trial has no correct answer.
    data = dataset(
        [[0, 1, 1, 0], [0, 0, 2, 2], [0, 2, 2, 0], [0, 1, 1, 0]],
        [[0, 1, 1, 0], [0, 0, 1, 1], [0, 1, 1, 0], [0, 1, 1, 0]],
        scored=[True, True, True, False],
    )
    levels = chance_levels(data)
    # Of the three scored trials two answer 2; of their six ordered pairs, two agree.
    assert (levels.constant, levels.silence) == (pytest.approx(2 / 3), 0)
    assert levels.shuffled == pytest.approx(1 / 3)
    assert levels.level == levels.constant


def test_an_answer_that_time_alone_gives_away_is_chance():
    """No constant is right in more than half of the steps, but the answer of any other trial is."""
    levels = chance_levels(dataset([[1, 2]] * 4, [[1, 1]] * 4))
    assert (levels.constant, levels.shuffled, levels.level) == (0.5, 1, 1)


def test_a_single_trial_has_no_other():
    levels = chance_levels(dataset([[1, 1]], [[1, 1]]))
    assert math.isnan(levels.shuffled) and levels.level == 1
    with pytest.raises(ValueError, match="at least one scored trial"):
        chance_levels(dataset([[1, 1]], [[1, 1]], scored=[False]))


@pytest.mark.parametrize("task", ["Basic", "AntiDelayResponse"])
@pytest.mark.parametrize(("env", "silence"), [("perceptual_decision", 0.0), ("go_nogo", 0.5)])
def test_a_choice_of_two_is_at_a_half(task_settings, env, silence, task):
    data = generate_trials(task_settings(env, task), task, "evaluation", 4, 1)
    assert data.attrs["chance"] == data.attrs["chance_constant"] == 0.5
    assert data.attrs["chance_silence"] == silence
    # Without the trial itself, slightly less than half of the others agree.
    n = int(data["scored"].sum())
    assert data.attrs["chance_shuffled"] == pytest.approx((n / 2 - 1) / (n - 1))


def test_chance_is_the_accuracy_of_networks_that_ignore_the_stimulus(task_settings):
    """By the function that scores networks."""
    for settings, zero in (
        (task_settings(), torch.tensor([1.0, 0, 0])),
        (task_settings() | MEMORY, torch.zeros(2)),
    ):
        data = generate_trials(settings, "Basic", "validation", 120, 1)
        trials = TaskData.from_dataset(data)
        assert trials.chance == data.attrs["chance"]

        def accuracy(answer, trials=trials):
            shape = (*trials.inputs.shape[:2], len(answer))
            return decision_accuracy(answer.expand(shape), trials)

        assert accuracy(zero) == pytest.approx(data.attrs["chance_silence"])
        if trials.tolerance is None:
            answers = list(torch.eye(3))
        else:
            angle = torch.linspace(0, 2 * math.pi, 721)
            circle = torch.stack([angle.cos(), angle.sin()], dim=1)
            answers = [radius * row for radius in (0.8, 0.94, 1.0) for row in circle]
        best = max(accuracy(answer) for answer in answers)
        # The search between targets finds at least what a fine grid does, and little more.
        assert best <= data.attrs["chance_constant"] + 1e-6 <= best + 0.02


def test_shuffled_targets_by_brute_force(task_settings):
    data = generate_trials(task_settings() | MEMORY, "Basic", "validation", 40, 1)
    target, decision = data["target"].values, data["decision"].values
    due = np.stack([row[mask] for row, mask in zip(target, decision, strict=True)])
    right = [
        np.linalg.norm(due[i] - due[j], axis=-1) <= data.attrs["tolerance"]
        for i in range(40)
        for j in range(40)
        if i != j
    ]
    assert data.attrs["chance_shuffled"] == pytest.approx(np.mean(right))


def test_a_constant_direction_covers_the_arc_of_its_disc():
    """A disc of radius r about the best point covers an arc of half-angle asin(r) of the unit circle."""
    n = 360
    angle = 2 * np.pi * np.arange(n) / n
    target = np.stack([np.cos(angle), np.sin(angle)], axis=1)[:, None]
    # No angle lies on the edge of the disc, which holds 20 degrees to either side.
    radius = math.sin(math.radians(20.4))
    levels = chance_levels(dataset(target, np.ones((n, 1)), tolerance=radius, n_outputs=2))
    assert levels.constant == pytest.approx(41 / n)
    # A target itself, at the edge of the unit disc, covers 2 asin(r/2) only.
    half = math.degrees(2 * math.asin(radius / 2))
    assert levels.shuffled == pytest.approx(2 * math.floor(half) / (n - 1))


# --- warpline check -------------------------------------------------------------------------------


def check(tmp_path, **changes):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({"name": "own", **changes}))
    return command_line._check([str(path)])


@pytest.fixture(autouse=True)
def in_project(project, monkeypatch):
    monkeypatch.chdir(project)


def test_a_criterion_below_chance_is_refused(tmp_path, capsys):
    assert check(tmp_path) == 0
    assert check(tmp_path, training={"target_fraction": 0.5}) == 1
    message = capsys.readouterr().err
    assert "training.target_fraction: expected a criterion above the chance level" in message
    assert "AntiDelayResponse (task set PDM), got 0.5 of the ideal observer's" in message
    assert "pretraining" not in message


def test_every_task_of_the_pretraining_is_held_against_chance(tmp_path, capsys):
    assert check(tmp_path, pretraining={"target_fraction": 0.4}) == 1
    message = capsys.readouterr().err
    for task in ("Basic", "Anti", "DelayResponse"):
        assert f" of {task} (task set PDM)" in message
    assert "  - training.target_fraction" not in message


OWN = """
import numpy as np
from warpline.tasks.vector import SignTask, VectorTask

class Own(SignTask):
    periods = ("decision",)
    stimulus = "decision"
    inputs = ("u",)
    noisy = ("u",)
    shown = ("decision",)

    def __init__(self, *, tolerance, **settings):
        VectorTask.__init__(self, tolerance=tolerance, **settings)

    def draw(self):
        return {"u": self.rng.uniform(-1, 1)}

    def factors(self):
        return {"u": [-1.0, 1.0]}

    def evidence(self, trial):
        return trial["u"], self.sigma

    def answer(self, trial, period):
        return 0.5 * np.sign([trial["u"]])

    def coordinates(self):
        return [("u", -1.0, 1.0, False)]

    def stimuli(self, kappa, period, **condition):
        return {"u": kappa[:, 0]}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("tolerance", "status"), [(0.4, 0), (0.6, 1)])
def test_a_user_s_tolerance_is_refused_before_the_jobs(tmp_path, capsys, tolerance, status):
    (tmp_path / "own.py").write_text(OWN)
    taskset = {
        "env": f"{tmp_path}/own.py:Own",
        "tasks": {"Basic": {}},
        "target": "Basic",
        "window": "decision",
        "dt": 100,
        "timing": {"decision": 2000},
        "input_noise": 0.1,
        "parameters": {"tolerance": tolerance},
    }
    grid = [{"tasksets": ["Own"], "architectures": ["leaky_rnn"], "curricula": ["master"]}]
    run = {"seeds": [1, 2], "grid": grid, "measures": ["cka"]}
    assert check(tmp_path, tasksets={"Own": taskset}, run=run) == status
    message = capsys.readouterr().err
    assert ("expected a tolerance below 0.5" in message) == bool(status)


def test_a_reference_that_is_not_run_is_named(tmp_path, capsys):
    for references, n_named in ((["master"], 0), (["master", "pretrain_anti_frozen"], 1)):
        over = {"fractions": [0.0, 1.0], "references": references}
        assert check(tmp_path, comparison={"over": over}) == 0
        lines = capsys.readouterr().out.splitlines()
        named = [
            line for line in lines if line.startswith("comparison.over.references: no network")
        ]
        assert len(named) == n_named and all("of pretrain_anti_frozen is" in line for line in named)
