"""Stochastic shape distance between Gaussian responses: means and covariances of noisy trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpline.core.number_arguments import takes_numbers
from warpline.similarity.condition_repeats import (
    DEFAULTS,
    Repeats,
    compare_in_order,
    repeats_of,
    same_units,
)
from warpline.similarity.input_errors import SettingsError
from warpline.similarity.measure_settings import setting_of
from warpline.similarity.rotation_search import best_rotation, nearest_rotation

__all__ = ["compare_pairs", "represent"]

FloatArray = NDArray[np.float64]

SETTINGS: tuple[str, ...] = ("alpha", *DEFAULTS)

#: Trials of one condition are repeats.
NEEDS_CONDITIONS = True
#: Responses are distributions at each condition and time.
MATCHED_TIMES = True

#: Share of the squares at which their difference is rounding.
_ROUNDING = 1e-14


def represent(
    states: NDArray[Any], *, settings: Mapping[str, Any], conditions: Any = None
) -> Repeats:
    """Return states (trial, time, unit) by condition.

    Raises
    ------
    ValueError
        When conditions are missing, or one has a single trial.
    """
    normalise = setting_of(settings, "normalise", DEFAULTS)
    return repeats_of(states, conditions, normalise=normalise, measure="shape_gaussian")


@takes_numbers(SettingsError)
def compare_pairs(
    representations: Sequence[Repeats],
    pairs: Sequence[tuple[int, int]],
    *,
    settings: Mapping[str, Any],
    seed: int = 0,
    progress: Any = None,
) -> list[dict[str, Any]]:
    r"""Compare pairs of systems by the Wasserstein distance of their Gaussian responses, up to a rotation.

    .. math:: d^2 = \min_{Q \in O(n)} \frac1m \sum_c \alpha \| \mu_c - \nu_c Q \|^2
              + (2 - \alpha)\, B^2(\Sigma_c, Q^\top \Lambda_c Q)

    over the m conditions and times c, where B is the Bures distance of covariances (Duong et al. 2023;
    ``GaussianStochasticMetric`` of netrep). ``alpha`` is 1 for the 2-Wasserstein distance, 2 for the
    means alone, 0 for the covariances alone. Covariances divide by the number of repeats less one.

    B is the distance of factors of the covariances up to a rotation each, so that rotations of the factors
    and Q are found in turn. Each step lowers the sum; it can end in a local minimum, which several starts
    make less likely. For alpha other than 0, 1 and 2, netrep weights the fit by the squares of the weights of
    the distance; here both are the same.

    Parameters
    ----------
    representations : sequence of Repeats
        From `represent`; all systems have the same conditions and times. They may differ in units.
    pairs : sequence of (int, int)
    settings : mapping
        ``alpha``; ``normalise`` (`warpline.similarity.condition_repeats.repeats_of`); ``max_starts``,
        ``max_steps``, ``tolerance`` (`warpline.similarity.rotation_search.best_rotation`).
    seed : int
        Root of the random starts. With the pair it determines the row, and so does the swapped pair.
    progress : progress bar, such as that of tqdm, optional
        Its ``update()`` is called once a pair.

    Returns
    -------
    list of dict
        ``dissimilarity``, with ``normalise`` and alpha = 1 in [0, sqrt(2 R / (R - 1))] for R repeats;
        ``status``, as `warpline.similarity.rotation_search.best_rotation` has it.
    """
    alpha = setting_of(settings, "alpha", {"alpha": 1.0})
    if not 0 <= alpha <= 2:
        raise SettingsError("alpha in [0, 2]", f"{alpha!r}", "Set alpha.")
    complete = {name: setting_of(settings, name, DEFAULTS) for name in DEFAULTS}
    return compare_in_order(
        representations, pairs, lambda x, y: _compare(x, y, alpha, complete, seed), progress
    )


def _compare(
    x: Repeats, y: Repeats, alpha: float, settings: dict[str, Any], seed: int
) -> dict[str, Any]:
    states = same_units(x, y, "shape_gaussian")
    size = states[0].shape[-1]
    (means_x, means_y), (factors_x, factors_y) = _moments(states, (x, y))
    n_samples = len(means_x)
    of_means = alpha * means_y.T @ means_x

    def step(rotations: FloatArray) -> tuple[FloatArray, FloatArray]:
        turned = factors_y @ rotations[:, None]
        # The rotation of each factor that brings it closest: its rows have no meaning of their own.
        own = nearest_rotation(factors_x @ turned.mT)
        losses = alpha * ((means_x - means_y @ rotations) ** 2).sum(axis=(1, 2))
        losses += (2 - alpha) * ((factors_x - own @ turned) ** 2).sum(axis=(1, 2, 3))
        aligned = (own @ factors_y).reshape(len(rotations), -1, size)
        cross = of_means + (2 - alpha) * aligned.mT @ factors_x.reshape(-1, size)
        return nearest_rotation(cross), losses / n_samples

    starts = [
        nearest_rotation(means_y.T @ means_x),
        _aligned_moments((means_x, means_y), (factors_x, factors_y), alpha),
    ]
    size_of_means = alpha * float((means_x**2).sum() + (means_y**2).sum())
    size_of_noise = (2 - alpha) * float((factors_x**2).sum() + (factors_y**2).sum())
    loss, status = best_rotation(
        step,
        starts,
        settings=settings,
        seed=seed,
        digests=(x.digest, y.digest),
        least=_ROUNDING * (size_of_means + size_of_noise) / n_samples,
        elements=n_samples * size * max(size, factors_x.shape[1]),
    )
    return {"dissimilarity": float(np.sqrt(loss)), "status": status}


def _aligned_moments(
    means: Sequence[FloatArray], factors: Sequence[FloatArray], alpha: float
) -> FloatArray:
    """Return the rotation between rotated copies, where the means alone leave directions open.

    Two fixed combinations of the second moments of all samples turn with the system. The eigenvectors of the
    first agree up to their signs, which the second tells.
    """
    weights = np.random.default_rng(0).uniform(size=(2, len(means[0])))
    vectors, turned = [], []
    for mean, factor in zip(means, factors, strict=True):
        # A mean is one more row of a factor of the second moment.
        rows = np.concatenate([np.sqrt(2 - alpha) * factor, np.sqrt(alpha) * mean[:, None]], axis=1)
        first, second = (
            (weight[:, None, None] * rows).reshape(-1, rows.shape[-1]).T
            @ rows.reshape(-1, rows.shape[-1])
            for weight in weights
        )
        vectors.append(np.linalg.eigh(first)[1])
        second = vectors[-1].T @ second @ vectors[-1]
        # Directions of small variance count as the others do.
        variance = np.diag(second)
        least = max(np.finfo(float).eps * variance.max(), np.finfo(float).tiny)
        scale = np.sqrt(np.maximum(variance, least))
        turned.append(second / np.outer(scale, scale))
    agreement = turned[0] * turned[1]
    np.fill_diagonal(agreement, 0)
    # The eigenvector of the largest eigenvalue of these has the signs that agree most.
    signs = np.where(np.linalg.eigh(agreement)[1][:, -1] < 0, -1.0, 1.0)
    rotation = np.asarray((vectors[1] * signs) @ vectors[0].T)
    # Moments do not change where all states are reversed; means do.
    return -rotation if float((means[0] * (means[1] @ rotation)).sum()) < 0 else rotation


def _moments(
    states: Sequence[FloatArray], systems: Sequence[Repeats]
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return means (sample, unit) and factors L (sample, row, unit) of covariances L'L, of two systems.

    A sample is a condition and a time. Deviations of the repeats are such a factor; where there are more
    repeats than units, the triangle of their QR decomposition is a smaller one.
    """
    means, factors = [], []
    for array, system in zip(states, systems, strict=True):
        mean = np.einsum("ctru,cr->ctu", array, system.weights)
        present = (system.weights > 0)[:, None, :, None]
        counts = (system.weights > 0).sum(axis=1)[:, None, None, None]
        deviations = (array - mean[:, :, None]) * present / np.sqrt(counts - 1)
        factor = deviations.reshape(-1, *array.shape[2:])
        if factor.shape[1] > factor.shape[2]:
            factor = np.linalg.qr(factor, mode="r")
        means.append(mean.reshape(-1, array.shape[-1]))
        factors.append(factor)
    n_rows = max(factor.shape[1] for factor in factors)
    factors = [np.pad(f, [(0, 0), (0, n_rows - f.shape[1]), (0, 0)]) for f in factors]
    return means, factors
