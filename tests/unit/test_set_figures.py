"""Figures of sets and groups: labels, legends, titles, and what failed."""

import itertools
from dataclasses import replace

import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from turning_systems import DSA, SYSTEMS

import warpline
from warpline.similarity.input_errors import InputError


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["groups", "matrix", "embedding"])
def test_figures_of_groups(groups, kind):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    figure = groups.plot(kind)
    assert dict(mpl.rcParams) == before
    texts = []
    for panel in figure.axes:
        parts = [panel.title, panel.xaxis.label, panel.yaxis.label, *panel.get_yticklabels()]
        texts += [text.get_text() for text in parts]
    texts += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    joined = " ".join(texts)
    assert "DSA (radians)" in joined and "Procrustes" in joined
    # The groups' panel counts pairs, which are no observations.
    assert ("pairs)" if kind == "groups" else "n = ") in joined
    if kind == "embedding":
        stress = groups.matrices["dsa"].embedding().stress
        assert f"stress {stress:.2f}" in joined and "decoy (n = 3)" in joined


def test_distances_of_eigenvalues_are_no_radians():
    systems = {name: SYSTEMS[name] for name in "abc"}
    matrix = warpline.compare(systems, measure="dsa", score="wasserstein", **DSA)
    groups = {"a": [SYSTEMS["a"], SYSTEMS["b"]], "b": [SYSTEMS["c"], SYSTEMS["d"]]}
    result = warpline.compare_groups(groups, ["dsa"], score="wasserstein", confidence=0.975, **DSA)
    figures = [
        matrix.plot(),
        matrix.plot("embedding"),
        *map(result.plot, ("groups", "matrix", "embedding")),
    ]
    for figure in figures:
        labels = [
            f(axes)
            for axes in figure.axes
            for f in (Axes.get_xlabel, Axes.get_ylabel, Axes.get_title)
        ]
        assert any("dsa (Wasserstein)" in label for label in labels)
        assert not any("radians" in label for label in labels)
    # Of rounded percents, 97.5 would be 98, and 99.5 all.
    assert "97.5% intervals" in figures[2].get_suptitle().replace("\n", " ")


def test_a_measure_with_negative_values_takes_no_picture_from_the_others():
    groups = {"a": [SYSTEMS["a"], SYSTEMS["b"]], "b": [SYSTEMS["c"], SYSTEMS["d"]]}
    result = warpline.compare_groups(groups, ["procrustes", "cka"])
    signed = result.matrices["cka"]
    table = signed.table.assign(dissimilarity=signed.table["dissimilarity"] - 2)
    negative = replace(signed, dissimilarity=signed.dissimilarity - 2, table=table)
    figure = replace(result, matrices={**result.matrices, "cka": negative}).plot("embedding")
    assert len(figure.axes) == 1 and "Procrustes" in figure.axes[0].get_title()
    assert "negative, as no distances of points are: CKA" in figure.get_suptitle().replace(
        "\n", " "
    )
    with pytest.raises(InputError, match="dissimilarities of at least 0"):
        replace(result, matrices={"cka": negative}).plot("embedding")


def test_the_title_of_a_narrow_figure_is_not_cut():
    """Two groups and one measure, saved without a tight box."""
    groups = {"a": [SYSTEMS["a"], SYSTEMS["b"]], "b": [SYSTEMS["c"], SYSTEMS["d"]]}
    figure = warpline.compare_groups(groups, ["procrustes"]).plot()
    figure.canvas.draw()
    title = figure.get_suptitle()
    box = next(text for text in figure.texts if text.get_text() == title).get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1


def test_long_names_of_groups_do_not_overlap():
    groups = {
        "macaques with a lesion": [SYSTEMS["a"], SYSTEMS["b"]],
        "gru.pretrain_anti_then_pro": [SYSTEMS["c"], SYSTEMS["d"]],
    }
    figure = warpline.compare_groups(groups, ["procrustes"]).plot()
    FigureCanvasAgg(figure).draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(upper.y0 > lower.y1 for upper, lower in itertools.pairwise(boxes))
    assert min(box.x0 for box in boxes) >= 0


def test_the_legend_of_three_groups_is_not_cut():
    """The n of the last group was outside."""
    members = [[SYSTEMS["a"], SYSTEMS["b"]], [SYSTEMS["c"]], [SYSTEMS["d"], SYSTEMS["a"] ** 3]]
    groups = dict(zip(("monkey", "rnn", "decoy"), members, strict=True))
    figure = warpline.compare_groups(groups, ["procrustes"]).plot("embedding")
    FigureCanvasAgg(figure).draw()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
    assert len(figure.legends) == 1 and len(figure.legends[0].get_texts()) == 3


def test_long_names_of_systems_leave_room_for_the_matrix():
    names = ["monday morning, the first session of the month", "friday"]
    systems = dict(zip(names, (SYSTEMS["a"], SYSTEMS["b"]), strict=True))
    figure = warpline.compare(systems, measure="procrustes").plot()
    FigureCanvasAgg(figure).draw()
    panel = figure.axes[0]
    assert panel.get_title() == "n = 1 pair"
    cell = panel.get_window_extent().width / 2
    assert all(text.get_window_extent().width < cell for text in panel.texts)


def test_failed_pairs_are_counted_in_print_and_figure():
    """A system with too few times for the delays has no pairs."""
    groups = {"a": [SYSTEMS[name] for name in "abc"], "b": [SYSTEMS["d"], SYSTEMS["d"][:, :3]]}
    result = warpline.compare_groups(groups, ["dsa"], n_delays=5, rank=3)
    assert "4 of 10 pairs failed" in repr(result)
    assert result.plot().axes[0].get_title() == "4 pairs failed"
    panel = result.plot("embedding").axes[0]
    assert panel.get_title().endswith(", 1 without a pair")
    assert sum(len(points.get_offsets()) for points in panel.collections) == 4


def test_figures_of_sets():
    result = warpline.compare(SYSTEMS, measure="procrustes")
    numbers = {text.get_text() for text in result.plot().axes[0].texts}
    assert {f"{value:.2f}" for value in result.dissimilarity.ravel()} == numbers
    names = {text.get_text() for text in result.plot("embedding").axes[0].texts}
    assert names == set(SYSTEMS)
    with pytest.raises(InputError, match="matrix, embedding; got 'tree'"):
        result.plot("tree")
    many = {f"{k}": SYSTEMS["abcd"[k % 4]] + 0.01 * k for k in range(14)}
    assert not warpline.compare(many, measure="procrustes").plot().axes[0].texts


def test_groups_are_drawn_without_the_measure_that_failed():
    few = {"all": [SYSTEMS["a"], SYSTEMS["b"]], "few": [SYSTEMS["c"][:5], SYSTEMS["d"][:5]]}
    with pytest.warns(UserWarning, match="compared by cka"):
        result = warpline.compare_groups(few, ["cka", "dsa"], **DSA)
    assert "6 of 12 pairs failed (6 of cka)" in repr(result)
    counts = result.summary.set_index(["measure", "group_a", "group_b"])["n_pairs"]
    assert counts["cka"].tolist() == [0, 0, 0] and counts["dsa"].tolist() == [1, 4, 1]
    assert result.summary["mean"].notna().tolist() == [False] * 3 + [True] * 3
    assert result.pairs.groupby("measure")["dissimilarity"].count().to_dict() == {
        "cka": 0,
        "dsa": 6,
    }
    for kind in ("groups", "matrix", "embedding"):
        figure = result.plot(kind)
        assert "without a value (see status): CKA" in figure.get_suptitle(), kind
        assert len(figure.axes) == 1 + (kind == "matrix")
