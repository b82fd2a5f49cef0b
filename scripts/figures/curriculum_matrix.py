"""Mean dissimilarity between the trained networks of every two curricula, a panel per measure."""

import numpy as np

from warpline.core import result_files
from warpline.figures import plotting


def make(arguments, settings):
    import matplotlib.pyplot as plt

    summary = result_files.read_table(arguments.summary[0])
    summary = summary[summary["architecture"] == settings["architecture"]]
    # Cross-seed: a curriculum against itself is then its own spread, not 0.
    rows = summary[summary["seeds"] == "cross"]
    if rows.empty:
        # One seed: the diagonal is then 0, and the caption says so.
        rows = summary[summary["seeds"] == "same"]
    measures = [name for name in settings["measures"] if name in set(rows["measure"])]
    present = {*rows["curriculum_a"], *rows["curriculum_b"]}
    curricula = [name for name in settings["curricula"] if name in present]
    counts = dict.fromkeys(curricula, 0)
    for end in "ab":
        for name, count in rows.groupby(f"curriculum_{end}")[f"n_{end}"].max().items():
            counts[name] = max(counts[name], count)
    labels = [f"{plotting.curriculum_label(name)}\nn = {counts[name]}" for name in curricula]
    side = 0.5 * len(curricula) + 1.3
    # The curricula are named once, on the left: the panels share their rows.
    figure, axes = plt.subplots(
        1,
        len(measures),
        squeeze=False,
        sharey=True,
        figsize=(side * len(measures) + 0.8, side + 0.3),
    )
    for panel, measure in zip(axes[0], measures, strict=True):
        matrix = np.full((len(curricula), len(curricula)), np.nan)
        for row in rows[rows["measure"] == measure].itertuples():
            i, j = curricula.index(row.curriculum_a), curricula.index(row.curriculum_b)
            matrix[i, j] = matrix[j, i] = row.mean
        image = plotting.annotated_heat_map(panel, matrix, (labels, labels), np.nanmax(matrix))
        figure.colorbar(image, ax=panel, fraction=0.046, pad=0.04)
        panel.set_title(plotting.measure_label(measure, settings))
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["summary"], make)
