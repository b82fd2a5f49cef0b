"""Dissimilarity between the checkpoints of one run, mean over seeds: measures by curricula."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting, words


def checkpoint_matrix(means, checkpoints):
    """Return the means by pair of checkpoints as a symmetric matrix; NaN where a pair is missing."""
    matrix = np.full((len(checkpoints), len(checkpoints)), np.nan)
    for (a, b), value in means.items():
        i, j = checkpoints.index(a), checkpoints.index(b)
        matrix[i, j] = matrix[j, i] = value
    return matrix


def make(arguments, settings):
    import matplotlib.pyplot as plt

    within = result_files.read_tables(arguments.within)
    if within.empty:
        return plotting.nothing_to_show("Each network has one checkpoint: there is no learning.")
    measures = plotting.names_in_data(settings["measures"], within["measure"])
    curricula = plotting.names_in_data(settings["curricula"], within["curriculum_a"])
    checkpoints = sorted({*within["checkpoint_a"], *within["checkpoint_b"]})
    labels = [f"{checkpoint:g}" for checkpoint in checkpoints]

    figure, axes = plt.subplots(
        len(measures),
        len(curricula),
        squeeze=False,
        figsize=(2.2 * len(curricula) + 1, 2.1 * len(measures)),
    )
    n_of_column = {}
    for row, measure in enumerate(measures):
        pairs = within[within["measure"] == measure]
        keys = ["curriculum_a", "checkpoint_a", "checkpoint_b"]
        means = pairs.groupby(keys)["dissimilarity"].mean()
        for panel, name in zip(axes[row], curricula, strict=True):
            # The panels of a measure share one colour scale, and so one colour bar.
            matrix = checkpoint_matrix(means[name], checkpoints)
            image = plotting.annotated_heat_map(panel, matrix, (labels, labels), means.max())
            compared = pairs[pairs["dissimilarity"].notna() & (pairs["curriculum_a"] == name)]
            # A network can lack a value at some checkpoints alone.
            counts = compared.groupby(keys)["seed_a"].nunique()
            n = words.number_range(counts) if len(counts) else "0"
            if row == 0:
                n_of_column[name] = n
                panel.set_title(f"{name.replace('_', ' ')}\nn = {n}")
            elif n != n_of_column[name]:
                panel.set_title(f"n = {n}")
            if row == len(measures) - 1:
                panel.set_xlabel("fraction of training")
        axes[row, 0].set_ylabel("fraction of training")
        colour_bar = figure.colorbar(image, ax=axes[row].tolist(), shrink=0.8)
        colour_bar.set_label(words.measure_label(measure, settings).replace(" (", "\n("))
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["within"], make)
