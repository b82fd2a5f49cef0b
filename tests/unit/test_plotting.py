import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from warpline.figures import plotting
from warpline.figures.sensitivity_panel import draw_sensitivity, sensitive_measures

STYLE = {"palette": "okabe-ito", "colormap": "viridis", "font_size": 9.0, "dpi": 80}


@pytest.mark.parametrize("palette", plotting.PALETTES)
def test_eleven_curricula_can_be_told_apart(palette):
    styles = plotting.colours([f"c{k}" for k in range(11)], STYLE | {"palette": palette})
    assert len(set(styles.values())) == 11


def test_adding_a_curriculum_keeps_the_colours_of_the_others():
    assert plotting.colours(["a", "b"], STYLE)["b"] == plotting.colours(["a", "b", "c"], STYLE)["b"]


def test_figures_are_the_same_bytes_each_time(tmp_path):
    import matplotlib.pyplot as plt

    plotting.apply_style(STYLE)
    for k in range(2):
        figure, axes = plt.subplots()
        plotting.annotated_heat_map(
            axes, np.array([[0.0, 0.5], [np.nan, 1.0]]), (["a", "b"], ["c", "d"]), 1.0
        )
        plotting._save(figure, tmp_path / f"{k}.svg", tmp_path / f"{k}.png", {})
    for suffix in ("svg", "png"):
        assert (tmp_path / f"0.{suffix}").read_bytes() == (tmp_path / f"1.{suffix}").read_bytes()


def test_labels_are_broken_into_lines():
    assert plotting.curriculum_label("pretrain_basic_anti_frozen") == "pretrain\nbasic anti\nfrozen"


def test_what_two_architectures_differ_in(project):
    import runpy

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
    assert difference(rnn, rnn | {"model": "mine.py:Net"}) == "Net\nagainst leaky rnn"


def test_names_come_in_the_order_of_the_configuration():
    columns = (["b", "x"], ["a", "b"])
    assert plotting.names_in_data(["a", "b", "c"], *columns) == ["a", "b"]
    assert plotting.names_in_data(["c", "b", "a"], columns[0]) == ["b"]


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
            "n": 3,
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
