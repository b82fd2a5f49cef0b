"""A second configuration of one name does not replace the networks of the first; new seeds stay free."""

import json
import subprocess
from pathlib import Path

import pytest

from warpline.console import provenance
from warpline.pipeline.config import load
from warpline.pipeline.earlier_networks import left_over_networks, replaced_networks
from warpline.pipeline.expansion import Plan
from warpline.pipeline.run_status import run_status
from warpline.pipeline.stages import Pipeline


@pytest.fixture
def trained(raw_config, tmp_path):
    """Return a pipeline by its configuration, in a folder where the default has trained all but seeds 4, 5."""
    raw_config["run"]["seeds"] = [1, 2, 3]

    def pipeline(raw):
        return Pipeline(Plan(load(raw), tmp_path))

    def leave(path, settings):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        record = {"provenance": {"settings": settings}}
        provenance.sidecar_path(path).write_text(json.dumps(record))

    first = pipeline(raw_config)
    for job in first.trials.jobs():
        told = json.loads(first.trials.settings(job))["splits"]
        for split, settings in zip(first.trials.outputs, told, strict=True):
            leave(first.trials.path(split, **job), settings)
    for stage in (first.pretraining, first.training):
        for job in stage.jobs():
            for seed in first.plan.seeds:
                settings = json.loads(stage.settings(job))
                streams = {"streams": {"run": [*settings["run"], seed]}}
                leave(stage.path(**{**job, "seed": str(seed)}), settings | streams)
    return pipeline


def change(place, value):
    def apply(raw):
        *path, last = place.split(".")
        node = raw
        for key in path:
            node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
        node[last] = value

    return apply


FREE = {
    "nothing": change("name", "default"),
    "a seed": change("run.seeds", [1, 2, 3, 4]),
    "a removed seed": change("run.seeds", [2, 3]),
    "other seeds alone": change("run.seeds", [7]),
    "a curriculum": change("run.grid.0.curricula", ["master", "pretrain_delay_frozen"]),
    "an architecture": change("run.grid.0.architectures", ["leaky_rnn", "leaky_gru"]),
    "a measure": change("run.measures", ["cka", "cka_debiased"]),
    "a setting of DSA": change("measures.dsa.rank", 7),
    "evaluation trials": change("tasksets.PDM.trials", {"evaluation_repeats": 30}),
    "kept trajectories": change("trajectories.fractions", [0.0, 0.5, 1.0]),
    "blocks of seeds": change("jobs", {"seeds_per_training_job": 3, "seeds_per_job": 2}),
    "saves of the state": change("training.resume_every", 7),
    "a colour": change("figures", {"palette": "tol-bright"}),
    "a catalogue entry that is not run": change("architectures.context_rnn.units", 9),
    "an analysis": change("run.warping", ["context"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", FREE)
def test_what_replaces_no_network_is_free(trained, raw_config, case, monkeypatch):
    if case == "kept trajectories":
        raw_config["comparison"] = {
            "over": {"fractions": [0.0, 1.0]},
            "within": {"fractions": [0.0, 1.0]},
        }
    FREE[case](raw_config)
    assert replaced_networks(trained(raw_config)) == []


TWENTIETHS = [n / 20 for n in range(21)]

REPLACING = {
    "updates": (change("training.max_steps", 500), "training.max_steps was 3000 and is 500", 4),
    "updates of the pretraining": (change("pretraining.max_steps", 500), "training.max_steps was 3000", 1),
    "a schedule": (change("training.checkpoints.every", 30), "training.checkpoints.every was 20 and is 30", 5),
    "kept checkpoints": (change("training.checkpoints.keep", TWENTIETHS), 'checkpoints.keep was "all" and is [0.0,', 5),
    "kept pretrainings": (change("pretraining.checkpoints.keep", []), 'checkpoints.keep was "all" and is []', 1),
    "the root seed": (change("seed", 1), "seed was 2410 and is 1", 6),
    "units": (change("architectures.leaky_rnn.units", 64), "architecture.units was 128 and is 64", 6),
    "a learning rate": (change("architectures.leaky_rnn.learning_rate", 0.01), "learning_rate was 0.001", 6),
    "a task set": (change("tasksets.PDM.input_noise", 2.0), "taskset.input_noise was 1.0 and is 2.0", 6),
    "trials": (change("tasksets.PDM.trials", {"train": 99, "validation": 500}), ": count was 10000 and is 99", 6),
    "a curriculum": (change("curricula.master", {"trainable": "input"}), 'trainable was "all" and is "input"', 1),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", REPLACING)
def test_what_replaces_networks_is_refused(trained, raw_config, case):
    apply, expected, count = REPLACING[case]
    apply(raw_config)
    (message,) = replaced_networks(trained(raw_config))
    assert expected in message and f"of other settings, {count} of those" in message
    assert "Use another `name`" in message and "jobs.replace: true" in message
    raw_config["jobs"] = {"replace": True}
    assert replaced_networks(trained(raw_config)) == []
    raw_config["jobs"] = {}
    raw_config["name"] = "other"
    assert replaced_networks(trained(raw_config)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "count", "command"),
    [
        ("nothing", 0, ""),
        ("a seed", 0, ""),
        ("an architecture", 0, ""),
        ("a removed seed", 6, "rm -r {0}/pretraining/*/*/*/seed~1 {0}/training/*/*/*/seed~1"),
        (
            "one curriculum",
            15,
            "rm -r {0}/pretraining {1}/master_frozen {1}/pretrain_frozen {1}/pretrain_unfrozen {1}/untrained",
        ),
        (
            "another architecture",
            18,
            "rm -r {0}/pretraining/PDM/leaky_rnn {0}/training/PDM/leaky_rnn",
        ),
    ],
)
def test_networks_that_are_asked_for_no_more_are_named(trained, raw_config, case, count, command):
    changes = {
        **FREE,
        "one curriculum": change("run.grid.0.curricula", ["master"]),
        "another architecture": change("run.grid.0.architectures", ["leaky_gru"]),
    }
    changes[case](raw_config)
    pipeline = trained(raw_config)
    messages = left_over_networks(pipeline)
    if count == 0:
        assert messages == []
        return
    (message,) = messages
    root = pipeline.plan.results.root
    assert message.startswith(f"{count} networks of an earlier configuration in {root}")
    assert message.endswith(command.format(root, root / "training/PDM/leaky_rnn"))

    # No job reads them; what the command removes is what is left over.
    read = {path for job in run_status(pipeline).jobs for path in job.inputs}
    everything = set(root.glob("*training/*/*/*/*/checkpoints.safetensors"))
    subprocess.run(["sh", "-c", message[message.index("rm -r") :]], check=True)
    removed = everything - set(root.glob("*training/*/*/*/*/checkpoints.safetensors"))
    assert len(removed) == count and not {path.as_posix() for path in removed} & read
    assert left_over_networks(pipeline) == []


def test_a_key_of_a_newer_version_is_no_other_configuration(trained, raw_config, tmp_path):
    for path in tmp_path.rglob("*.provenance.json"):
        record = json.loads(path.read_text())
        record["provenance"]["settings"].get("architecture", {}).pop("gain", None)
        path.write_text(json.dumps(record))
    assert replaced_networks(trained(raw_config)) == []
    raw_config["tasksets"]["PDM"]["parameters"]["rewards"] = {"abort": -0.1}
    assert "parameters.rewards was null" in replaced_networks(trained(raw_config))[0]


@pytest.mark.parametrize("text", ["[", "[" * 5000, '{"provenance": {"settings": [1]}}'])
def test_a_sidecar_that_says_nothing_is_left_to_verify(trained, raw_config, tmp_path, text):
    for path in tmp_path.rglob("*.provenance.json"):
        path.write_text(text)
    raw_config["training"]["max_steps"] = 500
    assert replaced_networks(trained(raw_config)) == []


@pytest.mark.parametrize("training", [None, [], {"checkpoints": None}])
def test_settings_of_another_form_are_other_settings(trained, raw_config, tmp_path, training):
    for path in tmp_path.rglob("checkpoints*.provenance.json"):
        path.write_text(json.dumps({"provenance": {"settings": {"training": training}}}))
    assert "holds networks of other settings" in replaced_networks(trained(raw_config))[0]
