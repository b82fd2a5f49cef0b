"""Dissimilarity between the checkpoints of one run, mean over seeds: curricula by measures."""

import numpy as np
import pandas as pd

from warpline.core import result_files
from warpline.figures import plotting


def make(arguments, settings):
    import matplotlib.pyplot as plt

    within = pd.concat([result_files.read_table(path) for path in arguments.within])
    measures = [name for name in settings["measures"] if name in set(within["measure"])]
    curricula = [name for name in settings["curricula"] if name in set(within["curriculum_a"])]
    stages = sorted({*within["checkpoint_a"], *within["checkpoint_b"]})
    labels = [f"{stage:g}" for stage in stages]
    figure, axes = plt.subplots(
        len(measures),
        len(curricula),
        squeeze=False,
        figsize=(2.2 * len(curricula) + 1, 2.1 * len(measures)),
    )
    for row, measure in enumerate(measures):
        part = within[within["measure"] == measure]
        means = part.groupby(["curriculum_a", "checkpoint_a", "checkpoint_b"])[
            "dissimilarity"
        ].mean()
        for column, name in enumerate(curricula):
            matrix = np.full((len(stages), len(stages)), np.nan)
            for (a, b), value in means[name].items():
                i, j = stages.index(a), stages.index(b)
                matrix[i, j] = matrix[j, i] = value
            panel = axes[row, column]
            image = plotting.annotated_heat_map(panel, matrix, (labels, labels), means.max())
            if row == 0:
                known = part[part["dissimilarity"].notna() & (part["curriculum_a"] == name)]
                seeds = known["seed_a"].nunique()
                panel.set_title(f"{name.replace('_', ' ')}\nn = {seeds}")
            if row == len(measures) - 1:
                panel.set_xlabel("fraction of training")
        axes[row, 0].set_ylabel("fraction of training")
        bar = figure.colorbar(image, ax=axes[row].tolist(), shrink=0.8)
        bar.set_label(plotting.measure_label(measure, settings).replace(" (", "\n("))
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["within"], make)
