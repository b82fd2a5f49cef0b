"""Arrays from outside: each container is read right, or refused with what was expected and got."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from similarity.test_settings_of_entries import DRIVEN, DSA, FITS, SETTINGS

import warpline
from warpline.similarity import dsa
from warpline.similarity.input_errors import InputError
from warpline.similarity.recordings import as_recording

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 10, 3))


def masked(hidden):
    return np.ma.masked_array(X, mask=hidden)


def hide(*index):
    mask = np.zeros(X.shape, dtype=bool)
    mask[index] = True
    return mask


def labelled(dims=("trial", "time", "unit"), **coords):
    axes = [("trial", "time", "unit").index(d if d in ("trial", "time") else "unit") for d in dims]
    return xr.DataArray(X.transpose(axes), dims=dims, coords=coords)


class Awkward(list):
    """A sequence whose type lives in a module named awkward, as an ak.Array's does."""


Awkward.__module__ = "awkward.highlevel"

READ = {
    "float64": (X, {}),
    "float32": (X.astype(np.float32), {}),
    "float16": (X.astype(np.float16), {}),
    "integers": ((X * 100).astype(np.int16), {}),
    "unsigned": ((abs(X) * 100).astype(np.uint8), {}),
    "bool": (X > 0, {}),
    "big endian": (X.astype(">f8"), {}),
    "fortran": (np.asfortranarray(X), {}),
    "reversed view": (X[:, ::-1, ::-1], {}),
    "read only": (np.frombuffer(X.tobytes()).reshape(X.shape), {}),
    "one trial": (X[0], {}),
    "one unit": (X[..., :1], {}),
    "nested lists": (X.tolist(), {}),
    "list of trials": (list(X), {}),
    "tuple of trials": (tuple(X), {}),
    "object array": (np.array([*X, None], dtype=object)[:-1], {}),
    "awkward": (Awkward(X), {}),
    "masked, nothing hidden": (masked(False), {}),
    "data array": (labelled(), {}),
    "data array, other order": (labelled(("unit", "trial", "time")), {}),
    "channels": (labelled(("time", "channel", "trial")), {}),
    "a variable of xarray": (labelled(("time", "unit", "trial")).variable, {}),
    "renamed": (labelled(("trial", "time", "neuron")), {"dims": {"neuron": "unit"}}),
    "tensor": (torch.tensor(X), {}),
    "gradients": (torch.tensor(X, requires_grad=True), {}),
    "bfloat16": (torch.tensor(X).bfloat16(), {}),
    "half": (torch.tensor(X).half(), {}),
    "tensors": ([torch.tensor(x) for x in X], {}),
    "tiny": (X * 5e-14, {}),
    "tiniest": (X * 1e-300, {}),
    "huge": (X * 1e300, {}),
}


def plain(value):
    """Return a value of `READ` as an ordinary array (trial, time, unit)."""
    if isinstance(value, torch.Tensor):
        value = value.detach().double().numpy()
    elif isinstance(value, xr.DataArray):
        value = X
    elif isinstance(value, xr.Variable):
        value = value.transpose("trial", "time", "unit").values
    array = np.array([np.asarray(trial, dtype=float) for trial in value])
    return array[None] if array.ndim == 2 else array


@pytest.mark.parametrize("name", READ)
def test_what_can_be_read_is_read(name):
    value, options = READ[name]
    recording = as_recording(value, **options)
    expected = plain(value)
    np.testing.assert_array_equal(recording.states, expected)
    assert all(trial.dtype == np.float64 and trial.flags.c_contiguous for trial in recording.trials)


@pytest.mark.parametrize(
    ("value", "spacing"),
    [
        (X, 2**-52),
        (X.astype(np.float32), 2**-23),
        (X.astype(np.float16), 2**-10),
        (torch.tensor(X).bfloat16(), 2**-7),
        ((X * 100).astype(int), 0.0),
        ([X[0], X[1].astype(np.float32)], 2**-23),
    ],
)
def test_the_spacing_of_the_source_is_kept(value, spacing):
    assert as_recording(value).precision == spacing


# As scipy.io.loadmat gives a cell array with a trial in each cell.
CELLS = np.empty((len(X), 1), dtype=object)
for k in range(len(X)):
    CELLS[k, 0] = X[k]

REFUSED = {
    "a network": (lambda inputs: X, {}, "which can be called as a network. Run it on inputs first"),
    "complex": (X + 1j, {}, "real numbers in states; got values of type complex128"),
    "complex tensor": (torch.tensor(X + 1j), {}, "real numbers"),
    "strings": (X.astype(str), {}, "real numbers"),
    "dates": (X.astype("datetime64[s]"), {}, "real numbers"),
    "none": (None, {}, "real numbers"),
    "cells of MATLAB": (CELLS, {}, r"type object. Of cells .* give list\(cells.ravel\(\)\)"),
    "a row of cells": (CELLS.T, {}, r"give list\(cells.ravel\(\)\)"),
    "a number": (3.0, {}, r"\(trial, time, unit\) for states; got \(\)"),
    "a vector": (X[0, 0], {}, "missing axes"),
    "four axes": (X[None], {}, "Select one system"),
    "no trials": (X[:0], {}, "An axis is empty"),
    "no times": (X[:, :0], {}, "An axis is empty"),
    "no units": (X[..., :0], {}, "An axis is empty"),
    "no list": ([], {}, "missing axes"),
    "ragged lists": ([[[1.0, 2.0]], [[1.0]]], {}, "Give an array, or a list"),
    "units differ": ([X[0], X[0, :, :2]], {}, "2 and 3 units"),
    "a trial of one axis": ([X[0], X[0, 0]], {}, "trial 1 of states"),
    "nan": (np.where(hide(1, 2, 0), np.nan, X), {}, "first at trial 1, time 2, unit 0"),
    "infinite": (np.where(hide(3, 0, 1), np.inf, X), {}, "first at trial 3, time 0, unit 1"),
    "nan in a trial": ([X[0], np.full((3, 3), np.nan)], {}, "first at trial 1, time 0"),
    "a unit hidden": (masked(hide(slice(None), slice(None), 0)), {}, "some units of a time"),
    "a gap": (masked(hide(2, 4)), {}, "a gap inside trial 2"),
    "a start hidden": (masked(hide(0, 0)), {}, "a gap inside trial 0"),
    "a trial hidden": (masked(hide(1)), {}, "trial 1 without any"),
    "valid of another shape": (X, {"valid": np.ones((4, 9), bool)}, r"bool \(trial, time\)"),
    "valid of numbers": (X, {"valid": np.ones((4, 10))}, "float64 of shape"),
    "valid beside a list": (list(X), {"valid": np.ones((4, 10), bool)}, "no mask"),
    "other dims": (labelled(("trial", "time", "neuron")), {}, "dims={'neuron': 'unit'}"),
    "no time": (labelled()[:, 0], {}, "got trial, unit"),
    "unknown dims": (labelled(), {"dims": {"neuron": "unit"}}, "Correct dims"),
    "dims without names": (X, {"dims": {"neuron": "unit"}}, "got ndarray"),
    "a dataset": (xr.Dataset({"a": labelled()}), {}, "Select a variable"),
    "a label missing": (labelled(trial=["a", None, "c", "d"]), {}, "1 of 4 without one.*trial 1"),
    "an empty label": (labelled(trial=["a", " ", "c", "d"]), {}, "1 of 4 without one.*trial 1"),
    "a label missing in a list": (
        [labelled(trial=["a", "b", None, "d"])[k] for k in range(4)],
        {},
        "each trial of states; got 1 of 4 without one.*trial 2",
    ),
    "a number missing": (labelled(trial=[0, 1, np.nan, 3]), {}, "1 of 4 without one.*trial 2"),
    "labels repeated": (labelled(trial=[0, 0, 1, 2]), {}, "3 are distinct"),
    "a table": (pd.DataFrame(X[0]), {}, "frame.to_numpy"),
    "times in no order": (labelled(time=[0, 2, 1, *range(3, 10)]), {}, "got 2, then 1"),
    "times of two pieces": (labelled(time=[*range(5)] * 2), {}, "got 4, then 0"),
    "a time that is missing": (
        labelled(time=[0, 1, np.nan, *range(3, 10)]),
        {},
        "finite times of states; got nan at time step 2",
    ),
    "a date that is missing": (
        labelled(time=[*pd.date_range("2026-01-01", periods=9), pd.NaT]),
        {},
        "got nan at time step 9",
    ),
    "times without end": (labelled(time=[*range(9), np.inf]), {}, "got inf at time step 9"),
    "one time for all": (labelled(time=[7] * 10), {}, "got 7, then 7"),
    "conditions of other trials": (
        labelled(trial=list("abcd")),
        {"conditions": xr.DataArray([0, 0, 1, 1], dims="trial", coords={"trial": list("dcba")})},
        r"got a, b, c, \.\.\. and d, c, b, \.\.\.",
    ),
    "conditions of other trials, by pandas": (
        labelled(trial=list("abcd")),
        {"conditions": pd.Series([0, 0, 1, 1], index=list("dcba"))},
        "the trial labels of states and of its conditions",
    ),
    "conditions of trials selected by pandas": (
        labelled(trial=[0, 1, 2, 3]),
        {"conditions": pd.Series([0, 0, 1, 1] * 2)[pd.RangeIndex(8) > 3]},
        r"got 0, 1, 2, \.\.\. and 4, 5, 6, \.\.\.",
    ),
    "conditions in the order of labels": (
        labelled(trial=[1, 0, 3, 2]),
        {
            "conditions": pd.DataFrame({"trial": range(4), "side": [0, 0, 1, 1]})
            .set_index("trial")
            .side
        },
        r"got 1, 0, 3, \.\.\. and 0, 1, 2, \.\.\.",
    ),
    "conditions in another order of the same numbers": (
        labelled(trial=[1, 0, 3, 2]),
        {"conditions": pd.Series([0, 0, 1, 1])},
        r"got 1, 0, 3, \.\.\. and 0, 1, 2, \.\.\.",
    ),
    "an array of conditions made by pandas": (
        labelled(trial=[5, 4, 3, 2]),
        {
            "conditions": xr.DataArray(
                pd.Series([0, 0, 1, 1], index=pd.RangeIndex(2, 6, name="trial"))
            )
        },
        r"got 5, 4, 3, \.\.\. and 2, 3, 4, \.\.\.",
    ),
    "conditions of arrays": (X, {"conditions": [np.zeros(2)] * 4}, "several of a trial"),
    "conditions of mappings": (X, {"conditions": [{}] * 4}, "several of a trial"),
    "conditions of which one is missing": (X, {"conditions": [1, 2, None, 3]}, "missing ones"),
    "conditions of which one is empty": (X, {"conditions": ["a", "", "b", "a"]}, "missing ones"),
    "conditions that pandas misses": (X, {"conditions": [pd.NA] * 4}, "missing ones"),
    "inputs of other times": (X, {"inputs": X[:, 1:]}, "as long as the states"),
    "inputs of other trials": (X, {"inputs": X[1:]}, "3 trials of 10 times"),
    "inputs of other labels": (
        labelled(trial=list("abcd")),
        {"inputs": labelled(trial=list("abdc"))},
        "'c' and 'd' at trial 2",
    ),
    "a sparse tensor": (torch.tensor(X).to_sparse(), {}, "a sparse one"),
    "a quantised tensor": (
        torch.quantize_per_tensor(torch.tensor(X).float(), 0.1, 0, torch.qint8),
        {},
        "a quantised one",
    ),
    "a nested tensor": (torch.nested.nested_tensor([torch.tensor(X[0])]), {}, "a nested one"),
    "inputs of other times of the clock": (
        labelled(time=range(10)),
        {"inputs": labelled(time=range(1, 11))},
        "0 to 9 in 10 steps and 1 to 10 in 10 steps",
    ),
    "a mask of other times": (
        labelled(time=range(10)),
        {"valid": labelled(time=range(5, 15)).isel(unit=0, drop=True) < np.inf},
        "0 to 9 in 10 steps and 5 to 14 in 10 steps",
    ),
    "inputs of another day": (
        labelled(time=np.datetime64("2026-01-01") + np.arange(10)),
        {"inputs": labelled(time=np.datetime64("2026-01-02") + np.arange(10))},
        "1767225600 to 1768003200 in 10 steps and 1767312000 to 1768089600",
    ),
    "nan in inputs": (X, {"inputs": np.full((4, 10, 1), np.nan)}, "finite inputs of states"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused(name):
    value, options, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        as_recording(value, **options)


def test_trials_that_end_early():
    lengths = [10, 7, 9, 1]
    valid = np.arange(10) < np.array(lengths)[:, None]
    padded = np.where(valid[..., None], X, np.nan)
    ways = [
        as_recording(padded, valid=valid),
        as_recording(padded, valid=xr.DataArray(valid.T, dims=("time", "trial"))),
        as_recording(np.ma.masked_invalid(padded)),
        as_recording([x[:n] for x, n in zip(X, lengths, strict=True)]),
    ]
    for recording in ways:
        assert recording.lengths == (10, 7, 9, 1)
        for trial, x, n in zip(recording.trials, X, lengths, strict=True):
            np.testing.assert_array_equal(trial, x[:n])
        with pytest.raises(InputError, match="1 to 10 times"):
            _ = recording.states


def test_labels_are_kept():
    assert as_recording(labelled(trial=list("abcd"))).trial_labels == ("a", "b", "c", "d")
    assert as_recording(labelled()).trial_labels is None


def test_no_copy_is_made_of_what_can_be_used_as_it_is():
    recording = as_recording(X)
    assert recording.states is X
    assert as_recording(recording) is recording


def test_a_view_of_other_memory_is_not_taken_for_the_states():
    base = RNG.normal(size=(4, 10, 3))
    as_integers = base.view(np.int64)
    recording = as_recording(as_integers.view(np.float64))
    np.testing.assert_array_equal(recording.states, base)
    same_trial_twice = as_recording([base[0], base[0]])
    np.testing.assert_array_equal(same_trial_twice.states[1], base[0])


def test_repr_is_one_line():
    assert repr(as_recording(X, name="rat")) == "<Recording 'rat': 4 trials of 10 times, 3 units>"


def readable(value, options):
    """Return what an entry point takes: a recording where the container needs options."""
    return as_recording(value, **options) if options else value


ENTRIES = {
    "compare by cka": lambda x: warpline.compare(x, x, measure="cka")["dissimilarity"],
    "compare by procrustes": lambda x: warpline.compare(x, x, measure="procrustes")["similarity"],
    "compare by dsa": lambda x: warpline.compare(x, x, measure="dsa", n_delays=2, rank=3)[
        "rank_used"
    ],
    "dsa": lambda x: dsa.dsa(x, x, n_delays=2, rank=2).dissimilarity,
    "fit_operator": lambda x: abs(dsa.fit_operator(x, n_delays=2, rank=2).matrix),
    "select_rank": lambda x: dsa.select_rank(x, n_delays=2, ranks=[1, 2]).aic,
    "choose_dsa": lambda x: warpline.choose_dsa({"x": x}, ranks=[1, 2], n_delays=[1, 2]).score,
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:expected a setting of DSA", "ignore:expected states that carry")
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("name", READ)
def test_every_entry_point_reads_it_as_the_plain_array(name, entry):
    value, options = READ[name]
    if name == "one trial" and entry in ("select_rank", "choose_dsa"):
        with pytest.raises(InputError, match="two trials"):
            ENTRIES[entry](value)
        return
    # The plain array forgets the type that the states came in, and with it the tolerance of the rank:
    # at these sizes no rank depends on it. Its scale is 1, which no result may depend on.
    scale = 10.0 ** {"tiny": 14, "tiniest": 300, "huge": -300}.get(name, 0)
    expected = ENTRIES[entry](plain(value) * scale)
    result = ENTRIES[entry](readable(value, options))
    if entry == "select_rank":
        expected, result = np.diff(expected), np.diff(result)
    np.testing.assert_allclose(result, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("name", [name for name in REFUSED if not REFUSED[name][1]])
def test_every_entry_point_refuses_it(name, entry):
    value, _, _ = REFUSED[name]
    with pytest.raises(InputError):
        ENTRIES[entry](value)


def test_the_page_of_reliability_counts_these_tables(project):
    section = (project / "docs" / "reliability.md").read_text().split("## Arrays from outside")[1]
    counts = [
        (int(tried), int(of)) for tried, of in re.findall(r"(\d+) x (\d+) entry points", section)
    ]
    refused = sum(not options for _, options, _ in REFUSED.values())
    entries = len(ENTRIES)
    assert counts == [(len(READ), entries), (refused, entries), (len(SETTINGS), len(FITS))]


UNEQUAL = xr.DataArray(
    X, dims=("trial", "time", "unit"), coords={"time": np.arange(X.shape[1]) ** 2.0}
)


def test_steps_of_unequal_length_are_refused_where_a_step_is_mapped_to_the_next():
    jittered = UNEQUAL.assign_coords(
        time=np.arange(X.shape[1]) + 0.04 * np.sin(np.arange(X.shape[1]))
    )
    assert (
        warpline.compare(jittered, -X, **DSA)["dissimilarity"]
        == warpline.compare(X, -X, **DSA)["dissimilarity"]
    )
    for measure in ("cka", "procrustes"):
        assert (
            warpline.compare(UNEQUAL, -X, measure)["dissimilarity"]
            == warpline.compare(X, -X, measure)["dissimilarity"]
        )
    for call in (
        lambda: warpline.compare(UNEQUAL, UNEQUAL, **DSA),
        lambda: warpline.compare(UNEQUAL, UNEQUAL, **DSA, split="halves"),
        lambda: warpline.compare(UNEQUAL, UNEQUAL, **DRIVEN),
        lambda: warpline.choose_dsa([UNEQUAL]),
        lambda: dsa.select_rank(UNEQUAL, n_delays=1, ranks=[1]),
        lambda: dsa.fit_operator(UNEQUAL, n_delays=1, rank=1),
    ):
        with pytest.raises(InputError, match=r"equal time steps in .* got steps from"):
            call()


@pytest.mark.parametrize(
    ("offset", "fits"), [(0.4, True), (-0.4, True), (0.6, False), (-0.6, False)]
)
def test_times_may_differ_by_half_a_step_where_they_are_matched(offset, fits):
    """docs/your_data.md and docs/reliability.md say so; DSA matches no times, and takes both."""
    times = 10.0 * np.arange(X.shape[1])
    systems = (labelled(time=times), labelled(time=times + 10 * offset))
    assert warpline.compare(*systems, measure="dsa", n_delays=1, rank=2)["status"] != "failed"
    if fits:
        assert warpline.compare(*systems, measure="cka")["dissimilarity"] < 1e-7
    else:
        with pytest.raises(InputError, match="same times in all systems"):
            warpline.compare(*systems, measure="cka")


def test_times_of_object_type_are_read():
    times = np.arange(X.shape[1], dtype=float)
    systems = [labelled(time=moved.astype(object)) for moved in (times, times + 5)]
    with pytest.raises(InputError, match="same times in all systems"):
        warpline.compare(*systems, measure="cka")


@pytest.mark.parametrize("settings", [DSA, DRIVEN], ids=["dsa", "dsa_input"])
def test_the_callers_default_device_does_not_matter(settings):
    expected = warpline.compare(X, -X[:, ::-1], **settings)["dissimilarity"]
    # Tensors on this device hold no values: any that is made there would be an error.
    with torch.device("meta"):
        assert warpline.compare(X, -X[:, ::-1], **settings)["dissimilarity"] == expected


@pytest.mark.parametrize("measure", ["cka", "procrustes"])
def test_two_samples_are_refused(rng, measure):
    x, y = rng.normal(size=(2, 2, 1, 8))
    with pytest.raises(ValueError, match="at least 3 samples"):
        warpline.compare(x, y, measure=measure)


@pytest.mark.gpu
@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_point_reads_tensors_of_a_gpu(entry, cuda):
    np.testing.assert_allclose(ENTRIES[entry](torch.tensor(X, device=cuda)), ENTRIES[entry](X))


ORDERED = xr.DataArray(X, dims=("trial", "time", "unit"), coords={"trial": range(len(X))})
MASK = np.ones(X.shape[:2], bool)
TWO = [0, 1] * (len(X) // 2) + [0] * (len(X) % 2)
OVERLOOKED = {
    "a mask for a Recording": lambda: as_recording(as_recording(X), valid=MASK),
    "dims for a Recording": lambda: as_recording(as_recording(X), dims={"a": "unit"}),
    "a mask in another order": lambda: as_recording(
        ORDERED,
        valid=xr.DataArray(MASK, dims=("trial", "time"), coords={"trial": range(len(X))[::-1]}),
    ),
    "a mask of other dimensions": lambda: as_recording(
        ORDERED, valid=xr.DataArray(MASK, dims=("a", "time"))
    ),
    "trials with their units in another order": lambda: as_recording(
        [
            xr.DataArray(trial, dims=("time", "unit"), coords={"unit": labels})
            for trial, labels in zip(
                X[:2],
                (range(X.shape[2]), range(X.shape[2])[::-1]),
                strict=True,
            )
        ]
    ),
    "numbers beyond double precision": lambda: as_recording(
        X.astype(np.longdouble) * np.longdouble("1e4000")
    ),
    "1 and '1' as conditions": lambda: as_recording(X, conditions=[1, *map(str, TWO[1:])]),
    "one condition": lambda: as_recording(X, conditions=5),
    "a text of conditions": lambda: as_recording(X, conditions="a" * len(X)),
    "a set of conditions": lambda: as_recording(X, conditions=set(range(len(X)))),
    "NaN as a condition": lambda: as_recording(X, conditions=[np.nan] * len(X)),
    "None as a condition": lambda: as_recording(X, conditions=[None] * len(X)),
    "masked conditions": lambda: as_recording(
        X, conditions=np.ma.array(TWO, mask=[True] + [False] * (len(TWO) - 1))
    ),
    "two columns of conditions": lambda: as_recording(X, conditions=np.zeros((len(X), 2))),
    "names of systems that print alike": lambda: warpline.compare({1: X, "1": X, 2: X}),
    "such names in a choice": lambda: warpline.choose_dsa({1: X, "1": X, 2: X}),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", OVERLOOKED)
def test_nothing_that_is_given_is_overlooked(name):
    with pytest.raises(InputError):
        OVERLOOKED[name]()


def test_times_with_the_label_of_their_trial_are_cut_into_trials():
    """As xarray's groupby does, which leaves the labels along time."""
    of_times = xr.DataArray(
        X.reshape(40, 3),
        dims=("time", "unit"),
        coords={"trial": ("time", np.repeat([3, 1, 0, 2], 10))},
    )
    with pytest.raises(
        InputError, match=r"one trial in states.*4 labels of trials along time.*groupby"
    ):
        as_recording(of_times)
    recording = as_recording([trial for _, trial in of_times.groupby("trial")])
    np.testing.assert_array_equal(recording.states, X[[2, 1, 3, 0]])
    assert recording.trial_labels == (0, 1, 2, 3)
    np.testing.assert_array_equal(as_recording(of_times[:10]).states, X[:1])


def test_a_centred_recording_has_no_mean(rng):
    trials = [rng.normal(size=(n, 3)) + np.array([5.0, 0, -2]) for n in (4, 9)]
    mean = np.concatenate(trials).mean(axis=0)
    recording = as_recording(trials, conditions=["left", "right"], name="monkey")
    centred = recording.centred()
    for trial, before in zip(centred.trials, trials, strict=True):
        np.testing.assert_allclose(trial, before - mean, atol=1e-14)
    assert centred.conditions == ("left", "right") and centred.name == "monkey"
    # A sum of such states is beyond double precision.
    large = as_recording([np.ldexp(trial, 1020) for trial in trials]).centred()
    for trial, before in zip(large.trials, centred.trials, strict=True):
        np.testing.assert_array_equal(trial, np.ldexp(before, 1020))


def test_a_centred_recording_has_the_spacing_of_the_states_as_they_came(rng):
    """Baselines a thousand times the signal leave it single precision less three digits."""
    states = rng.normal(size=(6, 20, 3)) + np.array([1000.0, -1000, 1000])
    recording = as_recording(states.astype(np.float32))
    ratio = recording.centred().precision / np.finfo(np.float32).eps
    assert ratio == pytest.approx(1000, rel=0.1)
