"""Composition curves: dissimilarity of motif sequences against the number of motifs that they share."""

import numpy as np

from warpline.attractors.score_tables import gap_orderings
from warpline.core import result_files
from warpline.figures import figure_script, plotting, words
from warpline.figures.sensitivity_panel import draw_sensitivity

TITLES = {"ordered": "same place", "unordered": "any place"}


def make(arguments, settings):
    import matplotlib.pyplot as plt

    rows = result_files.read_tables(arguments.rows)
    all_scores = result_files.read_table(arguments.scores[0])
    scores = all_scores.set_index(["measure", "sharing"])
    measures = [name for name in settings["measures"] if name in set(rows["measure"])]
    style_of_measure = plotting.colours(settings["measures"], settings["style"])
    # Beside the measures: at which settings of DSA its gap exceeds theirs.
    sweep = result_files.read_table(arguments.sweep[0]) if arguments.sweep else None
    widths = [2.5] * len(measures) + [2.4] * (sweep is not None)
    figure, axes = plt.subplots(
        len(TITLES),
        len(widths),
        squeeze=False,
        sharey="col",
        figsize=(sum(widths), 2.4 * len(TITLES)),
        width_ratios=widths,
    )
    # Points of one level would hide each other: a horizontal shift without meaning separates them.
    shift = np.random.Generator(np.random.PCG64(0)).uniform(-0.22, 0.22, len(rows))
    for column, measure in enumerate(measures):
        of_measure = (rows["measure"] == measure).to_numpy()
        pairs = rows[of_measure]
        colour = style_of_measure[measure][0]
        for panel, sharing in zip(axes[:, column], TITLES, strict=True):
            panel.plot(
                pairs[sharing] + shift[of_measure],
                pairs["dissimilarity"],
                ".",
                color=colour,
                ms=3,
                alpha=0.25,
                mec="none",
                rasterized=True,
            )
            # The means show the linearity that the scatter hides.
            means = pairs.groupby(sharing)["dissimilarity"].mean()
            panel.plot(means.index, means, "o", color="black", ms=5, zorder=3)
            if "lower_bound" in pairs:
                bound = pairs.groupby(sharing)["lower_bound"].mean()
                panel.plot(bound.index, bound, "_", color="0.35", ms=12, mew=1.5, zorder=3)
            row = scores.loc[(measure, sharing)]
            ends = np.array([means.index.min() - 0.3, means.index.max() + 0.3])
            panel.plot(ends, row.intercept + row.slope * ends, color="black", lw=1)
            panel.set_xticks(sorted(pairs[sharing].unique()))
            panel.text(
                0.97,
                0.98,
                f"R² {row.r2:.2f}, of means {row.r2_means:.2f}\n"
                f"slope {row.slope:.3f}\n"
                f"gap {row.gap:.2f} ({row.gap_relative:.0%})",
                transform=panel.transAxes,
                fontsize="small",
                ha="right",
                va="top",
            )
            panel.set_xlabel(f"shared motifs, {TITLES[sharing]}")
            # Room for the numbers above the points.
            panel.set_ylim(0, 1.42 * pairs["dissimilarity"].max())
        axes[0, column].set_title(words.measure_label(measure, settings))
    for panel in axes[:, 0]:
        panel.set_ylabel("dissimilarity")
    if sweep is not None:
        name, setting = settings["swept"]["measure"], settings["swept"]["setting"]
        for panel, sharing in zip(axes[:, -1], TITLES, strict=True):
            table = gap_orderings(all_scores, sweep, name, setting, sharing)
            # A row per number of delays: with every interval between them there would be thirty.
            draw_sensitivity(panel, table.assign(delay_interval=1), name, "composition")
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["rows", "scores", "sweep"], make)
