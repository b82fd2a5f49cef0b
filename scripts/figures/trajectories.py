"""Principal components of the trained networks' states, by curriculum and by task."""

import numpy as np

from warpline.comparison.condition_states import condition_signals
from warpline.core import result_files
from warpline.figures import figure_script, plotting

SIGNAL_COLOURS = "RdBu_r"
NEITHER = "0.6"


def pooled_components(means):
    """Project states on their first two principal components, pooled over tasks, conditions and steps.

    Parameters
    ----------
    means : ndarray, shape (task, condition, step, unit)
        Mean states; NaN where a step is missing.

    Returns
    -------
    scores : ndarray, shape (task, condition, step, 2)
    shares : ndarray, shape (2,)
        Fractions of the variance.
    """
    samples = means.reshape(-1, means.shape[-1])
    samples = samples[~np.isnan(samples).any(axis=1)]
    centre = samples.mean(axis=0)
    _, singular, axes = np.linalg.svd(samples - centre, full_matrices=False)
    # One unit has one component: the second one is 0.
    missing = max(0, 2 - len(axes))
    scores = np.pad((means - centre) @ axes[:2].T, [(0, 0)] * (means.ndim - 1) + [(0, missing)])
    scores[np.isnan(means).any(axis=-1)] = np.nan
    shares = np.pad(singular[:2] ** 2, (0, missing)) / np.sum(singular**2)
    return scores, shares


def state_means(data):
    """Return the mean states of the first seed (task, condition, step, unit) in time order, and the seam.

    The seam is the first step that is aligned to the go signal.
    """
    # Steps count from the start of the trial (0, 1, ...), then back from the end of the response (-1, ...).
    steps = data["step_aligned"].values
    order = np.concatenate([np.flatnonzero(steps >= 0), np.flatnonzero(steps < 0)])
    means = data["mean_states"].isel(seed=0, step_aligned=order)
    means = means.transpose("task", "condition", "step_aligned", "unit").values
    return means, int((steps >= 0).sum())


def draw_trajectories(axes, scores, seam, signals, colour_map):
    """Draw a line per condition, dotted across the seam, from a common triangle to a dot at its end."""
    for trajectory, signal in zip(scores, signals, strict=False):
        there = ~np.isnan(trajectory).any(axis=1)
        before, after = trajectory[:seam][there[:seam]], trajectory[seam:][there[seam:]]
        # The middle of the colour map is white: weak signals start at a quarter of the way from it.
        shade = colour_map(0.5 + 0.5 * np.sign(signal) * (0.25 + 0.75 * abs(signal)))
        colour = shade if signal else NEITHER
        axes.plot(*before.T, color=colour, lw=1)
        axes.plot(*after.T, color=colour, lw=1)
        if len(before) and len(after):
            axes.plot(*np.stack([before[-1], after[0]]).T, color=colour, lw=0.8, ls=":")
        axes.plot(*trajectory[there][-1], "o", color=colour, ms=3)
    axes.plot(*scores[0, 0], "k^", ms=4)
    axes.set_xticks([])
    axes.set_yticks([])


def two_choices(trials):
    """Return the correct answers of evaluation trials in rising order; none unless they are two numbers."""
    if "ground_truth" not in trials or trials["ground_truth"].dtype.kind not in "biuf":
        return []
    choices = np.unique(trials["ground_truth"].values.astype(float))
    return list(choices) if len(choices) == 2 else []


def make(arguments, settings):
    import matplotlib.pyplot as plt

    datasets = [result_files.read_dataset(path) for path in arguments.trajectories]
    trials = result_files.read_dataset(arguments.trials[0])
    signals = condition_signals(trials)
    has_targets = "output" in trials.dims
    # The sides stand at the ends of the bar: a label that names them is longer than the bar of one row.
    colour_label = "first target" if has_targets else "stimulus strength"
    choices = two_choices(trials)
    ends = [
        f"{end}\n(choice {choice:g})"
        for end, choice in zip(("\N{MINUS SIGN}1", "1"), choices, strict=False)
    ]
    colour_map = plt.get_cmap(SIGNAL_COLOURS)
    tasks = list(datasets[0]["task"].values)
    figure, axes = plt.subplots(
        len(tasks),
        len(datasets),
        squeeze=False,
        sharex="col",
        sharey="col",
        figsize=(2.3 * len(datasets) + 0.8, 2.1 * len(tasks) + 0.7),
    )
    for column, data in zip(axes.T, datasets, strict=True):
        # The tasks of a network share one basis, so that the panels of a column can be compared.
        means, seam = state_means(data)
        scores, shares = pooled_components(means)
        for panel, task_scores in zip(column, scores, strict=True):
            draw_trajectories(panel, task_scores, seam, signals, colour_map)
            panel.set_ylabel(f"PC 2 ({shares[1]:.0%})")
        column[-1].set_xlabel(f"PC 1 ({shares[0]:.0%})")
        curriculum = data.attrs["curriculum"].replace("_", " ")
        column[0].set_title(f"{curriculum}\nseed {int(data['seed'][0])}")
    for panel, task in zip(axes[:, 0], tasks, strict=True):
        panel.annotate(
            task,
            (-0.2, 0.5),
            xycoords="axes fraction",
            rotation=90,
            ha="right",
            va="center",
            weight="bold",
        )
    bar = figure.colorbar(
        plt.cm.ScalarMappable(plt.Normalize(-1, 1), SIGNAL_COLOURS),
        ax=axes[:, -1].tolist(),
        label=colour_label,
        ticks=[-1, 0, 1],
    )
    if ends and not has_targets:
        bar.set_ticklabels([ends[0], "0", ends[1]])
    marks = {
        "start": {"marker": "^", "ls": "", "color": "black", "ms": 4},
        "end": {"marker": "o", "ls": "", "color": "black", "ms": 3},
        "go signal": {"ls": ":", "lw": 0.8, "color": "black"},
        "stimulus favours neither choice": {"lw": 1, "color": NEITHER},
    }
    handles = [plt.Line2D([], [], label=label, **mark) for label, mark in marks.items()]
    # Targets are a continuum, and none of them is grey; nor is a stimulus that always favours a side.
    has_grey = not has_targets and not np.all(signals)
    figure.legend(
        handles=handles[: 4 if has_grey else 3], loc="outside lower center", ncols=len(handles)
    )
    plotting.title_above(
        figure,
        "mean over the trials of a condition: from the start of the trial to the earliest go signal,\n"
        "then from each trial's own go signal",
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["trajectories", "trials"], make)
