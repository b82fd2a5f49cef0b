"""Dissimilarity between trained networks of two architectures (same curriculum and seed)."""

import pandas as pd

from warpline.core import result_files
from warpline.figures import plotting

FLOOR = "other seed"
SEVERAL = "several"


LEARNING = {"learning_rate", "batch_size"}


def difference(a, b):
    """Return what two architectures differ in: their models, one hyperparameter, or several."""
    keys = {key for key in set(a) & set(b) if a[key] != b[key]}
    if set(a) != set(b):
        # An RNN and a Mamba have little else in common than how they learn, and learn best each in its way.
        keys -= LEARNING
    if keys == {"model"}:
        names = sorted(entry["model"].rpartition(":")[2] for entry in (a, b))
        return "\nagainst ".join(names).replace("_", " ")
    return keys.pop().replace("_", " ") if len(keys) == 1 else SEVERAL


def make(arguments, settings):
    import matplotlib.pyplot as plt

    between = pd.concat([result_files.read_table(path) for path in arguments.between])
    entries = settings["architectures"]
    between["differs"] = [
        difference(entries[a], entries[b])
        for a, b in zip(between["architecture_a"], between["architecture_b"], strict=True)
    ]
    parts = [between]
    if arguments.after:
        after = pd.concat([result_files.read_table(path) for path in arguments.after])
        floor = after[
            (after["seeds"] == "cross") & (after["curriculum_a"] == after["curriculum_b"])
        ]
        floor = floor[floor["curriculum_a"].isin(between["curriculum_a"])]
        parts.append(floor.assign(differs=FLOOR))
    rows = pd.concat(parts).dropna(subset="dissimilarity")
    found = set(rows["differs"])
    kinds = (
        [FLOOR] * (FLOOR in found)
        + sorted(found - {FLOOR, SEVERAL})
        + [SEVERAL] * (SEVERAL in found)
    )
    measures = [name for name in settings["measures"] if name in set(rows["measure"])]
    present = set(rows["curriculum_a"])
    curricula = [name for name in settings["curricula"] if name in present]
    look = plotting.colours(settings["curricula"], settings["style"])
    figure, axes = plt.subplots(
        1, len(measures), squeeze=False, figsize=((0.5 * len(kinds) + 1.5) * len(measures), 2.9)
    )
    for panel, measure in zip(axes[0], measures, strict=True):
        for k, kind in enumerate(kinds):
            for offset, name in zip(plotting.jitter(len(curricula), 0.5), curricula, strict=True):
                chosen = rows[
                    (rows["measure"] == measure)
                    & (rows["differs"] == kind)
                    & (rows["curriculum_a"] == name)
                ]["dissimilarity"]
                colour, marker = look[name]
                label = name.replace("_", " ") if k == 0 else None
                panel.plot(
                    [k + offset] * len(chosen), chosen, marker, color=colour, ms=4, label=label
                )
        counts = rows[rows["measure"] == measure]["differs"].value_counts()
        sizes = [int(counts.get(kind, 0)) for kind in kinds]
        ticks = [
            f"{kind}\n({size} pair{'s' * (size != 1)})"
            for kind, size in zip(kinds, sizes, strict=True)
        ]
        panel.set_xticks(range(len(kinds)), ticks, rotation=45, ha="right", rotation_mode="anchor")
        panel.set_title(plotting.measure_label(measure, settings))
        plotting.from_zero(panel)
        panel.margins(x=0.2)
    axes[0, 0].set_ylabel("dissimilarity")
    for panel in axes[0]:
        panel.set_xlabel("what differs")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["between", "after"], make)
