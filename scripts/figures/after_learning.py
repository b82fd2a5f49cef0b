"""Dissimilarity of trained networks to the reference curriculum, a panel per measure."""

import numpy as np
import pandas as pd

from warpline.core import result_files
from warpline.figures import plotting

CONTROLS = (("split_half", "other\ntrials", "--"), ("shuffled_time", "shuffled\ntime", ":"))


def per_network(rows, curriculum, reference):
    """Return the dissimilarities to the reference's networks, a mean per network, and if it converged."""
    parts = []
    for own, other in (("a", "b"), ("b", "a")):
        chosen = rows[
            (rows[f"curriculum_{own}"] == curriculum) & (rows[f"curriculum_{other}"] == reference)
        ]
        columns = [f"seed_{own}", f"run_status_{own}", "dissimilarity"]
        parts.append(chosen[columns].set_axis(["seed", "status", "value"], axis=1))
    groups = pd.concat(parts).dropna().groupby("seed")
    return groups["value"].mean(), groups["status"].first() == "max_steps"


def make(arguments, settings):
    import matplotlib.pyplot as plt

    after = pd.concat([result_files.read_table(path) for path in arguments.after])
    controls = result_files.read_table(arguments.controls[0])
    summary = result_files.read_table(arguments.summary[0])
    architecture = after["architecture_a"].iloc[0]
    reference = settings["reference"]
    measures = [name for name in settings["measures"] if name in set(after["measure"])]
    present = {*after["curriculum_a"], *after["curriculum_b"]}
    curricula = [name for name in settings["curricula"] if name in present]
    look = plotting.colours(settings["curricula"], settings["style"])

    figure, axes = plt.subplots(
        1,
        len(measures),
        squeeze=False,
        figsize=(max((0.55 * len(curricula) + 1.6) * len(measures), 5.5), 3.4),
    )
    for panel, measure in zip(axes[0], measures, strict=True):
        rows = after[after["measure"] == measure]
        counts: list[int] = []
        for k, name in enumerate(curricula):
            colour, marker = look[name]
            cross, short = per_network(rows[rows["seeds"] == "cross"], name, reference)
            places = k + plotting.jitter(len(cross))
            panel.plot(places, cross, marker, color=colour, ms=4)
            panel.plot(places[short], cross[short], "x", color="black", ms=6, mew=1)
            drawn = set(cross.index)
            if name != reference:
                same, short = per_network(rows[rows["seeds"] == "same"], name, reference)
                places = k + plotting.jitter(len(same))
                panel.plot(places, same, marker, mfc="none", color=colour, ms=5)
                panel.plot(places[short], same[short], "x", color="black", ms=6, mew=1)
                drawn |= set(same.index)
            counts.append(len(drawn))
            chosen = summary[
                (summary["measure"] == measure)
                & (summary["architecture"] == architecture)
                & (summary["seeds"] == "cross")
                & (
                    (summary["curriculum_a"] == min(name, reference))
                    & (summary["curriculum_b"] == max(name, reference))
                )
            ]
            if len(chosen) and len(cross) >= settings["statistics"]["min_seeds"]:
                row = chosen.iloc[0]
                panel.errorbar(
                    k,
                    row["mean"],
                    [[row["mean"] - row["low"]], [row["high"] - row["mean"]]],
                    fmt="_",
                    color="black",
                    ms=14,
                    capsize=3,
                    lw=1,
                )
        chosen = controls[
            (controls["measure"] == measure)
            & (controls["architecture"] == architecture)
            & (controls["curriculum"] == reference)
        ].set_index("control")["mean"]
        plotting.from_zero(panel)
        for control, text, line in CONTROLS:
            value = chosen.get(control, np.nan)
            if np.isnan(value):
                continue
            # A control far above the points is named at the edge: the points keep the room.
            inside = value <= 1.3 * panel.get_ylim()[1]
            if inside:
                panel.axhline(value, color="0.4", ls=line, lw=1)
            panel.annotate(
                text if inside else f"{text}\n{value:.2f} ↑",
                (1.01, value if inside else 1),
                xycoords=("axes fraction", "data" if inside else "axes fraction"),
                va="center" if inside else "top",
                color="0.4",
                fontsize="x-small",
            )
        labels = [
            f"{plotting.curriculum_label(name)}\nn = {count}"
            for name, count in zip(curricula, counts, strict=True)
        ]
        panel.set_xticks(range(len(curricula)), labels, rotation=90)
        panel.set_title(plotting.measure_label(measure, settings))
        plotting.from_zero(panel)
        panel.set_xlim(-0.6, len(curricula) - 0.4)
    axes[0, 0].set_ylabel(f"dissimilarity to {reference.replace('_', ' ')}")
    handles = [
        plt.Line2D(
            [], [], marker="o", ls="", color="0.3", label="other seeds (a mean per network)"
        ),
        plt.Line2D([], [], marker="o", ls="", mfc="none", color="0.3", label="same seed"),
        plt.Line2D([], [], marker="x", ls="", color="black", label="did not converge"),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=3)
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["after", "summary", "controls"], make)
