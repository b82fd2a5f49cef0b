"""Resources of jobs and the forecast of a configuration."""

from __future__ import annotations

import re

import pytest
from warpline.pipeline.costs import RULES, Costs
from warpline.pipeline.files import Files

from warpline.pipeline.config import load
from warpline.pipeline.forecast import compare_with_run, efficiency, forecast, render
from warpline.pipeline.plan import Plan


@pytest.fixture
def plan(raw_config, tmp_path):
    def make(**jobs):
        raw_config["jobs"] = jobs
        return Plan(load(raw_config), tmp_path / "results")

    return make


NAMES = {"taskset": "PDM", "architecture": "leaky_rnn", "curriculum": "master", "seed": "1"}


def test_every_rule_that_submits_jobs_has_a_cost(project):
    found = set()
    for path in (project / "workflow" / "rules").glob("*.smk"):
        text = path.read_text()
        found |= set(re.findall(r"^rule (\w+):", text, re.MULTILINE))
        # Rules that are made in a loop are named after their first part.
        found |= set(re.findall(r'"_"\.join\(\["(\w+)"', text))
    named = {name for name in RULES if not name.endswith("*")}
    assert {name for name in found if not name.startswith("draw_")} == named
    for path in (project / "workflow" / "rules").glob("*.smk"):
        text = path.read_text()
        # Every rule takes its memory and time from there, none states a number.
        assert text.count("resources_of(") - text.count("def resources_of") == text.count(
            "    resources:\n"
        )
        assert not re.search(r"(mem_mb|runtime)=\d", text)


def test_jobs_are_those_of_the_files(plan):
    plan = plan()
    sizes = Costs(plan).sizes
    files = Files(plan)
    assert len(list(RULES["train"].jobs(sizes))) == len(files.all_networks()) == 25
    # pretrain_frozen and pretrain_unfrozen share theirs.
    assert len(list(RULES["pretrain"].jobs(sizes))) == 5
    assert len(list(RULES["compare_networks"].jobs(sizes))) == 15
    assert {name["split"] for name in RULES["generate_trials"].jobs(sizes)} == {
        "train",
        "validation",
        "evaluation",
    }


def test_a_job_that_was_killed_asks_for_more_up_to_the_limit(plan):
    costs = Costs(plan())
    memory = [costs.memory_mb("train", NAMES, attempt) for attempt in (1, 2, 3)]
    time = [costs.runtime("train", NAMES, attempt) for attempt in (1, 2, 3)]
    assert memory[1] >= 1.9 * memory[0] and memory[2] >= 1.9 * memory[1]
    assert time == [time[0], 2 * time[0], 4 * time[0]]
    limited = Costs(plan(max_memory=memory[0] + 1, max_runtime=time[0] + 1))
    assert limited.memory_mb("train", NAMES, 3) == memory[0] + 1
    assert limited.runtime("train", NAMES, 3) == time[0] + 1


def test_costs_grow_with_the_job(raw_config):
    def cost(rule="train", **changes):
        for key, value in changes.items():
            section, _, name = key.partition("__")
            raw_config[section] = {**raw_config[section], **({name: value} if name else value)}
        return Costs(Plan(load(raw_config))).of(rule, NAMES)

    base = cost()
    assert base.longest > base.seconds > 0 and base.memory > 500 and base.disk > 0
    more = cost(training__max_steps=30000)
    assert more.longest > 5 * base.longest
    wide = cost(architectures__leaky_rnn={"model": "leaky_rnn", "units": 1024})
    assert wide.seconds > 3 * base.seconds and wide.disk > 30 * base.disk
    assert wide.memory > base.memory
    untrained = Costs(Plan(load(raw_config))).of("train", NAMES | {"curriculum": "untrained"})
    assert untrained.longest < 30


def test_frozen_networks_without_pretraining_are_expected_to_run_to_the_end(plan):
    costs = Costs(plan())
    hopeless = costs.of("train", NAMES | {"curriculum": "master_frozen"})
    assert hopeless.seconds == pytest.approx(hopeless.longest)
    assert costs.of("train", NAMES | {"curriculum": "pretrain_frozen"}).seconds < hopeless.seconds


def test_blocks_of_seeds_are_one_job(plan):
    one, block = (Costs(plan(gpu=True, seeds_per_training_job=n)) for n in (1, 5))
    assert len(list(RULES["train"].jobs(one.sizes))) == 25
    assert len(list(RULES["train"].jobs(block.sizes))) == 5
    apart, together = one.of("train", NAMES), block.of("train", NAMES, n_seeds=5)
    assert together.disk == pytest.approx(5 * apart.disk)
    assert 4 * apart.longest < together.longest < 5 * apart.longest
    assert together.memory > apart.memory


def test_every_model_has_a_size(raw_config):
    raw_config["architectures"]["other"] = {"model": "mamba", "d_model": 8, "n_layers": 2}
    raw_config["run"]["grid"][0]["architectures"] = ["other"]
    sizes = Costs(Plan(load(raw_config))).sizes
    # Of this network there are 2,699 parameters and 2 x 16 x 16 states.
    assert sizes.hidden("other") == 512
    assert sizes.weights("other") == pytest.approx(2699, rel=0.15)


def test_forecast_says_what_is_on_gpus(plan):
    frame = forecast(plan(gpu=True)).set_index("rule")
    assert set(frame[frame["device"] == "gpu"].index) == {"pretrain", "train"}
    assert "no GPU was measured" in render(plan(gpu=True))
    assert set(forecast(plan())["device"]) == {"cpu"}
    slow = forecast(plan(time_factor=2.0))
    assert slow["hours"].sum() == pytest.approx(2 * frame["hours"].sum())


def test_forecast_of_a_run_that_was_not_made(plan, tmp_path):
    found = compare_with_run(plan())
    assert (found["jobs"] == 0).all() and found["measured_disk"].sum() == 0
    with pytest.raises(ValueError, match="expected benchmarks with resources"):
        efficiency(tmp_path)
