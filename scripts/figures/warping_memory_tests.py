"""Two angles in memory: warping test and realignment test over time, subspaces of the states, outputs."""

import numpy as np

from warpline.figures import figure_script, geometry_panels, plotting

ITEM_LABELS = {"angle_1": "item 1", "angle_2": "item 2"}


def draw_band(axes, time, values, colour, label=None):
    """Draw the median over inputs, averaged over networks, and thin the 10 % and 90 % quantiles over inputs.

    Parameters
    ----------
    values : ndarray, shape (seed, quantile, time)
    """
    geometry_panels.network_lines(axes, time, values[:, 1], colour, label)
    has_values = np.isfinite(values).any(axis=(0, 1))
    for quantile in (0, 2):
        mean = np.nanmean(values[:, quantile][:, has_values], axis=0)
        axes.plot(time[has_values], mean, color=colour, lw=0.8, ls="--")


def draw_quantity(axes, arrays, name, colour):
    """Draw the quantiles over inputs of a quantity over time."""
    values = arrays[name].transpose("seed", "quantile", "time").values
    shown = np.where(values > 0, values, np.nan)
    draw_band(axes, arrays["time"].values, shown, colour)
    axes.set_xlabel("time (ms)")


def draw_decoder_cosines(axes, arrays, colours):
    """Draw the cosine of each item's tangent vectors to the decoder over time."""
    values = arrays["decoder_cosine"].transpose("item", "seed", "quantile", "time").values
    for name, of_item in zip(arrays["item"].values, values, strict=True):
        draw_band(axes, arrays["time"].values, of_item, colours[name], ITEM_LABELS[name])
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("time (ms)")
    axes.set_ylabel("cosine to the decoder")
    axes.legend(loc="upper left")


def draw_similarity(axes, network, row):
    """Draw a map of the similarity of the states' subspaces at every two times; return the image."""
    time = network["time"].values[network["map_step_index"].values.astype(int)]
    image = axes.pcolormesh(
        time, time, network["subspace_similarity"].values[row], vmin=0, vmax=1, shading="nearest"
    )
    image.set_rasterized(True)
    for _, *edges in geometry_panels.trial_periods(network):
        for edge in edges:
            axes.axvline(edge, color="white", lw=0.4)
            axes.axhline(edge, color="white", lw=0.4)
    axes.set_aspect("equal")
    axes.set_xlabel("time (ms)")
    axes.set_ylabel("time (ms)")
    return image


def draw_outputs(axes, network, colours):
    """Draw the outputs of single trials in the plane, with the angles of both items on the circle."""
    circle = np.linspace(-np.pi, np.pi, 200)
    axes.plot(np.cos(circle), np.sin(circle), color="0.8", lw=0.8)
    outputs = network["trial_output"].transpose("drawn_trial", "time", "output").values
    angles = network["trial_angle"].transpose("drawn_trial", "item").values
    time = network["time"].values
    for trial, (output, angle) in enumerate(zip(outputs, angles, strict=True)):
        axes.plot(*output.T, color=("black", "0.55")[trial % 2], lw=0.8)
        for report, name in enumerate(network["item"].values, start=1):
            start, stop = network.attrs[f"period_report_{report}"]
            due = (time > start) & (time <= stop)
            axes.plot(*output[due].T, color=colours[name], lw=2)
            place = np.cos(angle[report - 1]), np.sin(angle[report - 1])
            label = f"target and {ITEM_LABELS[name]}" if trial == 0 else None
            axes.plot(*place, "o", color=colours[name], ms=5, mfc="white", label=label)
    axes.set_aspect("equal")
    axes.set_xlabel("output 1")
    axes.set_ylabel("output 2")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=1)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    colours = geometry_panels.tangent_colours(settings["style"])

    figure, axes = plt.subplots(2, 3, figsize=(9.0, 6.2))
    draw_quantity(axes[0, 0], arrays, "share", "black")
    axes[0, 0].axhline(0.5, color="0.6", lw=0.8, ls=":")
    axes[0, 0].set_ylim(0, 1)
    axes[0, 0].set_ylabel("share of item 2")
    draw_quantity(axes[0, 1], arrays, "trace", "black")
    axes[0, 1].set_yscale("log")
    axes[0, 1].set_ylabel("trace of the metric\n(state² per radian²)")
    draw_decoder_cosines(axes[0, 2], arrays, colours)
    for panel in axes[0]:
        plotting.shade_periods(panel, geometry_panels.trial_periods(arrays))
    images = [draw_similarity(axes[1, k], network, k) for k in range(2)]
    figure.colorbar(images[1], ax=axes[1, 1], fraction=0.046, label="cosine")
    draw_outputs(axes[1, 2], network, colours)
    titles = (
        "warping test",
        "size",
        "realignment test",
        "largest cosine",
        "mean cosine",
        "outputs",
    )
    for panel, letter, title in zip(axes.flat, "abcdef", titles, strict=True):
        # Above the names of the periods.
        geometry_panels.panel_label(panel, letter, title, pad=30 if letter in "abc" else None)
    figure.suptitle(f"n = {arrays.sizes['seed']} networks; d to f: the first", fontsize="small")
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
