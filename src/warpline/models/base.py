"""Interfaces of models (`Model`, `Stepwise`), their base class `Cell`, and `build_model`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from warpline.core import plugins

__all__ = [
    "Cell",
    "Model",
    "Stepwise",
    "build_model",
    "drive_noise",
    "hidden_noise",
    "outputs_of",
]


@runtime_checkable
class Model(Protocol):
    """Interface of a recurrent model: a `torch.nn.Module` with these members.

    The configuration names a user's own class as ``model: path/to/file.py:ClassName``. Its constructor
    is ``Class(n_inputs, n_outputs, dt, settings, generator)``. ``settings`` is the architecture's entry
    (``units``, ``activation``, ``init``, ``gain``, ``tau``, ``noise``, ``parameters``). ``generator`` is
    the only source of randomness for the initial weights.

    Three members are optional. ``outputs(inputs, generator)`` returns the outputs alone, for models whose
    states cost extra work that training does not need. ``noise_shape(trials, steps)`` returns the shape of
    the hidden noise; networks with noise need it to be trained in one batch. ``kernel`` names the
    implementation that computes the model, for the provenance.
    """

    input_weights: ClassVar[tuple[str, ...]]
    """Names of the input weights, the only parameters that a frozen curriculum trains."""

    def __call__(
        self, inputs: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run on a batch of trials.

        Parameters
        ----------
        inputs : Tensor, shape (trial, time, channel)
        generator : torch.Generator, optional
            Source of the hidden noise. Without one the model runs noise-free.

        Returns
        -------
        outputs : Tensor, shape (trial, time, output)
            Logits of the actions, or the output vector.
        states : Tensor, shape (trial, time, unit)
            The hidden state after each step.
        """
        ...


class Stepwise(Protocol):
    """Interface of a model that can advance by single noise-free steps, which the geometry needs.

    The methods use differentiable torch operations only: `torch.func.jvp` and `vmap` apply to them.
    """

    step_duration: float
    """Duration of a step, in time constants of the network."""

    def initial_state(self, trials: int) -> Tensor:
        """Return the state before the first step, shape (trial, state)."""
        ...

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the next full (Markov) state of states (trial, state) and inputs (trial, channel)."""
        ...

    def readout(self, state: Tensor) -> Tensor:
        """Return the outputs of a state, shape (trial, output), equal to those of `Model`."""
        ...

    def hidden(self, state: Tensor) -> Tensor:
        """Return the hidden units of a full state, shape (trial, unit): the states of `Model`."""
        ...


class Cell(nn.Module):
    """Base class of models with a single hidden-state vector and a linear readout (see `Stepwise`)."""

    weight_out: nn.Parameter
    """Readout weights, shape (output, unit)."""
    bias_out: nn.Parameter | None
    """Readout biases, shape (output,); None for a readout without."""

    def initial_state(self, trials: int) -> Tensor:
        """Return zeros, shape (trial, unit)."""
        return self.weight_out.new_zeros(trials, self.weight_out.shape[1])

    def readout(self, state: Tensor) -> Tensor:
        """Return the outputs of hidden states, shape (..., output)."""
        return nn.functional.linear(state, self.weight_out, self.bias_out)

    def hidden(self, state: Tensor) -> Tensor:
        """Return the state: all of it is hidden units."""
        return state

    def rates(self, state: Tensor) -> Tensor:
        """Return what the recurrent weights are multiplied with, shape (..., unit): here the state."""
        return state


def build_model(
    settings: Mapping[str, Any], n_inputs: int, n_outputs: int, dt: float, seed: int
) -> nn.Module:
    """Build a model with initial weights drawn from a seed.

    Parameters
    ----------
    settings : mapping
        The architecture's entry of the configuration.
    n_inputs, n_outputs : int
        Numbers of input channels and of outputs (actions, or entries of the output vector).
    dt : float
        Time step in ms.
    seed : int
        Seed of the weights.

    Returns
    -------
    torch.nn.Module
        Fulfils `Model`.

    Raises
    ------
    TypeError
        When a user's class lacks ``input_weights`` or names a parameter it does not have.
    """
    # A built-in name loads a module, a user's file.py:Class loads the class itself.
    plugin = plugins.load("models", settings["model"])
    model_class = plugin if isinstance(plugin, type) else plugin.Network
    generator = torch.Generator().manual_seed(seed)
    model: nn.Module = model_class(
        n_inputs=n_inputs, n_outputs=n_outputs, dt=dt, settings=settings, generator=generator
    )
    # A frozen curriculum would otherwise fail hours later, when its training starts.
    names = {name for name, _ in model.named_parameters()}
    input_weights = getattr(model, "input_weights", None)
    if not input_weights or not set(input_weights) <= names:
        raise TypeError(
            f"expected {model_class.__name__}.input_weights to name some of {sorted(names)}, "
            f"got {input_weights}"
        )
    return model


def outputs_of(
    model: nn.Module, inputs: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Return a model's outputs, by its method ``outputs`` if it has one (see `Model`).

    A class that derives from a model and has a ``forward`` of its own is run by that: the inherited
    ``outputs`` knows nothing of it.
    """

    def owner(method: str) -> type | None:
        return next((one for one in type(model).__mro__ if method in vars(one)), None)

    runs_outputs, runs_forward = owner("outputs"), owner("forward")
    if runs_outputs is None or runs_forward is None or not issubclass(runs_outputs, runs_forward):
        outputs: Tensor = model(inputs, generator)[0]
        return outputs
    return model.outputs(inputs, generator)  # type: ignore[operator]


def drive_noise(sigma: float, alpha: float) -> float:
    """Return the standard deviation, per step, of noise in the drive of a leaky unit.

    In h_t = (1 - a) h_{t-1} + a (drive + s xi_t), with standard normal xi, the stationary variance of h is
    a s^2/(2 - a). With s = sigma sqrt((2 - a)/a) it is sigma^2, whatever the time step. For small a = dt/tau,
    a s is the step sqrt(2 sigma^2 dt/tau) of Euler and Maruyama, as Yang et al. (2019, eq. 1) have it.

    Parameters
    ----------
    sigma : float
        Standard deviation of h that the noise alone causes in a linear unit without recurrence.
    alpha : float
        dt/tau, in (0, 1], for Euler's step; for another one, 1 less the share of the state that a step of
        such a linear unit keeps.
    """
    return float(sigma * math.sqrt((2 - alpha) / alpha))


def hidden_noise(
    scale: float, like: Tensor, generator: torch.Generator | Tensor | None
) -> Tensor | None:
    """Return Gaussian noise of standard deviation `scale`, shaped as `like`; None for a noise-free run.

    `generator` may also be a tensor of standard normal draws. Networks trained in one batch need this:
    each has a generator of its own, and a batched run cannot draw from several
    (`warpline.training.ensemble`).
    """
    if scale == 0 or generator is None:
        return None
    if isinstance(generator, Tensor):
        return scale * generator
    return scale * torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)
