"""Recordings as systems: stored and read again, matched by condition, compared."""

from __future__ import annotations

import runpy

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

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
from warpline.datasets.sessions import Session
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
    "offset": False,
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
        pairs, numbers, references=["m"], confidence=0.95, family_error=0.05, min_systems=3, seed=0
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
    options = {
        "references": ["n"],
        "confidence": 0.95,
        "family_error": 0.05,
        "min_systems": 3,
        "seed": 0,
    }
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
