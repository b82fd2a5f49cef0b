"""Recordings as systems: stored and read again, matched by condition, compared; the checks before a run."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_files import write_listed

import warpline
from warpline.comparison.dataset_pairs import compare_systems, unit_numbers
from warpline.comparison.dataset_systems import (
    ComparedSystem,
    condition_averages,
    dataset_of_session,
    left_out_conditions,
    system_of_dataset,
    systems_of_networks,
)
from warpline.comparison.groups import group_tables
from warpline.core import result_files
from warpline.datasets.sessions import Session, read_session
from warpline.pipeline.config import ConfigError, load, load_files
from warpline.pipeline.dataset_check import dataset_faults
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline
from warpline.similarity.dsa import dsa, dsa_matrix
from warpline.similarity.input_errors import InputError
from warpline.similarity.recordings import Recording

CKA = {"measure": {"name": "cka", "measure": "cka"}, "candidates": {}, "centre": True}
DSA = {
    "name": "dsa",
    "measure": "dsa",
    "n_delays": "auto",
    "delay_interval": 1,
    "rank": "auto",
    "ridge": 0.0,
    "rank_tolerance": None,
}
CANDIDATES = {
    "n_delays": [1, 2],
    "delay_intervals": [1],
    "ranks": [2, 4],
    "horizons": [1],
    "keep": 0.95,
    "longest": 0.333,
}


def recording(name, rng, conditions, n_units=6, frequency=0.3, noise=0.0, n_times=25):
    """Rotations with a phase for each condition, seen by random units with a baseline."""
    phase = frequency * np.arange(n_times) + np.array([ord(c[-1]) for c in conditions])[:, None]
    states = np.stack([np.cos(phase), np.sin(phase)], -1) @ rng.normal(size=(2, n_units))
    states = states + 5 * rng.normal(size=n_units) + noise * rng.normal(size=states.shape)
    return Recording(tuple(states), name=name, conditions=tuple(conditions))


def system(value, group="g", seed=None, dt=10.0):
    return ComparedSystem(value, group, seed, dt)


@pytest.mark.parametrize("lengths", [(5, 5, 5), (5, 3, 4)])
def test_a_recording_is_stored_and_read_again(tmp_path, rng, lengths):
    trials = tuple(rng.normal(size=(length, 2)) for length in lengths)
    value = Recording(
        trials,
        trial_labels=(4, 2, 9),
        precision=2.0**-23,
        name="a",
        conditions=("x=1", "x=2", "x=1"),
        times=0.01 + 0.02 * np.arange(5),
    )
    stored = dataset_of_session(Session(value, 20.0, 10.0, ("lfp (time: 3)",)), "a", "apes")
    result_files.write_dataset(stored, tmp_path / "a.nc", {"settings": {}})
    again = system_of_dataset(result_files.read_dataset(tmp_path / "a.nc"))
    assert (again.group, again.seed, again.dt) == ("apes", None, 20.0)
    for name in ("trial_labels", "conditions", "name", "precision"):
        assert getattr(again.recording, name) == getattr(value, name)
    np.testing.assert_allclose(again.recording.times, value.times, rtol=1e-12)
    for one, other in zip(again.recording.trials, trials, strict=True):
        np.testing.assert_array_equal(one, other)


def test_windows_at_other_times_are_not_matched(rng):
    """Windows of as many steps, one of which starts 100 ms earlier. DSA does not match times."""
    stored = [
        dataset_of_session(Session(recording(name, rng, "AABB"), 20.0, start, ()), name, "apes")
        for name, start in (("a", 10.0), ("b", -90.0))
    ]
    systems = [system_of_dataset(dataset) for dataset in stored]
    with pytest.raises(InputError, match=r"the same times .*; got 0\.01 to 0\.49 in a, -0\.09 to"):
        compare_systems(systems, {**CKA, "single_trials": False}, 0)
    measure = DSA | {"n_delays": 1, "rank": 2}
    table, _ = compare_systems(systems, {**CKA, "measure": measure, "single_trials": True}, 0)
    assert np.isfinite(table["dissimilarity"]).all()


def test_averages_are_those_of_the_shared_conditions(rng):
    a = recording("a", rng, ["c=1", "c=2", "c=1", "c=3"])
    b = recording("b", rng, ["c=3", "c=1", "c=4"])
    averages = condition_averages({"a": a, "b": b})
    assert averages["a"].trial_labels == averages["b"].trial_labels == ("c=1", "c=3")
    np.testing.assert_allclose(averages["a"].trials[0], (a.trials[0] + a.trials[2]) / 2)
    np.testing.assert_array_equal(averages["b"].trials[1], b.trials[0])
    with pytest.raises(InputError, match="a condition that all systems have"):
        condition_averages({"a": a, "b": recording("b", rng, ["c=7"])})
    with pytest.raises(InputError, match=r"as many time steps .* a 25, b 9"):
        condition_averages({"a": a, "b": recording("b", rng, ["c=1"], n_times=9)})
    with pytest.raises(InputError, match="single_trials"):
        condition_averages({"a": a, "b": Recording(a.trials, name="b")})


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.permutations(range(6)))
def test_the_order_of_trials_and_baselines_change_nothing(seed, order):
    rng = np.random.default_rng(seed)
    a = recording("a", rng, list("ABCABC"), noise=0.3)
    b = recording("b", rng, list("ABCABC"), noise=0.3, n_units=4)
    shifted = Recording(
        tuple(b.trials[k] + 3.0 for k in order),
        name="b",
        conditions=tuple(b.conditions[k] for k in order),
    )
    values = [
        compare_systems([system(a), system(other)], {**CKA, "single_trials": False}, 0)[0]
        for other in (b, shifted)
    ]
    assert values[0]["dissimilarity"][0] == pytest.approx(values[1]["dissimilarity"][0], abs=1e-9)


@pytest.mark.slow
def test_pairs_have_labels_and_values_of_the_measure(rng):
    a, b = (recording(name, rng, list("AABBCC"), noise=0.1) for name in "ab")
    c = recording("c", rng, list("AABBCC"), noise=0.1, frequency=0.7)
    systems = [system(a, "apes"), system(b, "apes"), system(c, "nets/x", 3)]
    table, measure = compare_systems(
        systems,
        {"measure": DSA, "candidates": CANDIDATES, "centre": True, "single_trials": True},
        0,
    )
    assert (measure["n_delays"], measure["rank"]) == (1, 2) or measure["rank"] in (2, 4)
    pairs = table.set_index(["system_a", "system_b"])
    assert pairs.loc[("a", "b"), "dissimilarity"] < 0.1 < pairs.loc[("a", "c"), "dissimilarity"]
    assert pairs.loc[("b", "c"), "group_b"] == "nets/x" and pairs.loc[("b", "c"), "seed_b"] == 3
    assert pd.isna(pairs.loc[("a", "b"), "seed_a"]) and set(table["trials"]) == {"single"}
    expected = warpline.compare(
        np.stack(a.trials) - np.concatenate(a.trials).mean(0),
        np.stack(c.trials) - np.concatenate(c.trials).mean(0),
        measure="dsa",
        n_delays=measure["n_delays"],
        rank=measure["rank"],
    )
    assert pairs.loc[("a", "c"), "dissimilarity"] == pytest.approx(
        expected["dissimilarity"], abs=1e-9
    )
    with pytest.raises(InputError, match="one time step for all systems; got a 10 ms, b 20 ms"):
        compare_systems([system(a), system(b, dt=20.0)], {**CKA, "single_trials": True}, 0)


def test_trials_of_any_length_are_compared_singly(rng):
    values = []
    for name, frequency in (("a", 0.3), ("b", 0.3), ("c", 0.8)):
        whole = recording(name, rng, list("ABCD"), frequency=frequency, noise=0.01)
        trials = tuple(trial[: 25 - 3 * k] for k, trial in enumerate(whole.trials))
        values.append(system(Recording(trials, name=name)))
    settings = {"candidates": CANDIDATES, "centre": True, "single_trials": True}
    table, _ = compare_systems(values, {**settings, "measure": DSA | {"n_delays": 1, "rank": 2}}, 0)
    near, far, _ = table["dissimilarity"]
    assert near < 0.02 and far > 0.3
    with pytest.raises(InputError, match="trials of equal length in a"):
        condition_averages(
            {
                value.recording.name: Recording(
                    value.recording.trials, name=value.recording.name, conditions=tuple("AABB")
                )
                for value in values
            }
        )


def test_networks_of_one_seed_are_one_unit():
    """By the delete-one jackknife of a mean, in closed form."""
    rows = []
    values = {("m0", 0): 1.0, ("m0", 1): 2.0, ("m1", 0): 4.0, ("m1", 1): 7.0}
    for (recorded, seed), value in values.items():
        rows.append(
            {
                "measure": "cka",
                "system_a": recorded,
                "system_b": f"n{seed}",
                "group_a": "m",
                "group_b": "n",
                "seed_a": pd.NA,
                "seed_b": seed,
                "dissimilarity": value,
            }
        )
    pairs = pd.DataFrame(rows)
    numbers = unit_numbers(pairs)
    assert len({numbers[name] for name in ("m0", "m1", "n0", "n1")}) == 4
    twin = pairs.assign(system_b=pairs["system_b"] + "b", group_b="k")
    both = unit_numbers(pd.concat([pairs, twin]))
    assert both["n0"] == both["n0b"] and both["n1"] != both["n0"]
    summary, _ = group_tables(
        pairs, numbers, references=["m"], confidence=0.95, family_error=0.05, min_systems=3
    )
    from scipy import stats

    without = np.array([5.5, 1.5, 4.5, 2.5])
    error = np.sqrt(3 / 4 * ((without - without.mean()) ** 2).sum())
    row = summary.iloc[0]
    assert row["mean"] == 3.5
    # Welch and Satterthwaite: the squares are 8 over the two recordings, and 2 over the two networks.
    dof = (8 + 2) ** 2 / (8**2 / 1 + 2**2 / 1)
    assert row["high"] - row["mean"] == pytest.approx(stats.t.ppf(0.975, dof) * error)


def test_networks_of_one_seed_make_no_pair_of_two_groups():
    values = {(0, 0): 0.0, (0, 1): 5.0, (1, 0): 7.0, (1, 1): 0.0}
    rows = [
        {
            "measure": "cka",
            "system_a": f"m{a}",
            "system_b": f"n{b}",
            "group_a": "m",
            "group_b": "n",
            "seed_a": a,
            "seed_b": b,
            "dissimilarity": value,
        }
        for (a, b), value in values.items()
    ]
    pairs = pd.DataFrame(rows)
    options = {"references": ["n"], "confidence": 0.95, "family_error": 0.05, "min_systems": 3}
    summary, _ = group_tables(pairs, unit_numbers(pairs), **options)
    assert summary.iloc[0]["mean"] == 6 and summary.iloc[0]["n_pairs"] == 2
    # Of one seed there is no pair left, and a row that says so.
    alone = pairs.iloc[:1]
    summary, tests = group_tables(alone, unit_numbers(alone), **options)
    assert np.isnan(summary.iloc[0]["mean"]) and summary.iloc[0]["n_pairs"] == 0 and tests.empty


def test_networks_have_the_conditions_of_their_trials(rng):
    states = rng.normal(size=(2, 1, 4, 5, 3)).astype(np.float32)
    trajectories = xr.Dataset(
        {
            "states": (("seed", "checkpoint", "trial", "time", "component"), states),
            "step": (("seed", "checkpoint"), [[9], [9]]),
            "fraction": (("seed", "checkpoint"), [[1.0], [1.0]]),
            "accuracy": (("seed", "checkpoint"), [[0.9], [0.9]]),
            "n_components": (("seed", "checkpoint"), [[3], [2]]),
            "status": ("seed", ["converged", "converged"]),
            "condition": ("trial", [0, 1, 0, 1]),
        },
        coords={"seed": [1, 2], "checkpoint": [1.0]},
        attrs={"architecture": "rnn", "curriculum": "master", "dt": 50},
    )
    trials = xr.Dataset({"coh": ("trial", [0.0, 12.8, 0.0, 12.8])}, attrs={"taskset": "PDM"})
    first, second = systems_of_networks(trajectories, trials, ["coh"])
    assert first.recording.conditions == ("coh=0", "coh=12.8", "coh=0", "coh=12.8")
    assert second.recording.n_units == 2 and second.recording.name == "rnn/master/2"
    assert (second.group, second.seed, second.dt) == ("rnn/master", 2, 50.0)
    np.testing.assert_array_equal(first.recording.states, states[0, 0])
    with pytest.raises(InputError, match="trial variables of PDM, coh; got side"):
        systems_of_networks(trajectories, trials, ["side"])


# --- configuration ----------------------------------------------------------------------------------


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


def test_conditions_that_networks_and_recordings_lack_are_listed(rng):
    """Of recordings with conditions 1 and 2 and networks with 0 and 1, one was left, without a word."""
    systems = [
        system(recording("a", rng, ["c=1", "c=2"])),
        system(recording("b", rng, ["c=1", "c=2"])),
    ]
    systems += [system(recording(f"n{k}", rng, ["c=0", "c=1"]), "net/master", k) for k in range(3)]
    named = [(one.trials_of, one.recording) for one in systems]
    assert left_out_conditions(named, "systems") == (
        "averages by condition: 1 in all systems; left out: c=2 (a, b); c=0 (net/master)"
    )
    assert left_out_conditions(named[:2], "systems") == ""


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
        "expected a width in ms",
    ),
    "spikes without bin": (
        lambda r: r["datasets"]["a"].update(spikes={"times": "t"}, variable=None),
        "bin and window: expected a value for spikes",
    ),
    "ends without spikes": (
        lambda r: r["datasets"]["a"].update(until="stop"),
        "until: expected none without spikes",
    ),
    "window the wrong way": (
        lambda r: r["datasets"]["a"].update(window=[9.0, 0.0]),
        "expected first < last",
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


@pytest.mark.parametrize(
    ("single", "expected"), [(True, "single trials"), (False, "averages of 2 conditions")]
)
def test_the_figure_says_what_is_compared(project, rng, single, expected):
    label = runpy.run_path(str(project / "scripts" / "figures" / "datasets.py"))["compared_label"]
    names = {"a": ["x=1", "x=2", "x=3"] * 2, "b": ["x=1", "x=2"] * 3}
    systems = [system(recording(name, rng, conditions)) for name, conditions in names.items()]
    measure = {"name": "dsa", "measure": "dsa", "n_delays": 1, "delay_interval": 1, "rank": 2}
    settings = {"measure": measure, "candidates": {}, "centre": True, "single_trials": single}
    assert label(compare_systems(systems, settings, 0)[0]) == expected


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
