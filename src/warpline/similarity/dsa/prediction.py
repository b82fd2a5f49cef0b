"""Held-out prediction of HAVOK-DMD operators, against two without dynamics: nothing changes, and the mean.

Whole trials are held out, because the times of one trial are dependent. One factorisation serves all ranks
of an embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.input_errors import ConstantDataError, SettingsError
from warpline.similarity.recordings import Recording

from .hankel import Trials, blocks_of, by_length, iterate_embedding, leading_factor
from .operators import lagged_covariances, regular_rank, solve_operator
from .window_means import TransitionMeans

FloatArray = NDArray[np.float64]

#: Least squared error of persistence, as a share of that over one step. A rhythm whose period divides the
#: horizon is back where it was: that persistence is exact there says nothing about an operator.
LEAST_PERSISTENCE = 0.5
#: States that change in one step by less than so many spacings of their numbers are at rest.
_REST = 8


@dataclass(frozen=True)
class Prediction:
    """Errors of the operators of one embedding on held-out trials, by rank.

    Attributes
    ----------
    ranks : tuple of int
        Ranks of the operators; at most ``carried``.
    carried : int
        The rank that the training trials carry, up to the largest rank asked for.
    squared, absolute : ndarray, shape (rank, horizon)
        Mean squared and mean absolute error over held-out trials, target times and units, in (squared)
        units of the data.
    persistence_squared, persistence_absolute : ndarray, shape (horizon,)
        The same for the prediction that nothing changes; squared no less than `LEAST_PERSISTENCE` of the
        error over one step, and absolute than the root of that share.
    at_rest : bool
        Whether the held-out states change from step to step by no more than the spacing of their numbers.
    mean_squared : ndarray, shape (horizon,)
        Mean squared error of the mean of each unit over the times of the training trials.
    n_predicted : ndarray of int, shape (horizon,)
        Numbers predicted.
    spectral_radius : ndarray, shape (rank,)
        Largest absolute value of an eigenvalue.
    non_normality : ndarray, shape (rank,)
        Departure from normality of Henrici (1962) over the Frobenius norm, in [0, 1]; 0 for a normal
        operator.
    """

    ranks: tuple[int, ...]
    carried: int
    squared: FloatArray
    absolute: FloatArray
    persistence_squared: FloatArray
    persistence_absolute: FloatArray
    at_rest: bool
    mean_squared: FloatArray
    n_predicted: NDArray[np.int64]
    spectral_radius: FloatArray
    non_normality: FloatArray


def check_split(test_fraction: float, seed: int) -> None:
    """Refuse a share by which no trial, or every one, would be held out, and a seed below 0."""
    if not 0 < test_fraction < 1:
        raise SettingsError("test_fraction in (0, 1)", f"{test_fraction}", "Set test_fraction.")
    if seed < 0:
        raise SettingsError("seed as a whole number from 0", f"{seed}", "Set seed.")


def split_trials(
    n_trials: int, test_fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw held-out trials: equal for all systems with as many trials.

    Parameters
    ----------
    n_trials : int
        At least two.
    test_fraction : float
        Share of the trials held out; at least one trial is, and at least one is not.
    seed : int
        Of the draw.

    Returns
    -------
    train, test : ndarray of int
        Sorted indices.
    """
    n_test = min(max(1, round(test_fraction * n_trials)), n_trials - 1)
    order = np.random.default_rng(np.random.SeedSequence(seed)).permutation(n_trials)
    return np.sort(order[n_test:]), np.sort(order[:n_test])


@dataclass(frozen=True)
class Split:
    """Trials of one system, stacked by length: those fitted to and those held out, and how many there are."""

    train: Trials
    test: Trials
    n_train: int
    n_test: int

    @classmethod
    def of(cls, recording: Recording, test_fraction: float, seed: int) -> Split:
        """Draw held-out trials of a recording (`split_trials`)."""
        train, test = split_trials(len(recording.trials), test_fraction, seed)
        fitted, held_out = (
            by_length([recording.trials[k] for k in part]) for part in (train, test)
        )
        return cls(fitted, held_out, len(train), len(test))


def spectral_radius(matrix: FloatArray) -> float:
    """Return the largest absolute value of an eigenvalue, shape (rank, rank)."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def non_normality(matrix: FloatArray) -> float:
    """Return Henrici's departure from normality over the Frobenius norm, shape (rank, rank).

    The departure is the root of the squared Frobenius norm less the sum of the squared absolute
    eigenvalues (Henrici 1962). It is 0 if and only if the matrix is normal.
    """
    total = float((matrix**2).sum())
    if total == 0:
        return 0.0
    on_spectrum = float((np.abs(np.linalg.eigvals(matrix)) ** 2).sum())
    return float(np.sqrt(max(0.0, 1 - on_spectrum / total)))


def held_out_errors(
    train: Trials,
    test: Trials,
    *,
    n_delays: int,
    delay_interval: int,
    ranks: Sequence[int],
    horizons: Sequence[int],
    first_origin: int,
    ridge: float,
    tolerance: float,
    precision: float = float(np.finfo(np.float64).eps),
    offset: bool = False,
) -> Prediction:
    """Fit the operators of one embedding to some trials and predict others.

    Parameters
    ----------
    train, test : ndarray, shape (trial, time, unit), or tuple of such arrays
        Checked states, float64 (`warpline.similarity.dsa.hankel.by_length`).
    n_delays, delay_interval : int
        The embedding; the interval is in time steps.
    ranks : sequence of int
        Ranks, each at least 1. A rank above what the data carry is replaced by the one that they carry:
        that is the operator which a comparison would use.
    horizons : sequence of int
        Time steps between the last state known and the target, rising.
    first_origin : int
        First time from which a prediction starts; at least the length of the embedding. Embeddings are
        compared on the same targets if this is the same.
    ridge, tolerance : float
        See `warpline.similarity.dsa.operators.fit_operator`.
    precision : float, optional
        Relative spacing of the numbers in which the states came.
    offset : bool, optional
        Predict by operators with a constant term.

    Returns
    -------
    Prediction
        With the distinct ranks, rising.

    Raises
    ------
    InputError
        If the regression is singular at every rank, or all states of the training trials are 0.
    """
    n_units = blocks_of(train)[0].shape[2]
    fit = _Fit.of(
        train, n_delays, delay_interval, ranks, ridge=ridge, tolerance=tolerance, offset=offset
    )
    # Powers of the maps from one horizon to the next.
    gaps = np.diff([0, *horizons])
    powers = [
        [_power(matrix, constant, int(gap)) for gap in gaps]
        for matrix, constant in zip(fit.operators, fit.constants, strict=True)
    ]

    shape = (len(fit.ranks), len(horizons))
    squared, absolute = np.zeros(shape), np.zeros(shape)
    still_squared, still_absolute = np.zeros(len(horizons)), np.zeros(len(horizons))
    mean_squared = np.zeros(len(horizons))
    steps = _Steps()
    n_states = sum(block.shape[0] * block.shape[1] for block in blocks_of(train))
    mean = sum(block.sum(axis=(0, 1)) for block in blocks_of(train)) / n_states
    n_predicted = np.zeros(len(horizons), dtype=np.int64)
    # The embedded rows before the first origin are not needed; trials that end there have no target.
    start = first_origin - (n_delays - 1) * delay_interval
    cut = tuple(trials[:, start:] for trials in blocks_of(test) if trials.shape[1] > first_origin)
    for rows in iterate_embedding(cut, n_delays, delay_interval):
        newest = rows[..., :n_units]
        steps.add(newest)
        whitened = rows @ fit.basis - fit.centre
        for h, horizon in enumerate(horizons):
            if rows.shape[1] <= horizon:
                continue
            change = newest[:, horizon:] - newest[:, :-horizon]
            still_squared[h] += float((change**2).sum())
            still_absolute[h] += float(np.abs(change).sum())
            mean_squared[h] += float(((newest[:, horizon:] - mean) ** 2).sum())
            n_predicted[h] += change.size
        for k, rank in enumerate(fit.ranks):
            ahead = whitened[:, : -horizons[0], :rank]
            for h, horizon in enumerate(horizons):
                if rows.shape[1] <= horizon:
                    break
                matrix, constant = powers[k][h]
                ahead = ahead[:, : rows.shape[1] - horizon] @ matrix.T + constant
                error = newest[:, horizon:] - fit.newest_mean - ahead @ fit.readout[:, :rank].T
                squared[k, h] += float((error**2).sum())
                absolute[k, h] += float(np.abs(error).sum())
    return Prediction(
        ranks=fit.ranks,
        carried=fit.carried,
        squared=squared / n_predicted,
        absolute=absolute / n_predicted,
        persistence_squared=np.maximum(
            still_squared / n_predicted, LEAST_PERSISTENCE * steps.squared / steps.n
        ),
        persistence_absolute=np.maximum(
            still_absolute / n_predicted, np.sqrt(LEAST_PERSISTENCE) * steps.absolute / steps.n
        ),
        at_rest=steps.squared <= (_REST * precision) ** 2 * steps.size,
        mean_squared=mean_squared / n_predicted,
        n_predicted=n_predicted,
        spectral_radius=np.array([spectral_radius(matrix) for matrix in fit.operators]),
        non_normality=np.array([non_normality(matrix) for matrix in fit.operators]),
    )


@dataclass
class _Steps:
    """Sums over changes in one step: squared, absolute, of the squared states before, and how many."""

    squared: float = 0.0
    absolute: float = 0.0
    size: float = 0.0
    n: int = 0

    def add(self, states: FloatArray) -> None:
        """Add the changes of some trials, shape (trial, time, unit)."""
        change = states[:, 1:] - states[:, :-1]
        self.squared += float((change**2).sum())
        self.absolute += float(np.abs(change).sum())
        self.size += float((states[:, :-1] ** 2).sum())
        self.n += change.size


@dataclass(frozen=True)
class _Fit:
    """Operators of one embedding by rank, with the way to their coordinates and back to the states.

    Attributes
    ----------
    ranks : tuple of int
    carried : int
        The rank that the trials carry.
    operators, constants : list of ndarray, shape (rank, rank) and (rank,)
    basis : ndarray, shape (delays * unit, rank)
        From embedded rows to whitened coordinates, from which ``centre`` is subtracted.
    centre : ndarray, shape (rank,)
    readout : ndarray, shape (unit, rank)
        Whitened coordinates back to the newest states, the first block of the delay embedding, to which
        ``newest_mean`` is added.
    newest_mean : ndarray, shape (unit,)
    """

    ranks: tuple[int, ...]
    carried: int
    operators: list[FloatArray]
    constants: list[FloatArray]
    basis: FloatArray
    centre: FloatArray
    readout: FloatArray
    newest_mean: FloatArray

    @classmethod
    def of(
        cls,
        states: Trials,
        n_delays: int,
        delay_interval: int,
        ranks: Sequence[int],
        *,
        ridge: float,
        tolerance: float,
        offset: bool,
    ) -> _Fit:
        """Fit the operators; all ranks share one factorisation."""
        n_units = blocks_of(states)[0].shape[2]
        means = TransitionMeans.of(states, n_delays, delay_interval) if offset else None
        factor = leading_factor(
            states,
            n_delays,
            delay_interval,
            max(ranks),
            tolerance,
            means=means.rows if means else None,
        )
        if not len(factor.singular_values):
            raise ConstantDataError(
                "states of the training trials that change",
                "ones that are all 0",
                "Hold out other trials (seed), or leave the system out.",
            )
        past, cross = lagged_covariances(states, n_delays, delay_interval, factor, means)
        carried = regular_rank(past, factor.singular_values, ridge)
        usable = tuple(sorted({min(rank, carried) for rank in ranks}))
        operators = [solve_operator(past[:r, :r], cross[:r, :r], ridge) for r in usable]
        readout = (factor.directions * factor.singular_values)[:n_units]
        basis = factor.directions / factor.singular_values
        centre: FloatArray = np.zeros(basis.shape[1])
        constants: list[FloatArray] = [np.zeros(rank) for rank in usable]
        newest_mean: FloatArray = np.zeros(n_units)
        if means is not None:
            centre, newest_mean = means.rows @ basis, means.rows[:n_units]
            before, after = means.whitened(basis)
            constants = [
                after[:rank] - matrix @ before[:rank]
                for rank, matrix in zip(usable, operators, strict=True)
            ]
        return cls(usable, carried, operators, constants, basis, centre, readout, newest_mean)


def _power(matrix: FloatArray, constant: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Return matrix and constant of n steps of x -> matrix x + constant."""
    total = np.zeros_like(constant)
    for _ in range(n):
        total = matrix @ total + constant
    return np.linalg.matrix_power(matrix, n), total


def akaike(squared: FloatArray, ranks: Sequence[int], n_predicted: int) -> FloatArray:
    """Return Akaike's criterion per predicted number, ``log(error) + 2 (rank^2 + 1) / N``.

    As dsa-metric defines it. Minus infinity for an error of zero, of noiseless linear data.

    Parameters
    ----------
    squared : ndarray, shape (rank,)
        Mean squared one-step errors.
    ranks : sequence of int
        Ranks of the operators.
    n_predicted : int
        Numbers predicted.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(squared) + 2 * (np.asarray(ranks) ** 2 + 1) / n_predicted)
