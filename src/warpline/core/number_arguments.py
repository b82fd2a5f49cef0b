"""Public functions that take numbers say so, where text, None or a truth value would fail deep inside.

So do those that take truth values: any text, "no" too, would count as true. The kinds of the arguments are
read from the annotations, so that nothing is said twice.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import numbers
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from warpline.core.count_limits import LARGEST_LIST, limit_of

__all__ = [
    "check_number_fields",
    "first_few",
    "number_of",
    "short_text",
    "takes_numbers",
    "truth_of",
]

P = ParamSpec("P")
R = TypeVar("R")
Refusal = Callable[[str, str, str], Exception]

_SCALARS = {"int": True, "float": False}
"""Whether an annotation asks for a whole number."""
_LISTS = {
    "Sequence[int]": True,
    "Sequence[float]": False,
    "tuple[int, int]": True,
    "tuple[int, ...]": True,
    "tuple[float, float]": False,
}
_COUNTS = {name for name, whole in {**_SCALARS, **_LISTS}.items() if whole}
_MAPPING = "Mapping[str, float]"
_TRUTH = "bool"
_ARRAYS = {"Tensor", "Floats", "FloatArray"}
"""Annotations of arrays, which the function itself, or another decorator, reads."""
_LONGEST = 10**4000
"""Python writes no whole number of more than 4,300 digits, and a seed is hashed as text."""
_KNOWN = {*_SCALARS, *_LISTS, *_ARRAYS, _MAPPING, _TRUTH, "None"}


def number_of(value: Any, whole: bool) -> int | float | None:
    """Return a value as a number, and None for what is no number.

    Parameters
    ----------
    value : Any
        Real numbers of Python and of NumPy, and arrays and tensors without axes, are numbers. Truth values,
        text, masked values, dates and durations are none, nor is what is beyond double precision.
    whole : bool
        Whether only whole numbers are taken; floats without a fraction are whole.
    """
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        # Of what is masked, `item` returns the value below the mask; of dates, a count of nanoseconds.
        if getattr(value, "mask", False) or getattr(getattr(value, "dtype", None), "kind", "") in (
            "m",
            "M",
        ):
            return None
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        size = float(value)
    # Fractions and long numbers can be beyond double precision.
    except OverflowError:
        # A seed may be as long as Python can write it.
        if whole and isinstance(value, numbers.Integral) and abs(int(value)) < _LONGEST:
            return int(value)
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    if whole:
        return int(size) if size.is_integer() and size == value else None
    if isinstance(value, float):
        return value
    return None if math.isinf(size) and size != value else size


def truth_of(value: Any) -> bool | None:
    """Return a truth value of Python or of NumPy as one of Python, and None for anything else."""
    return bool(value) if isinstance(value, (bool, np.bool_)) else None


def short_text(value: Any) -> str:
    """Return a value as a message shows it, on a line; numbers too long for Python to write by their size."""
    try:
        return reprlib.repr(value)
    except ValueError:
        return f"{type(value).__name__} of more than 4,300 digits"


def first_few(names: Sequence[object], limit: int) -> str:
    """Return at most ``limit`` names as a message lists them, with dots where there are more."""
    return ", ".join([*map(str, names[:limit]), *(["..."] if len(names) > limit else [])])


def takes_numbers(refusal: Refusal | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that reads the numbers and truth values of a function, or refuses what is none.

    The parameters are those annotated as ``int``, ``float``, ``bool``, sequences of numbers, mappings from
    names to floats, and unions of them with ``None``. Whole floats become integers. Where an array is
    another choice, only text, truth values and None are refused. A function without such parameters stays
    as it is.

    Parameters
    ----------
    refusal : callable, optional
        Makes the error from what was expected, what was got, and what to do; a TypeError by default.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        unions = {
            name: union
            for name, parameter in signature.parameters.items()
            if (union := _numbers_of(parameter.annotation))
        }
        if not unions:
            return function

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = signature.bind(*args, **kwargs)
            for name, union in unions.items():
                if name not in bound.arguments:
                    continue
                value = bound.arguments[name]
                if signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
                    bound.arguments[name] = tuple(
                        _checked(name, one, union, refusal) for one in value
                    )
                else:
                    bound.arguments[name] = _checked(name, value, union, refusal)
            return function(*bound.args, **bound.kwargs)

        return wrapper

    return decorate


def check_number_fields(instance: Any, refusal: Refusal | None = None) -> None:
    """Refuse a dataclass whose fields are annotated as `takes_numbers` reads them, and are none."""
    for field in dataclasses.fields(instance):
        if union := _numbers_of(field.type):
            _checked(field.name, getattr(instance, field.name), union, refusal)


def _numbers_of(annotation: Any) -> set[str]:
    """Return the alternatives of an annotation of numbers or truth values, none of another one."""
    union = {*str(getattr(annotation, "__name__", annotation)).split(" | ")}
    return union if union <= _KNOWN and union - _ARRAYS - {"None"} else set()


def _checked(name: str, value: Any, union: set[str], refusal: Refusal | None) -> Any:
    """Return the value as one of the kinds of the union."""
    if union & _LISTS.keys() and not union & _ARRAYS and _is_endless(value):
        _refuse(
            name,
            f"{name} in a list of {LARGEST_LIST.expected}",
            short_text(value),
            refusal or _value_error,
        )
    number = _read(value, union)
    if number is _NO_NUMBER:
        _refuse(
            name, f"{name} to be {_described(union)}", short_text(value), refusal or _type_error
        )
    # Indices and counts alone: of numbers with fractions each function knows the range.
    if union & _COUNTS and (limit := limit_of(name)) is not None:
        values = number if isinstance(number, (list, tuple)) else [number]
        beyond = [one for one in values if isinstance(one, int) and one > limit.most]
        if beyond:
            _refuse(
                name, f"{name} of {limit.expected}", short_text(beyond[0]), refusal or _value_error
            )
    return number


def _is_endless(value: Any) -> bool:
    try:
        return len(value) > LARGEST_LIST.most
    except TypeError:
        return False
    # A range can be longer than any list.
    except OverflowError:
        return True


def _refuse(name: str, expected: str, got: str, refusal: Refusal) -> None:
    raise refusal(expected, got, f"Set {name}.")


def _type_error(expected: str, got: str, remedy: str) -> Exception:
    return TypeError(f"expected {expected}; got {got}. {remedy}")


def _value_error(expected: str, got: str, remedy: str) -> Exception:
    return ValueError(f"expected {expected}; got {got}. {remedy}")


_NO_NUMBER = object()


def _read(value: Any, union: set[str]) -> Any:
    if value is None:
        return None if "None" in union else _NO_NUMBER
    if _TRUTH in union and (truth := truth_of(value)) is not None:
        return truth
    for kind in union & _SCALARS.keys():
        number = number_of(value, _SCALARS[kind])
        if number is not None:
            return number
    if isinstance(value, Mapping):
        entries = {name: number_of(item, whole=False) for name, item in value.items()}
        return entries if _MAPPING in union and None not in entries.values() else _NO_NUMBER
    is_array = hasattr(value, "__array__") and getattr(value, "ndim", 0) > 0
    if isinstance(value, (str, bytes, bytearray)) or not (isinstance(value, Sequence) or is_array):
        return _NO_NUMBER
    if union & _ARRAYS:
        return value
    for kind in union & _LISTS.keys():
        items = [number_of(item, _LISTS[kind]) for item in value]
        if None not in items:
            return tuple(items) if isinstance(value, tuple) else items
    return _NO_NUMBER


def _described(union: set[str]) -> str:
    words = []
    for kind in sorted(union):
        if kind in _SCALARS:
            words.append("a whole number" if _SCALARS[kind] else "a number")
        elif kind in _LISTS:
            words.append(f"a list of {'whole ' if _LISTS[kind] else ''}numbers")
        elif kind == _TRUTH:
            words.append("true or false")
        elif kind == _MAPPING:
            words.append("a mapping from names to numbers")
        elif kind in _ARRAYS:
            words.append("an array of numbers")
    return " or ".join(dict.fromkeys(words))
