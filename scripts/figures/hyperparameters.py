"""Dissimilarity between trained networks of two architectures (same curriculum and seed)."""

import numpy as np
import pandas as pd

from warpline.comparison.separation import separation
from warpline.core import result_files
from warpline.figures import plotting
from warpline.figures.sensitivity_panel import draw_sensitivity, sensitive_measures

# Two categories beside the names of single hyperparameters: networks of one architecture and curriculum that
# differ in their seed, and architectures that differ in several hyperparameters.
FLOOR = "other seed"
SEVERAL = "several"

ABOVE = {"ha": "center", "va": "bottom", "color": "0.4", "fontsize": "x-small"}

LEARNING = {"learning_rate", "batch_size"}


def difference(a, b):
    """Return what two architectures differ in: their models, one hyperparameter, or several."""
    differing = {key for key in set(a) & set(b) if a[key] != b[key]}
    if set(a) != set(b):
        # Models with different hyperparameters each have a learning rate and batch size that suit them.
        differing -= LEARNING
    if differing == {"model"}:
        models = sorted(architecture["model"].rpartition(":")[2] for architecture in (a, b))
        return "\nagainst ".join(models).replace("_", " ")
    return differing.pop().replace("_", " ") if len(differing) == 1 else SEVERAL


def pairs_with_differences(between, after, architectures):
    """Return all pairs of networks, with what they differ in as the column ``differs``."""
    differences = [
        difference(architectures[a], architectures[b])
        for a, b in zip(between["architecture_a"], between["architecture_b"], strict=True)
    ]
    tables = [between.assign(differs=differences)]
    if after is not None:
        # The floor holds only the curricula on which the architectures are compared.
        floor = after[
            (after["seeds"] == "cross") & (after["curriculum_a"] == after["curriculum_b"])
        ]
        floor = floor[floor["curriculum_a"].isin(between["curriculum_a"])]
        tables.append(floor.assign(differs=FLOOR))
    return pd.concat(tables).dropna(subset="dissimilarity")


def mean_separation(pairs, kind, curricula, confidence):
    """Return the separation of a category from the floor of the same curriculum, a mean over curricula."""
    values = []
    for name in curricula:
        rows = pairs[pairs["curriculum_a"] == name]
        floor = rows[rows["differs"] == FLOOR]
        values.append(separation(rows[rows["differs"] == kind], [floor], confidence)[0])
    values = [value for value in values if not np.isnan(value)]
    return np.mean(values) if values else np.nan


def draw_measure(axes, pairs, differences, curricula, styles, confidence):
    """Draw the dissimilarities by one measure: a category per difference, a colour per curriculum."""
    for position, kind in enumerate(differences):
        for offset, name in zip(plotting.jitter(len(curricula), 0.5), curricula, strict=True):
            rows = pairs[(pairs["differs"] == kind) & (pairs["curriculum_a"] == name)]
            colour, marker = styles[name]
            # Each curriculum enters the legend once.
            label = name.replace("_", " ") if position == 0 else None
            x = [position + offset] * len(rows)
            axes.plot(x, rows["dissimilarity"], marker, color=colour, ms=4, label=label)

    counts = pairs["differs"].value_counts()
    sizes = [int(counts.get(kind, 0)) for kind in differences]
    labels = []
    for kind, size in zip(differences, sizes, strict=True):
        label = f"{kind}\n({size} pair{'s' * (size != 1)})"
        if kind != FLOOR:
            value = mean_separation(pairs, kind, curricula, confidence)
            if not np.isnan(value):
                position = len(labels), 1.0
                axes.annotate(
                    f"S = {value:.2f}", position, xycoords=("data", "axes fraction"), **ABOVE
                )
        labels.append(label)
    axes.set_xticks(
        range(len(differences)), labels, rotation=45, ha="right", rotation_mode="anchor"
    )
    axes.set_xlabel("what differs")
    plotting.from_zero(axes)
    axes.margins(x=0.2)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    pairs = pairs_with_differences(
        result_files.read_tables(arguments.between),
        result_files.read_tables(arguments.after) if arguments.after else None,
        settings["architectures"],
    )
    measures = plotting.names_in_data(settings["measures"], pairs["measure"])
    curricula = plotting.names_in_data(settings["curricula"], pairs["curriculum_a"])
    styles = plotting.colours(settings["curricula"], settings["style"])

    # The floor comes first and "several" last, so that single hyperparameters stand between them.
    kinds = set(pairs["differs"])
    differences = [
        *plotting.names_in_data([FLOOR], kinds),
        *sorted(kinds - {FLOOR, SEVERAL}),
        *plotting.names_in_data([SEVERAL], kinds),
    ]

    sensitivity = None
    if arguments.sensitivity:
        sensitivity = result_files.read_table(arguments.sensitivity[0])
    beside = sensitive_measures(sensitivity, "architectures")
    widths = []
    for measure in measures:
        widths.append(0.5 * len(differences) + 1.5)
        widths += [2.4] if measure in beside else []
    figure, axes = plt.subplots(
        1, len(widths), squeeze=False, figsize=(sum(widths), 2.9), width_ratios=widths
    )
    panels = iter(axes[0])
    for measure in measures:
        panel = next(panels)
        rows = pairs[pairs["measure"] == measure]
        confidence = settings["statistics"]["confidence"]
        draw_measure(panel, rows, differences, curricula, styles, confidence)
        panel.set_title(plotting.measure_label(measure, settings), pad=14)
        if measure in beside:
            draw_sensitivity(next(panels), sensitivity, measure, "architectures")
    axes[0, 0].set_ylabel("dissimilarity")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["between", "after", "sensitivity"], make)
