"""Trials of sets: matched by label, by order and by time, or taken as they are."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from turning_systems import DSA, SYSTEMS

import warpline
from warpline.similarity.dsa import dsa, dsa_matrix
from warpline.similarity.input_errors import InputError, SettingsError, TrialError
from warpline.similarity.recordings import as_recording

CONDITIONS = {"conditions": [0, 1] * 4}


def unequal(states, lengths):
    return [trial[:n] for trial, n in zip(states, lengths, strict=True)]


def labelled(states, labels):
    return xr.DataArray(states, dims=("trial", "time", "unit"), coords={"trial": labels})


def timed(states, start, step):
    times = start + step * np.arange(states.shape[1])
    return xr.DataArray(states, dims=("trial", "time", "unit"), coords={"time": times})


def test_trials_of_unequal_length():
    """DSA takes them as they are; states are matched sample by sample, where both have the same times."""
    lengths = [25, 20, 22, 25, 18, 20, 25, 24]
    cut = {name: unequal(states, lengths) for name, states in SYSTEMS.items()}
    by_dsa = warpline.compare(cut, measure="dsa", **DSA)
    assert by_dsa.dissimilarity[0, 1] < 0.1 < by_dsa.dissimilarity[0, 2]
    result = warpline.compare(cut["a"], cut["b"], "procrustes")
    flat = [np.concatenate(cut[name])[None] for name in "ab"]
    assert result["dissimilarity"] == warpline.compare(*flat, "procrustes")["dissimilarity"]
    other = unequal(SYSTEMS["b"], lengths[::-1])
    with pytest.raises(TrialError, match=r"trial 0 of 25 times in x and of 24 in y.*or use dsa"):
        warpline.compare(cut["a"], other, "procrustes")
    assert warpline.compare(cut["a"], other, "dsa", **DSA)["dissimilarity"] < 0.1
    # NaN beyond the end of a trial, with the mask that says so.
    padded = SYSTEMS["a"].copy()
    valid = np.arange(25) < np.array(lengths)[:, None]
    padded[~valid] = np.nan
    masked = warpline.compare(as_recording(padded, valid=valid), cut["c"], "dsa", **DSA)
    assert masked["dissimilarity"] == pytest.approx(by_dsa.dissimilarity[0, 2], abs=1e-9)


def test_times_of_the_clock_are_those_of_all_systems():
    """Measures on matched times need the same times, all others the same step."""
    a, b = (timed(SYSTEMS[name], 0.0, 10.0) for name in "ab")
    plain = warpline.compare(SYSTEMS["a"], SYSTEMS["b"], "procrustes")["dissimilarity"]
    assert warpline.compare(a, b, "procrustes")["dissimilarity"] == plain
    assert warpline.compare(a, SYSTEMS["b"], "procrustes")["dissimilarity"] == plain
    later, seconds = timed(SYSTEMS["b"], 50.0, 10.0), timed(SYSTEMS["b"], 0.0, 0.01)
    with pytest.raises(TrialError, match="0 to 240 in x, 50 to 290 in y"):
        warpline.compare(a, later, "procrustes")
    assert warpline.compare(a, later, "dsa", **DSA)["dissimilarity"] < 0.1
    # Middles of bins and times of single steps.
    assert (
        warpline.compare(a, timed(SYSTEMS["b"], 4.5, 10.0), "procrustes")["dissimilarity"] == plain
    )
    with pytest.raises(TrialError, match="the same times"):
        warpline.compare(a, timed(SYSTEMS["b"], 5.5, 10.0), "procrustes")
    with pytest.raises(TrialError, match=r"10 in x and 0\.01 in y"):
        warpline.compare(a, seconds, "dsa", **DSA)
    for call in (lambda x, y: dsa(x, y, **DSA), lambda *both: dsa_matrix(both, **DSA)):
        with pytest.raises(TrialError, match=r"got 10 in .* and 0\.01 in"):
            call(a, seconds)
    with pytest.raises(TrialError, match=r"10 in system 0 and 0\.01 in system 1"):
        warpline.choose_dsa([a, seconds])


def test_two_sets_may_share_names():
    """Of two systems of one name, only the second was seen: other steps passed, and a lower rank."""
    a, b = (timed(SYSTEMS[name], 0.0, 10.0) for name in "ab")
    seconds = timed(SYSTEMS["c"], 0.0, 0.01)
    with pytest.raises(TrialError, match=r"10 in a and 0\.01 in a"):
        warpline.compare({"a": a, "b": b}, {"a": seconds, "b": seconds}, measure="dsa", **DSA)
    flat = a.copy(data=a.values[..., :1] * np.arange(1.0, a.shape[-1] + 1))
    with pytest.warns(UserWarning, match=r"lower rank for a \(2\)"):
        warpline.compare({"a": flat}, {"a": b}, measure="dsa", n_delays=2, rank=4)


def in_seconds(states, start):
    """States with times of 10 ms as durations from the zero of a trial."""
    times = (start + 10 * np.arange(states.shape[1])).astype("timedelta64[ms]")
    return timed(states, 0, 1).assign_coords(time=times)


@pytest.mark.parametrize(
    ("systems", "measure", "options"),
    [
        ([timed(SYSTEMS["a"], 0, 10), timed(SYSTEMS["b"], 50, 10)], "shape_energy", CONDITIONS),
        ([timed(SYSTEMS["a"], 0, 10), timed(SYSTEMS["b"], 50, 10)], "shape_gaussian", CONDITIONS),
        ([SYSTEMS["c"], timed(SYSTEMS["a"], 0, 10), timed(SYSTEMS["b"], 50, 10)], "cka", {}),
        ([in_seconds(SYSTEMS["a"], 0), in_seconds(SYSTEMS["b"], -50)], "cka", {}),
        ([list(timed(SYSTEMS["a"], 0, 10)), list(timed(SYSTEMS["b"], 50, 10))], "cka", {}),
    ],
    ids=["energy", "gaussian", "behind one without times", "durations", "lists of trials"],
)
def test_other_times_are_seen_however_they_are_given(systems, measure, options):
    with pytest.raises(TrialError, match="the same times in all systems"):
        warpline.compare(systems, measure=measure, **options)


def test_a_list_of_labelled_trials_is_read_as_the_array_that_it_came_from():
    whole = timed(SYSTEMS["a"], -100, 10).assign_coords(trial=list("abcdefgh"))
    ways = [as_recording(way) for way in (whole, list(whole), list(whole.drop_vars("time")))]
    assert [way.trial_labels for way in ways] == [tuple("abcdefgh")] * 3
    np.testing.assert_array_equal(ways[0].times, ways[1].times)
    assert ways[2].times is None
    # Trials of a clock count from their first step; in a trial with a gap, steps are others.
    cut = [trial.assign_coords(time=trial["time"] + 1000 * k) for k, trial in enumerate(whole)]
    assert as_recording(cut).times[:3].tolist() == [0, 10, 20]
    cut[3] = cut[3].assign_coords(time=[*range(20), *range(40, 45)])
    with pytest.raises(TrialError, match="the same time steps in all trials"):
        as_recording(cut)
    with pytest.raises(TrialError, match="7 are distinct"):
        as_recording([*whole[:7], whole[0]])


def on_clock(trials, starts):
    """Labelled trials, each with times from its start."""
    return [
        trial.assign_coords(time=start + 10.0 * np.arange(trial.sizes["time"]))
        for trial, start in zip(trials, starts, strict=True)
    ]


def test_trials_about_an_event_that_begin_elsewhere_are_refused():
    """Counted from its first step, a trial that begins later would be compared with earlier times."""
    trials = list(labelled(SYSTEMS["a"], list("abcdefgh")))
    early_and_late = on_clock(trials, [-100, -50] * 4)
    with pytest.raises(TrialError, match=r"begin alike .* got -100 to 140 .* and -50 to 190"):
        warpline.compare(early_and_late, SYSTEMS["b"], "cka")
    # Those of the clock of a recording may begin anywhere, where their inputs do.
    starts = np.cumsum([0, 300, 250, 400, 260, 1000, 300, 251])
    inputs = list(xr.DataArray(SYSTEMS["b"][..., :1], dims=("trial", "time", "unit")))
    read = as_recording(on_clock(trials, starts), inputs=on_clock(inputs, starts))
    assert read.times[:2].tolist() == [0, 10] and len(read.inputs) == 8
    late = np.where(np.arange(8) == 3, starts + 10, starts)
    with pytest.raises(TrialError, match=r"states and of its inputs .* in trial 3"):
        as_recording(on_clock(trials, starts), inputs=on_clock(inputs, late))
    # Where both have times, though others have none.
    some = [x.drop_vars("time") if k < 2 else x for k, x in enumerate(on_clock(inputs, late))]
    with pytest.raises(TrialError, match="in trial 3"):
        as_recording(on_clock(trials, starts), inputs=some)
    # Inputs may have times of their own, from the first step of each trial.
    as_recording(on_clock(trials, starts), inputs=on_clock(inputs, [0] * 8))


def test_trials_that_share_their_border_are_cut_from_one_clock():
    trials = list(labelled(SYSTEMS["a"], list("abcdefgh")))
    # Slices by label hold both ends.
    in_turn = on_clock(trials, 240 * np.arange(8))
    assert as_recording(in_turn).times[:2].tolist() == [0, 10]
    backwards = [trial.isel(time=slice(None, None, -1)) for trial in in_turn]
    assert as_recording(backwards).times[:2].tolist() == [0, -10]
    with pytest.raises(TrialError, match="begin alike"):
        as_recording(on_clock(trials, 230 * np.arange(8)))


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(8)))
def test_labels_match_trials_in_any_order(order):
    x, y = labelled(SYSTEMS["a"], list("abcdefgh")), labelled(SYSTEMS["b"], list("abcdefgh"))
    shuffled = y.isel(trial=list(order))
    for measure in ("cka", "procrustes"):
        assert warpline.compare(x, shuffled, measure) == warpline.compare(x, y, measure)
    # Without labels on one side, order decides.
    by_order = warpline.compare(x, shuffled.values, "cka")["dissimilarity"]
    expected = warpline.compare(x.values, shuffled.values, "cka")["dissimilarity"]
    assert by_order == expected


def test_labels_in_another_order_are_seen_beside_a_system_without_any():
    """By order, the labelled two would be compared trial by wrong trial because of the third."""
    x, y = (labelled(SYSTEMS[name], list("abcdefgh")) for name in "ab")
    expected = warpline.compare(x, y, "cka")["dissimilarity"]
    in_order = warpline.compare([x, y, SYSTEMS["c"]], measure="cka")
    assert in_order.dissimilarity[0, 1] == expected
    for systems in ([x, y[::-1], SYSTEMS["c"]], [SYSTEMS["c"], x, y[::-1]]):
        with pytest.raises(TrialError, match="has no trial labels and is matched by order"):
            warpline.compare(systems, measure="cka")


def test_trials_of_other_conditions_are_not_matched():
    """Neither by order nor by label: trial 3 of two sessions is the same number, and not the same trial."""
    sides = list("llrrllrr")
    x, y = (
        labelled(SYSTEMS[name], list("abcdefgh")).assign_coords(condition=("trial", sides))
        for name in "ab"
    )
    expected = warpline.compare(x, y, "cka")
    assert warpline.compare(x, y[::-1], "cka") == expected  # by label
    other = y.assign_coords(condition=("trial", sides[1:] + sides[:1]))
    without = [array.drop_vars("trial") for array in (x, other)]
    for systems in ((x, other), without, [SYSTEMS["c"], *without]):
        with pytest.raises(TrialError, match=r"trial 1 of 'l' in .* and of 'r' in "):
            warpline.compare(list(systems), measure="cka")
    # Numbers and the texts that write them are the same conditions, in this order or in another.
    turns = [0, 0, 1, 1, 0, 0, 1, 1]
    numbers = x.assign_coords(condition=("trial", turns))
    texts = y.assign_coords(condition=("trial", [f"{turn}.0" for turn in turns]))
    assert warpline.compare(numbers, texts, "cka") == expected
    with pytest.raises(TrialError, match=r"trial 1 of 0 in x and of '1.0' in y"):
        warpline.compare(numbers, texts.roll(trial=-1, roll_coords=True).drop_vars("trial"), "cka")
    # Conditions of other names say nothing; dsa pairs no trials.
    renamed = y.assign_coords(condition=("trial", [side.upper() for side in sides]))
    assert warpline.compare(x, renamed, "cka") == expected
    assert warpline.compare(x, other, "dsa", **DSA)["status"] == "converged"


def test_labels_that_differ_are_named():
    x, y = labelled(SYSTEMS["a"], list("abcdefgh")), labelled(SYSTEMS["b"], list("abcdefxy"))
    with pytest.raises(
        TrialError, match=r"2 in x alone \('g', 'h'\) and 2 in y alone \('x', 'y'\)"
    ):
        warpline.compare(x, y, "cka")
    assert warpline.compare(x, y, "dsa", **DSA)["status"] == "converged"


@pytest.mark.parametrize(
    ("call", "values"),
    [
        (lambda few, names, own: warpline.compare(SYSTEMS["a"], few, measures=names, **own), 1),
        (lambda few, names, own: warpline.compare([SYSTEMS["a"], few], measures=names, **own), 1),
        (lambda few, names, own: warpline.compare(SYSTEMS, [few], measures=names, **own), 4),
        (
            lambda few, names, own: (
                warpline.compare_groups(
                    {"all": [SYSTEMS["a"], SYSTEMS["b"]], "few": [few]}, names, **own
                ).matrices
            ),
            3,
        ),
    ],
    ids=["pair", "set", "two sets", "groups"],
)
def test_a_measure_that_cannot_pair_trials_does_not_stop_the_others(call, values):
    few = SYSTEMS["b"][:5]
    with pytest.warns(UserWarning, match=r"compared by cka: .*8 in .* 5 in ") as caught:
        results = call(few, ["cka", "dsa"], DSA)
    assert list(results) == ["cka", "dsa"] and caught[0].filename == __file__
    rows = {
        name: [result] if isinstance(result, dict) else result.table.to_dict("records")
        for name, result in results.items()
    }
    assert len(rows["cka"]) == len(rows["dsa"]) == values
    for of_cka, of_dsa in zip(rows["cka"], rows["dsa"], strict=True):
        assert np.isnan(of_cka["dissimilarity"]) and np.isfinite(of_dsa["dissimilarity"])
        assert of_cka["status"].startswith("failed: expected the same trials in all systems")
    # Nothing is left: an error that holds the reason of each measure.
    with pytest.raises(InputError, match=r"cka, procrustes can compare; got cka: .*procrustes: "):
        call(few, ["cka", "procrustes"], {})
    # A wrong setting is the caller's mistake, whatever the other measures can do.
    with pytest.raises(SettingsError, match="n_delays"):
        call(few, {"cka": {}, "dsa": {"n_delays": -1, "rank": 2}}, {})


def test_input_channels_in_another_order_are_seen(rng):
    """A system was 0.46 rad from itself where its channels were listed the other way round."""
    states = rng.standard_normal((6, 30, 3)).cumsum(axis=1)
    drive = rng.standard_normal((6, 30, 2)) + states[..., :2]
    settings = {"measure": "dsa_input", "rank": 3}

    def inputs(*channels):
        dims = ("trial", "time", "channel")
        return xr.DataArray(drive, dims=dims, coords={"channel": list(channels)})

    ours = inputs("left", "right")
    same = warpline.compare(states, states, inputs=(ours, ours), **settings)
    assert same["dissimilarity"] < 1e-6
    turned = ours.isel(channel=[1, 0])
    for theirs in (turned, list(turned)):
        with pytest.raises(TrialError, match=r"left, right in x and right, left in y"):
            warpline.compare(states, states, inputs=(ours, theirs), **settings)
    # Other names, or none, are compared in their order.
    for theirs in (inputs("a", "b"), drive):
        other = warpline.compare(states, states, inputs=(ours, theirs), **settings)
        assert other["dissimilarity"] == same["dissimilarity"]


def test_what_systems_share_fits_the_trials_of_each(rng):
    """By place, other trials had them: 0.47 rad between a system and itself with its trials turned round."""
    states = rng.standard_normal((8, 30, 3)).cumsum(axis=1)
    drive = rng.standard_normal((8, 30, 2)) + states[..., :2]
    x, plain = labelled(states, list("abcdefgh")), states[::-1]
    turned, dsa_input = x[::-1], {"measures": ["dsa_input"], "rank": 3}
    calls = {
        "pair": lambda y, **own: warpline.compare(x, y, **own),
        "set": lambda y, **own: warpline.compare([x, y], **own),
        "two sets": lambda y, **own: warpline.compare([x], [y], **own),
        "groups": lambda y, **own: warpline.compare_groups({"a": [x, x + 1], "b": [y]}, **own),
    }
    for call in calls.values():
        for own in ({"inputs": drive, **dsa_input}, {**CONDITIONS, "measures": ["shape_energy"]}):
            with pytest.raises(TrialError, match=r"trial 'h' at place 7 in .* and at place 0 in "):
                call(turned, **own)
    # In one order, without labels, or with inputs of its own, each has those of its trials.
    for y, theirs in ((x, drive), (plain, drive[::-1]), (turned, drive[::-1])):
        result = warpline.compare(x, y, inputs=(drive, theirs), **dsa_input)["dsa_input"]
        assert result["dissimilarity"] < 1e-6
    assert warpline.compare(x, plain, inputs=drive, **dsa_input)["dsa_input"]["dissimilarity"] > 0.1
