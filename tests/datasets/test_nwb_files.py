"""Sessions of NWB: conditions, series, and everything else that such a file holds."""

from __future__ import annotations

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
