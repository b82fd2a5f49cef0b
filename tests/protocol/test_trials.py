"""Trials of the protocol of Guilhot et al. (2024): each switch shows the defect that it stands for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from protocol_networks import MASTER, rnn

from warpline.core.random_streams import root_of
from warpline.models.base import build_model
from warpline.pipeline.config import load_files
from warpline.tasks.trials import N_CACHED, generate_trials


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
