"""Accuracy, and dissimilarity to the reference and to the run's own end, over training; separations."""

from warpline.core import result_files
from warpline.figures import figure_script, plotting, words
from warpline.figures.sensitivity_panel import draw_sensitivities, sensitive_measures

COLUMNS = {
    "reference": "dissimilarity to {reference},\nsame fraction of training",
    "own_final": "dissimilarity\nto the run's own end",
}
ROW_HEIGHT = 1.7
"""Of a row of panels, in inches."""


def curve_label(over, name, reference, dashed=False):
    """Return the entry of a curriculum's curves in the legend, with their n over all panels and checkpoints.

    Parameters
    ----------
    over : DataFrame
        Pairs by all measures.
    name, reference : str
        Curricula.
    dashed : bool
        Whether the curves are those of the reference against itself in other seeds.
    """
    of_name = over["curriculum_a"] == name
    kinds = ["floor"] if dashed else ["own_final", *(["reference"] if name != reference else [])]
    pairs = over[of_name & over["against"].isin(kinds)]
    keys = ["measure", "against", "checkpoint"]
    # A network can lack a value by one measure, or at some checkpoints alone.
    counted = ["seed_a", "seed_b"] if dashed else ["seed_a"]
    networks = pairs.dropna(subset="dissimilarity").drop_duplicates([*keys, *counted])
    panels = pairs.groupby(keys).size().index
    n = networks.groupby(keys).size().reindex(panels, fill_value=0)
    count = words.number_range(n) if len(n) else "0"
    title = name.replace("_", " ")
    if dashed:
        return f"{title} (other seeds, {count} pair{'s' * (count != '1')})"
    return f"{title} (n = {count})"


def draw_curve(axes, pairs, value, label, style, band, dashed=False):
    """Draw a value over training: the mean over pairs of networks, with quartiles or a line per pair.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    pairs : DataFrame
        Pairs of one curriculum and one measure.
    value : str
        Column to draw.
    label : str
        The curve in the legend.
    style : tuple of str
        Colour and marker.
    band : bool
        Whether there are enough networks for quartiles.
    dashed : bool
        Whether the pairs are of different seeds of one curriculum.
    """
    curves = pairs.pivot_table(index="checkpoint", columns=["seed_a", "seed_b"], values=value)
    if curves.empty:
        return
    colour, marker = style
    if band:
        low, high = curves.quantile(0.25, axis=1), curves.quantile(0.75, axis=1)
        axes.fill_between(curves.index, low, high, color=colour, alpha=0.2, lw=0)
    else:
        axes.plot(curves.index, curves, color=colour, lw=0.6, alpha=0.5)
    axes.plot(
        curves.index,
        curves.mean(axis=1),
        marker=marker,
        color=colour,
        ms=3,
        lw=1.5,
        label=label,
        linestyle="--" if dashed else "-",
    )


def draw_accuracy(axes, over, measure, styles, labels, band):
    """Draw the accuracy of each curriculum, as stored beside the dissimilarities by any one measure."""
    pairs = over[(over["against"] == "own_final") & (over["measure"] == measure)]
    for name, style in styles.items():
        of_name = pairs[pairs["curriculum_a"] == name]
        draw_curve(axes, of_name, "accuracy_a", labels[name, False], style, band)
    axes.set_ylim(0, 1.03)


def draw_dissimilarity(axes, over, against, reference, styles, labels, band):
    """Draw the dissimilarity of each curriculum to the reference, or to the run's own end."""
    for name, style in styles.items():
        # Networks of the reference are compared with each other's seeds: this is the floor of the others.
        dashed = against == "reference" and name == reference
        kind = "floor" if dashed else against
        pairs = over[(over["against"] == kind) & (over["curriculum_a"] == name)]
        draw_curve(axes, pairs, "dissimilarity", labels[name, dashed], style, band, dashed)
    plotting.from_zero(axes)


def draw_separation(axes, learning, styles):
    """Draw the separation of each curriculum's distances to its own end from its floor."""
    for name, (colour, marker) in styles.items():
        rows = learning[learning["curriculum_a"] == name].sort_values("checkpoint")
        axes.plot(rows["checkpoint"], rows["separation"], marker=marker, color=colour, ms=3, lw=1.5)
    axes.axhline(0.5, color="0.6", lw=0.8, ls=":")
    axes.set_ylim(-0.03, 1.03)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    over = result_files.read_tables(arguments.over)
    if not over[["step_a", "step_b"]].to_numpy().any():
        return plotting.nothing_to_show("Each network has one checkpoint: there is no learning.")
    learning = result_files.read_table(arguments.learning[0])
    learning = learning[
        (learning["against"] == "own_final")
        & (learning["architecture"] == over["architecture_a"].iloc[0])
    ]
    reference = settings["reference"]
    over = over[(over["curriculum_b"] == reference) | (over["against"] == "own_final")]
    measures = plotting.names_in_data(settings["measures"], over["measure"])
    curricula = plotting.names_in_data(settings["curricula"], over["curriculum_a"])
    all_styles = plotting.colours(settings["curricula"], settings["style"])
    styles = {name: all_styles[name] for name in curricula}
    labels = {
        (name, dashed): curve_label(over, name, reference, dashed)
        for name in curricula
        for dashed in (False, True)
    }
    band = over["seed_a"].nunique() >= settings["statistics"]["min_seeds"]

    sensitivity = None
    if arguments.sensitivity:
        sensitivity = result_files.read_table(arguments.sensitivity[0])
        sensitivity = sensitivity[sensitivity["architecture"] == over["architecture_a"].iloc[0]]
    beside = sensitive_measures(sensitivity, "over")

    # One grid for all panels: the narrow ones stand beside the row of their measure. The first row is as high
    # as the legend of many curricula, which would take the room of the panels below.
    line = 1.7 * (settings["style"]["font_size"] - 1) / 72
    heights = [max(ROW_HEIGHT, line * (len(curricula) + 1) + 0.4)] + [ROW_HEIGHT] * len(measures)
    figure, axes = plt.subplots(
        len(heights),
        3 + bool(beside),
        squeeze=False,
        figsize=(8.6 + 2.6 * bool(beside), sum(heights)),
        height_ratios=heights,
    )
    axes, narrow_column = axes[:, :3], axes[:, 3:]
    for panel in axes[:-1].flat:
        panel.sharex(axes[-1, 0])
        panel.tick_params(labelbottom=False)
    for panel in axes[-1, 1:]:
        panel.sharex(axes[-1, 0])
    # Accuracy is the same beside every dissimilarity, and stands once; the legend fills the rest of its row.
    draw_accuracy(axes[0, 0], over, measures[0], styles, labels, band)
    axes[0, 0].set_title("behaviour")
    for panel in axes[0, 1:]:
        panel.set_axis_off()
    for column, (against, title) in enumerate(COLUMNS.items()):
        axes[1, column].set_title(title.format(reference=reference.replace("_", " ")))
        for panel, measure in zip(axes[1:, column], measures, strict=True):
            pairs = over[over["measure"] == measure]
            draw_dissimilarity(panel, pairs, against, reference, styles, labels, band)
            if not panel.lines:
                plotting.say_why_empty(
                    panel,
                    f"Neither another curriculum nor another seed of {reference} to compare with.",
                )
        axes[-1, column].set_xlabel("fraction of training")
    # The third column is without units, so that its rows can be compared with each other.
    for panel, measure in zip(axes[1:, 2], measures, strict=True):
        rows = learning[learning["measure"] == measure]
        draw_separation(panel, rows, styles)
        if rows["separation"].isna().all():
            plotting.say_why_empty(
                panel,
                "No floor to separate from: it needs two seeds."
                if over["seed_a"].nunique() < 2
                else "No floor of the same states to separate from.",
            )
    axes[1, 2].set_title("separation of the distance\nto the run's own end")
    axes[-1, 2].set_xlabel("fraction of training")
    axes[0, 0].set_ylabel("accuracy")
    for panel, measure in zip(axes[1:, 0], measures, strict=True):
        panel.set_ylabel(words.measure_label(measure, settings).replace(" (", "\n("))

    # In which settings around that of DSA its dynamics settle later, or earlier, than behaviour.
    narrow = {}
    for measure, panel in zip([None, *measures], narrow_column.flat, strict=False):
        if measure in beside:
            narrow[measure] = panel
        else:
            panel.set_axis_off()
    draw_sensitivities(narrow, sensitivity, "over")

    axes[0, 1].legend(
        *plotting.legend_entries(axes), loc="center left", bbox_to_anchor=(0, 0.5), borderaxespad=0
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["over", "learning", "sensitivity"], make)
