"""What the training loop and the analyses ask of a model, and how one is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from warpline.core import plugins

__all__ = ["Cell", "Model", "Stepwise", "build_model", "hidden_noise", "outputs_of"]


@runtime_checkable
class Model(Protocol):
    """A recurrent model. A `torch.nn.Module` that has what is named here fits the whole pipeline.

    A model of your own is a class with this constructor, named in the configuration as
    ``model: path/to/file.py:ClassName``:
    ``Class(n_inputs, n_outputs, dt, settings, generator)``, where ``settings`` is the architecture's
    entry (``units``, ``activation``, ``init``, ``gain``, ``tau``, ``noise``, ``parameters``), and
    ``generator`` is the only source of randomness for the initial weights.

    What a model may have besides: ``outputs(inputs, generator)``, where states are extra work that training
    need not do; ``noise_shape(trials, steps)``, the shape of its hidden noise, so that networks with noise
    can be trained as one; ``kernel``, the name of what computes it, for the provenance.
    """

    input_weights: ClassVar[tuple[str, ...]]
    """Names of the parameters that carry the input: all that a frozen curriculum trains."""

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
    """A model that can also be taken a step at a time, noise-free: what the geometry asks for.

    Plain differentiable torch operations, so that `torch.func.jvp` and `vmap` go through them.
    """

    step_duration: float
    """Of a step, in time constants of the network."""

    def initial_state(self, trials: int) -> Tensor:
        """Return the state before the first step, shape (trial, state)."""
        ...

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Return the next state from (trial, state) and (trial, channel): all of it that recurs."""
        ...

    def readout(self, state: Tensor) -> Tensor:
        """Return the outputs of a state, shape (trial, output), as `Model` gives them."""
        ...

    def hidden(self, state: Tensor) -> Tensor:
        """Return what `Model` calls the states, shape (trial, unit)."""
        ...


class Cell(nn.Module):
    """What models share whose state is one vector of hidden units, read out linearly (see `Stepwise`)."""

    weight_out: nn.Parameter
    """Of the readout, shape (output, unit)."""
    bias_out: nn.Parameter

    def initial_state(self, trials: int) -> Tensor:
        """Return zeros, shape (trial, unit)."""
        return self.weight_out.new_zeros(trials, self.weight_out.shape[1])

    def readout(self, state: Tensor) -> Tensor:
        """Return the outputs of hidden states, shape (..., output)."""
        return nn.functional.linear(state, self.weight_out, self.bias_out)

    def hidden(self, state: Tensor) -> Tensor:
        """Return the state itself."""
        return state


def build_model(
    settings: Mapping[str, Any], n_inputs: int, n_outputs: int, dt: float, seed: int
) -> nn.Module:
    """Build an architecture with initial weights drawn from a seed.

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
    found = plugins.load("models", settings["model"])
    kind = found if isinstance(found, type) else found.Network
    weights = torch.Generator().manual_seed(seed)
    model: nn.Module = kind(
        n_inputs=n_inputs, n_outputs=n_outputs, dt=dt, settings=settings, generator=weights
    )
    names = {name for name, _ in model.named_parameters()}
    declared = getattr(model, "input_weights", None)
    if not declared or not set(declared) <= names:
        raise TypeError(
            f"expected {kind.__name__}.input_weights to name some of {sorted(names)}, got {declared}"
        )
    return model


def outputs_of(
    model: nn.Module, inputs: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Run a model for its outputs alone, by its method ``outputs`` where states are extra work."""
    alone = getattr(model, "outputs", None)
    outputs: Tensor = alone(inputs, generator) if alone else model(inputs, generator)[0]
    return outputs


def hidden_noise(
    scale: float, like: Tensor, generator: torch.Generator | Tensor | None
) -> Tensor | None:
    """Return hidden noise of standard deviation `scale`, shaped as `like`; None where there is none.

    Instead of a generator, the standard normal draws themselves may be given: what is drawn from several
    generators cannot be drawn where several networks run as one (`warpline.training.ensemble`).
    """
    if scale == 0 or generator is None:
        return None
    if isinstance(generator, Tensor):
        return scale * generator
    return scale * torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)
