"""Dissimilarity of trained networks to those of the reference curriculum, one panel per measure."""

import numpy as np
import pandas as pd

from warpline.core import result_files
from warpline.figures import plotting

# Control, its name beside the panel, its line style.
CONTROLS = (("split_half", "other\ntrials", "--"), ("shuffled_time", "shuffled\ntime", ":"))


def network_means(pairs, curriculum, reference):
    """Return each network's mean dissimilarity to the reference, and whether it did not converge, by seed."""
    # A pair of curricula is stored in one order only; the curriculum may be on either side.
    sides = []
    for side, other_side in (("a", "b"), ("b", "a")):
        rows = pairs[
            (pairs[f"curriculum_{side}"] == curriculum)
            & (pairs[f"curriculum_{other_side}"] == reference)
        ]
        columns = [f"seed_{side}", f"run_status_{side}", "dissimilarity"]
        sides.append(rows[columns].set_axis(["seed", "status", "value"], axis=1))
    networks = pd.concat(sides).dropna().groupby("seed")
    return networks["value"].mean(), networks["status"].first() == "max_steps"


def draw_networks(axes, position, means, not_converged, **marker_style):
    """Draw a point per network, and a cross on the networks that did not converge."""
    x = position + plotting.jitter(len(means))
    axes.plot(x, means, ls="", **marker_style)
    axes.plot(x[not_converged], means[not_converged], "x", color="black", ms=6, mew=1)


def draw_confidence_interval(axes, position, summary, curricula):
    """Draw the mean of a pair of curricula with its confidence interval, if the summary holds it."""
    first, second = sorted(curricula)
    rows = summary[(summary["curriculum_a"] == first) & (summary["curriculum_b"] == second)]
    if rows.empty:
        return
    row = rows.iloc[0]
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


def draw_controls(axes, controls):
    """Draw a horizontal line per control, named at the right edge."""
    for control, text, line_style in CONTROLS:
        value = controls.get(control, np.nan)
        if np.isnan(value):
            continue
        # A line far above the points would squeeze them. Its value is then written at the upper edge instead.
        inside = value <= 1.3 * axes.get_ylim()[1]
        if inside:
            axes.axhline(value, color="0.4", ls=line_style, lw=1)
        axes.annotate(
            text if inside else f"{text}\n{value:.2f} ↑",
            (1.01, value if inside else 1),
            xycoords=("axes fraction", "data" if inside else "axes fraction"),
            va="center" if inside else "top",
            color="0.4",
            fontsize="x-small",
        )


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
        means, not_converged = network_means(pairs[pairs["seeds"] == "cross"], name, reference)
        draw_networks(axes, position, means, not_converged, marker=marker, color=colour, ms=4)
        n_cross, seeds = len(means), set(means.index)

        # Open markers: pairs of one seed. For the reference, these are a network and itself.
        if name != reference:
            means, not_converged = network_means(pairs[pairs["seeds"] == "same"], name, reference)
            open_marker = {"marker": marker, "mfc": "none", "color": colour, "ms": 5}
            draw_networks(axes, position, means, not_converged, **open_marker)
            seeds |= set(means.index)

        if n_cross >= settings["statistics"]["min_seeds"]:
            draw_confidence_interval(axes, position, summary, (name, reference))
        labels.append(f"{plotting.curriculum_label(name)}\nn = {len(seeds)}")

    # The controls depend on the range of the points, and change it.
    plotting.from_zero(axes)
    draw_controls(axes, controls)
    axes.set_xticks(range(len(curricula)), labels, rotation=90)
    plotting.from_zero(axes)
    axes.set_xlim(-0.6, len(curricula) - 0.4)


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
    controls = controls[
        (controls["architecture"] == architecture) & (controls["curriculum"] == reference)
    ]

    figure, axes = plt.subplots(
        1,
        len(measures),
        squeeze=False,
        figsize=(max((0.55 * len(curricula) + 1.6) * len(measures), 5.5), 3.4),
    )
    for panel, measure in zip(axes[0], measures, strict=True):
        draw_measure(
            panel,
            after[after["measure"] == measure],
            summary[summary["measure"] == measure],
            controls[controls["measure"] == measure].set_index("control")["mean"],
            curricula,
            settings,
        )
        title = plotting.measure_label(measure, settings)
        parameters = plotting.parameters_label(after[after["measure"] == measure])
        holds = ""
        if arguments.sensitivity:
            shares = result_files.read_table(arguments.sensitivity[0])
            shares = shares[shares["architecture"] == architecture]
            holds = plotting.sensitivity_label(shares, measure, "after")
        lines = (title, parameters, holds and f"orderings {holds}")
        panel.set_title("\n".join(filter(None, lines)))
    axes[0, 0].set_ylabel(f"dissimilarity to {reference.replace('_', ' ')}")

    # One legend explains the markers of all panels.
    handles = [
        plt.Line2D(
            [], [], marker="o", ls="", color="0.3", label="other seeds (a mean per network)"
        ),
        plt.Line2D([], [], marker="o", ls="", mfc="none", color="0.3", label="same seed"),
        plt.Line2D([], [], marker="x", ls="", color="black", label="did not converge"),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=3)
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["after", "summary", "controls", "sensitivity"], make)
