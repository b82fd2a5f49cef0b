"""Dissimilarity of a noisy motif to its mixtures with other motifs, a column per measure."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting, words


def with_interval(row, score):
    """Return a score with its interval, where it has one."""
    interval = f" [{row[f'{score}_low']:.2f}, {row[f'{score}_high']:.2f}]"
    return f"{row[score]:.2f}{'' if np.isnan(row[f'{score}_low']) else interval}"


# Score, its label, the value at which a measure tells nothing.
SCALE_FREE = (
    ("floor_relative", "floor / different motifs", 1.0),
    ("auc_least", "AUC of the smallest share", 0.5),
)


def draw_scale_free(axes, scores, measures, levels, settings):
    """Draw scores without a unit against the noise level: a mark per measure with its interval."""
    styles = plotting.colours(measures, settings["style"])
    offsets = plotting.jitter(len(measures), 0.12)
    for panel, (score, label, uninformative) in zip(axes, SCALE_FREE, strict=True):
        for offset, measure in zip(offsets, measures, strict=True):
            colour, marker = styles[measure]
            rows = scores.loc[measure].reindex(levels)
            x = np.arange(len(levels)) + offset
            text = words.measure_name(measure)
            panel.plot(x, rows[score], marker, ms=5, color=colour, label=text)
            panel.vlines(x, rows[f"{score}_low"], rows[f"{score}_high"], color=colour, lw=1)
        panel.axhline(uninformative, color="0.6", ls=":", lw=1)
        panel.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
        panel.set_xlabel("noise e")
        panel.set_ylabel(label)
        panel.set_ylim(0, 1.05)
    # Above the panel: intervals fill it. An interval that leaves the panel goes on.
    axes[0].legend(
        fontsize="x-small",
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(measures),
        borderaxespad=0.2,
    )


def make(arguments, settings):
    import matplotlib.pyplot as plt

    rows = result_files.read_tables(arguments.rows)
    scores = result_files.read_table(arguments.scores[0]).set_index(["measure", "level"])
    measures = [name for name in settings["measures"] if name in set(rows["measure"])]
    levels = settings["levels"]
    style_of_level = plotting.colours([f"{level:g}" for level in levels], settings["style"])
    figure = plt.figure(figsize=(2.5 * max(len(measures), 2), 7.2))
    grid = figure.add_gridspec(3, 2 * len(measures))
    columns = [slice(2 * column, 2 * column + 2) for column in range(len(measures))]
    upper = [figure.add_subplot(grid[0, column]) for column in columns]
    lower = [
        figure.add_subplot(grid[1, column], sharey=panel)
        for column, panel in zip(columns, upper, strict=True)
    ]
    axes = np.array([upper, lower])
    halves = (slice(None, len(measures)), slice(len(measures), None))
    scale_free = [figure.add_subplot(grid[2, half]) for half in halves]
    draw_scale_free(scale_free, scores, measures, levels, settings)
    for column, measure in enumerate(measures):
        pairs = rows[rows["measure"] == measure]
        top, bottom = axes[:, column]
        offsets = plotting.jitter(len(levels), 0.06)
        for offset, level in zip(offsets, levels, strict=True):
            colour, marker = style_of_level[f"{level:g}"]
            at_level = pairs[pairs["level"] == level]
            motif_share = 1 - at_level["share"]
            top.plot(
                motif_share + offset,
                at_level["dissimilarity"],
                marker,
                color=colour,
                ms=2,
                alpha=0.35,
            )
            means = at_level.groupby(motif_share)["dissimilarity"].mean()
            row = scores.loc[(measure, level)]
            label = f"e = {level:g}"
            top.plot(
                means.index + offset,
                means,
                marker,
                ms=6,
                mec="white",
                color=colour,
                label=label,
                clip_on=False,
                zorder=3,
            )
            fit = row.intercept + row.slope * means.index
            top.plot(means.index, fit, color=colour, lw=1)
        top.set_xlabel("share of the motif that is left")
        # The units of measures differ: these two scores have none.
        noisiest = scores.loc[(measure, max(levels))]
        top.set_title(
            f"{words.measure_label(measure, settings)}\n"
            f"relative floor {with_interval(noisiest, 'floor_relative')}\n"
            f"AUC {with_interval(noisiest, 'auc_least')}",
            fontsize="small",
        )
        top.set_xticks([0, *(1 - share for share in settings["shares"] if share < 1), 1])
        top.set_ylim(bottom=0)

        # Noise level and share of the other motif fall together, from epoch to epoch.
        epochs = pairs[pairs["epoch"] > 0]
        for unmixed, label, marker in (
            (False, "another mixed in", "s"),
            (True, "noise alone", "o"),
        ):
            group = epochs[(epochs["share"] == 0) == unmixed]
            means = group.groupby("epoch")["dissimilarity"].mean()
            style = {"color": "black", "mfc": "white" if unmixed else "black", "ms": 5}
            bottom.plot(group["epoch"], group["dissimilarity"], ".", color="0.7", ms=3, zorder=0)
            bottom.plot(means.index, means, marker=marker, lw=1, label=label, **style)
        tick_labels = [
            f"{level:g}\n{share:g}"
            for level, share in zip(levels, settings["shares"], strict=False)
        ]
        bottom.set_xticks(range(1, len(tick_labels) + 1), tick_labels)
        bottom.set_xlim(0.7, len(tick_labels) + 0.3)
        bottom.set_xlabel("noise e, share of the other")
    axes[0, 0].set_ylabel("dissimilarity")
    axes[1, 0].set_ylabel("dissimilarity")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    for handle, label in zip(*axes[1, 0].get_legend_handles_labels(), strict=True):
        handles.append(handle)
        labels.append(label)
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["rows", "scores"], make)
