"""A warning where operators carry less than the rank asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from warpline.core.caller_warnings import warn_caller
from warpline.core.number_arguments import first_few

__all__ = ["warn_of_lower_ranks"]


def warn_of_lower_ranks(operators: Iterable[tuple[str, Any]]) -> None:
    """Warn once, with the names of the systems whose ``rank_used`` is below their ``rank``.

    Parameters
    ----------
    operators : iterable of (str, operator)
        With the name of the system, of which two sets may hold one each; what has no ``rank_used`` is passed
        over.
    """
    lower = [
        (name, operator.rank_used, operator.rank)
        for name, operator in operators
        if getattr(operator, "rank_used", 0) < getattr(operator, "rank", 0)
    ]
    if not lower:
        return
    listed = first_few([f"{name} ({used})" for name, used, _ in lower], 4)
    warn_caller(
        f"expected states that carry rank {max(rank for _, _, rank in lower)}, got a lower rank for "
        f"{listed}: zeros stand for the rest where operators are aligned. Ask for rank "
        f"{min(used for _, used, _ in lower)}, or give more trials."
    )
