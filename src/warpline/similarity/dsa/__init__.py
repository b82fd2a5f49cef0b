"""Dynamical similarity analysis: HAVOK-DMD operators, compared up to an orthogonal change of basis.

Use it alone through :func:`dsa` and :func:`dsa_matrix`, or as a measure through :func:`represent` and
:func:`compare_pairs`. The alignment is solved to convergence from many starts, and every angle comes
with a lower bound over all alignments. PyTorch, POT and dsa-metric are imported when first needed.
"""

from __future__ import annotations

from .api import DSAMatrix, DSAResult, dsa, dsa_matrix
from .errors import (
    ConstantDataError,
    DimensionError,
    DSAInputError,
    NonFiniteDataError,
    RankError,
    SettingsError,
    SingularRegressionError,
    TooFewTimePointsError,
)
from .measure import SETTINGS, compare_pairs, represent
from .operators import Operator, fit_operator
from .selection import RankSelection, select_rank

OFFERS = True

__all__ = [
    "OFFERS",
    "SETTINGS",
    "ConstantDataError",
    "DSAInputError",
    "DSAMatrix",
    "DSAResult",
    "DimensionError",
    "NonFiniteDataError",
    "Operator",
    "RankError",
    "RankSelection",
    "SettingsError",
    "SingularRegressionError",
    "TooFewTimePointsError",
    "compare_pairs",
    "dsa",
    "dsa_matrix",
    "fit_operator",
    "represent",
    "select_rank",
]
