"""Linearity and relative gap of the composition curve of DSA, for each combination of hyperparameters."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting

ROWS = {
    "r2_ordered": "R², same place",
    "gap_relative_ordered": "relative gap, same place",
    "r2_unordered": "R², any place",
    "gap_relative_unordered": "relative gap, any place",
}


def make(arguments, settings):
    import matplotlib.pyplot as plt

    scores = result_files.read_table(arguments.scores[0])
    ranks = sorted(scores["rank"].unique())
    delays = sorted(scores["n_delays"].unique())
    intervals = sorted(scores["delay_interval"].unique())
    width, height = 0.33 * len(intervals) + 0.55, 0.3 * len(delays) + 0.75
    figure, axes = plt.subplots(
        len(ROWS),
        len(ranks),
        squeeze=False,
        sharex=True,
        sharey=True,
        figsize=(width * len(ranks) + 1.2, height * len(ROWS)),
    )
    for panels, (column, label) in zip(axes, ROWS.items(), strict=True):
        for panel, rank in zip(panels, ranks, strict=True):
            cells = scores[scores["rank"] == rank]
            matrix = np.full((len(delays), len(intervals)), np.nan)
            i = [delays.index(value) for value in cells["n_delays"]]
            j = [intervals.index(value) for value in cells["delay_interval"]]
            matrix[i, j] = cells[column]
            # One colour scale per score, so that ranks compare.
            maximum = np.nanmax(scores[column])
            image = plotting.annotated_heat_map(panel, matrix, (delays, intervals), maximum)
            for text in panel.texts:
                text.set_fontsize("x-small")
            panel.set_xticks(range(len(intervals)), intervals, rotation=0, ha="center")

            # Frames mark the combinations of largest merit.
            best = cells[cells["place"] <= settings["best"]]
            for row in best.itertuples():
                x, y = intervals.index(row.delay_interval), delays.index(row.n_delays)
                corner = (x - 0.5, y - 0.5)
                panel.add_patch(
                    plt.Rectangle(corner, 1, 1, fill=False, ec="#D55E00", lw=2, zorder=3)
                )
        figure.colorbar(image, ax=panels.tolist(), fraction=0.03, pad=0.02).set_label(
            label.replace(", ", ",\n")
        )
        panels[0].set_ylabel("delays")
    # Panels of fixed aspect would push the labels on the left out of the figure.
    figure.get_layout_engine().set(w_pad=0.1)
    for panel, rank in zip(axes[0], ranks, strict=True):
        panel.set_title(f"rank {rank}")
    for panel in axes[-1]:
        panel.set_xlabel("steps between delays")
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["scores"], make)
