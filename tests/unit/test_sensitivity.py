"""Conclusions from DSA around its parameters: which settings, which values, and what counts as holding."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from warpline.analyses.sensitivity_to_parameters import FLOOR, orderings, shares, values_by_setting
from warpline.comparison.neighbourhood import (
    architecture_pairs,
    compare_around,
    learning_pairs,
    settings_around,
)
from warpline.comparison.network_systems import System
from warpline.comparison.pair_tables import compare
from warpline.comparison.pairs import over_learning
from warpline.comparison.shared_components import with_shared_components
from warpline.pipeline.config import load
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline
from warpline.similarity.dsa_input.driven_operators import fit_driven_operator
from warpline.similarity.input_errors import TooFewTimePointsError

# The tasks of the curriculum "other" have another chance level.
CHANCE = {
    ("rnn", name, seed): 0.0 if name == "other" else 0.2
    for name in ("untrained", "master", "other")
    for seed in (1, 2, 3)
}
MEASURE = {"name": "dsa", "measure": "dsa", "n_delays": 5, "delay_interval": 1, "rank": 20}


def test_the_own_setting_comes_first_and_what_exceeds_the_window_is_left_out():
    around = settings_around(MEASURE, [0.5, 1, 2], [0.5, 1, 1.5], {"time": 9})
    pairs = [(s["n_delays"], s["rank"]) for s in around]
    assert pairs[0] == (5, 20) and len(set(pairs)) == len(pairs) == 6
    assert set(pairs) == {(d, r) for d in (3, 5) for r in (10, 20, 30)}
    assert all(s["measure"] == "dsa" and s["delay_interval"] == 1 for s in around)
    along = settings_around(
        {**MEASURE, "delay_axis": "trial"}, [0.5, 1, 2], [1], {"time": 9, "trial": 30}
    )
    assert [setting["n_delays"] for setting in along] == [5, 3, 10]
    small = settings_around({**MEASURE, "n_delays": 1, "rank": 1}, [0.5, 1], [0.1], {"time": 9})
    assert [(s["n_delays"], s["rank"]) for s in small] == [(1, 1)]


@pytest.mark.parametrize(
    ("settings", "delays"),
    [
        # One transition of a window of 9 steps takes d + 1 of them, one more where an input acts two steps on.
        ({"n_input_delays": 1, "input_lag": 0, "backend": "dmdc"}, {2, 4, 8}),
        ({"n_input_delays": 1, "input_lag": 1, "backend": "dmdc"}, {2, 4, 8}),
        ({"n_input_delays": 1, "input_lag": 2, "backend": "dmdc"}, {2, 4}),
        # Past and future have a window each.
        ({"n_input_delays": 1, "input_lag": 1, "backend": "subspace"}, {2, 4}),
    ],
)
def test_embeddings_of_driven_systems_fit_the_window(settings, delays, rng):
    driven = {**MEASURE, "name": "dsa_input", "measure": "dsa_input", "n_delays": 4, **settings}
    around = settings_around(driven, [0.5, 1, 2], [0.5, 1], {"time": 9})
    assert {setting["n_delays"] for setting in around} == delays
    assert all(setting["backend"] == settings["backend"] for setting in around)
    # Those that are left out, and no others, have no operator.
    states, inputs = rng.standard_normal((60, 9, 3)), rng.standard_normal((60, 9, 2))
    for n_delays in (2, 4, 8):
        fits = n_delays in delays
        with nullcontext() if fits else pytest.raises(TooFewTimePointsError):
            fit_driven_operator(states, inputs, rank=2, n_delays=n_delays, **settings)


def test_driven_systems_are_compared_at_each_setting(rng):
    driven = {
        (curriculum, seed): [
            replace(system(rng, "rnn", curriculum, seed), inputs=rng.standard_normal((12, 16, 2)))
        ]
        for curriculum in ("master", "other")
        for seed in (1, 2)
    }
    pairs = learning_pairs(driven, ["master", "other"], [1, 2], "master", [1.0])
    own = {"name": "dsa_input", "measure": "dsa_input", "n_delays": 1, "delay_interval": 1}
    around = settings_around({**own, "rank": 4, "max_starts": 2}, [1, 2], [0.5, 1], {"time": 16})
    table = compare_around(pairs, around, 0)
    after = table[table["pairs"] == "after"]
    assert set(zip(after["n_delays"], after["rank"], strict=True)) == {
        (1, 4),
        (1, 2),
        (2, 2),
        (2, 4),
    }
    assert after["dissimilarity"].gt(0).all() and after.loc[after["own"], "rank"].eq(4).all()


def system(rng, architecture, curriculum, seed, fraction=1.0):
    states = rng.standard_normal((12, 16, 4)).cumsum(axis=1)
    step = 0 if curriculum == "untrained" else int(100 * fraction)
    return System(
        architecture, curriculum, seed, step, fraction, fraction, fraction, "converged", states
    )


@pytest.fixture
def runs(rng):
    return {
        (curriculum, seed): [system(rng, "rnn", curriculum, seed, f) for f in (0.0, 0.5, 1.0)]
        for curriculum in ("untrained", "master", "other")
        for seed in (1, 2, 3)
    }


def test_a_first_seed_without_an_update_leaves_no_curriculum_out(runs):
    names, fractions = ["untrained", "master", "other"], [0.0, 0.5, 1.0]
    before = learning_pairs(runs, names, [1, 2, 3], "master", fractions)
    runs["other", 1] = [replace(one, step=0) for one in runs["other", 1]]
    after = learning_pairs(runs, names, [1, 2, 3], "master", fractions)
    assert {kind: len(pairs) for kind, pairs in after.items()} == {
        kind: len(pairs) for kind, pairs in before.items()
    }


def test_pairs_are_those_of_the_conclusions(runs):
    pairs = learning_pairs(
        runs,
        ["untrained", "master", "other"],
        [1, 2, 3],
        "master",
        [0.0, 0.5, 1.0],
        [0.0, 0.5, 1.0],
    )
    # 3 pairs of masters; 6 of each other curriculum with masters of other seeds.
    assert len(pairs["after"]) == 15
    assert all(pair.a.seed != pair.b.seed for pair in pairs["after"])
    # Two curricula that learn, three seeds, three checkpoints.
    assert len(pairs["over"]) == 18
    assert all(pair.b.nominal_fraction == 1 for pair in pairs["over"])
    # One of them is not the reference.
    assert len(pairs["reference"]) == 9
    assert {pair.a.curriculum for pair in pairs["reference"]} == {"other"}
    assert all(pair.a.nominal_fraction == pair.b.nominal_fraction for pair in pairs["reference"])
    ends = [(pair.a.nominal_fraction, pair.b.nominal_fraction) for pair in pairs["within"]]
    assert sorted(ends) == [(0.0, 0.5)] * 6 + [(0.5, 1.0)] * 6


def test_pairs_over_learning_share_components_where_those_of_the_comparison_do(runs):
    names, seeds, fractions = ["untrained", "master", "other"], [1, 2, 3], [0.0, 0.5, 1.0]
    own, published = (
        learning_pairs(runs, names, seeds, "master", fractions, fractions, reduction)
        for reduction in ("own", "published")
    )
    # As the comparison over learning makes its pairs.
    over = over_learning(runs, names, seeds, [], {"fractions": fractions, "references": ["master"]})
    compared = {(p.a.identity, p.b.identity): with_shared_components(p) for p in over}
    for kind, pairs in published.items():
        for raw, pair in zip(own[kind], pairs, strict=True):
            expected = raw
            if kind in ("over", "reference"):
                expected = compared[raw.a.identity, raw.b.identity]
            np.testing.assert_array_equal(pair.a.states, expected.a.states)
            np.testing.assert_array_equal(pair.b.states, expected.b.states)
            assert pair.a.identity == expected.a.identity and pair.labels == raw.labels


@pytest.mark.slow
def test_pairs_between_architectures_come_with_their_floor(rng):
    finals = {(a, "master", s): system(rng, a, "master", s) for a in ("gru", "rnn") for s in (1, 2)}
    pairs = architecture_pairs(finals, [1, 2])
    assert len(pairs["between"]) == 2 and len(pairs["floor"]) == 2
    assert all(pair.a.architecture == pair.b.architecture for pair in pairs["floor"])
    table = compare_around(
        pairs,
        settings_around({**MEASURE, "n_delays": 2, "rank": 4}, [1], [0.5, 1], {"time": 16}),
        0,
    )
    table.insert(0, "measure", "dsa")
    values = values_by_setting(table, "master", CHANCE)
    assert set(values["item"]) == {"gru / rnn", FLOOR} and set(values["rank"]) == {2, 4}
    own = values[values["own"] & (values["item"] == "gru / rnn")].iloc[0]
    between = table[table["own"] & (table["pairs"] == "between")]
    assert own["value"] == pytest.approx(between["dissimilarity"].mean()) and own["n"] == 2


@pytest.mark.parametrize("strict", [False, True])
def test_settings_that_share_a_pass_give_the_rows_of_each_alone(rng, strict):
    finals = {("rnn", "master", s): system(rng, "rnn", "master", s) for s in (1, 2, 3)}
    pairs = architecture_pairs(finals, [1, 2, 3])
    own = {**MEASURE, "n_delays": 1, "rank": 2, "max_starts": 4, "strict": strict}
    # Strict, rank 6 of four units is refused: the other ranks stay.
    around = settings_around(own, [1, 2], [1, 2, 3], {"time": 16})
    table = compare_around(pairs, around, 0)
    assert list(dict.fromkeys(zip(table["n_delays"], table["rank"], strict=True))) == [
        (setting["n_delays"], setting["rank"]) for setting in around
    ]
    for (n_delays, rank), rows in table.groupby(["n_delays", "rank"]):
        alone = compare(pairs, {**around[0], "n_delays": n_delays, "rank": rank}, 0)["floor"]
        np.testing.assert_allclose(rows["dissimilarity"], alone["dissimilarity"], atol=1e-7)
        assert list(rows["status"]) == list(alone["status"])
    refused = table["dissimilarity"].isna()
    assert refused.equals((table["n_delays"] == 1) & (table["rank"] == 6) & strict)


@pytest.mark.slow
def test_networks_count_once_and_half_times_lag(runs):
    pairs = learning_pairs(
        runs, ["untrained", "master", "other"], [1, 2, 3], "master", [0.0, 0.5, 1.0]
    )
    table = compare_around(pairs, [{**MEASURE, "n_delays": 1, "rank": 4}], 0)
    # Set by hand: what the search finds is tested elsewhere.
    curricula = table["curriculum_a"] + table["curriculum_b"]
    table["dissimilarity"] = curricula.map(
        lambda names: 0.3 if "untrained" in names else 0.2 if "other" in names else 0.1
    )
    over = table["pairs"] == "over"
    # It settles between 0.5 and 1: half of the change at 0.75. Accuracy rises evenly; from chance to its end, half
    # is 0.6, at 0.6.
    table.loc[over, "dissimilarity"] = table.loc[over, "checkpoint"].map(
        {0.0: 0.4, 0.5: 0.4, 1.0: 0.0}
    )
    table.insert(0, "measure", "dsa")
    values = values_by_setting(table, "master", CHANCE).set_index(["conclusion", "item"])
    after = values.loc["after", "value"]
    assert (after["untrained"], after["other"], after["master"]) == pytest.approx((0.3, 0.2, 0.1))
    # Half of an accuracy that counts from 0 is 0.5, at 0.5.
    lags = values.loc["over", "value"].to_dict()
    assert lags == pytest.approx({"master": 0.15, "other": 0.25})
    assert set(values["n"]) == {3}


def test_what_an_architecture_carries_says_nothing_of_another_one():
    rows = pd.DataFrame(
        {
            "measure": "dsa",
            "n_delays": 1,
            "delay_interval": 1,
            "rank": 4,
            "own": True,
            "pairs": "after",
            "architecture_a": name,
            "architecture_b": name,
            "curriculum_a": curriculum,
            "curriculum_b": "master",
            "seed_a": 1,
            "seed_b": 2,
            "dissimilarity": 0.1,
            "rank_used": rank_used,
        }
        for name, rank_used in (("large", 4), ("small", 2))
        for curriculum in ("master", "other")
    )
    values = values_by_setting(rows, "master", {})
    carried = values.groupby("architecture")["carried"].unique()
    assert carried["large"].tolist() == [True] and carried["small"].tolist() == [False]


def values_of(differences, carried=True):
    """Two items at some settings, the first of which is the own one."""
    rows = []
    for k, difference in enumerate(differences):
        for item, value in (("a", difference), ("b", 0.0)):
            rows.append(
                {
                    "measure": "dsa",
                    "n_delays": 5,
                    "delay_interval": 1,
                    "rank": 10 + k,
                    "own": k == 0,
                    "carried": carried,
                    "conclusion": "after",
                    "architecture": "rnn",
                    "item": item,
                    "value": value,
                    "n": 3,
                }
            )
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("differences", "n_settings", "n_holds"),
    [
        ([0.1, 0.2, -0.3, 0.4], 3, 2),
        ([-0.1, -0.2, -0.3], 2, 2),
        # A setting without a value does not count; without one at the own setting nothing does.
        ([0.1, np.nan, 0.2], 1, 1),
        ([np.nan, 0.1, 0.2], 0, 0),
        # Equal at the own setting: there is no order that could hold.
        ([0.0, 0.1, 0.2], 0, 0),
    ],
)
def test_share_of_the_settings_in_which_an_ordering_holds(differences, n_settings, n_holds):
    (row,) = shares(orderings(values_of(differences))).to_dict("records")
    assert (row["n_settings"], row["n_holds"]) == (n_settings, n_holds)
    if n_settings:
        assert row["share"] == pytest.approx(n_holds / n_settings)
        assert row["smallest"] == np.nanmin(differences) and row["largest"] == np.nanmax(
            differences
        )
    else:
        assert np.isnan(row["share"])


def test_jobs_are_those_of_dsa_with_two_seeds(raw_config, tmp_path):
    def jobs():
        p = Pipeline(Plan(load(raw_config), tmp_path / "results"))
        return p, list(p.around.jobs())

    p, found = jobs()
    assert found == [{"measure": "dsa", "taskset": "PDM", "part": "leaky_rnn"}]
    inputs = p.around.inputs(found[0])
    assert len(inputs["trajectories"]) == 15 and len(inputs["choice"]) == 1
    assert p.around.chosen_seeds(found[0]) == "1 2 3"
    assert any(path.endswith("leaky_rnn/dsa_sensitivity") for path in p._taskset_figures.paths())

    raw_config["run"]["grid"].append(
        {
            "tasksets": ["PDM"],
            "architectures": ["leaky_rnn", "mamba_d8_l1", "mamba_d8_l2"],
            "curricula": ["master"],
            "comparisons": ["architectures"],
        }
    )
    p, found = jobs()
    assert [job["part"] for job in found] == ["leaky_rnn", "_architectures"]
    # One architecture per model.
    paths = p.around.inputs(found[1])["trajectories"]
    assert not any("mamba_d8_l2" in path for path in paths) and len(paths) == 6

    # InputDSA takes the inputs from the trials, and its parameters are never chosen from the data.
    raw_config["run"]["measures"] = ["dsa_input"]
    p, found = jobs()
    assert [job["measure"] for job in found] == ["dsa_input", "dsa_input"]
    inputs = p.around.inputs(found[0])
    assert inputs["trials"] == p.trials.evaluation("PDM")[:1] and "choice" not in inputs
    window = p.around.parameters(found[0])["inputs"]
    assert window["period"] == "stimulus" and window["drives"] == {"names": []}

    raw_config["dsa_sensitivity"] = {"seeds": 0}
    assert jobs()[1] == []
