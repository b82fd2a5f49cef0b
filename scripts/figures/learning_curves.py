"""Accuracy over training for each curriculum and seed, with ideal observer, criterion and chance."""

from collections import defaultdict

from warpline.core import result_files
from warpline.figures import figure_script, plotting, words

STATUS_MARKERS = {"converged": "o", "max_steps": "s", "diverged": "X"}


def runs_by_curriculum(paths):
    """Return (seed, metadata, history) of every trained run, by the name of its curriculum."""
    runs = defaultdict(list)
    for path in paths:
        metadata = result_files.read_table_metadata(path)
        _, _, name, seed = metadata["settings"]["streams"]["run"]
        if metadata["status"] not in ("untrained", "given"):
            runs[name].append((seed, metadata, result_files.read_table(path)))
    return runs


def draw_curriculum(axes, name, runs, colour):
    """Draw the accuracy of each run of a curriculum, with a marker for how the run ended."""
    for _, metadata, history in sorted(runs, key=lambda run: run[0]):
        accuracy = history.groupby("step")["accuracy"].mean()
        axes.plot(accuracy.index, accuracy, color=colour, lw=1)
        marker = STATUS_MARKERS[metadata["status"]]
        axes.plot(
            accuracy.index[-1],
            accuracy.iloc[-1],
            marker,
            color=colour,
            ms=5,
            mec="black",
            mew=0.6,
        )

    # All runs share the levels. The criterion lies just below the ideal observer, and so does its name.
    metadata = runs[0][1]
    training = metadata["settings"]["training"]
    ideal, fraction = metadata["ideal"], training["target_fraction"]
    plotting.level_line(axes, ideal, words.name_of_ideal(training), "-", align="bottom")
    plotting.level_line(axes, ideal * fraction, "criterion", "--", align="top")
    plotting.level_line(axes, metadata["chance"], "chance", ":")

    n_converged = [metadata["status"] for _, metadata, _ in runs].count("converged")
    axes.set_title(f"{name.replace('_', ' ')}\n{n_converged} of {len(runs)} converged")
    axes.set_ylim(0, 1.03)
    axes.set_xlim(left=0)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    runs = runs_by_curriculum([*arguments.pretraining, *arguments.training])
    if not runs:
        return plotting.nothing_to_show("None of the networks was trained here.")
    styles = plotting.colours(settings["curricula"], settings["style"])

    # The panels fill a grid of three columns. Its last row may have empty panels.
    n_columns = min(3, len(runs))
    n_rows = -(-len(runs) // n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(2.9 * n_columns + 0.4, 2.3 * n_rows),
        sharey=True,
        squeeze=False,
    )
    for panel in axes.flat[len(runs) :]:
        panel.set_visible(False)
    for panel, (name, curriculum_runs) in zip(axes.flat, runs.items(), strict=False):
        # Pretrainings are grey, because several curricula can start from one.
        colour, _ = styles.get(name, ("0.45", "o"))
        draw_curriculum(panel, name, curriculum_runs, colour)
    for panel in axes[:, 0]:
        panel.set_ylabel("accuracy (decision steps)")
    for panel in axes[-1]:
        panel.set_xlabel("updates")
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["pretraining", "training"], make)
