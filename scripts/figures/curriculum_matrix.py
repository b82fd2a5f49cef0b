"""Mean dissimilarity between the trained networks of every two curricula, one panel per measure."""

import numpy as np

from warpline.core import result_files
from warpline.figures import plotting


def network_counts(rows, curricula):
    """Return the number of networks of each curriculum, on whichever side of a pair it is."""
    counts = dict.fromkeys(curricula, 0)
    for side in "ab":
        for name, count in rows.groupby(f"curriculum_{side}")[f"n_{side}"].max().items():
            counts[name] = max(counts[name], count)
    return counts


def dissimilarity_matrix(rows, curricula):
    """Return the means of one measure as a symmetric matrix; NaN where a pair is missing."""
    matrix = np.full((len(curricula), len(curricula)), np.nan)
    for row in rows.itertuples():
        i, j = curricula.index(row.curriculum_a), curricula.index(row.curriculum_b)
        matrix[i, j] = matrix[j, i] = row.mean
    return matrix


def make(arguments, settings):
    import matplotlib.pyplot as plt

    # With different seeds, the diagonal is the dissimilarity within a curriculum and not 0. With one seed
    # only, the diagonal is 0, and the caption says so.
    summary = result_files.read_table(arguments.summary[0])
    summary = summary[summary["architecture"] == settings["architecture"]]
    rows = summary[summary["seeds"] == "cross"]
    if rows.empty:
        rows = summary[summary["seeds"] == "same"]

    measures = plotting.names_in_data(settings["measures"], rows["measure"])
    curricula = plotting.names_in_data(
        settings["curricula"], rows["curriculum_a"], rows["curriculum_b"]
    )
    counts = network_counts(rows, curricula)
    labels = [f"{plotting.curriculum_label(name)}\nn = {counts[name]}" for name in curricula]

    # The panels share their rows: the curricula are named once, on the left.
    side = 0.5 * len(curricula) + 1.3
    figure, axes = plt.subplots(
        1,
        len(measures),
        squeeze=False,
        sharey=True,
        figsize=(side * len(measures) + 0.8, side + 0.3),
    )
    for panel, measure in zip(axes[0], measures, strict=True):
        matrix = dissimilarity_matrix(rows[rows["measure"] == measure], curricula)
        image = plotting.annotated_heat_map(panel, matrix, (labels, labels), np.nanmax(matrix))
        figure.colorbar(image, ax=panel, fraction=0.046, pad=0.04)
        panel.set_title(plotting.measure_label(measure, settings))
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["summary"], make)
