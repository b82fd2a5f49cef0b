"""Recordings in a configuration: what is checked before a run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from recording_files import write_listed

import warpline
from warpline.comparison.dataset_systems import (
    condition_averages,
    dataset_of_session,
    system_of_dataset,
)
from warpline.datasets.sessions import read_session
from warpline.pipeline.config import ConfigError, load, load_files
from warpline.pipeline.dataset_check import dataset_faults
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline
from warpline.similarity.dsa import dsa, dsa_matrix
from warpline.similarity.input_errors import InputError


@pytest.fixture
def raw(raw_config, tmp_path, monkeypatch):
    """A configuration with two recordings and no network."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    for name in "ab":
        states = rng.normal(size=(6, 20, 3))
        np.savez(f"{name}.npz", rates=states, side=np.tile([0, 1], 3))
        raw_config.setdefault("datasets", {})[name] = {
            "file": f"{name}.npz",
            "variable": "rates",
            "axes": ["trial", "time", "unit"],
            "dt": 50.0,
            "conditions": ["side"],
        }
    raw_config["run"] |= {"grid": [], "datasets": ["a", "b"], "measures": ["cka", "dsa"]}
    return raw_config


def test_recordings_alone_are_a_configuration(raw):
    pipeline = Pipeline(Plan(load(raw)))
    lines = []
    assert dataset_faults(pipeline.plan, lines.append) == []
    assert lines == [f"{name}: 6 trials of 20 times, 3 units; steps of 50 ms" for name in "ab"]
    jobs = {stage.rule: len(list(stage.jobs())) for stage in pipeline.stages}
    assert {rule: n for rule, n in jobs.items() if n} == {
        "read_dataset": 2,
        "compare_datasets": 2,
        "summarise_datasets": 1,
        "draw_datasets": 1,
    }
    for stage in (pipeline.datasets, pipeline.dataset_comparisons, pipeline.dataset_summary):
        job = next(stage.jobs())
        assert stage.cost(job).seconds > 0 and stage.parameters(job) and stage.inputs(job)


def test_conditions_that_a_recording_lacks_are_listed_before_a_run(raw):
    lines = []
    np.savez("b.npz", rates=np.load("b.npz")["rates"], side=np.tile([0, 2], 3))
    assert dataset_faults(Plan(load(raw)), lines.append) == []
    assert lines[2:] == [
        "averages by condition: 1 in all recordings; left out: side=1 (a); side=2 (b)"
    ]


CASES = {
    "unknown name": (lambda r: r["run"]["datasets"].append("c"), "unknown name 'c'"),
    "one alone": (lambda r: r["run"]["datasets"].pop(), "expected two recordings or"),
    "nothing": (lambda r: r["run"].update(datasets=[]), "run.grid: expected networks"),
    "no conditions": (
        lambda r: r["datasets"]["b"].update(conditions=[]),
        "datasets.b.conditions: expected columns that name",
    ),
    "other conditions": (
        lambda r: r["datasets"]["b"].update(conditions=["choice"]),
        "expected those of datasets.a, side, got choice",
    ),
    "unknown key": (lambda r: r["datasets"]["a"].update(fiel="x"), "did you mean 'file'"),
    "unknown measure": (
        lambda r: r.update(dataset_comparison={"single_trials": ["dsaa"]}),
        "did you mean 'dsa'",
    ),
    "unknown reference": (
        lambda r: r.update(dataset_comparison={"references": ["c"]}),
        "dataset_comparison.references: unknown name 'c'",
    ),
    "reference twice": (
        # Each of its tests would count twice in Holm's correction.
        lambda r: r.update(dataset_comparison={"references": ["a", "a"]}),
        "expected each entry once, got a more than once",
    ),
    "no networks": (
        lambda r: r.update(dataset_comparison={"networks": "PDM"}),
        "expected a task set of run.grid",
    ),
    "kernel without width": (
        lambda r: r["datasets"]["a"].update(
            spikes={"times": "t", "kernel": "gaussian"}, bin=5.0, window=[0.0, 9.0], variable=None
        ),
        r"datasets\.a: expected spikes\.width: the standard deviation of the kernel in ms",
    ),
    "spikes without bin": (
        lambda r: r["datasets"]["a"].update(spikes={"times": "t"}, variable=None),
        "expected bin: a value for spikes",
    ),
    "ends without spikes": (
        lambda r: r["datasets"]["a"].update(until="stop"),
        "expected until: none for states",
    ),
    "window the wrong way": (
        lambda r: r["datasets"]["a"].update(window=[9.0, 0.0]),
        r"expected window: the first and the last time in ms, \[first, last\]",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_refused(raw, case):
    change, message = CASES[case]
    change(raw)
    with pytest.raises(ConfigError, match=message):
        load(raw)


def test_networks_are_references_by_the_names_of_their_groups(raw):
    """A reference of another name left all tests out."""
    raw["run"]["grid"] = [
        {"tasksets": ["PDM"], "architectures": ["leaky_rnn"], "curricula": ["master", "untrained"]}
    ]
    comparison = {"networks": "PDM", "references": ["leaky_rnn/master", "a"]}
    raw["dataset_comparison"] = comparison
    assert load(raw).dataset_comparison.references == ["leaky_rnn/master", "a"]
    for name in ("leaky_rnn.master", "leaky_rnn/pretrain_frozen"):
        raw["dataset_comparison"] = comparison | {"references": [name]}
        with pytest.raises(ConfigError, match=f"unknown name '{name}'; did you mean 'leaky_rnn/"):
            load(raw)


FILE_CASES = {
    "missing file": ({"file": "c.npz"}, r"datasets\.b: expected a file at c\.npz"),
    "no such dim": ({"dims": {"neuron": "unit"}}, r"datasets\.b: .*'neuron' in dims"),
    "window outside": ({"window": [0.0, 9000.0]}, r"datasets\.b: expected a window inside"),
    "other step": ({"dt": 20.0}, "one time step for all systems, got a 50 ms, b 20 ms"),
    "other length": ({"window": [0.0, 500.0]}, "as many time steps .* got a 20, b 10"),
}


@pytest.mark.parametrize("case", FILE_CASES)
def test_what_is_wrong_with_a_file_is_said_before_a_run(raw, case):
    change, message = FILE_CASES[case]
    raw["datasets"]["b"] |= change
    faults = dataset_faults(Plan(load(raw)))
    assert len(faults) == 1
    assert re.search(message, faults[0])


def test_the_page_s_configuration_is_one(project, raw_config, tmp_path):
    page = (project / "docs" / "your_data.md").read_text()
    block = next(text for text in page.split("```yaml\n")[1:] if text.startswith("# mine.yaml"))
    (tmp_path / "mine.yaml").write_text(block.split("```")[0])
    plan = Plan(load_files([project / "config" / "config.yaml", tmp_path / "mine.yaml"]))
    assert [entry.group for entry in plan.config.datasets.values()] == ["ape", "rat"]
    assert [fault.partition(":")[0] for fault in dataset_faults(plan)] == [
        "datasets.ape_1",
        "datasets.rat_1",
    ]


def test_a_recording_does_not_count_twice(raw):
    """As by an entry that takes the keys of another one, and forgets the file."""
    raw["datasets"]["b"]["file"] = "a.npz"
    faults = dataset_faults(Plan(load(raw)))
    assert (
        len(faults) == 1 and "datasets.b: expected another recording than datasets.a" in faults[0]
    )
    # Another window of one file is another recording, for measures that match no times.
    for name, window in (("a", [0, 500]), ("b", [500, 1000])):
        raw["datasets"][name]["window"] = window
    (fault,) = dataset_faults(Plan(load(raw)))
    assert re.search(
        "the same times .* cka .*, got 0 to 0.45 in a, 0.5 to 0.95 in b \\(in s\\): set window",
        fault,
    )
    raw["run"]["measures"] = ["dsa"]
    assert dataset_faults(Plan(load(raw))) == []


MINE = """
class Mine:
    PAIRED_TRIALS = {}

    def represent(states, *, settings): ...

    def compare_pairs(representations, pairs, *, settings, seed, progress=None): ...
"""


def test_what_matches_trials_compares_no_single_ones(raw):
    """The first trial of one animal would be compared with the first of another."""
    raw["dataset_comparison"] = {"single_trials": ["cka", "dsa"]}
    for conditions in (["side"], []):
        for entry in raw["datasets"].values():
            entry["conditions"] = conditions
        faults = dataset_faults(Plan(load(raw)))
        assert len(faults) == 1 and "match no trials, such as dsa, got cka" in faults[0]
    # A measure of the user's own says it by the same line.
    raw["run"]["measures"] = ["mine"]
    raw["measures"]["mine"] = {"measure": "mine.py:Mine"}
    raw["dataset_comparison"] = {"single_trials": ["mine"]}
    for paired in (True, False):
        Path("mine.py").write_text(MINE.format(paired))
        assert len(dataset_faults(Plan(load(raw)))) == paired


@pytest.mark.parametrize("measure", ["shape_energy", "shape_gaussian"])
def test_what_needs_repeats_compares_single_trials(raw, measure):
    """An average is one repeat of its condition: the job failed after the check had passed."""
    raw["run"]["measures"], raw["measures"][measure] = [measure], {"measure": measure}
    (fault,) = dataset_faults(Plan(load(raw)))
    assert f"the trials of a condition, such as {measure}, got it outside" in fault
    raw["dataset_comparison"] = {"single_trials": [measure]}
    assert dataset_faults(Plan(load(raw))) == []
    # It matches the times of trials, too.
    raw["datasets"]["a"]["window"] = [0.0, 500.0]
    for message, window in {
        "the same times in all systems": [500.0, 1000.0],
        "as many time steps in all systems": [0.0, 250.0],
    }.items():
        raw["datasets"]["b"]["window"] = window
        (fault,) = dataset_faults(Plan(load(raw)))
        assert message in fault
    for entry in raw["datasets"].values():
        entry |= {"conditions": [], "window": None}
    (fault,) = dataset_faults(Plan(load(raw)))
    assert fault.startswith("datasets.a.conditions: expected columns") and measure in fault


@pytest.mark.parametrize(
    ("measures", "remedy"),
    [
        (["cka"], "got none: add them"),
        (["dsa"], "got none: add them, or list dsa in dataset_comparison.single_trials"),
        (
            ["dsa", "cka"],
            "got none: add them, or list dsa in dataset_comparison.single_trials and leave cka out",
        ),
        (
            ["shape_energy"],
            "got none: add them, with shape_energy in dataset_comparison.single_trials",
        ),
    ],
)
def test_recordings_without_conditions_are_told_what_each_measure_can_do(raw, measures, remedy):
    raw["run"]["measures"] = measures
    raw["measures"].setdefault("shape_energy", {})
    raw.pop("dataset_comparison", None)
    for entry in raw["datasets"].values():
        entry["conditions"] = []
    with pytest.raises(ConfigError) as caught:
        load(raw)
    lines = [line for line in str(caught.value).splitlines() if "conditions: expected" in line]
    assert len(lines) == 2 and all(line.endswith(remedy) for line in lines)


def test_trials_that_systems_share_are_matched_as_conditions(raw):
    Path("trials.csv").write_text("trial\n" + "".join(f"{k}\n" for k in (5, 3, 9, 1, 2, 4)))
    for name in "ab":
        raw["datasets"][name] |= {"conditions": ["trial"], "trials": "trials.csv"}
    lines = []
    assert dataset_faults(Plan(load(raw)), lines.append) == [] and len(lines) == 2
    entries = load(raw).datasets
    a, b = (read_session(entries[n].file, entries[n].read_settings(), n).recording for n in "ab")
    averages = condition_averages({"a": a, "b": b})
    for label in ("trial=1", "trial=9"):
        k, row = averages["a"].trial_labels.index(label), a.conditions.index(label)
        np.testing.assert_array_equal(averages["a"].trials[k], a.trials[row])


def test_spikes_of_other_kernels_are_not_compared(raw, spikes):
    """DSA of one and the same spikes, counted and by a kernel of 40 ms, was 0.97 rad."""
    keys = write_listed(Path("spikes.npz"), *spikes[:3]) | {"bin": 50.0, "window": [0.0, 1000.0]}
    kernels = {"counts": {}, "gaussian kernel of 40 ms": {"kernel": "gaussian", "width": 40.0}}
    read = {}
    for name, (kernel, own) in zip("ab", kernels.items(), strict=True):
        raw["datasets"][name] = {"file": "spikes.npz", **keys, "spikes": keys["spikes"] | own}
        session = read_session("spikes.npz", raw["datasets"][name], name)
        assert session.summary().startswith(
            f"5 trials of 20 times, 3 units; bins of 50 ms, {kernel};"
        )
        # As the jobs hand it on.
        read[name] = system_of_dataset(dataset_of_session(session, name, "g")).recording
    settings = {"n_delays": 1, "rank": 2}
    message = "one kernel .* dsa .*; got counts in .* and gaussian kernel of 40 ms in "
    for compare in (
        lambda: warpline.compare(read, measure="dsa", **settings),
        lambda: dsa(read["a"], read["b"], **settings),
        lambda: dsa_matrix(list(read.values()), **settings),
        lambda: warpline.choose_dsa(read, n_delays=[1], ranks=[2]),
    ):
        with pytest.raises(InputError, match=message):
            compare()
    raw["run"]["measures"], raw["dataset_comparison"] = ["dsa"], {"single_trials": ["dsa"]}
    (fault,) = dataset_faults(Plan(load(raw)))
    assert "one kernel for all spikes, got a counts, b gaussian kernel of 40 ms: set" in fault
    # States, of which nothing is known, stand beside any.
    beside = {"a": read["a"], "c": np.stack(read["b"].trials)}
    assert np.isfinite(warpline.compare(beside, measure="dsa", **settings).dissimilarity).all()


def test_delays_must_fit_the_trials(raw):
    raw["measures"]["dsa"] = {"measure": "dsa", "n_delays": 30, "rank": 2}
    faults = dataset_faults(Plan(load(raw)))
    assert len(faults) == 1 and "at least 31 steps" in faults[0]
