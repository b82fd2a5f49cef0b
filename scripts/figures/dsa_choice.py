"""Prediction of held-out trials by the operators of DSA, by rank and number of delays."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting, words

QUANTITIES = {
    "aic": "Akaike's criterion,\none step",
    "spectral_radius": "spectral radius",
    "non_normality": "non-normality\n(Henrici, relative)",
}
CHOSEN = "#D55E00"
# Error ratios of very low ranks would squeeze those that matter.
LARGEST_RATIO = 4.0


def embedding_styles(embeddings, style):
    """Return colour, marker and line style by embedding: from dark to light with the number of delays."""
    import matplotlib as mpl

    delays = sorted({n_delays for n_delays, _ in embeddings})
    intervals = sorted({interval for _, interval in embeddings})
    # The end of the map is too light for thin lines on white.
    shades = mpl.colormaps[style["colormap"]](np.linspace(0, 0.85, len(delays)))
    return {
        (n_delays, interval): {
            "color": shades[delays.index(n_delays)],
            "marker": plotting.MARKERS[delays.index(n_delays) % len(plotting.MARKERS)],
            "ls": ("-", "--", ":", "-.")[intervals.index(interval) % 4],
        }
        for n_delays, interval in embeddings
    }


def draw_column(axes, sweep, column, styles, chosen_label):
    """Draw a column of the sweep against rank: a line per embedding, and the chosen setting."""
    for (n_delays, interval), line_style in styles.items():
        rows = sweep[(sweep["n_delays"] == n_delays) & (sweep["delay_interval"] == interval)]
        if rows.empty:
            continue
        # A rank that some network does not carry is not a candidate for the choice.
        carried = rows[rows["comparable"]]
        label = f"{n_delays} delay{'s' * (n_delays > 1)}"
        if interval > 1:
            label += f", interval {interval}"
        axes.plot(carried["rank"], carried[column], ms=3, lw=1, label=label, **line_style)
        axes.plot(rows["rank"], rows[column], lw=0.5, alpha=0.4, color=line_style["color"])
    chosen = sweep[sweep["chosen"]].iloc[0]
    axes.plot(
        chosen["rank"],
        chosen[column],
        "o",
        mfc="none",
        mec=CHOSEN,
        mew=2,
        ms=10,
        zorder=5,
        label=f"{chosen_label}: {words.parameters_label(sweep[sweep['chosen']])}",
    )
    axes.set_xlabel("rank")


def draw_ratio(axes, sweep, networks, horizon, styles, chosen_label):
    """Draw the error ratio at a horizon, with persistence and the networks at the chosen setting."""
    column = f"error_ratio_{horizon}"
    draw_column(axes, sweep, column, styles, chosen_label)
    axes.axhline(1, color="0.4", lw=1, ls="--", label="persistence: nothing changes")
    chosen = sweep[sweep["chosen"]].iloc[0]
    keys = ["n_delays", "delay_interval", "rank"]
    own = networks[(networks[keys] == chosen[keys]).all(axis=1)][column].dropna()
    x = chosen["rank"] + plotting.jitter(len(own), 1.5)
    axes.plot(x, own, "_", color="black", ms=5, mew=1, zorder=6, label="networks, chosen setting")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(low, min(high, LARGEST_RATIO))
    axes.set_title(f"{horizon} step{'s' * (horizon > 1)} ahead")


def make(arguments, settings):
    import matplotlib.pyplot as plt

    all_sweeps = result_files.read_tables(arguments.sweep)
    all_networks = result_files.read_tables(arguments.networks)
    if "error_ratio_1" not in all_sweeps and "score" not in all_sweeps:
        return plotting.nothing_to_show("No network could be fitted.")

    horizons = [int(name[12:]) for name in all_sweeps if name.startswith("error_ratio_")]
    measures = list(dict.fromkeys(all_sweeps["measure"]))
    width = max(len(horizons), len(QUANTITIES))
    figure, axes = plt.subplots(
        2 * len(measures), width, squeeze=False, figsize=(2.6 * width, 4.6 * len(measures))
    )
    # One legend explains the panels of all measures.
    embeddings = dict.fromkeys(
        zip(all_sweeps["n_delays"], all_sweeps["delay_interval"], strict=True)
    )
    styles = embedding_styles(list(embeddings), settings["style"])
    for panels, measure in zip(axes.reshape(len(measures), 2, width), measures, strict=True):
        sweep = all_sweeps[all_sweeps["measure"] == measure].dropna(axis=1, how="all")
        networks = all_networks[all_networks["measure"] == measure]
        chosen_label = "chosen"
        if len(measures) > 1:
            chosen_label += f" for {words.measure_name(measure)}"
        for panel, horizon in zip(panels[0], horizons, strict=False):
            draw_ratio(panel, sweep, networks, horizon, styles, chosen_label)
            plotting.label_log_axis(panel)
        for panel, (column, label) in zip(panels[1], QUANTITIES.items(), strict=False):
            draw_column(panel, sweep, column, styles, chosen_label)
            panel.set_ylabel(label)
        panels[1, 1].axhline(1, color="0.4", lw=1, ls=":")
        for row, used in zip(panels, (len(horizons), len(QUANTITIES)), strict=True):
            for panel in row[used:]:
                panel.set_axis_off()
        n = networks[["architecture", "curriculum", "seed"]].drop_duplicates().shape[0]
        panels[0, 0].set_ylabel(
            f"{words.measure_name(measure)}: error / persistence\n(mean, n = {n} networks)"
        )
    plotting.shared_legend(figure, axes[::2, :1], ncols=4)
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["sweep", "networks"], make)
