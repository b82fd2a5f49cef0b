"""Claims under several protocols: the statistic of each, its interval, and the verdict."""

import textwrap

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting, words
from warpline.figures.protocol_panels import name_rows, of_first_architecture, row_panels
from warpline.figures.protocol_rows import draw_bands

MARKERS = {
    "holds": {"marker": "o", "color": "#0072b2"},
    "fails": {"marker": "X", "color": "#b54800"},
    "undecided": {"marker": "o", "color": "0.35", "markerfacecolor": "white"},
}
"""Verdicts differ in shape and filling: colour alone would not reach all readers."""


def draw_claim(axes, rows, protocols):
    """Draw a row per protocol: statistic, interval, and a marker that says the verdict."""
    of_protocol = rows.set_index("protocol").reindex(protocols)
    y = np.arange(len(protocols))
    first = rows.iloc[0]
    axes.axvline(first["null_value"], color="0.3", lw=0.9, ls="--", label="null value")
    if np.isfinite(first["smallest_effect"]):
        axes.axvline(first["smallest_effect"], color="0.3", lw=0.9, ls=":", label="smallest effect")
    axes.hlines(y, of_protocol["low"], of_protocol["high"], color="0.35", lw=0.9)
    for verdict, style in MARKERS.items():
        chosen = (of_protocol["verdict"] == verdict).to_numpy()
        axes.plot(of_protocol["value"][chosen], y[chosen], ls="", ms=5, label=verdict, **style)
    draw_bands(axes, protocols)


def make(arguments, settings):
    table = result_files.read_table(arguments.claims[0])
    # Claims on curricula alone are judged under several protocols.
    by_protocol = table[table.groupby("claim")["protocol"].transform("nunique") > 1]
    if not len(by_protocol):
        return plotting.nothing_to_show("No claim was judged under two protocols.")
    by_protocol, protocols = of_first_architecture(by_protocol)
    panels = list(by_protocol.groupby(["claim", "measure"], sort=False))
    figure, axes = row_panels(len(panels), protocols, width=2.5, beside=2.5, above=1.9)
    for panel, ((claim, measure), rows) in zip(axes[0], panels, strict=True):
        draw_claim(panel, rows, protocols)
        sentence = textwrap.fill(rows["sentence"].iloc[0], 36)
        name = words.measure_name(measure)
        panel.set_title(f"{claim}, {name}\n{sentence}", fontsize="small")
        panel.set_xlabel("statistic of the claim")
        # Probabilities of an order; a statistic of another kind takes the room that it needs.
        if rows[["value", "low", "high"]].stack().between(0, 1).all():
            panel.set_xlim(-0.03, 1.03)
    name_rows(figure, axes, protocols, ncols=5)
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["claims"], make)
