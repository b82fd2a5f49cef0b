"""Sets and groups of systems: matrices, matched trials, statistics with the system as the unit, figures."""

import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from inference import unshared_groups
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy import stats

import warpline
from warpline.comparison.hypothesis_tests import difference_test
from warpline.comparison.jackknife import jackknife_interval
from warpline.comparison.multidimensional_scaling import embed
from warpline.similarity.input_errors import InputError, SettingsError, TrialError
from warpline.similarity.recordings import as_recording

RNG = np.random.default_rng(0)
DSA = {"n_delays": 2, "rank": 2}


def rotation(frequency, seed, n_trials=8, n_times=25, noise=0.05):
    """States that turn at a frequency, seen by five units."""
    rng = np.random.default_rng(seed)
    phase = frequency * np.arange(n_times) + rng.uniform(0, 2 * np.pi, n_trials)[:, None]
    states = np.stack([np.cos(phase), np.sin(phase)], axis=-1) @ rng.normal(size=(2, 5))
    return states + noise * rng.normal(size=states.shape)


SYSTEMS = {
    "a": rotation(0.3, 0),
    "b": rotation(0.3, 1),
    "c": rotation(0.7, 2),
    "d": rotation(0.7, 3),
}


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
    with pytest.raises(SettingsError, match="rank for each of 4 systems; got 2"):
        warpline.compare(SYSTEMS, measure="dsa", n_delays=2, rank=[4, 3])


def unequal(states, lengths):
    return [trial[:n] for trial, n in zip(states, lengths, strict=True)]


def test_trials_of_unequal_length():
    """DSA takes them as they are; states are matched sample by sample, where both have the same times."""
    lengths = [25, 20, 22, 25, 18, 20, 25, 24]
    cut = {name: unequal(states, lengths) for name, states in SYSTEMS.items()}
    dsa = warpline.compare(cut, measure="dsa", **DSA)
    assert dsa.dissimilarity[0, 1] < 0.1 < dsa.dissimilarity[0, 2]
    result = warpline.compare(cut["a"], cut["b"], "procrustes")
    flat = [np.concatenate(cut[name])[None] for name in "ab"]
    assert result["dissimilarity"] == warpline.compare(*flat, "procrustes")["dissimilarity"]
    other = unequal(SYSTEMS["b"], lengths[::-1])
    with pytest.raises(TrialError, match=r"trial 0 of 25 times in x and of 24 in y.*or use dsa"):
        warpline.compare(cut["a"], other, "procrustes")
    assert warpline.compare(cut["a"], other, "dsa", **DSA)["dissimilarity"] < 0.1
    # NaN beyond the end of a trial, with the mask that says so.
    padded = SYSTEMS["a"].copy()
    valid = np.arange(25) < np.array(lengths)[:, None]
    padded[~valid] = np.nan
    masked = warpline.compare(as_recording(padded, valid=valid), cut["c"], "dsa", **DSA)
    assert masked["dissimilarity"] == pytest.approx(dsa.dissimilarity[0, 2], abs=1e-9)


def labelled(states, labels):
    return xr.DataArray(states, dims=("trial", "time", "unit"), coords={"trial": labels})


def timed(states, start, step):
    times = start + step * np.arange(states.shape[1])
    return xr.DataArray(states, dims=("trial", "time", "unit"), coords={"time": times})


def test_times_of_the_clock_are_those_of_all_systems():
    """Measures on matched times need the same times, all others the same step."""
    a, b = (timed(SYSTEMS[name], 0.0, 10.0) for name in "ab")
    plain = warpline.compare(SYSTEMS["a"], SYSTEMS["b"], "procrustes")["dissimilarity"]
    assert warpline.compare(a, b, "procrustes")["dissimilarity"] == plain
    assert warpline.compare(a, SYSTEMS["b"], "procrustes")["dissimilarity"] == plain
    later, seconds = timed(SYSTEMS["b"], 50.0, 10.0), timed(SYSTEMS["b"], 0.0, 0.01)
    with pytest.raises(TrialError, match="0 to 240 in x, 50 to 290 in y"):
        warpline.compare(a, later, "procrustes")
    assert warpline.compare(a, later, "dsa", **DSA)["dissimilarity"] < 0.1
    # Middles of bins and times of single steps.
    assert (
        warpline.compare(a, timed(SYSTEMS["b"], 4.5, 10.0), "procrustes")["dissimilarity"] == plain
    )
    with pytest.raises(TrialError, match="the same times"):
        warpline.compare(a, timed(SYSTEMS["b"], 5.5, 10.0), "procrustes")
    with pytest.raises(TrialError, match=r"10 in x and 0\.01 in y"):
        warpline.compare(a, seconds, "dsa", **DSA)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(8)))
def test_labels_match_trials_in_any_order(order):
    x, y = labelled(SYSTEMS["a"], list("abcdefgh")), labelled(SYSTEMS["b"], list("abcdefgh"))
    shuffled = y.isel(trial=list(order))
    for measure in ("cka", "procrustes"):
        assert warpline.compare(x, shuffled, measure) == warpline.compare(x, y, measure)
    # Without labels on one side, order decides.
    by_order = warpline.compare(x, shuffled.values, "cka")["dissimilarity"]
    expected = warpline.compare(x.values, shuffled.values, "cka")["dissimilarity"]
    assert by_order == expected


def test_labels_that_differ_are_named():
    x, y = labelled(SYSTEMS["a"], list("abcdefgh")), labelled(SYSTEMS["b"], list("abcdefxy"))
    with pytest.raises(TrialError, match=r"2 in x alone \(g, h\) and 2 in y alone \(x, y\)"):
        warpline.compare(x, y, "cka")
    assert warpline.compare(x, y, "dsa", **DSA)["status"] == "converged"


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
    ("call", "values"),
    [
        (lambda few, names, own: warpline.compare(SYSTEMS["a"], few, measures=names, **own), 1),
        (lambda few, names, own: warpline.compare([SYSTEMS["a"], few], measures=names, **own), 1),
        (lambda few, names, own: warpline.compare(SYSTEMS, [few], measures=names, **own), 4),
        (
            lambda few, names, own: (
                warpline.compare_groups(
                    {"all": [SYSTEMS["a"], SYSTEMS["b"]], "few": [few]}, names, **own
                ).matrices
            ),
            3,
        ),
    ],
    ids=["pair", "set", "two sets", "groups"],
)
def test_a_measure_that_cannot_pair_trials_does_not_stop_the_others(call, values):
    few = SYSTEMS["b"][:5]
    with pytest.warns(UserWarning, match=r"compared by cka: .*8 in .* 5 in ") as caught:
        results = call(few, ["cka", "dsa"], DSA)
    assert list(results) == ["cka", "dsa"] and caught[0].filename == __file__
    rows = {
        name: [result] if isinstance(result, dict) else result.table.to_dict("records")
        for name, result in results.items()
    }
    assert len(rows["cka"]) == len(rows["dsa"]) == values
    for of_cka, of_dsa in zip(rows["cka"], rows["dsa"], strict=True):
        assert np.isnan(of_cka["dissimilarity"]) and np.isfinite(of_dsa["dissimilarity"])
        assert of_cka["status"].startswith("failed: expected the same trials in all systems")
    # Nothing is left: an error that holds the reason of each measure.
    with pytest.raises(InputError, match=r"cka, procrustes can compare; got cka: .*procrustes: "):
        call(few, ["cka", "procrustes"], {})
    # A wrong setting is the caller's mistake, whatever the other measures can do.
    with pytest.raises(SettingsError, match="n_delays"):
        call(few, {"cka": {}, "dsa": {"n_delays": -1, "rank": 2}}, {})


OWN = """
import sys

SETTINGS = ()
NEEDS_INPUTS = True
NEEDS_CONDITIONS = True

def represent(states, *, settings, inputs, conditions):
    assert states.shape[:2] == inputs.shape[:2] and conditions.shape == states.shape[:1]
    return float(inputs.sum()), "".join(map(str, conditions))

def compare_pairs(representations, pairs, *, settings, seed, progress=None):
    return [
        {"dissimilarity": abs(representations[i][0] - representations[j][0]), "status": "converged",
         "conditions": representations[i][1] + representations[j][1]}
        for i, j in pairs
    ]


Measure = sys.modules[__name__]
"""


def measure_that_returns(rows, folder):
    """Write a measure whose `compare_pairs` returns an expression, and return its name."""
    (folder / "odd.py").write_text(
        "class Measure:\n"
        "    represent = staticmethod(lambda states, *, settings: states)\n"
        "    @staticmethod\n"
        "    def compare_pairs(representations, pairs, *, settings, seed, progress=None):\n"
        "        good = {'dissimilarity': 0.5, 'status': 'converged'}\n"
        f"        return {rows}\n"
    )
    return f"{folder}/odd.py:Measure"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("None", "a list of rows"),
        ("[]", "a row for each of 1 pairs, got 0"),
        ("[good, good]", "a row for each of 1 pairs, got 2"),
        ("[0.5]", "rows as dicts"),
        ("[{'status': 'converged'}]", "rows as dicts"),
        ("[{**good, 'dissimilarity': 'a'}]", "one number, got str"),
        ("[{**good, 'status': None}]", "a status such as"),
        ("[{**good, 'dissimilarity': -0.25}]", "at least 0, got -0.25 for pair 0 of 1"),
        ("[{**good, 'dissimilarity': -float('inf')}]", "at least 0, got -inf"),
    ],
)
def test_rows_of_ones_own_measure_are_checked(tmp_path, rows, says):
    with pytest.raises(ValueError, match=says):
        warpline.compare(SYSTEMS["a"], SYSTEMS["b"], measure_that_returns(rows, tmp_path))


@pytest.mark.parametrize(
    ("value", "signed", "expected", "status"),
    [
        ("float('inf')", False, np.nan, "failed: expected a finite dissimilarity, got inf"),
        ("float('inf')", True, np.nan, "failed: expected a finite dissimilarity, got inf"),
        ("float('nan')", False, np.nan, "converged"),
        ("-1e-17", False, -1e-17, "converged"),
        ("-0.25", True, -0.25, "converged"),
    ],
)
def test_dissimilarities_at_the_ends_of_the_range(tmp_path, value, signed, expected, status):
    """Infinity has no mean; a negative number is a dissimilarity only where the measure says so."""
    measure = measure_that_returns(f"[{{**good, 'dissimilarity': {value}}}] * len(pairs)", tmp_path)
    if signed:
        file = tmp_path / "odd.py"
        file.write_text(
            file.read_text().replace("class Measure:\n", "class Measure:\n    SIGNED = True\n")
        )
    result = warpline.compare({"a": SYSTEMS["a"], "b": SYSTEMS["b"]}, measure=measure)
    np.testing.assert_equal(result.dissimilarity[0, 1], expected)
    assert result.status[0, 1] == status


def test_a_measure_cannot_rename_the_systems(tmp_path):
    measure = measure_that_returns("[{**good, 'system_a': 'z'}]", tmp_path)
    table = warpline.compare({"a": SYSTEMS["a"], "b": SYSTEMS["b"]}, measure=measure).table
    assert table["system_a"].tolist() == ["a"]


def test_inputs_and_conditions_reach_the_measure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    measure, inputs, states = "own.py:Measure", np.ones((3, 4, 2)), np.zeros((3, 4, 5))
    pair = warpline.compare(
        states, states, measure, inputs=(inputs, 2 * inputs), conditions=[0, 1, 1]
    )
    assert pair["dissimilarity"] == inputs.sum() and pair["conditions"] == "011011"
    systems = {"a": states, "b": states, "c": states}
    result = warpline.compare(
        systems,
        measure=measure,
        inputs={"a": inputs, "b": inputs, "c": 3 * inputs},
        conditions=[[0, 0, 1], [0, 1, 0], [1, 0, 0]],
    )
    np.testing.assert_array_equal(result.dissimilarity[0], np.array([0, 0, 2]) * inputs.sum())
    assert result.table["conditions"].tolist() == ["001010", "001100", "010100"]
    shared = warpline.compare(systems, measure=measure, inputs=inputs, conditions=[0, 1, 2])
    assert not shared.dissimilarity.any()
    # A coordinate of the trials says the condition.
    array = xr.DataArray(
        states, dims=("trial", "time", "unit"), coords={"condition": ("trial", [2, 1, 0])}
    )
    said = warpline.compare(array, array, measure, inputs=inputs)
    assert said["conditions"] == "210210"
    with pytest.raises(TrialError, match=r"inputs of x, which .* needs; got none"):
        warpline.compare(states, states, measure, conditions=[0, 1, 1])
    with pytest.raises(TrialError, match="condition of each trial of x"):
        warpline.compare(states, states, measure, inputs=inputs)
    with pytest.raises(InputError, match="inputs for each of 3 systems; got 2, none for c"):
        warpline.compare(systems, measure=measure, inputs=[inputs, inputs], conditions=[0, 1, 1])
    with pytest.raises(TrialError, match="a condition for each of 3 trials of a; got 2"):
        warpline.compare(systems, measure=measure, inputs=inputs, conditions=[0, 1])


# --- multidimensional scaling ---------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(3, 12))
def test_points_of_the_plane_are_placed_without_stress(seed, n):
    points = np.random.default_rng(seed).normal(size=(n, 2))
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    embedding = embed(distance)
    placed = np.linalg.norm(embedding.points[:, None] - embedding.points[None], axis=-1)
    assert embedding.stress < 1e-4
    np.testing.assert_allclose(placed, distance, atol=1e-3 * distance.max())


def test_stress_of_equal_distances():
    """Four systems all at distance 1 lie in the plane at best as a square: its stress is known.

    With side s and diagonal s sqrt 2, the sum of squared errors 4 (1 - s)^2 + 2 (1 - s sqrt 2)^2 is least at
    s = (2 + sqrt 2) / 4, where it is 6 - (4 + 2 sqrt 2)^2 / 8.
    """
    distance = 1 - np.eye(4)
    expected = np.sqrt((6 - (4 + 2 * np.sqrt(2)) ** 2 / 8) / 6)
    assert embed(distance).stress == pytest.approx(expected, abs=1e-4)
    assert embed(distance, 3).stress < 1e-4


def test_pairs_that_failed_do_not_count_in_the_embedding():
    points = np.array([[0.0, 0], [1, 0], [0, 1], [2, 2], [1, 3]])
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    distance[0, 4] = distance[4, 0] = np.nan
    assert embed(distance).stress < 1e-4
    with pytest.raises(InputError, match="1 of them without any"):
        embed(
            np.where(np.arange(5) == 4, np.nan, distance)
            + np.where(np.arange(5) == 4, np.nan, 0)[:, None]
        )
    with pytest.raises(InputError, match="symmetric matrix"):
        embed(np.ones((2, 3)))


# --- groups ----------------------------------------------------------------------------------------

GROUPS = {
    "monkey": [rotation(0.3, k) for k in range(4)],
    "rnn": {name: rotation(0.3, 10 + k) for k, name in enumerate("abc")},
    "decoy": [rotation(0.8, 20 + k) for k in range(3)],
}


@pytest.fixture(scope="module")
def groups():
    return warpline.compare_groups(GROUPS, ["procrustes", "dsa"], n_delays=1, rank=2)


def test_groups_hold_all_pairs_of_their_systems(groups):
    assert groups.groups["rnn"] == ("rnn/a", "rnn/b", "rnn/c")
    assert len(groups.pairs) == 2 * 45
    of_dsa = groups.pairs[groups.pairs["measure"] == "dsa"]
    assert of_dsa["within"].sum() == 6 + 3 + 3
    row = of_dsa.set_index(["system_a", "system_b"]).loc[("monkey/0", "rnn/b")]
    pair = warpline.compare(GROUPS["monkey"][0], GROUPS["rnn"]["b"], "dsa", n_delays=1, rank=2)
    assert row["dissimilarity"] == pytest.approx(pair["dissimilarity"], abs=1e-9)
    assert len(repr(groups).splitlines()) == 3


def test_summary_of_groups_is_that_of_their_matrices(groups):
    matrix = groups.matrices["dsa"].dissimilarity
    rows = groups.summary[groups.summary["measure"] == "dsa"].set_index(["group_a", "group_b"])
    between = rows.loc[("monkey", "rnn")]
    block = matrix[:4, 4:7]
    assert (between["n_a"], between["n_b"], between["n_pairs"]) == (4, 3, 12)
    assert between["mean"] == pytest.approx(block.mean())
    # The system is the unit: the interval leaves out a row or a column.
    low, high = jackknife_interval(block, range(4), range(4, 7), 0.95)
    assert (between["low"], between["high"]) == pytest.approx((low, high))
    without = [np.delete(block, k, axis=0).mean() for k in range(4)]
    without += [np.delete(block, k, axis=1).mean() for k in range(3)]
    squares = (np.array(without) - np.mean(without)) ** 2
    # Welch and Satterthwaite: four systems of one group, three of the other.
    shares = squares[:4].sum(), squares[4:].sum()
    dof = sum(shares) ** 2 / (shares[0] ** 2 / 3 + shares[1] ** 2 / 2)
    width = stats.t.ppf(0.975, dof) * np.sqrt(6 / 7 * squares.sum())
    assert high - low == pytest.approx(2 * width, rel=1e-6)
    within = rows.loc[("monkey", "monkey")]
    assert within["n_pairs"] == 6
    assert within["mean"] == pytest.approx(matrix[:4, :4][np.triu_indices(4, 1)].mean())
    # By hand: the share of between pairs above those of each floor, ties half, mean over the floors.
    decoy = rows.loc[("decoy", "monkey")]
    values = matrix[:4, 7:].ravel()
    floors = [matrix[:4, :4][np.triu_indices(4, 1)], matrix[7:, 7:][np.triu_indices(3, 1)]]
    expected = np.mean([(values[:, None] > floor).mean() for floor in floors])
    assert decoy["separation"] == pytest.approx(expected) and expected == 1


def test_tests_of_groups_are_corrected_over_all_measures(groups):
    tests = groups.tests
    assert len(tests) == 2 * 3 * 3
    row = tests[(tests["measure"] == "dsa") & (tests["reference"] == "monkey")]
    row = row[(row["group_a"] == "decoy") & (row["group_b"] == "rnn")].iloc[0]
    matrix = groups.matrices["dsa"].dissimilarity
    sides = np.full((2, 10, 10), np.nan)
    sides[0, 7:, :4], sides[1, 4:7, :4] = matrix[7:, :4], matrix[4:7, :4]
    test = difference_test(sides[0], sides[1], 0.95)
    assert row["p"] == pytest.approx(float(test.p)) and row["n_systems"] == 10
    assert row["difference"] == pytest.approx(matrix[7:, :4].mean() - matrix[4:7, :4].mean())
    assert row["significant"] and row["difference"] > 0
    ordered = np.sort(tests["p"])
    assert np.sort(tests["p_adjusted"])[0] == pytest.approx(min(1, len(ordered) * ordered[0]))


@pytest.mark.parametrize(
    ("sizes", "spreads", "own"),
    [
        ((5, 5, 5), (1.0, 1.0, 1.0), False),
        ((5, 5, 0), (1.0, 1.0, 1.0), True),
        # With n_systems - 1 degrees of freedom the level would be 10 and 13 %.
        ((3, 3, 3), (5.0, 0.5, 0.5), False),
        ((3, 10, 10), (5.0, 0.5, 0.5), False),
    ],
)
def test_level_of_the_test_with_groups_that_share_nothing(sizes, spreads, own):
    """Systems are points: 2000 replications have a standard error of 0.5 %."""
    level = unshared_groups.false_positives(sizes, spreads, own=own)
    assert 0.005 < level < 0.07


def test_coverage_of_the_interval_between_groups_that_share_nothing():
    # With n - 1 degrees of freedom it would be 87 %.
    assert unshared_groups.coverage((3, 10), (5.0, 0.5)) > 0.93


def test_groups_are_drawn_without_the_measure_that_failed():
    few = {"all": [SYSTEMS["a"], SYSTEMS["b"]], "few": [SYSTEMS["c"][:5], SYSTEMS["d"][:5]]}
    with pytest.warns(UserWarning, match="compared by cka"):
        result = warpline.compare_groups(few, ["cka", "dsa"], **DSA)
    assert "6 of 12 pairs failed (6 of cka)" in repr(result)
    counts = result.summary.set_index(["measure", "group_a", "group_b"])["n_pairs"]
    assert counts["cka"].tolist() == [0, 0, 0] and counts["dsa"].tolist() == [1, 4, 1]
    assert result.summary["mean"].notna().tolist() == [False] * 3 + [True] * 3
    assert result.pairs.groupby("measure")["dissimilarity"].count().to_dict() == {
        "cka": 0,
        "dsa": 6,
    }
    for kind in ("groups", "matrix", "embedding"):
        figure = result.plot(kind)
        assert "without a value (see status): CKA" in figure.get_suptitle(), kind
        assert len(figure.axes) == 1 + (kind == "matrix")


def test_too_few_systems_are_not_tested():
    few = {"monkey": GROUPS["monkey"], "decoy": GROUPS["decoy"][:2]}
    result = warpline.compare_groups(few, ["procrustes"])
    assert result.tests["p"].isna().all() and not result.tests["significant"].any()
    within = result.summary.set_index(["group_a", "group_b"]).loc[("decoy", "decoy")]
    assert within["n_pairs"] == 1 and np.isnan(within["low"])


@pytest.mark.parametrize(
    ("groups", "options", "says"),
    [
        ({"a": GROUPS["monkey"]}, {}, "at least two groups"),
        ({"a": GROUPS["monkey"], "b": {}}, {}, "b: 0"),
        ({"a": GROUPS["monkey"], "b": SYSTEMS["a"]}, {}, "list of systems as the group b"),
        (
            {"a": GROUPS["monkey"], "b": GROUPS["decoy"]},
            {"references": ["c"]},
            "among the groups a, b",
        ),
        ({1: GROUPS["monkey"], "1": GROUPS["decoy"]}, {}, "differ as text"),
        (
            {"a": {"b/c": SYSTEMS["a"]}, "a/b": {"c": SYSTEMS["b"]}},
            {},
            "systems that differ as group/name",
        ),
        (
            {"a": GROUPS["monkey"], "b": GROUPS["decoy"]},
            {"family_error": 5},
            "family_error between 0 and 1",
        ),
        (
            {"a": [*GROUPS["monkey"], GROUPS["monkey"][1].copy()], "b": GROUPS["decoy"]},
            {},
            "a group that differ.*a/1 and a/4, which are equal",
        ),
    ],
)
def test_groups_that_cannot_be_compared(groups, options, says):
    with pytest.raises(InputError, match=says):
        warpline.compare_groups(groups, ["procrustes"], **options)


def test_a_system_of_two_groups_is_left_out_of_both_together():
    """As a reference that both share: a unit of its own, without a pair of itself."""
    monkey, decoy = GROUPS["monkey"], GROUPS["decoy"]
    groups = {"a": monkey, "b": [monkey[0].copy(), *decoy]}
    with pytest.warns(UserWarning, match="got 1 equal pairs \\(a/0 = b/0\\)"):
        result = warpline.compare_groups(groups, ["procrustes"])
    assert len(result.pairs) == 8 * 7 / 2 - 1
    between = result.summary.set_index(["group_a", "group_b"]).loc["a", "b"]
    matrix = result.matrices["procrustes"].dissimilarity[:4, 4:].copy()
    assert matrix[0, 0] == pytest.approx(0, abs=1e-6)
    matrix[0, 0] = np.nan
    assert between["n_pairs"] == 15
    assert between["mean"] == pytest.approx(np.nanmean(matrix))
    interval = jackknife_interval(matrix, [0, 1, 2, 3], [0, 5, 6, 7], 0.95)
    assert tuple(between[["low", "high"]]) == pytest.approx(interval)


@pytest.mark.parametrize("kind", ["groups", "matrix", "embedding"])
def test_figures_of_groups(groups, kind):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    figure = groups.plot(kind)
    assert dict(mpl.rcParams) == before
    texts = []
    for panel in figure.axes:
        parts = [panel.title, panel.xaxis.label, panel.yaxis.label, *panel.get_yticklabels()]
        texts += [text.get_text() for text in parts]
    texts += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    joined = " ".join(texts)
    assert "DSA (radians)" in joined and "Procrustes" in joined and "n = " in joined
    if kind == "embedding":
        stress = groups.matrices["dsa"].embedding().stress
        assert f"stress {stress:.2f}" in joined and "decoy (n = 3)" in joined


def test_the_title_of_a_narrow_figure_is_not_cut():
    """Two groups and one measure, saved without a tight box."""
    groups = {"a": [SYSTEMS["a"], SYSTEMS["b"]], "b": [SYSTEMS["c"], SYSTEMS["d"]]}
    figure = warpline.compare_groups(groups, ["procrustes"]).plot()
    figure.canvas.draw()
    title = figure.get_suptitle()
    box = next(text for text in figure.texts if text.get_text() == title).get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1


def test_long_names_of_groups_do_not_overlap():
    groups = {
        "macaques with a lesion": [SYSTEMS["a"], SYSTEMS["b"]],
        "gru.pretrain_anti_then_pro": [SYSTEMS["c"], SYSTEMS["d"]],
    }
    figure = warpline.compare_groups(groups, ["procrustes"]).plot()
    FigureCanvasAgg(figure).draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(upper.y0 > lower.y1 for upper, lower in itertools.pairwise(boxes))
    assert min(box.x0 for box in boxes) >= 0


def test_failed_pairs_are_counted_in_print_and_figure():
    """A system with too few times for the delays has no pairs."""
    groups = {"a": [SYSTEMS[name] for name in "abc"], "b": [SYSTEMS["d"], SYSTEMS["d"][:, :3]]}
    result = warpline.compare_groups(groups, ["dsa"], n_delays=5, rank=3)
    assert "4 of 10 pairs failed" in repr(result)
    assert result.plot().axes[0].get_title() == "4 pairs failed"
    panel = result.plot("embedding").axes[0]
    assert panel.get_title().endswith(", 1 without a pair")
    assert sum(len(points.get_offsets()) for points in panel.collections) == 4


def test_figures_of_sets():
    result = warpline.compare(SYSTEMS, measure="procrustes")
    numbers = {text.get_text() for text in result.plot().axes[0].texts}
    assert {f"{value:.2f}" for value in result.dissimilarity.ravel()} == numbers
    names = {text.get_text() for text in result.plot("embedding").axes[0].texts}
    assert names == set(SYSTEMS)
    with pytest.raises(InputError, match="matrix, embedding; got 'tree'"):
        result.plot("tree")
    many = {f"{k}": SYSTEMS["abcd"[k % 4]] + 0.01 * k for k in range(14)}
    assert not warpline.compare(many, measure="procrustes").plot().axes[0].texts


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
