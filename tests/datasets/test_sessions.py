"""Recordings from files: every format gives the same session; what a file says is covered or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.io import savemat

import warpline
from warpline.datasets.file_formats import read_content
from warpline.datasets.sessions import read_session
from warpline.similarity.input_errors import InputError

TRIALS, TIMES, UNITS = 6, 20, 4
CHOICE = np.array([0, 1, 0, 1, 0, 1])


@pytest.fixture
def states(rng):
    return rng.normal(size=(TRIALS, TIMES, UNITS))


def write_npz(path, states, **further):
    np.savez(path, rates=states, choice=CHOICE, **further)
    return {"axes": ["trial", "time", "unit"], "dt": 10.0}


def write_mat5(path, states, **further):
    savemat(path, {"data": {"rates": states, "name": "x"}, "choice": CHOICE, **further})
    return {"variable": "data.rates", "axes": ["trial", "time", "unit"], "dt": 10.0}


def write_mat73(path, states, **further):
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        # MATLAB writes its arrays by columns: the axes are the other way round.
        group = file.create_group("data")
        group.create_dataset("rates", data=states.T)
        file.create_dataset("choice", data=CHOICE[None].T.astype(float))
        for name, value in further.items():
            kind = {"bool": "logical"}.get(str(value.dtype), "double")
            file.create_dataset(
                name, data=np.asarray(value, float if kind == "double" else np.uint8).T
            )
            file[name].attrs["MATLAB_class"] = np.bytes_(kind)
    with path.open("r+b") as handle:
        handle.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    return {"variable": "data.rates", "axes": ["trial", "time", "unit"], "dt": 10.0}


def write_nc(path, states, **further):
    further = {k: (("trial", "time")[: np.ndim(v)], v) for k, v in further.items()}
    xr.Dataset(
        {
            "rates": (("neuron", "trial", "time"), states.transpose(2, 0, 1)),
            "choice": ("trial", CHOICE),
            **further,
        },
        coords={"time": ("time", 0.01 * np.arange(TIMES), {"units": "s"})},
    ).to_netcdf(path)
    return {"variable": "rates", "dims": {"neuron": "unit"}}


WRITERS = {"a.npz": write_npz, "a.mat": write_mat5, "b.mat": write_mat73, "a.nc": write_nc}


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


CASES = {
    "axes unknown": ("a.npz", {"axes": None}, "names of the axes of 'rates'"),
    "axes too few": ("a.npz", {"axes": ["time", "unit"], "variable": "rates"}, "names of the axes"),
    "no such variable": ("a.npz", {"variable": "rate"}, "a variable 'rate' .* only choice, rates"),
    "no such dim": ("a.nc", {"dims": {"cell": "unit"}}, "'cell' in dims"),
    "dim not renamed": ("a.nc", {"dims": {}}, "neuron: 4, trial: 6, time: 20"),
    "window outside": ("a.nc", {"window": [100, 300]}, r"inside the times .* 0 to 200 ms"),
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


# --- spikes -----------------------------------------------------------------------------------------


@pytest.fixture
def spikes(rng):
    """Spikes of 3 units in 5 trials of 1 s, and their counts in bins of 100 ms."""
    n = 400
    trial, unit = rng.integers(0, 5, n), rng.integers(0, 3, n)
    times = rng.uniform(0, 1, n)
    counts = np.zeros((5, 10, 3))
    np.add.at(counts, (trial, (times * 10).astype(int), unit), 1)
    return times, unit, trial, counts


ZEROS = 3.0 + 2.0 * np.arange(5)
BINS = {"bin": 100, "window": [0, 1000]}
NAMES = {"times": "times", "units": "units"}


def write_listed(path, times, unit, trial):
    np.savez(path, times=times, units=unit + 7, trials=trial)
    return {"spikes": {**NAMES, "trials": "trials"}, "time_unit": "s"}


def write_one_piece(path, times, unit, trial):
    np.savez(path, times=times + ZEROS[trial], units=unit, go=ZEROS)
    return {"spikes": NAMES, "time_unit": "s", "align": "go"}


def write_cells(path, times, unit, trial):
    cells = np.empty((3, 5), dtype=object)
    for k in range(15):
        row, column = divmod(k, 5)
        cells[row, column] = 1000 * np.sort(times[(unit == row) & (trial == column)])
    savemat(path, {"times": cells})
    return {"spikes": {"times": "times"}, "axes": ["unit", "trial"], "time_unit": "ms"}


def write_nwb(path, times, unit, trial):
    pynwb = pytest.importorskip("pynwb")
    import datetime

    file = pynwb.NWBFile("s", "id", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    for k in range(3):
        file.add_unit(spike_times=np.sort((times + ZEROS[trial])[unit == k]))
    file.add_trial_column("choice", "side")
    for k, zero in enumerate(ZEROS):
        file.add_trial(start_time=zero, stop_time=zero + 1, choice="left" if k % 2 else "right")
    data = np.arange(300.0)[:, None] * [1.0, 2.0]
    file.add_acquisition(
        pynwb.TimeSeries(name="lfp", data=data, unit="V", rate=20.0, starting_time=0.0)
    )
    with pynwb.NWBHDF5IO(str(path), "w") as handle:
        handle.write(file)
    return {"spikes": {"times": "spike_times", "units": "spike_units"}, "align": "start_time"}


SPIKES = {
    "listed.npz": write_listed,
    "piece.npz": write_one_piece,
    "cells.mat": write_cells,
    "file.nwb": write_nwb,
}


@pytest.mark.parametrize("name", SPIKES)
def test_spikes_of_every_layout_are_counted(tmp_path, spikes, name):
    *columns, counts = spikes
    settings = {**SPIKES[name](tmp_path / name, *columns), **BINS}
    session = read_session(tmp_path / name, settings)
    np.testing.assert_array_equal(session.recording.states, counts)
    assert session.start == 50 and session.dt == 100
    np.testing.assert_allclose(session.recording.times, 0.05 + 0.1 * np.arange(counts.shape[1]))
    kernel = {**settings["spikes"], "kernel": "gaussian", "width": 1e-3}
    narrow = read_session(tmp_path / name, {**settings, "spikes": kernel})
    np.testing.assert_allclose(narrow.recording.states, counts * 10, atol=1e-6)


@pytest.mark.parametrize("name", SPIKES)
def test_trials_of_spikes_end_where_a_column_says(tmp_path, spikes, name):
    """The ends count as the spikes do: from the zero of the trial, or on the clock."""
    times, unit, trial, counts = spikes
    settings = {**SPIKES[name](tmp_path / name, times, unit, trial), **BINS}
    lengths = np.array([1.0, 0.31, 0.7, 2.5, 0.1])  # in s; bins last 0.1 s
    zeros = ZEROS if "align" in settings else np.zeros(5)
    ends = (zeros + lengths) * (1000 if settings.get("time_unit") == "ms" else 1)
    (tmp_path / "table.csv").write_text(
        "start_time,stop\n" + "".join(f"{a},{b}\n" for a, b in zip(ZEROS, ends, strict=True))
    )
    settings |= {
        "trials": tmp_path / "table.csv",
        "until": "stop",
        "time_unit": settings.get("time_unit", "s"),
    }
    session = read_session(tmp_path / name, settings)
    n_bins = (10, 3, 7, 10, 1)
    assert session.recording.lengths == n_bins
    for states, expected, n in zip(session.recording.trials, counts, n_bins, strict=True):
        np.testing.assert_array_equal(states, expected[:n])
    counted = int(sum(expected[:n].sum() for expected, n in zip(counts, n_bins, strict=True)))
    assert session.spikes.n_counted == counted
    assert session.spikes.rate == pytest.approx(counted / (3 * 0.1 * sum(n_bins)))
    assert f"3 before the window does: {counted} of {len(times)} spikes" in session.summary()
    rates = {**settings, "spikes": {**settings["spikes"], "kernel": "gaussian", "width": 1e-3}}
    assert read_session(tmp_path / name, rates).recording.lengths == n_bins


def test_the_extent_of_spikes_shows_a_wrong_unit(tmp_path, spikes):
    settings = {**write_listed(tmp_path / "a.npz", *spikes[:3]), **BINS}
    last, n = spikes[0].max(), len(spikes[0])
    assert (
        f"to {1000 * last:g} ms, window 0 to 1000 ms: {n} of {n} spikes counted, {n / 15:.3g} per"
        in (read_session(tmp_path / "a.npz", settings).summary())
    )
    wrong = read_session(tmp_path / "a.npz", {**settings, "time_unit": "ms"})
    assert f"to {last:g} ms, window 0 to 1000 ms" in wrong.summary()
    one_piece = {**write_one_piece(tmp_path / "b.npz", *spikes[:3]), **BINS}
    text = read_session(tmp_path / "b.npz", one_piece).summary()
    assert "ms of the clock, zeros of trials from 3000 to 11000 ms" in text


END_CASES = {
    "not a time": (list("abcde"), "times in the column 'stop'"),
    "too few": ([1.0] * 4, r"an end in 'stop' \(until\) for each of 5 trials .* got 4"),
    "none of one": ([1.0, 1.0, np.nan, 1.0, 1.0], "finite times in 'stop'"),
    "before the first bin": ([1.0, 1.0, 0.05, 1.0, 1.0], "number 2 ends 50 ms after its zero"),
    "in ms for s": ([0.001] * 5, "until 100 ms or longer; got 5 that end before"),
}


@pytest.mark.parametrize("case", END_CASES)
def test_ends_of_trials_that_do_not_fit_are_refused(tmp_path, spikes, case):
    times, unit, trial, _ = spikes
    stop, message = END_CASES[case]
    np.savez(tmp_path / "a.npz", times=times, units=unit, trials=trial, stop=stop)
    settings = {"spikes": {**NAMES, "trials": "trials"}, "time_unit": "s", **BINS, "until": "stop"}
    with pytest.raises(InputError, match=message):
        read_session(tmp_path / "a.npz", settings)


def test_states_have_no_until(tmp_path, states):
    settings = write_npz(tmp_path / "a.npz", states)
    with pytest.raises(InputError, match="name the mask of recorded times: valid"):
        read_session(tmp_path / "a.npz", {**settings, "until": "choice"})


def test_a_spike_on_the_first_edge_is_not_lost_on_a_clock(tmp_path):
    zeros = np.array([12.3, 123.457, 5000.123, 10000.001])
    times = (zeros[:, None] + np.arange(-200, 800) / 1000).reshape(-1)
    np.savez(tmp_path / "a.npz", times=times, units=np.zeros(len(times), int), go=zeros)
    settings = {"spikes": NAMES, "time_unit": "s", "align": "go", "bin": 20, "window": [-200, 800]}
    session = read_session(tmp_path / "a.npz", settings)
    np.testing.assert_array_equal(session.recording.states, np.full((4, 50, 1), 20.0))


def test_nwb_holds_conditions_and_series(tmp_path, spikes):
    settings = write_nwb(tmp_path / "a.nwb", *spikes[:3])
    session = read_session(tmp_path / "a.nwb", {**settings, **BINS, "conditions": ["choice"]})
    assert session.recording.conditions[:2] == ("choice=right", "choice=left")
    series = {"variable": "lfp", "align": "start_time", "window": [0, 500]}
    session = read_session(tmp_path / "a.nwb", series)
    expected = (20 * ZEROS[:, None] + np.arange(10))[..., None] * [1.0, 2.0]
    np.testing.assert_allclose(session.recording.states, expected)
    assert session.dt == pytest.approx(50)
    assert any(entry.startswith("spike_times") for entry in session.left_out)


def test_nwb_reads_or_lists_everything(tmp_path, spikes):
    """Ragged columns, two series of one name, stimuli and tables of intervals."""
    pynwb = pytest.importorskip("pynwb")
    settings = write_nwb(tmp_path / "a.nwb", *spikes[:3])

    def series(name, scale):
        return pynwb.TimeSeries(name=name, data=scale * np.arange(300.0), unit="V", rate=20.0)

    with pynwb.NWBHDF5IO(str(tmp_path / "a.nwb"), "r+") as handle:
        file = handle.read()
        licks = [[0.1] * k for k in range(5)]
        ends = np.cumsum([len(row) for row in licks])
        values = [time for row in licks for time in row]
        file.trials.add_column("licks", "times", data=values, index=ends.tolist())
        file.create_processing_module("behavior", "b").add(series("lfp", -1.0))
        file.add_stimulus(series("light", 1.0))
        file.add_time_intervals(pynwb.epoch.TimeIntervals(name="blocks", description="b"))
        handle.write(file)
    session = read_session(tmp_path / "a.nwb", {**settings, **BINS})
    np.testing.assert_array_equal(session.recording.states, spikes[3])
    left = " ".join(session.left_out)
    for name in ("trials.licks", "lfp (", "behavior.lfp (", "stimulus.light", "intervals.blocks"):
        assert name in left
    window = {"align": "start_time", "window": [0, 500]}
    session = read_session(tmp_path / "a.nwb", {"variable": "lfp", **window})
    assert session.recording.states.min() >= 0


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


SPIKE_CASES = {
    "no unit of time": ({"time_unit": None}, "a unit of time for 'times'"),
    "no window": ({"window": None}, "a window and a bin"),
    "another window": ({"window": [5000, 6000]}, "spikes of .* in the window"),
    "wrong unit of time": (
        {"time_unit": "ms", "window": [100, 1000]},
        "spikes of .* in the window",
    ),
    "no trials": ({"spikes": NAMES}, "the trials of .*, which is one piece"),
    "other trials": ({"trials": "table.csv"}, "spikes of the 2 trials that are listed"),
    "a trial twice": ({"trials": "twice.csv"}, "distinct trials .* got 6 trials of which 5"),
    "zeros for times by trial": ({"align": "go"}, "no align for spikes"),
    "bins without number": ({"bin": 1e-6}, "at most 1,000,000 bins"),
    "an endless window": ({"window": [0, float("inf")]}, "of finite width"),
    "a time step": ({"dt": 10.0, "valid": "ok"}, "keys that apply .* got valid, dt"),
}


@pytest.mark.parametrize("case", SPIKE_CASES)
def test_what_is_wrong_with_spikes_is_said(tmp_path, spikes, case, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text("side\nleft\nright\n")
    (tmp_path / "twice.csv").write_text("trial\n0\n1\n2\n3\n4\n4\n")
    change, message = SPIKE_CASES[case]
    settings = {**write_listed(tmp_path / "a.npz", *spikes[:3]), **BINS}
    with pytest.raises(InputError, match=message):
        read_session("a.npz", {**settings, **change})


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


@pytest.mark.parametrize("name", ["unit", "unit_ids"])
def test_the_unit_of_each_spike_is_no_list_of_units(tmp_path, spikes, name):
    times, unit, trial, counts = spikes
    np.savez(tmp_path / "a.npz", **{"t": times, name: unit, "trial": trial})
    settings = {"spikes": {"times": "t", "units": name, "trials": "trial"}, "time_unit": "s"}
    session = read_session(tmp_path / "a.npz", {**settings, **BINS})
    np.testing.assert_array_equal(session.recording.states, counts)
    np.savez(tmp_path / "a.npz", t=times, u=unit, trial=trial, **{name: [0, 1, 2, 2]})
    settings["spikes"]["units"] = "u"
    with pytest.raises(InputError, match=r"distinct units .* got 4 units of which 3"):
        read_session(tmp_path / "a.npz", {**settings, **BINS})


def test_cells_of_spikes_take_no_zeros_of_trials(tmp_path, spikes):
    settings = {**write_cells(tmp_path / "a.mat", *spikes[:3]), **BINS}
    with pytest.raises(InputError, match="no align for spikes"):
        read_session(tmp_path / "a.mat", {**settings, "align": "go"})


def test_trials_of_listed_spikes_keep_their_labels(tmp_path, spikes):
    """Sessions that lack other trials are not matched by order."""
    times, unit, trial, _ = spikes
    recordings = {}
    for name, missing in {"a": 1, "b": 3}.items():
        kept = trial != missing
        settings = write_listed(tmp_path / f"{name}.npz", times[kept], unit[kept], trial[kept])
        session = read_session(tmp_path / f"{name}.npz", {**settings, **BINS})
        recordings[name] = session.recording
    assert recordings["a"].trial_labels == (0, 2, 3, 4)
    with pytest.raises(InputError, match="label"):
        warpline.compare(recordings["a"], recordings["b"])


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


UNFIT_TIMES = {
    "complex": lambda times: times + 0j,
    "truth values": lambda times: times > 1,
    "text": lambda times: times.astype(str),
    "dates": lambda times: times.astype("M8[s]"),
    "no spike": lambda times: times[:0],
}


@pytest.mark.parametrize("case", UNFIT_TIMES)
def test_times_are_numbers(tmp_path, case):
    times = UNFIT_TIMES[case](np.arange(9.0))
    columns = {
        "times": times,
        "units": np.zeros(len(times), int),
        "trial": np.zeros(len(times), int),
    }
    np.savez(tmp_path / "a.npz", **columns)
    spikes = {"times": "times", "units": "units", "trials": "trial"}
    settings = {"spikes": spikes, "time_unit": "ms", "bin": 1, "window": [0, 9]}
    with pytest.raises(InputError, match=r"expected (numbers as times|times of spikes)"):
        read_session(tmp_path / "a.npz", settings)


def test_what_would_count_twice_or_lose_a_part_is_refused(tmp_path, rng):
    """Zeros of trials that are one, a label that stands twice, and complex numbers in cells."""
    np.savez(tmp_path / "a.npz", times=np.arange(9), units=np.zeros(9, int), go=np.zeros(3))
    settings = {"spikes": NAMES, "time_unit": "ms", "align": "go", "bin": 1, "window": [0, 9]}
    with pytest.raises(InputError, match="a zero of its own for each trial"):
        read_session(tmp_path / "a.npz", settings)
    days = xr.DataArray(
        rng.normal(size=(2, 3, 4, 5)), dims=("day", "trial", "time", "unit"), name="x"
    )
    days.assign_coords(day=[1, 1]).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(InputError, match="got 1, 2 times"):
        read_session(tmp_path / "a.nc", {"select": {"day": 1}})
    cells = np.empty(2, dtype=object)
    cells[:] = [np.ones((3, 2)) * 1j, np.ones((4, 2))]
    savemat(tmp_path / "a.mat", {"rates": cells})
    with pytest.raises(InputError, match=r"a readable \.mat file"):
        read_session(tmp_path / "a.mat", {"dt": 10.0})


def test_cells_of_trials_may_be_of_any_length(tmp_path, rng):
    trials = np.empty(3, dtype=object)
    for k, length in enumerate((12, 9, 15)):
        trials[k] = rng.normal(size=(length, 2))
    savemat(tmp_path / "a.mat", {"rates": trials})
    session = read_session(tmp_path / "a.mat", {"dt": 10.0})
    assert session.recording.lengths == (12, 9, 15)
    np.testing.assert_array_equal(session.recording.trials[1], trials[1])


TABLES = {
    "a comment above": ("# of the rig\nstim,side\n" + "img#1,l\nimg#2,r\n" * 3, ["stim"], 2),
    "# within a value": ("stim,side\n" + "img#1,l\nimg#2,r\n" * 3, ["stim", "side"], 2),
    "# first in a row": ("stim,side\n" + "#1,l\n#2,r\n" * 3, ["side"], 2),
    "large whole numbers": ("stim\n" + "1000001\n1000002\n1000003\n" * 2, ["stim"], 3),
    "a comma at each end": ("side,coh\n" + "l,1,\nr,2,\n" * 3, ["side"], "as many values in each row"),
    "a name too few": ("side,coh\n" + "A,l,1\nB,r,2\n" * 3, ["side"], "as many values in each row"),
    "numbers that print alike": (
        "f\n" + "0.1234561\n0.1234562\n" * 3, ["f"], "differ in their first six digits",
    ),
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


@pytest.mark.parametrize("value", ["False", np.nan, 2, -1])
def test_a_mask_holds_truth_values(value, tmp_path, states):
    np.savez(tmp_path / "a.npz", rates=states, mask=np.full((TRIALS, TIMES), value))
    settings = {"axes": ["trial", "time", "unit"], "variable": "rates", "valid": "mask"}
    with pytest.raises(InputError, match="truth values, or 0 and 1"):
        read_session(tmp_path / "a.npz", settings)
