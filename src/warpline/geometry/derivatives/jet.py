"""A manifold of states as a map of its coordinates, with the derivatives that geometry needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.func import jvp, vmap

from warpline.geometry.derivatives.input_manifold import Coordinate

__all__ = ["Immersion", "Jet", "immersion_of"]


@dataclass(frozen=True)
class Jet:
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

    @property
    def metric(self) -> Tensor:
        """The pullback metric G_ij = <a_i, a_j>, shape (point, coordinate, coordinate)."""
        return self.first @ self.first.mT


class Immersion(Protocol):
    """A map Phi from coordinates kappa to states, given with its derivatives.

    `immersion_of` makes one from a torch function, `state_slice` from a network at one moment.
    """

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """One per dimension of kappa; an angle is periodic."""
        ...

    def __call__(self, kappa: Tensor, order: int = 1) -> Jet:
        """Return the jet at kappa, shape (point, coordinate), to first or second order."""
        ...


@dataclass(frozen=True)
class _Function:
    function: Callable[[Tensor], Tensor]
    coordinates: tuple[Coordinate, ...]

    def __call__(self, kappa: Tensor, order: int = 1) -> Jet:
        m = len(self.coordinates)
        if order not in (1, 2):
            raise ValueError(f"expected order 1 or 2, got {order}")
        if kappa.ndim != 2 or kappa.shape[1] != m:
            raise ValueError(f"expected kappa of shape (point, {m}), got {tuple(kappa.shape)}")
        basis = torch.eye(m, dtype=kappa.dtype, device=kappa.device)
        pairs = torch.triu_indices(m, m)

        def along(point: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
            value, slope, *_ = jvp(self.function, (point,), (direction.expand_as(point),))
            return value, slope

        def first(direction: Tensor) -> tuple[Tensor, Tensor]:
            return along(kappa, direction)

        def second(i: Tensor, j: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            primals, tangents, *_ = jvp(
                lambda point: along(point, i), (kappa,), (j.expand_as(kappa),)
            )
            return primals[0], primals[1], tangents[1]

        try:
            if order == 1:
                value, slopes = vmap(first, out_dims=cast(Any, (None, 1)))(basis)
                return Jet(value, self._checked(slopes, kappa))
            # Each pair i <= j once: the primal is shared by all of them.
            value, slopes, bends = vmap(second, out_dims=cast(Any, (None, 1, 1)))(
                basis[pairs[0]], basis[pairs[1]]
            )
        except RuntimeError as error:
            raise TypeError(
                "expected a function of plain differentiable torch operations, (point, coordinate) to "
                f"(point, unit), that torch.func.jvp and vmap can go through; torch says: {error}"
            ) from error
        self._checked(slopes, kappa)
        where = torch.empty(m, m, dtype=torch.long)
        where[pairs[0], pairs[1]] = where[pairs[1], pairs[0]] = torch.arange(pairs.shape[1])
        return Jet(value, slopes[:, where[range(m), range(m)]], bends[:, where])

    def _checked(self, slopes: Tensor, kappa: Tensor) -> Tensor:
        if slopes.ndim != 3 or slopes.shape[0] != kappa.shape[0]:
            got = (slopes.shape[0], *slopes.shape[2:])
            raise ValueError(
                f"expected the function to return shape (point, unit) with {len(kappa)} points; got {got}"
            )
        return slopes


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
    """
    if not coordinates:
        raise ValueError("expected at least one coordinate, got none")
    return _Function(function, tuple(coordinates))
