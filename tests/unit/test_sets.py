"""Sets of systems: a matrix holds what its pairs give; settings by system; what cannot be compared."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from turning_systems import DSA, SYSTEMS

import warpline
from warpline.similarity.input_errors import InputError, SettingsError, TrialError


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measure", "own"), [("cka", {}), ("cka_debiased", {}), ("procrustes", {}), ("dsa", DSA)]
)
def test_a_matrix_holds_what_its_pairs_give(measure, own):
    result = warpline.compare(SYSTEMS, measure=measure, **own)
    assert result.names == result.columns == tuple(SYSTEMS) and result.one_set
    np.testing.assert_array_equal(result.dissimilarity, result.dissimilarity.T)
    np.testing.assert_array_equal(np.diag(result.dissimilarity), 0)
    assert len(result.table) == 6 and set(result.table["measure"]) == {measure}
    for row in result.table.itertuples():
        pair = warpline.compare(SYSTEMS[row.system_a], SYSTEMS[row.system_b], measure, **own)
        assert row.dissimilarity == pytest.approx(pair["dissimilarity"], abs=1e-9)
        i, j = result.names.index(row.system_a), result.names.index(row.system_b)
        assert result.dissimilarity[i, j] == row.dissimilarity
        assert result.status[i, j] == row.status == pair["status"]
    assert len(repr(result).splitlines()) == 3


def test_a_systems_place_does_not_matter():
    whole = warpline.compare(SYSTEMS, measure="dsa", **DSA)
    reversed_ = warpline.compare(dict(reversed(SYSTEMS.items())), measure="dsa", **DSA)
    np.testing.assert_allclose(whole.dissimilarity, reversed_.dissimilarity[::-1, ::-1], atol=1e-9)


def test_two_sets_are_compared_with_each_other_alone():
    whole = warpline.compare(SYSTEMS, measure="procrustes")
    first = {name: SYSTEMS[name] for name in "ab"}
    result = warpline.compare(first, {"c": SYSTEMS["c"]}, measure="procrustes")
    assert (result.names, result.columns, result.one_set) == (("a", "b"), ("c",), False)
    np.testing.assert_allclose(result.dissimilarity, whole.dissimilarity[:2, 2:3], atol=1e-12)
    one = warpline.compare(SYSTEMS["a"], [SYSTEMS["a"], SYSTEMS["c"]], measure="procrustes")
    assert (one.names, one.columns) == (("x",), ("y 0", "y 1"))
    np.testing.assert_allclose(one.dissimilarity, whole.dissimilarity[:1, [0, 2]], atol=1e-12)
    # A set against itself is no matrix of one set: each system meets itself.
    itself = warpline.compare(first, first, measure="procrustes")
    np.testing.assert_allclose(itself.dissimilarity, whole.dissimilarity[:2, :2], atol=1e-7)
    assert len(itself.table) == 4


def test_several_measures_share_a_call_and_take_their_own_settings():
    results = warpline.compare(SYSTEMS, measures=["cka", "dsa"], **DSA)
    assert list(results) == ["cka", "dsa"]
    table = pd.concat([result.table for result in results.values()])
    assert table.groupby("measure").size().tolist() == [6, 6]
    own = warpline.compare(SYSTEMS["a"], SYSTEMS["b"], measures={"cka": {}, "dsa": DSA})
    assert own["dsa"] == warpline.compare(SYSTEMS["a"], SYSTEMS["b"], "dsa", **DSA)
    with pytest.raises(SettingsError, match=r"cka among none; dsa among n_delays.*got rnk"):
        warpline.compare(SYSTEMS, measures=["cka", "dsa"], n_delays=2, rank=4, rnk=3)


def test_rank_and_delays_may_differ_between_systems():
    ranks = {"a": 4, "b": 3, "c": 2, "d": 2}
    result = warpline.compare(SYSTEMS, measure="dsa", n_delays=[2, 2, 3, 2], rank=ranks)
    pair = result.table.set_index(["system_a", "system_b"])
    assert pair.loc[("a", "b"), "rank_used"] == 3 and pair.loc[("c", "d"), "rank_used"] == 2
    alike = warpline.compare(SYSTEMS["a"], SYSTEMS["b"], "dsa", n_delays=2, rank=[4, 3])
    assert alike["dissimilarity"] == pytest.approx(pair.loc[("a", "b"), "dissimilarity"], abs=1e-9)
    one = warpline.compare(
        SYSTEMS["a"], SYSTEMS["b"], "dsa", n_delays=np.array(2), rank=np.array(3)
    )
    assert one["rank_used"] == 3
    with pytest.raises(SettingsError, match="rank for each system; got none for d"):
        warpline.compare(SYSTEMS, measure="dsa", n_delays=2, rank={"a": 4, "b": 3, "c": 2})
    with pytest.raises(SettingsError, match="systems a, b, c, d; got one for e too"):
        warpline.compare(SYSTEMS, measure="dsa", n_delays=2, rank={**ranks, "e": 2})
    with pytest.raises(SettingsError, match="rank for each of 4 systems; got 2"):
        warpline.compare(SYSTEMS, measure="dsa", n_delays=2, rank=[4, 3])


def test_what_cannot_be_compared():
    with pytest.raises(InputError, match="at least two systems to compare; got 1"):
        warpline.compare(list(SYSTEMS["a"]))
    with pytest.raises(TrialError, match="8 in a and 5 in b"):
        warpline.compare({"a": SYSTEMS["a"], "b": SYSTEMS["b"][:5]}, measure="cka")
    # One system without dynamics is a row that says so, and the others are compared.
    rest = {**SYSTEMS, "rest": np.ones((8, 25, 3))}
    result = warpline.compare(rest, measure="cka")
    assert (
        np.isnan(result.dissimilarity[4, :4]).all()
        and np.isfinite(result.dissimilarity[:4, :4]).all()
    )
    assert result.status[0, 4].startswith("failed: expected states that vary")
    assert "4 failed" in repr(result)
    with pytest.raises(ValueError, match="states that vary"):
        warpline.compare(rest["rest"], rest["a"], "cka")


@pytest.mark.parametrize(
    "wrong",
    [
        {"measure": None},
        {"measure": ["cka"]},
        {"measures": "cka"},
        {"measures": 5},
        {"measures": {"cka": None}},
        {"measures": {"dsa": ["rank"]}},
        {"measure": "os:system"},
        {"seed": -1},
        {"seed": 1.5},
        {"seed": None},
        {"seed": "a"},
        {"measure": "procrustes", "split": [0.5]},
    ],
    ids=str,
)
def test_a_measure_a_seed_and_a_split_that_cannot_be_are_refused(wrong, rng):
    with pytest.raises(InputError, match="expected"):
        warpline.compare(rng.normal(size=(4, 20, 3)), rng.normal(size=(4, 20, 3)), **wrong)


def test_centred_systems_have_no_baselines(rng):
    """DSA fits where the mean of each unit lies, unless it is subtracted first."""
    noise = rng.normal(size=(3, 12, 31, 4))
    x, y, z = noise[:, :, 1:] + np.array([0.9, 0.5, 0.2])[:, None, None, None] * noise[:, :, :-1]
    raised = {"x": x, "y": y + 2 * rng.uniform(size=4), "z": z}
    own = {"measures": ["dsa"], "n_delays": 2, "rank": 4}
    raw, centred, known = (
        warpline.compare(systems, **own, centre=centre)["dsa"].dissimilarity
        for systems, centre in (
            (raised, False),
            (raised, True),
            ({"x": x, "y": y, "z": z}, np.True_),
        )
    )
    np.testing.assert_allclose(centred, known, atol=1e-6)
    assert abs(raw - known)[0, 1] > 0.01
    pair = warpline.compare(x, raised["y"], "dsa", n_delays=2, rank=4, centre=True)
    assert pair["dissimilarity"] == pytest.approx(known[0, 1], abs=1e-6)
    groups = {"a": [x, y, z], "b": [raised["y"], z + 2, x - 3]}
    within, between = (
        warpline.compare_groups(groups, **own, centre=True).matrices["dsa"].dissimilarity[row, 3:]
        for row in (0, 1)
    )
    np.testing.assert_allclose(within, known[0, [1, 2, 0]], atol=1e-6)
    np.testing.assert_allclose(between, known[1, [1, 2, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("measure", "raised", "centre", "warns"),
    [
        ("dsa", 1.0, False, True),
        ("dsa", 1.0, True, False),
        ("dsa", 0.05, False, False),
        ("cka", 1.0, False, False),
    ],
)
def test_means_in_some_systems_alone_are_named(measure, raised, centre, warns, rng):
    x, y, z = rng.normal(size=(3, 20, 30, 4))
    own = {"n_delays": 1, "rank": 4} if measure == "dsa" else {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warpline.compare({"x": x, "y": y + raised, "z": z}, measure=measure, centre=centre, **own)
        # Where all have a mean, nothing is said.
        warpline.compare(x + 1, y + 2, measure, **own)
    said = [str(w.message) for w in caught if "a mean in all systems" in str(w.message)]
    assert len(said) == warns
    assert all(re.search(r"got y \(\d\d%\), where .*, and x, z, where", text) for text in said)


def test_a_choice_of_centred_systems_does_not_see_baselines(rng):
    x = rng.normal(size=(12, 30, 3)).cumsum(1)
    raised = x + np.array([50.0, -20, 5])
    tables = [
        warpline.choose_dsa([states], ranks=[1, 2, 3], centre=centre).sweep["error_ratio_1"]
        for states, centre in ((x, True), (raised, True), (raised, False))
    ]
    np.testing.assert_allclose(tables[0], tables[1], rtol=1e-6)
    assert abs(tables[2] / tables[0] - 1).max() > 0.01


@pytest.mark.parametrize("centre", ["no", 1, None])
def test_whether_systems_are_centred_is_a_truth_value(centre, rng):
    x = rng.normal(size=(4, 30, 3))
    for call in (
        lambda: warpline.compare(x, x, centre=centre),
        lambda: warpline.compare_groups({"a": [x] * 3, "b": [x] * 3}, centre=centre),
        lambda: warpline.choose_dsa([x], centre=centre),
    ):
        with pytest.raises(SettingsError, match="expected centre to be true or false"):
            call()


@pytest.mark.parametrize("paired", ["no", "False", 1, float("nan")])
def test_whether_groups_are_paired_is_a_truth_value(paired, rng):
    groups = {name: list(rng.normal(size=(3, 4, 30, 3))) for name in ("a", "b")}
    with pytest.raises(SettingsError, match="expected paired to be true or false"):
        warpline.compare_groups(groups, paired=paired)
