import json

import pytest

from warpline.pipeline import slices
from warpline.pipeline.config import load
from warpline.pipeline.paths import join_seeds, split_seeds
from warpline.pipeline.plan import Plan, Subject


@pytest.fixture
def plan(raw_config):
    return Plan(load(raw_config))


MASTER = Subject("PDM", "leaky_rnn", "master")
MAMBA = Subject("PDM", "mamba_d8_l2", "master")


def test_subjects_are_the_union_of_the_blocks_each_once(raw_config):
    block = raw_config["run"]["grid"][0]
    raw_config["run"]["grid"].append(
        {
            **block,
            "architectures": ["leaky_rnn", "leaky_gru"],
            "curricula": ["master"],
            "comparisons": ["architectures"],
        }
    )
    plan = Plan(load(raw_config))
    assert len(plan.subjects) == 6 and len(set(plan.subjects)) == 6
    assert plan.architectures("PDM") == ["leaky_rnn", "leaky_gru"]
    assert plan.architectures("PDM", "learning") == ["leaky_rnn"]
    assert plan.curricula("PDM", "leaky_rnn", "architectures") == ["master"]
    assert plan.compares_architectures("PDM")


def test_blocks_of_seeds(raw_config):
    raw_config["jobs"] = {"seeds_per_job": 2}
    plan = Plan(load(raw_config))
    assert plan.blocks == ((1, 2), (3, 4), (5,))
    assert plan.blocks_up_to((3, 4)) == ((1, 2), (3, 4))
    raw_config["run"]["seeds"].append(6)
    assert Plan(load(raw_config)).blocks[:2] == plan.blocks[:2]
    assert split_seeds(join_seeds((3, 4))) == (3, 4)


def test_blocks_of_training_are_their_own(raw_config):
    raw_config["jobs"] = {"seeds_per_job": 5, "seeds_per_training_job": 3}
    plan = Plan(load(raw_config))
    assert plan.training_blocks == ((1, 2, 3), (4, 5)) and plan.blocks == ((1, 2, 3, 4, 5),)
    # No seed is in the settings of a job, so that no cut of seeds into jobs re-runs one.
    raw_config["jobs"] = {"seeds_per_training_job": 1}
    raw_config["run"]["seeds"] = [7]
    assert slices.training_slice(plan, MASTER) == slices.training_slice(
        Plan(load(raw_config)), MASTER
    )


def test_pretraining_is_shared_whatever_its_order(raw_config):
    raw_config["curricula"]["other"] = {"pretrain": ["DelayResponse", "Basic", "Anti"]}
    raw_config["run"]["grid"][0]["curricula"].append("other")
    plan = Plan(load(raw_config))
    assert (
        plan.pretraining("PDM", "other")
        == plan.pretraining("PDM", "pretrain_frozen")
        == "Basic+Anti+DelayResponse"
    )
    assert plan.pretraining("PDM", "master") is None


def test_slices_are_json_and_hold_no_lists_of_what_is_run(plan):
    parts = [
        slices.trials_slice(plan, "PDM", "Anti", "train"),
        slices.training_slice(plan, MASTER),
        slices.pretraining_slice(plan, "PDM", "leaky_rnn", "Anti+Basic"),
        slices.trajectories_slice(plan, MASTER),
        slices.comparison_slice(plan, "cka"),
    ]
    for part in parts:
        text = json.dumps(part)
        assert '"seeds"' not in text and "master_frozen" not in text


def changed(raw_config, make, change):
    before = make(Plan(load(raw_config)))
    change(raw_config)
    return make(Plan(load(raw_config))) != before


CHANGES = {
    "seed added": (lambda r: r["run"]["seeds"].append(9), set()),
    "colour": (lambda r: r.update(figures={"palette": "tol-bright"}), {"figure"}),
    "DSA rank": (lambda r: r["measures"]["dsa"].update(rank=7), {"dsa"}),
    "learning rate": (
        lambda r: r["architectures"]["leaky_rnn"].update(learning_rate=0.01),
        {"training"},
    ),
    "units": (
        lambda r: r["architectures"]["leaky_rnn"].update(units=99),
        {"training", "trajectories"},
    ),
    "layer": (
        lambda r: r["architectures"]["mamba_d8_l2"].update(layer=1),
        {"mamba trajectories"},
    ),
    "states of a Mamba": (
        lambda r: r["architectures"]["mamba_d8_l2"].update(d_state=8),
        {"mamba training", "mamba trajectories"},
    ),
    "another architecture": (lambda r: r["architectures"]["leaky_gru"].update(units=99), set()),
    "curriculum added": (lambda r: r["curricula"].update(new={}), set()),
    "noise": (lambda r: r["tasksets"]["PDM"].update(input_noise=2.0), {"trials"}),
    "evaluation repeats": (
        lambda r: r["tasksets"]["PDM"].update(trials={"evaluation_repeats": 4}),
        set(),
    ),
    "confidence": (lambda r: r.update(statistics={"confidence": 0.9}), {"statistics"}),
    "root seed": (
        lambda r: r.update(seed=3),
        {"trials", "training", "mamba training", "cka", "dsa"},
    ),
    "batching of jobs": (lambda r: r.update(jobs={"seeds_per_job": 3}), set()),
    "within": (lambda r: r["comparison"]["within"].update(fractions=[0.0, 1.0]), {"cka", "dsa"}),
}

MAKERS = {
    "trials": lambda p: slices.trials_slice(p, "PDM", "Basic", "train"),
    "training": lambda p: slices.training_slice(p, MASTER),
    "trajectories": lambda p: slices.trajectories_slice(p, MASTER),
    "mamba training": lambda p: slices.training_slice(p, MAMBA),
    "mamba trajectories": lambda p: slices.trajectories_slice(p, MAMBA),
    "cka": lambda p: slices.comparison_slice(p, "cka"),
    "dsa": lambda p: slices.comparison_slice(p, "dsa"),
    "statistics": slices.statistics_slice,
    "figure": lambda p: slices.figure_slice(p),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("slice_", MAKERS)
def test_a_change_reaches_the_jobs_that_use_it_and_no_others(raw_config, change, slice_):
    apply, reached = CHANGES[change]
    assert changed(raw_config, MAKERS[slice_], apply) is (slice_ in reached)


def test_runs_have_names_of_their_own(plan):
    names = [
        tuple(slices.training_slice(plan, Subject("PDM", "leaky_rnn", curriculum))["run"])
        for curriculum in ("untrained", "master", "master_frozen")
    ]
    names.append(tuple(slices.pretraining_slice(plan, "PDM", "leaky_rnn", "master")["run"]))
    assert len(set(names)) == 4


def test_untrained_takes_no_updates(plan):
    part = slices.training_slice(plan, Subject("PDM", "leaky_rnn", "untrained"))
    assert part["training"]["max_steps"] == 0
