"""Public functions of tensors take arrays and lists as well."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from warpline.core.device import new_tensors_on
from warpline.core.number_arguments import takes_numbers

__all__ = ["check_finite", "takes_arrays", "tensor_of"]

P = ParamSpec("P")
R = TypeVar("R")


def takes_arrays(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function with arrays, DataArrays and lists turned into tensors where it takes a tensor.

    The parameters are those annotated as ``Tensor``, alone or in a union. Tensors of float32 and float64 go
    through untouched; other numbers become float64, as NumPy's own do. LAPACK takes no half precision.
    Parameters that are numbers are read by `warpline.core.number_arguments.takes_numbers`. New tensors lie
    on the device of the first tensor that is given, whatever torch's default device is.

    Raises
    ------
    TypeError
        By the returned function, when such an argument does not hold real numbers.
    """
    function = takes_numbers()(function)
    signature = inspect.signature(function)
    kinds = {
        name: str(parameter.annotation).split(" | ")
        for name, parameter in signature.parameters.items()
    }
    names = [name for name, union in kinds.items() if "Tensor" in union]
    # Those that take nothing else, but for None where it is the default.
    only = {name for name in names if {*kinds[name]} <= {"Tensor", "None"}}
    if not names:
        raise TypeError(f"expected a parameter annotated as Tensor in {function.__qualname__}")

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        for name in names:
            if name in bound.arguments:
                value = bound.arguments[name]
                is_none = value is None and "None" in kinds[name]
                read = tensor_of if name in only and not is_none else _as_tensor
                bound.arguments[name] = read(value, name)
        tensors = (value for value in bound.arguments.values() if isinstance(value, Tensor))
        first = next(tensors, None)
        with new_tensors_on("cpu" if first is None else first.device):
            return function(*bound.args, **bound.kwargs)

    return wrapper


def check_finite(values: Tensor, name: str) -> None:
    """Refuse NaN and infinity, of which LAPACK says no more than that it does not converge.

    Raises
    ------
    ValueError
    """
    if not torch.isfinite(values).all():
        n_odd = int((~torch.isfinite(values)).sum())
        raise ValueError(
            f"expected finite {name}, got {n_odd} values of {values.numel()} that are NaN or infinite"
        )


def tensor_of(value: Any, name: str) -> Tensor:
    """Return an array or a list of numbers as a tensor, of double precision but for single.

    Raises
    ------
    TypeError
        When the value does not hold real numbers.
    """
    tensor = _as_tensor(value, name)
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"expected {name} as an array of numbers, got {type(value).__name__}")
    return tensor


def _as_tensor(value: Any, name: str) -> Any:
    """Return an array or a list of numbers as a tensor, and anything else as it is."""
    if isinstance(value, torch.Tensor):
        if value.is_complex():
            raise TypeError(f"expected {name} as real numbers, got values of type {value.dtype}")
        return value if value.dtype in (torch.float32, torch.float64) else value.double()
    is_labelled = hasattr(value, "dims") and hasattr(value, "values")
    if not is_labelled and not isinstance(value, (np.ndarray, np.generic, list, tuple)):
        return value
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        raise TypeError(f"expected {name} without hidden values, got a masked array")
    if isinstance(value, (list, tuple)) and any(isinstance(item, torch.Tensor) for item in value):
        if not all(isinstance(item, torch.Tensor) for item in value):
            raise TypeError(f"expected {name} as one tensor or array, got a list of both")
        return torch.stack(list(value))
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"expected {name} as an array of numbers, got {error}") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"expected {name} as real numbers, got values of type {array.dtype}")
    if array.dtype != np.float32:
        array = array.astype(np.float64)
    # Torch shares memory with an array only if it may write to it.
    return torch.from_numpy(
        np.array(array) if not array.flags.writeable else np.ascontiguousarray(array)
    )
