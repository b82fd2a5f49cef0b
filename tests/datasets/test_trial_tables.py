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
)

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
