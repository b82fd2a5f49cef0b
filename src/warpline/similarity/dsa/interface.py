"""Dynamical similarity analysis of recordings in a notebook: two systems, and many.

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

from warpline.core.number_arguments import takes_numbers
from warpline.core.short_repr import ShortRepr
from warpline.similarity.input_errors import SettingsError
from warpline.similarity.rank_warning import warn_of_ranks
from warpline.similarity.recordings import as_recording, check_same_bins

from .measure import DEFAULTS, compare_pairs, represent
from .operators import Operator

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class DSAResult(ShortRepr):
    """Dissimilarity of two systems.

    Attributes
    ----------
    dissimilarity : float
        For the score "angle", radians in [0, pi]; for "wasserstein", see
        `warpline.similarity.dsa.wasserstein.wasserstein`.
    status : str
        "converged", "uncertain" (a better one is not ruled out, see ``chance_of_better``), "max_steps" or
        "failed: ...".
    lower_bound : float
        No alignment has an angle below this one; NaN for "wasserstein".
    gradient_norm : float
        Norm of the Riemannian gradient of the cosine of the angle; NaN for "wasserstein".
    n_starts : int
        Starts of the alignment.
    chance_of_better : float
        Estimated chance that 400 starts would find a better alignment; NaN for "wasserstein".
    rank_used : int
        The lower rank of the two operators.
    operators : tuple of Operator
        The two fitted operators.
    rotation : ndarray, shape (rank, rank), or None
        The aligning matrix, if it was asked for: A is closest to C B C^T, so that C maps the whitened
        delay coordinates of the second system to those of the first.
    """

    dissimilarity: float
    status: str
    lower_bound: float
    gradient_norm: float
    n_starts: int
    chance_of_better: float
    rank_used: int
    operators: tuple[Operator, Operator]
    rotation: FloatArray | None = None


@dataclass(frozen=True, repr=False)
class DSAMatrix(ShortRepr):
    """Dissimilarities of all pairs of several systems.

    Attributes
    ----------
    dissimilarity : ndarray, shape (system, system)
        Symmetric. The diagonal is zero by definition and is not solved for.
    status : ndarray of str, shape (system, system)
        Of each pair; "converged" on the diagonal.
    lower_bound, gradient_norm, chance_of_better : ndarray, shape (system, system)
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
    chance_of_better: FloatArray
    n_starts: NDArray[np.int64]
    operators: tuple[Operator, ...]


@takes_numbers(SettingsError)
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
        Recordings, see `warpline.similarity.recordings.as_recording`. They may differ in trials, times and
        units, and so may the trials of one recording in their times.
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
        Further settings of the measure: ``rotation`` (return the aligning matrix), ``max_starts``,
        ``tolerance``, ``max_steps``, ``bound``, ``rank_tolerance``, ``offset``, ``iterations``, ``lr``.

    Returns
    -------
    DSAResult
        The dissimilarity with its bound and the fitted operators.

    Raises
    ------
    InputError
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
    recordings = {"X": as_recording(X), "Y": as_recording(Y)}
    check_same_bins(recordings.items(), "dsa")
    operators = (
        represent(recordings["X"], settings=settings),
        represent(recordings["Y"], settings=settings),
    )
    warn_of_ranks(zip(("X", "Y"), operators, strict=True))
    (row,) = compare_pairs(operators, [(0, 1)], settings=settings, seed=seed)
    return DSAResult(**row, operators=operators)


@takes_numbers(SettingsError)
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
        See `warpline.similarity.recordings.as_recording`. Each operator is fitted once.
    n_delays, rank, delay_interval, seed, **options
        As in `dsa`.

    Returns
    -------
    DSAMatrix
        Symmetric matrices over the recordings.

    Raises
    ------
    InputError
        If a recording or a setting cannot be used; it is a ValueError.
    """
    _check_options(options)
    settings = {**options, "n_delays": n_delays, "delay_interval": delay_interval, "rank": rank}
    systems = {f"system {k}": as_recording(data) for k, data in enumerate(recordings)}
    check_same_bins(systems.items(), "dsa")
    operators = tuple(represent(system, settings=settings) for system in systems.values())
    warn_of_ranks(zip(systems, operators, strict=True))
    pairs = list(combinations(range(len(operators)), 2))
    rows = compare_pairs(operators, pairs, settings=settings, seed=seed)
    size = len(operators)
    names = ("dissimilarity", "lower_bound", "gradient_norm", "chance_of_better")
    columns = {name: np.zeros((size, size)) for name in names}
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
