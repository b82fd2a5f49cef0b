"""Tables of statistics after and over learning, in which the seed, not the pair, is the unit.

Intervals: `warpline.comparison.jackknife`; tests: `warpline.comparison.hypothesis_tests`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from warpline.comparison.hypothesis_tests import difference_test, holm
from warpline.comparison.jackknife import jackknife_interval, leave_one_out, mean_interval
from warpline.comparison.separation import floor_pairs, separation

__all__ = [
    "control_table",
    "curriculum_matrix",
    "group_tests",
    "learning_table",
    "run_table",
    "summary_table",
]

Floats = NDArray[np.float64]


def curriculum_matrix(rows: pd.DataFrame, a: str, b: str) -> tuple[Floats, list[int], list[int]]:
    """Return the dissimilarities between the networks of two curricula, and the seeds of both.

    Parameters
    ----------
    rows : DataFrame
        Pairs of one measure: ``curriculum_a``, ``seed_a``, ``curriculum_b``, ``seed_b``, ``dissimilarity``.
    a, b : str
        Curricula of the rows and of the columns; they may be one.

    Returns
    -------
    matrix : ndarray, shape (seed of a, seed of b)
        NaN where there is no pair.
    seeds_a, seeds_b : list of int
        Those that have a pair, ascending.
    """
    # A pair stands in the table once, in either order.
    frames = []
    for first, second in (("a", "b"), ("b", "a")):
        pairs = rows[(rows[f"curriculum_{first}"] == a) & (rows[f"curriculum_{second}"] == b)]
        columns = [f"seed_{first}", f"seed_{second}", "dissimilarity"]
        frames.append(pairs[columns].set_axis(["row", "column", "dissimilarity"], axis=1))
    frame = pd.concat(frames).dropna().drop_duplicates(["row", "column"])
    seeds_a, seeds_b = sorted(frame["row"].unique()), sorted(frame["column"].unique())
    pivot = frame.pivot(index="row", columns="column", values="dissimilarity")
    matrix = pivot.reindex(index=seeds_a, columns=seeds_b).to_numpy(dtype=float)
    return matrix, seeds_a, seeds_b


def run_table(histories: Iterable[tuple[Mapping[str, Any], pd.DataFrame]]) -> pd.DataFrame:
    """Return a row per run: how its training ended, and its accuracy there.

    Parameters
    ----------
    histories : iterable of (mapping, DataFrame)
        Provenance and rows of each training history.

    Returns
    -------
    DataFrame
        ``taskset``, ``architecture``, ``curriculum``, ``seed``, ``status``, ``pretraining`` (status of the
        network that it started from), ``last_step``, ``accuracy`` (mean over tasks), ``ideal``,
        ``chance`` (accuracy that ignoring the stimulus gives).
    """
    rows = []
    for provenance, history in histories:
        taskset, architecture, curriculum, seed = provenance["settings"]["streams"]["run"]
        last = history[history["step"] == history["step"].max()]
        rows.append(
            {
                "taskset": taskset,
                "architecture": architecture,
                "curriculum": curriculum,
                "seed": seed,
                "status": provenance["status"],
                "pretraining": provenance.get("pretraining", ""),
                "last_step": provenance["last_step"],
                "accuracy": last["accuracy"].mean(),
                "ideal": provenance["ideal"],
                "chance": provenance["chance"],
            }
        )
    return pd.DataFrame(rows)


def summary_table(after: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Summarise dissimilarities after learning by measure, architecture and pair of curricula.

    Parameters
    ----------
    after : DataFrame
        All tables of `warpline.comparison.pairs.after_learning`, with a column ``measure``.
    settings : mapping
        ``confidence``.

    Returns
    -------
    DataFrame
        A row per measure, architecture, pair of curricula and ``seeds`` (``same``: networks of one
        seed; ``cross``: of different seeds), with ``n_a``, ``n_b`` (networks), ``n_pairs``, ``mean``,
        ``low``, ``high``; and ``separation`` from the floors of both curricula, with its interval
        (`warpline.comparison.separation.separation`), missing for a curriculum with itself.
    """
    table = []
    for (measure, architecture), group in after.groupby(["measure", "architecture_a"], sort=True):
        names = list(dict.fromkeys([*group["curriculum_a"], *group["curriculum_b"]]))
        for a, b in itertools.combinations_with_replacement(sorted(names), 2):
            for kind in ("same", "cross"):
                rows = group[group["seeds"] == kind]
                # With fewer than three seeds there is a mean without an interval.
                matrix, seeds_a, seeds_b = curriculum_matrix(rows, a, b)
                values = matrix[~np.isnan(matrix)]
                if len(values) == 0:
                    continue
                low, high = jackknife_interval(matrix, seeds_a, seeds_b, settings["confidence"])
                # A curriculum's own pairs are the floor, or compare a network with itself.
                pairs = _between(rows, a, b) if a != b else rows.iloc[:0]
                table.append(
                    {
                        "measure": measure,
                        "architecture": architecture,
                        "curriculum_a": a,
                        "curriculum_b": b,
                        "seeds": kind,
                        "n_a": len(seeds_a),
                        "n_b": len(seeds_b),
                        # The cross-seed matrix of a curriculum with itself has each pair twice.
                        "n_pairs": len(values) // (2 if a == b and kind == "cross" else 1),
                        "mean": values.mean(),
                        "low": low,
                        "high": high,
                        **_separation_columns(pairs, group, (a, b), settings),
                    }
                )
    # Readers find the columns in a table without rows, too.
    return pd.DataFrame(table) if table else pd.DataFrame(columns=list(SUMMARY_COLUMNS))


def _between(rows: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """Return the pairs of two curricula, in either order."""
    first, second = rows["curriculum_a"], rows["curriculum_b"]
    return rows[((first == a) & (second == b)) | ((first == b) & (second == a))]


def _separation_columns(
    pairs: pd.DataFrame, after: pd.DataFrame, curricula: Iterable[str], settings: Mapping[str, Any]
) -> dict[str, float]:
    """Return the separation of pairs from the floors of some curricula, with its interval, as columns."""
    floors = [floor_pairs(after, name) for name in dict.fromkeys(curricula)]
    value, low, high = separation(pairs, floors, settings["confidence"])
    return {"separation": value, "separation_low": low, "separation_high": high}


SUMMARY_COLUMNS = (
    "measure",
    "architecture",
    "curriculum_a",
    "curriculum_b",
    "seeds",
    "n_a",
    "n_b",
    "n_pairs",
    "mean",
    "low",
    "high",
    "separation",
    "separation_low",
    "separation_high",
)
TEST_COLUMNS = (
    "measure",
    "architecture",
    "reference",
    "curriculum_a",
    "curriculum_b",
    "n_a",
    "n_b",
    "n_reference",
    "n_seeds",
    "with_reference",
    "mean_a",
    "mean_b",
    "difference",
    "low",
    "high",
    "effect_size",
    "t",
    "dof",
    "p",
    "p_adjusted",
    "significant",
)


def _to_reference(rows: pd.DataFrame, names: Sequence[str], reference: str) -> Floats:
    """Return the dissimilarities of all curricula to the reference, shape (curriculum, seed, seed)."""
    seeds = np.unique(rows[["seed_a", "seed_b"]].to_numpy())
    matrices = np.full((len(names), len(seeds), len(seeds)), np.nan)
    # A pair stands in the table once, in either order.
    for side, other in (("a", "b"), ("b", "a")):
        pairs = rows[rows[f"curriculum_{other}"] == reference]
        curriculum = pd.Index(names).get_indexer(pd.Index(pairs[f"curriculum_{side}"]))
        row, column = (np.searchsorted(seeds, pairs[f"seed_{end}"]) for end in (side, other))
        matrices[curriculum, row, column] = pairs["dissimilarity"]
    return matrices


def group_tests(
    after: pd.DataFrame, references: Sequence[str], settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Test whether curricula differ in their dissimilarity to a reference.

    Dissimilarities are to the reference's networks of other seeds (for the reference itself, to its own
    other networks: the floor). See `difference_test` for the test, and docs/statistics.md for its level.
    Holm's correction over the pairs of curricula of one measure, architecture and reference. The tests
    of a family share curricula and the reference, so some are negatively correlated. Holm holds under any
    dependence; Benjamini and Hochberg's is proven for independent or positively dependent tests only.

    Parameters
    ----------
    after : DataFrame
        As `summary_table`.
    references : sequence of str
    settings : mapping
        ``confidence``; ``min_seeds``, the fewest networks of a, of b and of the reference that are tested;
        ``family_error``, the probability of a false positive in a family of tests.

    Returns
    -------
    DataFrame
        A row per measure, architecture, reference and pair of curricula: the counts of `DifferenceTest`;
        ``with_reference``, whether one of the two is the reference; ``mean_a``, ``mean_b``; ``difference``,
        its interval (``low``, ``high``, not adjusted for the other tests), ``effect_size``, ``t``, ``dof``,
        ``p``; ``p_adjusted``; ``significant``. With fewer networks than ``min_seeds``, all from ``low`` on
        are NaN, and nothing is significant.
    """
    tables = []
    cross = after[after["seeds"] == "cross"]
    for (measure, architecture), group in cross.groupby(["measure", "architecture_a"], sort=True):
        names = sorted({*group["curriculum_a"], *group["curriculum_b"]})
        first, second = np.triu_indices(len(names), k=1)
        for reference in references:
            if reference not in names:
                continue
            matrices = _to_reference(group, names, reference)
            test = difference_test(matrices[first], matrices[second], settings["confidence"])
            means = leave_one_out(matrices)[0]
            sizes = np.minimum(np.minimum(test.n_a, test.n_b), test.n_reference)
            enough = sizes >= settings["min_seeds"]
            table = pd.DataFrame(
                {
                    "measure": measure,
                    "architecture": architecture,
                    "reference": reference,
                    "curriculum_a": [names[k] for k in first],
                    "curriculum_b": [names[k] for k in second],
                    "n_a": test.n_a,
                    "n_b": test.n_b,
                    "n_reference": test.n_reference,
                    "n_seeds": test.n_seeds,
                    "with_reference": [
                        reference in (names[i], names[j])
                        for i, j in zip(first, second, strict=True)
                    ],
                    "mean_a": means[first],
                    "mean_b": means[second],
                    "difference": test.difference,
                    **{
                        name: np.where(enough, getattr(test, name), np.nan)
                        for name in ("low", "high", "effect_size", "t", "dof", "p")
                    },
                }
            )
            # Pairs that are not tested do not count as tests.
            table["p_adjusted"] = holm(table["p"].to_numpy())
            table["significant"] = table["p_adjusted"] <= settings["family_error"]
            tables.append(table)
    # Readers find the columns in a table without rows, too.
    if not tables:
        return pd.DataFrame(columns=list(TEST_COLUMNS))
    return pd.concat(tables, ignore_index=True)[list(TEST_COLUMNS)]


def control_table(
    controls: pd.DataFrame, after: pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Summarise the controls of each measure by architecture and curriculum, over networks.

    Parameters
    ----------
    controls : DataFrame
        All tables of `warpline.comparison.pairs.controls`, with a column ``measure``.
    after : DataFrame
        As `summary_table`.
    settings : mapping
        As `summary_table`.

    Returns
    -------
    DataFrame
        ``n`` networks with a value, ``mean``, ``low``, ``high``, and ``separation`` from the curriculum's
        floor with its interval: below 0.5, the control changes a network less than another seed does.
    """
    keys = ["measure", "architecture_a", "curriculum_a", "control"]
    table = []
    for key, group in controls.groupby(keys, sort=True):
        measure, architecture, curriculum, control = (str(name) for name in key)
        rows = group.dropna(subset="dissimilarity")
        values = rows["dissimilarity"].to_numpy(dtype=float)
        low, high = mean_interval(values, settings["confidence"])
        table.append(
            {
                "measure": measure,
                "architecture": architecture,
                "curriculum": curriculum,
                "control": control,
                "n": len(values),
                "mean": values.mean() if len(values) else np.nan,
                "low": low,
                "high": high,
                **_separation_columns(
                    rows, _of_networks(after, measure, architecture), [curriculum], settings
                ),
            }
        )
    return pd.DataFrame(table)


def _of_networks(after: pd.DataFrame, measure: str, architecture: str) -> pd.DataFrame:
    """Return the rows of one measure and architecture."""
    return after[(after["measure"] == measure) & (after["architecture_a"] == architecture)]


def learning_table(
    over: pd.DataFrame, after: pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Summarise dissimilarities over learning by measure, architecture, curriculum and checkpoint.

    Parameters
    ----------
    over : DataFrame
        All tables of `warpline.comparison.pairs.over_learning`, with a column ``measure``.
    after : DataFrame
        As `summary_table`.
    settings : mapping
        As `summary_table`. With ``reduction: published`` the pairs over learning are of other states than the
        floors after learning, and have no separation.

    Returns
    -------
    DataFrame
        A row per measure, architecture, ``against``, pair of curricula (a, compared with b) and
        ``checkpoint``: ``n`` networks of a, ``n_pairs``, ``mean``, ``low``, ``high``, and ``separation``
        from the floors of both curricula after learning, with its interval.
    """
    keys = ["measure", "architecture_a", "against", "curriculum_a", "curriculum_b", "checkpoint"]
    has_floor = settings.get("reduction", "own") == "own"
    table = []
    for key, group in over.groupby(keys, sort=True):
        measure, architecture, against, a, b = (str(name) for name in key[:5])
        rows = group.dropna(subset="dissimilarity")
        matrix, seeds_a, seeds_b = curriculum_matrix(rows, a, b)
        values = rows["dissimilarity"].to_numpy(dtype=float)
        low = high = np.nan
        if len(values):
            low, high = jackknife_interval(matrix, seeds_a, seeds_b, settings["confidence"])
        table.append(
            {
                "measure": measure,
                "architecture": architecture,
                "against": against,
                "curriculum_a": a,
                "curriculum_b": b,
                "checkpoint": key[5],
                "n": len(seeds_a),
                "n_pairs": len(values),
                "mean": values.mean() if len(values) else np.nan,
                "low": low,
                "high": high,
                **_separation_columns(
                    rows if has_floor else rows.iloc[:0],
                    _of_networks(after, measure, architecture),
                    (a, b),
                    settings,
                ),
            }
        )
    return pd.DataFrame(table)
