"""Dissimilarity between trained networks of two architectures, beside the floor of each architecture."""

import numpy as np

from warpline.comparison.separation import separation
from warpline.core import result_files
from warpline.figures import figure_script, plotting, words
from warpline.figures.sensitivity_panel import draw_sensitivities, sensitive_measures

# Architectures that differ in several hyperparameters share a category.
SEVERAL = "several"
# With more architectures than this, those of one model share a floor on the axis.
MOST_FLOORS = 6

LEARNING = {"learning_rate", "batch_size"}
RUN_STATUS = ["run_status_a", "run_status_b"]


def difference(a, b):
    """Return what two architectures differ in: their models, one or several hyperparameters, or weights."""
    differing = {key for key in set(a) & set(b) if a[key] != b[key]}
    if set(a) != set(b):
        # Models with different hyperparameters each have a learning rate and batch size that suit them.
        differing -= LEARNING
    if differing == {"model"}:
        models = sorted(architecture["model"].rpartition(":")[2] for architecture in (a, b))
        return "\nagainst ".join(models).replace("_", " ")
    if not differing:
        # Networks of one kind from different files.
        return "weights"
    return differing.pop().replace("_", " ") if len(differing) == 1 else SEVERAL


def floor_label(name, architectures, names):
    """Return the name of an architecture's floor: the architecture, or its model where there are many."""
    label = name if len(names) <= MOST_FLOORS else architectures[name]["model"].rpartition(":")[2]
    return f"{label.replace('_', ' ')},\nother seed"


def pairs_with_differences(pairs, architectures):
    """Return the pairs of networks with what they differ in as the column ``differs``."""
    # The floor holds only the curricula on which the architectures are compared.
    between = pairs[pairs["pairs"] == "between"]
    pairs = pairs[pairs["curriculum_a"].isin(between["curriculum_a"])]
    names = list(dict.fromkeys(pairs["architecture_a"]))
    differences = [
        floor_label(row.architecture_a, architectures, names)
        if row.pairs == "floor"
        else difference(architectures[row.architecture_a], architectures[row.architecture_b])
        for row in pairs.itertuples()
    ]
    return pairs.assign(differs=differences).dropna(subset="dissimilarity")


def mean_separation(pairs, kind, confidence):
    """Return the separation of a category: a mean over curricula and pairs of architectures.

    Each pair of architectures is held against the floors of both.
    """
    floors = dict(
        tuple(pairs[pairs["pairs"] == "floor"].groupby(["architecture_a", "curriculum_a"]))
    )
    values = []
    keys = ["architecture_a", "architecture_b", "curriculum_a"]
    for (a, b, curriculum), rows in pairs[pairs["differs"] == kind].groupby(keys):
        sides = [floors.get((name, curriculum)) for name in (a, b)]
        if all(floor is not None for floor in sides):
            values.append(separation(rows, sides, confidence)[0])
    return np.mean(values) if values else np.nan


def draw_measure(axes, pairs, differences, curricula, styles, confidence):
    """Draw the dissimilarities by one measure: a category per difference, a colour per curriculum."""
    floors = set(pairs.loc[pairs["pairs"] == "floor", "differs"])
    for position, kind in enumerate(differences):
        for offset, name in zip(plotting.jitter(len(curricula), 0.5), curricula, strict=True):
            rows = pairs[(pairs["differs"] == kind) & (pairs["curriculum_a"] == name)]
            colour, marker = styles[name]
            x = position + offset + plotting.jitter(len(rows), 0.12)
            face = {"mfc": "none"} if kind in floors else {}
            axes.plot(x, rows["dissimilarity"], marker, color=colour, ms=4, **face)
            stopped = (rows[RUN_STATUS] == "max_steps").any(axis=1).to_numpy()
            axes.plot(x[stopped], rows["dissimilarity"][stopped], "x", color="black", ms=6, mew=1)

    for position, kind in enumerate(differences):
        value = np.nan if kind in floors else mean_separation(pairs, kind, confidence)
        if not np.isnan(value):
            plotting.annotate_above(axes, position, f"S = {value:.2f}")
    n_floors = sum(kind in floors for kind in differences)
    if n_floors:
        axes.axvspan(-0.5, n_floors - 0.5, color="0.92", lw=0, zorder=0)
        plotting.annotate_above(axes, (n_floors - 1) / 2, "floor")
    plotting.from_zero(axes)


def difference_labels(pairs, differences):
    """Return the labels of the categories, with their numbers of pairs over all measures."""
    counts = pairs.groupby("measure")["differs"].value_counts().unstack(fill_value=0)
    labels = []
    for kind in differences:
        n = sorted(set(counts[kind]))
        labels.append(f"{kind}\n({words.number_range(n)} pair{'s' if n[-1] != 1 else ''})")
    return labels


def make(arguments, settings):
    import matplotlib.pyplot as plt

    pairs = pairs_with_differences(
        result_files.read_tables(arguments.between), settings["architectures"]
    )
    if pairs.empty:
        return plotting.nothing_to_show("No two architectures share a curriculum.")
    measures = plotting.names_in_data(settings["measures"], pairs["measure"])
    curricula = plotting.names_in_data(settings["curricula"], pairs["curriculum_a"])
    styles = plotting.colours(settings["curricula"], settings["style"])

    # The floors come first and "several" last, so that single hyperparameters stand between them.
    is_floor = pairs["pairs"] == "floor"
    floors = list(dict.fromkeys(pairs.loc[is_floor, "differs"]))
    kinds = set(pairs.loc[~is_floor, "differs"])
    differences = [*floors, *sorted(kinds - {SEVERAL}), *plotting.names_in_data([SEVERAL], kinds)]

    sensitivity = None
    if arguments.sensitivity:
        sensitivity = result_files.read_table(arguments.sensitivity[0])
    beside = sensitive_measures(sensitivity, "architectures")
    width = max(0.6 * len(differences) + 1.0, 3.5)
    figure, panels, narrow = plotting.stacked_panels(measures, beside, width, 1.9)
    for panel, measure in zip(panels, measures, strict=True):
        rows = pairs[pairs["measure"] == measure]
        confidence = settings["statistics"]["confidence"]
        draw_measure(panel, rows, differences, curricula, styles, confidence)
        panel.set_ylabel(words.measure_unit(measure, settings))
        # Above the separations.
        panel.set_title(words.measure_name(measure), loc="left", pad=12)
    draw_sensitivities(narrow, sensitivity, "architectures")
    panels[-1].set_xticks(
        range(len(differences)), difference_labels(pairs, differences), rotation=90
    )
    panels[-1].set_xlim(-0.5, len(differences) - 0.5)
    handles = []
    for name in curricula:
        networks = pairs[pairs["curriculum_a"] == name]
        n = int(networks.groupby("architecture_a")["seed_a"].nunique().max())
        label = f"{name.replace('_', ' ')} (n = {n} network{'s' * (n != 1)} of each architecture)"
        colour, marker = styles[name]
        handles.append(plt.Line2D([], [], ls="", color=colour, marker=marker, ms=4, label=label))
    if (pairs[RUN_STATUS] == "max_steps").any(axis=None):
        label = "a network did not converge"
        handles.append(plt.Line2D([], [], ls="", color="black", marker="x", mew=1, label=label))
    plotting.legend_below(figure, handles, [handle.get_label() for handle in handles], 3)
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["between", "sensitivity"], make)
