"""Tables with a row per trial: conditions kept apart, trials without a spike, rows that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from recording_files import (
    BINS,
    TIMES,
    TRIALS,
    write_listed,
    write_npz,
)
from scipy.io import savemat

import warpline
from warpline.datasets.sessions import read_session
from warpline.similarity.input_errors import InputError


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["face#1", "face#2", "#3", "d", "e"], ("face#1", "face#2", "#3", "d", "e")),
        ([12345671, 12345672, 1, 2.0, 0.5], ("12345671", "12345672", "1", "2", "0.5")),
        (["left", "NA", "", "None", "left"], None),
    ],
)
def test_conditions_are_kept_apart(tmp_path, spikes, values, expected):
    settings = {**write_listed(tmp_path / "a.npz", *spikes[:3]), **BINS, "conditions": ["side"]}
    rows = "".join(f"{value},{k}\n" for k, value in enumerate(values))
    (tmp_path / "table.csv").write_text("# a comment\nside,trial\n" + rows)
    settings["trials"] = tmp_path / "table.csv"
    if expected is None:
        with pytest.raises(InputError, match=r"'side' for each trial .* for 3, the first .* 1"):
            read_session(tmp_path / "a.npz", settings)
    else:
        session = read_session(tmp_path / "a.npz", settings)
        assert session.recording.conditions == tuple(f"side={text}" for text in expected)


def test_numbers_beside_a_word_are_the_conditions_of_numbers_alone(tmp_path, states):
    """With 'catch' among them a column is text, in which 0 stands as pandas wrote it: 0.0."""
    settings = {**write_npz(tmp_path / "a.npz", states), "variable": "rates", "conditions": ["coh"]}
    conditions = {}
    for name, rows in (
        ("numbers", ["0.0", "12.0", "-3.2", "1e-3", "12", "0"]),
        ("beside words", ["0.0", "12.0", "-3.20", "1e-3", "catch", " catch"]),
    ):
        (tmp_path / "table.csv").write_text("coh\n" + "\n".join(rows) + "\n")
        session = read_session(
            tmp_path / "a.npz", {**settings, "trials": str(tmp_path / "table.csv")}
        )
        conditions[name] = session.recording.conditions
    assert conditions["numbers"][:4] == ("coh=0", "coh=12", "coh=-3.2", "coh=0.001")
    assert conditions["beside words"] == (*conditions["numbers"][:4], "coh=catch", "coh=catch")


@pytest.mark.parametrize("suffix", ["nc", "npz"])
def test_conditions_in_bytes_are_those_in_text(tmp_path, states, suffix):
    """Characters of netCDF, and byte strings of numpy, come as bytes."""
    sides = np.char.encode(["gauche", "médian", "gauche", "médian", "droite", "droite"], "utf-8")
    path = tmp_path / f"a.{suffix}"
    if suffix == "npz":
        np.savez(path, rates=states, side=sides)
    else:
        xr.Dataset(
            {"rates": (("trial", "time", "unit"), states), "side": ("trial", sides)}
        ).to_netcdf(path)
    settings = {"variable": "rates", "axes": ["trial", "time", "unit"], "conditions": ["side"]}
    session = read_session(path, {**settings, "dt": 10})
    assert session.recording.conditions[:2] == ("side=gauche", "side=médian")


def test_a_trial_table_names_trials_that_have_no_spike(tmp_path, spikes):
    times, unit, trial, counts = spikes
    settings = {**write_listed(tmp_path / "a.npz", times, unit, trial), **BINS}
    (tmp_path / "table.csv").write_text(
        "trial,side\n" + "".join(f"{k},l\n" for k in (4, 9, 0, 1, 2, 3))
    )
    session = read_session(
        tmp_path / "a.npz", {**settings, "trials": tmp_path / "table.csv", "conditions": ["side"]}
    )
    assert len(session.recording.trials) == 6 and not session.recording.trials[1].any()
    np.testing.assert_array_equal(session.recording.trials[0], counts[4])


def test_states_take_their_labels_from_the_table(tmp_path, states, rng):
    """Of two areas that were recorded at once, each without another trial."""
    kept = {"a": [0, 1, 2, 3, 5], "b": [0, 2, 3, 4, 5]}
    systems = {}
    for name, trials in kept.items():
        settings = write_npz(tmp_path / f"{name}.npz", states[trials] @ rng.normal(size=(4, 4)))
        settings |= {"variable": "rates", "trials": tmp_path / f"{name}.csv"}
        (tmp_path / f"{name}.csv").write_text("trial\n" + "".join(f"{k}\n" for k in trials))
        systems[name] = read_session(tmp_path / f"{name}.npz", settings).recording
        assert systems[name].trial_labels == tuple(trials)
    with pytest.raises(InputError, match=r"1 in a alone \(1\) and 1 in b alone \(4\)"):
        warpline.compare(systems, measure="cka")
    # Numbers that count anew in each block are no labels; a table of other trials is no table of these.
    (tmp_path / "a.csv").write_text("trial\n1\n2\n3\n1\n2\n")
    settings["trials"] = tmp_path / "a.csv"
    assert read_session(tmp_path / "a.npz", settings).recording.trial_labels is None
    (tmp_path / "a.csv").write_text("trial\n1\n2\n3\n9\n2\n")
    with pytest.raises(
        InputError, match=r"distinct trial labels in the table .* 5 labels of which 4"
    ):
        read_session(tmp_path / "a.npz", settings)
    (tmp_path / "a.csv").write_text("trial,rt\n1,1\n2,1\n,1\n4,1\n5,1\n")
    with pytest.raises(
        InputError, match=r"a label of each trial in the table .* none in row 2 of 5"
    ):
        read_session(tmp_path / "a.npz", settings)
    (tmp_path / "a.csv").write_text("rt\n1\n2\n3\n")
    with pytest.raises(InputError, match=r"a row for each of 5 trials .* got 3"):
        read_session(tmp_path / "a.npz", settings)


def test_a_list_of_trials_that_has_one_twice_is_refused(tmp_path, states):
    settings = {"variable": "rates", "axes": ["trial", "time", "unit"], "conditions": ["side"]}
    settings["trials"] = tmp_path / "table.csv"
    settings["trials"].write_text("side\n" + "".join(f"{k % 2}\n" for k in range(TRIALS)))
    for labels, is_error in (
        ([3, 0, 5, 1, 4, 1], True),
        (list("abcdea"), True),
        ([0, 1, 2, 3, 4, 0], False),  # counts anew
        ([1, 2, 1, 2, 3, 3], False),  # the kind of a trial
    ):
        np.savez(tmp_path / "a.npz", rates=states, trial=labels)
        if is_error:
            with pytest.raises(
                InputError, match=r"6 labels of which 5 are distinct.*ignore: \[trial\]"
            ):
                read_session(tmp_path / "a.npz", settings)
        else:
            session = read_session(tmp_path / "a.npz", settings)
            assert session.recording.trial_labels is None
            assert session.left_out == ("trial (trial axis 0: 6)",)


@pytest.mark.parametrize("layout", ["array", "cells", "one piece"])
def test_states_have_the_labels_that_their_file_lists(tmp_path, states, layout):
    order = [3, 0, 5, 1, 4, 2]
    settings = {"variable": "rates", "conditions": ["side"], "trials": tmp_path / "table.csv"}
    path = tmp_path / "a.npz"
    if layout == "cells":
        path = tmp_path / "a.mat"
        cells = np.empty(TRIALS, dtype=object)
        cells[:] = list(states)
        savemat(path, {"rates": cells, "trial": order})
    elif layout == "array":
        np.savez(path, rates=states, trial=order)
        settings["axes"] = ["trial", "time", "unit"]
    else:
        np.savez(path, rates=states.reshape(TRIALS * TIMES, -1), trial=order)
        settings |= {"axes": ["time", "unit"], "align": "zero", "dt": 10, "time_unit": "ms"}
        settings["window"] = [0, 10 * TIMES]

    def table(trials):
        rows = [f"{k},{'lr'[k % 2]},{10 * TIMES * place}\n" for place, k in enumerate(trials)]
        settings["trials"].write_text("trial,side,zero\n" + "".join(rows))

    table(order)
    recording = read_session(path, settings).recording
    assert recording.trial_labels == tuple(order)
    assert recording.conditions == tuple(f"side={'lr'[k % 2]}" for k in order)
    table(range(TRIALS))
    with pytest.raises(InputError, match="the rows of the trial table in the order of the trials"):
        read_session(path, settings)


@pytest.mark.parametrize("listed", [[1, 2, 3, 1, 2, 3], [1, 2, np.nan, 1, 2, np.nan], [np.nan] * 6])
def test_numbers_that_name_no_trial_are_no_labels_of_states(tmp_path, states, listed):
    settings = write_npz(tmp_path / "a.npz", states)
    with np.load(tmp_path / "a.npz") as arrays:
        np.savez(tmp_path / "a.npz", **arrays, trial=listed)
    session = read_session(tmp_path / "a.npz", settings)
    assert session.recording.trial_labels is None
    assert any(text.startswith("trial (") for text in session.left_out)


@pytest.mark.parametrize(
    "listed", [[1, 2, np.nan, 4, 5, 6], [9, 2, np.nan, 4, 5, 9], ["a", "b", "", "c", "d", "e"]]
)
def test_a_list_of_trials_in_which_one_is_missing_is_refused(tmp_path, states, listed):
    settings = write_npz(tmp_path / "a.npz", states)
    with np.load(tmp_path / "a.npz") as arrays:
        np.savez(tmp_path / "a.npz", **arrays, trial=listed)
    with pytest.raises(InputError, match=r"1 of 6 without one \(empty.*the first being number 2"):
        read_session(tmp_path / "a.npz", settings)
    assert (
        read_session(tmp_path / "a.npz", settings | {"ignore": ["trial"]}).recording.trial_labels
        is None
    )


@pytest.mark.parametrize(
    ("labels", "n_missing"),
    [
        (["a", None, "c", "d", "e", "f"], 1),  # of text, netCDF keeps an empty one
        ([1, 2, np.nan, 1, 2, np.nan], 2),
        ([np.nan] * 6, 6),
        (np.array(["2020-01-01", "NaT", "2020-01-03"] + ["NaT"] * 3, "datetime64[ns]"), 4),
    ],
)
def test_labels_of_a_dimension_that_are_missing_are_refused(tmp_path, states, labels, n_missing):
    array = xr.DataArray(states, dims=("trial", "time", "unit"), coords={"trial": labels})
    with pytest.raises(InputError, match=f"{n_missing} of 6 without one"):
        warpline.as_recording(array)
    array.to_netcdf(tmp_path / "a.nc")
    with pytest.raises(InputError, match=f"{n_missing} of 6 without one"):
        read_session(tmp_path / "a.nc", {})


@pytest.mark.parametrize("first", [0, 1])
def test_trials_that_count_from_1_are_not_taken_for_others(tmp_path, spikes, first):
    """The last of six trials has no spike, so that numbers from 1 to 5 are rows of the table, too."""
    times, unit, trial, counts = spikes
    settings = {**write_listed(tmp_path / "a.npz", times, unit, trial + first), **BINS}
    (tmp_path / "table.csv").write_text("side\n" + "l\n" * 6)
    settings |= {"trials": tmp_path / "table.csv", "conditions": ["side"]}
    if first:
        with pytest.raises(
            InputError, match=r"spikes of trial 0 in 'trials' .* got 1 as the first"
        ):
            read_session(tmp_path / "a.npz", settings)
    else:
        np.testing.assert_array_equal(
            read_session(tmp_path / "a.npz", settings).recording.states[:5], counts
        )


TABLES = {
    "a comment above": ("# of the rig\nstim,side\n" + "img#1,l\nimg#2,r\n" * 3, ["stim"], 2),
    "# within a value": ("stim,side\n" + "img#1,l\nimg#2,r\n" * 3, ["stim", "side"], 2),
    "# first in a row": ("stim,side\n" + "#1,l\n#2,r\n" * 3, ["side"], 2),
    "large whole numbers": ("stim\n" + "1000001\n1000002\n1000003\n" * 2, ["stim"], 3),
    "a comma at each end": ("side,coh\n" + "l,1,\nr,2,\n" * 3, ["side"], "as many values in each row"),
    "a name too few": ("side,coh\n" + "A,l,1\nB,r,2\n" * 3, ["side"], "as many values in each row"),
    "rows that count, without a name": (
        "side,coh\n" + "".join(f"{k},{'lr'[k % 2]},{k % 3}\n" for k in range(TRIALS)), ["side"],
        "as many values in each row",
    ),
    "a blank line above a name twice": (
        "\nside,side\n" + "l,a\nr,b\n" * 3, ["side"], "each name of a column once",
    ),
    "numbers of one number": (
        "f\n" + "07\n7\n" * 3, ["f"], "one way to write each number of 'f'.*'07' and '7'",
    ),
    "numbers that print alike": (
        "f\n" + "0.1234561\n0.1234562\n" * 3, ["f"], "differ in their first six digits",
    ),
    "numbers beside a word that print alike": (
        "f\n" + "0.1234561\n0.1234562\ncatch\n" * 2, ["f"], "3 values, but 2 conditions",
    ),
    "texts of one number": (
        "f\n" + "01\n1\ncatch\n" * 2, ["f"], "one way to write each number of 'f'.*'01' and '1'",
    ),
    "semicolons": ("side;coh\n" + "l;1\nr;2\n" * 3, ["side"], "columns with commas between them"),
    "a name twice": ("side,side\n" + "l,a\nr,b\n" * 3, ["side"], "each name of a column once"),
    "other trials": (
        "trial,side\n" + "".join(f"{k + 1},{'lr'[k % 2]}\n" for k in range(TRIALS)), ["side"],
        "got 1, 2. Give the table",
    ),
    "trials in another order": (
        "trial,side\n" + "".join(f"{k},{'lr'[k % 2]}\n" for k in range(TRIALS)), ["side"], "in the order of",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_trials_is_read_as_it_is_written_or_refused(name, tmp_path, states):
    text, columns, expected = TABLES[name]
    (tmp_path / "trials.csv").write_text(text)
    xr.Dataset(
        {"rates": (("trial", "time", "unit"), states)}, coords={"trial": range(TRIALS)[::-1]}
    ).to_netcdf(tmp_path / "a.nc")
    settings = {"trials": str(tmp_path / "trials.csv"), "conditions": columns}
    if isinstance(expected, str):
        with pytest.raises(InputError, match=expected):
            read_session(tmp_path / "a.nc", settings)
        return
    conditions = read_session(tmp_path / "a.nc", settings).recording.conditions
    assert len(set(conditions)) == expected


def test_a_variable_of_units_is_no_condition(tmp_path, rng):
    square = rng.normal(size=(TRIALS, TIMES, TRIALS))
    xr.Dataset(
        {"rates": (("trial", "time", "unit"), square), "area": ("unit", list("ababab"))}
    ).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(InputError, match="one value per trial in 'area'"):
        read_session(tmp_path / "a.nc", {"conditions": ["area"]})
