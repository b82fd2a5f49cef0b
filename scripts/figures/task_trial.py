"""One trial of each task: what the network sees, and what it should answer."""

from warpline import plotting, store


def make(arguments, settings):
    import matplotlib.pyplot as plt

    datasets = [store.read_dataset(path) for path in arguments.trials]
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
        # The first trial that has a right answer: a strong stimulus is easier to read.
        strength = data["coh"].values if "coh" in data else data["scored"].values
        trial = data.isel(trial=int(strength.argmax()))
        steps = int(trial["valid"].sum())
        seconds = [step * data.attrs["dt"] / 1000 for step in range(steps)]
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
                style = {"color": "0.3", "ls": "--"} if name == "fixation" else {}
                top.plot(
                    seconds, values, drawstyle="steps-post", label=name.replace("_", " "), **style
                )
        bottom.plot(seconds, trial["target"].values[:steps], drawstyle="steps-post", color="black")
        bottom.set_yticks(range(data.attrs["n_actions"]))
        bottom.set_xlabel("time (s)")
        top.set_title(data.attrs["task"])
    rows[0, 0].set_ylabel("input")
    rows[1, 0].set_ylabel("right action\n(0: fixate)")
    rows[0, -1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["trials"], make)
