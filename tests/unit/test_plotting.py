import itertools
import runpy
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.spatial.distance import pdist

from warpline.comparison.dataset_pairs import unit_numbers
from warpline.comparison.groups import group_tables
from warpline.core import result_files
from warpline.core.figure_files import FIGURE_SUFFIXES
from warpline.figures import figure_script, plotting, words
from warpline.figures.sensitivity_panel import (
    draw_sensitivities,
    draw_sensitivity,
    sensitive_measures,
)

STYLE = {"palette": "okabe-ito", "colormap": "viridis", "font_size": 9.0, "dpi": 80}


@pytest.mark.parametrize("palette", plotting.PALETTES)
def test_eleven_curricula_can_be_told_apart(palette):
    styles = plotting.colours([f"c{k}" for k in range(11)], STYLE | {"palette": palette})
    assert len(set(styles.values())) == 11


def test_adding_a_curriculum_keeps_the_colours_of_the_others():
    assert plotting.colours(["a", "b"], STYLE)["b"] == plotting.colours(["a", "b", "c"], STYLE)["b"]


@pytest.mark.slow
def test_figures_are_the_same_bytes_each_time(tmp_path):
    import matplotlib.pyplot as plt

    plotting.apply_style(STYLE)
    for k in range(2):
        figure, axes = plt.subplots()
        plotting.annotated_heat_map(
            axes, np.array([[0.0, 0.5], [np.nan, 1.0]]), (["a", "b"], ["c", "d"]), 1.0
        )
        figure_script.save(figure, [tmp_path / f"{k}.{suffix}" for suffix in FIGURE_SUFFIXES], {})
    for suffix in FIGURE_SUFFIXES:
        assert (tmp_path / f"0.{suffix}").read_bytes() == (tmp_path / f"1.{suffix}").read_bytes()


def test_no_label_of_panels_of_fixed_aspect_is_cut():
    import matplotlib.pyplot as plt

    plotting.apply_style(STYLE)
    names = ["line", "curve", "pattern 1", "pattern 2", "line-curve-\nline-curve"]
    figure, axes = plt.subplots(1, 3, sharey=True, figsize=(8.4, 2.9))
    for panel in axes:
        image = plotting.annotated_heat_map(panel, np.full((5, 5), 0.5), (names, names), 1.0)
        figure.colorbar(image, ax=panel, fraction=0.046, pad=0.03)
        panel.set_title("CKA (angle / 90°)")
    figure_script._fix_layout(figure)
    figure.canvas.draw()
    around = figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert around.x0 > -1 and around.y0 > -1
    assert around.x1 < figure.bbox.x1 + 1 and around.y1 < figure.bbox.y1 - 1


@pytest.mark.parametrize("largest", [0.5, 0.004, 0.00004])
def test_numbers_of_a_heat_map_stay_in_their_cells(largest):
    import matplotlib.pyplot as plt

    names = [f"{k / 4:g}" for k in range(5)]
    with plt.rc_context(plotting.style_parameters(STYLE)):
        figure, axes = plt.subplots(figsize=(2.4, 2.4))
        values = np.linspace(0, largest, 25).reshape(5, 5)
        plotting.annotated_heat_map(axes, values, (names, names), largest)
        figure.canvas.draw()
        cell = axes.get_window_extent().width / 5
        widths = [text.get_window_extent().width for text in axes.texts]
    plt.close(figure)
    assert max(widths) < 1.1 * cell


@pytest.mark.parametrize("n_entries", [3, 30])
def test_a_legend_of_many_entries_leaves_the_panel_its_room(n_entries):
    import matplotlib.pyplot as plt

    names = [f"pretrain on something {k} (n = 10 networks of each kind)" for k in range(n_entries)]
    with plt.rc_context(plotting.style_parameters(STYLE)):
        figure, axes = plt.subplots(figsize=(2.0, 3.0))
        plotting.legend_below(figure, [axes.plot([0], [0])[0] for _ in names], names, 3)
        figure.canvas.draw()
        extent, legend = axes.get_window_extent(), figure.legends[0].get_window_extent()
    plt.close(figure)
    assert extent.height / figure.dpi > 1.2 and extent.y0 > legend.y1
    assert 0 <= legend.x0 < legend.x1 <= figure.bbox.width
    assert 0 <= legend.y0 < legend.y1 <= figure.bbox.height


@pytest.mark.parametrize(("width", "n_columns", "n_lines"), [(3.5, 1, 2), (12.0, 2, 1)])
def test_a_narrow_figure_cuts_neither_its_legend_nor_its_title(width, n_columns, n_lines):
    """As with a single measure, where the first words and the n were outside."""
    import matplotlib.pyplot as plt

    plotting.apply_style(STYLE)
    figure, axes = plt.subplots(figsize=(width, 3))
    labels = [f"{name} (n = 3 networks of each architecture)" for name in ("untrained", "master")]
    plotting.legend_below(figure, [axes.plot([0], [0])[0] for _ in labels], labels, 3)
    plotting.title_above(
        figure, "dots: networks of the row, from 0 (left) to the largest of the panel (right)"
    )
    figure.canvas.draw()
    for artist in (figure.legends[0], figure._suptitle):
        assert artist.get_window_extent().x0 >= 0
        assert artist.get_window_extent().x1 <= figure.bbox.width
    assert len(figure.legends) == 1
    tops = {round(text.get_window_extent().y0) for text in figure.legends[0].get_texts()}
    assert len(tops) == 3 - n_columns
    assert figure.get_suptitle().count("\n") + 1 == n_lines
    plt.close(figure)


def test_labels_are_broken_into_lines():
    assert plotting.curriculum_label("pretrain_basic_anti_frozen") == "pretrain\nbasic anti\nfrozen"


def test_what_two_architectures_differ_in(project):
    difference = runpy.run_path(str(project / "scripts" / "figures" / "hyperparameters.py"))[
        "difference"
    ]
    rnn = {"model": "leaky_rnn", "units": 64, "tau": 100.0, "learning_rate": 1e-3}
    mamba = {"model": "mamba", "d_model": 8, "n_layers": 1, "learning_rate": 1e-2}
    assert difference(rnn, rnn | {"units": 128}) == "units"
    assert difference(rnn, rnn | {"model": "leaky_gru"}) == "leaky gru\nagainst leaky rnn"
    assert difference(rnn, rnn | {"units": 128, "tau": 50.0}) == "several"
    assert difference(rnn, rnn | {"model": "leaky_gru", "units": 128}) == "several"
    assert difference(mamba, rnn) == difference(rnn, mamba) == "leaky rnn\nagainst mamba"
    assert difference(mamba, mamba | {"learning_rate": 1e-3}) == "learning rate"
    # Two networks from elsewhere: the files of their weights are no hyperparameter.
    assert difference(rnn, dict(rnn)) == "weights"
    assert difference(rnn, rnn | {"model": "mine.py:Net"}) == "Net\nagainst leaky rnn"


def test_architectures_are_held_against_the_floors_of_both(project):
    script = runpy.run_path(str(project / "scripts" / "figures" / "hyperparameters.py"))
    rows = [
        # Two architectures in two seeds, and the floor of each.
        ("between", "rnn", "gru", 1, 1, 0.5),
        ("between", "rnn", "gru", 2, 2, 0.7),
        ("floor", "rnn", "rnn", 2, 1, 0.6),
        ("floor", "gru", "gru", 2, 1, 0.1),
        # A curriculum that one architecture has is no floor of the comparison.
        ("floor", "rnn", "rnn", 2, 1, 0.9),
    ]
    columns = ["pairs", "architecture_a", "architecture_b", "seed_a", "seed_b", "dissimilarity"]
    table = pd.DataFrame(rows, columns=columns)
    table["curriculum_a"] = ["master"] * 4 + ["other"]
    models = {name: {"model": name, "units": 8} for name in ("rnn", "gru")}
    pairs = script["pairs_with_differences"](table, models)
    kind = "gru\nagainst rnn"
    assert pairs["differs"].tolist() == [kind, kind, "rnn,\nother seed", "gru,\nother seed"]
    # Against rnn one of two lies further apart, against gru both.
    assert script["mean_separation"](pairs, kind, 0.95) == pytest.approx(0.75)
    # With the floor of one architecture alone there is no S.
    one_floor = pairs[pairs["differs"] != "gru,\nother seed"]
    assert np.isnan(script["mean_separation"](one_floor, kind, 0.95))
    assert (
        script["floor_label"]("a_1", {"a_1": {"model": "m.py:Net"}}, ["a_1"] * 9)
        == "Net,\nother seed"
    )


def test_pairs_of_architectures_with_a_network_that_did_not_converge_are_crossed(project):
    draw = runpy.run_path(str(project / "scripts" / "figures" / "hyperparameters.py"))
    pairs = pd.DataFrame({"pairs": "between", "differs": "units", "curriculum_a": "a"}, range(3))
    pairs["dissimilarity"] = [0.1, 0.2, 0.3]
    pairs["run_status_a"] = ["converged", "converged", "max_steps"]
    pairs["run_status_b"] = ["untrained", "max_steps", "max_steps"]
    pairs[["architecture_a", "architecture_b"]] = "rnn"
    axes = Figure().subplots()
    draw["draw_measure"](axes, pairs, ["units"], ["a"], {"a": ("black", "o")}, 0.95)
    marks = {line.get_marker(): line.get_ydata().tolist() for line in axes.get_lines()}
    assert marks == {"o": [0.1, 0.2, 0.3], "x": [0.2, 0.3]}


def test_names_come_in_the_order_of_the_configuration():
    columns = (["b", "x"], ["a", "b"])
    assert plotting.names_in_data(["a", "b", "c"], *columns) == ["a", "b"]
    assert plotting.names_in_data(["c", "b", "a"], columns[0]) == ["b"]


@pytest.mark.parametrize(("numbers", "text"), [([3, 1, 2], "1 to 3"), ([2, 2], "2"), ([10], "10")])
def test_a_range_of_numbers_is_named_by_its_ends(numbers, text):
    assert words.number_range(numbers) == text


def test_jitter_is_symmetric_about_the_category():
    assert plotting.jitter(1) == pytest.approx([0])
    assert plotting.jitter(3, 0.2) == pytest.approx([-0.1, 0, 0.1])


def test_axis_from_zero_leaves_room():
    import matplotlib.pyplot as plt

    _, axes = plt.subplots()
    axes.plot([0, 1], [0.2, 0.5])
    plotting.from_zero(axes)
    assert axes.get_ylim() == pytest.approx((0, 0.54))


def test_a_panel_of_sensitivity_counts_what_holds_at_each_setting():
    rows = [
        {
            "measure": measure,
            "n_delays": n_delays,
            "delay_interval": 1,
            "rank": rank,
            "own": (n_delays, rank) == (7, 25),
            "carried": rank < 50,
            "conclusion": "after",
            "item_a": "a",
            "item_b": item,
            "holds": holds,
            # A lag is that of the networks that have a half-time, which not all have at each setting.
            "n": 3 if rank < 50 else 2,
        }
        for measure in ("dsa", "wasserstein")
        for n_delays, rank, values in [
            (7, 25, [True, True, True]),
            (7, 50, [True, False, pd.NA]),
            (4, 25, [False, False, False]),
        ]
        for item, holds in zip("bcd", values, strict=True)
    ]
    table = pd.DataFrame(rows).astype({"holds": "boolean"})
    assert sensitive_measures(table, "after") == ["dsa", "wasserstein"]
    assert sensitive_measures(table, "over") == sensitive_measures(None, "after") == []

    axes = Figure().subplots()
    draw_sensitivity(axes, table, "dsa", "after")
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 1): "chosen", (1, 1): "1/2", (0, 0): "0/3"}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["25", "50"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["4", "7"]
    assert [patch.get_hatch() for patch in axes.patches if patch.get_hatch()] == ["////"]
    assert axes.get_xlabel() == "rank of DSA"
    other = Figure().subplots()
    draw_sensitivity(other, table.replace({"measure": {"dsa": "dsa_input"}}), "dsa_input", "after")
    assert other.get_xlabel() == "rank of InputDSA"
    assert axes.get_title() == "orderings that hold (n = 2 to 3)"
    # The number of the hatched cell stands on a patch in the colour of the cell.
    boxed = {text.get_text(): text.get_bbox_patch() for text in axes.texts}
    assert [number for number, box in boxed.items() if box] == ["1/2"]
    image = axes.images[0]
    assert boxed["1/2"].get_facecolor() == pytest.approx(image.cmap(image.norm(0.5)))

    # Panels below each other name their axis once, as it is that of several measures.
    panels = dict(zip(("dsa", "wasserstein"), Figure().subplots(2), strict=True))
    draw_sensitivities(panels, table, "after")
    assert [panel.get_xlabel() for panel in panels.values()] == ["", "rank"]
    assert all(panel.texts for panel in panels.values())


# --- what a figure cannot show ----------------------------------------------------------------------------


def texts(figure):
    """Return all that is written in a figure, as one text."""
    figure.canvas.draw()
    return " ".join(" ".join(text.get_text().split()) for text in figure.findobj(Text))


def script(project, name):
    plotting.apply_style(STYLE)
    return runpy.run_path(str(project / "scripts" / "figures" / f"{name}.py"))["make"]


@pytest.mark.slow
@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("units", [1, 2, 3, 7])
def test_the_static_network_is_drawn_with_any_number_of_units(
    project, tmp_path, rng, units, trained
):
    theta = np.linspace(-np.pi, np.pi, 24, endpoint=False)
    before = rng.normal(size=(24, units))
    after = rng.normal(size=(24, units)) if trained else before
    arrays = xr.Dataset(
        {
            "states": (("stage", "theta", "unit"), np.stack([before, after])),
            "metric": (("stage", "theta"), rng.uniform(1, 2, (2, 24))),
            "gridline": (("stage", "line"), rng.uniform(-3, 3, (2, 5))),
            "status": ((), "untrained"),
        },
        coords={"stage": ["before", "after"], "theta": theta},
    )
    summary = pd.DataFrame(
        {
            "quantity": "speed near the boundaries / mean speed",
            "condition": ["before", "after"],
            "moment": "",
            "fraction": np.nan,
            "n": 1,
            "mean": 1.0,
            "low": np.nan,
            "high": np.nan,
        }
    )
    result_files.write_dataset(arrays.expand_dims(seed=[1]), tmp_path / "a.nc", {})
    result_files.write_table(summary, tmp_path / "s.csv", {})
    arguments = Namespace(arrays=[tmp_path / "a.nc"], summary=[tmp_path / "s.csv"])
    figure = script(project, "warping_static")(arguments, {"style": STYLE})
    written = texts(figure)
    assert ("not trained: before and after are the same" in written) != trained
    panels = [axes for axes in figure.axes if axes.name == "3d"]
    assert len(panels) == 2
    names = [axes.get_xlabel().split(" (")[0] for axes in panels]
    assert names == ["unit 1" if units <= 3 else "PC 1"] * 2
    if units == 3:
        drawn = np.stack(panels[1].lines[0].get_data_3d(), axis=1)
        assert np.array_equal(drawn, np.vstack([after, after[:1]]))
    if units == 7:
        # A projection onto orthogonal axes lengthens no distance, and keeps some of each.
        drawn = np.stack(panels[1].lines[0].get_data_3d(), axis=1)[:-1]
        assert (pdist(drawn) <= pdist(after) + 1e-9).all() and (pdist(drawn) > 0).all()


def over_table(seeds, trained=True):
    """Return a table of distances to the own end, and of other seeds where there are several."""
    pairs = [(seed, seed, "own_final") for seed in seeds]
    pairs += [(b, a, "floor") for a in seeds for b in seeds if a < b]
    rows = [
        {
            "measure": "cka",
            "against": against,
            "checkpoint": fraction,
            "architecture_a": "rnn",
            "curriculum_a": "master",
            "curriculum_b": "master",
            "seed_a": a,
            "seed_b": b,
            "step_a": 10 * fraction * trained,
            "step_b": 10 * trained,
            "accuracy_a": 0.5,
            "dissimilarity": 1 - fraction,
        }
        for a, b, against in pairs
        for fraction in (0.0, 1.0)
    ]
    return pd.DataFrame(rows)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "separation"), [([1], np.nan), ([1, 2], 0.9), ([1, 2], np.nan)])
def test_over_learning_says_what_one_seed_cannot_show(project, tmp_path, seeds, separation):
    learning = pd.DataFrame(
        {
            "measure": "cka",
            "architecture": "rnn",
            "against": "own_final",
            "curriculum_a": "master",
            "checkpoint": [0.0, 1.0],
            "separation": separation,
        }
    )
    result_files.write_table(over_table(seeds), tmp_path / "over.csv", {})
    result_files.write_table(learning, tmp_path / "learning.csv", {})
    settings = {
        "style": STYLE, "reference": "master", "measures": ["cka"], "curricula": ["master"],
        "statistics": {"min_seeds": 5}, "wasserstein": [],
    }  # fmt: skip
    arguments = Namespace(
        over=[tmp_path / "over.csv"], learning=[tmp_path / "learning.csv"], sensitivity=[]
    )
    written = texts(script(project, "over_learning")(arguments, settings))
    for reason in ("nor another seed of master to compare with", "it needs two seeds"):
        assert (reason in written) == (len(seeds) == 1)
    # As under the published reduction.
    assert ("No floor of the same" in written) == (len(seeds) == 2 and np.isnan(separation))


@pytest.mark.slow
def test_pairs_of_two_groups_are_those_that_count_as_one(project, tmp_path):
    systems = [("rec", "rec", None), *((f"{g}/{s}", g, s) for g in ("a", "b") for s in (1, 2))]
    pairs = pd.DataFrame(
        [
            {
                "measure": "cka",
                "trials": "conditions",
                "dissimilarity": 0.5,
                "n_trials_a": 4,
                **{f"{key}_a": value for key, value in zip(keys, a, strict=True)},
                **{f"{key}_b": value for key, value in zip(keys, b, strict=True)},
            }
            for keys in [("system", "group", "seed")]
            for a, b in itertools.combinations(systems, 2)
        ]
    ).astype({"seed_a": "Int64", "seed_b": "Int64"})
    numbers = unit_numbers(pairs)
    groups = ["rec", "a", "b"]
    options = {
        "references": groups,
        "confidence": 0.95,
        "family_error": 0.05,
        "min_systems": 5,
        "seed": 0,
    }
    result_files.write_table(pairs, tmp_path / "pairs.csv", {})
    summary = group_tables(pairs, numbers, **options)[0]
    result_files.write_table(summary, tmp_path / "summary.csv", {})
    settings = {
        "style": STYLE, "measures": ["cka"], "statistics": {"min_seeds": 5}, "wasserstein": [],
    }  # fmt: skip
    arguments = Namespace(pairs=[tmp_path / "pairs.csv"], summary=[tmp_path / "summary.csv"])
    written = texts(script(project, "datasets")(arguments, settings))
    # Four pairs, of which two are of one seed.
    assert "a to b (2 pairs)" in written and "rec to a (2 pairs)" in written
    of_both = summary[(summary["group_a"] == "a") & (summary["group_b"] == "b")]
    assert of_both["n_pairs"].tolist() == [2]


@pytest.mark.slow
def test_narrow_panels_stand_beside_the_row_of_their_measure(project, tmp_path):
    measures = ["cka", "dsa", "dsa_input"]
    learning = pd.DataFrame(
        {
            "measure": measures,
            "architecture": "rnn",
            "against": "own_final",
            "curriculum_a": "master",
            "checkpoint": 0.0,
            "separation": 0.5,
        }
    )
    tried = pd.DataFrame({"n_delays": [2, 2], "delay_interval": 1, "rank": [5, 10]})
    tried = tried.assign(
        architecture="rnn", conclusion="over", own=[True, False], carried=True, holds=True, n=2
    )
    tables = {
        "over": pd.concat([over_table([1, 2]).assign(measure=name) for name in measures]),
        "learning": learning,
        "sensitivity": pd.concat([tried.assign(measure=name) for name in measures[1:]]),
    }
    for name, table in tables.items():
        result_files.write_table(table, tmp_path / f"{name}.csv", {})
    arguments = Namespace(**{name: [tmp_path / f"{name}.csv"] for name in tables})
    settings = {
        "style": STYLE, "reference": "master", "measures": measures, "curricula": ["master"],
        "statistics": {"min_seeds": 5}, "wasserstein": [],
    }  # fmt: skip
    figure = script(project, "over_learning")(arguments, settings)
    figure.canvas.draw()
    narrow = [axes.get_position() for axes in figure.axes if axes.images]
    rows = [
        next(axes for axes in figure.axes if axes.get_ylabel().startswith(label)).get_position()
        for label in ("DSA", "InputDSA")
    ]
    for beside, row in zip(narrow, rows, strict=True):
        assert (beside.y0, beside.y1) == pytest.approx((row.y0, row.y1), abs=1e-6)


def test_unused_panels_of_the_sensitivity_are_empty(project, tmp_path):
    """A measure with fewer numbers of delays than another leaves panels of its rows free."""
    tried = [("dsa", n_delays) for n_delays in (2, 4, 8)] + [("dsa_input", 1), ("dsa_input", 2)]
    rows = [
        {
            "measure": measure, "n_delays": n_delays, "delay_interval": 1, "rank": rank,
            "own": n_delays == 2 and rank == 5, "carried": True, "conclusion": conclusion,
            "architecture": "rnn", "item": "master", "value": 0.1 * rank, "n": 2,
        }
        for measure, n_delays in tried
        for conclusion in ("after", "over")
        for rank in (5, 10)
    ]  # fmt: skip
    result_files.write_table(pd.DataFrame(rows), tmp_path / "values.csv", {})
    held = [
        {
            "measure": measure, "conclusion": conclusion, "architecture": "rnn",
            "item_a": "master", "n_holds": 1, "n_settings": 3, "share": 1 / 3,
        }
        for measure in ("dsa", "dsa_input")
        for conclusion in ("after", "over")
    ]  # fmt: skip
    result_files.write_table(pd.DataFrame(held), tmp_path / "shares.csv", {})
    arguments = Namespace(values=[tmp_path / "values.csv"], shares=[tmp_path / "shares.csv"])
    settings = {
        "wasserstein": [],
        "style": STYLE, "reference": "master", "curricula": ["master"], "architecture": "rnn",
    }  # fmt: skip
    figure = script(project, "dsa_sensitivity")(arguments, settings)
    panels = np.reshape(figure.axes, (4, 3))
    drawn = np.array([[bool(axes.lines or axes.texts) for axes in row] for row in panels])
    assert drawn.tolist() == [[True] * 3, [True] * 3, [True, True, False], [True, True, False]]
    assert panels[2, 0].get_title() == "InputDSA, 1 delay"
    assert [text.get_text() for text in panels[2, 0].texts] == ["orderings hold in 1/3 settings"]


def test_a_measure_has_a_name_and_a_unit_of_its_own(project):
    names = [words.measure_name(name) for name in words.MEASURE_LABELS]
    assert len(set(names)) == len(names)
    units = {words.measure_unit(name, {}) for name in words.MEASURE_LABELS}
    assert units == {"angle / 90°", "radians", "dissimilarity"}
    label = runpy.run_path(str(project / "scripts" / "figures" / "warping_learning.py"))[
        "relation_label"
    ]
    assert label("dsa_input", "distance to own end") == "InputDSA to the end"
    assert label("metric", "distance to own end") == "metric (angle to the end)"
    assert label("effective rank", "scalar") == "effective rank"


def test_an_axis_of_rounding_errors_shows_zero():
    axes = Figure().subplots()
    axes.plot([0, 1], [1e-16, 2e-16])
    plotting.from_zero(axes)
    assert axes.get_ylim() == (0, 1)
