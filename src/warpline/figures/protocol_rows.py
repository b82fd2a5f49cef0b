"""Rows of protocols in a figure or a table: their order, their names in words, and the bands behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_bands", "in_order", "protocol_label"]

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
