"""The metric over learning beside dissimilarities of the same networks, quantities of one kind together."""

import numpy as np

from warpline.analyses.summary import coupling_by_network
from warpline.core import result_files
from warpline.figures import figure_script, geometry_panels, plotting, words

KINDS = {"distance to own end": "distances to the own end", "scalar": "scalars"}
SHORT = {"spearman": "correlation", "lag": "lag"}
SHAPE_QUANTITIES = ("share seen by the readout", "anisotropy of inputs", "effective rank")


def values_over_learning(rows, name, seeds):
    """Return the fractions of training, and one quantity's values, shape (seed, fraction)."""
    values = rows[rows["name"] == name].pivot_table(
        index="seed", columns="fraction", values="value"
    )
    values = values.reindex([seed for seed in seeds if seed in values.index])
    return values.columns.to_numpy(), values.to_numpy()


def draw_accuracy(axes, numbers, seeds):
    """Draw the accuracy over learning, and chance as a dotted line."""
    chance = numbers.loc[numbers["name"] == "chance", "value"].mean()
    plotting.level_line(axes, chance, "chance", ":")
    geometry_panels.network_lines(axes, *values_over_learning(numbers, "accuracy", seeds), "black")
    axes.set_ylim(0, 1.03)
    axes.set_ylabel("accuracy")


def draw_dissimilarities(axes, numbers, dissimilarities, measures, seeds, styles):
    """Draw the dissimilarity to the end of training by each measure, relative to its first value: no unit."""
    for name in [*measures, "metric"]:
        rows = numbers if name == "metric" else dissimilarities
        fractions, values = values_over_learning(rows, name, seeds)
        if not values.size:
            continue
        relative = values / values[:, :1]
        colour, marker = styles[name]
        geometry_panels.network_lines(axes, fractions, relative, colour, marker=marker, ms=3)
    # The rows of panel e name the marks: a legend of four measures would fill half of this one.
    axes.set_ylim(bottom=0)
    axes.set_ylabel("distance to the end / first value")


def tangent_styles(tangents, colours):
    """Return the colour of each tangent vector; a name that has none takes the next one."""
    further = list(colours.values())
    return {str(name): colours.get(str(name), further[k]) for k, name in enumerate(tangents)}


def draw_metric(axes, numbers, tangents, seeds, colours):
    """Draw the logarithm of each component of the metric."""
    for name, colour in tangent_styles(tangents, colours).items():
        fractions, values = values_over_learning(numbers, f"log10 G, {name}", seeds)
        geometry_panels.network_lines(axes, fractions, values, colour, name, marker="o", ms=3)
    low, high = axes.get_ylim()
    # Room for the legend.
    axes.set_ylim(low, high + 0.3 * (high - low))
    axes.set_ylabel("log10 G, mean over inputs\n(state² / input²; time: state² / τ²)")
    axes.legend(loc="upper left")


def draw_metric_shape(axes, numbers, names, seeds, styles):
    """Draw the direction of the metric relative to the readout, its anisotropy and its rank."""
    for name in names:
        fractions, values = values_over_learning(numbers, name, seeds)
        colour, marker = styles[name]
        geometry_panels.network_lines(axes, fractions, values, colour, name, marker=marker, ms=3)
    # Room for the legend.
    axes.set_ylim(0, 1.35 * axes.get_ylim()[1])
    axes.set_ylabel("share, or rank")
    axes.legend(loc="upper left")


def relation_label(name, kind):
    """Return the label of a quantity's row; for a distance to the own end, its measure."""
    if kind != "distance to own end":
        return name
    if name == "metric":
        return "metric (angle to the end)"
    return f"{words.measure_name(name)} to the end"


def why_missing(quantity, accuracy):
    """Return why no network has a correlation or lag, from the row of accuracy itself in the relations."""
    if quantity == "spearman":
        if accuracy["spearman_n"]:
            return "constant where accuracy varies"
        return "before the end, accuracy does not vary above chance"
    learned = accuracy["half_way_n"] > 0
    return "no half-time where accuracy has one" if learned else "accuracy has no half-time"


def draw_relations(axes, relations, networks, quantity, styles, label, n_networks, missing):
    """Draw one quantity of each relation with accuracy, a row each: every network, the mean, its interval.

    A row of fewer than ``n_networks`` networks states its n; one of none says what is ``missing``.
    """
    for k, (name, row) in enumerate(relations.iterrows()):
        colour, marker = styles[name]
        values = networks.loc[networks["name"] == name, quantity].dropna()
        y = -k - 0.22 + plotting.jitter(len(values), 0.16)
        axes.plot(values, y, ".", color=colour, ms=4, alpha=0.6, mew=0)
        axes.plot(row[quantity], -k, marker, color=colour, ms=5)
        interval = [row[f"{quantity}_low"], row[f"{quantity}_high"]]
        axes.plot(interval, [-k, -k], color=colour, lw=1)
        # Networks whose series fluctuates have no half-time: a mean of few networks says so.
        n = row[f"{quantity}_n"]
        style = {"textcoords": "offset points", "fontsize": "x-small"}
        if n == 0:
            # At the left edge, where it fits.
            axes.annotate(missing, (0, -k), (5, -2), ("axes fraction", "data"), **style)
        elif n < n_networks:
            axes.annotate(f"n = {n:g}", (row[quantity], -k), (5, 3), **style)
    names = [relation_label(name, kind) for name, kind in relations["kind"].items()]
    axes.set_yticks(-np.arange(len(relations)), names)
    axes.set_ylim(-len(relations) + 0.5, 0.5)
    axes.axvline(0, color="0.6", lw=0.8, ls=":")
    if label:
        axes.set_xlabel(label)


def dissimilarities_to_the_end(over, curriculum):
    """Return a curriculum's dissimilarities to the run's own end, with the columns of the numbers."""
    over = over[(over["against"] == "own_final") & (over["curriculum_a"] == curriculum)]
    columns = {
        "measure": "name",
        "seed_a": "seed",
        "checkpoint": "fraction",
        "dissimilarity": "value",
    }
    return over.rename(columns=columns)


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    seeds = arrays["seed"].values.tolist()
    numbers = result_files.read_tables(arguments.numbers)
    over = result_files.read_tables(arguments.over)
    networks = coupling_by_network(numbers, over, settings["curriculum"])
    numbers = numbers[numbers["status"] != "diverged"].rename(columns={"quantity": "name"})
    dissimilarities = dissimilarities_to_the_end(over, settings["curriculum"])
    relations = result_files.read_table(arguments.relations[0]).set_index("name")
    accuracy = relations.loc["accuracy"]
    relations = relations.drop(index="accuracy")
    names = list(relations.index)

    # Colours repeat after a few names. Names that share a panel come first, so that theirs differ.
    sharing = [*settings["measures"], "metric", "share seen by the readout", "effective rank"]
    styles = plotting.colours(list(dict.fromkeys([*sharing, *names])), settings["style"])
    colours = geometry_panels.tangent_colours(settings["style"])
    # A component of the metric has the colour of its line in panel c.
    for tangent, colour in tangent_styles(arrays["tangent"].values, colours).items():
        styles[f"log10 G, {tangent}"] = (colour, "o")

    shape_names = plotting.names_in_data(SHAPE_QUANTITIES, names)
    title = f"{settings['curriculum'].replace('_', ' ')}, n = {len(seeds)} network"
    title += "s" * (len(seeds) != 1)
    at_time = f"metric at {arrays.attrs['milliseconds']:g} ms"

    # Networks of one checkpoint, such as those from elsewhere: only what does not compare checkpoints.
    if not arrays["step"].values.any():
        figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.6))
        draw_accuracy(panels[0], numbers, seeds)
        draw_metric(panels[1], numbers, arrays["tangent"].values, seeds, colours)
        draw_metric_shape(panels[2], numbers, shape_names, seeds, styles)
        subtitles = ("behaviour", at_time, "direction and shape")
        for panel, letter, subtitle in zip(panels, "abc", subtitles, strict=True):
            geometry_panels.panel_label(panel, letter, subtitle)
            panel.set_xticks([])
            panel.set_xlabel("one checkpoint: no learning")
        figure.suptitle(f"{title}; τ: time constant", fontsize="small")
        return figure

    figure = plt.figure(figsize=(9.6, 6.4))
    top_row, bottom_row = figure.subfigures(2, 1, height_ratios=[1, 1.35])

    # a to d: quantities over learning.
    panels = top_row.subplots(1, 4)
    draw_accuracy(panels[0], numbers, seeds)
    geometry_panels.panel_label(panels[0], "a", "behaviour")
    draw_dissimilarities(panels[1], numbers, dissimilarities, settings["measures"], seeds, styles)
    geometry_panels.panel_label(panels[1], "b", "how far from the end")
    draw_metric(panels[2], numbers, arrays["tangent"].values, seeds, colours)
    geometry_panels.panel_label(panels[2], "c", at_time)
    draw_metric_shape(panels[3], numbers, shape_names, seeds, styles)
    geometry_panels.panel_label(panels[3], "d", "direction and shape")
    for panel in panels:
        panel.set_xlabel("fraction of training")

    # e to h: how each quantity is related to accuracy. Distances and scalars do not share a panel, because
    # a distance to the end falls to 0 by construction.
    kinds = [kind for kind in KINDS if kind in set(relations["kind"])]
    counts = [int((relations["kind"] == kind).sum()) for kind in kinds]
    grid = bottom_row.subplots(
        len(kinds), 2, sharex="col", sharey="row", squeeze=False, height_ratios=counts
    )
    labels = (
        ("spearman", "rank correlation with accuracy"),
        ("lag", "half-time lag behind accuracy (fraction of training)"),
    )
    letters = iter("efgh")
    for row, kind in zip(grid, kinds, strict=True):
        of_kind = relations[relations["kind"] == kind]
        for axes, (quantity, label) in zip(row, labels, strict=True):
            label = label if kind == kinds[-1] else ""
            missing = why_missing(quantity, accuracy)
            draw_relations(axes, of_kind, networks, quantity, styles, label, len(seeds), missing)
            geometry_panels.panel_label(axes, next(letters), f"{KINDS[kind]}: {SHORT[quantity]}")
    grid[0, 0].set_xlim(-1.05, 1.05)
    if relations["lag"].isna().all():
        grid[0, 1].set_xlim(-1.05, 1.05)
    marks = "b: marks as in e; e to h: small dots, networks; large marks, means; τ: time constant"
    figure.suptitle(f"{title}; {marks}", fontsize="small")
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "numbers", "summary", "over", "relations"], make)
