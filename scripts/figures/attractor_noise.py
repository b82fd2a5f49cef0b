"""Dissimilarity of a motif to itself with another motif mixed in, under noise, a column per measure."""

from warpline.core import result_files
from warpline.figures import attractor_panels, plotting


def make(arguments, settings):
    import matplotlib.pyplot as plt

    rows = attractor_panels.gather(arguments.rows)
    scores = result_files.read_table(arguments.scores[0]).set_index(["measure", "level"])
    measures = [name for name in settings["measures"] if name in set(rows["measure"])]
    levels = settings["levels"]
    look = plotting.colours([f"{level:g}" for level in levels], settings["style"])
    figure, axes = plt.subplots(
        2, len(measures), squeeze=False, sharey="col", figsize=(2.5 * len(measures), 4.9)
    )
    for column, measure in enumerate(measures):
        part = rows[rows["measure"] == measure]
        top, bottom = axes[:, column]
        offsets = plotting.jitter(len(levels), 0.06)
        for offset, level in zip(offsets, levels, strict=True):
            colour, marker = look[f"{level:g}"]
            chosen = part[part["level"] == level]
            own = 1 - chosen["share"]
            top.plot(own + offset, chosen["dissimilarity"], marker, color=colour, ms=2, alpha=0.35)
            means = chosen.groupby(own)["dissimilarity"].mean()
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
        top.set_title(plotting.MEASURE_LABELS.get(measure, measure))
        top.set_xticks([0, *(1 - share for share in settings["shares"] if share < 1), 1])
        top.set_ylim(bottom=0)

        epochs = part[part["epoch"] > 0]
        for alone, label, marker in ((False, "another mixed in", "s"), (True, "noise alone", "o")):
            chosen = epochs[(epochs["share"] == 0) == alone]
            means = chosen.groupby("epoch")["dissimilarity"].mean()
            style = {"color": "black", "mfc": "white" if alone else "black", "ms": 5}
            bottom.plot(chosen["epoch"], chosen["dissimilarity"], ".", color="0.7", ms=3, zorder=0)
            bottom.plot(means.index, means, marker=marker, lw=1, label=label, **style)
        steps = [
            f"{level:g}\n{share:g}"
            for level, share in zip(levels, settings["shares"], strict=False)
        ]
        bottom.set_xticks(range(1, len(steps) + 1), steps)
        bottom.set_xlim(0.7, len(steps) + 0.3)
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
    plotting.draw(__doc__, ["rows", "scores"], make)
