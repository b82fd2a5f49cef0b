"""Warnings of ranks: above what the data carry, of as few transitions, or between equal singular values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from warpline.core.caller_warnings import warn_caller
from warpline.core.number_arguments import first_few

__all__ = ["warn_of_ranks"]

TIE = 1e-6
"""Singular values that differ by a smaller share count as equal."""


def warn_of_ranks(operators: Iterable[tuple[str, Any]]) -> None:
    """Warn once of ranks that are not reached, of those that fit any transitions, and of those within a tie.

    Parameters
    ----------
    operators : iterable of (str, operator)
        With the name of the system, of which two sets may hold one each; what has no ``rank_used`` is passed
        over.
    """
    named = [(name, operator) for name, operator in operators if hasattr(operator, "rank_used")]
    _warn_of_lower_ranks(named)
    _warn_of_exact_fits(named)
    _warn_of_ties(named)


def _warn_of_lower_ranks(operators: list[tuple[str, Any]]) -> None:
    lower = [
        (name, operator.rank_used, operator.rank)
        for name, operator in operators
        if operator.rank_used < operator.rank
    ]
    if not lower:
        return
    listed = first_few([f"{name} ({used})" for name, used, _ in lower], 4)
    warn_caller(
        f"expected states that carry rank {max(rank for _, _, rank in lower)}, got a lower rank for "
        f"{listed}: zeros stand for the rest where operators are aligned. Ask for rank "
        f"{min(used for _, used, _ in lower)}, or give more trials."
    )


def _warn_of_exact_fits(operators: list[tuple[str, Any]]) -> None:
    exact = [
        (name, operator)
        for name, operator in operators
        if 0 < getattr(operator, "n_transitions", 0) <= operator.n_regressors
    ]
    if exact:
        listed = first_few(
            [f"{name} ({own.n_transitions} for {own.n_regressors})" for name, own in exact], 4
        )
        warn_caller(
            f"expected more transitions than an operator has regressors, got {listed}: so few are fitted "
            "without an error, whatever they are. Lower the rank, or give more trials."
        )


def _warn_of_ties(operators: list[tuple[str, Any]]) -> None:
    tied = [
        (name, operator.rank_used)
        for name, operator in operators
        if getattr(operator, "gap", 1.0) < TIE
    ]
    if tied:
        listed = first_few([f"{name} (rank {rank})" for name, rank in tied], 4)
        warn_caller(
            "expected a singular value at the rank that is larger than the next, got equal ones for "
            f"{listed}, as of whitened states: rounding decides which directions are kept, and "
            "so the dissimilarity. Take all directions or another rank, or do not whiten."
        )
