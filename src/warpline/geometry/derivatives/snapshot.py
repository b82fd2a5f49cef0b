"""The states at one moment as an immersion of the input manifold."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import Coordinate, Family
from warpline.geometry.derivatives.jet import Jet
from warpline.geometry.derivatives.propagation import Initial, advance_of, observed, start, unpaired
from warpline.geometry.derivatives.sensitivity import prepare

__all__ = ["StateSlice", "state_slice"]


class StateSlice:
    """kappa -> observe(x_moment), with exact derivatives; made by `state_slice`.

    Attributes
    ----------
    coordinates : tuple of Coordinate
    """

    def __init__(
        self, dynamics: Dynamics, family: Family, moment: int, initial: Initial | None
    ) -> None:
        self.coordinates: tuple[Coordinate, ...] = family.coordinates
        self._dynamics, self._family, self._moment = dynamics, family, moment
        self._initial = initial
        self._known: dict[bool, bool] = {}

    @torch.no_grad()
    def __call__(self, kappa: Tensor, order: int = 1) -> Jet:
        """Return value and derivatives up to the order, 1 or 2, at kappa (point, coordinate).

        The domain is not checked: what follows a curve looks a step past the edge that it leaves by.

        Raises
        ------
        ValueError
            When kappa is not (point, coordinate) or the order is neither 1 nor 2.
        """
        if order not in (1, 2):
            raise ValueError(f"expected order 1 or 2, got {order}")
        if kappa.ndim != 2 or kappa.shape[1] != len(self.coordinates):
            raise ValueError(
                f"expected kappa (point, {len(self.coordinates)}), got {tuple(kappa.shape)}"
            )
        dynamics = self._dynamics
        kappa = kappa.to(dynamics.device, dynamics.dtype)
        second, m = order == 2, kappa.shape[1]
        stack = start(dynamics, kappa, second, self._initial)
        advance = advance_of(dynamics, self._family, kappa, second, self._known)
        for k in range(self._moment):
            stack = advance(stack, k)
        seen = observed(dynamics, stack, m)
        return Jet(
            value=seen[0],
            first=seen[1 : 1 + m].movedim(0, 1),
            second=unpaired(seen[1 + m :], m) if second else None,
        )


def state_slice(
    model: nn.Module | Dynamics,
    family: Family,
    moment: int,
    initial: Initial | None = None,
    check: bool = True,
) -> StateSlice:
    """Return the states at one moment as a map of kappa that carries its derivatives.

    Parameters
    ----------
    model : torch.nn.Module or Dynamics
    family : Family
    moment : int
        From 1 (after the first input) on; at 0 the states depend on kappa only through `initial`.
    initial : callable, optional
        Initial states that depend on kappa.
    check : bool
        Whether to make sure now that the step is differentiable.

    Returns
    -------
    callable
        ``immersion(kappa, order=1)`` to `Jet`: the whole sequence up to the moment is run for each call.

    Raises
    ------
    ValueError
        When the moment is before the first at which there is something to see.
    TypeError
        When the step is not differentiable.
    """
    least = 1 if initial is None else 0
    if moment < least:
        raise ValueError(f"expected a moment from {least} on, got {moment}")
    middle = torch.tensor([[(c.low + c.high) / 2 for c in family.coordinates]], dtype=torch.float64)
    dynamics, _ = prepare(model, family, middle, initial, check)
    return StateSlice(dynamics, family, moment, initial)
