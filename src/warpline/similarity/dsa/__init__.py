"""Dynamical similarity analysis: HAVOK-DMD operators, compared up to an orthogonal change of basis.

As a measure of the pipeline: `represent` and `compare_pairs`. In a notebook: `dsa`, `dsa_matrix`,
`select_rank` and `choose_dsa`. PyTorch, POT and dsa-metric are imported when first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from warpline.similarity.input_errors import (
    ConstantDataError,
    DimensionError,
    InputError,
    NonFiniteDataError,
    RankError,
    SettingsError,
    SingularRegressionError,
    TooFewTimePointsError,
)

from .measure import (
    FITS_MEANS,
    PER_SYSTEM,
    SETTINGS,
    UNEQUAL_TRIALS,
    compare_pairs,
    represent,
    represent_ranks,
)
from .operators import Operator, fit_operator

DSAInputError = InputError

# Loaded by `__getattr__`, not by an import statement: a job's code digest follows import statements,
# and no job uses these names.
_NOTEBOOK_NAMES = {
    "DSAChoice": "selection",
    "DSAMatrix": "interface",
    "DSAResult": "interface",
    "RankSelection": "rank_selection",
    "choose_dsa": "selection",
    "compare_held_out": "held_out",
    "dsa": "interface",
    "dsa_matrix": "interface",
    "represent_held_out": "held_out",
    "select_rank": "rank_selection",
}

__all__ = [
    "FITS_MEANS",
    "PER_SYSTEM",
    "SETTINGS",
    "UNEQUAL_TRIALS",
    "ConstantDataError",
    "DSAChoice",
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
    "choose_dsa",
    "compare_held_out",
    "compare_pairs",
    "dsa",
    "dsa_matrix",
    "fit_operator",
    "represent",
    "represent_held_out",
    "represent_ranks",
    "select_rank",
]


def __getattr__(name: str) -> Any:
    """Load the names for notebooks on first use."""
    if name in _NOTEBOOK_NAMES:
        return getattr(import_module(f".{_NOTEBOOK_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
