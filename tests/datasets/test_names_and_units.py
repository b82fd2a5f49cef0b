"""What names, labels and times without a unit in files refer to, and recordings of one unit."""

from __future__ import annotations

import netCDF4
import numpy as np
import pytest
import xarray as xr
from recording_files import BINS, TIMES, TRIALS
from scipy.io import savemat

import warpline
from warpline.datasets.sessions import read_session
from warpline.similarity.input_errors import InputError

SPIKES = {"spikes": {"times": "t", "units": "u", "trials": "tid"}, "time_unit": "s", **BINS}
LISTED = np.array([3, 0, 2, 1])


def write_named(path, names, **further):
    """Write spikes of one unit: trial k, which `names` names, has k + 1."""
    trial = np.repeat(np.arange(4), np.arange(4) + 1)
    np.savez(path, t=np.full(10, 0.05), u=np.zeros(10, int), tid=names[trial], **further)


def counts(recording):
    return [int(trial.sum()) for trial in recording.trials]


@pytest.mark.parametrize("of_spikes", ["U", "S"])
@pytest.mark.parametrize("of_list", ["U", "S"])
def test_names_in_bytes_are_those_in_text(tmp_path, of_spikes, of_list):
    names = np.array(list("wxyz"))
    further = {"trial": names[LISTED].astype(of_list), "side": np.array(list("lrlr"))}
    write_named(tmp_path / "a.npz", names.astype(of_spikes), **further)
    recording = read_session(tmp_path / "a.npz", {**SPIKES, "conditions": ["side"]}).recording
    assert recording.trial_labels == tuple("zwyx") and counts(recording) == [4, 1, 3, 2]
    (tmp_path / "a.csv").write_text("trial\nx\nw\nz\ny\n")
    recording = read_session(tmp_path / "a.npz", {**SPIKES, "trials": tmp_path / "a.csv"}).recording
    assert recording.trial_labels == tuple("xwzy") and counts(recording) == [2, 1, 4, 3]


def test_names_of_digits_with_zeros_before_are_no_numbers(tmp_path):
    write_named(tmp_path / "a.npz", np.array(["007", "008", "035", "120"]))
    (tmp_path / "a.csv").write_text("trial\n120\n035\n007\n008\n")
    recording = read_session(tmp_path / "a.npz", {**SPIKES, "trials": tmp_path / "a.csv"}).recording
    assert recording.trial_labels == ("120", "035", "007", "008")
    assert counts(recording) == [4, 3, 1, 2]


def test_a_table_that_counts_its_rows_does_not_fit_a_list_in_another_order(tmp_path):
    settings = {**SPIKES, "conditions": ["side"], "trials": tmp_path / "a.csv"}
    (tmp_path / "a.csv").write_text("rt\n1\n2\n3\n4\n")
    side = np.array(list("abcd"))
    write_named(tmp_path / "a.npz", np.arange(4), trial=LISTED, side=side)
    with pytest.raises(InputError, match="a column 'trial' in the table"):
        read_session(tmp_path / "a.npz", settings)
    write_named(tmp_path / "a.npz", np.arange(4), trial=np.arange(4), side=side)
    recording = read_session(tmp_path / "a.npz", settings).recording
    assert counts(recording) == [1, 2, 3, 4] and recording.conditions[3] == "side=d"


def test_a_dimension_is_not_renamed_to_the_name_of_another_variable(tmp_path, states):
    beside = {"eye": (("trial", "time"), np.zeros((TRIALS, TIMES)))}
    xr.Dataset(
        {"rates": (("trial", "step", "unit"), states), **beside},
        coords={
            "step": ("step", 10.0 * np.arange(TIMES) - 100, {"units": "ms"}),
            "time": ("time", 10.0 * np.arange(TIMES), {"units": "ms"}),
        },
    ).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(InputError, match=r"a name in dims for 'step' .* got 'time'"):
        read_session(tmp_path / "a.nc", {"variable": "rates", "dims": {"step": "time"}})


def test_an_ignored_list_of_trials_names_none(tmp_path, states):
    np.savez(tmp_path / "a.npz", rates=states, trial=np.arange(TRIALS)[::-1])
    settings = {"variable": "rates", "axes": ["trial", "time", "unit"], "ignore": ["trial"]}
    session = read_session(tmp_path / "a.npz", settings)
    assert session.recording.trial_labels is None and len(session.left_out) == 1


@pytest.mark.parametrize("factor", [1.0, 1e-3])
def test_times_without_a_unit_are_in_that_of_dt(tmp_path, states, factor):
    """They start 100 ms before the zero of the trial: steps from 0 would be others."""
    times = factor * (10.0 * np.arange(TIMES) - 100)
    settings = {"variable": "rates", "axes": ["trial", "time", "unit"], "window": [0, 50]}
    np.savez(tmp_path / "a.npz", rates=states, time=times)
    session = read_session(tmp_path / "a.npz", {**settings, "dt": 10})
    np.testing.assert_array_equal(session.recording.states, states[:, 10:15])
    with pytest.raises(InputError, match="in steps of dt, 20 ms"):
        read_session(tmp_path / "a.npz", {**settings, "dt": 20})
    # Steps that are dt on average alone.
    np.savez(tmp_path / "a.npz", rates=states, time=times + factor * (np.arange(TIMES) == 3))
    with pytest.raises(InputError, match="in steps of dt, 10 ms"):
        read_session(tmp_path / "a.npz", {**settings, "dt": 10})
    # Numbers of steps.
    np.savez(tmp_path / "a.npz", rates=states, time=np.arange(TIMES))
    session = read_session(tmp_path / "a.npz", {**settings, "dt": 10})
    np.testing.assert_array_equal(session.recording.states, states[:, :5])


def test_recordings_of_one_unit(tmp_path, states, rng):
    savemat(tmp_path / "a.mat", {"rates": states[:, :, 0], "ok": np.ones((TRIALS, TIMES), bool)})
    settings = {"variable": "rates", "axes": ["trial", "time"], "valid": "ok"}
    recording = read_session(tmp_path / "a.mat", settings).recording
    np.testing.assert_array_equal(recording.states, states[:, :, :1])
    cells = np.empty((TRIALS, 1), dtype=object)
    for k in range(TRIALS):
        cells[k, 0] = np.full(k + 1, 50.0)
    savemat(tmp_path / "b.mat", {"times": cells})
    settings = {"spikes": {"times": "times"}, "time_unit": "ms", **BINS}
    with pytest.raises(InputError, match=r"\[trial\] if it has one unit"):
        read_session(tmp_path / "b.mat", settings)
    recording = read_session(tmp_path / "b.mat", {**settings, "axes": ["trial"]}).recording
    assert counts(recording) == [1, 2, 3, 4, 5, 6] and recording.n_units == 1


def test_a_mask_of_one_trial(tmp_path, states):
    mask = np.arange(TIMES) < 15
    savemat(tmp_path / "a.mat", {"rates": states[:1], "ok": mask[None]})
    settings = {"variable": "rates", "axes": ["trial", "time", "unit"], "valid": "ok"}
    assert read_session(tmp_path / "a.mat", settings).recording.lengths == (15,)


def test_groups_of_a_file_are_listed(tmp_path, states):
    xr.Dataset({"rates": (("trial", "time", "unit"), states)}).to_netcdf(tmp_path / "a.nc")
    with netCDF4.Dataset(tmp_path / "a.nc", "a") as file:
        file.createGroup("eye")
    assert "eye (a group)" in read_session(tmp_path / "a.nc", {}).left_out


def named_trials(conditions):
    rng = np.random.default_rng(0)
    array = xr.DataArray(rng.normal(size=(4, 10, 3)), dims=("trial", "time", "unit"))
    return array.assign_coords(condition=("trial", np.array(conditions)))


@pytest.mark.parametrize(
    "write",
    [
        lambda array: array.assign_coords(condition=array.condition.astype("S")),
        lambda array: [array[k] for k in range(4)],
    ],
    ids=["bytes", "list of trials"],
)
def test_conditions_in_another_order_are_refused_however_they_are_stored(write):
    trials = named_trials(list("abcd"))
    expected = warpline.compare(trials, named_trials(list("abcd")), measure="cka")
    assert warpline.compare(write(trials), trials, measure="cka") == pytest.approx(expected)
    with pytest.raises(InputError, match="trials of the same conditions"):
        warpline.compare(write(trials), named_trials(list("dcba")), measure="cka")


def test_conditions_in_single_precision_are_those_in_double():
    values = np.array([0, 0.032, 0.1, 0.5])
    row = warpline.compare(
        named_trials(values.astype(np.float32)), named_trials(values), measure="cka"
    )
    assert row["dissimilarity"] < 1e-6
