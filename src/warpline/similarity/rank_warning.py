"""A warning where operators carry less than the rank asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warpline.core.caller_warnings import warn_caller

__all__ = ["warn_of_lower_ranks"]


def warn_of_lower_ranks(operators: Mapping[str, Any]) -> None:
    """Warn once, with the names of the systems whose ``rank_used`` is below their ``rank``.

    Parameters
    ----------
    operators : mapping of str to operator
        By name of the system; what has no ``rank_used`` is passed over.
    """
    lower = {
        name: (operator.rank_used, operator.rank)
        for name, operator in operators.items()
        if getattr(operator, "rank_used", 0) < getattr(operator, "rank", 0)
    }
    if not lower:
        return
    listed = [f"{name} ({used})" for name, (used, _) in lower.items()][:4]
    listed += ["..."] if len(lower) > 4 else []
    warn_caller(
        f"expected states that carry rank {max(rank for _, rank in lower.values())}, got a lower rank for "
        f"{', '.join(listed)}: zeros stand for the rest of their operators. Ask for rank "
        f"{min(used for used, _ in lower.values())}, or give more trials."
    )
