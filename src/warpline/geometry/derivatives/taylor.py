"""Taylor arithmetic of second order: a tensor that carries its derivatives through a network's own code.

A `TaylorTensor` holds the value of a tensor-valued function of m coordinates with its first and second
derivatives. It stands in for a tensor: each operation gives the value and, by the product and chain
rules, its derivatives (Griewank and Walther 2008, chapter 13). A linear operation acts on all
coefficients in one call (one matrix product for the value and all tangents), which the nested
transforms of torch.func do not. Operations without a rule here go through torch.func one by one.
In-place operations and comparisons are refused: a step that needs them goes through torch.func as a
whole (`warpline.geometry.derivatives.propagation.advance_of`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor
from torch.func import jvp, vmap
from torch.nn import functional

from warpline.geometry.derivatives.forward_mode import FORWARD_MODE

__all__ = ["TaylorTensor", "pairs_of", "push_forward"]


@lru_cache
def pairs_of(m: int) -> tuple[tuple[int, int], ...]:
    """Return the pairs i <= j of m coordinates, in the order of the second-order coefficients."""
    return tuple((i, j) for i in range(m) for j in range(i, m))


@lru_cache
def _pair_index(m: int) -> Tensor:
    """Return the position in `pairs_of` of every (i, j), shape (coordinate, coordinate)."""
    index = torch.empty(m, m, dtype=torch.long)
    for position, (i, j) in enumerate(pairs_of(m)):
        index[i, j] = index[j, i] = position
    return index


class TaylorTensor:
    """A tensor with its first and second derivatives along m coordinates.

    Attributes
    ----------
    coefficients : Tensor, shape (coefficient, ...)
        The value, then the m first derivatives, then none or all second derivatives of the pairs
        i <= j, row by row. Derivatives are not divided by factorials.
    m : int
        Number of coordinates.
    """

    __slots__ = ("coefficients", "m")

    def __init__(self, coefficients: Tensor, m: int) -> None:
        self.coefficients = coefficients
        self.m = m

    @classmethod
    def constant(cls, value: Tensor, m: int, second: bool) -> TaylorTensor:
        """Return a value whose derivatives are all 0."""
        count = 1 + m + (len(pairs_of(m)) if second else 0)
        coefficients = value.new_zeros(count, *value.shape)
        coefficients[0] = value
        return cls(coefficients, m)

    @classmethod
    def variable(cls, kappa: Tensor, second: bool) -> TaylorTensor:
        """Return kappa (point, coordinate) as a function of itself: its derivatives are unit vectors."""
        variable = cls.constant(kappa, kappa.shape[1], second)
        for i in range(kappa.shape[1]):
            variable.coefficients[1 + i, :, i] = 1
        return variable

    @property
    def has_second(self) -> bool:
        """Whether second derivatives are carried."""
        return len(self.coefficients) > 1 + self.m

    @property
    def value(self) -> Tensor:
        """The value, (point, ...)."""
        return self.coefficients[0]

    @property
    def first(self) -> Tensor:
        """First derivatives, (point, coordinate, ...): a view of the coefficients."""
        return self.coefficients[1 : 1 + self.m].movedim(0, 1)

    @property
    def second(self) -> Tensor | None:
        """Second derivatives, (point, coordinate, coordinate, ...): a copy; None at first order."""
        if not self.has_second:
            return None
        pairs = self.coefficients[1 + self.m :]
        return pairs[_pair_index(self.m).to(pairs.device)].movedim(2, 0)

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run a torch function on Taylor tensors, by its rule or through torch.func.

        Raises
        ------
        TypeError
            For an in-place function, or one that has neither a rule nor positional Taylor tensors.
        """
        name = function.__name__.strip("_")
        if function.__name__.endswith("_") and not function.__name__.endswith("__"):
            raise TypeError(f"Taylor tensors have no in-place {function.__name__}")
        rule = _RULES.get(name)
        result = NotImplemented if rule is None else rule(*args, **(kwargs or {}))
        return _without_rule(function, args, kwargs or {}) if result is NotImplemented else result

    def __getattr__(self, name: str) -> Any:
        """Look up a tensor's attribute: methods run on the coefficients, all else is the value's."""
        member = getattr(torch.Tensor, name)
        if not callable(member):
            return getattr(self.coefficients[0], name)
        if name.startswith("new_") or name in ("size", "dim", "numel", "is_floating_point"):
            return getattr(self.coefficients[0], name)

        def method(*args: Any, **kwargs: Any) -> Any:
            return self.__torch_function__(member, (), (self, *args), kwargs)

        return method

    def __bool__(self) -> bool:
        raise TypeError("a Taylor tensor has no truth value")

    def __len__(self) -> int:
        return self.coefficients.shape[1]


def _operator(name: str) -> Callable[..., Any]:
    def method(self: TaylorTensor, *args: Any) -> Any:
        return TaylorTensor.__torch_function__(getattr(torch.Tensor, name), (), (self, *args))

    return method


# Python looks up operators on the class, past __getattr__.
for _name in ("add", "sub", "mul", "truediv", "matmul"):
    setattr(TaylorTensor, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(TaylorTensor, f"__r{_name}__", _operator(f"__r{_name}__"))
for _name in ("neg", "pow", "getitem"):
    setattr(TaylorTensor, f"__{_name}__", _operator(f"__{_name}__"))


def push_forward(function: Callable[..., Tensor], *arguments: TaylorTensor) -> TaylorTensor:
    """Return function(*arguments) by torch.func alone.

    First derivatives are jvp under vmap over the m tangents, so that the value is computed once; second
    derivatives are the jvp of a jvp, under vmap over the pairs.

    Parameters
    ----------
    function : callable
        Of plain tensors, differentiable by torch.func.jvp.
    *arguments : TaylorTensor
        All of the same coordinates and order.
    """
    m = arguments[0].m
    values = [argument.coefficients[0] for argument in arguments]
    firsts = [argument.coefficients[1 : 1 + m] for argument in arguments]

    def first_derivative(*direction: Tensor) -> tuple[Tensor, Tensor]:
        return _jvp(function, values, direction)

    # The value does not depend on the direction: out_dims None computes it once.
    value, first = vmap(first_derivative, out_dims=cast(Any, (None, 0)))(*firsts)
    if not arguments[0].has_second:
        return TaylorTensor(torch.cat([value[None], first]), m)

    def second_derivative(*directions: Tensor) -> Tensor:
        size = len(values)
        left, right, both = (
            directions[:size], directions[size : 2 * size], directions[2 * size :]
        )  # fmt: skip

        def along(*point: Tensor) -> Tensor:
            return _jvp(function, point[:size], point[size:])[1]

        # The direction `right` has a derivative of its own along `left`: the argument's second one.
        return _jvp(along, [*values, *right], [*left, *both])[1]

    rows, columns = zip(*pairs_of(m), strict=True)
    second = vmap(second_derivative)(
        *(first[list(rows)] for first in firsts),
        *(first[list(columns)] for first in firsts),
        *(argument.coefficients[1 + m :] for argument in arguments),
    )
    return TaylorTensor(torch.cat([value[None], first, second]), m)


def _jvp(
    function: Callable[..., Tensor], point: Sequence[Tensor], direction: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    with FORWARD_MODE:
        value, derivative, *_ = jvp(function, tuple(point), tuple(direction))
    return value, derivative


def _without_rule(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> TaylorTensor:
    """Take an operation without a rule through torch.func."""
    arguments = [a for a in args if isinstance(a, TaylorTensor)]
    if any(isinstance(v, TaylorTensor) for v in kwargs.values()) or not arguments:
        raise TypeError(f"Taylor tensors have no {function.__name__} with these arguments")

    def of_tensors(*values: Tensor) -> Tensor:
        remaining = iter(values)
        return function(
            *(next(remaining) if isinstance(a, TaylorTensor) else a for a in args), **kwargs
        )

    return push_forward(of_tensors, *arguments)


# Each rule returns NotImplemented for arguments that it does not cover: they go through torch.func.


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    if isinstance(weight, TaylorTensor) or isinstance(bias, TaylorTensor):
        return NotImplemented
    coefficients = functional.linear(x.coefficients, weight)
    if bias is not None:
        coefficients[0] += bias
    return TaylorTensor(coefficients, x.m)


def _matmul(x: Any, y: Any) -> Any:
    if isinstance(x, TaylorTensor) and isinstance(y, Tensor) and y.ndim == 2:
        return TaylorTensor(x.coefficients @ y, x.m)
    return NotImplemented


def _add(x: Any, y: Any, alpha: float = 1) -> Any:
    if isinstance(x, TaylorTensor) and isinstance(y, TaylorTensor):
        if x.coefficients.shape != y.coefficients.shape:
            return NotImplemented
        return TaylorTensor(torch.add(x.coefficients, y.coefficients, alpha=alpha), x.m)
    if not isinstance(x, TaylorTensor):
        if alpha != 1:
            return NotImplemented
        x, y = y, x
    # A constant changes the value alone, unless it broadcasts the derivatives to another shape.
    value = torch.add(x.coefficients[0], y, alpha=alpha)
    if value.shape != x.coefficients.shape[1:]:
        return NotImplemented
    coefficients = x.coefficients.clone()
    coefficients[0] = value
    return TaylorTensor(coefficients, x.m)


def _sub(x: Any, y: Any, alpha: float = 1) -> Any:
    if isinstance(x, TaylorTensor):
        return _add(x, y, alpha=-alpha)
    return NotImplemented if alpha != 1 else _add(TaylorTensor(-y.coefficients, y.m), x)


def _rsub(x: Any, y: Any, alpha: float = 1) -> Any:
    return _sub(y, x, alpha)


def _mul(x: Any, y: Any) -> Any:
    if not isinstance(x, TaylorTensor):
        x, y = y, x
    m = x.m
    if not isinstance(y, TaylorTensor):
        if isinstance(y, Tensor) and y.ndim > x.coefficients.ndim - 1:
            return NotImplemented
        return TaylorTensor(x.coefficients * y, m)
    if x.coefficients.shape != y.coefficients.shape:
        return NotImplemented
    # (xy)_ij = x y_ij + x_ij y + x_i y_j + x_j y_i
    coefficients = x.coefficients[0] * y.coefficients
    coefficients[1:].addcmul_(x.coefficients[1:], y.coefficients[0])
    if x.has_second:
        for position, (i, j) in enumerate(pairs_of(m), 1 + m):
            coefficients[position].addcmul_(x.coefficients[1 + i], y.coefficients[1 + j])
            coefficients[position].addcmul_(x.coefficients[1 + j], y.coefficients[1 + i])
    return TaylorTensor(coefficients, m)


def _truediv(x: Any, y: Any) -> Any:
    return NotImplemented if isinstance(y, TaylorTensor) else TaylorTensor(x.coefficients / y, x.m)


def _neg(x: TaylorTensor) -> TaylorTensor:
    return TaylorTensor(-x.coefficients, x.m)


def _lerp(x: Any, y: Any, weight: Any) -> Any:
    """Return x + weight (y - x)."""
    if not (isinstance(x, TaylorTensor) and isinstance(y, TaylorTensor)):
        return NotImplemented
    if x.coefficients.shape != y.coefficients.shape:
        return NotImplemented
    if not isinstance(weight, TaylorTensor):
        return TaylorTensor(torch.lerp(x.coefficients, y.coefficients, weight), x.m)
    weighted = _mul(weight, TaylorTensor(y.coefficients - x.coefficients, x.m))
    if weighted is NotImplemented:
        return NotImplemented
    return TaylorTensor(weighted.coefficients.add_(x.coefficients), x.m)


def _addcmul(x: Any, y: Any, z: Any, *, value: float = 1) -> Any:
    carries = isinstance(y, TaylorTensor) or isinstance(z, TaylorTensor)
    product = _mul(y, z) if carries else y * z
    return NotImplemented if product is NotImplemented else _add(x, product, alpha=value)


def _getitem(x: TaylorTensor, index: Any) -> Any:
    indices = index if isinstance(index, tuple) else (index,)
    # Basic indexing only: an index tensor would have to spare the leading dimension of coefficients.
    if any(
        isinstance(i, TaylorTensor) or not isinstance(i, int | slice | type(...)) for i in indices
    ):
        return NotImplemented
    return TaylorTensor(x.coefficients[(slice(None), *indices)], x.m)


def _coefficient_dim(dim: int) -> int:
    """Return a dimension of the value as one of the coefficients."""
    return dim if dim < 0 else dim + 1


def _chunk(x: TaylorTensor, chunks: int, dim: int = 0) -> tuple[TaylorTensor, ...]:
    return tuple(
        TaylorTensor(piece, x.m) for piece in x.coefficients.chunk(chunks, _coefficient_dim(dim))
    )


def _split(x: TaylorTensor, sizes: Any, dim: int = 0) -> tuple[TaylorTensor, ...]:
    return tuple(
        TaylorTensor(piece, x.m) for piece in x.coefficients.split(sizes, _coefficient_dim(dim))
    )


def _cat(tensors: Any, dim: int = 0) -> Any:
    if not all(isinstance(t, TaylorTensor) for t in tensors):
        return NotImplemented
    coefficients = torch.cat([t.coefficients for t in tensors], _coefficient_dim(dim))
    return TaylorTensor(coefficients, tensors[0].m)


def _stack(tensors: Any, dim: int = 0) -> Any:
    carrier = next(t for t in tensors if isinstance(t, TaylorTensor))
    coefficients = [
        t.coefficients
        if isinstance(t, TaylorTensor)
        else TaylorTensor.constant(t, carrier.m, carrier.has_second).coefficients
        for t in tensors
    ]
    return TaylorTensor(torch.stack(coefficients, _coefficient_dim(dim)), carrier.m)


def _chain_rule(
    x: TaylorTensor, value: Tensor, derivative: Tensor, second_derivative: Tensor | None
) -> TaylorTensor:
    """Return phi(x) of a pointwise phi, from phi, phi' and phi'' (None for 0) at x's value."""
    m, coefficients = x.m, torch.empty_like(x.coefficients)
    coefficients[0] = value
    torch.mul(derivative, x.coefficients[1:], out=coefficients[1:])
    # phi(x)_ij = phi' x_ij + phi'' x_i x_j
    if second_derivative is not None and x.has_second:
        curved = second_derivative * x.coefficients[1 : 1 + m]
        for position, (i, j) in enumerate(pairs_of(m), 1 + m):
            coefficients[position].addcmul_(curved[i], x.coefficients[1 + j])
    return TaylorTensor(coefficients, m)


def _tanh(x: TaylorTensor) -> TaylorTensor:
    y = torch.tanh(x.coefficients[0])
    derivative = 1 - y * y
    return _chain_rule(x, y, derivative, -2 * y * derivative if x.has_second else None)


def _sin(x: TaylorTensor) -> TaylorTensor:
    value = x.coefficients[0]
    sine = torch.sin(value)
    return _chain_rule(x, sine, torch.cos(value), -sine)


def _cos(x: TaylorTensor) -> TaylorTensor:
    value = x.coefficients[0]
    cosine = torch.cos(value)
    return _chain_rule(x, cosine, -torch.sin(value), -cosine)


def _sigmoid(x: TaylorTensor) -> TaylorTensor:
    y = torch.sigmoid(x.coefficients[0])
    derivative = y * (1 - y)
    return _chain_rule(x, y, derivative, derivative * (1 - 2 * y) if x.has_second else None)


def _relu(x: TaylorTensor, inplace: bool = False) -> TaylorTensor:
    value = x.coefficients[0]
    return _chain_rule(x, torch.relu(value), (value > 0).to(value.dtype), None)


def _leaky_relu(
    x: TaylorTensor, negative_slope: float = 0.01, inplace: bool = False
) -> TaylorTensor:
    value = x.coefficients[0]
    derivative = torch.where(value > 0, 1.0, negative_slope).to(value.dtype)
    return _chain_rule(x, derivative * value, derivative, None)


def _softplus(x: TaylorTensor, beta: float = 1, threshold: float = 20) -> Any:
    if beta != 1:
        return NotImplemented
    value = x.coefficients[0]
    # As torch has it: the identity above the threshold.
    linear = value > threshold
    sigmoid = torch.sigmoid(value)
    derivative = torch.where(linear, 1.0, sigmoid).to(value.dtype)
    second_derivative = torch.where(linear, 0.0, sigmoid * (1 - sigmoid)).to(value.dtype)
    return _chain_rule(x, functional.softplus(value, 1, threshold), derivative, second_derivative)


_RULES: dict[str, Callable[..., Any]] = {
    "add": _add, "radd": _add, "sub": _sub, "rsub": _rsub, "mul": _mul, "rmul": _mul,
    "multiply": _mul, "truediv": _truediv, "div": _truediv, "neg": _neg, "linear": _linear,
    "matmul": _matmul, "lerp": _lerp, "addcmul": _addcmul, "getitem": _getitem, "chunk": _chunk,
    "split": _split, "cat": _cat, "stack": _stack, "sin": _sin, "cos": _cos,
    "tanh": _tanh, "sigmoid": _sigmoid, "relu": _relu, "leaky_relu": _leaky_relu, "softplus": _softplus,
}  # fmt: skip
