"""Errors of the measures on bad input.

Each is a ValueError. Its message says what was expected, what was got, and what to do about it.
"""

from __future__ import annotations

import math
from typing import Any

from warpline.core.count_limits import limit_of
from warpline.core.number_arguments import number_of, short_text


class InputError(ValueError):
    """Input that a measure cannot use.

    Parameters
    ----------
    expected : str
        What the function needs.
    got : str
        What it was given.
    remedy : str
        What the caller can change.
    """

    def __init__(self, expected: str, got: str, remedy: str) -> None:
        self.expected = expected
        self.got = got
        self.remedy = remedy
        super().__init__(f"expected {expected}; got {got}. {remedy}")


class DimensionError(InputError):
    """The array has not the dimensions (trial, time, unit), or is not made of real numbers."""


class TrialError(InputError):
    """The trials cannot be read, or do not match those of another system."""


class TooFewTimePointsError(InputError):
    """The trials are too short for the delay embedding."""


class NonFiniteDataError(InputError):
    """The data hold NaN or infinity."""


class ConstantDataError(InputError):
    """Nothing in the data changes in time, so there is no dynamics to compare."""


class RankError(InputError):
    """The requested rank exceeds what the data carry (raised under ``strict`` only)."""


class SingularRegressionError(InputError):
    """The one-step regression has no unique solution at this rank without a ridge."""


class SettingsError(InputError):
    """A setting is unknown or has a value that cannot be used."""


def positive_integer(name: str, value: Any) -> int:
    """Return a setting as an int of at least 1; integers of NumPy and whole floats are taken.

    Raises
    ------
    SettingsError
        When the value is none of these, or a count beyond its limit (`warpline.core.count_limits`).
    """
    number = number_of(value, whole=True)
    if number is None or number < 1:
        raise SettingsError(f"{name} to be a positive integer", short_text(value), f"Set {name}.")
    if (limit := limit_of(name)) is not None and number > limit.most:
        raise SettingsError(f"{name} of {limit.expected}", short_text(value), f"Set {name}.")
    return int(number)


def check_ridge(ridge: float) -> None:
    """Refuse a ridge that would take from the diagonal of a regression, or is no number.

    Raises
    ------
    SettingsError
    """
    if not 0 <= ridge < math.inf:
        raise SettingsError("a finite ridge of zero or more", f"{ridge!r}", "Set ridge.")


def failed_row(reason: ValueError) -> dict[str, Any]:
    """Return the row of a pair that a measure cannot compare."""
    return {"dissimilarity": math.nan, "status": f"failed: {reason}"}
