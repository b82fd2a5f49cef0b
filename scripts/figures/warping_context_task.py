"""Contextual integration: trials under the same noise in both contexts, and the output over the inputs."""

import numpy as np

from warpline.figures import figure_script, geometry_panels

MOMENT_LINES = {"early": "--", "late": "-"}


def draw_trial_inputs(axes, in_context, time, colours):
    """Draw both inputs of one trial."""
    for channel, colour in zip(("input_1", "input_2"), colours, strict=True):
        values = in_context["noisy_inputs"].sel(channel=channel).isel(noisy=1).values
        axes.plot(time, values, color=colour, lw=0.9, label=channel.replace("_", " "))
    axes.tick_params(labelbottom=False)
    axes.legend(ncols=2)


def draw_trial_outputs(axes, in_context, time, decision_time):
    """Draw the output in several trials; the vertical line is the time of the decision.

    A shade for the sign of input 1 and a line style for that of input 2, as four shades are not told apart.
    """
    means, outputs = in_context["noisy_mean"].values, in_context["noisy_outputs"].values
    for (mean_1, mean_2), output in zip(means, outputs, strict=True):
        shade, line_style = "black" if mean_1 > 0 else "0.6", "-" if mean_2 > 0 else "--"
        label = f"{mean_1:+.1f}, {mean_2:+.1f}"
        axes.plot(time, output, color=shade, lw=1.2, ls=line_style, label=label)
    axes.axvline(decision_time, color="0.6", lw=0.8, ls=":")
    axes.set_ylim(-1.6, 1.6)
    axes.set_xlabel("time (ms)")


def draw_output_over_relevant(axes, arrays, colour):
    """Draw the output against the relevant input, with its standard deviation over the irrelevant one."""
    x = arrays["relevant"].values
    for moment, line_style in MOMENT_LINES.items():
        output = arrays["decoder"].sel(moment=moment)
        output = output.transpose("seed", "context", "relevant", "irrelevant")
        curves = output.mean("irrelevant").values.reshape(-1, len(x))
        deviation = output.std("irrelevant").values.reshape(-1, len(x)).mean(axis=0)
        mean = curves.mean(axis=0)
        axes.fill_between(x, mean - deviation, mean + deviation, color=colour, alpha=0.15, lw=0)
        axes.plot(x, curves.T, color=colour, lw=0.4, alpha=0.4, ls=line_style)
        axes.plot(x, mean, color=colour, lw=1.5, ls=line_style, label=moment)
    axes.legend()


def draw_output_over_irrelevant(axes, arrays, colours):
    """Draw the output against the irrelevant input, for relevant inputs above and below 0."""
    x = arrays["irrelevant"].values
    signs = {"above 0": arrays["relevant"] > 0, "below 0": arrays["relevant"] < 0}
    for (sign, mask), colour in zip(signs.items(), colours, strict=True):
        for moment, line_style in MOMENT_LINES.items():
            output = arrays["decoder"].sel(moment=moment).isel(relevant=np.flatnonzero(mask))
            output = output.transpose("seed", "context", "irrelevant", "relevant")
            curves = output.mean("relevant").values.reshape(-1, len(x))
            axes.plot(x, curves.T, color=colour, lw=0.4, alpha=0.4, ls=line_style)
            label = sign if moment == "late" else None
            axes.plot(x, curves.mean(axis=0), color=colour, lw=1.5, ls=line_style, label=label)
    axes.legend(
        title="relevant input", loc="upper left", ncols=2, fontsize="small", title_fontsize="small"
    )


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    tangent_colours = geometry_panels.tangent_colours(settings["style"])
    colours = (tangent_colours["relevant"], tangent_colours["irrelevant"])
    # Outputs have no value at the initial state.
    time = arrays["time"].values[1:]

    figure = plt.figure(figsize=(7.4, 5.6))
    grid = figure.add_gridspec(3, 4)
    halves = (slice(0, 2), slice(2, 4))

    # a, b: trials of the first network, a column per context.
    for k, (context, columns) in enumerate(zip(network["context"].values, halves, strict=True)):
        in_context = network.sel(context=context)
        input_axes = figure.add_subplot(grid[0, columns])
        draw_trial_inputs(input_axes, in_context, time, colours)
        geometry_panels.panel_label(input_axes, "ab"[k], f"context: input {context} is relevant")
        output_axes = figure.add_subplot(grid[1, columns], sharex=input_axes)
        draw_trial_outputs(output_axes, in_context, time, arrays.attrs["decision"])
        if k == 0:
            input_axes.set_ylabel("inputs of one trial")
            output_axes.set_ylabel("output")
        else:
            output_axes.legend(
                title="means 1, 2", fontsize="x-small", title_fontsize="x-small", ncols=2
            )

    # c, d: the output of all networks as a function of each input.
    relevant_axes, irrelevant_axes = (figure.add_subplot(grid[2, columns]) for columns in halves)
    draw_output_over_relevant(relevant_axes, arrays, colours[0])
    relevant_axes.set_ylabel("output")
    draw_output_over_irrelevant(irrelevant_axes, arrays, colours)
    panels = {"relevant": relevant_axes, "irrelevant": irrelevant_axes}
    for letter, (name, panel) in zip("cd", panels.items(), strict=True):
        panel.set_ylim(-1.5, 2.4)
        panel.set_yticks([-1, 0, 1])
        panel.set_xlabel(f"{name} input")
        geometry_panels.panel_label(panel, letter, f"decoder against the {name} input")

    early, late = arrays["time"].values[arrays["moment_step"].isel(seed=0).values]
    figure.suptitle(
        f"n = {arrays.sizes['seed']} networks in two contexts; a, b: the first network; "
        f"early: {early:g} ms, late: {late:g} ms",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
