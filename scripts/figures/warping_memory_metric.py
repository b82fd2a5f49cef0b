"""Two angles in memory: the metric of each over time, what the decoder sees, angles, the verdict."""

import numpy as np

from warpline.core import result_files
from warpline.figures import geometry_panels, plotting

NAMES = {"angle_1": "item 1", "angle_2": "item 2", "time": "time"}
VERDICTS = ("warping", "realignment", "mixed", "no switch")
SHADED = ("item_1", "item_2", "report_1", "report_2")


def periods(axes, arrays, top=False):
    """Shade items and reports; name them above the first panel."""
    for name in SHADED:
        start, stop = arrays.attrs[f"period_{name}"]
        axes.axvspan(start, stop, color="0.93", lw=0, zorder=0)
        if top:
            axes.text(
                (start + stop) / 2, 1.0, name.replace("_", " "), ha="center", va="bottom",
                fontsize="x-small", transform=axes.get_xaxis_transform(),
            )  # fmt: skip


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    summary = result_files.read_table(arguments.summary[0])
    colours = geometry_panels.tangent_colours(settings["style"])
    time = arrays["time"].values

    figure, axes = plt.subplots(2, 2, figsize=(8.0, 5.6))
    panel = axes[0, 0]
    component = arrays["component"].transpose("seed", "time", "tangent").values
    for k, (name, label) in enumerate(NAMES.items()):
        geometry_panels.network_lines(
            panel,
            time,
            np.where(component[..., k] > 0, component[..., k], np.nan),
            colours[name],
            label,
        )
    panel.set_yscale("log")
    panel.set_ylabel("metric, mean over inputs")
    panel.legend(loc="lower right")
    geometry_panels.panel_label(panel, "a", "size")

    panel = axes[0, 1]
    seen = arrays["seen"].transpose("seed", "time", "tangent").values
    for k, name in enumerate(("angle_1", "angle_2")):
        geometry_panels.network_lines(panel, time, seen[..., k], colours[name], NAMES[name])
    panel.set_ylim(bottom=0)
    panel.set_ylabel("share seen by the decoder")
    geometry_panels.panel_label(panel, "b", "direction")

    panel = axes[1, 0]
    angle = arrays["angle"].transpose("seed", "time", "pair", "order").values
    shades = ("black", colours["angle_1"], colours["angle_2"])
    for k, (pair, shade) in enumerate(zip(arrays["pair"].values, shades, strict=True)):
        geometry_panels.network_lines(panel, time, angle[:, :, k].mean(axis=-1), shade, str(pair))
    panel.set_ylim(0, 92)
    panel.set_yticks([0, 30, 60, 90])
    panel.set_ylabel("angle between subspaces (°)")
    panel.legend()
    geometry_panels.panel_label(panel, "c", "mean of two principal angles")
    for panel in (axes[0, 0], axes[0, 1], axes[1, 0]):
        periods(panel, arrays, top=panel is axes[0, 0])
        panel.set_xlabel("time (ms)")

    panel = axes[1, 1]
    for marker, verdict in zip("osDX", VERDICTS, strict=True):
        chosen = arrays.isel(seed=np.flatnonzero(arrays["verdict"].values == verdict))
        if chosen.sizes["seed"]:
            label = f"{verdict}: {chosen.sizes['seed']}"
            panel.plot(chosen["w"], chosen["defect"], marker, color="black", ms=4, label=label)
    panel.legend(title="networks", loc="upper right")
    for place in (1 / 3, 2 / 3):
        panel.axvline(place, color="0.6", lw=0.8, ls=":")
    panel.set_xlabel("w: part of the turn-over by size")
    panel.set_ylabel("δ: change of the metric")
    panel.set_xlim(
        min(0.0, float(arrays["w"].min())) - 0.05, max(1.0, float(arrays["w"].max())) + 0.05
    )
    panel.set_ylim(0, 1.25 * float(arrays["defect"].max()))
    w, defect = (geometry_panels.summary_text(summary, f"two items: {name}") for name in ("w", "δ"))
    geometry_panels.annotate_value(panel, f"w = {w}\nδ = {defect}", "right")
    geometry_panels.panel_label(panel, "d", "which solution")
    figure.suptitle(f"n = {arrays.sizes['seed']} networks", fontsize="small")
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "summary"], make)
