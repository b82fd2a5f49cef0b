"""A network as a discrete dynamical system: its full state, and one step of it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from warpline.core.number_arguments import check_number_fields
from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.left_alone import left_alone

__all__ = ["Dynamics", "dynamics_of", "first_step"]


def _identity(state: Tensor) -> Tensor:
    return state


@dataclass(frozen=True, repr=False)
class Dynamics(ShortRepr):
    """A network as a map from one step's state to the next, x_{k+1} = step(x_k, u_k).

    Attributes
    ----------
    step : callable
        ``step(state, inputs)``: (point, state), (point, channel) to (point, state). The state must be
        the full one, all that the next step depends on. torch.func must go through it.
    initial : callable
        ``initial(points)``: the states before the first step, (point, state).
    duration : float
        Of a step, in time constants of the network: f = (x_{k+1} - x_k) / duration.
    readout : callable, optional
        ``readout(state)``: (point, state) to (point, output).
    observe : callable
        From the full state to the observed one, whose geometry is measured: (point, state) to
        (point, unit). By default the full state itself.
    dtype, device
        Precision and place of kappa and states.

    Raises
    ------
    TypeError
        When a function cannot be called, or the duration is no number.
    ValueError
        When the duration is not finite and positive.
    """

    step: Callable[[Tensor, Tensor], Tensor]
    initial: Callable[[int], Tensor]
    duration: float = 1.0
    readout: Callable[[Tensor], Tensor] | None = None
    observe: Callable[[Tensor], Tensor] = _identity
    dtype: torch.dtype = torch.float64
    device: str | torch.device = "cpu"

    def __post_init__(self) -> None:
        check_number_fields(self)
        for name in ("step", "initial", "observe"):
            if not callable(getattr(self, name)):
                raise TypeError(
                    f"expected {name} as a function, got {type(getattr(self, name)).__name__}"
                )
        if not 0 < self.duration < math.inf:
            raise ValueError(f"expected a finite duration above 0, got {self.duration}")
        object.__setattr__(self, "duration", float(self.duration))


def dynamics_of(model: nn.Module, dtype: torch.dtype = torch.float64) -> Dynamics:
    """Take a network as dynamics, in double precision by default.

    Parameters
    ----------
    model : torch.nn.Module
        Fulfils `warpline.models.base.Stepwise`. It is copied, so that training it further changes nothing.
    dtype : torch.dtype
        float64: tangents then agree with difference quotients to about 1e-7.

    Raises
    ------
    TypeError
        When the model cannot be taken a step at a time.
    """
    required = ("initial_state", "step", "readout", "hidden")
    missing = [name for name in required if not callable(getattr(model, name, None))]
    if missing:
        raise TypeError(
            f"expected a model that can be taken a step at a time, but {type(model).__name__} has no "
            f"{', '.join(missing)}: see warpline.models.base.Stepwise, or make a Dynamics by hand"
        )
    frozen = copy.deepcopy(model).to(dtype).requires_grad_(False).eval()
    parameter = next(frozen.parameters())
    return Dynamics(
        step=frozen.step,  # type: ignore[arg-type]
        initial=frozen.initial_state,  # type: ignore[arg-type]
        duration=float(getattr(frozen, "step_duration", 1.0)),
        readout=frozen.readout,  # type: ignore[arg-type]
        observe=frozen.hidden,  # type: ignore[arg-type]
        dtype=dtype,
        device=parameter.device,
    )


def first_step(dynamics: Dynamics, state: Tensor, inputs: Tensor) -> Tensor:
    """Take one step without derivatives; make sure of its precision, and that nothing changes in place.

    Parameters
    ----------
    dynamics : Dynamics
    state : Tensor, shape (point, state)
    inputs : Tensor, shape (point, channel)

    Raises
    ------
    TypeError
        When the step has weights of another precision, as those of torch modules that were trained in
        float32 have; or returns states of another one, or no tensor.
    ValueError
        When the step, the observation or the readout changes its arguments in place.
    """
    if not isinstance(state, Tensor):
        raise TypeError(f"expected initial states as a tensor, got {type(state).__name__}")
    advice = (
        f"expected a step in {dynamics.dtype}, the precision of the dynamics, {{}}: convert the weights "
        "first (module.double()), or say Dynamics(..., dtype=torch.float32)"
    )
    try:
        with torch.no_grad():
            state, inputs = state.to(dynamics.dtype), inputs.to(dynamics.dtype)
            following = left_alone("step", dynamics.step, state, inputs)
            left_alone("observe", dynamics.observe, state)
            if dynamics.readout is not None:
                left_alone("readout", dynamics.readout, state)
    except RuntimeError as error:
        # Of a mixture torch says no more than "expected m1 and m2 to have the same dtype".
        if "dtype" not in str(error):
            raise
        reason = f"but its weights seem to have another; torch says: {str(error).splitlines()[0]}"
        raise TypeError(advice.format(reason)) from error
    if not isinstance(following, Tensor):
        raise TypeError(
            f"expected a step that returns the next states as a tensor, got {type(following).__name__}"
        )
    if following.is_floating_point() and following.dtype != dynamics.dtype:
        raise TypeError(advice.format(f"got states in {following.dtype}"))
    return following
