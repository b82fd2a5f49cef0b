"""Settings of every entry point are numbers in range, or refused by name before the work starts."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import warpline
from warpline.comparison.multidimensional_scaling import embed
from warpline.similarity import dsa
from warpline.similarity.dsa.search import AlignmentSettings
from warpline.similarity.dsa_input import fit_driven_operator
from warpline.similarity.input_errors import InputError, SettingsError

X = np.random.default_rng(0).normal(size=(4, 10, 3))
DSA = {"measure": "dsa", "n_delays": 2, "rank": 2}
DRIVEN = {"measure": "dsa_input", "rank": 2, "inputs": X[..., :1]}

SETTINGS = {
    "numpy integers": ({"n_delays": np.int64(2), "rank": np.int32(2)}, None),
    "arrays of one": ({"n_delays": np.array(2), "rank": np.array(2)}, None),
    "whole floats": ({"n_delays": 2.0, "rank": 2.0}, None),
    "whole fractions": ({"n_delays": Fraction(2), "rank": 2}, None),
    "masked": ({"n_delays": np.ma.masked, "rank": 2}, "n_delays to be a whole number"),
    "hidden": ({"n_delays": 2, "rank": np.ma.array(2, mask=True)}, "rank to be a whole number"),
    "a duration": ({"n_delays": np.timedelta64(2, "ns"), "rank": 2}, "n_delays to be a whole"),
    "a date": ({"n_delays": 2, "rank": np.datetime64(2, "ns")}, "rank to be a whole number"),
    "beyond double precision": (
        {"n_delays": 2, "rank": 2, "ridge": Fraction(10**400, 3)},
        "ridge to be a number",
    ),
    "below double precision": (
        {"n_delays": 2, "rank": Fraction(1, 10**400)},
        "rank to be a whole number",
    ),
    "bytes that can change": ({"n_delays": bytearray(b"2"), "rank": 2}, "n_delays to be a whole"),
    "fractions": ({"n_delays": 2.5, "rank": 2}, "n_delays to be a whole number"),
    "zero": ({"n_delays": 2, "rank": 0}, "rank to be a positive integer"),
    "negative": ({"n_delays": -1, "rank": 2}, "n_delays to be a positive integer"),
    "text": ({"n_delays": 2, "rank": "two"}, "rank to be a whole number"),
    "digits": ({"n_delays": "2", "rank": 2}, "n_delays to be a whole number"),
    "nothing": ({"n_delays": None, "rank": 2}, "n_delays to be a whole number"),
    "true": ({"n_delays": True, "rank": 2}, "n_delays to be a whole number"),
    "nan": ({"n_delays": np.nan, "rank": 2}, "n_delays to be a whole number"),
    "infinite": ({"n_delays": 2, "rank": np.inf}, "rank to be a whole number"),
    "arrays": ({"n_delays": 2, "rank": np.array([2, 3])}, "rank to be a whole number"),
    "complex": ({"n_delays": 2, "rank": 2 + 0j}, "rank to be a whole number"),
    "interval": ({"n_delays": 2, "rank": 2, "delay_interval": 0}, "delay_interval to be a pos"),
    "5,000 digits": (
        {"n_delays": 2, "rank": 10**5000},
        "rank to be a whole number; got int of more",
    ),
    "less than any": (
        {"n_delays": -(10**5000), "rank": 2},
        "n_delays to be a whole number; got int",
    ),
    "1e30 delays": ({"n_delays": 10**30, "rank": 2}, "n_delays of at most 1,000,000,000: so many"),
    "rank 1e9": ({"n_delays": 2, "rank": 10**9}, "a rank of at most delays x units"),
    "too many delays": ({"n_delays": 10, "rank": 2}, "at least 11 time points"),
    "ridge": ({"n_delays": 2, "rank": 2, "ridge": -1.0}, "finite ridge"),
    "ridge nan": ({"n_delays": 2, "rank": 2, "ridge": np.nan}, "finite ridge"),
    "tolerance": ({"n_delays": 2, "rank": 2, "rank_tolerance": 1.0}, r"rank_tolerance in \[0, 1\)"),
}
FITS = {
    "fit_operator": lambda **settings: dsa.fit_operator(X, **settings).matrix,
    "dsa": lambda **settings: dsa.dsa(X, X[::-1], **settings).operators[0].matrix,
    "dsa_matrix": lambda **settings: dsa.dsa_matrix([X, X], **settings).operators[0].matrix,
}


@pytest.mark.slow
@pytest.mark.parametrize("entry", FITS)
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_numbers_or_refused(name, entry):
    settings, message = SETTINGS[name]
    if message is None:
        np.testing.assert_array_equal(FITS[entry](**settings), FITS[entry](n_delays=2, rank=2))
    else:
        with pytest.raises(InputError, match=message):
            FITS[entry](**settings)


SHAPE = {"conditions": [0, 0, 1, 1]}
GROUPS = {"a": [X, X[::-1]], "b": [X[:, ::-1], -X]}
NUMBERS = {
    "compare": (
        lambda **given: warpline.compare(X, X[::-1], **{**DSA, **given}),
        "seed ridge rank_tolerance max_starts accepted_chance tolerance max_steps strict rotation bound",
    ),
    "compare by dsa_input": (
        lambda **given: warpline.compare(X, X[::-1], **{**DRIVEN, **given}),
        "n_delays n_input_delays input_lag offset ridge control_weight max_starts compare",
    ),
    "compare by shape_gaussian": (
        lambda **given: warpline.compare(X, -X, measure="shape_gaussian", **SHAPE, **given),
        "alpha normalise max_starts max_steps tolerance",
    ),
    "compare by shape_energy": (
        lambda **given: warpline.compare(X, -X, measure="shape_energy", **SHAPE, **given),
        "seed normalise max_starts max_steps tolerance",
    ),
    "compare on held-out trials": (
        lambda **given: warpline.compare(X, X[::-1], split="halves", **{**DSA, **given}),
        "ridge rank_tolerance",
    ),
    "compare_groups": (
        lambda **given: warpline.compare_groups(GROUPS, ["procrustes"], **given),
        "seed confidence family_error min_systems split",
    ),
    "choose_dsa": (
        lambda **given: warpline.choose_dsa([X], **given),
        "n_delays delay_intervals ranks horizons keep longest ridge test_fraction seed",
    ),
    "select_rank": (
        lambda **given: dsa.select_rank(X, **{"n_delays": 1, "ranks": [1], **given}),
        "n_delays delay_interval ranks ridge test_fraction seed",
    ),
    "fit_driven_operator": (
        lambda **given: fit_driven_operator(X, X[..., :1], **{"rank": 2, **given}),
        "rank n_delays delay_interval n_input_delays input_lag ridge",
    ),
    "AlignmentSettings": (AlignmentSettings, "max_starts first_starts accepted_chance tolerance"),
    "embed": (
        lambda **given: embed(1 - np.eye(3), **given),
        "n_dimensions n_starts max_steps tolerance seed",
    ),
}
TAKE_WORDS_OR_TRUTH = {"strict", "rotation", "offset", "normalise", "bound", "compare", "split"}


@pytest.mark.filterwarnings("ignore:expected a setting of DSA", "ignore:expected states that carry")
@pytest.mark.parametrize(
    ("entry", "name"),
    [(entry, name) for entry, (_, names) in NUMBERS.items() for name in names.split()],
)
def test_what_is_no_number_is_refused_by_name(entry, name):
    values = ["two", "2", ["a"], {"x": "a"}, object()]
    if name not in TAKE_WORDS_OR_TRUTH:
        values.append(True)
    if name not in ("rank_tolerance", "split"):
        values.append(None)
    for value in values:
        with pytest.raises(InputError, match=f"expected {name} "):
            NUMBERS[entry][0](**{name: value})


OUT_OF_RANGE = {
    "choose_dsa": {
        "keep": [0, 1.5],
        "longest": [-1, np.nan],
        "ridge": [-0.5, np.nan, np.inf],
        "rank_tolerance": [-1, 1, np.nan],
        "test_fraction": [0, 1, 1.5, -3, np.nan],
        "seed": [-1],
    },
    "select_rank": {
        "ridge": [-0.5, np.nan, np.inf],
        "test_fraction": [0, 1, 1.5, -3, np.nan],
        "seed": [-1],
    },
    "compare on held-out trials": {
        "ridge": [-0.5, np.nan, np.inf],
        "rank_tolerance": [-1, 1, np.nan],
        "score": ["wasserstein"],
    },
}


@pytest.mark.filterwarnings("ignore:expected a setting of DSA", "ignore:expected states that carry")
@pytest.mark.parametrize(
    ("entry", "name"), [(entry, name) for entry, names in OUT_OF_RANGE.items() for name in names]
)
def test_what_is_out_of_range_is_refused_by_name(entry, name):
    for value in OUT_OF_RANGE[entry][name]:
        with pytest.raises(SettingsError, match=rf"expected .*\b{name}\b.*Set|Drop {name}"):
            NUMBERS[entry][0](**{name: value})


ENDLESS = {
    "starts": lambda: warpline.compare(X, -X, **DSA, max_starts=10**30),
    "steps": lambda: warpline.compare(X, -X, **DSA, max_steps=10**9),
    "iterations": lambda: warpline.compare(X, -X, **DSA, solver="reference", iterations=10**9),
    "starts of shapes": lambda: warpline.compare(
        X, -X, measure="shape_energy", **SHAPE, max_starts=10**9
    ),
    "starts of a picture": lambda: embed(1 - np.eye(3), n_starts=10**9),
    "no dimension": lambda: embed(1 - np.eye(3), n_dimensions=-1),
    "dimensions": lambda: embed(1 - np.eye(3), n_dimensions=10**9),
    "a list without end": lambda: warpline.choose_dsa([X], n_delays=range(10**30)),
    "a long list": lambda: warpline.choose_dsa([X], n_delays=range(1, 10**6), ranks=[1]),
    "a rank of the choice": lambda: warpline.choose_dsa([X], ranks=[10**9]),
    "a seed of 5,000 digits": lambda: warpline.compare(X, -X, seed=10**5000),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_counts_without_end_are_refused_before_the_work(case):
    with pytest.raises(
        InputError, match=r"at (most|least) [\d,]+|at most delays x units|more than 4,300"
    ):
        ENDLESS[case]()


def test_numbers_by_system_are_a_mapping_or_a_list():
    systems = {"x": X, "y": X[::-1]}
    by_name = warpline.compare(systems, measure="dsa", n_delays=1, rank={"y": 2, "x": 1})
    assert by_name.table["rank_used"].tolist() == [1]
    for labelled in (
        pd.Series({"y": 2, "x": 1}),
        xr.DataArray([2, 1], coords={"system": ["y", "x"]}),
    ):
        with pytest.raises(InputError, match="whose labels would be overlooked"):
            warpline.compare(systems, measure="dsa", n_delays=1, rank=labelled)
