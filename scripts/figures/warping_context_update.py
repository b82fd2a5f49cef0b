"""Contextual integration: the weight update and what it reads, the signed decoder cosine, unit by unit."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, geometry_panels, plotting

TANGENTS = ("relevant", "irrelevant", "time")
PAIRS = (("time", "relevant"), ("time", "irrelevant"))
MARKERS = "os"


def draw_singular_values(axes, arrays):
    """Draw the singular values of the weight update, a line per network."""
    values = (
        arrays["update_singular_value"].isel(context=0).transpose("seed", "rank_of_value").values
    )
    axes.plot(np.arange(values.shape[1]) + 1, values.T, "o-", color="black", ms=2, lw=0.6)
    axes.set_yscale("log")
    axes.set_ylim(bottom=values[:, 0].max() * 1e-4)
    axes.set_xlabel("rank")
    axes.set_ylabel("singular value of the update")


def draw_projection(axes, arrays, tangent):
    """Draw the signed cosine with each right singular vector over time, first network and context."""
    network = arrays["update_projection"].isel(seed=0, context=0)
    values = network.sel(tangent=tangent).transpose("direction", "time").values
    limit = 1.0
    time = arrays["time"].values
    rows = np.arange(len(values)) + 1
    image = axes.pcolormesh(
        time, rows, values, cmap="coolwarm", vmin=-limit, vmax=limit, shading="nearest"
    )
    image.set_rasterized(True)
    axes.set_yticks(rows)
    axes.set_xlabel("time (ms)")
    axes.set_ylabel("right singular vector")
    return image


def draw_cosines(axes, arrays, colours, chance):
    """Draw the late absolute cosine with the first right singular vector, a point per network and context."""
    axes.axhline(chance, color="0.5", lw=0.8, ls=":")
    late = int(arrays["moment_step"].values.flat[-1])
    values = arrays["cosine_right_singular_vectors"].isel(time=late)
    for k, context in enumerate(arrays["context"].values):
        for j, name in enumerate(TANGENTS):
            cosines = values.sel(context=context, tangent=name).values
            x = k + 0.25 * (j - 1) + plotting.jitter(len(cosines), 0.1)
            label = name if k == 0 else None
            axes.plot(x, cosines, "o", color=colours[name], ms=3, label=label)
    axes.set_xticks(
        range(arrays.sizes["context"]), [f"context {c}" for c in arrays["context"].values]
    )
    # Room for the legend above the largest cosine.
    axes.set_ylim(0, 1.5)
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("|cosine|, late")
    axes.legend(loc="best", fontsize="x-small")


def draw_signed_cosines(axes, arrays, colours):
    """Draw the signed cosine to the readout over time: median over inputs, and 10 % to 90 %."""
    values = arrays["signed_cosine_readout"].mean("context")
    values = values.transpose("tangent", "seed", "quantile", "time").values
    time = arrays["time"].values
    for name, of_tangent in zip(TANGENTS, values, strict=True):
        shown = np.isfinite(of_tangent).all(axis=(0, 1))
        geometry_panels.network_lines(axes, time, of_tangent[:, 1], colours[name], name)
        low, high = (of_tangent[:, k][:, shown].mean(0) for k in (0, 2))
        axes.plot(time[shown], low, color=colours[name], lw=0.8, ls="--")
        axes.plot(time[shown], high, color=colours[name], lw=0.8, ls="--")
    axes.axhline(0, color="0.6", lw=0.8, ls=":")
    axes.set_ylim(-1, 1)
    axes.set_xlabel("time (ms)")
    axes.set_ylabel("signed cosine to the readout")


def draw_components(axes, network, pair, colours):
    """Draw the components of two unit tangent vectors, a point per unit, with their ellipse of 2 SD."""
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = 2 * np.stack([np.cos(angle), np.sin(angle)])
    for context, marker in zip(network["context"].values, MARKERS, strict=True):
        components = network["component_of_unit"].sel(context=context, tangent=list(pair))
        x, y = components.transpose("tangent", "unit").values
        colour = colours[pair[1]]
        fill = colour if marker == "o" else "white"
        axes.plot(x, y, marker, color=colour, mfc=fill, ms=2.5, label=f"context {context}", lw=0)
        centre = np.array([x.mean(), y.mean()])
        root = np.linalg.cholesky(np.cov(x, y) + 1e-15 * np.eye(2))
        ellipse = centre[:, None] + root @ circle
        axes.plot(*ellipse, color=colour, lw=1, ls="-" if marker == "o" else "--")
    axes.set_xlabel(f"{pair[0]}, component of a unit")
    axes.set_ylabel(pair[1])
    # Room for the legend above the units.
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.15 * (high - low))
    axes.legend(loc="upper center", ncols=2, fontsize="x-small", borderpad=0)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    colours = geometry_panels.tangent_colours(settings["style"])

    figure, axes = plt.subplots(2, 4, figsize=(10.6, 5.0))
    panels = axes.flat
    if "update_singular_value" in arrays:
        draw_singular_values(panels[0], arrays)
        for k, name in enumerate(("relevant", "irrelevant"), start=1):
            image = draw_projection(panels[k], arrays, name)
        figure.colorbar(image, ax=panels[2], fraction=0.046, label="cosine")
        summary = result_files.read_table(arguments.summary[0])
        chance = summary.set_index("quantity")["mean"]["cosine by chance, 95 % below"]
        draw_cosines(panels[3], arrays, colours, chance)
    else:
        for panel in axes[0]:
            plotting.say_why_empty(panel, "The recurrent weights did not learn.")
    draw_signed_cosines(panels[4], arrays, colours)
    for panel, pair in zip(panels[5:7], PAIRS, strict=True):
        draw_components(panel, network, pair, colours)
    draw_components(panels[7], network, ("relevant", "irrelevant"), colours)
    titles = (
        "weight update", "relevant", "irrelevant", "first right vector",
        "readout", "with time", "with time", "both inputs",
    )  # fmt: skip
    for panel, letter, title in zip(panels, "abcdefgh", titles, strict=True):
        geometry_panels.panel_label(panel, letter, title)
    figure.suptitle(
        f"n = {arrays.sizes['seed']} networks; b, c (context 1) and f to h: the first",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
