"""Accuracy over training for each curriculum and seed, with the ideal observer."""

from collections import defaultdict

from warpline.core import result_files
from warpline.figures import plotting


def make(arguments, settings):
    import matplotlib.pyplot as plt

    groups = defaultdict(list)
    for path in [*arguments.pretraining, *arguments.training]:
        found = result_files.read_table_metadata(path)
        _, _, name, seed = found["settings"]["streams"]["run"]
        if found["status"] != "untrained":
            groups[name].append((seed, found, result_files.read_table(path)))
    look = plotting.colours(settings["curricula"], settings["style"])
    columns = min(3, len(groups))
    lines = -(-len(groups) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(2.7 * columns + 0.4, 2.3 * lines), sharey=True, squeeze=False
    )
    for panel in axes.flat[len(groups) :]:
        panel.set_visible(False)
    for panel, (name, runs) in zip(axes.flat, groups.items(), strict=False):
        # Pretrainings belong to no one curriculum: they are grey.
        colour, _ = look.get(name, ("0.45", "o"))
        for _, found, history in sorted(runs, key=lambda run: run[0]):
            mean = history.groupby("step")["accuracy"].mean()
            panel.plot(mean.index, mean, color=colour, lw=1)
            mark = {"converged": "o", "max_steps": "s", "diverged": "X"}[found["status"]]
            panel.plot(
                mean.index[-1], mean.iloc[-1], mark, color=colour, ms=5, mec="black", mew=0.6
            )
        ideal = runs[0][1]["ideal"]
        panel.axhline(ideal, color="black", lw=0.8)
        target = runs[0][1]["settings"]["training"]["target_fraction"]
        panel.axhline(ideal * target, color="black", lw=0.8, ls=":")
        statuses = [run[1]["status"] for run in runs]
        count = f"{statuses.count('converged')} of {len(runs)} converged"
        panel.set_title(f"{name.replace('_', ' ')}\n{count}")
        panel.set_ylim(0, 1.03)
        panel.set_xlim(left=0)
    for panel in axes[:, 0]:
        panel.set_ylabel("accuracy (decision steps)")
    for panel in axes[-1]:
        panel.set_xlabel("updates")
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["pretraining", "training"], make)
