"""Accuracy, and dissimilarity to the reference and to the run's own end, over training."""

import pandas as pd

from warpline.core import result_files
from warpline.figures import plotting

COLUMNS = {
    "reference": "to {reference},\nsame fraction of training",
    "own_final": "to the run's own end",
}


def make(arguments, settings):
    import matplotlib.pyplot as plt

    over = pd.concat([result_files.read_table(path) for path in arguments.over])
    reference = settings["reference"]
    over = over[(over["curriculum_b"] == reference) | (over["against"] == "own_final")]
    measures = [name for name in settings["measures"] if name in set(over["measure"])]
    present = set(over["curriculum_a"])
    curricula = [name for name in settings["curricula"] if name in present]
    look = plotting.colours(settings["curricula"], settings["style"])
    enough = over["seed_a"].nunique() >= settings["statistics"]["min_seeds"]

    figure, axes = plt.subplots(
        1 + len(measures),
        2,
        sharex=True,
        squeeze=False,
        figsize=(6.2, 1.7 * (1 + len(measures))),
    )
    for column, (against, title) in enumerate(COLUMNS.items()):
        part = over[over["against"] == against]
        for name in curricula:
            colour, marker = look[name]
            rows = part[part["curriculum_a"] == name]
            floor = over[(over["against"] == "floor") & (over["curriculum_a"] == name)]
            if against == "reference" and name == reference:
                rows = floor
            own = over[(over["against"] == "own_final") & (over["curriculum_a"] == name)]
            panels = [("accuracy_a", axes[0, column], own[own["measure"] == measures[0]])]
            panels += [
                ("dissimilarity", axes[k + 1, column], rows[rows["measure"] == measure])
                for k, measure in enumerate(measures)
            ]
            for value, panel, chosen in panels:
                # The reference against itself is its own floor: other seeds.
                dashed = rows is floor and value == "dissimilarity"
                known = chosen.dropna(subset="dissimilarity")
                seeds = known[["seed_a", "seed_b"]].drop_duplicates()
                kind = f"n = {known['seed_a'].nunique()}"
                if dashed:
                    kind = f"other seeds, {len(seeds)} pair{'s' * (len(seeds) != 1)}"
                label = f"{name.replace('_', ' ')} ({kind})"
                wide = chosen.pivot_table(
                    index="checkpoint", columns=["seed_a", "seed_b"], values=value
                )
                if wide.empty:
                    continue
                if not enough:
                    panel.plot(wide.index, wide, color=colour, lw=0.6, alpha=0.5)
                else:
                    low, high = wide.quantile(0.25, axis=1), wide.quantile(0.75, axis=1)
                    panel.fill_between(wide.index, low, high, color=colour, alpha=0.2, lw=0)
                panel.plot(
                    wide.index,
                    wide.mean(axis=1),
                    marker=marker,
                    color=colour,
                    ms=3,
                    lw=1.5,
                    label=label,
                    linestyle="--" if dashed else "-",
                )
        axes[0, column].set_title(title.format(reference=reference.replace("_", " ")))
        axes[0, column].set_ylim(0, 1.03)
        axes[-1, column].set_xlabel("fraction of training")
    axes[0, 0].set_ylabel("accuracy")
    for k, measure in enumerate(measures):
        axes[k + 1, 0].set_ylabel(plotting.measure_label(measure, settings).replace(" (", "\n("))
        for panel in axes[k + 1]:
            plotting.from_zero(panel)
    entries = {}
    for panel in axes.flat:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=3)
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["over"], make)
