"""Functions of the user must not change their arguments: a state changed in place is lost to all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["left_alone"]


def left_alone(name: str, function: Callable[..., Any], *arguments: Tensor) -> Any:
    """Return what a function makes of copies of its arguments, which it must leave as they are.

    Parameters
    ----------
    name : str
        What the message calls the function.
    function : callable
    *arguments : Tensor

    Raises
    ------
    ValueError
        When the function changed an argument in place.
    """
    copies = [argument.clone() for argument in arguments]
    result = function(*copies)
    for argument, copy in zip(arguments, copies, strict=True):
        if not torch.allclose(argument, copy, rtol=0, atol=0, equal_nan=True):
            raise ValueError(
                f"expected {name} to leave its arguments as they are, got one that changes them in place: "
                "return a new tensor (x = x + ... in place of x += ...)"
            )
    return result
