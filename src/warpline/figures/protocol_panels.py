"""Figures of an audit: panels side by side that share a row per protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from warpline.figures import plotting
from warpline.figures.protocol_rows import in_order, protocol_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["name_rows", "of_first_architecture", "row_panels"]


def of_first_architecture(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of the first architecture of the first task set, and their protocols in order.

    A figure shows one; the table has all.
    """
    first = table.iloc[0]
    for place in ("taskset", "architecture"):
        table = table[table[place] == first[place]]
    return table, in_order(list(dict.fromkeys(table["protocol"])))


def row_panels(
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
    """Write the protocols beside their rows, and one legend for all panels of `row_panels`."""
    axes[0][0].set_yticks(range(len(protocols)), [protocol_label(name) for name in protocols])
    plotting.shared_legend(figure, axes, ncols=ncols)
