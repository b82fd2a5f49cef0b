"""Dissimilarity of the trained networks of every two curricula: means, each network, and separations."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting, words
from warpline.figures.network_means import network_means


def network_counts(rows, curricula):
    """Return the number of networks of each curriculum, on whichever side of a pair it is."""
    counts = dict.fromkeys(curricula, 0)
    for side in "ab":
        for name, count in rows.groupby(f"curriculum_{side}")[f"n_{side}"].max().items():
            counts[name] = max(counts[name], count)
    return counts


def curriculum_matrix(rows, curricula, column):
    """Return a column of one measure as a symmetric matrix; NaN where a pair is missing."""
    matrix = np.full((len(curricula), len(curricula)), np.nan)
    for row in rows.itertuples():
        i, j = curricula.index(row.curriculum_a), curricula.index(row.curriculum_b)
        matrix[i, j] = matrix[j, i] = getattr(row, column)
    return matrix


def draw_networks(axes, pairs, curricula, matrix, image):
    """Draw the networks of each cell as dots on an axis of its own, from 0 to the largest of the panel.

    The networks are those of the row's curriculum; each is a mean over the networks of the column's.
    """
    values = {
        (i, j): network_means(pairs, a, b)["value"].to_numpy()
        for i, a in enumerate(curricula)
        for j, b in enumerate(curricula)
    }
    largest = max((cell.max() for cell in values.values() if len(cell)), default=0.0)
    for (i, j), cell in values.items():
        if not np.isfinite(matrix[i, j]) or largest == 0:
            continue
        colour = plotting.text_colour(image, matrix[i, j])
        axes.plot([j - 0.4, j + 0.4], [i + 0.27] * 2, color=colour, lw=0.5, alpha=0.6)
        x = j - 0.4 + 0.8 * cell / largest
        # Networks of almost one value would hide each other.
        y = i + 0.27 + plotting.jitter(len(cell), 0.14)
        axes.plot(x, y, "o", color=colour, ms=2.2, mew=0)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    # With different seeds, the diagonal is the dissimilarity within a curriculum and not 0. With one seed
    # only, the diagonal is 0, and the caption says so.
    summary = result_files.read_table(arguments.summary[0])
    summary = summary[summary["architecture"] == settings["architecture"]]
    rows = summary[summary["seeds"] == "cross"]
    kind = "same" if rows.empty else "cross"
    rows = summary[summary["seeds"] == kind]
    after = result_files.read_tables(arguments.after)
    after = after[after["seeds"] == kind]

    measures = plotting.names_in_data(settings["measures"], rows["measure"])
    curricula = plotting.names_in_data(
        settings["curricula"], rows["curriculum_a"], rows["curriculum_b"]
    )
    counts = network_counts(rows, curricula)
    labels = [f"{plotting.curriculum_label(name)}\nn = {counts[name]}" for name in curricula]

    # Above: each measure in its own unit, on its own colour scale. Below: separations, all on one scale.
    scaled = rows["separation"].notna().any()
    side = 0.55 * len(curricula) + 1.3
    n_rows = 1 + int(scaled)
    figure, axes = plt.subplots(
        n_rows,
        len(measures),
        squeeze=False,
        sharey=True,
        figsize=(side * len(measures) + 0.8, (side + 0.3) * n_rows),
    )
    for column, measure in enumerate(measures):
        of_measure = rows[rows["measure"] == measure]
        panel = axes[0, column]
        matrix = curriculum_matrix(of_measure, curricula, "mean")
        image = plotting.annotated_heat_map(panel, matrix, (labels, labels), np.nanmax(matrix))
        of_networks = after[after["measure"] == measure]
        draw_networks(panel, of_networks, curricula, matrix, image)
        figure.colorbar(image, ax=panel, fraction=0.046, pad=0.04)
        panel.set_title(words.measure_label(measure, settings))
        if scaled:
            matrix = curriculum_matrix(of_measure, curricula, "separation")
            image = plotting.annotated_heat_map(axes[1, column], matrix, (labels, labels), 1.0)
            figure.colorbar(image, ax=axes[1, column], fraction=0.046, pad=0.04)
            axes[1, column].set_title("separation S")
    # The layout leaves no margin beside the labels of square panels.
    figure.get_layout_engine().set(rect=(0.02, 0, 0.98, 1))
    plotting.title_above(
        figure, "dots: networks of the row, from 0 (left) to the largest of the panel (right)"
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["summary", "after"], make)
