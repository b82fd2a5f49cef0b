"""Protocols one switch apart: accuracy, dissimilarity to the reference, and the order of the curricula."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting, words
from warpline.figures.protocol_panels import name_rows, of_first_architecture, row_panels
from warpline.figures.protocol_rows import draw_bands


def draw_points(axes, rows, protocols, styles, key, labels):
    """Draw the value of each protocol (rows from above) for each curriculum or measure, with its interval."""
    names = [name for name in styles if name in set(rows[key])]
    for offset, name in zip(plotting.jitter(len(names), 0.5), names, strict=True):
        colour, marker = styles[name]
        chosen = rows[rows[key] == name].set_index("protocol").reindex(protocols)
        y = np.arange(len(protocols)) + offset
        value = chosen["value"].to_numpy(float)
        axes.plot(value, y, marker, color=colour, ms=3.5, label=labels[name])
        axes.hlines(y, chosen["low"], chosen["high"], color=colour, lw=0.8)


def make(arguments, settings):
    table, protocols = of_first_architecture(result_files.read_table(arguments.audit[0]))
    measures = plotting.names_in_data(settings["measures"], table["measure"].dropna())
    # Colours of their own: one legend names both.
    styles = plotting.colours([*settings["curricula"], *settings["measures"]], settings["style"])
    curricula = {name: name.replace("_", " ") for name in settings["curricula"]}
    measure_names = {name: words.measure_label(name, settings) for name in measures}
    reference = settings["reference"].replace("_", " ")

    def rows(statistic, measure=None):
        chosen = table[table["statistic"] == statistic]
        return chosen if measure is None else chosen[chosen["measure"] == measure]

    panels = [("accuracy on\nheld-out trials", rows("held_out_accuracy"), "curriculum")]
    panels += [
        (
            f"{measure_names[name]}:\ndissimilarity to {reference}",
            rows("dissimilarity", name),
            "curriculum",
        )
        for name in measures
    ]
    panels += [
        ("dissimilarity\nto itself", rows("self_dissimilarity"), "measure"),
        ("probability that fewer\ntasks lie further", rows("order_probability"), "measure"),
        ("rank correlation with\nnumber of tasks", rows("rank_correlation"), "measure"),
    ]
    figure, axes = row_panels(len(panels), protocols, width=2.0, beside=1.5, above=1.6)
    for panel, (title, chosen, key) in zip(axes[0], panels, strict=True):
        if key == "measure":
            # Of several curricula, the mean: a measure has one point.
            chosen = chosen.groupby(["protocol", "measure"], as_index=False)[
                ["value", "low", "high"]
            ].agg(
                lambda values: (
                    values.mean() if len(values) == 1 or values.name == "value" else np.nan
                )
            )
        labels = curricula if key == "curriculum" else measure_names
        draw_points(panel, chosen, protocols, {n: styles[n] for n in labels}, key, labels)
        panel.set_title(title, fontsize="small")
        draw_bands(panel, protocols)
    axes[0][0].set_xlim(-0.02, 1.02)
    # Intervals may reach below 0, dissimilarities do not. Of rounding no picture is made.
    for panel, (_, chosen, _) in zip(axes[0][1:-2], panels[1:-2], strict=True):
        largest = max(1.3 * np.nanmax([*chosen["value"], 0]), 0.01)
        panel.set_xlim(-0.03 * largest, largest)
        panel.locator_params(axis="x", nbins=4)
    for panel, middle, low in zip(axes[0][-2:], (0.5, 0.0), (-0.02, -1.02), strict=True):
        panel.axvline(middle, color="0.4", lw=1, ls="--")
        panel.set_xlim(low, 1.02)
    name_rows(figure, axes, protocols, ncols=8)
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["audit"], make)
