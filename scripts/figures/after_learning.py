"""Dissimilarity of trained networks to those of the reference, beside controls; one panel per measure."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting, words
from warpline.figures.network_means import network_means
from warpline.figures.sensitivity_panel import draw_sensitivities, sensitive_measures

# Each control compares a network with itself under one change: its name on the axis.
CONTROLS = {
    "split_half": "other trials",
    "fresh_noise": "other noise",
    "weak_noise": "noise × 0.3",
    "strong_noise": "noise × 3",
    "autocorrelated_noise": "autocorrelated\nnoise",
    "shuffled_time": "shuffled time",
}


def draw_networks(axes, position, networks, **marker_style):
    """Draw a point per network, and a cross on the networks that did not converge."""
    x = position + plotting.jitter(len(networks))
    axes.plot(x, networks["value"], ls="", **marker_style)
    stopped = ~networks["converged"].to_numpy(dtype=bool)
    axes.plot(x[stopped], networks["value"][stopped], "x", color="black", ms=6, mew=1)


def summary_row(summary, curricula):
    """Return the summary of a pair of curricula, or None if the table does not hold it."""
    first, second = sorted(curricula)
    rows = summary[(summary["curriculum_a"] == first) & (summary["curriculum_b"] == second)]
    return None if rows.empty else rows.iloc[0]


def draw_confidence_interval(axes, position, row):
    """Draw the mean of a pair of curricula with its confidence interval."""
    axes.errorbar(
        position,
        row["mean"],
        [[row["mean"] - row["low"]], [row["high"] - row["mean"]]],
        fmt="_",
        color="black",
        ms=14,
        capsize=3,
        lw=1,
    )


def write_separation(axes, position, value):
    """Write a separation above its category, where there is one."""
    if value is not None and not np.isnan(value):
        plotting.annotate_above(axes, position, f"S = {value:.2f}")


def draw_controls(axes, controls, curricula, styles, settings, start):
    """Draw a category per control, a mark per curriculum: the mean over networks, with its interval.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    controls : DataFrame
        Controls of one measure and architecture.
    curricula : list of str
    styles : mapping of str to (str, str)
        Colour and marker of each curriculum.
    settings : mapping
    start : int
        Position of the first control.

    Returns
    -------
    list of str
        Names of the controls.
    """
    # A mark far above the points would squeeze them. Its value is then written at the upper edge instead.
    highest = 1.3 * axes.get_ylim()[1]
    names = plotting.names_in_data(list(CONTROLS), controls["control"])
    for position, control in enumerate(names, start):
        rows = controls[controls["control"] == control].set_index("curriculum")
        above = []
        for offset, name in zip(plotting.jitter(len(curricula), 0.6), curricula, strict=True):
            if name not in rows.index:
                continue
            row, (colour, marker) = rows.loc[name], styles[name]
            if row["mean"] > highest:
                above.append((row["mean"], position + offset))
                continue
            axes.plot(position + offset, row["mean"], marker, color=colour, ms=4)
            if row["n"] >= settings["statistics"]["min_seeds"]:
                axes.plot([position + offset] * 2, [row["low"], row["high"]], color=colour, lw=1)
        if above:
            values = [f"{value:.2f}" for value, _ in sorted(above)]
            axes.annotate(
                " to ".join(dict.fromkeys([values[0], values[-1]])) + " ↑",
                # Where a mark is missing, so that the text lies over no other one.
                (above[-1][1], 0.99),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="top",
                rotation=90,
                color="0.4",
                fontsize="x-small",
            )
        write_separation(axes, position, rows["separation"].get(settings["reference"]))
    return names


def draw_measure(axes, pairs, summary, controls, curricula, settings):
    """Draw the dissimilarities by one measure: a category per curriculum, a point per network.

    ``pairs``, ``summary`` and ``controls`` hold this measure and this architecture only.

    Returns the number of networks of each curriculum.
    """
    reference = settings["reference"]
    styles = plotting.colours(settings["curricula"], settings["style"])
    counts = {}
    for position, name in enumerate(curricula):
        colour, marker = styles[name]
        # Filled markers: pairs of different seeds.
        networks = network_means(pairs[pairs["seeds"] == "cross"], name, reference)
        draw_networks(axes, position, networks, marker=marker, color=colour, ms=4)
        n_cross, seeds = len(networks), set(networks.index)

        # Open markers: pairs of one seed. For the reference, these are a network and itself.
        if name != reference:
            networks = network_means(pairs[pairs["seeds"] == "same"], name, reference)
            open_marker = {"marker": marker, "mfc": "none", "color": colour, "ms": 5}
            draw_networks(axes, position, networks, **open_marker)
            seeds |= set(networks.index)

        row = summary_row(summary, (name, reference))
        if n_cross >= settings["statistics"]["min_seeds"] and row is not None:
            draw_confidence_interval(axes, position, row)
        write_separation(axes, position, None if row is None else row["separation"])
        counts[name] = len(seeds)

    # The controls stand apart. They depend on the range of the points, and change it.
    plotting.from_zero(axes)
    n_curricula = len(curricula)
    names = draw_controls(axes, controls, curricula, styles, settings, n_curricula)
    if names:
        axes.axvline(n_curricula - 0.5, color="0.6", lw=0.8)
        axes.axvspan(n_curricula - 0.5, n_curricula + len(names) - 0.5, color="0.92", lw=0)
    plotting.from_zero(axes)
    return counts


def curriculum_labels(counts):
    """Return the labels of curricula, with the number of networks over all measures.

    ``counts`` holds a mapping of curricula to numbers for each measure.
    """
    labels = []
    for name in counts[0]:
        n = sorted({of_measure[name] for of_measure in counts})
        # The reference against itself is the floor, of different seeds.
        count = f"n = {words.number_range(n)}"
        label = plotting.curriculum_label(name)
        labels.append(f"{label}\n{count if n[-1] else 'no floor: one seed'}")
    return labels


def make(arguments, settings):
    import matplotlib.pyplot as plt

    after = result_files.read_tables(arguments.after)
    controls = result_files.read_table(arguments.controls[0])
    summary = result_files.read_table(arguments.summary[0])
    architecture = after["architecture_a"].iloc[0]
    reference = settings["reference"]
    measures = plotting.names_in_data(settings["measures"], after["measure"])
    curricula = plotting.names_in_data(
        settings["curricula"], after["curriculum_a"], after["curriculum_b"]
    )

    # The tables of statistics hold all architectures of the task set.
    summary = summary[(summary["architecture"] == architecture) & (summary["seeds"] == "cross")]
    controls = controls[controls["architecture"] == architecture]

    control_names = plotting.names_in_data(list(CONTROLS), controls["control"])

    sensitivity = None
    if arguments.sensitivity:
        sensitivity = result_files.read_table(arguments.sensitivity[0])
        sensitivity = sensitivity[sensitivity["architecture"] == architecture]
    beside = sensitive_measures(sensitivity, "after")

    # A measure tried at other settings has a second, narrow panel.
    n_categories = len(curricula) + len(control_names)
    width = max(0.55 * n_categories + 1.0, 4.5)
    figure, panels, narrow = plotting.stacked_panels(measures, beside, width, 2.1)
    counts = []
    for panel, measure in zip(panels, measures, strict=True):
        pairs = after[after["measure"] == measure]
        of_measure = [table[table["measure"] == measure] for table in (summary, controls)]
        counts.append(draw_measure(panel, pairs, *of_measure, curricula, settings))
        panel.set_ylabel(words.measure_unit(measure, settings))
        # Above the separations.
        title = ", ".join(
            filter(None, (words.measure_name(measure), words.parameters_label(pairs)))
        )
        panel.set_title(title, loc="left", pad=12)
    draw_sensitivities(narrow, sensitivity, "after")
    labels = [*curriculum_labels(counts), *(CONTROLS[name] for name in control_names)]
    panels[-1].set_xticks(range(len(labels)), labels, rotation=90)
    panels[-1].set_xlim(-0.6, len(labels) - 0.4)
    figure.suptitle(f"dissimilarity to {reference.replace('_', ' ')}", fontsize="medium")

    # One legend explains the markers of all panels.
    handles = [
        plt.Line2D(
            [], [], marker="o", ls="", color="0.3", label="other seeds (a mean per network)"
        ),
        plt.Line2D([], [], marker="o", ls="", mfc="none", color="0.3", label="same seed"),
        plt.Line2D([], [], marker="x", ls="", color="black", label="did not converge"),
        plt.Rectangle((0, 0), 1, 1, fc="0.92", label="the same network (a mean per curriculum)"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["after", "summary", "controls", "sensitivity"], make)
