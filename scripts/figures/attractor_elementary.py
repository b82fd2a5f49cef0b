"""Dissimilarity between the motifs, a matrix per measure."""

import numpy as np

from warpline.core import result_files
from warpline.figures import attractor_panels, figure_script, plotting, words

LABELS = {"line_curve_line_curve": "line-curve-\nline-curve"}


def make(arguments, settings):
    import matplotlib.pyplot as plt

    rows = result_files.read_tables(arguments.rows)
    measures = [name for name in settings["measures"] if name in set(rows["measure"])]
    figure, axes = plt.subplots(
        1, len(measures), squeeze=False, sharey=True, figsize=(2.6 * len(measures) + 0.6, 2.9)
    )
    for panel, measure in zip(axes[0], measures, strict=True):
        matrix, names = attractor_panels.dissimilarity_matrix(rows[rows["measure"] == measure])
        labels = [LABELS.get(name, name.replace("_", " ")) for name in names]
        image = plotting.annotated_heat_map(panel, matrix, (labels, labels), np.nanmax(matrix))
        figure.colorbar(image, ax=panel, fraction=0.046, pad=0.03)
        panel.set_title(words.measure_label(measure, settings))
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["rows"], make)
