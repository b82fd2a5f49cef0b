"""House style of the figures, and what several of them draw."""

from __future__ import annotations

import logging
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = [
    "annotate_above",
    "annotated_heat_map",
    "apply_style",
    "colours",
    "curriculum_label",
    "from_zero",
    "jitter",
    "label_log_axis",
    "legend_below",
    "legend_entries",
    "level_line",
    "names_in_data",
    "nothing_to_show",
    "say_why_empty",
    "shade_periods",
    "shared_legend",
    "stacked_panels",
    "style_parameters",
    "text_colour",
    "title_above",
]

PALETTES = {
    # Safe for colour-blind readers: Okabe and Ito (2008), and Paul Tol's "bright" scheme. Light yellow is
    # left out, because thin lines in it cannot be seen on white.
    "okabe-ito": ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"],
    "tol-bright": ["#4477AA", "#EE6677", "#228833", "#AA3377", "#66CCEE", "#CCBB44", "#BBBBBB"],
}
MARKERS = "osD^vPX"
MOST_LEGEND = 0.4
"""Share of the height of a figure that its legend may take."""
ROUNDING = 1e-9
"""Largest dissimilarity that rounding alone can leave."""


def legend_entries(axes: NDArray[Any]) -> tuple[list[Any], list[str]]:
    """Return handles and labels of all panels; an entry that several panels have is listed once."""
    entries: dict[str, Any] = {}
    for panel in axes.flat:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    return list(entries.values()), list(entries)


def shared_legend(figure: Figure, axes: NDArray[Any], ncols: int) -> None:
    """Draw one legend below all panels (`legend_entries`), with ``ncols`` entries in a row."""
    legend_below(figure, *legend_entries(axes), ncols)


def legend_below(figure: Figure, handles: Sequence[Any], labels: Sequence[str], ncols: int) -> None:
    """Draw a legend below all panels, ``ncols`` entries in a row or as many as the figure is wide.

    A figure that one column of entries does not fit into becomes wider, and one most of which they would fill
    becomes higher.
    """
    for columns in range(ncols, 0, -1):
        legend = figure.legend(handles, labels, loc="outside lower center", ncols=columns)
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            break
        legend.remove()
    extent = legend.get_window_extent()
    width, height = (size / figure.dpi for size in (extent.width, extent.height))
    if width > figure.get_figwidth():
        figure.set_figwidth(width + 0.2)
    if height > MOST_LEGEND * figure.get_figheight():
        figure.set_figheight((1 - MOST_LEGEND) * figure.get_figheight() + height)


def title_above(figure: Figure, text: str) -> None:
    """Draw a small title above all panels, in more lines where the figure is narrow."""
    title = figure.suptitle(text, fontsize="small")
    excess = title.get_window_extent().width / figure.bbox.width
    if excess > 1:
        longest = max(map(len, text.splitlines()))
        title.set_text(textwrap.fill(text, int(longest / excess * 0.9)))


def style_parameters(style: Mapping[str, Any]) -> dict[str, Any]:
    """Return matplotlib's parameters in the house style; identifiers in an SVG are fixed."""
    from cycler import cycler

    size = style["font_size"]
    return {
        # DejaVu Sans comes with matplotlib. A reader of an SVG may have the next ones alone.
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
        "font.size": size,
        "axes.titlesize": size,
        "axes.labelsize": size,
        "xtick.labelsize": size - 1,
        "ytick.labelsize": size - 1,
        "legend.fontsize": size - 1,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.constrained_layout.use": True,
        "figure.dpi": style["dpi"],
        "savefig.dpi": style["dpi"],
        "svg.hashsalt": "warpline",
        # Text can be searched, copied and edited.
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
        "image.cmap": style["colormap"],
        "axes.prop_cycle": cycler(color=PALETTES[style["palette"]]),
    }


def apply_style(style: Mapping[str, Any]) -> None:
    """Set matplotlib's defaults to the house style; no display is needed."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update(style_parameters(style))
    # It reports on every table of a font that a PDF takes over.
    logging.getLogger("fontTools").setLevel(logging.WARNING)


def colours(names: Sequence[str], style: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return a colour and a marker for each name.

    Where the colours repeat, the markers differ. A further name at the end changes no other name's style.
    """
    palette = PALETTES[style["palette"]]
    return {
        name: (palette[k % len(palette)], MARKERS[(k // len(palette) + k) % len(MARKERS)])
        for k, name in enumerate(names)
    }


def curriculum_label(name: str) -> str:
    """Return a curriculum's name as an axis label, broken into lines of at most 13 characters."""
    words = name.split("_")
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) < 13:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def names_in_data(names: Sequence[str], *columns: Iterable[str]) -> list[str]:
    """Return the names that occur in any of the columns, in the order of the configuration."""
    occurring = set().union(*columns)
    return [name for name in names if name in occurring]


def nothing_to_show(reason: str) -> Figure:
    """Return a figure that holds one sentence: why there is nothing to show.

    Parameters
    ----------
    reason : str
        A sentence, such as "No network was trained."
    """
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(5.0, 0.8))
    figure.text(0.5, 0.5, f"Nothing to show. {reason}", ha="center", va="center")
    return figure


def jitter(count: int, width: float = 0.3) -> np.ndarray:
    """Return evenly spaced horizontal offsets, so that points of one category do not overlap."""
    return np.linspace(-width / 2, width / 2, count) if count > 1 else np.zeros(count)


def from_zero(axes: Axes) -> None:
    """Start the vertical axis at 0 and end it 8 % above the largest value; at 1 where all are rounding."""
    maximum = axes.dataLim.y1
    if np.isfinite(maximum) and maximum > 0:
        axes.set_ylim(0, 1.08 * maximum if maximum > ROUNDING else 1)


def label_log_axis(axes: Axes) -> None:
    """Label 1, 2 and 5 of each decade of a logarithmic vertical axis, which may hold no power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def annotate_above(axes: Axes, position: float, text: str) -> None:
    """Write a short text above a panel, over a category of its horizontal axis."""
    axes.annotate(
        text,
        (position, 1.0),
        xycoords=("data", "axes fraction"),
        ha="center",
        va="bottom",
        color="0.4",
        fontsize="x-small",
    )


def stacked_panels(
    measures: Sequence[str], beside: Sequence[str], width: float, height: float
) -> tuple[Figure, list[Axes], dict[str, Axes]]:
    """Return a figure with a panel per measure below each other, and narrow ones beside some of them.

    The wide panels share their horizontal axis, whose labels stand below the last one.

    Parameters
    ----------
    measures, beside : sequence of str
        Measures, and those that have a narrow panel.
    width, height : float
        Of a wide panel, in inches.

    Returns
    -------
    figure : matplotlib.figure.Figure
    panels : list of matplotlib.axes.Axes
    narrow : dict of str to matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    widths = [width, 2.4] if beside else [width]
    figure, axes = plt.subplots(
        len(measures),
        len(widths),
        squeeze=False,
        figsize=(sum(widths), height * len(measures) + 1.6),
        width_ratios=widths,
    )
    panels, narrow = list(axes[:, 0]), {}
    for panel in panels[:-1]:
        panel.sharex(panels[-1])
        panel.tick_params(labelbottom=False)
    for measure, panel in zip(measures, axes[:, -1], strict=True):
        if measure in beside:
            narrow[measure] = panel
        elif beside:
            panel.set_axis_off()
    return figure, panels, narrow


def level_line(axes: Axes, level: float, name: str, line_style: str, align: str = "center") -> None:
    """Draw a horizontal line across a panel, and write its name beside its right end.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    level : float
    name, line_style : str
    align : str
        Edge of the name that is level with the line: ``bottom``, ``center`` or ``top``.
    """
    axes.axhline(level, color="black", lw=0.8, ls=line_style, zorder=1)
    axes.annotate(
        name,
        (1, level),
        (3, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="left",
        va=align,
        fontsize="x-small",
    )


#: Least distance of the names of two periods, as a share of the trial.
_NAME_SPACING = 0.06


def shade_periods(
    axes: Axes, periods: Sequence[tuple[str, float, float]], named: bool = True
) -> None:
    """Shade every other period of a trial, and write the names above the panel.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With time as its horizontal axis.
    periods : sequence of (str, float, float)
        Name, start and stop, in order of time. A period without length is left out: that of a task without
        a delay would shift the alternation.
    named : bool
        Whether names are written. A name that would run into the one before it is left out.
    """
    lasting = [period for period in periods if period[2] > period[1]]
    last_name = -np.inf
    for k, (name, start, stop) in enumerate(lasting):
        if k % 2:
            axes.axvspan(start, stop, color="0.92", zorder=0, lw=0)
        middle = (start + stop) / 2
        if named and middle - last_name >= _NAME_SPACING * (lasting[-1][2] - lasting[0][1]):
            last_name = middle
            # Slanted, because some periods are narrower than their names.
            axes.annotate(
                str(name).replace("_", " "),
                (middle, 1.02),
                xycoords=axes.get_xaxis_transform(),
                rotation=40,
                ha="left",
                va="bottom",
                rotation_mode="anchor",
                fontsize="x-small",
                color="0.3",
            )


def say_why_empty(axes: Axes, reason: str) -> None:
    """Write into a panel without data why it has none."""
    axes.text(
        0.5,
        0.5,
        textwrap.fill(reason, 28),
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize="small",
        color="0.3",
        # No line of the panel goes through the words.
        bbox={"facecolor": "white", "edgecolor": "none"},
    )


def text_colour(image: Any, value: float) -> str:
    """Return black for what stands on a light cell of a heat map, white on a dark one."""
    red, green, blue, _ = image.cmap(image.norm(value))
    # The weights are those of luma (ITU-R BT.601).
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "white"


def annotated_heat_map(
    axes: Axes, matrix: np.ndarray, labels: tuple[Sequence[str], Sequence[str]], maximum: float
) -> Any:
    """Draw a matrix as a heat map with its numbers; missing values stay blank.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    matrix : ndarray, shape (row, column)
    labels : pair of sequence of str
        Labels of the rows and of the columns.
    maximum : float
        Value at the end of the colour scale, which starts at 0.

    Returns
    -------
    matplotlib.image.AxesImage
        For a colour bar.
    """
    from matplotlib.font_manager import FontProperties

    image = axes.imshow(matrix, vmin=0, vmax=maximum, aspect="equal")
    axes.set_xticks(
        range(matrix.shape[1]), labels[1], rotation=45, ha="right", rotation_mode="anchor"
    )
    axes.set_yticks(range(matrix.shape[0]), labels[0])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    # Two digits at least, also of a measure whose values are small.
    decimals = max(2, 1 - math.floor(math.log10(maximum))) if maximum > 0 else 2
    # Of more digits each is smaller, so that they stay in their cell.
    size = (
        "small" if decimals == 2 else FontProperties(size="small").get_size() * 4 / (decimals + 2)
    )
    for (row, column), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            axes.text(
                column,
                row,
                # Zero has no sign: a rounded -0.001 would be -0.00.
                f"{round(value, decimals) + 0.0:.{decimals}f}",
                ha="center",
                va="center",
                color=text_colour(image, value),
                fontsize=size,
            )
    return image
