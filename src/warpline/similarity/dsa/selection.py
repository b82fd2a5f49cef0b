"""Held-out prediction error and Akaike's criterion over ranks, to justify a rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import SettingsError, TooFewTimePointsError
from .hankel import iterate_embedding, leading_factor
from .operators import lagged_covariances, regular_rank, solve_operator
from .states import check_states, rank_tolerance_of

FloatArray = NDArray[np.float64]


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
        One of the errors of :func:`.operators.fit_operator`, or a single trial.
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
    n_test = min(max(1, round(test_fraction * n_trials)), n_trials - 1)
    order = np.random.default_rng(np.random.SeedSequence(seed)).permutation(n_trials)
    test, train = array[np.sort(order[:n_test])], array[np.sort(order[n_test:])]
    factor = leading_factor(train, n_delays, delay_interval, max(ranks), tolerance)
    past, cross = lagged_covariances(train, n_delays, delay_interval, factor)
    largest = regular_rank(past, factor.singular_values, ridge)
    kept = sorted({int(r) for r in ranks if r <= largest})
    operators = [solve_operator(past[:r, :r], cross[:r, :r], ridge) for r in kept]
    readout = (factor.directions * factor.singular_values)[:n_units]
    basis = factor.directions / factor.singular_values
    squared, persistence, count = np.zeros(len(kept)), 0.0, 0
    for rows in iterate_embedding(test, n_delays, delay_interval):
        target = rows[:, 1:, :n_units]
        whitened = rows[:, :-1] @ basis
        persistence += float(((target - rows[:, :-1, :n_units]) ** 2).sum())
        count += target.size
        for k, (rank, operator) in enumerate(zip(kept, operators, strict=True)):
            predicted = (whitened[..., :rank] @ operator.T) @ readout[:, :rank].T
            squared[k] += float(((target - predicted) ** 2).sum())
    error = squared / count
    with np.errstate(divide="ignore"):
        aic = np.log(error) + 2 * (np.array(kept) ** 2 + 1) / count
    return RankSelection(
        np.array(kept, dtype=np.int64), error, persistence / count, aic, n_trials - n_test, n_test
    )
