"""Measures of one's own: their rows are checked; inputs and conditions reach them."""

import numpy as np
import pytest
import xarray as xr
from turning_systems import SYSTEMS

import warpline
from warpline.similarity.input_errors import InputError, TrialError

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


def test_a_measure_that_changes_its_states_is_refused_and_changes_nothing(tmp_path, rng):
    (tmp_path / "odd.py").write_text(
        "class Measure:\n"
        "    @staticmethod\n"
        "    def represent(states, *, settings):\n"
        "        states -= states.mean()\n"
        "        return states\n"
        "    @staticmethod\n"
        "    def compare_pairs(representations, pairs, *, settings, seed, progress=None):\n"
        "        return [{'dissimilarity': 0.5, 'status': 'converged'} for _ in pairs]\n"
    )
    states = rng.standard_normal((2, 6, 20, 3)) + 3
    before = states.copy()
    with pytest.raises(ValueError, match="leave its states as they are: work on a copy"):
        warpline.compare(*states, measures=[f"{tmp_path}/odd.py:Measure", "cka"])
    np.testing.assert_array_equal(states, before)
