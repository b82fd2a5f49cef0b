"""Linear CKA from the unbiased estimator of HSIC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.states import Matrix, centred_matrix, compare_each

__all__ = ["compare_pairs", "represent", "unbiased_hsic"]


SETTINGS: tuple[str, ...] = ()


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
    n = len(x)
    diagonal_x, diagonal_y = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    rows_x = x @ x.sum(axis=0) - diagonal_x
    rows_y = y @ y.sum(axis=0) - diagonal_y
    trace = np.linalg.norm(x.T @ y) ** 2 - diagonal_x @ diagonal_y
    product = rows_x.sum() * rows_y.sum() / ((n - 1) * (n - 2))
    cross = 2 / (n - 2) * (rows_x @ rows_y)
    return float((trace + product - cross) / (n * (n - 3)))


def _compare(x: Matrix, y: Matrix) -> dict[str, float]:
    self_product = unbiased_hsic(x, x) * unbiased_hsic(y, y)
    similarity = unbiased_hsic(x, y) / np.sqrt(self_product) if self_product > 0 else np.nan
    return {
        # The estimate can leave [0, 1]: the angle takes the nearest value, ``similarity`` the raw one.
        "dissimilarity": float(np.arccos(np.clip(similarity, 0, 1))) / (np.pi / 2),
        "similarity": float(similarity),
    }


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
        ``dissimilarity``: arccos(CKA clipped to [0, 1])/(pi/2); ``similarity``: CKA as estimated, which
        can be negative; ``status``: ``undefined`` where the estimate of a system with itself is not
        positive.
    """
    rows = compare_each(representations, pairs, _compare, progress)
    for row in rows:
        if np.isnan(row["similarity"]):
            row["status"] = "undefined"
    return rows
