"""Contextual integration: tangent vectors against weight update and readout; their components over units."""

import numpy as np

from warpline.core import result_files
from warpline.figures import geometry_panels, plotting

NAMES = ("relevant", "irrelevant", "time")
TARGETS = {
    "eigenvectors": "eigenvector of the update",
    "singular_vectors": "left singular vector",
    "readout": "readout",
}


def normal(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    summary = result_files.read_table(arguments.summary[0])
    colours = geometry_panels.tangent_colours(settings["style"])
    time = arrays["time"].values
    chance = summary.set_index("quantity")["mean"]["cosine by chance, mean"]

    figure, axes = plt.subplots(2, 3, figsize=(8.6, 5.2))
    for k, (target, title) in enumerate(TARGETS.items()):
        panel = axes[0, k]
        if f"cosine_{target}" in arrays:
            found = arrays[f"cosine_{target}"].mean("context").transpose("seed", "time", "tangent")
            for j, name in enumerate(NAMES):
                geometry_panels.network_lines(
                    panel, time, found.values[..., j], colours[name], name
                )
        panel.axhline(chance, color="0.5", lw=0.8, ls=":")
        panel.set_ylim(0, 1)
        panel.set_xlabel("time (ms)")
        geometry_panels.panel_label(panel, "abc"[k], title)
    axes[0, 0].set_ylabel("|cosine|, mean over inputs")
    axes[0, 0].legend()

    panel = axes[1, 0]
    edges = arrays["bin_edge"].isel(seed=0, context=0).values
    middle = (edges[1:] + edges[:-1]) / 2
    density = arrays["density"].sel(moment="late").mean(["seed", "context"])
    for j, name in enumerate(NAMES):
        kurtosis = np.nanmean(
            summary[
                (summary["quantity"] == f"excess kurtosis, {name}") & (summary["moment"] == "late")
            ]["mean"]
        )
        panel.plot(
            middle, density.isel(tangent=j), color=colours[name], label=f"{name}: {kurtosis:+.2f}"
        )
    panel.plot(middle, normal(middle), color="black", lw=0.8, ls="--", label="normal: 0")
    panel.set_xlabel("component over units (standardised)")
    panel.set_ylabel("density")
    panel.set_xlim(-5, 9)
    panel.legend(
        title="excess kurtosis", fontsize="x-small", title_fontsize="x-small", loc="upper right"
    )
    geometry_panels.panel_label(panel, "d", "components, late")

    panel = axes[1, 1]
    pairs = {"relevant, irrelevant": (0, 1), "relevant, time": (0, 2), "irrelevant, time": (1, 2)}
    found = arrays["correlation"].mean("context").transpose("seed", "time", "tangent", "tangent_b")
    for (label, (i, j)), shade in zip(pairs.items(), ("black", "0.45", "0.7"), strict=True):
        geometry_panels.network_lines(panel, time, found.values[..., i, j], shade, label)
    panel.axhline(0, color="0.6", lw=0.8, ls=":")
    panel.set_ylim(-1, 1)
    panel.set_xlabel("time (ms)")
    panel.set_ylabel("correlation over units")
    panel.legend(fontsize="x-small")
    geometry_panels.panel_label(panel, "e", "pairs of tangent vectors")

    panel = axes[1, 2]
    for k, target in enumerate(TARGETS):
        if f"subspace_{target}" not in arrays:
            continue
        late = arrays[f"subspace_{target}"].isel(time=int(arrays["moment_step"].values.flat[-1]))
        values = late.mean("context").transpose("seed", "tangent").values
        for j, name in enumerate(NAMES):
            x = np.full(len(values), k + 0.22 * (j - 1)) + plotting.jitter(len(values), 0.1)
            panel.plot(x, values[:, j], "o", color=colours[name], ms=3)
    panel.set_xticks(range(len(TARGETS)), ["eigen-\nvectors", "singular\nvectors", "readout"])
    panel.set_ylim(0, 1.02)
    panel.set_ylabel("cosine to the leading subspace")
    geometry_panels.panel_label(panel, "f", "late, a point per network")
    figure.suptitle(
        f"n = {arrays.sizes['seed']} networks, mean over contexts; dotted: a random direction",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "summary"], make)
