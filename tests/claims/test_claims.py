"""The table of the claims, its rules, its page and its stage."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from claim_sources import (
    ORDERED,
    SPEED,
    Cells,
    analysis,
    claims,
    networks,
    pairs,
    settings_of,
    sources,
)

from warpline.claims.claim_table import COLUMNS
from warpline.claims.deciding_run import deciding_command
from warpline.claims.published_means import published_table
from warpline.claims.registry import CLAIMS
from warpline.claims.sources import Sources
from warpline.claims.verdicts import Judged
from warpline.figures.claims_page import claims_page
from warpline.pipeline.config import ConfigError, load
from warpline.pipeline.config.claim_rules import read_rules
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline


def test_what_lacks_is_a_row_that_says_so(rules):
    table = claims(rules, Sources())
    assert table["claim"].tolist() == list(rules.rules) == list(CLAIMS)
    assert tuple(table) == COLUMNS
    assert (table["verdict"] == "undecided").all()
    assert table["reason"].str.startswith("not run: it takes ").all()
    assert table["command"].str.startswith("snakemake claims").all()


def test_an_undecided_claim_says_what_decides_it(rules):
    values = {(SPEED, stage, ""): [1.0, 2.0, 4.0] for stage in ("before", "after")}
    row = claims(rules, analysis("static", values)).set_index("claim").loc["B1"]
    assert row["reason"] == "n = 3, and the rule asks for 10"
    start, _, run = row["command"].partition(" run=")
    assert start == "snakemake claims --config name=one_B1"
    run = json.loads(run.strip("'"))
    assert run["grid"] and run["seeds"] == list(range(1, len(run["seeds"]) + 1))
    assert len(run["seeds"]) >= 10


def test_the_smallest_run_adds_what_a_claim_lacks(rules):
    settings, unjudged = settings_of(rules), {"low": 0.0, "high": 1.0, "p": 0.5, "p_adjusted": 0.5}
    few = Judged(
        value=0.5,
        n=9,
        n_settings=0,
        share=1.0,
        verdict="undecided",
        reason="",
        needed=20,
        **unjudged,
    )

    def command(claim, judged=None, measure=""):
        return deciding_command(claim, rules.rules[claim].model_dump(), settings, judged, measure)

    # Families keep their ranges, and get as many systems as are needed.
    families = json.loads(command("A1", few).partition("attractors='")[2].strip("'"))["families"]
    assert {name: len(values) for name, values in families.items()} == {"a": 10, "b": 10}
    assert (families["b"][0], families["b"][-1]) == (5, 9)
    # No configuration has more than five motifs; without evidence of them there is one that has it.
    assert command("A3", few) == "" and command("A3") == "snakemake claims --configfile a.yaml"
    # What is decided needs nothing, and neither does what no run of the kind would decide.
    assert (
        command("B1", replace(few, verdict="holds")) == command("B1", replace(few, needed=0)) == ""
    )
    # The measures are those of the claim.
    assert '"measures": ["dsa"]' in command("A4a", few, "dsa")
    assert '"measures": ["cka"]' in command("A4b") and '"measures"' not in command("B1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "null_value: 0.0\n    smallest_effect: 0.05",
            "expected a value above null_value (0), got -1",
        ),
        ("min_n: 9", "rules.A1.min_m: unknown key; did you mean 'min_n'?"),
        ("confidence: 0.95", "confidence: input should be less than 1, got 95"),
    ],
)
def test_a_wrong_rule_is_refused(project, tmp_path, change, message):
    wrong = {
        "null_value: 0.0\n    smallest_effect: 0.05": "null_value: 0.0\n    smallest_effect: -1.0",
        "min_n: 9": "min_m: 9",
        "confidence: 0.95": "confidence: 95",
    }
    path = tmp_path / "claims.yaml"
    text = (project / "config" / "claims.yaml").read_text()
    path.write_text(text.replace(change, wrong[change], 1))
    with pytest.raises(ConfigError) as error:
        read_rules(path)
    assert message in str(error.value)


def test_a_claim_of_no_effect_needs_a_smallest_effect(project, tmp_path):
    path = tmp_path / "claims.yaml"
    text = (project / "config" / "claims.yaml").read_text()
    before, absent, after = text.partition("    absent: true\n")
    path.write_text(before + absent + after.replace("    smallest_effect: 0.7\n", "", 1))
    with pytest.raises(ConfigError, match="expected a value, because a claim of no effect"):
        read_rules(path)


def test_the_page_tells_two_analyses_of_a_claim_apart(rules):
    settings = rules.model_dump() | {"protocol": "right", "name": "demo"}
    values = {
        (SPEED, stage, ""): [value, value + 0.1]
        for stage, value in (("before", 1.0), ("after", 2.0))
    }
    one = analysis("static", values)
    two = Sources(analysed=[*one.analysed, replace(one.analysed[0], name="with_noise")])
    for source, named in ((one, False), (two, True)):
        page = Cells()
        page.feed(claims_page(claims(rules, source), pd.DataFrame(), settings))
        assert ("with_noise" in page.text) is named and ("one" in page.text) is named


def test_the_page_shows_each_verdict_as_a_symbol_and_a_word(rules):
    table = claims(rules, sources(compared=[networks(after=pairs(ORDERED))]))
    table.loc[0, "sentence"] = "<script>window.ran = true</script>"
    table.loc[1, "verdict"] = "holds"
    means = pd.DataFrame([{"measure": "dsa", "curriculum_a": "a", "curriculum_b": "b"}]).assign(
        protocol="right",
        taskset="PDM",
        architecture="net",
        published=0.4,
        mean=0.3,
        low=np.nan,
        high=np.nan,
        n_a=2,
        n_b=2,
    )
    settings = rules.model_dump() | {"protocol": "right", "name": "demo"}
    page = Cells()
    page.feed(claims_page(table, means, settings))
    assert page.tags.count("tr") == len(table) + 1 + 2
    assert "script" not in page.tags and "link" not in page.tags
    text = " ".join("".join(page.text).split())
    assert "✔ holds: 1" in text.replace("✔holds", "✔ holds")
    for claim in rules.rules:
        assert f"{claim} " in text


def test_published_means_stand_beside_ours(project):
    published = pd.read_csv(project / "config" / "published_rnn_pdm.csv", comment="#")
    assert len(published) == 165
    summary = pd.DataFrame(
        [
            {"measure": "dsa", "architecture": "net", "curriculum_a": "untrained"}
            | {"curriculum_b": "master", "seeds": seeds, "mean": 0.5, "low": 0.4, "high": 0.7}
            | {"n_a": 10, "n_b": 10}
            for seeds in ("same", "cross")
        ]
    )
    mamba = summary.assign(architecture="mamba")
    table = published_table(
        published,
        {
            "right": {"PDM": pd.concat([summary, mamba]), "Other": summary},
            "published": {"PDM": summary.assign(mean=0.8, low=0.7, high=0.9)},
        },
        {"net": "leaky_rnn", "mamba": "mamba"},
        {"dsa": "dsa"},
    )
    row, other = table.to_dict("records")
    assert (row["published"], row["mean"], row["within_interval"]) == (0.607, 0.5, True)
    assert (other["protocol"], other["within_interval"]) == ("published", False)


def test_each_task_set_has_an_order_of_its_own(raw_config):
    """A second task set of one task made all pretrainings of the first one full, or none."""
    block = raw_config["run"]["grid"][0]
    block["curricula"] = [
        "master", "untrained", "pretrain_basic_frozen", "pretrain_anti_frozen", "pretrain_frozen"
    ]  # fmt: skip
    levels = {
        "untrained": 0,
        "pretrain_basic_frozen": 2,
        "pretrain_anti_frozen": 2,
        "pretrain_frozen": 3,
    }
    # Its only task, the target, has the name of a task of PDM.
    raw_config["run"]["warping"] = ["context_learning"]
    stage = Pipeline(Plan(load(raw_config))).claims
    assert stage.parameters({})["levels"] == {"PDM": levels, "Context": {}}
    deciding = stage.parameters({})["deciding"]["order"]["sections"]["run"]["grid"][0]
    assert deciding["tasksets"] == ["PDM"] and "pretrain_frozen" in deciding["curricula"]

    # All other tasks of a set of two are some of a set of four.
    tasks = {"Basic": {}, "AntiDelayResponse": {"anti": True, "delay": True}}
    raw_config["tasksets"]["Two"] = raw_config["tasksets"]["PDM"] | {"tasks": tasks}
    two = block | {"tasksets": ["Two"], "curricula": ["master", "pretrain_basic_frozen"]}
    raw_config["run"]["grid"].append(two)
    by_taskset = Pipeline(Plan(load(raw_config))).claims.parameters({})["levels"]
    assert by_taskset["PDM"] == levels and by_taskset["Two"] == {"pretrain_basic_frozen": 3}


def test_the_course_of_learning_is_decided_by_a_curriculum_of_the_run(raw_config):
    raw_config["run"]["grid"][0]["curricula"] = ["untrained", "master", "pretrain_frozen"]
    course = Pipeline(Plan(load(raw_config))).claims.parameters({})["deciding"]["course"]
    # The number of networks that the command has is that of this curriculum.
    assert course["sections"]["run"]["grid"][0]["curricula"] == ["master", "pretrain_frozen"]


def test_the_stage_reads_all_that_is_run(raw_config, project):
    # Of these three none differs from the others in what was pretrained alone.
    target = "AntiDelayResponse"
    further = {
        "with_target": {"pretrain": ["Basic", "Anti", "target"], "trainable": "input"},
        "with_its_name": {"pretrain": ["Basic", "Anti", target], "trainable": "input"},
        "other_task": {"train": ["Anti"], "trainable": "input"},
    }
    raw_config["curricula"] |= further
    raw_config["run"]["grid"][0]["curricula"] += ["pretrain_anti_frozen", *further]
    raw_config["run"] |= {"warping": ["context", "memory", "pdm_learning"], "attractors": True}
    raw_config["run"]["measures"] = ["cka", "dsa", "dsa_input"]
    stage = Pipeline(Plan(load(raw_config))).claims
    parameters = stage.parameters({})
    levels = {"untrained": 0, "master_frozen": 1, "pretrain_anti_frozen": 2, "pretrain_frozen": 3}
    assert parameters["levels"] == {"PDM": levels}
    assert parameters["kinds"] == [["cka", "cka"], ["dsa", "dsa"], ["dsa_input", "dsa_input"]]
    assert parameters["analyses"]["context"] == "context_rnn"
    assert parameters["protocol"] == "right"
    raw_config["protocol"] = {"trials": {"unique": False}}
    assert Pipeline(Plan(load(raw_config))).claims.parameters({})["protocol"] == "trials.unique"
    inputs, options = stage.inputs({}), stage.options({})
    assert all(
        path in options for paths in inputs.values() for path in paths[:1] if "csv" not in path[-4:]
    )
    assert {option for option, paths in inputs.items() if not paths} == set()
    assert "learning" not in options.replace("pdm_learning", "")
    assert not any("pdm_learning" in path for path in inputs["numbers"])
    assert all(
        path.startswith("results/")
        for name, paths in inputs.items()
        for path in paths
        if name != "means"
    )
    assert stage.cost({}).seconds < 600

    # What is called the smallest run is one, and holds the evidence that it is for.
    evidence = {"order": "after", "order of mamba": "after", "course": "over", "context": "numbers"}
    for kind, option in evidence.items():
        smallest = copy.deepcopy(raw_config)
        for name, section in parameters["deciding"][kind]["sections"].items():
            smallest[name] = smallest.get(name, {}) | section
        smallest["run"]["measures"] = [name for name, _ in parameters["measures"]][:1]
        smallest = Pipeline(Plan(load(smallest))).claims
        read = smallest.inputs({})
        assert read[option] and not (read["attractors"] or len(read["numbers"]) > 5), kind
        if kind.startswith("order"):
            levels = smallest.parameters({})["levels"]
            assert sorted(levels.pop("PDM").values()) == [0, 1, 2, 3] and not any(levels.values())

    # The order is one of distances to networks that learn the target alone.
    other = copy.deepcopy(raw_config)
    other["comparison"]["over"]["references"] = ["pretrain_frozen", "master"]
    parameters = Pipeline(Plan(load(other))).claims.parameters({})
    assert parameters["levels"] == {"PDM": {}}
    sections = parameters["deciding"]["order"]["sections"]
    assert sections["comparison"] == {"over": {"references": ["master"]}}
    assert sections["run"]["grid"][0]["curricula"][0] == "master"

    raw_config["run"] |= {"warping": [], "attractors": False, "seeds": [1]}
    stage = Pipeline(Plan(load(raw_config))).claims
    inputs = stage.inputs({})
    assert not inputs["numbers"] and not inputs["attractors"] and not inputs["around"]
    assert len(stage.all_outputs()) == 3
    # Recordings alone hold no evidence of a claim.
    raw_config["run"] |= {"grid": [], "datasets": []}
    raw_config["run"]["warping"] = ["pdm_learning"]
    raw_config["run"]["measures"] = []
    assert Pipeline(Plan(load(raw_config))).claims.all_outputs() == []
