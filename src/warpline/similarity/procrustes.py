"""The angular Procrustes (shape) distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.similarity.states import Matrix, angle, centred_matrix, compare_each

__all__ = ["compare_pairs", "represent"]


SETTINGS: tuple[str, ...] = ()

#: Sample by sample: all systems need the same trials.
PAIRED_TRIALS = True


def represent(states: NDArray[Any], *, settings: Mapping[str, Any]) -> Matrix:
    """Return states (trial, time, unit) as a centred matrix (sample, unit) of Frobenius norm 1."""
    matrix = centred_matrix(states)
    return matrix / np.linalg.norm(matrix)


def _compare(x: Matrix, y: Matrix) -> dict[str, float]:
    u, singular, vt = np.linalg.svd(x.T @ y, full_matrices=False)
    similarity = float(singular.sum())
    if similarity < 0.999:
        theta = float(np.arccos(similarity))
    else:
        # Near 1 the arc cosine loses half the digits: rotate both into common axes and subtract.
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
