"""Contextual integration: eigenvalues of the metric by level of evidence, and the grid at arc length."""

import numpy as np

from warpline.figures import figure_script, geometry_panels, plotting

ORDER_LABELS = ("largest", "second", "third")


def draw_level(axes, arrays, context, level, colours):
    """Draw the eigenvalues at one level of the relevant input: median and band, mean over networks."""
    values = arrays["level_eigenvalue"].sel(context=context).isel(level=level)
    values = values.transpose("order", "band", "seed", "time").values
    time = arrays["time"].values
    for k, (of_order, colour) in enumerate(zip(values, colours, strict=True)):
        low, median, high = np.where(of_order > 0, of_order, np.nan)
        shown = np.isfinite(median).all(axis=0)
        axes.fill_between(
            time[shown],
            low[:, shown].mean(0),
            high[:, shown].mean(0),
            color=colour,
            alpha=0.2,
            lw=0,
        )
        axes.plot(time[shown], median[:, shown].mean(0), color=colour, label=ORDER_LABELS[k])
    axes.set_yscale("log")


def draw_mesh(axes, mesh):
    """Draw the grid of both inputs at arc length: lines spread where the states are stretched."""
    count = len(mesh)
    lines = np.unique(np.linspace(0, count - 1, min(count, 11)).round().astype(int))
    for k in lines:
        axes.plot(*mesh[k].T, color="black", lw=0.5)
        axes.plot(*mesh[:, k].T, color="black", lw=0.5)
    axes.set_aspect("equal")


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    colours = plotting.PALETTES[settings["style"]["palette"]][:3]
    contexts = arrays["context"].values
    chosen = arrays["level_value"].values.reshape(-1, arrays.sizes["level"])[0].astype(int)
    relevant = arrays["relevant"].values[chosen]

    figure, axes = plt.subplots(
        len(contexts), len(chosen) + 2, figsize=(10.6, 4.4),
        width_ratios=[1] * len(chosen) + [1.4, 1.4],
    )  # fmt: skip
    for row, context in enumerate(contexts):
        for column, value in enumerate(relevant):
            panel = axes[row, column]
            draw_level(panel, arrays, context, column, colours)
            panel.sharey(axes[0, 0])
            panel.set_title(f"relevant {round(float(value), 9) + 0:.2g}", fontsize="small")
            panel.set_xlabel("time (ms)")
            if column:
                panel.tick_params(labelleft=False)
        axes[row, 0].set_ylabel(f"context {context}\neigenvalue / largest")
        meshes = network["context_mesh"].sel(context=context)
        meshes = meshes.transpose("moment", "relevant", "irrelevant", "coordinate").values
        for k, moment in enumerate(network["moment"].values):
            panel = axes[row, len(chosen) + k]
            draw_mesh(panel, meshes[k])
            panel.set_title(f"arc length, {moment}", fontsize="small")
            panel.set_xlabel("relevant (state)")
            panel.set_ylabel("irrelevant (state)")
    # Panels that share an axis took the range of the first one.
    axes[0, 0].autoscale(axis="y")
    # The first panel has room between its curves where the eigenvalues fall apart.
    plotting.shared_legend(figure, axes[:, :1], ncols=3)
    figure.suptitle(
        f"n = {arrays.sizes['seed']} networks; grids at arc length: the first", fontsize="small"
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
