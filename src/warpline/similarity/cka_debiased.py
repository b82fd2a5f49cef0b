"""Linear CKA from the unbiased estimator of HSIC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.number_arguments import takes_numbers
from warpline.similarity.input_errors import SettingsError
from warpline.similarity.states import Matrix, angle, centred_matrix, compare_each

__all__ = ["compare_pairs", "represent", "unbiased_hsic"]


SETTINGS: tuple[str, ...] = ()

#: Sample by sample: all systems need the same trials.
PAIRED_TRIALS = True


def represent(states: NDArray[Any], *, settings: Mapping[str, Any]) -> Matrix:
    """Return states (trial, time, unit) as a centred matrix (sample, unit).

    Raises
    ------
    ValueError
        When there are fewer than 4 samples, the least that the estimator takes.
    """
    matrix = centred_matrix(states)
    if len(matrix) < 4:
        raise ValueError(f"expected at least 4 samples, got {len(matrix)}")
    return matrix


def unbiased_hsic(x: Matrix, y: Matrix) -> float:
    """Return the unbiased estimate of HSIC for linear kernels (Song et al. 2012, eq. 5).

    With K~, L~ the kernels x x' and y y' without their diagonals:
    [tr(K~ L~) + 1'K~1 1'L~1/((n-1)(n-2)) - 2/(n-2) 1'K~ L~1] / (n (n-3)), computed from the features,
    so that no (sample, sample) matrix is formed.

    Parameters
    ----------
    x, y : ndarray, shape (sample, unit)
    """
    return _inner_product(x, y, _moments(x), _moments(y)) / (len(x) * (len(x) - 3))


Moments = tuple[Matrix, Matrix]
"""Diagonal and row sums, without the diagonal, of a kernel, each of shape (sample,)."""


def _inner_product(x: Matrix, y: Matrix, moments_x: Moments, moments_y: Moments) -> float:
    """Return the inner product of the U-centred kernels of x and y (`_u_product`)."""
    return _u_product(float(np.linalg.norm(x.T @ y) ** 2), moments_x, moments_y)


def _self_product(x: Matrix) -> tuple[float, Moments]:
    """Return the squared norm of the U-centred kernel of x, and its `Moments`."""
    moments = _moments(x)
    return _inner_product(x, x, moments, moments), moments


def _moments(x: Matrix) -> Moments:
    diagonal = np.einsum("ij,ij->i", x, x)
    return diagonal, x @ x.sum(axis=0) - diagonal


def _u_product(trace: float, x: Moments, y: Moments) -> float:
    """Return n (n-3) HSIC from tr(K L) and the diagonals and row sums (`_moments`) of K and L.

    It is the inner product of the U-centred kernels, the sum over i != j of the products of their entries
    (Szekely and Rizzo 2014, section 3), so that kernels have angles between them.
    """
    (diagonal_x, rows_x), (diagonal_y, rows_y) = x, y
    n = len(rows_x)
    product = rows_x.sum() * rows_y.sum() / ((n - 1) * (n - 2))
    cross = 2 / (n - 2) * (rows_x @ rows_y)
    return float(trace - diagonal_x @ diagonal_y + product - cross)


def _small_angle(x: Matrix, y: Matrix, norm_x: float, norm_y: float) -> float:
    """Return the angle between U-centred kernels from their normalised difference and sum, in radians.

    The arc cosine of a rounded cosine is good to sqrt(eps) near 0. Here each term of the difference is
    computed by itself, K/|K| - L/|L| = Z D Z' with Z = [x y] = Q R, so that rounding enters the angle as
    eps and not as its root.
    """
    r: Matrix = np.asarray(np.linalg.qr(np.concatenate([x, y], axis=1), mode="r"))
    (diagonal_x, rows_x), (diagonal_y, rows_y) = _moments(x), _moments(y)
    lengths = []
    for sign in (-1, 1):
        weights = np.concatenate(
            [np.full(x.shape[1], 1 / norm_x), np.full(y.shape[1], sign / norm_y)]
        )
        trace = float(np.linalg.norm((r * weights) @ r.T) ** 2)
        moments = (
            diagonal_x / norm_x + sign * diagonal_y / norm_y,
            rows_x / norm_x + sign * rows_y / norm_y,
        )
        lengths.append(np.sqrt(max(0.0, _u_product(trace, moments, moments))))
    return angle(*lengths)


def _compare(
    x: Matrix, y: Matrix, of_x: tuple[float, Moments], of_y: tuple[float, Moments]
) -> dict[str, float]:
    (self_x, moments_x), (self_y, moments_y) = of_x, of_y
    if not min(self_x, self_y) > 0:
        return {"dissimilarity": np.nan, "similarity": np.nan}
    norm_x, norm_y = np.sqrt(self_x), np.sqrt(self_y)
    similarity = _inner_product(x, y, moments_x, moments_y) / (norm_x * norm_y)
    if similarity < 0.999:
        # The estimate can be negative: the angle takes the nearest value, ``similarity`` the raw one.
        radians = float(np.arccos(max(similarity, 0.0)))
    else:
        radians = _small_angle(x, y, norm_x, norm_y)
    return {"dissimilarity": radians / (np.pi / 2), "similarity": min(float(similarity), 1.0)}


@takes_numbers(SettingsError)
def compare_pairs(
    representations: Sequence[Matrix],
    pairs: Sequence[tuple[int, int]],
    *,
    settings: Mapping[str, Any],
    seed: int = 0,
    progress: Any = None,
) -> list[dict[str, Any]]:
    """Compare pairs of systems by debiased linear CKA (Nguyen et al. 2021; Murphy et al. 2024).

    The estimator assumes independent samples. Time steps of one trial are dependent, so the bias of a
    finite number of trials remains.

    Parameters
    ----------
    representations, pairs, settings, seed, progress
        As in `warpline.similarity.cka`.

    Returns
    -------
    list of dict
        ``dissimilarity``: arccos(CKA clipped to [0, 1])/(pi/2), with rounding near 0
        of some 1e-15; ``similarity``: CKA as estimated, which can be negative; ``status``: ``undefined``
        where the estimate of a system with itself is not positive.
    """
    rows = compare_each(representations, pairs, _compare, progress, prepare=_self_product)
    for row in rows:
        if np.isnan(row["similarity"]):
            row["status"] = "undefined"
    return rows
