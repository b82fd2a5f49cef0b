"""Two angles in memory: entries of the metric over the torus of both angles, and their median over time."""

import numpy as np

from warpline.figures import figure_script, geometry_panels

MOMENT_LABELS = {
    "item_2": "items shown",
    "delay": "end of the delay",
    "report_1": "report 1",
    "report_2": "report 2",
}
ENTRIES = {
    ("angle_1", "angle_1"): "G11",
    ("angle_2", "angle_2"): "G22",
    ("angle_1", "angle_2"): "G12",
}


def draw_map(axes, values, limit):
    """Draw an entry over both angles; return the image."""
    return axes.imshow(
        values.T,
        cmap="coolwarm",
        vmin=-limit,
        vmax=limit,
        origin="lower",
        extent=[-180, 180, -180, 180],
    )


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    maps = network["metric_map"].transpose("moment", "tangent", "tangent_b", "angle_1", "angle_2")
    names = list(arrays["tangent"].values)

    figure, axes = plt.subplots(3, 5, figsize=(9.4, 5.6))
    for row, ((first, second), label) in enumerate(ENTRIES.items()):
        i, j = names.index(first), names.index(second)
        entries = maps.values[:, i, j]
        for column, moment in enumerate(arrays["moment"].values):
            # The size changes over the trial by decades: each map has its own limit, which it states.
            limit = float(np.quantile(np.abs(entries[column]), 0.9)) or 1.0
            panel = axes[row, column]
            draw_map(panel, entries[column], limit)
            panel.set_title(f"{label}, ±{limit:.2g}", fontsize="small")
            panel.set_xticks([-180, 0, 180])
            panel.set_yticks([-180, 0, 180] if column == 0 else [])
            if row == 0:
                panel.set_title(f"{MOMENT_LABELS[moment]}\n{label}, ±{limit:.2g}", fontsize="small")
            if row < 2:
                panel.set_xticklabels([])
        axes[row, 0].set_ylabel("angle 2 (°)")

        # The median over the torus, entry by entry, with its own network lines.
        panel = axes[row, 4]
        medians = arrays["metric_median"].transpose("tangent", "tangent_b", "seed", "time").values
        geometry_panels.network_lines(panel, arrays["time"].values, medians[i, j], "black")
        panel.axhline(0, color="0.6", lw=0.8, ls=":")
        panel.set_title(f"median of {label}", fontsize="small")
    for panel in axes[2, :4]:
        panel.set_xlabel("angle 1 (°)")
    axes[2, 4].set_xlabel("time (ms)")
    figure.suptitle(
        f"maps: first network; medians: n = {arrays.sizes['seed']} networks; G: state² per radian²",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
