"""Held-out prediction of one embedding by rank, and the rank that Akaike's criterion prefers.

No comparison job imports this module, so editing it re-runs none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.number_arguments import takes_numbers
from warpline.core.short_repr import ShortRepr
from warpline.similarity.input_errors import (
    SettingsError,
    TooFewTimePointsError,
    check_ridge,
    positive_integer,
)
from warpline.similarity.recordings import as_recording

from .operators import check_states, rank_tolerance_of
from .prediction import FloatArray, Split, akaike, check_split, held_out_errors

__all__ = ["RankSelection", "select_rank"]


@dataclass(frozen=True, repr=False)
class RankSelection(ShortRepr):
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
        Akaike's criterion per predicted number (`warpline.similarity.dsa.prediction.akaike`).
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


@takes_numbers(SettingsError)
def select_rank(
    states: Any,
    *,
    n_delays: int,
    delay_interval: int = 1,
    ranks: Sequence[int],
    ridge: float = 0.0,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> RankSelection:
    """One-step prediction error and Akaike's criterion over ranks, on held-out trials.

    `warpline.choose_dsa` chooses the embedding too, for several systems, and predicts further ahead.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit), or sequence of ndarray, shape (time, unit)
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
    InputError
        One of the errors of `fit_operator`, or a single trial.
    """
    recording, exponent = as_recording(states).rescaled()
    check_states(recording, n_delays=n_delays, delay_interval=delay_interval)
    n_delays = positive_integer("n_delays", n_delays)
    delay_interval = positive_integer("delay_interval", delay_interval)
    ranks = [positive_integer("ranks", rank) for rank in ranks]
    tolerance = rank_tolerance_of(recording, n_delays, delay_interval, None)
    n_trials = len(recording.trials)
    if n_trials < 2:
        raise TooFewTimePointsError(
            "at least two trials, one of them held out", f"{n_trials}", "Split the recording."
        )
    if not ranks:
        raise SettingsError("at least one rank as ranks", "none", "Set ranks.")
    check_split(test_fraction, seed)
    check_ridge(ridge)
    split = Split.of(recording, test_fraction, seed)
    prediction = held_out_errors(
        split.train,
        split.test,
        n_delays=n_delays,
        delay_interval=delay_interval,
        ranks=ranks,
        horizons=(1,),
        first_origin=(n_delays - 1) * delay_interval,
        ridge=ridge,
        tolerance=tolerance,
    )
    # The carried rank may stand in for higher ones, which are left out here.
    tried = [k for k, rank in enumerate(prediction.ranks) if rank in {int(r) for r in ranks}]
    usable = [prediction.ranks[k] for k in tried]
    error = prediction.squared[tried, 0]
    return RankSelection(
        np.array(usable, dtype=np.int64),
        np.ldexp(error, 2 * exponent),
        float(np.ldexp(prediction.persistence_squared[0], 2 * exponent)),
        akaike(error, usable, int(prediction.n_predicted[0])),
        split.n_train,
        split.n_test,
    )
