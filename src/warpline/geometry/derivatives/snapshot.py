"""The states at one time step as an immersion of the input manifold."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from warpline.core.number_arguments import takes_numbers
from warpline.geometry.derivatives.dynamics import Dynamics
from warpline.geometry.derivatives.input_manifold import Coordinate, InputManifold
from warpline.geometry.derivatives.jet import Jet
from warpline.geometry.derivatives.propagation import (
    Initial,
    Tried,
    advance_of,
    initial_state,
    observe,
)
from warpline.geometry.derivatives.sensitivity import prepare

__all__ = ["StateMap", "state_map"]


class StateMap:
    """The map from kappa to the observed state at a time step, with exact derivatives.

    Made by `state_map`.

    Attributes
    ----------
    coordinates : tuple of Coordinate
    """

    def __init__(
        self, dynamics: Dynamics, inputs: InputManifold, time_step: int, initial: Initial | None
    ) -> None:
        self.coordinates: tuple[Coordinate, ...] = inputs.coordinates
        self._dynamics, self._inputs, self._time_step = dynamics, inputs, time_step
        self._initial = initial
        self._agreement: dict[Tried, bool] = {}

    @torch.no_grad()
    def __call__(self, kappa: Tensor, order: int = 1) -> Jet:
        """Return value and derivatives up to the order, 1 or 2, at kappa (point, coordinate).

        The domain is not checked, since curves are tried a step past the edge that they leave by.

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
        second = order == 2
        state = initial_state(
            dynamics, kappa, second, self._initial, self.coordinates, self._agreement
        )
        advance = advance_of(dynamics, self._inputs, kappa, second, self._agreement)
        for k in range(self._time_step):
            state = advance(state, k)
        return Jet.of(observe(dynamics, state))


@takes_numbers()
def state_map(
    model: nn.Module | Dynamics,
    inputs: InputManifold,
    time_step: int,
    initial: Initial | None = None,
    check: bool = True,
) -> StateMap:
    """Return the states at one time step as a map of kappa that carries its derivatives.

    Parameters
    ----------
    model : torch.nn.Module or Dynamics
    inputs : InputManifold
    time_step : int
        From 1 (after the first input) on; at 0 the states depend on kappa only through `initial`.
    initial : callable, optional
        Initial states that depend on kappa.
    check : bool
        Whether to make sure now that the step is differentiable.

    Returns
    -------
    StateMap
        ``immersion(kappa, order=1)`` to `Jet`. Each call runs the sequence up to the time step.

    Raises
    ------
    ValueError
        When the time step is before the first at which the states depend on kappa.
    TypeError
        When the step is not differentiable.
    """
    earliest = 1 if initial is None else 0
    if time_step < earliest:
        raise ValueError(f"expected a time step from {earliest} on, got {time_step}")
    middle = torch.tensor([[(c.low + c.high) / 2 for c in inputs.coordinates]], dtype=torch.float64)
    dynamics, _ = prepare(model, inputs, middle, initial, check)
    return StateMap(dynamics, inputs, time_step, initial)
