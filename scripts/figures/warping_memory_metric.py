"""Two angles in memory: metric of each angle, share seen by the decoder, subspace angles, verdict."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, geometry_panels, plotting

TANGENT_LABELS = {"angle_1": "item 1", "angle_2": "item 2", "time": "time"}
NO_SWITCH = "no switch"
VERDICT_MARKERS = {"warping": "o", "realignment": "s", "mixed": "D", NO_SWITCH: "X"}


def draw_metric(axes, arrays, colours):
    """Draw the metric of each angle and of time."""
    components = arrays["component"].transpose("seed", "time", "tangent").values
    # A logarithmic axis cannot show the zeros before an item is shown.
    components = np.where(components > 0, components, np.nan)
    time = arrays["time"].values
    for k, (name, label) in enumerate(TANGENT_LABELS.items()):
        geometry_panels.network_lines(axes, time, components[..., k], colours[name], label)
    axes.set_yscale("log")
    axes.set_ylabel("metric G, mean over inputs")
    axes.legend(loc="lower right")


def draw_decoder_shares(axes, arrays, colours):
    """Draw the share of each angle's tangent vector that the decoder sees."""
    shares = arrays["seen"].transpose("seed", "time", "tangent").values
    time = arrays["time"].values
    for k, name in enumerate(("angle_1", "angle_2")):
        label = TANGENT_LABELS[name]
        geometry_panels.network_lines(axes, time, shares[..., k], colours[name], label)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("share seen by the decoder")


def draw_subspace_angles(axes, arrays, colours):
    """Draw the angle between every two of the items' encoding subspaces and the decoder's."""
    angles = arrays["angle"].transpose("pair", "seed", "time", "order").values
    time = arrays["time"].values
    pair_colours = ("black", colours["angle_1"], colours["angle_2"])
    for pair, values, colour in zip(arrays["pair"].values, angles, pair_colours, strict=True):
        geometry_panels.network_lines(axes, time, values.mean(axis=-1), colour, str(pair))
    axes.set_ylim(0, 92)
    axes.set_yticks([0, 30, 60, 90])
    axes.set_ylabel("angle between subspaces (°)")
    axes.legend()


def draw_verdicts(axes, arrays, summary):
    """Draw each network by w and δ, with a marker for its verdict; dotted: the limits between verdicts.

    A network whose decoder does not turn from one item to the other has no w: the legend counts it.
    """
    verdicts = arrays["verdict"].values
    is_drawn = np.isfinite(arrays["w"].values) & np.isfinite(arrays["defect"].values)
    is_drawn &= verdicts != NO_SWITCH
    for verdict, marker in VERDICT_MARKERS.items():
        if n := int((verdicts == verdict).sum()):
            networks = arrays.isel(seed=np.flatnonzero((verdicts == verdict) & is_drawn))
            missing = n - networks.sizes["seed"]
            label = f"{verdict}: {n}" + (f" ({missing} not drawn)" if missing else "")
            axes.plot(networks["w"], networks["defect"], marker, color="black", ms=4, label=label)
    axes.legend(title="networks", loc="upper right")
    for limit in (1 / 3, 2 / 3):
        axes.axvline(limit, color="0.6", lw=0.8, ls=":")
    axes.set_xlabel("w: part of the turn-over by size")
    axes.set_ylabel("δ: change of the metric")

    # w is a share, but can leave [0, 1]: show all of that range at least.
    w, defect = (arrays[name].values[is_drawn] for name in ("w", "defect"))
    axes.set_xlim(w.min(initial=0.0) - 0.05, w.max(initial=1.0) + 0.05)
    axes.set_ylim(0, 1.25 * defect.max() if len(defect) else 1)
    w_text, defect_text = (
        geometry_panels.summary_text(summary, f"two items: {name}") for name in ("w", "δ")
    )
    geometry_panels.annotate_value(axes, f"w = {w_text}\nδ = {defect_text}", "right")


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    summary = result_files.read_table(arguments.summary[0])
    colours = geometry_panels.tangent_colours(settings["style"])

    figure, axes = plt.subplots(2, 2, figsize=(8.0, 6.2))
    draw_metric(axes[0, 0], arrays, colours)
    geometry_panels.panel_label(axes[0, 0], "a", "size", pad=30)
    draw_decoder_shares(axes[0, 1], arrays, colours)
    geometry_panels.panel_label(axes[0, 1], "b", "direction", pad=30)
    draw_subspace_angles(axes[1, 0], arrays, colours)
    geometry_panels.panel_label(axes[1, 0], "c", "mean of two principal angles", pad=30)
    for panel in (axes[0, 0], axes[0, 1], axes[1, 0]):
        plotting.shade_periods(panel, geometry_panels.trial_periods(arrays))
        panel.set_xlabel("time (ms)")
    draw_verdicts(axes[1, 1], arrays, summary)
    geometry_panels.panel_label(axes[1, 1], "d", "which solution", pad=30)
    n = arrays.sizes["seed"]
    figure.suptitle(
        f"n = {n} network{'s' * (n != 1)}; G: items, state² per radian²; time, state² per time constant²",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
