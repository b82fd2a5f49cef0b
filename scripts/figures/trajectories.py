"""Principal components of the trained networks' states, by curriculum and by task."""

import numpy as np

from warpline.core import result_files
from warpline.figures import plotting

SIGNAL_COLOURS = "RdBu_r"


def pooled_components(means):
    """Return the first two principal components, in a basis pooled over tasks and conditions.

    `means` is (task, condition, step, unit) with missing steps as NaN; returns (..., 2) and shares.
    """
    samples = means.reshape(-1, means.shape[-1])
    known = ~np.isnan(samples).any(axis=1)
    centre = samples[known].mean(axis=0)
    _, singular, axes = np.linalg.svd(samples[known] - centre, full_matrices=False)
    return (means - centre) @ axes[:2].T, singular[:2] ** 2 / np.sum(singular**2)


def signals(trials):
    """Return each condition's signed stimulus strength, or the first output asked, in [-1, 1]."""
    first = trials.isel(trial=slice(0, int((trials["repeat"] == 0).sum())))
    if "output" in trials.dims:
        due = first["decision"].transpose("trial", "time").values.argmax(1)
        answer = first["target"].isel(output=0).transpose("trial", "time").values
        return answer[np.arange(len(due)), due]
    side = np.sign(first["ground_truth"].values - first["ground_truth"].values.mean())
    strength = first["coh"].values if "coh" in first else np.ones(first.sizes["trial"])
    return side * strength / max(strength.max(), 1e-9)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    datasets = [result_files.read_dataset(path) for path in arguments.trajectories]
    trials = result_files.read_dataset(arguments.trials[0])
    signal = signals(trials)
    colour = plt.get_cmap(SIGNAL_COLOURS)
    tasks = list(datasets[0]["task"].values)
    figure, axes = plt.subplots(
        len(tasks),
        len(datasets),
        squeeze=False,
        sharex="col",
        sharey="col",
        figsize=(2.2 * len(datasets) + 0.6, 2.1 * len(tasks)),
    )
    for column, data in enumerate(datasets):
        # Steps count from the start, then (negative) from the end of the response.
        steps = data["step_aligned"].values
        order = np.concatenate([np.flatnonzero(steps >= 0), np.flatnonzero(steps < 0)])
        means = data["mean_states"].isel(seed=0, step_aligned=order)
        means = means.transpose("task", "condition", "step_aligned", "unit").values
        scores, shares = pooled_components(means)
        for row, task in enumerate(tasks):
            panel = axes[row, column]
            for condition, level in enumerate(signal):
                path = scores[row, condition]
                path = path[~np.isnan(path).any(axis=1)]
                # The middle of the colour map is white: start away from it.
                shade = colour(0.5 + 0.5 * np.sign(level) * (0.25 + 0.75 * abs(level)))
                panel.plot(path[:, 0], path[:, 1], color=shade if level else "0.6", lw=1)
                panel.plot(*path[-1], "o", color=shade if level else "0.6", ms=3)
            panel.plot(*scores[row, 0, 0], "k^", ms=4)
            panel.set_xticks([])
            panel.set_yticks([])
            if column == 0:
                panel.set_ylabel(task)
        axes[-1, column].set_xlabel(f"PC 1 ({shares[0]:.0%})\nagainst PC 2 ({shares[1]:.0%})")
        name = data.attrs["curriculum"].replace("_", " ")
        axes[0, column].set_title(f"{name}\nseed {int(data['seed'][0])}")
    scale = plt.cm.ScalarMappable(plt.Normalize(-1, 1), SIGNAL_COLOURS)
    figure.colorbar(
        scale,
        ax=axes[:, -1].tolist(),
        label="first target" if "output" in trials.dims else "signed stimulus strength",
        ticks=[-1, 0, 1],
    )
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["trajectories", "trials"], make)
