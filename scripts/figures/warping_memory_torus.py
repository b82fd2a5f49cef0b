"""Two angles in memory: curvature of the torus of states, and its topology against null models."""

import numpy as np

from warpline.figures import figure_script, geometry_panels, plotting

MOMENT_LABELS = {
    "item_2": "items shown",
    "delay": "delay",
    "report_1": "report 1",
    "report_2": "report 2",
}
QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]
TORUS_BETTI = (1, 2, 1)


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
    axes.set_ylabel("Gaussian curvature (1/state²)")


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


def counts_text(values, sparse):
    """Return what networks' Betti numbers are as lines of text: value and number of networks.

    ``values`` holds a number per network, NaN where the samples disagree. Networks of which ``sparse`` holds
    are undersampled, and stand in brackets.
    """
    lines = []
    for brackets, chosen in (("{}", values[~sparse]), ("({})", values[sparse])):
        for value in [*np.unique(chosen[np.isfinite(chosen)]), np.nan]:
            is_value = np.isnan(chosen) if np.isnan(value) else chosen == value
            if is_value.any():
                name = "unclear" if np.isnan(value) else f"{value:g}"
                lines.append(brackets.format(f"{name} in {is_value.sum()}"))
    return "\n".join(lines)


def draw_betti_numbers(axes, arrays, labels):
    """Draw a table: how many networks have which Betti number; darker where more have that of a torus."""
    betti = arrays["betti"].transpose("dimension", "moment", "seed").values
    sparse = arrays["undersampled"].transpose("moment", "seed").values.astype(float) == 1
    is_torus = (betti == np.array(TORUS_BETTI)[:, None, None]) & ~sparse
    axes.imshow(is_torus.mean(axis=-1), cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for (dimension, k), _ in np.ndenumerate(betti[..., 0]):
        text = counts_text(betti[dimension, k], sparse[k])
        axes.text(k, dimension, text, ha="center", va="center", fontsize="x-small")
    columns = [
        f"{label}\nundersampled:\n{of_moment.sum()} of {len(of_moment)}"
        for label, of_moment in zip(labels, sparse, strict=True)
    ]
    axes.set_xticks(range(len(labels)), columns, fontsize="x-small")
    axes.set_yticks(
        range(len(TORUS_BETTI)), [f"β{k}\n(torus: {b})" for k, b in enumerate(TORUS_BETTI)]
    )
    # Lines between the cells, which may all be white.
    axes.set_xticks(np.arange(1, len(labels)) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, len(TORUS_BETTI)) - 0.5, minor=True)
    axes.grid(which="minor", color="0.8", lw=0.8)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    labels = [MOMENT_LABELS.get(name, name) for name in arrays["moment"].values]
    colours = plotting.PALETTES[settings["style"]["palette"]][:2]

    figure, axes = plt.subplots(2, 2, figsize=(7.8, 6.2))
    draw_curvature_quantiles(axes[0, 0], arrays, labels)
    geometry_panels.panel_label(axes[0, 0], "a", "curvature: quantiles 5, 25, 50, 75, 95 %")
    image = draw_curvature_map(axes[0, 1], network)
    figure.colorbar(image, ax=axes[0, 1], fraction=0.046, label="Gaussian curvature (1/state²)")
    geometry_panels.panel_label(axes[0, 1], "b", "curvature at the end of the delay")

    # The configuration can switch topology off.
    if "betti" not in arrays:
        for panel in axes[1]:
            panel.axis("off")
        return figure
    draw_persistence(axes[1, 0], network, labels, colours)
    geometry_panels.panel_label(axes[1, 0], "c", "persistence; bars: thresholds")
    draw_betti_numbers(axes[1, 1], arrays, labels)
    geometry_panels.panel_label(axes[1, 1], "d", "Betti numbers, and in how many networks")
    n = arrays.sizes["seed"]
    figure.suptitle(
        f"n = {n} network{'s' * (n != 1)}; b, c: the first; d, in brackets: undersampled, so that the number"
        " says little",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
