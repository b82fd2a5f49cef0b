"""Two angles in memory: curvature of the torus of states, and its topology against null models."""

import numpy as np

from warpline.figures import geometry_panels, plotting

TITLES = {"item_2": "items shown", "delay": "delay", "report_1": "report 1", "report_2": "report 2"}
EXPECTED = (1, 2, 1)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    moments = list(arrays["moment"].values)
    labels = [TITLES.get(name, name) for name in moments]
    figure, axes = plt.subplots(2, 2, figsize=(7.8, 6.2))

    panel = axes[0, 0]
    curvature = arrays["curvature"].transpose("moment", "seed", "angle_1", "angle_2").values
    flat = [values[np.isfinite(values)] for values in curvature.reshape(len(moments), -1)]
    quantiles = [np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]) for values in flat]
    for k, (least, low, middle, high, most) in enumerate(quantiles):
        panel.plot([k, k], [least, most], color="black", lw=0.8)
        panel.plot([k, k], [low, high], color="black", lw=4, solid_capstyle="butt")
        panel.plot(k, middle, "o", color="white", mec="black", ms=5)
    panel.axhline(0, color="0.6", lw=0.8, ls=":")
    panel.set_yscale("symlog", linthresh=max(1e-3, np.median(np.abs(np.concatenate(flat)))))
    panel.set_xticks(range(len(moments)), labels)
    panel.set_ylabel("Gauss curvature")
    geometry_panels.panel_label(panel, "a", "quantiles 5, 25, 50, 75, 95 %")

    panel = axes[0, 1]
    found = network["curvature"].sel(moment="delay").transpose("angle_2", "angle_1").values
    top = np.nanquantile(np.abs(found), 0.98)
    image = panel.imshow(
        found, cmap="coolwarm", vmin=-top, vmax=top, origin="lower", extent=[-180, 180, -180, 180]
    )
    figure.colorbar(image, ax=panel, fraction=0.046, label="Gauss curvature")
    panel.set_xlabel("angle 1 (°)")
    panel.set_ylabel("angle 2 (°)")
    panel.set_xticks([-180, 0, 180])
    panel.set_yticks([-180, 0, 180])
    geometry_panels.panel_label(panel, "b", "end of the delay, first network")

    if "betti" not in arrays:
        for panel in axes[1]:
            panel.axis("off")
        return figure
    panel = axes[1, 0]
    ratio = network["ratio"].transpose("moment", "dimension", "rank").values
    threshold = network["threshold"].transpose("moment", "dimension").values
    blue, orange = plotting.PALETTES[settings["style"]["palette"]][:2]
    for dimension, colour, marker in ((1, blue, "o"), (2, orange, "s")):
        x = np.arange(len(moments)) + 0.3 * (dimension - 1.5)
        for k, place in enumerate(x):
            values = ratio[k, dimension]
            panel.plot(np.full(len(values), place), values, marker, color=colour, ms=3.5)
            bar = [place - 0.12, place + 0.12]
            panel.plot(bar, [threshold[k, dimension]] * 2, color=colour, lw=1.5)
        panel.plot([], [], marker, color=colour, label=("loops (H1)", "voids (H2)")[dimension - 1])
    panel.set_yscale("log")
    panel.set_ylim(top=1.25 * panel.get_ylim()[1])
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter("{x:g}")
    panel.set_xticks(range(len(moments)), labels)
    panel.set_ylabel("death / birth of intervals")
    panel.legend(loc="upper left", ncols=2)
    geometry_panels.panel_label(panel, "c", "bars: what nulls and controls reach")

    panel = axes[1, 1]
    betti = arrays["betti"].transpose("moment", "seed", "dimension").values
    hidden = arrays["undersampled"].transpose("moment", "seed").values.astype(float) == 1
    for dimension in range(3):
        for k in range(len(moments)):
            values = betti[k, :, dimension]
            x = k + 0.22 * (dimension - 1) + plotting.jitter(len(values), 0.12)
            for place, value, sparse in zip(x, values, hidden[k], strict=True):
                known = np.isfinite(value)
                panel.plot(
                    place, value if known else -0.6, "oDs"[dimension] if known else "x", ms=4,
                    color="black", mfc="white" if sparse else "black",
                )  # fmt: skip
            panel.plot(
                [k + 0.22 * (dimension - 1) - 0.09, k + 0.22 * (dimension - 1) + 0.09],
                [EXPECTED[dimension]] * 2, color="0.6", lw=2, zorder=0,
            )  # fmt: skip
    for dimension in range(3):
        panel.plot([], [], "oDs"[dimension], color="black", ms=4, label=f"β{dimension}")
    panel.set_xticks(range(len(moments)), labels)
    panel.set_yticks([-0.6, 0, 1, 2, 3], ["unclear", "0", "1", "2", "3"])
    panel.set_ylabel("Betti number")
    panel.legend(ncols=3)
    geometry_panels.panel_label(panel, "d", "grey: a torus; open: undersampled")
    figure.suptitle(f"n = {arrays.sizes['seed']} networks; b, c: the first", fontsize="small")
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "summary"], make)
