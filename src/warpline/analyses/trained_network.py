"""A trained network: its dynamics at each checkpoint, and the inputs of its task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from warpline.analyses.task_inputs import input_manifold
from warpline.core import random_streams
from warpline.geometry.derivatives.dynamics import Dynamics, dynamics_of
from warpline.geometry.derivatives.input_manifold import InputManifold
from warpline.models.checkpoints import CheckpointFile
from warpline.tasks.base import RuleTask
from warpline.tasks.trials import make_environment

__all__ = ["Network", "open_network", "outputs_of"]


@dataclass(frozen=True)
class Network:
    """One trained network of the pipeline.

    Attributes
    ----------
    checkpoints : CheckpointFile
    settings : mapping
        Of the job: ``architecture``, ``taskset``, ``task``, ``timing``, ``seed``.
    seed : int
        Its own.
    device : torch.device
    """

    checkpoints: CheckpointFile
    settings: Mapping[str, Any]
    seed: int
    device: torch.device

    @cached_property
    def environment(self) -> RuleTask:
        """The environment of the task that the network was trained on last."""
        return make_environment(self.settings["taskset"], self.settings["task"])

    @property
    def status(self) -> str:
        """How training ended."""
        return self.checkpoints.status

    @property
    def steps(self) -> list[int]:
        """The updates that left a checkpoint."""
        return self.checkpoints.steps

    @property
    def accuracy(self) -> dict[int, float]:
        """Accuracy on the validation trials by update."""
        return self.checkpoints.accuracy

    @property
    def chance(self) -> float:
        """Accuracy that ignoring the stimulus gives, on the validation trials."""
        return float(self.checkpoints.provenance["chance"])

    def weights(self, step: int | None = None) -> dict[str, np.ndarray]:
        """Return the weights of a checkpoint, by default the last."""
        return self.checkpoints.weights(step)

    def model(self, step: int | None = None) -> nn.Module:
        """Return the network at a checkpoint, by default the last."""
        return self.checkpoints.network(
            self.settings["architecture"],
            n_inputs=len(self.environment.channel_names()),
            n_outputs=self.environment.n_outputs,
            dt=float(self.settings["taskset"]["dt"]),
            step=step,
        ).to(self.device)

    def dynamics(self, step: int | None = None) -> Dynamics:
        """Return the network at a checkpoint, by default the last, in double precision."""
        return dynamics_of(self.model(step))

    def readout(self) -> Tensor | Dynamics:
        """Return the last checkpoint's readout over the observed state.

        Returns
        -------
        Tensor, shape (output, unit), float64; or Dynamics
            Rows D of a readout D x + c of the observed state x. Where it reads from part of the full state,
            such as h of an LSTM's (h, c), D = d readout / d x. Where the readout is not linear, as in the
            current form, the dynamics: their readout has another Jacobian at every state.

        Raises
        ------
        TypeError
            When a linear readout depends on the state beyond what is observed.
        """
        dynamics = self.dynamics()
        start = dynamics.initial(1)
        assert dynamics.readout is not None

        def jacobian(function: Callable[[Tensor], Tensor], state: Tensor) -> Tensor:
            return torch.autograd.functional.jacobian(function, state)[0, :, 0]

        of_readout, of_observed = (
            jacobian(function, start) for function in (dynamics.readout, dynamics.observe)
        )
        elsewhere = start + torch.linspace(-1, 1, start.shape[1]).to(start)
        if not torch.allclose(jacobian(dynamics.readout, elsewhere), of_readout, atol=1e-9):
            return dynamics
        if of_observed.shape[0] == of_observed.shape[1]:
            return of_readout @ torch.linalg.inv(of_observed)
        rows = of_readout @ torch.linalg.pinv(of_observed)
        if not torch.allclose(rows @ of_observed, of_readout, atol=1e-9):
            raise TypeError(
                "expected a readout of the observed state, but it depends on the full state beyond it: "
                "observe more of the state, or use another experiment"
            )
        return rows

    def input_manifold(self, count: int | None = None, **condition: Any) -> InputManifold:
        """Return the noise-free inputs of the task as a function of kappa.

        Parameters
        ----------
        count : int, optional
            Number of coordinates that the experiment is made for.
        **condition
            Of the task, such as ``context=1``.

        Raises
        ------
        ValueError
            When the task has another number of coordinates.
        """
        inputs = input_manifold(self.environment, self.settings["timing"], **condition)
        if count is not None and len(inputs.coordinates) != count:
            raise ValueError(
                f"warping.{self.settings['analysis']}: experiment {self.settings['experiment']} is made for "
                f"inputs with {count} coordinate{'s' * (count > 1)}, but those of task set "
                f"{self.settings['taskset']['name']} have {len(inputs.coordinates)} "
                f"({', '.join(inputs.names)}): choose another task set or experiment"
            )
        return inputs

    def milliseconds(self, count: int) -> np.ndarray:
        """Return the times of the first time steps, shape (time,), in ms."""
        return np.arange(count) * float(self.settings["taskset"]["dt"])

    def stream(self, *name: str | int) -> np.random.Generator:
        """Return a random stream of this network's analysis."""
        return random_streams.generator(
            self.settings["seed"], "warping", self.settings["analysis"], self.seed, *name
        )


def open_network(
    path: str | Path, settings: Mapping[str, Any], seed: int, device: torch.device
) -> Network:
    """Open the checkpoints of a trained network.

    Raises
    ------
    FileNotFoundError, DamagedFileError
        As `warpline.models.checkpoints.CheckpointFile`.
    """
    return Network(CheckpointFile(path), settings, seed, device)


def outputs_of(dynamics: Dynamics, full_states: Tensor) -> NDArray[np.float64]:
    """Return the outputs of full states (point, time, state), shape (point, time, output)."""
    assert dynamics.readout is not None
    outputs = dynamics.readout(full_states.flatten(0, 1)).unflatten(0, full_states.shape[:2])
    array: NDArray[np.float64] = outputs.numpy(force=True)
    return array
