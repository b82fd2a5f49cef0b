"""A decision between two populations: states, metric over time, single units, fixed points."""

import numpy as np

from warpline import plotting, store
from warpline.warping import drawing

SHOWN = 11


def manifold(axes, network):
    """Draw states over time, a line per input, and the fixed points that they end at."""
    import matplotlib.pyplot as plt

    colours = plt.get_cmap("coolwarm")
    kappa = network["kappa"].values
    norm = plt.Normalize(kappa.min(), kappa.max())
    for k in np.linspace(0, len(kappa) - 1, SHOWN).round().astype(int):
        axes.plot(*network["position"].values[k].T, color=colours(norm(kappa[k])), lw=0.9)
    stable = network["fixed_stable"].values.astype(bool)
    where = network["fixed_position"].values
    axes.scatter(*where[stable].T, color="black", s=9, depthshade=False, label="stable")
    if (~stable).any():
        axes.scatter(
            *where[~stable].T,
            facecolor="white",
            edgecolor="black",
            s=9,
            depthshade=False,
            label="unstable",
        )
    shares = network["variance"].values
    drawing.bare(axes, [f"PC {k + 1} ({share:.0%})" for k, share in enumerate(shares)])
    return plt.cm.ScalarMappable(norm, colours)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = drawing.gather(arguments.arrays)
    summary = store.read_table(arguments.summary[0])
    network = drawing.sample(arrays)
    time = arrays["time"].values
    colours = drawing.colour_of(settings["style"])
    figure = plt.figure(figsize=(7.4, 5.0))
    grid = figure.add_gridspec(2, 6)

    panel = figure.add_subplot(grid[0, :3], projection="3d")
    shades = manifold(panel, network)
    figure.colorbar(shades, ax=panel, fraction=0.03, pad=0.1, label="input κ")
    drawing.letter(panel, "a", "states, and fixed points (dots)")

    panel = figure.add_subplot(grid[0, 3:])
    matrix = arrays["metric"].transpose("seed", "kappa", "time", "tangent", "tangent_b").values
    for k, name in enumerate(("input", "time")):
        drawing.lines(panel, time, matrix[..., k, k].mean(axis=1), colours[name], f"$G$, {name}")
    cross = np.abs(matrix[..., 0, 1]).mean(axis=1)
    drawing.lines(panel, time, cross, "0.5", "|$G$|, input and time", ls="--")
    panel.set_xlabel("time (ms)")
    panel.set_ylabel("metric, mean over inputs")
    panel.legend()
    drawing.letter(
        panel, "b", f"time, end / peak: {drawing.number(summary, 'time component, end / peak')}"
    )

    for place, (variable, title, label) in enumerate(
        (("output", "output", "output"), ("activity", "three units", "activity"))
    ):
        panel = figure.add_subplot(grid[1, 2 * place : 2 * place + 2])
        kappa = network["kappa"].values
        for k in np.linspace(0, len(kappa) - 1, 7).round().astype(int):
            values = network[variable].values[k]
            shade = shades.to_rgba(kappa[k])
            for style, series in zip(
                ("-", "--", ":"), values.reshape(len(time), -1).T, strict=False
            ):
                panel.plot(time, series, color=shade, lw=0.9, ls=style)
        panel.set_xlabel("time (ms)")
        panel.set_ylabel(label)
        drawing.letter(panel, "cd"[place], title)

    panel = figure.add_subplot(grid[1, 4:])
    for seed in range(arrays.sizes["seed"]):
        one = arrays.isel(seed=seed)
        stable = one["fixed_stable"].values.astype(float) == 1
        panel.plot(
            one["fixed_kappa"].values[stable],
            one["fixed_rate"].values[stable],
            ".",
            color="black",
            ms=3,
        )
    panel.axhline(0, color="0.6", lw=0.8, ls=":")
    panel.set_xlabel("input κ")
    panel.set_ylabel("slowest rate (1/τ)")
    drawing.letter(panel, "e", "at fixed points")
    figure.suptitle(f"n = {arrays.sizes['seed']} networks; a, c, d: the first", fontsize="small")
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "summary"], make)
