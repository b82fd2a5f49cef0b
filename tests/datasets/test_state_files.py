"""States from files: every format gives the same session; what a file says is covered or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from recording_files import (
    CHOICE,
    TIMES,
    TRIALS,
    UNITS,
    WRITERS,
    write_mat5,
    write_mat73,
    write_npz,
)
from scipy.io import savemat

import warpline
from warpline.datasets.file_formats import read_content
from warpline.datasets.sessions import read_session
from warpline.similarity.input_errors import InputError
from warpline.similarity.recordings import as_recording


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_session(tmp_path, states, name):
    settings = WRITERS[name](tmp_path / name, states)
    session = read_session(tmp_path / name, {**settings, "conditions": ["choice"]})
    np.testing.assert_array_equal(session.recording.states, states)
    assert session.recording.conditions == tuple(f"choice={value}" for value in CHOICE)
    assert session.dt == pytest.approx(10.0) and session.start == pytest.approx(0.0)
    window = read_session(tmp_path / name, {**settings, "window": [50, 150], "bin": 20})
    np.testing.assert_allclose(
        window.recording.states, states[:, 5:15].reshape(TRIALS, 5, 2, UNITS).mean(2)
    )
    assert window.dt == 20 and window.start == pytest.approx(55.0)
    np.testing.assert_allclose(session.recording.times, 0.01 * np.arange(TIMES), atol=1e-12)
    np.testing.assert_allclose(window.recording.times, 0.055 + 0.02 * np.arange(5))
    assert any(entry.startswith("choice") for entry in window.left_out)


def test_recordings_of_other_times_are_not_matched(tmp_path, states):
    """The times of files, in seconds, are held against each other and against those of an array."""
    settings = write_npz(tmp_path / "a.npz", states)

    def recording(**further):
        return read_session(tmp_path / "a.npz", {**settings, **further}).recording

    early, late = recording(window=[0, 100]), recording(window=[50, 150])
    with pytest.raises(InputError, match=r"0 to 0\.09 in x, 0\.05 to 0\.14 in y"):
        warpline.compare({"x": early, "y": late}, measure="cka")
    with pytest.raises(InputError, match="the same time step"):
        warpline.compare({"x": early, "y": recording(bin=20)}, measure="dsa", n_delays=1, rank=2)
    array = xr.DataArray(states[:, :10], dims=("trial", "time", "unit"))
    seconds = array.assign_coords(time=0.01 * np.arange(10))
    for other in (array, seconds, replace(late, times=None)):
        assert warpline.compare(early, other, measure="cka")["status"] == "converged"
    # DSA does not match times.
    assert warpline.compare(early, late, measure="dsa", n_delays=1, rank=2)["dissimilarity"] > 0


@pytest.mark.parametrize("window", [(0, 900), (900, 1800)])
def test_times_in_single_precision_give_the_window_of_those_in_double(tmp_path, rng, window):
    """0.9 s is 899.99998 ms: a window that ends there had a step more, one that starts there lacked its first."""
    states = rng.normal(size=(2, 200, 3))
    sessions = []
    for kind in ("float64", "float32"):
        times = ("time", (0.01 * np.arange(200)).astype(kind), {"units": "s"})
        dataset = xr.Dataset({"r": (("trial", "time", "unit"), states)}, coords={"time": times})
        dataset.to_netcdf(tmp_path / f"{kind}.nc")
        sessions.append(read_session(tmp_path / f"{kind}.nc", {"window": list(window)}))
    double, single = (session.recording.states for session in sessions)
    assert single.shape == (2, 90, 3)
    np.testing.assert_array_equal(single, double)


def test_trials_are_cut_by_the_times_and_not_by_their_mean_step(tmp_path):
    """A clock that runs slow in one half, by less than what counts as unequal steps."""
    steps = np.repeat([1.0, 1.0009], 5000)
    times = np.cumsum(steps) - steps
    zeros = np.arange(500.0, 9500.0, 500.0)
    np.savez(tmp_path / "a.npz", x=np.stack([times, times], axis=1), t=times, zero=zeros)
    settings = {"variable": "x", "axes": ["time", "unit"], "time": "t", "time_unit": "ms"}
    session = read_session(tmp_path / "a.npz", {**settings, "align": "zero", "window": [0, 100]})
    first = session.recording.states[:, 0, 0] - zeros
    # The nearest step.
    assert (abs(first) < 0.502).all()


def test_the_step_nearest_to_a_zero_is_the_first(tmp_path):
    times = 100.0 * np.arange(100)
    zeros = 1000.0 * np.arange(1, 8)
    settings = {"variable": "x", "axes": ["time", "unit"], "time": "t", "time_unit": "ms"}
    settings |= {"align": "zero", "window": [0, 500]}
    for late, first in ((1.0, 0), (40.0, 0), (60.0, 100), (99.0, 100)):
        np.savez(tmp_path / "a.npz", x=np.stack([times, times], 1), t=times, zero=zeros + late)
        states = read_session(tmp_path / "a.npz", settings).recording.states
        np.testing.assert_array_equal(states[:, 0, 0], zeros + first)


def test_labels_of_a_dimension_are_renamed_with_it(tmp_path, rng):
    states = rng.normal(size=(4, 3, 10, 2))
    dims = ("trials", "sess", "t", "unit")
    labels = {
        "trials": [3, 1, 2, 0],
        "sess": [2, 3, 1],
        "t": ("t", 10.0 * np.arange(10), {"units": "ms"}),
    }
    xr.Dataset({"x": (dims, states)}, coords=labels).to_netcdf(tmp_path / "a.nc")
    renaming = {"trials": "trial", "sess": "session", "t": "time"}
    session = read_session(tmp_path / "a.nc", {"dims": renaming, "select": {"session": 1}})
    np.testing.assert_array_equal(session.recording.states, states[:, 2])
    assert session.recording.trial_labels == (3, 1, 2, 0)
    assert session.dt == 10 and not session.left_out


def test_conditions_may_be_cells_of_numbers(tmp_path, rng):
    sides, states = np.empty((4, 1), object), rng.normal(size=(4, 10, 2))
    for k in range(4):
        sides[k, 0] = np.array([[k % 2]])
    settings = {"variable": "x", "axes": ["trial", "time", "unit"], "conditions": ["side"]}
    savemat(tmp_path / "a.mat", {"x": states, "side": sides})
    conditions = read_session(tmp_path / "a.mat", settings).recording.conditions
    assert conditions == ("side=0", "side=1", "side=0", "side=1")
    sides[2, 0] = np.array([[0, 1]])
    savemat(tmp_path / "a.mat", {"x": states, "side": sides})
    with pytest.raises(InputError, match="one value in each cell of 'side'"):
        read_session(tmp_path / "a.mat", settings)


def test_cells_in_rows_and_columns_are_refused(tmp_path, rng):
    """MATLAB counts them by columns, and Python by rows."""
    cells = np.empty((2, 3), object)
    for place in np.ndindex(cells.shape):
        cells[place] = rng.normal(size=(10, 2))
    savemat(tmp_path / "a.mat", {"rates": cells})
    with pytest.raises(InputError, match="one row or column of cells"):
        read_session(tmp_path / "a.mat", {"variable": "rates", "dt": 10})


@pytest.mark.parametrize("name", WRITERS)
def test_masks_are_read_or_refused(tmp_path, states, name):
    mask = np.arange(TIMES) < np.array([20, 15, 20, 8, 20, 20])[:, None]
    padded = np.where(mask[..., None], states, np.nan)
    settings = WRITERS[name](tmp_path / name, padded, recorded=mask)
    with pytest.raises(InputError, match=r"that are NaN|mask 'recorded'"):
        read_session(tmp_path / name, settings)
    session = read_session(tmp_path / name, {**settings, "valid": "recorded"})
    assert session.recording.lengths == (20, 15, 20, 8, 20, 20)
    np.testing.assert_array_equal(session.recording.trials[3], states[3, :8])
    # A mask beside finite states is not passed over either.
    WRITERS[name](tmp_path / name, states, recorded=mask)
    with pytest.raises(InputError, match=r"what the mask 'recorded' .* is; got none"):
        read_session(tmp_path / name, settings)
    session = read_session(tmp_path / name, {**settings, "ignore": ["recorded"]})
    assert session.recording.equal_lengths


@pytest.mark.parametrize("value", ["False", np.nan, 2, -1])
def test_a_mask_holds_truth_values(value, tmp_path, states):
    np.savez(tmp_path / "a.npz", rates=states, mask=np.full((TRIALS, TIMES), value))
    settings = {"axes": ["trial", "time", "unit"], "variable": "rates", "valid": "mask"}
    with pytest.raises(InputError, match="truth values, or 0 and 1"):
        read_session(tmp_path / "a.npz", settings)


CASES = {
    "axes unknown": ("a.npz", {"axes": None}, "names of the axes of 'rates'"),
    "axes too few": (
        "a.npz",
        {"axes": ["time", "unit"], "variable": "rates"},
        "names of the axes .* Give 3 names, in the order of the array",
    ),
    "no such variable": ("a.npz", {"variable": "rate"}, "a variable 'rate' .* only choice, rates"),
    "no such dim": ("a.nc", {"dims": {"cell": "unit"}}, "'cell' in dims"),
    "dim not renamed": ("a.nc", {"dims": {}}, "neuron: 4, trial: 6, time: 20"),
    "window outside": ("a.nc", {"window": [100, 300]}, r"inside the times .* 0 to 200 ms"),
    "window in seconds": (
        "a.nc",
        {"window": [0, 0.1]},
        r"at least a step .* 10 ms; got 0 to 0.1 ms",
    ),
    "window without times": ("a.npz", {"dt": None, "window": [0, 100]}, r"Add time .* or dt"),
    "other unit of time": (
        "a.nc",
        {"time_unit": "ms"},
        "as .* states it for 'time', 's'; got 'ms'",
    ),
    "other dt": ("a.nc", {"dt": 5.0}, "10 ms; got 5"),
    "bin not whole": ("a.nc", {"bin": 15}, "whole number of steps of 10 ms"),
    "no such column": ("a.nc", {"conditions": ["chioce"]}, "a column 'chioce'"),
    "select of no dim": ("a.nc", {"select": {"seed": 1}}, "in select"),
    "no such table": ("a.nc", {"trials": "nowhere.csv"}, "a table of trials at nowhere.csv"),
    "no such mask": ("a.nc", {"valid": "mask"}, "a variable 'mask'"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said(tmp_path, states, case):
    name, change, message = CASES[case]
    settings = WRITERS[name](tmp_path / name, states)
    read_session(tmp_path / name, settings)
    with pytest.raises(InputError, match=message):
        read_session(tmp_path / name, {**settings, **change})


def test_hostile_and_damaged_files_are_refused(tmp_path, states):
    import h5py

    np.savez(tmp_path / "o.npz", rates=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="Python objects, which could run code"):
        read_session(tmp_path / "o.npz", {})
    for name in ("x.npz", "x.mat", "x.nc"):
        (tmp_path / name).write_bytes(b"\x93\x00 not a file of its format" * 40)
        with pytest.raises(InputError, match="expected a readable"):
            read_content(tmp_path / name)
        with pytest.raises(InputError, match="expected a file at"):
            read_content(tmp_path / f"none-{name}")
    for name, write in WRITERS.items():
        write(tmp_path / name, states)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(InputError, match="expected a readable"):
            read_content(tmp_path / name)
    with pytest.raises(InputError, match=r"ending in .npz, .mat, .nc, .nwb"):
        read_content(tmp_path / "x.pkl")
    # A link to another file.
    write_mat73(tmp_path / "b.mat", states)
    with h5py.File(tmp_path / "c.mat", "w", userblock_size=512) as file:
        file["rates"] = h5py.ExternalLink(str(tmp_path / "b.mat"), "/data/rates")
    with (tmp_path / "c.mat").open("r+b") as handle:
        handle.write(b"MATLAB 7.3 MAT-file")
    with pytest.raises(InputError, match="'rates', a link"):
        read_content(tmp_path / "c.mat")


def test_texts_of_a_char_matrix_have_no_blanks_of_matlab(tmp_path, states):
    """char('left', 'right', ...) fills texts to one length; in a cell array they have their own."""
    import h5py

    sides = ["left", "right"] * 3
    padded = np.array([side.ljust(5) for side in sides])
    cells = np.array(sides, dtype=object)
    conditions = []
    for name, content in (("rows.mat", padded), ("cells.mat", cells)):
        settings = write_mat5(tmp_path / name, states, side=content)
        session = read_session(tmp_path / name, {**settings, "conditions": ["side"]})
        conditions.append(session.recording.conditions)
    settings = write_mat73(tmp_path / "rows73.mat", states)
    with h5py.File(tmp_path / "rows73.mat", "a") as file:
        # A row of the file is a column of MATLAB.
        codes = np.array([[ord(letter) for letter in text] for text in padded], dtype=np.uint16).T
        file.create_dataset("side", data=codes).attrs["MATLAB_class"] = np.bytes_("char")
    session = read_session(tmp_path / "rows73.mat", {**settings, "conditions": ["side"]})
    conditions.append(session.recording.conditions)
    assert conditions == [tuple(f"side={side}" for side in sides)] * 3


def test_an_empty_text_is_no_condition(tmp_path, states):
    """Of a trial without an answer, an empty cell of a table is none, and so is '' in a file."""
    import h5py

    sides = np.array(["left", "", "right"] * 2, dtype=object)
    settings = write_mat5(tmp_path / "a.mat", states, side=sides) | {"conditions": ["side"]}
    write_mat73(tmp_path / "b.mat", states)
    with h5py.File(tmp_path / "b.mat", "a") as file:
        references = file.create_dataset("side", (1, len(sides)), dtype=h5py.ref_dtype)
        for k, side in enumerate(sides):
            codes = np.array([[ord(letter)] for letter in side], np.uint16)
            cell = file.create_dataset(f"#refs#/{k}", data=codes if side else np.uint64([0, 0]))
            cell.attrs["MATLAB_class"] = np.bytes_("char")
            if not side:
                cell.attrs["MATLAB_empty"] = np.uint8(1)
            references[0, k] = cell.ref
    for name in ("a.mat", "b.mat"):
        with pytest.raises(
            InputError, match=r"'side' for each trial .* for 2, the first .* number 1"
        ):
            read_session(tmp_path / name, settings)


def test_an_array_of_structs_is_named_where_there_are_no_states(tmp_path, states):
    trials = np.array([(trial,) for trial in states[:2]], dtype=[("x", object)])
    savemat(tmp_path / "a.mat", {"trials": trials})
    with pytest.raises(InputError, match="only nothing, and what is not read: trials"):
        read_session(tmp_path / "a.mat", {"dt": 10})


def test_states_have_no_until(tmp_path, states):
    settings = write_npz(tmp_path / "a.npz", states)
    with pytest.raises(InputError, match="whose trials end where valid says so"):
        read_session(tmp_path / "a.npz", {**settings, "until": "choice"})


def test_coordinates_that_are_not_read_are_listed(tmp_path, states):
    """Times without a unit are no times: they are left out, and an error where they are needed."""
    xr.DataArray(
        states,
        dims=("trial", "time", "unit"),
        coords={"time": np.arange(TIMES), "trial": np.arange(TRIALS) + 3},
        name="rates",
    ).to_netcdf(tmp_path / "a.nc")
    session = read_session(tmp_path / "a.nc", {})
    assert session.left_out == (f"time (time: {TIMES})",) and session.dt is None
    assert session.recording.times is None
    assert session.recording.trial_labels == tuple(range(3, 9))
    with pytest.raises(InputError, match="a unit of time for 'time'"):
        read_session(tmp_path / "a.nc", {"window": [0, 5]})


def test_one_label_of_a_further_dimension_is_taken(tmp_path, states):
    np.savez(tmp_path / "a.npz", rates=np.stack([states, 2 * states]))
    axes = ["session", "trial", "time", "unit"]
    session = read_session(tmp_path / "a.npz", {"axes": axes, "select": {"session": 1}})
    np.testing.assert_array_equal(session.recording.states, 2 * states)
    with pytest.raises(InputError, match="take one label of another by select"):
        read_session(tmp_path / "a.npz", {"axes": axes})
    array = xr.DataArray(states, dims=("day", "time", "unit"), name="x")
    array.assign_coords(day=list("abcdef")).to_netcdf(tmp_path / "a.nc")
    session = read_session(tmp_path / "a.nc", {"select": {"day": "b"}})
    np.testing.assert_array_equal(session.recording.states, states[1:2])
    with pytest.raises(InputError, match=r"a label of 'day' in .*; got x"):
        read_session(tmp_path / "a.nc", {"select": {"day": "x"}})


def test_what_stands_beside_the_states_is_of_the_selected_session(tmp_path, states):
    """A mask, conditions and times with the dimension that is reduced."""
    rng = np.random.default_rng(0)
    sessions = np.stack([states, states + 1])
    mask = np.ones(sessions.shape[:3], dtype=bool)
    mask[1, 0, -1] = False
    sides = rng.integers(2, size=sessions.shape[:2])
    sides[:, :2] = 0, 1
    times = 10.0 * np.arange(sessions.shape[2]) + np.array([[0.0], [500.0]])
    dataset = xr.Dataset(
        {
            "rates": (("session", "trial", "time", "unit"), sessions),
            "recorded": (("session", "trial", "time"), mask),
            "side": (("session", "trial"), sides),
            "clock": (("session", "time"), times, {"units": "ms"}),
        }
    )
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    given = {"variable": "rates", "valid": "recorded", "conditions": ["side"], "time": "clock"}
    for k in (0, 1):
        session = read_session(tmp_path / "a.nc", {**given, "select": {"session": k}})
        expected = as_recording(sessions[k], valid=mask[k])
        for trial, other in zip(session.recording.trials, expected.trials, strict=True):
            np.testing.assert_array_equal(trial, other)
        assert list(session.recording.conditions) == [f"side={side}" for side in sides[k]]
        assert session.start == times[k, 0]


@pytest.mark.parametrize(
    ("beside", "select", "expected"),
    [
        ({"session": [4, 1]}, {"session": 4}, 0),
        ({"session": np.array([b"mon", b"tue"])}, {"session": "tue"}, 1),
        ({"session_id": [4, 1]}, {"session": 1}, r"labels of 'session' .* got 'session_id'"),
        ({"session": [[4, 1]]}, {"session": 1}, "a label for each of 2 of 'session'"),
        ({"session": [4, 1, 2]}, {"session": 1}, "a label for each of 2 of 'session'"),
        ({"session": 1}, {"session": 1}, r"a label for each of 2 .* got 'session' \(one value\)"),
    ],
)
def test_a_label_is_not_taken_for_an_index(tmp_path, states, beside, select, expected):
    np.savez(tmp_path / "a.npz", rates=np.stack([states, 2 * states]), **beside)
    settings = {"variable": "rates", "axes": ["session", "trial", "time", "unit"], "select": select}
    if isinstance(expected, str):
        with pytest.raises(InputError, match=expected):
            read_session(tmp_path / "a.npz", settings)
        settings["ignore"] = list(beside)
        expected = 1
        if "session_id" not in beside:
            return
    session = read_session(tmp_path / "a.npz", settings)
    np.testing.assert_array_equal(session.recording.states, (expected + 1) * states)


def test_cells_of_trials_may_be_of_any_length(tmp_path, rng):
    trials = np.empty(3, dtype=object)
    for k, length in enumerate((12, 9, 15)):
        trials[k] = rng.normal(size=(length, 2))
    savemat(tmp_path / "a.mat", {"rates": trials})
    session = read_session(tmp_path / "a.mat", {"dt": 10.0})
    assert session.recording.lengths == (12, 9, 15)
    np.testing.assert_array_equal(session.recording.trials[1], trials[1])


IDLE = {
    "zeros of cut trials": ("a.npz", {"align": "zeros"}, "trials are cut already.*align"),
    "zeros of cells": ("a.mat", {"align": "zeros"}, "apply to cells.*align"),
    "a mask of cells": ("a.mat", {"valid": "mask"}, "apply to cells.*valid"),
    "a label of cells": ("a.mat", {"select": {"session": 0}}, "apply to cells.*select"),
    "axes of cells": ("a.mat", {"axes": ["trial", "time", "unit"]}, "axes of each cell"),
    "a mask of one piece": (
        "a.npz",
        {"variable": "piece", "axes": ["time", "unit"], "align": "zeros", "valid": "mask"},
        "cut into whole windows.*valid",
    ),
}


@pytest.mark.parametrize("case", IDLE)
def test_settings_that_would_do_nothing_are_refused(tmp_path, states, case):
    """An array in trials was cut by a window from its own first step, whatever zeros were named."""
    file, settings, message = IDLE[case]
    zeros, mask = 10.0 * np.arange(TRIALS), np.ones((TRIALS, TIMES))
    arrays = {"zeros": zeros, "mask": mask}
    piece = states.reshape(-1, UNITS)
    np.savez(tmp_path / "a.npz", states=states, piece=piece, **arrays)
    cells = np.empty(TRIALS, dtype=object)
    cells[:] = list(states)
    savemat(tmp_path / "a.mat", {"states": cells} | arrays)
    axes = ["time", "unit"] if file == "a.mat" else ["trial", "time", "unit"]
    usual = {"variable": "states", "axes": axes, "dt": 10, "time_unit": "ms", "window": [0, 100]}
    assert read_session(tmp_path / file, usual).recording.lengths == (10,) * TRIALS
    with pytest.raises(InputError, match=message):
        read_session(tmp_path / file, usual | settings)
