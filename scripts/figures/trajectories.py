"""Principal components of the trained networks' states, by curriculum and by task."""

import numpy as np

from warpline.comparison.condition_states import condition_signals
from warpline.core import result_files
from warpline.figures import plotting

SIGNAL_COLOURS = "RdBu_r"


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
    return (means - centre) @ axes[:2].T, singular[:2] ** 2 / np.sum(singular**2)


def state_means(data):
    """Return the mean states of the first seed as an array (task, condition, step, unit), in time order."""
    # Steps count from the start of the trial (0, 1, ...), then back from the end of the response (-1, ...).
    steps = data["step_aligned"].values
    order = np.concatenate([np.flatnonzero(steps >= 0), np.flatnonzero(steps < 0)])
    means = data["mean_states"].isel(seed=0, step_aligned=order)
    return means.transpose("task", "condition", "step_aligned", "unit").values


def draw_trajectories(axes, scores, signals, colour_map):
    """Draw a line per condition, with a dot at its end; a triangle marks the common start."""
    for trajectory, signal in zip(scores, signals, strict=False):
        trajectory = trajectory[~np.isnan(trajectory).any(axis=1)]
        # The middle of the colour map is white: weak signals start at a quarter of the way from it.
        shade = colour_map(0.5 + 0.5 * np.sign(signal) * (0.25 + 0.75 * abs(signal)))
        colour = shade if signal else "0.6"
        axes.plot(trajectory[:, 0], trajectory[:, 1], color=colour, lw=1)
        axes.plot(*trajectory[-1], "o", color=colour, ms=3)
    axes.plot(*scores[0, 0], "k^", ms=4)
    axes.set_xticks([])
    axes.set_yticks([])


def make(arguments, settings):
    import matplotlib.pyplot as plt

    datasets = [result_files.read_dataset(path) for path in arguments.trajectories]
    trials = result_files.read_dataset(arguments.trials[0])
    signals = condition_signals(trials)
    colour_map = plt.get_cmap(SIGNAL_COLOURS)
    tasks = list(datasets[0]["task"].values)
    figure, axes = plt.subplots(
        len(tasks),
        len(datasets),
        squeeze=False,
        sharex="col",
        sharey="col",
        figsize=(2.2 * len(datasets) + 0.6, 2.1 * len(tasks)),
    )
    for column, data in zip(axes.T, datasets, strict=True):
        # The tasks of a network share one basis, so that the panels of a column can be compared.
        scores, shares = pooled_components(state_means(data))
        for panel, task_scores in zip(column, scores, strict=True):
            draw_trajectories(panel, task_scores, signals, colour_map)
        column[-1].set_xlabel(f"PC 1 ({shares[0]:.0%})\nagainst PC 2 ({shares[1]:.0%})")
        curriculum = data.attrs["curriculum"].replace("_", " ")
        column[0].set_title(f"{curriculum}\nseed {int(data['seed'][0])}")
    for panel, task in zip(axes[:, 0], tasks, strict=True):
        panel.set_ylabel(task)
    figure.colorbar(
        plt.cm.ScalarMappable(plt.Normalize(-1, 1), SIGNAL_COLOURS),
        ax=axes[:, -1].tolist(),
        label="first target" if "output" in trials.dims else "signed stimulus strength",
        ticks=[-1, 0, 1],
    )
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["trajectories", "trials"], make)
