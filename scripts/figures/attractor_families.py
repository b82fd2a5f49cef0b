"""Dissimilarity between the Lorenz systems, a matrix per measure, ordered by family."""

import numpy as np

from warpline.core import result_files
from warpline.figures import attractor_panels, figure_script, plotting, words


def make(arguments, settings):
    import matplotlib.pyplot as plt

    rows = result_files.read_tables(arguments.rows)
    scores = result_files.read_table(arguments.scores[0]).set_index("measure")
    measures = [name for name in settings["measures"] if name in scores.index]
    side = 0.36 * rows["system_a"].nunique()
    figure, axes = plt.subplots(
        1, len(measures), squeeze=False, figsize=((side + 0.9) * len(measures), side + 1.2)
    )
    for panel, measure in zip(axes[0], measures, strict=True):
        pairs = rows[rows["measure"] == measure]
        matrix, names = attractor_panels.dissimilarity_matrix(pairs)
        labels = [name.removeprefix("r=") for name in names]
        image = plotting.annotated_heat_map(panel, matrix, (labels, labels), np.nanmax(matrix))
        for text in panel.texts:
            text.set_fontsize("xx-small")

        # Frames mark the blocks of pairs within one family.
        family_of = dict(zip(pairs["system_a"], pairs["family_a"], strict=True))
        families = [family_of[name] for name in names]
        for family in dict.fromkeys(families):
            first, size = families.index(family) - 0.5, families.count(family)
            frame = plt.Rectangle(
                (first, first), size, size, fill=False, ec="white", lw=1.5, clip_on=False
            )
            panel.add_patch(frame)

        figure.colorbar(image, ax=panel, fraction=0.046, pad=0.03)
        row = scores.loc[measure]
        panel.set_title(
            f"{words.measure_label(measure, settings)}\n"
            f"AUC {row.auc:.2f} [{row.auc_low:.2f}, {row.auc_high:.2f}]\n"
            f"Cohen's d {row.cohens_d:.1f} [{row.cohens_d_low:.1f}, {row.cohens_d_high:.1f}]"
        )
        panel.set_xlabel("Lorenz r")
    axes[0, 0].set_ylabel("Lorenz r")
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["rows", "scores"], make)
