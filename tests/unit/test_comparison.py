from dataclasses import replace

import numpy as np
import pytest

from warpline.comparison.network_systems import System
from warpline.comparison.pair_tables import compare
from warpline.comparison.pairs import (
    after_learning,
    between_architectures,
    controls,
    floors_of_architectures,
    over_learning,
    within_learning,
)

FRACTIONS = [0.0, 0.5, 1.0]
CURRICULA = ["untrained", "master", "frozen"]


@pytest.fixture
def runs(rng):
    def system(curriculum, seed, k):
        return System(
            architecture="rnn",
            curriculum=curriculum,
            seed=seed,
            step=0 if curriculum == "untrained" else 10 * k,
            fraction=1.0 if curriculum == "untrained" else k / 2,
            nominal_fraction=FRACTIONS[k],
            accuracy=0.5,
            run_status="converged",
            states=rng.normal(size=(8, 12, 4)),
        )

    return {
        (name, seed): [system(name, seed, k) for k in range(3)]
        for name in CURRICULA
        for seed in (1, 2, 3)
    }


def keys(pairs):
    return [(p.a.curriculum, p.a.seed, p.b.curriculum, p.b.seed) for p in pairs]


def test_after_learning_has_every_pair_once_over_all_tables(runs):
    tables = [after_learning(runs, CURRICULA, [s], list(range(1, s))) for s in (1, 2, 3)]
    unordered = [frozenset([k[:2], k[2:]]) for table in tables for k in keys(table)]
    nodes = 9
    assert len(unordered) == len(set(unordered)) == nodes * (nodes + 1) // 2
    assert all(
        p.a.nominal_fraction == p.b.nominal_fraction == 1.0 for table in tables for p in table
    )


def test_blocks_of_seeds_make_the_same_pairs(runs):
    single = [
        k for s in (1, 2) for k in keys(after_learning(runs, CURRICULA, [s], list(range(1, s))))
    ]
    block = keys(after_learning(runs, CURRICULA, [1, 2], []))
    assert sorted(single) == sorted(block)


def test_a_new_seed_changes_no_old_table(runs):
    old = keys(after_learning(runs, CURRICULA, [2], [1]))
    assert all(seed in (1, 2) for k in old for seed in (k[1], k[3]))


def test_same_and_cross_seed_are_told_apart(runs):
    for pair in after_learning(runs, CURRICULA, [2], [1]):
        assert pair.labels["seeds"] == ("same" if pair.a.seed == pair.b.seed else "cross")


def test_over_learning(runs):
    settings = {"fractions": [0.0, 1.0], "references": ["master"]}
    pairs = over_learning(runs, CURRICULA, [2], [1], settings)
    kinds = {
        kind: [p for p in pairs if p.labels["against"] == kind]
        for kind in ("reference", "floor", "own_final")
    }
    assert (
        len(kinds["reference"]) == 2 * 2
        and len(kinds["floor"]) == 2
        and len(kinds["own_final"]) == 3 * 2
    )
    assert all(
        p.a.nominal_fraction == p.b.nominal_fraction == p.labels["checkpoint"]
        for p in kinds["reference"] + kinds["floor"]
    )
    assert all(p.a.seed == p.b.seed for p in kinds["reference"])
    assert all(p.a.seed != p.b.seed for p in kinds["floor"])
    assert all(
        p.b.nominal_fraction == 1.0 and p.a.curriculum == p.b.curriculum for p in kinds["own_final"]
    )


def test_within_learning_leaves_out_what_did_not_learn(runs):
    pairs = within_learning(runs, CURRICULA, [1], {"fractions": FRACTIONS})
    assert {p.a.curriculum for p in pairs} == {"master", "frozen"}
    assert len(pairs) == 2 * 6


def test_controls(runs):
    repeat = np.repeat(np.arange(4), 2)
    final = runs["master", 1][-1]
    weak = replace(final, states=0.3 * final.states, variant="weak_noise")
    driven = {("master", 1): {"weak_noise": weak}, ("master", 2): {}}
    pairs = controls(runs, ["master"], [1], repeat, root=1, driven=driven)
    labels = [pair.labels["control"] for pair in pairs]
    assert labels == ["split_half", "weak_noise", "shuffled_time"]
    assert pairs[1].a is final and pairs[1].b is weak
    halves = next(p for p in pairs if p.labels["control"] == "split_half")
    whole = runs["master", 1][-1].states
    assert np.array_equal(halves.a.states, whole[[0, 1, 4, 5]])
    assert np.array_equal(halves.b.states, whole[[2, 3, 6, 7]])
    shuffled = next(p for p in pairs if p.labels["control"] == "shuffled_time")
    assert np.array_equal(shuffled.a.states, whole)
    assert not np.array_equal(shuffled.b.states, whole)
    np.testing.assert_allclose(np.sort(shuffled.b.states, axis=1), np.sort(whole, axis=1))
    # Units stay together: a step of the shuffled trial is a step of the trial.
    steps = {row.tobytes() for row in whole[0]}
    assert {row.tobytes() for row in shuffled.b.states[0]} == steps


def test_between_architectures_shares_curriculum_and_seed(runs):
    finals = {}
    for (name, seed), systems in runs.items():
        for architecture in ("rnn", "gru"):
            finals[architecture, name, seed] = replace(systems[-1], architecture=architecture)
    del finals["gru", "frozen", 1]
    pairs = between_architectures(finals, [1])
    assert {(p.a.architecture, p.b.architecture) for p in pairs} == {("gru", "rnn")}
    assert {p.a.curriculum for p in pairs} == {"untrained", "master"}


def test_floors_of_architectures_pair_seeds_of_one_architecture_and_curriculum(runs):
    finals = {
        (architecture, name, seed): replace(runs[name, 1][-1], architecture=architecture, seed=seed)
        for architecture in ("rnn", "gru")
        for name in ("untrained", "master")
        for seed in (1, 2, 3)
    }
    del finals["gru", "master", 2]

    def pairs_of(seeds, earlier):
        return {
            (p.a.architecture, p.a.curriculum, p.a.seed, p.b.seed)
            for p in floors_of_architectures(finals, seeds, earlier)
            if (p.a.architecture, p.a.curriculum) == (p.b.architecture, p.b.curriculum)
        }

    everything = pairs_of([1, 2, 3], [])
    # Three pairs of seeds in each of four groups, but for the two of the network that is missing.
    assert len(everything) == 10 == len(floors_of_architectures(finals, [1, 2, 3]))
    # A new block of seeds adds its pairs, and repeats none.
    assert pairs_of([1, 2], []) | pairs_of([3], [1, 2]) == everything
    assert not pairs_of([1, 2], []) & pairs_of([3], [1, 2])


CKA = {"measure": "cka", "name": "cka"}


def test_tables_have_a_row_per_pair_and_say_who(runs):
    pairs = after_learning(runs, CURRICULA, [1], [])
    table = compare({"after": pairs}, CKA, seed=1)["after"]
    assert len(table) == len(pairs)
    own = table[(table["curriculum_a"] == table["curriculum_b"])]
    assert (own["dissimilarity"] < 1e-12).all()
    assert table["dissimilarity"].between(0, 1).all() and (table["status"] == "converged").all()
    assert {"architecture_a", "seed_b", "step_a", "fraction_b", "accuracy_a"} <= set(table)


def test_shuffled_time_is_not_mistaken_for_the_network_itself(runs):
    pairs = controls(runs, ["master"], [1], np.repeat(np.arange(4), 2), root=1, driven={})
    table = compare({"controls": pairs}, CKA, seed=1)["controls"]
    assert (table["dissimilarity"] > 0.05).all()


def test_diverged_and_constant_networks_are_rows_that_say_so(runs):
    runs["frozen", 1] = [replace(s, run_status="diverged") for s in runs["frozen", 1]]
    runs["untrained", 1] = [replace(s, states=np.zeros((8, 12, 1))) for s in runs["untrained", 1]]
    table = compare({"after": after_learning(runs, CURRICULA, [1], [])}, CKA, seed=1)["after"]
    assert len(table) == 6
    status = table.set_index(["curriculum_a", "curriculum_b"])["status"]
    assert status["master", "frozen"] == "diverged"
    assert "expected states that vary" in status["untrained", "master"]
    assert status["master", "master"] == "converged"
    assert table["dissimilarity"].notna().sum() == 1


def test_no_pairs_is_a_table_with_columns(runs):
    table = compare({"within": []}, CKA, seed=1)["within"]
    assert len(table) == 0 and "dissimilarity" in table


def test_each_checkpoint_is_represented_once(runs, monkeypatch):
    from warpline.similarity import cka

    calls = []
    original = cka.represent
    monkeypatch.setattr(cka, "represent", lambda *a, **k: calls.append(1) or original(*a, **k))
    settings = {"fractions": FRACTIONS, "references": ["master"]}
    lists = {
        "after": after_learning(runs, CURRICULA, [1], []),
        "over": over_learning(runs, CURRICULA, [1], [], settings),
    }
    compare(lists, CKA, seed=1)
    assert len(calls) == 1 + 3 + 3


@pytest.mark.slow
def test_a_measure_of_driven_systems_gets_each_network_s_own_inputs(rng):
    """Networks that are linear: InputDSA sees one system under every drive, and another in a scrambled one."""

    def network(seed, scale, variant=""):
        weights = np.random.default_rng(seed)
        a, b = weights.normal(size=(3, 3)) / 2.5, weights.normal(size=(3, 2))
        inputs = scale * rng.normal(size=(8, 30, 2))
        states, x = np.empty((8, 30, 3)), np.zeros((8, 3))
        for t in range(30):
            x = x @ a.T + inputs[:, t] @ b.T
            states[:, t] = x
        return System("rnn", "master", seed, 1, 1.0, 1.0, 0.5, "converged", states, variant, inputs)

    runs = {("master", seed): [network(seed, 1.0)] for seed in (1, 2)}
    driven = {key: {"strong_noise": network(key[1], 3.0, "strong_noise")} for key in runs}
    settings = {"measure": "dsa_input", "rank": 3}
    tables = compare(
        {
            "after": after_learning(runs, ["master"], [2], [1]),
            "controls": controls(runs, ["master"], [1, 2], np.arange(8) % 2, 0, driven),
        },
        settings,
        0,
    )
    after, controlled = tables["after"].set_index("seeds"), tables["controls"].set_index("control")
    assert after.loc["same", "joint_score"] < 1e-6
    assert after.loc["cross", "joint_score"] > 0.1
    assert (controlled.loc[["split_half", "strong_noise"], "joint_score"] < 1e-6).all()
    assert (controlled.loc["shuffled_time", "joint_score"] > 0.1).all()
    # Without inputs there is nothing to fit.
    without = {key: [replace(systems[0], inputs=None)] for key, systems in runs.items()}
    table = compare({"after": after_learning(without, ["master"], [1], [])}, settings, 0)["after"]
    assert table["status"].str.startswith("failed: expected inputs").all()
