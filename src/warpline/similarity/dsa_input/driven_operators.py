r"""Operators of driven systems, x(t + 1) = A x(t) + B u(t), from lagged covariances, in float64.

``dmdc``
    Dynamic mode decomposition with control (Proctor et al. 2016) on delay embeddings: the coordinates
    :math:`x` are the principal components of the embedded states. For states that are observed in full.
``subspace``
    Subspace identification (N4SID, Van Overschee & De Moor 1994; the estimator of SubspaceDMDc in Huang,
    Ostrow et al. 2026). The coordinates are what a past window of states and inputs says of a future
    window of states, the effect of future inputs removed. For states that are observed in part.

Both see the data through the Gram matrix of an embedding or a square root of it (`embedding_root`), and
through one regression (`regress`, streamed over trials; from the same Gram matrix where squaring loses
nothing: `Transitions`). Memory does not grow with trials x delays.

Coordinates come whitened, :math:`V` of :math:`X = S V^\top`, and are scaled by a power of the singular
values :math:`S`. ``principal`` (:math:`S^1`) keeps the units of the data. For ``subspace`` it makes the
observability matrix orthonormal, so that at the rank of a linear system A and B depend on no statistic of
its inputs, up to an orthogonal change of basis. ``balanced`` (:math:`S^{1/2}`) is what SubspaceDMDc uses,
``whitened`` (:math:`S^0`) what DSA uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from warpline.core.embedding_steps import lags_of_driven
from warpline.core.number_arguments import takes_numbers
from warpline.core.short_repr import ShortRepr
from warpline.similarity.dsa.hankel import (
    GRAM_CONDITION_LIMIT,
    Trials,
    blocks_of,
    count_transitions,
    delay_embed,
    gram_matrix,
    leading_factor,
    relative_gap,
    streamed_triangle,
)
from warpline.similarity.dsa.operators import regular_rank
from warpline.similarity.dsa.padding import check_rank
from warpline.similarity.dsa.window_means import window_sums
from warpline.similarity.input_errors import (
    SettingsError,
    SingularRegressionError,
    check_ridge,
    positive_integer,
)

from .driven_trials import DrivenTrials, driven_trials
from .transition_moments import Transitions, regress

FloatArray = NDArray[np.float64]
Backend = Literal["dmdc", "subspace"]
Coordinates = Literal["principal", "balanced", "whitened"]

_POWERS = {"principal": 1.0, "balanced": 0.5, "whitened": 0.0}
#: Directions of the inputs with a smaller share of their variance are not seen, and get no effect.
_SILENT = 1e-10
#: Share of the predicted states at which the part of the states, or of the inputs, is rounding: 0 then.
_NOTHING = 1e-9
#: Condition number of the coordinates up to which their regression is taken from the Gram matrix of the data:
#: its square amplifies rounding, to about 1e-10.
_SQUARED_CONDITION_LIMIT = 1e3


@dataclass(frozen=True, repr=False)
class DrivenOperator(ShortRepr):
    """A fitted driven system, x(t + 1) = A x(t) + B u(t).

    Attributes
    ----------
    state : ndarray, shape (rank, rank)
        A. Rows and columns from ``rank_used`` on are zero.
    control : ndarray, shape (rank, n_input_delays * channel)
        B, newest input first, in the units of the inputs. Rows from ``rank_used`` on are zero.
    rank, rank_used : int
        The rank asked for, and the rank that the data carry.
    singular_values : ndarray, shape (rank_used,)
        Of the embedding (``dmdc``) or of the projected future (``subspace``); inf beyond double precision.
    backend : {"dmdc", "subspace"}
    coordinates : {"principal", "balanced", "whitened"}
    gap : float
        Share by which the singular value after the last one used is smaller: 0 where the coordinates are some
        of many that would do as well.
    n_transitions, n_regressors : int
        Steps that it was fitted to, and unknowns of each of its equations: states, inputs that vary, and a
        constant term; for ``subspace`` those of its windows, if they are more.
    """

    state: FloatArray
    control: FloatArray
    rank: int
    rank_used: int
    singular_values: FloatArray
    backend: Backend
    coordinates: Coordinates
    gap: float = 1.0
    n_transitions: int = 0
    n_regressors: int = 0


@takes_numbers(SettingsError)
def fit_driven_operator(
    states: Any,
    inputs: Any,
    *,
    rank: int,
    n_delays: int = 1,
    delay_interval: int = 1,
    n_input_delays: int = 1,
    input_lag: int = 0,
    backend: Backend = "dmdc",
    coordinates: Coordinates = "principal",
    offset: bool = True,
    ridge: float = 0.0,
    rank_tolerance: float | None = None,
) -> DrivenOperator:
    """Fit the operators of one driven system.

    Parameters
    ----------
    states, inputs : array (trial, time, unit or channel), or sequence of (time, unit or channel) arrays
        States of one system and what drove it. Trials may differ in length.
    rank : int
        Rank of the operator; a system that carries less is padded with zeros.
    n_delays : int
        Delays of the embedding (``dmdc``), or length of the past and of the future window (``subspace``).
    delay_interval : int
        Steps between two delays; 1 for ``subspace``.
    n_input_delays : int
        Inputs that act on one step, ``delay_interval`` steps apart, newest first; 1 for ``subspace``.
    input_lag : int
        Steps from an input to the state on which it acts. 0 for networks whose state at t is computed from
        the input at t, such as those of Warpline and PyTorch; 1 is the convention of control theory and of
        dsa-metric.
    backend, coordinates
        See the module.
    offset : bool
        Fit a constant term too, and leave it out of the comparison.
    ridge : float
        Ridge of the regression, with states and inputs whitened.
    rank_tolerance : float, optional
        Singular values below this fraction of the first do not count; by default the rounding level.

    Returns
    -------
    DrivenOperator
        Deterministic.

    Raises
    ------
    InputError
        When data or settings cannot be used. SingularRegressionError when states and inputs cannot be told
        apart, such as states that follow the input of their own step alone.
    """
    rank, n_delays = positive_integer("rank", rank), positive_integer("n_delays", n_delays)
    delay_interval = positive_integer("delay_interval", delay_interval)
    n_input_delays = positive_integer("n_input_delays", n_input_delays)
    # One more than the lag is a positive integer.
    input_lag = positive_integer("input_lag + 1", input_lag + 1) - 1
    check_ridge(ridge)
    _check_words(backend, coordinates)
    subspace = backend == "subspace"
    if subspace and (delay_interval, n_input_delays) != (1, 1):
        raise SettingsError(
            "delay_interval and n_input_delays of 1 for the backend subspace",
            f"{delay_interval} and {n_input_delays}",
            "Set them to 1: the windows hold every step of states and inputs.",
        )
    n_lags = lags_of_driven(n_delays, n_input_delays, backend)
    trials = driven_trials(
        states, inputs, n_lags=n_lags, delay_interval=delay_interval, input_lag=input_lag,
        offset=offset, rank_tolerance=rank_tolerance,
    )  # fmt: skip
    check_rank(rank, n_delays * trials.n_units)
    transitions = None
    if subspace:
        values, next_value, state_map = _subspace_coordinates(trials, n_delays, rank, offset=offset)
        input_columns = trials.channel_columns(range(n_delays - 1, n_delays))
    else:
        # Delays of one step: one pass over the trials gives the coordinates and their regression.
        if delay_interval == 1:
            transitions = Transitions.of(trials.blocks, n_lags)
        values, next_value, state_map = _embedded_coordinates(
            trials, n_delays, delay_interval, n_lags, rank, transitions
        )
        input_columns = trials.channel_columns(range(n_input_delays))
    if transitions is not None and values[0] <= _SQUARED_CONDITION_LIMIT * values[-1]:
        past, cross = transitions.regress(
            state_map, input_columns, input_in_step=trials.input_in_step, offset=offset
        )
    else:
        past, cross = regress(
            trials.blocks, n_lags, delay_interval, state_map, input_columns,
            input_in_step=trials.input_in_step, offset=offset,
        )  # fmt: skip
    transition, effect, n_regressors = solve_driven(
        past, cross, len(values), values, ridge, trials.precision
    )
    if subspace:
        n_regressors = max(n_regressors, n_lags * (trials.n_units + trials.n_channels))

    rank_used = len(transition)
    gap = relative_gap(values, next_value, rank_used)
    state, control, values = _in_coordinates(
        transition, effect, values[:rank_used], rank, coordinates, trials
    )
    return DrivenOperator(
        state,
        control,
        rank,
        rank_used,
        values,
        backend,
        coordinates,
        gap=gap,
        n_transitions=count_transitions(trials.blocks, n_lags, delay_interval),
        n_regressors=n_regressors + offset,
    )


def _check_words(backend: Any, coordinates: Any) -> None:
    for name, value, choices in (
        ("backend", backend, ("dmdc", "subspace")),
        ("coordinates", coordinates, tuple(_POWERS)),
    ):
        if value not in choices:
            raise SettingsError(
                f"{name} to be one of {', '.join(choices)}", repr(value), f"Set {name}."
            )


def _in_coordinates(
    transition: FloatArray, effect: FloatArray, values: FloatArray, rank: int,
    coordinates: Coordinates, trials: DrivenTrials,
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Return A and B in the coordinates of the comparison, padded to the rank, and the singular values.

    Transition and effect are those of whitened coordinates and rescaled data.
    """
    scale = values ** _POWERS[coordinates]
    rank_used = len(transition)
    state, control = np.zeros((rank, rank)), np.zeros((rank, effect.shape[1]))
    state[:rank_used, :rank_used] = scale[:, None] * transition / scale
    control[:rank_used] = scale[:, None] * effect
    # Powers of two that were divided out of the data; a root of one has no exponent of its own.
    power = _POWERS[coordinates] * trials.state_exponent - trials.input_exponent
    with np.errstate(over="ignore"):
        control = np.ldexp(control * 2.0 ** (power % 1), int(power // 1))
        values = np.ldexp(values, trials.state_exponent)
    state.setflags(write=False)
    control.setflags(write=False)
    return state, control, values


def embedding_root(states: Trials, n_lags: int, *, centred: bool) -> FloatArray:
    """Square root R of the Gram matrix of an embedding H with delays of one step: R^T R = H^T H.

    Parameters
    ----------
    states : ndarray, shape (trial, time, column), or tuple of such arrays
    n_lags : int
        Of the embedding.
    centred : bool
        Subtract the mean of each column of H, as a constant regressor does.

    Returns
    -------
    ndarray, shape (root, n_lags * column)
        From lagged covariances; from a streamed QR decomposition where squaring would lose digits.
    """
    gram = gram_matrix(states, n_lags, 1)
    means = None
    if centred:
        sums, count = window_sums(states, n_lags)
        means = sums / count
        gram = gram - np.outer(sums, means)
    squares, vectors = scipy.linalg.eigh(gram, check_finite=False)
    if squares[0] * GRAM_CONDITION_LIMIT**2 > squares[-1]:
        return np.sqrt(squares)[:, None] * vectors.T
    return streamed_triangle(states, n_lags, 1, means)


def _embedded_coordinates(
    trials: DrivenTrials, n_delays: int, delay_interval: int, n_lags: int, rank: int,
    transitions: Transitions | None,
) -> tuple[FloatArray, float, FloatArray]:  # fmt: skip
    """Whitened principal components: singular values, the one after them, and the map to the components."""
    states, gram = trials.states, None
    if transitions is not None:
        # The windows of transitions are all of the embedding but the first of each trial.
        columns = trials.unit_columns(range(n_delays))
        gram = transitions.gram[np.ix_(columns, columns)].copy()
        for block in blocks_of(states):
            rows = delay_embed(block[:, :n_lags], n_delays, 1).reshape(-1, len(columns))
            gram += rows.T @ rows
    factor = leading_factor(
        states, n_delays, delay_interval, rank, trials.tolerance, gram, with_next=True
    )
    values = factor.singular_values
    state_map = np.zeros((n_lags * (trials.n_units + trials.n_channels), len(values)))
    state_map[trials.unit_columns(range(n_delays))] = factor.directions / values
    return values, factor.next_value, state_map


def _subspace_coordinates(
    trials: DrivenTrials, n_delays: int, rank: int, *, offset: bool
) -> tuple[FloatArray, float, FloatArray]:
    """Whitened states of N4SID: singular values of the projected future, the next one, and the map to them.

    The future states Y_f are regressed on past states and inputs Z_p and on future inputs U_f; what the past
    contributes, O = M Z_p, has the state sequence as its right singular vectors.
    """
    n_lags = 2 * n_delays
    root = embedding_root(trials.blocks, n_lags, centred=offset)
    # Newest first: the lags below n_delays are the future window.
    future, past = range(n_delays), range(n_delays, n_lags)
    future_inputs, past_inputs = future, past
    if trials.input_in_step:
        # The input beside the first future state has acted on it: what comes after it is the future.
        future_inputs, past_inputs = range(n_delays - 1), range(n_delays - 1, n_lags - 1)
    past_columns = np.concatenate([trials.unit_columns(past), trials.channel_columns(past_inputs)])
    past_root = root[:, past_columns]
    # Orthogonal complement of the future inputs, whose rank may be deficient (constant channels).
    inputs_root = root[:, trials.channel_columns(future_inputs)]
    left, sizes, _ = np.linalg.svd(inputs_root, full_matrices=False)
    inputs = left[:, sizes > trials.tolerance * max(sizes.max(initial=0.0), 1e-300)]

    def without_inputs(matrix: FloatArray) -> FloatArray:
        return np.asarray(matrix - inputs @ (inputs.T @ matrix))

    future_states = without_inputs(root[:, trials.unit_columns(future)])
    coefficients, *_ = scipy.linalg.lstsq(
        without_inputs(past_root), future_states, cond=trials.tolerance, check_finite=False
    )
    _, values, right = scipy.linalg.svd(
        past_root @ coefficients, full_matrices=False, check_finite=False
    )
    values, next_value, right = _leading(values, right, rank, trials.tolerance)
    state_map = np.zeros((root.shape[1], len(values)))
    state_map[past_columns] = coefficients @ right.T / values
    return values, next_value, state_map


def _leading(
    values: FloatArray, right: FloatArray, rank: int, tolerance: float
) -> tuple[FloatArray, float, FloatArray]:
    """Leading singular values that the data carry, the next one, and right vectors of positive sign."""
    count = max(1, min(rank, int(np.count_nonzero(values > tolerance * values[0]))))
    next_value = float(values[rank]) if count == rank < len(values) else 0.0
    values, right = values[:count], right[:count]
    largest = right[np.arange(count), np.abs(right).argmax(axis=1)]
    return values, next_value, right * np.where(largest < 0, -1.0, 1.0)[:, None]


def solve_driven(
    past: FloatArray,
    cross: FloatArray,
    rank: int,
    values: FloatArray,
    ridge: float,
    precision: float,
) -> tuple[FloatArray, FloatArray, int]:
    """Solve the regression for the operators in whitened coordinates.

    Parameters
    ----------
    past, cross : ndarray
        From `regress`.
    rank : int
        Number of coordinates.
    values : ndarray, shape (rank,)
        Singular values of the coordinates, descending.
    ridge : float
        See `fit_driven_operator`.
    precision : float
        Relative spacing of the numbers in which the states came.

    Returns
    -------
    state : ndarray, shape (rank_used, rank_used)
        The largest rank at which the regression has a unique solution. Zero where the states follow the
        inputs alone, up to rounding.
    control : ndarray, shape (rank_used, input)
        Zero for inputs that are zero in ``past``, and where no input has an effect, up to rounding. Inputs
        that are multiples of each other contribute alike.
    n_regressors : int
        States and directions of the inputs that were used.

    Raises
    ------
    SingularRegressionError
        When no rank is regular.
    """
    n_inputs = len(past) - rank
    # Inputs whitened, in the directions that vary.
    sizes = np.sqrt(np.diag(past)[:n_inputs])
    sizes = np.where(sizes > 0, sizes, 1.0)
    scaled = past[:n_inputs, :n_inputs] / np.outer(sizes, sizes)
    shares, directions = np.linalg.eigh(scaled)
    varies = shares > _SILENT * n_inputs
    heard = directions[:, varies] / np.sqrt(shares[varies]) / sizes[:, None]
    n_heard = heard.shape[1]
    basis = np.zeros((len(past), n_heard + rank))
    basis[:n_inputs, :n_heard] = heard
    basis[n_inputs:, n_heard:] = np.eye(rank)
    past, cross = basis.T @ past @ basis, basis.T @ cross
    # Inputs come first in the matrix, so that its leading blocks are those of lower ranks.
    amplification = np.concatenate([np.full(n_heard, values[0]), values])
    regular = regular_rank(past, amplification, ridge)
    rank_used = regular - n_heard
    if rank_used < 1:
        raise SingularRegressionError(
            "states that are no function of the inputs of their own step",
            "a regression on states and inputs without a unique solution at rank 1",
            "Use other delays, inputs with noise of their own, or a small ridge.",
        )
    solution = np.linalg.solve(
        past[:regular, :regular] + ridge * np.eye(regular), cross[:regular, :rank_used]
    )
    # In the units of the states: both parts act on regressors of unit norm.
    of_inputs, of_states = (
        float(np.linalg.norm(part * values[:rank_used])) for part in np.split(solution, [n_heard])
    )
    rounding = max(_NOTHING, 8 * precision)
    if of_inputs <= rounding * of_states:
        solution[:n_heard] = 0
    elif of_states <= rounding * of_inputs:
        solution[n_heard:] = 0
    effect = (heard @ solution[:n_heard]).T
    return np.ascontiguousarray(solution[n_heard:].T), effect, regular
