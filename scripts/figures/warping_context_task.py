"""Contextual integration: trials under the same noise in both contexts, and what the decoder reads."""

import numpy as np

from warpline.figures import geometry_panels, plotting


def relevant(axes, arrays, colour):
    """Draw the output against the relevant input, with its spread over the irrelevant one."""
    x = arrays["relevant"].values
    for moment, look in (("early", "--"), ("late", "-")):
        found = arrays["decoder"].sel(moment=moment)
        found = found.transpose("seed", "context", "relevant", "irrelevant")
        mean = found.mean("irrelevant").values.reshape(-1, len(x))
        spread = found.std("irrelevant").values.reshape(-1, len(x)).mean(axis=0)
        middle = mean.mean(axis=0)
        axes.fill_between(x, middle - spread, middle + spread, color=colour, alpha=0.15, lw=0)
        axes.plot(x, mean.T, color=colour, lw=0.4, alpha=0.4, ls=look)
        axes.plot(x, middle, color=colour, lw=1.5, ls=look, label=moment)
    axes.legend()


def irrelevant(axes, arrays, colours):
    """Draw the output against the irrelevant input, where the relevant one is above and below 0."""
    x = arrays["irrelevant"].values
    signs = {"above 0": arrays["relevant"] > 0, "below 0": arrays["relevant"] < 0}
    for (label, chosen), colour in zip(signs.items(), colours, strict=True):
        for moment, look in (("early", "--"), ("late", "-")):
            found = arrays["decoder"].sel(moment=moment).isel(relevant=np.flatnonzero(chosen))
            found = found.transpose("seed", "context", "irrelevant", "relevant")
            mean = found.mean("relevant").values.reshape(-1, len(x))
            axes.plot(x, mean.T, color=colour, lw=0.4, alpha=0.4, ls=look)
            axes.plot(
                x, mean.mean(axis=0), color=colour, lw=1.5, ls=look,
                label=label if moment == "late" else None,
            )  # fmt: skip
    axes.legend(
        title="relevant input", loc="upper left", ncols=2, fontsize="small", title_fontsize="small"
    )


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    colours = geometry_panels.tangent_colours(settings["style"])
    names = {"input_1": colours["relevant"], "input_2": colours["irrelevant"]}
    time = arrays["time"].values[1:]
    trials = network.sizes["noisy"]
    shades = plt.get_cmap("cividis")(np.linspace(0, 0.9, trials))

    figure = plt.figure(figsize=(7.4, 5.6))
    grid = figure.add_gridspec(3, 4)
    for k, context in enumerate(network["context"].values):
        here = network.sel(context=context)
        span = slice(2 * k, 2 * k + 2)
        above = figure.add_subplot(grid[0, span])
        for name, colour in names.items():
            values = here["noisy_inputs"].sel(channel=name).isel(noisy=1).values
            above.plot(time, values, color=colour, lw=0.9, label=name.replace("_", " "))
        above.tick_params(labelbottom=False)
        above.legend(ncols=2)
        geometry_panels.panel_label(above, "ab"[k], f"context: input {context} is relevant")
        below = figure.add_subplot(grid[1, span], sharex=above)
        means = here["noisy_mean"].values
        for trial in range(trials):
            label = f"{means[trial, 0]:+.1f}, {means[trial, 1]:+.1f}"
            below.plot(
                time, here["noisy_outputs"].values[trial], color=shades[trial], lw=1.2, label=label
            )
        below.axvline(arrays.attrs["decision"], color="0.6", lw=0.8, ls=":")
        below.set_ylim(-1.6, 1.6)
        below.set_xlabel("time (ms)")
        if k == 0:
            above.set_ylabel("inputs of one trial")
            below.set_ylabel("output")
        else:
            below.legend(title="means 1, 2", fontsize="x-small", title_fontsize="x-small", ncols=2)
    blue, orange = colours["relevant"], colours["irrelevant"]
    for k, name in enumerate(("relevant", "irrelevant")):
        panel = figure.add_subplot(grid[2, 2 * k : 2 * k + 2])
        if k == 0:
            relevant(panel, arrays, blue)
            panel.set_ylabel("output")
        else:
            irrelevant(panel, arrays, (blue, orange))
        panel.set_ylim(-1.5, 2.4)
        panel.set_yticks([-1, 0, 1])
        panel.set_xlabel(f"{name} input")
        geometry_panels.panel_label(panel, "cd"[k], f"decoder against the {name} input")
    early, late = arrays["time"].values[arrays["moment_step"].isel(seed=0).values]
    figure.suptitle(
        f"n = {arrays.sizes['seed']} networks in two contexts; a, b: the first network; "
        f"early: {early:g} ms, late: {late:g} ms",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "summary"], make)
