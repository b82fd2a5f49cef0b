"""Several measures on the same systems: what one of them cannot compare does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from warpline.core.caller_warnings import warn_caller
from warpline.core.plugins import ContractError
from warpline.similarity.input_errors import InputError, SettingsError, failed_row

__all__ = ["by_each_measure"]

Result = TypeVar("Result")


def by_each_measure(
    measures: Mapping[str, Mapping[str, Any]],
    compare: Callable[[str, Mapping[str, Any]], Result],
    without: Callable[[str, dict[str, Any]], Result],
) -> dict[str, Result]:
    """Compare by each measure, with a warning where the systems do not suit one of them.

    Parameters
    ----------
    measures : mapping of str to mapping
        Settings by measure.
    compare : callable
        Given a measure and its settings.
    without : callable
        Given a measure and the row of each of its pairs, NaN with a status that says why: its result.

    Returns
    -------
    dict of str to result
        By measure, in the order of ``measures``.

    Raises
    ------
    SettingsError, ContractError
        Of the first measure that raises one: a mistake of the caller, not a trait of the systems.
    ValueError
        When no measure can compare the systems; of a single measure its own error.
    """
    results: dict[str, Result] = {}
    reasons: dict[str, ValueError] = {}
    for measure, settings in measures.items():
        try:
            results[measure] = compare(measure, settings)
        except (SettingsError, ContractError):
            raise
        except ValueError as error:
            if len(measures) == 1:
                raise
            reasons[measure] = error
            results[measure] = without(measure, failed_row(error))
    if len(reasons) == len(measures):
        raise InputError(
            f"systems that one of the measures {', '.join(measures)} can compare",
            " ".join(f"{measure}: {error}" for measure, error in reasons.items()),
            "Change the systems, or choose other measures.",
        )
    for measure, reason in reasons.items():
        warn_caller(f"nothing is compared by {measure}: {reason}")
    return results
