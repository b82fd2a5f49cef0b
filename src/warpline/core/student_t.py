"""Intervals by Student's t distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from warpline.core.number_arguments import takes_numbers

__all__ = ["student_quantile"]

Floats = NDArray[np.float64]


@takes_numbers()
def student_quantile(confidence: float, dof: Floats | float) -> Floats:
    """Return the half-width of a two-sided Student's t interval, in standard errors.

    Parameters
    ----------
    confidence : float
        In (0, 1).
    dof : ndarray or float
        Degrees of freedom.

    Raises
    ------
    ValueError
        When the confidence lies outside (0, 1): SciPy gives NaN, or an interval that is turned around.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"expected a confidence between 0 and 1, got {confidence}: set confidence")
    return np.asarray(stats.t.ppf((1 + confidence) / 2, dof), dtype=float)
