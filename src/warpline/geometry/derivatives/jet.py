"""Immersions: the states as a map of the coordinates, with the derivatives that geometry needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.func import jvp, vmap

from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.forward_mode import FORWARD_MODE
from warpline.geometry.derivatives.input_manifold import Coordinate
from warpline.geometry.derivatives.left_alone import left_alone
from warpline.geometry.derivatives.smoothness import (
    check_second_derivative_on,
    readable_torch_error,
)
from warpline.geometry.derivatives.taylor import TaylorTensor

__all__ = ["Immersion", "Jet", "TaylorExtension", "domain_bounds", "immersion_of"]


@dataclass(frozen=True, repr=False)
class Jet(ShortRepr):
    """Value and derivatives of a map Phi from coordinates to states, at a batch of points.

    Attributes
    ----------
    value : Tensor, shape (point, unit)
        Phi(kappa).
    first : Tensor, shape (point, coordinate, unit)
        Tangent vectors a_i = dPhi/dkappa_i.
    second : Tensor, shape (point, coordinate, coordinate, unit), or None
        Phi_ij, symmetric in its coordinates; None where only first order was asked for.
    """

    value: Tensor
    first: Tensor
    second: Tensor | None = None

    @classmethod
    def of(cls, state: TaylorTensor) -> Jet:
        """Return the derivatives that a Taylor tensor (point, unit) holds."""
        return cls(state.value, state.first, state.second)

    @property
    def metric(self) -> Tensor:
        """The pullback metric G_ij = <a_i, a_j>, shape (point, coordinate, coordinate)."""
        return self.first @ self.first.mT


class Immersion(Protocol):
    """A map Phi from coordinates kappa to states, given with its derivatives.

    `immersion_of` makes one from a torch function, `state_map` from a network at one time step.
    """

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """One per dimension of kappa; an angle is periodic."""
        ...

    def __call__(self, kappa: Tensor, order: int = 1) -> Jet:
        """Return the jet at kappa, shape (point, coordinate), to first or second order."""
        ...


@dataclass(frozen=True)
class _FunctionImmersion:
    function: Callable[[Tensor], Tensor]
    coordinates: tuple[Coordinate, ...]
    tried: list[bool] = field(default_factory=list, compare=False, repr=False)
    """Not empty once second derivatives were tried."""
    called: list[bool] = field(default_factory=list, compare=False, repr=False)
    """The same of the function itself."""

    def __call__(self, kappa: Tensor, order: int = 1) -> Jet:
        m = len(self.coordinates)
        if order not in (1, 2):
            raise ValueError(f"expected order 1 or 2, got {order}")
        if kappa.ndim != 2 or kappa.shape[1] != m:
            raise ValueError(f"expected kappa of shape (point, {m}), got {tuple(kappa.shape)}")
        if not self.called and len(kappa):
            # On a copy, because a changed kappa would be the caller's.
            left_alone("the function of points", self.function, kappa[:1])
            self.called.append(True)
        basis = torch.eye(m, dtype=kappa.dtype, device=kappa.device)
        pairs = torch.triu_indices(m, m)

        def along(point: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
            value, derivative, *_ = jvp(self.function, (point,), (direction.expand_as(point),))
            return value, derivative

        def first(direction: Tensor) -> tuple[Tensor, Tensor]:
            return along(kappa, direction)

        def second(i: Tensor, j: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            primals, tangents, *_ = jvp(
                lambda point: along(point, i), (kappa,), (j.expand_as(kappa),)
            )
            return primals[0], primals[1], tangents[1]

        # First order costs 1 + m passes. At second order each pair i <= j is taken once, and all
        # pairs share the value.
        try:
            with FORWARD_MODE:
                if order == 1:
                    value, first_derivatives = vmap(first, out_dims=cast(Any, (None, 1)))(basis)
                    return Jet(value, self._checked(value, first_derivatives, kappa))
                value, first_derivatives, second_derivatives = vmap(
                    second, out_dims=cast(Any, (None, 1, 1))
                )(basis[pairs[0]], basis[pairs[1]])
        except RuntimeError as error:
            raise TypeError(
                "expected a function of plain differentiable torch operations, (point, coordinate) to "
                "(point, unit), that torch.func.jvp and vmap can go through; torch says: "
                f"{readable_torch_error(error)}"
            ) from error
        self._checked(value, first_derivatives, kappa)
        if not self.tried:
            check_second_derivative_on(self.coordinates, "the function", self.function, kappa)
            self.tried.append(True)

        # The first derivative along i is read off the pair (i, i).
        position = torch.empty(m, m, dtype=torch.long)
        position[pairs[0], pairs[1]] = position[pairs[1], pairs[0]] = torch.arange(pairs.shape[1])
        diagonal = position[range(m), range(m)]
        return Jet(value, first_derivatives[:, diagonal], second_derivatives[:, position])

    def _checked(self, value: Any, first_derivatives: Any, kappa: Tensor) -> Tensor:
        """Return the first derivatives; refuse a function whose values are not (point, unit) in numbers."""
        kind = getattr(value, "dtype", type(value).__name__)
        if kind not in (torch.float32, torch.float64) or value.is_meta:
            raise TypeError(
                "expected the function to return a tensor (point, unit) of float32 or float64, whose "
                f"values are there; got {'a meta tensor' if getattr(value, 'is_meta', False) else kind}"
            )
        if value.ndim != 2 or len(value) != len(kappa):
            raise ValueError(
                f"expected the function to return shape (point, unit) with {len(kappa)} points; got "
                f"{tuple(value.shape)}"
            )
        return first_derivatives


def immersion_of(
    function: Callable[[Tensor], Tensor], coordinates: tuple[Coordinate, ...]
) -> Immersion:
    """Take any torch map of points as an immersion, with exact derivatives by torch.func.

    Derivatives are forward-mode (jvp under vmap), each of second order once per pair of coordinates:
    1 + m tangents at first order, and three times m (m + 1) / 2 at second.

    Parameters
    ----------
    function : callable
        (point, coordinate) to (point, unit), each point on its own, of differentiable torch operations.
    coordinates : tuple of Coordinate
        One per dimension of kappa.

    Returns
    -------
    Immersion
        Raises TypeError where torch cannot differentiate the function, ValueError at wrong shapes.

    Raises
    ------
    ValueError
        When there is no coordinate.
    TypeError
        When the function cannot be called.
    """
    if not callable(function):
        raise TypeError(f"expected a function of points, got {type(function).__name__}")
    if not coordinates:
        raise ValueError("expected at least one coordinate, got none")
    return _FunctionImmersion(function, tuple(coordinates))


def domain_bounds(coordinates: tuple[Coordinate, ...], like: Tensor) -> Tensor:
    """Return the ends of the domain, shape (2, coordinate), infinite where a coordinate is periodic."""
    ends = [(-torch.inf, torch.inf) if c.periodic else (c.low, c.high) for c in coordinates]
    return like.new_tensor(ends).T


@dataclass(frozen=True)
class TaylorExtension:
    """An immersion continued past its domain by its Taylor polynomial at the nearest point inside.

    The last step of a curve that leaves the domain has stages outside it, where a network may have no
    inputs and a function no values. Results hold no states from outside.
    """

    immersion: Immersion

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """Those of the immersion."""
        return self.immersion.coordinates

    def __call__(self, kappa: Tensor, order: int = 1) -> Jet:
        """Return the jet, exact within the domain."""
        bounds = domain_bounds(self.coordinates, kappa)
        inside = kappa.clamp(bounds[0], bounds[1])
        jet = self.immersion(inside, order=order)
        offset = kappa - inside
        if not offset.any():
            return jet
        first, second = jet.first, jet.second
        value = jet.value + torch.einsum("pi,piu->pu", offset, first)
        if second is not None:
            first_change = torch.einsum("pi,piju->pju", offset, second)
            value = value + torch.einsum("pj,pju->pu", offset, first_change) / 2
            first = first + first_change
        return Jet(value, first, second)
