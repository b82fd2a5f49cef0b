"""Means, intervals and group tests in which the seed, not the pair, is the unit.

Pairs that share a network are dependent: ten networks make 45 pairs, but only ten observations. Networks
of one seed can share a pretraining. The levels and the coverage are simulated in docs/statistics.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from warpline.comparison.degrees_of_freedom import degrees_of_freedom
from warpline.comparison.separation import floor_pairs, separation
from warpline.core.short_repr import ShortRepr
from warpline.core.student_t import student_quantile

__all__ = [
    "DifferenceTest",
    "control_table",
    "difference_test",
    "group_tests",
    "holm",
    "jackknife_interval",
    "learning_table",
    "mean_interval",
    "run_table",
    "summary_table",
]

Floats = NDArray[np.float64]


def _leave_one_out(matrices: Floats) -> tuple[Floats, Floats]:
    """Return the mean of each matrix, and its means without the row and the column of each seed.

    Matrices have shape (..., seed, seed), with NaN for pairs that do not count. Means without a pair are NaN.
    """
    counts = ~np.isnan(matrices)
    values = np.where(counts, matrices, 0.0)

    def without_each(of_pairs: NDArray[Any]) -> Floats:
        # The pair on the diagonal lies in the row and in the column.
        diagonal = np.diagonal(of_pairs, axis1=-2, axis2=-1)
        total = of_pairs.sum((-2, -1))[..., None]
        return np.asarray(total - of_pairs.sum(-1) - of_pairs.sum(-2) + diagonal, dtype=float)

    with np.errstate(invalid="ignore", divide="ignore"):
        means = values.sum((-2, -1)) / counts.sum((-2, -1))
        # A difference of sums can be 1e-17 where no pair is left: the counts tell.
        left = without_each(counts.astype(float))
        means_without = np.where(left > 0, without_each(values) / left, np.nan)
    return np.asarray(means, dtype=float), means_without


def _error(means_without: Floats, present: NDArray[np.bool_]) -> Floats:
    """Return the jackknife's standard error from estimates without each seed, shape (..., seed).

    Seeds that are not present are no observations. A seed without which there is no estimate makes the
    error NaN, and so do fewer than three seeds.
    """
    n = present.sum(-1)
    estimates = np.where(present, means_without, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (estimates.sum(-1) / n)[..., None]
        squares = (np.where(present, estimates - centre, 0.0) ** 2).sum(-1)
        return np.asarray(np.where(n >= 3, np.sqrt((n - 1) / n * squares), np.nan))


def jackknife_interval(
    matrix: Floats, rows: Sequence[int], columns: Sequence[int], confidence: float
) -> tuple[float, float]:
    """Return an interval for the mean of a dissimilarity matrix, leaving out one seed at a time.

    Networks of one seed can share a pretraining, and a pair has two networks: only seeds are independent.
    To leave out a seed is to leave out its row and its column (delete-one jackknife, Student's t with
    n - 1 degrees of freedom if rows and columns are the same seeds, else with those of Welch and
    Satterthwaite). docs/statistics.md holds its coverage.

    Parameters
    ----------
    matrix : ndarray, shape (row, column)
        Dissimilarities; NaN for pairs that do not count.
    rows, columns : sequence of int
        Seeds of the networks.
    confidence : float
        In (0, 1).

    Returns
    -------
    low, high : float
        NaN with fewer than three seeds.

    Raises
    ------
    ValueError
        When a seed stands twice, the matrix has another shape, or the confidence is outside (0, 1).
    """
    repeated = len({*rows}) < len(rows) or len({*columns}) < len(columns)
    if repeated or matrix.shape != (len(rows), len(columns)):
        raise ValueError(
            f"expected a matrix with a row and a column for each seed, each seed once; got shape "
            f"{matrix.shape} for the seeds {list(rows)} and {list(columns)}"
        )
    seeds = sorted({*rows, *columns})
    square = np.full((len(seeds), len(seeds)), np.nan)
    square[np.ix_(np.searchsorted(seeds, rows), np.searchsorted(seeds, columns))] = matrix
    means, means_without = _leave_one_out(square)
    present = np.ones(len(seeds), dtype=bool)
    membership = 1 * np.isin(seeds, rows) + 2 * np.isin(seeds, columns)
    dof = degrees_of_freedom(means_without, membership)
    width = _error(means_without, present) * student_quantile(confidence, dof)
    return float(means - width), float(means + width)


def mean_interval(values: Floats, confidence: float) -> tuple[float, float]:
    """Return an interval for the mean of one value per network, shape (network,), by Student's t.

    It is `jackknife_interval` for one value per network. NaN below three values.
    """
    n = len(values)
    if n < 3:
        return np.nan, np.nan
    width = float(student_quantile(confidence, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return float(values.mean()) - width, float(values.mean()) + width


@dataclass(frozen=True, repr=False)
class DifferenceTest(ShortRepr):
    """Test of a difference between two curricula; each field is an array over tests.

    Attributes
    ----------
    difference : ndarray
        Mean dissimilarity of a to the reference, minus that of b.
    error : ndarray
        Standard error of the difference (delete-one-seed jackknife).
    low, high : ndarray
        Interval of the difference.
    effect_size : ndarray
        See `difference_test`.
    t, dof, p : ndarray
        Student's t, its degrees of freedom, and the two-sided p value.
    n_a, n_b, n_reference, n_seeds : ndarray of int
        Networks of a, of b, of the reference, and seeds of any of them, that have a pair.
    """

    difference: Floats
    error: Floats
    low: Floats
    high: Floats
    effect_size: Floats
    t: Floats
    dof: Floats
    p: Floats
    n_a: NDArray[np.int64]
    n_b: NDArray[np.int64]
    n_reference: NDArray[np.int64]
    n_seeds: NDArray[np.int64]


def difference_test(a: Floats, b: Floats, confidence: float) -> DifferenceTest:
    """Test whether two curricula are equally dissimilar to a reference, leaving out one seed at a time.

    To leave out a seed is to leave out its network in a, in b and in the reference. So the error holds
    whatever the networks of one seed share, and holds what the shared reference adds (delete-one jackknife,
    Tukey 1958; Student's t with ``n_seeds`` - 1 degrees of freedom, or with those of Welch and Satterthwaite
    where a, b and the reference have not all the same seeds). Curricula may have different seeds.
    A seed that one of them lacks then counts in the other alone: the plain jackknife stays near its
    level, and weighting the three sets of networks by their sizes makes it liberal (docs/statistics.md).

    Parameters
    ----------
    a, b : ndarray, shape (..., seed, seed)
        Dissimilarities of the networks of a curriculum (rows) to those of the reference (columns). Rows
        and columns of both are the same seeds; NaN for pairs that do not count.
    confidence : float
        In (0, 1).

    Returns
    -------
    DifferenceTest
        All but the counts and the difference are NaN where a seed is indispensable, as always with
        fewer than three. ``t`` and ``p`` are also NaN where the error is 0. ``effect_size`` is the difference
        in standard deviations of what one seed contributes to it (its jackknife pseudo-value), ``error``
        times the root of ``n_seeds``. It is corrected for its bias by 1 - 3 / (4 dof - 1) (Hedges 1981).
        If all networks were independent and the reference fixed, its standard deviation would be that of
        the difference of one network of a and one of b. It is not the spread of pairs within a curriculum.

    Raises
    ------
    ValueError
        When a and b are no matrices of one shape over the same seeds, or the confidence is outside (0, 1).
    """
    if a.shape != b.shape or a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"expected matrices of one shape, over the same seeds in rows and columns, got {a.shape} and "
            f"{b.shape}"
        )
    (mean_a, without_a), (mean_b, without_b) = _leave_one_out(a), _leave_one_out(b)
    rows_a, rows_b = (~np.isnan(a)).any(-1), (~np.isnan(b)).any(-1)
    columns = (~np.isnan(a) | ~np.isnan(b)).any(-2)
    present = rows_a | rows_b | columns
    n = present.sum(-1)

    error = _error(without_a - without_b, present)
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = mean_a - mean_b
        membership = 1 * rows_a + 2 * rows_b + 4 * columns
        dof = np.where(
            np.isnan(error), np.nan, degrees_of_freedom(without_a - without_b, membership)
        )
        # Rounding leaves an error of about 1e-17 of the means where nothing varies.
        varies = error > 1e-12 * (np.abs(mean_a) + np.abs(mean_b))
        t = np.where(varies, difference / error, np.nan)
        effect_size = t / np.sqrt(n) * (1 - 3 / (4 * dof - 1))
    width = student_quantile(confidence, dof) * error
    return DifferenceTest(
        difference=difference,
        error=error,
        low=difference - width,
        high=difference + width,
        effect_size=effect_size,
        t=t,
        dof=dof,
        p=2 * stats.t.sf(np.abs(t), dof),
        n_a=rows_a.sum(-1),
        n_b=rows_b.sum(-1),
        n_reference=columns.sum(-1),
        n_seeds=n,
    )


def holm(p_values: Floats) -> Floats:
    """Return the p values of a family of tests, adjusted by Holm (1979), shape (..., test).

    The probability of any false positive among those at most alpha is at most alpha, however the tests
    depend on each other. NaN stands for a test that was not made.

    Raises
    ------
    ValueError
        When a number is no probability.
    """
    if ((p_values < 0) | (p_values > 1)).any():
        raise ValueError(
            f"expected p values from 0 to 1, got {np.nanmin(p_values):g} to {np.nanmax(p_values):g}"
        )
    # NaN sorts last, where it neither counts nor stands before another.
    order = np.argsort(p_values, axis=-1)
    ordered = np.take_along_axis(p_values, order, axis=-1)
    n_tests = (~np.isnan(p_values)).sum(-1, keepdims=True)
    steps = ordered * np.maximum(n_tests - np.arange(p_values.shape[-1]), 1)
    adjusted = np.full(p_values.shape, np.nan)
    np.put_along_axis(
        adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1), axis=-1
    )
    return adjusted


def _matrix(rows: pd.DataFrame, a: str, b: str) -> tuple[Floats, list[int], list[int]]:
    """Return dissimilarities between the networks of two curricula (NaN: no pair), and their seeds."""
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
                matrix, seeds_a, seeds_b = _matrix(rows, a, b)
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
            means = _leave_one_out(matrices)[0]
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
    after, settings
        As `summary_table`.

    Returns
    -------
    DataFrame
        A row per measure, architecture, ``against``, pair of curricula (a, compared with b) and
        ``checkpoint``: ``n`` networks of a, ``n_pairs``, ``mean``, ``low``, ``high``, and ``separation``
        from the floors of both curricula after learning, with its interval.
    """
    keys = ["measure", "architecture_a", "against", "curriculum_a", "curriculum_b", "checkpoint"]
    table = []
    for key, group in over.groupby(keys, sort=True):
        measure, architecture, against, a, b = (str(name) for name in key[:5])
        rows = group.dropna(subset="dissimilarity")
        matrix, seeds_a, seeds_b = _matrix(rows, a, b)
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
                    rows, _of_networks(after, measure, architecture), (a, b), settings
                ),
            }
        )
    return pd.DataFrame(table)
