"""The composition curves of the best hyperparameters of DSA, with their fits."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting, words

TITLES = {"ordered": "same place", "unordered": "any place"}
KEYS = ["n_delays", "delay_interval", "rank"]


def make(arguments, settings):
    import matplotlib.pyplot as plt

    rows = result_files.read_tables(arguments.rows).dropna(subset="dissimilarity")
    scores = result_files.read_table(arguments.scores[0]).sort_values("place")
    best = scores[scores["place"] <= settings["best"]]
    labels = [
        f"{row.n_delays} × {row.delay_interval}, rank {row.rank}" for row in best.itertuples()
    ]
    style_of_label = plotting.colours(labels, settings["style"])
    figure, axes = plt.subplots(1, len(TITLES), sharey=True, figsize=(6.4, 3.4))
    for panel, sharing in zip(axes, TITLES, strict=True):
        offsets = plotting.jitter(len(best), 0.2)
        for offset, label, row in zip(offsets, labels, best.itertuples(), strict=True):
            colour, marker = style_of_label[label]
            cell = rows[np.logical_and.reduce([rows[key] == getattr(row, key) for key in KEYS])]
            levels = np.array(sorted(cell[sharing].unique()))
            groups = [cell[cell[sharing] == level] for level in levels]
            # The sample over-represents pairs that share much; weights undo this.
            means = np.array(
                [np.average(group["dissimilarity"], weights=group["weight"]) for group in groups]
            )
            quartiles = [
                np.quantile(
                    group["dissimilarity"],
                    [0.25, 0.75],
                    weights=group["weight"],
                    method="inverted_cdf",
                )
                for group in groups
            ]
            low, high = np.transpose(quartiles)
            panel.vlines(levels + offset, low, high, color=colour, lw=1)
            text = f"{label} (R² {row.r2_ordered:.2f}, {row.r2_unordered:.2f})"
            panel.plot(levels + offset, means, marker, color=colour, ms=5, label=text)
            slope, intercept = (
                getattr(row, f"slope_{sharing}"),
                getattr(row, f"intercept_{sharing}"),
            )
            panel.plot(levels, intercept + slope * levels, color=colour, lw=1)
        panel.set_xticks(levels)
        panel.set_xlabel(f"shared motifs, {TITLES[sharing]}")
    axes[0].set_ylim(bottom=0)
    wasserstein = ["dsa"] * settings["swept_by_wasserstein"]
    axes[0].set_ylabel(words.measure_label("dsa", {"wasserstein": wasserstein}))
    handles, entries = axes[0].get_legend_handles_labels()
    figure.legend(handles, entries, loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["rows", "scores"], make)
