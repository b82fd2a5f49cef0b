r"""HAVOK-DMD operators from lagged covariances, in float64.

The states of a system are delay-embedded trial by trial and stacked into a Hankel matrix
:math:`H`, whose rows are valid trial-times and whose columns are delayed channels, newest delay
first. With :math:`H \approx V S U^\top` truncated at rank :math:`r`, the operator is the
least-squares map of the whitened coordinates one step ahead within trials,

.. math:: A = (V_-^\top V_+)^\top \, (V_-^\top V_- + \lambda I)^{-1},

(HAVOK-DMD of Ostrow et al. 2023, "Beyond Geometry: Comparing the Temporal Structure of
Computation in Neural Circuits with Dynamical Similarity Analysis"). The package
dsa-metric takes the singular value decomposition of all of :math:`H`; here :math:`U` and
:math:`S` come from a factor no larger than ``delays x channels`` (see `warpline.similarity.dsa.hankel`), and
:math:`V_\pm` is streamed over trials, so that memory does not grow with trials x delays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from warpline.core.embedding_steps import steps_needed
from warpline.core.number_arguments import takes_numbers
from warpline.core.short_repr import ShortRepr
from warpline.similarity.input_errors import (
    ConstantDataError,
    RankError,
    SettingsError,
    SingularRegressionError,
    TooFewTimePointsError,
    check_ridge,
    positive_integer,
)
from warpline.similarity.recordings import as_recording
from warpline.similarity.time_coordinates import check_equal_steps

from .hankel import (
    Factor,
    Trials,
    blocks_of,
    by_length,
    count_transitions,
    iterate_embedding,
    leading_factor,
)
from .padding import check_rank
from .window_means import TransitionMeans

FloatArray = NDArray[np.float64]

#: Smallest eigenvalue of the whitened regression matrix (its eigenvalues lie in [0, 1], and say how
#: much of a direction is seen before the last time of a trial) that is still solved.
_SINGULAR = 1e-8


@dataclass(frozen=True, repr=False)
class Operator(ShortRepr):
    """A fitted HAVOK-DMD operator.

    Attributes
    ----------
    matrix : ndarray, shape (rank, rank)
        The one-step operator in whitened delay coordinates. Rows and columns from ``rank_used``
        on are zero.
    rank : int
        The rank asked for.
    rank_used : int
        The rank that the data carry, at most ``rank``.
    singular_values : ndarray, shape (rank_used,)
        Leading singular values of the Hankel matrix, in the units of the data.
    condition_number : float
        First singular value over the last one used.
    method : {"gram", "qr", "snapshots"}
        How the factor was computed (see `warpline.similarity.dsa.hankel.leading_factor`).
    n_delays, delay_interval : int
        The embedding; the interval is in time steps.
    ridge : float
        Ridge of the regression, in whitened coordinates.
    n_trials, n_times, n_channels : int
        Shape of the data it was fitted to; times of the longest trial, where trials differ.
    gap : float
        Share by which the singular value after the last one used is smaller (`Factor.gap`).
    n_transitions, n_regressors : int
        Steps that it was fitted to, and unknowns of each of its equations: ``rank_used``, and one for a
        constant term.
    """

    matrix: FloatArray
    rank: int
    rank_used: int
    singular_values: FloatArray
    condition_number: float
    method: Literal["gram", "qr", "snapshots"]
    n_delays: int
    delay_interval: int
    ridge: float
    n_trials: int
    n_times: int
    n_channels: int
    gap: float = 1.0
    n_transitions: int = 0
    n_regressors: int = 0


@takes_numbers(SettingsError)
def fit_operator(
    states: Any,
    *,
    n_delays: int,
    delay_interval: int = 1,
    rank: int,
    ridge: float = 0.0,
    strict: bool = False,
    rank_tolerance: float | None = None,
    offset: bool = False,
) -> Operator:
    """Fit the HAVOK-DMD operator of one system.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit), or sequence of ndarray, shape (time, unit)
        States of one system, not centred by this function; see
        `warpline.similarity.recordings.as_recording`. Trials of a sequence may differ in length: each
        is embedded by itself, and counts with the transitions that it has.
    n_delays, delay_interval : int
        The embedding; the interval is in time steps.
    rank : int
        Rank of the operator. Systems may have different numbers of units as long as they share
        the rank.
    ridge : float, optional
        Ridge of the regression in whitened coordinates (``lamb`` of dsa-metric).
    strict : bool, optional
        Raise, rather than pad with zeros, where ``rank`` exceeds what the data carry.
    rank_tolerance : float, optional
        Singular values below this fraction of the first do not count. By default the larger of
        ``max(H.shape) * eps`` in float64 and eight times the relative spacing of the type in which
        the data came, because quantisation noise is no dynamics.
    offset : bool, optional
        Fit a constant term too, and leave it out: v(t + 1) = A v(t) + c. Neither baselines of the units nor
        a fixed point other than 0 are then part of the operator.

    Returns
    -------
    Operator
        The operator. Deterministic: its signs are fixed by the largest loading of each direction.

    Raises
    ------
    InputError
        One of the errors of `check_states`; SettingsError for a rank whose zeros alone would fill the memory;
        RankError under ``strict``; SingularRegressionError
        where nothing is seen before the last times of the trials.

    Notes
    -----
    The rank used is the largest at which the singular values are above the tolerance and the
    regression has a unique solution: a direction that shows only at the last times of the trials,
    from which nothing follows, has no dynamics that the data carry.

    Against dsa-metric's ``DMD(..., lamb=ridge).A_v`` in float64 the operators agree to sign to
    about machine precision times the condition number, over the gap of the singular values at the rank
    (``Operator.gap``): where two are equal there, as of whitened states, rounding decides which directions
    are kept.
    """
    (operator,) = fit_operators(
        states,
        n_delays=n_delays,
        delay_interval=delay_interval,
        ranks=[rank],
        ridge=ridge,
        strict=strict,
        rank_tolerance=rank_tolerance,
        offset=offset,
    )
    return operator


@takes_numbers(SettingsError)
def fit_operators(
    states: Any,
    *,
    n_delays: int,
    delay_interval: int = 1,
    ranks: Sequence[int],
    ridge: float = 0.0,
    strict: bool = False,
    rank_tolerance: float | None = None,
    offset: bool = False,
) -> list[Operator]:
    """Fit the operators of several ranks of one system, for about the price of the highest.

    Parameters
    ----------
    states, n_delays, delay_interval, ridge, strict, rank_tolerance, offset
        As in `fit_operator`.
    ranks : sequence of int
        Ranks of the operators.

    Returns
    -------
    list of Operator
        One per rank, in their order: up to rounding what `fit_operator` returns. The directions of a lower
        rank are the first ones of a higher rank.

    Raises
    ------
    InputError
        As `fit_operator`, at the first rank for which it does.
    """
    # The tolerance depends on the type in which the states came, which a recording remembers.
    recording, exponent = as_recording(states).rescaled()
    if offset:
        recording = recording.centred()
    trials = check_states(recording, n_delays=n_delays, delay_interval=delay_interval)
    n_delays = positive_integer("n_delays", n_delays)
    delay_interval = positive_integer("delay_interval", delay_interval)
    ranks = [positive_integer("rank", rank) for rank in ranks]
    for rank in ranks:
        check_rank(rank, n_delays * recording.n_units)
    tolerance = rank_tolerance_of(recording, n_delays, delay_interval, rank_tolerance)
    check_ridge(ridge)
    means = TransitionMeans.of(trials, n_delays, delay_interval) if offset else None
    factor = leading_factor(
        trials, n_delays, delay_interval, max(ranks), tolerance,
        with_next=True, means=means.rows if means else None,
    )  # fmt: skip
    past, cross = lagged_covariances(trials, n_delays, delay_interval, factor, means)
    operators = []
    for rank in ranks:
        rank_used = regular_rank(past[:rank, :rank], factor.singular_values[:rank], ridge)
        if strict and rank_used < rank:
            raise RankError(
                f"data that carry rank {rank} (relative tolerance {tolerance:.1e})",
                f"rank {rank_used}",
                f"Ask for rank {rank_used} or less, or drop strict to pad the operator with zeros.",
            )
        # Padded with zeros to the rank asked for, so that all systems of a comparison have one size.
        matrix = np.zeros((rank, rank))
        matrix[:rank_used, :rank_used] = solve_operator(
            past[:rank_used, :rank_used], cross[:rank_used, :rank_used], ridge
        )
        if not np.linalg.norm(matrix) > 0:
            # An angle to it is none.
            raise SingularRegressionError(
                "an operator that is not 0",
                f"one of norm 0 with ridge = {ridge:g}",
                "Lower the ridge, or use states that predict the next ones.",
            )
        matrix.setflags(write=False)
        singular_values = factor.singular_values[:rank_used]
        operators.append(
            Operator(
                matrix=matrix,
                rank=rank,
                rank_used=rank_used,
                singular_values=np.ldexp(singular_values, exponent),
                condition_number=float(singular_values[0] / singular_values[-1]),
                method=factor.method,
                n_delays=n_delays,
                delay_interval=delay_interval,
                ridge=float(ridge),
                n_trials=len(recording.trials),
                n_times=max(recording.lengths),
                n_channels=recording.n_units,
                gap=factor.gap(rank_used),
                n_transitions=count_transitions(trials, n_delays, delay_interval),
                n_regressors=rank_used + offset,
            )
        )
    return operators


def lagged_covariances(
    states: Trials,
    n_delays: int,
    delay_interval: int,
    factor: Factor,
    means: TransitionMeans | None = None,
) -> tuple[FloatArray, FloatArray]:
    r"""Covariances of the whitened coordinates, streamed over trials.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit), or tuple of such arrays
        Checked states (`warpline.similarity.dsa.hankel.by_length`).
    n_delays, delay_interval : int
        The embedding.
    factor : Factor
        Leading singular values and directions.
    means : TransitionMeans, optional
        Of these trials. With them both sides are centred, as a constant term does.

    Returns
    -------
    past : ndarray, shape (rank, rank)
        :math:`V_-^\top V_-`, all embedded times but the last of each trial.
    cross : ndarray, shape (rank, rank)
        :math:`V_-^\top V_+`.
    """
    basis = factor.directions / factor.singular_values
    rank = basis.shape[1]
    past = np.zeros((rank, rank))
    cross = np.zeros((rank, rank))
    centre = None if means is None else means.rows @ basis
    for rows in iterate_embedding(states, n_delays, delay_interval):
        n_trials, n_rows, n_columns = rows.shape
        whitened = rows.reshape(-1, n_columns) @ basis
        if centre is not None:
            whitened -= centre
        # All rows at once, less what crosses the end of a trial: no copies of shifted blocks.
        by_trial = whitened.reshape(n_trials, n_rows, rank)
        last, first = by_trial[:, -1], by_trial[:, 0]
        past += whitened.T @ whitened - last.T @ last
        cross += whitened[:-1].T @ whitened[1:] - last[:-1].T @ first[1:]
    if means is not None:
        before, after = means.whitened(basis)
        past -= means.count * np.outer(before, before)
        cross -= means.count * np.outer(before, after)
    return past, cross


def solve_operator(past: FloatArray, cross: FloatArray, ridge: float) -> FloatArray:
    """Solve the ridge regression for the operator.

    Parameters
    ----------
    past, cross : ndarray, shape (rank, rank)
        Covariances of `lagged_covariances`. Their leading blocks give the operators of lower
        ranks.
    ridge : float
        Added to the diagonal of ``past``.

    Returns
    -------
    ndarray, shape (rank, rank)
        The operator that maps whitened coordinates one step ahead.

    Raises
    ------
    SingularRegressionError
        If ``past`` plus the ridge is numerically singular.
    """
    values, vectors = scipy.linalg.eigh(past + ridge * np.eye(len(past)))
    if values[0] < _SINGULAR:
        raise SingularRegressionError(
            f"a regression matrix with smallest eigenvalue above {_SINGULAR:.0e}",
            f"{values[0]:.1e} at rank {len(past)}",
            "Use a lower rank, fewer delays, more trials or a small ridge.",
        )
    solution: FloatArray = (vectors / values) @ (vectors.T @ cross)
    return np.ascontiguousarray(solution.T)


def regular_rank(past: FloatArray, singular_values: FloatArray, ridge: float) -> int:
    """Find the largest rank at which the regression is not singular, at least one.

    Parameters
    ----------
    past : ndarray, shape (rank, rank)
        From `lagged_covariances`.
    singular_values : ndarray, shape (rank,)
        Descending. Whitening amplifies rounding by the condition number, which the smallest
        eigenvalue of the regression has to exceed.
    ridge : float
        Added to the diagonal of ``past``.

    Returns
    -------
    int
        A rank between one and that of ``past``.

    Notes
    -----
    The smallest eigenvalue of the leading blocks falls with their size (interlacing), so that
    bisection finds the last regular one.
    """

    def is_regular(rank: int) -> bool:
        rounding = 100 * np.finfo(np.float64).eps * singular_values[0] / singular_values[rank - 1]
        smallest = np.linalg.eigvalsh(past[:rank, :rank])[0]
        return bool(smallest + ridge >= max(_SINGULAR, rounding))

    low, high = 1, len(past)
    if is_regular(high):  # the usual case
        return high
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if is_regular(middle) else (low, middle - 1)
    return low


def check_states(states: Any, *, n_delays: int, delay_interval: int) -> Trials:
    """Check states against the embedding and return them as contiguous float64.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit), or sequence of ndarray, shape (time, unit)
        States of one system; see `warpline.similarity.recordings.as_recording`. One trial is allowed: the
        operator is then fitted to the transitions within that trial alone.
    n_delays : int
        Number of delayed copies, the undelayed one included.
    delay_interval : int
        Time steps between two copies.

    Returns
    -------
    ndarray, shape (trial, time, unit), or tuple of such arrays
        The same states, float64, C-contiguous; one array per length where trials differ
        (`warpline.similarity.dsa.hankel.by_length`).

    Raises
    ------
    DimensionError
        If the array has not these dimensions, is empty, or is not real.
    TooFewTimePointsError
        If a trial has fewer than two embedded times.
    NonFiniteDataError, ConstantDataError
        If the data hold NaN or infinity, or do not change in time in any trial and unit.
    TrialError
        If the states have times, and these are not evenly spaced.
    SettingsError
        If the embedding is not made of positive integers.
    """
    n_delays = positive_integer("n_delays", n_delays)
    delay_interval = positive_integer("delay_interval", delay_interval)
    recording = as_recording(states)
    check_equal_steps(recording.times, recording.name)
    needed = steps_needed(n_delays, delay_interval)
    too_short = sum(length < needed for length in recording.lengths)
    if too_short:
        raise TooFewTimePointsError(
            f"at least {needed} time points for {n_delays} delays x {delay_interval} steps "
            "(one embedded transition)",
            f"{min(recording.lengths)} in the shortest of {len(recording.trials)} trials",
            "Use fewer delays, a shorter delay interval or longer trials."
            if too_short == len(recording.trials)
            else f"Drop the {too_short} trials that are shorter, or use fewer delays.",
        )
    trials = recording.states if recording.equal_lengths else by_length(recording.trials)
    if not any((block != block[:, :1]).any() for block in blocks_of(trials)):
        raise ConstantDataError(
            "states that change in time",
            f"{len(recording.trials)} trials that are constant in every unit",
            "Check the time axis and the window; a system at rest has no operator to compare.",
        )
    return trials


def check_rank_tolerance(given: float | None) -> None:
    """Refuse a rank_tolerance that is no share below 1.

    Raises
    ------
    SettingsError
    """
    if given is not None and not 0 <= given < 1:
        raise SettingsError("rank_tolerance in [0, 1)", f"{given!r}", "Set rank_tolerance.")


def rank_tolerance_of(
    states: Any, n_delays: int, delay_interval: int, given: float | None
) -> float:
    """Relative size below which a singular value of the embedding does not count.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit), or sequence of ndarray, shape (time, unit)
        States in the type in which they came, or a recording that remembers it.
    n_delays, delay_interval : int
        The embedding.
    given : float or None
        The caller's choice, which wins.

    Returns
    -------
    float
        See `fit_operator`.

    Raises
    ------
    ConstantDataError
        Where all that is left of centred states is the spacing of the numbers in which they came.
    """
    if given is not None:
        check_rank_tolerance(given)
        return float(given)
    recording = as_recording(states)
    lost = (n_delays - 1) * delay_interval
    rows = sum(max(length - lost, 1) for length in recording.lengths)
    largest = max(rows, recording.n_units * n_delays)
    tolerance = max(largest * float(np.finfo(np.float64).eps), 8 * recording.precision)
    if tolerance >= 1:
        raise ConstantDataError(
            "states that change by more than the spacing of their numbers",
            f"a spacing of {recording.precision:.1e} of their size",
            "Read them in a wider type, or subtract what they have in common before they are stored.",
        )
    return tolerance
