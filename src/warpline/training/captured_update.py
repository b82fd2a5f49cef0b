"""Updates of an ensemble on a GPU, recorded once as CUDA graphs and then replayed.

The kernels of a small recurrent network take less time than Python takes to launch them. A graph launches all
kernels of an update at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["CapturedUpdate"]

log = logging.getLogger(__name__)

Gradients = Callable[[Tensor, Tensor | None, int], Tensor]
"""Takes the places of the trials (network, trial), the noise and a number of steps; sets the gradients in
place, and returns losses and norms (2, network)."""


class CapturedUpdate:
    """The gradients and the step of an optimiser, replayed.

    Shapes and addresses are those of the recording: trials are padded to the longest of the task set, and
    the networks stay the same. What is replayed is what was called, kernel by kernel.

    Parameters
    ----------
    set_gradients : callable
        See `Gradients`. No value that it computes may go to the CPU.
    adam : torch.optim.Adam
        With ``capturable``, and with a step behind it.
    places : Tensor, shape (network, trial), int64
    noise : Tensor or None
        Noise of `steps` steps; only its shape matters.
    steps : int
    """

    def __init__(
        self,
        set_gradients: Gradients,
        adam: torch.optim.Adam,
        places: Tensor,
        noise: Tensor | None,
        steps: int,
    ) -> None:
        self._places = places.clone()
        self._noise = None if noise is None else noise.clone()
        # Libraries set themselves up at their first call, which cannot be recorded.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            set_gradients(self._places, self._noise, steps)
        torch.cuda.current_stream().wait_stream(stream)
        self._gradients, self._step = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._gradients):
            self._losses_and_norms = set_gradients(self._places, self._noise, steps)
        with torch.cuda.graph(self._step, pool=self._gradients.pool()):
            adam.step()

    def set_gradients(self, places: Tensor, noise: Tensor | None) -> Tensor:
        """Set the gradients for trials and noise of the shapes of the recording."""
        self._places.copy_(places)
        if self._noise is not None and noise is not None:
            self._noise.copy_(noise)
        self._gradients.replay()
        return self._losses_and_norms

    def step(self) -> None:
        """Let the optimiser take a step by the present gradients."""
        self._step.replay()
