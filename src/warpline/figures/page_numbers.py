"""Numbers as pages state them."""

from __future__ import annotations

from decimal import ROUND_CEILING, Context, Decimal

__all__ = ["at_most"]


def at_most(value: float, decimals: int | None = None) -> str:
    """Return a number that is stated to be the most, rounded up.

    Parameters
    ----------
    value : float
    decimals : int, optional
        Decimals to keep; by default one significant digit.

    Returns
    -------
    str
        Not below the value.
    """
    # The decimal number that the value stands for, not its binary expansion.
    exact = Decimal(repr(float(value)))
    if decimals is None:
        return f"{float(Context(prec=1, rounding=ROUND_CEILING).create_decimal(exact)):.1g}"
    return f"{exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_CEILING):f}"
