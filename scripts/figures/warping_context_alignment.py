"""Contextual integration: tangent vectors against weight update and readout; their components over units."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, geometry_panels, plotting

TANGENTS = ("relevant", "irrelevant", "time")
TARGETS = {
    "eigenvectors": "eigenvector of the update",
    "singular_vectors": "left singular vector",
    "readout": "readout",
}
PAIRS = {"relevant, irrelevant": (0, 1), "relevant, time": (0, 2), "irrelevant, time": (1, 2)}


def normal_density(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def draw_cosines(axes, arrays, target, colours, chance):
    """Draw the cosine between each tangent vector and a target over time, and that of random directions."""
    # Where the recurrent weights did not learn, the directions of their update are missing.
    if f"cosine_{target}" in arrays:
        cosines = arrays[f"cosine_{target}"].mean("context").transpose("seed", "time", "tangent")
        time = arrays["time"].values
        for j, name in enumerate(TANGENTS):
            geometry_panels.network_lines(axes, time, cosines.values[..., j], colours[name], name)
    axes.axhline(chance, color="0.5", lw=0.8, ls=":")
    axes.set_ylim(0, 1)
    axes.set_xlabel("time (ms)")


def draw_component_densities(axes, arrays, summary, colours):
    """Draw the distribution of each tangent vector's components over units, beside the normal one."""
    edges = arrays["bin_edge"].isel(seed=0, context=0).values
    bin_centres = (edges[1:] + edges[:-1]) / 2
    density = arrays["density"].sel(moment="late").mean(["seed", "context"])
    late = summary[summary["moment"] == "late"]
    for j, name in enumerate(TANGENTS):
        kurtosis = np.nanmean(late[late["quantity"] == f"excess kurtosis, {name}"]["mean"])
        label = f"{name}: {kurtosis:+.2f}"
        axes.plot(bin_centres, density.isel(tangent=j), color=colours[name], label=label)
    axes.plot(
        bin_centres, normal_density(bin_centres), color="black", lw=0.8, ls="--", label="normal: 0"
    )
    axes.set_xlabel("component over units (standardised)")
    axes.set_ylabel("density")
    axes.set_xlim(-5, 9)
    axes.legend(
        title="excess kurtosis", fontsize="x-small", title_fontsize="x-small", loc="upper right"
    )


def draw_correlations(axes, arrays):
    """Draw the correlation over units between every two tangent vectors over time."""
    correlation = arrays["correlation"].mean("context")
    correlation = correlation.transpose("seed", "time", "tangent", "tangent_b").values
    time = arrays["time"].values
    for (label, (i, j)), grey in zip(PAIRS.items(), ("black", "0.45", "0.7"), strict=True):
        geometry_panels.network_lines(axes, time, correlation[..., i, j], grey, label)
    axes.axhline(0, color="0.6", lw=0.8, ls=":")
    axes.set_ylim(-1, 1)
    axes.set_xlabel("time (ms)")
    axes.set_ylabel("correlation over units")
    axes.legend(fontsize="x-small")


def draw_subspace_cosines(axes, arrays, colours):
    """Draw the late cosine between each tangent vector and the leading subspace, a point per network."""
    late_step = int(arrays["moment_step"].values.flat[-1])
    for k, target in enumerate(TARGETS):
        if f"subspace_{target}" not in arrays:
            continue
        late = arrays[f"subspace_{target}"].isel(time=late_step)
        cosines = late.mean("context").transpose("seed", "tangent").values
        for j, name in enumerate(TANGENTS):
            # Tangent vectors side by side within a target, and networks side by side within a tangent vector.
            x = np.full(len(cosines), k + 0.22 * (j - 1)) + plotting.jitter(len(cosines), 0.1)
            axes.plot(x, cosines[:, j], "o", color=colours[name], ms=3)
    axes.set_xticks(range(len(TARGETS)), ["eigen-\nvectors", "singular\nvectors", "readout"])
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("cosine to the leading subspace")


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    summary = result_files.read_table(arguments.summary[0])
    colours = geometry_panels.tangent_colours(settings["style"])
    chance = summary.set_index("quantity")["mean"]["cosine by chance, mean"]

    figure, axes = plt.subplots(2, 3, figsize=(8.6, 5.2))
    for panel, letter, (target, title) in zip(axes[0], "abc", TARGETS.items(), strict=True):
        draw_cosines(panel, arrays, target, colours, chance)
        geometry_panels.panel_label(panel, letter, title)
    axes[0, 0].set_ylabel("|cosine|, mean over inputs")
    axes[0, 0].legend()

    draw_component_densities(axes[1, 0], arrays, summary, colours)
    geometry_panels.panel_label(axes[1, 0], "d", "components, late")
    draw_correlations(axes[1, 1], arrays)
    geometry_panels.panel_label(axes[1, 1], "e", "pairs of tangent vectors")
    draw_subspace_cosines(axes[1, 2], arrays, colours)
    geometry_panels.panel_label(axes[1, 2], "f", "late, a point per network")
    figure.suptitle(
        f"n = {arrays.sizes['seed']} networks, mean over contexts; dotted: a random direction",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
