"""Dynamical similarity analysis of recordings in a notebook: two systems, many, and the choice of a rank.

No comparison job imports this module, so editing it re-runs none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import DimensionError, SettingsError, TooFewTimePointsError
from .hankel import iterate_embedding, leading_factor
from .measure import DEFAULTS, compare_pairs, represent
from .operators import (
    Operator,
    check_states,
    lagged_covariances,
    rank_tolerance_of,
    regular_rank,
    solve_operator,
)

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]
_UNIT_DIMS = ("unit", "component", "channel")


@dataclass(frozen=True)
class DSAResult:
    """Dissimilarity of two systems.

    Attributes
    ----------
    dissimilarity : float
        For the score "angle", radians in [0, pi]; for "wasserstein", see
        `warpline.similarity.dsa.wasserstein.wasserstein`.
    status : str
        "converged", "max_steps" or "failed: ...".
    lower_bound : float
        No alignment has an angle below this one; NaN for "wasserstein".
    gradient_norm : float
        Norm of the Riemannian gradient of the cosine of the angle; NaN for "wasserstein".
    n_starts : int
        Starts of the alignment.
    rank_used : int
        The lower rank of the two operators.
    operators : tuple of Operator
        The two fitted operators.
    """

    dissimilarity: float
    status: str
    lower_bound: float
    gradient_norm: float
    n_starts: int
    rank_used: int
    operators: tuple[Operator, Operator]


@dataclass(frozen=True)
class DSAMatrix:
    """Dissimilarities of all pairs of several systems.

    Attributes
    ----------
    dissimilarity : ndarray, shape (system, system)
        Symmetric. The diagonal is zero by definition and is not solved for.
    status : ndarray of str, shape (system, system)
        Of each pair; "converged" on the diagonal.
    lower_bound, gradient_norm : ndarray, shape (system, system)
        As in `DSAResult`; zero on the diagonal.
    n_starts : ndarray of int, shape (system, system)
        Zero on the diagonal.
    operators : tuple of Operator
        One per system.
    """

    dissimilarity: FloatArray
    status: NDArray[np.str_]
    lower_bound: FloatArray
    gradient_norm: FloatArray
    n_starts: NDArray[np.int64]
    operators: tuple[Operator, ...]


def as_states(data: NDArray[Any] | xr.DataArray) -> NDArray[Any]:
    """Bring a recording into the order (trial, time, unit).

    Parameters
    ----------
    data : ndarray or xarray.DataArray
        An array of shape (trial, time, unit), or (time, unit) for a single trial; or a DataArray with
        dimensions ``trial``, ``time`` and one of ``unit``, ``component``, ``channel``, in any order,
        ``trial`` optional.

    Returns
    -------
    ndarray, shape (trial, time, unit)
        A view where possible.

    Raises
    ------
    DimensionError
        If the dimensions are others.
    """
    dims = getattr(data, "dims", None)
    if dims is None:
        array = np.asarray(data)
        return array[None] if array.ndim == 2 else array
    unit_dims = [name for name in dims if name in _UNIT_DIMS]
    other_dims = {name for name in dims if name not in _UNIT_DIMS}
    if len(unit_dims) != 1 or "time" not in other_dims or not other_dims <= {"trial", "time"}:
        raise DimensionError(
            "dimensions trial, time and one of unit, component, channel (trial is optional)",
            f"{tuple(dims)}",
            "Rename the dimensions of the DataArray.",
        )
    labelled: Any = data
    if "trial" not in other_dims:
        labelled = labelled.expand_dims("trial")
    return np.asarray(labelled.transpose("trial", "time", unit_dims[0]).values)


def dsa(
    X: NDArray[Any] | xr.DataArray,
    Y: NDArray[Any] | xr.DataArray,
    *,
    n_delays: int,
    rank: int,
    delay_interval: int = 1,
    ridge: float = 0.0,
    score: Literal["angle", "wasserstein"] = "angle",
    solver: Literal["newton", "reference"] = "newton",
    strict: bool = False,
    seed: int = 0,
    **options: Any,
) -> DSAResult:
    """Dissimilarity of the dynamics behind two recordings (Ostrow et al. 2023).

    Parameters
    ----------
    X, Y : ndarray or xarray.DataArray
        Recordings, see `as_states`. They may differ in trials, times and units.
    n_delays, delay_interval : int
        The delay embedding; the interval is in time steps.
    rank : int
        Rank of the operators. Where a recording carries less, its operator is padded with zeros and
        ``rank_used`` says so; ``strict`` raises.
    ridge : float, optional
        Ridge of the one-step regression.
    score, solver, strict
        See `compare_pairs` and `represent`.
    seed : int, optional
        Root of the random starts.
    **options
        Further settings of the measure: ``max_starts``, ``tolerance``, ``max_steps``, ``bound``,
        ``rank_tolerance``, ``iterations``, ``lr``.

    Returns
    -------
    DSAResult
        The dissimilarity with its bound and the fitted operators.

    Raises
    ------
    DSAInputError
        If a recording or a setting cannot be used; it is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(200) * 0.1
    >>> slow = np.stack([np.cos(t), np.sin(t)], axis=-1)
    >>> fast = np.stack([np.cos(3 * t), np.sin(3 * t)], axis=-1)
    >>> round(dsa(slow, slow @ [[0, 1], [1, 0]], n_delays=1, rank=2).dissimilarity, 6)
    0.0
    >>> round(dsa(slow, fast, n_delays=1, rank=2).dissimilarity, 3)
    0.2
    """
    _check_options(options)
    settings = {
        **options,
        "n_delays": n_delays,
        "delay_interval": delay_interval,
        "rank": rank,
        "ridge": ridge,
        "score": score,
        "solver": solver,
        "strict": strict,
    }
    operators = (
        represent(as_states(X), settings=settings),
        represent(as_states(Y), settings=settings),
    )
    (row,) = compare_pairs(operators, [(0, 1)], settings=settings, seed=seed)
    return DSAResult(**row, operators=operators)


def dsa_matrix(
    recordings: Sequence[NDArray[Any] | xr.DataArray],
    *,
    n_delays: int,
    rank: int,
    delay_interval: int = 1,
    seed: int = 0,
    **options: Any,
) -> DSAMatrix:
    """Dissimilarities of all pairs of recordings.

    Parameters
    ----------
    recordings : sequence of ndarray or xarray.DataArray
        See `as_states`. Each operator is fitted once.
    n_delays, rank, delay_interval, seed, **options
        As in `dsa`.

    Returns
    -------
    DSAMatrix
        Symmetric matrices over the recordings.

    Raises
    ------
    DSAInputError
        If a recording or a setting cannot be used; it is a ValueError.
    """
    _check_options(options)
    settings = {**options, "n_delays": n_delays, "delay_interval": delay_interval, "rank": rank}
    operators = tuple(represent(as_states(data), settings=settings) for data in recordings)
    pairs = list(combinations(range(len(operators)), 2))
    rows = compare_pairs(operators, pairs, settings=settings, seed=seed)
    size = len(operators)
    columns = {
        name: np.zeros((size, size)) for name in ("dissimilarity", "lower_bound", "gradient_norm")
    }
    n_starts = np.zeros((size, size), dtype=np.int64)
    status = np.full((size, size), "converged", dtype=object)
    for (i, j), row in zip(pairs, rows, strict=True):
        for name, matrix in columns.items():
            matrix[i, j] = matrix[j, i] = row[name]
        n_starts[i, j] = n_starts[j, i] = row["n_starts"]
        status[i, j] = status[j, i] = row["status"]
    return DSAMatrix(
        status=status.astype(np.str_), n_starts=n_starts, operators=operators, **columns
    )


def _check_options(options: dict[str, Any]) -> None:
    """Refuse misspelt options, naming the nearest that exists."""
    for name in options:
        if name not in DEFAULTS:
            nearest = get_close_matches(name, DEFAULTS, n=1, cutoff=0.0)[0]
            raise SettingsError(
                f"options among {', '.join(DEFAULTS)}", repr(name), f"Did you mean {nearest}?"
            )


@dataclass(frozen=True)
class RankSelection:
    """One-step prediction on held-out trials, by rank.

    Attributes
    ----------
    ranks : ndarray of int, shape (rank,)
        Ranks tried; those above what the training trials carry are left out.
    error : ndarray, shape (rank,)
        Mean squared one-step error over held-out trials, times and units, in squared units of the
        data.
    persistence_error : float
        The same for the prediction that nothing changes.
    aic : ndarray, shape (rank,)
        Akaike's criterion per predicted number, ``log(error) + 2 (rank^2 + 1) / N``, as dsa-metric
        defines it.
    n_train, n_test : int
        Trials.
    """

    ranks: NDArray[np.int64]
    error: FloatArray
    persistence_error: float
    aic: FloatArray
    n_train: int
    n_test: int

    @property
    def best_rank(self) -> int:
        """The rank with the lowest criterion."""
        return int(self.ranks[int(np.argmin(self.aic))])


def select_rank(
    states: NDArray[np.floating],
    *,
    n_delays: int,
    delay_interval: int = 1,
    ranks: Sequence[int],
    ridge: float = 0.0,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> RankSelection:
    """Prediction error and Akaike's criterion over ranks, on held-out trials.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
        States of one system, at least two trials.
    n_delays, delay_interval : int
        The embedding; the interval is in time steps.
    ranks : sequence of int
        Ranks to try.
    ridge : float, optional
        Ridge of the regression.
    test_fraction : float, optional
        Share of the trials held out.
    seed : int, optional
        Of the choice of held-out trials.

    Returns
    -------
    RankSelection
        One entry per rank that the training trials carry. All ranks share one factorisation.

    Raises
    ------
    DSAInputError
        One of the errors of `fit_operator`, or a single trial.
    """
    tolerance = rank_tolerance_of(states, n_delays, delay_interval, None)
    array = check_states(states, n_delays=n_delays, delay_interval=delay_interval)
    n_trials, _, n_units = array.shape
    if n_trials < 2:
        raise TooFewTimePointsError(
            "at least two trials, one of them held out", f"{n_trials}", "Split the recording."
        )
    if not ranks or min(ranks) < 1 or not 0 < test_fraction < 1:
        raise SettingsError(
            "positive ranks and a test fraction in (0, 1)",
            f"ranks {list(ranks)}, test fraction {test_fraction}",
            "Set ranks and test_fraction.",
        )
    # Whole trials are held out: times of one trial are dependent.
    n_test = min(max(1, round(test_fraction * n_trials)), n_trials - 1)
    order = np.random.default_rng(np.random.SeedSequence(seed)).permutation(n_trials)
    test, train = array[np.sort(order[:n_test])], array[np.sort(order[n_test:])]
    # One factorisation serves all ranks: their operators are solved from leading blocks.
    factor = leading_factor(train, n_delays, delay_interval, max(ranks), tolerance)
    past, cross = lagged_covariances(train, n_delays, delay_interval, factor)
    largest = regular_rank(past, factor.singular_values, ridge)
    usable_ranks = sorted({int(r) for r in ranks if r <= largest})
    operators = [solve_operator(past[:r, :r], cross[:r, :r], ridge) for r in usable_ranks]
    # Whitened coordinates back to the newest states: the first block of the delay embedding.
    readout = (factor.directions * factor.singular_values)[:n_units]
    basis = factor.directions / factor.singular_values
    squared, persistence, count = np.zeros(len(usable_ranks)), 0.0, 0
    for rows in iterate_embedding(test, n_delays, delay_interval):
        target = rows[:, 1:, :n_units]
        whitened = rows[:, :-1] @ basis
        persistence += float(((target - rows[:, :-1, :n_units]) ** 2).sum())
        count += target.size
        for k, (rank, operator) in enumerate(zip(usable_ranks, operators, strict=True)):
            predicted = (whitened[..., :rank] @ operator.T) @ readout[:, :rank].T
            squared[k] += float(((target - predicted) ** 2).sum())
    error = squared / count
    # An error of zero, of noiseless linear data, gives minus infinity.
    with np.errstate(divide="ignore"):
        aic = np.log(error) + 2 * (np.array(usable_ranks) ** 2 + 1) / count
    return RankSelection(
        np.array(usable_ranks, dtype=np.int64),
        error,
        persistence / count,
        aic,
        n_trials - n_test,
        n_test,
    )
