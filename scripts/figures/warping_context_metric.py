"""Contextual integration: the metric over the inputs early and late, over time, and its eigenvalues."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, geometry_panels

TANGENTS = ("relevant", "irrelevant", "time")
UNITS = {
    "relevant": "state² / input²",
    "irrelevant": "state² / input²",
    "time": "state² / time constant²",
}
ORDINALS = ("largest", "second", "third")
EIGENVALUE_COLOURS = dict(zip(ORDINALS, ("black", "0.45", "0.7"), strict=True))
DECADES_SHOWN = 1e-4


def draw_metric_maps(axes, metric, colour_norm, extent):
    """Draw the diagonal of the metric over the plane of inputs, a panel per tangent vector.

    Returns the image of the last panel; all share one colour scale.
    """
    for panel, values in zip(axes, metric, strict=True):
        if np.nanmax(values) <= colour_norm.vmin:
            panel.text(
                0.5, 0.5, "below the scale", transform=panel.transAxes, color="white",
                ha="center", va="center", fontsize="small",
            )  # fmt: skip
        image = panel.imshow(
            values.clip(colour_norm.vmin), norm=colour_norm, origin="lower", extent=extent
        )
    return image


def draw_over_time(axes, quantity, names, colours):
    """Draw quantities over time: lines over networks, bars for the spread over the irrelevant input.

    ``quantity`` has the dimensions (quantity, seed, context, irrelevant, time).
    """
    time = quantity["time"].values
    bar_interval = max(1, len(time) // 10)
    for name, values in zip(names, quantity, strict=True):
        means = values.mean(["context", "irrelevant"]).values
        # A logarithmic axis cannot show the zeros before the inputs come on.
        if axes.get_yscale() == "log":
            means = np.where(means > 0, means, np.nan)
        deviations = values.std("irrelevant").mean(["seed", "context"]).values
        geometry_panels.network_lines(axes, time, means, colours[name], str(name))
        barred = np.flatnonzero(np.isfinite(means).any(axis=0))[::bar_interval]
        axes.errorbar(
            time[barred],
            np.nanmean(means[:, barred], axis=0),
            deviations[barred],
            fmt="none",
            ecolor=colours[name],
            elinewidth=0.8,
            capsize=1.5,
        )
    axes.set_xlabel("time (ms)")


def draw_metric_over_time(axes, arrays, summary, colours):
    """Draw the components of the metric over time, with the late ratio of the two inputs."""
    components = arrays["component"].transpose("tangent", "seed", "context", "irrelevant", "time")
    axes.set_yscale("log")
    draw_over_time(axes, components, TANGENTS, colours)
    axes.set_ylabel("$G$, mean over inputs")
    handles, labels = axes.get_legend_handles_labels()
    labels = [f"{label} ({UNITS[label]})" for label in labels]
    axes.legend(handles, labels, loc="upper left")
    # Room for the legend above the lines and for the ratio below them.
    low, high = axes.get_ylim()
    axes.set_ylim(max(low / 30, 1e-6), high * 1000)
    ratio = geometry_panels.summary_text(
        summary, "metric, relevant / irrelevant", "context 1", "late"
    )
    geometry_panels.annotate_value(
        axes, f"relevant / irrelevant, late\n(context 1): {ratio}", "right"
    )


def draw_eigenvalues(axes, arrays):
    """Draw the eigenvalues of the metric over time, as shares of its trace."""
    shares = arrays["eigenvalue"].transpose("order", "seed", "context", "irrelevant", "time")
    draw_over_time(axes, shares, ORDINALS, EIGENVALUE_COLOURS)
    axes.set_ylim(0, 1.02)
    axes.legend(loc="center right", bbox_to_anchor=(1, 0.52))
    axes.set_ylabel("share of the trace")


def make(arguments, settings):
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm

    arrays = geometry_panels.load_networks(arguments.arrays)
    summary = result_files.read_table(arguments.summary[0])
    colours = geometry_panels.tangent_colours(settings["style"])

    figure = plt.figure(figsize=(7.6, 6.8))
    top_half, bottom_half = figure.subfigures(2, 1, height_ratios=[2, 1.15])

    # a to f: the metric over the plane of inputs; early in the first row, late in the second.
    milliseconds = arrays["time"].values[arrays["moment_step"].isel(seed=0).values]
    mean_metric = arrays["metric"].mean(["seed", "context"])
    inputs = arrays["relevant"].values
    map_axes = top_half.subplots(2, 4, width_ratios=[1, 1, 1, 0.06])
    for row, (moment, time) in enumerate(zip(("early", "late"), milliseconds, strict=True)):
        metric = mean_metric.sel(moment=moment)
        diagonal = np.stack(
            [
                metric.isel(tangent=k, tangent_b=k).transpose("irrelevant", "relevant").values
                for k in range(len(TANGENTS))
            ]
        )
        # Smaller values are drawn at the lower end: near fixed points, the time component is almost 0.
        maximum = float(np.nanmax(diagonal))
        colour_norm = LogNorm(maximum * DECADES_SHOWN, maximum)
        panels = map_axes[row, :3]
        image = draw_metric_maps(panels, diagonal, colour_norm, [inputs[0], inputs[-1]] * 2)
        letters = "abcdef"[3 * row : 3 * row + 3]
        for panel, letter, name in zip(panels, letters, TANGENTS, strict=True):
            geometry_panels.panel_label(panel, letter, f"$G$, {name}, {time:g} ms")
            panel.set_xlabel("relevant input" if row else "")
        panels[0].set_ylabel("irrelevant input")
        top_half.colorbar(image, cax=map_axes[row, 3]).set_label(
            "$G$ (state² per input², of c and f\nper time constant²)", fontsize="small"
        )

    # g, h: the metric and its eigenvalues over time.
    time_axes, eigenvalue_axes = bottom_half.subplots(1, 2)
    draw_metric_over_time(time_axes, arrays, summary, colours)
    geometry_panels.panel_label(time_axes, "g", "metric over time")
    draw_eigenvalues(eigenvalue_axes, arrays)
    geometry_panels.panel_label(eigenvalue_axes, "h", "eigenvalues of the metric")
    figure.suptitle(
        f"mean over n = {arrays.sizes['seed']} networks and both contexts; bars: standard deviation "
        "over the irrelevant input",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
