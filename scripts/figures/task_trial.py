"""One trial of each task: what the network sees, and what it should answer."""

import numpy as np

from warpline.core import result_files
from warpline.figures import plotting


def held(axes, seconds, values, **style):
    """Draw values that each hold for a step, the last one too; a gap where there is none."""
    axes.plot(seconds, np.append(values, values[-1]), drawstyle="steps-post", **style)


def legibility(data):
    """Return per trial how easy it is to read: a strong stimulus, targets that differ."""
    if "coh" in data:
        return data["coh"].values
    if "output" in data.dims:
        due = data["target"].where(data["decision"])
        return (data["ideal"] + due.std("time").sum("output")).values
    return data["scored"].values


def make(arguments, settings):
    import matplotlib.pyplot as plt

    datasets = [result_files.read_dataset(path) for path in arguments.trials]
    figure, rows = plt.subplots(
        2,
        len(datasets),
        figsize=(2.4 * len(datasets) + 0.8, 3.6),
        sharex="col",
        sharey="row",
        squeeze=False,
        height_ratios=[2, 1],
    )
    for column, data in enumerate(datasets):
        trial = data.isel(trial=int(legibility(data).argmax()))
        steps = int(trial["valid"].sum())
        seconds = np.arange(steps + 1) * data.attrs["dt"] / 1000
        top, bottom = rows[:, column]
        # Every other period is shaded; tasks without a delay have an empty one, which does not count.
        start, stop = (trial[edge].values * data.attrs["dt"] / 1000 for edge in ("start", "stop"))
        periods = [span for span in zip(start, stop, strict=True) if span[1] > span[0]]
        for axes in (top, bottom):
            for span in periods[1::2]:
                axes.axvspan(*span, color="0.92", zorder=0, lw=0)
        for name in data["channel"].values:
            if not name.startswith("rule_"):
                values = trial["inputs"].sel(channel=name).values[:steps]
                style = {"color": "0.3", "ls": "--", "zorder": 3} if name == "fixation" else {}
                held(top, seconds, values, label=name.replace("_", " "), **style)
        target = trial["target"].values[:steps]
        if "output" in trial.dims:
            # A gap where any output will do.
            asked = np.where(trial["asked"].values[:steps, None], target, np.nan)
            for k, values in enumerate(asked.T):
                label = f"output {k + 1}" if asked.shape[1] > 1 else None
                held(bottom, seconds, values, color=str(0.5 * k), label=label)
            bottom.set(yticks=[-1, 0, 1], ylim=(-1.15, 1.15))
        else:
            held(bottom, seconds, target, color="black")
            bottom.set_yticks(range(data.attrs["n_outputs"]))
        bottom.set_xlabel("time (s)")
        top.set_title(data.attrs["task"])
    rows[0, 0].set_ylabel("input")
    gaps = any((data["valid"] & ~data["asked"]).any() for data in datasets)
    label = "target\n(gap: not asked)" if gaps else "target"
    rows[1, 0].set_ylabel(label if "output" in datasets[0].dims else "right action\n(0: fixate)")
    for axes in rows[:, -1]:
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["trials"], make)
