"""Figures over learning: the n of their legends, and networks of one unit."""

import runpy
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from warpline.core import result_files
from warpline.figures import plotting


def over_learning():
    """Two curricula, three seeds, two measures; networks of the reference have each other's seeds as floor."""
    rows = [("master", a, "master", b, "floor") for a, b in ((2, 1), (3, 1), (3, 2))]
    rows += [
        (name, seed, name, seed, "own_final") for name in ("master", "other") for seed in (1, 2, 3)
    ]
    rows += [("other", seed, "master", seed, "reference") for seed in (1, 2, 3)]
    columns = ["curriculum_a", "seed_a", "curriculum_b", "seed_b", "against"]
    pairs = pd.DataFrame(rows, columns=columns)
    return pd.concat(
        pairs.assign(measure=measure, checkpoint=checkpoint, dissimilarity=0.1)
        for measure in ("cka", "dsa")
        for checkpoint in (0.0, 1.0)
    )


def test_the_legend_says_of_how_many_networks_curves_are_means(project):
    label = runpy.run_path(str(project / "scripts/figures/over_learning.py"))["curve_label"]
    over = over_learning()
    assert label(over, "other", "master") == "other (n = 3)"
    assert label(over, "master", "master") == "master (n = 3)"
    assert label(over, "master", "master", True) == "master (other seeds, 3 pairs)"
    # By one measure, the third network has no value before learning.
    start = (over["measure"] == "dsa") & (over["checkpoint"] == 0.0) & (over["seed_a"] == 3)
    over.loc[start, "dissimilarity"] = np.nan
    assert label(over, "other", "master") == "other (n = 2 to 3)"
    assert label(over, "master", "master", True) == "master (other seeds, 1 to 3 pairs)"
    over.loc[over["measure"] == "cka", "dissimilarity"] = np.nan
    assert label(over, "other", "master") == "other (n = 0 to 3)"


@pytest.mark.parametrize(
    ("n_of_accuracy", "texts"),
    [
        (3, ["constant where accuracy varies", "no half-time where accuracy has one"]),
        (0, ["before the end, accuracy does not vary above chance", "accuracy has no half-time"]),
    ],
)
def test_a_relation_with_accuracy_that_is_missing_says_why(project, n_of_accuracy, texts):
    script = runpy.run_path(str(project / "scripts/figures/warping_learning.py"))
    accuracy = {"spearman_n": n_of_accuracy, "half_way_n": n_of_accuracy}
    for quantity, text in zip(("spearman", "lag"), texts, strict=True):
        rows = [("all", 0.5, 3), ("two", 0.5, 2), ("none", np.nan, 0)]
        relations = pd.DataFrame(rows, columns=["name", quantity, f"{quantity}_n"])
        relations = relations.assign(
            kind="scalar", **{f"{quantity}_{end}": np.nan for end in ("low", "high")}
        )
        networks = pd.DataFrame({"name": ["all"] * 3, quantity: 0.5})
        styles = dict.fromkeys(relations["name"], ("black", "o"))
        axes = Figure().subplots()
        missing = script["why_missing"](quantity, accuracy)
        script["draw_relations"](
            axes, relations.set_index("name"), networks, quantity, styles, "", 3, missing
        )
        assert [one.get_text() for one in axes.texts] == ["n = 2", text]
        # Nothing but the row without networks: its text alone.
        axes = Figure().subplots()
        script["draw_relations"](
            axes, relations[2:].set_index("name"), networks, quantity, styles, "", 3, missing
        )
        assert [one.get_text() for one in axes.texts] == [text]


def test_the_legend_of_many_curricula_leaves_room_for_the_panels(project, tmp_path):
    names = [f"pretrain_of_many_tasks_{k}" for k in range(20)]
    rows = over_learning()
    own = rows[rows["against"] == "own_final"]
    over = pd.concat([rows, *(own.assign(curriculum_a=name, curriculum_b=name) for name in names)])
    over = over.assign(accuracy_a=0.5, step_a=1, step_b=1, architecture_a="rnn")
    learning = pd.DataFrame(
        columns=["against", "architecture", "measure", "curriculum_a", "checkpoint", "separation"]
    )
    files = {}
    for name, table in (("over", over), ("learning", learning)):
        files[name] = [tmp_path / f"{name}.csv"]
        result_files.write_table(table, files[name][0], {})
    style = {"palette": "okabe-ito", "colormap": "viridis", "font_size": 9.0, "dpi": 100}
    settings = {
        "style": style,
        "measures": ["cka", "dsa"],
        "curricula": ["master", "other", *names],
        "reference": "master",
        "statistics": {"min_seeds": 5},
    }
    make = runpy.run_path(str(project / "scripts/figures/over_learning.py"))["make"]
    with matplotlib.rc_context(plotting.style_parameters(style)):
        figure = make(SimpleNamespace(**files, sensitivity=[]), settings)
        figure.savefig(tmp_path / "figure.png")
        legend = figure.axes[1].get_legend().get_window_extent()
        heights = [panel.get_window_extent().height / style["dpi"] for panel in figure.axes]
    assert 0 <= legend.y0 < legend.y1 <= figure.bbox.height
    assert min(heights) > 0.8


@pytest.mark.parametrize("n_units", [1, 2, 3])
def test_states_of_few_units_have_two_components(project, rng, n_units):
    script = runpy.run_path(str(project / "scripts/figures/trajectories.py"))
    means = rng.normal(size=(2, 3, 8, n_units))
    means[0, 1, 5:] = np.nan
    scores, shares = script["pooled_components"](means)
    assert scores.shape == (2, 3, 8, 2) and shares.shape == (2,)
    np.testing.assert_array_equal(np.isnan(scores).any(axis=-1), np.isnan(means).any(axis=-1))
    if n_units == 1:
        assert shares.tolist() == [1.0, 0.0] and np.nanmax(np.abs(scores[..., 1])) == 0.0
    else:
        assert shares.sum() <= 1 + 1e-12 and shares[0] >= shares[1] > 0
