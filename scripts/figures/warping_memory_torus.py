"""Two angles in memory: curvature of the torus of states, and its topology against null models."""

import numpy as np

from warpline.figures import geometry_panels, plotting

MOMENT_LABELS = {
    "item_2": "items shown",
    "delay": "delay",
    "report_1": "report 1",
    "report_2": "report 2",
}
QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]
TORUS_BETTI = (1, 2, 1)
BETTI_MARKERS = "oDs"
UNCLEAR = -0.6
"""Height at which a Betti number that could not be read off is drawn."""


def draw_curvature_quantiles(axes, arrays, labels):
    """Draw quantiles of the Gauss curvature over all points and networks, a box per moment."""
    curvature = arrays["curvature"].transpose("moment", "seed", "angle_1", "angle_2").values
    samples = [values[np.isfinite(values)] for values in curvature.reshape(len(labels), -1)]
    for k, values in enumerate(samples):
        lowest, low, median, high, highest = np.quantile(values, QUANTILES)
        axes.plot([k, k], [lowest, highest], color="black", lw=0.8)
        axes.plot([k, k], [low, high], color="black", lw=4, solid_capstyle="butt")
        axes.plot(k, median, "o", color="white", mec="black", ms=5)
    axes.axhline(0, color="0.6", lw=0.8, ls=":")
    # Curvature has both signs and spans decades: linear below its typical size, logarithmic above.
    typical = np.median(np.abs(np.concatenate(samples)))
    axes.set_yscale("symlog", linthresh=max(1e-3, typical))
    axes.set_xticks(range(len(labels)), labels)
    axes.set_ylabel("Gauss curvature")


def draw_curvature_map(axes, network):
    """Draw the Gauss curvature over both angles at the end of the delay; return the image."""
    curvature = network["curvature"].sel(moment="delay").transpose("angle_2", "angle_1").values
    # A few extreme points would leave the rest without colour.
    limit = np.nanquantile(np.abs(curvature), 0.98)
    image = axes.imshow(
        curvature,
        cmap="coolwarm",
        vmin=-limit,
        vmax=limit,
        origin="lower",
        extent=[-180, 180, -180, 180],
    )
    axes.set_xlabel("angle 1 (°)")
    axes.set_ylabel("angle 2 (°)")
    axes.set_xticks([-180, 0, 180])
    axes.set_yticks([-180, 0, 180])
    return image


def draw_persistence(axes, network, labels, colours):
    """Draw death / birth of the most persistent intervals, beside the threshold of the null models."""
    ratios = network["ratio"].transpose("moment", "dimension", "rank").values
    thresholds = network["threshold"].transpose("moment", "dimension").values
    names = {1: "loops (H1)", 2: "voids (H2)"}
    for (dimension, name), colour, marker in zip(names.items(), colours, "os", strict=True):
        for k in range(len(labels)):
            x = k + 0.3 * (dimension - 1.5)
            values = ratios[k, dimension]
            axes.plot(np.full(len(values), x), values, marker, color=colour, ms=3.5)
            threshold = [thresholds[k, dimension]] * 2
            axes.plot([x - 0.12, x + 0.12], threshold, color=colour, lw=1.5)
        axes.plot([], [], marker, color=colour, label=name)
    axes.set_yscale("log")
    # Room for the legend.
    axes.set_ylim(top=1.25 * axes.get_ylim()[1])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.set_xticks(range(len(labels)), labels)
    axes.set_ylabel("death / birth of intervals")
    axes.legend(loc="upper left", ncols=2)


def draw_betti_numbers(axes, arrays, labels):
    """Draw the Betti numbers of each network, open where undersampled; grey bars: those of a torus."""
    betti = arrays["betti"].transpose("moment", "seed", "dimension").values
    undersampled = arrays["undersampled"].transpose("moment", "seed").values.astype(float) == 1
    for dimension, marker in enumerate(BETTI_MARKERS):
        for k in range(len(labels)):
            centre = k + 0.22 * (dimension - 1)
            values = betti[k, :, dimension]
            x = centre + plotting.jitter(len(values), 0.12)
            for position, value, sparse in zip(x, values, undersampled[k], strict=True):
                clear = np.isfinite(value)
                axes.plot(
                    position,
                    value if clear else UNCLEAR,
                    marker if clear else "x",
                    ms=4,
                    color="black",
                    mfc="white" if sparse else "black",
                )
            torus = [TORUS_BETTI[dimension]] * 2
            axes.plot([centre - 0.09, centre + 0.09], torus, color="0.6", lw=2, zorder=0)

    # The legend shows filled markers, whether or not the first network's are open.
    for dimension, marker in enumerate(BETTI_MARKERS):
        axes.plot([], [], marker, color="black", ms=4, label=f"β{dimension}")
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks([UNCLEAR, 0, 1, 2, 3], ["unclear", "0", "1", "2", "3"])
    axes.set_ylabel("Betti number")
    axes.legend(ncols=3)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    labels = [MOMENT_LABELS.get(name, name) for name in arrays["moment"].values]
    colours = plotting.PALETTES[settings["style"]["palette"]][:2]

    figure, axes = plt.subplots(2, 2, figsize=(7.8, 6.2))
    draw_curvature_quantiles(axes[0, 0], arrays, labels)
    geometry_panels.panel_label(axes[0, 0], "a", "quantiles 5, 25, 50, 75, 95 %")
    image = draw_curvature_map(axes[0, 1], network)
    figure.colorbar(image, ax=axes[0, 1], fraction=0.046, label="Gauss curvature")
    geometry_panels.panel_label(axes[0, 1], "b", "end of the delay, first network")

    # The configuration can switch topology off.
    if "betti" not in arrays:
        for panel in axes[1]:
            panel.axis("off")
        return figure
    draw_persistence(axes[1, 0], network, labels, colours)
    geometry_panels.panel_label(axes[1, 0], "c", "bars: what nulls and controls reach")
    draw_betti_numbers(axes[1, 1], arrays, labels)
    geometry_panels.panel_label(axes[1, 1], "d", "grey: a torus; open: undersampled")
    figure.suptitle(f"n = {arrays.sizes['seed']} networks; b, c: the first", fontsize="small")
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "summary"], make)
