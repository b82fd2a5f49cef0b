"""Figures of sets and groups of systems, for notebooks: matrices, embeddings, dissimilarities by group."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from warpline.comparison.groups import GroupComparison
from warpline.comparison.multidimensional_scaling import embed
from warpline.comparison.sets import SystemMatrix
from warpline.figures.plotting import (
    annotated_heat_map,
    colours,
    jitter,
    legend_below,
    style_parameters,
)
from warpline.figures.words import measure_label, measure_name
from warpline.similarity.measure_rows import ROUNDING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = [
    "couples_of",
    "draw_groups",
    "draw_matrix",
    "embedding_figure",
    "group_figure",
    "matrix_figure",
    "matrix_side",
]

FONT_SIZE = 9.0
CHARACTER = 0.55 * FONT_SIZE / 72
"""Width of a character in inches, about."""
STYLE = {"palette": "okabe-ito", "colormap": "viridis", "font_size": FONT_SIZE, "dpi": 110}
#: Above so many systems, cells have no numbers and points no names.
MOST_NUMBERS, MOST_NAMES = 12, 30


def _in_house_style(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the house style and leave the notebook's own style as it is."""

    @wraps(draw)
    def styled(*arguments: Any, **options: Any) -> Figure:
        import matplotlib as mpl

        with mpl.rc_context(style_parameters(STYLE)):
            return draw(*arguments, **options)

    return styled


def _figure(width: float, height: float) -> Figure:
    # Not by pyplot, which would show a figure twice in a notebook: as its own, and as a cell's value.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


@_in_house_style
def matrix_figure(
    matrices: Mapping[str, SystemMatrix], groups: Mapping[str, Sequence[str]] | None = None
) -> Figure:
    """Draw matrices of dissimilarities as heat maps, a panel per measure on its own scale.

    Parameters
    ----------
    matrices : mapping of str to SystemMatrix
    groups : mapping of str to sequence of str, optional
        Systems by group, in the order of the matrices; lines stand between the groups.
    """
    matrices, missing = _with_values(matrices)
    first = next(iter(matrices.values()))
    n_rows, n_columns = first.dissimilarity.shape
    cell = matrix_side(max(n_rows, n_columns)) / max(n_rows, n_columns)
    # Names of up to a dozen characters have their place; those of columns stand at 45°.
    named = max(n_rows, n_columns) <= MOST_NUMBERS
    wide, high = (
        named * CHARACTER * max(0, max(map(len, names)) - 12)
        for names in (first.names, first.columns)
    )
    high *= 0.5**0.5
    figure = _figure(
        len(matrices) * (cell * n_columns + 2.3 + wide), max(cell * n_rows, 1.0) + 1.6 + high
    )
    axes = np.atleast_1d(figure.subplots(1, len(matrices), squeeze=False)[0])
    for panel, (measure, matrix) in zip(axes, matrices.items(), strict=True):
        labels = (matrix.names, matrix.columns)
        image = draw_matrix(panel, matrix.dissimilarity, labels, groups)
        bar = figure.colorbar(image, ax=panel, shrink=0.8)
        bar.set_label(_label(measure, matrix))
        failed = int(matrix.table["dissimilarity"].isna().sum())
        n = len(matrix.table)
        panel.set_title(f"n = {n} pair{'s' * (n != 1)}" + (f", {failed} failed" if failed else ""))
    _title(figure, missing)
    return figure


@_in_house_style
def embedding_figure(
    matrices: Mapping[str, SystemMatrix], groups: Mapping[str, Sequence[str]] | None = None
) -> Figure:
    """Draw systems as points by metric multidimensional scaling, a panel per measure.

    Parameters
    ----------
    matrices : mapping of str to SystemMatrix
        Each of one set.
    groups : mapping of str to sequence of str, optional
        Systems by group, which have a colour and a marker each; without groups points have names.

    Raises
    ------
    DimensionError
        When a matrix is not that of one set.
    InputError
        When the dissimilarities of all measures are negative somewhere.
    """
    matrices, missing = _with_values(matrices)
    # One measure that has no picture takes none from the others; alone, it says so.
    shown = {
        measure: matrix
        for measure, matrix in matrices.items()
        if not (matrix.table["dissimilarity"] < -ROUNDING).any()
    }
    negative = ", ".join(measure_name(measure) for measure in matrices if measure not in shown)
    unplaced = f"negative, as no distances of points are: {negative}" if negative else ""
    matrices = shown or matrices
    figure = _figure(3.1 * len(matrices) + 0.3, 3.4 if groups is None else 3.7)
    axes = figure.subplots(1, len(matrices), squeeze=False)[0]
    for panel, (measure, matrix) in zip(axes, matrices.items(), strict=True):
        # A system whose pairs all failed has no place.
        counts = np.isfinite(matrix.dissimilarity) & ~np.eye(len(matrix.names), dtype=bool)
        placed = np.flatnonzero(counts.any(axis=1))
        embedding = embed(matrix.dissimilarity[np.ix_(placed, placed)])
        names = [matrix.names[k] for k in placed]
        members = {
            group: [name for name in systems if name in names]
            for group, systems in (groups or {"": names}).items()
        }
        for name, (colour, marker) in colours(list(members), STYLE).items():
            indices = [names.index(system) for system in members[name]]
            panel.scatter(
                *embedding.points[indices].T,
                color=colour,
                marker=marker,
                s=36,
                alpha=0.8,
                label=f"{name} (n = {len(indices)})" if groups else None,
            )
        if groups is None and len(matrix.names) <= MOST_NAMES:
            for point, name in zip(embedding.points, names, strict=True):
                panel.annotate(name, point, xytext=(4, 3), textcoords="offset points", fontsize=7)
        panel.set_aspect("equal", adjustable="datalim")
        panel.margins(0.15)
        left_out = len(matrix.names) - len(names)
        panel.set_title(
            f"{_label(measure, matrix)}\nstress {embedding.stress:.2f}"
            + (f", {left_out} without a pair" if left_out else "")
        )
        panel.set_xlabel("first axis")
    axes[0].set_ylabel("second axis")
    if groups:
        handles, labels = axes[0].get_legend_handles_labels()
        legend_below(figure, handles, labels, min(4, len(groups)))
    _title(figure, missing, unplaced)
    return figure


@_in_house_style
def group_figure(result: GroupComparison) -> Figure:
    """Draw the dissimilarities within and between groups, a panel per measure in its own unit.

    Small points are pairs of systems, large ones their means with jackknife intervals over systems.

    Parameters
    ----------
    result : GroupComparison
    """
    names = list(result.groups)
    matrices, missing = _with_values(result.matrices)
    figure = _figure(4.4 * len(matrices), 0.36 * len(couples_of(names)) + 1.3)
    axes = figure.subplots(1, len(matrices), squeeze=False)[0]
    for panel, (measure, matrix) in zip(axes, matrices.items(), strict=True):
        pairs = result.pairs[result.pairs["measure"] == measure]
        summary = result.summary[result.summary["measure"] == measure]
        draw_groups(panel, pairs, summary, names, STYLE)
        panel.set_xlabel(_label(measure, matrix))
        failed = int(pairs["dissimilarity"].isna().sum())
        if failed:
            panel.set_title(f"{failed} pairs failed")
    sizes = ", ".join(f"{name} {len(systems)}" for name, systems in result.groups.items())
    title = (
        f"pairs, means, {100 * result.confidence:g}% intervals (jackknife over systems: {sizes})"
    )
    _title(figure, title, missing)
    return figure


def _label(measure: str, matrix: SystemMatrix) -> str:
    """Return a measure's axis label, with the unit of its values."""
    return measure_label(measure, {"wasserstein": [measure] if matrix.wasserstein else []})


def _with_values(matrices: Mapping[str, SystemMatrix]) -> tuple[dict[str, SystemMatrix], str]:
    """Return the measures that have a value, and a sentence that names the others."""
    shown = {
        measure: matrix
        for measure, matrix in matrices.items()
        if matrix.table["dissimilarity"].notna().any()
    }
    missing = ", ".join(measure_name(measure) for measure in matrices if measure not in shown)
    # Without any value there are still panels, which count what failed.
    return shown or dict(matrices), f"without a value (see status): {missing}" if missing else ""


def _title(figure: Figure, *sentences: str) -> None:
    """Write sentences above a figure, broken to its width."""
    width = int(figure.get_figwidth() / CHARACTER)
    lines = [textwrap.fill(sentence, width) for sentence in sentences if sentence]
    if lines:
        figure.suptitle("\n".join(lines), fontsize=FONT_SIZE)


def matrix_side(n_systems: int) -> float:
    """Return the side of a heat map of so many systems, in inches."""
    return 0.5 * n_systems if n_systems <= MOST_NUMBERS else 4.0


def draw_matrix(
    panel: Axes,
    values: NDArray[np.float64],
    labels: tuple[Sequence[str], Sequence[str]],
    groups: Mapping[str, Sequence[str]] | None,
) -> Any:
    """Draw a matrix of dissimilarities; groups are labelled where single systems are too many.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
    values : ndarray, shape (row, column)
    labels : pair of sequence of str
        Systems of the rows and of the columns.
    groups : mapping of str to sequence of str, optional
        As `matrix_figure`.

    Returns
    -------
    matplotlib.image.AxesImage
    """
    largest = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
    if max(values.shape) <= MOST_NUMBERS:
        image = annotated_heat_map(panel, values, labels, largest)
    else:
        image = panel.imshow(values, vmin=0, vmax=largest, aspect="equal")
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_xlabel(f"{len(labels[1])} systems")
        panel.set_ylabel(f"{len(labels[0])} systems")
    ends = np.cumsum([len(names) for names in (groups or {}).values()])
    if groups and max(values.shape) > MOST_NUMBERS:
        middles = ends - np.array([len(names) for names in groups.values()]) / 2 - 0.5
        slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        panel.set_xticks(middles, list(groups), **slanted)
        panel.set_yticks(middles, list(groups))
        panel.tick_params(length=0)
    for boundary in ends[:-1]:
        panel.axhline(boundary - 0.5, color="white", linewidth=2)
        panel.axvline(boundary - 0.5, color="white", linewidth=2)
    return image


def draw_groups(
    panel: Axes,
    pairs: Any,
    summary: Any,
    names: Sequence[str],
    style: Mapping[str, Any],
) -> None:
    """Draw the pairs of one measure by two groups below each other, with means and intervals.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
    pairs, summary : DataFrame
        Rows of one measure (`warpline.comparison.groups.GroupComparison`).
    names : sequence of str
        Groups in their order.
    style : mapping
        As `colours`.
    """
    shown = [couple for couple in couples_of(names) if len(_of_groups(pairs, *couple))]
    kinds = colours(["within", "between"], style)
    labels = []
    for position, (a, b) in enumerate(shown):
        values = _of_groups(pairs, a, b)["dissimilarity"].dropna().to_numpy()
        colour, marker = kinds["within" if a == b else "between"]
        spread = position + jitter(len(values), 0.5)
        panel.scatter(values, spread, s=9, color=colour, alpha=0.4, lw=0)
        couple = f"within {a}" if a == b else f"{a} to {b}"
        # No n: systems are the observations, not their pairs.
        labels.append(f"{couple} ({len(values)} pair{'s' * (len(values) != 1)})")
        row = _of_groups(summary, a, b)
        if row.empty:
            continue
        mean, low, high = (float(row[column].iloc[0]) for column in ("mean", "low", "high"))
        if math.isfinite(low):
            panel.plot([low, high], [position] * 2, color="black", linewidth=1.5)
        large: dict[str, Any] = {"markeredgecolor": "black", "markersize": 7, "lw": 0}
        panel.plot([mean], [position], marker=marker, color=colour, **large)
    panel.set_yticks(range(len(shown)), labels)
    panel.set_ylim(len(shown) - 0.4, -0.6)
    panel.set_xlim(left=0)


def couples_of(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return each group with itself, then all pairs of groups."""
    within = [(name, name) for name in names]
    return within + [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]


def _of_groups(table: Any, a: str, b: str) -> Any:
    """Return the rows of two groups, in either order."""
    first, second = table["group_a"], table["group_b"]
    return table[((first == a) & (second == b)) | ((first == b) & (second == a))]
