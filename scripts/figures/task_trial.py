"""One trial of each task: the inputs of the network, and the target."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting


def legibility(data):
    """Return how easy each trial is to read in a figure: a strong stimulus, targets that differ."""
    if "coh" in data:
        return data["coh"].values
    if "output" in data.dims:
        targets = data["target"].where(data["decision"])
        return (data["ideal"] + targets.std("time").sum("output")).values
    return data["scored"].values


def draw_steps(axes, seconds, values, **line_style):
    """Draw values that each last for one step, the last one too; NaN leaves a gap."""
    axes.plot(
        seconds, np.append(values, values[-1]), drawstyle="steps-post", **{"lw": 1, **line_style}
    )


def periods_of(trial, dt):
    """Return name, start and stop (s) of each period of a trial; ``dt`` is the length of a step in ms."""
    start, stop = (trial[edge].values * dt / 1000 for edge in ("start", "stop"))
    return list(zip(trial["period"].values, start, stop, strict=True))


def draw_inputs(axes, trial, seconds):
    """Draw the input channels; the rule inputs are left out, because they are constant."""
    for name in trial["channel"].values:
        if name.startswith("rule_"):
            continue
        values = trial["inputs"].sel(channel=name).values[: len(seconds) - 1]
        fixation_style = {"color": "0.3", "ls": "--", "zorder": 3}
        line_style = fixation_style if name == "fixation" else {}
        draw_steps(axes, seconds, values, label=name.replace("_", " "), **line_style)


def draw_target(axes, trial, seconds, n_outputs):
    """Draw the correct action, or the target of each output, with a gap where no output is asked for."""
    n_steps = len(seconds) - 1
    target = trial["target"].values[:n_steps]
    if "output" not in trial.dims:
        draw_steps(axes, seconds, target, color="black")
        axes.set_yticks(range(n_outputs))
        return
    outputs = np.where(trial["asked"].values[:n_steps, None], target, np.nan)
    for k, values in enumerate(outputs.T):
        label = f"output {k + 1}" if outputs.shape[1] > 1 else None
        draw_steps(axes, seconds, values, color=str(0.5 * k), label=label)
    axes.set(yticks=[-1, 0, 1], ylim=(-1.15, 1.15))


def target_label(datasets):
    """Return the axis label of the targets, which explains gaps if any trial has one."""
    if "output" not in datasets[0].dims:
        return "correct action\n(0: fixate)"
    has_gaps = any((data["valid"] & ~data["asked"]).any() for data in datasets)
    return "target\n(gap: not asked)" if has_gaps else "target"


def make(arguments, settings):
    import matplotlib.pyplot as plt

    datasets = [result_files.read_dataset(path) for path in arguments.trials]
    figure, axes = plt.subplots(
        2,
        len(datasets),
        figsize=(2.4 * len(datasets) + 0.8, 3.9),
        sharex="col",
        sharey="row",
        squeeze=False,
        height_ratios=[2, 1],
    )
    for (inputs_axes, target_axes), data in zip(axes.T, datasets, strict=True):
        trial = data.isel(trial=int(legibility(data).argmax()))
        dt = data.attrs["dt"]
        seconds = np.arange(int(trial["valid"].sum()) + 1) * dt / 1000
        for panel in (inputs_axes, target_axes):
            plotting.shade_periods(panel, periods_of(trial, dt), named=panel is inputs_axes)
        draw_inputs(inputs_axes, trial, seconds)
        # Above the names of the periods.
        inputs_axes.set_title(data.attrs["task"], pad=30)
        draw_target(target_axes, trial, seconds, data.attrs.get("n_outputs"))
        target_axes.set_xlabel("time (s)")
    axes[0, 0].set_ylabel("input")
    axes[1, 0].set_ylabel(target_label(datasets))
    for panel in axes[:, -1]:
        if panel.get_legend_handles_labels()[0]:
            panel.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["trials"], make)
