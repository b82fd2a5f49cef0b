"""Switches of the protocol of Guilhot et al. (2024): off by default, and each concerns a few stages."""

from __future__ import annotations

import math

import pytest
from protocol_networks import MASTER

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
from warpline.tasks.trials import make_environment


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
