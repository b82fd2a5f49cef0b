"""The package dsa-metric 2.0.2 behind the interface of this package (``solver: reference``).

It checks the solver of this package. It is imported on first use, because that takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ReferenceAlignment:
    """Best alignment of one pair by dsa-metric.

    Attributes
    ----------
    angle : float
        Radians, in [0, pi], recomputed in float64 from the orthogonal matrix.
    rotation : ndarray, shape (rank, rank)
        The orthogonal matrix C.
    gradient_norm : float
        Norm of the Riemannian gradient of the cosine of the angle at C.
    """

    angle: float
    rotation: FloatArray
    gradient_norm: float


@contextmanager
def _default_float64() -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def reference_operator(
    states: NDArray[np.floating],
    *,
    n_delays: int,
    delay_interval: int,
    rank: int,
    ridge: float = 0.0,
    double: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """HAVOK-DMD operator of dsa-metric, with its signs fixed as in this package.

    Parameters
    ----------
    states : ndarray, shape (trial, time, unit)
        States of one system.
    n_delays, delay_interval, rank, ridge
        As in `warpline.similarity.dsa.operators.fit_operator`.
    double : bool
        Embed in float64. By default dsa-metric embeds in float32, which loses operators whose
        singular values span more than about three decades.

    Returns
    -------
    matrix : ndarray, shape (rank, rank)
        The operator.
    singular_values : ndarray
        All singular values of the Hankel matrix.
    """
    from contextlib import nullcontext

    from DSA.dmd import DMD

    with _default_float64() if double else nullcontext():
        model = DMD(
            np.array(states),
            n_delays=n_delays,
            delay_interval=delay_interval,
            rank=rank,
            lamb=ridge,
        )
        model.fit()
    matrix = model.A_v.double().numpy()
    loadings = model.U.double().numpy()[:, : len(matrix)]
    largest = loadings[np.abs(loadings).argmax(axis=0), np.arange(len(matrix))]
    signs = np.where(largest < 0, -1.0, 1.0)
    return signs[:, None] * matrix * signs, model.S.double().numpy()


def reference_alignment(
    first: FloatArray,
    second: FloatArray,
    *,
    iterations: int = 1000,
    lr: float = 0.01,
    seed: int = 0,
) -> ReferenceAlignment:
    """Angle between two operators by dsa-metric's gradient descent.

    Parameters
    ----------
    first, second : ndarray, shape (rank, rank)
        The operators A and B.
    iterations : int
        Adam steps of each of its two starts.
    lr : float
        Step size.
    seed : int
        Of torch's global generator during the call, from which the package draws its starts.

    Returns
    -------
    ReferenceAlignment
        The better of its two starts. It has no test of convergence.
    """
    import torch
    from DSA.simdist import SimilarityTransformDist

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        solver = SimilarityTransformDist(iters=iterations, lr=lr, score_method="angular")
        solver.fit_score(np.array(first), np.array(second))
    rotation = _nearest_orthogonal(solver.C_star.double().numpy())
    a, b = first / np.linalg.norm(first), second / np.linalg.norm(second)
    aligned = rotation @ b @ rotation.T
    product = a @ aligned.T - aligned.T @ a
    return ReferenceAlignment(
        angle=float(2 * np.arctan2(np.linalg.norm(a - aligned), np.linalg.norm(a + aligned))),
        rotation=rotation,
        gradient_norm=float(np.linalg.norm(product - product.T) / 2),
    )


def reference_wasserstein(first: FloatArray, second: FloatArray) -> float:
    """Wasserstein score of dsa-metric between two spectra, as its class ``DSA`` computes it.

    Parameters
    ----------
    first, second : ndarray, shape (rank, 2)
        From `warpline.similarity.dsa.wasserstein.eigenvalues`.
    """
    from DSA.simdist import SimilarityTransformDist

    with _default_float64():
        import torch

        solver = SimilarityTransformDist(score_method="wasserstein")
        score = solver.fit_score(
            *(torch.from_numpy(points[:, 0] + 1j * points[:, 1]) for points in (first, second))
        )
    return float(score)


def _nearest_orthogonal(matrix: FloatArray) -> FloatArray:
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right, dtype=np.float64)
