"""Linear centred kernel alignment, as an angle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.number_arguments import takes_numbers
from warpline.similarity.input_errors import SettingsError
from warpline.similarity.states import Matrix, angle, centred_matrix, compare_each

__all__ = ["compare_pairs", "represent"]


SETTINGS: tuple[str, ...] = ()

#: Sample by sample: all systems need the same trials.
PAIRED_TRIALS = True


def represent(states: NDArray[Any], *, settings: Mapping[str, Any]) -> Matrix:
    """Return states (trial, time, unit) as a centred matrix (sample, unit)."""
    return centred_matrix(states)


def _kernel_norm(x: Matrix) -> float:
    """Return the Frobenius norm of the kernel x x'."""
    return float(np.linalg.norm(x.T @ x))


def _compare(x: Matrix, y: Matrix, norm_x: float, norm_y: float) -> dict[str, float]:
    cross = np.linalg.norm(x.T @ y) ** 2
    similarity = float(cross / (norm_x * norm_y))
    if similarity < 0.999:
        return {
            "dissimilarity": float(np.arccos(similarity)) / (np.pi / 2),
            "similarity": similarity,
        }
    # Near 1 the arc cosine loses half the digits: take the difference of the two normalised kernels
    # itself, K/|K| - L/|L| = Z D Z' with Z = [x y], whose norm is that of R D R' for Z = QR.
    r: Matrix = np.asarray(np.linalg.qr(np.concatenate([x, y], axis=1), mode="r"))
    weights = np.concatenate([np.full(x.shape[1], 1 / norm_x), np.full(y.shape[1], -1 / norm_y)])
    difference = float(np.linalg.norm((r * weights) @ r.T))
    total = float(np.linalg.norm((r * np.abs(weights)) @ r.T))
    return {
        "dissimilarity": angle(difference, total) / (np.pi / 2),
        "similarity": min(similarity, 1.0),
    }


@takes_numbers(SettingsError)
def compare_pairs(
    representations: Sequence[Matrix],
    pairs: Sequence[tuple[int, int]],
    *,
    settings: Mapping[str, Any],
    seed: int = 0,
    progress: Any = None,
) -> list[dict[str, Any]]:
    """Compare pairs of systems by linear CKA (Kornblith et al. 2019, features centred).

    Parameters
    ----------
    representations : sequence of ndarray, shape (sample, unit)
        From `represent`; the samples of all systems are the same ones, in the same order.
    pairs : sequence of (int, int)
    settings : mapping
        None are used.
    seed : int
        Not used: the measure is deterministic.
    progress : progress bar, such as that of tqdm, optional
        Its ``update()`` is called once a pair.

    Returns
    -------
    list of dict
        ``dissimilarity``: arccos(CKA)/(pi/2), in [0, 1]; ``similarity``: CKA; ``status``.
    """
    return compare_each(representations, pairs, _compare, progress, prepare=_kernel_norm)
