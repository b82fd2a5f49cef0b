"""Sessions of NWB: conditions, series, and everything else that such a file holds."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from recording_files import (
    BINS,
    ZEROS,
    write_nwb,
)

from warpline.datasets.sessions import read_session


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


def test_a_column_of_trials_may_count_anew_in_each_block(tmp_path, spikes):
    pynwb = pytest.importorskip("pynwb")
    settings = write_nwb(tmp_path / "a.nwb", *spikes[:3])
    with pynwb.NWBHDF5IO(str(tmp_path / "a.nwb"), "r+") as handle:
        file = handle.read()
        file.trials.add_column("trial", "in its block", data=[0, 1, 2, 0, 1])
        handle.write(file)
    session = read_session(tmp_path / "a.nwb", {**settings, **BINS})
    assert session.recording.trial_labels is None
    np.testing.assert_array_equal(session.recording.states, spikes[3])


@pytest.mark.parametrize("stored", ["int16", "float32"])
def test_series_are_in_their_unit(tmp_path, rng, stored):
    """Channels were compared in their raw numbers, in which each has another unit."""
    pynwb = pytest.importorskip("pynwb")
    session = datetime(2024, 1, 1, tzinfo=UTC)
    file = pynwb.NWBFile("session", "a", session)
    device = file.create_device("probe")
    group = file.create_electrode_group("shank", "s", "cortex", device)
    for _ in range(3):
        file.add_electrode(group=group, location="cortex")
    raw = (100 * rng.normal(size=(40, 3))).astype(stored)
    factors = np.array([1.0, 0.5, 4.0])
    file.add_acquisition(
        pynwb.ecephys.ElectricalSeries(
            name="lfp",
            data=raw,
            electrodes=file.create_electrode_table_region([0, 1, 2], "all"),
            rate=100.0,
            conversion=0.25,
            offset=2.0,
            channel_conversion=factors,
        )
    )
    with pynwb.NWBHDF5IO(str(tmp_path / "a.nwb"), "w") as handle:
        handle.write(file)
    recording = read_session(tmp_path / "a.nwb", {"variable": "lfp"}).recording
    expected = raw * 0.25 * factors + 2.0
    np.testing.assert_allclose(recording.states[0], expected, rtol=1e-6)
    assert recording.precision == np.finfo("float32" if stored == "float32" else "float64").eps
