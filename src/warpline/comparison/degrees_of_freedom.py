"""Degrees of freedom of a delete-one jackknife over seeds that are draws of several kinds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["degrees_of_freedom"]

Floats = NDArray[np.float64]


def degrees_of_freedom(means_without: Floats, membership: NDArray[np.int64]) -> Floats:
    """Return the degrees of freedom of the jackknife's error, shape (...).

    Seeds of one membership (of the rows, of the columns, of both) are draws of one kind: their number less
    one, if all are. Several kinds can differ in their spread, and the error is then as certain as its widest
    kind. Welch and Satterthwaite's formula combines them; its shares are those of the error's square. A seed
    that is alone in its kind has no spread of its own, and counts to the largest kind.

    Parameters
    ----------
    means_without : ndarray, shape (..., seed)
        Estimates without each seed.
    membership : ndarray of int, shape (..., seed)
        A number from 1 on for each kind; 0 for seeds that are not present.
    """
    n_kinds = max(1, int(membership.max(initial=1)))
    kinds = membership[..., None, :] == np.arange(1, n_kinds + 1)[:, None]
    counts = kinds.sum(-1)
    alone = kinds & (counts == 1)[..., None]
    largest = np.arange(n_kinds) == counts.argmax(-1)[..., None]
    kinds = (kinds & ~alone) | (largest[..., None] & (kinds | alone.any(-2, keepdims=True)))
    counts, n = kinds.sum(-1), (membership > 0).sum(-1)
    estimates = np.where(membership > 0, means_without, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = (estimates - (estimates.sum(-1) / n)[..., None]) ** 2
        shares = np.where(kinds, squares[..., None, :], 0.0).sum(-1)
        uncertain = np.where(shares > 0, shares**2 / (counts - 1), 0.0).sum(-1)
        combined = shares.sum(-1) ** 2 / uncertain
    # Exact for one kind, and where nothing varies.
    one_kind = (counts > 0).sum(-1) == 1
    return np.asarray(np.where(one_kind | ~(uncertain > 0), n - 1.0, combined))
