"""What the explorer holds: numbers that come back, views by name, and as much as its size allows."""

import base64
import json
import re

import numpy as np
import pytest
import xarray as xr
from explorer_run import SETTINGS, analysis, write_history

from warpline.comparison.condition_states import (
    condition_signals,
    describe_conditions,
    on_shared_axes,
)
from warpline.core import result_files
from warpline.explorer import embedding
from warpline.explorer.page_file import ASSETS, SCRIPTS, page_within
from warpline.explorer.shown_metrics import views
from warpline.explorer.shown_networks import histories
from warpline.figures.words import condition_in_words
from warpline.pipeline.config import ConfigError, load
from warpline.pipeline.expansion import Plan
from warpline.pipeline.stages import Pipeline


def held(page: str) -> dict:
    """Return what a page holds."""
    return json.loads(re.search(r'id="explorer-data">(.*?)</script>', page)[1])


def numbers(packed: dict) -> np.ndarray:
    kind = {"float32": "<f4", "int16": "<i2"}[packed["kind"]]
    values = np.frombuffer(base64.b64decode(packed["data"]), kind).astype(float)
    if packed["kind"] == "int16":
        values = np.where(values == embedding.MISSING, np.nan, values * packed["scale"])
    return values.reshape(packed["shape"])


# --- numbers and text -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_quantised_numbers_come_back_within_the_stated_error(rng, scale):
    values = scale * rng.normal(size=(3, 4, 5))
    values[1, 2, 3] = np.inf
    back = numbers(embedding.quantised(values))
    assert np.isnan(back[1, 2, 3]) and np.isnan(back).sum() == 1
    finite = np.isfinite(values)
    bound = np.abs(values[finite]).max() / 65_532
    assert np.abs(back - values)[finite].max() <= bound * (1 + 1e-9)


def test_zeros_and_single_precision_come_back_as_they_are(rng):
    assert (numbers(embedding.quantised(np.zeros((2, 3)))) == 0).all()
    values = rng.normal(size=(4, 2)).astype("f4") * 10.0 ** np.arange(-20, 20, 20)
    np.testing.assert_array_equal(numbers(embedding.packed(values)), values.astype("f4"))


def test_json_of_a_page_holds_no_tag_and_no_number_that_json_has_not():
    value = {"</script>": ["<!--", "a & b", "\u2028"], "n": 1.5}
    text = embedding.embedded_json(value)
    assert "<" not in text and json.loads(text) == value
    with pytest.raises(ValueError, match="JSON"):
        embedding.embedded_json([float("nan")])
    assert embedding.number(float("nan")) is None and embedding.number(1 / 3, 3) == 0.333


# --- states on shared axes ------------------------------------------------------------------------------


def test_states_of_three_dimensions_keep_all_their_distances(rng):
    """Also between checkpoints, which is what shared axes are for."""
    basis = np.linalg.qr(rng.normal(size=(7, 3)))[0]
    means = rng.normal(size=(2, 3, 4, 3)) @ basis.T + 5.0
    shown = on_shared_axes(means)
    points, samples = shown["condition_states"].values.reshape(-1, 3), means.reshape(-1, 7)
    for a, b in ((0, 1), (0, 23), (5, 17)):
        expected = np.linalg.norm(samples[a] - samples[b])
        assert np.linalg.norm(points[a] - points[b]) == pytest.approx(expected, rel=1e-5)
    assert shown["axis_variance"].sum() == pytest.approx(1)
    np.testing.assert_allclose(shown["shown_variance"], 1)


def test_the_share_of_a_checkpoint_is_its_own(rng):
    means = np.zeros((3, 2, 5, 4))
    means[0] = rng.normal(size=(2, 5, 4)) * [10, 10, 10, 0]
    means[1, ..., 3] = rng.normal(size=(2, 5))
    share = on_shared_axes(means)["shown_variance"].values
    # The axes are those of the large states; the second checkpoint moves along none, the third nowhere.
    assert share[0] > 0.999 and share[1] < 0.05 and np.isnan(share[2])


def test_conditions_are_described_by_what_was_shown():
    trials = xr.Dataset(
        {
            "condition": ("trial", [1, 0, 1]),
            "coh": ("trial", [51.2, 6.4, 51.2]),
            "ground_truth": ("trial", [1, 0, 1]),
            "kind": ("trial", ["go", "no go", "go"]),
            # Another value in each trial: it describes none.
            "onset": ("trial", [0.1, 0.2, 0.3]),
            "repeat": ("trial", [0, 0, 1]),
            "inputs": (("trial", "time"), np.zeros((3, 2))),
        }
    )
    labels = describe_conditions(trials)
    assert labels == ["coh 6.4, ground_truth 0, kind no go", "coh 51.2, ground_truth 1, kind go"]
    assert [condition_in_words(label) for label in labels] == [
        "coherence 6.4, stimulus for choice 0, kind no go",
        "coherence 51.2, stimulus for choice 1, kind go",
    ]
    assert condition_in_words("item_1 -1") == "item 1 -1"
    assert condition_in_words("condition 2") == "condition 2"
    assert describe_conditions(trials[["condition"]]) == ["condition 1", "condition 2"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ground_truth": [0, 1], "coh": [25.0, 50.0]}, [-0.5, 1]),
        ({"ground_truth": [2, 1]}, [1, -1]),
        ({"ground_truth": ["left", "right"]}, [0, 0]),
        ({}, [0, 0]),
    ],
)
def test_a_signal_is_signed_strength_and_nothing_where_the_trials_do_not_say(variables, expected):
    trials = {name: ("trial", values) for name, values in variables.items()}
    assert (
        condition_signals(xr.Dataset({**trials, "repeat": ("trial", [0, 0])})).tolist() == expected
    )


# --- analyses -------------------------------------------------------------------------------------------


def test_an_analysis_is_shown_by_the_names_of_its_dimensions():
    network = analysis().isel(seed=0)
    field, surface, lines = views(network)
    assert [field["kind"], surface["kind"], lines["kind"]] == ["field", "surface", "lines"]
    assert [axis["name"] for axis in field["spanned"]] == ["input", "time"]
    assert field["chosen"] == [] and field["tangents"] == ["evidence", "time"]
    np.testing.assert_allclose(numbers(field["values"]), network["metric"].values, rtol=1e-6)
    np.testing.assert_allclose(numbers(surface["values"]), network["position"].values, atol=1e-3)
    assert surface["axis_variance"] == [0.7, 0.2, 0.1]
    assert [axis["name"] for axis in lines["chosen"]] == ["context"]
    assert lines["values"]["shape"] == [2, 2, 4]


def test_points_that_are_left_keep_their_places():
    network = xr.Dataset({"sheet": (("mesh", "mesh_b", "axis"), np.ones((60, 3, 3)))})
    (surface,) = views(network)
    places = surface["spanned"][0]["values"]
    assert surface["values"]["shape"] == [42, 3, 3]
    assert places[0] == 0 and places[-1] == 59 and {*np.diff(places)} == {1, 2}


@pytest.mark.parametrize("names", [["coherence"], ["first", "second"]])
def test_points_get_their_coordinates(names):
    sides = [np.linspace(-1, 1, 3), np.linspace(0, 1, 3)][: len(names)]
    kappa = np.stack(np.meshgrid(*sides, indexing="ij"), -1).reshape(-1, len(names))
    n = len(kappa)
    metric = np.zeros((2, n, 2, 2))
    metric[..., 0, 0] = kappa.sum(-1)
    network = xr.Dataset(
        {
            "metric": (("checkpoint", "point", "tangent", "tangent_b"), metric),
            "kappa": (("point", "coordinate"), kappa),
        },
        coords={"checkpoint": [0.0, 1.0], "tangent": ["a", "b"], "coordinate": names},
    )
    (field,) = views(network)
    assert [axis["name"] for axis in field["spanned"]] == names
    assert [axis["values"] for axis in field["spanned"]] == [list(side) for side in sides]
    found = numbers(field["values"])[0, ..., 0, 0]
    np.testing.assert_allclose(found, sum(np.meshgrid(*sides, indexing="ij")), atol=1e-6)


def test_what_has_no_metric_and_no_states_shows_nothing():
    assert views(xr.Dataset({"angle": ("time", [0.1])})) == []
    # A number for each input has no ellipse; nine units are no three axes.
    flat = xr.Dataset({"metric": ("theta", [1.0]), "states": (("theta", "unit"), np.ones((1, 9)))})
    assert views(flat) == []


# --- the page -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_page_holds_what_was_written(sources):
    page = held(page_within(sources, SETTINGS))
    assert len(page["networks"]) == 6 and page["left_out"] == []
    first = page["networks"][0]
    assert (first["taskset"], first["seed"], first["status"]) == ("PDM", 1, "converged")
    assert first["history"]["tasks"]["Target"]["accuracy"] == [0, 0.5, 0.9]
    expected = xr.open_dataset(sources.states[0])["condition_states"].sel(seed=1).values
    np.testing.assert_allclose(numbers(first["states"]["points"]), expected, atol=1e-4)
    after = page["pairs"]["after"]
    assert len(after["a"]) == 20 and after["value"].count(None) == 2
    lows = [
        low for low, measure in zip(after["low"], after["measure"], strict=True) if measure == "cka"
    ]
    assert set(lows) == {None}
    # The second network of the analysis diverged.
    assert [len(entry["views"]) for entry in page["analyses"]] == [3, 0]
    statistics, claims = page["tables"]
    assert claims["columns"] == ["claim", "sentence", "verdict", "n"]
    assert claims["rows"] == [["A5", "DSA follows accuracy.", "undecided", 2]]
    assert "empty" not in statistics["columns"] and statistics["n_rows"] == 2


def test_an_accuracy_of_one_is_no_ideal_observer(tmp_path):
    networks = [("PDM", "rnn", target) for target in ("ideal", "fixed")]
    paths = [write_history(tmp_path, one, 1, 20, target=one[2]) for one in networks]
    given = tmp_path / "given.csv"
    settings = {"streams": {"run": ["PDM", "mine", "master", 1]}, "target": "fixed"}
    result_files.write_table(result_files.read_table(paths[0]), given, {"settings": settings})
    assert [one["held_against"] for one in histories([*paths, given]).values()] == [
        "ideal observer",
        "all correct",
        "all correct",
    ]


def test_a_page_that_would_be_too_large_shows_the_first_networks_and_says_so(sources):
    whole = len(page_within(sources, SETTINGS).encode())
    limit = (whole - 500) / 1e6
    text = page_within(sources, SETTINGS | {"megabytes": limit})
    page = held(text)
    assert len(text.encode()) <= limit * 1e6
    assert [n["seed"] for n in page["networks"]] == [1, 1, 1, 2, 2, 2][: len(page["networks"])]
    assert 0 < len(page["networks"]) < 6
    assert f"shows {len(page['networks'])} of the 6 networks" in page["left_out"][0]
    # Pairs of networks that are not shown are not there either.
    assert max(max(rows["b"], default=0) for rows in page["pairs"].values() if rows) < len(
        page["networks"]
    )
    with pytest.raises(ValueError, match=r"expected explorer.megabytes of at least 0\.\d"):
        page_within(sources, SETTINGS | {"megabytes": 0.001})


def test_every_script_is_in_the_page_and_asks_for_nothing_from_outside():
    assert {path.name for path in ASSETS.glob("*.js")} == set(SCRIPTS)
    for path in ASSETS.iterdir():
        text = path.read_text()
        assert "innerHTML" not in text and "eval(" not in text and "import(" not in text
        assert not [a for a in re.findall(r"https?://[^\"' ]+", text) if "w3.org/2000/svg" not in a]


# --- the stage ------------------------------------------------------------------------------------------


@pytest.fixture
def explorer(raw_config):
    def make(**settings):
        raw_config["explorer"] = settings
        return Pipeline(Plan(load(raw_config))).explorer

    return make


def test_the_stage_reads_all_seeds_that_fit_and_nothing_large(explorer):
    stage = explorer()
    inputs = stage.inputs({})
    assert len(inputs["history"]) == stage.parameters({})["n_networks"] == 25
    # All networks of a seed before the next seed.
    assert all("/seed~1/" in path for path in inputs["history"][:5])
    files = [path for paths in inputs.values() for path in paths]
    assert not [path for path in files if "checkpoints" in path or "/trajectories/" in path]
    assert len(set(files)) == len(files)


def test_the_stage_reads_what_the_configuration_names_and_what_fits(explorer):
    one_seed = explorer(seeds=[2]).inputs({})
    assert {path.split("seed~")[1][0] for path in one_seed["history"]} == {"2"}
    assert all("seed~2" in path for path in one_seed["after"] + one_seed["states"])
    small = explorer(megabytes=0.5)
    some = small.inputs({})["history"]
    assert 0 < len(some) < 25 and some == explorer().inputs({})["history"][: len(some)]
    assert small.cost({}).disk < 0.6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": [99]}, r"explorer.seeds: expected seeds of run.seeds"),
        ({"architectures": ["leaky_gru"]}, r"explorer.architectures: .*leaky_gru"),
        ({"megabytes": 0}, "explorer.megabytes"),
    ],
)
def test_what_is_not_run_cannot_be_shown(explorer, settings, message):
    with pytest.raises(ConfigError, match=message):
        explorer(**settings)


def test_an_edit_of_a_script_changes_the_code_of_the_page(explorer, monkeypatch, tmp_path):
    from warpline.pipeline.stages import explorer as module

    stage = explorer()
    before = stage.code({})
    for path in ASSETS.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(module, "ASSETS", tmp_path)
    assert stage.code({}) == before
    (tmp_path / "scene.js").write_text("// Nothing.")
    assert stage.code({}) != before
