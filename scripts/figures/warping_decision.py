"""A decision between two populations: states, metric over time, single units, fixed points."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, geometry_panels

N_TRAJECTORIES = 11
N_TRACES = 7
UNIT_LINES = ("-", "--", ":")


def evenly_spaced(values, count):
    """Return the indices of some values at equal distances, the first and the last included."""
    return np.linspace(0, len(values) - 1, count).round().astype(int)


def draw_states(axes, network, input_colours):
    """Draw states over time, a line per input, and the fixed points at which the lines end."""
    kappa = network["kappa"].values
    for k in evenly_spaced(kappa, N_TRAJECTORIES):
        trajectory = network["position"].values[k]
        axes.plot(*trajectory.T, color=input_colours.to_rgba(kappa[k]), lw=0.9)

    # A network with fewer fixed points than another is padded with NaN, which is neither 1 nor 0.
    fixed_points = network["fixed_position"].values
    stable, unstable = (network["fixed_stable"].values == flag for flag in (1, 0))
    axes.scatter(*fixed_points[stable].T, color="black", s=9, depthshade=False, label="stable")
    if unstable.any():
        axes.scatter(
            *fixed_points[unstable].T,
            facecolor="white",
            edgecolor="black",
            s=9,
            depthshade=False,
            label="not stable",
        )
    geometry_panels.strip_3d_axes(axes, geometry_panels.component_labels(network))
    axes.set_box_aspect(None, zoom=1.2)


def draw_metric(axes, arrays, summary, colours):
    """Draw the input and the time component of the metric over time."""
    metric = arrays["metric"].transpose("seed", "kappa", "time", "tangent", "tangent_b").values
    for k, name in enumerate(("input", "time")):
        component = metric[..., k, k].mean(axis=1)
        # From a common initial state, the input component starts at 0, which a logarithmic axis cannot show.
        component = np.where(component > 0, component, np.nan)
        time = arrays["time"].values
        geometry_panels.network_lines(axes, time, component, colours[name], f"$G$, {name}")
    # A few inputs at the boundary can carry the mean.
    median = np.median(metric[..., 0, 0], axis=1).mean(axis=0)
    median = np.where(median > 0, median, np.nan)
    axes.plot(time, median, "--", color=colours["input"], lw=1, label="$G$, median input")
    axes.set_yscale("log")
    axes.set_xlabel("time (ms)")
    axes.set_ylabel("metric G, mean over inputs")
    # Room for the legend above the curves.
    axes.set_ylim(top=10 * axes.get_ylim()[1])
    axes.legend(loc="upper left", ncols=3, fontsize="x-small", columnspacing=1)
    ratio = geometry_panels.summary_text(summary, "time component, end / peak")
    geometry_panels.annotate_value(axes, f"time, end / peak:\n{ratio}")


def most_different_units(network):
    """Return the positions of the stored units that differ most between inputs at the end, by unit."""
    activity = network["activity"].transpose("kappa", "time", "neuron").values
    spread = activity[:, -1].std(axis=0)
    return np.sort(np.argsort(-spread, kind="stable")[: len(UNIT_LINES)])


def draw_traces(axes, network, variable, input_colours):
    """Draw the output, or the activity of a few units, over time, a colour per input."""
    kappa, time = network["kappa"].values, network["time"].values
    for k in evenly_spaced(kappa, N_TRACES):
        traces = network[variable].values[k].reshape(len(time), -1)
        # The output has one trace only.
        for line_style, trace in zip(UNIT_LINES, traces.T, strict=False):
            colour = input_colours.to_rgba(kappa[k])
            axes.plot(time, trace, color=colour, lw=0.9, ls=line_style)
    axes.set_xlabel("time (ms)")
    axes.set_ylabel(variable)


def draw_slowest_rates(axes, arrays):
    """Draw the rate of the slowest mode at each attractor of each network, against the input."""
    for seed in range(arrays.sizes["seed"]):
        network = arrays.isel(seed=seed)
        stable = network["fixed_stable"].values == 1
        kappa, rate = network["fixed_kappa"].values[stable], network["fixed_rate"].values[stable]
        axes.plot(kappa, rate, ".", color="black", ms=3)
    axes.axhline(0, color="0.6", lw=0.8, ls=":")
    axes.set_xlabel("input κ")
    axes.set_ylabel("slowest rate (1/τ)")


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    summary = result_files.read_table(arguments.summary[0])
    network = geometry_panels.first_network(arrays)
    colours = geometry_panels.tangent_colours(settings["style"])
    kappa = network["kappa"].values
    norm = plt.Normalize(kappa.min(), kappa.max())
    input_colours = plt.cm.ScalarMappable(norm, plt.get_cmap("coolwarm"))

    # Above: what the inputs do to one network, with one colour bar. Below: all networks.
    figure = geometry_panels.manual_layout_figure(figsize=(9.0, 5.8))
    states_cell = figure.add_gridspec(1, 1, left=0.01, right=0.31, top=0.9, bottom=0.55)
    traces_row = figure.add_gridspec(
        1, 3, left=0.39, right=0.92, top=0.9, bottom=0.55, width_ratios=[1, 1, 0.04], wspace=0.3
    )
    bottom_row = figure.add_gridspec(
        1, 2, left=0.09, right=0.97, top=0.41, bottom=0.09, wspace=0.25
    )

    panel = figure.add_subplot(states_cell[0], projection="3d")
    draw_states(panel, network, input_colours)
    geometry_panels.panel_label(panel, "a", "states, and attractors (dots)")

    panel = figure.add_subplot(traces_row[0])
    draw_traces(panel, network, "output", input_colours)
    geometry_panels.panel_label(panel, "b", "output")

    panel = figure.add_subplot(traces_row[1])
    chosen = network.isel(neuron=most_different_units(network))
    draw_traces(panel, chosen, "activity", input_colours)
    units = chosen["unit"].values
    geometry_panels.panel_label(panel, "c", f"{len(units)} unit{'s' * (len(units) != 1)}")
    # Units are counted from 1.
    for unit, line_style in zip(units, UNIT_LINES, strict=False):
        panel.plot([], [], color="0.3", lw=0.9, ls=line_style, label=f"unit {int(unit) + 1}")
    # Room for the legend.
    panel.set_ylim(top=1.3 * panel.get_ylim()[1])
    panel.legend(loc="upper left", ncols=3, fontsize="x-small", columnspacing=1, handlelength=1.6)
    figure.colorbar(input_colours, cax=figure.add_subplot(traces_row[2]), label="input κ (a to c)")

    panel = figure.add_subplot(bottom_row[0])
    draw_metric(panel, arrays, summary, colours)
    geometry_panels.panel_label(panel, "d", "metric over time")

    panel = figure.add_subplot(bottom_row[1])
    draw_slowest_rates(panel, arrays)
    geometry_panels.panel_label(panel, "e", "slowest rate at attractors")
    n = arrays.sizes["seed"]
    figure.suptitle(
        f"n = {n} network{'s' * (n != 1)}; a to c: the first; G: input, state² per κ²; time, state² per τ²",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
