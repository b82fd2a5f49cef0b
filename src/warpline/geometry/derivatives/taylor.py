"""Arithmetic on stacks: a value with its derivatives runs through a network's own code.

What a Taylor arithmetic is to numbers (Griewank and Walther 2008, chapter 13), `Stacked` is to tensors:
it stands in for a tensor, and every operation gives the value and, by the product and chain rules, its
first and second derivatives. Linear operations act on the whole stack at once (one matrix product for
value and all tangents), which torch.func's nested transforms do not; other operations that are not
written here go through torch.func one by one. In-place operations and comparisons are refused: a step
that needs them is taken through torch.func (`warpline.geometry.derivatives.propagation.advance_of`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Stacked", "pairs_of"]


@lru_cache
def pairs_of(m: int) -> tuple[tuple[int, int], ...]:
    """Return the pairs i <= j of m coordinates, in the order in which stacks hold them."""
    return tuple((i, j) for i in range(m) for j in range(i, m))


class Stacked:
    """A tensor's stand-in that carries derivatives along.

    Attributes
    ----------
    parts : Tensor, shape (part, ...)
        Value, m first derivatives, and none or all second derivatives of the pairs i <= j.
    m : int
        Number of coordinates.
    """

    __slots__ = ("m", "parts")

    def __init__(self, parts: Tensor, m: int) -> None:
        self.parts = parts
        self.m = m

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run a torch function on stacks."""
        name = function.__name__.strip("_")
        if function.__name__.endswith("_") and not function.__name__.endswith("__"):
            raise TypeError(f"stacks have no in-place {function.__name__}")
        rule = _RULES.get(name)
        found = NotImplemented if rule is None else rule(*args, **(kwargs or {}))
        return _one_by_one(function, args, kwargs or {}) if found is NotImplemented else found

    def __getattr__(self, name: str) -> Any:
        """Look up what a tensor has: methods run on stacks, anything else is the value's."""
        member = getattr(torch.Tensor, name)
        if not callable(member):
            return getattr(self.parts[0], name)
        if name.startswith("new_") or name in ("size", "dim", "numel", "is_floating_point"):
            return getattr(self.parts[0], name)

        def method(*args: Any, **kwargs: Any) -> Any:
            return self.__torch_function__(member, (), (self, *args), kwargs)

        return method

    def __bool__(self) -> bool:
        raise TypeError("a stack has no truth value")

    def __len__(self) -> int:
        return self.parts.shape[1]


def _operator(name: str) -> Callable[..., Any]:
    def method(self: Stacked, *args: Any) -> Any:
        return Stacked.__torch_function__(getattr(torch.Tensor, name), (), (self, *args))

    return method


for _name in ("add", "sub", "mul", "truediv", "matmul"):
    setattr(Stacked, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(Stacked, f"__r{_name}__", _operator(f"__r{_name}__"))
for _name in ("neg", "pow", "getitem"):
    setattr(Stacked, f"__{_name}__", _operator(f"__{_name}__"))


def _one_by_one(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Stacked:
    """Take an operation without a rule through torch.func."""
    from warpline.geometry.derivatives.propagation import pushed

    stacks = [a for a in args if isinstance(a, Stacked)]
    if any(isinstance(v, Stacked) for v in kwargs.values()) or not stacks:
        raise TypeError(f"stacks have no {function.__name__} with these arguments")

    def plain(*values: Tensor) -> Tensor:
        rest = iter(values)
        return function(*(next(rest) if isinstance(a, Stacked) else a for a in args), **kwargs)

    return Stacked(pushed(plain, [s.parts for s in stacks], stacks[0].m), stacks[0].m)


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    if isinstance(weight, Stacked) or isinstance(bias, Stacked):
        return NotImplemented
    parts = functional.linear(x.parts, weight)
    if bias is not None:
        parts[0] += bias
    return Stacked(parts, x.m)


def _matmul(x: Any, y: Any) -> Any:
    if isinstance(x, Stacked) and isinstance(y, Tensor) and y.ndim == 2:
        return Stacked(x.parts @ y, x.m)
    return NotImplemented


def _add(x: Any, y: Any, alpha: float = 1) -> Any:
    if isinstance(x, Stacked) and isinstance(y, Stacked):
        if x.parts.shape != y.parts.shape:
            return NotImplemented
        return Stacked(torch.add(x.parts, y.parts, alpha=alpha), x.m)
    if not isinstance(x, Stacked):
        if alpha != 1:
            return NotImplemented
        x, y = y, x
    value = torch.add(x.parts[0], y, alpha=alpha)
    if value.shape != x.parts.shape[1:]:
        return NotImplemented
    parts = x.parts.clone()
    parts[0] = value
    return Stacked(parts, x.m)


def _sub(x: Any, y: Any, alpha: float = 1) -> Any:
    if isinstance(x, Stacked):
        return _add(x, y, alpha=-alpha)
    return NotImplemented if alpha != 1 else _add(Stacked(-y.parts, y.m), x)


def _rsub(x: Any, y: Any, alpha: float = 1) -> Any:
    return _sub(y, x, alpha)


def _mul(x: Any, y: Any) -> Any:
    if not isinstance(x, Stacked):
        x, y = y, x
    m = x.m
    if not isinstance(y, Stacked):
        if isinstance(y, Tensor) and y.ndim > x.parts.ndim - 1:
            return NotImplemented
        return Stacked(x.parts * y, m)
    if x.parts.shape != y.parts.shape:
        return NotImplemented
    parts = x.parts[0] * y.parts
    parts[1:].addcmul_(x.parts[1:], y.parts[0])
    if len(parts) > 1 + m:
        for place, (i, j) in enumerate(pairs_of(m), 1 + m):
            parts[place].addcmul_(x.parts[1 + i], y.parts[1 + j])
            parts[place].addcmul_(x.parts[1 + j], y.parts[1 + i])
    return Stacked(parts, m)


def _truediv(x: Any, y: Any) -> Any:
    return NotImplemented if isinstance(y, Stacked) else Stacked(x.parts / y, x.m)


def _neg(x: Stacked) -> Stacked:
    return Stacked(-x.parts, x.m)


def _lerp(x: Any, y: Any, weight: Any) -> Any:
    """Return x + weight (y - x)."""
    stacked = isinstance(x, Stacked) and isinstance(y, Stacked) and x.parts.shape == y.parts.shape
    if not stacked:
        return NotImplemented
    if not isinstance(weight, Stacked):
        return Stacked(torch.lerp(x.parts, y.parts, weight), x.m)
    moved = _mul(weight, Stacked(y.parts - x.parts, x.m))
    return moved if moved is NotImplemented else Stacked(moved.parts.add_(x.parts), x.m)


def _addcmul(x: Any, y: Any, z: Any, *, value: float = 1) -> Any:
    product = _mul(y, z) if isinstance(y, Stacked) or isinstance(z, Stacked) else y * z
    return NotImplemented if product is NotImplemented else _add(x, product, alpha=value)


def _getitem(x: Stacked, index: Any) -> Any:
    where = index if isinstance(index, tuple) else (index,)
    if any(isinstance(i, Stacked) or not isinstance(i, int | slice | type(...)) for i in where):
        return NotImplemented
    return Stacked(x.parts[(slice(None), *where)], x.m)


def _shifted(dim: int) -> int:
    return dim if dim < 0 else dim + 1


def _chunk(x: Stacked, chunks: int, dim: int = 0) -> tuple[Stacked, ...]:
    return tuple(Stacked(part, x.m) for part in x.parts.chunk(chunks, _shifted(dim)))


def _split(x: Stacked, sizes: Any, dim: int = 0) -> tuple[Stacked, ...]:
    return tuple(Stacked(part, x.m) for part in x.parts.split(sizes, _shifted(dim)))


def _cat(tensors: Any, dim: int = 0) -> Any:
    if not all(isinstance(t, Stacked) for t in tensors):
        return NotImplemented
    parts = torch.cat([t.parts for t in tensors], _shifted(dim))
    return Stacked(parts, tensors[0].m)


def _chained(x: Stacked, value: Tensor, slope: Tensor, bend: Tensor | None) -> Stacked:
    """Return phi(x) from phi, phi' and phi'' (None for 0) at x's value."""
    m, parts = x.m, torch.empty_like(x.parts)
    parts[0] = value
    torch.mul(slope, x.parts[1:], out=parts[1:])
    if bend is not None and len(parts) > 1 + m:
        bent = bend * x.parts[1 : 1 + m]
        for place, (i, j) in enumerate(pairs_of(m), 1 + m):
            parts[place].addcmul_(bent[i], x.parts[1 + j])
    return Stacked(parts, m)


def _tanh(x: Stacked) -> Stacked:
    y = torch.tanh(x.parts[0])
    slope = 1 - y * y
    return _chained(x, y, slope, -2 * y * slope if len(x.parts) > 1 + x.m else None)


def _sigmoid(x: Stacked) -> Stacked:
    y = torch.sigmoid(x.parts[0])
    slope = y * (1 - y)
    return _chained(x, y, slope, slope * (1 - 2 * y) if len(x.parts) > 1 + x.m else None)


def _relu(x: Stacked, inplace: bool = False) -> Stacked:
    at = x.parts[0]
    return _chained(x, torch.relu(at), (at > 0).to(at.dtype), None)


def _leaky_relu(x: Stacked, negative_slope: float = 0.01, inplace: bool = False) -> Stacked:
    at = x.parts[0]
    slope = torch.where(at > 0, 1.0, negative_slope).to(at.dtype)
    return _chained(x, slope * at, slope, None)


def _softplus(x: Stacked, beta: float = 1, threshold: float = 20) -> Any:
    if beta != 1:
        return NotImplemented
    at = x.parts[0]
    # As torch has it: the identity above the threshold.
    linear = at > threshold
    rising = torch.sigmoid(at)
    slope = torch.where(linear, 1.0, rising).to(at.dtype)
    bend = torch.where(linear, 0.0, rising * (1 - rising)).to(at.dtype)
    return _chained(x, functional.softplus(at, 1, threshold), slope, bend)


_RULES: dict[str, Callable[..., Any]] = {
    "add": _add, "radd": _add, "sub": _sub, "rsub": _rsub, "mul": _mul, "rmul": _mul,
    "multiply": _mul, "truediv": _truediv, "div": _truediv, "neg": _neg, "linear": _linear,
    "matmul": _matmul, "lerp": _lerp, "addcmul": _addcmul, "getitem": _getitem, "chunk": _chunk,
    "split": _split, "cat": _cat, "tanh": _tanh, "sigmoid": _sigmoid, "relu": _relu,
    "leaky_relu": _leaky_relu, "softplus": _softplus,
}  # fmt: skip
