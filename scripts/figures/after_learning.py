"""Dissimilarity of trained networks to those of the reference, beside controls; one panel per measure."""

import numpy as np

from warpline.core import result_files
from warpline.figures import plotting
from warpline.figures.network_means import network_means
from warpline.figures.sensitivity_panel import draw_sensitivity, sensitive_measures

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


def separation_line(value):
    """Return a line of a label that holds a separation, or nothing where there is none."""
    return "" if value is None or np.isnan(value) else f"\nS = {value:.2f}"


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
        Labels of the controls.
    """
    # A mark far above the points would squeeze them. Its value is then written at the upper edge instead.
    highest = 1.3 * axes.get_ylim()[1]
    labels = []
    for position, control in enumerate(
        plotting.names_in_data(list(CONTROLS), controls["control"]), start
    ):
        rows = controls[controls["control"] == control].set_index("curriculum")
        for offset, name in zip(plotting.jitter(len(curricula), 0.6), curricula, strict=True):
            if name not in rows.index or not rows.loc[name, "mean"] <= highest:
                continue
            row, (colour, marker) = rows.loc[name], styles[name]
            axes.plot(position + offset, row["mean"], marker, color=colour, ms=4)
            if row["n"] >= settings["statistics"]["min_seeds"]:
                axes.plot([position + offset] * 2, [row["low"], row["high"]], color=colour, lw=1)
        above = sorted({f"{value:.2f}" for value in rows["mean"] if value > highest})
        if above:
            axes.annotate(
                " to ".join(dict.fromkeys([above[0], above[-1]])) + " ↑",
                (position, 0.99),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="top",
                rotation=90,
                color="0.4",
                fontsize="x-small",
            )
        reference = settings["reference"]
        of_reference = rows["separation"].get(reference)
        labels.append(f"{CONTROLS[control]}{separation_line(of_reference)}")
    return labels


def draw_measure(axes, pairs, summary, controls, curricula, settings):
    """Draw the dissimilarities by one measure: a category per curriculum, a point per network.

    ``pairs``, ``summary`` and ``controls`` hold this measure and this architecture only.
    """
    reference = settings["reference"]
    styles = plotting.colours(settings["curricula"], settings["style"])
    labels = []
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
        separation = None if row is None else row["separation"]
        # The reference against itself is the floor, of different seeds.
        count = f"n = {len(seeds)}" if seeds else "no floor:\none seed"
        labels.append(f"{plotting.curriculum_label(name)}\n{count}{separation_line(separation)}")

    # The controls stand apart. They depend on the range of the points, and change it.
    plotting.from_zero(axes)
    n_curricula = len(curricula)
    control_labels = draw_controls(axes, controls, curricula, styles, settings, n_curricula)
    if control_labels:
        axes.axvline(n_curricula - 0.5, color="0.6", lw=0.8)
        axes.axvspan(n_curricula - 0.5, n_curricula + len(control_labels) - 0.5, color="0.95", lw=0)
    labels += control_labels
    axes.set_xticks(range(len(labels)), labels, rotation=90)
    plotting.from_zero(axes)
    axes.set_xlim(-0.6, len(labels) - 0.4)


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

    n_controls = controls["control"].nunique()

    sensitivity = None
    if arguments.sensitivity:
        sensitivity = result_files.read_table(arguments.sensitivity[0])
        sensitivity = sensitivity[sensitivity["architecture"] == architecture]
    beside = sensitive_measures(sensitivity, "after")

    # A measure tried at other settings has a second, narrow panel.
    widths = []
    for measure in measures:
        widths.append(0.5 * (len(curricula) + n_controls) + 1.1)
        widths += [2.4] if measure in beside else []
    figure, axes = plt.subplots(
        1, len(widths), squeeze=False, figsize=(sum(widths), 3.6), width_ratios=widths
    )
    panels = iter(axes[0])
    for measure in measures:
        panel = next(panels)
        draw_measure(
            panel,
            after[after["measure"] == measure],
            summary[summary["measure"] == measure],
            controls[controls["measure"] == measure],
            curricula,
            settings,
        )
        title = plotting.measure_label(measure, settings)
        parameters = plotting.parameters_label(after[after["measure"] == measure])
        panel.set_title("\n".join(filter(None, (title, parameters))))
        if measure in beside:
            draw_sensitivity(next(panels), sensitivity, measure, "after")
    axes[0, 0].set_ylabel(f"dissimilarity to {reference.replace('_', ' ')}")

    # One legend explains the markers of all panels.
    handles = [
        plt.Line2D(
            [], [], marker="o", ls="", color="0.3", label="other seeds (a mean per network)"
        ),
        plt.Line2D([], [], marker="o", ls="", mfc="none", color="0.3", label="same seed"),
        plt.Line2D([], [], marker="x", ls="", color="black", label="did not converge"),
        plt.Rectangle((0, 0), 1, 1, fc="0.95", label="the same network (a mean per curriculum)"),
    ]
    # A single panel is narrower than the legend in one row.
    layout = {"ncols": 4} if sum(widths) > 8 else {"ncols": 2, "fontsize": "x-small"}
    figure.legend(handles=handles, loc="outside upper right", **layout)
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["after", "summary", "controls", "sensitivity"], make)
