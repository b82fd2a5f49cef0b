"""The angular Procrustes (shape) distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.number_arguments import takes_numbers
from warpline.similarity.input_errors import SettingsError
from warpline.similarity.states import Matrix, angle, centred_matrix, compare_each

__all__ = ["compare_held_out", "compare_pairs", "represent", "represent_held_out"]


SETTINGS: tuple[str, ...] = ()

#: Sample by sample: all systems need the same trials.
PAIRED_TRIALS = True


def represent(states: NDArray[Any], *, settings: Mapping[str, Any]) -> Matrix:
    """Return states (trial, time, unit) as a centred matrix (sample, unit) of Frobenius norm 1."""
    matrix = centred_matrix(states)
    matrix /= np.linalg.norm(matrix)
    return matrix


def _compare(x: Matrix, y: Matrix) -> dict[str, float]:
    product = x.T @ y
    similarity = float(np.linalg.svd(product, compute_uv=False).sum())
    if similarity < 0.999:
        theta = float(np.arccos(similarity))
    else:
        # Near 1 the arc cosine loses half the digits: rotate both into common axes and subtract.
        u, singular, vt = np.linalg.svd(product, full_matrices=False)
        a, b = x @ u, y @ vt.T
        # With more units in one system, its variance outside the common axes counts as difference.
        outside = 0.0
        if x.shape[1] > len(singular):
            outside += float(np.sum((x - a @ u.T) ** 2))
        if y.shape[1] > len(singular):
            outside += float(np.sum((y - b @ vt) ** 2))
        theta = angle(
            float(np.sqrt(np.sum((a - b) ** 2) + outside)),
            float(np.sqrt(np.sum((a + b) ** 2) + outside)),
        )
    return {"dissimilarity": theta / (np.pi / 2), "similarity": min(similarity, 1.0)}


@takes_numbers(SettingsError)
def compare_pairs(
    representations: Sequence[Matrix],
    pairs: Sequence[tuple[int, int]],
    *,
    settings: Mapping[str, Any],
    seed: int = 0,
    progress: Any = None,
) -> list[dict[str, Any]]:
    """Compare pairs of systems by the angular shape distance.

    arccos(max_Q <X, YQ>) over orthogonal Q, for X and Y centred and scaled to norm 1; netrep's
    ``LinearMetric(alpha=1, score_method="angular")`` (Williams et al. 2021, eq. 5), divided by pi/2.

    Parameters
    ----------
    representations, pairs, settings, seed, progress
        As in `warpline.similarity.cka`. Systems may differ in their number of units.

    Returns
    -------
    list of dict
        ``dissimilarity``, in [0, 1]; ``similarity``: the cosine; ``status``.
    """
    return compare_each(representations, pairs, _compare, progress)


def represent_held_out(
    train: NDArray[Any], test: NDArray[Any], *, settings: Mapping[str, Any]
) -> tuple[Matrix, Matrix]:
    """Return training and held-out states as matrices (sample, unit), centred by the training mean."""
    mean = np.asarray(train, dtype=float).reshape(-1, np.shape(train)[-1]).mean(axis=0)
    held_out = np.asarray(test, dtype=float).reshape(-1, len(mean)) - mean
    norm = np.linalg.norm(held_out)
    if not norm:
        raise ValueError(
            "expected held-out states that differ from the training mean, got equal ones"
        )
    return represent(train, settings=settings), held_out / norm


@takes_numbers(SettingsError)
def compare_held_out(
    representations: Sequence[tuple[Matrix, Matrix]],
    pairs: Sequence[tuple[int, int]],
    *,
    settings: Mapping[str, Any],
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Compare pairs of systems on held-out trials, by the rotation of their training trials.

    As ``fit`` and ``score`` of netrep's ``LinearMetric(alpha=1, score_method="angular")`` (Williams et al.
    2021), divided by pi/2. Q maximises <X, YQ> on the training trials, and the angle is that between X and
    YQ on the held-out ones, both centred by the training means.

    Returns
    -------
    list of dict
        ``dissimilarity`` on held-out trials, in [0, 2], because a rotation of other trials can point the
        other way; ``dissimilarity_train``; ``similarity``: the cosine on held-out trials; ``status``.
    """
    rows = compare_pairs([train for train, _ in representations], pairs, settings=settings)
    for (i, j), row in zip(pairs, rows, strict=True):
        (x, x_held_out), (y, y_held_out) = representations[i], representations[j]
        u, _, vt = np.linalg.svd(x.T @ y, full_matrices=False)
        a, b = x_held_out @ u, y_held_out @ vt.T
        # What lies outside the common axes counts as difference, and cancels in no product.
        outside = float(np.sum((x_held_out - a @ u.T) ** 2) + np.sum((y_held_out - b @ vt) ** 2))
        difference, total = (
            float(np.sqrt(np.sum((a + sign * b) ** 2) + outside)) for sign in (-1, 1)
        )
        row["dissimilarity_train"] = row["dissimilarity"]
        row["dissimilarity"] = angle(difference, total) / (np.pi / 2)
        row["similarity"] = float(np.sum(a * b))
    return rows
