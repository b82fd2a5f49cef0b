"""Spikes from files: every layout gives the same counts; trials keep their ends, units and labels."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from recording_files import (
    BINS,
    NAMES,
    SPIKES,
    ZEROS,
    write_cells,
    write_listed,
    write_one_piece,
)
from scipy.io import savemat

import warpline
from warpline.datasets.sessions import read_session
from warpline.similarity.input_errors import InputError


@pytest.mark.slow
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


BY_TRIAL = {
    "spikes": {"times": "times", "units": "units", "trials": "trials"},
    "time_unit": "s",
    **BINS,
}


def write_by_trial(path, names, **further):
    """Write spikes of two units; trial k has 2 + k of each, in the given order of trials."""
    times, units, trials = [], [], []
    for k, name in enumerate(names):
        for unit in (0, 1):
            times += list(np.linspace(0.05, 0.95, 2 + k))
            units += [unit] * (2 + k)
            trials += [name] * (2 + k)
    np.savez(path, times=times, units=units, trials=trials, **further)


@pytest.mark.parametrize("names", [["t1", "t10", "t2"], [7, 3, 9], [2, 4, 6]])
def test_values_by_trial_need_the_order_of_the_trials(tmp_path, names):
    path, side = tmp_path / "a.npz", ["left", "right", "back"]
    write_by_trial(path, names, side=side)
    settings = {**BY_TRIAL, "conditions": ["side"]}
    with pytest.raises(InputError, match="the order of the trials in 'side'"):
        read_session(path, settings)
    # A list in the file, or a table, says it.
    write_by_trial(path, names, side=side, trial=names)
    listed = read_session(path, settings).recording
    lines = [f"{name},{value}\n" for name, value in zip(names, side, strict=True)]
    (tmp_path / "a.csv").write_text("trial,side\n" + "".join(lines))
    write_by_trial(path, names)
    by_table = read_session(path, {**settings, "trials": tmp_path / "a.csv"}).recording
    for recording in (listed, by_table):
        assert recording.trial_labels == tuple(names)
        assert recording.conditions == ("side=left", "side=right", "side=back")
        assert [int(trial.sum()) for trial in recording.trials] == [4, 6, 8]
    # Values of the file beside a table of other trials have no order.
    write_by_trial(path, names, end=[0.9, 0.8, 0.7])
    with pytest.raises(InputError, match="the order of the trials in 'end'"):
        read_session(path, {**BY_TRIAL, "trials": tmp_path / "a.csv", "until": "end"})


def test_values_by_trial_stand_at_its_number(tmp_path):
    write_by_trial(tmp_path / "a.npz", [2, 1, 3], side=["one", "two", "three"])
    recording = read_session(tmp_path / "a.npz", {**BY_TRIAL, "conditions": ["side"]}).recording
    assert recording.conditions == ("side=one", "side=two", "side=three")
    assert [int(trial.sum()) for trial in recording.trials] == [6, 4, 8]


@pytest.mark.parametrize("column", ["Trial", " trial", "trials"])
def test_a_column_that_could_be_that_of_trials_is_refused(tmp_path, column):
    write_by_trial(tmp_path / "a.npz", [0, 1, 2])
    (tmp_path / "a.csv").write_text(f"{column},side\n2,left\n0,right\n1,left\n")
    settings = {**BY_TRIAL, "conditions": ["side"], "trials": tmp_path / "a.csv"}
    with pytest.raises(InputError, match="in a column 'trial'"):
        read_session(tmp_path / "a.npz", settings)


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


def test_an_end_in_single_precision_loses_no_bin(tmp_path, spikes):
    times, unit, trial, _ = spikes
    # 899.99998 ms, when read as a double.
    stop = np.full(5, 0.9, dtype=np.float32)
    np.savez(tmp_path / "a.npz", times=times, units=unit, trials=trial, stop=stop)
    settings = {"spikes": {**NAMES, "trials": "trials"}, "time_unit": "s", "until": "stop"}
    session = read_session(tmp_path / "a.npz", {**settings, "bin": 20, "window": [0, 1000]})
    assert session.recording.lengths == (45,) * 5


def test_no_trial_is_late_enough_and_without_a_whole_bin(tmp_path, spikes):
    """(100.999 - 100) / 1 + 0.001 is below 1, while 101 - 0.001 is no more than the end."""
    times, unit, trial, _ = spikes
    stop = np.full(5, 100.999)
    np.savez(tmp_path / "a.npz", times=1000 * times, units=unit, trials=trial, stop=stop)
    settings = {"spikes": {**NAMES, "trials": "trials"}, "time_unit": "ms", "until": "stop"}
    with pytest.raises(InputError, match="until 101 ms or longer; got 5 that end before"):
        read_session(tmp_path / "a.npz", {**settings, "bin": 1, "window": [100, 110]})


def test_a_spike_on_the_first_edge_is_not_lost_on_a_clock(tmp_path):
    zeros = np.array([12.3, 123.457, 5000.123, 10000.001])
    times = (zeros[:, None] + np.arange(-200, 800) / 1000).reshape(-1)
    np.savez(tmp_path / "a.npz", times=times, units=np.zeros(len(times), int), go=zeros)
    settings = {"spikes": NAMES, "time_unit": "s", "align": "go", "bin": 20, "window": [-200, 800]}
    session = read_session(tmp_path / "a.npz", settings)
    np.testing.assert_array_equal(session.recording.states, np.full((4, 50, 1), 20.0))


SPIKE_CASES = {
    "no unit of time": ({"time_unit": None}, "a unit of time for 'times'"),
    "no window": ({"window": None}, "window: a value for spikes"),
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
    "an endless window": ({"window": [0, float("inf")]}, "window: the first and the last time"),
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
