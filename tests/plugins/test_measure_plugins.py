"""Measures that do not keep their interface are refused: what was expected, got, to do."""

from __future__ import annotations

import pytest
from plugin_texts import (
    MEASURE,
    VALUE,
    measure_fault,
    replaced,
)

from warpline.core.plugins import ContractError
from warpline.similarity.measure_check import check_measure

MEASURES = {
    "an error of syntax": ("        rows = []", "        rows = [", "SyntaxError"),
    "no represent": ("def represent", "def present", "got no represent"),
    "no compare_pairs": ("def compare_pairs", "def compare", "got no compare_pairs"),
    "no static methods": (
        "    @staticmethod\n    def represent(",
        "    def represent(self, ",
        "static methods",
    ),
    "a similarity": (VALUE, VALUE + "            value = 2 - value\n", "is it a similarity?"),
    "no dissimilarity": ('"dissimilarity"', '"distance"', "got distance, status"),
    "no status": (', "status": "converged"', "", "got dissimilarity"),
    "a status that is no text": ('"converged"', "True", "got True"),
    "numbers for rows": (
        'rows.append({"dissimilarity": value, "status": "converged"})',
        "rows.append(float(value))",
        "got float",
    ),
    "an array": ('"dissimilarity": value', '"dissimilarity": np.array([value])', "got ndarray"),
    "a complex number": ('"dissimilarity": value', '"dissimilarity": value + 0j', "got complex"),
    "NaN for a system with itself": (
        VALUE,
        VALUE + "            value = value / value\n",
        "expected a finite dissimilarity of a system and itself, got nan",
    ),
    "infinity": (
        VALUE,
        VALUE + "            value = value if i == j else np.inf\n",
        "expected a finite dissimilarity of two systems, got inf",
    ),
    "negative": (
        VALUE,
        VALUE + "            value = value - 10\n",
        "expected a dissimilarity of at least 0, got -10",
    ),
    "a row too few": (
        "        return rows",
        "        return rows[1:]",
        "expected a row for each of 6 pairs, got 5",
    ),
    "one row per system": ("in pairs:", "in pairs[:3]:", "got 3"),
    "nothing": ("        return rows", "        pass", "got TypeError"),
    "an asymmetric one": (
        VALUE,
        VALUE + "            value = value * (1 + (i < j))\n",
        "expected the same dissimilarity of (a, b) and (b, a)",
    ),
    "states that are changed": (
        "        flat = flat - flat.mean(axis=0)\n",
        "        flat -= flat.mean(axis=0)\n",
        "expected represent to leave its states as they are",
    ),
    "representations that are changed": (
        VALUE,
        VALUE + "            representations[i] *= 1.1\n",
        "expected",
    ),
    "numbers drawn without the seed": (
        VALUE,
        VALUE + "            value = value * (1 + 1e-3 * np.random.default_rng().random())\n",
        "draw from numpy.random.default_rng(seed)",
    ),
    "numbers drawn in represent": (
        "        return kernel /",
        "        kernel = kernel + 1e-3 * np.random.normal(size=kernel.shape)\n        return kernel /",
        "expected represent to return the same from the same states",
    ),
    "systems of other numbers of units": (
        "        kernel = flat @ flat.T\n        return kernel / np.linalg.norm(kernel)",
        "        return flat.T @ flat",
        "also of systems with other numbers of units, got ValueError",
    ),
    "inputs that the entry does not ask for": (
        "class Mine:\n",
        "class Mine:\n    NEEDS_INPUTS = True\n",
        "say `needs_inputs: true`",
    ),
    "an unknown setting": (
        VALUE,
        VALUE + "            settings['power']\n",
        "got KeyError: 'power'",
    ),
}


@pytest.mark.parametrize("measure", ["cka", "cka_debiased", "procrustes", "dsa"])
def test_measures_of_the_package_pass(measure):
    dsa = {
        "n_delays": 2, "delay_interval": 1, "rank": 3, "ridge": 0.0, "score": "angle", "strict": False,
        "solver": "newton", "max_starts": 4, "bound": "auto", "rank_tolerance": None, "iterations": 10, "lr": 0.1,
    }  # fmt: skip
    assert measure_fault(measure, **(dsa if measure == "dsa" else {})) is None


def test_a_measure_gets_the_inputs_and_conditions_that_it_needs(written):
    needs = "class Mine:\n    NEEDS_INPUTS = NEEDS_CONDITIONS = True\n"
    asks = "settings, inputs, conditions):\n        assert len(inputs) == len(states) == len(conditions)\n"
    name = written(replaced(MEASURE, ("class Mine:\n", needs), ("settings):\n", asks)))
    check_measure({"measure": name}, n_trials=6, n_steps=10, needs_inputs=True)
    with pytest.raises(ContractError, match="say `needs_inputs: false`"):
        check_measure({"measure": written(MEASURE, "other.py")}, 6, 10, needs_inputs=True)


@pytest.mark.parametrize("case", MEASURES)
def test_a_measure_that_breaks_its_interface_is_refused(case, written):
    old, new, message = MEASURES[case]
    assert message in str(measure_fault(written(replaced(MEASURE, (old, new)))))
