"""A feedforward network on a circle: input, hidden states, metric, before and after learning."""

import numpy as np

from warpline.core import result_files
from warpline.figures import geometry_panels, plotting


def circle(axes, network, stage, colours):
    """Draw the circle of inputs with lines at equal distances of the metric."""
    theta = np.linspace(-np.pi, np.pi, 200)
    for sign, colour in colours.items():
        half = theta[np.sign(theta) == sign]
        axes.plot(np.cos(half), np.sin(half), color=colour, lw=2)
    for angle in network["gridline"].sel(stage=stage).values:
        direction = np.array([np.cos(angle), np.sin(angle)])
        axes.plot(*np.outer([0.86, 1.14], direction).T, color="black", lw=0.8)
    axes.set_aspect("equal")
    axes.axis("off")


def states(axes, network, stage, colours):
    """Draw the hidden states of the circle, with the same lines as points."""
    found = network.sel(stage=stage)
    theta, points = found["theta"].values, found["states"].values
    closed = np.vstack([points, points[:1]])
    axes.plot(*closed.T, color="0.6", lw=1)
    for sign, colour in colours.items():
        near = np.where(np.sign(theta) == sign)[0]
        axes.plot(*points[near].T, color=colour, lw=2)
    at = [np.abs(theta - angle).argmin() for angle in found["gridline"].values]
    axes.scatter(*points[at].T, color="black", s=5, depthshade=False)
    geometry_panels.strip_3d_axes(axes, ("unit 1", "unit 2", "unit 3"))


def make(arguments, settings):

    arrays = geometry_panels.load_networks(arguments.arrays)
    summary = result_files.read_table(arguments.summary[0])
    network = geometry_panels.first_network(arrays)
    blue, orange = plotting.PALETTES[settings["style"]["palette"]][:2]
    colours = {1.0: blue, -1.0: orange}
    figure = geometry_panels.manual_layout_figure(figsize=(8.2, 5.0))
    grid = figure.add_gridspec(
        2,
        3,
        width_ratios=[1, 1.3, 1.2],
        left=0.02,
        right=0.97,
        top=0.88,
        bottom=0.1,
        hspace=0.3,
        wspace=0.3,
    )
    for row, stage in enumerate(("before", "after")):
        panel = figure.add_subplot(grid[row, 0])
        circle(panel, network, stage, colours)
        geometry_panels.panel_label(panel, "ad"[row], f"inputs, {stage} learning")
        panel = figure.add_subplot(grid[row, 1], projection="3d")
        states(panel, network, stage, colours)
        geometry_panels.panel_label(panel, "be"[row], "hidden states")
        panel = figure.add_subplot(grid[row, 2])
        theta = arrays["theta"].values
        values = arrays["metric"].sel(stage=stage).transpose("seed", "theta").values
        geometry_panels.network_lines(panel, theta, values, "black")
        panel.set_yscale("log")
        for boundary in (-np.pi, 0, np.pi):
            panel.axvline(boundary, color="0.6", lw=0.8, ls=":")
        panel.set_xticks([-np.pi, 0, np.pi], ["−π", "0", "π"])
        panel.set_ylabel("metric G")
        ratio = geometry_panels.summary_text(
            summary, "speed near the boundaries / mean speed", stage
        )
        low, high = panel.get_ylim()
        panel.set_ylim(low * (low / high) ** 0.25, high)  # Room for the number.
        geometry_panels.annotate_value(panel, f"speed at boundaries / mean:\n{ratio}")
        geometry_panels.panel_label(panel, "cf"[row], "metric along the circle")
        if row:
            panel.set_xlabel("angle θ")
    figure.suptitle(f"n = {arrays.sizes['seed']} networks; drawn: the first", fontsize="small")
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "summary"], make)
