"""The metric over learning beside the dissimilarities on the same networks: which moves with accuracy."""

import numpy as np
import pandas as pd

from warpline.core import result_files
from warpline.figures import geometry_panels, plotting

LONG = {
    "metric": "metric (angle to the end)",
    "cka": "CKA to the end",
    "dsa": "DSA to the end",
    "procrustes": "Procrustes to the end",
    "cka_debiased": "debiased CKA to the end",
}


def by_seed(rows, name, column, seeds):
    """Return fractions, and values (seed, fraction), of one name."""
    wide = rows[rows["name"] == name].pivot_table(index="seed", columns="fraction", values=column)
    wide = wide.reindex([seed for seed in seeds if seed in wide.index])
    return wide.columns.to_numpy(), wide.to_numpy()


def dots(axes, relations, quantity, look, label):
    """Draw a value per name with its interval."""
    for k, (name, row) in enumerate(relations.iterrows()):
        axes.plot(row[quantity], -k, look[name][1], color=look[name][0], ms=5)
        bounds = [row[f"{quantity}_low"], row[f"{quantity}_high"]]
        axes.plot(bounds, [-k, -k], color=look[name][0], lw=1)
    names = [LONG.get(name, name) for name in relations.index]
    axes.set_yticks(-np.arange(len(relations)), names)
    axes.axvline(0, color="0.6", lw=0.8, ls=":")
    axes.set_xlabel(label)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    seeds = arrays["seed"].values.tolist()
    numbers = pd.concat([result_files.read_table(path) for path in arguments.numbers])
    numbers = numbers[numbers["status"] != "diverged"].rename(columns={"quantity": "name"})
    over = pd.concat([result_files.read_table(path) for path in arguments.over])
    over = over[(over["against"] == "own_final") & (over["curriculum_a"] == settings["curriculum"])]
    over = over.rename(
        columns={
            "measure": "name",
            "seed_a": "seed",
            "checkpoint": "fraction",
            "dissimilarity": "value",
        }
    )
    relations = result_files.read_table(arguments.relations[0]).set_index("name")
    relations = relations.drop(index="accuracy")
    names = list(relations.index)
    # What stands in one panel comes first, so that colours do not repeat there.
    first = [*settings["measures"], "metric", "share seen by the readout", "effective rank"]
    look = plotting.colours(list(dict.fromkeys([*first, *names])), settings["style"])
    labels = {name: plotting.MEASURE_LABELS.get(name, name) for name in names}
    colours = geometry_panels.tangent_colours(settings["style"])

    figure = plt.figure(figsize=(9.6, 5.8))
    above, below = figure.subfigures(2, 1, height_ratios=[1, 1.15])
    panels = above.subplots(1, 4)
    panel = panels[0]
    geometry_panels.network_lines(panel, *by_seed(numbers, "accuracy", "value", seeds), "black")
    panel.set_ylim(0, 1.03)
    panel.set_ylabel("accuracy")
    geometry_panels.panel_label(panel, "a", "behaviour")

    panel = panels[1]
    for name in [*settings["measures"], "metric"]:
        rows = numbers if name == "metric" else over
        fractions, values = by_seed(rows, name, "value", seeds)
        if values.size:
            share = values / values[:, :1]
            label = "metric (angle)" if name == "metric" else labels[name].partition(" (")[0]
            geometry_panels.network_lines(
                panel, fractions, share, look[name][0], label, marker=look[name][1], ms=3
            )
    panel.set_ylim(0, 1.45 * panel.get_ylim()[1])
    panel.set_ylabel("dissimilarity to the end / first")
    panel.legend(loc="upper right")
    geometry_panels.panel_label(panel, "b", "how far from the end")

    panel = panels[2]
    for k, name in enumerate(arrays["tangent"].values):
        found = by_seed(numbers, f"log10 G, {name}", "value", seeds)
        shade = colours.get(str(name), list(colours.values())[k])
        geometry_panels.network_lines(panel, *found, shade, str(name), marker="o", ms=3)
    panel.set_ylabel("log10 of the metric")
    panel.legend()
    geometry_panels.panel_label(panel, "c", f"metric at {arrays.attrs['milliseconds']:g} ms")

    panel = panels[3]
    for name in ("share seen by the readout", "anisotropy of inputs", "effective rank"):
        if name in names:
            found = by_seed(numbers, name, "value", seeds)
            geometry_panels.network_lines(
                panel, *found, look[name][0], name, marker=look[name][1], ms=3
            )
    panel.set_ylim(0, 1.35 * panel.get_ylim()[1])
    panel.set_ylabel("shape of the metric")
    panel.legend(loc="upper left")
    geometry_panels.panel_label(panel, "d", "direction and shape")
    for panel in panels:
        panel.set_xlabel("fraction of training")

    moves, when = below.subplots(1, 2, sharey=True)
    dots(moves, relations, "spearman", look, "rank correlation with accuracy")
    moves.set_xlim(-1.05, 1.05)
    geometry_panels.panel_label(moves, "e", "moves with behaviour?")
    dots(when, relations, "lag", look, "half way: before (−) or after (+) accuracy, in training")
    geometry_panels.panel_label(when, "f", "when?")
    figure.suptitle(
        f"{settings['curriculum'].replace('_', ' ')}, n = {len(seeds)} networks", fontsize="small"
    )
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "numbers", "summary", "over", "relations"], make)
