"""Conclusions around the parameters of DSA and InputDSA: dissimilarity and lag of curricula, against rank."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting, words

ROWS = {
    "after": "dissimilarity to\n{reference} ({unit})",
    "over": "lag behind accuracy\n(fraction of training)",
}


def legend_label(values, name):
    """Return a curriculum's entry in the legend, with its number of networks over all panels."""
    n = values.loc[values["item"] == name, "n"]
    return f"{name.replace('_', ' ')} (n = {words.number_range(n)})"


def draw_panel(axes, values, styles, labels):
    """Draw the value of each curriculum against rank, for one number of delays; the own setting is marked."""
    for name, (colour, marker) in styles.items():
        rows = values[values["item"] == name].sort_values("rank")
        if rows.empty:
            continue
        axes.plot(
            rows["rank"], rows["value"], color=colour, marker=marker, ms=4, lw=1, label=labels[name]
        )
        # Zeros stand for the directions that a network does not carry.
        padded = rows[~rows["carried"].astype(bool)]
        axes.plot(padded["rank"], padded["value"], marker, color=colour, mfc="white", ms=4)
    own = values[values["own"].astype(bool)]
    if len(own):
        axes.axvline(own["rank"].iloc[0], color="0.6", lw=5, alpha=0.3, zorder=0)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    values = result_files.read_table(arguments.values[0])
    shares = result_files.read_table(arguments.shares[0])
    values = values[values["architecture"] == settings["architecture"]]
    shares = shares[shares["architecture"] == settings["architecture"]]
    measures = list(dict.fromkeys(values["measure"]))
    curricula = plotting.names_in_data(settings["curricula"], values["item"])
    all_styles = plotting.colours(settings["curricula"], settings["style"])
    styles = {name: all_styles[name] for name in curricula}
    labels = {name: legend_label(values, name) for name in curricula}

    delays = {
        measure: sorted(values.loc[values["measure"] == measure, "n_delays"].unique())
        for measure in measures
    }
    width = max(len(one) for one in delays.values())
    panels = [(measure, conclusion) for measure in measures for conclusion in ROWS]
    figure, axes = plt.subplots(
        len(panels), width, squeeze=False, sharey="row", figsize=(2.5 * width, 2.4 * len(panels))
    )
    for row, (measure, conclusion) in zip(axes, panels, strict=True):
        chosen = values[(values["measure"] == measure) & (values["conclusion"] == conclusion)]
        drawn, unused = np.split(row, [len(delays[measure])])
        for panel, n_delays in zip(drawn, delays[measure], strict=True):
            draw_panel(panel, chosen[chosen["n_delays"] == n_delays], styles, labels)
            plural = "s" if n_delays > 1 else ""
            panel.set_title(f"{words.measure_name(measure)}, {n_delays} delay{plural}")
            panel.set_xlabel("rank")
        for panel in unused:
            panel.set_axis_off()
        if conclusion == "after":
            row[0].set_ylim(0, 1.08 * np.nanmax([0.01, *chosen["value"]]))
        else:
            for panel in drawn:
                panel.axhline(0, color="0.4", lw=1, ls="--")
            if chosen["value"].isna().all():
                middle = drawn[(len(drawn) - 1) // 2]
                plotting.say_why_empty(middle, "No network has half-times of both.")
        reference = settings["reference"].replace("_", " ")
        unit = "Wasserstein" if measure in settings["wasserstein"] else "radians"
        row[0].set_ylabel(ROWS[conclusion].format(reference=reference, unit=unit))
        holds = words.sensitivity_label(shares, measure, conclusion)
        what = "orderings" if conclusion == "after" else "signs"
        if holds:
            # The text is wider than a panel, and has room in the middle of the row.
            middle = drawn[(len(drawn) - 1) // 2]
            middle.annotate(
                f"{what} {holds}", (0.5, 1), (0, 18), xycoords="axes fraction",
                textcoords="offset points", ha="center", fontsize="small",
            )  # fmt: skip
    plotting.shared_legend(figure, axes, ncols=2)
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["values", "shares"], make)
