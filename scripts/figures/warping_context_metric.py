"""Contextual integration: the metric over the inputs early and late, over time, and its eigenvalues."""

import numpy as np

from warpline.core import result_files
from warpline.figures import geometry_panels, plotting

NAMES = ("relevant", "irrelevant", "time")


def over_time(axes, arrays, variable, names, colours):
    """Draw a quantity over time: lines over networks and contexts, bars over the irrelevant input."""
    time = arrays["time"].values
    for k, name in enumerate(names):
        found = arrays[variable].isel({"tangent" if variable == "component" else "order": k})
        found = found.transpose("seed", "context", "irrelevant", "time")
        values = found.mean(["context", "irrelevant"]).values
        spread = found.std("irrelevant").mean(["seed", "context"]).values
        geometry_panels.network_lines(axes, time, values, colours[name], str(name))
        every = max(1, len(time) // 10)
        axes.errorbar(
            time[::every], np.nanmean(values, axis=0)[::every], spread[::every],
            fmt="none", ecolor=colours[name], elinewidth=0.8, capsize=1.5,
        )  # fmt: skip
    axes.set_xlabel("time (ms)")


def make(arguments, settings):
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm

    arrays = geometry_panels.load_networks(arguments.arrays)
    summary = result_files.read_table(arguments.summary[0])
    colours = geometry_panels.tangent_colours(settings["style"])
    early, late = arrays["time"].values[arrays["moment_step"].isel(seed=0).values]
    mean = arrays["metric"].mean(["seed", "context"])
    side = arrays["relevant"].values
    edges = [side[0], side[-1]] * 2

    figure = plt.figure(figsize=(7.6, 6.8))
    top_part, bottom_part = figure.subfigures(2, 1, height_ratios=[2, 1.15])
    maps_of = top_part.subplots(2, 4, width_ratios=[1, 1, 1, 0.06])
    for row, (moment, at) in enumerate((("early", early), ("late", late))):
        maps = [
            mean.sel(moment=moment).isel(tangent=k, tangent_b=k).transpose("irrelevant", "relevant")
            for k in range(3)
        ]
        top = max(float(found.max()) for found in maps)
        norm = LogNorm(top * 1e-4, top)
        for k, (name, found) in enumerate(zip(NAMES, maps, strict=True)):
            panel = maps_of[row, k]
            image = panel.imshow(
                found.values.clip(top * 1e-4), norm=norm, origin="lower", extent=edges
            )
            geometry_panels.panel_label(panel, "abcdef"[3 * row + k], f"$G$, {name}, {at:g} ms")
            panel.set_xlabel("relevant input" if row else "")
            if k == 0:
                panel.set_ylabel("irrelevant input")
        top_part.colorbar(image, cax=maps_of[row, 3])
    series, shares = bottom_part.subplots(1, 2)
    panel = series
    over_time(panel, arrays, "component", NAMES, colours)
    panel.set_yscale("log")
    panel.set_ylabel("metric, mean over inputs")
    panel.legend(loc="upper left", ncols=3)
    low, high = panel.get_ylim()
    panel.set_ylim(max(low / 30, 1e-6), high * 30)
    ratio = geometry_panels.summary_text(
        summary, "metric, relevant / irrelevant", "context 1", "late"
    )
    geometry_panels.annotate_value(
        panel, f"relevant / irrelevant, late\n(context 1): {ratio}", "right"
    )
    geometry_panels.panel_label(panel, "g", "metric over time")
    panel = shares
    order = {1: "black", 2: "0.45", 3: "0.7"}
    over_time(panel, arrays, "eigenvalue", order, order)
    panel.set_ylim(0, 1.02)
    panel.set_ylabel("share of the trace")
    geometry_panels.panel_label(panel, "h", "eigenvalues of the metric")
    figure.suptitle(
        f"mean over n = {arrays.sizes['seed']} networks and both contexts; bars: spread over the "
        "irrelevant input",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "summary"], make)
