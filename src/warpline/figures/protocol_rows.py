"""Rows of protocols in a figure or a table: their order, their names in words, and the bands behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from warpline.figures import plotting

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = [
    "draw_bands",
    "in_order",
    "name_rows",
    "of_first_architecture",
    "protocol_label",
    "protocol_panels",
]

WORDS = {"right+": "right, {} as published", "published-": "published, {} right"}


def protocol_label(name: str) -> str:
    """Return a protocol in words: ``right+trials.unique`` as "right, trials.unique as published"."""
    for start, words in WORDS.items():
        if name.startswith(start):
            return words.format(name.removeprefix(start))
    return name


def in_order(protocols: Sequence[str]) -> list[str]:
    """Return right and what is one switch from it, then what is one switch from published, and published.

    Protocols of other names, such as that of a configuration with switches of its own, come first.
    """
    near_right = [name for name in protocols if name == "right" or name.startswith("right+")]
    near_published = [name for name in protocols if name.startswith("published-")]
    published = [name for name in protocols if name == "published"]
    ordered = [*near_right, *near_published, *published]
    return [*(name for name in protocols if name not in ordered), *ordered]


def draw_bands(axes: Axes, protocols: Sequence[str]) -> None:
    """Shade every other row, and draw a line between the protocols near either end.

    Row k, counted from above, is centred at the vertical coordinate k.
    """
    n_published = sum(name.startswith("published") for name in protocols)
    axes.axhline(len(protocols) - n_published - 0.5, color="0.6", lw=0.8)
    for k in range(0, len(protocols), 2):
        axes.axhspan(k - 0.5, k + 0.5, color="0.95", lw=0, zorder=0)
    axes.set_ylim(len(protocols) - 0.4, -0.6)


def of_first_architecture(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of the first architecture of the first task set, and their protocols in order.

    A figure shows one; the table has all.
    """
    first = table.iloc[0]
    for place in ("taskset", "architecture"):
        table = table[table[place] == first[place]]
    return table, in_order(list(dict.fromkeys(table["protocol"])))


def protocol_panels(
    n_panels: int, protocols: Sequence[str], width: float, beside: float, above: float
) -> tuple[Figure, NDArray[Any]]:
    """Return a figure with panels side by side that share a row per protocol.

    Parameters
    ----------
    n_panels : int
    protocols : sequence of str
    width : float
        Of a panel, in inches.
    beside, above : float
        Room beside and above the panels, in inches.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1,
        n_panels,
        sharey=True,
        squeeze=False,
        figsize=(width * n_panels + beside, 0.27 * len(protocols) + above),
    )
    return figure, axes


def name_rows(figure: Figure, axes: NDArray[Any], protocols: Sequence[str], ncols: int) -> None:
    """Write the protocols beside their rows, and one legend for all panels of `protocol_panels`."""
    axes[0][0].set_yticks(range(len(protocols)), [protocol_label(name) for name in protocols])
    plotting.shared_legend(figure, axes, ncols=ncols)
