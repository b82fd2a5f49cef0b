"""Dissimilarities of recordings and trained networks: all pairs, and by pair of groups."""

import numpy as np

from warpline.core import result_files
from warpline.figures import figure_script, plotting, set_panels, words


def members_by_group(pairs):
    """Return the systems of each group, in the order of the table."""
    groups = {}
    for side in "ab":
        for name, group in zip(pairs[f"system_{side}"], pairs[f"group_{side}"], strict=True):
            groups.setdefault(group, {})[name] = None
    return {group: list(names) for group, names in groups.items()}


def pair_matrix(pairs, names):
    """Return the dissimilarities of one measure as a symmetric matrix with a diagonal of 0."""
    matrix = np.full((len(names), len(names)), np.nan)
    np.fill_diagonal(matrix, 0.0)
    index = {name: k for k, name in enumerate(names)}
    for a, b, value in zip(
        pairs["system_a"], pairs["system_b"], pairs["dissimilarity"], strict=True
    ):
        matrix[index[a], index[b]] = matrix[index[b], index[a]] = value
    return matrix


def compared_label(rows):
    """Return what a measure compares: single trials, or averages, of which all systems have as many."""
    if rows["trials"].iloc[0] == "single":
        return "single trials"
    n = rows["n_trials_a"].iloc[0]
    return f"averages of {n} condition{'s' * (n != 1)}"


def make(arguments, settings):
    import matplotlib.pyplot as plt

    pairs = result_files.read_tables(arguments.pairs)
    summary = result_files.read_table(arguments.summary[0])
    # As in all figures: with few systems an interval says little, and points say all.
    few = summary[["n_a", "n_b"]].min(axis=1) < settings["statistics"]["min_seeds"]
    summary.loc[few, ["low", "high"]] = np.nan
    groups = members_by_group(pairs)
    names = [name for members in groups.values() for name in members]
    measures = plotting.names_in_data(settings["measures"], pairs["measure"])

    # Above: every pair, systems in the order of their groups. Below: the pairs by two groups.
    n_couples = len(set_panels.couples_of(list(groups)))
    side, below = set_panels.matrix_side(len(names)), 0.24 * n_couples + 0.7
    figure, axes = plt.subplots(
        2,
        len(measures),
        squeeze=False,
        figsize=((side + 1.6) * len(measures) + 2.6, side + below + 2.4),
        height_ratios=[side + 1.8, below],
    )
    for column, measure in enumerate(measures):
        rows = pairs[pairs["measure"] == measure]
        panel = axes[0, column]
        image = set_panels.draw_matrix(panel, pair_matrix(rows, names), (names, names), groups)
        figure.colorbar(image, ax=panel, shrink=0.8)
        setting = words.parameters_label(rows)
        lines = [
            words.measure_label(measure, settings),
            ", ".join(filter(None, (compared_label(rows), setting))),
        ]
        failed = int(rows["dissimilarity"].isna().sum())
        panel.set_title("\n".join([*lines, *([f"{failed} pairs failed"] if failed else [])]))
        # As in the statistics, networks of one seed make no pair of groups.
        set_panels.draw_groups(
            axes[1, column],
            rows[~(rows["seed_a"] == rows["seed_b"])],
            summary[summary["measure"] == measure],
            list(groups),
            settings["style"],
        )
        axes[1, column].set_xlabel("dissimilarity")
        if column:
            panel.set_yticklabels([])
            panel.set_ylabel("")
            axes[1, column].set_yticklabels([])
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["pairs", "summary"], make)
