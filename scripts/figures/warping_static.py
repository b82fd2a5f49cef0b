"""A feedforward network on a circle: inputs, hidden states and metric, before and after learning."""

import numpy as np

from warpline.comparison.projection import principal_axes
from warpline.core import result_files
from warpline.figures import figure_script, geometry_panels, plotting


def draw_inputs(axes, gridlines, class_colours):
    """Draw the circle of inputs, with ticks at equal distances of the metric."""
    theta = np.linspace(-np.pi, np.pi, 200)
    for sign, colour in class_colours.items():
        half = theta[np.sign(theta) == sign]
        axes.plot(np.cos(half), np.sin(half), color=colour, lw=2)
    for angle in gridlines:
        direction = np.array([np.cos(angle), np.sin(angle)])
        axes.plot(*np.outer([0.86, 1.14], direction).T, color="black", lw=0.8)
    axes.set_aspect("equal")
    axes.axis("off")


def in_three_dimensions(network):
    """Return the states (stage, theta, axis) on three axes, and the names of these.

    The axes are the units where there are three; the principal axes of both stages where there are more. With
    fewer, the last axes are 0.
    """
    states = network["states"].transpose("stage", "theta", "unit").values
    n_units = states.shape[-1]
    if n_units > 3:
        axes = principal_axes(states)
        names = [f"PC {k + 1} ({share:.0%})" for k, share in enumerate(axes.variance)]
        return axes.points(states), names
    names = [f"unit {k + 1}" if k < n_units else "" for k in range(3)]
    return np.pad(states, [(0, 0), (0, 0), (0, 3 - n_units)]), names


def draw_hidden_states(axes, network, states, names, class_colours):
    """Draw the hidden states of the circle, with dots at equal distances of the metric."""
    theta = network["theta"].values
    closed_curve = np.vstack([states, states[:1]])
    axes.plot(*closed_curve.T, color="0.6", lw=1)
    for sign, colour in class_colours.items():
        axes.plot(*states[np.sign(theta) == sign].T, color=colour, lw=2)
    nearest = [np.abs(theta - angle).argmin() for angle in network["gridline"].values]
    axes.scatter(*states[nearest].T, color="black", s=5, depthshade=False)
    geometry_panels.strip_3d_axes(axes, names)


def draw_metric(axes, arrays, summary, stage, class_colours):
    """Draw the metric along the circle for all networks, above the colours of the classes."""
    for sign, colour in class_colours.items():
        axes.axvspan(*sorted((0, sign * np.pi)), color=colour, alpha=0.18, lw=0)
    metric = arrays["metric"].sel(stage=stage).transpose("seed", "theta").values
    geometry_panels.network_lines(axes, arrays["theta"].values, metric, "black")
    axes.set_yscale("log")
    for boundary in (-np.pi, 0, np.pi):
        axes.axvline(boundary, color="0.6", lw=0.8, ls=":")
    axes.set_xticks([-np.pi, 0, np.pi], ["−π", "0", "π"])
    axes.set_ylabel("metric G (state² per radian²)")
    # Room for the ratio below the lines.
    low, high = axes.get_ylim()
    axes.set_ylim(low * (low / high) ** 0.25, high)
    ratio = geometry_panels.summary_text(summary, "speed near the boundaries / mean speed", stage)
    geometry_panels.annotate_value(axes, f"speed at boundaries / mean:\n{ratio}")


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    summary = result_files.read_table(arguments.summary[0])
    network = geometry_panels.first_network(arrays)
    # The sign of the angle is the class of the input. Blue and orange are tangent vectors in other figures.
    palette = plotting.PALETTES[settings["style"]["palette"]]
    class_colours = {1.0: palette[5], -1.0: palette[3]}

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
    all_states, names = in_three_dimensions(network)
    for row, (stage, letters) in enumerate((("before", "abc"), ("after", "def"))):
        at_stage = network.sel(stage=stage)
        panel = figure.add_subplot(grid[row, 0])
        draw_inputs(panel, at_stage["gridline"].values, class_colours)
        geometry_panels.panel_label(panel, letters[0], f"inputs, {stage} learning")

        panel = figure.add_subplot(grid[row, 1], projection="3d")
        draw_hidden_states(panel, at_stage, all_states[row], names, class_colours)
        geometry_panels.panel_label(panel, letters[1], "hidden states")

        panel = figure.add_subplot(grid[row, 2])
        draw_metric(panel, arrays, summary, stage, class_colours)
        geometry_panels.panel_label(panel, letters[2], "metric along the circle")
    panel.set_xlabel("angle θ (radians)")
    n = arrays.sizes["seed"]
    title = f"n = {n} network{'s' * (n > 1)}; drawn: the first"
    before, after = (arrays["states"].sel(stage=stage).values for stage in ("before", "after"))
    if np.array_equal(before, after):
        title += "; not trained: before and after are the same"
    names = {1.0: "class +1 (θ > 0)", -1.0: "class −1 (θ < 0)"}
    figure.legend(
        handles=[
            plt.Line2D([], [], color=colour, lw=3, label=names[sign])
            for sign, colour in class_colours.items()
        ],
        loc="lower center",
        bbox_to_anchor=(0.33, 0.0),
        ncols=2,
    )
    figure.suptitle(title, fontsize="small")
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
