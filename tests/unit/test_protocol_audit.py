"""The audit: which protocols there are, what they share, and what a protocol's table says."""

from __future__ import annotations

import itertools
import json
import runpy
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from warpline.comparison.protocol_effects import (
    COLUMNS,
    order_probability,
    protocol_effects,
    rank_correlation,
)
from warpline.core import result_files
from warpline.pipeline.config import ConfigError, load, load_files
from warpline.pipeline.config.protocol import PUBLISHED, Protocol, switches, variants
from warpline.pipeline.expansion import Plan
from warpline.pipeline.forecast import expected_seconds, forecast
from warpline.pipeline.protocol_audit import Audit
from warpline.pipeline.stages import Pipeline

SWITCHES = [
    "trials.unique",
    "timing.evaluation",
    "evaluation.paired",
    "dsa.solver",
    "training.loss",
    "mamba.state",
]


@pytest.fixture
def audit(raw_config):
    raw_config["run"]["measures"] = ["cka", "dsa"]
    raw_config["run"]["grid"][0]["curricula"] = ["untrained", "master", "pretrain_frozen"]
    raw_config["audit"] = {"switches": SWITCHES}
    return Audit(Pipeline(Plan(load(raw_config))))


# --- protocols -------------------------------------------------------------------------------------------


def test_each_protocol_is_one_switch_from_an_end(audit):
    protocols = variants(audit.pipeline.plan.config.audit)
    right, published = switches(protocols["right"]), switches(protocols["published"])
    assert right == switches(Protocol())
    assert {name for name in right if right[name] != published[name]} == set(SWITCHES)
    for switch in SWITCHES:
        near_right, near_published = (
            switches(protocols[f"{end}{switch}"]) for end in ("right+", "published-")
        )
        assert near_right == right | {switch: switches(PUBLISHED)[switch]}
        assert near_published == published | {switch: right[switch]}


def test_a_switch_that_concerns_no_network_is_no_protocol(audit):
    assert "right+mamba.state" in audit.names and "right+mamba.state" not in audit.distinct
    assert len(audit.distinct) == 2 * (len(SWITCHES) - 1) + 2


def test_an_unknown_switch_is_refused(raw_config):
    raw_config["audit"] = {"switches": ["trials.uniqe"]}
    with pytest.raises(ConfigError, match=r"unknown switch 'trials\.uniqe'; did you mean"):
        load(raw_config)


def test_audit_yaml_is_a_configuration(project):
    config = load_files([project / "config" / f"{name}.yaml" for name in ("config", "audit")])
    audit = Audit(Pipeline(Plan(config)))
    # Every switch that is listed concerns some network.
    assert set(audit.distinct) == set(audit.names)


# --- files -----------------------------------------------------------------------------------------------

NETWORK = {"taskset": "PDM", "architecture": "leaky_rnn", "curriculum": "master"}


def places(audit, protocol):
    """Return the folder of the protocol that holds each kind of result; empty for the configuration's own."""
    pipeline = audit.of_protocol(protocol)
    paths = {
        "trials": pipeline.trials.path(taskset="PDM", task="Anti"),
        "training": pipeline.training.path(**NETWORK, seed=1),
        "trajectories": pipeline.trajectories.path(**NETWORK, seeds="1"),
        "comparisons": pipeline.comparisons.path(
            "after", measure="dsa", taskset="PDM", architecture="leaky_rnn", seeds="1"
        ),
    }
    found = {}
    for kind, path in paths.items():
        parts = path.split("/")
        assert parts[:2] == ["results", "default"]
        found[kind] = parts[3] if parts[2] == "protocols" else ""
    return found


def test_protocols_share_what_no_switch_changes(audit):
    def own(name, *kinds):
        every = ("trials", "training", "trajectories", "comparisons")
        return {kind: name if kind in kinds else "" for kind in every}

    assert places(audit, "right") == own("")
    assert places(audit, "right+dsa.solver") == own("right+dsa.solver", "comparisons")
    name = "right+evaluation.paired"
    assert places(audit, name) == own(name, "trajectories", "comparisons")
    name = "right+training.loss"
    assert places(audit, name) == own(name, "training", "trajectories", "comparisons")
    # Other durations of the evaluation trials train no network anew.
    name = "right+timing.evaluation"
    assert places(audit, name) == own(name, "trials", "trajectories", "comparisons")
    # Near the other end, the published protocol shares its networks.
    name = "published-dsa.solver"
    shared = {"trials": "published", "training": "published", "trajectories": "published"}
    assert places(audit, name) == shared | {"comparisons": name}


def test_two_protocols_of_one_place_have_the_same_settings(audit):
    """Else two jobs would make one file."""
    settings = {}
    for name in audit.distinct:
        pipeline = audit.of_protocol(name)
        for stage in (
            "trials",
            "evaluation_trials",
            "pretraining",
            "training",
            "trajectories",
            "choice",
            "comparisons",
        ):
            for job in getattr(pipeline, stage).jobs():
                fields = {key: value for key, value in job.items() if key != "n_seeds"}
                path = getattr(pipeline, stage).path(**{"seed": 1, **fields})
                told = getattr(pipeline, stage).settings(job)
                inputs = getattr(pipeline, stage).inputs({"seed": "1", **job})
                # Evaluation trials lie beside those of training, which other protocols may share.
                known = settings.setdefault(path, (told, inputs))
                assert known[0] == told, path
                if stage != "training":
                    assert known[1].keys() == inputs.keys()
    assert len(settings) > 100


def test_a_rule_of_all_protocols_tells_jobs_what_their_protocol_says(audit):
    job = {**NETWORK, "seeds": "1", "protocol": "right+evaluation.paired"}
    stage = audit.trajectories
    assert '"paired": false' in stage.settings(job)
    assert stage.pattern().startswith("results/default/protocols/{protocol}/trajectories/")
    assert stage.code(job) == audit.pipeline.trajectories.code(job)
    (checkpoints,) = stage.inputs(job)["checkpoints"]
    assert checkpoints == audit.pipeline.training.path(**NETWORK, seed=1)
    names = [stage.rule_name for stage in audit.training_stages()]
    assert names == ["audit_pretrain", "audit_train"]


def test_claims_read_the_comparisons_of_each_protocol_once(audit):
    claims = audit.claims
    assert "protocols" not in claims.inputs({}) and len(list(audit.figures())) == 1
    config = audit.pipeline.plan.config
    config = config.model_copy(update={"audit": config.audit.model_copy(update={"claims": True})})
    asked = Audit(Pipeline(Plan(config)))
    assert len(list(asked.figures())) == 2
    by_protocol = asked.claims.inputs({})["protocols"]
    # The right protocol is that of the configuration, whose tables are read as before.
    protocols = [path.split("/")[3] for path in by_protocol]
    assert set(protocols) == set(asked.distinct) - {"right"}
    after = asked.claims.inputs({})["after"]
    assert len(by_protocol) == len(set(by_protocol)) == len(after) * len(set(protocols))
    assert after == claims.inputs({})["after"]
    # The stage of the configuration itself knows no protocols.
    assert "protocols" not in asked.pipeline.claims.inputs({})
    assert "--protocols" in asked.claims.options({})
    assert asked.claims.files() == claims.files()


# --- jobs ------------------------------------------------------------------------------------------------


def test_jobs_are_counted_where_the_configuration_has_an_audit(audit, raw_config):
    counts = {rule: len(jobs) for rule, jobs in audit.needed_jobs.items()}
    n_seeds = len(raw_config["run"]["seeds"])
    # Both ends and five switches from each; the right protocol's results are the configuration's own.
    assert counts["audit_compare_networks"] == 2 * 11 * n_seeds
    # Three curricula learn from other trials, by another loss, and both.
    assert counts["audit_train"] == 3 * 3 * n_seeds
    frame = forecast(audit.pipeline.plan).set_index("rule")
    assert frame["jobs"].reindex(counts).to_dict() == counts
    assert set(expected_seconds(audit)) == set(frame.index)
    del raw_config["audit"]
    assert "audit" not in set(forecast(Plan(load(raw_config)))["stage"])


def test_the_reference_solver_is_expected_to_take_longer(audit):
    job = {"taskset": "PDM", "architecture": "leaky_rnn", "seeds": "1+2", "measure": "dsa"}
    stage = audit.comparisons
    newton, reference = (
        stage.expected_cost({**job, "protocol": name}) for name in ("right", "right+dsa.solver")
    )
    assert reference.seconds > 2 * newton.seconds
    # One table of the four takes less.
    assert newton.seconds < audit.pipeline.comparisons.cost(job).seconds
    asked = stage.resources["runtime"]
    assert asked({**job, "protocol": "right+dsa.solver"}, 2) == 2 * stage.runtime(
        {**job, "protocol": "right+dsa.solver"}
    )


# --- effects ---------------------------------------------------------------------------------------------

LEARNED = {"untrained": 0, "master": 1, "frozen": 1, "full": 4}


def after_table(distance):
    """Return dissimilarities of three seeds; `distance` gives those of a curriculum to the reference."""
    rows = []
    for a, b in itertools.combinations_with_replacement(LEARNED, 2):
        for i, j in itertools.product(range(3), range(3)):
            if i < j or (i == j) or a != b:
                value = 0.0 if (a == b and i == j) else distance(a, b) + 0.01 * (i + 2 * j)
                rows.append(
                    {
                        "measure": "dsa",
                        "architecture_a": "rnn",
                        "curriculum_a": a,
                        "curriculum_b": b,
                        "seed_a": i,
                        "seed_b": j,
                        "seeds": "same" if i == j else "cross",
                        "dissimilarity": value,
                    }
                )
    return pd.DataFrame(rows)


def effects(distance):
    networks = pd.DataFrame(
        {"taskset": "PDM", "architecture": "rnn", "curriculum": name, "seed": k}
        | {"accuracy": 0.9, "held_out_accuracy": 0.6 + 0.1 * k}
        for name in LEARNED
        for k in range(3)
    )
    settings = {"protocol": "right", "reference": "master", "confidence": 0.95, "learned": LEARNED}
    return protocol_effects(after_table(distance), networks, settings)


def of(table, statistic, curriculum=None):
    rows = table[table["statistic"] == statistic]
    return rows if curriculum is None else rows[rows["curriculum"] == curriculum].iloc[0]


@pytest.mark.parametrize(("sign", "probability", "correlation"), [(-1, 1.0, -1), (1, 0.0, 1)])
def test_the_order_of_curricula_is_found(sign, probability, correlation):
    table = effects(lambda a, b: 3 + sign * 0.5 * LEARNED[b if a == "master" else a])
    assert tuple(table.columns) == COLUMNS
    (row,) = of(table, "order_probability").to_dict("records")
    assert row["value"] == probability and row["n"] == 3
    (row,) = of(table, "rank_correlation").to_dict("records")
    assert correlation * row["value"] > 0.8 and row["low"] <= row["value"] <= row["high"]


def test_dissimilarity_to_the_reference_and_to_itself():
    table = effects(lambda a, b: 1.0 if a != b == "full" else 0.5)
    assert of(table, "dissimilarity", "full")["value"] == pytest.approx(1.03)
    assert of(table, "dissimilarity", "master")["value"] == pytest.approx(0.5 + 0.11 / 3)
    assert of(table, "separation", "full")["value"] == 1
    assert of(table, "separation").curriculum.tolist() == ["untrained", "frozen", "full"]
    itself = of(table, "self_dissimilarity", "full")
    assert (itself["value"], itself["n"]) == (0, 3)


@pytest.mark.slow
def test_accuracies_have_an_interval_over_networks():
    row = of(effects(lambda a, b: 1.0), "held_out_accuracy", "full")
    half_width = 4.302652729911275 * 0.1 / np.sqrt(3)  # Student's t, 2 degrees of freedom
    assert row["value"] == pytest.approx(0.7)
    assert (row["low"], row["high"]) == pytest.approx((0.7 - half_width, 0.7 + half_width))
    # Accuracies do not exceed 1.
    networks = pd.DataFrame(
        {"taskset": "PDM", "architecture": "rnn", "curriculum": "full", "seed": [0, 1, 2]}
    )
    networks = networks.assign(accuracy=0.9, held_out_accuracy=[0.8, 0.9, 1.0])
    settings = {"protocol": "right", "reference": "master", "confidence": 0.95, "learned": LEARNED}
    table = protocol_effects(after_table(lambda a, b: 1.0), networks, settings)
    assert of(table, "held_out_accuracy", "full")["high"] == 1


def test_a_run_may_have_the_name_of_one_of_its_task_sets(project, tmp_path, monkeypatch):
    """Its folder stands in the path of each table."""
    trajectories, tables = [], []
    for taskset, level in (("GoNogo", 5.0), ("PDM", 1.0)):
        for name in LEARNED:
            path = tmp_path / f"{taskset}_{name}.nc"
            values = (("seed", "checkpoint"), np.full((3, 2), 0.5))
            of_network = {"taskset": taskset, "architecture": "rnn", "curriculum": name}
            states = xr.Dataset(
                {"accuracy": values, "held_out_accuracy": values},
                coords={"seed": [0, 1, 2]},
                attrs=of_network,
            )
            result_files.write_dataset(states, path, {})
            trajectories.append(str(path))
        path = tmp_path / "PDM" / "compare" / "after" / "dsa" / taskset / "rnn" / "seed~0.csv"
        path.parent.mkdir(parents=True)
        result_files.write_table(after_table(lambda a, b, level=level: level), path, {})
        tables.append(str(path))
    settings = {"protocol": "right", "reference": "master", "confidence": 0.95, "learned": LEARNED}
    output = tmp_path / "effects.csv"
    options = {"--settings": [json.dumps(settings)], "--code": ["0"], "--after": tables}
    options |= {"--trajectories": trajectories, "--output": [str(output)]}
    monkeypatch.setattr(
        sys, "argv", ["x", *itertools.chain(*([k, *v] for k, v in options.items()))]
    )
    runpy.run_path(str(project / "scripts" / "tabulate_protocol.py"))["main"]()
    rows = of(result_files.read_table(output), "dissimilarity")
    assert len(rows) == 2 * len(LEARNED)
    assert rows.groupby("taskset")["value"].mean().round().to_dict() == {"PDM": 1, "GoNogo": 5}


@pytest.mark.parametrize(
    ("pretrain", "n"),
    [
        (["Anti"], 2),
        (["Anti", "target"], 2),
        (["Anti", "AntiDelayResponse"], 2),
        (["Basic", "Anti"], 3),
    ],
)
def test_a_task_that_is_learned_twice_counts_once(raw_config, pretrain, n):
    raw_config["run"]["grid"][0]["curricula"] = ["master", "mine"]
    raw_config["curricula"]["mine"] = {"pretrain": pretrain}
    raw_config["audit"] = {"switches": SWITCHES}
    # The target of a task set without these curricula is another one.
    raw_config["run"]["warping"] = ["context"]
    effects_of = Audit(Pipeline(Plan(load(raw_config)))).effects
    assert effects_of.parameters({"protocol": "right"})["learned"] == {"master": 1, "mine": n}


def test_no_order_where_nothing_differs():
    pairs = pd.DataFrame({"curriculum": ["a", "b"], "n_tasks": [0, 2], "dissimilarity": [1.0, 1.0]})
    assert order_probability(pairs) == 0.5 and np.isnan(rank_correlation(pairs))
    assert np.isnan(order_probability(pairs.assign(n_tasks=1)))
