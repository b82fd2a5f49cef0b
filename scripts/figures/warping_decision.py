"""A decision between two populations: states, metric over time, single units, fixed points."""

import numpy as np

from warpline.core import result_files
from warpline.figures import geometry_panels, plotting

SHOWN = 11
UNITS = 3


def manifold(axes, network):
    """Draw states over time, a line per input, and the fixed points that they end at."""
    import matplotlib.pyplot as plt

    colours = plt.get_cmap("coolwarm")
    kappa = network["kappa"].values
    norm = plt.Normalize(kappa.min(), kappa.max())
    for k in np.linspace(0, len(kappa) - 1, SHOWN).round().astype(int):
        axes.plot(*network["position"].values[k].T, color=colours(norm(kappa[k])), lw=0.9)
    stable, other = (network["fixed_stable"].values == mark for mark in (1, 0))
    where = network["fixed_position"].values
    axes.scatter(*where[stable].T, color="black", s=9, depthshade=False, label="stable")
    if other.any():
        axes.scatter(
            *where[other].T,
            facecolor="white",
            edgecolor="black",
            s=9,
            depthshade=False,
            label="not stable",
        )
    shares = network["variance"].values
    geometry_panels.strip_3d_axes(
        axes, [f"PC {k + 1} ({share:.0%})" for k, share in enumerate(shares)]
    )
    return plt.cm.ScalarMappable(norm, colours)


def make(arguments, settings):

    arrays = geometry_panels.load_networks(arguments.arrays)
    summary = result_files.read_table(arguments.summary[0])
    network = geometry_panels.first_network(arrays)
    time = arrays["time"].values
    colours = geometry_panels.tangent_colours(settings["style"])
    figure = geometry_panels.manual_layout_figure(figsize=(8.4, 5.8))
    above = figure.add_gridspec(
        1, 3, left=0.0, right=0.97, top=0.91, bottom=0.55, width_ratios=[1.1, 0.04, 1], wspace=0.75
    )
    below = figure.add_gridspec(1, 3, left=0.08, right=0.97, top=0.41, bottom=0.09, wspace=0.35)

    panel = figure.add_subplot(above[0], projection="3d")
    shades = manifold(panel, network)
    panel.set_box_aspect(None, zoom=1.2)
    geometry_panels.panel_label(panel, "a", "states, and attractors (dots)")
    figure.colorbar(shades, cax=figure.add_subplot(above[1]), label="input κ")

    panel = figure.add_subplot(above[2])
    matrix = arrays["metric"].transpose("seed", "kappa", "time", "tangent", "tangent_b").values
    for k, name in enumerate(("input", "time")):
        values = matrix[..., k, k].mean(axis=1)
        # From a common initial state, the input component starts at 0.
        shown = np.where(values > 0, values, np.nan)
        geometry_panels.network_lines(panel, time, shown, colours[name], f"$G$, {name}")
    panel.set_yscale("log")
    panel.set_xlabel("time (ms)")
    panel.set_ylabel("metric, mean over inputs")
    panel.legend()
    ratio = geometry_panels.summary_text(summary, "time component, end / peak")
    geometry_panels.annotate_value(panel, f"time, end / peak:\n{ratio}")
    geometry_panels.panel_label(panel, "b", "metric over time")

    kappa = network["kappa"].values
    series = (("output", "output"), ("activity", "activity"))
    for place, (variable, label) in enumerate(series):
        panel = figure.add_subplot(below[place])
        for k in np.linspace(0, len(kappa) - 1, 7).round().astype(int):
            values = network[variable].values[k].reshape(len(time), -1)[:, :UNITS]
            for look, trace in zip(("-", "--", ":"), values.T, strict=False):
                panel.plot(time, trace, color=shades.to_rgba(kappa[k]), lw=0.9, ls=look)
        panel.set_xlabel("time (ms)")
        panel.set_ylabel(label)
        geometry_panels.panel_label(panel, "cd"[place], ("output", f"{UNITS} units")[place])

    panel = figure.add_subplot(below[2])
    for seed in range(arrays.sizes["seed"]):
        one = arrays.isel(seed=seed)
        stable = one["fixed_stable"].values == 1
        x, y = one["fixed_kappa"].values[stable], one["fixed_rate"].values[stable]
        panel.plot(x, y, ".", color="black", ms=3)
    panel.axhline(0, color="0.6", lw=0.8, ls=":")
    panel.set_xlabel("input κ")
    panel.set_ylabel("slowest rate (1/τ)")
    geometry_panels.panel_label(panel, "e", "at attractors")
    figure.suptitle(f"n = {arrays.sizes['seed']} networks; a, c, d: the first", fontsize="small")
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "summary"], make)
