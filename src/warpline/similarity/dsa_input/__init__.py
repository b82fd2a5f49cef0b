"""InputDSA: dynamical similarity of driven systems, x(t + 1) = A x(t) + B u(t).

Operators are fitted to states and known inputs, and (A, B) is compared with (C A C^T, C B) over orthogonal C.
As a measure of the pipeline and of `warpline.compare`: `represent` and `compare_pairs`. In a notebook also
`fit_driven_operator`.
"""

from __future__ import annotations

from .driven_measure import (
    DEFAULTS,
    NEEDS_INPUTS,
    SETTINGS,
    UNEQUAL_TRIALS,
    compare_pairs,
    represent,
)
from .driven_operators import DrivenOperator, fit_driven_operator

__all__ = [
    "DEFAULTS",
    "NEEDS_INPUTS",
    "SETTINGS",
    "UNEQUAL_TRIALS",
    "DrivenOperator",
    "compare_pairs",
    "fit_driven_operator",
    "represent",
]
